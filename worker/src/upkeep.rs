//! The house's own jobs.

use klaar_domain::identity;
use klaar_domain::kernel::upkeep::{self, PruneSettled};

use crate::run::{Fault, Run};

/// Removes what is settled and old.
pub(crate) async fn prune_settled(_job: PruneSettled, run: Run) -> Result<(), Fault> {
    let pruned = run.blocking(upkeep::prune_settled).await?;
    let sign_ins = run.blocking(identity::prune_sign_ins).await?;
    tracing::info!(jobs = pruned.jobs, replies = pruned.replies, sign_ins, "pruned");
    Ok(())
}
