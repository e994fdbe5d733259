//! Asking for a round: what is due goes out in one stream, answers come back in any order and are kept in batches.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use diesel::prelude::*;
use futures::{Stream, StreamExt as _, stream};
use klaar_standards::participant::ParticipantId;
use tokio::task::JoinHandle;

use super::round::{Ask, Step, blocking};
use super::{Round, fence};
use crate::identity::World;
use crate::kernel::clock::Instant;
use crate::kernel::db::Db;
use crate::kernel::error::{Error, Result};
use crate::lookups::answers::{self, Kept, TypeLists};
use crate::lookups::doubts::{DOUBT, PAUSE, Stretch, retry_at};
use crate::lookups::network::Answer;
use crate::lookups::participants::{self, Asker, Wanted};
use crate::schema::rounds;

/// Questions read from the database at a time.
const PAGE: i64 = 500;
/// Answers kept in one transaction; also the stretch after which the round looks whether the network is disturbed.
const BATCH: usize = 250;

/// What was asked and is not answered yet, by identifier. Shared with the stream that takes the questions up.
type Open = Arc<Mutex<HashMap<String, Wanted>>>;

/// Asks for what is due, at most `limit` questions, and stops early when the network seems disturbed. Returns how many
/// answers were kept.
///
/// # Errors
/// [`Error::Stale`](crate::kernel::error::Error::Stale) when somebody else has taken the round on.
pub(super) async fn ask<N: Ask>(db: &Db, network: &N, (round, step): (&Round, Step), limit: usize) -> Result<usize> {
    let (world, open) = (round.world()?, Open::default());
    let answers = network.ask_all(world, questions(db, world, limit, open.clone())).chunks(BATCH);
    let mut answers = std::pin::pin!(answers);
    let mut kept = 0;
    // While a batch is written, the next is being asked for.
    let mut writing: Option<Writing> = None;
    while let Some(batch) = answers.next().await {
        if settled(writing.take()).await? {
            // What came since the night began to pause is asked for again when it goes on.
            return Ok(kept);
        }
        kept += batch.len();
        let (db, round, open) = (db.clone(), round.clone(), open.clone());
        writing = Some(tokio::task::spawn_blocking(move || keep(&db, (&round, step), batch, &open)));
    }
    settled(writing).await?;
    Ok(kept)
}

/// A batch that is being written; it tells whether the round pauses.
type Writing = JoinHandle<Result<bool>>;

/// Waits for a batch, so that none is written behind the back of a round that rests.
async fn settled(writing: Option<Writing>) -> Result<bool> {
    match writing {
        Some(writing) => writing.await.unwrap_or_else(|fault| Err(Error::internal(fault))),
        None => Ok(false),
    }
}

/// Where the reading of questions is.
struct Reader {
    db: Db,
    world: World,
    left: usize,
    open: Open,
    page: VecDeque<Wanted>,
    stage: Stage,
}

/// What is due again goes first; then canaries that were not asked yet, then the others, each behind the last one read.
enum Stage {
    Again,
    First { canary: bool, after: String },
    Read,
}

/// The questions that are due, read in pages as they are taken up. A question that cannot be read ends the stream: the
/// next step of the round finds out why.
fn questions(db: &Db, world: World, limit: usize, open: Open) -> impl Stream<Item = ParticipantId> + Send + use<> {
    let reader = Reader { db: db.clone(), world, left: limit, open, page: VecDeque::new(), stage: Stage::Again };
    stream::unfold(reader, |mut reader| async move { reader.next().await.map(|id| (id, reader)) })
}

impl Reader {
    async fn next(&mut self) -> Option<ParticipantId> {
        while self.left > 0 {
            let Some(wanted) = self.page.pop_front() else {
                if matches!(self.stage, Stage::Read) {
                    return None;
                }
                self.turn_page().await;
                continue;
            };
            // Rows only come from parsed identifiers; one that does not parse any more is left to the end of the night.
            let Ok(id) = ParticipantId::parse_form(&wanted.identifier) else { continue };
            self.left -= 1;
            self.open.lock().unwrap_or_else(PoisonError::into_inner).insert(wanted.identifier.clone(), wanted);
            return Some(id);
        }
        None
    }

    async fn turn_page(&mut self) {
        let world = self.world;
        let read = match &self.stage {
            Stage::Again => {
                blocking(&self.db, move |db| {
                    let now = db.clock().now();
                    db.read(|conn| participants::due_again(conn, world, now, PAGE))
                })
                .await
            }
            Stage::First { canary, after } => {
                let (canary, after) = (*canary, after.clone());
                blocking(&self.db, move |db| db.read(|conn| participants::not_asked(conn, world, canary, &after, PAGE)))
                    .await
            }
            Stage::Read => return,
        };
        let page = read.unwrap_or_else(|error| {
            tracing::warn!(%error, "the night's questions cannot be read");
            self.stage = Stage::Read;
            Vec::new()
        });
        self.stage = match (&self.stage, page.last()) {
            (Stage::First { canary, .. }, Some(last)) => {
                Stage::First { canary: *canary, after: last.identifier.clone() }
            }
            (Stage::Again, _) => Stage::First { canary: true, after: String::new() },
            (Stage::First { canary: true, .. }, None) => Stage::First { canary: false, after: String::new() },
            (Stage::First { .. } | Stage::Read, None) | (Stage::Read, Some(_)) => Stage::Read,
        };
        self.page = page.into();
    }
}

/// Keeps a batch of answers and decides when each is asked again. Returns whether the round pauses.
fn keep(db: &Db, (round, step): (&Round, Step), batch: Vec<(ParticipantId, Answer)>, open: &Open) -> Result<bool> {
    let world = round.world()?;
    let mut lists = TypeLists::new();
    let mut kept: Vec<(Kept, Wanted)> = Vec::with_capacity(batch.len());
    {
        let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
        for (id, answer) in batch {
            if let Some(wanted) = open.remove(id.as_str()) {
                kept.push((answers::keep(&id, answer, &mut lists), wanted));
            }
        }
    }
    let stretch = kept.iter().fold(Stretch::default(), |stretch, (kept, wanted)| counted(stretch, kept, wanted));
    let (kept, wanted): (Vec<Kept>, Vec<Wanted>) = kept.into_iter().unzip();
    let packed = db.read(|conn| participants::pack(conn, world, &kept))?;
    let now = db.clock().now();
    db.write(|tx| {
        fence(tx, step)?;
        let rows: Vec<_> =
            kept.iter().zip(&wanted).map(|(kept, wanted)| (&kept.told, next_try(round, kept, wanted, now))).collect();
        participants::keep_types(tx, &lists)?;
        participants::keep(tx, world, &rows, Asker::Round(round.fresh_from))?;
        participants::keep_raw(tx, world, &packed)?;
        if !stretch.is_disturbed() {
            return Ok(false);
        }
        tracing::warn!(world = world.as_str(), ?stretch, "the network seems disturbed; the night pauses");
        let not_paused = rounds::paused_until.is_null().or(rounds::paused_until.le(now).assume_not_null());
        diesel::update(rounds::table.find(round.id).filter(not_paused))
            .set((rounds::paused_until.eq(Some(now.plus_seconds(PAUSE))), rounds::pauses.eq(rounds::pauses + 1)))
            .execute(&mut **tx)?;
        Ok(true)
    })
}

fn is_absent(kept: &Kept) -> bool {
    kept.told.state.as_deref() == Some("not_registered")
}

fn counted(mut stretch: Stretch, kept: &Kept, wanted: &Wanted) -> Stretch {
    if wanted.tries > 0 {
        return stretch;
    }
    stretch.asked += 1;
    stretch.failed += u32::from(kept.told.failure.is_some());
    stretch.canaries += u32::from(wanted.canary);
    stretch.vanished += u32::from(wanted.canary && is_absent(kept));
    stretch
}

/// When the round asks again: a failed look-up after a pause, as long as it has tries; a vanished one an hour after the
/// first answer of absence, once.
fn next_try(round: &Round, kept: &Kept, wanted: &Wanted, now: Instant) -> Option<Instant> {
    if kept.told.failure.is_some() {
        return retry_at(now, wanted.tries.saturating_add(1), kept.host_pause);
    }
    if !wanted.canary || !is_absent(kept) {
        return None;
    }
    let asked_at = Instant(kept.told.asked_at);
    let first = wanted.absent_since.filter(|since| *since >= round.fresh_from).unwrap_or(asked_at);
    let due = first.plus_seconds(DOUBT);
    (asked_at < due).then_some(due)
}
