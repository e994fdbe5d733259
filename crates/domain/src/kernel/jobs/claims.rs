//! Taking jobs out of the outbox: claim, start, renew, and what happens to leases that ran out.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Integer, Text};

use super::settle::pairs_as_json;
use super::{CHUNK, JobId, LEASED, Lane, NO_PRACTICE, Ticket, WorkerId, has_status, later};
use crate::kernel::clock::Instant;
use crate::kernel::db::{Conn, Db};
use crate::kernel::error::Result;
use crate::kernel::{JsonText, JsonType, Uid, UidType};
use crate::schema::jobs;

/// A job as it was claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// The right to run it.
    pub ticket: Ticket,
    /// Its kind.
    pub kind: String,
}

/// A job whose handler is about to run.
#[derive(Debug, Clone)]
pub struct Started {
    /// The right to settle it.
    pub ticket: Ticket,
    /// Its kind.
    pub kind: String,
    /// The practice it is done for; `None` for the product's own work.
    pub practice: Option<Uid>,
    /// The payload, as it was enqueued.
    pub payload: JsonText,
    /// How many runs have failed before this one.
    pub failures: i32,
}

#[derive(QueryableByName)]
struct ClaimedRow {
    #[diesel(sql_type = UidType)]
    id: JobId,
    #[diesel(sql_type = BigInt)]
    claims: i64,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = UidType)]
    practice_id: Uid,
    #[diesel(sql_type = Integer)]
    priority: i32,
    #[diesel(sql_type = BigInt)]
    run_at: Instant,
}

/// Both statements do the same in four steps. `heads` hops along the index `jobs_due` from one (practice, priority) to the
/// next, so its cost is their number and not the number of jobs. `candidates` takes the oldest due jobs of each, together
/// about twice what is wanted. `turn` numbers them within their practice. The update takes every practice's first,
/// then every practice's second, until there are enough.
const CLAIM_SQLITE: &str = "
WITH RECURSIVE hops(at) AS (
  SELECT * FROM (SELECT rowid FROM jobs WHERE status = 'pending' AND lane = $1 ORDER BY practice_id, priority LIMIT 1)
  UNION ALL
  SELECT coalesce(
    (SELECT n.rowid FROM jobs n
     WHERE n.status = 'pending' AND n.lane = $1 AND n.practice_id = j.practice_id AND n.priority > j.priority
     ORDER BY n.priority LIMIT 1),
    (SELECT n.rowid FROM jobs n
     WHERE n.status = 'pending' AND n.lane = $1 AND n.practice_id > j.practice_id
     ORDER BY n.practice_id, n.priority LIMIT 1))
  FROM hops CROSS JOIN jobs j ON j.rowid = hops.at
), heads AS MATERIALIZED (
  SELECT j.practice_id, j.priority FROM hops CROSS JOIN jobs j ON j.rowid = hops.at
), candidates AS (
  SELECT j.rowid AS at, j.priority, j.run_at,
         row_number() OVER (PARTITION BY j.practice_id ORDER BY j.priority, j.run_at) AS turn
  FROM heads h CROSS JOIN jobs j ON j.rowid IN (
    SELECT c.rowid FROM jobs c
    WHERE c.status = 'pending' AND c.lane = $1 AND c.practice_id = h.practice_id AND c.priority = h.priority AND c.run_at <= $2
    ORDER BY c.run_at LIMIT (SELECT min($3, max(1, (2 * $3) / count(*))) FROM heads))
)
UPDATE jobs SET status = 'leased', claims = claims + 1, lease_until = $4, leased_by = $5, started_at = NULL
WHERE rowid IN (SELECT at FROM candidates ORDER BY turn, priority, run_at LIMIT $3)
RETURNING id, claims, kind, practice_id, priority, run_at";

const CLAIM_POSTGRES: &str = "
WITH RECURSIVE heads AS (
  (SELECT practice_id, priority FROM jobs WHERE status = 'pending' AND lane = $1 ORDER BY practice_id, priority LIMIT 1)
  UNION ALL
  SELECT n.practice_id, n.priority FROM heads h CROSS JOIN LATERAL (
    SELECT j.practice_id, j.priority FROM jobs j
    WHERE j.status = 'pending' AND j.lane = $1 AND (j.practice_id, j.priority) > (h.practice_id, h.priority)
    ORDER BY j.practice_id, j.priority LIMIT 1) n
), candidates AS MATERIALIZED (
  SELECT c.* FROM heads h CROSS JOIN LATERAL (
    SELECT j.id, j.practice_id, j.priority, j.run_at FROM jobs j
    WHERE j.status = 'pending' AND j.lane = $1 AND j.practice_id = h.practice_id AND j.priority = h.priority AND j.run_at <= $2
    ORDER BY j.run_at LIMIT (SELECT least($3, greatest(1, (2 * $3) / count(*))) FROM heads)
    FOR UPDATE SKIP LOCKED) c
), chosen AS MATERIALIZED (
  SELECT id FROM (
    SELECT id, priority, run_at, row_number() OVER (PARTITION BY practice_id ORDER BY priority, run_at) AS turn FROM candidates) t
  ORDER BY turn, priority, run_at LIMIT $3
)
UPDATE jobs SET status = 'leased', claims = claims + 1, lease_until = $4, leased_by = $5, started_at = NULL
FROM chosen WHERE jobs.id = chosen.id
RETURNING jobs.id, jobs.claims, jobs.kind, jobs.practice_id, jobs.priority, jobs.run_at";

/// Claims up to `limit` due jobs of a lane for `worker`, going round the practices so that nobody waits behind another's
/// flood, and in the order in which they should run. Each is leased until `lease` from now and its token is raised.
///
/// # Errors
/// When the database is away.
pub fn claim(db: &Db, worker: WorkerId, lane: Lane, limit: usize, lease: Duration) -> Result<Vec<Claimed>> {
    if limit == 0 {
        return Ok(Vec::new());
    }
    let wanted = i64::try_from(limit.min(CHUNK)).unwrap_or(1);
    let rows = db.write_relaxed(|tx| {
        let now = tx.now();
        let text = match &**tx {
            Conn::Postgres(_) => CLAIM_POSTGRES,
            Conn::Sqlite(_) => CLAIM_SQLITE,
        };
        let rows: Vec<ClaimedRow> = diesel::sql_query(text)
            .bind::<Text, _>(lane.as_str())
            .bind::<BigInt, _>(now)
            .bind::<BigInt, _>(wanted)
            .bind::<BigInt, _>(later(now, lease.as_secs_f64()))
            .bind::<UidType, _>(worker)
            .get_results(&mut **tx)?;
        Ok(rows)
    })?;
    Ok(in_turn(rows))
}

/// Puts what was claimed in the order in which it was chosen, which an UPDATE does not keep.
fn in_turn(mut rows: Vec<ClaimedRow>) -> Vec<Claimed> {
    rows.sort_by_key(|row| (row.priority, row.run_at, row.id));
    let mut by_practice: BTreeMap<Uid, VecDeque<Claimed>> = BTreeMap::new();
    for row in rows {
        let claimed = Claimed { ticket: Ticket { id: row.id, claim: row.claims }, kind: row.kind };
        by_practice.entry(row.practice_id).or_default().push_back(claimed);
    }
    let mut ordered = Vec::new();
    while !by_practice.is_empty() {
        by_practice.retain(|_, waiting| {
            ordered.extend(waiting.pop_front());
            !waiting.is_empty()
        });
    }
    ordered
}

/// How many jobs of a lane `worker` has claimed that are not settled yet, wherever they are being run.
///
/// # Errors
/// When the database is away.
pub fn leased_count(conn: &mut Conn, worker: WorkerId, lane: Lane) -> Result<usize> {
    let count: i64 = jobs::table
        .filter(has_status(LEASED))
        .filter(jobs::leased_by.eq(worker).and(jobs::lane.eq(lane.as_str())))
        .count()
        .get_result(conn)?;
    Ok(usize::try_from(count).unwrap_or(0))
}

/// The tickets of a lane that `worker` has claimed, that nobody has started, and whose lease ends before `leased_until`;
/// for whoever must find out whether they were lost on their way.
///
/// # Errors
/// When the database is away.
pub fn unstarted(conn: &mut Conn, worker: WorkerId, lane: Lane, leased_until: Instant) -> Result<Vec<Ticket>> {
    let rows: Vec<(JobId, i64)> = jobs::table
        .filter(has_status(LEASED))
        .filter(jobs::leased_by.eq(worker).and(jobs::lane.eq(lane.as_str())))
        .filter(jobs::started_at.is_null().and(jobs::lease_until.lt(leased_until)))
        .select((jobs::id, jobs::claims))
        .load(conn)?;
    Ok(rows.into_iter().map(|(id, claim)| Ticket { id, claim }).collect())
}

#[derive(QueryableByName)]
struct StartedRow {
    #[diesel(sql_type = UidType)]
    id: JobId,
    #[diesel(sql_type = BigInt)]
    claims: i64,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = UidType)]
    practice_id: Uid,
    #[diesel(sql_type = JsonType)]
    payload: JsonText,
    #[diesel(sql_type = Integer)]
    failures: i32,
}

const START_SQLITE: &str = "
UPDATE jobs SET started_at = $1, lease_until = $2
FROM (SELECT unhex(value ->> 0) AS id, value ->> 1 AS claim FROM json_each($3)) AS t
WHERE jobs.id = t.id AND jobs.claims = t.claim AND jobs.status = 'leased' AND jobs.started_at IS NULL
RETURNING id, claims, kind, practice_id, payload, failures";

const START_POSTGRES: &str = "
UPDATE jobs SET started_at = $1, lease_until = $2
FROM unnest($3, $4) AS t(id, claim)
WHERE jobs.id = t.id AND jobs.claims = t.claim AND jobs.status = 'leased' AND jobs.started_at IS NULL
RETURNING jobs.id, jobs.claims, jobs.kind, jobs.practice_id, jobs.payload, jobs.failures";

/// Says that handlers are about to run: from here on, a lease that runs out counts as a failure. The lease begins anew.
/// Returns the jobs that may run; a ticket that is missing is void (overtaken, settled, or started already).
///
/// # Errors
/// When the database is away.
pub fn start(db: &Db, tickets: &[Ticket], lease: Duration) -> Result<Vec<Started>> {
    let mut started = Vec::with_capacity(tickets.len());
    for chunk in tickets.chunks(CHUNK) {
        let rows: Vec<StartedRow> = db.write_relaxed(|tx| {
            let (now, until) = (tx.now(), later(tx.now(), lease.as_secs_f64()));
            Ok(match &mut **tx {
                Conn::Postgres(c) => diesel::sql_query(START_POSTGRES)
                    .bind::<BigInt, _>(now)
                    .bind::<BigInt, _>(until)
                    .bind::<Array<UidType>, _>(chunk.iter().map(|t| t.id).collect::<Vec<_>>())
                    .bind::<Array<BigInt>, _>(chunk.iter().map(|t| t.claim).collect::<Vec<_>>())
                    .get_results(c)?,
                Conn::Sqlite(c) => diesel::sql_query(START_SQLITE)
                    .bind::<BigInt, _>(now)
                    .bind::<BigInt, _>(until)
                    .bind::<Text, _>(pairs_as_json(chunk))
                    .get_results(c)?,
            })
        })?;
        started.extend(rows.into_iter().map(|row| Started {
            ticket: Ticket { id: row.id, claim: row.claims },
            kind: row.kind,
            practice: (row.practice_id != NO_PRACTICE).then_some(row.practice_id),
            payload: row.payload,
            failures: row.failures,
        }));
    }
    Ok(started)
}

const RENEW_SQLITE: &str = "
UPDATE jobs SET lease_until = $1
FROM (SELECT unhex(value ->> 0) AS id, value ->> 1 AS claim FROM json_each($2)) AS t
WHERE jobs.id = t.id AND jobs.claims = t.claim AND jobs.status = 'leased'";

const RENEW_POSTGRES: &str = "
UPDATE jobs SET lease_until = $1
FROM unnest($2, $3) AS t(id, claim)
WHERE jobs.id = t.id AND jobs.claims = t.claim AND jobs.status = 'leased'";

/// Lets the leases of running jobs begin anew. Returns how many were still ours.
///
/// # Errors
/// When the database is away.
pub fn renew(db: &Db, tickets: &[Ticket], lease: Duration) -> Result<usize> {
    let mut renewed = 0;
    for chunk in tickets.chunks(CHUNK) {
        renewed += db.write_relaxed(|tx| {
            let until = later(tx.now(), lease.as_secs_f64());
            Ok(match &mut **tx {
                Conn::Postgres(c) => diesel::sql_query(RENEW_POSTGRES)
                    .bind::<BigInt, _>(until)
                    .bind::<Array<UidType>, _>(chunk.iter().map(|t| t.id).collect::<Vec<_>>())
                    .bind::<Array<BigInt>, _>(chunk.iter().map(|t| t.claim).collect::<Vec<_>>())
                    .execute(c)?,
                Conn::Sqlite(c) => diesel::sql_query(RENEW_SQLITE)
                    .bind::<BigInt, _>(until)
                    .bind::<Text, _>(pairs_as_json(chunk))
                    .execute(c)?,
            })
        })?;
    }
    Ok(renewed)
}

/// Why a job whose worker was lost has failed; kept as its last error.
const LOST: &str = "the worker that ran it was lost";

#[derive(Queryable)]
struct Expired {
    id: JobId,
    claims: i64,
    lane: String,
    failures: i32,
    max_failures: i32,
    started_at: Option<Instant>,
}

/// Takes back jobs whose lease ran out, at most `limit`. One whose handler had started has failed once more, and is dead
/// when that was once too often; one that was only waiting goes back as if nothing had happened. Returns how many.
///
/// # Errors
/// When the database is away.
pub fn reclaim_expired(db: &Db, limit: usize) -> Result<usize> {
    let now = db.clock().now();
    let due = has_status(LEASED).and(jobs::lease_until.lt(now));
    // Looking first keeps the usual case, in which nothing has run out, away from SQLite's only writer.
    if !db.read(|conn| {
        Ok(diesel::select(diesel::dsl::exists(jobs::table.filter(due.clone()))).get_result::<bool>(conn)?)
    })? {
        return Ok(0);
    }
    db.write(|tx| {
        let expired: Vec<Expired> = jobs::table
            .filter(due)
            .order(jobs::lease_until)
            .limit(i64::try_from(limit).unwrap_or(i64::MAX))
            .select((jobs::id, jobs::claims, jobs::lane, jobs::failures, jobs::max_failures, jobs::started_at))
            .load(&mut **tx)?;
        let mut taken = 0;
        for job in &expired {
            taken += take_back(tx, job)?;
        }
        Ok(taken)
    })
}

fn take_back(tx: &mut crate::kernel::db::Tx<'_>, job: &Expired) -> Result<usize> {
    let now = tx.now();
    let failures = job.failures + i32::from(job.started_at.is_some());
    let is_dead = failures >= job.max_failures && job.started_at.is_some();
    let row = jobs::table.filter(
        jobs::id
            .eq(job.id)
            .and(jobs::claims.eq(job.claims))
            .and(jobs::status.eq("leased"))
            .and(jobs::lease_until.lt(now)),
    );
    let taken = diesel::update(row)
        .set((
            jobs::status.eq(if is_dead { "dead" } else { "pending" }),
            jobs::failures.eq(failures),
            jobs::run_at.eq(now),
            jobs::lease_until.eq(None::<Instant>),
            jobs::leased_by.eq(None::<WorkerId>),
            jobs::started_at.eq(None::<Instant>),
            jobs::finished_at.eq(is_dead.then_some(now)),
        ))
        .execute(&mut **tx)?;
    if taken > 0 && job.started_at.is_some() {
        diesel::update(jobs::table.find(job.id)).set(jobs::last_error.eq(LOST)).execute(&mut **tx)?;
    }
    if let (1.., false, Ok(lane)) = (taken, is_dead, job.lane.parse()) {
        tx.ring(lane);
    }
    Ok(taken)
}
