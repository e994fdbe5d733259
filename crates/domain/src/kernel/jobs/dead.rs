//! Dead letters: jobs that failed too often and wait for a person.

use std::collections::HashMap;

use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use super::{DEAD, JobId, Lane, NO_PRACTICE, has_status};
use crate::kernel::Uid;
use crate::kernel::clock::Instant;
use crate::kernel::db::{Conn, Tx};
use crate::kernel::error::{Error, Result};
use crate::kernel::operations::OperationId;
use crate::kernel::page::{self, Page};
use crate::schema::jobs;

/// A job that is not tried again by itself.
#[derive(Debug, Clone, Queryable)]
pub struct DeadJob {
    /// The job.
    pub id: JobId,
    /// Its kind.
    pub kind: String,
    /// Its lane's name.
    pub lane: String,
    /// How often it has failed.
    pub failures: i32,
    /// Why it failed last; for people, in English.
    pub last_error: Option<String>,
    /// When it was enqueued.
    pub created_at: Instant,
    /// When it died.
    pub died_at: Option<Instant>,
}

#[derive(Serialize, Deserialize)]
struct Position(i64, JobId);

/// The dead jobs of a practice, or with `None` those of the product itself, the latest first.
///
/// # Errors
/// [`Error::Invalid`] for a cursor that is none, and when the database is away.
pub fn list_dead(conn: &mut Conn, practice: Option<Uid>, cursor: Option<&str>, limit: u32) -> Result<Page<DeadJob>> {
    let Position(at, id) = match cursor {
        Some(cursor) => page::decode(cursor)?,
        None => Position(i64::MAX, JobId(Uid(uuid::Uuid::max()))),
    };
    let (at, owner) = (Instant(at), practice.unwrap_or(NO_PRACTICE));
    let rows: Vec<DeadJob> = jobs::table
        .filter(has_status(DEAD))
        .filter(jobs::practice_id.eq(owner))
        .filter(jobs::finished_at.lt(at).or(jobs::finished_at.eq(at).and(jobs::id.lt(id))))
        .order((jobs::finished_at.desc(), jobs::id.desc()))
        .limit(i64::from(limit) + 1)
        .select((
            jobs::id,
            jobs::kind,
            jobs::lane,
            jobs::failures,
            jobs::last_error,
            jobs::created_at,
            jobs::finished_at,
        ))
        .load(conn)?;
    Ok(Page::of(rows, limit, |last| Position(last.died_at.map_or(0, |at| at.0), last.id)))
}

/// The dead jobs that were to do the work of these operations of the practice, by operation; of several, one.
///
/// # Errors
/// When the database is away.
pub fn dead_of(conn: &mut Conn, practice: Uid, operations: &[OperationId]) -> Result<HashMap<OperationId, JobId>> {
    if operations.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(Option<OperationId>, JobId)> = jobs::table
        .filter(has_status(DEAD))
        .filter(jobs::practice_id.eq(practice).and(jobs::operation_id.eq_any(operations)))
        .select((jobs::operation_id, jobs::id))
        .load(conn)?;
    Ok(rows.into_iter().filter_map(|(operation, job)| Some((operation?, job))).collect())
}

/// Brings a dead job of the practice (`None`: of the product itself) back to life: due at once, no failures counted.
///
/// # Errors
/// [`Error::NotFound`] when the practice has no such dead job.
pub fn retry_dead(tx: &mut Tx<'_>, practice: Option<Uid>, id: JobId) -> Result<()> {
    let now = tx.now();
    let owner = practice.unwrap_or(NO_PRACTICE);
    let row = jobs::table.filter(jobs::id.eq(id).and(jobs::status.eq("dead")).and(jobs::practice_id.eq(owner)));
    let lane: Option<String> = row.select(jobs::lane).first(&mut **tx).optional()?;
    let lane: Lane = lane.ok_or(Error::NotFound("job"))?.parse().map_err(Error::internal)?;
    diesel::update(row)
        .set((
            jobs::status.eq("pending"),
            jobs::failures.eq(0),
            jobs::run_at.eq(now),
            jobs::finished_at.eq(None::<Instant>),
        ))
        .execute(&mut **tx)?;
    tx.ring(lane);
    Ok(())
}
