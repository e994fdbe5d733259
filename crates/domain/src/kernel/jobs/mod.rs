//! The job outbox: work that a transaction leaves behind, as rows that are the only truth about it.
//!
//! A job exists if and only if the change it follows from was committed, because [`enqueue`] runs in that change's own
//! transaction. Whoever executes jobs (the `worker` crate) only carries tickets: [`claim`] hands them out with a fencing
//! token, [`start`] says that a handler is about to run, and [`finish`] stands in the same transaction as the handler's
//! effect, so that an effect is there exactly once however often a ticket is lost, doubled or overtaken.
//!
//! Claims, starts and effectless ends are committed without waiting for the disk. A power cut may undo them, and then a
//! token may be given out twice; still only one of the two can find the job leased and finish it.

mod claims;
mod dead;
mod doorbell;
mod queue;
mod settle;
mod stock;
#[cfg(test)]
mod tests;

use std::fmt;

use diesel::dsl::sql;
use diesel::expression::SqlLiteral;
use diesel::sql_types::Bool;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Uid;
use super::clock::Instant;

pub use claims::{Claimed, Started, claim, leased_count, reclaim_expired, renew, start, unstarted};
pub use dead::{DeadJob, dead_of, list_dead, retry_dead};
pub use doorbell::Doorbell;
pub use queue::{EnqueueOptions, enqueue, enqueue_all, enqueue_each};
pub use settle::{GiveBack, Retry, fail, finish, finish_all, give_back, give_back_unstarted, prune_done};
pub use stock::{Depth, depths};

crate::id_type!(
    /// Identifies a job.
    JobId,
    "job"
);

crate::id_type!(
    /// Identifies one start of one worker process; two starts never share it.
    WorkerId,
    "wrk"
);

/// Which queue a job waits in. Each lane has its own concurrency, so that a flood in one holds up no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    /// A person waits for it.
    Interactive,
    /// Sending mail.
    Mail,
    /// Asking the network.
    Network,
    /// Long work that may take its time.
    Bulk,
}

impl Lane {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Interactive, Self::Mail, Self::Network, Self::Bulk];

    /// The stable name (`interactive`, `mail`, `network`, `bulk`).
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Interactive => "interactive",
            Self::Mail => "mail",
            Self::Network => "network",
            Self::Bulk => "bulk",
        }
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// No lane has that name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no lane has that name")]
pub struct LaneError;

impl std::str::FromStr for Lane {
    type Err = LaneError;
    fn from_str(text: &str) -> Result<Self, LaneError> {
        Self::ALL.into_iter().find(|lane| lane.as_str() == text).ok_or(LaneError)
    }
}

/// A kind of work: the payload (identifiers only, so that a job run late sees the present state) and how it is treated.
pub trait Job: Serialize + DeserializeOwned + Send + 'static {
    /// Stable name (`look_up_client`), unique in the product: rows of old releases carry it.
    const KIND: &'static str;
    /// Where it waits.
    const LANE: Lane;
    /// After how many failed runs it is dead and waits for a person.
    const MAX_FAILURES: i32 = 10;
}

/// The right to run and settle a job: its identifier and the fencing token of the claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ticket {
    /// The job.
    pub id: JobId,
    /// Which claim of it this is; a later claim has a higher number and makes this one void.
    pub claim: i64,
}

/// A condition on the status with the value written out, which both databases need to see before they use an index that
/// holds only the rows of that status.
fn has_status(condition: &'static str) -> SqlLiteral<Bool> {
    sql::<Bool>(condition)
}

const PENDING: &str = "jobs.status = 'pending'";
const LEASED: &str = "jobs.status = 'leased'";
const DONE: &str = "jobs.status = 'done'";
const DEAD: &str = "jobs.status = 'dead'";

/// What the `practice_id` column holds for a job of the product itself, so that the fair claim can group by it.
const NO_PRACTICE: Uid = Uid(uuid::Uuid::nil());

/// What one statement settles at most; keeps each under SQLite's limit of bound values and each transaction short.
const CHUNK: usize = 1000;

/// How soon a failed job is tried again, in seconds: 2, 4, 8 … at most an hour, each spread by up to a quarter either way
/// so that jobs that failed together do not come back together.
fn back_off(failures: i32, spread: f64) -> f64 {
    const MOST: f64 = 3600.0;
    let doubled = 2.0_f64.powi(failures.clamp(1, 30)).min(MOST);
    doubled * (0.75 + spread.clamp(0.0, 1.0) / 2.0)
}

/// The moment `seconds` after `now`.
fn later(now: Instant, seconds: f64) -> Instant {
    #[expect(clippy::cast_possible_truncation, reason = "at most a few hours in microseconds")]
    let micros = (seconds * 1_000_000.0) as i64;
    Instant(now.0.saturating_add(micros))
}
