//! Which mailboxes there are, and how far they have been read.

use std::collections::HashMap;

use diesel::prelude::*;

use super::model::{MailboxId, Reading};
use crate::identity::{self, PracticeId};
use crate::kernel::clock::Instant;
use crate::kernel::config::MailSettings;
use crate::kernel::db::Conn;
use crate::kernel::error::{Error, Result};
use crate::kernel::secrets::Keyring;
use crate::kernel::{JsonText, Uid};
use crate::mail::{MailServer, SignIn};
use crate::schema::bounce_mailboxes as mailboxes;
use crate::senders::{self, SenderId};

/// How far a mailbox has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpoint {
    /// What the keys of its mails are valid for.
    pub uid_validity: u32,
    /// The last one that was read.
    pub last_uid: u32,
}

/// A mailbox as it is read.
#[derive(Debug, Clone)]
pub struct Place {
    /// Which one.
    pub mailbox: MailboxId,
    /// Whose mails come back there; any practice's when `None`.
    pub practice: Option<PracticeId>,
    /// Where it is, and how to sign in.
    pub server: MailServer,
    /// The folder.
    pub folder: String,
    /// How far it has been read.
    pub checkpoint: Option<Checkpoint>,
}

impl Place {
    /// What tells it from every other place: the same keys elsewhere are those of other mails.
    pub(super) fn name(&self) -> String {
        let username = match &self.server.sign_in {
            SignIn::None => "",
            SignIn::Password { username, .. } | SignIn::Token { username, .. } => username,
        };
        format!("{username}@{}:{}/{}", self.server.host, self.server.port, self.folder)
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = mailboxes)]
pub(super) struct Row {
    pub(super) id: Uid,
    pub(super) place: String,
    pub(super) uid_validity: Option<i64>,
    pub(super) last_uid: i64,
    pub(super) read_at: Option<Instant>,
    pub(super) fault: Option<JsonText>,
    pub(super) faults: i32,
}

impl Row {
    /// How far this place has been read; another one never was.
    pub(super) fn checkpoint(&self, place: &str) -> Option<Checkpoint> {
        let uid_validity = self.uid_validity.filter(|_| self.place == place)?;
        Some(Checkpoint { uid_validity: uid_validity.try_into().ok()?, last_uid: self.last_uid.try_into().ok()? })
    }
}

pub(super) fn row(conn: &mut Conn, mailbox: MailboxId) -> Result<Option<Row>> {
    Ok(mailboxes::table.find(mailbox.uid()).select(Row::as_select()).first(conn).optional()?)
}

/// A mailbox as it is to be read; `None` when there is none (any more).
///
/// # Errors
/// [`Error::Internal`] when its secrets do not open.
pub fn prepare(
    conn: &mut Conn,
    (mail, keyring): (&MailSettings, &Keyring),
    (sender, practice): (Option<SenderId>, Option<Uid>),
) -> Result<Option<Place>> {
    let practice = practice.map(PracticeId);
    let found = match (sender, practice) {
        (Some(sender), Some(practice)) => {
            let practice = identity::find_practice(conn, practice)?;
            let given = senders::Given { practice: &practice, mail, keyring };
            match senders::bounce_box_of(conn, given, sender) {
                Err(Error::NotFound(_)) => None,
                found => found?,
            }
        }
        (Some(_), None) => None,
        (None, _) => mail.bounces.as_ref().and_then(|shared| MailServer::mailbox_of_url(&shared.url)),
    };
    let Some((server, folder)) = found else { return Ok(None) };
    let mailbox = MailboxId::from(sender);
    let practice = practice.filter(|_| sender.is_some());
    let place = Place { mailbox, practice, server, folder, checkpoint: None };
    let checkpoint = row(conn, mailbox)?.and_then(|row| row.checkpoint(&place.name()));
    Ok(Some(Place { checkpoint, ..place }))
}

/// How the last readings of these mailboxes went; nothing for those that were never read.
///
/// # Errors
/// When the database refuses.
pub fn readings(conn: &mut Conn, asked: &[MailboxId]) -> Result<HashMap<MailboxId, Reading>> {
    let ids: Vec<Uid> = asked.iter().map(|mailbox| mailbox.uid()).collect();
    let rows: Vec<Row> = mailboxes::table.filter(mailboxes::id.eq_any(ids)).select(Row::as_select()).load(conn)?;
    let read = |row: Row| {
        let fault = row.fault.map(|fault| fault.read()).transpose()?;
        let mailbox =
            if row.id == MailboxId::Shared.uid() { MailboxId::Shared } else { MailboxId::Of(SenderId(row.id)) };
        Ok((mailbox, Reading { read_at: row.read_at, fault }))
    };
    rows.into_iter().map(read).collect()
}
