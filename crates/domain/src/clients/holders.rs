//! Finding the active clients that lines of a list may mean.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text};

use super::card::Card;
use super::model::Client;
use super::queries::{self, with_values};
use crate::identity::Practice;
use crate::kernel::UidType;
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
    let mut keys = BTreeSet::new();
    for (country, numbers) in &sought.numbers {
        keys.extend(probe(conn, practice, "country = $3 AND enterprise_number", (numbers, country))?);
    }
    keys.extend(probe(conn, practice, "$3 = '' AND reference", (&sought.references, ""))?);
    let names: Vec<&str> = sought.name_keys.iter().map(String::as_str).collect();
    let unnumbered = "$3 = '' AND enterprise_number IS NULL AND reference IS NULL AND name_key";
    keys.extend(probe(conn, practice, unnumbered, (&names, ""))?);
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    // By key alone: the practice was asked for above, and given both, SQLite would rather read all that the practice has.
    with_values(clients::table.filter(clients::key.eq_any(keys)).into_boxed::<MultiBackend>(), conn)
}

#[derive(QueryableByName)]
struct Key {
    #[diesel(sql_type = BigInt)]
    key: i64,
}

/// The keys of active clients for which `condition` gives one of the values; `country` stands as `$3` in it.
///
/// One index probe for each value, written so that neither database can choose otherwise: in the middle of an import
/// PostgreSQL's statistics know nothing of the table, and it would read all of it each time.
fn probe(
    conn: &mut Conn,
    practice: &Practice,
    condition: &str,
    (values, country): (&[&str], &str),
) -> Result<Vec<i64>> {
    if values.is_empty() {
        return Ok(Vec::new());
    }
    let own = format!("practice_id = $2 AND archived_at IS NULL AND {condition} = sought.value");
    let found: Vec<Key> = match conn {
        Conn::Postgres(c) => diesel::sql_query(format!(
            "SELECT found.key FROM unnest($1) AS sought(value) \
             CROSS JOIN LATERAL (SELECT clients.key FROM clients WHERE {own} OFFSET 0) AS found"
        ))
        .bind::<Array<Text>, _>(values)
        .bind::<UidType, _>(practice.id)
        .bind::<Text, _>(country)
        .load(c)?,
        Conn::Sqlite(c) => {
            diesel::sql_query(format!("SELECT clients.key FROM json_each($1) AS sought CROSS JOIN clients WHERE {own}"))
                .bind::<Text, _>(serde_json::to_string(values)?)
                .bind::<UidType, _>(practice.id)
                .bind::<Text, _>(country)
                .load(c)?
        }
    };
    Ok(found.into_iter().map(|found| found.key).collect())
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
