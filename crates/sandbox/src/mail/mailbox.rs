//! The mails kept.

use std::{collections::VecDeque, sync::Mutex};

use bytes::Bytes;
use tokio::sync::watch;

use crate::world::locked;

/// Largest mail taken, in bytes.
pub const MAX_MAIL_BYTES: usize = 10 * 1024 * 1024;
/// All mails kept together take at most so many bytes; older ones make place.
pub const MAX_KEPT_BYTES: usize = 64 * 1024 * 1024;

/// Whom a mail is from and for, and how it came.
#[derive(Debug)]
pub(crate) struct Envelope {
    pub(crate) sender: String,
    pub(crate) recipients: Vec<String>,
    pub(crate) account: Option<String>,
    pub(crate) over_tls: bool,
}

/// A mail as it came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Number in order of arrival, from 1.
    pub id: u64,
    /// Envelope sender; empty for the null sender.
    pub sender: String,
    /// Envelope recipients in the order given.
    pub recipients: Vec<String>,
    /// User of the account that the client had signed in to (RFC 4954); `None` without sign-in.
    pub account: Option<String>,
    /// Whether it came over TLS, by STARTTLS or from the first byte.
    pub over_tls: bool,
    /// Headers and body, with dot-stuffing undone.
    pub content: Bytes,
}

#[derive(Debug, Default)]
struct Kept {
    mails: VecDeque<Mail>,
    bytes: usize,
    last_id: u64,
}

/// A ring of mails, bounded in number and in bytes.
#[derive(Debug)]
pub(crate) struct Mailbox {
    kept: Mutex<Kept>,
    count: watch::Sender<usize>,
    capacity: usize,
}

impl Mailbox {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { kept: Mutex::default(), count: watch::Sender::new(0), capacity: capacity.max(1) }
    }

    /// Keeps a mail and gives its number.
    pub(crate) fn keep(&self, envelope: Envelope, content: Vec<u8>) -> u64 {
        let Envelope { sender, recipients, account, over_tls } = envelope;
        let mut kept = locked(&self.kept);
        kept.last_id += 1;
        let id = kept.last_id;
        kept.bytes += content.len();
        kept.mails.push_back(Mail { id, sender, recipients, account, over_tls, content: content.into() });
        while kept.mails.len() > self.capacity || (kept.bytes > MAX_KEPT_BYTES && kept.mails.len() > 1) {
            let oldest = kept.mails.pop_front();
            kept.bytes -= oldest.map_or(0, |mail| mail.content.len());
        }
        self.count.send_replace(kept.mails.len());
        id
    }

    /// The mails kept, oldest first.
    pub(crate) fn all(&self) -> Vec<Mail> {
        locked(&self.kept).mails.iter().cloned().collect()
    }

    pub(crate) fn get(&self, id: u64) -> Option<Mail> {
        locked(&self.kept).mails.iter().find(|mail| mail.id == id).cloned()
    }

    pub(crate) fn clear(&self) {
        let mut kept = locked(&self.kept);
        kept.mails.clear();
        kept.bytes = 0;
        self.count.send_replace(0);
    }

    /// Waits until so many mails are kept.
    pub(crate) async fn wait_for(&self, count: usize) {
        // The sender lives in this very mailbox, so waiting on it cannot fail.
        let _ = self.count.subscribe().wait_for(|kept| *kept >= count).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope() -> Envelope {
        Envelope { sender: "a@b".into(), recipients: vec!["c@d".into()], account: None, over_tls: false }
    }

    #[test]
    fn the_oldest_mails_make_place() {
        let mailbox = Mailbox::new(2);
        for n in 1..=3 {
            mailbox.keep(envelope(), vec![b'x'; n]);
        }
        assert_eq!(mailbox.all().iter().map(|mail| mail.id).collect::<Vec<_>>(), [2, 3]);
        assert!(mailbox.get(1).is_none());
        mailbox.clear();
        assert_eq!(mailbox.keep(envelope(), vec![]), 4);
    }

    #[test]
    fn bytes_are_bounded_too() {
        let mailbox = Mailbox::new(100);
        for _ in 0..10 {
            mailbox.keep(envelope(), vec![0; MAX_MAIL_BYTES]);
        }
        assert_eq!(mailbox.all().len(), MAX_KEPT_BYTES / MAX_MAIL_BYTES);
    }
}
