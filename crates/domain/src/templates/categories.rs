//! The verbs on categories: make one, rename it, switch it on and off.

use diesel::prelude::*;
use serde_json::{Value, json};

use super::delivered;
use super::model::{Category, MOST_CATEGORIES, TemplateCategoryId};
use super::queries::{categories, category};
use crate::custom_fields::{self, Labels, SaidNames, checked_names};
use crate::identity::{Practice, hold_practice};
use crate::kernel::JsonText;
use crate::kernel::actor::Actor;
use crate::kernel::audit::{self, Event};
use crate::kernel::db::Tx;
use crate::kernel::error::{Error, Result};
use crate::kernel::patch::Patch;
use crate::on_each;
use crate::schema::template_categories;

/// A category to make.
#[derive(Debug, Clone, Default)]
pub struct NewCategory {
    /// What it is called.
    pub names: SaidNames,
    /// Its stable name; made from the name when not given.
    pub code: Option<String>,
}

/// What a PATCH says of a category.
#[derive(Debug, Clone, Default)]
pub struct CategoryChange {
    /// All its names anew.
    pub names: Patch<Labels>,
    /// Switched on or off.
    pub active: Patch<bool>,
}

/// A category as the audit trail has it.
fn state(category: &Category) -> Value {
    json!({ "code": category.code, "names": category.names, "active": category.active })
}

/// Makes a category, the last in order.
///
/// # Errors
/// [`Error::Invalid`] on the names or `/code`; [`Error::Conflict`] `slug_taken` or `too_many_categories`.
pub fn create_category(
    tx: &mut Tx<'_>,
    practice: &Practice,
    actor: &Actor,
    new: NewCategory,
) -> Result<TemplateCategoryId> {
    hold_practice(tx, practice)?;
    let names = checked_names(new.names, &practice.language)?;
    let there = categories(tx, practice)?;
    if there.len() >= MOST_CATEGORIES {
        return Err(Error::conflict_with("too_many_categories", vec![("max", MOST_CATEGORIES.to_string())]));
    }
    let own = practice.language.parse().unwrap_or_default();
    let name = names.in_language(own, own).to_owned();
    let is_taken = |code: &str| there.iter().any(|category| category.code == code);
    let code = custom_fields::slug_at("/code", new.code.as_deref(), &name, is_taken)?;
    let made = Category {
        id: TemplateCategoryId::new(),
        code,
        names,
        active: true,
        is_delivered: false,
        revision: 1,
        updated_at: None,
    };
    insert(tx, practice, &made)?;
    let event = Event::new("template_category.created", "api").on(made.id).after(&state(&made));
    audit::record(tx, practice.uid(), actor, &event)?;
    Ok(made.id)
}

fn insert(tx: &mut Tx<'_>, practice: &Practice, category: &Category) -> Result<()> {
    let now = tx.now();
    let row = (
        template_categories::id.eq(category.id),
        template_categories::practice_id.eq(practice.id),
        template_categories::code.eq(&category.code),
        template_categories::names.eq(JsonText::of(&category.names)),
        template_categories::active.eq(category.active),
        template_categories::revision.eq(category.revision),
        template_categories::created_at.eq(now),
        template_categories::updated_at.eq(now),
    );
    on_each!(&mut **tx, c => diesel::insert_into(template_categories::table).values(row).execute(c))?;
    Ok(())
}

/// Has a row for a category that templates are to name, also for a delivered one that nobody has touched.
pub(super) fn stored(tx: &mut Tx<'_>, practice: &Practice, category: &Category) -> Result<()> {
    if category.updated_at.is_none() && category.id == delivered::category_id(practice) {
        insert(tx, practice, category)?;
    }
    Ok(())
}

/// Changes a category; a change of nothing leaves no trace.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Stale`]; [`Error::Invalid`].
pub fn change_category(
    tx: &mut Tx<'_>,
    practice: &Practice,
    actor: &Actor,
    (id, revision): (TemplateCategoryId, i64),
    change: CategoryChange,
) -> Result<()> {
    hold_practice(tx, practice)?;
    let before = category(tx, practice, id)?;
    if before.revision != revision {
        return Err(Error::Stale);
    }
    let mut after = before.clone();
    if let Some(names) = custom_fields::set(change.names, "/names")? {
        after.names = checked_names(SaidNames { names: Some(names), name: None }, &practice.language)?;
    }
    if let Some(active) = custom_fields::set(change.active, "/active")? {
        after.active = active;
    }
    if state(&after) == state(&before) {
        return Ok(());
    }
    stored(tx, practice, &before)?;
    let now = tx.now();
    let own = template_categories::practice_id.eq(practice.id).and(template_categories::id.eq(id));
    diesel::update(template_categories::table.filter(own))
        .set((
            template_categories::names.eq(JsonText::of(&after.names)),
            template_categories::active.eq(after.active),
            template_categories::revision.eq(before.revision + 1),
            template_categories::updated_at.eq(now),
        ))
        .execute(&mut **tx)?;
    let event = Event::new("template_category.updated", "api").on(id).before(&state(&before)).after(&state(&after));
    audit::record(tx, practice.uid(), actor, &event)?;
    Ok(())
}
