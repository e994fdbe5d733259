//! Paging by an opaque cursor on a stable key.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::{Error, Result};

/// The most rows that one page may have.
pub const MAX_LIMIT: u32 = 200;
/// The rows of a page when the caller does not say.
pub const DEFAULT_LIMIT: u32 = 50;

/// One page and where the next one starts.
#[derive(Debug)]
pub struct Page<T> {
    /// The rows, in order.
    pub items: Vec<T>,
    /// The cursor of the next page; `None` on the last one.
    pub next_cursor: Option<String>,
    /// How many rows match in all, when it was asked for.
    pub total: Option<i64>,
}

impl<T> Page<T> {
    /// Makes a page out of up to `limit + 1` rows: the extra one only tells that there is a next page.
    pub fn of<K: Serialize>(mut items: Vec<T>, limit: u32, key: impl FnOnce(&T) -> K) -> Self {
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = items.len() > wanted;
        items.truncate(wanted);
        let next_cursor = if more { items.last().map(|last| encode(&key(last))) } else { None };
        Self { items, next_cursor, total: None }
    }

    /// The same page with every row converted.
    pub fn map<U>(self, convert: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(convert).collect(), next_cursor: self.next_cursor, total: self.total }
    }
}

/// The number of rows asked for, checked against [`MAX_LIMIT`].
///
/// # Errors
/// [`Error::Invalid`] on `/limit`.
pub fn limit(asked: Option<u32>) -> Result<u32> {
    match asked.unwrap_or(DEFAULT_LIMIT) {
        n @ 1..=MAX_LIMIT => Ok(n),
        _ => Err(Error::Invalid(vec![
            super::error::FieldError::new("/limit", "out_of_range").with("min", 1).with("max", MAX_LIMIT),
        ])),
    }
}

/// Writes a position as an opaque cursor.
pub fn encode<K: Serialize>(key: &K) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(key).unwrap_or_default())
}

/// Reads a cursor that [`encode`] made for a list of the same order.
///
/// # Errors
/// [`Error::Invalid`] on `/cursor`.
pub fn decode<K: DeserializeOwned>(cursor: &str) -> Result<K> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| Error::invalid("/cursor", "malformed_cursor"))?;
    // We write none with U+0000, which PostgreSQL could not compare.
    if bytes.windows(6).any(|part| part == b"\\u0000") {
        return Err(Error::invalid("/cursor", "malformed_cursor"));
    }
    serde_json::from_slice(&bytes).map_err(|_| Error::invalid("/cursor", "malformed_cursor"))
}
