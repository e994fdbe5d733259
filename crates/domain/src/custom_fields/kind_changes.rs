//! Changing what a field holds, with the values that are there: first what would become of them, then doing it.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;
use serde_json::{Value, json};

use super::conversions::{self, Around, Converted};
use super::fields;
use super::given::in_order;
use super::kinds::FieldKind;
use super::model::{Field, FieldId, MOST_OPTIONS};
use super::options::{self, NewOption};
use super::queries::{self, FormerKindRow, Holding, catalogue};
use super::values::{Names, readable_stored};
use crate::clients::door::{self, Assigned};
use crate::clients::{self, ClientId};
use crate::identity::Practice;
use crate::kernel::actor::Actor;
use crate::kernel::audit::Event;
use crate::kernel::db::{Conn, Tx};
use crate::kernel::error::{Error, FieldError, Result};
use crate::kernel::{JsonText, text};
use crate::schema::fields as fields_table;

/// How many unconvertible values are listed.
const LISTED: usize = 1_000;

/// A change of kind that is asked for.
#[derive(Debug, Clone)]
pub struct KindChange {
    /// The new kind by its stable name.
    pub kind: String,
    /// Only say what would become of the values.
    pub dry_run: bool,
    /// Clear what cannot be converted.
    pub clear_unconvertible: bool,
}

/// A value of which nothing of the new kind can be made.
#[derive(Debug, Clone)]
pub struct Unconvertible {
    /// The client.
    pub client: ClientId,
    /// The client's name.
    pub name: String,
    /// The value as people read it.
    pub value: String,
    /// Why.
    pub reason: FieldError,
}

/// What became, or would become, of the values.
#[derive(Debug, Clone)]
pub struct KindChanged {
    /// The kind before.
    pub from: FieldKind,
    /// The kind after.
    pub to: FieldKind,
    /// How many values can be converted.
    pub convertible: usize,
    /// How many cannot.
    pub unconvertible: usize,
    /// The first of those.
    pub listed: Vec<Unconvertible>,
    /// The labels of the options that have to be made.
    pub new_options: Vec<String>,
}

/// The values as they are to be.
struct Plan {
    changed: KindChanged,
    converted: Vec<(i64, Converted)>,
    cleared: Vec<i64>,
}

/// Changes what a field holds, and its values with it, in one change set: the history keeps the old ones.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Invalid`] on `/kind` with `unknown_value`, `system_owned` or `same_kind`;
/// [`Error::Conflict`] `delivered`, `archived_field`, or `unconvertible_values` while some remain that are not to be cleared.
pub fn change_kind(
    tx: &mut Tx<'_>,
    practice: &Practice,
    actor: &Actor,
    id: FieldId,
    asked: &KindChange,
) -> Result<KindChanged> {
    let to = fields::kind_asked(&asked.kind)?;
    door::hold(tx, practice)?;
    let catalogue = catalogue(tx, practice)?;
    let field = fields::changeable(&catalogue, id)?;
    if field.is_delivered() {
        return Err(Error::conflict("delivered"));
    }
    if field.kind == to {
        return Err(Error::invalid("/kind", "same_kind"));
    }
    let holdings = queries::holdings(tx, practice, field.key)?;
    let around = around(tx, practice, (field, to), &holdings)?;
    let plan = plan(field, to, &holdings, &around);
    if asked.dry_run {
        return Ok(plan.changed);
    }
    if plan.changed.unconvertible > 0 && !asked.clear_unconvertible {
        let count = plan.changed.unconvertible.to_string();
        return Err(Error::conflict_with("unconvertible_values", vec![("count", count)]));
    }
    apply(tx, practice, actor, field, plan)
}

/// Reads what the conversions ask for.
fn around(
    conn: &mut Conn,
    practice: &Practice,
    (field, to): (&Field, FieldKind),
    holdings: &[Holding],
) -> Result<Around> {
    let texts = || holdings.iter().filter_map(|holding| holding.value.as_str());
    let speaks = matches!(field.kind, FieldKind::Member | FieldKind::Client);
    let names = if speaks { Names::of(conn, practice, texts())? } else { Names::default() };
    let sought: Vec<ClientId> =
        texts().filter(|_| to == FieldKind::Client).filter_map(|text| text.trim().parse().ok()).collect();
    let found = clients::names(conn, practice, &sought)?;
    Ok(Around {
        names,
        language: practice.language.parse().unwrap_or_default(),
        called: called(field).into_keys().collect(),
        members: clients::surroundings(conn, practice)?,
        clients: found.into_iter().map(|(id, _)| id).collect(),
    })
}

fn plan(field: &Field, to: FieldKind, holdings: &[Holding], around: &Around) -> Plan {
    let changed = KindChanged {
        from: field.kind,
        to,
        convertible: 0,
        unconvertible: 0,
        listed: Vec::new(),
        new_options: Vec::new(),
    };
    let mut plan = Plan { changed, converted: Vec::new(), cleared: Vec::new() };
    let mut known = around.called.clone();
    for holding in holdings {
        let converted = conversions::convert(&holding.value, field, to, around)
            .and_then(|converted| plan.changed.make_room(field, converted, &mut known));
        match converted {
            Ok(converted) => plan.converted.push((holding.client_key, converted)),
            Err(reason) => {
                plan.cleared.push(holding.client_key);
                if plan.changed.listed.len() < LISTED {
                    let value = readable_stored(&holding.value, field, (&around.names, around.language));
                    let (client, name) = (holding.client_id, holding.client_name.clone());
                    plan.changed.listed.push(Unconvertible { client, name, value, reason });
                }
            }
        }
    }
    (plan.changed.convertible, plan.changed.unconvertible) = (plan.converted.len(), plan.cleared.len());
    plan
}

/// The keys of a field's options by what they are called, folded.
fn called(field: &Field) -> HashMap<String, i64> {
    let labels =
        |key: i64, labels: Vec<&String>| labels.into_iter().map(move |l| (text::fold(l), key)).collect::<Vec<_>>();
    let all = field.options.iter().flat_map(|option| {
        labels(option.key, option.labels.0.values().chain(std::iter::once(&option.label)).collect())
    });
    all.collect()
}

impl KindChanged {
    /// Notes the options that a value needs and the field has not, as long as there is room for them.
    fn make_room(
        &mut self,
        field: &Field,
        converted: Converted,
        known: &mut HashSet<String>,
    ) -> std::result::Result<Converted, FieldError> {
        let Converted::Called(labels) = &converted else { return Ok(converted) };
        let missing: Vec<&String> = labels.iter().filter(|label| !known.contains(&text::fold(label))).collect();
        if field.options.len() + self.new_options.len() + missing.len() > MOST_OPTIONS {
            return Err(FieldError::new("/kind", "too_many_options").with("max", MOST_OPTIONS));
        }
        for label in missing {
            known.insert(text::fold(label));
            self.new_options.push(label.clone());
        }
        Ok(converted)
    }
}

fn apply(tx: &mut Tx<'_>, practice: &Practice, actor: &Actor, field: &Field, plan: Plan) -> Result<KindChanged> {
    let Plan { changed, converted, cleared } = plan;
    let event = Event::new("field.kind_changed", "api")
        .on(field.id)
        .before(&json!({ "slug": field.slug, "kind": changed.from.as_str() }))
        .after(&json!({ "kind": changed.to.as_str(), "converted": converted.len(), "cleared": cleared.len(),
            "new_options": changed.new_options }));
    let set = door::open_fields(tx, practice, actor, event)?;
    let after_last = field.options.iter().map(|option| option.position).max().unwrap_or(0) + 1;
    let new = changed.new_options.iter().zip(after_last..).map(|(label, at)| NewOption::own(label, at));
    options::insert(tx, practice, field.key, &new.collect::<Vec<_>>())?;
    write_kind(tx, practice, field, (changed.to, set.entry()))?;

    let catalogue = catalogue(tx, practice)?;
    let field = fields::found(&catalogue, field.id)?;
    let called = called(field);
    let (keys, values): (Vec<i64>, Vec<Option<Value>>) = converted
        .into_iter()
        .map(|(client, converted)| (client, stored(field, converted, &called)))
        .chain(cleared.into_iter().map(|client| (client, None)))
        .unzip();
    set.assign_values(tx, field.key, &keys, Assigned::Each(&values))?;
    Ok(changed)
}

/// A converted value as it is stored, now that its options are there.
fn stored(field: &Field, converted: Converted, called: &HashMap<String, i64>) -> Option<Value> {
    match converted {
        Converted::Stored(value) => Some(value),
        Converted::Called(labels) => {
            let keys: HashSet<i64> = labels.iter().filter_map(|l| called.get(&text::fold(l)).copied()).collect();
            if field.kind == FieldKind::Choice {
                keys.into_iter().next().map(Value::from)
            } else {
                in_order(field, &keys)
            }
        }
    }
}

fn write_kind(tx: &mut Tx<'_>, practice: &Practice, field: &Field, (to, entry): (FieldKind, i64)) -> Result<()> {
    let former = field.former_kinds.iter().map(|former| (former.until, former.kind)).chain([(entry, field.kind)]);
    let former: Vec<FormerKindRow> =
        former.map(|(until, kind)| FormerKindRow(until, kind.as_str().to_owned())).collect();
    let own = fields_table::practice_id.eq(practice.id).and(fields_table::key.eq(field.key));
    diesel::update(fields_table::table.filter(own))
        .set((
            fields_table::kind.eq(to.as_str()),
            fields_table::former_kinds.eq(JsonText::of(&former)),
            fields_table::revision.eq(field.revision + 1),
        ))
        .execute(&mut **tx)?;
    Ok(())
}
