//! How a claimed job ends: finished, failed, given back; and the removal of what was finished long ago.

use std::collections::BTreeSet;
use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Text};
use rand::RngExt as _;

use super::{CHUNK, DONE, JobId, LEASED, Lane, Ticket, WorkerId, back_off, has_status, later};
use crate::kernel::UidType;
use crate::kernel::clock::Instant;
use crate::kernel::db::{Conn, Db, Tx};
use crate::kernel::error::Result;
use crate::schema::jobs;

/// Finishes the job in the caller's transaction, which holds its effect. Returns `false` when the ticket is void because
/// another worker owns the job now: then the caller must return an error, so that the effect is rolled back.
///
/// # Errors
/// When the database refuses.
pub fn finish(tx: &mut Tx<'_>, ticket: Ticket) -> Result<bool> {
    let now = tx.now();
    let finished = diesel::update(held(ticket))
        .set((
            jobs::status.eq("done"),
            jobs::finished_at.eq(now),
            jobs::lease_until.eq(None::<Instant>),
            jobs::leased_by.eq(None::<WorkerId>),
        ))
        .execute(&mut **tx)?;
    Ok(finished == 1)
}

type Held = diesel::dsl::Filter<
    jobs::table,
    diesel::dsl::And<
        diesel::dsl::And<diesel::dsl::Eq<jobs::id, JobId>, diesel::dsl::Eq<jobs::claims, i64>>,
        diesel::dsl::Eq<jobs::status, &'static str>,
    >,
>;

/// The job, as long as the ticket is valid.
fn held(ticket: Ticket) -> Held {
    jobs::table.filter(jobs::id.eq(ticket.id).and(jobs::claims.eq(ticket.claim)).and(jobs::status.eq("leased")))
}

const FINISH_SQLITE: &str = "
UPDATE jobs SET status = 'done', finished_at = $1, lease_until = NULL, leased_by = NULL
FROM (SELECT unhex(value ->> 0) AS id, value ->> 1 AS claim FROM json_each($2)) AS t
WHERE jobs.id = t.id AND jobs.claims = t.claim AND jobs.status = 'leased'";

const FINISH_POSTGRES: &str = "
UPDATE jobs SET status = 'done', finished_at = $1, lease_until = NULL, leased_by = NULL
FROM unnest($2, $3) AS t(id, claim)
WHERE jobs.id = t.id AND jobs.claims = t.claim AND jobs.status = 'leased'";

/// Finishes many jobs at once whose runs left no effect in the database, so that it is no harm when one of them runs
/// again. Returns how many tickets were valid.
///
/// # Errors
/// When the database is away.
pub fn finish_all(db: &Db, tickets: &[Ticket]) -> Result<usize> {
    let mut finished = 0;
    for chunk in tickets.chunks(CHUNK) {
        finished += db.write_relaxed(|tx| {
            let now = tx.now();
            Ok(match &mut **tx {
                Conn::Postgres(c) => diesel::sql_query(FINISH_POSTGRES)
                    .bind::<BigInt, _>(now)
                    .bind::<Array<UidType>, _>(chunk.iter().map(|t| t.id).collect::<Vec<_>>())
                    .bind::<Array<BigInt>, _>(chunk.iter().map(|t| t.claim).collect::<Vec<_>>())
                    .execute(c)?,
                Conn::Sqlite(c) => diesel::sql_query(FINISH_SQLITE)
                    .bind::<BigInt, _>(now)
                    .bind::<Text, _>(pairs_as_json(chunk))
                    .execute(c)?,
            })
        })?;
    }
    Ok(finished)
}

/// Tickets as `[["<32 hexadecimal digits>", claim], …]`, which SQLite unpacks with `json_each`.
pub(super) fn pairs_as_json(tickets: &[Ticket]) -> String {
    let pairs: Vec<String> = tickets.iter().map(|t| format!("[\"{}\",{}]", t.id.0.0.simple(), t.claim)).collect();
    format!("[{}]", pairs.join(","))
}

/// What becomes of a job whose run failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// It is tried again after a growing pause, until it has failed too often.
    WithBackOff,
    /// It is tried again after this time at the earliest, because the other side said so; it counts as a failure too.
    After(Duration),
    /// Trying again cannot help; it is dead at once.
    Never,
}

/// Counts a failed run: back to pending after a pause, or dead with `error` as its last words. Returns `false`, having
/// changed nothing, when the ticket is void.
///
/// # Errors
/// When the database refuses.
pub fn fail(tx: &mut Tx<'_>, ticket: Ticket, error: &str, retry: Retry) -> Result<bool> {
    let now = tx.now();
    let row: Option<(i32, i32, String)> =
        held(ticket).select((jobs::failures, jobs::max_failures, jobs::lane)).first(&mut **tx).optional()?;
    let Some((before, most, lane)) = row else {
        return Ok(false);
    };
    let failures = before.saturating_add(1);
    let is_dead = failures >= most || retry == Retry::Never;
    let usual = back_off(failures, rand::rng().random());
    let pause = if let Retry::After(asked) = retry { usual.max(asked.as_secs_f64()) } else { usual };
    let failed = diesel::update(held(ticket))
        .set((
            jobs::status.eq(if is_dead { "dead" } else { "pending" }),
            jobs::failures.eq(failures),
            jobs::last_error.eq(shortened(error)),
            jobs::run_at.eq(if is_dead { now } else { later(now, pause) }),
            jobs::lease_until.eq(None::<Instant>),
            jobs::leased_by.eq(None::<WorkerId>),
            jobs::started_at.eq(None::<Instant>),
            jobs::finished_at.eq(is_dead.then_some(now)),
        ))
        .execute(&mut **tx)?;
    if is_dead {
        tracing::error!(job = %ticket.id, lane, failures, error, "a job is dead; it can be retried through the API");
    }
    Ok(failed == 1)
}

/// The most of an error's text that a row keeps, in characters.
const ERROR_LENGTH: usize = 2000;

fn shortened(error: &str) -> String {
    error.chars().filter(|c| *c != '\0').take(ERROR_LENGTH).collect()
}

/// Gives back what `worker` has claimed and nobody has started, as if it had never been claimed. Returns how many jobs.
///
/// # Errors
/// When the database is away.
pub fn give_back_unstarted(db: &Db, worker: WorkerId) -> Result<usize> {
    db.write(|tx| {
        let mine =
            jobs::table.filter(has_status(LEASED)).filter(jobs::leased_by.eq(worker).and(jobs::started_at.is_null()));
        let lanes: Vec<String> = diesel::update(mine)
            .set((
                jobs::status.eq("pending"),
                jobs::lease_until.eq(None::<Instant>),
                jobs::leased_by.eq(None::<WorkerId>),
            ))
            .returning(jobs::lane)
            .get_results(&mut **tx)?;
        ring(tx, &lanes);
        Ok(lanes.len())
    })
}

/// Which of the given tickets are given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GiveBack {
    /// Those that nobody has started: they were lost on their way to a handler.
    Unstarted,
    /// All that are still valid: their handlers are broken off because the process stops.
    Running,
}

#[derive(QueryableByName)]
struct LaneRow {
    #[diesel(sql_type = Text)]
    lane: String,
}

const GIVE_BACK_SQLITE: &str = "
UPDATE jobs SET status = 'pending', lease_until = NULL, leased_by = NULL, started_at = NULL
FROM (SELECT unhex(value ->> 0) AS id, value ->> 1 AS claim FROM json_each($1)) AS t
WHERE jobs.id = t.id AND jobs.claims = t.claim AND jobs.status = 'leased' AND ($2 OR jobs.started_at IS NULL)
RETURNING lane";

const GIVE_BACK_POSTGRES: &str = "
UPDATE jobs SET status = 'pending', lease_until = NULL, leased_by = NULL, started_at = NULL
FROM unnest($1, $2) AS t(id, claim)
WHERE jobs.id = t.id AND jobs.claims = t.claim AND jobs.status = 'leased' AND ($3 OR jobs.started_at IS NULL)
RETURNING jobs.lane";

/// Gives back claimed jobs: no failure is counted, and they are free to be claimed at once. Returns how many tickets were
/// valid.
///
/// # Errors
/// When the database is away.
pub fn give_back(db: &Db, tickets: &[Ticket], which: GiveBack) -> Result<usize> {
    let started_too = which == GiveBack::Running;
    let mut given = 0;
    for chunk in tickets.chunks(CHUNK) {
        given += db.write(|tx| {
            let rows: Vec<LaneRow> = match &mut **tx {
                Conn::Postgres(c) => diesel::sql_query(GIVE_BACK_POSTGRES)
                    .bind::<Array<UidType>, _>(chunk.iter().map(|t| t.id).collect::<Vec<_>>())
                    .bind::<Array<BigInt>, _>(chunk.iter().map(|t| t.claim).collect::<Vec<_>>())
                    .bind::<Bool, _>(started_too)
                    .get_results(c)?,
                Conn::Sqlite(c) => diesel::sql_query(GIVE_BACK_SQLITE)
                    .bind::<Text, _>(pairs_as_json(chunk))
                    .bind::<Bool, _>(started_too)
                    .get_results(c)?,
            };
            let lanes: Vec<String> = rows.into_iter().map(|row| row.lane).collect();
            ring(tx, &lanes);
            Ok(lanes.len())
        })?;
    }
    Ok(given)
}

fn ring(tx: &mut Tx<'_>, lanes: &[String]) {
    let lanes: BTreeSet<Lane> = lanes.iter().filter_map(|lane| lane.parse().ok()).collect();
    for lane in lanes {
        tx.ring(lane);
    }
}

/// Removes up to a thousand jobs that were done before `before`; their dedupe keys are free again. Returns how many went,
/// so that the caller goes on until none do, each time in a short transaction.
///
/// # Errors
/// When the database is away.
pub fn prune_done(db: &Db, before: Instant) -> Result<usize> {
    db.write(|tx| {
        let old: Vec<JobId> = jobs::table
            .filter(has_status(DONE))
            .filter(jobs::finished_at.lt(before))
            .order(jobs::finished_at)
            .limit(i64::try_from(CHUNK).unwrap_or(i64::MAX))
            .select(jobs::id)
            .load(&mut **tx)?;
        Ok(diesel::delete(jobs::table.filter(jobs::id.eq_any(old))).execute(&mut **tx)?)
    })
}
