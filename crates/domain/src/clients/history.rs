//! Reading what happened to a client.

use diesel::dsl::{exists, not};
use diesel::prelude::*;

use super::model::{Change, Client};
use crate::identity::Practice;
use crate::kernel::audit::Entry;
use crate::kernel::db::Conn;
use crate::kernel::error::Result;
use crate::kernel::page::{self, Page};
use crate::schema::{audit_entries, changes};

/// What happened to a client, the newest entry first, each with its changes.
///
/// # Errors
/// [`Error::Invalid`] on `/cursor`.
pub fn history(
    conn: &mut Conn,
    practice: &Practice,
    client: &Client,
    (cursor, limit): (Option<&str>, u32),
) -> Result<Page<(Entry, Vec<Change>)>> {
    let from: Option<i64> = cursor.map(page::decode).transpose()?;
    let keys = touched(conn, practice, client, (from.unwrap_or(i64::MAX), i64::from(limit) + 1))?;
    let entries: Vec<Entry> = audit_entries::table
        .filter(audit_entries::practice_id.eq(practice.id).and(audit_entries::key.eq_any(keys)))
        .order(audit_entries::key.desc())
        .select(Entry::as_select())
        .load(conn)?;
    let keys: Vec<i64> = entries.iter().map(|entry| entry.key).collect();
    let rows: Vec<ChangeRow> = changes::table
        .filter(changes::client_key.eq(client.key).and(changes::entry_key.eq_any(keys)))
        .order((changes::entry_key, changes::field))
        .select(ChangeRow::as_select())
        .load(conn)?;
    let page = Page::of(entries, limit, |last| last.key);
    Ok(page.map(|entry| {
        let own = rows.iter().filter(|row| row.entry_key == entry.key).map(Change::from).collect();
        (entry, own)
    }))
}

/// The newest entries before `from` that changed the client: those that changed it and few others are found by the client,
/// those that changed many at once by looking for the client in each of them.
fn touched(conn: &mut Conn, practice: &Practice, client: &Client, (from, most): (i64, i64)) -> Result<Vec<i64>> {
    let own = changes::table.filter(changes::client_key.eq(client.key).and(not(changes::at_once)));
    let mut keys: Vec<i64> = own
        .filter(changes::entry_key.lt(from))
        .select(changes::entry_key)
        .distinct()
        .order(changes::entry_key.desc())
        .limit(most)
        .load(conn)?;
    let in_it = changes::table
        .filter(changes::entry_key.eq(audit_entries::key).and(changes::client_key.eq(client.key)))
        .select(changes::entry_key);
    let of_many = audit_entries::table.filter(audit_entries::practice_id.eq(practice.id).and(audit_entries::at_once));
    let of_many: Vec<i64> = of_many
        .filter(audit_entries::key.lt(from).and(exists(in_it)))
        .select(audit_entries::key)
        .order(audit_entries::key.desc())
        .limit(most)
        .load(conn)?;
    keys.extend(of_many);
    keys.sort_unstable_by(|one, other| other.cmp(one));
    keys.dedup();
    keys.truncate(usize::try_from(most).unwrap_or(usize::MAX));
    Ok(keys)
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = changes)]
struct ChangeRow {
    entry_key: i64,
    field: i64,
    old_num: Option<f64>,
    old_txt: Option<String>,
    new_num: Option<f64>,
    new_txt: Option<String>,
}

impl From<&ChangeRow> for Change {
    fn from(row: &ChangeRow) -> Self {
        let joined =
            |number: Option<f64>, text: &Option<String>| number.map(|n| n.to_string()).or_else(|| text.clone());
        Self {
            entry: row.entry_key,
            field: row.field,
            old: joined(row.old_num, &row.old_txt),
            new: joined(row.new_num, &row.new_txt),
        }
    }
}
