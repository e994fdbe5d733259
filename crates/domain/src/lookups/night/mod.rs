//! The night: every practice's clients are asked for once per local date, vanishings are doubted, faults change nothing.
//!
//! A *round* walks through the participants of one world for all nights that belong to it, so that an identifier that many
//! practices share is asked once. The round is the only one that asks, and its `step` is a fencing token that every write
//! checks first; where it stands is read from the rows each time, so it goes on wherever a killed process left it.

mod ask;
mod begin;
mod close;
mod round;
mod write;

pub use begin::{Begun, begin, begin_due, resume_abandoned, take_on};
pub use round::{Ask, Rest, Step, advance, rest};

use diesel::prelude::*;

use super::model::{NightId, RoundId};
use crate::identity::{self, Practice, PracticeId, World};
use crate::kernel::clock::Instant;
use crate::kernel::db::{Conn, Tx};
use crate::kernel::error::{Error, Result};
use crate::schema::{nights, rounds};

/// Where a night stands. Each phase goes through the clients in pages, or waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The identifiers of its clients are being noted.
    Planning,
    /// The round asks.
    Asking,
    /// What is certain is being written.
    Writing,
    /// Vanishings and failures are asked again.
    Doubting,
    /// What is left is being written or held.
    Closing,
    /// It is over.
    Finished,
}

impl Phase {
    /// The stable name (`planning`, `asking`, `writing`, `doubting`, `closing`, `finished`).
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planning => "planning",
            Self::Asking => "asking",
            Self::Writing => "writing",
            Self::Doubting => "doubting",
            Self::Closing => "closing",
            Self::Finished => "finished",
        }
    }
}

/// A round as its steps need it.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = rounds)]
struct Round {
    id: RoundId,
    world: String,
    fresh_from: Instant,
    ends_at: Instant,
    paused_until: Option<Instant>,
    pauses: i32,
}

impl Round {
    fn world(&self) -> Result<World> {
        self.world.parse().map_err(Error::internal)
    }
}

/// A night as its steps need it.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = nights)]
struct Night {
    id: NightId,
    practice_id: PracticeId,
    cursor: i64,
    written_at: Option<Instant>,
    hold_reason: Option<String>,
}

impl Night {
    fn practice(&self, conn: &mut Conn) -> Result<Practice> {
        identity::find_practice(conn, self.practice_id)
    }
}

/// Proves that `step` is still the round's, and locks the round until the transaction ends. The first statement of every
/// transaction of a round.
///
/// # Errors
/// [`Error::Stale`] when somebody else has taken the round on.
fn fence(tx: &mut Tx<'_>, step: Step) -> Result<()> {
    let held = rounds::table
        .filter(rounds::id.eq(step.round).and(rounds::step.eq(step.number)).and(rounds::finished_at.is_null()));
    let now = tx.now();
    let working = (rounds::sleeping_until.eq(None::<Instant>), rounds::touched_at.eq(now));
    let touched = diesel::update(held).set(working).execute(&mut **tx)?;
    if touched == 1 { Ok(()) } else { Err(Error::Stale) }
}

/// The nights of a round in a phase, the oldest first.
fn in_phase(conn: &mut Conn, round: RoundId, phase: Phase) -> Result<Vec<Night>> {
    Ok(nights::table
        .filter(nights::round_id.eq(round).and(nights::phase.eq(phase.as_str())))
        .order(nights::id)
        .select(Night::as_select())
        .load(conn)?)
}

/// The oldest night of a round in a phase.
fn first_in_phase(conn: &mut Conn, round: RoundId, phase: Phase) -> Result<Option<Night>> {
    let found = nights::table
        .filter(nights::round_id.eq(round).and(nights::phase.eq(phase.as_str())))
        .order(nights::id)
        .select(Night::as_select())
        .first(conn)
        .optional()?;
    Ok(found)
}

/// Moves a night on.
fn enter(tx: &mut Tx<'_>, night: NightId, phase: Phase) -> Result<()> {
    diesel::update(nights::table.find(night))
        .set((nights::phase.eq(phase.as_str()), nights::cursor.eq(0)))
        .execute(&mut **tx)?;
    Ok(())
}

#[cfg(test)]
mod tests;
