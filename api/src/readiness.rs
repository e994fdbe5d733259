//! How far the practice is: counts, trend, forecast, a drawing, and what keeps the others.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS};
use actix_web::web::{Data, Query};
use actix_web::{HttpResponse, get};
use klaar_domain::identity::Caller;
use klaar_domain::kernel::db::Conn;
use klaar_domain::kernel::error::Result;
use klaar_domain::readiness::{self, Blocked, By, Counts, Day, Forecast, Group, NamedClient, NoForecast, Size};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::State;
use crate::answers::{BlockerWord, NoForecastWord};
use crate::guards::{ClientsRead, May};
use crate::listing::FilterTree;
use crate::mounting::Routes;
use crate::problem::Problem;
use crate::reply::Reply;

/// What to group by.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ReadinessQuery {
    /// What the practice's clients are grouped by; no groups when not given.
    #[param(inline, example = "portfolio")]
    by: Option<ReadinessBy>,
}

/// What clients are grouped by.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReadinessBy {
    /// The portfolio.
    Portfolio,
    /// Whoever looks after the client.
    Responsible,
}

impl From<ReadinessBy> for By {
    fn from(by: ReadinessBy) -> Self {
        match by {
            ReadinessBy::Portfolio => Self::Portfolio,
            ReadinessBy::Responsible => Self::Responsible,
        }
    }
}

/// How far back to look.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TrendQuery {
    /// How many days, today among them; 90 when not given.
    #[param(minimum = 1, maximum = 730, example = 90)]
    days: Option<u32>,
}

/// What to draw.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ChartQuery {
    /// How many days, today among them; 90 when not given.
    #[param(minimum = 1, maximum = 730, example = 90)]
    days: Option<u32>,
    /// How wide the drawing is, in pixels; 720 when not given.
    #[param(minimum = 320, maximum = 2000, example = 720)]
    width: Option<u32>,
    /// How high the drawing is, in pixels; 360 when not given.
    #[param(minimum = 200, maximum = 1200, example = 360)]
    height: Option<u32>,
}

/// Active clients counted. All but `total` and `exempt` are of those that are not exempt; the five states of the registration add up to their number.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReadinessCounts, example = json!({ "total": 412, "exempt": 12, "ready": 250, "to_do": 150, "informed": 390,
    "registered": 280, "not_registered": 90, "cannot_receive": 10, "unknown": 15, "nothing_to_ask": 5 }))]
pub struct CountsOut {
    /// Active clients.
    total: i64,
    /// Those whom Peppol does not concern today.
    exempt: i64,
    /// Those that are marked as ready.
    ready: i64,
    /// Those that are neither exempt nor ready.
    to_do: i64,
    /// Those that ever got a mail about Peppol.
    informed: i64,
    /// Those that the network knows and that can receive.
    registered: i64,
    /// Those that the network does not know.
    not_registered: i64,
    /// Those that the network knows and that cannot receive.
    cannot_receive: i64,
    /// Those of whom nothing is known: the network was never asked, or gave no answer.
    unknown: i64,
    /// Those without a number by which the network could be asked.
    nothing_to_ask: i64,
}

impl From<Counts> for CountsOut {
    fn from(counts: Counts) -> Self {
        Self {
            total: counts.total,
            exempt: counts.exempt,
            ready: counts.ready,
            to_do: counts.to_do(),
            informed: counts.informed,
            registered: counts.registered,
            not_registered: counts.not_registered,
            cannot_receive: counts.cannot_receive,
            unknown: counts.unknown,
            nothing_to_ask: counts.nothing_to_ask(),
        }
    }
}

/// How far the practice is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Readiness, example = json!({ "day": "2026-11-24",
    "counts": { "total": 412, "exempt": 12, "ready": 250, "to_do": 150, "informed": 390, "registered": 280, "not_registered": 90, "cannot_receive": 10, "unknown": 15, "nothing_to_ask": 5 },
    "groups": null, "forecast": { "date": "2027-01-30", "reason": null } }))]
pub struct ReadinessOut {
    /// The practice's local day.
    day: String,
    /// All its active clients.
    counts: CountsOut,
    /// The same by group, the group with most to do first; null without `by`.
    groups: Option<Vec<GroupOut>>,
    /// When nothing would be left to do.
    forecast: ForecastOut,
}

/// The clients of a group, counted.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReadinessGroup, example = json!({ "group": { "value": "Gent", "label": "Gent" },
    "counts": { "total": 40, "exempt": 2, "ready": 25, "to_do": 13, "informed": 38, "registered": 28, "not_registered": 7, "cannot_receive": 1, "unknown": 2, "nothing_to_ask": 0 } }))]
pub struct GroupOut {
    /// What they have in common; null for the clients without it, who come last.
    group: Option<GroupKeyOut>,
    /// How many they are.
    counts: CountsOut,
}

/// What the clients of a group have in common.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReadinessGroupKey, example = json!({ "value": "mem_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "label": "Céline Dubois" }))]
pub struct GroupKeyOut {
    /// As a filter on `portfolio` or `responsible` with `eq` takes it.
    value: String,
    /// What people read.
    label: String,
}

/// The day on which nothing would be left to do, when as many clients become ready each day as a straight line through the last 28 days says.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReadinessForecast, example = json!({ "date": null, "reason": "too_little_data" }))]
pub struct ForecastOut {
    /// The day; null when there is none.
    #[schema(format = Date)]
    date: Option<String>,
    /// Why there is none.
    #[schema(value_type = Option<NoForecastWord>)]
    reason: Option<&'static str>,
}

impl From<Forecast> for ForecastOut {
    fn from(forecast: Forecast) -> Self {
        Self { date: forecast.ok().map(|day| day.to_string()), reason: forecast.err().map(NoForecast::as_str) }
    }
}

/// The numbers of the last days.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReadinessTrend, example = json!({ "items": [{ "day": "2026-11-24",
    "counts": { "total": 412, "exempt": 12, "ready": 250, "to_do": 150, "informed": 390, "registered": 280, "not_registered": 90, "cannot_receive": 10, "unknown": 15, "nothing_to_ask": 5 } }] }))]
pub struct TrendOut {
    /// The days that are known, the oldest first.
    items: Vec<DayOut>,
}

/// The numbers of a day.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReadinessDay, example = json!({ "day": "2026-11-24",
    "counts": { "total": 412, "exempt": 12, "ready": 250, "to_do": 150, "informed": 390, "registered": 280, "not_registered": 90, "cannot_receive": 10, "unknown": 15, "nothing_to_ask": 5 } }))]
pub struct DayOut {
    /// The practice's local day.
    day: String,
    /// As they were in the morning of that day.
    counts: CountsOut,
}

/// What keeps clients from being ready.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReadinessBlockers, example = json!({ "to_do": 1, "items": [{ "reason": "not_informed", "count": 1,
    "filter": { "field": "informed_at", "op": "empty" }, "clients": [{ "client_id": "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "name": "Bakkerij Peeters" }] }] }))]
pub struct BlockersOut {
    /// The clients that are neither exempt nor ready: the sum of all counts.
    to_do: i64,
    /// Every reason, in the order in which they are looked at.
    items: Vec<BlockedOut>,
}

/// The clients that one reason keeps.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReadinessBlocker, example = json!({ "reason": "not_informed", "count": 1, "filter": { "field": "informed_at", "op": "empty" },
    "clients": [{ "client_id": "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "name": "Bakkerij Peeters" }] }))]
pub struct BlockedOut {
    /// The reason.
    #[schema(value_type = BlockerWord)]
    reason: &'static str,
    /// How many clients it keeps.
    count: i64,
    /// These clients, as `GET /v1/clients` takes it.
    #[schema(value_type = FilterTree)]
    filter: Value,
    /// The first 20 of them by name.
    clients: Vec<BlockedClientOut>,
}

/// A client by name.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BlockedClient, example = json!({ "client_id": "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "name": "Bakkerij Peeters" }))]
pub struct BlockedClientOut {
    /// The client.
    client_id: String,
    /// Its name.
    name: String,
}

impl From<Blocked> for BlockedOut {
    fn from(blocked: Blocked) -> Self {
        let client = |NamedClient { id, name }| BlockedClientOut { client_id: id.to_string(), name };
        Self {
            reason: blocked.by.as_str(),
            count: blocked.clients,
            filter: blocked.by.filter(),
            clients: blocked.named.into_iter().map(client).collect(),
        }
    }
}

/// Read how far the practice is
///
/// Active clients counted as they are now, and the day on which all would be ready at today's pace. Whoever is exempt today counts as exempt and as nothing else.
#[utoipa::path(operation_id = "get_readiness", tag = "readiness", params(ReadinessQuery), security(("bearer" = ["clients:read"])),
    responses((status = 200, description = "The counts and the forecast.", body = ReadinessOut)))]
#[get("/readiness")]
pub async fn get_readiness(
    may: May<ClientsRead>,
    query: Query<ReadinessQuery>,
    state: Data<State>,
) -> Result<Reply, Problem> {
    may.read(move |conn, caller| {
        let by = query.by.map(By::from);
        let found = readiness::readiness(conn, &caller.practice, state.db.clock().now(), by)?;
        let group = |Group { key, counts }| GroupOut {
            group: key.map(|key| GroupKeyOut { value: key.value, label: key.label }),
            counts: counts.into(),
        };
        Reply::ok(&ReadinessOut {
            day: found.day.to_string(),
            counts: found.counts.into(),
            groups: found.groups.map(|groups| groups.into_iter().map(group).collect()),
            forecast: found.forecast.into(),
        })
    })
    .await
}

/// Read the trend
///
/// The same numbers as they were on each of the last days. They are kept once a local day, from five o'clock in the morning on, for three years.
#[utoipa::path(operation_id = "get_readiness_trend", tag = "readiness", params(TrendQuery), security(("bearer" = ["clients:read"])),
    responses((status = 200, description = "The days that are known.", body = TrendOut)))]
#[get("/readiness/trend")]
pub async fn get_readiness_trend(
    may: May<ClientsRead>,
    query: Query<TrendQuery>,
    state: Data<State>,
) -> Result<Reply, Problem> {
    may.read(move |conn, caller| {
        let days = readiness::span(query.days)?;
        let found = readiness::trend(conn, &caller.practice, state.db.clock().now(), days)?;
        let out = |Day { day, counts }| DayOut { day: day.to_string(), counts: counts.into() };
        Reply::ok(&TrendOut { items: found.into_iter().map(out).collect() })
    })
    .await
}

/// Draw the trend
///
/// How many clients are ready, registered and informed on each of the last days, of those whom Peppol concerns, as an SVG document with texts in the caller's
/// language. Within a page its lines and letters have the colour of the text; by itself it is light or dark as its reader prefers.
#[utoipa::path(operation_id = "get_readiness_chart", tag = "readiness", params(ChartQuery), security(("bearer" = ["clients:read"])),
    responses((status = 200, description = "The drawing.", content_type = "image/svg+xml", body = String,
        example = "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\"></svg>")))]
#[get("/readiness/chart.svg")]
pub async fn get_readiness_chart(
    may: May<ClientsRead>,
    query: Query<ChartQuery>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let language = may.language;
    let draw = move |conn: &mut Conn, caller: &Caller| {
        let (days, size) = (readiness::span(query.days)?, Size::of(query.width, query.height)?);
        let known = readiness::trend(conn, &caller.practice, state.db.clock().now(), days)?;
        readiness::chart(&known, size, language)
    };
    let drawn = may.read(draw).await?;
    Ok(HttpResponse::Ok()
        .content_type("image/svg+xml; charset=utf-8")
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((CONTENT_LANGUAGE, language.as_str()))
        .insert_header((CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(drawn))
}

/// Read what keeps clients from being ready
///
/// Each active client that is neither exempt nor ready counts under the first of these reasons that holds: `registered_not_marked` (it is registered, only the
/// mark is missing), `no_address` (neither the card nor a contact has an e-mail address), `not_informed` (it never got a mail about Peppol), `no_software` (the
/// software that it receives with is not filled in), `registration_unknown` (the network was never asked, or gave no answer), `not_registered` (all others).
#[utoipa::path(operation_id = "list_readiness_blockers", tag = "readiness", security(("bearer" = ["clients:read"])),
    responses((status = 200, description = "The reasons and their clients.", body = BlockersOut)))]
#[get("/readiness/blockers")]
pub async fn list_readiness_blockers(may: May<ClientsRead>, state: Data<State>) -> Result<Reply, Problem> {
    may.read(move |conn, caller| {
        let found = readiness::blockers(conn, &caller.practice, state.db.clock().now())?;
        let to_do = found.iter().map(|blocked| blocked.clients).sum();
        Reply::ok(&BlockersOut { to_do, items: found.into_iter().map(BlockedOut::from).collect() })
    })
    .await
}

/// Mounts the room's operations.
pub fn routes(routes: &mut Routes<'_, '_>) {
    routes
        .service(get_readiness)
        .service(get_readiness_trend)
        .service(get_readiness_chart)
        .service(list_readiness_blockers);
}
