//! What the outside world agreed on, as pure functions: no I/O, no clock, no database, no async.
//!
//! - Numbers people write on paper: [`enterprise_number`], [`vat_number`], [`oin`], [`kvk`], [`lu`];
//!   [`number`] holds what they share (tolerated notation, the error).
//! - Names on the Peppol network: [`participant`], [`document_types`].
//! - Answers of the network: [`naptr`] (DNS), [`smp`] (service group and service metadata), [`access_point`]
//!   (the endpoint certificate).
//! - [`lookup`] turns those answers into what may be said about a participant.
//!
//! Instants are `i64` microseconds since 1970-01-01T00:00:00Z, leap seconds not counted.

pub mod access_point;
pub mod document_types;
pub mod enterprise_number;
pub mod kvk;
pub mod lookup;
pub mod lu;
pub mod naptr;
pub mod number;
pub mod oin;
pub mod participant;
mod percent;
pub mod smp;
pub mod vat_number;
