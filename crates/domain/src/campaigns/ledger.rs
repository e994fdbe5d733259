//! The ledger: what happened to mails is written down, and the next ones are taken, in one transaction for as many of them as
//! there are. A row is *sending* here before anybody speaks to a server about it.

use std::collections::HashSet;

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text};

use super::model::{Campaign, State, Status};
use super::pacing::{self, Allowed};
use super::slices::Slice;
use crate::kernel::JsonText;
use crate::kernel::clock::Instant;
use crate::kernel::db::{Conn, Kept, Part, Tx};
use crate::kernel::error::Result;
use crate::kernel::operations::Problem;
use crate::mail::{MailFault, Undelivered, Words};
use crate::schema::{campaign_recipients as recipients, campaigns};

/// The pauses between the tries of a mail that was refused for now, in seconds; behind the last one it has failed.
const PAUSES: [i64; 6] = [60, 300, 900, 3_600, 14_400, 28_800];
/// A campaign pauses by itself after so many failures at least.
const FEWEST_FAILURES: i64 = 10;

/// What became of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The server took it.
    Sent(Words),
    /// It did not, or not yet.
    Unsent(Undelivered),
    /// It cannot be written: why.
    Unwritable(String),
    /// Its address has come to get no mails.
    Suppressed,
}

/// What whoever sends is to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Go {
    /// Go on.
    On,
    /// Wait until then at least: the rate is used up.
    Wait(Instant),
    /// Stop: the campaign runs no more, or a newer job has taken over.
    Stop,
}

/// What was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// The mails that are to go out now, by their leaders.
    pub taken: Vec<i64>,
    /// How many of those that were wanted were looked at; the rest is to ask again.
    pub looked_at: usize,
    /// What to do next.
    pub go: Go,
}

impl Exchange {
    fn none(go: Go) -> Self {
        Self { taken: Vec::new(), looked_at: 0, go }
    }
}

/// One row of a settlement: what a mail's rows come to be.
struct Written {
    clients: Vec<i64>,
    state: State,
    due_at: i64,
    words: Option<String>,
}

/// Writes down what became of mails, each with the keys of its clients and how often it was tried, and takes others.
///
/// # Errors
/// When the database refuses; nothing is taken then, and what happened has to be written down again.
pub fn exchange(
    tx: &mut Tx<'_>,
    slice: &Slice,
    settled: &[(Vec<i64>, i32, Outcome)],
    wanted: &[&[i64]],
) -> Result<Exchange> {
    let now = tx.now();
    let rows: Vec<Written> = settled.iter().map(|one| slice.written(one, now)).collect();
    write(tx, slice.campaign.key, &rows, now)?;
    slice.progress.count(&rows_in(&rows));
    slice.progress.tell(tx)?;
    if slice.has_failed_too_often() {
        let (failed, share) = (slice.progress.failed().to_string(), slice.campaign.pause_share);
        let problem = Problem::new("too_many_failures").with("failed", failed).with("share", share);
        pause_by_itself(tx, &slice.campaign, &problem)?;
    }
    if wanted.is_empty() {
        return Ok(Exchange::none(Go::On));
    }
    let own = campaigns::table.find(slice.campaign.key);
    let (status, turn): (String, i64) = own.select((campaigns::status, campaigns::turn)).first(&mut **tx)?;
    // Resumed soon after a pause it has a newer job, beside which this one would open as many connections again.
    if status != Status::Running.as_str() || turn != slice.campaign.turn {
        return Ok(Exchange::none(Go::Stop));
    }
    let most = match pacing::allowed(tx, slice, wanted.len())? {
        Allowed::Some(most) => most,
        Allowed::Later(at) => return Ok(Exchange::none(Go::Wait(at))),
    };
    let keys: Vec<i64> = wanted.iter().take(most).flat_map(|clients| clients.iter().copied()).collect();
    let taken: HashSet<i64> = take(tx, slice, &keys)?.into_iter().collect();
    let is_taken = |leader: &i64| taken.contains(leader);
    let taken = wanted.iter().take(most).filter_map(|clients| clients.first().copied()).filter(is_taken).collect();
    Ok(Exchange { taken, looked_at: most, go: Go::On })
}

fn rows_in(rows: &[Written]) -> Vec<(State, i64)> {
    rows.iter().map(|row| (row.state, i64::try_from(row.clients.len()).unwrap_or(i64::MAX))).collect()
}

impl Slice {
    /// What an outcome makes of the rows of its mail.
    fn written(&self, (clients, attempts, outcome): &(Vec<i64>, i32, Outcome), now: Instant) -> Written {
        let row = |state, words: Option<String>| Written { clients: clients.clone(), state, due_at: now.0, words };
        let pause = usize::try_from(*attempts - 1).ok().and_then(|at| PAUSES.get(at));
        let later = |words: String| match pause {
            Some(pause) => Written { due_at: now.plus_seconds(*pause).0, ..row(State::Waiting, Some(words)) },
            None => row(State::Failed, Some(words)),
        };
        match outcome {
            Outcome::Sent(words) => row(State::Sent, Some(words.to_string())),
            Outcome::Unwritable(reason) => row(State::Failed, Some(reason.clone())),
            Outcome::Suppressed => row(State::Suppressed, None),
            Outcome::Unsent(Undelivered::InDoubt(fault)) => self.doubtful(row(State::InDoubt, Some(fault.to_string()))),
            Outcome::Unsent(Undelivered::Refused(words)) if !words.is_passing() => {
                row(State::Failed, Some(words.to_string()))
            }
            Outcome::Unsent(Undelivered::Refused(words)) => later(words.to_string()),
            Outcome::Unsent(fault @ (Undelivered::Unaddressable | Undelivered::TooLarge { .. })) => {
                row(State::Failed, Some(fault.to_string()))
            }
            Outcome::Unsent(Undelivered::Kept(MailFault::Refused(words))) => later(words.to_string()),
            Outcome::Unsent(Undelivered::Kept(fault)) => later(fault.to_string()),
        }
    }

    /// A mail in doubt waits for a person, or goes out once more as the same mail.
    fn doubtful(&self, row: Written) -> Written {
        if self.resends() { Written { state: State::Waiting, ..row } } else { row }
    }

    /// Whether it has failed too often since somebody last looked.
    fn has_failed_too_often(&self) -> bool {
        let (failed, sent) = (self.progress.failed(), self.progress.sent());
        failed >= FEWEST_FAILURES && failed * 100 >= i64::from(self.campaign.pause_share) * (failed + sent)
    }
}

/// Pauses a campaign that still runs, and says why.
pub(super) fn pause_by_itself(tx: &mut Tx<'_>, campaign: &Campaign, problem: &Problem) -> Result<()> {
    let runs = campaigns::table.find(campaign.key).filter(campaigns::status.eq(Status::Running.as_str()));
    let paused = diesel::update(runs)
        .set((
            campaigns::status.eq(Status::Paused.as_str()),
            campaigns::paused_for.eq(Some(JsonText::of(problem))),
            campaigns::revision.eq(campaigns::revision + 1),
        ))
        .execute(&mut **tx)?;
    if paused > 0 {
        tracing::warn!(campaign = %campaign.id, reason = problem.code, "a campaign pauses by itself; look at it and resume it");
    }
    Ok(())
}

const WRITE_POSTGRES: &str = "
UPDATE campaign_recipients AS r SET status = t.status, due_at = t.due_at, words = coalesce(t.words, r.words),
    settled_at = CASE WHEN t.status IN ('waiting', 'sending') THEN NULL ELSE $1 END
FROM unnest($2, $3, $4, $5) AS t(client_key, status, due_at, words)
WHERE r.campaign_key = $6 AND r.client_key = t.client_key
    AND r.status IN ('sending', 'in_doubt', 'waiting')";

/// Each row says its campaign, too: were that a value of the statement, SQLite would read the whole campaign first and look at
/// every row of the settlement for each of its clients.
const WRITE_SQLITE: [&str; 3] = [
    "UPDATE campaign_recipients SET status = t.status, due_at = t.due_at, words = coalesce(t.words, campaign_recipients.words),
    settled_at = CASE WHEN t.status IN ('waiting', 'sending') THEN NULL ELSE ",
    " END
FROM (SELECT value ->> 0 AS campaign_key, value ->> 1 AS client_key, value ->> 2 AS status, value ->> 3 AS due_at,
      value ->> 4 AS words FROM json_each(",
    ")) AS t
WHERE campaign_recipients.campaign_key = t.campaign_key AND campaign_recipients.client_key = t.client_key
    AND campaign_recipients.status IN ('sending', 'in_doubt', 'waiting')",
];

fn write(tx: &mut Tx<'_>, campaign: i64, rows: &[Written], now: Instant) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let each = || rows.iter().flat_map(|row| row.clients.iter().map(move |client| (*client, row)));
    match &mut **tx {
        Conn::Postgres(c) => diesel::sql_query(WRITE_POSTGRES)
            .bind::<BigInt, _>(now.0)
            .bind::<Array<BigInt>, _>(each().map(|(client, _)| client).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(each().map(|(_, row)| row.state.as_str()).collect::<Vec<_>>())
            .bind::<Array<BigInt>, _>(each().map(|(_, row)| row.due_at).collect::<Vec<_>>())
            .bind::<Array<Nullable<Text>>, _>(each().map(|(_, row)| row.words.as_deref()).collect::<Vec<_>>())
            .bind::<BigInt, _>(campaign)
            .execute(c)?,
        Conn::Sqlite(c) => {
            let rows: Vec<_> = each()
                .map(|(client, row)| (campaign, client, row.state.as_str(), row.due_at, row.words.as_deref()))
                .collect();
            let [head, middle, tail] = WRITE_SQLITE.map(Part::Words);
            let rows = serde_json::to_string(&rows)?;
            Kept(&[head, Part::Number(&now.0), middle, Part::Text(&rows), tail]).execute(c)?
        }
    };
    Ok(())
}

/// Takes waiting rows: they are *sending* from here on, until their time is over. Returns those that were still there.
fn take(tx: &mut Tx<'_>, slice: &Slice, keys: &[i64]) -> Result<Vec<i64>> {
    let (until, campaign) = (tx.now().plus_seconds(slice.seconds_to_send), slice.campaign.key);
    Ok(match &mut **tx {
        Conn::Postgres(c) => {
            let own = recipients::campaign_key.eq(campaign).and(recipients::client_key.eq_any(keys));
            let waiting = recipients::table.filter(own.and(recipients::status.eq(State::Waiting.as_str())));
            diesel::update(waiting)
                .set((
                    recipients::status.eq(State::Sending.as_str()),
                    recipients::attempts.eq(recipients::attempts + 1),
                    recipients::due_at.eq(until),
                ))
                .returning(recipients::client_key)
                .get_results(c)?
        }
        // As an array, for diesel would spell out a place for each key.
        Conn::Sqlite(c) => Kept(&[
            Part::Words("UPDATE campaign_recipients SET status = 'sending', attempts = attempts + 1, due_at = "),
            Part::Number(&until.0),
            Part::Words(" WHERE campaign_key = "),
            Part::Number(&campaign),
            Part::Words(" AND client_key IN (SELECT value FROM json_each("),
            Part::Text(&serde_json::to_string(keys)?),
            Part::Words(")) AND status = 'waiting' RETURNING client_key"),
        ])
        .load(c)?,
    })
}
