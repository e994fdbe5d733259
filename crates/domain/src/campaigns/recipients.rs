//! Reading the ledger: who got a campaign's mail and who did not, and what mails a client got.

use std::collections::HashSet;

use diesel::prelude::*;

use super::model::{Bounce, Campaign, CampaignId, State};
use super::preflights::MailedLately;
use crate::clients::{Client, ClientId};
use crate::identity::Practice;
use crate::kernel::clock::Instant;
use crate::kernel::db::Conn;
use crate::kernel::error::Result;
use crate::kernel::page::{self, Page};
use crate::schema::{campaign_recipients as recipients, campaigns, clients};

/// Keys asked for in one statement.
const AT_ONCE: usize = 5_000;

/// A client of a campaign's audience.
#[derive(Debug, Clone)]
pub struct Recipient {
    /// The client's key inside.
    pub key: i64,
    /// The client.
    pub client: ClientId,
    /// Its name.
    pub name: String,
    /// What became of its mail.
    pub state: State,
    /// How it came back.
    pub bounce: Option<Bounce>,
    /// Where it goes.
    pub address: Option<String>,
    /// The contact's name.
    pub contact: Option<String>,
    /// The language that its reader likes best.
    pub language: String,
    /// Why that address.
    pub reason: String,
    /// How often it was tried.
    pub attempts: i32,
    /// What the server said last.
    pub words: Option<String>,
    /// When it is due, while it waits.
    pub due_at: Instant,
    /// When it was settled.
    pub settled_at: Option<Instant>,
    /// What its mail is known by, without angle brackets' domain: the same however often it is sent.
    pub leader: i64,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = recipients)]
struct Row {
    client_key: i64,
    leader_key: i64,
    status: String,
    address: Option<String>,
    contact: Option<String>,
    language: String,
    reason: String,
    attempts: i32,
    words: Option<String>,
    due_at: Instant,
    settled_at: Option<Instant>,
    bounce: Option<String>,
}

impl Row {
    fn bounce(&self) -> Result<Option<Bounce>> {
        self.bounce.as_deref().map(Bounce::parse).transpose()
    }
}

/// Which recipients.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked<'a> {
    /// In this state.
    pub state: Option<State>,
    /// Whose mail came back so.
    pub bounce: Option<Bounce>,
    /// Behind this one.
    pub cursor: Option<&'a str>,
    /// So many at most.
    pub limit: u32,
}

/// A page of a campaign's recipients, by client.
///
/// # Errors
/// [`Error::Invalid`](crate::kernel::error::Error::Invalid) on `/cursor`.
pub fn recipients(conn: &mut Conn, campaign: &Campaign, asked: Asked<'_>) -> Result<Page<Recipient>> {
    let after: i64 = asked.cursor.map(page::decode).transpose()?.unwrap_or(0);
    let mut own = recipients::table
        .inner_join(clients::table.on(clients::key.eq(recipients::client_key)))
        .filter(recipients::campaign_key.eq(campaign.key).and(recipients::client_key.gt(after)))
        .into_boxed();
    if let Some(state) = asked.state {
        own = own.filter(recipients::status.eq(state.as_str()));
    }
    if let Some(bounce) = asked.bounce {
        own = own.filter(recipients::bounce.eq(bounce.as_str()));
    }
    let rows: Vec<(Row, (ClientId, String))> = own
        .order(recipients::client_key)
        .limit(i64::from(asked.limit) + 1)
        .select((Row::as_select(), (clients::id, clients::name)))
        .load(conn)?;
    let read = |(row, (client, name)): (Row, (ClientId, String))| {
        Ok(Recipient {
            key: row.client_key,
            client,
            name,
            state: State::parse(&row.status)?,
            bounce: row.bounce()?,
            address: row.address,
            contact: row.contact,
            language: row.language,
            reason: row.reason,
            attempts: row.attempts,
            words: row.words,
            due_at: row.due_at,
            settled_at: row.settled_at,
            leader: row.leader_key,
        })
    };
    let rows = rows.into_iter().map(read).collect::<Result<Vec<_>>>()?;
    Ok(Page::of(rows, asked.limit, |last| last.key))
}

/// The mails that these clients were sent since a moment, single ones and those of campaigns, as the client's key and when. With
/// `informing` only those that inform about Peppol, and that the client's card speaks of.
pub(super) fn sent_since(
    conn: &mut Conn,
    practice: &Practice,
    keys: &[i64],
    (since, informing): (Instant, bool),
) -> Result<Vec<(i64, Instant)>> {
    // Those alone that say so, or both kinds.
    let kinds: &[bool] = if informing { &[true] } else { &[true, false] };
    let informs = || campaigns::informs.eq_any(kinds);
    let to_many: Vec<i64> = campaigns::table
        .filter(campaigns::practice_id.eq(practice.id).and(campaigns::client_key.is_null()))
        .filter(campaigns::dispatched_at.is_not_null().and(informs()))
        .filter(campaigns::finished_at.is_null().or(campaigns::finished_at.gt(since)))
        .select(campaigns::key)
        .load(conn)?;
    let sent = || {
        let sent = recipients::status.eq(State::Sent.as_str()).and(recipients::settled_at.gt(since));
        sent.and(recipients::is_traced.eq_any(kinds))
    };
    let mut keys = keys.to_vec();
    keys.sort_unstable();
    let mut found: Vec<(i64, Option<Instant>)> = Vec::new();
    // All rows between the first and the last key are read, and those of other clients left out here: keys mostly follow one
    // another, and where they do not, each row is still read but once.
    for some in keys.chunks(AT_ONCE) {
        let (Some(first), Some(last)) = (some.first(), some.last()) else { continue };
        let of_many: Vec<(i64, Option<Instant>)> = recipients::table
            .filter(recipients::campaign_key.eq_any(&to_many).and(recipients::client_key.between(first, last)))
            .filter(sent())
            .select((recipients::client_key, recipients::settled_at))
            .load(conn)?;
        let single: Vec<(i64, Option<Instant>)> = campaigns::table
            .inner_join(recipients::table.on(recipients::campaign_key.eq(campaigns::key)))
            .filter(
                campaigns::client_key.between(first, last).and(campaigns::practice_id.eq(practice.id)).and(informs()),
            )
            .filter(campaigns::client_key.eq(recipients::client_key.nullable()).and(sent()))
            .select((recipients::client_key, recipients::settled_at))
            .load(conn)?;
        found.extend(of_many.into_iter().chain(single).filter(|(key, _)| some.binary_search(key).is_ok()));
    }
    Ok(found.into_iter().filter_map(|(key, at)| Some((key, at?))).collect())
}

/// How many of these clients were mailed since a moment, and when the last one was.
pub(super) fn mailed_since(conn: &mut Conn, practice: &Practice, keys: &[i64], since: Instant) -> Result<MailedLately> {
    let sent = sent_since(conn, practice, keys, (since, false))?;
    let clients: HashSet<i64> = sent.iter().map(|(client, _)| *client).collect();
    let last_at = sent.into_iter().map(|(_, at)| at).max();
    Ok(MailedLately { clients: i64::try_from(clients.len()).unwrap_or(i64::MAX), last_at })
}

/// A mail that a client was to get.
#[derive(Debug, Clone)]
pub struct MailOfClient {
    /// The campaign, of one where it was sent from the card.
    pub campaign: CampaignId,
    /// What it is called.
    pub name: String,
    /// It was sent from the card.
    pub is_single: bool,
    /// What became of it.
    pub state: State,
    /// How it came back.
    pub bounce: Option<Bounce>,
    /// Where it went.
    pub address: Option<String>,
    /// What the server said last.
    pub words: Option<String>,
    /// When the campaign began.
    pub dispatched_at: Option<Instant>,
    /// When it was settled.
    pub settled_at: Option<Instant>,
    key: i64,
}

/// The mails of a client, the newest first.
///
/// # Errors
/// [`Error::Invalid`](crate::kernel::error::Error::Invalid) on `/cursor`.
pub fn mails_of(
    conn: &mut Conn,
    practice: &Practice,
    client: &Client,
    (cursor, limit): (Option<&str>, u32),
) -> Result<Page<MailOfClient>> {
    type Of = (i64, CampaignId, String, Option<i64>, Option<Instant>);
    let from: i64 = cursor.map(page::decode).transpose()?.unwrap_or(i64::MAX);
    let mails = || {
        recipients::table
            .inner_join(campaigns::table.on(campaigns::key.eq(recipients::campaign_key)))
            .filter(recipients::client_key.eq(client.key).and(campaigns::key.lt(from)))
            .filter(campaigns::practice_id.eq(practice.id))
            .order(campaigns::key.desc())
            .limit(i64::from(limit) + 1)
            .select((
                Row::as_select(),
                (campaigns::key, campaigns::id, campaigns::name, campaigns::client_key, campaigns::dispatched_at),
            ))
    };
    let read = |(row, (key, campaign, name, single, dispatched_at)): (Row, Of)| {
        Ok(MailOfClient {
            campaign,
            name,
            is_single: single.is_some(),
            state: State::parse(&row.status)?,
            bounce: row.bounce()?,
            address: row.address,
            words: row.words,
            dispatched_at,
            settled_at: row.settled_at,
            key,
        })
    };
    let mut rows: Vec<(Row, Of)> = mails().filter(campaigns::client_key.eq(client.key)).load(conn)?;
    rows.extend(mails().filter(campaigns::client_key.is_null()).load::<(Row, Of)>(conn)?);
    rows.sort_unstable_by_key(|(_, of)| std::cmp::Reverse(of.0));
    let rows = rows.into_iter().map(read).collect::<Result<Vec<_>>>()?;
    Ok(Page::of(rows, limit, |last| last.key))
}
