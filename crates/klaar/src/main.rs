//! The `klaar` command: the only crate that links everything.

mod accounts;
mod command;
#[cfg(feature = "sandbox")]
mod demo;
mod import;
mod letters;
mod lookup;
mod nightly;
mod output;
#[cfg(feature = "sandbox")]
mod sandbox;
mod serve;

use std::process::ExitCode;

use clap::Parser as _;

use crate::command::{Command, Fault};

#[tokio::main]
async fn main() -> ExitCode {
    klaar_allocator::give_back_soon();
    match command::run(Command::parse()).await {
        Ok(code) => code,
        Err(Fault(text)) => {
            output::complain(&format!("klaar: {text}"));
            ExitCode::FAILURE
        }
    }
}
