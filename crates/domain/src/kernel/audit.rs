//! The audit trail, which is also the event log: one entry a verb, written in the verb's own transaction.
//!
//! An entry has a stable kind (`client.updated`). What changed on clients stands, value by value, in the `changes` of the
//! clients room, which name their entry; for everything else the entry itself carries what was before and after.

use diesel::prelude::*;
use serde::Serialize;

use super::actor::Actor;
use super::clock::Instant;
use super::db::{Conn, Tx};
use super::error::Result;
use super::page::{self, Page};
use super::{JsonText, Uid};
use crate::schema::audit_entries;

/// The most clients that an entry names whose facts it wrote.
const MOST_TOUCHED: usize = 100;

crate::id_type!(
    /// Identifies one entry of the audit trail.
    EntryId,
    "aud"
);

/// What happened, before it is written.
#[derive(Debug, Clone)]
pub struct Event<'a> {
    /// Stable kind: `<noun>.<past participle>`.
    pub kind: &'static str,
    /// The noun it happened to, in text form (`key_…`); `None` when it happened to many clients.
    pub subject: Option<String>,
    /// By which way it came in: `api`, `import`, `nightly`, `command_line`.
    pub source: &'a str,
    /// The operation it belongs to, when it is part of longer work.
    pub operation: Option<Uid>,
    /// The practice's version that this entry made, for entries that changed something listable.
    pub version: Option<i64>,
    /// The state before, for people.
    pub before: Option<JsonText>,
    /// The state after, for people.
    pub after: Option<JsonText>,
}

impl<'a> Event<'a> {
    /// An event of `kind` that came in by `source`.
    #[must_use]
    pub fn new(kind: &'static str, source: &'a str) -> Self {
        Self { kind, subject: None, source, operation: None, version: None, before: None, after: None }
    }

    /// The same event with the noun it happened to.
    #[must_use]
    pub fn on(mut self, subject: impl ToString) -> Self {
        self.subject = Some(subject.to_string());
        self
    }

    /// The same event with the state before.
    #[must_use]
    pub fn before<T: Serialize>(mut self, state: &T) -> Self {
        self.before = Some(JsonText::of(state));
        self
    }

    /// The same event with the state after.
    #[must_use]
    pub fn after<T: Serialize>(mut self, state: &T) -> Self {
        self.after = Some(JsonText::of(state));
        self
    }
}

/// One entry of the trail.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = audit_entries)]
pub struct Entry {
    /// The key inside.
    pub key: i64,
    /// The identifier on the wire.
    pub id: EntryId,
    /// Stable kind.
    pub kind: String,
    /// The noun it happened to.
    pub subject: Option<String>,
    /// `member`, `api_key`, `operator` or `system`.
    pub actor_kind: String,
    /// The actor's identifier in text form.
    pub actor_id: Option<String>,
    /// The actor's name at that time.
    pub actor_name: String,
    /// By which way it came in.
    pub source: String,
    /// The operation it belongs to.
    pub operation_id: Option<Uid>,
    /// When.
    pub at: Instant,
    /// The state before.
    pub before: Option<JsonText>,
    /// The state after.
    pub after: Option<JsonText>,
}

/// Writes an entry and returns its key.
///
/// # Errors
/// When the database refuses.
pub fn record(tx: &mut Tx<'_>, practice: Uid, actor: &Actor, event: &Event<'_>) -> Result<i64> {
    let now = tx.now();
    let key = diesel::insert_into(audit_entries::table)
        .values((
            audit_entries::id.eq(EntryId::new()),
            audit_entries::practice_id.eq(practice),
            audit_entries::kind.eq(event.kind),
            audit_entries::subject.eq(event.subject.as_deref()),
            audit_entries::actor_kind.eq(actor.kind.as_str()),
            audit_entries::actor_id.eq(actor.id.as_deref()),
            audit_entries::actor_name.eq(&actor.name),
            audit_entries::source.eq(event.source),
            audit_entries::operation_id.eq(event.operation),
            audit_entries::version.eq(event.version),
            audit_entries::at.eq(now),
            audit_entries::before.eq(event.before.as_ref()),
            audit_entries::after.eq(event.after.as_ref()),
        ))
        .returning(audit_entries::key)
        .get_result::<i64>(&mut **tx)?;
    Ok(key)
}

/// Says of an entry that it wrote facts of these clients which the change log does not carry; of very many only that it did.
///
/// # Errors
/// When the database refuses.
pub fn note_touched(tx: &mut Tx<'_>, entry: i64, clients: &[i64]) -> Result<()> {
    let named = if clients.len() > MOST_TOUCHED { &[] } else { clients };
    diesel::update(audit_entries::table.find(entry))
        .set(audit_entries::touched.eq(Some(JsonText::of(&named))))
        .execute(&mut **tx)?;
    Ok(())
}

/// Says of an entry that it changed many clients at once, so that its changes are found by it and not by each client.
///
/// # Errors
/// When the database refuses.
pub fn note_many(tx: &mut Tx<'_>, entry: i64) -> Result<()> {
    diesel::update(audit_entries::table.find(entry)).set(audit_entries::at_once.eq(true)).execute(&mut **tx)?;
    Ok(())
}

/// A page of a practice's trail, the newest first.
///
/// # Errors
/// [`Error::Invalid`](super::error::Error::Invalid) on `/cursor`.
pub fn list(conn: &mut Conn, practice: Uid, (cursor, limit): (Option<&str>, u32)) -> Result<Page<Entry>> {
    let from: Option<i64> = cursor.map(page::decode).transpose()?;
    let entries = audit_entries::table
        .filter(audit_entries::practice_id.eq(practice).and(audit_entries::key.lt(from.unwrap_or(i64::MAX))))
        .order(audit_entries::key.desc())
        .limit(i64::from(limit) + 1)
        .select(Entry::as_select())
        .load(conn)?;
    Ok(Page::of(entries, limit, |last: &Entry| last.key))
}
