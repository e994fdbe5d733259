//! One value for many clients, safely: a preview that settles which clients are to change, its application, and its undoing.
//!
//! A preview keeps the keys of the clients that differ, in chunks; applying and undoing go chunk by chunk, each in one
//! transaction with its entry in the trail, so that a worker that dies is followed by one that goes on. Old values are not
//! kept twice: undoing reads them from the change log, under the chunk's own entry.

mod application;
mod assignments;
mod jobs;
mod model;
mod previews;
mod queries;
mod reading;
mod undoing;

pub use application::{apply, apply_chunk};
pub use assignments::{Assignment, MOST_ASSIGNMENTS};
pub use jobs::{ApplyBulkEdit, PruneBulkEdits, UndoBulkEdit};
pub use model::{BulkEdit, BulkEditId, Status};
pub use previews::{Wish, preview};
pub use queries::{find, list, prune};
pub use reading::{Outcome, RowSeen, Seen, rows};
pub use undoing::{undo, undo_chunk};
