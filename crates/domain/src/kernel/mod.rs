//! What every room stands on: the database, identifiers, time, errors, audit, configuration. It knows no room.

pub mod actor;
pub(crate) mod addresses;
pub mod audit;
pub mod batch;
pub mod catalogue;
pub mod clock;
pub mod columns;
pub mod config;
pub mod dates;
pub mod db;
pub mod error;
pub mod ids;
pub mod jobs;
pub mod keys;
pub mod operations;
pub(crate) mod outbound;
pub mod page;
pub mod patch;
pub mod readings;
pub mod replies;
pub(crate) mod resolver;
pub mod secrets;
mod sql_types;
pub mod text;
pub mod upkeep;

pub use sql_types::{JsonText, JsonType, Uid, UidType};
