//! The back door: job in, domain call, done. A library, so that `klaar serve` can run it in its own process, and the
//! `klaar-worker` command.
//!
//! The database's outbox is the truth (`klaar_domain::kernel::jobs`). A *relay* in each process claims due jobs and hands
//! tickets to a *transport*: apalis over a channel inside the process, or over Redis when that is set. An *executor*
//! starts the job a ticket stands for, runs its handler and settles it. Tickets may be lost, doubled or overtaken; rows
//! are not.

mod batches;
mod bounces;
mod bulk_edits;
mod campaigns;
mod doorbell;
mod executor;
mod identity;
pub mod listener;
pub mod logging;
mod lookups;
mod mails;
mod metrics;
mod readiness;
mod registry;
mod relay;
mod run;
mod templates;
mod transfers;
mod transport;
mod upkeep;
mod worker;

use std::sync::Arc;

use klaar_domain::bounces::{ReadBounces, WatchBounces};
use klaar_domain::bulk_edits::{ApplyBulkEdit, PruneBulkEdits, UndoBulkEdit};
use klaar_domain::campaigns::{DispatchScheduled, SendCampaign};
use klaar_domain::identity::{SendInvitation, SendPasswordReset};
use klaar_domain::kernel::config::Settings;
use klaar_domain::kernel::db::Db;
use klaar_domain::kernel::error::Error;
use klaar_domain::kernel::jobs::Lane;
use klaar_domain::kernel::secrets::Keyring;
use klaar_domain::kernel::upkeep::PruneSettled;
use klaar_domain::letters::samples;
use klaar_domain::lookups::jobs::{
    AdvanceRound, ApplyFindings, AskForCheck, BeginNights, PruneFindings, SendAccessPointMoves, SendNightReport,
};
use klaar_domain::lookups::network::Network;
use klaar_domain::mail::{Letters, Mailer};
use klaar_domain::readiness::{SendWeeklyReadiness, WatchReadiness};
use klaar_domain::templates::SendTemplateTest;
use klaar_domain::transfers::ImportClients;

pub use doorbell::ring_over_redis;
pub use metrics::OutboxCollector;
pub use registry::{Handler, Registry, Schedule};
pub use run::{Fault, Run};
pub use worker::{Runtime, StartError, Worker, run_due};

/// A runtime with everything that the jobs share; `keyring` opens what the API has sealed.
///
/// # Errors
/// When the network or TLS to mail servers cannot be set up, or a letter of the installation's own cannot be written.
pub fn runtime(db: Db, settings: Arc<Settings>, keyring: Keyring) -> Result<Runtime, Error> {
    let network = Network::new(&settings.lookups, db.clock().clone())?;
    let mailer = Mailer::new(&settings, db.clock().clone())?;
    let letters = Letters::new(settings.mail.templates.clone());
    if settings.mail.templates.is_some() {
        // Better known now than when somebody waits for the mail.
        samples(&letters)?;
    }
    Ok(Runtime::new(db, settings).share(network).share(mailer).share(letters).share(keyring))
}

/// Every job there is, and who runs it.
#[must_use]
pub fn jobs() -> Registry {
    let mut registry = Registry::default();
    registry.add::<PruneSettled>(upkeep::prune_settled);
    registry.add::<SendInvitation>(identity::send_invitation);
    registry.add::<SendPasswordReset>(identity::send_password_reset);
    registry.add::<BeginNights>(lookups::begin_nights);
    registry.add::<AdvanceRound>(lookups::advance_round);
    registry.add::<SendNightReport>(lookups::send_night_report);
    registry.add::<SendAccessPointMoves>(lookups::send_access_point_moves);
    registry.add::<AskForCheck>(lookups::ask_for_check);
    registry.add::<ApplyFindings>(lookups::apply_findings);
    registry.add::<PruneFindings>(lookups::prune_findings);
    registry.add::<SendCampaign>(campaigns::send_campaign);
    registry.add::<DispatchScheduled>(campaigns::dispatch_scheduled);
    registry.add::<WatchBounces>(bounces::watch_bounces);
    registry.add::<ReadBounces>(bounces::read_bounces);
    registry.add::<WatchReadiness>(readiness::watch_readiness);
    registry.add::<SendWeeklyReadiness>(readiness::send_weekly_readiness);
    registry.add::<SendTemplateTest>(templates::send_template_test);
    registry.add::<ImportClients>(transfers::import_clients);
    registry.add::<ApplyBulkEdit>(bulk_edits::apply_bulk_edit);
    registry.add::<UndoBulkEdit>(bulk_edits::undo_bulk_edit);
    registry.add::<PruneBulkEdits>(bulk_edits::prune_bulk_edits);
    registry
}

/// Every schedule there is: a name, when (second, minute, hour, day, month, day of the week; UTC) and what is enqueued.
#[must_use]
pub fn schedules() -> Vec<Schedule> {
    vec![
        Schedule::new("prune_settled", "0 40 2 * * *", PruneSettled {}),
        Schedule::new("begin_nights", "0 */5 * * * *", BeginNights {}),
        Schedule::new("watch_bounces", "20 */5 * * * *", WatchBounces {}),
        Schedule::new("watch_readiness", "0 15 * * * *", WatchReadiness {}),
        Schedule::new("prune_findings", "0 50 2 * * *", PruneFindings {}),
        Schedule::new("prune_bulk_edits", "0 55 2 * * *", PruneBulkEdits {}),
    ]
}

/// How many handlers of a lane run at once in one process.
#[must_use]
pub fn concurrency(lane: Lane) -> usize {
    match lane {
        Lane::Interactive => 16,
        Lane::Mail => 8,
        Lane::Network => 64,
        Lane::Bulk => 4,
    }
}
