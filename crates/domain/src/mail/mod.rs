//! Mail as such: where its servers are and how they are spoken to. It does what it is given and knows no room.

mod dialogue;
mod fault;
mod mailer;
mod server;
mod tokens;

pub use fault::{MailFault, Words};
pub use mailer::Mailer;
pub use server::{Grant, MailServer, Security, SignIn};
