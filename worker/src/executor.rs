//! Runs the job that a ticket stands for: start, handler, settle.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use klaar_domain::kernel::jobs::{self, Lane, Started, Ticket};
use tokio::sync::{Notify, watch};

use crate::batches::{Settler, Starter, blocking};
use crate::metrics::Metrics;
use crate::registry::Registry;
use crate::relay::Pulse;
use crate::run::{Fault, Run};
use crate::worker::{Phase, Runtime};

/// The tickets that this process is running, from before they are started until they are settled.
pub(crate) struct Running {
    tickets: Mutex<HashMap<Ticket, Lane>>,
    idle: Notify,
    pulses: HashMap<Lane, Arc<Pulse>>,
}

impl Running {
    pub(crate) fn new(pulses: HashMap<Lane, Arc<Pulse>>) -> Self {
        Self { tickets: Mutex::default(), idle: Notify::new(), pulses }
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<Ticket, Lane>> {
        self.tickets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a ticket on; `false` when it is running already, because its envelope came twice.
    fn begin(&self, ticket: Ticket, lane: Lane) -> bool {
        self.locked().insert(ticket, lane).is_none()
    }

    /// Lets go of a ticket that turned out void.
    fn forget(&self, ticket: Ticket) {
        let mut tickets = self.locked();
        tickets.remove(&ticket);
        if tickets.is_empty() {
            self.idle.notify_waiters();
        }
    }

    /// Lets go of settled tickets and tells the relays that there is room.
    pub(crate) fn end(&self, settled: &[(Ticket, Lane)]) {
        let mut tickets = self.locked();
        for (ticket, lane) in settled {
            tickets.remove(ticket);
            if let Some(pulse) = self.pulses.get(lane) {
                pulse.finished();
            }
        }
        if tickets.is_empty() {
            self.idle.notify_waiters();
        }
    }

    /// The tickets that are being run, for renewal and for giving back.
    pub(crate) fn tickets(&self) -> Vec<Ticket> {
        self.locked().keys().copied().collect()
    }

    /// Waits until nothing is being run.
    pub(crate) async fn until_idle(&self) {
        loop {
            let idle = self.idle.notified();
            tokio::pin!(idle);
            idle.as_mut().enable();
            if self.locked().is_empty() {
                return;
            }
            idle.await;
        }
    }
}

/// What came of a handler.
enum Ended {
    Well,
    With(Fault),
    /// The process stops; the ticket stays among the running ones, which are given back.
    BrokenOff,
}

/// Runs jobs.
pub(crate) struct Executor {
    runtime: Arc<Runtime>,
    registry: Registry,
    pub(crate) running: Arc<Running>,
    starter: Starter,
    settler: Settler,
    metrics: Metrics,
    phase: watch::Receiver<Phase>,
}

impl Executor {
    pub(crate) fn new(
        runtime: Arc<Runtime>,
        registry: Registry,
        running: Arc<Running>,
        metrics: Metrics,
        phase: watch::Receiver<Phase>,
    ) -> Self {
        let starter = Starter::spawn(runtime.db.clone(), runtime.lease);
        let settler = Settler::spawn(runtime.db.clone(), running.clone());
        Self { runtime, registry, running, starter, settler, metrics, phase }
    }

    /// Runs the job of a ticket to its end. A void ticket is nothing: somebody else has the job.
    pub(crate) async fn run(&self, lane: Lane, ticket: Ticket) {
        if !self.running.begin(ticket, lane) {
            return;
        }
        let Some(started) = self.starter.start(ticket).await else {
            self.metrics.void.inc();
            return self.running.forget(ticket);
        };
        let began = Instant::now();
        let run = Run::of(self.runtime.clone(), &started);
        let outcome = match self.handle(&started, run.clone()).await {
            Ended::BrokenOff => return,
            _ if run.is_settled() => self.let_go(ticket, lane, "done"),
            Ended::Well => {
                self.settler.finish(ticket, lane);
                "done"
            }
            Ended::With(fault) => {
                let outcome = self.fail(&started, &fault).await;
                self.let_go(ticket, lane, outcome)
            }
        };
        self.metrics.ended(&started.kind, outcome, began.elapsed());
    }

    fn let_go(&self, ticket: Ticket, lane: Lane, outcome: &'static str) -> &'static str {
        self.running.end(&[(ticket, lane)]);
        outcome
    }

    async fn handle(&self, started: &Started, run: Run) -> Ended {
        let Some(handler) = self.registry.run(&started.kind, &started.payload, run) else {
            return Ended::With(Fault::Passing(format!("this release has no handler for {}", started.kind)));
        };
        let mut phase = self.phase.clone();
        tokio::select! {
            outcome = AssertUnwindSafe(handler).catch_unwind() => match outcome {
                Ok(Ok(())) => Ended::Well,
                Ok(Err(fault)) => Ended::With(fault),
                Err(panic) => Ended::With(Fault::Passing(format!("the handler panicked: {}", said(&*panic)))),
            },
            // An error means that the worker itself is gone, which is the end too.
            _ = phase.wait_for(|phase| *phase == Phase::Over) => Ended::BrokenOff,
        }
    }

    /// Counts a failed run. When the database stays away, the lease runs out and counts it.
    async fn fail(&self, started: &Started, fault: &Fault) -> &'static str {
        let Some(retry) = fault.retry() else {
            tracing::info!(job = %started.ticket.id, kind = started.kind, "overtaken by another worker");
            return "overtaken";
        };
        tracing::warn!(job = %started.ticket.id, kind = started.kind, failures = started.failures + 1, %fault, "a job failed");
        for pause in [Duration::from_millis(100), Duration::from_secs(1), Duration::from_secs(5)] {
            let (db, ticket, said) = (self.runtime.db.clone(), started.ticket, fault.to_string());
            match blocking(move || db.write(|tx| jobs::fail(tx, ticket, &said, retry))).await {
                Ok(_) => break,
                Err(error) => {
                    tracing::warn!(%error, "a failure cannot be written down, trying again");
                    tokio::time::sleep(pause).await;
                }
            }
        }
        "failed"
    }
}

/// What a panic said.
fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "nothing".to_owned())
}
