//! The clients of an export, page by page: while one is written, the next ones are read.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crate::clients::{self, LineColumn, Lines};
use crate::identity::Practice;
use crate::kernel::db::{Conn, Db};
use crate::kernel::error::{Error, Result};

/// Clients read at a time: so many that those who lie together in the database are read together, whatever their order.
const PAGE: usize = 10_000;
/// The same at the beginning, so that there is something to write soon, and as long as nobody knows how long the lines are.
const FIRST_PAGE: usize = 1_000;
/// About how many bytes a page may have: more than so many usual lines, but not so many that are full of long texts.
const PAGE_BYTES: usize = 8 * 1024 * 1024;

/// Pages that are read while one is written; each on a thread and a connection of its own.
pub const AHEAD: usize = 2;

/// How often an export asks for a connection before it breaks off: there is no other way any more to say that the server is
/// busy, so it waits longer than a request, half a minute.
const TRIES: usize = 6;

/// Clients that are still to be read.
pub struct Pages {
    practice: Practice,
    sources: Arc<[LineColumn]>,
    keys: Vec<i64>,
    /// How many of them are read or being read.
    begun: usize,
    /// The bytes of a line in the page that was taken last, more or less.
    width: Option<usize>,
    ahead: VecDeque<JoinHandle<Result<Lines>>>,
}

impl Pages {
    /// Of the practice's clients with these keys, in their order, these columns.
    pub fn of(practice: &Practice, keys: Vec<i64>, sources: Vec<LineColumn>) -> Self {
        Self {
            practice: practice.clone(),
            sources: sources.into(),
            keys,
            begun: 0,
            width: None,
            ahead: VecDeque::new(),
        }
    }

    /// The lines of the next page, and has those behind it read; `None` at the end. A page whose clients have all gone
    /// from the database is empty.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn next(&mut self, db: &Db) -> Result<Option<Lines>> {
        self.read_ahead(db);
        let Some(next) = self.ahead.pop_front() else { return Ok(None) };
        let lines = next.join().map_err(|_| Error::internal("reading a page of an export broke off"))??;
        self.width = lines.bytes().checked_div(lines.count()).or(self.width);
        self.read_ahead(db);
        Ok(Some(lines))
    }

    fn read_ahead(&mut self, db: &Db) {
        while self.ahead.len() < AHEAD {
            let Some(page) = self.begin(db) else { return };
            self.ahead.push_back(page);
        }
    }

    fn begin(&mut self, db: &Db) -> Option<JoinHandle<Result<Lines>>> {
        let keys: Vec<i64> = self.keys.iter().skip(self.begun).take(size(self.width)).copied().collect();
        if keys.is_empty() {
            return None;
        }
        self.begun += keys.len();
        let (db, practice, sources) = (db.clone(), self.practice.clone(), Arc::clone(&self.sources));
        Some(thread::spawn(move || patiently(&db, |conn| clients::lines(conn, &practice, &keys, &sources))))
    }
}

/// How many clients the next page has when a line takes so many bytes.
fn size(width: Option<usize>) -> usize {
    width.map_or(FIRST_PAGE, |width| (PAGE_BYTES / width.max(1)).clamp(1, PAGE))
}

/// Reads for an export that has begun to go out.
///
/// # Errors
/// [`Error::Busy`] when no connection became free for half a minute, and whatever `read` returns.
pub fn patiently<T>(db: &Db, read: impl Fn(&mut Conn) -> Result<T>) -> Result<T> {
    let mut outcome = db.read(&read);
    for _ in 1..TRIES {
        if !matches!(outcome, Err(Error::Busy(_))) {
            break;
        }
        outcome = db.read(&read);
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_the_fewer_lines_the_longer_they_are() {
        assert_eq!(size(None), FIRST_PAGE);
        for (width, lines) in [(0, PAGE), (300, PAGE), (8 * 1024, 1_024), (PAGE_BYTES, 1), (usize::MAX, 1)] {
            assert_eq!(size(Some(width)), lines);
        }
    }
}
