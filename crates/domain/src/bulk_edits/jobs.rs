//! The room's jobs: each takes one chunk; the chunks' own rows are the checkpoint.

use serde::{Deserialize, Serialize};

use super::model::BulkEditId;
use crate::kernel::jobs::{Job, Lane};

/// Applies the next chunk of a bulk edit.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ApplyBulkEdit {
    /// The edit.
    pub edit: BulkEditId,
}

impl Job for ApplyBulkEdit {
    const KIND: &'static str = "apply_bulk_edit";
    const LANE: Lane = Lane::Interactive;
}

/// Undoes the next chunk of a bulk edit.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UndoBulkEdit {
    /// The edit.
    pub edit: BulkEditId,
}

impl Job for UndoBulkEdit {
    const KIND: &'static str = "undo_bulk_edit";
    const LANE: Lane = Lane::Interactive;
}

/// Removes previews that nobody applied, and edits that are too old to be undone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PruneBulkEdits {}

impl Job for PruneBulkEdits {
    const KIND: &'static str = "prune_bulk_edits";
    const LANE: Lane = Lane::Bulk;
}
