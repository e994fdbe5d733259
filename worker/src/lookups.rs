//! The jobs of look-ups: nights and checks. They need the process's one [`Network`], shared through its runtime.

use std::sync::Arc;

use klaar_domain::lookups::jobs::{
    AdvanceRound, ApplyFindings, AskForCheck, BeginNights, PruneFindings, SendAccessPointMoves, SendNightReport,
    harvest,
};
use klaar_domain::lookups::network::Network;
use klaar_domain::lookups::{self, night};

use crate::mails;
use crate::run::{Fault, Run};

/// Begins the nights that are due, and goes on with rounds that were left alone.
pub(crate) async fn begin_nights(_job: BeginNights, run: Run) -> Result<(), Fault> {
    let begun = run.blocking(night::begin_due).await?;
    let resumed = run.blocking(night::resume_abandoned).await?;
    if begun + resumed > 0 {
        tracing::info!(begun, resumed, "nights begin");
    }
    Ok(())
}

/// Takes a round's next steps.
pub(crate) async fn advance_round(job: AdvanceRound, run: Run) -> Result<(), Fault> {
    let network = run.shared::<Network>()?;
    let Some(step) = run.blocking(move |db| night::take_on(db, job.round, job.turn)).await? else { return Ok(()) };
    match night::advance(run.db(), &*network, step).await? {
        Some(rest) => run.settle(move |tx| night::rest(tx, step, rest)).await,
        None => Ok(()),
    }
}

/// Mails a member what a night has found, where there is a mail server.
pub(crate) async fn send_night_report(job: SendNightReport, run: Run) -> Result<(), Fault> {
    mails::send_if_wanted(&run, move |conn, practice| lookups::night_to_mail(conn, practice, (job.night, job.member)))
        .await
}

/// Mails a member who moved to another access point in a night, where there is a mail server.
pub(crate) async fn send_access_point_moves(job: SendAccessPointMoves, run: Run) -> Result<(), Fault> {
    mails::send_if_wanted(&run, move |conn, practice| lookups::moves_to_mail(conn, practice, (job.night, job.member)))
        .await
}

/// Asks about the next clients of a check.
pub(crate) async fn ask_for_check(job: AskForCheck, run: Run) -> Result<(), Fault> {
    let network = run.shared::<Network>()?;
    let Some(check) = run.read(move |conn| lookups::running(conn, job.check, "asking")).await? else {
        return Ok(());
    };
    let check = Arc::new(check);
    let reading = check.clone();
    let clients = run.read(move |conn| lookups::to_ask(conn, &reading)).await?;
    let mut harvest = harvest(&*network, &check, &clients).await;
    let packing = check.clone();
    let harvest = run.read(move |conn| harvest.pack(conn, &packing).map(|()| harvest)).await?;
    run.settle(move |tx| lookups::store_findings(tx, &check, &clients, &harvest)).await
}

/// Applies the next findings of a check.
pub(crate) async fn apply_findings(job: ApplyFindings, run: Run) -> Result<(), Fault> {
    let Some(check) = run.read(move |conn| lookups::running(conn, job.check, "applying")).await? else {
        return Ok(());
    };
    run.settle(move |tx| lookups::apply_page(tx, &check)).await
}

/// Removes old findings.
pub(crate) async fn prune_findings(_job: PruneFindings, run: Run) -> Result<(), Fault> {
    let pruned = run.blocking(lookups::prune).await?;
    tracing::info!(pruned, "checks removed");
    Ok(())
}
