//! Reading a mailbox: which mails are new, which of them are reports, and what those say. Everything in it comes from strangers.

use std::time::Duration;

use tokio::time::{Instant as Moment, timeout_at};

use super::queries::{Checkpoint, Place};
use crate::kernel::clock::Instant;
use crate::mail::{MailFault, Mailbox, MailboxFault, Mailer, Report, is_report};

/// Mails that one job looks at.
const MOST_MAILS: usize = 200;
/// The most time for one job.
const MOST_TIME: Duration = Duration::from_secs(180);
/// How far back a mailbox is read that was never read before, or whose keys are new: 14 days, in seconds. Servers give up on mails
/// sooner (RFC 5321, 4.5.4.1).
const BACK: i64 = 14 * 86_400;

/// What reading a mailbox brought in.
#[derive(Debug, Default)]
pub struct Harvest {
    /// How far it has been read now; `None` when it could not be looked at.
    pub checkpoint: Option<Checkpoint>,
    /// The reports that were found, with when they came in.
    pub reports: Vec<(Report, Option<Instant>)>,
    /// How many mails were looked at.
    pub mails: usize,
    /// There are more, which the next job reads.
    pub has_more: bool,
    /// What went wrong; what came before it counts.
    pub fault: Option<MailboxFault>,
}

/// Reads what has come into a mailbox since the checkpoint, as much as one job may.
pub async fn harvest(mailer: &Mailer, place: &Place, now: Instant) -> Harvest {
    let mut harvest = Harvest::default();
    let until = Moment::now() + MOST_TIME;
    let reading = timeout_at(until, read(mailer, (place, now), &mut harvest)).await;
    let reading = reading.unwrap_or(Err(MailboxFault::Mail(MailFault::Silent)));
    harvest.fault = reading.err();
    harvest
}

async fn read(mailer: &Mailer, (place, now): (&Place, Instant), harvest: &mut Harvest) -> Result<(), MailboxFault> {
    let mut mailbox = mailer.open_mailbox(&place.server).await?;
    let uid_validity = mailbox.examine(&place.folder).await?;
    let known = place.checkpoint.filter(|known| known.uid_validity == uid_validity);
    let found = match known {
        Some(known) => mailbox.behind(known.last_uid).await?,
        None => mailbox.since(now.plus_seconds(-BACK)).await?,
    };
    let page = found.get(..MOST_MAILS).unwrap_or(&found);
    // Where nothing recent was found yet, nothing is known yet: what is older is not read the next time, either.
    let begins_behind = known.map(|known| known.last_uid).or_else(|| page.first().map(|first| first.saturating_sub(1)));
    harvest.checkpoint = begins_behind.map(|last_uid| Checkpoint { uid_validity, last_uid });
    harvest.has_more = page.len() < found.len();
    if let Some(last) = page.last() {
        look_at(&mut mailbox, page, harvest).await?;
        // Those that were gone, too: nobody asks for them again.
        harvest.checkpoint = Some(Checkpoint { uid_validity, last_uid: *last });
    }
    mailbox.leave().await;
    Ok(())
}

/// Looks at some mails, one behind the other, and notes behind each how far it has come.
async fn look_at(mailbox: &mut Mailbox, uids: &[u32], harvest: &mut Harvest) -> Result<(), MailboxFault> {
    for head in mailbox.heads(uids).await? {
        let mail = if is_report(&head.headers) { mailbox.beginning(head.uid).await } else { Ok(None) };
        // What cannot be understood today cannot tomorrow: the next job goes on behind it.
        if matches!(mail, Ok(_) | Err(MailboxFault::Broken(_)))
            && let Some(checkpoint) = &mut harvest.checkpoint
        {
            checkpoint.last_uid = head.uid;
        }
        if let Some(report) = mail?.and_then(|mail| Report::read(&mail)) {
            harvest.reports.push((report, head.received_at));
        }
        harvest.mails += 1;
    }
    Ok(())
}
