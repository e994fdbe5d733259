//! What clients are called, for values that speak of them.

use diesel::prelude::*;

use super::model::ClientId;
use crate::identity::Practice;
use crate::kernel::db::Conn;
use crate::kernel::error::Result;
use crate::schema::clients;

/// Identifiers asked for in one statement.
const AT_ONCE: usize = 1_000;

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
