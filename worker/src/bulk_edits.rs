//! The jobs of bulk edits: a chunk at a time.

use klaar_domain::bulk_edits::{self, ApplyBulkEdit, PruneBulkEdits, UndoBulkEdit};

use crate::run::{Fault, Run};

/// Applies the next chunk.
pub(crate) async fn apply_bulk_edit(job: ApplyBulkEdit, run: Run) -> Result<(), Fault> {
    run.settle(move |tx| bulk_edits::apply_chunk(tx, job.edit)).await
}

/// Undoes the next chunk.
pub(crate) async fn undo_bulk_edit(job: UndoBulkEdit, run: Run) -> Result<(), Fault> {
    run.settle(move |tx| bulk_edits::undo_chunk(tx, job.edit)).await
}

/// Removes what nobody needs any more.
pub(crate) async fn prune_bulk_edits(_job: PruneBulkEdits, run: Run) -> Result<(), Fault> {
    let pruned = run.blocking(bulk_edits::prune).await?;
    tracing::info!(pruned, "bulk edits removed");
    Ok(())
}
