//! The jobs of readiness.

use klaar_domain::readiness::{self, SendWeeklyReadiness, WatchReadiness};

use crate::mails;
use crate::run::{Fault, Run};

/// Keeps the numbers of the day, and leaves the mails of a Monday.
pub(crate) async fn watch_readiness(_job: WatchReadiness, run: Run) -> Result<(), Fault> {
    let recorded = run.blocking(readiness::record_due).await?;
    if recorded > 0 {
        tracing::info!(recorded, "the numbers of the day are kept");
    }
    Ok(run.blocking(readiness::tell_due).await?)
}

/// Mails a member how far the practice is, where there is a mail server.
pub(crate) async fn send_weekly_readiness(job: SendWeeklyReadiness, run: Run) -> Result<(), Fault> {
    let now = run.db().clock().now();
    mails::send_if_wanted(&run, move |conn, practice| readiness::weekly_to_mail(conn, practice, (job.member, now)))
        .await
}
