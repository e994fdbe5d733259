//! How a sender that somebody gives is checked before anything is connected to or stored.

use std::collections::BTreeMap;

use super::fields::Wrong;
use super::model::{BounceBox, Limits, Secrets, Sender, SenderId, ServerCard};
use super::queries;
use super::servers::FOR_MAILS;
use crate::identity::Practice;
use crate::kernel::catalogue::Language;
use crate::kernel::config::MailSettings;
use crate::kernel::db::Conn;
use crate::kernel::error::{Error, Result};
use crate::kernel::patch::Patch;
use crate::kernel::secrets::{Keyring, Secret};
use crate::mail::MailServer;

const MOST_PER_MINUTE: i32 = 10_000;
const MOST_PER_DAY: i32 = 1_000_000;

/// A server as somebody gives it.
#[derive(Debug, Clone, Default)]
pub struct ServerDraft {
    /// Its name or address.
    pub host: String,
    /// Its port; the usual one of the security when not given.
    pub port: Option<i32>,
    /// `tls`, `starttls` or `none`; `tls` when not given.
    pub security: Option<String>,
    /// `none`, `password` or `xoauth2`; `none` when not given.
    pub sign_in: Option<String>,
    /// Who signs in.
    pub username: Option<String>,
    /// Where access tokens are asked for.
    pub token_url: Option<String>,
    /// The program that the refresh token was given to.
    pub client_id: Option<String>,
    /// The password.
    pub password: Option<Secret>,
    /// The program's secret.
    pub client_secret: Option<Secret>,
    /// The refresh token.
    pub refresh_token: Option<Secret>,
}

/// A mailbox that mails come back to, as somebody gives it.
#[derive(Debug, Clone, Default)]
pub struct BounceDraft {
    /// Where it is and how to sign in.
    pub server: ServerDraft,
    /// The folder; INBOX when not given.
    pub folder: Option<String>,
    /// The address that mails come back to.
    pub return_path: Option<String>,
}

/// A sender as somebody gives it.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// What the practice calls it.
    pub name: String,
    /// The name that readers see; the practice's when not given.
    pub from_name: Option<String>,
    /// The address that readers see.
    pub from_address: Option<String>,
    /// Where answers go.
    pub reply_to: Option<String>,
    /// What stands below a mail, by language.
    pub signatures: BTreeMap<String, String>,
    /// The server.
    pub server: Option<ServerDraft>,
    /// The mailbox that mails come back to.
    pub bounces: Option<BounceDraft>,
    /// Mails a minute.
    pub per_minute: Option<i32>,
    /// Mails a day.
    pub per_day: Option<i32>,
    /// It is taken when nobody says another.
    pub is_default: bool,
}

/// What a PATCH says of a sender.
#[derive(Debug, Clone, Default)]
pub struct SenderChange {
    /// What the practice calls it.
    pub name: Patch<String>,
    /// The name that readers see.
    pub from_name: Patch<String>,
    /// The address that readers see.
    pub from_address: Patch<String>,
    /// Where answers go.
    pub reply_to: Patch<String>,
    /// All signatures anew.
    pub signatures: Patch<BTreeMap<String, String>>,
    /// The server as a whole; null for the installation's.
    pub server: Patch<ServerDraft>,
    /// The mailbox that mails come back to, as a whole; null for none.
    pub bounces: Patch<BounceDraft>,
    /// Mails a minute.
    pub per_minute: Patch<i32>,
    /// Mails a day.
    pub per_day: Patch<i32>,
    /// It is taken when nobody says another.
    pub is_default: Patch<bool>,
}

/// What is known about where a sender is to be stored.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    /// The practice.
    pub practice: &'a Practice,
    /// What the installation offers.
    pub mail: &'a MailSettings,
    /// The keys for secrets at rest.
    pub keyring: &'a Keyring,
}

/// A sender that has been checked.
#[derive(Debug, Clone)]
pub struct Prepared {
    pub(super) name: String,
    pub(super) from_name: String,
    pub(super) from_address: Option<String>,
    pub(super) reply_to: Option<String>,
    pub(super) signatures: BTreeMap<Language, String>,
    pub(super) server: Option<(ServerCard, Secrets)>,
    pub(super) bounces: Option<(BounceBox, Secrets)>,
    pub(super) limits: Limits,
    pub(super) is_default: bool,
    pub(super) has_new_server: bool,
    pub(super) has_new_bounces: bool,
}

/// What is to be tried before a sender is stored, as far as it is new.
#[derive(Debug, Clone, Default)]
pub struct Trial {
    /// A server that is to let us in.
    pub server: Option<MailServer>,
    /// A server that is to let mails come back to an address.
    pub returning: Option<(MailServer, String)>,
    /// A mailbox that is to let us in, and its folder.
    pub mailbox: Option<(MailServer, String)>,
}

impl Prepared {
    /// What is to be tried before the sender is stored: nothing that stays as it is.
    ///
    /// # Errors
    /// As [`ServerCard::with`].
    pub fn to_try(&self) -> Result<Trial> {
        let server = self.server.as_ref().map(|(card, secrets)| card.with(secrets.clone())).transpose()?;
        let bounces = self.bounces.as_ref().filter(|_| self.has_new_bounces);
        let mailbox = bounces
            .map(|(bounces, secrets)| Ok::<_, Error>((bounces.server.with(secrets.clone())?, bounces.folder.clone())));
        let is_new = self.has_new_server || self.has_new_bounces;
        let path = self.bounces.as_ref().and_then(|(bounces, _)| bounces.return_path.clone()).filter(|_| is_new);
        Ok(Trial {
            returning: server.clone().zip(path),
            server: server.filter(|_| self.has_new_server),
            mailbox: mailbox.transpose()?,
        })
    }

    /// The sender as it becomes.
    pub(super) fn applied_to(&self, before: &Sender) -> Sender {
        Sender {
            name: self.name.clone(),
            from_name: self.from_name.clone(),
            from_address: self.from_address.clone(),
            reply_to: self.reply_to.clone(),
            signatures: self.signatures.clone(),
            server: self.server.as_ref().map(|(card, _)| card.clone()),
            bounces: self.bounces.as_ref().map(|(bounces, _)| bounces.clone()),
            limits: self.limits,
            is_default: self.is_default,
            ..before.clone()
        }
    }
}

/// Checks a new sender.
///
/// # Errors
/// [`Error::Invalid`] with an entry for each wrong field.
pub fn prepare(given: Given<'_>, draft: Draft) -> Result<Prepared> {
    let mut wrong = Wrong::default();
    let server = draft.server.map(|server| wrong.server(server, &FOR_MAILS, None));
    let bounces = draft.bounces.map(|bounces| wrong.bounces(bounces, None));
    let prepared = Prepared {
        name: wrong.name(&draft.name, "/name"),
        from_name: wrong.name(draft.from_name.as_deref().unwrap_or(&given.practice.name), "/from_name"),
        from_address: wrong.email(draft.from_address.as_deref(), "/from_address"),
        reply_to: wrong.email(draft.reply_to.as_deref(), "/reply_to"),
        signatures: wrong.signatures(draft.signatures),
        limits: Limits {
            per_minute: wrong.limit(draft.per_minute, "/per_minute", MOST_PER_MINUTE),
            per_day: wrong.limit(draft.per_day, "/per_day", MOST_PER_DAY),
        },
        has_new_server: server.is_some(),
        server,
        has_new_bounces: bounces.is_some(),
        bounces,
        is_default: draft.is_default,
    };
    wrong.together(&prepared, given.mail);
    wrong.or(prepared)
}

/// Checks a change to a sender against what it is now.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Stale`] when `revision` is not the present one; [`Error::Invalid`] with an entry for each
/// wrong field.
pub fn prepare_change(
    conn: &mut Conn,
    given: Given<'_>,
    (id, revision): (SenderId, i64),
    change: SenderChange,
) -> Result<(Sender, Prepared)> {
    let before = queries::sender(conn, given.practice, id)?;
    if before.revision != revision {
        return Err(Error::Stale);
    }
    let (secrets, of_bounces) = (queries::secrets(conn, given, id)?, queries::bounce_secrets(conn, given, id)?);
    let mut wrong = Wrong::default();
    let (server, has_new_server) = match change.server {
        Patch::Absent => (before.server.clone().map(|card| (card, secrets)), false),
        Patch::Null => (None, false),
        Patch::Value(draft) => {
            (Some(wrong.server(draft, &FOR_MAILS, before.server.as_ref().zip(Some(&secrets)))), true)
        }
    };
    let (bounces, has_new_bounces) = match change.bounces {
        // A sender that gives up its server gives up what belongs to that.
        Patch::Absent => {
            (before.bounces.clone().filter(|_| server.is_some()).map(|bounces| (bounces, of_bounces)), false)
        }
        Patch::Null => (None, false),
        Patch::Value(draft) => {
            let known = before.bounces.as_ref().map(|bounces| (&bounces.server, &of_bounces));
            (Some(wrong.bounces(draft, known)), true)
        }
    };
    let prepared = Prepared {
        name: wrong.patched_name(change.name, "/name", &before.name),
        from_name: wrong.patched_name(change.from_name, "/from_name", &before.from_name),
        from_address: wrong.patched_email(change.from_address, "/from_address", before.from_address.as_ref()),
        reply_to: wrong.patched_email(change.reply_to, "/reply_to", before.reply_to.as_ref()),
        signatures: match change.signatures {
            Patch::Absent => before.signatures.clone(),
            Patch::Null => BTreeMap::new(),
            Patch::Value(texts) => wrong.signatures(texts),
        },
        limits: Limits {
            per_minute: wrong.patched_limit(
                change.per_minute,
                ("/per_minute", MOST_PER_MINUTE),
                before.limits.per_minute,
            ),
            per_day: wrong.patched_limit(change.per_day, ("/per_day", MOST_PER_DAY), before.limits.per_day),
        },
        has_new_server,
        server,
        has_new_bounces,
        bounces,
        is_default: wrong.remains_default(change.is_default, before.is_default),
    };
    wrong.together(&prepared, given.mail);
    Ok((before, wrong.or(prepared)?))
}
