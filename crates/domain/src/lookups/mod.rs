//! What the network says of a practice's clients: looked up every night and when a person asks, doubted, and kept.
//!
//! `participants` is a cache of the newest answers that all practices of a world share; what a practice has seen, and when
//! it moved, stands in `registrations`, and begins with its own first look-up. A failed look-up never overwrites a known
//! value. Checks by hand store findings that a second call applies; the night applies by itself.

mod answers;
mod calendar;
mod checks;
mod doubts;
mod held;
pub mod jobs;
mod mails;
mod model;
pub mod network;
pub mod night;
mod participants;
mod queries;
mod registrations;
mod weighing;
mod writing;

pub use answers::Details;
pub use checks::{MOST_NAMED, Running, Selection, apply, apply_page, prune, request, running, store_findings, to_ask};
pub use held::{Decided, Decision, HeldChange, MOST_DECIDED, decide, held_changes};
pub use mails::{MovedLetter, NightLetter, moves_to_mail, night_to_mail};
pub use model::{CheckId, Failure, HeldId, Known, NOTHING_TO_ASK, NightId, RoundId};
pub use queries::*;
