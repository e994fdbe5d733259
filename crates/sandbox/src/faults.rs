//! Trouble that can be switched on and off while the world runs.
//!
//! A [`Fault`] is an effect on one layer, narrowed to named participants (mail addresses for SMTP), to a share of them
//! decided by hash, or to a number of times. The first fault in order that matches decides.

#[cfg(test)]
mod tests;

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use crate::{
    SandboxError,
    label::{Draw, Label},
};

/// Faults in force at most.
pub const MAX_FAULTS: usize = 1_000;
/// Participants or addresses that one fault may name at most.
pub const MAX_NAMED: usize = 100_000;

/// One switchable fault. JSON: `{"effect":{"smp":"hang"},"only":["0208:0677424046"],"share":100,"times":3}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What happens.
    pub effect: Effect,
    /// Participant identifiers (`0208:…`), or recipient addresses for SMTP, that are hit; empty: all.
    #[serde(default)]
    pub only: Vec<String>,
    /// Percentage of these that is hit, decided by hash: the same ones each time.
    #[serde(default = "whole")]
    pub share: u8,
    /// How often it strikes in all before it is spent; absent: without end.
    #[serde(default)]
    pub times: Option<u32>,
}

fn whole() -> u8 {
    100
}

impl Fault {
    /// A fault that hits everybody.
    #[must_use]
    pub fn world(effect: Effect) -> Self {
        Self { effect, only: Vec::new(), share: 100, times: None }
    }

    /// A fault that hits one participant (or one recipient address, for SMTP).
    #[must_use]
    pub fn of(participant: &str, effect: Effect) -> Self {
        Self { only: vec![participant.to_owned()], ..Self::world(effect) }
    }

    /// The same fault for a percentage of those it would hit.
    #[must_use]
    pub fn share(self, percent: u8) -> Self {
        Self { share: percent, ..self }
    }

    /// The same fault, spent after striking so often.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times: Some(times), ..self }
    }

    fn check(&self) -> Result<(), SandboxError> {
        let status = match &self.effect {
            Effect::Smp(effect) | Effect::SmpGroup(effect) | Effect::SmpMetadata(effect) => effect.status(),
            Effect::Smtp { does: SmtpEffect::Reply(code), .. } => Some(*code),
            Effect::Smtp { .. } | Effect::Dns(_) => None,
        };
        match status {
            _ if self.share > 100 => Err(SandboxError::Share(self.share)),
            _ if self.only.len() > MAX_NAMED => Err(SandboxError::TooMany("names in one fault", MAX_NAMED)),
            Some(code) if !(400..=599).contains(&code) => Err(SandboxError::Status(code)),
            _ => Ok(()),
        }
    }
}

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

    fn status(&self) -> Option<u16> {
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
    /// MAIL.
    Mail,
    /// RCPT.
    Rcpt,
    /// DATA, before the mail's content is sent.
    Data,
    /// The content is received in full and about to be acknowledged. A reply here refuses the mail; a drop here keeps
    /// the mail and never says so, which a sender cannot tell from a loss.
    Message,
}

/// What the mail server does in place of the right reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SmtpEffect {
    /// A reply code from 400 to 599; 421 also closes the connection.
    Reply(u16),
    /// The connection is closed without a reply.
    Drop,
    /// The right reply after a pause.
    Slow {
        /// Milliseconds.
        pause_ms: u32,
    },
}

/// A fault in force, as the control address lists it.
#[derive(Clone, Debug, Serialize)]
pub struct FaultInForce {
    /// Number to switch it off by.
    pub id: u64,
    /// The fault; `times` is what is left of it.
    #[serde(flatten)]
    pub fault: Fault,
    /// How often it has struck.
    pub struck: u64,
}

#[derive(Debug)]
struct Entry {
    shown: FaultInForce,
    only: HashSet<Label>,
}

impl Entry {
    fn strikes(&self, label: Option<&Label>, draw: Draw) -> bool {
        if self.shown.fault.times == Some(0) {
            return false;
        }
        match label {
            None => self.only.is_empty() && self.shown.fault.share == 100,
            Some(label) => {
                (self.only.is_empty() || self.only.contains(label)) && label.percentile(draw) < self.shown.fault.share
            }
        }
    }
}

/// Which SMP document is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SmpRequest {
    Group,
    Metadata,
}

/// The faults in force, in order.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    entries: Vec<Entry>,
    last_id: u64,
}

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) -> Result<u64, SandboxError> {
        fault.check()?;
        if self.entries.len() >= MAX_FAULTS {
            return Err(SandboxError::TooMany("faults", MAX_FAULTS));
        }
        self.last_id += 1;
        let only = fault.only.iter().map(|name| Label::of(name)).collect();
        self.entries.push(Entry { shown: FaultInForce { id: self.last_id, fault, struck: 0 }, only });
        Ok(self.last_id)
    }

    pub(crate) fn replace(&mut self, faults: Vec<Fault>) -> Result<(), SandboxError> {
        let mut fresh = Self { entries: Vec::new(), last_id: self.last_id };
        for fault in faults {
            fresh.add(fault)?;
        }
        *self = fresh;
        Ok(())
    }

    pub(crate) fn remove(&mut self, id: u64) -> bool {
        let before = self.entries.len();
        self.entries.retain(|entry| entry.shown.id != id);
        self.entries.len() < before
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }

    pub(crate) fn list(&self) -> Vec<FaultInForce> {
        self.entries.iter().map(|entry| entry.shown.clone()).collect()
    }

    pub(crate) fn dns(&mut self, label: &Label) -> Option<DnsEffect> {
        self.strike(Some(label), Draw::DnsFault, |effect| match effect {
            Effect::Dns(effect) => Some(*effect),
            _ => None,
        })
    }

    pub(crate) fn smp(&mut self, label: &Label, request: SmpRequest) -> Option<SmpEffect> {
        self.strike(Some(label), Draw::SmpFault, |effect| match (effect, request) {
            (Effect::Smp(effect), _)
            | (Effect::SmpGroup(effect), SmpRequest::Group)
            | (Effect::SmpMetadata(effect), SmpRequest::Metadata) => Some(effect.clone()),
            _ => None,
        })
    }

    /// What happens at a step of a mail dialogue whose recipients so far are these.
    pub(crate) fn smtp(&mut self, step: SmtpStep, recipients: &[Label]) -> Option<SmtpEffect> {
        let pick = |effect: &Effect| match effect {
            Effect::Smtp { at, does } if *at == step => Some(*does),
            _ => None,
        };
        if recipients.is_empty() {
            return self.strike(None, Draw::MailFault, pick);
        }
        recipients.iter().find_map(|recipient| self.strike(Some(recipient), Draw::MailFault, pick))
    }

    fn strike<E>(&mut self, label: Option<&Label>, draw: Draw, pick: impl Fn(&Effect) -> Option<E>) -> Option<E> {
        let entries = self.entries.iter_mut().filter(|entry| entry.strikes(label, draw));
        let (shown, effect) = entries
            .filter_map(|entry| pick(&entry.shown.fault.effect).map(|effect| (&mut entry.shown, effect)))
            .next()?;
        shown.struck += 1;
        shown.fault.times = shown.fault.times.map(|left| left.saturating_sub(1));
        Some(effect)
    }
}
