//! Writing what a night has learned to the practice's clients, page by page: first what is certain, at the end the rest.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use diesel::prelude::*;
use klaar_standards::lookup::State;

use super::begin::count;
use super::round::Step;
use super::{Night, Phase, Round, close, enter, fence};
use crate::identity::Practice;
use crate::kernel::JsonText;
use crate::kernel::actor::Actor;
use crate::kernel::clock::Instant;
use crate::kernel::db::{Conn, Db, Tx};
use crate::kernel::error::{Error, Result};
use crate::lookups::doubts::is_proved;
use crate::lookups::model::{Failure, Known};
use crate::lookups::registrations::{self, Boxed, Loaded};
use crate::lookups::weighing::{AllNews, News, Seen, Subject, Verdict, weigh};
use crate::lookups::{held, writing};
use crate::schema::{clients, nights, participants, registrations as rows};

/// Clients of one page. Each page is one transaction and one change set.
const PAGE: i64 = 500;

/// Which pass over the clients of a night.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pass {
    /// What is certain when everything has been asked once.
    First,
    /// What came afterwards; vanishings are proved, held or left.
    Last,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = participants)]
struct Newest {
    identifier: String,
    state: Option<String>,
    cause: Option<String>,
    access_point_seat: Option<String>,
    access_point_name: Option<String>,
    details: Option<JsonText>,
    document_types_hash: Option<Vec<u8>>,
    answered_at: Option<Instant>,
    failure: Option<String>,
    asked_at: Option<Instant>,
    absent_since: Option<Instant>,
    next_try_at: Option<Instant>,
}

/// Reads the next clients of a pass: all in the first, those that it left something of in the last.
fn page(conn: &mut Conn, practice: &Practice, (round, night): (&Round, &Night), pass: Pass) -> Result<Vec<Loaded>> {
    let mut clients = registrations::active(practice, night.cursor);
    // After a disturbance the first pass has left out more than what was asked later.
    if let (Pass::Last, Some(written_at), 0) = (pass, night.written_at, round.pauses) {
        clients = left_by_first_pass(clients, round, written_at);
    }
    registrations::load_from(conn, practice, clients.limit(PAGE))
}

/// Narrows clients to those that the first pass, which began at `since`, may have left something to write for: an
/// identifier was asked later, or one that somebody had seen is said to be gone.
pub(super) fn left_by_first_pass<'a>(clients: Boxed<'a>, round: &Round, since: Instant) -> Boxed<'a> {
    let is_gone = participants::canary
        .eq(true)
        .and(participants::state.eq("not_registered").assume_not_null())
        .and(participants::answered_at.ge(round.fresh_from).assume_not_null());
    let left = rows::table
        .inner_join(participants::table.on(participants::identifier.eq(rows::identifier)))
        .filter(participants::world.eq(round.world.clone()))
        .filter(participants::asked_at.ge(since).assume_not_null().or(is_gone))
        .filter(rows::client_key.eq(clients::key).and(rows::position.is_not_null()))
        .select(rows::client_key);
    clients.filter(diesel::dsl::exists(left))
}

/// Which answers of absence count as news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Absences {
    /// Of an identifier that was seen on the network none; in a round that was disturbed, none of a first sight either.
    Doubted,
    /// Those of identifiers that were seen on the network, too, once they are proved.
    Proved,
}

/// What a round has learned about clients, as far as it may be written. An identifier that the round still has a question
/// about brings no news.
pub(super) fn news_of(
    conn: &mut Conn,
    round: &Round,
    subjects: &[&Subject],
    absences: Absences,
) -> Result<Vec<AllNews>> {
    let identifiers: Vec<&str> =
        subjects.iter().flat_map(|subject| subject.seen.iter().map(|seen| seen.sighting.identifier.as_str())).collect();
    let mut newest: BTreeMap<String, Newest> = BTreeMap::new();
    for chunk in identifiers.chunks(1000) {
        let found: Vec<Newest> = participants::table
            .filter(participants::world.eq(&round.world).and(participants::identifier.eq_any(chunk)))
            .select(Newest::as_select())
            .load(conn)?;
        newest.extend(found.into_iter().map(|row| (row.identifier.clone(), row)));
    }
    subjects
        .iter()
        .map(|subject| {
            let mut news = AllNews::new();
            for seen in &subject.seen {
                let row = newest.get(&seen.sighting.identifier);
                if let Some(told) = row.map(|row| row.news(round, (subject, seen), absences)).transpose()?.flatten() {
                    news.insert(seen.sighting.identifier.clone(), told);
                }
            }
            Ok(news)
        })
        .collect()
}

impl Newest {
    fn news(&self, round: &Round, of: (&Subject, &Seen), absences: Absences) -> Result<Option<News>> {
        let is_fresh = |at: &Instant| *at >= round.fresh_from;
        if self.next_try_at.is_some() {
            return Ok(None);
        }
        let Some((checked_at, state)) = self.answered_at.filter(is_fresh).zip(self.state.as_deref()) else {
            let failure = self.asked_at.filter(is_fresh).zip(self.failure.clone());
            return Ok(failure.map(|(since, cause)| News::Failed(Failure { cause, since })));
        };
        let state: State = state.parse().map_err(Error::internal)?;
        if state == State::NotRegistered && !self.counts(round, of, absences, checked_at) {
            return Ok(None);
        }
        Ok(Some(News::Told {
            known: Known {
                state,
                cause: self.cause.clone(),
                seat: self.access_point_seat.clone(),
                name: self.access_point_name.clone(),
                checked_at,
            },
            details: self.details.as_ref().map(JsonText::read).transpose()?,
            types: self.document_types_hash.as_deref().map(|hash| HEXLOWER.encode(hash)),
        }))
    }

    /// Whether an answer of absence counts.
    fn counts(&self, round: &Round, (subject, seen): (&Subject, &Seen), absences: Absences, at: Instant) -> bool {
        let is_first_sight = seen.sighting.known.is_none();
        match (subject.is_canary(seen), absences) {
            (true, Absences::Doubted) => false,
            (true, Absences::Proved) => is_proved(self.absent_since, at, round.fresh_from),
            (false, Absences::Doubted) => round.pauses == 0 || !is_first_sight,
            (false, Absences::Proved) => true,
        }
    }
}

/// A page of clients with what the news mean for them.
struct Survey {
    /// The practice's version before the clients were read.
    version: i64,
    page: Vec<Loaded>,
    /// The verdicts, each with its client's place in the page.
    verdicts: Vec<(usize, Verdict)>,
}

fn survey(conn: &mut Conn, (round, night): (&Round, &Night), pass: Pass) -> Result<Survey> {
    let practice = night.practice(conn)?;
    let page = page(conn, &practice, (round, night), pass)?;
    let subjects: Vec<&Subject> = page.iter().map(|loaded| &loaded.subject).collect();
    let (is_last, is_held) = (pass == Pass::Last, night.hold_reason.is_some());
    let proved = if is_last { news_of(conn, round, &subjects, Absences::Proved)? } else { Vec::new() };
    // A night that holds vanishings back believes no absence of an identifier that was seen on the network, not even where
    // the client has another one: only a vanishing itself is put before a person.
    let doubts = !is_last || is_held;
    let doubted = if doubts { news_of(conn, round, &subjects, Absences::Doubted)? } else { Vec::new() };
    let mut verdicts = Vec::new();
    for (place, subject) in subjects.iter().enumerate() {
        let weighed = |news: &[AllNews]| news.get(place).and_then(|news| weigh(subject, news));
        let believed = weighed(&proved).filter(|verdict| !is_held || verdict.is_vanished);
        verdicts.extend(believed.or_else(|| weighed(&doubted)).map(|verdict| (place, verdict)));
    }
    Ok(Survey { version: practice.version, page, verdicts })
}

/// Writes one page of a pass, and ends the pass behind the last one.
///
/// The page is weighed before the transaction, so that the practice is locked for the writing alone; when somebody has
/// written in between, it is weighed again under the lock.
///
/// # Errors
/// [`Error::Stale`] when somebody else has taken the round on.
pub(super) fn write_page(db: &Db, (round, step): (&Round, Step), night: &Night, pass: Pass) -> Result<()> {
    let found = db.read(|conn| survey(conn, (round, night), pass))?;
    db.write(|tx| {
        fence(tx, step)?;
        if found.verdicts.is_empty() {
            return move_on(tx, (round, night), pass, (&found.page, 0, 0));
        }
        let source = night.id.to_string();
        let practice = night.practice(tx)?;
        let set = writing::open(tx, &practice, &Actor::system("nightly"), ("nightly", &source))?;
        let is_untouched = night.practice(tx)?.version == found.version + 1;
        let survey = if is_untouched { found } else { survey(tx, (round, night), pass)? };
        let all =
            survey.verdicts.iter().filter_map(|(place, verdict)| Some((&survey.page.get(*place)?.subject, verdict)));
        let (held, written): (Vec<_>, Vec<_>) =
            all.partition(|(_, verdict)| night.hold_reason.is_some() && verdict.is_vanished);
        let changed = writing::write(tx, &practice, set, &written, &source)?;
        held::hold(tx, &practice, night.id, &held)?;
        held::overtake(tx, &practice, &written)?;
        move_on(tx, (round, night), pass, (&survey.page, changed, count(held.len())))
    })
}

fn move_on(
    tx: &mut Tx<'_>,
    (round, night): (&Round, &Night),
    pass: Pass,
    (page, changed, held): (&[Loaded], i64, i64),
) -> Result<()> {
    diesel::update(nights::table.find(night.id))
        .set((
            nights::cursor.eq(page.last().map_or(night.cursor, |last| last.subject.key)),
            nights::changed.eq(nights::changed + changed),
            nights::held.eq(nights::held + held),
        ))
        .execute(&mut **tx)?;
    if count(page.len()) == PAGE {
        return Ok(());
    }
    match pass {
        Pass::First => enter(tx, night.id, Phase::Doubting),
        Pass::Last => close::finish(tx, round, night),
    }
}
