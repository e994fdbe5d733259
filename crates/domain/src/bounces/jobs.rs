//! The room's jobs.

use serde::{Deserialize, Serialize};

use crate::kernel::jobs::{Job, Lane};
use crate::kernel::operations::OperationId;
use crate::senders::SenderId;

/// Leaves a job for each mailbox that is due.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WatchBounces {}

impl Job for WatchBounces {
    const KIND: &'static str = "watch_bounces";
    const LANE: Lane = Lane::Bulk;
}

/// Reads what has come into a mailbox since it was last read, as much as one job may.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReadBounces {
    /// The sender whose mailbox it is; `None` for the installation's.
    pub sender: Option<SenderId>,
    /// The operation of whoever asked for it.
    pub operation: Option<OperationId>,
}

impl Job for ReadBounces {
    const KIND: &'static str = "read_bounces";
    const LANE: Lane = Lane::Network;
}
