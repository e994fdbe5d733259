//! How much lies in the outbox, for the metrics.

use std::collections::BTreeMap;

use diesel::dsl::{count_star, min};
use diesel::prelude::*;

use super::{DEAD, LEASED, Lane, PENDING, has_status};
use crate::kernel::clock::Instant;
use crate::kernel::db::Conn;
use crate::kernel::error::Result;
use crate::schema::jobs;

/// What lies in one lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth {
    /// The lane.
    pub lane: Lane,
    /// Jobs that wait, those for later included.
    pub pending: i64,
    /// Jobs that a worker has claimed.
    pub leased: i64,
    /// Jobs that wait for a person.
    pub dead: i64,
    /// For how many whole seconds the oldest due job has been due; 0 when none is.
    pub oldest_due_seconds: i64,
}

/// What lies in each lane at `now`.
///
/// # Errors
/// When the database is away.
pub fn depths(conn: &mut Conn, now: Instant) -> Result<Vec<Depth>> {
    let pending = count(conn, PENDING)?;
    let leased = count(conn, LEASED)?;
    let dead = count(conn, DEAD)?;
    let oldest: Vec<(String, Option<Instant>)> = jobs::table
        .filter(has_status(PENDING))
        .filter(jobs::run_at.le(now))
        .group_by(jobs::lane)
        .select((jobs::lane, min(jobs::run_at)))
        .load(conn)?;
    let waiting: BTreeMap<String, i64> =
        oldest.into_iter().filter_map(|(lane, at)| Some((lane, now.seconds_since(at?)))).collect();
    let of = |counts: &BTreeMap<String, i64>, lane: Lane| counts.get(lane.as_str()).copied().unwrap_or(0);
    Ok(Lane::ALL
        .into_iter()
        .map(|lane| Depth {
            lane,
            pending: of(&pending, lane),
            leased: of(&leased, lane),
            dead: of(&dead, lane),
            oldest_due_seconds: of(&waiting, lane),
        })
        .collect())
}

/// The number of jobs of one status by lane; each is the size of an index that holds nothing else.
fn count(conn: &mut Conn, status: &'static str) -> Result<BTreeMap<String, i64>> {
    let counts: Vec<(String, i64)> =
        jobs::table.filter(has_status(status)).group_by(jobs::lane).select((jobs::lane, count_star())).load(conn)?;
    Ok(counts.into_iter().collect())
}
