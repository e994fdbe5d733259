//! The solution that the practice chose for its clients.

use actix_web::{get, put};
use klaar_domain::custom_fields::{self, OwnSolution};
use klaar_domain::identity::Practice;
use klaar_domain::kernel::db::Conn;
use klaar_domain::kernel::error::Result;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::body::Body;
use crate::guards::{ClientsRead, May, PracticeManage, SeenRevision};
use crate::mounting::Routes;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::shapes::{OptionLabel, SeatId};

/// The practice's own solution, all of it anew.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewOwnSolution, example = json!({ "software": "Odoo", "seat_ids": ["POP000123"] }))]
pub struct OwnSolutionIn {
    /// The software, by a label of the lists for receiving and sending; null for none.
    #[schema(value_type = Option<OptionLabel>)]
    software: Option<String>,
    /// The seat ids of the access points at which it registers clients.
    #[schema(value_type = Vec<SeatId>, max_items = 20)]
    seat_ids: Vec<String>,
}

/// The practice's own solution.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OwnSolution, example = json!({ "software": "Odoo", "seat_ids": ["POP000123"], "revision": 2 }))]
pub struct OwnSolutionOut {
    /// The software, by the label of its option; null while none is named.
    software: Option<String>,
    /// The seat ids of the access points at which it registers clients.
    seat_ids: Vec<String>,
    /// Raised with each change; also the ETag.
    revision: i64,
}

/// The solution as it is now.
fn reply(conn: &mut Conn, practice: &Practice) -> Result<Reply> {
    let catalogue = custom_fields::catalogue(conn, practice)?;
    let OwnSolution { software, seat_ids, revision } = custom_fields::own_solution(conn, practice, &catalogue)?;
    Ok(Reply::ok(&OwnSolutionOut { software, seat_ids, revision })?.tagged(revision))
}

/// Read the practice's own solution
///
/// The software that the practice chose for its clients. It stands first among the options, marked `own`.
#[utoipa::path(operation_id = "get_own_solution", tag = "custom fields", security(("bearer" = ["clients:read"])),
    responses((status = 200, description = "The solution.", body = OwnSolutionOut)))]
#[get("/own-solution")]
pub async fn get_own_solution(may: May<ClientsRead>) -> Result<Reply, Problem> {
    may.read(|conn, caller| reply(conn, &caller.practice)).await
}

/// Name the practice's own solution
#[utoipa::path(operation_id = "put_own_solution", tag = "custom fields", request_body(content = OwnSolutionIn, description = "The solution."),
    params(("If-Match" = String, Header, description = "The ETag that was read.", pattern = r#"^"[0-9]+"$"#, example = "\"1\"")),
    security(("bearer" = ["practice:manage"])), responses((status = 200, description = "The solution as it is now.", body = OwnSolutionOut)))]
#[put("/own-solution")]
pub async fn put_own_solution(
    may: May<PracticeManage>,
    seen: SeenRevision,
    body: Body<OwnSolutionIn>,
) -> Result<Reply, Problem> {
    may.write(move |tx, caller| {
        let said = (body.value.software, body.value.seat_ids);
        custom_fields::set_own_solution(tx, &caller.practice, &caller.actor, seen.0, said)?;
        reply(tx, &caller.practice)
    })
    .await
}

/// Mounts the file's operations.
pub fn routes(routes: &mut Routes<'_, '_>) {
    routes.service(get_own_solution).service(put_own_solution);
}
