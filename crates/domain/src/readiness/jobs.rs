//! The room's jobs.

use serde::{Deserialize, Serialize};

use crate::kernel::jobs::{Job, Lane};

/// Keeps the numbers of the day for every practice that has none yet, and removes very old ones.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WatchReadiness {}

impl Job for WatchReadiness {
    const KIND: &'static str = "watch_readiness";
    const LANE: Lane = Lane::Bulk;
}
