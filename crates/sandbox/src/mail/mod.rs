//! The mail server: it takes every mail, delivers none, and keeps the last ones to be looked at. Beside it a mailbox that mails come
//! back to, which is read by IMAP.

mod accounts;
pub(crate) mod imap;
mod mailbox;
mod reading;
mod returns;
pub(crate) mod smtp;
mod tls;
mod wire;

pub use accounts::MailAccount;
pub(crate) use accounts::{Accounts, TOKEN_LIFE};
pub(crate) use mailbox::{Envelope, Mailbox};
pub use mailbox::{MAX_KEPT_BYTES, MAX_MAIL_BYTES, Mail};
pub use reading::{Attachment, ReadMail};
pub use returns::ImapEffect;
pub(crate) use returns::Returns;
pub(crate) use tls::server_config;
