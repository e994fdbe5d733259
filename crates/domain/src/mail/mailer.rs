//! The mail servers of the world as one process sees them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use lettre::Address as MailAddress;
use lettre::transport::smtp::authentication::Mechanism;
use lettre::transport::smtp::client::{Certificate, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use tokio::time::timeout;
use url::Host;

use super::dialogue::{Dialogue, Shown};
use super::fault::{MailFault, Undelivered, Words};
use super::message::Parcel;
use super::server::{Grant, MailServer, Security, SignIn};
use super::tokens::Tokens;
use crate::kernel::addresses::is_public;
use crate::kernel::clock::Clock;
use crate::kernel::config::{MailSettings, Settings};
use crate::kernel::error::{Error, Result};
use crate::kernel::outbound;
use crate::kernel::secrets::Secret;

/// Connects to mail servers. Clones share what is known about access tokens.
#[derive(Clone)]
pub struct Mailer(Arc<Shared>);

struct Shared {
    hello: ClientId,
    roots: Option<Certificate>,
    mailboxes: Arc<rustls::ClientConfig>,
    allow_private: bool,
    limit: Duration,
    tokens: Tokens,
}

impl Mailer {
    /// Mail servers asked as `settings` say; nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::Internal`] when the roots of the settings cannot be read.
    pub fn new(settings: &Settings, clock: Clock) -> Result<Self> {
        let MailSettings { roots, allow_private, limit, .. } = &settings.mail;
        let mailboxes = Arc::new(outbound::tls_trusting(&[], roots.as_deref())?);
        let roots = roots.as_deref().map(|pem| Certificate::from_pem(pem.as_bytes())).transpose();
        Ok(Self(Arc::new(Shared {
            hello: hello(settings),
            roots: roots.map_err(|fault| Error::internal(format!("the roots for mail servers: {fault}")))?,
            mailboxes,
            allow_private: *allow_private,
            limit: *limit,
            tokens: Tokens::new(*allow_private, *limit, clock),
        })))
    }

    /// Connects to a server, begins TLS, signs in and leaves: what a mail needs, without one. Takes as long as the settings
    /// allow for each of these.
    ///
    /// # Errors
    /// What went wrong first.
    pub async fn check(&self, server: &MailServer) -> Result<(), MailFault> {
        let dialogue = self.open(server, false).await?;
        let _ = timeout(self.0.limit, dialogue.close()).await;
        Ok(())
    }

    /// The same, and asks whether the server lets mails come back to this address (RFC 5321, 4.1.1.2): none is begun.
    ///
    /// # Errors
    /// What went wrong first; the words of the server are those about the address when it let us in.
    pub async fn check_return(&self, server: &MailServer, address: &str) -> Result<Result<(), Words>, MailFault> {
        let address: MailAddress = address.parse().map_err(|_| MailFault::Unreachable("no such address".to_owned()))?;
        let mut dialogue = self.open(server, false).await?;
        let asked = timeout(self.0.limit, dialogue.may_return_to(address)).await;
        let _ = timeout(self.0.limit, dialogue.close()).await;
        asked.unwrap_or(Err(MailFault::Silent))
    }

    /// Hands a mail to a server, over a dialogue of its own. Returns what the server said of it.
    ///
    /// # Errors
    /// What became of it instead.
    pub async fn send(&self, server: &MailServer, parcel: &Parcel) -> Result<Words, Undelivered> {
        let mut dialogue = self.open(server, parcel.is_large()).await.map_err(Undelivered::Kept)?;
        let outcome = dialogue.deliver(parcel, self.0.limit).await;
        let _ = timeout(self.0.limit, dialogue.close()).await;
        outcome
    }

    /// Connects to a server for several mails, one behind the other.
    ///
    /// # Errors
    /// What went wrong first.
    pub async fn connect(&self, server: &MailServer) -> Result<Line, MailFault> {
        Ok(Line { dialogue: self.open(server, true).await?, limit: self.0.limit, handed_over: 0 })
    }

    /// A dialogue that is signed in; for several mails, or a large one, more is known of the server.
    async fn open(&self, server: &MailServer, is_for_much: bool) -> Result<Dialogue, MailFault> {
        let addresses = self.addresses(server).await?;
        let tls = (server.security, self.tls(server)?);
        let opened = timeout(self.0.limit, Dialogue::open(&addresses, self.0.limit, &self.0.hello, tls)).await;
        let mut dialogue = opened.map_err(|_| MailFault::Silent)??;
        if is_for_much {
            let looked = timeout(self.0.limit, dialogue.look_closer(&self.0.hello)).await;
            looked.unwrap_or(Err(MailFault::Silent))?;
        }
        let token;
        let shown = match &server.sign_in {
            SignIn::None => return Ok(dialogue),
            SignIn::Password { username, password } => {
                Shown { username, secret: password.reveal(), mechanisms: &[Mechanism::Plain, Mechanism::Login] }
            }
            SignIn::Token { username, grant } => {
                token = self.0.tokens.of(grant).await.map_err(MailFault::NoToken)?;
                Shown { username, secret: token.reveal(), mechanisms: &[Mechanism::Xoauth2] }
            }
        };
        let signed_in = timeout(self.0.limit, dialogue.sign_in(&shown)).await.unwrap_or(Err(MailFault::Silent));
        if let (Err(MailFault::SignInRefused(_)), SignIn::Token { grant, .. }) = (&signed_in, &server.sign_in) {
            // It may have been taken back before its time; the next try asks for another.
            self.0.tokens.forget(grant);
        }
        signed_in.map(|()| dialogue)
    }

    /// Where the server is: addresses that may be asked, looked up anew each time.
    pub(super) async fn addresses(&self, server: &MailServer) -> Result<Vec<SocketAddr>, MailFault> {
        let found = match server.address() {
            Some(address) => Ok(vec![SocketAddr::new(address, server.port)]),
            None => outbound::addresses(&server.host, server.port, self.0.limit).await,
        };
        let mut found = found.map_err(|fault| MailFault::Unreachable(fault.to_string()))?;
        found.retain(|address| server.is_own || self.0.allow_private || is_public(address.ip()));
        if found.is_empty() {
            return Err(MailFault::Private);
        }
        if server.security == Security::None && found.iter().any(|address| !address.ip().is_loopback()) {
            return Err(MailFault::Unencrypted);
        }
        Ok(found)
    }

    /// How mailboxes are read over TLS.
    pub(super) fn tls_of_mailboxes(&self) -> &Arc<rustls::ClientConfig> {
        &self.0.mailboxes
    }

    /// The most time for one step.
    pub(super) fn limit(&self) -> Duration {
        self.0.limit
    }

    /// An access token for a grant.
    pub(super) async fn token(&self, grant: &Grant) -> Result<Secret, String> {
        self.0.tokens.of(grant).await
    }

    /// Does not use the grant's token again.
    pub(super) fn forget_token(&self, grant: &Grant) {
        self.0.tokens.forget(grant);
    }

    fn tls(&self, server: &MailServer) -> Result<TlsParameters, MailFault> {
        let mut parameters = TlsParameters::builder(server.host.trim_matches(['[', ']']).to_owned());
        if let Some(roots) = &self.0.roots {
            parameters = parameters.add_root_certificate(roots.clone());
        }
        parameters.build_rustls().map_err(|fault| MailFault::Tls(fault.to_string()))
    }
}

/// A connection to a mail server that mails can be given to, one behind the other.
pub struct Line {
    dialogue: Dialogue,
    limit: Duration,
    handed_over: u32,
}

impl Line {
    /// Hands a mail over. Returns what the server said of it. Behind a refusal the line is good for more only when it could be
    /// reset, behind anything else that went wrong it is not.
    ///
    /// # Errors
    /// What became of it instead.
    pub async fn deliver(&mut self, parcel: &Parcel) -> Result<Words, Undelivered> {
        self.handed_over += 1;
        self.dialogue.deliver(parcel, self.limit).await
    }

    /// How many mails it was given.
    #[must_use]
    pub fn handed_over(&self) -> u32 {
        self.handed_over
    }

    /// Begins anew behind a refusal (RFC 5321, 4.1.1.5). Returns whether the line is good for more.
    pub async fn reset(&mut self) -> bool {
        timeout(self.limit, self.dialogue.reset()).await.unwrap_or(false)
    }

    /// Leaves.
    pub async fn close(self) {
        let _ = timeout(self.limit, self.dialogue.close()).await;
    }
}

/// How we introduce ourselves (RFC 5321, 4.1.1.1): by the name under which people reach the API.
fn hello(settings: &Settings) -> ClientId {
    match settings.public_url.host() {
        Some(Host::Domain(name)) => ClientId::Domain(name.to_owned()),
        Some(Host::Ipv4(address)) => ClientId::Ipv4(address),
        Some(Host::Ipv6(address)) => ClientId::Ipv6(address),
        None => ClientId::Domain("localhost".to_owned()),
    }
}
