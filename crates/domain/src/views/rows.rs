//! A practice's clients as columns, while somebody looks at them.

use std::collections::HashMap;

use super::columns::Column;
use super::kept::Slot;
use super::subjects::ColumnId;

/// The clients, in the order of their keys, and the columns that are there.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    /// The clients' keys.
    pub keys: &'a [i64],
    pub(super) columns: &'a HashMap<ColumnId, Slot>,
}

impl<'a> Rows<'a> {
    /// A column, when it is there.
    pub fn column(&self, id: ColumnId) -> Option<&'a Column> {
        self.columns.get(&id).map(|slot| &slot.column)
    }

    /// The row of the client with this key, or where it would be.
    pub fn place(&self, key: i64) -> Result<usize, usize> {
        self.keys.binary_search(&key)
    }
}
