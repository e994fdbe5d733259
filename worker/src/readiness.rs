//! The jobs of readiness.

use klaar_domain::readiness::{self, WatchReadiness};

use crate::run::{Fault, Run};

/// Keeps the numbers of the day.
pub(crate) async fn watch_readiness(_job: WatchReadiness, run: Run) -> Result<(), Fault> {
    let recorded = run.blocking(readiness::record_due).await?;
    if recorded > 0 {
        tracing::info!(recorded, "the numbers of the day are kept");
    }
    Ok(())
}
