//! The room's jobs.

use serde::{Deserialize, Serialize};

use crate::identity::MemberId;
use crate::kernel::jobs::{Job, Lane};

/// Keeps the numbers of the day for every practice that has none yet, removes very old ones, and leaves the mails of a
/// Monday.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WatchReadiness {}

impl Job for WatchReadiness {
    const KIND: &'static str = "watch_readiness";
    const LANE: Lane = Lane::Bulk;
}

/// Mails a member how far the practice is at the beginning of a week.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SendWeeklyReadiness {
    /// The member.
    pub member: MemberId,
}

impl Job for SendWeeklyReadiness {
    const KIND: &'static str = "send_weekly_readiness";
    const LANE: Lane = Lane::Mail;
}
