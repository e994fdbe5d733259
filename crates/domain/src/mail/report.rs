//! Reports about mails that could not be delivered, as mail servers send them back (RFC 3464 in a report of RFC 6522). They come
//! from strangers: whatever is missing, doubled or broken in them, reading ends soon and says what there was.

use mail_parser::{Address, HeaderName, HeaderValue, Message, MessageParser, MessagePart, MimeHeaders as _, PartType};

use super::fault::short;

/// Recipients of one report that are looked at; each of our mails has one.
const MOST_AFFECTED: usize = 50;
/// Addresses and names of mails that are looked at.
const MOST_NAMED: usize = 20;
/// The longest address (RFC 5321, 4.5.3.1), in octets.
const MOST_OF_ADDRESS: usize = 320;

/// What a server did about a recipient (RFC 3464, 2.3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// It could not be delivered.
    Failed,
    /// It is tried on.
    Delayed,
    /// It was delivered.
    Delivered,
    /// It went on to somebody who sends no reports.
    Relayed,
    /// It went on to several others.
    Expanded,
}

/// An enhanced status code (RFC 3463): class, subject and detail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// 2 for success, 4 for a failure that may pass, 5 for one that stays.
    pub class: u16,
    /// What it is about.
    pub subject: u16,
    /// What exactly.
    pub detail: u16,
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

impl Status {
    /// The first status code in a text.
    #[must_use]
    pub fn find(text: &str) -> Option<Self> {
        text.split(|c: char| !c.is_ascii_digit() && c != '.').find_map(Self::read)
    }

    fn read(word: &str) -> Option<Self> {
        let mut numbers = word
            .trim_end_matches('.')
            .split('.')
            .map(|number| number.parse::<u16>().ok().filter(|number| *number < 1_000));
        let found = Self { class: numbers.next()??, subject: numbers.next()??, detail: numbers.next()?? };
        (matches!(found.class, 2 | 4 | 5) && numbers.next().is_none()).then_some(found)
    }
}

/// What a report says of a recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Affected {
    /// What was done about it.
    pub action: Action,
    /// The status code that the reporting server gives (RFC 3464, 2.3.4).
    pub status: Option<Status>,
    /// What the server that refused said, as it said it, in one line of at most 500 characters (RFC 3464, 2.3.6).
    pub diagnostic: String,
    /// Where it was to go, at last and at first (RFC 3464, 2.3.1 and 2.3.2), also as it reads when its signs are in hexadecimal.
    pub addresses: Vec<String>,
}

/// A report.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// What became of each recipient.
    pub affected: Vec<Affected>,
    /// Addresses that it came back to, and that the mail which it is about was to come back to.
    pub returned_to: Vec<String>,
    /// Mails that it may be about, by what they are known by, without angle brackets.
    pub message_ids: Vec<String>,
}

/// Whether the headers of a mail look like those of a report: it says so (RFC 6522, section 3), or a program sent it in several
/// parts, as servers do that never read that.
#[must_use]
pub fn is_report(headers: &[u8]) -> bool {
    let Some(head) = MessageParser::default().parse_headers(headers) else { return false };
    let Some(content) = head.content_type() else { return false };
    if content.ctype() != "multipart" {
        return false;
    }
    if content.subtype() == Some("report") {
        let kind = content.attribute("report-type").unwrap_or("delivery-status");
        return kind.eq_ignore_ascii_case("delivery-status");
    }
    let is_empty = |path: &str| matches!(path.trim(), "" | "<>");
    let from = head.from().and_then(Address::first).and_then(|from| from.address()).unwrap_or_default();
    let local = from.split('@').next().unwrap_or_default();
    ["mailer-daemon", "postmaster"].iter().any(|name| local.eq_ignore_ascii_case(name))
        || raw(&head, "Return-Path").is_some_and(is_empty)
        || raw(&head, "Auto-Submitted").is_some_and(|said| !said.trim().eq_ignore_ascii_case("no"))
}

/// The first header of a name as it stands.
fn raw<'a>(message: &'a Message<'_>, name: &str) -> Option<&'a str> {
    message.headers_raw().find_map(|(known, text)| known.eq_ignore_ascii_case(name).then_some(text))
}

impl Report {
    /// Reads a mail as a report; `None` when it has no part that says what became of recipients.
    #[must_use]
    pub fn read(mail: &[u8]) -> Option<Self> {
        let message = MessageParser::default().parse(mail)?;
        let is_status = |part: &&MessagePart<'_>| {
            part.content_type().is_some_and(|content| {
                let subtype = content.subtype().unwrap_or_default();
                content.ctype() == "message" && matches!(subtype, "delivery-status" | "global-delivery-status")
            })
        };
        let status = message.parts.iter().find(is_status)?;
        let affected: Vec<Affected> = groups(status.contents()).filter_map(affected).take(MOST_AFFECTED).collect();
        if affected.is_empty() {
            return None;
        }
        let mut report = Self { affected, ..Self::default() };
        report.look_at(&message);
        for part in &message.parts {
            match (&part.body, part.content_type().and_then(|content| content.subtype())) {
                (PartType::Message(returned), _) => report.look_at(returned),
                (_, Some("rfc822-headers" | "global-headers" | "global")) => {
                    if let Some(returned) = MessageParser::default().parse_headers(part.contents()) {
                        report.look_at(&returned);
                    }
                }
                _ => {}
            }
        }
        report.returned_to.truncate(MOST_NAMED);
        report.message_ids.truncate(MOST_NAMED);
        Some(report)
    }

    /// Notes which mail a head may belong to, or answer.
    fn look_at(&mut self, message: &Message<'_>) {
        for header in message.headers() {
            match &header.name {
                name if is_of_delivery(name.as_str()) => self.returned_to.extend(addresses_of(&header.value)),
                HeaderName::MessageId | HeaderName::InReplyTo | HeaderName::References => {
                    self.message_ids.extend(texts_of(&header.value));
                }
                _ => {}
            }
        }
    }
}

/// Whether a header says for whom a server took the mail in, or where it comes back to; no standard names most of them.
fn is_of_delivery(name: &str) -> bool {
    let all = ["To", "Return-Path", "Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To"];
    all.iter().any(|one| one.eq_ignore_ascii_case(name))
}

/// The addresses in a header, whatever else it says.
fn addresses_of(value: &HeaderValue<'_>) -> Vec<String> {
    let known: Vec<&str> = match value {
        HeaderValue::Address(all) => all.iter().filter_map(|one| one.address()).collect(),
        HeaderValue::Text(text) => {
            text.split(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | ',' | ';')).collect()
        }
        _ => Vec::new(),
    };
    let whole = known.into_iter().filter(|one| one.contains('@') && one.len() <= MOST_OF_ADDRESS);
    whole.take(MOST_NAMED).map(str::to_owned).collect()
}

fn texts_of(value: &HeaderValue<'_>) -> Vec<String> {
    let whole = |text: &str| text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '<' | '>')).to_owned();
    match value {
        HeaderValue::Text(text) => vec![whole(text)],
        HeaderValue::TextList(all) => all.iter().take(MOST_NAMED).map(|text| whole(text)).collect(),
        _ => Vec::new(),
    }
}

/// The groups of fields of a delivery status, which empty lines separate (RFC 3464, 2.1).
fn groups(content: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let text = String::from_utf8_lossy(content).replace("\r\n", "\n");
    let groups: Vec<Vec<u8>> =
        text.split("\n\n").map(|group| format!("{}\r\n\r\n", group.trim()).into_bytes()).collect();
    groups.into_iter().filter(|group| group.len() > 4)
}

/// What a group says of a recipient; `None` for the first one, which is about the mail as a whole.
fn affected(group: Vec<u8>) -> Option<Affected> {
    let fields = MessageParser::default().parse_headers(&group)?;
    let field = |name: &str| raw(&fields, name).map(unfolded);
    let action = match field("Action")?.to_ascii_lowercase().as_str() {
        "failed" => Action::Failed,
        "delayed" => Action::Delayed,
        "delivered" => Action::Delivered,
        "relayed" => Action::Relayed,
        "expanded" => Action::Expanded,
        _ => return None,
    };
    let status = field("Status").and_then(|text| Status::find(&text));
    let diagnostic = field("Diagnostic-Code").unwrap_or_default();
    // What comes before the first semicolon is the kind of what follows (RFC 3464, 2.1.2).
    let diagnostic = diagnostic.split_once(';').map_or(diagnostic.as_str(), |(_, said)| said);
    let named = ["Final-Recipient", "Original-Recipient"].iter().filter_map(|name| field(name));
    let addresses =
        named.filter_map(|typed| address_of(&typed)).flat_map(|address| [plain(&address), address]).collect();
    Some(Affected { action, status, diagnostic: short(diagnostic), addresses })
}

/// A value in one line (RFC 5322, 2.2.3).
fn unfolded(raw: &str) -> String {
    raw.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The address in a field like `rfc822; an+2Be@maes.example`, whose signs may be written in hexadecimal (RFC 3461, section 4).
fn address_of(typed: &str) -> Option<String> {
    let (kind, written) = typed.split_once(';')?;
    if !matches!(kind.trim().to_ascii_lowercase().as_str(), "rfc822" | "utf-8") {
        return None;
    }
    let bare = written.trim().trim_matches(['<', '>']);
    (bare.contains('@') && bare.len() <= MOST_OF_ADDRESS).then(|| bare.to_owned())
}

/// Text whose signs may be written as a plus and two capital hexadecimal digits (xtext, RFC 3461, section 4).
fn plain(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let digits = behind.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let coded = digits.filter(|two| two.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'A'..=b'F')));
        match coded.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(byte) if *first == b'+' => {
                bytes.push(byte);
                rest = behind.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const POSTFIX: &str = "Return-Path: <>\r\nFrom: MAILER-DAEMON@mail.maes.example (Mail Delivery System)\r\n\
        To: bounces+abc234@maes.example\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"A/mail\"\r\n\
        Message-Id: <2026@mail.maes.example>\r\n\r\nThis is a MIME-encapsulated message.\r\n\r\n\
        --A/mail\r\nContent-Description: Notification\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\nSorry.\r\n\r\n\
        --A/mail\r\nContent-Type: message/delivery-status\r\n\r\n\
        Reporting-MTA: dns; mail.maes.example\r\nArrival-Date: Sun, 22 Nov 2026 10:00:00 +0100 (CET)\r\n\r\n\
        Final-Recipient: rfc822; an@clients.example\r\nOriginal-Recipient: rfc822;an+2Be@clients.example\r\nAction: failed\r\n\
        Status: 5.1.1\r\nRemote-MTA: dns; mx.clients.example\r\nDiagnostic-Code: smtp; 550 5.1.1 <an@clients.example>:\r\n    \
        User unknown\x07\r\n\r\n\
        --A/mail\r\nContent-Type: message/rfc822\r\n\r\nReturn-Path: <bounces+abc234@maes.example>\r\n\
        Message-ID: <cmp_1.2.x@maes.example>\r\nSubject: Hello\r\n\r\nHello\r\n--A/mail--\r\n";

    #[test]
    fn a_report_is_read() {
        assert!(is_report(POSTFIX.split("\r\n\r\n").next().unwrap().as_bytes()));
        let report = Report::read(POSTFIX.as_bytes()).unwrap();
        let [one] = report.affected.as_slice() else { panic!("{report:?}") };
        assert_eq!((one.action, one.status.unwrap().to_string().as_str()), (Action::Failed, "5.1.1"));
        assert_eq!(one.diagnostic, "550 5.1.1 <an@clients.example>: User unknown");
        let known = ["an@clients.example", "an@clients.example", "an+e@clients.example", "an+2Be@clients.example"];
        assert_eq!(one.addresses, known);
        assert_eq!(report.returned_to, ["bounces+abc234@maes.example", "bounces+abc234@maes.example"]);
        assert!(report.message_ids.contains(&"cmp_1.2.x@maes.example".to_owned()));
    }

    #[test]
    fn what_is_cut_or_broken_is_read_as_far_as_it_goes() {
        for at in 0..POSTFIX.len() {
            let _ = Report::read(&POSTFIX.as_bytes()[..at]);
            let _ = is_report(&POSTFIX.as_bytes()[..at]);
        }
        let cut = POSTFIX.find("Message-ID: <cmp").unwrap();
        assert!(Report::read(&POSTFIX.as_bytes()[..cut]).unwrap().affected.len() == 1);
        assert_eq!(Report::read(b""), None);
        assert_eq!(Report::read(b"Content-Type: message/delivery-status\r\n\r\nnothing"), None);
        let many = POSTFIX.replacen(
            "Final-Recipient",
            &"Final-Recipient: rfc822; x@y.z\r\nAction: failed\r\n\r\n".repeat(9_000),
            1,
        );
        assert_eq!(Report::read(many.as_bytes()).unwrap().affected.len(), MOST_AFFECTED);
    }

    #[test]
    fn only_what_looks_like_a_report_is_one() {
        let is = |headers: &str| is_report(format!("{headers}\r\n\r\n").as_bytes());
        assert!(is("Content-Type: multipart/report; boundary=x"));
        assert!(!is("Content-Type: multipart/report; report-type=disposition-notification; boundary=x"));
        assert!(is("From: MAILER-DAEMON@a.example\r\nContent-Type: multipart/mixed; boundary=x"));
        assert!(is("Return-Path: <>\r\nContent-Type: multipart/mixed; boundary=x"));
        assert!(!is("From: an@a.example\r\nReturn-Path: <an@a.example>\r\nContent-Type: multipart/mixed; boundary=x"));
        assert!(!is("From: MAILER-DAEMON@a.example\r\nContent-Type: text/plain"));
        assert!(!is_report(b""));
    }

    #[test]
    fn a_status_is_found_in_words() {
        let of = |text: &str| Status::find(text).map(|status| status.to_string());
        assert_eq!(of("5.1.1 (bad destination mailbox)").as_deref(), Some("5.1.1"));
        assert_eq!(of("550-5.7.26 from 10.1.2.3").as_deref(), Some("5.7.26"));
        assert_eq!(of("550 no such user at 10.1.2.3"), None);
        assert_eq!(of("9.9.9 5.1 4.4.70000"), None);
    }
}
