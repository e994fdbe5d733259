//! The product seen from outside: one binary, one file per room, and the guards that find what is not covered.
//!
//! Everything runs on SQLite with the queue in the process; with `KLAAR_TEST_POSTGRES_URL` and `KLAAR_TEST_REDIS_URL` set,
//! the same tests run on PostgreSQL and Redis.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should stop"
)]

mod bounces;
mod bulk_edits;
mod bulk_edits_meanwhile;
mod bulk_edits_random;
mod campaigns;
mod campaigns_audience;
mod campaigns_killed;
mod campaigns_preflight;
mod campaigns_results;
mod client;
mod clients;
mod concern;
mod custom_fields;
mod custom_fields_kinds;
mod custom_fields_managed;
mod custom_fields_options;
mod described;
mod exemptions;
mod filters;
mod hostile;
mod house;
mod identity;
mod kernel;
mod letters;
mod lookup_network;
mod lookups;
mod mail;
mod nightly;
mod nightly_moves;
mod openapi;
mod passwords;
mod readiness;
mod relations;
mod saved_views;
mod senders;
mod strangers;
mod tables;
mod template_attachments;
mod templates;
mod transfers;
mod transfers_concern;
mod transfers_downloads;
mod transfers_fields;
mod transfers_sheets;
mod views;
mod views_beside_writers;
mod walls;
