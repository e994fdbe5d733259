//! The reports of nights.

use std::collections::BTreeMap;

use actix_web::get;
use actix_web::web::Query;
use klaar_domain::kernel::page;
use klaar_domain::lookups::{self, NightChange, NightId, NightReport};
use serde::Serialize;
use utoipa::ToSchema;

use super::ShownOut;
use crate::answers::NightPhase;
use crate::audit::PageQuery;
use crate::body::InPath;
use crate::guards::{ClientsRead, May};
use crate::mounting::Routes;
use crate::problem::Problem;
use crate::reply::{PageOut, Reply};

/// What a night did, or has done so far.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Night, example = json!({
    "id": "ngt_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "local_date": "2026-11-22", "ordinal": 0, "phase": "finished",
    "began_at": "2026-11-22T00:04:00.000000Z", "finished_at": "2026-11-22T01:11:20.000000Z", "goes_on_at": null, "duration_seconds": 4040,
    "clients": 412, "nothing_to_ask": 9, "identifiers": 806, "asked": 806, "not_asked": 0, "changed": 3, "unknown": { "smp": 2 },
    "listed": 301, "vanished": 1, "held": 0, "hold_reason": null, "pauses": 0
}))]
pub struct NightOut {
    /// The night's identifier.
    id: String,
    /// The practice's local date.
    local_date: String,
    /// 0 for the night itself, more for those started by hand afterwards.
    ordinal: i32,
    /// Where it stands.
    #[schema(value_type = NightPhase)]
    phase: String,
    /// When it began.
    began_at: String,
    /// When it was over.
    finished_at: Option<String>,
    /// When it goes on, while it waits.
    goes_on_at: Option<String>,
    /// How long it took; null while it is not over.
    duration_seconds: Option<i64>,
    /// Active clients.
    clients: i64,
    /// Clients without any number to ask for.
    nothing_to_ask: i64,
    /// Identifiers of all clients together.
    identifiers: i64,
    /// Identifiers that were asked; counted at the end.
    asked: i64,
    /// Identifiers that were not asked, because the night was over before.
    not_asked: i64,
    /// Clients that show another registration than before.
    changed: i64,
    /// Identifiers that were asked without an answer, by cause: `dns`, `smp`, `malformed`, `signature`. Their values stay.
    unknown: BTreeMap<String, i64>,
    /// Clients on the network before the night closed.
    listed: i64,
    /// Clients that have left the network, asked twice at least an hour apart.
    vanished: i64,
    /// How many of these wait for a person, because too many vanished at once.
    held: i64,
    /// Why they wait: `many_of_practice`, `large_share_of_practice` or `all_practices`.
    hold_reason: Option<String>,
    /// How often the night paused because the network seemed disturbed.
    pauses: i32,
}

impl From<NightReport> for NightOut {
    fn from(report: NightReport) -> Self {
        Self {
            id: report.id.to_string(),
            duration_seconds: report.duration_seconds(),
            local_date: report.local_date,
            ordinal: report.ordinal,
            phase: report.phase,
            began_at: report.began_at.to_string(),
            finished_at: report.finished_at.map(|at| at.to_string()),
            goes_on_at: report.goes_on_at.map(|at| at.to_string()),
            clients: report.clients,
            nothing_to_ask: report.nothing_to_ask,
            identifiers: report.identifiers,
            asked: report.asked,
            not_asked: report.not_asked,
            changed: report.changed,
            unknown: report.unknown,
            listed: report.listed,
            vanished: report.vanished,
            held: report.held,
            hold_reason: report.hold_reason,
            pauses: report.pauses,
        }
    }
}

/// A client that a night changed. Only values that changed are shown.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NightChange, example = json!({
    "client_id": "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "client_name": "Bakkerij Peeters", "at": "2026-11-22T00:31:00.000000Z",
    "before": { "state": "not_registered", "cause": null, "access_point": null },
    "after": { "state": "registered", "cause": null, "access_point": { "seat_id": "POP000123", "name": "Example Access Point" } }
}))]
pub struct NightChangeOut {
    /// The client.
    client_id: String,
    /// Its name.
    client_name: String,
    /// When it was written.
    at: String,
    /// The values before.
    before: ShownOut,
    /// The values after.
    after: ShownOut,
}

impl From<NightChange> for NightChangeOut {
    fn from(change: NightChange) -> Self {
        Self {
            client_id: change.client.to_string(),
            client_name: change.client_name,
            at: change.at.to_string(),
            before: change.before.into(),
            after: change.after.into(),
        }
    }
}

/// List nights
///
/// The nightly refreshes of the practice, the latest first, each with its report.
#[utoipa::path(operation_id = "list_nights", tag = "look-ups",
    params(("cursor" = Option<String>, Query, description = "Where the page starts: `next_cursor` of the page before.", pattern = "^[A-Za-z0-9_-]+$", example = "Im5ndF8wMTk3ZjZhMmMzZDQ3ZTVmOGE5YjBjMWQyZTNmNGE1YiI"),
        ("limit" = Option<u32>, Query, description = "Rows of a page, 1 to 200; 50 when not given.", minimum = 1, maximum = 200, example = 50)),
    security(("bearer" = ["clients:read"])),
    responses((status = 200, description = "A page of nights.", body = PageOut<NightOut>)))]
#[get("/nights")]
pub async fn list_nights(may: May<ClientsRead>, query: Query<PageQuery>) -> Result<Reply, Problem> {
    may.read(move |conn, caller| {
        let page = lookups::nights(conn, &caller.practice, (query.cursor.as_deref(), page::limit(query.limit)?))?;
        Reply::ok(&PageOut::from(page.map(NightOut::from)))
    })
    .await
}

/// Read a night's report
#[utoipa::path(operation_id = "get_night", tag = "look-ups", params(("id" = String, Path, description = "The night's identifier.", example = "ngt_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["clients:read"])), responses((status = 200, description = "The report.", body = NightOut)))]
#[get("/nights/{id}")]
pub async fn get_night(may: May<ClientsRead>, id: InPath<NightId>) -> Result<Reply, Problem> {
    may.read(move |conn, caller| Reply::ok(&NightOut::from(lookups::night(conn, &caller.practice, id.get()?)?))).await
}

/// List what a night changed
///
/// Every client whose registration the night changed, with the values before and after, in the order in which they were written.
#[utoipa::path(operation_id = "list_night_changes", tag = "look-ups",
    params(("id" = String, Path, description = "The night's identifier.", example = "ngt_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b"),
        ("cursor" = Option<String>, Query, description = "Where the page starts: `next_cursor` of the page before.", pattern = "^[A-Za-z0-9_-]+$", example = "WzQyLDdd"),
        ("limit" = Option<u32>, Query, description = "Rows of a page, 1 to 200; 50 when not given.", minimum = 1, maximum = 200, example = 50)),
    security(("bearer" = ["clients:read"])), responses((status = 200, description = "A page of changes.", body = PageOut<NightChangeOut>)))]
#[get("/nights/{id}/changes")]
pub async fn list_night_changes(
    may: May<ClientsRead>,
    id: InPath<NightId>,
    query: Query<PageQuery>,
) -> Result<Reply, Problem> {
    may.read(move |conn, caller| {
        let paging = (query.cursor.as_deref(), page::limit(query.limit)?);
        let page = lookups::night_changes(conn, &caller.practice, id.get()?, paging)?;
        Reply::ok(&PageOut::from(page.map(NightChangeOut::from)))
    })
    .await
}

/// Mounts the reports.
pub fn routes(routes: &mut Routes<'_, '_>) {
    routes.service(list_nights).service(get_night).service(list_night_changes);
}
