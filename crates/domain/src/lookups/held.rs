//! Changes that a night holds back because too much vanished at once, and what a person decides about them.

use std::collections::HashMap;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use klaar_standards::lookup::State;

use super::model::{HeldId, Known, NightId, is_listed};
use super::registrations::{self, Which};
use super::weighing::{AllNews, News, Subject, Verdict, weigh};
use super::writing;
use crate::clients::ClientId;
use crate::identity::Practice;
use crate::kernel::Uid;
use crate::kernel::actor::Actor;
use crate::kernel::audit::{self, Event};
use crate::kernel::clock::Instant;
use crate::kernel::db::{Conn, Tx};
use crate::kernel::error::{Error, FieldError, Result};
use crate::kernel::page::{self, Page};
use crate::on_each;
use crate::schema::{clients, held_changes};

/// The most changes decided in one call.
pub const MOST_DECIDED: usize = 500;

/// A change that waits for a person, or waited.
#[derive(Debug, Clone, Queryable)]
pub struct HeldChange {
    /// Its identifier.
    pub id: HeldId,
    /// The night that held it back.
    pub night: NightId,
    /// The client.
    pub client: ClientId,
    /// The client's name.
    pub client_name: String,
    /// `open`, `accepted`, `dismissed` or `overtaken`.
    pub status: String,
    /// The state that the card shows.
    pub old_state: Option<String>,
    /// The access point that the card shows.
    pub old_seat: Option<String>,
    /// The company that runs it.
    pub old_name: Option<String>,
    /// The state that the night found.
    pub new_state: String,
    /// When the network last said so.
    pub absent_at: Instant,
    /// When it was held back.
    pub created_at: Instant,
    /// When it was decided or overtaken.
    pub decided_at: Option<Instant>,
}

#[derive(Insertable)]
#[diesel(table_name = held_changes, treat_none_as_default_value = false)]
struct NewHeld<'a> {
    id: HeldId,
    practice_id: Uid,
    night_id: NightId,
    client_key: i64,
    status: &'static str,
    old_state: Option<&'a str>,
    old_seat: Option<&'a str>,
    old_name: Option<&'a str>,
    new_state: &'a str,
    absent_at: Instant,
    created_at: Instant,
}

/// Holds changes back. What an earlier night held of the same clients is replaced.
///
/// # Errors
/// When the database refuses.
pub(super) fn hold(
    tx: &mut Tx<'_>,
    practice: &Practice,
    night: NightId,
    verdicts: &[(&Subject, &Verdict)],
) -> Result<()> {
    close(tx, practice, verdicts.iter().map(|(subject, _)| subject.key).collect())?;
    let now = tx.now();
    let rows: Vec<NewHeld<'_>> = verdicts
        .iter()
        .filter_map(|(subject, verdict)| {
            let facts = verdict.facts.as_ref()?;
            Some(NewHeld {
                id: HeldId::new(),
                practice_id: practice.uid(),
                night_id: night,
                client_key: subject.key,
                status: "open",
                old_state: subject.facts.state.as_deref(),
                old_seat: subject.facts.seat.as_deref(),
                old_name: subject.facts.name.as_deref(),
                new_state: facts.state.as_deref()?,
                absent_at: facts.checked_at?,
                created_at: now,
            })
        })
        .collect();
    if !rows.is_empty() {
        on_each!(&mut **tx, c => diesel::insert_into(held_changes::table).values(&rows).execute(c))?;
    }
    Ok(())
}

/// Ends what is held of clients about which the network has told something since.
///
/// # Errors
/// When the database refuses.
pub(super) fn overtake(tx: &mut Tx<'_>, practice: &Practice, verdicts: &[(&Subject, &Verdict)]) -> Result<()> {
    close(
        tx,
        practice,
        verdicts.iter().filter(|(_, verdict)| verdict.is_told).map(|(subject, _)| subject.key).collect(),
    )
}

fn close(tx: &mut Tx<'_>, practice: &Practice, keys: Vec<i64>) -> Result<()> {
    let now = tx.now();
    if keys.is_empty() {
        return Ok(());
    }
    let open = held_changes::table
        // Spelled out, as the partial index wants it.
        .filter(held_changes::practice_id.eq(practice.uid()).and(sql::<Bool>("held_changes.status = 'open'")))
        .filter(held_changes::client_key.eq_any(keys));
    diesel::update(open)
        .set((held_changes::status.eq("overtaken"), held_changes::decided_at.eq(Some(now))))
        .execute(&mut **tx)?;
    Ok(())
}

/// A page of what is or was held, in the order in which it was held.
///
/// # Errors
/// [`Error::Invalid`] on `/cursor`.
pub fn held_changes(
    conn: &mut Conn,
    practice: &Practice,
    status: &str,
    (cursor, limit): (Option<&str>, u32),
) -> Result<Page<HeldChange>> {
    let after = cursor.map(page::decode).transpose()?.unwrap_or(HeldId(Uid(uuid::Uuid::nil())));
    let rows: Vec<HeldChange> = held_changes::table
        .inner_join(clients::table.on(clients::key.eq(held_changes::client_key)))
        .filter(held_changes::practice_id.eq(practice.uid()).and(held_changes::status.eq(status)))
        .filter(held_changes::id.gt(after))
        .order(held_changes::id)
        .limit(i64::from(limit) + 1)
        .select((
            held_changes::id,
            held_changes::night_id,
            clients::id,
            clients::name,
            held_changes::status,
            held_changes::old_state,
            held_changes::old_seat,
            held_changes::old_name,
            held_changes::new_state,
            held_changes::absent_at,
            held_changes::created_at,
            held_changes::decided_at,
        ))
        .load(conn)?;
    Ok(Page::of(rows, limit, |last| last.id))
}

/// What a person decides about changes that were held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// They are right: write them.
    Accept,
    /// They are wrong: leave the clients as they are. A later night that finds the same asks again.
    Dismiss,
}

/// What came of a decision.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Decided {
    /// Changes that were written, or dismissed.
    pub decided: usize,
    /// Changes that were decided or overtaken already.
    pub overtaken: usize,
}

/// Decides about changes that were held back, at most [`MOST_DECIDED`] at once.
///
/// # Errors
/// [`Error::Invalid`] on `/held_change_ids` when there are none, too many, or one that the practice does not have.
pub fn decide(
    tx: &mut Tx<'_>,
    practice: &Practice,
    actor: &Actor,
    ids: &[HeldId],
    decision: Decision,
) -> Result<Decided> {
    if ids.is_empty() || ids.len() > MOST_DECIDED {
        let error = FieldError::new("/held_change_ids", "out_of_range").with("min", 1).with("max", MOST_DECIDED);
        return Err(Error::Invalid(vec![error]));
    }
    let (source, event) = match decision {
        Decision::Accept => ("accepted", "held_changes.accepted"),
        Decision::Dismiss => ("dismissed", "held_changes.dismissed"),
    };
    let set = match decision {
        Decision::Accept => Some(writing::open(tx, practice, actor, ("api", "held_changes"))?),
        Decision::Dismiss => None,
    };
    let rows: Vec<(HeldId, i64, String, Instant)> = held_changes::table
        .filter(held_changes::practice_id.eq(practice.uid()).and(held_changes::id.eq_any(ids)))
        .select((held_changes::id, held_changes::client_key, held_changes::status, held_changes::absent_at))
        .load(&mut **tx)?;
    for (at, id) in ids.iter().enumerate() {
        if !rows.iter().any(|(known, ..)| known == id) {
            return Err(Error::invalid(format!("/held_change_ids/{at}"), "unknown_held_change"));
        }
    }
    let open: HashMap<i64, (HeldId, Instant)> = rows
        .iter()
        .filter(|(_, _, status, _)| status == "open")
        .map(|(id, client, _, absent_at)| (*client, (*id, *absent_at)))
        .collect();
    if let Some(set) = set {
        accept(tx, practice, set, &open)?;
    }
    let (now, decided): (_, Vec<HeldId>) = (tx.now(), open.values().map(|(id, _)| *id).collect());
    diesel::update(held_changes::table.filter(held_changes::id.eq_any(&decided)))
        .set((held_changes::status.eq(source), held_changes::decided_at.eq(Some(now))))
        .execute(&mut **tx)?;
    let texts: Vec<String> = decided.iter().map(ToString::to_string).collect();
    audit::record(
        tx,
        practice.uid(),
        actor,
        &Event::new(event, "api").after(&serde_json::json!({ "held_changes": texts })),
    )?;
    Ok(Decided { decided: decided.len(), overtaken: rows.len() - decided.len() })
}

/// Writes that clients are gone: every identifier that was seen on the network is taken as absent since the night said so.
fn accept(
    tx: &mut Tx<'_>,
    practice: &Practice,
    set: crate::clients::door::Set,
    open: &HashMap<i64, (HeldId, Instant)>,
) -> Result<()> {
    let keys: Vec<i64> = open.keys().copied().collect();
    let limit = i64::try_from(keys.len()).unwrap_or(i64::MAX);
    let loaded = registrations::load(tx, practice, Which::Keys(&keys), limit)?;
    for client in &loaded {
        let subject = &client.subject;
        let Some((held, absent_at)) = open.get(&subject.key) else { continue };
        let gone = subject.seen.iter().filter(|seen| seen.sighting.known.as_ref().is_none_or(Known::is_listed));
        let news: AllNews = gone.map(|seen| (seen.sighting.identifier.clone(), absent(*absent_at))).collect();
        if let (true, Some(verdict)) = (is_listed(&subject.facts), weigh(subject, &news)) {
            writing::write(tx, practice, set, &[(subject, &verdict)], &held.to_string())?;
        }
    }
    Ok(())
}

fn absent(checked_at: Instant) -> News {
    let known = Known { state: State::NotRegistered, cause: None, seat: None, name: None, checked_at };
    News::Told { known, details: None, types: None }
}
