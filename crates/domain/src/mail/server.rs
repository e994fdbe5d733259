//! The nouns: a mail server and how to sign in to it.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::kernel::secrets::Secret;

/// How the dialogue with a server is kept from being read on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Security {
    /// TLS from the first byte (RFC 8314, 3.3), usually on port 465.
    Tls,
    /// TLS after STARTTLS (RFC 3207), usually on port 587; a server that does not offer it is told nothing.
    Starttls,
    /// Not at all, which only a server on this machine may have.
    None,
}

impl Security {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Tls, Self::Starttls, Self::None];

    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::Starttls => "starttls",
            Self::None => "none",
        }
    }
}

impl std::str::FromStr for Security {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|one| one.as_str() == text).ok_or(())
    }
}

/// How to sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignIn {
    /// Not at all.
    None,
    /// By name and password (AUTH PLAIN, RFC 4616, or LOGIN).
    Password {
        /// The name, mostly an address.
        username: String,
        /// The password.
        password: Secret,
    },
    /// By a name and an access token (AUTH XOAUTH2), which a grant is exchanged for.
    Token {
        /// The name, mostly an address.
        username: String,
        /// What the access token is asked with.
        grant: Grant,
    },
}

/// What an access token is asked with: a refresh token that somebody was given once (RFC 6749, section 6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Where to ask.
    pub token_url: Url,
    /// The program that the refresh token was given to.
    pub client_id: String,
    /// That program's secret, when it has one.
    pub client_secret: Option<Secret>,
    /// The refresh token.
    pub refresh_token: Secret,
}

/// A server that takes mails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailServer {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the dialogue is kept from being read.
    pub security: Security,
    /// How to sign in.
    pub sign_in: SignIn,
    /// Whoever runs this installation named it, so that it may be anywhere, also inside the network.
    pub is_own: bool,
}

impl MailServer {
    /// The server of an address in the settings, `smtps://USER:PASSWORD@HOST:PORT` (port 465, TLS from the first byte) or
    /// `smtp://…` (port 587, STARTTLS; port 25 and no TLS on this machine). User and password are percent-encoded.
    #[must_use]
    pub fn of_url(url: &Url) -> Option<Self> {
        // Of a scheme that it does not know, the URL keeps addresses as names.
        let host = url.host_str()?.trim_matches(['[', ']']).to_owned();
        let is_local = host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
        let (security, usual) = match (url.scheme(), is_local) {
            ("smtps", _) => (Security::Tls, 465),
            (_, true) => (Security::None, 25),
            (_, false) => (Security::Starttls, 587),
        };
        let decoded = |text: &str| percent_decoded(text);
        let sign_in = match (url.username(), url.password()) {
            ("", _) => SignIn::None,
            (username, password) => SignIn::Password {
                username: decoded(username)?,
                password: Secret::new(decoded(password.unwrap_or_default())?),
            },
        };
        Some(Self { host, port: url.port().unwrap_or(usual), security, sign_in, is_own: true })
    }

    /// The mailbox of an address in the settings, `imaps://USER:PASSWORD@HOST:PORT/FOLDER` (port 993, TLS from the first byte) or
    /// `imap://…` (port 143, STARTTLS, no TLS on this machine), and its folder, INBOX when none is named.
    #[must_use]
    pub fn mailbox_of_url(url: &Url) -> Option<(Self, String)> {
        let server = Self::of_url(url)?;
        let (security, usual) = match (url.scheme(), server.security) {
            ("imaps", _) => (Security::Tls, 993),
            (_, security) => (security, 143),
        };
        let folder = percent_decoded(url.path().trim_start_matches('/'))?;
        let folder = if folder.is_empty() { "INBOX".to_owned() } else { folder };
        Some((Self { security, port: url.port().unwrap_or(usual), ..server }, folder))
    }

    /// The host as an address, when it is written as one.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.host.trim_matches(['[', ']']).parse().ok()
    }
}

fn percent_decoded(text: &str) -> Option<String> {
    percent_encoding::percent_decode_str(text).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str) -> MailServer {
        MailServer::of_url(&Url::parse(url).unwrap()).unwrap()
    }

    #[test]
    fn an_address_in_the_settings_names_a_server() {
        let server = of("smtps://post%40maes.example:p%40ss@mail.maes.example");
        assert_eq!((server.host.as_str(), server.port, server.security), ("mail.maes.example", 465, Security::Tls));
        let SignIn::Password { username, password } = server.sign_in else { panic!("it signs in") };
        assert_eq!((username.as_str(), password.reveal()), ("post@maes.example", "p@ss"));
        let server = of("smtp://mail.maes.example");
        assert_eq!((server.port, server.security, server.sign_in), (587, Security::Starttls, SignIn::None));
        assert_eq!(of("smtp://127.0.0.1").security, Security::None, "this machine needs no TLS");
        let (mailbox, folder) =
            MailServer::mailbox_of_url(&Url::parse("imaps://a:b@mail.example/Terug%20hier").unwrap()).unwrap();
        assert_eq!((mailbox.port, mailbox.security, folder.as_str()), (993, Security::Tls, "Terug hier"));
        let (mailbox, folder) = MailServer::mailbox_of_url(&Url::parse("imap://a:b@mail.example").unwrap()).unwrap();
        assert_eq!((mailbox.port, mailbox.security, folder.as_str()), (143, Security::Starttls, "INBOX"));
        assert_eq!((of("smtp://[::1]:2525").port, of("smtp://localhost").port), (2525, 25));
    }
}
