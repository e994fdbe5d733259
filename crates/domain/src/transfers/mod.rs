//! Client lists in and out: CSV files and workbooks from any spreadsheet or program, taken in line by line, and exports that
//! can be taken in again.
//!
//! A line is a draft of a card, so the card's own rules decide; a line that breaks one is told and left out, the others go
//! on. A line means the active client with its enterprise number, or else with its reference; an empty cell leaves what the
//! client has. Columns hold fields of the card and custom ones. Lines are written a page at a time through the clients' door.

mod actions;
mod book;
mod cells;
mod columns;
mod concern;
mod encoding;
mod export;
mod facts;
mod file;
mod findings;
mod importer;
mod jobs;
mod keys;
mod links;
mod merge;
mod model;
mod named;
mod pages;
mod plan;
mod queries;
mod records;
mod separated;
mod sheet;
mod shown;
#[cfg(test)]
mod tests;
mod workbook;
#[cfg(test)]
mod workbook_tests;

pub use actions::{CHUNK, MOST_BYTES, Report, Upload, import_file, submit};
pub use columns::Mapping;
pub use encoding::{Content, Encoding};
pub use export::{Export, Format, Look};
pub use findings::list as list_findings;
pub use jobs::{ImportClients, MOST_ROWS, Progress, Work};
pub use model::*;
pub use pages::AHEAD;
pub use queries::{Header, find, find_by_operation};
pub(crate) use separated::{Writer as Separated, header as separated_header};
pub(crate) use shown::Cell;
