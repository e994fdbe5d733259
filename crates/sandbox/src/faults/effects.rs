//! What a fault can do on each layer.

use serde::{Deserialize, Serialize};

/// What a fault does, and on which layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Effect {
    /// On the NAPTR query of a participant.
    Dns(DnsEffect),
    /// On every request to the SMP about a participant.
    Smp(SmpEffect),
    /// On requests for service groups only.
    SmpGroup(SmpEffect),
    /// On requests for service metadata only.
    SmpMetadata(SmpEffect),
    /// On a step of the SMTP dialogue.
    Smtp {
        /// The step.
        at: SmtpStep,
        /// What happens there.
        does: SmtpEffect,
    },
}

/// What DNS does in place of the right answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DnsEffect {
    /// The name does not exist.
    Nxdomain,
    /// The name exists without NAPTR record.
    Nodata,
    /// Response code 2.
    Servfail,
    /// Response code 5.
    Refused,
    /// No answer at all.
    Timeout,
}

/// What the SMP does in place of the right answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SmpEffect {
    /// An HTTP status from 400 to 599 with a short text.
    Status {
        /// The status.
        code: u16,
        /// `Retry-After` header, in seconds.
        #[serde(default)]
        retry_after_seconds: Option<u32>,
    },
    /// The right answer, one byte at a time with this pause before each.
    SlowDrip {
        /// Milliseconds.
        pause_ms: u32,
    },
    /// The document stops in the middle of a tag.
    BrokenXml,
    /// A sound document about another participant.
    OtherParticipant,
    /// HTTP redirects without end.
    RedirectLoop,
    /// An HTTP redirect to this URL.
    RedirectTo(String),
    /// The connection is reset before any answer.
    Reset,
    /// No answer for two minutes, then the connection is closed.
    Hang,
}

impl SmpEffect {
    /// HTTP 404.
    #[must_use]
    pub fn not_found() -> Self {
        Self::Status { code: 404, retry_after_seconds: None }
    }

    /// HTTP 429 with a `Retry-After` header.
    #[must_use]
    pub fn too_many_requests(retry_after_seconds: u32) -> Self {
        Self::Status { code: 429, retry_after_seconds: Some(retry_after_seconds) }
    }

    /// HTTP 500.
    #[must_use]
    pub fn server_error() -> Self {
        Self::Status { code: 500, retry_after_seconds: None }
    }

    /// HTTP 503.
    #[must_use]
    pub fn unavailable() -> Self {
        Self::Status { code: 503, retry_after_seconds: None }
    }

    pub(super) fn status(&self) -> Option<u16> {
        match self {
            Self::Status { code, .. } => Some(*code),
            _ => None,
        }
    }
}

/// A step of the SMTP dialogue. A fault that names addresses or a share strikes from `Rcpt` on, when a recipient is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SmtpStep {
    /// The greeting.
    Connect,
    /// EHLO or HELO.
    Ehlo,
    /// STARTTLS (RFC 3207), or the first byte where TLS begins at once. There a reply stands in clear text in place of
    /// the handshake and ends the connection, and there is nothing that could come slowly byte by byte.
    StartTls,
    /// MAIL.
    Mail,
    /// RCPT.
    Rcpt,
    /// DATA, before the mail's content is sent.
    Data,
    /// The content is received in full and about to be acknowledged. A reply here refuses the mail; a drop here keeps
    /// the mail and never says so, which a sender cannot tell from a loss; so does silence.
    Message,
}

/// What the mail server does in place of the right reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SmtpEffect {
    /// A reply code from 400 to 599, with the enhanced status code that usually goes with it (RFC 3463); 421 also
    /// closes the connection.
    Reply(u16),
    /// The connection is closed without a reply.
    Drop,
    /// The right reply after a pause.
    Slow {
        /// Milliseconds.
        pause_ms: u32,
    },
    /// No reply at all. The connection stays open until the client goes, for a minute at most.
    Silence,
    /// The right reply, one byte at a time with this pause before each.
    SlowBytes {
        /// Milliseconds.
        pause_ms: u32,
    },
    /// The recipient is refused with 451 4.7.1 at its first try and until so long after it, and then taken (RFC 6647).
    /// At [`SmtpStep::Rcpt`] only.
    Greylist {
        /// Milliseconds.
        pause_ms: u32,
    },
    /// Something that is no TLS in place of the server's part of the handshake. At [`SmtpStep::StartTls`] only.
    BadTls,
}

impl SmtpEffect {
    /// Whether this can happen at a step.
    pub(super) fn fits(self, step: SmtpStep) -> bool {
        match self {
            Self::Greylist { .. } => step == SmtpStep::Rcpt,
            Self::BadTls => step == SmtpStep::StartTls,
            Self::Reply(_) | Self::Drop | Self::Slow { .. } | Self::Silence | Self::SlowBytes { .. } => true,
        }
    }
}
