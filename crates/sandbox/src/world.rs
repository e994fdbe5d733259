//! What all parts of the sandbox share.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use hickory_proto::rr::Name;
use rustls::ServerConfig;

use crate::{
    SandboxError,
    counters::Counters,
    dns::texts::Texts,
    faults::Faults,
    label::Label,
    mail::{self, Accounts, Mailbox, Returns},
    pki::{Pki, access_point_index},
    population,
    script::{Registration, Script},
    scripts::Scripts,
    smp::signing::SigningKey,
};

/// Where each part listens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addresses {
    pub(crate) dns: SocketAddr,
    pub(crate) smp: SocketAddr,
    pub(crate) smtp: SocketAddr,
    pub(crate) smtps: SocketAddr,
    pub(crate) imap: SocketAddr,
    pub(crate) imaps: SocketAddr,
    pub(crate) page: SocketAddr,
}

/// The state of one sandbox. Locks are held for look-ups in memory only, never across a wait.
#[derive(Debug)]
pub(crate) struct World {
    /// The zone, lower-case and fully qualified.
    pub(crate) zone: Name,
    pub(crate) addresses: Addresses,
    pub(crate) pki: Pki,
    pub(crate) key: SigningKey,
    pub(crate) mailbox: Mailbox,
    /// What comes back.
    pub(crate) returns: Returns,
    /// How the mail server speaks TLS.
    pub(crate) tls: Arc<ServerConfig>,
    pub(crate) offers_starttls: bool,
    /// The largest mail that the mail server says it takes, in bytes.
    pub(crate) largest_mail: usize,
    /// Who may send; when there is no account, everybody.
    pub(crate) accounts: Accounts,
    scripts: Mutex<Scripts>,
    texts: Mutex<Texts>,
    faults: Mutex<Faults>,
    counters: Mutex<Counters>,
}

/// A registration as the SMP sees it: a script completed from the hash, and the access point it means.
#[derive(Clone, Debug)]
pub(crate) struct Registered {
    pub(crate) script: Script,
    /// Index into `pki::ACCESS_POINTS`.
    pub(crate) access_point: usize,
}

impl World {
    pub(crate) fn new(
        zone: Name,
        addresses: Addresses,
        mailbox: Mailbox,
        accounts: Accounts,
        (offers_starttls, largest_mail): (bool, usize),
    ) -> Result<Self, SandboxError> {
        let pki = Pki::generate()?;
        Ok(Self {
            zone,
            addresses,
            tls: mail::server_config(&pki.mail_server)?,
            pki,
            key: SigningKey::load()?,
            mailbox,
            returns: Returns::default(),
            accounts,
            offers_starttls,
            largest_mail: largest_mail.min(mail::MAX_MAIL_BYTES),
            scripts: Mutex::default(),
            texts: Mutex::default(),
            faults: Mutex::default(),
            counters: Mutex::default(),
        })
    }

    pub(crate) fn scripts(&self) -> MutexGuard<'_, Scripts> {
        locked(&self.scripts)
    }

    pub(crate) fn texts(&self) -> MutexGuard<'_, Texts> {
        locked(&self.texts)
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, Faults> {
        locked(&self.faults)
    }

    pub(crate) fn counters(&self) -> MutexGuard<'_, Counters> {
        locked(&self.counters)
    }

    /// The zone, without dot at its end.
    pub(crate) fn zone_name(&self) -> String {
        self.zone.to_ascii().trim_end_matches('.').to_owned()
    }

    /// The URL of the sandbox's own SMP, without slash at its end.
    pub(crate) fn smp_url(&self) -> String {
        format!("http://{}", self.addresses.smp)
    }

    /// Where access tokens are given.
    pub(crate) fn token_url(&self) -> String {
        format!("http://{}/oauth/token", self.addresses.page)
    }

    /// The script that DNS answers a label by; `None` when the name does not exist.
    pub(crate) fn script_for_dns(&self, label: &Label) -> Option<Script> {
        match self.scripts().get(label) {
            Some(script) if script.registration == Registration::Nxdomain => None,
            Some(script) => Some(script.clone()),
            None => population::is_registered(label).then(Script::default),
        }
    }

    /// The registration of an identifier value (`0208:…`) at the SMP; `None` when it has none.
    pub(crate) fn registered(&self, identifier: &str) -> Option<Registered> {
        let scripted = self.scripts().get(&Label::of(identifier)).cloned();
        let Some(script) = scripted else {
            let standing = population::standing(identifier)?;
            let script = Script { documents: standing.documents, ..Script::default() };
            return Some(Registered { script, access_point: standing.access_point });
        };
        if script.registration != Registration::Registered {
            return None;
        }
        let named = script.access_point.as_deref().and_then(access_point_index);
        let access_point = named.unwrap_or_else(|| population::access_point(identifier));
        Some(Registered { script, access_point })
    }
}

/// Nothing that holds one of the locks can leave its contents half changed, so a panic elsewhere does not matter.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
