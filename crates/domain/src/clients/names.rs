//! What clients are called, for values that speak of them.

use diesel::prelude::*;

use super::model::ClientId;
use crate::identity::Practice;
use crate::kernel::db::Conn;
use crate::kernel::error::Result;
use crate::schema::clients;

/// The names of those of `ids` that are clients of the practice, archived ones too.
///
/// # Errors
/// When the database refuses.
pub fn names(conn: &mut Conn, practice: &Practice, ids: &[ClientId]) -> Result<Vec<(ClientId, String)>> {
    let own = clients::table.filter(clients::practice_id.eq(practice.id).and(clients::id.eq_any(ids)));
    Ok(own.select((clients::id, clients::name)).load(conn)?)
}
