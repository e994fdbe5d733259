//! What the faults in force make of a dialogue.

use std::{
    io,
    time::{Duration, Instant},
};

use super::{Session, Step};
use crate::{
    faults::{SmtpEffect, SmtpStep},
    label::Label,
};

/// What comes where a client expects a TLS record.
const NO_TLS: &str = "500 5.3.0 no TLS: the sandbox was told to";

impl Session<'_> {
    /// The effect in force at a step, for the recipients taken so far.
    pub(super) fn fault(&self, step: SmtpStep) -> Option<SmtpEffect> {
        let recipients: Vec<Label> = self.recipients.iter().map(|recipient| Label::of(recipient)).collect();
        self.fault_for(step, &recipients)
    }

    /// The effect in force at a step, for these recipients.
    pub(super) fn fault_for(&self, step: SmtpStep, recipients: &[Label]) -> Option<SmtpEffect> {
        self.world.faults().smtp(step, recipients, Instant::now())
    }

    /// Replies to a step, as the faults in force have it.
    pub(super) async fn step(&mut self, step: SmtpStep, right: &str) -> io::Result<Step> {
        let fault = self.fault(step);
        self.answer(fault, right).await
    }

    /// Replies as a fault has it.
    pub(super) async fn answer(&mut self, fault: Option<SmtpEffect>, right: &str) -> io::Result<Step> {
        match fault {
            None => self.reply(right).await,
            Some(SmtpEffect::Drop) => Ok(Step::Closed),
            Some(SmtpEffect::Slow { pause_ms }) => {
                tokio::time::sleep(milliseconds(pause_ms)).await;
                self.reply(right).await
            }
            Some(SmtpEffect::SlowBytes { pause_ms }) => {
                self.wire.drip(right, milliseconds(pause_ms)).await?;
                Ok(Step::Done)
            }
            Some(SmtpEffect::Silence) => {
                self.wire.hear_out().await;
                Ok(Step::Closed)
            }
            Some(SmtpEffect::BadTls) => {
                self.reply(right).await?;
                self.wire.foil_handshake(NO_TLS).await?;
                Ok(Step::Closed)
            }
            Some(SmtpEffect::Greylist { .. }) => {
                self.reply("451 4.7.1 greylisted, try again later: the sandbox was told to").await?;
                Ok(Step::Refused)
            }
            Some(SmtpEffect::Reply(421)) => self.close(&refusal(421)).await,
            Some(SmtpEffect::Reply(code)) => {
                self.reply(&refusal(code)).await?;
                Ok(Step::Refused)
            }
        }
    }

    /// What happens in place of a handshake that begins with the first byte; when that is nothing, the step is done.
    pub(super) async fn before_handshake(&mut self) -> io::Result<Step> {
        let foiled = match self.fault(SmtpStep::StartTls) {
            None | Some(SmtpEffect::SlowBytes { .. } | SmtpEffect::Greylist { .. }) => return Ok(Step::Done),
            Some(SmtpEffect::Slow { pause_ms }) => {
                tokio::time::sleep(milliseconds(pause_ms)).await;
                return Ok(Step::Done);
            }
            Some(fault @ (SmtpEffect::Drop | SmtpEffect::Silence)) => return self.answer(Some(fault), "").await,
            Some(SmtpEffect::BadTls) => NO_TLS.to_owned(),
            Some(SmtpEffect::Reply(code)) => refusal(code),
        };
        self.wire.foil_handshake(&foiled).await?;
        Ok(Step::Closed)
    }
}

fn milliseconds(number: u32) -> Duration {
    Duration::from_millis(number.into())
}

/// A reply with this code.
fn refusal(code: u16) -> String {
    format!("{code} {} the sandbox was told to say so", enhanced(code))
}

/// The enhanced status code that mail servers usually send with a reply code (RFC 3463, RFC 4954 and RFC 5248).
fn enhanced(code: u16) -> &'static str {
    match code {
        421 => "4.3.2",
        432 => "4.7.12",
        450 => "4.2.0",
        451 => "4.3.0",
        452 => "4.2.2",
        454 => "4.7.0",
        455 => "4.5.4",
        500 => "5.5.2",
        502 | 503 => "5.5.1",
        501 | 504 | 555 => "5.5.4",
        521 => "5.3.2",
        530 => "5.7.0",
        534 => "5.7.9",
        535 => "5.7.8",
        538 => "5.7.11",
        550 => "5.1.1",
        551 => "5.1.6",
        552 => "5.2.2",
        553 => "5.1.3",
        554 => "5.7.1",
        556 => "5.1.10",
        400..=499 => "4.0.0",
        _ => "5.0.0",
    }
}
