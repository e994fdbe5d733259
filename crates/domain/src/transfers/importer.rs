//! Taking a client list in: a page of lines at a time, each page in one transaction and one change set.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, SyncSender};

use super::columns::Columns;
use super::file::{ClientFile, Input, Line};
use super::model::{Counts, Finding, Wish};
use super::plan::{self, Changed, Claims, Ground, Plan};
use crate::clients::door::{self, Assignment, Set};
use crate::clients::{self, Surroundings};
use crate::custom_fields::{self, Catalogue};
use crate::identity::{self, Practice};
use crate::kernel::Uid;
use crate::kernel::actor::Actor;
use crate::kernel::audit::Event;
use crate::kernel::clock::Instant;
use crate::kernel::db::{Conn, Db, Tx};
use crate::kernel::error::{Error, Result};

/// Lines that are read, planned and written together; keeps a transaction well under a tenth of a second on SQLite.
pub const PAGE: usize = 2_000;

/// Some lines, read and checked by themselves.
#[derive(Debug)]
pub struct Page {
    lines: Vec<(i64, Line)>,
}

impl Page {
    /// The line that the last record starts on.
    #[must_use]
    pub fn last_line(&self) -> i64 {
        self.lines.last().map_or(0, |(line, _)| *line)
    }

    /// Leaves out the lines for which `is_out` holds.
    pub fn leave_out(&mut self, is_out: impl Fn(i64) -> bool) {
        self.lines.retain(|(line, _)| !is_out(*line));
    }
}

/// Reads pages until the file ends with an empty one, reading fails, or nobody wants them any more.
fn read_ahead(mut file: ClientFile, around: &Surroundings, ready: &SyncSender<Result<Page>>) {
    loop {
        let page = read_page(&mut file, around);
        let is_last = page.as_ref().map_or(true, |page| page.lines.is_empty());
        if ready.send(page).is_err() || is_last {
            return;
        }
    }
}

fn read_page(file: &mut ClientFile, around: &Surroundings) -> Result<Page> {
    let mut lines = Vec::with_capacity(PAGE);
    while lines.len() < PAGE
        && let Some(line) = file.next(around)?
    {
        lines.push(line);
    }
    Ok(Page { lines })
}

/// What became of a page.
#[derive(Debug, Default)]
pub struct Outcome {
    /// How its lines ended.
    pub counts: Counts,
    /// What was found in them, in their order.
    pub findings: Vec<Finding>,
    claims: Claims,
}

impl From<Plan<'_>> for Outcome {
    fn from(plan: Plan<'_>) -> Self {
        Self { counts: plan.counts, findings: plan.findings, claims: plan.claims }
    }
}

/// A client list being taken in. A thread of its own reads and checks the next page while this one is written.
pub struct Importer {
    pages: Receiver<Result<Page>>,
    catalogue: Catalogue,
    columns: Columns,
    notes: Vec<Finding>,
    practice: Practice,
    around: Arc<Surroundings>,
    claims: Claims,
    is_dry: bool,
}

/// The practice and its fields, as they are now.
///
/// # Errors
/// When the database refuses.
pub fn fields_of(conn: &mut Conn, practice: &Practice) -> Result<(Practice, Catalogue)> {
    // The fields are at least as new as the version that is read before them.
    let practice = identity::find_practice(conn, practice.id)?;
    let catalogue = custom_fields::catalogue(conn, &practice)?;
    Ok((practice, catalogue))
}

/// What a page is refused with whose cells were read by fields that have changed since.
pub const FIELDS_CHANGED: &str = "list_fields_changed";

/// Writes cards that change, and custom values field by field.
fn write_changed(tx: &mut Tx<'_>, set: &Set, changed: &[Changed]) -> Result<()> {
    let cards: Vec<_> = changed.iter().filter(|c| c.after != c.before.card).map(|c| (&c.before, &c.after)).collect();
    set.write_cards(tx, &cards)?;
    let mut by_field: BTreeMap<i64, Assignment> = BTreeMap::new();
    for Changed { before, values, .. } in changed {
        for (field, value) in values {
            let assignment = by_field.entry(*field).or_default();
            assignment.field = *field;
            assignment.clients.push(before.key);
            assignment.values.push(value.clone());
        }
    }
    set.assign_fields(tx, &by_field.into_values().collect::<Vec<_>>())
}

/// How many pages may lie ready besides the one being read.
const READY: usize = 1;

impl Importer {
    /// Begins with the header.
    ///
    /// # Errors
    /// As [`ClientFile::open`].
    pub fn open(db: &Db, practice: &Practice, input: Input, wish: &Wish) -> Result<Self> {
        let around = Arc::new(db.read(|conn| clients::surroundings(conn, practice))?);
        let (practice, catalogue) = db.read(|conn| fields_of(conn, practice))?;
        let file = ClientFile::open(input, wish, &catalogue)?;
        let (columns, notes) = (file.columns.clone(), file.notes());
        let (ready, pages) = mpsc::sync_channel(READY);
        let surroundings = Arc::clone(&around);
        std::thread::Builder::new()
            .name("client-list".to_owned())
            .spawn(move || read_ahead(file, &surroundings, &ready))
            .map_err(Error::internal)?;
        let (claims, is_dry) = (Claims::default(), wish.dry_run);
        Ok(Self { pages, catalogue, columns, notes, practice, around, claims, is_dry })
    }

    /// What is to be said of columns that are left out.
    #[must_use]
    pub fn notes(&self) -> &[Finding] {
        &self.notes
    }

    /// The columns of the file.
    #[must_use]
    pub fn columns(&self) -> &Columns {
        &self.columns
    }

    /// The next lines; `None` when there are no more.
    ///
    /// # Errors
    /// When reading fails.
    pub fn read_page(&mut self) -> Result<Option<Page>> {
        let page = self.pages.recv().map_err(|_| Error::internal("the thread that reads a client list is gone"))??;
        Ok((!page.lines.is_empty()).then_some(page))
    }

    fn plan<'a>(&self, conn: &mut Conn, now: Instant, page: &'a Page) -> Result<Plan<'a>> {
        let Self { practice, around, catalogue, columns, claims, .. } = self;
        plan::plan(conn, &Ground { practice, around, catalogue, columns, claims, now }, &page.lines)
    }

    /// Says what would become of the page.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn foresee(&self, db: &Db, page: &Page) -> Result<Outcome> {
        db.read(|conn| Ok(self.plan(conn, db.clock().now(), page)?.into()))
    }

    /// Creates and changes the page's clients, in one change set; in a dry run, only says what would become of it. A page
    /// that changes nothing leaves no trace.
    ///
    /// # Errors
    /// [`Error::Conflict`] `list_fields_changed` when the practice's fields are not what they were when the file was opened;
    /// when the database refuses.
    pub fn write(&self, tx: &mut Tx<'_>, actor: &Actor, operation: Option<Uid>, page: &Page) -> Result<Outcome> {
        let (version, now) = (self.version(tx)?, tx.now());
        let mut plan = self.plan(tx, now, page)?;
        if self.is_dry || (plan.created.is_empty() && plan.changed.is_empty()) {
            return Ok(plan.into());
        }
        let event = Event { operation, ..Event::new("clients.imported", "import") };
        let set = door::open(tx, &self.practice, actor, event)?;
        if set.version() != version + 1 {
            // Somebody wrote between our look and our lock; now nobody can.
            self.version(tx)?;
            plan = self.plan(tx, now, page)?;
        }
        write_changed(tx, &set, &plan.changed)?;
        set.insert_with(tx, &plan.created.iter().map(|(new, values)| (*new, values)).collect::<Vec<_>>())?;
        Ok(plan.into())
    }

    /// The practice's version, as long as its fields are those that the cells were read by.
    fn version(&self, conn: &mut Conn) -> Result<i64> {
        let now = identity::find_practice(conn, self.practice.id)?;
        let is_as_read = self.columns.fields.is_empty() || now.fields_version == self.practice.fields_version;
        if is_as_read { Ok(now.version) } else { Err(Error::conflict(FIELDS_CHANGED)) }
    }

    /// Remembers what a page claims, once its transaction is committed.
    pub fn keep(&mut self, outcome: Outcome) -> (Counts, Vec<Finding>) {
        self.claims.add(outcome.claims, !self.is_dry);
        (outcome.counts, outcome.findings)
    }
}
