//! The practice's world: one room per capability, the database, mail. No HTTP server, no job executor.
//!
//! A room is a module with the same files as its siblings (`model`, `queries`, `actions`, `jobs`, …); the kernel is what
//! every room stands on and knows no room. The README's floor plan says what lives where.

pub mod bounces;
pub mod bulk_edits;
pub mod campaigns;
pub mod clients;
pub mod custom_fields;
pub mod identity;
pub mod kernel;
pub mod letters;
pub mod lookups;
pub mod mail;
pub mod readiness;
mod schema;
pub mod senders;
pub mod templates;
pub mod transfers;
pub mod views;
