//! Senders: who a practice's mails come from, what they are signed with, and which mail server takes them, and which
//! mailbox they come back to. A sender without a server of its own goes through the one that the installation offers.

mod actions;
mod checks;
mod chosen;
mod domains;
mod fields;
mod model;
mod network;
mod queries;
mod servers;

pub use actions::{change, create, delete, note_test};
pub use checks::{BounceDraft, Draft, Given, Prepared, SenderChange, ServerDraft, Trial, prepare, prepare_change};
pub use chosen::{From, from_of, server_for};
pub use domains::DomainDoubt;
pub use model::{BounceBox, Limits, Sender, SenderId, ServerCard, SignInKind};
pub use network::Domains;
pub use queries::{bounce_box_of, sender, senders, server_of, with_bounce_boxes};
