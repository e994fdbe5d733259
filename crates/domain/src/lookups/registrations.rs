//! The rows of what a practice has seen: reading them with their clients, writing what a verdict says.

use std::collections::HashMap;

use data_encoding::HEXLOWER;
use diesel::prelude::*;
use diesel::sql_types::Text;
use klaar_standards::lookup::State;
use serde::Serialize;

use super::answers::Details;
use super::model::{Failure, Known, Numbers, Sighting};
use super::participants::each;
use super::weighing::{Seen, Subject, Verdict};
use crate::clients::{ClientId, RegistrationFacts};
use crate::identity::Practice;
use crate::kernel::clock::Instant;
use crate::kernel::db::{Conn, MultiBackend, Tx};
use crate::kernel::error::{Error, Result};
use crate::kernel::{JsonText, Uid};
use crate::on_each;
use crate::schema::{clients, registration_moves, registrations};

#[derive(Queryable, Selectable)]
#[diesel(table_name = clients)]
struct ClientRow {
    key: i64,
    id: ClientId,
    country: String,
    enterprise_number: Option<String>,
    vat_number: Option<String>,
    oin: Option<String>,
    identifiers: JsonText,
    registration: Option<String>,
    registration_cause: Option<String>,
    access_point_seat: Option<String>,
    access_point_name: Option<String>,
    checked_at: Option<Instant>,
    unknown_since: Option<Instant>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = registrations)]
struct SeenRow {
    client_key: i64,
    identifier: String,
    position: Option<i32>,
    state: Option<String>,
    cause: Option<String>,
    access_point_seat: Option<String>,
    access_point_name: Option<String>,
    details: Option<JsonText>,
    document_types_hash: Option<Vec<u8>>,
    since: Option<Instant>,
    checked_at: Option<Instant>,
    failure: Option<String>,
    unknown_since: Option<Instant>,
}

/// Which clients of a practice are read.
#[derive(Debug, Clone, Copy)]
pub enum Which<'a> {
    /// Active ones behind this key, in the order of keys.
    After(i64),
    /// These, active or not.
    Keys(&'a [i64]),
}

/// The selection of active clients as a query, for callers that narrow it.
pub(super) type Boxed<'a> = clients::BoxedQuery<'a, MultiBackend>;

/// The active clients of a practice behind a key, in the order of keys.
pub(super) fn active<'a>(practice: &Practice, after: i64) -> Boxed<'a> {
    clients::table
        .filter(clients::practice_id.eq(practice.uid()).and(clients::archived_at.is_null()).and(clients::key.gt(after)))
        .order(clients::key)
        .into_boxed::<MultiBackend>()
}

/// A client with what has been seen of it, and which rows there are already, by identifier with their position.
#[derive(Debug)]
pub struct Loaded {
    /// The client.
    pub subject: Subject,
    /// The stored rows.
    pub stored: HashMap<String, Option<i32>>,
}

/// Reads clients of a practice with what it has seen of them.
///
/// # Errors
/// When the database is away.
pub fn load(conn: &mut Conn, practice: &Practice, which: Which<'_>, limit: i64) -> Result<Vec<Loaded>> {
    let rows = match which {
        Which::After(key) => active(practice, key),
        Which::Keys(keys) => clients::table
            .filter(clients::practice_id.eq(practice.uid()).and(clients::key.eq_any(keys)))
            .order(clients::key)
            .into_boxed::<MultiBackend>(),
    };
    load_from(conn, practice, rows.limit(limit))
}

/// Reads the clients that a query selects, with what the practice has seen of them.
///
/// # Errors
/// When the database is away.
pub(super) fn load_from(conn: &mut Conn, practice: &Practice, rows: Boxed<'_>) -> Result<Vec<Loaded>> {
    let clients: Vec<ClientRow> = rows.select(ClientRow::as_select()).load(conn)?;
    let keys: Vec<i64> = clients.iter().map(|client| client.key).collect();
    let mut seen: HashMap<i64, Vec<SeenRow>> = HashMap::with_capacity(keys.len());
    let rows: Vec<SeenRow> = registrations::table
        .filter(registrations::practice_id.eq(practice.uid()).and(registrations::client_key.eq_any(keys)))
        .select(SeenRow::as_select())
        .load(conn)?;
    for row in rows {
        seen.entry(row.client_key).or_default().push(row);
    }
    clients
        .into_iter()
        .map(|client| {
            let rows = seen.remove(&client.key).unwrap_or_default();
            loaded(client, rows)
        })
        .collect()
}

fn loaded(client: ClientRow, rows: Vec<SeenRow>) -> Result<Loaded> {
    let numbers = Numbers {
        country: client.country,
        enterprise_number: client.enterprise_number,
        vat_number: client.vat_number,
        oin: client.oin,
        identifiers: client.identifiers.read()?,
    };
    let stored = rows.iter().map(|row| (row.identifier.clone(), row.position)).collect();
    let mut known =
        rows.into_iter().map(|row| Ok((row.identifier.clone(), row.seen()?))).collect::<Result<HashMap<_, _>>>()?;
    let seen = numbers.participants();
    let seen = seen.iter().map(|id| known.remove(id.as_str()).unwrap_or_else(|| Seen::nothing(id.as_str()))).collect();
    let mut former: Vec<Seen> = known.into_values().filter(Seen::is_seen).collect();
    former.sort_by(|one, other| one.sighting.identifier.cmp(&other.sighting.identifier));
    let facts = RegistrationFacts {
        state: client.registration,
        cause: client.registration_cause,
        seat: client.access_point_seat,
        name: client.access_point_name,
        checked_at: client.checked_at,
        unknown_since: client.unknown_since,
    };
    Ok(Loaded { subject: Subject { key: client.key, id: client.id, facts, seen, former }, stored })
}

impl SeenRow {
    fn seen(self) -> Result<Seen> {
        let known = match (self.state, self.checked_at) {
            (Some(state), Some(checked_at)) => Some(Known {
                state: state.parse::<State>().map_err(Error::internal)?,
                cause: self.cause,
                seat: self.access_point_seat,
                name: self.access_point_name,
                checked_at,
            }),
            _ => None,
        };
        let failure = self.failure.zip(self.unknown_since).map(|(cause, since)| Failure { cause, since });
        Ok(Seen {
            sighting: Sighting { identifier: self.identifier, known, failure },
            details: self.details.as_ref().map(JsonText::read::<Details>).transpose()?,
            types: self.document_types_hash.map(|hash| HEXLOWER.encode(&hash)),
            since: self.since,
        })
    }
}

/// Brings the stored identifiers of clients in line with their cards. Rows that are right already are left alone.
///
/// # Errors
/// When the database refuses.
pub fn keep_identifiers(tx: &mut Tx<'_>, practice: &Practice, clients: &[Loaded]) -> Result<()> {
    let mut rows = Vec::new();
    for Loaded { subject, stored } in clients {
        let wanted = (0_i32..).zip(subject.seen.iter().map(|seen| seen.sighting.identifier.as_str()));
        for (position, identifier) in wanted {
            if stored.get(identifier) != Some(&Some(position)) {
                rows.push(PositionRow { client_key: subject.key, identifier, position: Some(position) });
            }
        }
        let is_wanted = |identifier: &str| subject.seen.iter().any(|seen| seen.sighting.identifier == identifier);
        let gone = stored.iter().filter(|(identifier, position)| position.is_some() && !is_wanted(identifier));
        rows.extend(gone.map(|(identifier, _)| PositionRow { client_key: subject.key, identifier, position: None }));
    }
    if rows.is_empty() {
        return Ok(());
    }
    let json = JsonText::of(&rows).0;
    each!(POSITIONS_SQLITE, POSITIONS_POSTGRES, &mut **tx, |query| query
        .bind::<crate::kernel::UidType, _>(practice.uid())
        .bind::<Text, _>(&json));
    Ok(())
}

#[derive(Serialize)]
struct PositionRow<'a> {
    client_key: i64,
    identifier: &'a str,
    position: Option<i32>,
}

const POSITIONS_SQLITE: &str = "
INSERT INTO registrations (practice_id, client_key, identifier, position)
SELECT $1, value ->> 'client_key', value ->> 'identifier', value ->> 'position' FROM json_each($2) WHERE true
ON CONFLICT (client_key, identifier) DO UPDATE SET position = excluded.position";
const POSITIONS_POSTGRES: &str = "
INSERT INTO registrations (practice_id, client_key, identifier, position)
SELECT $1, client_key, identifier, position
FROM json_to_recordset($2::json) AS t (client_key bigint, identifier text, position integer)
ON CONFLICT (client_key, identifier) DO UPDATE SET position = excluded.position";

#[derive(Serialize)]
struct WrittenRow<'a> {
    client_key: i64,
    identifier: &'a str,
    position: i32,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seat: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<&'a Details>,
    #[serde(skip_serializing_if = "Option::is_none")]
    types: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    checked_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unknown_since: Option<i64>,
}

macro_rules! write_seen {
    ($rows:literal) => {
        concat!(
            "INSERT INTO registrations (practice_id, client_key, identifier, position, state, cause, access_point_seat,
  access_point_name, details, document_types_hash, since, checked_at, failure, unknown_since) ",
            $rows,
            " ON CONFLICT (client_key, identifier) DO UPDATE SET state = excluded.state, cause = excluded.cause,
  access_point_seat = excluded.access_point_seat, access_point_name = excluded.access_point_name, details = excluded.details,
  document_types_hash = excluded.document_types_hash, since = excluded.since, checked_at = excluded.checked_at,
  failure = excluded.failure, unknown_since = excluded.unknown_since"
        )
    };
}

const WRITE_SQLITE: &str = write_seen!(
    "SELECT $1, value ->> 'client_key', value ->> 'identifier', value ->> 'position', value ->> 'state', value ->> 'cause',
  value ->> 'seat', value ->> 'name', value -> 'details', unhex(value ->> 'types'), value ->> 'since',
  value ->> 'checked_at', value ->> 'failure', value ->> 'unknown_since' FROM json_each($2) WHERE true"
);
const WRITE_POSTGRES: &str = write_seen!(
    "SELECT $1, client_key, identifier, position, state, cause, seat, name, details, decode(types, 'hex'), since, checked_at,
  failure, unknown_since
FROM json_to_recordset($2::json) AS t (client_key bigint, identifier text, position integer, state text, cause text, seat text,
  name text, details jsonb, types text, since bigint, checked_at bigint, failure text, unknown_since bigint)"
);

#[derive(Insertable)]
#[diesel(table_name = registration_moves, treat_none_as_default_value = false)]
struct MoveRow<'a> {
    practice_id: Uid,
    client_key: i64,
    identifier: &'a str,
    at: Instant,
    source: &'a str,
    old_state: Option<&'static str>,
    old_seat: Option<&'a str>,
    old_name: Option<&'a str>,
    new_state: &'static str,
    new_seat: Option<&'a str>,
    new_name: Option<&'a str>,
}

/// Rows in one INSERT; SQLite takes at most 32,766 parameters.
const BATCH: usize = 1000;

/// Writes what verdicts say of identifiers, and the moves among them; `source` is the night, check or held change.
///
/// # Errors
/// When the database refuses.
pub fn write(tx: &mut Tx<'_>, practice: &Practice, verdicts: &[(&Subject, &Verdict)], source: &str) -> Result<()> {
    let rows: Vec<WrittenRow<'_>> =
        verdicts.iter().flat_map(|(subject, verdict)| verdict.seen.iter().map(|seen| written(subject, seen))).collect();
    if rows.is_empty() {
        return Ok(());
    }
    let json = JsonText::of(&rows).0;
    each!(WRITE_SQLITE, WRITE_POSTGRES, &mut **tx, |query| query
        .bind::<crate::kernel::UidType, _>(practice.uid())
        .bind::<Text, _>(&json));
    let moves: Vec<MoveRow<'_>> = verdicts
        .iter()
        .flat_map(|(subject, verdict)| verdict.moves.iter().map(|moved| (subject.key, moved)))
        .map(|(client_key, (old, new, identifier))| MoveRow {
            practice_id: practice.uid(),
            client_key,
            identifier,
            at: new.checked_at,
            source,
            old_state: old.as_ref().map(|known| known.state.as_str()),
            old_seat: old.as_ref().and_then(|known| known.seat.as_deref()),
            old_name: old.as_ref().and_then(|known| known.name.as_deref()),
            new_state: new.state.as_str(),
            new_seat: new.seat.as_deref(),
            new_name: new.name.as_deref(),
        })
        .collect();
    for batch in moves.chunks(BATCH) {
        on_each!(&mut **tx, c => diesel::insert_into(registration_moves::table).values(batch).execute(c))?;
    }
    Ok(())
}

fn written<'a>(subject: &Subject, seen: &'a Seen) -> WrittenRow<'a> {
    let place = subject.seen.iter().position(|s| s.sighting.identifier == seen.sighting.identifier);
    let (known, failure) = (seen.sighting.known.as_ref(), seen.sighting.failure.as_ref());
    WrittenRow {
        client_key: subject.key,
        identifier: &seen.sighting.identifier,
        position: place.and_then(|place| i32::try_from(place).ok()).unwrap_or(0),
        state: known.map(|known| known.state.as_str()),
        cause: known.and_then(|known| known.cause.as_deref()),
        seat: known.and_then(|known| known.seat.as_deref()),
        name: known.and_then(|known| known.name.as_deref()),
        details: seen.details.as_ref(),
        types: seen.types.as_deref(),
        since: seen.since.map(|at| at.0),
        checked_at: known.map(|known| known.checked_at.0),
        failure: failure.map(|failure| failure.cause.as_str()),
        unknown_since: failure.map(|failure| failure.since.0),
    }
}
