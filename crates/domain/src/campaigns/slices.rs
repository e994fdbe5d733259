//! A slice of a campaign: what one job does of it. It begins with what was left behind, reads who is due, writes their mails,
//! and leaves the next job behind when there is more to do.

use std::collections::HashMap;
use std::sync::Arc;

use diesel::dsl::min;
use diesel::prelude::*;

use super::attachments::{self, Carried};
use super::jobs::{SendCampaign, enqueue_turn};
use super::ledger::pause_by_itself;
use super::model::{Campaign, Counts, Frozen, InDoubt, Purpose, State, Status};
use super::pacing::Quota;
use super::progress::Progress;
use super::stamps::Marking;
use super::{queries, suppressions, traces};
use crate::clients::{self, Client};
use crate::identity::{self, Practice};
use crate::kernel::JsonText;
use crate::kernel::catalogue::Language;
use crate::kernel::clock::Instant;
use crate::kernel::config::MailSettings;
use crate::kernel::db::{Conn, Tx};
use crate::kernel::error::Result;
use crate::kernel::operations::{self, Problem};
use crate::kernel::secrets::Keyring;
use crate::mail::{Address, Letters, MailFault, MailServer, Parcel, Party, pack_with};
use crate::schema::{campaign_recipients as recipients, campaigns};
use crate::senders::{self, Limits};
use crate::templates::{Addressee, Compiled, Frame, Ground, Unwritable};
use crate::views::zone_of;

/// How often in a row a server may be unusable before the campaign pauses.
const MOST_FAULTS: i32 = 8;
/// The pauses between such tries, in seconds.
const FAULT_PAUSES: [i64; 5] = [15, 30, 60, 300, 900];

/// What a job does of a campaign, and what it needs for that.
pub struct Slice {
    /// The campaign.
    pub campaign: Campaign,
    /// The practice.
    pub practice: Practice,
    /// How long a mail may be on its way before it is in doubt, in seconds.
    pub seconds_to_send: i64,
    frozen: Frozen,
    marking: Marking,
    limits: Limits,
    texts: HashMap<Language, Compiled>,
    pub(super) carried: Carried,
    ground: Ground,
    own: Language,
    now: Instant,
    pub(super) progress: Progress,
}

/// A mail that is due.
#[derive(Debug, Clone)]
pub struct Due {
    /// The keys of its clients; the first one leads.
    pub clients: Vec<i64>,
    /// Where it goes.
    pub address: String,
    /// The contact's name.
    pub contact: Option<String>,
    /// What the contact does.
    pub role: Option<String>,
    /// The language that its reader likes best.
    pub language: String,
    /// How often it has been tried.
    pub attempts: i32,
    /// Its address has come to get no mails.
    pub is_suppressed: bool,
    found: Vec<Client>,
    /// What its values are made from, with the names that they speak of.
    ground: Arc<Ground>,
}

/// How a slice ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// It went as far as it could.
    Well,
    /// It may go on then: a rate is used up.
    Until(Instant),
    /// Its server could not be used.
    Unusable(MailFault),
}

/// Begins the slice of a job: what nobody can be sending any more is settled first. `None` when a newer job has taken over.
/// Returns the server that takes the mails, too; an error in its stead is why there is none.
///
/// # Errors
/// When the database refuses.
pub fn begin(
    tx: &mut Tx<'_>,
    job: &SendCampaign,
    (letters, mail, keyring): (&Letters, &MailSettings, &Keyring),
) -> Result<Option<(Slice, Result<MailServer>)>> {
    let Some(campaign) = queries::of_job(tx, job.campaign)?.filter(|campaign| campaign.turn == job.turn) else {
        return Ok(None);
    };
    let Some(frozen) = queries::frozen(tx, &campaign)? else { return Ok(None) };
    let practice = identity::find_practice(tx, campaign.practice)?;
    let now = tx.now();
    give_up_on(tx, &campaign)?;
    let given = senders::Given { practice: &practice, mail, keyring };
    let limits = match frozen.from.sender {
        Some(id) => senders::sender(tx, &practice, id).map(|sender| sender.limits).unwrap_or_default(),
        None => Limits::default(),
    };
    let server = senders::server_for(tx, given, frozen.from.sender);
    let mut texts = HashMap::new();
    for (language, text) in &frozen.content.0 {
        texts.insert(*language, Compiled::of(letters, *language, text)?);
    }
    let ground = Ground::of(tx, &practice, (&frozen.from.name, &frozen.from.address))?;
    let carried = Carried::of(attachments::of_campaign(tx, &campaign)?);
    let own = practice.language.parse().unwrap_or_default();
    // Five steps, each of which the server may take its time for.
    let seconds_to_send = i64::try_from(mail.limit.as_secs()).unwrap_or(60) * 5 + 10;
    let progress = Progress::of(tx, &campaign)?;
    let marking = Marking::of(keyring, &campaign, &frozen.from);
    let slice = Slice {
        campaign,
        practice,
        seconds_to_send,
        frozen,
        marking,
        limits,
        texts,
        carried,
        ground,
        own,
        now,
        progress,
    };
    Ok(Some((slice, server)))
}

/// Rows whose time is over: whoever was sending them is gone, and nobody knows whether the server took them.
fn give_up_on(tx: &mut Tx<'_>, campaign: &Campaign) -> Result<()> {
    let now = tx.now();
    let over = recipients::table
        .filter(recipients::campaign_key.eq(campaign.key).and(recipients::status.eq(State::Sending.as_str())))
        .filter(recipients::due_at.lt(now));
    let (state, settled) = match campaign.in_doubt {
        InDoubt::Ask => (State::InDoubt, Some(now)),
        InDoubt::Resend => (State::Waiting, None),
    };
    let given_up = diesel::update(over)
        .set((recipients::status.eq(state.as_str()), recipients::due_at.eq(now), recipients::settled_at.eq(settled)))
        .execute(&mut **tx)?;
    if given_up > 0 {
        tracing::warn!(campaign = %campaign.id, given_up, "mails were on their way when their worker went away");
    }
    Ok(())
}

impl Slice {
    pub(super) fn resends(&self) -> bool {
        self.campaign.in_doubt == InDoubt::Resend
    }

    /// What its sender may send, where that is limited.
    pub(super) fn quota(&self) -> Option<Quota> {
        let Limits { per_minute, per_day } = self.limits;
        if per_minute.is_none() && per_day.is_none() {
            return None;
        }
        let zone = zone_of(&self.practice);
        let today = self.now.in_zone(&zone).date();
        let tomorrow = today.tomorrow().ok().and_then(|day| day.to_zoned(zone).ok());
        let tomorrow = tomorrow.map_or(self.now, |at| Instant(at.timestamp().as_microsecond()));
        let sender = self.frozen.from.sender.map_or(self.practice.uid(), |sender| sender.0);
        Some(Quota { sender, per_minute, per_day, day: today.to_string(), tomorrow })
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = recipients)]
struct Row {
    client_key: i64,
    leader_key: i64,
    address: Option<String>,
    contact: Option<String>,
    role: Option<String>,
    language: String,
    attempts: i32,
}

/// The next mails that are due behind the client `after`, with their clients, as many as `limit`. Empty behind the last one.
///
/// # Errors
/// When the database refuses.
pub fn due(conn: &mut Conn, slice: &Slice, (after, limit): (i64, i64)) -> Result<Vec<Due>> {
    let own = || {
        recipients::table
            .filter(recipients::campaign_key.eq(slice.campaign.key))
            .filter(recipients::status.eq(State::Waiting.as_str()).and(recipients::due_at.le(slice.now)))
    };
    let leaders: Vec<Row> = own()
        .filter(recipients::client_key.gt(after).and(recipients::client_key.eq(recipients::leader_key)))
        .order(recipients::client_key)
        .limit(limit)
        .select(Row::as_select())
        .load(conn)?;
    let mut followers: HashMap<i64, Vec<i64>> = HashMap::new();
    if slice.campaign.mode == super::model::Mode::Mailbox && !leaders.is_empty() {
        let keys: Vec<i64> = leaders.iter().map(|row| row.client_key).collect();
        let others = own()
            .filter(recipients::leader_key.eq_any(keys).and(recipients::client_key.ne(recipients::leader_key)))
            .order(recipients::client_key);
        let others: Vec<(i64, i64)> = others.select((recipients::leader_key, recipients::client_key)).load(conn)?;
        others.into_iter().for_each(|(leader, client)| followers.entry(leader).or_default().push(client));
    }
    let with_others = |row: &Row| {
        let others = followers.get(&row.leader_key).into_iter().flatten().copied();
        std::iter::once(row.client_key).chain(others).collect::<Vec<i64>>()
    };
    let mut keys: Vec<i64> = leaders.iter().flat_map(with_others).collect();
    keys.sort_unstable();
    let found = clients::with_keys(conn, &slice.practice, &keys)?.0;
    let ground = Arc::new(slice.ground.clone().with_names(conn, &slice.practice, &found)?);
    let mut by_key: HashMap<i64, Client> = found.into_iter().map(|client| (client.key, client)).collect();
    let addresses: Vec<&str> = leaders.iter().filter_map(|row| row.address.as_deref()).collect();
    let is_marketing = slice.campaign.purpose == Purpose::Marketing;
    let suppressed = suppressions::among(conn, &slice.practice, (&addresses, is_marketing))?;
    let due = leaders.into_iter().map(|row| {
        let clients = with_others(&row);
        let found = clients.iter().filter_map(|key| by_key.remove(key)).collect();
        let address = row.address.unwrap_or_default();
        let is_suppressed = suppressed.contains(&address.to_ascii_lowercase());
        let Row { contact, role, language, attempts, .. } = row;
        let ground = Arc::clone(&ground);
        Due { clients, address, contact, role, language, attempts, is_suppressed, found, ground }
    });
    Ok(due.collect())
}

/// Writes the mail of somebody who is due; `unsubscribe` is where its reader says that they want no more of it.
///
/// # Errors
/// The reason why it cannot be written, for people.
pub fn prepare(slice: &Slice, due: &Due, unsubscribe: Option<&str>) -> std::result::Result<Parcel, String> {
    let wished = due.language.parse().unwrap_or(slice.own);
    let language = slice.frozen.content.language_for(wished, slice.own).ok_or("the template has no text")?;
    let text = slice.texts.get(&language).ok_or("the template has no text")?;
    let found: Vec<&Client> = due.found.iter().collect();
    let addressee =
        Addressee { clients: &found, contact: due.contact.as_deref(), role: due.role.as_deref(), unsubscribe };
    let values = due.ground.values(text.used(), &addressee, language);
    let from = &slice.frozen.from;
    let frame = Frame { sender: &from.name, signature: from.signature(language) };
    let written = text.write(&values, frame).map_err(|fault| match fault {
        Unwritable::Missing(names) => format!("no value for {}", names.join(", ")),
        Unwritable::TooLarge => "larger than a mail may be".to_owned(),
    })?;
    let leader = due.clients.first().copied().unwrap_or_default();
    let marks = slice.marking.marks(leader).map_err(|fault| fault.to_string())?;
    let address = Address {
        from: from.party(),
        reply_to: from.reply_to.clone(),
        to: Party { name: due.contact.clone().unwrap_or_default(), address: due.address.clone() },
        unsubscribe: unsubscribe.map(str::to_owned),
        message_id: marks.message_id,
        written_at: slice.now,
    };
    let parcel =
        pack_with(&written, &address, &slice.carried.with(language)?).and_then(|parcel| match &marks.return_path {
            Some(path) => parcel.returning_to(path),
            None => Ok(parcel),
        });
    parcel.map_err(|fault| fault.to_string())
}

/// Ends a slice, in the transaction that finishes its job: whom it reached is noted on the clients, and the next job is left
/// behind, or the campaign is finished.
///
/// # Errors
/// When the database refuses.
pub fn end(tx: &mut Tx<'_>, slice: &Slice, ended: &Ended) -> Result<()> {
    let Some(campaign) = queries::of_job(tx, slice.campaign.id)? else { return Ok(()) };
    let counts = Counts::read(tx, &campaign)?;
    if let Some(operation) = campaign.operation {
        operations::report(tx, operation, counts.settled(), counts.of(State::Failed))?;
    }
    if campaign.turn != slice.campaign.turn {
        return Ok(());
    }
    let faults = match ended {
        Ended::Unusable(fault) => {
            let faults = campaign.faults + 1;
            if faults >= MOST_FAULTS || matches!(fault, MailFault::SignInRefused(_) | MailFault::NoSignIn) {
                let problem = Problem::new("mail_server_unusable").with("reason", fault.to_string());
                pause_by_itself(tx, &campaign, &problem)?;
            }
            faults
        }
        Ended::Well | Ended::Until(_) => 0,
    };
    diesel::update(campaigns::table.find(campaign.key)).set(campaigns::faults.eq(faults)).execute(&mut **tx)?;
    let has_more = traces::note(tx, &slice.practice, &campaign)?;
    let Some(campaign) = queries::of_job(tx, campaign.id)? else { return Ok(()) };
    let runs = campaign.status == Status::Running;
    let pause = usize::try_from(faults - 1).ok().and_then(|at| FAULT_PAUSES.get(at)).or(FAULT_PAUSES.last());
    let pause = tx.now().plus_seconds(pause.copied().unwrap_or(60));
    let due = if has_more { Some(tx.now()) } else { next_due(tx, &campaign, runs)? };
    let next = due.map(|due| match ended {
        Ended::Until(at) if runs => due.max(*at),
        Ended::Unusable(_) => due.max(pause),
        _ => due,
    });
    match next {
        Some(at) => {
            let turn = campaign.turn + 1;
            diesel::update(campaigns::table.find(campaign.key)).set(campaigns::turn.eq(turn)).execute(&mut **tx)?;
            enqueue_turn(tx, &campaign, turn, Some(at))
        }
        None if runs => finish(tx, &campaign, &counts),
        None => Ok(()),
    }
}

/// When there is something to do next: a mail to send while the campaign runs, or one to give up on.
fn next_due(conn: &mut Conn, campaign: &Campaign, runs: bool) -> Result<Option<Instant>> {
    let at = |conn: &mut Conn, state: State| -> Result<Option<Instant>> {
        let own = recipients::campaign_key.eq(campaign.key).and(recipients::status.eq(state.as_str()));
        Ok(recipients::table.filter(own).select(min(recipients::due_at)).first::<Option<Instant>>(conn)?)
    };
    let waiting = if runs { at(conn, State::Waiting)? } else { None };
    let sending = at(conn, State::Sending)?.map(|until| until.plus_seconds(1));
    Ok(waiting.into_iter().chain(sending).min())
}

fn finish(tx: &mut Tx<'_>, campaign: &Campaign, counts: &Counts) -> Result<()> {
    let now = tx.now();
    diesel::update(campaigns::table.find(campaign.key))
        .set((
            campaigns::status.eq(Status::Finished.as_str()),
            campaigns::finished_at.eq(Some(now)),
            campaigns::paused_for.eq(None::<JsonText>),
            campaigns::revision.eq(campaigns::revision + 1),
        ))
        .execute(&mut **tx)?;
    if let Some(operation) = campaign.operation {
        let of = |state: State| counts.of(state);
        let result = serde_json::json!({
            "campaign_id": campaign.id, "sent": of(State::Sent), "failed": of(State::Failed), "in_doubt": of(State::InDoubt),
        });
        operations::finish(tx, operation, &result)?;
    }
    Ok(())
}
