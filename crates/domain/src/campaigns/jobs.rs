//! The room's jobs.

use serde::{Deserialize, Serialize};

use super::model::{Campaign, CampaignId};
use crate::kernel::clock::Instant;
use crate::kernel::db::Tx;
use crate::kernel::error::Result;
use crate::kernel::jobs::{self, EnqueueOptions, Job, Lane};

/// Sends a campaign's mails for a while.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SendCampaign {
    /// The campaign.
    pub campaign: CampaignId,
    /// The number of this job; another one means that a newer job has taken over.
    pub turn: i64,
}

impl Job for SendCampaign {
    const KIND: &'static str = "send_campaign";
    const LANE: Lane = Lane::Mail;
    /// A campaign is never given up: however often its worker dies or its database is away, the ledger says where to go on.
    const MAX_FAILURES: i32 = 1000;
}

/// Begins a campaign at its time.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DispatchScheduled {
    /// The campaign.
    pub campaign: CampaignId,
}

impl Job for DispatchScheduled {
    const KIND: &'static str = "dispatch_scheduled";
    const LANE: Lane = Lane::Mail;
}

/// Leaves the job of a turn behind, not before `at`.
pub(super) fn enqueue_turn(tx: &mut Tx<'_>, campaign: &Campaign, turn: i64, at: Option<Instant>) -> Result<()> {
    let mut options = EnqueueOptions::of(campaign.practice.0).once(format!("campaign:{}:{turn}", campaign.id));
    options.run_at = at;
    options.operation = campaign.operation;
    jobs::enqueue(tx, &SendCampaign { campaign: campaign.id, turn }, &options)?;
    Ok(())
}
