//! Whom the values of a line concern: the client as the line makes it, before anything is written.

use super::columns::Columns;
use super::file::Row;
use super::plan::Ground;
use crate::clients::{Card, CheckedValues, Client, RegistrationFacts, ValueKey, Values};
use crate::custom_fields::{CategoryId, Field, Written};
use crate::kernel::clock::Instant;
use crate::kernel::error::FieldError;
use crate::views::Criteria;

/// The criteria of the categories that columns of the file are of.
pub fn criteria(ground: &Ground<'_>) -> Criteria {
    let has_column =
        |category: CategoryId| ground.columns.fields.iter().any(|written| written.field.category == category);
    Criteria::of(ground.catalogue, (ground.practice, ground.now), has_column)
}

/// Why the client that a line makes cannot get the line's values; nothing when it can. `made` is asked only when one of
/// them is in a category with criteria.
pub fn refusals(criteria: &Criteria, columns: &Columns, row: &Row, made: impl FnOnce() -> Client) -> Vec<FieldError> {
    let given = row.written.iter().filter(|(_, written)| !matches!(written, Written::Value(None)));
    let fields = given.filter_map(|(at, _)| columns.fields.get(*at)).map(|written| &written.field);
    let bound: Vec<&Field> = fields.filter(|field| criteria.has(field)).collect();
    if bound.is_empty() {
        return Vec::new();
    }
    let client = made();
    criteria.concern([&client]).refusals(&client, bound.into_iter())
}

/// A client that there is not yet, as a line makes it now.
pub fn created(row: &Row, values: &CheckedValues, now: Instant) -> Client {
    let empty = Client {
        key: 0,
        id: row.client.id,
        card: row.card().clone(),
        facts: RegistrationFacts::default(),
        values: Values::new(),
        archived_at: None,
        informed_at: None,
        revision: 1,
        created_at: now,
        updated_at: now,
    };
    changed(&empty, row.card(), values, now)
}

/// A client as a line changes it now.
pub fn changed(before: &Client, after: &Card, values: &CheckedValues, now: Instant) -> Client {
    let mut client = Client { card: after.clone(), updated_at: now, ..before.clone() };
    for (field, value) in values {
        match value {
            Some(value) => client.values.insert(ValueKey(*field), value.clone()),
            None => client.values.remove(&ValueKey(*field)),
        };
    }
    client
}
