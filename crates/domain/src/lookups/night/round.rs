//! The round's steps: what is to be done next is read from the rows, done, and read again, until there is nothing to do
//! before a later moment.

use std::future::Future;

use diesel::prelude::*;
use futures::Stream;
use klaar_standards::participant::ParticipantId;

use super::begin::{leave, plan_page};
use super::write::{Pass, write_page};
use super::{Night, Phase, Round, ask, close, fence, first_in_phase};
use crate::identity::World;
use crate::kernel::clock::Instant;
use crate::kernel::db::{Conn, Db, Tx};
use crate::kernel::error::{Error, Result};
use crate::lookups::model::RoundId;
use crate::lookups::network::{Answer, Network};
use crate::lookups::participants;
use crate::schema::{nights, rounds};

/// The edge to the network: [`Network`], or in tests of the rules a scripted one.
pub trait Ask: Clone + Send + Sync + 'static {
    /// Asks about many participants and yields the answers in the order they come, as [`Network::ask_all`] does.
    fn ask_all(
        &self,
        world: World,
        ids: impl Stream<Item = ParticipantId> + Send + 'static,
    ) -> impl Stream<Item = (ParticipantId, Answer)> + Send;

    /// Asks about one participant.
    fn ask(&self, world: World, id: &ParticipantId) -> impl Future<Output = Answer> + Send;
}

impl Ask for Network {
    fn ask_all(
        &self,
        world: World,
        ids: impl Stream<Item = ParticipantId> + Send + 'static,
    ) -> impl Stream<Item = (ParticipantId, Answer)> + Send {
        Self::ask_all(self, world, ids)
    }

    fn ask(&self, world: World, id: &ParticipantId) -> impl Future<Output = Answer> + Send {
        Self::ask(self, world, id)
    }
}

/// The right to take a round's next steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The round.
    pub round: RoundId,
    /// The fencing token.
    pub number: i64,
}

/// How a round rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// There is more to do at once.
    Briefly,
    /// There is nothing to do before this moment.
    Until(Instant),
    /// All its nights are over.
    ForGood,
}

/// What is to be done next.
enum Todo {
    Plan(Night),
    Ask,
    GiveUp,
    Write(Night, Pass),
    BeginWriting,
    Judge,
    Rest(Rest),
}

/// Questions of one run; a round of more goes on in the next, so that a process that stops loses little.
const QUESTIONS: usize = 20_000;

/// Takes a round's steps until it rests. `None` when somebody else has taken the round on meanwhile, which is no fault.
///
/// # Errors
/// When the database is away.
pub async fn advance<N: Ask>(db: &Db, network: &N, step: Step) -> Result<Option<Rest>> {
    match steps(db, network, step).await {
        Ok(rest) => Ok(Some(rest)),
        Err(Error::Stale) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn steps<N: Ask>(db: &Db, network: &N, step: Step) -> Result<Rest> {
    let mut questions = 0;
    loop {
        if questions >= QUESTIONS {
            return Ok(Rest::Briefly);
        }
        let (round, todo) = blocking(db, move |db| {
            let now = db.clock().now();
            db.read(|conn| next(conn, step, now))
        })
        .await?;
        match todo {
            Todo::Rest(rest) => return Ok(rest),
            Todo::Ask => questions += ask::ask(db, network, (&round, step), QUESTIONS - questions).await?,
            other => blocking(db, move |db| work(db, (&round, step), other)).await?,
        }
    }
}

/// What needs no network.
fn work(db: &Db, (round, step): (&Round, Step), todo: Todo) -> Result<()> {
    match todo {
        Todo::Plan(night) => plan_page(db, (round, step), &night),
        Todo::Write(night, pass) => write_page(db, (round, step), &night, pass),
        Todo::GiveUp => give_up(db, round.world()?, step),
        Todo::BeginWriting => begin_writing(db, step),
        Todo::Judge => close::judge(db, (round, step)),
        Todo::Ask | Todo::Rest(_) => Ok(()),
    }
}

/// Runs blocking work where it holds up nobody.
pub(in crate::lookups) async fn blocking<T: Send + 'static>(
    db: &Db,
    work: impl FnOnce(&Db) -> Result<T> + Send + 'static,
) -> Result<T> {
    let db = db.clone();
    tokio::task::spawn_blocking(move || work(&db)).await.unwrap_or_else(|fault| Err(Error::internal(fault)))
}

fn next(conn: &mut Conn, step: Step, now: Instant) -> Result<(Round, Todo)> {
    let round: Round = rounds::table
        .find(step.round)
        .filter(rounds::step.eq(step.number).and(rounds::finished_at.is_null()))
        .select(Round::as_select())
        .first(conn)
        .optional()?
        .ok_or(Error::Stale)?;
    let todo = todo(conn, &round, now)?;
    Ok((round, todo))
}

fn todo(conn: &mut Conn, round: &Round, now: Instant) -> Result<Todo> {
    if let Some(night) = first_in_phase(conn, round.id, Phase::Planning)? {
        return Ok(Todo::Plan(night));
    }
    if let Some(night) = first_in_phase(conn, round.id, Phase::Writing)? {
        return Ok(Todo::Write(night, Pass::First));
    }
    if let Some(night) = first_in_phase(conn, round.id, Phase::Closing)? {
        return Ok(Todo::Write(night, Pass::Last));
    }
    let (first, again) = participants::outstanding(conn, round.world()?)?;
    if (first || again.is_some()) && now >= round.ends_at {
        return Ok(Todo::GiveUp);
    }
    let resumes = round.paused_until.filter(|until| *until > now);
    if resumes.is_none() && (first || again.is_some_and(|at| at <= now)) {
        return Ok(Todo::Ask);
    }
    if !first && first_in_phase(conn, round.id, Phase::Asking)?.is_some() {
        return Ok(Todo::BeginWriting);
    }
    match (first, again) {
        (false, None) if first_in_phase(conn, round.id, Phase::Doubting)?.is_none() => Ok(Todo::Rest(Rest::ForGood)),
        (false, None) => Ok(Todo::Judge),
        (_, again) => {
            let due = if first { resumes } else { resumes.max(again) };
            Ok(Todo::Rest(Rest::Until(due.unwrap_or(round.ends_at).min(round.ends_at))))
        }
    }
}

/// Questions taken back in one transaction.
const GIVEN_UP: i64 = 5_000;

/// Ends the asking of a round whose time is over: what is not answered stays as it was.
fn give_up(db: &Db, world: World, step: Step) -> Result<()> {
    let given_up = db.write(|tx| {
        fence(tx, step)?;
        participants::give_up(tx, world, GIVEN_UP)
    })?;
    tracing::warn!(world = world.as_str(), given_up, "the night is over before all answers came");
    Ok(())
}

fn begin_writing(db: &Db, step: Step) -> Result<()> {
    db.write(|tx| {
        fence(tx, step)?;
        let now = tx.now();
        let asking =
            nights::table.filter(nights::round_id.eq(step.round).and(nights::phase.eq(Phase::Asking.as_str())));
        diesel::update(asking)
            .set((nights::phase.eq(Phase::Writing.as_str()), nights::cursor.eq(0), nights::written_at.eq(Some(now))))
            .execute(&mut **tx)?;
        Ok(())
    })
}

/// Writes down how the round rests and leaves the job behind that goes on with it. A round that got a new night meanwhile
/// goes on at once, and one that somebody else has taken on is left alone.
///
/// # Errors
/// When the database refuses.
pub fn rest(tx: &mut Tx<'_>, step: Step, rest: Rest) -> Result<()> {
    match fence(tx, step) {
        Err(Error::Stale) => return Ok(()),
        other => other?,
    }
    let now = tx.now();
    let own = rounds::table.find(step.round);
    let planning =
        nights::table.filter(nights::round_id.eq(step.round).and(nights::phase.eq(Phase::Planning.as_str())));
    let has_new_night: bool = diesel::select(diesel::dsl::exists(planning)).get_result(&mut **tx)?;
    let due = match rest {
        Rest::ForGood if !has_new_night => {
            diesel::update(own).set(rounds::finished_at.eq(Some(now))).execute(&mut **tx)?;
            return Ok(());
        }
        Rest::Until(due) if !has_new_night => due.max(now),
        _ => now,
    };
    let turn: i64 = diesel::update(own)
        .set((
            rounds::turn.eq(rounds::turn + 1),
            // What the run has left behind is void now.
            rounds::step.eq(rounds::step + 1),
            rounds::sleeping_until.eq(Some(due)),
        ))
        .returning(rounds::turn)
        .get_result(&mut **tx)?;
    leave(tx, step.round, turn, due)
}
