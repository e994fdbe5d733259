//! How tickets travel from the relays to the executor: apalis workers, one a lane, over a channel or over Redis. Only
//! this folder knows apalis. It may lose, double and delay tickets; nothing of what it holds is needed to recover.

mod channel;
mod redis_queue;
mod ticks;

use std::collections::HashMap;
use std::sync::Arc;

use apalis::layers::WorkerBuilderExt as _;
use apalis::prelude::{BoxDynError, Monitor, MonitorContext, TaskId, WorkerBuilder, WorkerContext};
use klaar_domain::kernel::jobs::{Claimed, JobId, Lane, Ticket, WorkerId};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::executor::Executor;
use crate::registry::Schedule;
use crate::worker::{Phase, StartError};

pub(crate) use channel::Channels;
pub(crate) use redis_queue::{RedisQueues, connect};
pub(crate) use ticks::Ticker;

/// What travels: no more than what names the claim.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Envelope {
    id: JobId,
    claim: i64,
    kind: String,
}

impl Envelope {
    fn ticket(&self) -> Ticket {
        Ticket { id: self.id, claim: self.claim }
    }
}

impl From<Claimed> for Envelope {
    fn from(claimed: Claimed) -> Self {
        Self { id: claimed.ticket.id, claim: claimed.ticket.claim, kind: claimed.kind }
    }
}

/// The way of the tickets.
pub(crate) enum Transport {
    /// Inside the process.
    Channel(Channels),
    /// Over Redis, to whichever process has a hand free.
    Redis(RedisQueues),
}

impl Transport {
    /// Whether the lane can take another thousand tickets.
    pub(crate) async fn has_room(&self, lane: Lane) -> bool {
        match self {
            Self::Channel(_) => true,
            Self::Redis(queues) => queues.has_room(lane).await,
        }
    }

    /// Sends tickets off in the order given. The error is for the log.
    pub(crate) async fn send(&self, lane: Lane, claimed: Vec<Claimed>) -> Result<(), String> {
        if claimed.is_empty() {
            return Ok(());
        }
        let envelopes: Vec<Envelope> = claimed.into_iter().map(Envelope::from).collect();
        match self {
            Self::Channel(channels) => channels.send(lane, envelopes),
            Self::Redis(queues) => queues.send(lane, &envelopes).await,
        }
    }

    /// Which of the tickets, sent a while ago and not started, it does not hold any more.
    pub(crate) async fn lost(&self, lane: Lane, sent: Vec<Ticket>) -> Vec<Ticket> {
        match self {
            Self::Channel(_) => Vec::new(),
            Self::Redis(queues) => queues.lost(lane, sent).await,
        }
    }
}

/// The apalis workers of a process, ready to run.
pub(crate) struct Carriers {
    monitor: Monitor,
    wakers: HashMap<Lane, String>,
}

impl Carriers {
    /// One apalis worker a lane, and one a schedule.
    ///
    /// # Errors
    /// [`StartError::Schedule`] for a cron expression that is none.
    pub(crate) fn new(
        transport: &Transport,
        executor: &Arc<Executor>,
        ticker: &Ticker,
        schedules: &[Schedule],
        (worker, phase): (WorkerId, &watch::Receiver<Phase>),
    ) -> Result<Self, StartError> {
        let stopping = phase.clone();
        // A backend fails when Redis is away or was flushed; a fresh worker under a fresh name registers itself anew.
        let mut monitor = Monitor::new().should_restart(move |_, error| {
            tracing::warn!(%error, "the transport failed and is set up anew");
            *stopping.borrow() == Phase::Working
        });
        let mut wakers = HashMap::new();
        for lane in Lane::ALL {
            let name = move |restarts: usize| format!("{worker}-{lane}-{restarts}");
            wakers.insert(lane, name(0));
            monitor = match transport {
                Transport::Channel(channels) => over_channel(monitor, channels, lane, executor.clone(), name),
                Transport::Redis(queues) => over_redis(monitor, queues, lane, executor.clone(), name),
            };
        }
        for schedule in schedules {
            monitor = ticker.register(monitor, schedule, worker)?;
        }
        Ok(Self { monitor, wakers })
    }

    /// Tells the apalis workers to take nothing more and to end when what they carry is done.
    pub(crate) fn stopper(&self) -> Box<dyn Fn() + Send + Sync> {
        let context = self.monitor.context();
        Box::new(move || {
            if let Err(error) = context.shutdown() {
                tracing::warn!(%error, "the transport does not stop");
            }
        })
    }

    /// Runs the apalis workers until they are stopped.
    pub(crate) async fn run(self) {
        if let Err(error) = self.monitor.run().await {
            tracing::debug!(%error, "the transport ended with an error");
        }
    }

    /// Wakes the apalis worker of a lane, which looks into its backend then.
    pub(crate) fn waker(&self) -> impl Fn(Lane) + Send + Sync + 'static {
        let (context, names): (MonitorContext, _) = (self.monitor.context(), self.wakers.clone());
        move |lane| {
            if let Some(name) = names.get(&lane) {
                // Unknown names cannot be: they are those of the workers above.
                let _ = context.wake_worker(name);
            }
        }
    }
}

fn over_channel(
    monitor: Monitor,
    channels: &Channels,
    lane: Lane,
    executor: Arc<Executor>,
    name: impl Fn(usize) -> String + Send + Sync + 'static,
) -> Monitor {
    let inlet = channels.inlet(lane);
    monitor.register(move |restarts| {
        let executor = executor.clone();
        WorkerBuilder::new(name(restarts)).backend(inlet.clone()).concurrency(crate::concurrency(lane)).build(
            move |envelope: Envelope| {
                let executor = executor.clone();
                async move { carry(executor, lane, envelope).await }
            },
        )
    })
}

fn over_redis(
    monitor: Monitor,
    queues: &RedisQueues,
    lane: Lane,
    executor: Arc<Executor>,
    name: impl Fn(usize) -> String + Send + Sync + 'static,
) -> Monitor {
    let queues = queues.clone();
    monitor.register(move |restarts| {
        let (executor, queues) = (executor.clone(), queues.clone());
        WorkerBuilder::new(name(restarts)).backend(queues.storage(lane)).concurrency(crate::concurrency(lane)).build(
            move |envelope: Envelope, task: TaskId, context: WorkerContext| {
                let (executor, queues) = (executor.clone(), queues.clone());
                async move {
                    let done = carry(executor, lane, envelope).await;
                    queues.delete(lane, &context, &task);
                    done
                }
            },
        )
    })
}

/// Runs what an envelope stands for, in a task of its own: when apalis drops its future because a backend failed, the job
/// runs on. Always `Ok`, so that apalis never tries anything again by itself.
async fn carry(executor: Arc<Executor>, lane: Lane, envelope: Envelope) -> Result<(), BoxDynError> {
    let running = tokio::spawn(async move { executor.run(lane, envelope.ticket()).await });
    if let Err(fault) = running.await {
        tracing::error!(%fault, "the executor itself failed; the lease of its job will run out");
    }
    Ok(())
}
