//! Trouble that can be switched on and off while the world runs.
//!
//! A [`Fault`] is an effect on one layer, narrowed to named participants (mail addresses for SMTP), to a share of them
//! decided by hash, or to a number of times. The first fault in order that matches decides.

mod effects;
mod greylist;

#[cfg(test)]
mod tests;

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use self::greylist::Greylist;
use crate::{
    SandboxError,
    label::{Draw, Label},
};

pub use effects::{DnsEffect, Effect, SmpEffect, SmtpEffect, SmtpStep};

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
        if let Effect::Smtp { at, does } = &self.effect
            && !does.fits(*at)
        {
            return Err(SandboxError::Step);
        }
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
    greylist: Greylist,
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
        let mut fresh = Self { last_id: self.last_id, ..Self::default() };
        for fault in faults {
            fresh.add(fault)?;
        }
        *self = fresh;
        Ok(())
    }

    pub(crate) fn remove(&mut self, id: u64) -> bool {
        let before = self.entries.len();
        self.entries.retain(|entry| entry.shown.id != id);
        self.greylist.forget(id);
        self.entries.len() < before
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.greylist = Greylist::default();
    }

    pub(crate) fn list(&self) -> Vec<FaultInForce> {
        self.entries.iter().map(|entry| entry.shown.clone()).collect()
    }

    pub(crate) fn dns(&mut self, label: &Label) -> Option<DnsEffect> {
        strike(&mut self.entries, Some(label), Draw::DnsFault, |shown| match shown.fault.effect {
            Effect::Dns(effect) => Some(effect),
            _ => None,
        })
    }

    pub(crate) fn smp(&mut self, label: &Label, request: SmpRequest) -> Option<SmpEffect> {
        strike(&mut self.entries, Some(label), Draw::SmpFault, |shown| match (&shown.fault.effect, request) {
            (Effect::Smp(effect), _)
            | (Effect::SmpGroup(effect), SmpRequest::Group)
            | (Effect::SmpMetadata(effect), SmpRequest::Metadata) => Some(effect.clone()),
            _ => None,
        })
    }

    /// What happens at a step of a mail dialogue whose recipients so far are these.
    pub(crate) fn smtp(&mut self, step: SmtpStep, recipients: &[Label], now: Instant) -> Option<SmtpEffect> {
        let Self { entries, greylist, .. } = self;
        let mut strike_for = |recipient: Option<&Label>| {
            strike(entries, recipient, Draw::MailFault, |shown| match (&shown.fault.effect, recipient) {
                (Effect::Smtp { at, .. }, _) if *at != step => None,
                // A recipient that has waited is none of this fault's business any more.
                (Effect::Smtp { does: does @ SmtpEffect::Greylist { pause_ms }, .. }, Some(recipient)) => {
                    let pause = Duration::from_millis((*pause_ms).into());
                    greylist.refuses(shown.id, *recipient, pause, now).then_some(*does)
                }
                (Effect::Smtp { does, .. }, _) => Some(*does),
                _ => None,
            })
        };
        if recipients.is_empty() {
            return strike_for(None);
        }
        recipients.iter().find_map(|recipient| strike_for(Some(recipient)))
    }
}

/// The effect of the first fault that hits this label and in which `pick` finds one; it is counted as struck.
fn strike<E>(
    entries: &mut [Entry],
    label: Option<&Label>,
    draw: Draw,
    mut pick: impl FnMut(&FaultInForce) -> Option<E>,
) -> Option<E> {
    let entries = entries.iter_mut().filter(|entry| entry.strikes(label, draw));
    let (shown, effect) =
        entries.filter_map(|entry| pick(&entry.shown).map(|effect| (&mut entry.shown, effect))).next()?;
    shown.struck += 1;
    shown.fault.times = shown.fault.times.map(|left| left.saturating_sub(1));
    Some(effect)
}
