//! `klaar nightly`: runs the night now, in this process, and prints its report.

use std::collections::BTreeMap;

use clap::Args;
use klaar_domain::identity::{self, Practice};
use klaar_domain::kernel::config::Settings;
use klaar_domain::kernel::db::Db;
use klaar_domain::lookups::network::Network;
use klaar_domain::lookups::night::{self, Rest, Step};
use klaar_domain::lookups::{self, NightChange, NightId, NightReport, RoundId, Shown};
use serde_json::json;

use crate::accounts;
use crate::command::Fault;
use crate::output::{say, say_json};

/// Which practices to refresh.
#[derive(Args)]
pub struct NightlyArgs {
    /// The practice's identifier or name; every practice when not given.
    #[arg(long)]
    practice: Option<String>,
    /// Print one JSON object a practice.
    #[arg(long)]
    json: bool,
}

/// Changes shown one by one.
const SHOWN: u32 = 20;

/// Runs the night of one or all practices until it is over or waits, as it does before it believes that a client has left
/// the network; a worker goes on with it then. A night under way is gone on with; one that is over today is run again.
///
/// # Errors
/// When there is no such practice, the network cannot be set up, or the database is away.
pub async fn run(settings: &Settings, db: &Db, args: NightlyArgs) -> Result<(), Fault> {
    let practices = match &args.practice {
        Some(text) => vec![accounts::practice(db, text)?],
        None => db.read(identity::all_practices)?,
    };
    if practices.is_empty() {
        say("There is no practice yet. Create one: klaar practice create --name … --world test");
    }
    for (practice, night) in &refresh(settings, db, practices).await? {
        report(db, practice, *night, args.json)?;
    }
    Ok(())
}

/// Runs the night of `practices` as [`run`] does, without a word; returns each practice with its night.
///
/// # Errors
/// When the network cannot be set up, or the database is away.
pub async fn refresh(
    settings: &Settings,
    db: &Db,
    practices: Vec<Practice>,
) -> Result<Vec<(Practice, NightId)>, Fault> {
    let network = Network::new(&settings.lookups, db.clock().clone())?;
    let mut begun: Vec<(Practice, NightId)> = Vec::with_capacity(practices.len());
    let mut steps: BTreeMap<RoundId, Step> = BTreeMap::new();
    for practice in practices {
        let (night, step) = night::begin(db, &practice)?;
        begun.push((practice, night.night));
        steps.insert(night.round, step);
    }
    for step in steps.into_values() {
        drive(db, &network, step).await?;
    }
    Ok(begun)
}

/// Takes a round's steps until it sleeps, is over, or a worker has taken it on.
async fn drive(db: &Db, network: &Network, step: Step) -> Result<(), Fault> {
    loop {
        match night::advance(db, network, step).await? {
            Some(Rest::Briefly) => {}
            Some(rest) => return Ok(db.write(|tx| night::rest(tx, step, rest))?),
            None => return Ok(()),
        }
    }
}

fn report(db: &Db, practice: &Practice, id: NightId, is_json: bool) -> Result<(), Fault> {
    let night = db.read(|conn| lookups::night(conn, practice, id))?;
    if is_json {
        say_json(&json!({
            "practice": practice.id.to_string(), "night": night.id.to_string(), "local_date": night.local_date, "phase": night.phase,
            "clients": night.clients, "nothing_to_ask": night.nothing_to_ask, "identifiers": night.identifiers, "asked": night.asked,
            "not_asked": night.not_asked, "changed": night.changed, "unknown": night.unknown, "listed": night.listed,
            "vanished": night.vanished, "held": night.held, "hold_reason": night.hold_reason, "pauses": night.pauses,
            "goes_on_at": night.goes_on_at, "duration_seconds": night.duration_seconds(),
        }));
        return Ok(());
    }
    let changes = db.read(|conn| lookups::night_changes(conn, practice, id, (None, SHOWN)))?;
    summary(practice, &night);
    for change in &changes.items {
        say(&line(change));
    }
    if changes.next_cursor.is_some() {
        say(&format!("  … and more: GET /v1/nights/{id}/changes"));
    }
    Ok(())
}

fn summary(practice: &Practice, night: &NightReport) {
    let unknown: i64 = night.unknown.values().sum();
    let causes: Vec<String> = night.unknown.iter().map(|(cause, count)| format!("{cause} {count}")).collect();
    let causes = if causes.is_empty() { String::new() } else { format!(" ({})", causes.join(", ")) };
    say(&format!("{}: the night of {}", practice.name, night.local_date));
    say(&format!(
        "  clients {}, nothing to ask {}, identifiers {}",
        night.clients, night.nothing_to_ask, night.identifiers
    ));
    match (night.duration_seconds(), night.goes_on_at) {
        (Some(seconds), _) => {
            say(&format!(
                "  asked {}, not asked {}, unknown {unknown}{causes}, {seconds} s",
                night.asked, night.not_asked
            ));
            say(&format!(
                "  changed {}, left the network {}, held for a person {}",
                night.changed, night.vanished, night.held
            ));
        }
        (None, Some(at)) if night.pauses > 0 => {
            say(&format!(
                "  changed {} so far; most answers failed or much vanished at once, so the night pauses",
                night.changed
            ));
            say(&format!("  a running worker goes on with it at {at}; is the network within reach (KLAAR_DNS)?"));
        }
        (None, Some(at)) => {
            say(&format!(
                "  changed {} so far; what vanished or failed is asked again at {at}, by a running worker",
                night.changed
            ));
        }
        (None, None) => say("  a worker goes on with it"),
    }
}

fn line(change: &NightChange) -> String {
    format!("  {}: {} → {}", change.client_name, shown(&change.before), shown(&change.after))
}

fn shown(shown: &Shown) -> String {
    let parts = [shown.state.as_deref(), shown.cause.as_deref(), shown.name.as_deref().or(shown.seat.as_deref())];
    let text = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
    if text.is_empty() { "–".to_owned() } else { text }
}
