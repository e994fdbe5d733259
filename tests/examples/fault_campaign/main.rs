//! What the drivers of faults in campaigns run: `fault_campaign campaign|smtp|mail DATABASE_URL [REDIS_URL]` works in an empty
//! database, with the programs in `KLAAR` and `KLAAR_WORKER`, prints one JSON line a case and ends with 2 when a line does
//! not hold. `CASES` names some of the cases, separated by commas, and `RECIPIENTS` how many there are; all and 10,000
//! otherwise.
//!
//! Mails are counted at the receiving mail server, which lives in this process. Every recipient has an address of its own, so
//! that `lost` counts addresses without a mail whose row is neither in doubt nor failed, `duplicated` those with more than one, and
//! `unaccounted` those with a mail whose row is neither sent nor in doubt.

#![expect(clippy::indexing_slicing, reason = "only JSON is indexed, which has null for what is not there")]

mod api;
mod control;
mod following;
mod ground;
mod kills;
mod mail;
mod outages;
mod programs;
mod receiver;
mod servers;
mod smtp;

use std::process::ExitCode;

use ground::Ground;
use programs::Fallible;

#[tokio::main]
async fn main() -> Fallible<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (what, address, redis) = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [what @ ("campaign" | "smtp" | "mail"), address] => (*what, *address, None),
        [what @ ("campaign" | "smtp" | "mail"), address, redis] => (*what, *address, Some(*redis)),
        _ => return Err("say: fault_campaign campaign|smtp|mail DATABASE_URL [REDIS_URL]".into()),
    };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut ground = Ground::open(address, redis).await?;
    match what {
        "smtp" => smtp(&mut ground).await?,
        "mail" => mail::all(&mut ground).await?,
        _ => campaign(&mut ground).await?,
    }
    Ok(if ground.all_hold { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

/// Whether a case was asked for.
fn is_wanted(case: &str) -> bool {
    let cases = std::env::var("CASES").unwrap_or_default();
    cases.is_empty() || cases.split(',').any(|named| named == case)
}

async fn campaign(ground: &mut Ground) -> Fallible<()> {
    let recipients = std::env::var("RECIPIENTS").map_or(Ok(10_000), |count| count.parse())?;
    ground.import(&["clients"], recipients).await?;
    if is_wanted("hard") {
        kills::hard(ground, recipients).await?;
    }
    if is_wanted("orderly") {
        kills::orderly(ground, recipients).await?;
    }
    if is_wanted("two_workers") {
        control::two_workers(ground, recipients).await?;
    }
    if is_wanted("pauses") {
        control::pauses(ground, recipients).await?;
    }
    // SQLite has no server to go away.
    if ground.services.is_some() && is_wanted("redis") {
        outages::redis(ground, recipients).await?;
    }
    if ground.services.is_some() && is_wanted("postgres") {
        outages::postgres(ground, recipients).await?;
    }
    Ok(())
}

async fn smtp(ground: &mut Ground) -> Fallible<()> {
    let towns = smtp::towns();
    ground.import(&towns.iter().map(String::as_str).collect::<Vec<_>>(), smtp::OF_EACH).await?;
    if is_wanted("addresses") {
        smtp::some_addresses(ground).await?;
    }
    if is_wanted("everybody") {
        servers::pauses_by_itself(ground).await?;
    }
    if is_wanted("servers") {
        servers::unknown_roots(ground).await?;
        servers::whole_servers(ground).await?;
    }
    Ok(())
}
