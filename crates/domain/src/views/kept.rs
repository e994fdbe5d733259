//! The columns that a process keeps of its practices, and rows of tables, bounded in bytes; never believed, only checked.
//!
//! Whoever lists asks the columns as they are and then the database, in the statement that reads the page, for the
//! practice's version. When that is another, the columns catch up from the change log, and the list is made again in one
//! snapshot with it.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockWriteGuard, TryLockError};

use super::cells::{Asked, TableRow};
use super::columns::{Column, Raw};
use super::queries::{self, Delta, Whom};
use super::rows::Rows;
use super::shown::Tables;
use super::subjects::ColumnId;
use crate::identity::{Practice, PracticeId};
use crate::kernel::db::{self, Conn};
use crate::kernel::error::Result;

/// Changes of one field that are read one by one rather than its columns anew, beside a quarter of the clients.
const FEW: usize = 1_000;

/// So many times as much as the rows of one table, as long as they are recent, is kept in all.
const TABLES: usize = 16;

/// What this process keeps.
#[derive(Debug)]
pub struct Columns {
    most: usize,
    practices: Mutex<HashMap<PracticeId, Arc<RwLock<Kept>>>>,
    size: AtomicUsize,
    moment: AtomicU64,
    loads: AtomicU64,
}

/// What is kept of one practice.
#[derive(Debug, Default)]
struct Kept {
    /// The version that everything here is of; `None` while nothing is.
    version: Option<i64>,
    keys: Vec<i64>,
    columns: HashMap<ColumnId, Slot>,
    tables: Mutex<Tables>,
    /// What was counted for it last.
    size: AtomicUsize,
}

/// A column and when it was last asked.
#[derive(Debug)]
pub struct Slot {
    pub(super) column: Column,
    used: AtomicU64,
}

/// What `/metrics` says of the columns.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    /// Bytes that they take.
    pub bytes: usize,
    /// Columns read from the database since the process began.
    pub loads: u64,
}

impl Slot {
    /// A column that is made for one question.
    pub(super) fn of(column: Column) -> Self {
        Self { column, used: AtomicU64::new(0) }
    }
}

impl Columns {
    /// Keeps at most `most` bytes, beside what one list needs.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            most,
            practices: Mutex::default(),
            size: AtomicUsize::new(0),
            moment: AtomicU64::new(0),
            loads: AtomicU64::new(0),
        }
    }

    /// How much there is.
    pub fn usage(&self) -> Usage {
        Usage { bytes: self.size.load(Ordering::Relaxed), loads: self.loads.load(Ordering::Relaxed) }
    }

    fn of(&self, practice: &Practice) -> Arc<RwLock<Kept>> {
        let mut practices = self.practices.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(practices.entry(practice.id).or_default())
    }

    /// Looks at the columns as they are, when all that are needed are there; also gives the version that they are of.
    pub fn glance<T>(
        &self,
        practice: &Practice,
        needed: &[ColumnId],
        look: impl FnOnce(&Rows<'_>) -> T,
    ) -> Option<(i64, T)> {
        let kept = self.of(practice);
        let kept = kept.read().unwrap_or_else(PoisonError::into_inner);
        let version = kept.version?;
        let moment = self.moment.fetch_add(1, Ordering::Relaxed);
        for id in needed {
            kept.columns.get(id)?.used.store(moment, Ordering::Relaxed);
        }
        Some((version, look(&Rows { keys: &kept.keys, columns: &kept.columns })))
    }

    /// The rows of these clients that are kept, of this version.
    pub fn rows(&self, practice: &Practice, version: i64, asked: &Asked, keys: &[i64]) -> Vec<Arc<TableRow>> {
        let kept = self.of(practice);
        let kept = kept.read().unwrap_or_else(PoisonError::into_inner);
        if kept.version != Some(version) {
            return Vec::new();
        }
        let moment = self.moment.fetch_add(1, Ordering::Relaxed);
        kept.tables().rows(asked, keys, moment)
    }

    /// Keeps rows that were read at this version.
    pub fn keep_rows(&self, practice: &Practice, version: i64, asked: &Asked, rows: &[Arc<TableRow>]) {
        let kept = self.of(practice);
        let kept = kept.read().unwrap_or_else(PoisonError::into_inner);
        if kept.version != Some(version) {
            return;
        }
        let moment = self.moment.fetch_add(1, Ordering::Relaxed);
        kept.tables().keep(asked, rows, self.most / TABLES, moment);
        self.count(&kept);
        drop(kept);
        self.keep_room();
    }

    /// Looks at the columns as they are at the version of one snapshot of the database, in which `prepare` says which are
    /// needed and `then` may go on reading what `look` has found.
    ///
    /// # Errors
    /// When the database refuses, and whatever `prepare` and `then` return.
    pub fn exactly<P, F, T>(
        &self,
        conn: &mut Conn,
        practice: &Practice,
        prepare: impl FnOnce(&mut Conn, i64) -> Result<(P, Vec<ColumnId>)>,
        look: impl FnOnce(&Rows<'_>, P) -> F,
        then: impl FnOnce(&mut Conn, F) -> Result<T>,
    ) -> Result<T> {
        let kept = self.of(practice);
        // The lock comes first, so that nobody can take the columns further than the snapshot that begins now.
        let mut kept = kept.write().unwrap_or_else(PoisonError::into_inner);
        db::snapshot(conn, |conn| {
            let found = self.bring(conn, practice, &mut kept, prepare);
            let found = found.map(|prepared| look(&Rows { keys: &kept.keys, columns: &kept.columns }, prepared));
            self.count(&kept);
            // What follows is read from the same snapshot, so nobody has to wait for it.
            drop(kept);
            self.keep_room();
            then(conn, found?)
        })
    }

    /// Brings the columns that are needed to the version of the snapshot.
    fn bring<P>(
        &self,
        conn: &mut Conn,
        practice: &Practice,
        kept: &mut Kept,
        prepare: impl FnOnce(&mut Conn, i64) -> Result<(P, Vec<ColumnId>)>,
    ) -> Result<P> {
        let (version, fields_version) = queries::versions(conn, practice)?;
        let (prepared, needed) = prepare(conn, fields_version)?;
        self.catch_up(conn, practice, kept, version)?;
        self.load(conn, practice, kept, &needed)?;
        Ok(prepared)
    }

    fn catch_up(&self, conn: &mut Conn, practice: &Practice, kept: &mut Kept, version: i64) -> Result<()> {
        if kept.version == Some(version) {
            return Ok(());
        }
        // What fails half-way leaves nothing behind that could be taken for whole.
        let before = kept.take();
        let most = before.keys.len() / 4 + FEW;
        let delta = match before.version.filter(|before| *before < version) {
            Some(version) => Some(queries::delta(conn, practice, version, most)?),
            None => None,
        };
        let caught = match delta {
            Some(delta) => apply(conn, practice, before, &delta)?,
            None => None,
        };
        *kept = match caught {
            Some(caught) => caught,
            None => Kept { keys: queries::keys(conn, practice)?, ..kept.take() },
        };
        kept.version = Some(version);
        Ok(())
    }

    fn load(&self, conn: &mut Conn, practice: &Practice, kept: &mut Kept, needed: &[ColumnId]) -> Result<()> {
        let moment = self.moment.fetch_add(1, Ordering::Relaxed);
        for id in needed {
            if let Some(slot) = kept.columns.get(id) {
                slot.used.store(moment, Ordering::Relaxed);
                continue;
            }
            let mut column = Column::of(id.form(), kept.keys.len());
            fill(conn, practice, &mut column, (*id, &Whom::All(&kept.keys)), &kept.keys)?;
            column.shrink();
            kept.columns.insert(*id, Slot { column, used: AtomicU64::new(moment) });
            self.loads.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Counts what a practice takes anew.
    fn count(&self, kept: &Kept) {
        let columns: usize = kept.columns.values().map(|slot| slot.column.size()).sum();
        let size = kept.keys.capacity() * size_of::<i64>() + columns + kept.tables().size();
        self.size.fetch_add(size, Ordering::Relaxed);
        self.size.fetch_sub(kept.size.swap(size, Ordering::Relaxed), Ordering::Relaxed);
    }

    fn keep_room(&self) {
        if self.size.load(Ordering::Relaxed) > self.most {
            self.make_room();
        }
    }

    /// Lets go of the columns and the rows that were asked longest ago, until a tenth of the room is free again.
    fn make_room(&self) {
        let all: Vec<Arc<RwLock<Kept>>> =
            self.practices.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        let mut parts = Vec::new();
        for (at, kept) in all.iter().enumerate() {
            if let Ok(kept) = kept.try_read() {
                let columns =
                    kept.columns.iter().map(|(id, slot)| (slot.used.load(Ordering::Relaxed), Part::Column(*id)));
                parts.extend(columns.map(|(used, part)| (used, at, part)));
                parts.extend(kept.tables().used().map(|(asked, used)| (used, at, Part::Table(asked.clone()))));
            }
        }
        parts.sort_unstable_by_key(|(used, ..)| *used);
        for (_, at, part) in parts {
            if self.size.load(Ordering::Relaxed) <= self.most / 10 * 9 {
                break;
            }
            let Some(mut kept) = all.get(at).and_then(|kept| try_write(kept)) else { continue };
            match part {
                Part::Column(id) => drop(kept.columns.remove(&id)),
                Part::Table(asked) => kept.tables().drop_table(&asked),
            }
            if kept.columns.is_empty() {
                kept.take();
            }
            self.count(&kept);
        }
    }
}

/// What is let go as a whole.
enum Part {
    Column(ColumnId),
    Table(Asked),
}

impl Kept {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes everything out but what is counted.
    fn take(&mut self) -> Self {
        let size = AtomicUsize::new(self.size.load(Ordering::Relaxed));
        std::mem::replace(self, Self { size, ..Self::default() })
    }
}

fn try_write(kept: &RwLock<Kept>) -> Option<RwLockWriteGuard<'_, Kept>> {
    match kept.try_write() {
        Ok(kept) => Some(kept),
        Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// Brings what is kept up to a delta; `None` when everything is to be read anew.
fn apply(conn: &mut Conn, practice: &Practice, mut kept: Kept, delta: &Delta) -> Result<Option<Kept>> {
    if delta.many.contains(&crate::clients::CREATED) {
        return Ok(None);
    }
    let born: BTreeSet<i64> =
        delta.logged.iter().filter(|(_, field)| *field == crate::clients::CREATED).map(|(client, _)| *client).collect();
    // Keys are given out under the practice's lock, so new clients come behind all others.
    if born.first().is_some_and(|first| kept.keys.last().is_some_and(|last| first <= last)) {
        return Ok(None);
    }
    kept.keys.extend(&born);
    let few = kept.keys.len() / 4 + FEW;
    let mut columns = HashMap::with_capacity(kept.columns.len());
    for (id, mut slot) in std::mem::take(&mut kept.columns) {
        if delta.many.iter().any(|field| id.follows(*field)) {
            continue;
        }
        let logged = delta.logged.iter().filter(|(_, field)| id.follows(*field)).map(|(client, _)| *client);
        let mut changed: BTreeSet<i64> = born.iter().copied().chain(logged).collect();
        if id.is_fact() {
            changed.extend(&delta.facts);
        }
        if changed.len() > few || (id.is_fact() && delta.all_facts) || slot.column.is_worn() {
            continue;
        }
        slot.column.grow(born.len());
        let changed: Vec<i64> = changed.into_iter().collect();
        let rows = changed.iter().filter_map(|client| kept.keys.binary_search(client).ok());
        rows.for_each(|row| slot.column.set(row, Raw::Missing));
        fill(conn, practice, &mut slot.column, (id, &Whom::These(&changed)), &kept.keys)?;
        columns.insert(id, slot);
    }
    kept.columns = columns;
    let mut tables = std::mem::take(&mut *kept.tables());
    if delta.many.is_empty() && !delta.all_facts {
        delta.logged.iter().map(|(client, _)| client).chain(&delta.facts).for_each(|client| tables.forget(*client));
        kept.tables = Mutex::new(tables);
    }
    Ok(Some(kept))
}

/// Reads values into a column, whose rows are the clients with `keys`.
fn fill(
    conn: &mut Conn,
    practice: &Practice,
    column: &mut Column,
    (id, whom): (ColumnId, &Whom<'_>),
    keys: &[i64],
) -> Result<()> {
    // Values come in the order of the clients, so each is looked for from the one before.
    let mut from = 0;
    queries::read(conn, practice, id, whom, |client, value| {
        let ahead = keys.get(from..).unwrap_or_default();
        let row = match ahead.first() {
            Some(next) if *next == client => Some(from),
            _ => keys.binary_search(&client).ok(),
        };
        if let Some(row) = row {
            column.set(row, value);
            from = row + 1;
        }
    })?;
    let unknown = column.unknown_entries();
    if !unknown.is_empty() {
        column.know_entries(queries::setters(conn, practice, &unknown)?);
    }
    Ok(())
}
