//! Asking the Peppol network about participants: DNS (SML), then the SMP, under limits of pace, size and time, and only
//! at addresses of the public internet. What the answers mean is decided by `klaar_standards::lookup`.
//!
//! Nothing here is remembered from one look-up to the next but open connections and how a host likes to be asked, so that
//! every answer is today's.

mod hosts;
mod names;
mod rate;
mod smp;

use std::convert::Infallible;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt as _};
use klaar_standards::document_types::DocumentType;
use klaar_standards::lookup::{
    Cause, Hop, HttpAnswer, Registration, after_dns, after_service_group, after_service_metadata,
};
use klaar_standards::naptr::SmpBase;
use klaar_standards::participant::ParticipantId;
use klaar_standards::smp::{service_group_path, service_metadata_path};
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

use self::names::Names;
use self::rate::Rate;
use self::smp::{Reply, SmpClient};
use crate::identity::World;
use crate::kernel::clock::{Clock, Instant};
use crate::kernel::config::LookupSettings;
use crate::kernel::error::Result;

/// The largest metadata answer that is kept as it came, in bytes; an answer read may be up to 1 MiB.
pub const MAX_RAW: usize = 64 * 1024;

/// The network as one process sees it. Clones share connections, limits and what is known about the hosts' moods, so one
/// is enough, and more than one would multiply the load on others.
#[derive(Clone)]
pub struct Network(Arc<Shared>);

struct Shared {
    settings: LookupSettings,
    clock: Clock,
    names: Names,
    public: SmpClient,
    /// For the test world, when the settings allow insecure SMPs.
    insecure: Option<SmpClient>,
    slots: Semaphore,
    rate: Rate,
}

/// What one look-up brought.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What may be said about the participant.
    pub registration: Registration,
    /// The host of the SMP that DNS named, in lower case; absent when the look-up ended before that.
    pub smp_host: Option<String>,
    /// When the question was put.
    pub asked_at: Instant,
    /// The service metadata as they came; absent when none were received.
    pub raw: Option<Raw>,
    /// The SMP's host wants to be left alone for so long; asking before gives `unknown` again.
    pub retry_after: Option<Duration>,
    /// What went wrong on the way, in English, for logs and people; its wording is no contract.
    pub fault: Option<String>,
}

/// An answer with service metadata, for the signature in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raw {
    /// The answer; absent when it is larger than [`MAX_RAW`].
    pub bytes: Option<Vec<u8>>,
    /// The SHA-256 of the whole answer.
    pub sha256: [u8; 32],
}

/// What a look-up gathers on its way.
#[derive(Default)]
struct Gathered {
    smp_host: Option<String>,
    raw: Option<Raw>,
    retry_after: Option<Duration>,
    fault: Option<String>,
}

impl Network {
    /// A network asked as `settings` say. `clock` dates the answers, decides which endpoints are active, and times how
    /// long a host is left alone; nothing is sent yet.
    ///
    /// # Errors
    /// [`crate::kernel::error::Error::Internal`] when the system's resolver settings cannot be read (only without `settings.dns`) or TLS cannot
    /// be set up.
    pub fn new(settings: &LookupSettings, clock: Clock) -> Result<Self> {
        let names = Names::new(settings)?;
        let client = |is_insecure| SmpClient::new(settings, is_insecure, names.clone(), clock.clone());
        Ok(Self(Arc::new(Shared {
            public: client(false)?,
            insecure: settings.allow_insecure_smp.then(|| client(true)).transpose()?,
            slots: Semaphore::new(settings.concurrency),
            rate: Rate::new(settings.rate),
            settings: settings.clone(),
            names,
            clock,
        })))
    }

    /// Asks DNS, then the SMP, about one participant: one DNS question and at most three HTTP requests (service group,
    /// metadata of the BIS Billing invoice, one redirect). Waits for its turn when the process asks as much as it may.
    /// Never fails: what goes wrong is an answer, `unknown` with its cause.
    pub async fn ask(&self, world: World, id: &ParticipantId) -> Answer {
        // Closing the semaphore is the only way to fail, and nothing closes it.
        let _slot = self.0.slots.acquire().await;
        self.0.rate.turn().await;
        let asked_at = self.0.clock.now();
        let mut gathered = Gathered::default();
        let registration = match self.0.walk(world, id, asked_at, &mut gathered).await {
            ControlFlow::Break(registration) => registration,
            ControlFlow::Continue(never) => match never {},
        };
        let Gathered { smp_host, raw, retry_after, fault } = gathered;
        Answer { registration, smp_host, asked_at, raw, retry_after, fault }
    }

    /// Asks about many, each as [`Network::ask`] does, and yields the answers in the order they come. Takes an identifier
    /// from `ids` only when a place is free, so that never more than the configured number of questions is in memory.
    /// Dropping the stream ends the questions under way.
    pub fn ask_all<S>(&self, world: World, ids: S) -> impl Stream<Item = (ParticipantId, Answer)> + use<S>
    where
        S: Stream<Item = ParticipantId>,
    {
        let network = self.clone();
        let concurrency = self.0.settings.concurrency;
        ids.map(move |id| {
            let network = network.clone();
            async move {
                let answer = network.ask(world, &id).await;
                (id, answer)
            }
        })
        .buffer_unordered(concurrency)
    }
}

impl Shared {
    /// The three steps; each breaks with the answer or goes on.
    async fn walk(
        &self,
        world: World,
        id: &ParticipantId,
        now: Instant,
        gathered: &mut Gathered,
    ) -> ControlFlow<Registration, Infallible> {
        let zone = self.zone(world);
        let records = self.names.naptr(&id.sml_name(zone), zone).await;
        let base = records.judged(|answer| after_dns(answer, &self.settings.leftover_hosts), &mut gathered.fault)?;
        gathered.smp_host = Some(base.host().to_owned());

        let reply = self.get(world, &base, &service_group_path(id)).await;
        let group = after_service_group(&gathered.note(&reply), id)?;

        let path = service_metadata_path(id, &DocumentType::billing_invoice());
        let reply = self.get(world, &base, &path).await;
        gathered.keep(&reply);
        let redirect = after_service_metadata(&gathered.note(&reply), id, group.clone(), Hop::First, now.0)?;

        let reply = match SmpBase::parse(&redirect.href) {
            Some(target) => self.get(world, &target, "").await,
            None => Reply::failed("the SMP redirects to what is no web address"),
        };
        gathered.keep(&reply);
        after_service_metadata(&gathered.note(&reply), id, group, Hop::Redirected, now.0)?;
        // The rules never go on after a second hop.
        ControlFlow::Break(Registration::Unknown { cause: Cause::Malformed })
    }

    async fn get(&self, world: World, base: &SmpBase, path: &str) -> Reply {
        let client = match (world, &self.insecure) {
            (World::Test, Some(insecure)) => insecure,
            _ => &self.public,
        };
        client.get(base, path).await
    }

    fn zone(&self, world: World) -> &str {
        match world {
            World::Live => &self.settings.live_zone,
            World::Test => &self.settings.test_zone,
        }
    }
}

impl Gathered {
    /// The reply as the rules want it; what was wrong with it is noted.
    fn note<'a>(&mut self, reply: &'a Reply) -> HttpAnswer<'a> {
        match reply {
            Reply::Body(bytes) => HttpAnswer::Body(bytes),
            Reply::NotFound => {
                self.fault = Some("the SMP answers 404".to_owned());
                HttpAnswer::NotFound
            }
            Reply::Failed { fault, retry_after } => {
                self.fault = Some(fault.clone());
                self.retry_after = *retry_after;
                HttpAnswer::Failed
            }
        }
    }

    fn keep(&mut self, metadata: &Reply) {
        if let Reply::Body(bytes) = metadata {
            let kept = (bytes.len() <= MAX_RAW).then(|| bytes.clone());
            self.raw = Some(Raw { bytes: kept, sha256: Sha256::digest(bytes).into() });
        }
    }
}
