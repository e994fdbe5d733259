//! The house's own jobs.

use klaar_domain::kernel::upkeep::{self, PruneSettled};
use klaar_domain::{campaigns, identity};

use crate::run::{Fault, Run};

/// Removes what is settled and old.
pub(crate) async fn prune_settled(_job: PruneSettled, run: Run) -> Result<(), Fault> {
    let pruned = run.blocking(upkeep::prune_settled).await?;
    let sign_ins = run.blocking(identity::prune_sign_ins).await?;
    let files = run.blocking(campaigns::prune_files).await?;
    tracing::info!(jobs = pruned.jobs, replies = pruned.replies, sign_ins, files, "pruned");
    Ok(())
}
