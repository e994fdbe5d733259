//! Reading what the look-ups have found: nights and what they changed, checks and their findings, a client's registrations.

mod check_findings;
mod night_moves;
mod nights;
mod of_client;

pub use check_findings::{Check, Finding, FindingFilter, IdentifierAnswer, check, check_findings};
pub(super) use night_moves::has_moves;
pub use night_moves::{AccessPoint, NightMove, NightMoves, night_moves};
pub use nights::{NightChange, NightReport, Shown, night, night_changes, nights};
pub use of_client::{ClientRegistrations, IdentifierView, Move, client_registrations, registration_moves};
