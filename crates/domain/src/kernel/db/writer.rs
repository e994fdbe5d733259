//! SQLite's one writer.

use std::sync::{Mutex, PoisonError};

use diesel::connection::SimpleConnection as _;

use super::{Address, Conn, is_torn};
use crate::kernel::error::{Error, Result};

/// What SQLite's one writer has more than its readers: 16 MiB of pages, so that a large transaction need not write pages
/// before its commit and reads none twice, a log of 4,000 pages before it is copied into the file, and memory for the pages
/// that a statement must be able to put back.
const SQLITE_WRITER: &str = "PRAGMA cache_size = -16384; PRAGMA wal_autocheckpoint = 4000; PRAGMA temp_store = MEMORY;";

/// SQLite's one writer of this process. SQLite lets one write at a time and its own busy handler polls; waiting here wakes
/// at once, and what the last transaction read is still in memory for the next.
pub(super) struct Writer {
    address: Address,
    conn: Mutex<Option<Conn>>,
}

impl Writer {
    /// The writer of the database at `address`; it connects when first needed.
    pub(super) fn of(address: &Address) -> Self {
        Self { address: address.clone(), conn: Mutex::default() }
    }

    /// Runs `work` with the connection, once nobody else has it. When `work` panics or leaves a transaction open, the next
    /// one gets a new connection.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Conn) -> Result<T>) -> Result<T> {
        let mut slot = self.conn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut conn = match slot.take() {
            Some(conn) => conn,
            None => self.connect()?,
        };
        let outcome = work(&mut conn);
        if !is_torn(&mut conn) {
            *slot = Some(conn);
        }
        outcome
    }

    fn connect(&self) -> Result<Conn> {
        let mut conn = self.address.connect().map_err(Error::busy)?;
        conn.batch_execute(SQLITE_WRITER)?;
        Ok(conn)
    }

    /// Connections in use and open.
    pub(super) fn state(&self) -> (u32, u32) {
        match self.conn.try_lock() {
            Ok(slot) => (0, slot.is_some().into()),
            Err(_) => (1, 1),
        }
    }
}
