//! Undoing an edit, chunk by chunk: the change log has what was there before.

use std::collections::{BTreeMap, HashSet};

use diesel::prelude::*;
use serde_json::{Value, json};

use super::application::{bring_back, count, plan_of};
use super::assignments::Planned;
use super::jobs::UndoBulkEdit;
use super::model::{BulkEdit, BulkEditId, Chunk, Left, Status};
use super::queries;
use crate::clients::door::{self, Assigned, CardValue};
use crate::clients::{Exemption, FixedField, Responsible};
use crate::custom_fields::{self, Catalogue};
use crate::identity::{self, Member, MemberId, Practice, PracticeId};
use crate::kernel::JsonText;
use crate::kernel::actor::Actor;
use crate::kernel::audit::{self, Event};
use crate::kernel::db::Tx;
use crate::kernel::error::{Error, Result};
use crate::kernel::jobs::{self, EnqueueOptions};
use crate::kernel::operations::{self, Operation, OperationId};
use crate::schema::{bulk_edit_chunks as chunks, bulk_edits, changes};

/// Has an applied edit undone. Clients that were changed since in one of its fields keep what they have, and are named.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] `bulk_edit_not_applied` or `bulk_edit_undone`.
pub fn undo(tx: &mut Tx<'_>, practice: &Practice, actor: &Actor, id: BulkEditId) -> Result<Operation> {
    let edit = queries::find(tx, practice, id)?;
    match edit.status {
        Status::Applied => {}
        Status::Previewed | Status::Applying => return Err(Error::conflict("bulk_edit_not_applied")),
        Status::Undoing | Status::Undone => return Err(Error::conflict("bulk_edit_undone")),
    }
    let operation = operations::create(tx, practice.uid(), actor, "bulk_edit_undo", Some(edit.changed))?;
    let open = bulk_edits::table.find(edit.key).filter(bulk_edits::status.eq(Status::Applied.as_str()));
    let taken = diesel::update(open)
        .set((bulk_edits::status.eq(Status::Undoing.as_str()), bulk_edits::undo_id.eq(Some(operation))))
        .execute(&mut **tx)?;
    if taken == 0 {
        return Err(Error::conflict("bulk_edit_undone"));
    }
    audit::record(tx, practice.uid(), actor, &Event::new("bulk_edit.undone", "api").on(id))?;
    jobs::enqueue(tx, &UndoBulkEdit { edit: id }, &EnqueueOptions::of(practice.uid()).work_of(operation))?;
    operations::find(tx, practice.uid(), operation)
}

/// Undoes the next chunk, and ends the undoing behind the last one. In the transaction that finishes the job.
///
/// # Errors
/// When the database refuses.
pub fn undo_chunk(tx: &mut Tx<'_>, id: BulkEditId) -> Result<()> {
    let Some(edit) = queries::at(tx, id, Status::Undoing)? else { return Ok(()) };
    let Some(operation) = edit.undo else { return Ok(()) };
    let practice = identity::find_practice(tx, PracticeId(edit.practice))?;
    let actor = operations::find(tx, edit.practice, operation)?.actor();
    let Some(chunk) = queries::next_to_undo(tx, &edit)? else { return end(tx, &edit, operation) };
    let event = Event { operation: Some(operation.0), ..Event::new("clients.edit_undone", "bulk_edit").on(id) };
    let set = door::open(tx, &practice, &actor, event)?;
    let (restored, kept) = put_back(tx, &practice, set, (&plan_of(&edit)?, &chunk))?;
    diesel::update(chunks::table.find((edit.key, chunk.number)))
        .set((chunks::undo_entry_key.eq(Some(set.entry())), chunks::kept.eq(Some(JsonText::of(&kept)))))
        .execute(&mut **tx)?;
    let (done, left) = (count(restored), count(kept.len()));
    diesel::update(bulk_edits::table.find(edit.key))
        .set((bulk_edits::restored.eq(bulk_edits::restored + done), bulk_edits::kept.eq(bulk_edits::kept + left)))
        .execute(&mut **tx)?;
    operations::advance(tx, operation, done + left, left)?;
    if queries::next_to_undo(tx, &edit)?.is_none() {
        return end(tx, &edit, operation);
    }
    jobs::enqueue(tx, &UndoBulkEdit { edit: id }, &EnqueueOptions::of(practice.uid()).work_of(operation))?;
    Ok(())
}

/// What the practice has now, which values are given back into.
struct Around {
    catalogue: Catalogue,
    members: Vec<Member>,
}

impl Around {
    fn member(&self, logged: &str) -> Option<&Member> {
        let id: MemberId = logged.parse().ok()?;
        self.members.iter().find(|member| member.id == id)
    }

    /// Whether a field has become of another kind than it was of when it was changed.
    fn is_other(&self, planned: &Planned) -> bool {
        match planned {
            Planned::Value { field, kind, .. } | Planned::Options { field, kind, .. } => {
                self.catalogue.by_key(*field).is_none_or(|field| field.kind.as_str() != kind)
            }
            Planned::Portfolio { .. }
            | Planned::Language { .. }
            | Planned::Responsible { .. }
            | Planned::Exemption { .. }
            | Planned::Archived { .. } => false,
        }
    }

    /// Whether somebody looked after the client who is no member any more. The log has the identifier alone, and the name
    /// that was on the card went with the edit, so there is nobody to put back.
    fn has_left(&self, made: &Made) -> bool {
        let was = made.old_txt.as_deref().filter(|_| made.field == FixedField::Responsible.number());
        was.is_some_and(|was| was.parse::<MemberId>().is_ok() && self.member(was).is_none())
    }
}

/// A change that the edit made, as the log has it.
#[derive(Queryable)]
struct Made {
    client: i64,
    field: i64,
    old_num: Option<f64>,
    old_txt: Option<String>,
}

/// Gives the clients of a chunk back what they had. Returns how many, and who keeps what they have, with the reason.
fn put_back(
    tx: &mut Tx<'_>,
    practice: &Practice,
    set: door::Set,
    (plan, chunk): (&[Planned], &Chunk),
) -> Result<(usize, Left)> {
    let Some(entry) = chunk.entry else { return Ok((0, Left::new())) };
    let made: Vec<Made> = changes::table
        .filter(changes::entry_key.eq(entry))
        .order((changes::client_key, changes::field))
        .select((changes::client_key, changes::field, changes::old_num, changes::old_txt))
        .load(&mut **tx)?;
    let mut keys: Vec<i64> = made.iter().map(|made| made.client).collect();
    keys.dedup();
    let fields: Vec<i64> = plan.iter().map(Planned::number).collect();
    let touched: HashSet<i64> = queries::touched_since(tx, (practice, &keys), &fields, entry)?.into_iter().collect();
    let around =
        Around { catalogue: custom_fields::catalogue(tx, practice)?, members: identity::members(tx, practice)? };
    let mut kept: BTreeMap<i64, String> = touched.into_iter().map(|key| (key, "changed_since".to_owned())).collect();
    for planned in plan {
        let number = planned.number();
        let is_other = around.is_other(planned);
        for made in made.iter().filter(|made| made.field == number) {
            if is_other {
                kept.entry(made.client).or_insert_with(|| "fields_changed".to_owned());
            } else if around.has_left(made) {
                kept.entry(made.client).or_insert_with(|| "member_gone".to_owned());
            }
        }
    }
    // Who keeps one value keeps all, and only bringing back is refused while it is done: that comes first.
    let (first, others): (Vec<&Planned>, Vec<&Planned>) =
        plan.iter().partition(|planned| matches!(planned, Planned::Archived { yes: true }));
    for planned in first.into_iter().chain(others) {
        let number = planned.number();
        let of_field = made.iter().filter(|made| made.field == number && !kept.contains_key(&made.client));
        let of_field: Vec<&Made> = of_field.collect();
        kept.extend(restore(tx, practice, set, ((planned, &around), &of_field))?);
    }
    Ok((keys.len().saturating_sub(kept.len()), kept.into_iter().collect()))
}

/// Gives clients one value back. Returns those on which it cannot be done, with the reason.
fn restore(
    tx: &mut Tx<'_>,
    practice: &Practice,
    set: door::Set,
    ((planned, around), made): ((&Planned, &Around), &[&Made]),
) -> Result<Left> {
    let keys: Vec<i64> = made.iter().map(|made| made.client).collect();
    match planned {
        Planned::Value { field, .. } | Planned::Options { field, .. } => {
            let Some(now) = around.catalogue.by_key(*field) else { return Ok(Left::new()) };
            let old = |made: &&Made| custom_fields::stored_of_log(now.kind, made.old_num, made.old_txt.as_deref());
            let values: Vec<Option<Value>> = made.iter().map(old).collect();
            set.assign_values(tx, *field, &keys, Assigned::Each(&values))?;
        }
        Planned::Archived { yes: true } => return bring_back(tx, practice, set, &keys).map(|(_, left)| left),
        Planned::Archived { yes: false } => {
            set.assign_card(tx, &keys, CardValue::Archived)?;
        }
        Planned::Portfolio { .. }
        | Planned::Language { .. }
        | Planned::Responsible { .. }
        | Planned::Exemption { .. } => {
            restore_card(tx, (practice, around), set, (planned.number(), made))?;
        }
    }
    Ok(Left::new())
}

/// Many clients had the same, so one statement for each different value.
fn restore_card(
    tx: &mut Tx<'_>,
    (practice, around): (&Practice, &Around),
    set: door::Set,
    (field, made): (i64, &[&Made]),
) -> Result<()> {
    let mut by_value: BTreeMap<Option<&str>, Vec<i64>> = BTreeMap::new();
    for made in made {
        by_value.entry(made.old_txt.as_deref()).or_default().push(made.client);
    }
    for (old, keys) in by_value {
        let who = old.map(|old| {
            let member = around.member(old);
            let name = member.map_or_else(|| old.to_owned(), |member| member.account.name.clone());
            Responsible { member: member.map(|member| member.id), name }
        });
        let exemption = old.and_then(Exemption::of_logged);
        let value = match FixedField::from_number(field) {
            Some(FixedField::Language) => CardValue::Language(old.unwrap_or(&practice.language)),
            Some(FixedField::Responsible) => CardValue::Responsible(who.as_ref()),
            Some(FixedField::Exemption) => CardValue::Exemption(exemption.as_ref()),
            _ => CardValue::Portfolio(old),
        };
        set.assign_card(tx, &keys, value)?;
    }
    Ok(())
}

fn end(tx: &mut Tx<'_>, edit: &BulkEdit, operation: OperationId) -> Result<()> {
    let now = tx.now();
    let (restored, kept): (i64, i64) = diesel::update(bulk_edits::table.find(edit.key))
        .set((bulk_edits::status.eq(Status::Undone.as_str()), bulk_edits::undone_at.eq(Some(now))))
        .returning((bulk_edits::restored, bulk_edits::kept))
        .get_result(&mut **tx)?;
    let result = json!({ "bulk_edit_id": edit.id.to_string(), "restored": restored, "kept": kept });
    operations::finish(tx, operation, &result)?;
    Ok(())
}
