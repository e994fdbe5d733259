//! The mailbox that mails come back to: what a test or a person puts there, to be read by IMAP.

use std::sync::{Mutex, MutexGuard};

use bytes::Bytes;

use crate::world::locked;

/// The months as IMAP spells them (RFC 3501, section 9).
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// What the IMAP server does instead of answering a FETCH, until it is told otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImapEffect {
    /// It announces more than anybody has room for, and sends it.
    GiantLiteral,
    /// It begins a line and never ends it.
    EndlessLine,
    /// It says what no server says, and that all went well.
    Nonsense,
    /// It says nothing for a minute.
    Silence,
    /// It hangs up.
    HangUp,
}

/// A mail in the mailbox.
#[derive(Clone, Debug)]
pub(crate) struct Returned {
    pub(crate) uid: u32,
    /// When it came in, as IMAP spells it.
    pub(crate) received: String,
    pub(crate) content: Bytes,
}

#[derive(Debug)]
struct Folder {
    uid_validity: u32,
    next_uid: u32,
    mails: Vec<Returned>,
    effect: Option<ImapEffect>,
}

/// The mailbox.
#[derive(Debug)]
pub(crate) struct Returns(Mutex<Folder>);

impl Default for Returns {
    fn default() -> Self {
        Self(Mutex::new(Folder { uid_validity: 1, next_uid: 1, mails: Vec::new(), effect: None }))
    }
}

impl Returns {
    fn folder(&self) -> MutexGuard<'_, Folder> {
        locked(&self.0)
    }

    /// Puts a mail there and gives its key.
    pub(crate) fn add(&self, content: Bytes, received: &str) -> u32 {
        let mut folder = self.folder();
        let uid = folder.next_uid;
        folder.next_uid += 1;
        folder.mails.push(Returned { uid, received: received.to_owned(), content });
        uid
    }

    /// Gives all mails other keys, as a server does whose folder was made anew.
    pub(crate) fn renumber(&self) {
        let mut folder = self.folder();
        folder.uid_validity += 1;
        folder.next_uid = 1;
        let mut next = 1;
        for mail in &mut folder.mails {
            mail.uid = next;
            next += 1;
        }
        folder.next_uid = next;
    }

    /// What FETCH does from now on.
    pub(crate) fn set_effect(&self, effect: Option<ImapEffect>) {
        self.folder().effect = effect;
    }

    pub(crate) fn effect(&self) -> Option<ImapEffect> {
        self.folder().effect
    }

    /// What the keys are valid for, and the next one.
    pub(crate) fn validity(&self) -> (u32, u32) {
        let folder = self.folder();
        (folder.uid_validity, folder.next_uid)
    }

    /// The mails, the oldest first.
    pub(crate) fn all(&self) -> Vec<Returned> {
        self.folder().mails.clone()
    }
}

/// Year, month and day of a date as IMAP spells it, so that dates can be compared; zeros for none.
pub(crate) fn day_of(text: &str) -> (u32, usize, u32) {
    let mut parts = text.trim_matches('"').splitn(3, '-');
    let day = parts.next().and_then(|day| day.trim().parse().ok()).unwrap_or_default();
    let month = parts.next().and_then(|month| MONTHS.iter().position(|one| one.eq_ignore_ascii_case(month)));
    let year = parts.next().and_then(|rest| rest.get(..4)).and_then(|year| year.parse().ok()).unwrap_or_default();
    (year, month.unwrap_or_default(), day)
}
