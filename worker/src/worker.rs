//! The worker of one process: starts relays, transport and schedules, and stops them so that nothing is lost.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use klaar_domain::kernel::config::Settings;
use klaar_domain::kernel::db::Db;
use klaar_domain::kernel::error::{Error, Result};
use klaar_domain::kernel::jobs::{self, GiveBack, Lane, WorkerId};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};

use crate::batches::blocking;
use crate::doorbell;
use crate::executor::{Executor, Running};
use crate::metrics::Metrics;
use crate::registry::{Registry, Schedule};
use crate::relay::{Pulse, Relay};
use crate::transport::{Carriers, Channels, RedisQueues, Ticker, Transport};

/// How long a claim holds without being renewed. A worker that dies is missed after this time.
const LEASE: Duration = Duration::from_secs(30);
/// The most expired leases that are taken back in one transaction.
const RECLAIMED_AT_ONCE: usize = 500;
/// How long giving back may take on top of the limit for finishing.
const GIVING_BACK: Duration = Duration::from_secs(5);

/// What the jobs of a process work with.
pub struct Runtime {
    /// The database.
    pub db: Db,
    /// The settings.
    pub settings: Arc<Settings>,
    /// Where the worker's counters are registered.
    pub metrics: prometheus::Registry,
    /// How long a claim holds without being renewed.
    pub lease: Duration,
    shared: HashMap<TypeId, Arc<dyn Any + Send + Sync>>,
}

impl Runtime {
    /// A runtime with a metrics registry of its own and the usual lease.
    #[must_use]
    pub fn new(db: Db, settings: Arc<Settings>) -> Self {
        Self { db, settings, metrics: prometheus::Registry::new(), lease: LEASE, shared: HashMap::new() }
    }

    /// The same with something that all jobs may use, found again by its type: a resolver, an HTTP client.
    #[must_use]
    pub fn share<T: Send + Sync + 'static>(mut self, thing: T) -> Self {
        self.shared.insert(TypeId::of::<T>(), Arc::new(thing));
        self
    }

    pub(crate) fn shared<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.shared.get(&TypeId::of::<T>()).cloned()?.downcast().ok()
    }
}

/// Where a worker is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Claims and runs.
    Working,
    /// Claims nothing more and finishes what runs.
    Draining,
    /// Breaks off what still runs.
    Over,
}

/// Why a worker cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address of Redis is wrong.
    #[error("KLAAR_REDIS_URL: {0}")]
    Redis(#[from] redis::RedisError),
    /// A schedule's times are no cron expression.
    #[error("schedule {0}: {1}")]
    Schedule(&'static str, String),
    /// A counter is registered already: two workers share one registry.
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
}

/// A running worker.
pub struct Worker {
    id: WorkerId,
    runtime: Arc<Runtime>,
    executor: Arc<Executor>,
    transport: Arc<Transport>,
    phase: watch::Sender<Phase>,
    relays: Mutex<JoinSet<()>>,
    carriers: Mutex<JoinSet<()>>,
    rounds: Mutex<JoinSet<()>>,
    stop_carriers: Box<dyn Fn() + Send + Sync>,
}

impl Worker {
    /// Starts to claim and run jobs. Returns at once; Redis may come later.
    ///
    /// # Errors
    /// [`StartError`] when something is set wrongly.
    pub async fn start(runtime: Runtime, registry: Registry, schedules: &[Schedule]) -> Result<Self, StartError> {
        let (runtime, id) = (Arc::new(runtime), WorkerId::new());
        let (phase, watched) = watch::channel(Phase::Working);
        let pulses: HashMap<Lane, Arc<Pulse>> = Lane::ALL.into_iter().map(|lane| (lane, Arc::default())).collect();
        let running = Arc::new(Running::new(pulses.clone()));
        let metrics = Metrics::register(&runtime.metrics)?;
        let transport = Arc::new(transport_of(&runtime.settings)?);
        let executor = Arc::new(Executor::new(runtime.clone(), registry, running, metrics, watched.clone()));
        let ticker = Ticker { db: runtime.db.clone() };
        let carriers = Carriers::new(&transport, &executor, &ticker, schedules, (id, &watched))?;
        let waker = Arc::new(carriers.waker());
        let mut rounds = JoinSet::new();
        listen(&runtime, &pulses, waker.clone(), &mut rounds)?;
        rounds.spawn(keep_leases(runtime.clone(), executor.running.clone()));
        let mut relays = JoinSet::new();
        for (lane, pulse) in pulses {
            let (runtime, transport) = (runtime.clone(), transport.clone());
            let concurrency = crate::concurrency(lane);
            let relay = Relay { runtime, worker: id, lane, concurrency, pulse, transport };
            relays.spawn(relay.run(watched.clone()));
        }
        let stop_carriers = carriers.stopper();
        let mut carrying = JoinSet::new();
        carrying.spawn(carriers.run());
        tracing::info!(worker = %id, redis = runtime.settings.redis_url.is_some(), "the worker runs");
        let (relays, carriers, rounds) = (Mutex::new(relays), Mutex::new(carrying), Mutex::new(rounds));
        Ok(Self { id, runtime, executor, transport, phase, relays, carriers, rounds, stop_carriers })
    }

    /// The name of this start.
    #[must_use]
    pub fn id(&self) -> WorkerId {
        self.id
    }

    /// Whether it can do its work: the database and, when it is set, Redis answer. The error says what does not.
    ///
    /// # Errors
    /// A text for people.
    pub async fn is_ready(&self) -> Result<(), String> {
        if *self.phase.borrow() != Phase::Working {
            return Err("stopping".to_owned());
        }
        let db = self.runtime.db.clone();
        let asked = blocking(move || db.read(|conn| jobs::leased_count(conn, WorkerId::new(), Lane::Interactive)));
        asked.await.map_err(|error| error.to_string())?;
        match &*self.transport {
            Transport::Redis(queues) if !queues.is_reachable().await => Err("Redis does not answer".to_owned()),
            _ => Ok(()),
        }
    }

    /// Stops: claims nothing more, gives back what has not started, lets what runs finish within the settings'
    /// `shutdown_limit`, and gives back the rest. Returns how many jobs were given back.
    pub async fn stop(&self) -> usize {
        let deadline = Instant::now() + self.runtime.settings.shutdown_limit;
        self.phase.send_replace(Phase::Draining);
        let mut relays = self.relays.lock().await;
        while relays.join_next().await.is_some() {}
        (self.stop_carriers)();
        let (db, id) = (self.runtime.db.clone(), self.id);
        let mut given = blocking(move || jobs::give_back_unstarted(&db, id)).await.unwrap_or_else(complain);
        if timeout_at(deadline, self.executor.running.until_idle()).await.is_err() {
            self.phase.send_replace(Phase::Over);
            let (db, rest) = (self.runtime.db.clone(), self.executor.running.tickets());
            tracing::warn!(count = rest.len(), "jobs did not finish in time and are given back");
            given += blocking(move || jobs::give_back(&db, &rest, GiveBack::Running)).await.unwrap_or_else(complain);
        }
        let mut carriers = self.carriers.lock().await;
        let _ = timeout_at(Instant::now() + GIVING_BACK, carriers.join_next()).await;
        self.rounds.lock().await.abort_all();
        tracing::info!(worker = %self.id, given, "the worker has stopped");
        given
    }
}

fn complain(error: Error) -> usize {
    tracing::warn!(%error, "jobs cannot be given back; their leases will run out");
    0
}

fn transport_of(settings: &Settings) -> redis::RedisResult<Transport> {
    match &settings.redis_url {
        Some(url) => Ok(Transport::Redis(RedisQueues::open(url, doorbell::namespace(&settings.database))?)),
        None => Ok(Transport::Channel(Channels::new())),
    }
}

/// Has the doorbell, of this process and over Redis, wake the relays and the apalis workers.
fn listen(
    runtime: &Runtime,
    pulses: &HashMap<Lane, Arc<Pulse>>,
    wake: Arc<impl Fn(Lane) + Send + Sync + 'static>,
    rounds: &mut JoinSet<()>,
) -> redis::RedisResult<()> {
    let weak: HashMap<Lane, _> = pulses.iter().map(|(lane, pulse)| (*lane, Arc::downgrade(pulse))).collect();
    runtime.db.doorbell().on_ring(move |lane| {
        if let Some(pulse) = weak.get(&lane).and_then(std::sync::Weak::upgrade) {
            pulse.ring();
        }
    });
    if let Some(url) = &runtime.settings.redis_url {
        doorbell::ring_over_redis(&runtime.db, &runtime.settings.database, url)?;
        let channel = doorbell::channel(&doorbell::namespace(&runtime.settings.database));
        let pulses = pulses.clone();
        rounds.spawn(doorbell::listen(redis::Client::open(url.as_str())?, channel, move |lane| {
            wake(lane);
            if let Some(pulse) = pulses.get(&lane) {
                pulse.ring();
            }
        }));
    }
    Ok(())
}

/// Renews the leases of what runs here and takes back leases that ran out anywhere. Goes on until it is aborted.
async fn keep_leases(runtime: Arc<Runtime>, running: Arc<Running>) {
    let mut ticks = interval(runtime.lease / 6);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let (db, lease, tickets) = (runtime.db.clone(), runtime.lease, running.tickets());
        let kept = blocking(move || {
            if !tickets.is_empty() {
                jobs::renew(&db, &tickets, lease)?;
            }
            jobs::reclaim_expired(&db, RECLAIMED_AT_ONCE)
        });
        match kept.await {
            Ok(0) => {}
            Ok(count) => tracing::warn!(count, "leases ran out; the jobs are claimed again"),
            Err(error) => tracing::warn!(%error, "leases cannot be renewed; trying again"),
        }
    }
}

/// Runs every job that is due, in this process and without a transport, until none is left, also those that the jobs
/// themselves enqueue. Returns how many runs there were. For tests and for commands that must not return before.
///
/// # Errors
/// When the database is away, and when the runtime's metrics are those of another worker.
pub async fn run_due(runtime: Runtime, registry: Registry) -> Result<usize> {
    let (runtime, id) = (Arc::new(runtime), WorkerId::new());
    let (phase, watched) = watch::channel(Phase::Working);
    let running = Arc::new(Running::new(HashMap::new()));
    let metrics = Metrics::register(&runtime.metrics).map_err(Error::internal)?;
    let executor = Arc::new(Executor::new(runtime.clone(), registry, running, metrics, watched));
    let mut runs = 0;
    loop {
        let mut batch = JoinSet::new();
        for lane in Lane::ALL {
            let (runtime, limit) = (runtime.clone(), crate::concurrency(lane));
            let claimed = blocking(move || jobs::claim(&runtime.db, id, lane, limit, runtime.lease)).await?;
            for job in claimed {
                let executor = executor.clone();
                batch.spawn(async move { executor.run(lane, job.ticket).await });
            }
        }
        if batch.is_empty() {
            drop(phase);
            return Ok(runs);
        }
        runs += batch.len();
        batch.join_all().await;
        executor.running.until_idle().await;
    }
}
