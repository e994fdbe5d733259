//! What can go wrong between us and a mail server.

use std::fmt;

use lettre::transport::smtp::Error;

use crate::kernel::outbound::chain;

/// What of a stranger's words is kept, in characters.
const MOST_WORDS: usize = 500;

/// A reply of a mail server: its code (RFC 5321, 4.2) and its words, lines joined, cut to 500 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// Three digits.
    pub code: u16,
    /// What it said, with the enhanced status code when it gave one.
    pub text: String,
}

impl Words {
    /// Whether trying again later makes sense: the code begins with 4.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        (400..500).contains(&self.code)
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.text)
    }
}

/// Why a mail server could not be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailFault {
    /// Its name has no address, or nobody answers there.
    Unreachable(String),
    /// It is not on the public internet, and such servers are not allowed here.
    Private,
    /// It is on another machine, and the dialogue would not be kept from being read.
    Unencrypted,
    /// It does not offer STARTTLS.
    NoStarttls,
    /// TLS failed: its certificate is not good for that name, or it speaks no TLS there.
    Tls(String),
    /// It does not offer the way of signing in that was chosen.
    NoSignIn,
    /// It does not accept who signs in.
    SignInRefused(Words),
    /// No access token was given out for the grant.
    NoToken(String),
    /// It refused the dialogue.
    Refused(Words),
    /// It did not answer in time.
    Silent,
}

/// Why a mail did not go out, as far as we know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undelivered {
    /// The server refused it, for now or for good.
    Refused(Words),
    /// The server was not given it.
    Kept(MailFault),
    /// The server cannot take addresses with other letters than those of ASCII (RFC 6531), and one of its addresses has some.
    Unaddressable,
    /// It has more octets than the server says that it takes (RFC 1870).
    TooLarge {
        /// How many it has.
        octets: usize,
        /// How many the server takes.
        most: usize,
    },
    /// The server was given it and did not say what became of it.
    InDoubt(MailFault),
}

impl Undelivered {
    /// Whether trying again later makes sense.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Refused(words) | Self::Kept(MailFault::Refused(words)) => words.is_passing(),
            Self::Unaddressable | Self::TooLarge { .. } => false,
            Self::Kept(_) | Self::InDoubt(_) => true,
        }
    }
}

impl fmt::Display for Undelivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(words) => write!(f, "the mail server refused it: {words}"),
            Self::Kept(fault) => write!(f, "it was not handed over: {fault}"),
            Self::Unaddressable => f.write_str("the mail server takes no addresses with letters beyond ASCII"),
            Self::TooLarge { octets, most } => {
                write!(f, "the mail has {octets} bytes, and the mail server takes {most} at most: attach less")
            }
            Self::InDoubt(fault) => {
                write!(f, "the mail server was given it and did not say whether it took it: {fault}")
            }
        }
    }
}

impl fmt::Display for MailFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(reason) => write!(f, "the mail server cannot be reached: {reason}"),
            Self::Private => f.write_str("the mail server is not on the public internet"),
            Self::Unencrypted => f.write_str("the mail server is on another machine, and TLS is off"),
            Self::NoStarttls => f.write_str("the mail server does not offer STARTTLS"),
            Self::Tls(reason) => write!(f, "TLS failed: {reason}"),
            Self::NoSignIn => f.write_str("the mail server does not offer that way of signing in"),
            Self::SignInRefused(words) => write!(f, "the mail server refused the sign-in: {words}"),
            Self::NoToken(reason) => write!(f, "no access token was given out: {reason}"),
            Self::Refused(words) => write!(f, "the mail server said {words}"),
            Self::Silent => f.write_str("the mail server did not answer in time"),
        }
    }
}

impl MailFault {
    /// What a dialogue broke off with.
    pub(super) fn of(error: &Error) -> Self {
        match said(error) {
            Some(words) => Self::Refused(words),
            None if error.is_tls() || is_handshake(error) => Self::Tls(short(&reason(error))),
            None if error.is_timeout() => Self::Silent,
            None => Self::Unreachable(short(&reason(error))),
        }
    }
}

/// What the server said when it refused.
pub(super) fn said(error: &Error) -> Option<Words> {
    let code = error.status()?;
    Some(Words { code: code.into(), text: short(&reason(error)) })
}

/// Whether TLS itself broke off, which comes as a fault of the connection.
fn is_handshake(error: &Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let within = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if within.is_some_and(|within| within.is::<rustls::Error>()) || cause.is::<rustls::Error>() {
            return true;
        }
        source = cause.source();
    }
    false
}

fn reason(error: &Error) -> String {
    std::error::Error::source(error).map_or_else(|| error.to_string(), chain)
}

/// Foreign words without control characters, cut.
pub(super) fn short(text: &str) -> String {
    let shown = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    shown.take(MOST_WORDS).collect::<String>().trim().to_owned()
}
