//! Taking an uploaded file in as a job: a page of lines at a time, with the checkpoint in the import's own row.

use serde::{Deserialize, Serialize};

use super::actions;
use super::file::{ClientFile, Input};
use super::importer::{FIELDS_CHANGED, Importer, Outcome, Page, fields_of};
use super::model::{Counts, Import, ImportId, Status};
use super::{findings, queries};
use crate::identity::{self, Practice, PracticeId};
use crate::kernel::db::{Db, Tx};
use crate::kernel::error::{Error, FieldError, Result};
use crate::kernel::jobs::{Job, Lane};
use crate::kernel::operations::{self, OperationId, Problem};

/// Takes the file of an import in.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ImportClients {
    /// The practice.
    pub practice: PracticeId,
    /// The import.
    pub import: ImportId,
}

impl Job for ImportClients {
    const KIND: &'static str = "import_clients";
    const LANE: Lane = Lane::Bulk;
}

/// The most lines of one file.
pub const MOST_ROWS: i64 = 500_000;

/// An import under way. What it holds in memory (where it is in the file, and which numbers were seen) is only a shadow of
/// the import's rows: a worker that dies is followed by one that reads the file again up to the checkpoint.
pub struct Work {
    practice: Practice,
    import: Import,
    operation: OperationId,
    importer: Option<Importer>,
}

/// Why a file cannot be taken in that could be when it came in.
fn unusable(errors: &[FieldError]) -> Problem {
    let known = ["workbook_unreadable", "too_many_cells"];
    match errors.iter().find(|error| known.contains(&error.code)) {
        Some(error) => {
            error.params.iter().fold(Problem::new(error.code), |problem, (name, value)| problem.with(name, value))
        }
        None => Problem::new(FIELDS_CHANGED),
    }
}

/// How an import is at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// There are more lines.
    Going,
    /// All lines are done.
    Done,
}

impl Work {
    /// Takes an import up where it stands; `None` when it is over.
    ///
    /// # Errors
    /// When the database refuses or the file is not what it was.
    pub fn resume(db: &Db, job: &ImportClients) -> Result<Option<Self>> {
        let practice = db.read(|conn| identity::find_practice(conn, job.practice))?;
        let import = db.read(|conn| queries::find(conn, &practice, job.import))?;
        let operation =
            import.operation.ok_or_else(|| Error::internal(format_args!("{} has no operation", import.id)))?;
        let mut work = Self { practice, import, operation, importer: None };
        match work.import.status {
            Status::Uploading | Status::Finished | Status::Failed => return Ok(None),
            Status::Clearing => {}
            Status::Waiting => work.begin(db)?,
            Status::Running if work.import.wish.dry_run => work.begin(db)?,
            Status::Running => work.catch_up(db)?,
        }
        Ok(Some(work))
    }

    fn file(&self, db: &Db) -> Result<Input> {
        let content =
            self.import.content.ok_or_else(|| Error::internal(format_args!("{} has no file", self.import.id)))?;
        actions::stored(db, self.import.id, content)
    }

    fn open(&self, db: &Db) -> Result<Importer> {
        Importer::open(db, &self.practice, self.file(db)?, &self.import.wish)
    }

    /// Counts the lines, up to one more than there may be.
    fn count(&self, db: &Db) -> Result<i64> {
        let (_, catalogue) = db.read(|conn| fields_of(conn, &self.practice))?;
        let mut lines = ClientFile::open(self.file(db)?, &self.import.wish, &catalogue)?;
        let mut total = 0;
        while total <= MOST_ROWS && lines.skip()? {
            total += 1;
        }
        Ok(total)
    }

    /// Counts the lines and begins with the first one. A dry run that was broken off begins again: it has changed nothing.
    fn begin(&mut self, db: &Db) -> Result<()> {
        let total = match self.count(db) {
            Ok(total) if total > MOST_ROWS => {
                return self.give_up(db, &Problem::new("too_many_rows").with("max", MOST_ROWS));
            }
            // The header could be read when the file came in: either the rest cannot, or the fields are others by now.
            Err(Error::Invalid(errors)) => return self.give_up(db, &unusable(&errors)),
            counted => counted?,
        };
        let importer = match self.open(db) {
            Err(Error::Invalid(errors)) => return self.give_up(db, &unusable(&errors)),
            opened => opened?,
        };
        db.write(|tx| {
            queries::advance(tx, &self.import, Status::Running)?;
            findings::delete_all(tx, self.import.id)?;
            findings::insert(tx, self.import.id, importer.notes())?;
            queries::checkpoint(tx, self.import.id, 0, &Counts::default())?;
            operations::report(tx, self.operation, 0, 0)?;
            operations::set_total(tx, self.operation, total)
        })?;
        self.import =
            Import { status: Status::Running, done_line: 0, counts: Counts::default(), ..self.import.clone() };
        self.importer = Some(importer);
        Ok(())
    }

    /// Breaks the import off before its first line; [`Work::finish`] says so in the operation.
    fn give_up(&mut self, db: &Db, problem: &Problem) -> Result<()> {
        db.write(|tx| {
            queries::advance(tx, &self.import, Status::Clearing)?;
            operations::fail(tx, self.operation, problem)
        })?;
        self.import.status = Status::Clearing;
        Ok(())
    }

    /// Reads the file up to the checkpoint again, for what the lines that are done lay claim to.
    fn catch_up(&mut self, db: &Db) -> Result<()> {
        let mut importer = match self.open(db) {
            Err(Error::Invalid(errors)) => return self.give_up(db, &unusable(&errors)),
            opened => opened?,
        };
        let rejected = db.read(|conn| findings::rejected_lines(conn, &self.import))?;
        let mut line = 0;
        while line < self.import.done_line
            && let Some(mut page) = importer.read_page()?
        {
            line = page.last_line();
            page.leave_out(|line| rejected.contains(&line));
            let outcome = importer.foresee(db, &page)?;
            importer.keep(outcome);
        }
        self.importer = Some(importer);
        Ok(())
    }

    /// Does the next page of lines.
    ///
    /// # Errors
    /// [`Error::Stale`] when another worker has the import; when the database refuses.
    pub fn page(&mut self, db: &Db) -> Result<Progress> {
        let Some(mut importer) = self.importer.take() else {
            return Ok(Progress::Done);
        };
        let Some(page) = importer.read_page()? else {
            db.write(|tx| queries::advance(tx, &self.import, Status::Clearing))?;
            self.import.status = Status::Clearing;
            return Ok(Progress::Done);
        };
        // A dry run writes no client, so it does its looking outside the transaction.
        let foreseen = if self.import.wish.dry_run { Some(importer.foresee(db, &page)?) } else { None };
        let outcome = match db.write(|tx| self.write(tx, &importer, &page, foreseen)) {
            Err(Error::Conflict(conflict)) if conflict.code == FIELDS_CHANGED => {
                // The file is read again by the fields as they are now, from where it stands.
                return self.catch_up(db).map(|()| Progress::Going);
            }
            written => written?,
        };
        let (counts, _) = importer.keep(outcome);
        self.import.counts.add(counts);
        self.import.done_line = page.last_line();
        self.importer = Some(importer);
        Ok(Progress::Going)
    }

    fn write(&self, tx: &mut Tx<'_>, importer: &Importer, page: &Page, foreseen: Option<Outcome>) -> Result<Outcome> {
        queries::advance(tx, &self.import, Status::Running)?;
        let outcome = match foreseen {
            Some(outcome) => outcome,
            None => importer.write(tx, &self.import.actor, Some(self.operation.0), page)?,
        };
        let mut counts = self.import.counts;
        counts.add(outcome.counts);
        findings::insert(tx, self.import.id, &outcome.findings)?;
        queries::checkpoint(tx, self.import.id, page.last_line(), &counts)?;
        operations::advance(tx, self.operation, outcome.counts.rows, outcome.counts.rejected)?;
        Ok(outcome)
    }

    /// Removes the file, which nobody needs any more.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn clear(&self, db: &Db) -> Result<()> {
        actions::remove_chunks(db, self.import.id)
    }

    /// Ends the import and its operation, in the transaction that finishes the job.
    ///
    /// # Errors
    /// [`Error::Stale`] when another worker has ended it; when the database refuses.
    pub fn finish(&self, tx: &mut Tx<'_>) -> Result<()> {
        let result = Summary::of(&self.import);
        let is_well = operations::finish(tx, self.operation, &result)?;
        queries::advance(tx, &self.import, if is_well { Status::Finished } else { Status::Failed })
    }
}

/// The result of the operation.
#[derive(Debug, Serialize)]
struct Summary {
    import_id: String,
    dry_run: bool,
    rows: i64,
    accepted: i64,
    created: i64,
    changed: i64,
    unchanged: i64,
    rejected: i64,
}

impl Summary {
    fn of(import: &Import) -> Self {
        let Counts { rows, accepted, created, changed, unchanged, rejected } = import.counts;
        Self {
            import_id: import.id.to_string(),
            dry_run: import.wish.dry_run,
            rows,
            accepted,
            created,
            changed,
            unchanged,
            rejected,
        }
    }
}
