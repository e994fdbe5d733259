//! Campaigns: list, make, read, change, delete, begin.

use actix_web::web::{Data, Query};
use actix_web::{delete, get, patch, post};
use jiff::civil::DateTime;
use klaar_domain::campaigns::{self, CampaignId, Counts};
use klaar_domain::identity::{Caller, Practice};
use klaar_domain::kernel::catalogue::Language;
use klaar_domain::kernel::clock::Instant;
use klaar_domain::kernel::db::Conn;
use klaar_domain::kernel::error::{Error, Result};
use klaar_domain::kernel::page;
use klaar_domain::views::zone_of;

use super::around;
use super::ins::{CampaignIn, CampaignPatch, ScheduleIn};
use super::outs::CampaignOut;
use crate::State;
use crate::audit::PageQuery;
use crate::body::{Body, InPath};
use crate::guards::{CampaignsSend, ClientsRead, May, SeenRevision};
use crate::operations::OperationOut;
use crate::problem::Problem;
use crate::reply::{PageOut, Reply};

/// The campaign as it is now.
pub(super) fn reply(conn: &mut Conn, caller: &Caller, id: CampaignId, language: Language) -> Result<Reply> {
    let campaign = campaigns::find(conn, &caller.practice, id)?;
    let counts = Counts::read(conn, &campaign)?;
    let revision = campaign.revision;
    Ok(Reply::ok(&CampaignOut::of(campaign, &counts, language))?.tagged(revision))
}

/// List campaigns
///
/// The newest first. Mails that were sent from a client's card stand with the client.
#[utoipa::path(operation_id = "list_campaigns", tag = "campaigns", params(PageQuery), security(("bearer" = ["clients:read"])),
    responses((status = 200, description = "A page of campaigns.", body = PageOut<CampaignOut>)))]
#[get("/campaigns")]
pub async fn list_campaigns(may: May<ClientsRead>, query: Query<PageQuery>) -> Result<Reply, Problem> {
    let language = may.language;
    may.read(move |conn, caller| {
        let place = (query.cursor.as_deref(), page::limit(query.limit)?);
        let found = campaigns::list(conn, &caller.practice, place)?;
        let counts = found.items.iter().map(|one| Counts::read(conn, one)).collect::<Result<Vec<_>>>()?;
        let mut counts = counts.iter();
        let out = |campaign| CampaignOut::of(campaign, counts.next().unwrap_or(&Counts::default()), language);
        Reply::ok(&PageOut::from(found.map(out)))
    })
    .await
}

/// Make a campaign
///
/// A draft: nobody gets anything. Look at its preflight, then dispatch or schedule it.
#[utoipa::path(operation_id = "create_campaign", tag = "campaigns", request_body(content = CampaignIn, description = "The campaign."),
    security(("bearer" = ["campaigns:send"])), responses((status = 201, description = "The new draft.", body = CampaignOut)))]
#[post("/campaigns")]
pub async fn create_campaign(
    may: May<CampaignsSend>,
    state: Data<State>,
    body: Body<CampaignIn>,
) -> Result<Reply, Problem> {
    let language = may.language;
    may.once(body.hash, move |tx, caller| {
        let id = campaigns::create(tx, caller, &state.letters, body.value.into_new()?)?;
        Ok(reply(tx, caller, id, language)?.at(format!("/v1/campaigns/{id}")))
    })
    .await
}

/// Read a campaign
///
/// With how many of its clients are in each state. Their sum is the audience at every moment.
#[utoipa::path(operation_id = "get_campaign", tag = "campaigns",
    params(("id" = String, Path, description = "The campaign's identifier.", example = "cmp_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["clients:read"])), responses((status = 200, description = "The campaign.", body = CampaignOut)))]
#[get("/campaigns/{id}")]
pub async fn get_campaign(may: May<ClientsRead>, id: InPath<CampaignId>) -> Result<Reply, Problem> {
    let language = may.language;
    may.read(move |conn, caller| reply(conn, caller, id.get()?, language)).await
}

/// Change a campaign
///
/// A draft in everything. One that has begun in its name, its rate and what becomes of failures and doubts.
#[utoipa::path(operation_id = "update_campaign", tag = "campaigns", request_body(content = CampaignPatch, description = "The change."),
    params(("id" = String, Path, description = "The campaign's identifier.", example = "cmp_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b"),
        ("If-Match" = String, Header, description = "The ETag that was read.", pattern = r#"^"[0-9]+"$"#, example = "\"1\"")),
    security(("bearer" = ["campaigns:send"])), responses((status = 200, description = "The campaign as it is now.", body = CampaignOut)))]
#[patch("/campaigns/{id}")]
pub async fn update_campaign(
    may: May<CampaignsSend>,
    id: InPath<CampaignId>,
    seen: SeenRevision,
    state: Data<State>,
    body: Body<CampaignPatch>,
) -> Result<Reply, Problem> {
    let language = may.language;
    may.write(move |tx, caller| {
        let id = id.get()?;
        campaigns::change(tx, (caller, &state.letters), (id, seen.0), body.value.change()?)?;
        reply(tx, caller, id, language)
    })
    .await
}

/// Delete a draft
///
/// What has begun stays known.
#[utoipa::path(operation_id = "delete_campaign", tag = "campaigns",
    params(("id" = String, Path, description = "The campaign's identifier.", example = "cmp_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["campaigns:send"])), responses((status = 204, description = "It is gone.")))]
#[delete("/campaigns/{id}")]
pub async fn delete_campaign(may: May<CampaignsSend>, id: InPath<CampaignId>) -> Result<Reply, Problem> {
    may.write(move |tx, caller| {
        campaigns::delete(tx, caller, id.get()?)?;
        Ok(Reply::no_content())
    })
    .await
}

/// Dispatch a campaign
///
/// Freezes its audience, one row for each client, and begins to send. What its preflight blocks is refused.
#[utoipa::path(operation_id = "dispatch_campaign", tag = "campaigns",
    params(("id" = String, Path, description = "The campaign's identifier.", example = "cmp_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b"),
        ("If-Match" = String, Header, description = "The ETag that was read.", pattern = r#"^"[0-9]+"$"#, example = "\"1\"")),
    security(("bearer" = ["campaigns:send"])), responses((status = 202, description = "It runs.", body = OperationOut)))]
#[post("/campaigns/{id}/dispatch")]
pub async fn dispatch_campaign(
    may: (May<CampaignsSend>, May<CampaignsSend>),
    id: InPath<CampaignId>,
    seen: SeenRevision,
) -> Result<Reply, Problem> {
    let (first, may) = may;
    let language = may.language;
    let id = id.get().map_err(|error| Problem::in_language(error, language))?;
    let ready = first.unless_kept(Vec::new(), move |state, caller| {
        state.db.read(|conn| campaigns::prepare_dispatch(conn, around(state, caller), (id, seen.0)))
    });
    let ready = ready.await?;
    may.once(Vec::new(), move |tx, caller| {
        let ready = ready.as_ref().ok_or_else(|| Error::internal("a kept reply is gone"))?;
        let (_, operation) = campaigns::launch(tx, caller, ready)?;
        let place = format!("/v1/operations/{}", operation.id);
        Reply::accepted(place, &OperationOut::of(operation, language))
    })
    .await
}

/// Schedule a campaign
///
/// It begins by itself at that moment. When that is missed by more than an hour, as in a database that was brought back, it becomes
/// a draft again instead.
#[utoipa::path(operation_id = "schedule_campaign", tag = "campaigns", request_body(content = ScheduleIn, description = "When."),
    params(("id" = String, Path, description = "The campaign's identifier.", example = "cmp_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b"),
        ("If-Match" = String, Header, description = "The ETag that was read.", pattern = r#"^"[0-9]+"$"#, example = "\"1\"")),
    security(("bearer" = ["campaigns:send"])), responses((status = 200, description = "The campaign as it is now.", body = CampaignOut)))]
#[post("/campaigns/{id}/schedule")]
pub async fn schedule_campaign(
    may: May<CampaignsSend>,
    id: InPath<CampaignId>,
    seen: SeenRevision,
    body: Body<ScheduleIn>,
) -> Result<Reply, Problem> {
    let language = may.language;
    may.once(body.hash, move |tx, caller| {
        let (id, at) = (id.get()?, moment(&body.value.at, &caller.practice)?);
        campaigns::schedule(tx, caller, (id, seen.0), at)?;
        reply(tx, caller, id, language)
    })
    .await
}

/// A moment, on the practice's clocks where it has no offset of its own.
fn moment(typed: &str, practice: &Practice) -> Result<Instant> {
    let malformed = || Error::invalid("/at", "malformed_instant");
    if let Ok(at) = Instant::parse(typed.trim()) {
        return Ok(at);
    }
    let local: DateTime = typed.trim().parse().map_err(|_| malformed())?;
    let zoned = local.to_zoned(zone_of(practice)).map_err(|_| malformed())?;
    Ok(Instant(zoned.timestamp().as_microsecond()))
}

/// Unschedule a campaign
///
/// It is a draft again.
#[utoipa::path(operation_id = "unschedule_campaign", tag = "campaigns",
    params(("id" = String, Path, description = "The campaign's identifier.", example = "cmp_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b"),
        ("If-Match" = String, Header, description = "The ETag that was read.", pattern = r#"^"[0-9]+"$"#, example = "\"1\"")),
    security(("bearer" = ["campaigns:send"])), responses((status = 200, description = "The campaign as it is now.", body = CampaignOut)))]
#[post("/campaigns/{id}/unschedule")]
pub async fn unschedule_campaign(
    may: May<CampaignsSend>,
    id: InPath<CampaignId>,
    seen: SeenRevision,
) -> Result<Reply, Problem> {
    let language = may.language;
    may.once(Vec::new(), move |tx, caller| {
        let id = id.get()?;
        campaigns::unschedule(tx, caller, (id, seen.0))?;
        reply(tx, caller, id, language)
    })
    .await
}
