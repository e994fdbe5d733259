//! Who moved from one access point to another in a night.

use std::collections::HashSet;

use diesel::dsl::count;
use diesel::expression_methods::AggregateExpressionMethods as _;
use diesel::prelude::*;

use crate::custom_fields;
use crate::identity::Practice;
use crate::kernel::Uid;
use crate::kernel::db::Conn;
use crate::kernel::error::Result;
use crate::lookups::model::NightId;
use crate::schema::{clients, registration_moves as moves};

/// An access point as the network told of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessPoint {
    /// Its seat id.
    pub seat: String,
    /// The company that runs it.
    pub name: Option<String>,
}

/// A client that moved from one access point to another.
#[derive(Debug, Clone)]
pub struct NightMove {
    /// Its name.
    pub client_name: String,
    /// The access point before was of the practice's own solution, the one after is not.
    pub is_away: bool,
    /// Where it was registered.
    pub before: AccessPoint,
    /// Where it is registered now.
    pub after: AccessPoint,
}

/// The moves of a night. An identifier that was seen for the first time has not moved, nor one that has vanished.
#[derive(Debug, Clone)]
pub struct NightMoves {
    /// How many clients moved.
    pub clients: i64,
    /// How many of them moved away from the practice's own solution.
    pub away: i64,
    /// Some of the moves: those away from the own solution first, and by the clients' names.
    pub moves: Vec<NightMove>,
    /// How many more clients moved than those.
    pub more: i64,
}

/// Spelled out, as the partial index wants it: another access point after than before, and both known.
#[diesel::dsl::auto_type(no_type_alias)]
fn of_night(practice: Uid, night: String) -> _ {
    moves::table
        .inner_join(clients::table.on(clients::key.eq(moves::client_key)))
        .filter(moves::practice_id.eq(practice).and(moves::source.eq(night)))
        .filter(moves::old_seat.ne(moves::new_seat))
}

/// Whether any client moved in a night.
///
/// # Errors
/// When the database refuses.
pub(in crate::lookups) fn has_moves(conn: &mut Conn, practice: &Practice, night: NightId) -> Result<bool> {
    let found: Option<i64> = of_night(practice.uid(), night.to_string()).select(moves::key).first(conn).optional()?;
    Ok(found.is_some())
}

/// The moves of a night, of which `limit` at most are named. A client whose identifiers moved alike is named once.
///
/// # Errors
/// When the database refuses.
pub fn night_moves(conn: &mut Conn, practice: &Practice, night: NightId, limit: usize) -> Result<NightMoves> {
    let own = custom_fields::catalogue(conn, practice)?.own_seats;
    let away = departed(conn, practice, night, &own)?;
    let mut rows = named(conn, practice, night, (&own, true, limit))?;
    let rest = limit.saturating_sub(rows.len());
    rows.extend(named(conn, practice, night, (&own, false, rest))?);
    let keys: HashSet<i64> = rows.iter().map(|(key, _)| *key).collect();
    let clients: i64 = of_night(practice.uid(), night.to_string())
        .select(count(moves::client_key).aggregate_distinct())
        .first(conn)?;
    let more = clients - i64::try_from(keys.len()).unwrap_or(i64::MAX);
    Ok(NightMoves { clients, away, moves: rows.into_iter().map(|(_, moved)| moved).collect(), more })
}

/// How many clients moved away from the own access points.
fn departed(conn: &mut Conn, practice: &Practice, night: NightId, own: &[String]) -> Result<i64> {
    Ok(of_night(practice.uid(), night.to_string())
        .filter(moves::old_seat.eq_any(own).and(moves::new_seat.ne_all(own)))
        .select(count(moves::client_key).aggregate_distinct())
        .first(conn)?)
}

type Row = (i64, String, String, Option<String>, Option<String>, Option<String>, Option<String>);

/// Moves away from the own access points, or the others, in the order of the clients' names; each with its client's key.
fn named(
    conn: &mut Conn,
    practice: &Practice,
    night: NightId,
    (own, is_away, limit): (&[String], bool, usize),
) -> Result<Vec<(i64, NightMove)>> {
    let rows: Vec<Row> = of_night(practice.uid(), night.to_string())
        .filter(moves::old_seat.eq_any(own).and(moves::new_seat.ne_all(own)).eq(is_away))
        .order((clients::name_key, clients::key, moves::old_seat, moves::new_seat))
        .select((
            clients::key,
            clients::name_key,
            clients::name,
            moves::old_seat,
            moves::new_seat,
            moves::old_name,
            moves::new_name,
        ))
        .distinct()
        .limit(i64::try_from(limit).unwrap_or(i64::MAX))
        .load(conn)?;
    let mut found: Vec<(i64, NightMove)> = Vec::with_capacity(rows.len());
    for (key, _, client_name, old_seat, new_seat, old_name, new_name) in rows {
        let Some((old_seat, new_seat)) = old_seat.zip(new_seat) else { continue };
        let is_same = |(other, last): &(i64, NightMove)| {
            (*other, &last.before.seat, &last.after.seat) == (key, &old_seat, &new_seat)
        };
        if found.last().is_some_and(is_same) {
            continue;
        }
        let before = AccessPoint { seat: old_seat, name: old_name };
        let after = AccessPoint { seat: new_seat, name: new_name };
        found.push((key, NightMove { client_name, is_away, before, after }));
    }
    Ok(found)
}
