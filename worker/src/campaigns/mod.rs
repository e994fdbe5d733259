//! The jobs of campaigns: a slice of mails, over several connections at once, and campaigns whose moment has come.

mod carrying;
mod desk;

use std::sync::Arc;
use std::time::Duration;

use klaar_domain::campaigns::{self, Around, DispatchScheduled, Ended, SendCampaign};
use klaar_domain::identity::{self, PracticeId};
use klaar_domain::kernel::secrets::Keyring;
use klaar_domain::mail::{Letters, MailFault, Mailer};
use klaar_domain::views::Lists;
use tokio::time::Instant;

use self::carrying::{Carrier, Work};
use self::desk::Desk;
use crate::run::{Fault, Run};

/// How long a slice goes on. Short, so that a stopping process need not break one off.
const SLICE: Duration = Duration::from_secs(10);

/// Sends a campaign's mails for a while.
pub(crate) async fn send_campaign(job: SendCampaign, run: Run) -> Result<(), Fault> {
    let (letters, keyring) = (run.shared::<Letters>()?, run.shared::<Keyring>()?);
    let mail = run.settings().mail.clone();
    let opening = keyring.clone();
    let begun = run.blocking(move |db| db.write(|tx| campaigns::begin(tx, &job, (&letters, &mail, &opening))));
    let Some((slice, server)) = begun.await? else { return Ok(()) };
    let slice = if slice.carries() { run.read(|conn| campaigns::carry(conn, slice)).await? } else { slice };
    let slice = Arc::new(slice);
    let ended = match server {
        Ok(server) => {
            let mailer = run.shared::<Mailer>()?;
            let desk = Desk::open(run.db().clone(), slice.clone());
            let until = Instant::now() + SLICE;
            let work = Work::new(&run, (slice.clone(), server, until), (mailer, keyring));
            Carrier::new(Arc::new(work), desk).carry_all(run.settings().mail.connections).await?
        }
        Err(fault) => Ended::Unusable(MailFault::Unreachable(fault.to_string())),
    };
    run.settle(move |tx| campaigns::end(tx, &slice, &ended)).await
}

/// Begins a campaign whose moment has come.
pub(crate) async fn dispatch_scheduled(job: DispatchScheduled, run: Run) -> Result<(), Fault> {
    let Some(practice) = run.practice() else { return Ok(()) };
    let (letters, keyring) = (run.shared::<Letters>()?, run.shared::<Keyring>()?);
    let (mail, memory) = (run.settings().mail.clone(), run.settings().list_memory);
    let begun = run.blocking(move |db| {
        let practice = db.read(|conn| identity::find_practice(conn, PracticeId(practice)))?;
        let caller = db.read(|conn| campaigns::caller_of(conn, practice, job.campaign))?;
        let Some(caller) = caller else { return Ok(()) };
        let lists = Lists::new(memory);
        let around = Around { caller: &caller, db, lists: &lists, letters: &letters, mail: &mail, keyring: &keyring };
        campaigns::dispatch_scheduled(around, job.campaign)
    });
    Ok(begun.await?)
}
