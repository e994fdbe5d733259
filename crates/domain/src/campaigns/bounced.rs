//! Mails that came back: what a report does to the rows of its mail, to the address and to what is known of the clients.

use std::collections::HashMap;

use diesel::prelude::*;
use serde_json::json;

use super::model::{Bounce, Campaign, Mode, State};
use super::recipients::sent_since;
use super::suppressions;
use crate::clients::door;
use crate::identity::Practice;
use crate::kernel::actor::Actor;
use crate::kernel::audit::{self, Event};
use crate::kernel::clock::Instant;
use crate::kernel::db::Tx;
use crate::kernel::error::Result;
use crate::schema::campaign_recipients as recipients;

/// How much later a mail may have been sent, by our clock, than the report about it came in by the server's: a day, in seconds. An
/// older report is about an earlier try, as when a mailbox is read anew after the mail was sent again.
const CLOCKS_APART: i64 = 86_400;
/// Who does it.
const ACTOR: &str = "bounces";

/// A mail that came back.
#[derive(Debug, Clone)]
pub struct CameBack {
    /// The key of the client that leads it.
    pub leader: i64,
    /// What was said, by address.
    pub verdicts: Vec<Verdict>,
    /// It came back to the mail's own address: so it is about this mail whomever it names, as when mails are forwarded.
    pub is_by_return_path: bool,
    /// When the report came in, when that is known.
    pub received_at: Option<Instant>,
}

/// What a report says of an address.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// For good or for now; `None` when that address's mail did not come back.
    pub bounce: Option<Bounce>,
    /// Status and diagnostic, in one line.
    pub words: String,
    /// The spellings of the address that it is about.
    pub about: Vec<String>,
}

/// How many clients' mails came back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// For good.
    pub hard: i64,
    /// For now.
    pub soft: i64,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.hard += other.hard;
        self.soft += other.soft;
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = recipients)]
struct Row {
    client_key: i64,
    leader_key: i64,
    address: Option<String>,
    settled_at: Option<Instant>,
}

/// The states of a row whose mail may come back: a report proves that it went out.
const MAY_COME_BACK: [&str; 3] = [State::Sent.as_str(), State::Sending.as_str(), State::InDoubt.as_str()];

/// Writes down which mails of a campaign came back. A row is written once, however often its report is read; an address whose mails
/// came back for good gets no more, and whoever was only informed by such a mail is so no more.
///
/// # Errors
/// When the database refuses.
pub fn take_back(
    tx: &mut Tx<'_>,
    (practice, campaign): (&Practice, &Campaign),
    came_back: &[CameBack],
) -> Result<Tally> {
    let leaders: Vec<i64> = came_back.iter().map(|one| one.leader).collect();
    let own = || {
        let own = recipients::table.filter(recipients::campaign_key.eq(campaign.key)).select(Row::as_select());
        own.filter(recipients::status.eq_any(MAY_COME_BACK)).order(recipients::client_key)
    };
    let rows: Vec<Row> = match campaign.mode {
        // Found by their keys, where each client leads its own mail.
        Mode::Client => own().filter(recipients::client_key.eq_any(leaders)).load(&mut **tx)?,
        Mode::Mailbox => own().filter(recipients::leader_key.eq_any(leaders)).load(&mut **tx)?,
    };
    let mut by_leader: HashMap<i64, Vec<Row>> = HashMap::new();
    rows.into_iter().for_each(|row| by_leader.entry(row.leader_key).or_default().push(row));
    let (mut tally, mut untraced) = (Tally::default(), Vec::new());
    for one in came_back {
        let Some(rows) = by_leader.get(&one.leader) else { continue };
        let address = rows.iter().find_map(|row| row.address.clone()).unwrap_or_default();
        let last_sent = rows.iter().filter_map(|row| row.settled_at).max();
        let is_old = one.received_at.zip(last_sent).is_some_and(|(at, sent)| at.plus_seconds(CLOCKS_APART) < sent);
        let Some((bounce, words)) = one.gravest(&address).filter(|_| !is_old) else { continue };
        let (written, traced) = write(tx, campaign, (rows, bounce, words))?;
        // Another report about the same mail finds nothing more to say.
        by_leader.remove(&one.leader);
        untraced.extend(traced);
        match bounce {
            Bounce::Hard => tally.hard += written,
            Bounce::Soft => tally.soft += written,
        }
        if written > 0 && bounce == Bounce::Hard {
            let note = format!("{}: {words}", campaign.name);
            suppressions::suppress_bounced(tx, practice, (&address, &note))?;
        }
    }
    if tally != Tally::default() {
        let event = Event::new("campaign.bounced", ACTOR).on(campaign.id);
        let said = json!({ "hard": tally.hard, "soft": tally.soft });
        audit::record(tx, practice.uid(), &Actor::system(ACTOR), &event.after(&said))?;
    }
    if !untraced.is_empty() {
        take_trace_back(tx, (practice, campaign), &untraced)?;
    }
    Ok(tally)
}

impl CameBack {
    /// The gravest of what is said of an address; of any when nothing is said of it and the report came back to the mail's own.
    fn gravest(&self, address: &str) -> Option<(Bounce, &str)> {
        let is_own = |one: &&Verdict| one.about.iter().any(|known| known.eq_ignore_ascii_case(address));
        let says_of_own = self.verdicts.iter().any(|one| is_own(&one));
        let counts = |one: &&Verdict| if says_of_own { is_own(one) } else { self.is_by_return_path };
        let said = self.verdicts.iter().filter(counts);
        said.filter_map(|one| one.bounce.map(|bounce| (bounce, one.words.as_str()))).max_by_key(|(bounce, _)| *bounce)
    }
}

/// A client and the moment at which its mail was sent.
type SentTo = (i64, Option<Instant>);

/// Writes the rows of a mail. Returns how many there were, and whose card said that they were informed by it.
fn write(
    tx: &mut Tx<'_>,
    campaign: &Campaign,
    (rows, bounce, words): (&[Row], Bounce, &str),
) -> Result<(i64, Vec<SentTo>)> {
    let keys: Vec<i64> = rows.iter().map(|row| row.client_key).collect();
    let own = recipients::campaign_key.eq(campaign.key).and(recipients::client_key.eq_any(keys));
    let written: Vec<(i64, bool)> =
        diesel::update(recipients::table.filter(own.and(recipients::status.eq_any(MAY_COME_BACK))))
            .set((
                recipients::status.eq(State::Bounced.as_str()),
                recipients::bounce.eq(Some(bounce.as_str())),
                recipients::words.eq(Some(words)),
                recipients::settled_at.eq(Some(tx.now())),
            ))
            .returning((recipients::client_key, recipients::is_traced))
            .get_results(&mut **tx)?;
    let traced = |row: &&Row| written.contains(&(row.client_key, true));
    let traced: Vec<SentTo> = rows.iter().filter(traced).map(|row| (row.client_key, row.settled_at)).collect();
    Ok((i64::try_from(written.len()).unwrap_or(i64::MAX), traced))
}

/// Has clients be informed when another mail last informed them, unless that was later, or not at all.
fn take_trace_back(tx: &mut Tx<'_>, (practice, campaign): (&Practice, &Campaign), clients: &[SentTo]) -> Result<()> {
    let keys: Vec<i64> = clients.iter().map(|(key, _)| *key).collect();
    let own = recipients::campaign_key.eq(campaign.key).and(recipients::client_key.eq_any(&keys));
    diesel::update(recipients::table.filter(own)).set(recipients::is_traced.eq(false)).execute(&mut **tx)?;
    let mut others: HashMap<i64, Instant> = HashMap::new();
    for (key, at) in sent_since(tx, practice, &keys, (Instant(i64::MIN), true))? {
        others.entry(key).and_modify(|last| *last = at.max(*last)).or_insert(at);
    }
    let before = |key: &i64| others.get(key).copied();
    let taken: Vec<(i64, Option<Instant>)> = clients
        .iter()
        .map(|(key, sent_at)| (*key, before(key), *sent_at))
        .filter(|(_, before, sent_at)| before.is_none() || *before < *sent_at)
        .map(|(key, before, _)| (key, before))
        .collect();
    if taken.is_empty() {
        return Ok(());
    }
    let event = Event::new("clients.uninformed", ACTOR).on(campaign.id);
    let set = door::open(tx, practice, &Actor::system(ACTOR), event)?;
    set.take_informed_back(tx, &taken)
}
