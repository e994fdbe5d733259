//! The preview: which clients would change, settled and kept.

use diesel::prelude::*;
use serde_json::Value;

use super::assignments::{self, Assignment, Planned};
use super::model::{BulkEdit, BulkEditId, Left, Status};
use super::queries;
use crate::clients;
use crate::custom_fields::{Catalogue, Field};
use crate::identity::{Caller, Practice};
use crate::kernel::JsonText;
use crate::kernel::clock::Instant;
use crate::kernel::db::{Conn, Db, Tx};
use crate::kernel::error::Result;
use crate::schema::{bulk_edit_chunks as chunks, bulk_edits};
use crate::views::{Asker, Chosen, Concern, Lists};

/// Clients of one chunk, which is one transaction.
const CHUNK: usize = 10_000;
/// The same when each client has to be looked at by itself.
const SMALL_CHUNK: usize = 1_000;

/// What somebody wants to do to many clients.
#[derive(Debug, Clone)]
pub struct Wish {
    /// To whom.
    pub chosen: Chosen,
    /// The selection as it was said, for those who look at the edit later.
    pub said: Value,
    /// What.
    pub assignments: Vec<Assignment>,
}

/// What a preview has found.
struct Frozen {
    plan: Vec<Planned>,
    selected: usize,
    as_of: i64,
    chunks: Vec<(Vec<i64>, Left)>,
}

/// Settles which clients an edit would change. Nothing is changed yet. Blocking.
///
/// # Errors
/// [`Error::Invalid`] under `/selection` and `/assignments`.
pub fn preview(db: &Db, lists: &Lists, caller: &Caller, wish: &Wish) -> Result<BulkEdit> {
    let asker = Asker::of(caller, db.clock().now());
    let frozen = db.read(|conn| {
        lists.chosen(conn, &asker, &wish.chosen, |conn, keys, catalogue| {
            freeze(conn, (&caller.practice, catalogue, asker.now), &keys, &wish.assignments)
        })
    })?;
    db.write(|tx| keep(tx, caller, wish, &frozen))
}

fn freeze(
    conn: &mut Conn,
    (practice, catalogue, now): (&Practice, &Catalogue, Instant),
    keys: &[i64],
    said: &[Assignment],
) -> Result<Frozen> {
    let plan = assignments::check(conn, practice, catalogue, said)?;
    let asks_archived = plan.iter().any(|planned| matches!(planned, Planned::Archived { .. }));
    let as_of = queries::newest_entry(conn, practice)?;
    let mut chunks = Vec::new();
    for chunk in keys.chunks(if asks_archived { SMALL_CHUNK } else { CHUNK }) {
        let whom = (practice, chunk);
        let mut archived = if asks_archived { Vec::new() } else { queries::archived(conn, whom)? };
        archived.sort_unstable();
        let mut differing = Vec::new();
        for planned in &plan {
            differing.extend(queries::differing(conn, whom, planned)?);
        }
        differing.sort_unstable();
        differing.dedup();
        let mut refused: Left = archived
            .iter()
            .filter(|key| differing.binary_search(key).is_ok())
            .map(|key| (*key, "archived".to_owned()))
            .collect();
        differing.retain(|key| archived.binary_search(key).is_err());
        let unconcerned = unconcerned(conn, (practice, catalogue, now), &plan, &differing)?;
        differing.retain(|key| unconcerned.binary_search(key).is_err());
        refused.extend(unconcerned.into_iter().map(|key| (key, "not_concerned".to_owned())));
        chunks.push((differing, refused));
    }
    Ok(Frozen { plan, selected: keys.len(), as_of, chunks })
}

/// Clients that would get a value in a category of fields that does not concern them, in the order of their keys. Reads
/// nothing when none of the categories says whom it concerns.
pub(super) fn unconcerned(
    conn: &mut Conn,
    (practice, catalogue, now): (&Practice, &Catalogue, Instant),
    plan: &[Planned],
    keys: &[i64],
) -> Result<Vec<i64>> {
    let has_criteria = |field: &&Field| {
        catalogue.categories.iter().any(|category| category.id == field.category && category.criteria.is_some())
    };
    let set = plan.iter().filter(|planned| planned.sets());
    let fields: Vec<&Field> =
        set.filter_map(|planned| catalogue.by_key(planned.number())).filter(has_criteria).collect();
    let mut left_out = Vec::new();
    if fields.is_empty() {
        return Ok(left_out);
    }
    for chunk in keys.chunks(SMALL_CHUNK) {
        let found = clients::with_keys(conn, practice, chunk)?.0;
        let concern = Concern::of(&found, catalogue, practice, now);
        let others = found.iter().filter(|client| fields.iter().any(|field| !concern.has(client, field)));
        left_out.extend(others.map(|client| client.key));
    }
    left_out.sort_unstable();
    Ok(left_out)
}

fn keep(tx: &mut Tx<'_>, caller: &Caller, wish: &Wish, frozen: &Frozen) -> Result<BulkEdit> {
    let count = |rows: usize| i64::try_from(rows).unwrap_or(i64::MAX);
    let to_change: usize = frozen.chunks.iter().map(|(clients, _)| clients.len()).sum();
    let refused: usize = frozen.chunks.iter().map(|(_, refused)| refused.len()).sum();
    let (id, now, actor) = (BulkEditId::new(), tx.now(), &caller.actor);
    let key: i64 = diesel::insert_into(bulk_edits::table)
        .values((
            bulk_edits::id.eq(id),
            bulk_edits::practice_id.eq(caller.practice.id),
            bulk_edits::status.eq(Status::Previewed.as_str()),
            bulk_edits::selection.eq(JsonText::of(&wish.said)),
            bulk_edits::assignments.eq(JsonText::of(&wish.assignments)),
            bulk_edits::plan.eq(JsonText::of(&frozen.plan)),
            (bulk_edits::selected.eq(count(frozen.selected)), bulk_edits::to_change.eq(count(to_change))),
            (bulk_edits::refused.eq(count(refused)), bulk_edits::as_of.eq(frozen.as_of)),
            (bulk_edits::overwrites.eq(false), bulk_edits::changed.eq(0), bulk_edits::skipped.eq(0)),
            (bulk_edits::restored.eq(0), bulk_edits::kept.eq(0)),
            bulk_edits::actor_kind.eq(actor.kind.as_str()),
            bulk_edits::actor_id.eq(actor.id.as_deref()),
            bulk_edits::actor_name.eq(&actor.name),
            bulk_edits::created_at.eq(now),
        ))
        .returning(bulk_edits::key)
        .get_result(&mut **tx)?;
    let is_of_use = |(clients, refused): &&(Vec<i64>, Left)| !clients.is_empty() || !refused.is_empty();
    for ((clients, refused), number) in frozen.chunks.iter().filter(is_of_use).zip(0_i64..) {
        diesel::insert_into(chunks::table)
            .values((
                chunks::edit_key.eq(key),
                chunks::number.eq(number),
                chunks::clients.eq(JsonText::of(clients)),
                chunks::refused.eq(JsonText::of(refused)),
            ))
            .execute(&mut **tx)?;
    }
    queries::find(tx, &caller.practice, id)
}
