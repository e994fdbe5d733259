//! What people do to a campaign that has begun: pause, resume, cancel, settle what is in doubt, send again what failed.

use diesel::prelude::*;
use serde_json::json;

use super::jobs::enqueue_turn;
use super::model::{Campaign, CampaignId, State, Status};
use super::{attachments, queries};
use crate::clients::{self, ClientId};
use crate::identity::Caller;
use crate::kernel::JsonText;
use crate::kernel::audit::{self, Event};
use crate::kernel::clock::Instant;
use crate::kernel::db::Tx;
use crate::kernel::error::{Error, Result};
use crate::kernel::operations::{self, OperationId, Problem};
use crate::schema::{campaign_recipients as recipients, campaigns};

/// Puts a campaign into another status, if it is in one of these still.
fn moved(tx: &mut Tx<'_>, campaign: &Campaign, from: &[Status], to: Status) -> Result<()> {
    let names: Vec<&str> = from.iter().map(|status| status.as_str()).collect();
    let now = tx.now();
    let moved = diesel::update(campaigns::table.find(campaign.key).filter(campaigns::status.eq_any(names)))
        .set((
            campaigns::status.eq(to.as_str()),
            campaigns::revision.eq(campaigns::revision + 1),
            campaigns::updated_at.eq(now),
        ))
        .execute(&mut **tx)?;
    if moved == 1 {
        return Ok(());
    }
    Err(Error::conflict_with("campaign_status", vec![("status", campaign.status.as_str().to_owned())]))
}

fn record(tx: &mut Tx<'_>, caller: &Caller, campaign: &Campaign, kind: &'static str) -> Result<()> {
    let event = Event::new(kind, "api").on(campaign.id).before(&json!({ "status": campaign.status.as_str() }));
    audit::record(tx, caller.practice.uid(), &caller.actor, &event)?;
    Ok(())
}

/// Pauses a campaign: nothing goes out any more but what is on its way.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] `campaign_status` for one that does not run.
pub fn pause(tx: &mut Tx<'_>, caller: &Caller, id: CampaignId) -> Result<()> {
    let campaign = queries::find(tx, &caller.practice, id)?;
    moved(tx, &campaign, &[Status::Running], Status::Paused)?;
    record(tx, caller, &campaign, "campaign.paused")
}

/// Resumes a paused campaign; failures count anew towards its pause.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] `campaign_status` for one that is not paused.
pub fn resume(tx: &mut Tx<'_>, caller: &Caller, id: CampaignId) -> Result<()> {
    let campaign = queries::find(tx, &caller.practice, id)?;
    moved(tx, &campaign, &[Status::Paused], Status::Running)?;
    go_on(tx, &campaign, campaign.operation)?;
    record(tx, caller, &campaign, "campaign.resumed")
}

/// Leaves a job behind for a campaign that runs again.
fn go_on(tx: &mut Tx<'_>, campaign: &Campaign, operation: Option<OperationId>) -> Result<()> {
    let (now, turn) = (tx.now(), campaign.turn + 1);
    diesel::update(campaigns::table.find(campaign.key))
        .set((
            campaigns::turn.eq(turn),
            campaigns::faults.eq(0),
            campaigns::watched_from.eq(now),
            campaigns::paused_for.eq(None::<JsonText>),
            campaigns::operation_id.eq(operation),
            campaigns::finished_at.eq(None::<Instant>),
        ))
        .execute(&mut **tx)?;
    enqueue_turn(tx, &Campaign { operation, ..campaign.clone() }, turn, None)
}

/// Cancels a campaign: those who wait get nothing; what is on its way arrives.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] `campaign_status` for one that is over or has not begun.
pub fn cancel(tx: &mut Tx<'_>, caller: &Caller, id: CampaignId) -> Result<()> {
    let campaign = queries::find(tx, &caller.practice, id)?;
    moved(tx, &campaign, &[Status::Running, Status::Paused], Status::Cancelled)?;
    let now = tx.now();
    let waiting = recipients::campaign_key.eq(campaign.key).and(recipients::status.eq(State::Waiting.as_str()));
    diesel::update(recipients::table.filter(waiting))
        .set((recipients::status.eq(State::Cancelled.as_str()), recipients::settled_at.eq(Some(now))))
        .execute(&mut **tx)?;
    diesel::update(campaigns::table.find(campaign.key))
        .set((campaigns::finished_at.eq(Some(now)), campaigns::paused_for.eq(None::<JsonText>)))
        .execute(&mut **tx)?;
    if let Some(operation) = campaign.operation {
        operations::fail(tx, operation, &Problem::new("campaign_cancelled"))?;
    }
    // Somebody has to look after what is on its way should its worker die.
    let turn = campaign.turn + 1;
    diesel::update(campaigns::table.find(campaign.key)).set(campaigns::turn.eq(turn)).execute(&mut **tx)?;
    enqueue_turn(tx, &Campaign { operation: None, ..campaign.clone() }, turn, None)?;
    record(tx, caller, &campaign, "campaign.cancelled")
}

/// What a person says of a mail in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// It arrived.
    Sent,
    /// It did not.
    Failed,
    /// It is to go out again, as the same mail.
    Again,
}

/// Settles mails in doubt: that of one client, or all of a campaign. Returns how many clients' rows were settled.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] `not_in_doubt` for a client whose mail is not, `campaign_status` for what is to go
/// out again although its campaign was cancelled, `attachment_gone` for what cannot any more.
pub fn settle(
    tx: &mut Tx<'_>,
    caller: &Caller,
    (id, client): (CampaignId, Option<ClientId>),
    settled: Settled,
) -> Result<usize> {
    let campaign = queries::find(tx, &caller.practice, id)?;
    if settled == Settled::Again && campaign.status == Status::Cancelled {
        // Nobody would ever send it.
        let status = campaign.status.as_str().to_owned();
        return Err(Error::conflict_with("campaign_status", vec![("status", status)]));
    }
    let now = tx.now();
    let (state, at) = match settled {
        Settled::Sent => (State::Sent, Some(now)),
        Settled::Failed => (State::Failed, Some(now)),
        Settled::Again => (State::Waiting, None),
    };
    let doubtful = recipients::table
        .filter(recipients::campaign_key.eq(campaign.key).and(recipients::status.eq(State::InDoubt.as_str())));
    let change = (recipients::status.eq(state.as_str()), recipients::due_at.eq(now), recipients::settled_at.eq(at));
    let count = match client {
        Some(client) => {
            let client = clients::find(tx, &caller.practice, client)?;
            let own = recipients::campaign_key.eq(campaign.key).and(recipients::client_key.eq(client.key));
            let leader: Option<i64> =
                recipients::table.filter(own).select(recipients::leader_key).first(&mut **tx).optional()?;
            let leader = leader.ok_or(Error::NotFound("recipient"))?;
            diesel::update(doubtful.filter(recipients::leader_key.eq(leader))).set(change).execute(&mut **tx)?
        }
        None => diesel::update(doubtful).set(change).execute(&mut **tx)?,
    };
    if count == 0 {
        return Err(Error::conflict("not_in_doubt"));
    }
    if settled == Settled::Again {
        again(tx, caller, &campaign, i64::try_from(count).unwrap_or(i64::MAX))?;
    }
    let said = json!({ "as": state.as_str(), "clients": count, "client": client });
    let event = Event::new("campaign.doubt_settled", "api").on(id).after(&said);
    audit::record(tx, caller.practice.uid(), &caller.actor, &event)?;
    Ok(count)
}

/// Has a campaign that is over run again for those who wait now.
fn again(tx: &mut Tx<'_>, caller: &Caller, campaign: &Campaign, clients: i64) -> Result<()> {
    if campaign.status != Status::Finished {
        return match campaign.status {
            Status::Running => go_on(tx, campaign, campaign.operation),
            _ => Ok(()),
        };
    }
    attachments::still_kept(tx, campaign)?;
    moved(tx, campaign, &[Status::Finished], Status::Running)?;
    let operation = operations::create(tx, caller.practice.uid(), &caller.actor, "campaign", Some(clients))?;
    go_on(tx, campaign, Some(operation))
}

/// Sends again what failed and what came back: those rows wait anew. Returns how many.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] `campaign_status` for a cancelled campaign or a draft, `nothing_failed`, or
/// `attachment_gone` for one that was over for so long that a file of it is gone.
pub fn retry_failed(tx: &mut Tx<'_>, caller: &Caller, id: CampaignId) -> Result<usize> {
    let campaign = queries::find(tx, &caller.practice, id)?;
    if !matches!(campaign.status, Status::Running | Status::Paused | Status::Finished) {
        let status = campaign.status.as_str().to_owned();
        return Err(Error::conflict_with("campaign_status", vec![("status", status)]));
    }
    let now = tx.now();
    let failed = recipients::campaign_key
        .eq(campaign.key)
        .and(recipients::status.eq_any([State::Failed.as_str(), State::Bounced.as_str()]));
    let count = diesel::update(recipients::table.filter(failed))
        .set((
            recipients::status.eq(State::Waiting.as_str()),
            recipients::attempts.eq(0),
            recipients::bounce.eq(None::<&str>),
            recipients::due_at.eq(now),
            recipients::settled_at.eq(None::<Instant>),
        ))
        .execute(&mut **tx)?;
    if count == 0 {
        return Err(Error::conflict("nothing_failed"));
    }
    again(tx, caller, &campaign, i64::try_from(count).unwrap_or(i64::MAX))?;
    let event = Event::new("campaign.retried", "api").on(id).after(&json!({ "clients": count }));
    audit::record(tx, caller.practice.uid(), &caller.actor, &event)?;
    Ok(count)
}
