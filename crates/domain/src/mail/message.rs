//! A mail on its way: who it is from and to, and its bytes (RFC 5322, MIME).

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use lettre::address::Envelope;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart};

use super::enclosures::{self, Enclosure};
use super::letters::Written;
use super::quoted;
use crate::kernel::clock::Instant;
use crate::kernel::error::{Error, Result};

/// A name and an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// What people call them; may be empty.
    pub name: String,
    /// The address, as `text::email` has checked it.
    pub address: String,
}

impl Party {
    fn mailbox(&self) -> Result<Mailbox> {
        let address = self.address.parse().map_err(|_| Error::internal("an address that no mail can be sent to"))?;
        Ok(Mailbox::new((!self.name.is_empty()).then(|| plain(&self.name)), address))
    }
}

/// The most octets of a mail that is given to a server in one piece: larger ones would be copied for each reader.
const IN_ONE_PIECE: usize = 256 * 1024;
/// Octets of a larger mail that are given to a server together.
const PIECE: usize = 64 * 1024;
/// Octets a second that the slowest line is believed to take.
const SLOWEST: i64 = 64 * 1024;

/// A mail that a server can be given.
pub struct Parcel {
    pub(super) envelope: Envelope,
    /// The mail as it goes over the line, to its last dot; of one with much behind it what stands before that, as it is.
    pub(super) content: String,
    /// What stands behind, where that is much; other mails share it.
    pub(super) behind: Vec<Arc<str>>,
}

impl Parcel {
    /// How many octets it has (RFC 1870, section 6; what a dot at the beginning of a line adds is counted, too).
    pub(super) fn octets(&self) -> usize {
        self.content.len() + self.behind.iter().map(|part| part.len()).sum::<usize>()
    }

    /// Whether it does not go in one piece.
    pub(super) fn is_large(&self) -> bool {
        !self.behind.is_empty()
    }

    /// How much longer than a small one it may be on its way.
    pub(super) fn patience(&self) -> Duration {
        let behind: usize = self.behind.iter().map(|part| part.len()).sum();
        let seconds = seconds_for(i64::try_from(behind).unwrap_or(i64::MAX));
        Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
    }

    /// A large one, piece by piece.
    pub(super) fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let parts = std::iter::once(self.content.as_bytes()).chain(self.behind.iter().map(|part| part.as_bytes()));
        parts.flat_map(|part| part.chunks(PIECE))
    }
}

/// How many seconds longer a mail may be on its way for so many octets of files.
#[must_use]
pub fn seconds_for(octets: i64) -> i64 {
    octets / SLOWEST
}

impl Parcel {
    /// The same mail, coming back to this address when it cannot be delivered (RFC 5321, 3.6.3). Its readers do not see it.
    ///
    /// # Errors
    /// [`Error::Internal`] when no mail can come back there.
    pub fn returning_to(self, address: &str) -> Result<Self> {
        let from = address.parse().map_err(|_| Error::internal("an address that no mail can come back to"))?;
        let envelope = Envelope::new(Some(from), self.envelope.to().to_vec()).map_err(Error::internal)?;
        Ok(Self { envelope, ..self })
    }
}

/// Who a mail is from and to, and what it is known by.
#[derive(Debug, Clone)]
pub struct Address {
    /// Who sends it.
    pub from: Party,
    /// Where answers go, when not to whoever sends it.
    pub reply_to: Option<String>,
    /// Who gets it.
    pub to: Party,
    /// Where somebody says by one request that they want no more such mails (RFC 8058); an address for `https`.
    pub unsubscribe: Option<String>,
    /// What it is known by (RFC 5322, 3.6.4), without angle brackets; the same however often it is sent.
    pub message_id: String,
    /// When it was written.
    pub written_at: Instant,
}

/// Packs a letter: text and HTML, marked as made by a program (RFC 3834), so that no absence notice answers it.
///
/// # Errors
/// [`Error::Internal`] when an address cannot stand in a header.
pub fn pack(letter: &Written, address: &Address) -> Result<Parcel> {
    pack_with(letter, address, &[])
}

/// The same with files: text and HTML come first, so that readers see the letter and the files below it.
///
/// # Errors
/// As [`pack`].
pub fn pack_with(letter: &Written, address: &Address, enclosures: &[Enclosure]) -> Result<Parcel> {
    let micros = u64::try_from(address.written_at.0).unwrap_or_default();
    let mut message = Message::builder().from(address.from.mailbox()?).to(address.to.mailbox()?);
    if let Some(reply_to) = &address.reply_to {
        message = message.reply_to(Party { name: String::new(), address: reply_to.clone() }.mailbox()?);
    }
    if let Some(link) = &address.unsubscribe {
        message = message.header(ListUnsubscribe(link.clone())).header(ListUnsubscribePost);
    }
    let bodies = MultiPart::alternative_plain_html(quoted::body(&letter.text), quoted::body(&letter.html));
    let whole = if enclosures.is_empty() { bodies } else { MultiPart::mixed().multipart(bodies) };
    let boundary = (!enclosures.is_empty()).then(|| whole.boundary());
    let message = message
        .message_id(Some(format!("<{}>", address.message_id)))
        .date(SystemTime::UNIX_EPOCH + Duration::from_micros(micros))
        .subject(plain(&letter.subject))
        .header(AutoSubmitted)
        .multipart(whole)
        .map_err(Error::internal)?;
    let mut content = String::from_utf8(message.formatted()).map_err(Error::internal)?;
    let behind = boundary.map_or_else(Vec::new, |boundary| enclosures::behind(&mut content, &boundary, enclosures));
    let parcel = Parcel { envelope: message.envelope().clone(), content, behind };
    if parcel.is_large() && parcel.octets() > IN_ONE_PIECE {
        return Ok(parcel);
    }
    let Parcel { envelope, mut content, behind } = parcel;
    behind.iter().for_each(|part| content.push_str(part));
    Ok(Parcel { envelope, content: dotted(content), behind: Vec::new() })
}

/// With another dot before each line that begins with one, and with the end of a mail (RFC 5321, 4.5.2).
fn dotted(mut content: String) -> String {
    if memchr::memmem::find(content.as_bytes(), b"\r\n.").is_some() {
        content = content.replace("\r\n.", "\r\n..");
    }
    if content.starts_with('.') {
        content.insert(0, '.');
    }
    if !content.ends_with("\r\n") {
        content.push_str("\r\n");
    }
    content.push_str(".\r\n");
    content
}

/// What looks like an encoded word (RFC 2047, section 2) would be read as what it hides; a blank makes it what it is, a text.
fn plain(text: &str) -> String {
    text.replace("=?", "= ?")
}

macro_rules! headers {
    ($($(#[$doc:meta])* $header:ident$(($value:ty))? = $name:literal $content:expr;)+) => {
        $(
            $(#[$doc])*
            #[derive(Clone)]
            struct $header$(($value))?;

            impl Header for $header {
                fn name() -> HeaderName {
                    HeaderName::new_from_ascii_str($name)
                }

                fn parse(_: &str) -> std::result::Result<Self, Box<dyn std::error::Error + Send + Sync>> {
                    Err("it is only written".into())
                }

                fn display(&self) -> HeaderValue {
                    let content: fn(&Self) -> String = $content;
                    HeaderValue::new(Self::name(), content(self))
                }
            }
        )+
    };
}

headers! {
    /// Made by a program (RFC 3834, section 5).
    AutoSubmitted = "Auto-Submitted" |_| "auto-generated".to_owned();
    /// Where to say that no more such mails are wanted (RFC 2369, 3.2).
    ListUnsubscribe(String) = "List-Unsubscribe" |link| format!("<{}>", link.0);
    /// One request is enough (RFC 8058, 3.1).
    ListUnsubscribePost = "List-Unsubscribe-Post" |_| "List-Unsubscribe=One-Click".to_owned();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_begins_with_a_dot_does_not_end_a_mail() {
        let of = |content: &str| dotted(content.to_owned());
        assert_eq!(of("A: b\r\n\r\n.\r\n..c\r\nd."), "A: b\r\n\r\n..\r\n...c\r\nd.\r\n.\r\n");
        assert_eq!(of(".\r\n.\r\n"), "..\r\n..\r\n.\r\n");
        assert_eq!(of(""), "\r\n.\r\n");
    }
}
