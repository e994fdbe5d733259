//! The cache of newest answers, one row for each world and identifier; a named exception to "no query without a practice".

use std::collections::HashMap;

use data_encoding::HEXLOWER;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use serde::Serialize;
use std::io::Write as _;

use super::answers::{Kept, Told, TypeLists};
use super::doubts::DOUBT;
use crate::identity::World;
use crate::kernel::JsonText;
use crate::kernel::clock::Instant;
use crate::kernel::db::{Conn, Tx};
use crate::kernel::error::Result;
use crate::on_each;
use crate::schema::{document_type_lists, participants, raw_answers};

/// An identifier that the open round has a question about.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub struct Wanted {
    /// `0208:0403227515`.
    pub identifier: String,
    /// Somebody has seen it on the network.
    pub canary: bool,
    /// How often this round has asked.
    pub tries: i32,
    /// The first of the unbroken answers that it is not on the network.
    pub absent_since: Option<Instant>,
}

/// An identifier that a night is to ask, and whether somebody sees it on the network.
#[derive(Debug, Serialize)]
pub struct Want {
    /// `0208:0403227515`.
    pub identifier: String,
    /// Somebody sees it on the network.
    pub canary: bool,
}

macro_rules! each {
    ($sqlite:expr, $postgres:expr, $conn:expr, |$query:ident| $bound:expr) => {
        match $conn {
            Conn::Sqlite(c) => {
                let $query = diesel::sql_query($sqlite);
                $bound.execute(c)?
            }
            Conn::Postgres(c) => {
                let $query = diesel::sql_query($postgres);
                $bound.execute(c)?
            }
        }
    };
}
pub(super) use each;

/// The round wants an identifier unless a night has asked since `fresh_from`; then it is only wanted when somebody else
/// sees it on the network and its absence is not proved yet. What is wanted already stays as far as it is.
macro_rules! want {
    ($rows:literal) => {
        concat!(
            "INSERT INTO participants (world, identifier, canary, tries, next_try_at) SELECT $1, ",
            $rows,
            " ON CONFLICT (world, identifier) DO UPDATE SET
  canary = excluded.canary OR (participants.canary AND participants.next_try_at IS NOT NULL),
  tries = CASE WHEN participants.next_try_at IS NOT NULL THEN participants.tries
               WHEN participants.night_asked_at >= $4 THEN 1 ELSE 0 END,
  next_try_at = CASE WHEN participants.next_try_at IS NOT NULL THEN participants.next_try_at
                     WHEN participants.night_asked_at >= $4 THEN participants.absent_since + $5 ELSE excluded.next_try_at END
WHERE participants.next_try_at IS NOT NULL OR participants.night_asked_at IS NULL OR participants.night_asked_at < $4
   OR (excluded.canary AND participants.state = 'not_registered' AND participants.failure IS NULL
       AND participants.absent_since > participants.answered_at - $5)"
        )
    };
}

const WANT_SQLITE: &str = want!("value ->> 'identifier', value ->> 'canary', 0, $2 FROM json_each($3) WHERE true");
const WANT_POSTGRES: &str =
    want!("identifier, canary, 0, $2 FROM json_to_recordset($3::json) AS t (identifier text, canary boolean)");

/// Has the open round of a world ask for identifiers, each of which comes once.
///
/// # Errors
/// When the database refuses.
pub fn want(tx: &mut Tx<'_>, world: World, wants: &[Want], fresh_from: Instant) -> Result<()> {
    let (now, json) = (tx.now(), JsonText::of(&wants).0);
    each!(WANT_SQLITE, WANT_POSTGRES, &mut **tx, |query| query
        .bind::<Text, _>(world.as_str())
        .bind::<BigInt, _>(now)
        .bind::<Text, _>(&json)
        .bind::<BigInt, _>(fresh_from)
        .bind::<BigInt, _>(DOUBT * 1_000_000));
    Ok(())
}

/// What has been asked before in this round and is due again, what was seen on the network first.
///
/// # Errors
/// When the database is away.
pub fn due_again(conn: &mut Conn, world: World, now: Instant, limit: i64) -> Result<Vec<Wanted>> {
    Ok(participants::table
        .filter(participants::world.eq(world.as_str()))
        .filter(participants::next_try_at.is_not_null().and(participants::next_try_at.le(now)))
        .filter(diesel::dsl::sql::<Bool>("tries > 0"))
        .order((participants::canary.desc(), participants::next_try_at, participants::identifier))
        .limit(limit)
        .select((participants::identifier, participants::canary, participants::tries, participants::absent_since))
        .load(conn)?)
}

/// What this round has not asked yet, behind `after` in the order of identifiers; canaries or the others.
///
/// # Errors
/// When the database is away.
pub fn not_asked(conn: &mut Conn, world: World, canary: bool, after: &str, limit: i64) -> Result<Vec<Wanted>> {
    Ok(participants::table
        .filter(participants::world.eq(world.as_str()).and(participants::next_try_at.is_not_null()))
        .filter(diesel::dsl::sql::<Bool>("tries = 0"))
        .filter(participants::canary.eq(canary).and(participants::identifier.gt(after)))
        .order(participants::identifier)
        .limit(limit)
        .select((participants::identifier, participants::canary, participants::tries, participants::absent_since))
        .load(conn)?)
}

/// Whether something is left that the round has not asked at all, and when the earliest repetition is due.
///
/// # Errors
/// When the database is away.
pub fn outstanding(conn: &mut Conn, world: World) -> Result<(bool, Option<Instant>)> {
    let wanted =
        participants::table.filter(participants::world.eq(world.as_str()).and(participants::next_try_at.is_not_null()));
    let first =
        diesel::select(diesel::dsl::exists(wanted.filter(diesel::dsl::sql::<Bool>("tries = 0")))).get_result(conn)?;
    let again = wanted
        .filter(diesel::dsl::sql::<Bool>("tries > 0"))
        .order(participants::next_try_at)
        .select(participants::next_try_at)
        .first::<Option<Instant>>(conn)
        .optional()?;
    Ok((first, again.flatten()))
}

/// Takes back questions of the round, at most `limit`. Returns how many.
///
/// # Errors
/// When the database refuses.
pub fn give_up(tx: &mut Tx<'_>, world: World, limit: i64) -> Result<usize> {
    let wanted: Vec<String> = participants::table
        .filter(participants::world.eq(world.as_str()).and(participants::next_try_at.is_not_null()))
        .limit(limit)
        .select(participants::identifier)
        .load(&mut **tx)?;
    let rows = participants::table
        .filter(participants::world.eq(world.as_str()).and(participants::identifier.eq_any(&wanted)));
    Ok(diesel::update(rows).set(participants::next_try_at.eq(None::<Instant>)).execute(&mut **tx)?)
}

/// An answer and when the round asks again.
#[derive(Debug, Serialize)]
struct Row<'a> {
    #[serde(flatten)]
    told: &'a Told,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_try_at: Option<i64>,
}

/// A failed look-up leaves what is known; only that it failed is noted. `$2`: a night asks; `$4`: answers of absence from
/// before then do not count for this round.
macro_rules! keep {
    ($rows:literal) => {
        concat!(
            "INSERT INTO participants (world, identifier, state, cause, access_point_seat, access_point_name, details,
  document_types_hash, answered_at, failure, asked_at, absent_since, night_asked_at, canary, tries, next_try_at) ",
            $rows,
            " ON CONFLICT (world, identifier) DO UPDATE SET
  state = CASE WHEN excluded.failure IS NULL THEN excluded.state ELSE participants.state END,
  cause = CASE WHEN excluded.failure IS NULL THEN excluded.cause ELSE participants.cause END,
  access_point_seat = CASE WHEN excluded.failure IS NULL THEN excluded.access_point_seat ELSE participants.access_point_seat END,
  access_point_name = CASE WHEN excluded.failure IS NULL THEN excluded.access_point_name ELSE participants.access_point_name END,
  details = CASE WHEN excluded.failure IS NULL THEN excluded.details ELSE participants.details END,
  document_types_hash = CASE WHEN excluded.failure IS NULL THEN excluded.document_types_hash
                             ELSE participants.document_types_hash END,
  answered_at = coalesce(excluded.answered_at, participants.answered_at),
  failure = excluded.failure,
  asked_at = excluded.asked_at,
  absent_since = CASE WHEN excluded.failure IS NOT NULL THEN participants.absent_since
                      WHEN excluded.absent_since IS NULL THEN NULL
                      WHEN participants.absent_since >= $4 THEN participants.absent_since ELSE excluded.absent_since END,
  night_asked_at = coalesce(excluded.night_asked_at, participants.night_asked_at),
  tries = participants.tries + CASE WHEN $2 THEN 1 ELSE 0 END,
  next_try_at = CASE WHEN $2 THEN excluded.next_try_at ELSE participants.next_try_at END"
        )
    };
}

const KEEP_SQLITE: &str = keep!(
    "SELECT $1, value ->> 'identifier', value ->> 'state', value ->> 'cause', value ->> 'seat', value ->> 'name',
  value -> 'details', unhex(value ->> 'types'), iif(value ->> 'failure' IS NULL, value ->> 'asked_at', NULL),
  value ->> 'failure', value ->> 'asked_at', iif(value ->> 'state' = 'not_registered', value ->> 'asked_at', NULL),
  iif($2, value ->> 'asked_at', NULL), false, iif($2, 1, 0), value ->> 'next_try_at' FROM json_each($3) WHERE true"
);
const KEEP_POSTGRES: &str = keep!(
    "SELECT $1, identifier, state, cause, seat, name, details, decode(types, 'hex'),
  CASE WHEN failure IS NULL THEN asked_at END, failure, asked_at, CASE WHEN state = 'not_registered' THEN asked_at END,
  CASE WHEN $2 THEN asked_at END, false, CASE WHEN $2 THEN 1 ELSE 0 END, next_try_at
FROM json_to_recordset($3::json) AS t (identifier text, state text, cause text, seat text, name text, details jsonb,
  types text, failure text, asked_at bigint, next_try_at bigint)"
);

/// Whose answers are kept.
#[derive(Debug, Clone, Copy)]
pub enum Asker {
    /// The open round; answers of absence from before then do not count for it.
    Round(Instant),
    /// A check that a person asked for.
    Check,
}

/// Keeps answers, each identifier once, with the moment at which the round asks again.
///
/// # Errors
/// When the database refuses.
pub fn keep(tx: &mut Tx<'_>, world: World, answers: &[(&Told, Option<Instant>)], asker: Asker) -> Result<()> {
    let rows: Vec<Row<'_>> =
        answers.iter().map(|(told, next)| Row { told, next_try_at: next.map(|at| at.0) }).collect();
    let json = JsonText::of(&rows).0;
    let (is_round, from) = match asker {
        Asker::Round(from) => (true, from),
        Asker::Check => (false, Instant(0)),
    };
    each!(KEEP_SQLITE, KEEP_POSTGRES, &mut **tx, |query| query
        .bind::<Text, _>(world.as_str())
        .bind::<Bool, _>(is_round)
        .bind::<Text, _>(&json)
        .bind::<BigInt, _>(from));
    Ok(())
}

/// Keeps lists of document types that are not there yet.
///
/// # Errors
/// When the database refuses.
pub fn keep_types(tx: &mut Tx<'_>, lists: &TypeLists) -> Result<()> {
    for (hash, json) in lists {
        let row = (
            document_type_lists::hash.eq(HEXLOWER.decode(hash.as_bytes()).unwrap_or_default()),
            document_type_lists::document_types.eq(JsonText(json.clone())),
        );
        on_each!(&mut **tx, c => diesel::insert_into(document_type_lists::table).values(row).on_conflict_do_nothing().execute(c))?;
    }
    Ok(())
}

/// Service metadata as they came, ready to be kept.
#[derive(Debug)]
pub struct Packed {
    identifier: String,
    hash: Vec<u8>,
    body: Option<Vec<u8>>,
}

/// Deflates the raw answers that are not kept already. Outside any transaction, since it takes its time.
///
/// # Errors
/// When the database is away.
pub fn pack(conn: &mut Conn, world: World, kept: &[Kept]) -> Result<Vec<Packed>> {
    let names: Vec<&str> = kept.iter().filter(|k| k.raw.is_some()).map(|k| k.told.identifier.as_str()).collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let known: HashMap<String, Vec<u8>> = raw_answers::table
        .filter(raw_answers::world.eq(world.as_str()).and(raw_answers::identifier.eq_any(names)))
        .select((raw_answers::identifier, raw_answers::hash))
        .load::<(String, Vec<u8>)>(conn)?
        .into_iter()
        .collect();
    let news = kept.iter().filter_map(|k| k.raw.as_ref().map(|raw| (&k.told.identifier, raw)));
    Ok(news
        .filter(|(identifier, raw)| known.get(*identifier).is_none_or(|hash| hash != &raw.sha256))
        .map(|(identifier, raw)| Packed {
            identifier: identifier.clone(),
            hash: raw.sha256.to_vec(),
            body: raw.bytes.as_deref().and_then(deflated),
        })
        .collect())
}

fn deflated(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::with_capacity(bytes.len() / 2), Compression::fast());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

/// Keeps packed answers in place of older ones.
///
/// # Errors
/// When the database refuses.
pub fn keep_raw(tx: &mut Tx<'_>, world: World, packed: &[Packed]) -> Result<()> {
    let now = tx.now();
    for one in packed {
        let content =
            (raw_answers::hash.eq(&one.hash), raw_answers::body.eq(one.body.as_deref()), raw_answers::kept_at.eq(now));
        let row = (raw_answers::world.eq(world.as_str()), raw_answers::identifier.eq(&one.identifier));
        on_each!(&mut **tx, c => diesel::insert_into(raw_answers::table)
            .values((row, content))
            .on_conflict((raw_answers::world, raw_answers::identifier))
            .do_update()
            .set(content)
            .execute(c))?;
    }
    Ok(())
}
