//! Who or what set each value of a client, when, and by which way.

use std::collections::BTreeMap;

use diesel::dsl::{max, not};
use diesel::prelude::*;

use super::fixed::CREATED;
use super::model::{Client, Provenance};
use crate::identity::Practice;
use crate::kernel::JsonText;
use crate::kernel::audit::Entry;
use crate::kernel::db::Conn;
use crate::kernel::error::Result;
use crate::schema::{audit_entries, changes, client_values};

/// Where a client's values come from.
#[derive(Debug, Clone, Default)]
pub struct Origins {
    entries: BTreeMap<i64, Entry>,
    fixed: BTreeMap<i64, i64>,
    custom: Provenance,
}

impl Origins {
    /// What last set the fixed field with this number; the client's creation when nothing has since.
    #[must_use]
    pub fn of_fixed(&self, field: i64) -> Option<&Entry> {
        self.entries.get(self.fixed.get(&field).or_else(|| self.fixed.get(&CREATED))?)
    }

    /// What last set the fixed field with this number, if anything has since the client's creation.
    #[must_use]
    pub fn of_changed(&self, field: i64) -> Option<&Entry> {
        self.entries.get(self.fixed.get(&field)?)
    }

    /// What last set the custom field with this key.
    #[must_use]
    pub fn of_custom(&self, field: i64) -> Option<&Entry> {
        self.entries.get(self.custom.get(&super::model::ValueKey(field))?)
    }
}

/// Where the values of a client come from.
///
/// # Errors
/// When the database refuses.
pub fn provenance(conn: &mut Conn, practice: &Practice, client: &Client) -> Result<Origins> {
    let fixed: Vec<(i64, Option<i64>)> = changes::table
        .filter(changes::client_key.eq(client.key).and(not(changes::at_once)))
        .filter(changes::field.lt(super::FIRST_CUSTOM_FIELD))
        .group_by(changes::field)
        .select((changes::field, max(changes::entry_key)))
        .load(conn)?;
    let prov: JsonText = client_values::table
        .filter(client_values::practice_id.eq(practice.id).and(client_values::client_key.eq(client.key)))
        .select(client_values::prov)
        .first(conn)?;
    let fixed: BTreeMap<i64, i64> = fixed.into_iter().filter_map(|(field, entry)| Some((field, entry?))).collect();
    let custom: Provenance = prov.read()?;
    let mut keys: Vec<i64> = fixed.values().chain(custom.values()).copied().collect();
    keys.sort_unstable();
    keys.dedup();
    let entries: Vec<Entry> = audit_entries::table
        .filter(audit_entries::practice_id.eq(practice.id).and(audit_entries::key.eq_any(keys)))
        .select(Entry::as_select())
        .load(conn)?;
    Ok(Origins { entries: entries.into_iter().map(|entry| (entry.key, entry)).collect(), fixed, custom })
}
