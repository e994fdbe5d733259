//! The jobs of bounces: which mailboxes are due, and reading one.

use klaar_domain::bounces::{self, ReadBounces, WatchBounces};
use klaar_domain::kernel::operations::{self, Problem};
use klaar_domain::kernel::secrets::Keyring;
use klaar_domain::mail::Mailer;

use crate::run::{Fault, Run};

/// Leaves a job for each mailbox that is due.
pub(crate) async fn watch_bounces(_job: WatchBounces, run: Run) -> Result<(), Fault> {
    let mail = run.settings().mail.clone();
    let due = run.blocking(move |db| bounces::enqueue_due(db, &mail)).await?;
    tracing::debug!(due, "mailboxes that mails come back to");
    Ok(())
}

/// Reads a mailbox and writes down what came back.
pub(crate) async fn read_bounces(job: ReadBounces, run: Run) -> Result<(), Fault> {
    let (mailer, keyring) = (run.shared::<Mailer>()?, run.shared::<Keyring>()?);
    let (mail, opening, practice, sender) = (run.settings().mail.clone(), keyring.clone(), run.practice(), job.sender);
    let place = run.read(move |conn| bounces::prepare(conn, (&mail, &opening), (sender, practice))).await?;
    let Some(place) = place else {
        let Some(operation) = job.operation else { return Ok(()) };
        let gone = Problem::new("no_bounce_mailbox");
        return run.settle(move |tx| operations::fail(tx, operation, &gone).map(|_| ())).await;
    };
    let harvest = bounces::harvest(&mailer, &place, run.db().clock().now()).await;
    if let Some(fault) = &harvest.fault {
        tracing::warn!(sender = sender.map(|id| id.to_string()), %fault, "a mailbox that mails come back to cannot be read");
    }
    let tally = run.settle(move |tx| bounces::settle(tx, &keyring, (&place, &job), &harvest)).await?;
    if tally.hard + tally.soft > 0 {
        tracing::info!(hard = tally.hard, soft = tally.soft, "mails came back");
    }
    Ok(())
}
