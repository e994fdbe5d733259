//! Applying a preview, chunk by chunk.

use std::collections::HashSet;

use diesel::prelude::*;
use serde_json::{Value, json};

use super::assignments::Planned;
use super::jobs::ApplyBulkEdit;
use super::model::{BulkEdit, BulkEditId, Chunk, Left, Status};
use super::{previews, queries};
use crate::clients::door::{self, Assigned, CardValue};
use crate::clients::{self, Exemption};
use crate::custom_fields::{self, Catalogue};
use crate::identity::{self, Practice, PracticeId};
use crate::kernel::JsonText;
use crate::kernel::actor::Actor;
use crate::kernel::audit::{self, Event};
use crate::kernel::db::Tx;
use crate::kernel::error::{Error, Result};
use crate::kernel::jobs::{self, EnqueueOptions};
use crate::kernel::operations::{self, Operation, OperationId, Problem};
use crate::schema::{bulk_edit_chunks as chunks, bulk_edits, changes};

/// Has a preview applied. Clients that were changed since in one of its fields are passed over and named, unless they are
/// to be overwritten.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] `bulk_edit_applied`, `preview_expired` or `fields_changed`.
pub fn apply(
    tx: &mut Tx<'_>,
    practice: &Practice,
    actor: &Actor,
    (id, overwrites): (BulkEditId, bool),
) -> Result<Operation> {
    let edit = queries::find(tx, practice, id)?;
    if edit.status != Status::Previewed {
        return Err(Error::conflict("bulk_edit_applied"));
    }
    let now = tx.now();
    if now.seconds_since(edit.created_at) > queries::PREVIEW_HOLDS {
        return Err(Error::conflict("preview_expired"));
    }
    if held(tx, practice, &plan_of(&edit)?)?.is_none() {
        return Err(Error::conflict("fields_changed"));
    }
    let operation = operations::create(tx, practice.uid(), actor, "bulk_edit", Some(edit.to_change))?;
    let open = bulk_edits::table.find(edit.key).filter(bulk_edits::status.eq(Status::Previewed.as_str()));
    let taken = diesel::update(open)
        .set((
            bulk_edits::status.eq(Status::Applying.as_str()),
            bulk_edits::overwrites.eq(overwrites),
            bulk_edits::application_id.eq(Some(operation)),
        ))
        .execute(&mut **tx)?;
    if taken == 0 {
        return Err(Error::conflict("bulk_edit_applied"));
    }
    let said = json!({ "assignments": edit.assignments.read::<Value>()?, "clients": edit.to_change });
    audit::record(tx, practice.uid(), actor, &Event::new("bulk_edit.applied", "api").on(id).after(&said))?;
    jobs::enqueue(tx, &ApplyBulkEdit { edit: id }, &EnqueueOptions::of(practice.uid()).work_of(operation))?;
    operations::find(tx, practice.uid(), operation)
}

pub(super) fn plan_of(edit: &BulkEdit) -> Result<Vec<Planned>> {
    Ok(edit.plan.read()?)
}

/// The practice's fields; `None` when one of those of the plan is another by now.
fn held(tx: &mut Tx<'_>, practice: &Practice, plan: &[Planned]) -> Result<Option<Catalogue>> {
    let catalogue = custom_fields::catalogue(tx, practice)?;
    let holds = plan.iter().all(|planned| planned.still_holds(&catalogue));
    Ok(holds.then_some(catalogue))
}

/// Applies the next chunk, and ends the application behind the last one. In the transaction that finishes the job.
///
/// # Errors
/// When the database refuses.
pub fn apply_chunk(tx: &mut Tx<'_>, id: BulkEditId) -> Result<()> {
    let Some(edit) = queries::at(tx, id, Status::Applying)? else { return Ok(()) };
    let Some(operation) = edit.application else { return Ok(()) };
    let practice = identity::find_practice(tx, PracticeId(edit.practice))?;
    let actor = operations::find(tx, edit.practice, operation)?.actor();
    let Some(chunk) = queries::next_to_apply(tx, &edit)? else {
        return end(tx, &edit, operation, None);
    };
    let event = Event { operation: Some(operation.0), ..Event::new("clients.edited", "bulk_edit").on(id) };
    let set = door::open(tx, &practice, &actor, event)?;
    let plan = plan_of(&edit)?;
    // Behind the lock nobody changes fields any more.
    let Some(catalogue) = held(tx, &practice, &plan)? else {
        return end(tx, &edit, operation, Some("fields_changed"));
    };
    let (written, skipped) = write(tx, (&practice, &catalogue), set, (&edit, &plan, &chunk))?;
    let changed = if plan.len() == 1 { count(written) } else { changed_by(tx, set)? };
    diesel::update(chunks::table.find((edit.key, chunk.number)))
        .set((chunks::entry_key.eq(Some(set.entry())), chunks::skipped.eq(Some(JsonText::of(&skipped)))))
        .execute(&mut **tx)?;
    let passed = count(skipped.len());
    diesel::update(bulk_edits::table.find(edit.key))
        .set((
            bulk_edits::changed.eq(bulk_edits::changed + changed),
            bulk_edits::skipped.eq(bulk_edits::skipped + passed),
        ))
        .execute(&mut **tx)?;
    operations::advance(tx, operation, count(chunk.clients.len()), passed)?;
    if queries::next_to_apply(tx, &edit)?.is_none() {
        return end(tx, &edit, operation, None);
    }
    jobs::enqueue(tx, &ApplyBulkEdit { edit: id }, &EnqueueOptions::of(practice.uid()).work_of(operation))?;
    Ok(())
}

pub(super) fn count(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

/// Writes what the clients of a chunk are to have: all of it, or on those that are passed over nothing. Returns how many
/// values it changed, and who is passed over, with the reason.
fn write(
    tx: &mut Tx<'_>,
    (practice, catalogue): (&Practice, &Catalogue),
    set: door::Set,
    (edit, plan, chunk): (&BulkEdit, &[Planned], &Chunk),
) -> Result<(usize, Left)> {
    let (mut keys, mut skipped) = still_free(tx, practice, edit, (plan, chunk))?;
    // Since the preview, a category may have got criteria, and clients may have changed in what criteria ask about.
    let now = tx.now();
    let unconcerned = previews::unconcerned(tx, (practice, catalogue, now), plan, &keys)?;
    keys.retain(|key| unconcerned.binary_search(key).is_err());
    skipped.extend(unconcerned.into_iter().map(|key| (key, "not_concerned".to_owned())));
    // Only bringing back is refused while it is done, so it comes first and the others are not written there.
    let (first, others): (Vec<&Planned>, Vec<&Planned>) =
        plan.iter().partition(|planned| matches!(planned, Planned::Archived { yes: false }));
    let mut written = 0;
    for planned in first.into_iter().chain(others) {
        let (assigned, left) = assign(tx, practice, set, (planned, &keys))?;
        written += assigned;
        keys.retain(|key| left.binary_search_by_key(key, |(key, _)| *key).is_err());
        skipped.extend(left);
    }
    skipped.sort_unstable();
    Ok((written, skipped))
}

/// The clients of a chunk that are as they were at the preview, and the others with the reason.
fn still_free(
    tx: &mut Tx<'_>,
    practice: &Practice,
    edit: &BulkEdit,
    (plan, chunk): (&[Planned], &Chunk),
) -> Result<(Vec<i64>, Left)> {
    let fields: Vec<i64> = plan.iter().map(Planned::number).collect();
    let whom = (practice, chunk.clients.as_slice());
    let asks_archived = plan.iter().any(|planned| matches!(planned, Planned::Archived { .. }));
    let archived: HashSet<i64> =
        if asks_archived { HashSet::new() } else { queries::archived(tx, whom)?.into_iter().collect() };
    let touched: HashSet<i64> = match edit.overwrites {
        true => HashSet::new(),
        false if queries::is_alone_since(tx, practice, edit)? => HashSet::new(),
        false => queries::touched_since(tx, whom, &fields, edit.as_of)?.into_iter().collect(),
    };
    let reason = |key: &i64| match (archived.contains(key), touched.contains(key)) {
        (true, _) => Some("archived"),
        (false, true) => Some("changed_since"),
        (false, false) => None,
    };
    let skipped = chunk.clients.iter().filter_map(|key| Some((*key, reason(key)?.to_owned()))).collect();
    Ok((chunk.clients.iter().copied().filter(|key| reason(key).is_none()).collect(), skipped))
}

/// How many clients have something changed under an entry.
fn changed_by(tx: &mut Tx<'_>, set: door::Set) -> Result<i64> {
    let written = changes::table.filter(changes::entry_key.eq(set.entry()));
    Ok(written.select(diesel::dsl::count(changes::client_key).aggregate_distinct()).first(&mut **tx)?)
}

/// Writes one assignment on clients. Returns how many it changed, and those on which it cannot be done, with the reason, in
/// the order of their keys.
fn assign(
    tx: &mut Tx<'_>,
    practice: &Practice,
    set: door::Set,
    (planned, keys): (&Planned, &[i64]),
) -> Result<(usize, Left)> {
    let changed = match planned {
        Planned::Value { field, value, .. } => set.assign_values(tx, *field, keys, Assigned::One(value.as_ref()))?,
        Planned::Options { field, add, remove, .. } => {
            let stored = queries::stored(tx, (practice, keys), *field)?;
            let (keys, values): (Vec<i64>, Vec<Option<Value>>) =
                stored.iter().map(|(key, had)| (*key, queries::with_options(had.as_ref(), (add, remove)))).unzip();
            set.assign_values(tx, *field, &keys, Assigned::Each(&values))?
        }
        Planned::Portfolio { text } => set.assign_card(tx, keys, CardValue::Portfolio(text.as_deref()))?,
        Planned::Language { code } => set.assign_card(tx, keys, CardValue::Language(code))?,
        Planned::Responsible { member, name } => {
            let who = Planned::responsible(member.as_ref(), name.as_ref());
            set.assign_card(tx, keys, CardValue::Responsible(who.as_ref()))?
        }
        Planned::Exemption { text } => {
            let exemption = text.as_deref().and_then(Exemption::of_logged);
            set.assign_card(tx, keys, CardValue::Exemption(exemption.as_ref()))?
        }
        Planned::Archived { yes: true } => set.assign_card(tx, keys, CardValue::Archived)?,
        Planned::Archived { yes: false } => return bring_back(tx, practice, set, keys),
    };
    Ok((changed, Left::new()))
}

/// Restores archived clients one by one, in the order of their keys: another one may have the number or the reference by now.
/// Returns how many, and the others with the reason.
pub(super) fn bring_back(tx: &mut Tx<'_>, practice: &Practice, set: door::Set, keys: &[i64]) -> Result<(usize, Left)> {
    let (mut brought, mut left) = (0, Left::new());
    let mut found = clients::with_keys(tx, practice, keys)?.0;
    found.sort_unstable_by_key(|client| client.key);
    for client in found {
        if client.archived_at.is_none() {
            continue;
        }
        match clients::other_holder(tx, practice, &client.card, client.key)? {
            Some(_) => left.push((client.key, "number_taken".to_owned())),
            None => {
                set.write_archived(tx, &client, None)?;
                brought += 1;
            }
        }
    }
    Ok((brought, left))
}

fn end(tx: &mut Tx<'_>, edit: &BulkEdit, operation: OperationId, broken: Option<&str>) -> Result<()> {
    let now = tx.now();
    let (changed, skipped): (i64, i64) = diesel::update(bulk_edits::table.find(edit.key))
        .set((bulk_edits::status.eq(Status::Applied.as_str()), bulk_edits::applied_at.eq(Some(now))))
        .returning((bulk_edits::changed, bulk_edits::skipped))
        .get_result(&mut **tx)?;
    match broken {
        Some(code) => operations::fail(tx, operation, &Problem::new(code))?,
        None => {
            let result = json!({ "bulk_edit_id": edit.id.to_string(), "changed": changed, "skipped": skipped });
            operations::finish(tx, operation, &result)?
        }
    };
    Ok(())
}
