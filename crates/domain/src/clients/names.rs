//! What clients are called, for values that speak of them.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;

use super::model::ClientId;
use crate::identity::Practice;
use crate::kernel::db::Conn;
use crate::kernel::error::Result;
use crate::schema::clients;

/// Identifiers asked for in one statement.
const AT_ONCE: usize = 1_000;

/// Those of these clients that are not archived, in their order.
///
/// # Errors
/// When the database refuses.
pub fn active(conn: &mut Conn, practice: &Practice, keys: &[i64]) -> Result<Vec<i64>> {
    let (Some(first), Some(last)) = (keys.iter().min(), keys.iter().max()) else { return Ok(Vec::new()) };
    // Few are archived, so they are asked for and not the thousands.
    let archived: Vec<i64> = clients::table
        .filter(clients::practice_id.eq(practice.id).and(clients::archived_at.is_not_null()))
        .filter(clients::key.between(first, last))
        .select(clients::key)
        .load(conn)?;
    let archived: HashSet<i64> = archived.into_iter().collect();
    Ok(keys.iter().copied().filter(|key| !archived.contains(key)).collect())
}

/// What the clients of these keys are called, with their identifiers.
///
/// # Errors
/// When the database refuses.
pub fn named_keys(conn: &mut Conn, practice: &Practice, keys: &[i64]) -> Result<HashMap<i64, (ClientId, String)>> {
    let mut found = HashMap::new();
    for some in keys.chunks(AT_ONCE) {
        let own = clients::table.filter(clients::practice_id.eq(practice.id).and(clients::key.eq_any(some)));
        let rows: Vec<(i64, ClientId, String)> = own.select((clients::key, clients::id, clients::name)).load(conn)?;
        found.extend(rows.into_iter().map(|(key, id, name)| (key, (id, name))));
    }
    Ok(found)
}

/// The names of those of `ids` that are clients of the practice, archived ones too.
///
/// # Errors
/// When the database refuses.
pub fn names(conn: &mut Conn, practice: &Practice, ids: &[ClientId]) -> Result<Vec<(ClientId, String)>> {
    let mut found = Vec::new();
    // SQLite binds each of them, and not without end.
    for some in ids.chunks(AT_ONCE) {
        let own = clients::table.filter(clients::practice_id.eq(practice.id).and(clients::id.eq_any(some)));
        found.append(&mut own.select((clients::id, clients::name)).load(conn)?);
    }
    Ok(found)
}
