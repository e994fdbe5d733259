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
    /// The most octets of a mail, where the server says so (RFC 1870); nothing when it only has not been asked.
    size: Option<Size>,
}

/// What a server says of the size of mails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Size {
    /// The most octets; nothing for no bound.
    most: Option<usize>,
}

impl Size {
    /// What a line of the reply to EHLO says of it, if it does (RFC 1870, section 4): 0 and nothing are no bound.
    fn of(line: &str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let is_meant = words.next().is_some_and(|word| word.eq_ignore_ascii_case("SIZE"));
        let most = words.next().and_then(|most| most.parse().ok()).filter(|most| *most > 0);
        is_meant.then_some(Self { most })
    }
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
        Ok(Self { connection, pipelines: false, size: None })
    }

    /// Asks once more what the server can do, for lettre does not say all of it: whether it takes several commands at once,
    /// and how large a mail may be. That is worth a question where several mails are to follow, or a large one.
    pub(super) async fn look_closer(&mut self, hello: &ClientId) -> Result<()> {
        let said = self.connection.command(Ehlo::new(hello.clone())).await.map_err(|error| MailFault::of(&error))?;
        self.size = said.message().find_map(Size::of);
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

    /// Hands a mail over (RFC 5321, 3.3): each step takes as long as `limit` at most, a large mail
    /// longer by what a slow line takes for it.
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
        let octets = parcel.octets();
        if let Some(most) = self.size.and_then(|size| size.most).filter(|most| octets > *most) {
            return Err(Undelivered::TooLarge { octets, most });
        }
        let mut parameters = if is_international { vec![MailParameter::SmtpUtfEight] } else { Vec::new() };
        if parcel.is_large() && self.size.is_some() {
            // A full mailbox is known before all of it has gone over the line.
            parameters.push(MailParameter::Size(octets));
        }
        let mut commands = vec![Mail::new(envelope.from().cloned(), parameters).to_string()];
        commands.extend(envelope.to().iter().map(|to| Rcpt::new(to.clone(), Vec::new()).to_string()));
        commands.push(Data.to_string());
        self.announce(&commands, limit).await?;
        // From here on the server may have the mail whatever becomes of its answer.
        // In one piece with its end, which would otherwise wait until the server's machine has confirmed all before it.
        let given = async {
            match parcel.is_large() {
                true => self.connection.message_iter(parcel.pieces()).await,
                false => self.connection.command(&parcel.content).await,
            }
        };
        match timeout(limit + parcel.patience(), given).await {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_of_the_size() {
        let most = |line: &str| Size::of(line).map(|size| size.most);
        assert_eq!((most("SIZE 10485760"), most("size 5")), (Some(Some(10_485_760)), Some(Some(5))));
        assert_eq!((most("SIZE"), most("SIZE 0"), most("SIZE x")), (Some(None), Some(None), Some(None)));
        assert_eq!((most("PIPELINING"), most("SIZES 4"), most("")), (None, None, None));
    }
}
