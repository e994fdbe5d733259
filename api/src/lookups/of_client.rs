//! A client's registrations and their history.

use actix_web::get;
use actix_web::web::Query;
use klaar_domain::clients::ClientId;
use klaar_domain::kernel::page;
use klaar_domain::lookups::{self, ClientRegistrations, Details, IdentifierView, Move};
use serde::Serialize;
use utoipa::ToSchema;

use super::{SeatOut, ShownOut};
use crate::audit::PageQuery;
use crate::body::InPath;
use crate::guards::{ClientsRead, May};
use crate::mounting::Routes;
use crate::problem::Problem;
use crate::reply::{PageOut, Reply};

/// A client's registrations.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ClientRegistrations, example = json!({
    "identifiers": [{
        "identifier": "0208:0403227515", "current": true, "state": "registered", "cause": null,
        "access_point": { "seat_id": "POP000123", "name": "Example Access Point" }, "since": "2026-10-02T00:12:00.000000Z",
        "checked_at": "2026-11-22T00:12:00.000000Z", "unknown_since": null, "unknown_cause": null, "verified": false,
        "document_types": ["busdox-docid-qns::urn:oasis:names:specification:ubl:schema:xsd:Invoice-2::Invoice##urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0::2.1"],
        "details": { "country": "BE", "endpoint_host": "ap.example", "smp_host": "smp.example", "certificate_ends": "2027-05-01T00:00:00.000000Z",
            "description": null, "contact": null, "credit_note": true, "active_from": null, "expired_at": null }
    }],
    "findings": []
}))]
pub struct RegistrationsOut {
    /// The identifiers in the order in which they count for the client's state, then those that the card gave before.
    identifiers: Vec<IdentifierOut>,
    /// Things to show a person.
    findings: Vec<RegistrationNoteOut>,
}

/// Something about a client's registrations that a person should see.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RegistrationNote, example = json!({ "code": "several_access_points", "identifiers": ["0208:0403227515", "9925:be0403227515"] }))]
pub struct RegistrationNoteOut {
    /// `several_access_points`: invoices arrive at different places, depending on the identifier that the sender takes.
    code: &'static str,
    /// The identifiers that it is about.
    identifiers: Vec<String>,
}

/// One identifier of a client as the practice sees it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ClientIdentifier, example = json!({
    "identifier": "9925:be0403227515", "current": true, "state": "not_registered", "cause": null, "access_point": null,
    "since": "2026-10-02T00:12:00.000000Z", "checked_at": "2026-11-22T00:12:00.000000Z", "unknown_since": null, "unknown_cause": null,
    "verified": false, "document_types": [], "details": null
}))]
pub struct IdentifierOut {
    /// The participant identifier.
    identifier: String,
    /// The card gives it now.
    current: bool,
    /// What the network last told: `registered`, `cannot_receive` or `not_registered`; null when it never told anything.
    state: Option<&'static str>,
    /// Why it cannot receive.
    cause: Option<String>,
    /// The access point.
    access_point: Option<SeatOut>,
    /// Since when the practice sees this state at this access point.
    since: Option<String>,
    /// When the network last told something.
    checked_at: Option<String>,
    /// Since when it tells nothing; null when the newest look-up succeeded.
    unknown_since: Option<String>,
    /// Why it tells nothing.
    unknown_cause: Option<String>,
    /// Whether the signature of the answer was verified.
    verified: bool,
    /// The document types that it is registered for, as `scheme::value`.
    document_types: Vec<String>,
    /// More of what the network told.
    details: Option<DetailsOut>,
}

/// What else the network tells of an identifier.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RegistrationDetails, example = json!({
    "country": "BE", "endpoint_host": "ap.example", "smp_host": "smp.example", "certificate_ends": "2027-05-01T00:00:00.000000Z",
    "description": "Example service", "contact": "support@ap.example", "credit_note": true, "active_from": null, "expired_at": null
}))]
pub struct DetailsOut {
    /// Country of the company that runs the access point.
    country: Option<String>,
    /// Host of the access point's address.
    endpoint_host: Option<String>,
    /// Host of the service metadata publisher.
    smp_host: Option<String>,
    /// When the access point's certificate ends.
    certificate_ends: Option<String>,
    /// What the access point calls its service.
    description: Option<String>,
    /// Whom to ask about technical matters.
    contact: Option<String>,
    /// Credit notes can be received too.
    credit_note: bool,
    /// When the earliest endpoint becomes active.
    active_from: Option<String>,
    /// When the last endpoint expired.
    expired_at: Option<String>,
}

impl From<Details> for DetailsOut {
    fn from(details: Details) -> Self {
        Self {
            country: details.country,
            endpoint_host: details.endpoint_host,
            smp_host: details.smp_host,
            certificate_ends: details.certificate_ends.map(|at| at.to_string()),
            description: details.description,
            contact: details.contact,
            credit_note: details.credit_note,
            active_from: details.active_from.map(|at| at.to_string()),
            expired_at: details.expired_at.map(|at| at.to_string()),
        }
    }
}

impl From<IdentifierView> for IdentifierOut {
    fn from(view: IdentifierView) -> Self {
        let known = view.known;
        Self {
            identifier: view.identifier,
            current: view.is_current,
            state: known.as_ref().map(|known| known.state.as_str()),
            cause: known.as_ref().and_then(|known| known.cause.clone()),
            checked_at: known.as_ref().map(|known| known.checked_at.to_string()),
            access_point: known.and_then(|known| SeatOut::of(known.seat, known.name)),
            since: view.since.map(|at| at.to_string()),
            unknown_since: view.failure.as_ref().map(|failure| failure.since.to_string()),
            unknown_cause: view.failure.map(|failure| failure.cause),
            verified: false,
            document_types: view.document_types,
            details: view.details.map(DetailsOut::from),
        }
    }
}

impl From<ClientRegistrations> for RegistrationsOut {
    fn from(found: ClientRegistrations) -> Self {
        let several = found.several_access_points;
        let several = (!several.is_empty())
            .then_some(RegistrationNoteOut { code: "several_access_points", identifiers: several });
        Self {
            identifiers: found.identifiers.into_iter().map(IdentifierOut::from).collect(),
            findings: several.into_iter().collect(),
        }
    }
}

/// A step in an identifier's history.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RegistrationMove, example = json!({
    "identifier": "0208:0403227515", "at": "2026-11-22T00:12:00.000000Z", "source": "ngt_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b",
    "before": { "state": "registered", "cause": null, "access_point": { "seat_id": "POP000045", "name": "Former Access Point" } },
    "after": { "state": "registered", "cause": null, "access_point": { "seat_id": "POP000123", "name": "Example Access Point" } }
}))]
pub struct MoveOut {
    /// The participant identifier.
    identifier: String,
    /// When the network was asked.
    at: String,
    /// The night, the check or the held change that saw it.
    source: String,
    /// What was seen before; its state is null at the first sight.
    before: ShownOut,
    /// What was seen then.
    after: ShownOut,
}

impl From<Move> for MoveOut {
    fn from(moved: Move) -> Self {
        Self {
            identifier: moved.identifier,
            at: moved.at.to_string(),
            source: moved.source,
            before: moved.before.into(),
            after: moved.after.into(),
        }
    }
}

/// Read a client's registrations
///
/// Every identifier that the network is asked for, with the newest answer as this practice saw it.
#[utoipa::path(operation_id = "get_client_registrations", tag = "look-ups", params(("id" = String, Path, description = "The client's identifier.", example = "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["clients:read"])), responses((status = 200, description = "The registrations.", body = RegistrationsOut)))]
#[get("/clients/{id}/registrations")]
pub async fn get_client_registrations(may: May<ClientsRead>, id: InPath<ClientId>) -> Result<Reply, Problem> {
    may.read(move |conn, caller| {
        Reply::ok(&RegistrationsOut::from(lookups::client_registrations(conn, &caller.practice, id.get()?)?))
    })
    .await
}

/// Read the history of a client's registrations
///
/// How its identifiers have moved between access points and states, as this practice has seen it, the newest first.
#[utoipa::path(operation_id = "list_registration_moves", tag = "look-ups",
    params(("id" = String, Path, description = "The client's identifier.", example = "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b"), PageQuery),
    security(("bearer" = ["clients:read"])), responses((status = 200, description = "A page of the history.", body = PageOut<MoveOut>)))]
#[get("/clients/{id}/registrations/history")]
pub async fn list_registration_moves(
    may: May<ClientsRead>,
    id: InPath<ClientId>,
    query: Query<PageQuery>,
) -> Result<Reply, Problem> {
    may.read(move |conn, caller| {
        let paging = (query.cursor.as_deref(), page::limit(query.limit)?);
        let page = lookups::registration_moves(conn, &caller.practice, id.get()?, paging)?;
        Reply::ok(&PageOut::from(page.map(MoveOut::from)))
    })
    .await
}

/// Mounts a client's registrations.
pub fn routes(routes: &mut Routes<'_, '_>) {
    routes.service(get_client_registrations).service(list_registration_moves);
}
