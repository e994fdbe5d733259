//! Clients that match now and did not when a campaign began: found, and mailed by a campaign of their own.

use super::audience::{Around, meant};
use super::drafts;
use super::model::{Campaign, CampaignId, Status};
use super::queries;
use crate::clients::{self, ClientId};
use crate::identity::Caller;
use crate::kernel::audit::{self, Event};
use crate::kernel::db::{Conn, Tx};
use crate::kernel::error::{Error, Result};

/// How many clients are named.
const MOST_NAMED: usize = 50;

/// Clients that have come to match.
#[derive(Debug, Clone, Default)]
pub struct Joined {
    /// How many.
    pub clients: i64,
    /// The first of them, by identifier and name.
    pub named: Vec<(ClientId, String)>,
}

/// The clients that a campaign would mean now and that neither it nor its follow-ups have had.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Invalid`] when its selection is broken by now.
pub fn joined(conn: &mut Conn, around: Around<'_>, id: CampaignId) -> Result<Joined> {
    let campaign = queries::find(conn, &around.caller.practice, id)?;
    let line = Campaign { root: Some(campaign.root.unwrap_or(campaign.id)), ..campaign };
    let keys = meant(conn, around, &line)?;
    let practice = &around.caller.practice;
    let keys = clients::active(conn, practice, &keys)?;
    let first = keys.get(..MOST_NAMED).unwrap_or(&keys);
    let names = clients::named_keys(conn, practice, first)?;
    let named = first.iter().filter_map(|key| names.get(key).cloned()).collect();
    Ok(Joined { clients: i64::try_from(keys.len()).unwrap_or(i64::MAX), named })
}

/// Makes a draft that says the same to the clients that have come to match since.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] `campaign_not_begun`.
pub fn follow_up(tx: &mut Tx<'_>, caller: &Caller, id: CampaignId) -> Result<CampaignId> {
    let before = queries::find(tx, &caller.practice, id)?;
    if matches!(before.status, Status::Draft | Status::Scheduled) {
        return Err(Error::conflict("campaign_not_begun"));
    }
    let made = Campaign {
        name: before.name.clone(),
        template: before.template,
        sender: before.sender,
        purpose: before.purpose,
        mode: before.mode,
        in_doubt: before.in_doubt,
        pause_share: before.pause_share,
        per_minute: before.per_minute,
        root: Some(before.root.unwrap_or(before.id)),
        ..drafts::blank(caller, before.chosen.clone(), tx.now())
    };
    drafts::insert(tx, &made)?;
    let event = Event::new("campaign.created", "api").on(made.id).after(&drafts::state(&made));
    audit::record(tx, caller.practice.uid(), &caller.actor, &event)?;
    Ok(made.id)
}
