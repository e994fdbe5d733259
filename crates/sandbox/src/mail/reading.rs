//! What is in a mail, for people and for tests.

use mail_parser::{Message, MessageParser, MimeHeaders};
use serde::Serialize;

use crate::mail::Mail;

/// A mail taken apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReadMail {
    /// Number in order of arrival.
    pub id: u64,
    /// Envelope sender.
    pub sender: String,
    /// Envelope recipients.
    pub recipients: Vec<String>,
    /// User of the account that the client had signed in to; `None` without sign-in.
    pub account: Option<String>,
    /// Whether it came over TLS.
    pub over_tls: bool,
    /// Subject, decoded; empty when there is none.
    pub subject: String,
    /// Every header in order, as name and undecoded value on one line.
    pub headers: Vec<(String, String)>,
    /// The plain text part, if there is one.
    pub text: Option<String>,
    /// The HTML part, if there is one.
    pub html: Option<String>,
    /// The attachments.
    pub attachments: Vec<Attachment>,
}

/// An attachment of a mail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Attachment {
    /// File name, if it has one.
    pub name: Option<String>,
    /// Content type such as `application/pdf`.
    pub content_type: String,
    /// Size in bytes after decoding.
    pub bytes: usize,
}

impl ReadMail {
    /// The values of a header, by name in any letter case.
    pub fn header<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

impl Mail {
    /// Takes the mail apart. What is not a mail at all comes out as text.
    #[must_use]
    pub fn read(&self) -> ReadMail {
        let message = MessageParser::default().parse(&self.content[..]);
        let mut read = ReadMail {
            id: self.id,
            sender: self.sender.clone(),
            recipients: self.recipients.clone(),
            account: self.account.clone(),
            over_tls: self.over_tls,
            subject: String::new(),
            headers: Vec::new(),
            text: None,
            html: None,
            attachments: Vec::new(),
        };
        match message {
            Some(message) => fill(&mut read, &message),
            None => read.text = Some(String::from_utf8_lossy(&self.content).into_owned()),
        }
        read
    }
}

fn fill(read: &mut ReadMail, message: &Message<'_>) {
    read.subject = message.subject().unwrap_or_default().to_owned();
    read.headers = message
        .headers_raw()
        .map(|(name, value)| (name.to_owned(), value.split_whitespace().collect::<Vec<_>>().join(" ")))
        .collect();
    // The parser offers HTML rendered as text, and the reverse, where a part is missing; only real parts are wanted.
    read.text = message
        .text_bodies()
        .find(|part| part.is_text() && !part.is_text_html())
        .and_then(|part| part.text_contents())
        .map(str::to_owned);
    read.html =
        message.html_bodies().find(|part| part.is_text_html()).and_then(|part| part.text_contents()).map(str::to_owned);
    read.attachments = message
        .attachments()
        .map(|part| Attachment {
            name: part.attachment_name().map(str::to_owned),
            content_type: part.content_type().map_or_else(
                || "application/octet-stream".to_owned(),
                |kind| match kind.subtype() {
                    Some(subtype) => format!("{}/{subtype}", kind.ctype()),
                    None => kind.ctype().to_owned(),
                },
            ),
            bytes: part.len(),
        })
        .collect();
}
