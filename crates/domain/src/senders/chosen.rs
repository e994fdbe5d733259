//! Who a mail is from: the sender that was named, or the practice's default one, or the practice itself by the
//! installation's server.

use std::collections::BTreeMap;

use super::checks::Given;
use super::model::{Limits, Sender, SenderId};
use super::queries;
use crate::kernel::catalogue::Language;
use crate::kernel::config::MailSettings;
use crate::kernel::db::Conn;
use crate::kernel::error::{Error, Result};
use crate::mail::{MailServer, Party};

/// Who a mail is from.
#[derive(Debug, Clone)]
pub struct From {
    /// The sender; `None` for the practice by the installation's server.
    pub sender: Option<SenderId>,
    /// The name and the address that readers see.
    pub party: Party,
    /// Where answers go, when not there.
    pub reply_to: Option<String>,
    /// What stands below a mail, by language.
    pub signatures: BTreeMap<Language, String>,
    /// How much it may send.
    pub limits: Limits,
    /// The address that its mails come back to, each with its own mark; the address that readers see when `None`.
    pub return_path: Option<String>,
}

impl From {
    /// The domain that its mails come from.
    #[must_use]
    pub fn domain(&self) -> Option<&str> {
        domain_of(&self.party.address)
    }

    /// The domain that its mails come back to.
    #[must_use]
    pub fn envelope_domain(&self) -> Option<&str> {
        domain_of(self.return_path.as_deref().unwrap_or(&self.party.address))
    }

    /// What stands below a mail in a language; in any when there is none in that one.
    #[must_use]
    pub fn signature(&self, language: Language) -> Option<&str> {
        let signature = self.signatures.get(&language).or_else(|| self.signatures.values().next());
        signature.map(String::as_str)
    }
}

fn domain_of(address: &str) -> Option<&str> {
    address.rsplit_once('@').map(|(_, domain)| domain)
}

/// Who a mail is from.
///
/// # Errors
/// [`Error::Invalid`] `unknown_sender` on `/sender_id`; [`Error::Conflict`] `no_shared_server` when that sender, or the
/// practice without one, needs the installation's server and there is none.
pub fn from_of(conn: &mut Conn, given: Given<'_>, named: Option<SenderId>) -> Result<From> {
    let sender = match named {
        Some(id) => Some(queries::sender(conn, given.practice, id).map_err(|error| match error {
            Error::NotFound(_) => Error::invalid("/sender_id", "unknown_sender"),
            other => other,
        })?),
        None => queries::senders(conn, given.practice)?.into_iter().find(|sender| sender.is_default),
    };
    let shared = || given.mail.shared.as_ref().map(|shared| shared.from.clone());
    let address = sender.as_ref().and_then(|sender| sender.from_address.clone()).or_else(shared);
    let address = address.ok_or_else(|| Error::conflict("no_shared_server"))?;
    Ok(match sender {
        Some(Sender { id, from_name, reply_to, signatures, limits, server, bounces, .. }) => From {
            sender: Some(id),
            party: Party { name: from_name, address },
            reply_to,
            signatures,
            limits,
            return_path: match server {
                Some(_) => bounces.and_then(|bounces| bounces.return_path),
                None => shared_return_path(given.mail),
            },
        },
        None => From {
            sender: None,
            party: Party { name: given.practice.name.clone(), address },
            reply_to: None,
            signatures: BTreeMap::new(),
            limits: Limits::default(),
            return_path: shared_return_path(given.mail),
        },
    })
}

fn shared_return_path(mail: &MailSettings) -> Option<String> {
    mail.bounces.as_ref().and_then(|bounces| bounces.return_path.clone())
}

/// The server that takes the mails of a sender, or of the practice by the installation's.
///
/// # Errors
/// As [`queries::server_of`].
pub fn server_for(conn: &mut Conn, given: Given<'_>, sender: Option<SenderId>) -> Result<MailServer> {
    match sender {
        Some(id) => {
            let sender = queries::sender(conn, given.practice, id)?;
            queries::server_of(conn, given, &sender)
        }
        None => queries::shared_server(given),
    }
}
