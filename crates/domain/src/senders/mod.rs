//! Senders: who a practice's mails come from, what they are signed with, and which mail server takes them. A sender without
//! a server of its own goes through the one that the installation offers.

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
pub use checks::{Draft, Given, Prepared, SenderChange, ServerDraft, prepare, prepare_change};
pub use chosen::{From, from_of, server_for};
pub use domains::DomainDoubt;
pub use model::{Limits, Sender, SenderId, ServerCard, SignInKind};
pub use network::Domains;
pub use queries::{sender, senders, server_of};
