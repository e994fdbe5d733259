//! Putting jobs into the outbox.

use diesel::prelude::*;

use super::{CHUNK, Job, JobId, NO_PRACTICE};
use crate::kernel::clock::Instant;
use crate::kernel::db::Tx;
use crate::kernel::error::Result;
use crate::kernel::operations::OperationId;
use crate::kernel::{JsonText, Uid};
use crate::on_each;
use crate::schema::jobs;

/// How one job is enqueued.
#[derive(Debug, Clone, Default)]
pub struct EnqueueOptions {
    /// The practice it is done for; claims go round the practices. `None` for the product's own work.
    pub practice: Option<Uid>,
    /// Not before this moment; `None` for at once.
    pub run_at: Option<Instant>,
    /// At most one job ever has this key, until [`prune_done`](super::prune_done) has taken the old one away. It says what
    /// and when (`nightly:<practice>:<date>`).
    pub dedupe_key: Option<String>,
    /// Lower goes first among one practice's due jobs; 0 when nothing is urgent.
    pub priority: i32,
    /// The operation whose work it does: should the job die, the operation names it.
    pub operation: Option<OperationId>,
}

impl EnqueueOptions {
    /// For a practice, at once.
    #[must_use]
    pub fn of(practice: Uid) -> Self {
        Self { practice: Some(practice), ..Self::default() }
    }

    /// The same, not before `run_at`.
    #[must_use]
    pub fn at(mut self, run_at: Instant) -> Self {
        self.run_at = Some(run_at);
        self
    }

    /// The same, at most once under `key`.
    #[must_use]
    pub fn once(mut self, key: impl Into<String>) -> Self {
        self.dedupe_key = Some(key.into());
        self
    }

    /// The same, as work of an operation.
    #[must_use]
    pub fn work_of(mut self, operation: OperationId) -> Self {
        self.operation = Some(operation);
        self
    }

    /// The same with another priority; lower goes first.
    #[must_use]
    pub fn priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }
}

#[derive(Insertable)]
#[diesel(table_name = jobs)]
#[diesel(treat_none_as_default_value = false)]
struct NewJob<'a> {
    id: JobId,
    practice_id: Uid,
    lane: &'static str,
    kind: &'static str,
    dedupe_key: Option<&'a str>,
    payload: JsonText,
    status: &'static str,
    priority: i32,
    claims: i64,
    failures: i32,
    max_failures: i32,
    run_at: Instant,
    created_at: Instant,
    operation_id: Option<Uid>,
}

impl<'a> NewJob<'a> {
    fn of<J: Job>(job: &J, options: &'a EnqueueOptions, now: Instant) -> Self {
        Self {
            id: JobId::new(),
            practice_id: options.practice.unwrap_or(NO_PRACTICE),
            lane: J::LANE.as_str(),
            kind: J::KIND,
            dedupe_key: options.dedupe_key.as_deref(),
            payload: JsonText::of(job),
            status: "pending",
            priority: options.priority,
            claims: 0,
            failures: 0,
            max_failures: J::MAX_FAILURES,
            run_at: options.run_at.unwrap_or(now),
            created_at: now,
            operation_id: options.operation.map(|id| id.0),
        }
    }
}

/// Leaves `job` behind in the caller's transaction; rings its lane's doorbell when that commits. Returns whether the job
/// is new: `false` when a job with the same dedupe key is there already.
///
/// # Errors
/// When the database refuses.
pub fn enqueue<J: Job>(tx: &mut Tx<'_>, job: &J, options: &EnqueueOptions) -> Result<bool> {
    let row = NewJob::of(job, options, tx.now());
    let inserted =
        on_each!(&mut **tx, c => diesel::insert_into(jobs::table).values(&row).on_conflict_do_nothing().execute(c))?;
    if inserted > 0 {
        tx.ring(J::LANE);
    }
    Ok(inserted > 0)
}

/// Leaves many jobs of one kind behind, each with its own options; one whose dedupe key is there already is none.
///
/// # Errors
/// When the database refuses.
pub fn enqueue_each<J: Job>(tx: &mut Tx<'_>, jobs: &[(J, EnqueueOptions)]) -> Result<()> {
    let now = tx.now();
    for chunk in jobs.chunks(CHUNK) {
        let rows: Vec<NewJob<'_>> = chunk.iter().map(|(job, options)| NewJob::of(job, options, now)).collect();
        on_each!(&mut **tx, c => diesel::insert_into(jobs::table).values(&rows).on_conflict_do_nothing().execute(c))?;
    }
    if !jobs.is_empty() {
        tx.ring(J::LANE);
    }
    Ok(())
}

/// Leaves many jobs of one kind behind, which share everything but the payload, so `options` has no dedupe key.
///
/// # Errors
/// When the database refuses.
pub fn enqueue_all<J: Job>(tx: &mut Tx<'_>, jobs: &[J], options: &EnqueueOptions) -> Result<()> {
    let shared = EnqueueOptions { dedupe_key: None, ..options.clone() };
    let now = tx.now();
    for chunk in jobs.chunks(CHUNK) {
        let rows: Vec<NewJob<'_>> = chunk.iter().map(|job| NewJob::of(job, &shared, now)).collect();
        on_each!(&mut **tx, c => diesel::insert_into(jobs::table).values(&rows).execute(c))?;
    }
    if !jobs.is_empty() {
        tx.ring(J::LANE);
    }
    Ok(())
}
