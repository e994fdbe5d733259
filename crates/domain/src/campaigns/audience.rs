//! Whom a campaign means now, and what the verbs of this room stand on.

use std::collections::HashSet;

use diesel::prelude::*;

use super::model::{Campaign, CampaignId, State};
use crate::clients;
use crate::identity::Caller;
use crate::kernel::config::MailSettings;
use crate::kernel::db::{Conn, Db};
use crate::kernel::error::Result;
use crate::kernel::secrets::Keyring;
use crate::mail::Letters;
use crate::schema::{campaign_recipients as recipients, campaigns};
use crate::senders;
use crate::templates;
use crate::views::{Asker, Lists};

/// What the verbs stand on.
#[derive(Clone, Copy)]
pub struct Around<'a> {
    /// Who asks.
    pub caller: &'a Caller,
    /// The database.
    pub db: &'a Db,
    /// What lists are answered from.
    pub lists: &'a Lists,
    /// The delivered texts and the layout of mails.
    pub letters: &'a Letters,
    /// What the installation says of mails.
    pub mail: &'a MailSettings,
    /// What opens the secrets of senders.
    pub keyring: &'a Keyring,
}

impl<'a> Around<'a> {
    pub(super) fn templates(self) -> templates::Given<'a> {
        templates::Given { practice: &self.caller.practice, letters: self.letters }
    }

    pub(super) fn senders(self) -> senders::Given<'a> {
        senders::Given { practice: &self.caller.practice, mail: self.mail, keyring: self.keyring }
    }
}

/// The keys of the clients that a campaign means now, in their order; of a follow-up those that nobody of its
/// line has had: whoever came to match since, whose mail was cancelled, and who has an address now.
pub(super) fn meant(conn: &mut Conn, around: Around<'_>, campaign: &Campaign) -> Result<Vec<i64>> {
    let asker = Asker::of(around.caller, around.db.clock().now());
    let mut keys = around.lists.chosen(conn, &asker, &campaign.chosen, |_, keys, _| Ok(keys))?;
    if let Some(root) = campaign.root {
        let (had, unreached) = had_by(conn, root)?;
        keys.retain(|key| had.binary_search(key).is_err());
        let missed: Vec<i64> = keys.iter().copied().filter(|key| unreached.binary_search(key).is_ok()).collect();
        let notices = clients::active_notices(conn, &around.caller.practice, &missed)?;
        let reached: HashSet<i64> =
            notices.iter().filter(|notice| notice.address.is_some()).map(|notice| notice.client_key).collect();
        keys.retain(|key| unreached.binary_search(key).is_err() || reached.contains(key));
    }
    Ok(keys)
}

/// The clients that a campaign and its follow-ups have had, and those that they could not reach for want of an address, each in
/// the order of their keys. Whose mail was cancelled has not had it.
fn had_by(conn: &mut Conn, root: CampaignId) -> Result<(Vec<i64>, Vec<i64>)> {
    let line = campaigns::table.filter(campaigns::id.eq(root).or(campaigns::root_id.eq(root))).select(campaigns::key);
    let rows = || {
        let rows = recipients::table.filter(recipients::campaign_key.eq_any(line)).select(recipients::client_key);
        rows.order(recipients::client_key)
    };
    let missing = [State::Unreachable.as_str(), State::Cancelled.as_str()];
    let mut had: Vec<i64> = rows().filter(recipients::status.ne_all(missing)).load(conn)?;
    let mut unreached: Vec<i64> = rows().filter(recipients::status.eq(State::Unreachable.as_str())).load(conn)?;
    had.dedup();
    unreached.dedup();
    Ok((had, unreached))
}
