//! The clients of an export, page by page: while one is written, the next ones are read.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crate::clients::{self, LineColumn};
use crate::identity::Practice;
use crate::kernel::db::Db;
use crate::kernel::error::{Error, Result};

/// Clients read at a time: so many that those who lie together in the database are read together, whatever their order.
const PAGE: usize = 20_000;
/// The same at the beginning, so that there is something to write soon.
const FIRST_PAGE: usize = 5_000;

/// Pages that are read while one is written; each on a thread and a connection of its own.
const AHEAD: usize = 2;

/// Clients that are still to be read.
pub struct Pages {
    practice: Practice,
    sources: Arc<[LineColumn]>,
    keys: Vec<i64>,
    /// How many of them are read or being read.
    begun: usize,
    ahead: VecDeque<JoinHandle<Result<Vec<String>>>>,
}

impl Pages {
    /// Of the practice's clients with these keys, in their order, these columns.
    pub fn of(practice: &Practice, keys: Vec<i64>, sources: Vec<LineColumn>) -> Self {
        Self { practice: practice.clone(), sources: sources.into(), keys, begun: 0, ahead: VecDeque::new() }
    }

    /// The lines of the next page, and has those behind it read; `None` at the end. A page whose clients have all gone
    /// from the database is empty.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn next(&mut self, db: &Db) -> Result<Option<Vec<String>>> {
        self.read_ahead(db);
        let Some(next) = self.ahead.pop_front() else { return Ok(None) };
        let lines = next.join().map_err(|_| Error::internal("reading a page of an export broke off"))??;
        self.read_ahead(db);
        Ok(Some(lines))
    }

    fn read_ahead(&mut self, db: &Db) {
        while self.ahead.len() < AHEAD {
            let Some(page) = self.begin(db) else { return };
            self.ahead.push_back(page);
        }
    }

    fn begin(&mut self, db: &Db) -> Option<JoinHandle<Result<Vec<String>>>> {
        let size = if self.begun == 0 { FIRST_PAGE } else { PAGE };
        let keys: Vec<i64> = self.keys.iter().skip(self.begun).take(size).copied().collect();
        if keys.is_empty() {
            return None;
        }
        self.begun += keys.len();
        let (db, practice, sources) = (db.clone(), self.practice.clone(), Arc::clone(&self.sources));
        Some(thread::spawn(move || db.read(|conn| clients::lines(conn, &practice, &keys, &sources))))
    }
}
