//! One SMTP dialogue (RFC 5321), from the greeting to being signed in.

use std::net::SocketAddr;
use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Ehlo, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use lettre::transport::smtp::response::Response;
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use super::fault::{MailFault, Undelivered, Words, said, short};
use super::message::Parcel;
use super::server::Security;

type Result<T> = std::result::Result<T, MailFault>;

/// A connection that mails can be given to.
pub(super) struct Dialogue {
    connection: AsyncSmtpConnection,
    /// The server takes several commands at once (RFC 2920).
    pipelines: bool,
}

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
        Ok(Self { connection, pipelines: false })
    }

    /// Asks once more what the server can do, for lettre does not say all of it: whether it takes several commands at once,
    /// which is worth a question where several mails are to follow.
    pub(super) async fn look_closer(&mut self, hello: &ClientId) -> Result<()> {
        let said = self.connection.command(Ehlo::new(hello.clone())).await.map_err(|error| MailFault::of(&error))?;
        self.pipelines = said.message().any(|line| line.trim().eq_ignore_ascii_case("PIPELINING"));
        Ok(())
    }

    /// Signs in (RFC 4954).
    pub(super) async fn sign_in(&mut self, shown: &Shown<'_>) -> Result<()> {
        if self.connection.server_info().get_auth_mechanism(shown.mechanisms).is_none() {
            self.connection.abort().await;
            return Err(MailFault::NoSignIn);
        }
        let credentials = Credentials::new(shown.username.to_owned(), shown.secret.to_owned());
        match self.connection.auth(shown.mechanisms, &credentials).await {
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

    /// Whether mails may come back to this address; the server's words when not.
    pub(super) async fn may_return_to(&mut self, address: Address) -> Result<std::result::Result<(), Words>> {
        match self.connection.command(Mail::new(Some(address), Vec::new())).await {
            Ok(_) => Ok(Ok(())),
            Err(error) => match said(&error) {
                Some(words) if !words.is_passing() => Ok(Err(words)),
                _ => Err(MailFault::of(&error)),
            },
        }
    }

    /// Hands a mail over (RFC 5321, 3.3): each step takes as long as `limit` at most.
    pub(super) async fn deliver(
        &mut self,
        parcel: &Parcel,
        limit: Duration,
    ) -> std::result::Result<Words, Undelivered> {
        let envelope = &parcel.envelope;
        let is_international =
            envelope.from().into_iter().chain(envelope.to()).any(|one| !AsRef::<str>::as_ref(one).is_ascii());
        if is_international && !self.connection.server_info().supports_feature(Extension::SmtpUtfEight) {
            return Err(Undelivered::Unaddressable);
        }
        let parameters = if is_international { vec![MailParameter::SmtpUtfEight] } else { Vec::new() };
        let mut commands = vec![Mail::new(envelope.from().cloned(), parameters).to_string()];
        commands.extend(envelope.to().iter().map(|to| Rcpt::new(to.clone(), Vec::new()).to_string()));
        commands.push(Data.to_string());
        self.announce(&commands, limit).await?;
        // From here on the server may have the mail whatever becomes of its answer.
        // In one piece with its end, which would otherwise wait until the server's machine has confirmed all before it.
        match timeout(limit, self.connection.command(&parcel.content)).await {
            Ok(Ok(reply)) => {
                Ok(Words { code: reply.code().into(), text: short(&reply.message().collect::<Vec<_>>().join(" ")) })
            }
            Ok(Err(error)) => Err(match said(&error) {
                Some(words) => Undelivered::Refused(words),
                None => Undelivered::InDoubt(MailFault::of(&error)),
            }),
            Err(_) => Err(Undelivered::InDoubt(MailFault::Silent)),
        }
    }

    /// Says what comes before a mail's content, at once where the server takes that.
    async fn announce(&mut self, commands: &[String], limit: Duration) -> std::result::Result<(), Undelivered> {
        if !self.pipelines {
            for command in commands {
                understood(timeout(limit, self.connection.command(command)).await)?;
            }
            return Ok(());
        }
        let mut reply = timeout(limit, self.connection.command(commands.concat())).await;
        let (mut refused, mut left) = (None, commands.len());
        loop {
            left -= 1;
            match (understood(reply), &refused) {
                (Ok(()), Some(_)) if left == 0 => {
                    // It awaits content although it refused what that was to belong to: there is none (RFC 2920, 3.1).
                    let _ = timeout(limit, self.connection.command(".\r\n")).await;
                }
                (Ok(()), _) | (Err(Undelivered::Refused(_)), Some(_)) => {}
                (Err(fault @ Undelivered::Refused(_)), None) => refused = Some(fault),
                (Err(fault), None) => return Err(fault),
                // What it refused first counts; the line shows by itself that it is good for nothing more.
                (Err(_), Some(_)) => break,
            }
            if left == 0 {
                break;
            }
            reply = timeout(limit, self.connection.read_response()).await;
        }
        refused.map_or(Ok(()), Err)
    }

    /// Has the server forget a mail that it has refused.
    pub(super) async fn reset(&mut self) -> bool {
        self.connection.command(Rset).await.is_ok()
    }

    /// Says goodbye.
    pub(super) async fn close(mut self) {
        self.connection.abort().await;
    }
}

/// What a reply before a mail's content means for the mail.
fn understood(
    reply: std::result::Result<std::result::Result<Response, lettre::transport::smtp::Error>, Elapsed>,
) -> std::result::Result<(), Undelivered> {
    match reply {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(match said(&error) {
            Some(words) => Undelivered::Refused(words),
            None => Undelivered::Kept(MailFault::of(&error)),
        }),
        Err(_) => Err(Undelivered::Kept(MailFault::Silent)),
    }
}
