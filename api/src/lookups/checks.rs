//! Checks by hand: one call asks and stores findings, a second applies them.

use std::borrow::Cow;

use actix_web::web::Query;
use actix_web::{get, post};
use klaar_domain::clients::ClientId;
use klaar_domain::kernel::error::{Error, Result as Outcome};
use klaar_domain::kernel::page;
use klaar_domain::lookups::{self, Check, CheckId, Finding, FindingFilter, IdentifierAnswer, MOST_NAMED, Selection};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{
    AdditionalProperties, AnyOfBuilder, ArrayBuilder, ObjectBuilder, Schema, SchemaType, Type,
};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use super::{SeatOut, ShownOut};
use crate::answers::CheckStatus;
use crate::body::{Body, InPath};
use crate::guards::{ClientsRead, LookupsRun, May};
use crate::mounting::Routes;
use crate::operations::OperationOut;
use crate::problem::Problem;
use crate::reply::{PageOut, Reply};

/// Which clients to check: some by identifier, or all.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckIn {
    client_ids: Option<Vec<ClientId>>,
    all: Option<bool>,
}

/// By hand, because exactly one of the two fields is said.
impl PartialSchema for CheckIn {
    #[expect(deprecated, reason = "as the derived schemas, this one has `example`")]
    fn schema() -> RefOr<Schema> {
        let id = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^cli_[0-9a-f]{32}$"));
        let ids = ArrayBuilder::new().items(id).min_items(Some(1)).max_items(Some(MOST_NAMED));
        let not_all = ObjectBuilder::new()
            .schema_type(SchemaType::from_iter([Type::Boolean, Type::Null]))
            .enum_values(Some([json!(false), Value::Null]));
        let some = ObjectBuilder::new()
            .property("client_ids", ids.description(Some("The clients, 1 to 1,000.")))
            .property("all", not_all.description(Some("Not all of them.")))
            .required("client_ids");
        let every = ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([true]));
        let none = ObjectBuilder::new().schema_type(Type::Null);
        let all = ObjectBuilder::new()
            .property("all", every.description(Some("All active clients.")))
            .property("client_ids", none.description(Some("None by its identifier.")))
            .required("all");
        AnyOfBuilder::new()
            .item(some.additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false))))
            .item(all.additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(false))))
            .description(Some("Which clients to check: some by identifier, or all."))
            .example(Some(json!({ "client_ids": ["cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b"] })))
            .into()
    }
}

impl ToSchema for CheckIn {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("NewRegistrationCheck")
    }
}

impl CheckIn {
    fn selection(self) -> Outcome<Selection> {
        match (self.client_ids, self.all) {
            (Some(ids), None | Some(false)) => Ok(Selection::Clients(ids)),
            (None, Some(true)) => Ok(Selection::All),
            _ => Err(Error::invalid("/client_ids", "ids_or_all")),
        }
    }
}

/// Which findings to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FindingQuery {
    /// All findings when not given.
    #[param(inline, example = "different")]
    only: Option<FindingQueryFilter>,
    /// Where the page starts: `next_cursor` of the page before.
    #[param(pattern = "^[A-Za-z0-9_-]+$", example = "NDI")]
    cursor: Option<String>,
    /// Rows of a page, 1 to 200; 50 when not given.
    #[param(minimum = 1, maximum = 200, example = 50)]
    limit: Option<u32>,
}

/// A choice of findings.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FindingQueryFilter {
    /// Those that differ from what the card showed.
    Different,
    /// Those that were skipped when they were applied.
    Skipped,
}

/// A check that a person asked for.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RegistrationCheck, example = json!({
    "id": "chk_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "status": "checked", "clients": 412, "different": 3, "skipped": 0,
    "operation_id": "opn_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "application_id": null, "created_at": "2026-11-22T09:00:00.000000Z",
    "checked_at": "2026-11-22T09:00:20.000000Z", "applied_at": null
}))]
pub struct CheckOut {
    /// The check's identifier.
    id: String,
    /// Where it stands.
    #[schema(value_type = CheckStatus)]
    status: String,
    /// Clients that it is about.
    clients: i64,
    /// Clients whose registration is another than their card showed; final once it is checked.
    different: i64,
    /// Findings that were skipped when they were applied.
    skipped: i64,
    /// The operation that asks.
    operation_id: String,
    /// The operation that applies.
    application_id: Option<String>,
    /// When it was asked for.
    created_at: String,
    /// When everything was asked.
    checked_at: Option<String>,
    /// When everything was applied.
    applied_at: Option<String>,
}

impl From<Check> for CheckOut {
    fn from(check: Check) -> Self {
        Self {
            id: check.id.to_string(),
            status: check.status,
            clients: check.clients,
            different: check.different,
            skipped: check.skipped,
            operation_id: check.operation.to_string(),
            application_id: check.application.map(|id| id.to_string()),
            created_at: check.created_at.to_string(),
            checked_at: check.checked_at.map(|at| at.to_string()),
            applied_at: check.applied_at.map(|at| at.to_string()),
        }
    }
}

/// A check that has begun.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RegistrationCheckStarted, example = json!({
    "registration_check_id": "chk_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b",
    "operation": { "id": "opn_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "kind": "registration_check", "status": "waiting", "done": 0, "total": 412,
        "failed": 0, "result": null, "problem": null, "dead_job_id": null, "created_at": "2026-11-22T09:00:00.000000Z",
        "updated_at": "2026-11-22T09:00:00.000000Z", "finished_at": null }
}))]
pub struct StartedOut {
    /// The check.
    registration_check_id: String,
    /// The operation to follow.
    operation: OperationOut,
}

/// What a check found about one client.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RegistrationFinding, example = json!({
    "client_id": "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "client_name": "Bakkerij Peeters", "asked_at": "2026-11-22T09:00:02.000000Z", "differs": true,
    "stands": { "state": "not_registered", "cause": null, "access_point": null },
    "found": { "state": "registered", "cause": null, "access_point": { "seat_id": "POP000123", "name": "Example Access Point" } },
    "answers": [{ "identifier": "0208:0403227515", "state": "registered", "cause": null,
        "access_point": { "seat_id": "POP000123", "name": "Example Access Point" }, "asked_at": "2026-11-22T09:00:02.000000Z" }],
    "outcome": null, "reason": null
}))]
pub struct FindingOut {
    /// The client.
    client_id: String,
    /// Its name.
    client_name: String,
    /// When it was asked about; null while that is still to come.
    asked_at: Option<String>,
    /// The network says something else than the card showed.
    differs: bool,
    /// What the card showed.
    stands: ShownOut,
    /// What it shows after applying.
    found: ShownOut,
    /// What the network said about each identifier.
    answers: Vec<AnswerOut>,
    /// `applied`, `unchanged` or `skipped`; null before applying.
    outcome: Option<String>,
    /// Why it was skipped: `checked_since`, `card_changed` or `archived`.
    reason: Option<String>,
}

/// What the network said about one identifier.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = IdentifierAnswer, example = json!({ "identifier": "0208:0403227515", "state": "registered", "cause": null,
    "access_point": { "seat_id": "POP000123", "name": "Example Access Point" }, "asked_at": "2026-11-22T09:00:02.000000Z" }))]
pub struct AnswerOut {
    /// The participant identifier.
    identifier: String,
    /// `registered`, `cannot_receive`, `not_registered` or `unknown`.
    state: String,
    /// Why it cannot receive or is unknown.
    cause: Option<String>,
    /// The access point.
    access_point: Option<SeatOut>,
    /// When it was asked.
    asked_at: String,
}

impl From<IdentifierAnswer> for AnswerOut {
    fn from(answer: IdentifierAnswer) -> Self {
        Self {
            identifier: answer.identifier,
            state: answer.state,
            cause: answer.cause,
            access_point: SeatOut::of(answer.seat, answer.name),
            asked_at: answer.asked_at.to_string(),
        }
    }
}

impl From<Finding> for FindingOut {
    fn from(finding: Finding) -> Self {
        Self {
            client_id: finding.client.to_string(),
            client_name: finding.client_name,
            asked_at: finding.asked_at.map(|at| at.to_string()),
            differs: finding.differs,
            stands: finding.stands.into(),
            found: finding.found.into(),
            answers: finding.answers.into_iter().map(AnswerOut::from).collect(),
            outcome: finding.outcome,
            reason: finding.reason,
        }
    }
}

/// Check registrations now
///
/// Asks the network about one client, a selection or all, and stores what it says as findings. The clients stay as they
/// are until the findings are applied.
#[utoipa::path(operation_id = "create_registration_check", tag = "look-ups", request_body(content = CheckIn, description = "Which clients to check."),
    security(("bearer" = ["lookups:run"])), responses((status = 202, description = "The check and the operation to follow.", body = StartedOut)))]
#[post("/registration-checks")]
pub async fn create_registration_check(may: May<LookupsRun>, body: Body<CheckIn>) -> Result<Reply, Problem> {
    let language = may.language;
    may.once(body.hash, move |tx, caller| {
        let selection = body.value.selection()?;
        let (check, operation) = lookups::request(tx, &caller.practice, &caller.actor, &selection)?;
        let operation = OperationOut::of(operation, language);
        let started = StartedOut { registration_check_id: check.to_string(), operation };
        Reply::accepted(format!("/v1/registration-checks/{check}"), &started)
    })
    .await
}

/// Read a check
#[utoipa::path(operation_id = "get_registration_check", tag = "look-ups", params(("id" = String, Path, description = "The check's identifier.", example = "chk_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["clients:read"])), responses((status = 200, description = "The check.", body = CheckOut)))]
#[get("/registration-checks/{id}")]
pub async fn get_registration_check(may: May<ClientsRead>, id: InPath<CheckId>) -> Result<Reply, Problem> {
    may.read(move |conn, caller| Reply::ok(&CheckOut::from(lookups::check(conn, &caller.practice, id.get()?)?))).await
}

/// List what a check found
///
/// What was seen against what stands, client by client. Findings are kept for 30 days.
#[utoipa::path(operation_id = "list_registration_findings", tag = "look-ups",
    params(("id" = String, Path, description = "The check's identifier.", example = "chk_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b"), FindingQuery),
    security(("bearer" = ["clients:read"])), responses((status = 200, description = "A page of findings.", body = PageOut<FindingOut>)))]
#[get("/registration-checks/{id}/findings")]
pub async fn list_registration_findings(
    may: May<ClientsRead>,
    id: InPath<CheckId>,
    query: Query<FindingQuery>,
) -> Result<Reply, Problem> {
    may.read(move |conn, caller| {
        let filter = match query.only {
            None => FindingFilter::All,
            Some(FindingQueryFilter::Different) => FindingFilter::Different,
            Some(FindingQueryFilter::Skipped) => FindingFilter::Skipped,
        };
        let paging = (query.cursor.as_deref(), page::limit(query.limit)?);
        let page = lookups::check_findings(conn, &caller.practice, (id.get()?, filter), paging)?;
        Reply::ok(&PageOut::from(page.map(FindingOut::from)))
    })
    .await
}

/// Apply what a check found
///
/// Writes the findings to the clients. Findings about clients that were looked up again, changed or archived since are
/// skipped; each says why. The operation's result counts `applied`, `unchanged` and `skipped`.
#[utoipa::path(operation_id = "apply_registration_check", tag = "look-ups", params(("id" = String, Path, description = "The check's identifier.", example = "chk_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["lookups:run"])), responses((status = 202, description = "The operation to follow.", body = OperationOut)))]
#[post("/registration-checks/{id}/application")]
pub async fn apply_registration_check(may: May<LookupsRun>, id: InPath<CheckId>) -> Result<Reply, Problem> {
    let language = may.language;
    may.once(Vec::new(), move |tx, caller| {
        let operation = lookups::apply(tx, &caller.practice, &caller.actor, id.get()?)?;
        let place = format!("/v1/operations/{}", operation.id);
        Reply::accepted(place, &OperationOut::of(operation, language))
    })
    .await
}

/// Mounts the checks.
pub fn routes(routes: &mut Routes<'_, '_>) {
    routes
        .service(create_registration_check)
        .service(get_registration_check)
        .service(list_registration_findings)
        .service(apply_registration_check);
}
