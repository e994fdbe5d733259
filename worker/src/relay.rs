//! The relay of one lane: claims due jobs and hands their tickets to the transport, never more than the process can chew.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use klaar_domain::kernel::jobs::{self, GiveBack, Lane, Ticket, WorkerId};
use tokio::sync::{Notify, watch};

use crate::batches::blocking;
use crate::transport::Transport;
use crate::worker::{Phase, Runtime};

/// The most tickets that one process holds in a lane.
const MOST_OUTSTANDING: usize = 1000;
/// How often a relay looks although nobody rang; the safety net under a doorbell that was not heard.
const SLOW_POLL: Duration = Duration::from_secs(1);
/// The least time between two claims, in which more jobs finish and make the next claim worth its transaction.
const BREATH: Duration = Duration::from_millis(4);
/// For how long a ticket may be on its way before the transport is asked whether it still has it.
const ON_ITS_WAY: Duration = Duration::from_secs(3);

/// What a relay listens to: the doorbell of its lane, and how fast the lane goes.
pub(crate) struct Pulse {
    bell: Notify,
    finished: AtomicUsize,
    measured: Mutex<(Instant, usize, usize)>,
}

impl Default for Pulse {
    fn default() -> Self {
        Self { bell: Notify::new(), finished: AtomicUsize::new(0), measured: Mutex::new((Instant::now(), 0, 0)) }
    }
}

impl Pulse {
    /// There is something to do.
    pub(crate) fn ring(&self) {
        self.bell.notify_one();
    }

    /// A job of the lane was settled by this process.
    pub(crate) fn finished(&self) {
        self.finished.fetch_add(1, Ordering::Relaxed);
        self.bell.notify_one();
    }

    /// How many jobs finished in the last second: the last full one, or what there is of the present one if that is more.
    fn a_second(&self) -> usize {
        let total = self.finished.load(Ordering::Relaxed);
        let mut measured = self.measured.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, at_start, before) = *measured;
        let now = total.saturating_sub(at_start);
        if since.elapsed() >= Duration::from_secs(1) {
            let seconds = usize::try_from(since.elapsed().as_secs()).unwrap_or(1);
            *measured = (Instant::now(), total, now / seconds.max(1));
        }
        now.max(before)
    }
}

/// Claims for one lane.
pub(crate) struct Relay {
    pub(crate) runtime: Arc<Runtime>,
    pub(crate) worker: WorkerId,
    pub(crate) lane: Lane,
    pub(crate) concurrency: usize,
    pub(crate) pulse: Arc<Pulse>,
    pub(crate) transport: Arc<Transport>,
}

/// What one claim came to.
struct Round {
    claimed: usize,
    outstanding: usize,
}

impl Relay {
    /// Goes on until the process stops.
    pub(crate) async fn run(self, mut phase: watch::Receiver<Phase>) {
        let mut asked_after = tokio::time::Instant::now();
        loop {
            let round = self.round().await;
            if round.outstanding > 0 && asked_after.elapsed() >= ON_ITS_WAY {
                self.find_lost().await;
                asked_after = tokio::time::Instant::now();
            }
            // A full claim goes on at once; otherwise somebody must ring, or time must pass.
            let wait = async {
                tokio::time::sleep(BREATH).await;
                if round.claimed == 0 {
                    let _ = tokio::time::timeout(SLOW_POLL, self.pulse.bell.notified()).await;
                }
            };
            tokio::select! {
                () = wait => {}
                _ = phase.wait_for(|phase| *phase != Phase::Working) => return,
            }
        }
    }

    async fn round(&self) -> Round {
        let most = self.pulse.a_second().max(4 * self.concurrency).min(MOST_OUTSTANDING);
        if !self.transport.has_room(self.lane).await {
            return Round { claimed: 0, outstanding: most };
        }
        let (runtime, worker, lane) = (self.runtime.clone(), self.worker, self.lane);
        let claimed = blocking(move || {
            let outstanding = runtime.db.read(|conn| jobs::leased_count(conn, worker, lane))?;
            let room = most.saturating_sub(outstanding);
            // A claim is a transaction: it waits until a good part of the room is free again.
            let is_worth_it = room >= (most / 8).max(1);
            let claimed =
                if is_worth_it { jobs::claim(&runtime.db, worker, lane, room, runtime.lease)? } else { Vec::new() };
            Ok((claimed, outstanding))
        });
        let (claimed, outstanding) = match claimed.await {
            Ok(found) => found,
            Err(error) => {
                tracing::warn!(lane = %self.lane, %error, "jobs cannot be claimed; trying again");
                return Round { claimed: 0, outstanding: 0 };
            }
        };
        let tickets: Vec<Ticket> = claimed.iter().map(|job| job.ticket).collect();
        if let Err(error) = self.transport.send(self.lane, claimed).await {
            tracing::warn!(lane = %self.lane, %error, "tickets cannot be handed on; giving the jobs back");
            self.give_back(tickets).await;
            tokio::time::sleep(SLOW_POLL).await;
            return Round { claimed: 0, outstanding };
        }
        Round { claimed: tickets.len(), outstanding: outstanding + tickets.len() }
    }

    /// Gives back what the transport has lost: a flushed or restarted Redis costs seconds, not a lease.
    async fn find_lost(&self) {
        let (runtime, worker, lane) = (self.runtime.clone(), self.worker, self.lane);
        let waiting = blocking(move || {
            let claimed_before = runtime.lease.saturating_sub(ON_ITS_WAY);
            let until = runtime.db.clock().now().plus_seconds(i64::try_from(claimed_before.as_secs()).unwrap_or(0));
            runtime.db.read(|conn| jobs::unstarted(conn, worker, lane, until))
        });
        let Ok(waiting) = waiting.await else { return };
        let lost = self.transport.lost(self.lane, waiting).await;
        if !lost.is_empty() {
            tracing::warn!(lane = %self.lane, count = lost.len(), "tickets were lost on their way; giving the jobs back");
            self.give_back(lost).await;
        }
    }

    async fn give_back(&self, tickets: Vec<Ticket>) {
        let db = self.runtime.db.clone();
        if let Err(error) = blocking(move || jobs::give_back(&db, &tickets, GiveBack::Unstarted)).await {
            tracing::warn!(%error, "jobs cannot be given back; their leases will run out");
        }
    }
}
