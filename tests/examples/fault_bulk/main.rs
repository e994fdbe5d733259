//! What the driver of faults in bulk edits and lists runs: `fault_bulk DATABASE_URL [REDIS_URL]`, with the programs in
//! `KLAAR` and `KLAAR_WORKER`, on the practices "Many" (100,000 clients and some) and "Few" (some hundred) that
//! `fill_fields` has made; their keys are in `MANY_KEY` and `FEW_KEY`. Prints one JSON line a case and ends with 2 when a
//! line does not hold.
//!
//! `fault_bulk write DATABASE_URL SEED` is another process that writes to "Few" through the domain until it is killed.

#![expect(clippy::indexing_slicing, reason = "only JSON is indexed, which has null for what is not there")]

mod beside;
mod edits;
mod ground;
mod paging;
mod patches;
mod writing;

use std::process::ExitCode;

use ground::{Fallible, Ground};

#[tokio::main]
async fn main() -> Fallible<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (address, redis) = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["write", address, seed] => return writing::write(address, seed.parse()?),
        [address] => (*address, None),
        [address, redis] => (*address, Some(*redis)),
        _ => return Err("say: fault_bulk DATABASE_URL [REDIS_URL], or fault_bulk write DATABASE_URL SEED".into()),
    };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (many, few) = (std::env::var("MANY_KEY")?, std::env::var("FEW_KEY")?);
    let mut ground = Ground::open(address, redis).await?;
    edits::killed_in_the_middle(&mut ground, &many).await?;
    ground.add_server(redis).await?;
    patches::one_winner_a_version(&mut ground, &few).await?;
    paging::through_a_list_that_moves(&mut ground, &many).await?;
    beside::lists_beside_processes(&mut ground, &few).await?;
    Ok(if ground.all_hold { ExitCode::SUCCESS } else { ExitCode::from(2) })
}
