//! Changes that a night held back, and what a person decides about them.

use actix_web::web::Query;
use actix_web::{get, post};
use klaar_domain::kernel::page;
use klaar_domain::lookups::{self, Decision, HeldChange, HeldId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{SeatOut, ShownOut};
use crate::answers::HeldStanding;
use crate::body::Body;
use crate::guards::{ClientsRead, May, OperationsManage};
use crate::mounting::Routes;
use crate::problem::Problem;
use crate::reply::{PageOut, Reply};

/// Which held changes to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct HeldQuery {
    /// Where they stand; the open ones when not given.
    #[param(inline, example = "open")]
    status: Option<HeldStatus>,
    /// Where the page starts: `next_cursor` of the page before.
    #[param(pattern = "^[A-Za-z0-9_-]+$", example = "ImhsZF8wMTk3ZjZhMmMzZDQ3ZTVmOGE5YjBjMWQyZTNmNGE1YiI")]
    cursor: Option<String>,
    /// Rows of a page, 1 to 200; 50 when not given.
    #[param(minimum = 1, maximum = 200, example = 50)]
    limit: Option<u32>,
}

/// Where a held change stands.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HeldStatus {
    /// It waits for a person.
    #[default]
    Open,
    /// A person had it written.
    Accepted,
    /// A person left the client as it was.
    Dismissed,
    /// The network told something else since.
    Overtaken,
}

impl HeldStatus {
    fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Accepted => "accepted",
            Self::Dismissed => "dismissed",
            Self::Overtaken => "overtaken",
        }
    }
}

/// What is decided about held changes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = HeldDecision, example = json!({ "decision": "accept", "held_change_ids": ["hld_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b"] }))]
pub struct DecisionIn {
    /// `accept` writes them; `dismiss` leaves the clients as they are.
    decision: DecisionWord,
    /// The changes, 1 to 500.
    #[schema(value_type = Vec<String>, min_items = 1, max_items = 500, pattern = "^hld_[0-9a-f]{32}$")]
    held_change_ids: Vec<HeldId>,
}

/// A decision.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(example = "accept")]
pub enum DecisionWord {
    /// They are right: write them.
    Accept,
    /// They are wrong: leave the clients as they are. A night that finds the same again holds it again.
    Dismiss,
}

/// A change that a night held back.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HeldChange, example = json!({
    "id": "hld_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "night_id": "ngt_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b",
    "client_id": "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "client_name": "Bakkerij Peeters", "status": "open",
    "stands": { "state": "registered", "cause": null, "access_point": { "seat_id": "POP000123", "name": "Example Access Point" } },
    "found": { "state": "not_registered", "cause": null, "access_point": null },
    "found_at": "2026-11-22T01:31:00.000000Z", "created_at": "2026-11-22T01:32:00.000000Z", "decided_at": null
}))]
pub struct HeldChangeOut {
    /// The change's identifier.
    id: String,
    /// The night that held it back.
    night_id: String,
    /// The client.
    client_id: String,
    /// Its name.
    client_name: String,
    /// Where it stands.
    #[schema(value_type = HeldStanding)]
    status: String,
    /// What the card showed.
    stands: ShownOut,
    /// What the night found.
    found: ShownOut,
    /// When the network last said so.
    found_at: String,
    /// When it was held back.
    created_at: String,
    /// When it was decided or overtaken.
    decided_at: Option<String>,
}

impl From<HeldChange> for HeldChangeOut {
    fn from(held: HeldChange) -> Self {
        let access_point = SeatOut::of(held.old_seat, held.old_name);
        Self {
            id: held.id.to_string(),
            night_id: held.night.to_string(),
            client_id: held.client.to_string(),
            client_name: held.client_name,
            status: held.status,
            stands: ShownOut { state: held.old_state, cause: None, access_point },
            found: ShownOut { state: Some(held.new_state), cause: None, access_point: None },
            found_at: held.absent_at.to_string(),
            created_at: held.created_at.to_string(),
            decided_at: held.decided_at.map(|at| at.to_string()),
        }
    }
}

/// What came of a decision.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HeldDecided, example = json!({ "decided": 12, "overtaken": 1 }))]
pub struct DecidedOut {
    /// Changes that are accepted or dismissed now.
    decided: usize,
    /// Changes that were decided or overtaken before.
    overtaken: usize,
}

/// List held changes
///
/// When too many clients vanish from the network at once, the night does not believe it: it leaves the cards as they are
/// and lists here what it would have written.
#[utoipa::path(operation_id = "list_held_changes", tag = "look-ups", params(HeldQuery), security(("bearer" = ["clients:read"])),
    responses((status = 200, description = "A page of held changes.", body = PageOut<HeldChangeOut>)))]
#[get("/held-changes")]
pub async fn list_held_changes(may: May<ClientsRead>, query: Query<HeldQuery>) -> Result<Reply, Problem> {
    may.read(move |conn, caller| {
        let paging = (query.cursor.as_deref(), page::limit(query.limit)?);
        let page = lookups::held_changes(conn, &caller.practice, query.status.unwrap_or_default().as_str(), paging)?;
        Reply::ok(&PageOut::from(page.map(HeldChangeOut::from)))
    })
    .await
}

/// Decide about held changes
///
/// Accepts or dismisses up to 500 of them. Deciding the same twice does no more than deciding it once.
#[utoipa::path(operation_id = "decide_held_changes", tag = "look-ups", request_body(content = DecisionIn, description = "The decision and what it is about."),
    security(("bearer" = ["operations:manage"])), responses((status = 200, description = "What came of it.", body = DecidedOut)))]
#[post("/held-changes/decisions")]
pub async fn decide_held_changes(may: May<OperationsManage>, body: Body<DecisionIn>) -> Result<Reply, Problem> {
    may.once(body.hash, move |tx, caller| {
        let decision = match body.value.decision {
            DecisionWord::Accept => Decision::Accept,
            DecisionWord::Dismiss => Decision::Dismiss,
        };
        let decided = lookups::decide(tx, &caller.practice, &caller.actor, &body.value.held_change_ids, decision)?;
        Reply::ok(&DecidedOut { decided: decided.decided, overtaken: decided.overtaken })
    })
    .await
}

/// Mounts the held changes.
pub fn routes(routes: &mut Routes<'_, '_>) {
    routes.service(list_held_changes).service(decide_held_changes);
}
