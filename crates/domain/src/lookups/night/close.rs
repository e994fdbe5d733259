//! The end of a night: judging how many clients have vanished, and the report.

use std::collections::BTreeMap;

use diesel::prelude::*;

use super::round::Step;
use super::write::{Absences, left_by_first_pass, news_of};
use super::{Night, Phase, Round, fence, in_phase};
use crate::identity::{self, Practice, RegularMail};
use crate::kernel::JsonText;
use crate::kernel::actor::Actor;
use crate::kernel::audit::{self, Event};
use crate::kernel::db::{Conn, Db, Tx};
use crate::kernel::error::Result;
use crate::kernel::jobs::{self, EnqueueOptions};
use crate::lookups::doubts::{self, Tally};
use crate::lookups::jobs::{SendAccessPointMoves, SendNightReport};
use crate::lookups::mails::is_worth_a_mail;
use crate::lookups::queries::{NightReport, has_moves};
use crate::lookups::registrations;
use crate::lookups::weighing::{Subject, weigh};
use crate::schema::{clients, nights, participants, registrations as rows};

/// Clients of one page of the count.
const PAGE: i64 = 500;
/// What the card of a client on the network says.
const LISTED: [&str; 2] = ["registered", "cannot_receive"];

/// Counts for every night of the round how many clients have vanished, and decides which nights hold theirs back. All
/// nights are judged together, because some faults show only over all practices.
///
/// # Errors
/// [`Error::Stale`](crate::kernel::error::Error::Stale) when somebody else has taken the round on.
pub(super) fn judge(db: &Db, (round, step): (&Round, Step)) -> Result<()> {
    let judged = db.read(|conn| in_phase(conn, round.id, Phase::Doubting))?;
    let mut tallies = Vec::with_capacity(judged.len());
    for night in &judged {
        tallies.push(db.read(|conn| tally(conn, round, night))?);
    }
    let reasons = doubts::judge(&tallies);
    db.write(|tx| {
        fence(tx, step)?;
        for ((night, tally), reason) in judged.iter().zip(&tallies).zip(&reasons) {
            diesel::update(nights::table.find(night.id))
                .set((
                    nights::phase.eq(Phase::Closing.as_str()),
                    nights::cursor.eq(0),
                    nights::listed.eq(tally.listed),
                    nights::vanished.eq(tally.vanished),
                    nights::hold_reason.eq(reason.map(doubts::HoldReason::as_str)),
                ))
                .execute(&mut **tx)?;
        }
        Ok(())
    })
}

fn tally(conn: &mut Conn, round: &Round, night: &Night) -> Result<Tally> {
    let practice = night.practice(conn)?;
    let listed: i64 = clients::table
        .filter(clients::practice_id.eq(practice.uid()).and(clients::archived_at.is_null()))
        .filter(clients::registration.eq_any(LISTED))
        .count()
        .get_result(conn)?;
    let (mut vanished, mut after) = (0, 0);
    loop {
        let candidates = registrations::active(&practice, after).filter(clients::registration.eq_any(LISTED));
        let candidates = left_by_first_pass(candidates, round, night.written_at.unwrap_or(round.fresh_from));
        let page = registrations::load_from(conn, &practice, candidates.limit(PAGE))?;
        let Some(last) = page.last() else { return Ok(Tally { listed, vanished }) };
        after = last.subject.key;
        let subjects: Vec<&Subject> = page.iter().map(|loaded| &loaded.subject).collect();
        let news = news_of(conn, round, &subjects, Absences::Proved)?;
        let gone =
            subjects.iter().zip(&news).filter(|(subject, news)| weigh(subject, news).is_some_and(|v| v.is_vanished));
        vanished += i64::try_from(gone.count()).unwrap_or(i64::MAX);
    }
}

/// Ends a night: counts what was asked, and leaves the report and its audit entry.
///
/// # Errors
/// When the database refuses.
pub(super) fn finish(tx: &mut Tx<'_>, round: &Round, night: &Night) -> Result<()> {
    let practice = night.practice(tx)?;
    let (now, asked) = (tx.now(), asked(tx, &practice, round)?);
    let unknown = unknown(tx, &practice, round)?;
    let identifiers: i64 = nights::table.find(night.id).select(nights::identifiers).first(&mut **tx)?;
    diesel::update(nights::table.find(night.id))
        .set((
            nights::phase.eq(Phase::Finished.as_str()),
            nights::finished_at.eq(Some(now)),
            nights::asked.eq(asked),
            nights::not_asked.eq((identifiers - asked).max(0)),
            nights::unknown.eq(JsonText::of(&unknown)),
        ))
        .execute(&mut **tx)?;
    let report = crate::lookups::queries::night(tx, &practice, night.id)?;
    let event = Event::new("night.finished", "nightly").on(night.id).after(&serde_json::json!({
        "local_date": report.local_date, "clients": report.clients, "asked": report.asked, "changed": report.changed,
        "unknown": report.unknown, "vanished": report.vanished, "held": report.held, "not_asked": report.not_asked,
    }));
    audit::record(tx, practice.uid(), &Actor::system("nightly"), &event)?;
    tell(tx, &practice, &report)
}

/// Leaves the mails of a night that is over to those who want them. Whoever began a night by hand sees its report, but a move
/// is news to everybody: the next night does not see it again.
fn tell(tx: &mut Tx<'_>, practice: &Practice, report: &NightReport) -> Result<()> {
    let (night, options) = (report.id, EnqueueOptions::of(practice.uid()));
    if is_worth_a_mail(report) {
        for member in identity::readers(tx, practice, RegularMail::NightReport)? {
            jobs::enqueue(tx, &SendNightReport { night, member: member.id }, &options)?;
        }
    }
    if has_moves(tx, practice, night)? {
        for member in identity::readers(tx, practice, RegularMail::AccessPointMoves)? {
            let once = options.clone().once(format!("access_point_moves:{night}:{}", member.id));
            jobs::enqueue(tx, &SendAccessPointMoves { night, member: member.id }, &once)?;
        }
    }
    Ok(())
}

#[diesel::dsl::auto_type(no_type_alias)]
fn of_practice(practice: crate::kernel::Uid) -> _ {
    rows::table
        .inner_join(participants::table.on(participants::identifier.eq(rows::identifier)))
        .filter(rows::practice_id.eq(practice).and(rows::position.is_not_null()))
}

/// How many of a practice's identifiers this round, or another night shortly before it, has asked.
fn asked(conn: &mut Conn, practice: &Practice, round: &Round) -> Result<i64> {
    Ok(of_practice(practice.uid())
        .filter(participants::world.eq(&round.world).and(participants::night_asked_at.ge(round.fresh_from)))
        .count()
        .get_result(conn)?)
}

/// How many of a practice's identifiers were asked without an answer, by cause.
fn unknown(conn: &mut Conn, practice: &Practice, round: &Round) -> Result<BTreeMap<String, i64>> {
    let stale = participants::answered_at.is_null().or(participants::answered_at.lt(round.fresh_from));
    let counted: Vec<(Option<String>, i64)> = of_practice(practice.uid())
        .filter(participants::world.eq(&round.world).and(participants::night_asked_at.ge(round.fresh_from)))
        .filter(participants::failure.is_not_null().and(stale.assume_not_null()))
        .group_by(participants::failure)
        .select((participants::failure, diesel::dsl::count_star()))
        .load(conn)?;
    Ok(counted.into_iter().filter_map(|(cause, count)| Some((cause?, count))).collect())
}
