//! Whom a campaign means now, and what the verbs of this room stand on.

use diesel::prelude::*;

use super::model::{Campaign, CampaignId};
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

/// The keys of the clients that a campaign means now, in their order; of a follow-up those that nobody of its line has had.
pub(super) fn meant(conn: &mut Conn, around: Around<'_>, campaign: &Campaign) -> Result<Vec<i64>> {
    let asker = Asker::of(around.caller, around.db.clock().now());
    let mut keys = around.lists.chosen(conn, &asker, &campaign.chosen, |_, keys, _| Ok(keys))?;
    if let Some(root) = campaign.root {
        let had = had_by(conn, root)?;
        keys.retain(|key| had.binary_search(key).is_err());
    }
    Ok(keys)
}

/// The clients of a campaign and its follow-ups, in the order of their keys.
fn had_by(conn: &mut Conn, root: CampaignId) -> Result<Vec<i64>> {
    let line = campaigns::table.filter(campaigns::id.eq(root).or(campaigns::root_id.eq(root))).select(campaigns::key);
    let mut had: Vec<i64> =
        recipients::table.filter(recipients::campaign_key.eq_any(line)).select(recipients::client_key).load(conn)?;
    had.sort_unstable();
    had.dedup();
    Ok(had)
}
