//! The verbs on templates: make, change, restore and delete one. What it says is kept version by version.

use std::collections::BTreeMap;

use diesel::prelude::*;
use serde_json::{Value, json};

use super::attachments;
use super::checks::{self, SaidText};
use super::given::Given;
use super::model::{Content, MOST_TEMPLATES, Template, TemplateCategoryId, TemplateId};
use super::{categories, queries};
use crate::custom_fields::{self, catalogue};
use crate::identity::hold_practice;
use crate::kernel::JsonText;
use crate::kernel::actor::Actor;
use crate::kernel::audit::{self, Event};
use crate::kernel::catalogue::Language;
use crate::kernel::clock::Instant;
use crate::kernel::db::Tx;
use crate::kernel::error::{Error, Result};
use crate::kernel::patch::Patch;
use crate::kernel::text;
use crate::mail::PRODUCT;
use crate::on_each;
use crate::schema::{template_versions, templates};

const LONGEST_NAME: usize = 100;

/// A template to make.
#[derive(Debug, Clone, Default)]
pub struct NewTemplate {
    /// Its category, by its identifier; the delivered one when not given.
    pub category: Option<String>,
    /// What the practice calls it.
    pub name: String,
    /// What it is to say, by language.
    pub languages: BTreeMap<String, SaidText>,
}

/// What a PATCH says of a template.
#[derive(Debug, Clone, Default)]
pub struct TemplateChange {
    /// Another category.
    pub category: Patch<String>,
    /// Another name.
    pub name: Patch<String>,
    /// Switched on or off.
    pub active: Patch<bool>,
    /// All that it says anew, by language.
    pub languages: Patch<BTreeMap<String, Option<SaidText>>>,
}

/// What a template is brought back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Restored {
    /// What it said at a version.
    Version(i64),
    /// What it came with the product as.
    Delivered,
}

/// A template as the audit trail has it; what it says stands in its versions.
fn state(template: &Template) -> Value {
    let attached = template.attachments.iter().map(|one| {
        let language = one.language.map(Language::as_str);
        json!({ "name": one.name, "language": language, "sha256": one.sha256() })
    });
    json!({
        "name": template.name, "category": template.category, "active": template.active, "version": template.version,
        "adapted": template.is_adapted(), "attachments": attached.collect::<Vec<_>>(),
    })
}

/// Makes a template.
///
/// # Errors
/// [`Error::Invalid`] on `/name`, `/category_id` and under `/languages`; [`Error::Conflict`] `too_many_templates`.
pub fn create(tx: &mut Tx<'_>, given: Given<'_>, actor: &Actor, new: NewTemplate) -> Result<TemplateId> {
    let practice = given.practice;
    hold_practice(tx, practice)?;
    if queries::templates(tx, given)?.len() >= MOST_TEMPLATES {
        return Err(Error::conflict_with("too_many_templates", vec![("max", MOST_TEMPLATES.to_string())]));
    }
    let catalogue = catalogue(tx, practice)?;
    let mut wrong = Vec::new();
    let name = text::line(&new.name, "/name", LONGEST_NAME).map_err(|fault| wrong.push(fault)).ok();
    let content = match checks::checked(new.languages, &catalogue) {
        Ok(content) => Some(content),
        Err(Error::Invalid(faults)) => {
            wrong.extend(faults);
            None
        }
        Err(other) => return Err(other),
    };
    let category = category_named(tx, given, new.category.as_deref());
    match (name, content, category) {
        (Some(name), Some(content), Ok(category)) => {
            let made = Template {
                id: TemplateId::new(),
                category,
                name,
                active: true,
                content,
                attachments: Vec::new(),
                version: 1,
                delivered: None,
                adapted: true,
                revision: 1,
                updated_at: None,
                is_stored: false,
            };
            write(tx, given, &made)?;
            keep_version(tx, given, actor, &made)?;
            let event = Event::new("template.created", "api").on(made.id).after(&state(&made));
            audit::record(tx, practice.uid(), actor, &event)?;
            Ok(made.id)
        }
        (_, _, Err(Error::Invalid(faults))) => Err(Error::Invalid(faults.into_iter().chain(wrong).collect())),
        (_, _, Err(other)) => Err(other),
        _ => Err(Error::Invalid(wrong)),
    }
}

/// The category that was named, or the delivered one.
fn category_named(tx: &mut Tx<'_>, given: Given<'_>, named: Option<&str>) -> Result<TemplateCategoryId> {
    let practice = given.practice;
    let unknown = || Error::invalid("/category_id", "unknown_template_category");
    let all = queries::categories(tx, practice)?;
    let category = match named {
        Some(named) => {
            let id: TemplateCategoryId = named.trim().parse().map_err(|_| unknown())?;
            all.into_iter().find(|category| category.id == id)
        }
        None => all.into_iter().find(|category| category.is_delivered),
    };
    let category = category.ok_or_else(unknown)?;
    categories::stored(tx, practice, &category)?;
    Ok(category.id)
}

/// Changes a template; a change of nothing leaves no trace, a change of what it says makes a version.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Stale`]; [`Error::Invalid`] as for [`create`].
pub fn change(
    tx: &mut Tx<'_>,
    given: Given<'_>,
    actor: &Actor,
    (id, revision): (TemplateId, i64),
    said: TemplateChange,
) -> Result<()> {
    hold_practice(tx, given.practice)?;
    let before = queries::template(tx, given, id)?;
    if before.revision != revision {
        return Err(Error::Stale);
    }
    let mut after = before.clone();
    if let Some(name) = custom_fields::set(said.name, "/name")? {
        after.name = text::line(&name, "/name", LONGEST_NAME).map_err(|fault| Error::Invalid(vec![fault]))?;
    }
    if let Some(active) = custom_fields::set(said.active, "/active")? {
        after.active = active;
    }
    if let Some(category) = custom_fields::set(said.category, "/category_id")? {
        after.category = category_named(tx, given, Some(&category))?;
    }
    if let Some(languages) = custom_fields::set(said.languages, "/languages")? {
        let kept = before.content.0.iter().map(|(language, text)| (language.to_string(), Some(SaidText::of(text))));
        let mut all: BTreeMap<String, Option<SaidText>> = kept.collect();
        all.extend(languages);
        let said = all.into_iter().filter_map(|(language, said)| Some((language, said?))).collect();
        after.content = checks::checked(said, &catalogue(tx, given.practice)?)?;
    }
    keep(tx, given, actor, (&before, after), "template.updated")
}

/// Brings what a template says and has attached back to a version, or to what it came with the product as; that is a version, too.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Stale`]; [`Error::Invalid`] on `/version` for one that there is not; [`Error::Conflict`]
/// `no_delivered_text` for one that did not come with the product.
pub fn restore(
    tx: &mut Tx<'_>,
    given: Given<'_>,
    actor: &Actor,
    (id, revision): (TemplateId, i64),
    to: Restored,
) -> Result<()> {
    hold_practice(tx, given.practice)?;
    let before = queries::template(tx, given, id)?;
    if before.revision != revision {
        return Err(Error::Stale);
    }
    let (content, attachments) = match to {
        Restored::Version(number) => match queries::version(tx, given, (id, number)) {
            Err(Error::NotFound(_)) => return Err(Error::invalid("/version", "unknown_version")),
            found => found.map(|version| (version.content, version.attachments))?,
        },
        Restored::Delivered => {
            let delivered = before.delivered.ok_or_else(|| Error::conflict("no_delivered_text"))?;
            (delivered.content(given)?, Vec::new())
        }
    };
    keep(tx, given, actor, (&before, Template { content, attachments, ..before.clone() }), "template.restored")
}

/// Stores a changed template, with a version when it says or has attached something else.
pub(super) fn keep(
    tx: &mut Tx<'_>,
    given: Given<'_>,
    actor: &Actor,
    (before, mut after): (&Template, Template),
    kind: &'static str,
) -> Result<()> {
    let delivered = after.delivered.map(|one| one.content(given)).transpose()?;
    after.adapted = delivered.as_ref() != Some(&after.content);
    let says_else = after.content != before.content || after.attachments != before.attachments;
    if says_else {
        after.version += 1;
    }
    if state(&after) == state(before) && !says_else {
        return Ok(());
    }
    after.revision += 1;
    if !before.is_stored {
        let category = queries::category(tx, given.practice, before.category)?;
        categories::stored(tx, given.practice, &category)?;
    }
    write(tx, given, &after)?;
    if !before.is_stored {
        keep_version(tx, given, &Actor::system(PRODUCT), before)?;
    }
    if says_else {
        keep_version(tx, given, actor, &after)?;
    }
    let event = Event::new(kind, "api").on(after.id).before(&state(before)).after(&state(&after));
    audit::record(tx, given.practice.uid(), actor, &event)?;
    Ok(())
}

/// Deletes a template of the practice's own; mails that were sent with it keep what it said.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] `delivered_template`, which can be switched off instead.
pub fn delete(tx: &mut Tx<'_>, given: Given<'_>, actor: &Actor, id: TemplateId) -> Result<()> {
    hold_practice(tx, given.practice)?;
    let before = queries::template(tx, given, id)?;
    if before.delivered.is_some() {
        return Err(Error::conflict("delivered_template"));
    }
    let now = tx.now();
    let own = templates::practice_id.eq(given.practice.id).and(templates::id.eq(id));
    diesel::update(templates::table.filter(own))
        .set((templates::deleted_at.eq(Some(now)), templates::updated_at.eq(now)))
        .execute(&mut **tx)?;
    let event = Event::new("template.deleted", "api").on(id).before(&state(&before));
    audit::record(tx, given.practice.uid(), actor, &event)?;
    Ok(())
}

fn write(tx: &mut Tx<'_>, given: Given<'_>, template: &Template) -> Result<()> {
    let now = tx.now();
    // What follows the product is read from there.
    let content = if template.adapted { template.content.clone() } else { Content::default() };
    let values = (
        templates::category_id.eq(template.category),
        templates::name.eq(&template.name),
        templates::active.eq(template.active),
        templates::content.eq(JsonText::of(&content)),
        templates::version.eq(template.version),
        templates::adapted.eq(template.adapted),
        templates::revision.eq(template.revision),
        templates::updated_at.eq(now),
    );
    if template.is_stored {
        let own = templates::practice_id.eq(given.practice.id).and(templates::id.eq(template.id));
        diesel::update(templates::table.filter(own)).set(values).execute(&mut **tx)?;
        return Ok(());
    }
    let fixed = (
        templates::id.eq(template.id),
        templates::practice_id.eq(given.practice.id),
        templates::delivered_key.eq(template.delivered.map(|one| one.key)),
        templates::created_at.eq(now),
        templates::deleted_at.eq(None::<Instant>),
    );
    on_each!(&mut **tx, c => diesel::insert_into(templates::table).values((fixed, values)).execute(c))?;
    Ok(())
}

fn keep_version(tx: &mut Tx<'_>, given: Given<'_>, actor: &Actor, template: &Template) -> Result<()> {
    let row = (
        template_versions::template_id.eq(template.id),
        template_versions::number.eq(template.version),
        template_versions::practice_id.eq(given.practice.id),
        template_versions::content.eq(JsonText::of(&template.content)),
        template_versions::actor_kind.eq(actor.kind.as_str()),
        template_versions::actor_id.eq(actor.id.as_deref()),
        template_versions::actor_name.eq(&actor.name),
        template_versions::created_at.eq(tx.now()),
    );
    on_each!(&mut **tx, c => diesel::insert_into(template_versions::table).values(row).execute(c))?;
    attachments::keep_version(tx, given, template)
}
