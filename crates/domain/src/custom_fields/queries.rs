//! Reading a practice's categories, fields and options, and which clients have a value of one.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::kinds::FieldKind;
use super::model::{Availability, Catalogue, Category, CategoryId, Field, FieldId, FieldOption, FormerKind, OptionId};
use crate::clients::{ClientId, ValueKey};
use crate::identity::Practice;
use crate::kernel::clock::Instant;
use crate::kernel::db::{Conn, documents};
use crate::kernel::error::{Error, Result};
use crate::kernel::{JsonText, UidType};
use crate::on_each;
use crate::schema::{field_categories, field_options, fields, own_solutions};

#[derive(Queryable, Selectable)]
#[diesel(table_name = field_categories)]
struct CategoryRow {
    id: CategoryId,
    slug: String,
    names: JsonText,
    position: i32,
    active: bool,
    in_lists: bool,
    criteria: Option<JsonText>,
    archived_at: Option<Instant>,
    revision: i64,
    created_at: Instant,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = fields)]
struct FieldRow {
    key: i64,
    id: FieldId,
    category_id: CategoryId,
    slug: String,
    names: JsonText,
    kind: String,
    former_kinds: JsonText,
    position: i32,
    active: bool,
    archived_at: Option<Instant>,
    revision: i64,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = field_options)]
struct OptionRow {
    key: i64,
    id: OptionId,
    field_key: i64,
    label: String,
    labels: JsonText,
    delivered_key: Option<String>,
    position: i32,
    retired_at: Option<Instant>,
    revision: i64,
    merged_into: Option<i64>,
}

/// A former kind as its row has it: the audit entry of the change, and the kind until then.
#[derive(Serialize, Deserialize)]
pub(super) struct FormerKindRow(pub(super) i64, pub(super) String);

/// Everything that a practice has of fields; some hundred rows.
///
/// # Errors
/// When the database refuses.
pub fn catalogue(conn: &mut Conn, practice: &Practice) -> Result<Catalogue> {
    let categories = field_categories::table
        .filter(field_categories::practice_id.eq(practice.id))
        .order((field_categories::position, field_categories::id))
        .select(CategoryRow::as_select())
        .load(conn)?;
    let field_rows = fields::table
        .filter(fields::practice_id.eq(practice.id))
        .order((fields::position, fields::key))
        .select(FieldRow::as_select())
        .load(conn)?;
    let options = field_options::table
        .filter(field_options::practice_id.eq(practice.id))
        .order((field_options::field_key, field_options::position, field_options::key))
        .select(OptionRow::as_select())
        .load(conn)?;
    let own: Option<(Option<i64>, Option<i64>, JsonText)> = own_solutions::table
        .find(practice.id)
        .select((own_solutions::receive_option, own_solutions::send_option, own_solutions::seat_ids))
        .first(conn)
        .optional()?;
    let own_seats: Vec<String> = own.as_ref().map(|(.., seats)| seats.read()).transpose()?.unwrap_or_default();
    let own = own.map_or([None, None], |(receive, send, _)| [receive, send]);
    let categories: Vec<Category> = categories.into_iter().map(category_of).collect::<Result<_>>()?;
    let options: Vec<FieldOption> = options.into_iter().map(|row| option_of(row, own)).collect::<Result<_>>()?;
    let mut fields: Vec<Field> =
        field_rows.into_iter().map(|row| field_of(row, &categories, &options)).collect::<Result<_>>()?;
    // Stable, so the order within a category stays.
    fields.sort_by_key(|field| categories.iter().position(|category| category.id == field.category));
    Ok(Catalogue { categories, fields, own_seats, language: practice.language.parse().unwrap_or_default() })
}

fn category_of(row: CategoryRow) -> Result<Category> {
    Ok(Category {
        id: row.id,
        slug: row.slug,
        names: row.names.read()?,
        position: row.position,
        active: row.active,
        in_lists: row.in_lists,
        criteria: row.criteria.map(|tree| tree.read()).transpose()?,
        archived_at: row.archived_at,
        revision: row.revision,
        created_at: row.created_at,
    })
}

fn option_of(row: OptionRow, own: [Option<i64>; 2]) -> Result<FieldOption> {
    Ok(FieldOption {
        key: row.key,
        id: row.id,
        field: row.field_key,
        label: row.label,
        labels: row.labels.read()?,
        delivered_key: row.delivered_key,
        own: own.contains(&Some(row.key)),
        position: row.position,
        retired_at: row.retired_at,
        merged_into: row.merged_into,
        revision: row.revision,
    })
}

fn field_of(row: FieldRow, categories: &[Category], options: &[FieldOption]) -> Result<Field> {
    let id = row.id;
    let kind_called =
        |name: &str| name.parse::<FieldKind>().map_err(|()| Error::internal(format!("{id} has an unknown kind")));
    let former: Vec<FormerKindRow> = row.former_kinds.read()?;
    let former_kinds =
        former.into_iter().map(|FormerKindRow(until, name)| Ok(FormerKind { until, kind: kind_called(&name)? }));
    let category = categories.iter().find(|category| category.id == row.category_id);
    let is_archived = row.archived_at.is_some() || category.is_some_and(|category| category.archived_at.is_some());
    let is_on = row.active && category.is_some_and(|category| category.active);
    let availability = match (is_archived, is_on) {
        (true, _) => Availability::Archived,
        (false, false) => Availability::SwitchedOff,
        (false, true) => Availability::Usable,
    };
    Ok(Field {
        key: row.key,
        id,
        category: row.category_id,
        slug: row.slug,
        names: row.names.read()?,
        kind: kind_called(&row.kind)?,
        former_kinds: former_kinds.collect::<Result<_>>()?,
        position: row.position,
        active: row.active,
        archived_at: row.archived_at,
        availability,
        revision: row.revision,
        options: options.iter().filter(|option| option.field == row.key).cloned().collect(),
    })
}

/// A client's value of one field.
#[derive(Debug, Clone)]
pub(super) struct Holding {
    pub client_key: i64,
    pub client_id: ClientId,
    pub client_name: String,
    pub value: Value,
}

#[derive(QueryableByName)]
struct HoldingRow {
    #[diesel(sql_type = BigInt)]
    client_key: i64,
    #[diesel(sql_type = UidType)]
    client_id: ClientId,
    #[diesel(sql_type = Text)]
    client_name: String,
    #[diesel(sql_type = Nullable<Text>)]
    value: Option<String>,
}

/// The values of a field, of archived clients too, in the order in which the clients came.
///
/// # Errors
/// When the database refuses.
pub(super) fn holdings(conn: &mut Conn, practice: &Practice, field: i64) -> Result<Vec<Holding>> {
    let key = serde_json::to_value(ValueKey(field))?;
    let key = key.as_str().unwrap_or_default();
    let value = documents::member(conn, "v.vals", key);
    let statement = format!(
        "SELECT c.key AS client_key, c.id AS client_id, c.name AS client_name, CAST({value} AS TEXT) AS value \
         FROM client_values v JOIN clients c ON c.key = v.client_key \
         WHERE v.practice_id = $1 AND {value} IS NOT NULL ORDER BY c.key"
    );
    let rows: Vec<HoldingRow> =
        on_each!(conn, c => diesel::sql_query(statement).bind::<UidType, _>(practice.uid()).load(c)?);
    let read = |row: HoldingRow| {
        Ok(Holding {
            client_key: row.client_key,
            client_id: row.client_id,
            client_name: row.client_name,
            value: serde_json::from_str(&row.value.unwrap_or_default())?,
        })
    };
    rows.into_iter().map(read).collect()
}
