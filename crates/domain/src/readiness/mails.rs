//! The weekly mail.

use jiff::ToSpan as _;
use jiff::civil::{Date, Weekday};
use serde::Serialize;

use super::blockers::{Blocker, blockers};
use super::days::{local, trend};
use super::jobs::SendWeeklyReadiness;
use super::model::{Counts, Day, Forecast, NoForecast};
use super::queries::{counts, readiness};
use crate::identity::{self, MemberId, Practice, RegularMail};
use crate::kernel::catalogue::{self, Language};
use crate::kernel::clock::Instant;
use crate::kernel::dates;
use crate::kernel::db::{Conn, Db};
use crate::kernel::error::{Error, Result};
use crate::kernel::jobs::{self, EnqueueOptions};
use crate::mail::{Letter, Party, Post};

/// The local hour from which the mail of a Monday goes out.
const HOUR: i8 = 7;
/// How many reasons it names.
const MOST_BLOCKERS: usize = 3;
/// How many days before today the week before began, and the earliest day that still stands for it.
const WEEK: (i64, i64) = (7, 10);

/// How far the practice is at the beginning of a week.
#[derive(Debug, Clone, Serialize)]
pub struct WeeklyLetter {
    /// The practice.
    pub practice: String,
    /// The member.
    pub name: String,
    /// The day, in words.
    pub day: String,
    /// Clients whom Peppol concerns.
    pub concerned: i64,
    /// How many of them are ready.
    pub ready: i64,
    /// How many are not.
    pub to_do: i64,
    /// How many are registered.
    pub registered: i64,
    /// How many ever got a mail about Peppol.
    pub informed: i64,
    /// Of how many nothing is known.
    pub unknown: i64,
    /// Clients whom Peppol does not concern.
    pub exempt: i64,
    /// How many more are ready than a week before, with its sign; nothing when that is not known.
    pub change: Option<String>,
    /// The day on which all would be ready, in words.
    pub forecast: Option<String>,
    /// Nobody became ready lately, so that there is no such day.
    pub stands_still: bool,
    /// What keeps most of the others, the most frequent first.
    pub blockers: Vec<NamedBlocker>,
}

/// What keeps clients from being ready.
#[derive(Debug, Clone, Serialize)]
pub struct NamedBlocker {
    /// In words.
    pub reason: String,
    /// How many it keeps.
    pub clients: i64,
}

impl NamedBlocker {
    fn of(blocker: Blocker, clients: i64, language: Language) -> Self {
        Self { reason: catalogue::text(language, &format!("readiness.blocker_{}", blocker.as_str()), &[]), clients }
    }
}

impl Letter for WeeklyLetter {
    const NAME: &'static str = "readiness/weekly";

    fn sample(language: Language) -> Self {
        let now = Counts {
            total: 412,
            exempt: 12,
            ready: 250,
            registered: 280,
            informed: 390,
            not_registered: 95,
            cannot_receive: 10,
            unknown: 15,
        };
        let named = |blocker, clients| NamedBlocker::of(blocker, clients, language);
        let blockers = vec![
            named(Blocker::NoSoftware, 70),
            named(Blocker::RegisteredNotMarked, 38),
            named(Blocker::NotRegistered, 22),
        ];
        let (day, end) = (Date::constant(2026, 11, 23), Date::constant(2027, 1, 30));
        let told = Told { now, change: Some(12), forecast: Ok(end), blockers };
        told.letter(("Maes & Partners", "Céline Dubois"), day, language)
    }
}

/// What the mail is made of.
struct Told {
    now: Counts,
    change: Option<i64>,
    forecast: Forecast,
    blockers: Vec<NamedBlocker>,
}

impl Told {
    fn letter(self, (practice, name): (&str, &str), day: Date, language: Language) -> WeeklyLetter {
        let signed = |change: i64| match change {
            0 => "0".to_owned(),
            more @ 1.. => format!("+{more}"),
            less => format!("−{}", less.unsigned_abs()),
        };
        WeeklyLetter {
            practice: practice.to_owned(),
            name: name.to_owned(),
            day: dates::written(day, language),
            concerned: self.now.concerned(),
            ready: self.now.ready,
            to_do: self.now.to_do(),
            registered: self.now.registered,
            informed: self.now.informed,
            unknown: self.now.unknown,
            exempt: self.now.exempt,
            change: self.change.map(signed),
            forecast: self.forecast.ok().map(|end| dates::written(end, language)),
            stands_still: self.forecast == Err(NoForecast::NoProgress),
            blockers: self.blockers,
        }
    }
}

/// Leaves the mails of a Monday for whoever wants them, from seven o'clock in the practice's morning on, each once; none in
/// a practice without clients. Any number of processes may do so at once. Blocking.
///
/// # Errors
/// When the database is away.
pub fn tell_due(db: &Db) -> Result<()> {
    let now = db.clock().now();
    for practice in db.read(identity::all_practices)? {
        let local = local(&practice, now);
        if local.weekday() != Weekday::Monday || local.hour() < HOUR {
            continue;
        }
        let day = local.date();
        let has_clients = |conn: &mut Conn| Ok(counts(conn, &practice, day)?.total > 0);
        if !db.read(has_clients)? {
            continue;
        }
        db.write(|tx| {
            for member in identity::readers(tx, &practice, RegularMail::WeeklyReadiness)? {
                let once = format!("weekly_readiness:{}:{day}:{}", practice.id, member.id);
                let options = EnqueueOptions::of(practice.uid()).once(once);
                jobs::enqueue(tx, &SendWeeklyReadiness { member: member.id }, &options)?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// The mail of the week to a member; none when the member is gone or wants it no more, or when there are no clients.
///
/// # Errors
/// When the database refuses.
pub fn weekly_to_mail(
    conn: &mut Conn,
    practice: &Practice,
    (member, now): (MemberId, Instant),
) -> Result<Option<Post<WeeklyLetter>>> {
    let readers = identity::readers(conn, practice, RegularMail::WeeklyReadiness)?;
    let Some(member) = readers.into_iter().find(|reader| reader.id == member) else { return Ok(None) };
    let found = readiness(conn, practice, now, None)?;
    if found.counts.total == 0 {
        return Ok(None);
    }
    let language: Language = member.account.language.parse().unwrap_or_default();
    let change = week_before(conn, practice, now, found.day)?.map(|before| found.counts.ready - before.counts.ready);
    let mut kept = blockers(conn, practice, now)?;
    kept.retain(|blocked| blocked.clients > 0);
    kept.sort_by_key(|blocked| std::cmp::Reverse(blocked.clients));
    let named = kept.iter().take(MOST_BLOCKERS).map(|one| NamedBlocker::of(one.by, one.clients, language));
    let told = Told { now: found.counts, change, forecast: found.forecast, blockers: named.collect() };
    let letter = told.letter((&practice.name, &member.account.name), found.day, language);
    let to = Party { name: member.account.name, address: member.account.email };
    Ok(Some(Post { letter, language, sender: practice.name.clone(), to }))
}

/// The numbers of a week ago, or of a few days before, when nobody kept those of that day.
fn week_before(conn: &mut Conn, practice: &Practice, now: Instant, today: Date) -> Result<Option<Day>> {
    let (latest, earliest) = WEEK;
    let latest = today.checked_sub(latest.days()).map_err(Error::internal)?;
    let known = trend(conn, practice, now, u32::try_from(earliest + 1).unwrap_or_default())?;
    Ok(known.into_iter().rfind(|one| one.day <= latest))
}
