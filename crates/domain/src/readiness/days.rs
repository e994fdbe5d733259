//! The numbers of each day: kept once a local day, read as the trend, removed after three years.

use diesel::prelude::*;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{ToSpan as _, Zoned};

use super::model::{Counts, Day};
use super::queries;
use crate::identity::{self, Practice};
use crate::kernel::clock::Instant;
use crate::kernel::db::{Conn, Db};
use crate::kernel::error::{Error, FieldError, Result};
use crate::on_each;
use crate::schema::readiness_days as rows;

/// The most days that a trend has.
pub const MOST_DAYS: u32 = 730;
/// The days of a trend when nobody says how many.
pub const DEFAULT_DAYS: u32 = 90;
/// The local hour from which a day's numbers are kept: when its night is over.
const HOUR: i8 = 5;
/// How long they are kept, in years.
const YEARS_KEPT: i32 = 3;

/// The practice's local time. A zone that this machine's tables do not know is taken as UTC.
pub(super) fn local(practice: &Practice, now: Instant) -> Zoned {
    now.in_zone(&TimeZone::get(&practice.time_zone).unwrap_or(TimeZone::UTC))
}

/// The practice's local day.
pub(super) fn today(practice: &Practice, now: Instant) -> Date {
    local(practice, now).date()
}

/// The number of days that a trend is asked for, checked.
///
/// # Errors
/// [`Error::Invalid`] on `/days`.
pub fn span(asked: Option<u32>) -> Result<u32> {
    match asked.unwrap_or(DEFAULT_DAYS) {
        days @ 1..=MOST_DAYS => Ok(days),
        _ => {
            let wrong = FieldError::new("/days", "out_of_range").with("min", 1).with("max", MOST_DAYS);
            Err(Error::Invalid(vec![wrong]))
        }
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = rows)]
struct Row {
    day: String,
    total: i64,
    exempt: i64,
    ready: i64,
    registered: i64,
    informed: i64,
    not_registered: i64,
    cannot_receive: i64,
    unknown: i64,
}

impl TryFrom<Row> for Day {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let Row { day, total, exempt, ready, registered, informed, not_registered, cannot_receive, unknown } = row;
        let counts = Counts { total, exempt, ready, registered, informed, not_registered, cannot_receive, unknown };
        Ok(Self { day: day.parse().map_err(Error::internal)?, counts })
    }
}

/// What is known of the last so many days of the practice, today among them, the oldest first.
///
/// # Errors
/// When the database refuses.
pub fn trend(conn: &mut Conn, practice: &Practice, now: Instant, days: u32) -> Result<Vec<Day>> {
    let after = today(practice, now).checked_sub(i64::from(days).days()).map_err(Error::internal)?;
    let found: Vec<Row> = rows::table
        .filter(rows::practice_id.eq(practice.uid()).and(rows::day.gt(after.to_string())))
        .order(rows::day)
        .select(Row::as_select())
        .load(conn)?;
    found.into_iter().map(Day::try_from).collect()
}

/// Keeps the numbers of the day for every practice that has none of its local day yet, from five o'clock in the morning
/// on, and removes what is older than three years. Any number of processes may do so at once. Returns how many practices
/// there were. Blocking.
///
/// # Errors
/// When the database is away.
pub fn record_due(db: &Db) -> Result<usize> {
    let (now, mut recorded) = (db.clock().now(), 0);
    for practice in db.read(identity::all_practices)? {
        let local = local(&practice, now);
        if local.hour() < HOUR {
            continue;
        }
        let day = local.date();
        // Counted before the transaction begins: on SQLite nobody else writes during it.
        let Some(counts) = db.read(|conn| missing(conn, &practice, day))? else { continue };
        let oldest = day.checked_sub(YEARS_KEPT.years()).map_err(Error::internal)?.to_string();
        recorded += db.write(|tx| {
            let own = rows::table.filter(rows::practice_id.eq(practice.uid()).and(rows::day.lt(oldest)));
            diesel::delete(own).execute(&mut **tx)?;
            insert(tx, &practice, Day { day, counts })
        })?;
    }
    Ok(recorded)
}

/// The numbers of a day that are not kept yet.
fn missing(conn: &mut Conn, practice: &Practice, day: Date) -> Result<Option<Counts>> {
    let kept = rows::table.find((practice.uid(), day.to_string()));
    if diesel::select(diesel::dsl::exists(kept)).get_result(conn)? {
        return Ok(None);
    }
    queries::counts(conn, practice, day).map(Some)
}

/// Keeps them; whoever comes second changes nothing.
fn insert(conn: &mut Conn, practice: &Practice, Day { day, counts }: Day) -> Result<usize> {
    let row = (
        rows::practice_id.eq(practice.uid()),
        rows::day.eq(day.to_string()),
        rows::total.eq(counts.total),
        rows::exempt.eq(counts.exempt),
        rows::ready.eq(counts.ready),
        rows::registered.eq(counts.registered),
        rows::informed.eq(counts.informed),
        rows::not_registered.eq(counts.not_registered),
        rows::cannot_receive.eq(counts.cannot_receive),
        rows::unknown.eq(counts.unknown),
    );
    Ok(on_each!(conn, c => diesel::insert_into(rows::table).values(row).on_conflict_do_nothing().execute(c)?))
}
