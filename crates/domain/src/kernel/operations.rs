//! Operations: work longer than a second, which the caller follows by its progress (`202`, then `GET /v1/operations/…`).

use std::collections::BTreeMap;

use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use super::actor::Actor;
use super::catalogue::{self, Language};
use super::clock::Instant;
use super::db::{Conn, Tx};
use super::error::{Error, Result};
use super::jobs::{self, JobId};
use super::page::{self, Page};
use super::{JsonText, Uid};
use crate::schema::operations;

crate::id_type!(
    /// Identifies an operation.
    OperationId,
    "opn"
);

/// Where an operation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Nothing has been done yet.
    Waiting,
    /// Some of it has been done.
    Running,
    /// It came to its end; single items may have failed.
    Finished,
    /// It was broken off; `problem` says why.
    Failed,
}

impl Status {
    /// The stable name (`waiting`, `running`, `finished`, `failed`).
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Failed => "failed",
        }
    }

    /// Whether nothing more will happen.
    #[must_use]
    pub fn is_over(self) -> bool {
        matches!(self, Self::Finished | Self::Failed)
    }

    fn parse(text: &str) -> Result<Self> {
        [Self::Waiting, Self::Running, Self::Finished, Self::Failed]
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| Error::internal(format_args!("an operation has the status {text}")))
    }
}

/// Why an operation was broken off: a code of the catalogue (`problem.<code>`) and what its text speaks of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Stable code.
    pub code: String,
    /// What the text speaks of.
    #[serde(default)]
    pub params: BTreeMap<String, String>,
}

impl Problem {
    /// A problem without parameters.
    #[must_use]
    pub fn new(code: &str) -> Self {
        Self { code: code.to_owned(), params: BTreeMap::new() }
    }

    /// The same problem with one more parameter.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.params.insert(name.to_owned(), value.to_string());
        self
    }

    /// What happened and what to do, for people.
    #[must_use]
    pub fn said_in(&self, language: Language) -> String {
        let params = self.params.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        catalogue::filled(language, &format!("problem.{}", self.code), params)
    }
}

/// A piece of longer work.
#[derive(Debug, Clone)]
pub struct Operation {
    /// The operation.
    pub id: OperationId,
    /// The practice it is done for.
    pub practice: Uid,
    /// Stable kind (`client_import`).
    pub kind: String,
    /// Where it stands.
    pub status: Status,
    /// How many items are behind it, the failed ones included.
    pub done: i64,
    /// How many items there are, once that is known.
    pub total: Option<i64>,
    /// How many of the done ones failed.
    pub failed: i64,
    /// What came out, in a shape that the kind defines.
    pub result: Option<JsonText>,
    /// Why it was broken off.
    pub problem: Option<Problem>,
    /// The kind of actor that asked for it.
    pub actor_kind: String,
    /// The actor's identifier in text form.
    pub actor_id: Option<String>,
    /// The actor's name at that time.
    pub actor_name: String,
    /// When it was asked for.
    pub created_at: Instant,
    /// When its progress was last written.
    pub updated_at: Instant,
    /// When it was over.
    pub finished_at: Option<Instant>,
    /// The job that was to do its work and is dead: nothing more happens until somebody retries it.
    pub dead_job: Option<JobId>,
}

impl Operation {
    /// Who asked for it.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor::stored(&self.actor_kind, self.actor_id.clone(), self.actor_name.clone())
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = operations)]
struct Row {
    id: OperationId,
    practice_id: Uid,
    kind: String,
    status: String,
    done: i64,
    total: Option<i64>,
    failed: i64,
    result: Option<JsonText>,
    problem: Option<JsonText>,
    actor_kind: String,
    actor_id: Option<String>,
    actor_name: String,
    created_at: Instant,
    updated_at: Instant,
    finished_at: Option<Instant>,
}

impl Row {
    fn read(self) -> Result<Operation> {
        Ok(Operation {
            id: self.id,
            practice: self.practice_id,
            kind: self.kind,
            status: Status::parse(&self.status)?,
            done: self.done,
            total: self.total,
            failed: self.failed,
            result: self.result,
            problem: self.problem.as_ref().map(JsonText::read).transpose()?,
            actor_kind: self.actor_kind,
            actor_id: self.actor_id,
            actor_name: self.actor_name,
            created_at: self.created_at,
            updated_at: self.updated_at,
            finished_at: self.finished_at,
            dead_job: None,
        })
    }
}

/// Writes down that work of `kind` was asked for; `total` is the number of items when it is known already.
///
/// # Errors
/// When the database refuses.
pub fn create(
    tx: &mut Tx<'_>,
    practice: Uid,
    actor: &Actor,
    kind: &'static str,
    total: Option<i64>,
) -> Result<OperationId> {
    let (id, now) = (OperationId::new(), tx.now());
    diesel::insert_into(operations::table)
        .values((
            operations::id.eq(id),
            operations::practice_id.eq(practice),
            operations::kind.eq(kind),
            operations::status.eq(Status::Waiting.as_str()),
            operations::done.eq(0),
            operations::total.eq(total),
            operations::failed.eq(0),
            operations::actor_kind.eq(actor.kind.as_str()),
            operations::actor_id.eq(actor.id.as_deref()),
            operations::actor_name.eq(&actor.name),
            operations::created_at.eq(now),
            operations::updated_at.eq(now),
        ))
        .execute(&mut **tx)?;
    Ok(id)
}

/// Says how many items there are, once that is known.
///
/// # Errors
/// When the database refuses.
pub fn set_total(tx: &mut Tx<'_>, id: OperationId, total: i64) -> Result<()> {
    let now = tx.now();
    diesel::update(open(id))
        .set((
            operations::status.eq(Status::Running.as_str()),
            operations::total.eq(Some(total)),
            operations::updated_at.eq(now),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

/// Counts `done` more items, `failed` of them without success. Called in the transaction that did them, so that no item
/// is counted twice and none is left out. Returns the operation as it stands now, or `None` when it is over already.
///
/// # Errors
/// When the database refuses.
pub fn advance(tx: &mut Tx<'_>, id: OperationId, done: i64, failed: i64) -> Result<Option<Operation>> {
    let now = tx.now();
    let row: Option<Row> = diesel::update(open(id))
        .set((
            operations::status.eq(Status::Running.as_str()),
            operations::done.eq(operations::done + done),
            operations::failed.eq(operations::failed + failed),
            operations::updated_at.eq(now),
        ))
        .returning(operations::all_columns)
        .get_result(&mut **tx)
        .optional()?;
    row.map(Row::read).transpose()
}

/// Sets the counts to `done` and `failed` altogether, for work that knows where it is and may begin again.
///
/// # Errors
/// When the database refuses.
pub fn report(tx: &mut Tx<'_>, id: OperationId, done: i64, failed: i64) -> Result<()> {
    let now = tx.now();
    diesel::update(open(id))
        .set((
            operations::status.eq(Status::Running.as_str()),
            operations::done.eq(done),
            operations::failed.eq(failed),
            operations::updated_at.eq(now),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

/// Ends an operation with what came out. Returns `false` when it was over already.
///
/// # Errors
/// When the database refuses.
pub fn finish<T: Serialize>(tx: &mut Tx<'_>, id: OperationId, result: &T) -> Result<bool> {
    end(tx, id, Status::Finished, Some(JsonText::of(result)), None)
}

/// Breaks an operation off. Returns `false` when it was over already.
///
/// # Errors
/// When the database refuses.
pub fn fail(tx: &mut Tx<'_>, id: OperationId, problem: &Problem) -> Result<bool> {
    end(tx, id, Status::Failed, None, Some(JsonText::of(problem)))
}

fn end(
    tx: &mut Tx<'_>,
    id: OperationId,
    status: Status,
    result: Option<JsonText>,
    problem: Option<JsonText>,
) -> Result<bool> {
    let now = tx.now();
    let ended = diesel::update(open(id))
        .set((
            operations::status.eq(status.as_str()),
            operations::result.eq(result),
            operations::problem.eq(problem),
            operations::updated_at.eq(now),
            operations::finished_at.eq(Some(now)),
        ))
        .execute(&mut **tx)?;
    Ok(ended == 1)
}

type Open = diesel::dsl::Filter<
    operations::table,
    diesel::dsl::And<diesel::dsl::Eq<operations::id, OperationId>, diesel::dsl::IsNull<operations::finished_at>>,
>;

/// The operation, unless it is over.
fn open(id: OperationId) -> Open {
    operations::table.filter(operations::id.eq(id).and(operations::finished_at.is_null()))
}

/// One operation of the practice.
///
/// # Errors
/// [`Error::NotFound`] when the practice has no such operation.
pub fn find(conn: &mut Conn, practice: Uid, id: OperationId) -> Result<Operation> {
    let row: Option<Row> = operations::table
        .filter(operations::practice_id.eq(practice).and(operations::id.eq(id)))
        .select(Row::as_select())
        .first(conn)
        .optional()?;
    let mut found = [row.ok_or(Error::NotFound("operation"))?.read()?];
    name_dead_jobs(conn, practice, &mut found)?;
    let [operation] = found;
    Ok(operation)
}

fn name_dead_jobs(conn: &mut Conn, practice: Uid, operations: &mut [Operation]) -> Result<()> {
    let open: Vec<OperationId> = operations.iter().filter(|o| !o.status.is_over()).map(|o| o.id).collect();
    let dead = jobs::dead_of(conn, practice, &open)?;
    for operation in operations {
        operation.dead_job = dead.get(&operation.id).copied();
    }
    Ok(())
}

#[derive(Serialize, Deserialize)]
struct Position(i64, OperationId);

/// The practice's operations, the latest first.
///
/// # Errors
/// [`Error::Invalid`] for a cursor that is none, and when the database is away.
pub fn list(conn: &mut Conn, practice: Uid, cursor: Option<&str>, limit: u32) -> Result<Page<Operation>> {
    let Position(at, id) = match cursor {
        Some(cursor) => page::decode(cursor)?,
        None => Position(i64::MAX, OperationId(Uid(uuid::Uuid::max()))),
    };
    let at = Instant(at);
    let rows: Vec<Row> = operations::table
        .filter(operations::practice_id.eq(practice))
        .filter(operations::created_at.lt(at).or(operations::created_at.eq(at).and(operations::id.lt(id))))
        .order((operations::created_at.desc(), operations::id.desc()))
        .limit(i64::from(limit) + 1)
        .select(Row::as_select())
        .load(conn)?;
    let mut read = rows.into_iter().map(Row::read).collect::<Result<Vec<_>>>()?;
    name_dead_jobs(conn, practice, &mut read)?;
    Ok(Page::of(read, limit, |last| Position(last.created_at.0, last.id)))
}
