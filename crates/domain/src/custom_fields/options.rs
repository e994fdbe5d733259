//! The verbs on the options of choices: add, change, retire, and bring the delivered lists up to date.

use diesel::prelude::*;
use serde_json::{Value, json};

use super::delivered;
use super::fields;
use super::model::{Catalogue, Field, FieldId, FieldOption, Labels, MOST_OPTIONS, OptionId};
use super::naming;
use super::queries::catalogue;
use crate::clients::door;
use crate::identity::Practice;
use crate::kernel::actor::Actor;
use crate::kernel::audit::Event;
use crate::kernel::db::Tx;
use crate::kernel::error::{Error, Result};
use crate::kernel::patch::Patch;
use crate::kernel::{JsonText, Uid, text};
use crate::on_each;
use crate::schema::field_options;

/// What a PATCH says of an option.
#[derive(Debug, Clone, Default)]
pub struct OptionChange {
    /// What people read.
    pub label: Patch<String>,
    /// What people may also type, by language; null takes all of it away.
    pub labels: Patch<Labels>,
    /// Its place among the field's options, from 1 on.
    pub position: Patch<i32>,
    /// Offered no longer, or again.
    pub retired: Patch<bool>,
}

/// An option to insert.
pub(super) struct NewOption<'a> {
    pub id: OptionId,
    pub label: &'a str,
    pub labels: Labels,
    pub delivered_key: Option<String>,
    pub position: i32,
}

impl<'a> NewOption<'a> {
    /// An option of the practice's own.
    pub fn own(label: &'a str, position: i32) -> Self {
        Self { id: OptionId::new(), label, labels: Labels::default(), delivered_key: None, position }
    }

    /// One that comes with the product.
    pub fn delivered(label: &'a str, position: i32) -> Self {
        Self { delivered_key: Some(text::fold(label)), ..Self::own(label, position) }
    }
}

#[derive(Insertable)]
#[diesel(table_name = field_options, treat_none_as_default_value = false)]
struct Row<'a> {
    id: OptionId,
    practice_id: Uid,
    field_key: i64,
    label: &'a str,
    label_key: String,
    labels: JsonText,
    delivered_key: Option<&'a str>,
    position: i32,
    revision: i64,
}

/// Writes the rows of new options of a field.
pub(super) fn insert(tx: &mut Tx<'_>, practice: &Practice, field: i64, new: &[NewOption<'_>]) -> Result<()> {
    if new.is_empty() {
        return Ok(());
    }
    let rows = new.iter().map(|option| Row {
        id: option.id,
        practice_id: practice.uid(),
        field_key: field,
        label: option.label,
        label_key: text::fold(option.label),
        labels: JsonText::of(&option.labels),
        delivered_key: option.delivered_key.as_deref(),
        position: option.position,
        revision: 1,
    });
    let rows: Vec<Row<'_>> = rows.collect();
    on_each!(&mut **tx, c => diesel::insert_into(field_options::table).values(rows).execute(c))?;
    Ok(())
}

/// The choice that the options belong to.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] `archived_field` or `no_choice`.
pub(super) fn choice(catalogue: &Catalogue, id: FieldId) -> Result<&Field> {
    let field = fields::changeable(catalogue, id)?;
    if field.kind.has_options() { Ok(field) } else { Err(Error::conflict("no_choice")) }
}

/// The option and its choice.
///
/// # Errors
/// As [`choice`].
pub(super) fn found(catalogue: &Catalogue, id: OptionId) -> Result<(&Field, &FieldOption)> {
    let (field, option) = catalogue.option(id).ok_or(Error::NotFound("option"))?;
    Ok((choice(catalogue, field.id)?, option))
}

fn last(field: &Field) -> i32 {
    field.options.iter().map(|option| option.position).max().unwrap_or(0)
}

/// An option as the audit trail has it.
fn state(field: &Field, option: &FieldOption) -> Value {
    json!({
        "field": field.slug, "label": option.label, "labels": option.labels, "position": option.position,
        "retired": option.retired_at.is_some(),
    })
}

/// Refuses a label, in whatever language, by which another option of the field is known.
fn refuse_taken(field: &Field, own: Option<OptionId>, label: &str, labels: &Labels) -> Result<()> {
    for wanted in std::iter::once(label).chain(labels.0.values().map(String::as_str)) {
        let folded = text::fold(wanted);
        if let Some(other) = field.options.iter().find(|other| Some(other.id) != own && other.is_called(&folded)) {
            let named = vec![("option_id", other.id.to_string()), ("label", other.label.clone())];
            return Err(Error::conflict_with("option_label_taken", named));
        }
    }
    Ok(())
}

pub(super) fn refuse_too_many(field: &Field, more: usize) -> Result<()> {
    if field.options.len() + more > MOST_OPTIONS {
        return Err(Error::conflict_with("too_many_options", vec![("max", MOST_OPTIONS.to_string())]));
    }
    Ok(())
}

/// Adds an option, the last in order.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Invalid`] for a wrong label; [`Error::Conflict`] `option_label_taken`,
/// `too_many_options`, `archived_field` or `no_choice`.
pub fn add_option(
    tx: &mut Tx<'_>,
    practice: &Practice,
    actor: &Actor,
    field: FieldId,
    (label, labels): (String, Labels),
) -> Result<OptionId> {
    door::hold(tx, practice)?;
    let catalogue = catalogue(tx, practice)?;
    let field = choice(&catalogue, field)?;
    let label = naming::checked_label(&label, "/label").map_err(|fault| Error::Invalid(vec![fault]))?;
    let labels = naming::checked_labels(labels)?;
    refuse_taken(field, None, &label, &labels)?;
    refuse_too_many(field, 1)?;
    let new = NewOption { labels, ..NewOption::own(&label, last(field) + 1) };
    let state = json!({
        "field": field.slug, "label": label, "labels": new.labels, "position": new.position, "retired": false,
    });
    door::open_fields(tx, practice, actor, Event::new("field_option.created", "api").on(new.id).after(&state))?;
    insert(tx, practice, field.key, std::slice::from_ref(&new))?;
    Ok(new.id)
}

/// Changes, retires or brings back an option; a change of nothing is no change and leaves no trace. Clients that have it
/// keep it.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Stale`] when `revision` is not the present one; [`Error::Invalid`] for wrong fields;
/// [`Error::Conflict`] `option_label_taken`, `archived_field` or `no_choice`.
pub fn change_option(
    tx: &mut Tx<'_>,
    practice: &Practice,
    actor: &Actor,
    (id, revision): (OptionId, i64),
    said: OptionChange,
) -> Result<()> {
    door::hold(tx, practice)?;
    let now = tx.now();
    let catalogue = catalogue(tx, practice)?;
    let (field, before) = found(&catalogue, id)?;
    if before.revision != revision {
        return Err(Error::Stale);
    }
    let mut after = before.clone();
    if let Some(label) = naming::set(said.label, "/label")? {
        after.label = naming::checked_label(&label, "/label").map_err(|fault| Error::Invalid(vec![fault]))?;
    }
    match said.labels {
        Patch::Absent => {}
        Patch::Null => after.labels = Labels::default(),
        Patch::Value(labels) => after.labels = naming::checked_labels(labels)?,
    }
    refuse_taken(field, Some(id), &after.label, &after.labels)?;
    if let Some(retired) = naming::set(said.retired, "/retired")? {
        after.retired_at = retired.then(|| before.retired_at.unwrap_or(now));
        after.merged_into = before.merged_into.filter(|_| retired);
    }
    let place = naming::set_place(said.position)?;
    let keys = field.options.iter().map(|option| option.key);
    let order: Vec<(i64, i32)> = match place {
        None => Vec::new(),
        Some(_) => naming::placed(keys, before.key, place).into_iter().zip(1..).collect(),
    };
    after.position = order.iter().find(|(key, _)| *key == before.key).map_or(before.position, |(_, place)| *place);
    let (was, is) = (state(field, before), state(field, &after));
    if was == is {
        return Ok(());
    }
    let event = Event::new("field_option.updated", "api").on(id).before(&was).after(&is);
    door::open_fields(tx, practice, actor, event)?;
    write(tx, practice, &after)?;
    shift(tx, practice, field, &order)
}

/// Writes a changed option and raises its revision.
pub(super) fn write(tx: &mut Tx<'_>, practice: &Practice, after: &FieldOption) -> Result<()> {
    let own = field_options::practice_id.eq(practice.id).and(field_options::key.eq(after.key));
    diesel::update(field_options::table.filter(own))
        .set((
            field_options::label.eq(&after.label),
            field_options::label_key.eq(text::fold(&after.label)),
            field_options::labels.eq(JsonText::of(&after.labels)),
            field_options::position.eq(after.position),
            field_options::retired_at.eq(after.retired_at),
            field_options::merged_into.eq(after.merged_into),
            field_options::revision.eq(after.revision + 1),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

/// Gives the options of a field their new places, those that move.
fn shift(tx: &mut Tx<'_>, practice: &Practice, field: &Field, order: &[(i64, i32)]) -> Result<()> {
    let moves = |(key, place): &&(i64, i32)| field.option(*key).is_some_and(|option| option.position != *place);
    for (key, place) in order.iter().filter(moves) {
        let own = field_options::practice_id.eq(practice.id).and(field_options::key.eq(*key));
        diesel::update(field_options::table.filter(own)).set(field_options::position.eq(*place)).execute(&mut **tx)?;
    }
    Ok(())
}

/// Adds the delivered options that the practice has not; returns their identifiers. What was renamed, retired or added by
/// the practice stays as it is, and an option of its own that is called like a delivered one stands for it.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] `not_delivered` for a field without a delivered list, `too_many_options`.
pub fn refresh_options(tx: &mut Tx<'_>, practice: &Practice, actor: &Actor, field: FieldId) -> Result<Vec<OptionId>> {
    door::hold(tx, practice)?;
    let catalogue = catalogue(tx, practice)?;
    let field = choice(&catalogue, field)?;
    let list = delivered::FIELDS.iter().find(|delivered| delivered.slug == field.slug);
    let list = list.ok_or_else(|| Error::conflict("not_delivered"))?.options;
    let is_there = |label: &str| {
        let folded = text::fold(label);
        field.options.iter().any(|o| o.delivered_key.as_deref() == Some(&folded) || o.is_called(&folded))
    };
    let missing = list.iter().filter(|label| !is_there(label));
    let new: Vec<NewOption<'_>> =
        missing.zip(last(field) + 1..).map(|(label, at)| NewOption::delivered(label, at)).collect();
    if new.is_empty() {
        return Ok(Vec::new());
    }
    refuse_too_many(field, new.len())?;
    let added: Vec<&str> = new.iter().map(|option| option.label).collect();
    let event = Event::new("field_options.refreshed", "api").on(field.id).after(&json!({ "added": added }));
    door::open_fields(tx, practice, actor, event)?;
    insert(tx, practice, field.key, &new)?;
    Ok(new.iter().map(|option| option.id).collect())
}
