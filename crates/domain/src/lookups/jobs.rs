//! The room's jobs: what each carries and what running one means. Their checkpoints are the rows of nights and findings.

use std::collections::BTreeSet;

use futures::StreamExt as _;
use futures::stream;
use klaar_standards::participant::ParticipantId;
use serde::{Deserialize, Serialize};

use super::checks::{Harvest, Running};
use super::model::{CheckId, NightId, RoundId};
use super::night::Ask;
use super::registrations::Loaded;
use crate::identity::MemberId;
use crate::kernel::jobs::{Job, Lane};

/// Begins the nights that are due.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BeginNights {}

impl Job for BeginNights {
    const KIND: &'static str = "begin_nights";
    const LANE: Lane = Lane::Network;
}

/// Takes a round's next steps.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AdvanceRound {
    /// The round.
    pub round: RoundId,
    /// Which of the round's jobs this is; it is void when the round waits for another.
    pub turn: i64,
}

impl Job for AdvanceRound {
    const KIND: &'static str = "advance_round";
    const LANE: Lane = Lane::Network;
    /// A night is never given up: whatever keeps it from its database is waited for, an hour between two tries at most.
    const MAX_FAILURES: i32 = 1000;
}

/// Mails a member what a night has found.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SendNightReport {
    /// The night.
    pub night: NightId,
    /// The member.
    pub member: MemberId,
}

impl Job for SendNightReport {
    const KIND: &'static str = "send_night_report";
    const LANE: Lane = Lane::Mail;
}

/// Mails a member which clients a night has found at another access point.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SendAccessPointMoves {
    /// The night.
    pub night: NightId,
    /// The member.
    pub member: MemberId,
}

impl Job for SendAccessPointMoves {
    const KIND: &'static str = "send_access_point_moves";
    const LANE: Lane = Lane::Mail;
}

/// Asks the network about the next clients of a check.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AskForCheck {
    /// The check.
    pub check: CheckId,
}

impl Job for AskForCheck {
    const KIND: &'static str = "ask_for_check";
    const LANE: Lane = Lane::Network;
}

/// Applies the next findings of a check.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ApplyFindings {
    /// The check.
    pub check: CheckId,
}

impl Job for ApplyFindings {
    const KIND: &'static str = "apply_findings";
    const LANE: Lane = Lane::Interactive;
}

/// Removes old findings.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PruneFindings {}

impl Job for PruneFindings {
    const KIND: &'static str = "prune_findings";
    const LANE: Lane = Lane::Bulk;
}

/// Asks the network for everything that one page of a check needs, each identifier once.
pub async fn harvest<N: Ask>(network: &N, check: &Running, clients: &[Loaded]) -> Harvest {
    let identifiers: BTreeSet<&str> = clients
        .iter()
        .flat_map(|client| client.subject.seen.iter().map(|seen| seen.sighting.identifier.as_str()))
        .collect();
    let ids: Vec<ParticipantId> = identifiers.iter().filter_map(|text| ParticipantId::parse_form(text).ok()).collect();
    let mut answers = std::pin::pin!(network.ask_all(check.practice.world, stream::iter(ids)));
    let mut harvest = Harvest::default();
    while let Some((id, answer)) = answers.next().await {
        harvest.take(&id, answer);
    }
    harvest
}
