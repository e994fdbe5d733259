//! The mail server: it takes every mail, delivers none, and keeps the last ones to be looked at.

mod mailbox;
mod reading;
pub(crate) mod smtp;
mod tls;

pub(crate) use mailbox::{Envelope, Mailbox};
pub use mailbox::{MAX_KEPT_BYTES, MAX_MAIL_BYTES, Mail};
pub use reading::{Attachment, ReadMail};
pub(crate) use tls::server_config;
