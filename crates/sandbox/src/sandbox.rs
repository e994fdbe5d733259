//! The sandbox as a whole: what it is started with, and what a test does with it while it runs.

use std::{net::SocketAddr, sync::Arc};

use actix_web::dev::ServerHandle;
use hickory_proto::rr::Name;
use tokio::task::JoinSet;

use crate::{
    SandboxError,
    counters::{Requests, Totals},
    dns::transport::Sockets,
    faults::{Fault, FaultInForce},
    http,
    label::Label,
    mail::{Accounts, ImapEffect, Mail, Mailbox, imap, smtp::Listeners},
    pki::{ACCESS_POINTS, AccessPoint},
    script::Script,
    settings::Settings,
    world::{Addresses, World},
};

/// A running sandbox. Dropping it ends all its tasks and threads; [`Sandbox::stop`] also waits for that.
#[derive(Debug)]
pub struct Sandbox {
    world: Arc<World>,
    tasks: JoinSet<()>,
    servers: [ServerHandle; 2],
}

impl Sandbox {
    /// Starts a sandbox in the tokio runtime it is called in. When it returns, every part takes connections.
    ///
    /// # Errors
    /// When an address is not loopback or taken, the zone is no domain name, or the certificates cannot be made.
    pub async fn start(settings: Settings) -> Result<Self, SandboxError> {
        let Settings { dns, smp, smtp, smtps, imap, imaps, page, zone, .. } = settings;
        let Settings { kept_mails, offers_starttls, largest_mail, mail_accounts, .. } = settings;
        if let Some(outside) =
            [dns, smp, smtp, smtps, imap, imaps, page].into_iter().find(|address| !address.ip().is_loopback())
        {
            return Err(SandboxError::NotLoopback(outside));
        }
        let zone = parse_zone(&zone)?;
        let dns_sockets = Sockets::bind(dns).await?;
        let smp_listener = http::bind("SMP", smp)?;
        let mail_listeners = Listeners::bind(smtp, smtps).await?;
        let returns = imap::Listeners::bind(imap, imaps).await?;
        let page_listener = http::bind("page", page)?;
        let addresses = Addresses {
            dns: dns_sockets.address().map_err(SandboxError::Serve)?,
            smp: smp_listener.local_addr().map_err(SandboxError::Serve)?,
            smtp: mail_listeners.clear.local_addr().map_err(SandboxError::Serve)?,
            smtps: mail_listeners.tls.local_addr().map_err(SandboxError::Serve)?,
            imap: returns.clear.local_addr().map_err(SandboxError::Serve)?,
            imaps: returns.tls.local_addr().map_err(SandboxError::Serve)?,
            page: page_listener.local_addr().map_err(SandboxError::Serve)?,
        };
        let (mailbox, accounts) = (Mailbox::new(kept_mails), Accounts::new(mail_accounts));
        let world = Arc::new(World::new(zone, addresses, mailbox, accounts, (offers_starttls, largest_mail))?);
        let smp_server = http::smp(smp_listener, Arc::clone(&world))?;
        let page_server = http::control(page_listener, Arc::clone(&world))?;
        let servers = [smp_server.handle(), page_server.handle()];
        let mut tasks = JoinSet::new();
        tasks.spawn(dns_sockets.serve(Arc::clone(&world)));
        tasks.spawn(mail_listeners.serve(Arc::clone(&world)));
        tasks.spawn(returns.serve(Arc::clone(&world)));
        for server in [smp_server, page_server] {
            tasks.spawn(async move {
                if let Err(error) = server.await {
                    tracing::error!(%error, "an HTTP server of the sandbox ended");
                }
            });
        }
        Ok(Self { world, tasks, servers })
    }

    /// Stops taking connections, gives requests in flight a second, and ends everything.
    pub async fn stop(mut self) {
        let [smp, page] = &self.servers;
        futures::future::join(smp.stop(true), page.stop(true)).await;
        self.tasks.shutdown().await;
    }

    /// Address of the name server, for UDP and TCP.
    #[must_use]
    pub fn dns_addr(&self) -> SocketAddr {
        self.world.addresses.dns
    }

    /// Address of the SMP.
    #[must_use]
    pub fn smp_addr(&self) -> SocketAddr {
        self.world.addresses.smp
    }

    /// Address of the mail server.
    #[must_use]
    pub fn smtp_addr(&self) -> SocketAddr {
        self.world.addresses.smtp
    }

    /// Address of the mail server behind TLS. Its certificate is for `localhost` and 127.0.0.1 and leads to
    /// [`Sandbox::root_certificate_pem`]; STARTTLS shows the same one.
    #[must_use]
    pub fn smtps_addr(&self) -> SocketAddr {
        self.world.addresses.smtps
    }

    /// Address of the mailbox that mails come back to.
    #[must_use]
    pub fn imap_addr(&self) -> SocketAddr {
        self.world.addresses.imap
    }

    /// The same behind TLS, with the certificate of [`Sandbox::smtps_addr`].
    #[must_use]
    pub fn imaps_addr(&self) -> SocketAddr {
        self.world.addresses.imaps
    }

    /// Puts a mail into the mailbox that mails come back to, as if it had come in then, as IMAP spells it
    /// (`22-Nov-2026 09:00:00 +0000`). Returns its key there.
    pub fn send_back(&self, content: &[u8], received: &str) -> u32 {
        self.world.returns.add(content.to_vec().into(), received)
    }

    /// Gives all mails in that mailbox other keys.
    pub fn renumber_returns(&self) {
        self.world.returns.renumber();
    }

    /// What that mailbox does instead of giving mails out; `None` for nothing else.
    pub fn set_imap_effect(&self, effect: Option<ImapEffect>) {
        self.world.returns.set_effect(effect);
    }

    /// Address of page and control.
    #[must_use]
    pub fn page_addr(&self) -> SocketAddr {
        self.world.addresses.page
    }

    /// The zone, without dot at its end.
    #[must_use]
    pub fn zone(&self) -> String {
        self.world.zone_name()
    }

    /// A zone that is a DNAME alias of [`Sandbox::zone`], as the live zone has been of the one before it.
    #[must_use]
    pub fn alias_zone(&self) -> String {
        format!("alias.{}", self.zone())
    }

    /// The certificate that the SMP's, the access points' and the mail server's certificates lead to, PEM.
    #[must_use]
    pub fn root_certificate_pem(&self) -> &str {
        &self.world.pki.root_pem
    }

    /// What a look-up that checks signatures needs: the root, the access points' CA and the SMPs' CA, PEM, one after the
    /// other.
    #[must_use]
    pub fn authorities_pem(&self) -> &str {
        &self.world.pki.authorities_pem
    }

    /// The access point at which an identifier (`0208:…`) is registered by script or hash, faults aside; `None` when
    /// it is not registered.
    #[must_use]
    pub fn access_point_of(&self, identifier: &str) -> Option<AccessPoint> {
        let registered = self.world.registered(&identifier.to_lowercase())?;
        ACCESS_POINTS.get(registered.access_point).copied()
    }

    /// Scripts a participant, in place of the hash and of an earlier script.
    ///
    /// A script speaks for the whole Belgian enterprise: once `0208:0677424046` or `9925:BE0677424046` is scripted, the
    /// other one is not registered, unless it has a script too.
    ///
    /// # Errors
    /// When the identifier is none, the script names an access point that is not here, or there are too many scripts.
    pub fn script(&self, identifier: &str, script: Script) -> Result<(), SandboxError> {
        self.world.scripts().insert(identifier, script)
    }

    /// Leaves a participant to the hash again; `false` when it was.
    pub fn unscript(&self, identifier: &str) -> bool {
        self.world.scripts().remove(identifier)
    }

    /// Leaves all participants to the hash again.
    pub fn clear_scripts(&self) {
        self.world.scripts().clear();
    }

    /// Has the name server answer for a domain outside its zone, with these texts (TXT records), each at a name below it, or
    /// at the domain itself where that name is empty: what a domain that mails come from says of them.
    ///
    /// # Errors
    /// When one of the names is no domain name.
    pub fn publish_texts(&self, domain: &str, texts: &[(&str, &str)]) -> Result<(), SandboxError> {
        self.world.texts().publish(domain, texts)
    }

    /// Switches a fault on, after those in force, and gives the number to switch it off by.
    ///
    /// # Errors
    /// When the fault makes no sense or there are too many.
    pub fn add_fault(&self, fault: Fault) -> Result<u64, SandboxError> {
        self.world.faults().add(fault)
    }

    /// Puts these faults in place of those in force.
    ///
    /// # Errors
    /// When one of them makes no sense or they are too many; those in force then stay.
    pub fn set_faults(&self, faults: Vec<Fault>) -> Result<(), SandboxError> {
        self.world.faults().replace(faults)
    }

    /// Switches a fault off; `false` when it was not in force.
    pub fn remove_fault(&self, id: u64) -> bool {
        self.world.faults().remove(id)
    }

    /// Switches all faults off.
    pub fn clear_faults(&self) {
        self.world.faults().clear();
    }

    /// The faults in force, in order.
    #[must_use]
    pub fn faults(&self) -> Vec<FaultInForce> {
        self.world.faults().list()
    }

    /// Requests of each kind since the start or the last reset.
    #[must_use]
    pub fn totals(&self) -> Totals {
        self.world.counters().totals()
    }

    /// Requests about one identifier (`0208:…`).
    #[must_use]
    pub fn requests_of(&self, identifier: &str) -> Requests {
        self.world.counters().of(&Label::of(identifier))
    }

    /// Starts counting anew.
    pub fn reset_counters(&self) {
        self.world.counters().reset();
    }

    /// The mails kept, oldest first.
    #[must_use]
    pub fn mails(&self) -> Vec<Mail> {
        self.world.mailbox.all()
    }

    /// The mails kept for this envelope recipient (in any letter case), oldest first.
    #[must_use]
    pub fn mails_to(&self, recipient: &str) -> Vec<Mail> {
        let mut mails = self.mails();
        mails.retain(|mail| mail.recipients.iter().any(|known| known.eq_ignore_ascii_case(recipient)));
        mails
    }

    /// Waits until at least so many mails are kept, without limit; set one around it.
    pub async fn wait_for_mails(&self, count: usize) {
        self.world.mailbox.wait_for(count).await;
    }

    /// The token endpoint for XOAUTH2: a `POST` with `grant_type=refresh_token` and an account's secret as
    /// `refresh_token` answers an access token (RFC 6749, section 6). [`Totals`] counts how often it was asked.
    #[must_use]
    pub fn token_url(&self) -> String {
        self.world.token_url()
    }

    /// Makes all access tokens given so far invalid; new ones are given, and the accounts' secrets stay good.
    pub fn revoke_access_tokens(&self) {
        self.world.accounts.revoke_tokens();
    }

    /// Throws all mails away.
    pub fn clear_mails(&self) {
        self.world.mailbox.clear();
    }
}

/// Participants take two more labels of 52 and 20 characters.
const MAX_ZONE: usize = 253 - 52 - 20 - 3 - "alias.".len();

fn parse_zone(zone: &str) -> Result<Name, SandboxError> {
    let refused = || SandboxError::Zone(zone.to_owned());
    let mut name = Name::from_ascii(zone).map_err(|_| refused())?.to_lowercase();
    if name.num_labels() == 0 || zone.len() > MAX_ZONE {
        return Err(refused());
    }
    name.set_fqdn(true);
    Ok(name)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
        time::timeout,
    };

    use super::*;

    #[tokio::test]
    async fn it_stops_soon_although_a_connection_is_kept_open() {
        let sandbox = Sandbox::start(Settings::default()).await.unwrap();
        let mut kept = TcpStream::connect(sandbox.smp_addr()).await.unwrap();
        kept.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut answer = [0; 12];
        kept.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 404");
        timeout(Duration::from_millis(800), sandbox.stop()).await.unwrap();
    }

    #[tokio::test]
    async fn only_loopback_addresses_and_real_zones_are_taken() {
        let outside = Settings { smtp: "192.0.2.1:0".parse().unwrap(), ..Settings::default() };
        assert!(matches!(Sandbox::start(outside).await, Err(SandboxError::NotLoopback(_))));
        for zone in ["", ".", "a..b", &"x.".repeat(100)] {
            let settings = Settings { zone: zone.to_owned(), ..Settings::default() };
            assert!(matches!(Sandbox::start(settings).await, Err(SandboxError::Zone(_))), "{zone}");
        }
    }

    #[tokio::test]
    async fn its_ports_are_free_again_after_a_stop() {
        let sandbox = Sandbox::start(Settings::default()).await.unwrap();
        let again = Settings {
            dns: sandbox.dns_addr(),
            smp: sandbox.smp_addr(),
            smtp: sandbox.smtp_addr(),
            smtps: sandbox.smtps_addr(),
            imap: sandbox.imap_addr(),
            imaps: sandbox.imaps_addr(),
            page: sandbox.page_addr(),
            zone: "SML.other.Test.".to_owned(),
            ..Settings::default()
        };
        assert!(matches!(Sandbox::start(again.clone()).await, Err(SandboxError::Listen { part: "DNS", .. })));
        sandbox.stop().await;
        let second = Sandbox::start(again).await.unwrap();
        assert_eq!(second.zone(), "sml.other.test");
        drop(second);
    }
}
