//! Rows of tables, kept in memory for as long as nothing changes in them.

use std::collections::HashMap;
use std::sync::Arc;

use super::cells::{Asked, TableRow};

/// The rows that are kept of a practice, by what was asked of its clients.
#[derive(Debug, Default)]
pub struct Tables(HashMap<Asked, Table>);

/// The rows of the same columns, by client: those that were read lately, and those that were before them. So whoever is shown
/// again and again stays, and nobody keeps a list of who was shown last.
#[derive(Debug, Default)]
struct Table {
    recent: HashMap<i64, Arc<TableRow>>,
    recent_size: usize,
    earlier: HashMap<i64, Arc<TableRow>>,
    earlier_size: usize,
    used: u64,
}

/// Bytes that a row takes beside its own: the places in its map and the counts of its owners.
const BESIDE: usize = 48;
/// Bytes that a table takes beside its rows and what it is asked with: itself, and the least that its maps take.
const TABLE: usize = size_of::<Table>() + 256;

impl Tables {
    /// The rows of these clients that are there, looked for at a moment.
    pub fn rows(&mut self, asked: &Asked, keys: &[i64], moment: u64) -> Vec<Arc<TableRow>> {
        let Some(table) = self.0.get_mut(asked) else { return Vec::new() };
        table.used = moment;
        keys.iter().filter_map(|key| table.row(*key)).collect()
    }

    /// Keeps these rows, besides those of the same columns that were kept before, in about twice `most` bytes.
    pub fn keep(&mut self, asked: &Asked, rows: &[Arc<TableRow>], most: usize, moment: u64) {
        let table = self.0.entry(asked.clone()).or_default();
        table.used = moment;
        for row in rows {
            table.put(row);
            if table.recent_size > most {
                table.earlier = std::mem::take(&mut table.recent);
                table.earlier_size = std::mem::take(&mut table.recent_size);
            }
        }
    }

    /// Lets go of the rows of a client.
    pub fn forget(&mut self, client: i64) {
        self.0.values_mut().for_each(|table| table.remove(client));
        self.0.retain(|_, table| table.recent_size + table.earlier_size > 0);
    }

    /// What there are rows of, and when each was looked for last.
    pub fn used(&self) -> impl Iterator<Item = (&Asked, u64)> {
        self.0.iter().map(|(asked, table)| (asked, table.used))
    }

    /// Lets go of all rows of the same columns.
    pub fn drop_table(&mut self, asked: &Asked) {
        self.0.remove(asked);
    }

    /// About how many bytes they take.
    pub fn size(&self) -> usize {
        self.0.iter().map(|(asked, table)| asked.size() + TABLE + table.recent_size + table.earlier_size).sum()
    }
}

impl Table {
    /// A row that was kept; one of the earlier ones is a recent one from now on.
    fn row(&mut self, key: i64) -> Option<Arc<TableRow>> {
        if let Some(row) = self.recent.get(&key) {
            return Some(Arc::clone(row));
        }
        let row = self.earlier.remove(&key)?;
        self.earlier_size -= size(&row);
        self.put(&row);
        Some(row)
    }

    fn put(&mut self, row: &Arc<TableRow>) {
        self.recent_size += size(row);
        if let Some(before) = self.recent.insert(row.key, Arc::clone(row)) {
            self.recent_size -= size(&before);
        }
    }

    fn remove(&mut self, client: i64) {
        if let Some(row) = self.recent.remove(&client) {
            self.recent_size -= size(&row);
        }
        if let Some(row) = self.earlier.remove(&client) {
            self.earlier_size -= size(&row);
        }
    }
}

fn size(row: &TableRow) -> usize {
    row.size() + BESIDE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::ClientId;

    fn row(key: i64, text: &str) -> Arc<TableRow> {
        Arc::new(TableRow::made_of(key, ClientId::new(), &[text]))
    }

    fn keys(tables: &mut Tables, asked: &Asked, sought: std::ops::Range<i64>) -> Vec<i64> {
        tables.rows(asked, &sought.collect::<Vec<_>>(), 0).iter().map(|row| row.key).collect()
    }

    #[test]
    fn rows_are_kept_in_bounded_memory_and_those_that_are_shown_again_stay() {
        let (mut tables, asked) = (Tables::default(), Asked::nothing());
        let most = 20 * size(&row(0, "\"x\""));
        for key in 0..1_000 {
            tables.keep(&asked, &[row(key, "\"x\"")], most, 0);
            assert_eq!(keys(&mut tables, &asked, 0..1), [0], "it is shown after each");
            assert!(tables.size() <= 3 * most + TABLE + asked.size(), "{} bytes", tables.size());
        }
        assert_eq!(keys(&mut tables, &asked, 1..900), Vec::<i64>::new());
        assert_eq!(keys(&mut tables, &asked, 990..1_000), Vec::from_iter(990..1_000));
        tables.keep(&asked, &[row(999, "\"a longer one\"")], most, 0);
        tables.forget(999);
        assert_eq!(keys(&mut tables, &asked, 998..1_000), [998]);
        (0..1_000).for_each(|key| tables.forget(key));
        assert_eq!(tables.size(), 0, "what is counted is what is there");
    }
}
