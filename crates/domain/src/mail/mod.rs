//! Mail as such: how letters are written and packed, where mail servers are and how they are spoken to, how mailboxes and
//! the reports in them are read. It does what it is given and knows no room.

mod dialogue;
mod enclosures;
mod fault;
mod imap;
mod letters;
mod mailbox;
mod mailer;
mod message;
mod quoted;
mod report;
mod server;
mod tokens;

pub use enclosures::{Enclosing, Enclosure, encoded_octets};
pub use fault::{MailFault, Undelivered, Words};
pub use letters::{FRAME, Letter, Letters, PRODUCT, Post, Written, one_line};
pub use mailbox::{Head, MOST_OF_MAIL, Mailbox, MailboxFault};
pub use mailer::{Line, Mailer};
pub use message::{Address, Parcel, Party, pack, pack_with, seconds_for};
pub use report::{Action, Affected, Report, Status, is_report};
pub use server::{Grant, MailServer, Security, SignIn};
