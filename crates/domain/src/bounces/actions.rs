//! The verbs: have a mailbox read, and write down what reading it brought in.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;
use serde_json::json;

use super::jobs::ReadBounces;
use super::model::{MailboxId, weigh};
use super::network::Harvest;
use super::queries::{self, Checkpoint, Place};
use crate::campaigns::{self, CameBack, Campaign, Marked, Tally, Verdict};
use crate::identity::{self, Caller, PracticeId};
use crate::kernel::audit::{self, Event};
use crate::kernel::clock::Instant;
use crate::kernel::config::MailSettings;
use crate::kernel::db::{Db, Tx};
use crate::kernel::error::{Error, Result};
use crate::kernel::jobs::{self, EnqueueOptions};
use crate::kernel::operations::{self, Operation, OperationId, Problem};
use crate::kernel::secrets::Keyring;
use crate::kernel::{JsonText, Uid};
use crate::mail::{Affected, Report};
use crate::on_each;
use crate::schema::bounce_mailboxes as mailboxes;
use crate::senders::{self, SenderId};

/// How long a mailbox that was read well is left alone, in seconds: a little less than the pause between two looks at the clock.
const PAUSE: i64 = 4 * 60;
/// The pauses behind tries that went wrong in a row, in seconds, so that no server locks out who asks too often.
const FAULT_PAUSES: [i64; 5] = [240, 900, 3_600, 3 * 3_600, 6 * 3_600];
/// A mailbox whose job was left behind is not asked for again before this, in seconds.
const CLAIMED: i64 = 30 * 60;

/// Leaves a job for each mailbox that is due. Returns how many.
///
/// # Errors
/// When the database refuses.
pub fn enqueue_due(db: &Db, mail: &MailSettings) -> Result<usize> {
    db.write(|tx| {
        let now = tx.now();
        let rested: HashSet<Uid> = mailboxes::table
            .filter(mailboxes::due_at.gt(now))
            .select(mailboxes::id)
            .load(&mut **tx)?
            .into_iter()
            .collect();
        let own = senders::with_bounce_boxes(tx)?.into_iter().map(|(practice, sender)| (Some(practice), Some(sender)));
        let shared = mail.bounces.iter().map(|_| (None, None));
        let is_due = |sender: Option<SenderId>| !rested.contains(&MailboxId::from(sender).uid());
        let due: Vec<_> = own.chain(shared).filter(|(_, sender)| is_due(*sender)).collect();
        let reads: Vec<(ReadBounces, EnqueueOptions)> = due
            .iter()
            .map(|(practice, sender)| {
                let practice = practice.map(|practice: PracticeId| practice.0);
                (
                    ReadBounces { sender: *sender, operation: None },
                    EnqueueOptions { practice, ..EnqueueOptions::default() },
                )
            })
            .collect();
        jobs::enqueue_each(tx, &reads)?;
        let ids: Vec<Uid> = due.iter().map(|(_, sender)| MailboxId::from(*sender).uid()).collect();
        for some in ids.chunks(AT_ONCE) {
            diesel::update(mailboxes::table.filter(mailboxes::id.eq_any(some)))
                .set(mailboxes::due_at.eq(now.plus_seconds(CLAIMED)))
                .execute(&mut **tx)?;
        }
        Ok(due.len())
    })
}

/// Rows of one statement.
const AT_ONCE: usize = 1_000;

/// Has a sender's mailbox read now.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] `no_bounce_mailbox`.
pub fn ask_for_reading(tx: &mut Tx<'_>, caller: &Caller, id: SenderId) -> Result<Operation> {
    let practice = &caller.practice;
    if senders::sender(tx, practice, id)?.bounces.is_none() {
        return Err(Error::conflict("no_bounce_mailbox"));
    }
    let operation = operations::create(tx, practice.uid(), &caller.actor, "bounce_read", None)?;
    let options = EnqueueOptions::of(practice.uid()).work_of(operation);
    jobs::enqueue(tx, &ReadBounces { sender: Some(id), operation: Some(operation) }, &options)?;
    let event = Event { operation: Some(operation.0), ..Event::new("sender.bounces_asked_for", "api").on(id) };
    audit::record(tx, practice.uid(), &caller.actor, &event)?;
    operations::find(tx, practice.uid(), operation)
}

/// Writes down what reading a mailbox brought in, in the transaction that finishes its job: what the reports say, how far it was
/// read, and the next job when there is more. Reports about anything but our own mails are passed over.
///
/// # Errors
/// When the database refuses.
pub fn settle(
    tx: &mut Tx<'_>,
    keyring: &Keyring,
    (place, job): (&Place, &ReadBounces),
    harvest: &Harvest,
) -> Result<Tally> {
    let tally = tell(tx, keyring, (place.practice, &harvest.reports))?;
    write_reading(tx, place, harvest)?;
    if let Some(operation) = job.operation {
        end(tx, operation, (job, harvest, tally))?;
    }
    // What is left is read by the way, whether somebody asked for it or the clock did.
    if harvest.has_more && harvest.fault.is_none() {
        let options =
            EnqueueOptions { practice: place.practice.map(|practice| practice.0), ..EnqueueOptions::default() };
        jobs::enqueue(tx, &ReadBounces { operation: None, ..job.clone() }, &options)?;
    }
    Ok(tally)
}

/// Tells each campaign which of its mails came back.
fn tell(
    tx: &mut Tx<'_>,
    keyring: &Keyring,
    (practice, reports): (Option<PracticeId>, &[(Report, Option<Instant>)]),
) -> Result<Tally> {
    let mut by_campaign: HashMap<i64, (Campaign, Vec<CameBack>)> = HashMap::new();
    for (report, received_at) in reports {
        let Some(marked) = campaigns::marked(tx, keyring, (&report.returned_to, &report.message_ids))? else {
            continue;
        };
        // Another practice's mails are its own affair, whatever comes into this mailbox.
        if practice.is_some_and(|practice| practice != marked.campaign.practice) {
            continue;
        }
        let Marked { campaign, leader, is_by_return_path } = marked;
        let verdicts = report.affected.iter().map(verdict).collect();
        let came_back = CameBack { leader, verdicts, is_by_return_path, received_at: *received_at };
        by_campaign.entry(campaign.key).or_insert((campaign, Vec::new())).1.push(came_back);
    }
    let mut told: Vec<(Campaign, Vec<CameBack>)> = by_campaign.into_values().collect();
    // Always in the same order, so that two that do the same wait for each other and not both.
    told.sort_by_key(|(campaign, _)| campaign.key);
    let mut tally = Tally::default();
    for (campaign, came_back) in told {
        let practice = identity::find_practice(tx, campaign.practice)?;
        tally += campaigns::take_back(tx, (&practice, &campaign), &came_back)?;
    }
    Ok(tally)
}

/// What a report says of an address, as the ledger has it: status and diagnostic.
fn verdict(affected: &Affected) -> Verdict {
    let status = affected.status.map(|status| status.to_string()).unwrap_or_default();
    let words = format!("{status} {}", affected.diagnostic).trim().to_owned();
    Verdict { bounce: weigh(affected), words, about: affected.addresses.clone() }
}

/// Writes down how far a mailbox was read and what went wrong.
fn write_reading(tx: &mut Tx<'_>, place: &Place, harvest: &Harvest) -> Result<()> {
    let (now, name) = (tx.now(), place.name());
    let known = queries::row(tx, place.mailbox)?;
    let before = known.as_ref().and_then(|row| row.checkpoint(&name));
    // Another job may have been faster, and gone further.
    let checkpoint = match (before, harvest.checkpoint) {
        (Some(before), Some(now)) if before.uid_validity == now.uid_validity => {
            Some(Checkpoint { last_uid: now.last_uid.max(before.last_uid), ..now })
        }
        (before, now) => now.or(before),
    };
    let faults = if harvest.fault.is_some() { known.as_ref().map_or(0, |row| row.faults) + 1 } else { 0 };
    let pause = usize::try_from(faults - 1)
        .ok()
        .map_or(PAUSE, |at| FAULT_PAUSES.get(at).or(FAULT_PAUSES.last()).copied().unwrap_or(PAUSE));
    let read_at = if harvest.fault.is_none() { Some(now) } else { known.as_ref().and_then(|row| row.read_at) };
    let values = (
        mailboxes::practice_id.eq(place.practice.map(|practice| practice.0)),
        mailboxes::place.eq(&name),
        mailboxes::uid_validity.eq(checkpoint.map(|one| i64::from(one.uid_validity))),
        mailboxes::last_uid.eq(checkpoint.map_or(0, |one| i64::from(one.last_uid))),
        mailboxes::read_at.eq(read_at),
        mailboxes::fault.eq(harvest.fault.as_ref().map(|_| JsonText::of(&problem(harvest)))),
        mailboxes::faults.eq(faults),
        mailboxes::due_at.eq(now.plus_seconds(pause)),
    );
    if known.is_some() {
        diesel::update(mailboxes::table.find(place.mailbox.uid())).set(values).execute(&mut **tx)?;
    } else {
        let row = (mailboxes::id.eq(place.mailbox.uid()), values);
        on_each!(&mut **tx, c => diesel::insert_into(mailboxes::table).values(row).on_conflict_do_nothing().execute(c))?;
    }
    Ok(())
}

fn problem(harvest: &Harvest) -> Problem {
    let reason = harvest.fault.as_ref().map(ToString::to_string).unwrap_or_default();
    Problem::new("bounce_mailbox_unusable").with("reason", reason)
}

/// Ends the operation of whoever asked for a reading.
fn end(tx: &mut Tx<'_>, operation: OperationId, (job, harvest, tally): (&ReadBounces, &Harvest, Tally)) -> Result<()> {
    if harvest.fault.is_some() {
        return operations::fail(tx, operation, &problem(harvest)).map(|_| ());
    }
    let result = json!({
        "sender_id": job.sender, "mails": harvest.mails, "reports": harvest.reports.len(), "hard": tally.hard, "soft": tally.soft,
    });
    operations::finish(tx, operation, &result).map(|_| ())
}
