//! Beginning nights, and the plan: which identifiers the round asks for them.

use std::collections::BTreeMap;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use super::round::Step;
use super::{Night, Phase, Round, enter, fence};
use crate::identity::{self, Practice, World};
use crate::kernel::JsonText;
use crate::kernel::clock::Instant;
use crate::kernel::db::{Conn, Db, Tx};
use crate::kernel::error::{Error, Result};
use crate::kernel::jobs::{self, EnqueueOptions};
use crate::lookups::calendar;
use crate::lookups::doubts::{FRESH, LONGEST};
use crate::lookups::jobs::AdvanceRound;
use crate::lookups::model::{NightId, RoundId};
use crate::lookups::participants::{self, Want};
use crate::lookups::registrations::{self, Which};
use crate::schema::{nights, rounds};

/// Clients of one page of the plan.
const PAGE: i64 = 500;

/// A night that was begun, or is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Begun {
    /// The night.
    pub night: NightId,
    /// The round it belongs to.
    pub round: RoundId,
}

/// Begins the night of every practice whose local night has come and that has none for this date yet. Any number of
/// processes may do so at once. Returns how many were begun. Blocking.
///
/// # Errors
/// When the database is away.
pub fn begin_due(db: &Db) -> Result<usize> {
    let mut begun = 0;
    for practice in db.read(identity::all_practices)? {
        let Some(date) = calendar::due(&practice, db.clock().now()) else { continue };
        let date = date.to_string();
        if db.read(|conn| needs_none(conn, &practice, &date))? {
            continue;
        }
        begun += usize::from(db.write(|tx| {
            if needs_none(tx, &practice, &date)? {
                return Ok(false);
            }
            let fresh_from = tx.now().plus_seconds(-FRESH);
            let begun = insert(tx, &practice, (&date, 0), fresh_from)?;
            wake(tx, begun.round)?;
            Ok(true)
        })?);
    }
    Ok(begun)
}

/// How long a round may be left alone before somebody else goes on with it, in seconds.
const ABANDONED: i64 = 900;

/// Goes on with rounds that nobody works on although they are due: their process was killed by hand, or their job is dead.
/// Returns how many. Blocking.
///
/// # Errors
/// When the database is away.
pub fn resume_abandoned(db: &Db) -> Result<usize> {
    let before = db.clock().now().plus_seconds(-ABANDONED);
    let is_due = rounds::sleeping_until.is_null().or(rounds::sleeping_until.lt(before).assume_not_null());
    let abandoned = rounds::table.filter(rounds::finished_at.is_null().and(rounds::touched_at.lt(before)).and(is_due));
    let found: Vec<RoundId> = db.read(|conn| Ok(abandoned.select(rounds::id).load(conn)?))?;
    for round in &found {
        db.write(|tx| {
            let (_, turn) = raise(tx, *round)?;
            let now = tx.now();
            leave(tx, *round, turn, now)
        })?;
        tracing::warn!(%round, "a round was abandoned; going on with it");
    }
    Ok(found.len())
}

/// Spelled out, as partial indexes want it.
const OPEN: &str = "nights.phase <> 'finished'";

/// The practice has had the night of this date, or is in the middle of one.
fn needs_none(conn: &mut Conn, practice: &Practice, date: &str) -> Result<bool> {
    let own = nights::table.filter(nights::practice_id.eq(practice.uid()));
    let rows = own.filter(nights::local_date.eq(date).or(sql::<Bool>(OPEN)));
    Ok(diesel::select(diesel::dsl::exists(rows)).get_result(conn)?)
}

/// Begins a night by hand, whether or not this date has had one; a night under way is gone on with instead. The caller
/// takes the round's steps itself from the one returned: whoever was taking them is overtaken. Blocking.
///
/// # Errors
/// When the database is away.
pub fn begin(db: &Db, practice: &Practice) -> Result<(Begun, Step)> {
    db.write(|tx| {
        let date = calendar::today(practice, tx.now()).to_string();
        let open: Option<(NightId, RoundId)> = nights::table
            .filter(nights::practice_id.eq(practice.uid()).and(sql::<Bool>(OPEN)))
            .select((nights::id, nights::round_id))
            .first(&mut **tx)
            .optional()?;
        let begun = match open {
            Some((night, round)) => Begun { night, round },
            None => {
                let before: Option<i32> = nights::table
                    .filter(nights::practice_id.eq(practice.uid()).and(nights::local_date.eq(&date)))
                    .select(diesel::dsl::max(nights::ordinal))
                    .first(&mut **tx)?;
                let now = tx.now();
                insert(tx, practice, (&date, before.map_or(0, |last| last + 1)), now)?
            }
        };
        let (step, _) = raise(tx, begun.round)?;
        Ok((begun, step))
    })
}

/// Takes the round over: the steps of whoever worked on it before are void, and so is the job that would have gone on.
/// Returns the right to take steps and the number of the next job.
fn raise(tx: &mut Tx<'_>, round: RoundId) -> Result<(Step, i64)> {
    let now = tx.now();
    let (number, turn): (i64, i64) = diesel::update(rounds::table.find(round))
        .set((
            rounds::turn.eq(rounds::turn + 1),
            rounds::step.eq(rounds::step + 1),
            rounds::sleeping_until.eq(None::<Instant>),
            rounds::touched_at.eq(now),
        ))
        .returning((rounds::step, rounds::turn))
        .get_result(&mut **tx)?;
    Ok((Step { round, number }, turn))
}

/// Takes a round on for the job with this number. A job that runs once more, because its first run was lost or seems so,
/// voids the steps of that run. `None` when the round waits for another job.
///
/// # Errors
/// When the database is away.
pub fn take_on(db: &Db, round: RoundId, turn: i64) -> Result<Option<Step>> {
    db.write(|tx| {
        let now = tx.now();
        let waiting =
            rounds::table.filter(rounds::id.eq(round).and(rounds::turn.eq(turn)).and(rounds::finished_at.is_null()));
        let number: Option<i64> = diesel::update(waiting)
            .set((
                rounds::step.eq(rounds::step + 1),
                rounds::sleeping_until.eq(None::<Instant>),
                rounds::touched_at.eq(now),
            ))
            .returning(rounds::step)
            .get_result(&mut **tx)
            .optional()?;
        Ok(number.map(|number| Step { round, number }))
    })
}

/// Leaves the job behind that goes on with a round.
pub(super) fn leave(tx: &mut Tx<'_>, round: RoundId, turn: i64, due: Instant) -> Result<()> {
    let options = EnqueueOptions::default().once(format!("round:{round}:{turn}")).at(due);
    jobs::enqueue(tx, &AdvanceRound { round, turn }, &options)?;
    Ok(())
}

/// Has a sleeping round look at its new night now; one at work sees it by itself before it sleeps.
fn wake(tx: &mut Tx<'_>, round: RoundId) -> Result<()> {
    let sleeping = rounds::table.find(round).filter(rounds::sleeping_until.is_not_null());
    if !diesel::select(diesel::dsl::exists(sleeping)).get_result(&mut **tx)? {
        return Ok(());
    }
    let (_, turn) = raise(tx, round)?;
    let now = tx.now();
    leave(tx, round, turn, now)
}

fn insert(tx: &mut Tx<'_>, practice: &Practice, (date, ordinal): (&str, i32), fresh_from: Instant) -> Result<Begun> {
    let (now, night) = (tx.now(), NightId::new());
    let round = open_round(tx, practice.world, fresh_from)?;
    let counts = (
        nights::clients.eq(0),
        nights::nothing_to_ask.eq(0),
        nights::identifiers.eq(0),
        nights::changed.eq(0),
        nights::listed.eq(0),
        nights::vanished.eq(0),
        nights::held.eq(0),
        nights::asked.eq(0),
        nights::not_asked.eq(0),
        nights::unknown.eq(JsonText("{}".to_owned())),
    );
    diesel::insert_into(nights::table)
        .values((
            nights::id.eq(night),
            nights::practice_id.eq(practice.uid()),
            nights::round_id.eq(round),
            nights::local_date.eq(date),
            nights::ordinal.eq(ordinal),
            nights::phase.eq(Phase::Planning.as_str()),
            nights::cursor.eq(0),
            nights::began_at.eq(now),
            counts,
        ))
        .execute(&mut **tx)?;
    Ok(Begun { night, round })
}

/// The world's open round, which the new night joins and prolongs, or a new one that sleeps until it is woken.
fn open_round(tx: &mut Tx<'_>, world: World, fresh_from: Instant) -> Result<RoundId> {
    let (now, ends_at) = (tx.now(), tx.now().plus_seconds(LONGEST));
    let open = rounds::table.filter(rounds::world.eq(world.as_str()).and(rounds::finished_at.is_null()));
    let joined: Option<RoundId> =
        diesel::update(open).set(rounds::ends_at.eq(ends_at)).returning(rounds::id).get_result(&mut **tx).optional()?;
    if let Some(round) = joined {
        return Ok(round);
    }
    let round = RoundId::new();
    diesel::insert_into(rounds::table)
        .values((
            rounds::id.eq(round),
            rounds::world.eq(world.as_str()),
            rounds::began_at.eq(now),
            rounds::fresh_from.eq(fresh_from),
            rounds::ends_at.eq(ends_at),
            rounds::turn.eq(0),
            rounds::step.eq(0),
            rounds::touched_at.eq(now),
            rounds::sleeping_until.eq(Some(now)),
            rounds::pauses.eq(0),
        ))
        .execute(&mut **tx)?;
    Ok(round)
}

/// Plans one page of a night: notes the identifiers of its clients and has the round ask for them.
///
/// # Errors
/// [`Error::Stale`] when somebody else has taken the round on.
pub(super) fn plan_page(db: &Db, (round, step): (&Round, Step), night: &Night) -> Result<()> {
    let practice = db.read(|conn| night.practice(conn))?;
    let page = db.read(|conn| registrations::load(conn, &practice, Which::After(night.cursor), PAGE))?;
    let mut canaries: BTreeMap<&str, bool> = BTreeMap::new();
    for client in &page {
        for seen in &client.subject.seen {
            *canaries.entry(&seen.sighting.identifier).or_default() |= client.subject.is_canary(seen);
        }
    }
    let wants: Vec<Want> = canaries
        .iter()
        .map(|(identifier, canary)| Want { identifier: (*identifier).to_owned(), canary: *canary })
        .collect();
    let (all, silent) = (page.len(), page.iter().filter(|client| client.subject.seen.is_empty()).count());
    let identifiers: usize = page.iter().map(|client| client.subject.seen.len()).sum();
    db.write(|tx| {
        fence(tx, step)?;
        registrations::keep_identifiers(tx, &practice, &page)?;
        participants::want(tx, practice.world, &wants, round.fresh_from)?;
        let own = nights::table.find(night.id).filter(nights::cursor.eq(night.cursor));
        let moved = diesel::update(own)
            .set((
                nights::cursor.eq(page.last().map_or(night.cursor, |last| last.subject.key)),
                nights::clients.eq(nights::clients + count(all)),
                nights::nothing_to_ask.eq(nights::nothing_to_ask + count(silent)),
                nights::identifiers.eq(nights::identifiers + count(identifiers)),
            ))
            .execute(&mut **tx)?;
        if moved == 0 {
            return Err(Error::Stale);
        }
        if count(all) < PAGE { enter(tx, night.id, Phase::Asking) } else { Ok(()) }
    })
}

pub(super) fn count(items: usize) -> i64 {
    i64::try_from(items).unwrap_or(i64::MAX)
}
