//! The verbs on fields: create, change, archive, restore.

use diesel::prelude::*;
use serde_json::{Value, json};

use super::categories;
use super::kinds::FieldKind;
use super::model::{Catalogue, CategoryId, Field, FieldId, Labels, MOST_FIELDS, MOST_OPTIONS};
use super::naming::{self, SaidNames};
use super::options::{self, NewOption};
use super::queries::catalogue;
use crate::clients::door;
use crate::identity::Practice;
use crate::kernel::actor::Actor;
use crate::kernel::audit::Event;
use crate::kernel::clock::Instant;
use crate::kernel::db::Tx;
use crate::kernel::error::{Error, FieldError, Result};
use crate::kernel::patch::Patch;
use crate::kernel::{JsonText, text};
use crate::schema::fields;

/// A field to make.
#[derive(Debug, Clone)]
pub struct NewField {
    /// The category it belongs to.
    pub category: String,
    /// What it is called.
    pub names: SaidNames,
    /// What it holds, by its stable name.
    pub kind: String,
    /// Its stable name; made from the name when not given.
    pub slug: Option<String>,
    /// The labels of a choice, in their order.
    pub options: Vec<String>,
}

/// What a PATCH says of a field.
#[derive(Debug, Clone, Default)]
pub struct FieldChange {
    /// All its names anew.
    pub names: Patch<Labels>,
    /// Switched on or off.
    pub active: Patch<bool>,
    /// Its place within its category, from 1 on.
    pub position: Patch<i32>,
    /// The category it moves to.
    pub category: Patch<String>,
}

/// Makes a field, the last of its category.
///
/// # Errors
/// [`Error::Invalid`] for wrong fields; [`Error::Conflict`] `slug_taken` or `too_many_fields`.
pub fn create_field(tx: &mut Tx<'_>, practice: &Practice, actor: &Actor, new: NewField) -> Result<FieldId> {
    let kind = kind_asked(&new.kind)?;
    let labels = option_labels(kind, &new.options)?;
    let names = naming::checked_names(new.names, &practice.language)?;
    door::hold(tx, practice)?;
    let catalogue = catalogue(tx, practice)?;
    let category = category_asked(&catalogue, &new.category)?;
    if catalogue.fields.len() >= MOST_FIELDS {
        return Err(Error::conflict_with("too_many_fields", vec![("max", MOST_FIELDS.to_string())]));
    }
    let name = names.in_language(catalogue.language, catalogue.language);
    let row = NewRow {
        id: FieldId::new(),
        category,
        slug: naming::slug(new.slug.as_deref(), name, |slug| catalogue.by_slug(slug).is_some())?,
        names,
        kind,
        position: last(&catalogue, category) + 1,
    };
    let state = json!({
        "slug": row.slug, "names": row.names, "kind": kind.as_str(), "category_id": category, "position": row.position,
        "active": true, "archived": false, "options": labels,
    });
    door::open_fields(tx, practice, actor, Event::new("field.created", "api").on(row.id).after(&state))?;
    let key = insert(tx, practice, &row)?;
    let rows: Vec<NewOption<'_>> = labels.iter().zip(1..).map(|(label, at)| NewOption::own(label, at)).collect();
    options::insert(tx, practice, key, &rows)?;
    Ok(row.id)
}

/// The kind that is called so and that people may choose.
pub(super) fn kind_asked(name: &str) -> Result<FieldKind> {
    match name.parse::<FieldKind>() {
        Ok(kind) if kind.is_system_owned() => Err(Error::invalid("/kind", "system_owned")),
        Ok(kind) => Ok(kind),
        Err(()) => {
            let offered = FieldKind::ALL.into_iter().filter(|kind| !kind.is_system_owned());
            let names = offered.map(FieldKind::as_str).collect::<Vec<_>>().join(", ");
            Err(Error::Invalid(vec![FieldError::new("/kind", "unknown_value").with("values", names)]))
        }
    }
}

fn option_labels(kind: FieldKind, given: &[String]) -> Result<Vec<String>> {
    if !kind.has_options() && !given.is_empty() {
        return Err(Error::invalid("/options", "no_choice"));
    }
    if given.len() > MOST_OPTIONS {
        return Err(Error::Invalid(vec![FieldError::new("/options", "too_many").with("max", MOST_OPTIONS)]));
    }
    let (mut labels, mut wrong) = (Vec::with_capacity(given.len()), Vec::new());
    let mut known = std::collections::HashSet::new();
    for (at, typed) in given.iter().enumerate() {
        let pointer = format!("/options/{at}");
        match naming::checked_label(typed, &pointer) {
            Ok(label) if known.insert(text::fold(&label)) => labels.push(label),
            Ok(label) => wrong.push(FieldError::new(pointer, "option_twice").with("label", label)),
            Err(error) => wrong.push(error),
        }
    }
    if wrong.is_empty() { Ok(labels) } else { Err(Error::Invalid(wrong)) }
}

fn category_asked(catalogue: &Catalogue, asked: &str) -> Result<CategoryId> {
    let category = asked.parse().ok().and_then(|id| catalogue.category(id));
    match category {
        None => Err(Error::invalid("/category_id", "unknown_category")),
        Some(category) if category.archived_at.is_some() => Err(Error::invalid("/category_id", "archived_category")),
        Some(category) => Ok(category.id),
    }
}

fn last(catalogue: &Catalogue, category: CategoryId) -> i32 {
    let own = catalogue.fields.iter().filter(|field| field.category == category);
    own.map(|field| field.position).max().unwrap_or(0)
}

/// The row of a new field.
pub(super) struct NewRow {
    pub id: FieldId,
    pub category: CategoryId,
    pub slug: String,
    pub names: Labels,
    pub kind: FieldKind,
    pub position: i32,
}

/// Writes the row of a new field and returns its key.
pub(super) fn insert(tx: &mut Tx<'_>, practice: &Practice, new: &NewRow) -> Result<i64> {
    let now = tx.now();
    let key = diesel::insert_into(fields::table)
        .values((
            fields::id.eq(new.id),
            fields::practice_id.eq(practice.id),
            fields::category_id.eq(new.category),
            fields::slug.eq(&new.slug),
            fields::names.eq(JsonText::of(&new.names)),
            fields::kind.eq(new.kind.as_str()),
            fields::former_kinds.eq(JsonText("[]".to_owned())),
            fields::position.eq(new.position),
            fields::active.eq(true),
            fields::revision.eq(1_i64),
            fields::created_at.eq(now),
        ))
        .returning(fields::key)
        .get_result::<i64>(&mut **tx)?;
    Ok(key)
}

/// The field, from a catalogue that was just read.
pub(super) fn found(catalogue: &Catalogue, id: FieldId) -> Result<&Field> {
    catalogue.field(id).ok_or(Error::NotFound("field"))
}

/// The same when it can be changed: neither it nor its category is archived.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] `archived_field`.
pub(super) fn changeable(catalogue: &Catalogue, id: FieldId) -> Result<&Field> {
    let field = found(catalogue, id)?;
    if field.availability == super::model::Availability::Archived {
        return Err(Error::conflict("archived_field"));
    }
    Ok(field)
}

/// A field as the audit trail has it.
fn state(field: &Field) -> Value {
    json!({
        "slug": field.slug, "names": field.names, "kind": field.kind.as_str(), "category_id": field.category,
        "position": field.position, "active": field.active, "archived": field.archived_at.is_some(),
    })
}

/// Changes a field; a change of nothing is no change and leaves no trace. Moving it shifts the others.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Stale`] when `revision` is not the present one; [`Error::Invalid`] for wrong fields;
/// [`Error::Conflict`] `archived_field`, or `delivered` when a delivered field is to leave its category.
pub fn change_field(
    tx: &mut Tx<'_>,
    practice: &Practice,
    actor: &Actor,
    (id, revision): (FieldId, i64),
    said: FieldChange,
) -> Result<()> {
    door::hold(tx, practice)?;
    let catalogue = catalogue(tx, practice)?;
    if found(&catalogue, id)?.revision != revision {
        return Err(Error::Stale);
    }
    let before = changeable(&catalogue, id)?;
    let (after, order) = changed(&catalogue, before, said, practice)?;
    let is_same = (&after.names, after.active, after.category) == (&before.names, before.active, before.category);
    if is_same && after.position == before.position {
        return Ok(());
    }
    let event = Event::new("field.updated", "api").on(id).before(&state(before)).after(&state(&after));
    door::open_fields(tx, practice, actor, event)?;
    write(tx, practice, &after)?;
    for (key, place) in order.into_iter().filter(|(key, _)| *key != before.key) {
        let own = fields::practice_id.eq(practice.id).and(fields::key.eq(key));
        diesel::update(fields::table.filter(own)).set(fields::position.eq(place)).execute(&mut **tx)?;
    }
    Ok(())
}

/// The field as it is to be, and the places of its neighbours when they change.
fn changed(
    catalogue: &Catalogue,
    before: &Field,
    said: FieldChange,
    practice: &Practice,
) -> Result<(Field, Vec<(i64, i32)>)> {
    let place = naming::set_place(said.position)?;
    let mut after = before.clone();
    if let Some(names) = naming::set(said.names, "/names")? {
        after.names = naming::checked_names(SaidNames { names: Some(names), name: None }, &practice.language)?;
    }
    after.active = naming::set(said.active, "/active")?.unwrap_or(before.active);
    if let Some(asked) = naming::set(said.category, "/category_id")? {
        after.category = category_asked(catalogue, &asked)?;
    }
    let leaves = after.category != before.category;
    if leaves && before.is_delivered() {
        return Err(Error::conflict("delivered"));
    }
    if place.is_none() && !leaves {
        return Ok((after, Vec::new()));
    }
    let neighbours = catalogue.fields.iter().filter(|f| f.category == after.category && f.archived_at.is_none());
    let order: Vec<(i64, i32)> =
        naming::placed(neighbours.map(|field| field.key), before.key, place).into_iter().zip(1..).collect();
    after.position = order.iter().find(|(key, _)| *key == before.key).map_or(before.position, |(_, place)| *place);
    Ok((after, order))
}

fn write(tx: &mut Tx<'_>, practice: &Practice, after: &Field) -> Result<()> {
    let own = fields::practice_id.eq(practice.id).and(fields::key.eq(after.key));
    diesel::update(fields::table.filter(own))
        .set((
            fields::category_id.eq(after.category),
            fields::names.eq(JsonText::of(&after.names)),
            fields::position.eq(after.position),
            fields::active.eq(after.active),
            fields::archived_at.eq(after.archived_at),
            fields::revision.eq(after.revision + 1),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

/// Archives a field: it is hidden and refuses new values; the values are kept. Archiving an archived one changes nothing.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] `delivered` for a field that came with the product: switch it off instead.
pub fn archive_field(tx: &mut Tx<'_>, practice: &Practice, actor: &Actor, id: FieldId) -> Result<()> {
    let now = tx.now();
    set_archived(tx, practice, actor, (id, Some(now)))
}

/// Brings an archived field back, the last of its category, with its values. Restoring an active one changes nothing.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] `archived_category` while its category is archived itself.
pub fn restore_field(tx: &mut Tx<'_>, practice: &Practice, actor: &Actor, id: FieldId) -> Result<()> {
    set_archived(tx, practice, actor, (id, None))
}

fn set_archived(
    tx: &mut Tx<'_>,
    practice: &Practice,
    actor: &Actor,
    (id, archived_at): (FieldId, Option<Instant>),
) -> Result<()> {
    door::hold(tx, practice)?;
    let catalogue = catalogue(tx, practice)?;
    let before = found(&catalogue, id)?;
    if before.archived_at.is_some() == archived_at.is_some() {
        return Ok(());
    }
    if before.is_delivered() {
        return Err(Error::conflict("delivered"));
    }
    if archived_at.is_none() && categories::found(&catalogue, before.category)?.archived_at.is_some() {
        return Err(Error::conflict("archived_category"));
    }
    let kind = if archived_at.is_some() { "field.archived" } else { "field.restored" };
    let position = if archived_at.is_some() { before.position } else { last(&catalogue, before.category) + 1 };
    let after = Field { archived_at, position, ..before.clone() };
    let event = Event::new(kind, "api").on(id).before(&state(before)).after(&state(&after));
    door::open_fields(tx, practice, actor, event)?;
    write(tx, practice, &after)
}
