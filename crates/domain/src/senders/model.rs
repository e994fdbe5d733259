//! The nouns.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::kernel::catalogue::Language;
use crate::kernel::clock::Instant;
use crate::kernel::error::{Error, Result};
use crate::kernel::secrets::Secret;
use crate::mail::{Grant, MailServer, Security, SignIn};

crate::id_type!(
    /// Identifies a sender.
    SenderId,
    "snd"
);

/// The most senders of a practice.
pub const MOST_SENDERS: i64 = 50;

/// Who mails come from.
#[derive(Debug, Clone)]
pub struct Sender {
    /// The identifier on the wire.
    pub id: SenderId,
    /// What the practice calls it.
    pub name: String,
    /// The name that readers see.
    pub from_name: String,
    /// The address that readers see; the installation's when the sender has no server of its own.
    pub from_address: Option<String>,
    /// Where answers go, when not to the address they came from.
    pub reply_to: Option<String>,
    /// What stands below a mail, by language.
    pub signatures: BTreeMap<Language, String>,
    /// The server; the installation's when there is none.
    pub server: Option<ServerCard>,
    /// The mailbox that its mails come back to; only with a server of its own.
    pub bounces: Option<BounceBox>,
    /// How much it may send.
    pub limits: Limits,
    /// It is taken when nobody says another.
    pub is_default: bool,
    /// When its server last let us in.
    pub tested_at: Option<Instant>,
    /// Raised with each change.
    pub revision: i64,
    /// When it was made.
    pub created_at: Instant,
    /// When it was last changed.
    pub updated_at: Instant,
}

/// How much a sender may send; as much as it can where nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Limits {
    /// Mails a minute.
    pub per_minute: Option<i32>,
    /// Mails a day, in the practice's time zone.
    pub per_day: Option<i32>,
}

/// How a sender signs in to its server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignInKind {
    /// Not at all.
    None,
    /// By name and password.
    Password,
    /// By name and an access token that a refresh token is exchanged for.
    Xoauth2,
}

impl SignInKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::None, Self::Password, Self::Xoauth2];

    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Password => "password",
            Self::Xoauth2 => "xoauth2",
        }
    }
}

impl std::str::FromStr for SignInKind {
    type Err = ();
    fn from_str(text: &str) -> std::result::Result<Self, ()> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(())
    }
}

/// A mail server without what is secret of it; as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerCard {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the dialogue with it is kept from being read.
    pub security: Security,
    /// How to sign in.
    pub sign_in: SignInKind,
    /// Who signs in.
    pub username: Option<String>,
    /// Where access tokens are asked for.
    pub token_url: Option<Url>,
    /// The program that the refresh token was given to.
    pub client_id: Option<String>,
}

/// A mailbox that mails come back to, without what is secret of it; as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BounceBox {
    /// Where it is and how to sign in.
    #[serde(flatten)]
    pub server: ServerCard,
    /// The folder, as the server calls it.
    pub folder: String,
    /// The address that mails come back to, to which each puts its own mark behind a plus; that of the sender when `None`.
    pub return_path: Option<String>,
}

/// What is secret of a server; stored sealed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Secrets {
    /// For [`SignInKind::Password`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    /// For [`SignInKind::Xoauth2`], when the program has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<Secret>,
    /// For [`SignInKind::Xoauth2`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<Secret>,
}

impl ServerCard {
    /// Whether a secret that was given for `other` may be kept for this one: it goes to the same place for the same person.
    #[must_use]
    pub fn shares_secrets_with(&self, other: &Self) -> bool {
        (&self.host, self.port, self.sign_in, &self.username, &self.token_url, &self.client_id)
            == (&other.host, other.port, other.sign_in, &other.username, &other.token_url, &other.client_id)
            && (self.security != Security::None || other.security == Security::None)
    }

    /// The server as it is connected to.
    ///
    /// # Errors
    /// [`Error::Internal`] when a part is missing, which the checks do not let through.
    pub fn with(&self, secrets: Secrets) -> Result<MailServer> {
        let part = |name: &str| Error::internal(format!("a mail server is stored without its {name}"));
        let username = || self.username.clone().ok_or_else(|| part("username"));
        let sign_in = match self.sign_in {
            SignInKind::None => SignIn::None,
            SignInKind::Password => {
                SignIn::Password { username: username()?, password: secrets.password.ok_or_else(|| part("password"))? }
            }
            SignInKind::Xoauth2 => SignIn::Token {
                username: username()?,
                grant: Grant {
                    token_url: self.token_url.clone().ok_or_else(|| part("token endpoint"))?,
                    client_id: self.client_id.clone().ok_or_else(|| part("client"))?,
                    client_secret: secrets.client_secret,
                    refresh_token: secrets.refresh_token.ok_or_else(|| part("refresh token"))?,
                },
            },
        };
        Ok(MailServer { host: self.host.clone(), port: self.port, security: self.security, sign_in, is_own: false })
    }
}
