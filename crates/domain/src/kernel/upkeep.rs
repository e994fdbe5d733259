//! What must be swept out of the kernel's own tables, and the job that does so.

use serde::{Deserialize, Serialize};

use super::db::Db;
use super::error::Result;
use super::jobs::{Job, Lane, prune_done};
use super::replies;

/// How long done jobs, and with them their dedupe keys, are kept: 7 days, in seconds.
const JOBS_KEPT: i64 = 7 * 86_400;
/// How long replies are kept for callers that repeat a request: 48 hours, in seconds.
const REPLIES_KEPT: i64 = 48 * 3600;

/// Removes done jobs and replies when they are old.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PruneSettled {}

impl Job for PruneSettled {
    const KIND: &'static str = "prune_settled";
    const LANE: Lane = Lane::Bulk;
}

/// How many rows went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pruned {
    /// Done jobs.
    pub jobs: usize,
    /// Replies.
    pub replies: usize,
}

/// Removes what is old, in short transactions. Doing it twice does no more than doing it once. Blocking.
///
/// # Errors
/// When the database is away.
pub fn prune_settled(db: &Db) -> Result<Pruned> {
    let now = db.clock().now();
    let jobs = until_none(|| prune_done(db, now.plus_seconds(-JOBS_KEPT)))?;
    let replies = until_none(|| replies::prune(db, now.plus_seconds(-REPLIES_KEPT)))?;
    Ok(Pruned { jobs, replies })
}

fn until_none(mut prune: impl FnMut() -> Result<usize>) -> Result<usize> {
    let mut all = 0;
    loop {
        match prune()? {
            0 => return Ok(all),
            some => all += some,
        }
    }
}
