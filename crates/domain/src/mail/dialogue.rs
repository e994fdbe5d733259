//! One SMTP dialogue (RFC 5321), from the greeting to being signed in.

use std::net::SocketAddr;
use std::time::Duration;

use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::extension::ClientId;

use super::fault::{MailFault, Words, said, short};
use super::server::Security;

type Result<T> = std::result::Result<T, MailFault>;

/// A connection that mails can be given to.
pub(super) struct Dialogue(AsyncSmtpConnection);

/// What a server is shown of whoever signs in.
pub(super) struct Shown<'a> {
    pub(super) username: &'a str,
    pub(super) secret: &'a str,
    /// The ways that the secret is good for, the best first.
    pub(super) mechanisms: &'a [Mechanism],
}

impl Dialogue {
    /// Connects to one of the addresses, says who we are and begins TLS as the security asks.
    pub(super) async fn open(
        addresses: &[SocketAddr],
        limit: Duration,
        hello: &ClientId,
        (security, tls): (Security, TlsParameters),
    ) -> Result<Self> {
        let at_once = (security == Security::Tls).then(|| tls.clone());
        let mut connection = AsyncSmtpConnection::connect_tokio1(addresses, Some(limit), hello, at_once, None)
            .await
            .map_err(|error| MailFault::of(&error))?;
        if security == Security::Starttls {
            if !connection.can_starttls() {
                connection.abort().await;
                return Err(MailFault::NoStarttls);
            }
            connection.starttls(tls, hello).await.map_err(|error| match MailFault::of(&error) {
                // The server agreed to TLS, so whatever breaks off now is its handshake.
                MailFault::Unreachable(reason) => MailFault::Tls(reason),
                fault => fault,
            })?;
        }
        Ok(Self(connection))
    }

    /// Signs in (RFC 4954).
    pub(super) async fn sign_in(&mut self, shown: &Shown<'_>) -> Result<()> {
        if self.0.server_info().get_auth_mechanism(shown.mechanisms).is_none() {
            self.0.abort().await;
            return Err(MailFault::NoSignIn);
        }
        let credentials = Credentials::new(shown.username.to_owned(), shown.secret.to_owned());
        match self.0.auth(shown.mechanisms, &credentials).await {
            Ok(_) => Ok(()),
            Err(error) => Err(match said(&error) {
                Some(words) if words.is_passing() => MailFault::Refused(words),
                Some(words) => MailFault::SignInRefused(words),
                // XOAUTH2 refuses with one more question, which nobody can answer.
                None if error.is_client() => {
                    MailFault::SignInRefused(Words { code: 535, text: short(&error.to_string()) })
                }
                None => MailFault::of(&error),
            }),
        }
    }

    /// Says goodbye.
    pub(super) async fn close(mut self) {
        self.0.abort().await;
    }
}
