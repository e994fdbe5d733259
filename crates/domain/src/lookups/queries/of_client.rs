//! A client's registrations: each identifier as the practice sees it, and how it has moved.

use std::collections::HashMap;

use data_encoding::HEXLOWER;
use diesel::prelude::*;

use super::nights::Shown;
use crate::clients::ClientId;
use crate::identity::Practice;
use crate::kernel::JsonText;
use crate::kernel::clock::Instant;
use crate::kernel::db::Conn;
use crate::kernel::error::{Error, Result};
use crate::kernel::page::{self, Page};
use crate::lookups::answers::Details;
use crate::lookups::model::{Failure, Known, several_access_points};
use crate::lookups::registrations::{self, Which};
use crate::lookups::weighing::Seen;
use crate::schema::{clients, document_type_lists, registration_moves as moves};

/// One identifier of a client as its practice sees it.
#[derive(Debug, Clone)]
pub struct IdentifierView {
    /// `0208:0403227515`.
    pub identifier: String,
    /// The card gives this identifier; otherwise it did so before.
    pub is_current: bool,
    /// What the network last told.
    pub known: Option<Known>,
    /// Why the newest look-up told nothing.
    pub failure: Option<Failure>,
    /// Since when the practice sees this state at this access point.
    pub since: Option<Instant>,
    /// More of what is known.
    pub details: Option<Details>,
    /// The document types that it is registered for, as `scheme::value`.
    pub document_types: Vec<String>,
}

/// A client's registrations.
#[derive(Debug, Clone)]
pub struct ClientRegistrations {
    /// Its identifiers in the order in which they count, then former ones.
    pub identifiers: Vec<IdentifierView>,
    /// The identifiers that are registered, when they are so at more than one access point; a finding to show.
    pub several_access_points: Vec<String>,
}

fn key_of(conn: &mut Conn, practice: &Practice, client: ClientId) -> Result<i64> {
    let own = clients::table.filter(clients::practice_id.eq(practice.uid()).and(clients::id.eq(client)));
    own.select(clients::key).first(conn).optional()?.ok_or(Error::NotFound("client"))
}

/// Every identifier of a client with what the practice has seen of it.
///
/// # Errors
/// [`Error::NotFound`] when the practice has no such client.
pub fn client_registrations(conn: &mut Conn, practice: &Practice, client: ClientId) -> Result<ClientRegistrations> {
    let key = key_of(conn, practice, client)?;
    let loaded = registrations::load(conn, practice, Which::Keys(&[key]), 1)?;
    let subject = loaded.into_iter().next().ok_or(Error::NotFound("client"))?.subject;
    let sightings: Vec<_> = subject.seen.iter().map(|seen| seen.sighting.clone()).collect();
    let several_access_points =
        several_access_points(&sightings).into_iter().map(|sighting| sighting.identifier.clone()).collect();
    let all: Vec<(Seen, bool)> = subject
        .seen
        .into_iter()
        .map(|seen| (seen, true))
        .chain(subject.former.into_iter().map(|seen| (seen, false)))
        .collect();
    let hashes: Vec<Vec<u8>> =
        all.iter().filter_map(|(seen, _)| HEXLOWER.decode(seen.types.as_deref()?.as_bytes()).ok()).collect();
    let lists: HashMap<Vec<u8>, JsonText> = document_type_lists::table
        .filter(document_type_lists::hash.eq_any(hashes))
        .select((document_type_lists::hash, document_type_lists::document_types))
        .load::<(Vec<u8>, JsonText)>(conn)?
        .into_iter()
        .collect();
    let identifiers =
        all.into_iter().map(|(seen, is_current)| view(seen, is_current, &lists)).collect::<Result<_>>()?;
    Ok(ClientRegistrations { identifiers, several_access_points })
}

fn view(seen: Seen, is_current: bool, lists: &HashMap<Vec<u8>, JsonText>) -> Result<IdentifierView> {
    let list = seen.types.as_deref().and_then(|hash| lists.get(&HEXLOWER.decode(hash.as_bytes()).ok()?));
    Ok(IdentifierView {
        identifier: seen.sighting.identifier,
        is_current,
        known: seen.sighting.known,
        failure: seen.sighting.failure,
        since: seen.since,
        details: seen.details,
        document_types: list.map(JsonText::read).transpose()?.unwrap_or_default(),
    })
}

/// A step in an identifier's history: its first sight, or another state or access point than before.
#[derive(Debug, Clone)]
pub struct Move {
    /// `0208:0403227515`.
    pub identifier: String,
    /// When the network was asked.
    pub at: Instant,
    /// The night, check or held change that saw it.
    pub source: String,
    /// What was seen before; without a state at the first sight.
    pub before: Shown,
    /// What was seen then.
    pub after: Shown,
}

type MoveRow = (
    i64,
    String,
    Instant,
    String,
    (Option<String>, Option<String>, Option<String>),
    (String, Option<String>, Option<String>),
);

/// How a client's identifiers have moved, as the practice has seen it, the newest first.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Invalid`] on `/cursor`.
pub fn registration_moves(
    conn: &mut Conn,
    practice: &Practice,
    client: ClientId,
    (cursor, limit): (Option<&str>, u32),
) -> Result<Page<Move>> {
    let key = key_of(conn, practice, client)?;
    let before: i64 = cursor.map(page::decode).transpose()?.unwrap_or(i64::MAX);
    let rows: Vec<MoveRow> = moves::table
        .filter(moves::practice_id.eq(practice.uid()).and(moves::client_key.eq(key)).and(moves::key.lt(before)))
        .order(moves::key.desc())
        .limit(i64::from(limit) + 1)
        .select((
            moves::key,
            moves::identifier,
            moves::at,
            moves::source,
            (moves::old_state, moves::old_seat, moves::old_name),
            (moves::new_state, moves::new_seat, moves::new_name),
        ))
        .load(conn)?;
    let page = Page::of(rows, limit, |row| row.0);
    Ok(page.map(|(_, identifier, at, source, old, new)| Move {
        identifier,
        at,
        source,
        before: Shown { state: old.0, cause: None, seat: old.1, name: old.2 },
        after: Shown { state: Some(new.0), cause: None, seat: new.1, name: new.2 },
    }))
}
