//! Reading a practice's categories, fields and options.

use diesel::prelude::*;

use super::model::{Catalogue, Category, CategoryId, Field, FieldId, FieldKind, FieldOption, OptionId};
use crate::identity::Practice;
use crate::kernel::JsonText;
use crate::kernel::clock::Instant;
use crate::kernel::db::Conn;
use crate::kernel::error::{Error, Result};
use crate::schema::{field_categories, field_options, fields};

#[derive(Queryable, Selectable)]
#[diesel(table_name = field_categories)]
struct CategoryRow {
    id: CategoryId,
    slug: String,
    names: JsonText,
    position: i32,
    active: bool,
    in_lists: bool,
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
    position: i32,
    active: bool,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = field_options)]
struct OptionRow {
    key: i64,
    id: OptionId,
    field_key: i64,
    label: String,
    delivered: bool,
    retired_at: Option<Instant>,
}

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
    Ok(Catalogue {
        categories: categories.into_iter().map(category_of).collect::<Result<_>>()?,
        fields: field_rows.into_iter().map(|row| field_of(row, &options)).collect::<Result<_>>()?,
    })
}

fn category_of(row: CategoryRow) -> Result<Category> {
    Ok(Category {
        id: row.id,
        slug: row.slug,
        names: row.names.read()?,
        position: row.position,
        active: row.active,
        in_lists: row.in_lists,
        created_at: row.created_at,
    })
}

fn field_of(row: FieldRow, options: &[OptionRow]) -> Result<Field> {
    let kind: FieldKind = row.kind.parse().map_err(|()| Error::internal(format!("{} has an unknown kind", row.id)))?;
    let own = options.iter().filter(|option| option.field_key == row.key).map(|option| FieldOption {
        key: option.key,
        id: option.id,
        label: option.label.clone(),
        delivered: option.delivered,
        retired_at: option.retired_at,
    });
    Ok(Field {
        key: row.key,
        id: row.id,
        category: row.category_id,
        slug: row.slug,
        names: row.names.read()?,
        kind,
        position: row.position,
        active: row.active,
        options: own.collect(),
    })
}
