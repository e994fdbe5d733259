//! How often somebody may try: what is counted for an address and for a network address counts for a quarter of an hour.

use diesel::prelude::*;
use sha2::{Digest as _, Sha256};

use crate::kernel::clock::Instant;
use crate::kernel::db::{Conn, Tx};
use crate::kernel::error::{Error, Result};
use crate::schema::sign_in_failures as attempts;

const WINDOW_SECONDS: i64 = 15 * 60;

/// Something that may be tried so many times within the window.
pub(super) struct Counter {
    key: Vec<u8>,
    most: i64,
}

impl Counter {
    /// Of one kind, for one address; which one cannot be read from what is stored.
    pub(super) fn of(kind: &str, whose: &str, most: i64) -> Self {
        Self { key: Sha256::digest(format!("{kind}:{whose}")).to_vec(), most }
    }
}

/// Refuses whoever has tried too often.
///
/// # Errors
/// [`Error::TooMany`] with the seconds to wait.
pub(super) fn check(conn: &mut Conn, counters: &[Counter], now: Instant) -> Result<()> {
    for Counter { key, most } in counters {
        let since = now.plus_seconds(-WINDOW_SECONDS);
        let recent = attempts::table.filter(attempts::key.eq(key).and(attempts::at.gt(since))).count();
        if recent.get_result::<i64>(conn)? >= *most {
            return Err(Error::TooMany(WINDOW_SECONDS.unsigned_abs()));
        }
    }
    Ok(())
}

/// Counts a try.
///
/// # Errors
/// When the database refuses.
pub(super) fn note(tx: &mut Tx<'_>, counters: &[Counter]) -> Result<()> {
    let now = tx.now();
    for Counter { key, .. } in counters {
        // Two in one microsecond count as one.
        diesel::delete(attempts::table.find((key, now))).execute(&mut **tx)?;
        diesel::insert_into(attempts::table)
            .values((attempts::key.eq(key), attempts::at.eq(now)))
            .execute(&mut **tx)?;
    }
    Ok(())
}

/// Forgets what counts no more. Returns how many rows went.
///
/// # Errors
/// When the database refuses.
pub(super) fn prune(tx: &mut Tx<'_>) -> Result<usize> {
    let until = tx.now().plus_seconds(-WINDOW_SECONDS);
    Ok(diesel::delete(attempts::table.filter(attempts::at.le(until))).execute(&mut **tx)?)
}
