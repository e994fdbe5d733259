//! The nouns, and what a report means.

use crate::campaigns::Bounce;
use crate::kernel::Uid;
use crate::kernel::clock::Instant;
use crate::kernel::operations::Problem;
use crate::mail::{Action, Affected, Status};
use crate::senders::SenderId;

/// Identifies a mailbox: that of a sender, or the installation's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MailboxId {
    /// A sender's own.
    Of(SenderId),
    /// The installation's, for senders without a server of their own.
    Shared,
}

impl MailboxId {
    /// As it is stored.
    #[must_use]
    pub fn uid(self) -> Uid {
        match self {
            Self::Of(sender) => sender.0,
            Self::Shared => Uid(uuid::Uuid::nil()),
        }
    }
}

impl From<Option<SenderId>> for MailboxId {
    fn from(sender: Option<SenderId>) -> Self {
        sender.map_or(Self::Shared, Self::Of)
    }
}

/// How the last readings of a mailbox went.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// When it was last read.
    pub read_at: Option<Instant>,
    /// What went wrong at the last try.
    pub fault: Option<Problem>,
}

/// What is said of a recipient means for its mail: whether it came back for good or for now; `None` when it did not come back.
///
/// Only what fails counts: mails that are delayed, relayed or delivered (RFC 3464, 2.3.3) change nothing. What fails with a class of 4
/// was given up for now. With a class of 5 it is for good when it is about the address itself, by subject and detail (RFC 3463,
/// section 3, and what IANA has registered since):
///
/// | status | meaning | |
/// |---|---|---|
/// | 5.0.0 | undefined: only the class is known | hard |
/// | 5.1.0 | something about the address | hard |
/// | 5.1.1, 5.1.2, 5.1.3 | no such mailbox, no such system, no such syntax | hard |
/// | 5.1.6, 5.1.10 | it has moved; its domain takes no mails (RFC 7505) | hard |
/// | 5.2.1 | the mailbox is disabled | hard |
/// | 5.4.4 | its domain is nowhere to be found | hard |
/// | 5.1.4, 5.1.5, 5.1.7 to 5.1.9 | ambiguous, taken, or about the sender's address | soft |
/// | 5.2.x else | full, too large a mail, a list that does not expand | soft |
/// | 5.3.x, 5.4.x else, 5.5.x | the systems, the ways between them, their dialogue | soft |
/// | 5.6.x, 5.7.x | what is in the mail, policy and spam | soft |
///
/// Where the report only says 5.0.0, the words of the server that refused may know more: their status code, or else their reply code
/// (RFC 5321, 4.2.2): 552 and 554 are about room, size and policy, so soft.
#[must_use]
pub fn weigh(affected: &Affected) -> Option<Bounce> {
    if affected.action != Action::Failed {
        return None;
    }
    let told = Status::find(&affected.diagnostic);
    let status = match (affected.status, told) {
        (Some(Status { subject: 0, .. }) | None, Some(told)) => Some(told),
        (status, _) => status,
    };
    let reply = affected.diagnostic.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
    Some(match (status, reply) {
        (Some(Status { class: 5, subject: 0, .. }), "552" | "554") => Bounce::Soft,
        (Some(status), _) if is_for_good(status) => Bounce::Hard,
        (None, "550" | "551" | "553") => Bounce::Hard,
        _ => Bounce::Soft,
    })
}

fn is_for_good(status: Status) -> bool {
    let Status { class, subject, detail } = status;
    class == 5 && matches!((subject, detail), (0, _) | (1, 0..=3 | 6 | 10) | (2, 1) | (4, 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(action: Action, status: &str, diagnostic: &str) -> Option<Bounce> {
        let (status, diagnostic) = (Status::find(status), diagnostic.to_owned());
        weigh(&Affected { action, status, diagnostic, addresses: Vec::new() })
    }

    #[test]
    fn a_report_means_what_it_says() {
        use Bounce::{Hard, Soft};
        for (status, diagnostic, expected) in [
            ("5.1.1", "550 5.1.1 User unknown", Hard),
            ("5.1.2", "", Hard),
            ("5.1.10", "550 5.1.10 RESOLVER.ADR.RecipientNotFound", Hard),
            ("5.2.1", "550 5.2.1 disabled", Hard),
            ("5.4.4", "Host or domain name not found", Hard),
            ("5.0.0", "550 no such user", Hard),
            ("5.0.0", "", Hard),
            ("", "550 unknown", Hard),
            ("5.0.0", "552 5.2.2 mailbox full", Soft),
            ("5.0.0", "554 rejected as spam", Soft),
            ("5.0.0", "550 5.7.1 blocked", Soft),
            ("5.2.2", "552 5.2.2 Quota exceeded", Soft),
            ("5.2.3", "", Soft),
            ("5.3.4", "too large", Soft),
            ("5.7.1", "550 5.1.1 looks like it, but the report knows better", Soft),
            ("5.1.8", "550 5.1.8 bad sender", Soft),
            ("4.4.7", "delivery time expired", Soft),
            ("4.2.2", "452 4.2.2 full", Soft),
            ("", "", Soft),
        ] {
            assert_eq!(said(Action::Failed, status, diagnostic), Some(expected), "{status} {diagnostic}");
        }
        for action in [Action::Delayed, Action::Delivered, Action::Relayed, Action::Expanded] {
            assert_eq!(said(action, "5.1.1", "550 5.1.1 User unknown"), None, "{action:?}");
        }
    }
}
