//! The verbs on categories: create, change, archive, restore.

use diesel::prelude::*;
use serde_json::{Value, json};

use super::model::{Catalogue, Category, CategoryId, Labels, MOST_CATEGORIES};
use super::naming::{self, SaidNames};
use super::queries::catalogue;
use crate::clients::door;
use crate::identity::Practice;
use crate::kernel::JsonText;
use crate::kernel::actor::Actor;
use crate::kernel::audit::Event;
use crate::kernel::clock::Instant;
use crate::kernel::db::Tx;
use crate::kernel::error::{Error, Result};
use crate::kernel::patch::Patch;
use crate::schema::field_categories;

/// A category to make.
#[derive(Debug, Clone, Default)]
pub struct NewCategory {
    /// What it is called.
    pub names: SaidNames,
    /// Its stable name; made from the name when not given.
    pub slug: Option<String>,
    /// Whom it concerns, already checked by `views::check_criteria`; everybody when not given.
    pub criteria: Option<Value>,
}

/// What a PATCH says of a category.
#[derive(Debug, Clone, Default)]
pub struct CategoryChange {
    /// All its names anew.
    pub names: Patch<Labels>,
    /// Switched on or off.
    pub active: Patch<bool>,
    /// Its fields are shown in "all clients".
    pub in_lists: Patch<bool>,
    /// Its place among the categories, from 1 on.
    pub position: Patch<i32>,
    /// Whom it concerns, already checked by `views::check_criteria`; null for everybody.
    pub criteria: Patch<Value>,
}

/// Makes a category, the last in order.
///
/// # Errors
/// [`Error::Invalid`] for wrong names or a malformed slug; [`Error::Conflict`] `slug_taken` or `too_many_categories`.
pub fn create_category(tx: &mut Tx<'_>, practice: &Practice, actor: &Actor, new: NewCategory) -> Result<CategoryId> {
    let names = naming::checked_names(new.names, &practice.language)?;
    door::hold(tx, practice)?;
    let Catalogue { categories, language, .. } = catalogue(tx, practice)?;
    if categories.len() >= MOST_CATEGORIES {
        return Err(Error::conflict_with("too_many_categories", vec![("max", MOST_CATEGORIES.to_string())]));
    }
    let name = names.in_language(language, language);
    let is_taken = |slug: &str| categories.iter().any(|category| category.slug == slug);
    let category = Category {
        id: CategoryId::new(),
        slug: naming::slug(new.slug.as_deref(), name, is_taken)?,
        position: last(&categories) + 1,
        names,
        active: true,
        in_lists: true,
        criteria: new.criteria,
        archived_at: None,
        revision: 1,
        created_at: tx.now(),
    };
    let event = Event::new("field_category.created", "api").on(category.id).after(&state(&category));
    door::open_fields(tx, practice, actor, event)?;
    insert(tx, practice, &category)?;
    Ok(category.id)
}

fn last(categories: &[Category]) -> i32 {
    categories.iter().map(|category| category.position).max().unwrap_or(0)
}

/// A category as the audit trail has it.
fn state(category: &Category) -> Value {
    json!({
        "slug": category.slug, "names": category.names, "active": category.active, "in_lists": category.in_lists,
        "position": category.position, "criteria": category.criteria, "archived": category.archived_at.is_some(),
    })
}

/// Writes the row of a new category.
pub(super) fn insert(tx: &mut Tx<'_>, practice: &Practice, category: &Category) -> Result<()> {
    diesel::insert_into(field_categories::table)
        .values((
            field_categories::id.eq(category.id),
            field_categories::practice_id.eq(practice.id),
            field_categories::slug.eq(&category.slug),
            field_categories::names.eq(JsonText::of(&category.names)),
            field_categories::position.eq(category.position),
            field_categories::active.eq(category.active),
            field_categories::in_lists.eq(category.in_lists),
            field_categories::criteria.eq(category.criteria.as_ref().map(JsonText::of)),
            field_categories::archived_at.eq(category.archived_at),
            field_categories::revision.eq(category.revision),
            field_categories::created_at.eq(category.created_at),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

/// The category, from a catalogue that was just read.
pub(super) fn found(catalogue: &Catalogue, id: CategoryId) -> Result<&Category> {
    catalogue.category(id).ok_or(Error::NotFound("category"))
}

/// Changes a category; a change of nothing is no change and leaves no trace. Moving it shifts the others.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Stale`] when `revision` is not the present one; [`Error::Invalid`] for wrong fields;
/// [`Error::Conflict`] `archived_category`.
pub fn change_category(
    tx: &mut Tx<'_>,
    practice: &Practice,
    actor: &Actor,
    (id, revision): (CategoryId, i64),
    said: CategoryChange,
) -> Result<()> {
    door::hold(tx, practice)?;
    let catalogue = catalogue(tx, practice)?;
    let before = found(&catalogue, id)?;
    if before.revision != revision {
        return Err(Error::Stale);
    }
    if before.archived_at.is_some() {
        return Err(Error::conflict("archived_category"));
    }
    let place = naming::set_place(said.position)?;
    let mut after = before.clone();
    if let Some(names) = naming::set(said.names, "/names")? {
        after.names = naming::checked_names(SaidNames { names: Some(names), name: None }, &practice.language)?;
    }
    after.active = naming::set(said.active, "/active")?.unwrap_or(before.active);
    after.in_lists = naming::set(said.in_lists, "/in_lists")?.unwrap_or(before.in_lists);
    said.criteria.apply(&mut after.criteria);
    let order = order_with(&catalogue, before, place);
    after.position = order.iter().find(|(other, _)| *other == id).map_or(before.position, |(_, place)| *place);
    if after == *before {
        return Ok(());
    }
    let event = Event::new("field_category.updated", "api").on(id).before(&state(before)).after(&state(&after));
    door::open_fields(tx, practice, actor, event)?;
    write(tx, practice, &after)?;
    for (other, place) in order.into_iter().filter(|(other, _)| *other != id) {
        let own = field_categories::practice_id.eq(practice.id).and(field_categories::id.eq(other));
        diesel::update(field_categories::table.filter(own))
            .set(field_categories::position.eq(place))
            .execute(&mut **tx)?;
    }
    Ok(())
}

/// The categories that are not archived with their new places, of which only what is moved asks for one.
fn order_with(catalogue: &Catalogue, moved: &Category, place: Option<i32>) -> Vec<(CategoryId, i32)> {
    if place.is_none() {
        return Vec::new();
    }
    let present = catalogue.categories.iter().filter(|category| category.archived_at.is_none());
    naming::placed(present.map(|category| category.id), moved.id, place).into_iter().zip(1..).collect()
}

fn write(tx: &mut Tx<'_>, practice: &Practice, after: &Category) -> Result<()> {
    let own = field_categories::practice_id.eq(practice.id).and(field_categories::id.eq(after.id));
    diesel::update(field_categories::table.filter(own))
        .set((
            field_categories::names.eq(JsonText::of(&after.names)),
            field_categories::position.eq(after.position),
            field_categories::active.eq(after.active),
            field_categories::in_lists.eq(after.in_lists),
            field_categories::criteria.eq(after.criteria.as_ref().map(JsonText::of)),
            field_categories::archived_at.eq(after.archived_at),
            field_categories::revision.eq(after.revision + 1),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

/// Archives a category: it and its fields are hidden and refuse new values; the values are kept. Archiving an archived one
/// changes nothing.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] `delivered` for the category that came with the product.
pub fn archive_category(tx: &mut Tx<'_>, practice: &Practice, actor: &Actor, id: CategoryId) -> Result<()> {
    let now = tx.now();
    set_archived(tx, practice, actor, (id, Some(now)))
}

/// Brings an archived category back, the last in order, with its fields and their values. Restoring an active one changes
/// nothing.
///
/// # Errors
/// [`Error::NotFound`].
pub fn restore_category(tx: &mut Tx<'_>, practice: &Practice, actor: &Actor, id: CategoryId) -> Result<()> {
    set_archived(tx, practice, actor, (id, None))
}

fn set_archived(
    tx: &mut Tx<'_>,
    practice: &Practice,
    actor: &Actor,
    (id, archived_at): (CategoryId, Option<Instant>),
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
    let kind = if archived_at.is_some() { "field_category.archived" } else { "field_category.restored" };
    let position = if archived_at.is_some() { before.position } else { last(&catalogue.categories) + 1 };
    let after = Category { archived_at, position, ..before.clone() };
    let event = Event::new(kind, "api").on(id).before(&state(before)).after(&state(&after));
    door::open_fields(tx, practice, actor, event)?;
    write(tx, practice, &after)
}
