//! Finding the active clients that lines of a list may mean.

use std::collections::{BTreeMap, HashSet};

use diesel::prelude::*;

use super::card::Card;
use super::model::Client;
use super::queries::{self, Boxed, with_values};
use crate::identity::Practice;
use crate::kernel::db::{Conn, MultiBackend};
use crate::kernel::error::Result;
use crate::schema::clients;

/// What clients are sought by; together at most some thousand values.
#[derive(Debug, Clone, Default)]
pub struct Sought<'a> {
    /// Register numbers by country.
    pub numbers: BTreeMap<&'a str, Vec<&'a str>>,
    /// The practice's own references.
    pub references: Vec<&'a str>,
    /// Folded names, for clients that have neither number nor reference.
    pub name_keys: Vec<String>,
}

/// The practice's active clients that have one of the numbers or references, or one of the names and neither number nor
/// reference; each once.
///
/// # Errors
/// When the database refuses.
pub fn active_with(conn: &mut Conn, practice: &Practice, sought: &Sought<'_>) -> Result<Vec<Client>> {
    let mut found = Vec::new();
    for (country, numbers) in &sought.numbers {
        let rows =
            active(practice).filter(clients::country.eq(*country).and(clients::enterprise_number.eq_any(numbers)));
        found.extend(with_values(rows, conn)?);
    }
    if !sought.references.is_empty() {
        found.extend(with_values(active(practice).filter(clients::reference.eq_any(&sought.references)), conn)?);
    }
    if !sought.name_keys.is_empty() {
        let nameless = clients::enterprise_number.is_null().and(clients::reference.is_null());
        found.extend(with_values(
            active(practice).filter(clients::name_key.eq_any(&sought.name_keys).and(nameless)),
            conn,
        )?);
    }
    let mut known = HashSet::with_capacity(found.len());
    found.retain(|client| known.insert(client.key));
    Ok(found)
}

fn active<'a>(practice: &Practice) -> Boxed<'a> {
    clients::table
        .filter(clients::practice_id.eq(practice.id).and(clients::archived_at.is_null()))
        .into_boxed::<MultiBackend>()
}

/// The name of an active client, other than `except`, that has the number or the reference of `card`.
///
/// # Errors
/// When the database refuses.
pub fn other_holder(conn: &mut Conn, practice: &Practice, card: &Card, except: i64) -> Result<Option<String>> {
    let by_number = queries::holder_of_number(conn, practice, card, Some(except))?;
    let holder = match by_number {
        None => queries::holder_of_reference(conn, practice, card, Some(except))?,
        found => found,
    };
    Ok(holder.map(|(_, name)| name))
}
