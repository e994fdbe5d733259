//! The mail server: it takes every mail, delivers none, and keeps the last ones to be looked at.

mod accounts;
mod mailbox;
mod reading;
pub(crate) mod smtp;
mod tls;

pub use accounts::MailAccount;
pub(crate) use accounts::{Accounts, TOKEN_LIFE};
pub(crate) use mailbox::{Envelope, Mailbox};
pub use mailbox::{MAX_KEPT_BYTES, MAX_MAIL_BYTES, Mail};
pub use reading::{Attachment, ReadMail};
pub(crate) use tls::server_config;
