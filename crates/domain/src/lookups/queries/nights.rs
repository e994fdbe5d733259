//! The reports of nights.

use std::collections::BTreeMap;

use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use crate::clients::{ClientId, FixedField};
use crate::identity::Practice;
use crate::kernel::JsonText;
use crate::kernel::clock::Instant;
use crate::kernel::db::Conn;
use crate::kernel::error::{Error, Result};
use crate::kernel::page::{self, Page};
use crate::lookups::model::NightId;
use crate::schema::{audit_entries, changes, clients, nights as table, rounds};

#[derive(Queryable, Selectable)]
#[diesel(table_name = table)]
struct Row {
    id: NightId,
    local_date: String,
    ordinal: i32,
    phase: String,
    began_at: Instant,
    finished_at: Option<Instant>,
    clients: i64,
    nothing_to_ask: i64,
    identifiers: i64,
    changed: i64,
    listed: i64,
    vanished: i64,
    held: i64,
    hold_reason: Option<String>,
    asked: i64,
    not_asked: i64,
    unknown: JsonText,
}

/// What a night did, or has done so far.
#[derive(Debug, Clone)]
pub struct NightReport {
    /// The night.
    pub id: NightId,
    /// The practice's local date.
    pub local_date: String,
    /// 0 for the night itself, more for those started by hand afterwards.
    pub ordinal: i32,
    /// `planning`, `asking`, `writing`, `doubting`, `closing` or `finished`.
    pub phase: String,
    /// When it began.
    pub began_at: Instant,
    /// When it was over.
    pub finished_at: Option<Instant>,
    /// Active clients.
    pub clients: i64,
    /// How many of them have no number to ask for.
    pub nothing_to_ask: i64,
    /// Identifiers of all clients together.
    pub identifiers: i64,
    /// How many of these were asked; known at the end.
    pub asked: i64,
    /// How many were not, because the night was over before.
    pub not_asked: i64,
    /// Clients that show another registration than before.
    pub changed: i64,
    /// Identifiers that were asked without an answer, by cause.
    pub unknown: BTreeMap<String, i64>,
    /// Clients on the network before the night was closed.
    pub listed: i64,
    /// How many of them have proved to be gone.
    pub vanished: i64,
    /// How many of these wait for a person.
    pub held: i64,
    /// Why they wait.
    pub hold_reason: Option<String>,
    /// How often the night paused because the network seemed disturbed.
    pub pauses: i32,
    /// When the night goes on, while it waits.
    pub goes_on_at: Option<Instant>,
}

impl NightReport {
    /// How long the night took, in seconds; `None` while it is not over.
    #[must_use]
    pub fn duration_seconds(&self) -> Option<i64> {
        self.finished_at.map(|at| at.seconds_since(self.began_at))
    }
}

type Joined = (Row, i32, Option<Instant>);

fn report((row, pauses, sleeping_until): Joined) -> Result<NightReport> {
    let is_over = row.finished_at.is_some();
    Ok(NightReport {
        id: row.id,
        local_date: row.local_date,
        ordinal: row.ordinal,
        phase: row.phase,
        began_at: row.began_at,
        finished_at: row.finished_at,
        clients: row.clients,
        nothing_to_ask: row.nothing_to_ask,
        identifiers: row.identifiers,
        asked: row.asked,
        not_asked: row.not_asked,
        changed: row.changed,
        unknown: row.unknown.read()?,
        listed: row.listed,
        vanished: row.vanished,
        held: row.held,
        hold_reason: row.hold_reason,
        pauses,
        goes_on_at: sleeping_until.filter(|_| !is_over),
    })
}

/// The report of one night.
///
/// # Errors
/// [`Error::NotFound`] when the practice has no such night.
pub fn night(conn: &mut Conn, practice: &Practice, id: NightId) -> Result<NightReport> {
    let row: Option<Joined> = table::table
        .inner_join(rounds::table.on(rounds::id.eq(table::round_id)))
        .filter(table::practice_id.eq(practice.uid()).and(table::id.eq(id)))
        .select((Row::as_select(), rounds::pauses, rounds::sleeping_until))
        .first(conn)
        .optional()?;
    report(row.ok_or(Error::NotFound("night"))?)
}

/// The practice's nights, the latest first.
///
/// # Errors
/// [`Error::Invalid`] on `/cursor`.
pub fn nights(conn: &mut Conn, practice: &Practice, (cursor, limit): (Option<&str>, u32)) -> Result<Page<NightReport>> {
    let before: Option<NightId> = cursor.map(page::decode).transpose()?;
    let mut rows = table::table
        .inner_join(rounds::table.on(rounds::id.eq(table::round_id)))
        .filter(table::practice_id.eq(practice.uid()))
        .order(table::id.desc())
        .limit(i64::from(limit) + 1)
        .select((Row::as_select(), rounds::pauses, rounds::sleeping_until))
        .into_boxed();
    if let Some(before) = before {
        rows = rows.filter(table::id.lt(before));
    }
    let reports = rows.load::<Joined>(conn)?.into_iter().map(report).collect::<Result<Vec<_>>>()?;
    Ok(Page::of(reports, limit, |last| last.id))
}

/// A registration as a card shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shown {
    /// The state.
    pub state: Option<String>,
    /// Why it cannot receive or is unknown.
    pub cause: Option<String>,
    /// Seat id of the access point.
    pub seat: Option<String>,
    /// The company that runs it.
    pub name: Option<String>,
}

/// A client that a night changed. Values that stayed are shown in neither.
#[derive(Debug, Clone)]
pub struct NightChange {
    /// The client.
    pub client: ClientId,
    /// Its name.
    pub client_name: String,
    /// When.
    pub at: Instant,
    /// The values before.
    pub before: Shown,
    /// The values after.
    pub after: Shown,
}

#[derive(Serialize, Deserialize)]
struct Position(i64, i64);

type ChangeRow = (i64, i64, i64, Option<String>, Option<String>, Instant, ClientId, String);

/// What a night changed on the clients, in the order in which it was written.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Invalid`] on `/cursor`.
pub fn night_changes(
    conn: &mut Conn,
    practice: &Practice,
    id: NightId,
    (cursor, limit): (Option<&str>, u32),
) -> Result<Page<NightChange>> {
    night(conn, practice, id)?;
    let Position(entry, client) = cursor.map(page::decode).transpose()?.unwrap_or(Position(0, 0));
    let rows: Vec<ChangeRow> = changes::table
        .inner_join(audit_entries::table)
        .inner_join(clients::table)
        .filter(audit_entries::practice_id.eq(practice.uid()).and(audit_entries::subject.eq(id.to_string())))
        .filter(changes::entry_key.gt(entry).or(changes::entry_key.eq(entry).and(changes::client_key.gt(client))))
        .order((changes::entry_key, changes::client_key, changes::field))
        // A client has at most one row for each of the four values.
        .limit((i64::from(limit) + 1) * 4)
        .select((
            changes::entry_key,
            changes::client_key,
            changes::field,
            changes::old_txt,
            changes::new_txt,
            audit_entries::at,
            clients::id,
            clients::name,
        ))
        .load(conn)?;
    let mut folded: Vec<(Position, NightChange)> = Vec::new();
    for (entry, client_key, field, old, new, at, client, client_name) in rows {
        if folded.last().is_none_or(|(Position(e, c), _)| (*e, *c) != (entry, client_key)) {
            let change = NightChange { client, client_name, at, before: Shown::default(), after: Shown::default() };
            folded.push((Position(entry, client_key), change));
        }
        if let Some((_, change)) = folded.last_mut() {
            show(&mut change.before, field, old);
            show(&mut change.after, field, new);
        }
    }
    let page = Page::of(folded, limit, |(Position(entry, client), _)| Position(*entry, *client));
    Ok(page.map(|(_, change)| change))
}

fn show(shown: &mut Shown, field: i64, value: Option<String>) {
    match FixedField::from_number(field) {
        Some(FixedField::Registration) => shown.state = value,
        Some(FixedField::RegistrationCause) => shown.cause = value,
        Some(FixedField::AccessPointSeat) => shown.seat = value,
        Some(FixedField::AccessPointName) => shown.name = value,
        _ => {}
    }
}
