//! Bounces: the mailboxes that mails come back to are read every few minutes, and what the reports in them say is told to the
//! campaigns. A mailbox is only looked at: nothing in it is marked, moved or deleted, so that people can read it, too.
//!
//! How far a mailbox has been read stands in its row, written in the same transaction as what the reports did. Whoever dies before
//! that leaves both undone; whoever reads a report twice finds its row written already.

mod actions;
mod jobs;
mod model;
mod network;
mod queries;

pub use actions::{ask_for_reading, enqueue_due, settle};
pub use jobs::{ReadBounces, WatchBounces};
pub use model::{MailboxId, Reading, weigh};
pub use network::{Harvest, harvest};
pub use queries::{Place, prepare, readings};
