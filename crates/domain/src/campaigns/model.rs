//! The nouns: a campaign, its recipients' states, and what it began with.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::identity::PracticeId;
use crate::kernel::actor::Actor;
use crate::kernel::catalogue::Language;
use crate::kernel::clock::Instant;
use crate::kernel::error::{Error, Result};
use crate::kernel::operations::{OperationId, Problem};
use crate::mail::Party;
use crate::senders::{From, SenderId};
use crate::templates::{Content, TemplateId};
use crate::views::Chosen;

crate::id_type!(
    /// Identifies a campaign.
    CampaignId,
    "cmp"
);

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $variant:ident = $word:literal),+ $(,)? })+) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
            pub enum $name { $($(#[$of])* $variant),+ }

            impl $name {
                /// All of them.
                pub const ALL: &'static [Self] = &[$(Self::$variant),+];

                /// The stable name.
                #[must_use]
                pub const fn as_str(self) -> &'static str {
                    match self { $(Self::$variant => $word),+ }
                }

                pub(super) fn parse(text: &str) -> Result<Self> {
                    text.parse().map_err(|()| Error::internal(format!("there is no {} {text}", stringify!($name))))
                }
            }

            impl std::str::FromStr for $name {
                type Err = ();
                fn from_str(text: &str) -> std::result::Result<Self, ()> {
                    Self::ALL.iter().copied().find(|one| one.as_str() == text).ok_or(())
                }
            }
        )+
    };
}

words! {
    /// Where a campaign stands.
    Status {
        /// It can be changed; nobody has got anything.
        Draft = "draft",
        /// It begins by itself at its time.
        Scheduled = "scheduled",
        /// Its mails go out.
        Running = "running",
        /// No more go out until somebody resumes it.
        Paused = "paused",
        /// Nobody waits any more.
        Finished = "finished",
        /// Those who waited get nothing.
        Cancelled = "cancelled",
    }
    /// What it is for.
    Purpose {
        /// News about the service that the practice does for the client.
        Service = "service",
        /// Something the client may object to.
        Marketing = "marketing",
    }
    /// How many mails an address gets.
    Mode {
        /// One for each client.
        Client = "client",
        /// One, about all clients that have it.
        Mailbox = "mailbox",
    }
    /// What becomes of a mail of which nobody knows whether the server took it.
    InDoubt {
        /// A person decides.
        Ask = "ask",
        /// It is sent again, as the same mail.
        Resend = "resend",
    }
    /// What became of a recipient's mail so far.
    State {
        /// It is to go out.
        Waiting = "waiting",
        /// It is going out now.
        Sending = "sending",
        /// The server took it.
        Sent = "sent",
        /// It did not go out and will not.
        Failed = "failed",
        /// It came back.
        Bounced = "bounced",
        /// The address wants none, or takes none.
        Suppressed = "suppressed",
        /// There is no address.
        Unreachable = "unreachable",
        /// The campaign was cancelled before.
        Cancelled = "cancelled",
        /// The server was given it, and nobody knows whether it took it.
        InDoubt = "in_doubt",
    }
}

words! {
    /// How a mail came back.
    Bounce {
        /// For now, or for what is in it: another mail may arrive.
        Soft = "soft",
        /// For good: the address takes no mails.
        Hard = "hard",
    }
}

impl State {
    /// Whether nothing more happens to it by itself.
    #[must_use]
    pub fn is_settled(self) -> bool {
        !matches!(self, Self::Waiting | Self::Sending)
    }
}

/// A campaign.
#[derive(Debug, Clone)]
pub struct Campaign {
    /// The key inside.
    pub key: i64,
    /// The identifier on the wire.
    pub id: CampaignId,
    /// The practice that it belongs to.
    pub practice: PracticeId,
    /// What the practice calls it.
    pub name: String,
    /// Where it stands.
    pub status: Status,
    /// The client that it is one mail to, sent from the card; `None` for one to many.
    pub client: Option<i64>,
    /// What it is for.
    pub purpose: Purpose,
    /// How many mails an address gets.
    pub mode: Mode,
    /// The template.
    pub template: TemplateId,
    /// Who it is from; the default sender when `None`.
    pub sender: Option<SenderId>,
    /// Which clients are meant.
    pub chosen: Chosen,
    /// What becomes of mails in doubt.
    pub in_doubt: InDoubt,
    /// The share of failures, in percent, at which it pauses by itself.
    pub pause_share: i32,
    /// Its own rate, in mails a minute.
    pub per_minute: Option<i32>,
    /// When it begins by itself.
    pub scheduled_at: Option<Instant>,
    /// The campaign that it follows up.
    pub root: Option<CampaignId>,
    /// Its mails inform clients about Peppol.
    pub informs: bool,
    /// How many clients it is for, once that is settled.
    pub audience: i64,
    /// The operation that sends it.
    pub operation: Option<OperationId>,
    /// The number of its present job.
    pub turn: i64,
    /// How often in a row its server could not be used.
    pub faults: i32,
    /// Why it was paused by itself.
    pub paused_for: Option<Problem>,
    /// Since when failures count towards its pause.
    pub watched_from: Instant,
    /// Raised with each change by people.
    pub revision: i64,
    /// Who made it.
    pub actor: Actor,
    /// When.
    pub created_at: Instant,
    /// When people last changed it.
    pub updated_at: Instant,
    /// When its audience was settled.
    pub dispatched_at: Option<Instant>,
    /// When nobody waited any more.
    pub finished_at: Option<Instant>,
}

/// How many recipients are in each state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts(pub BTreeMap<State, i64>);

impl Counts {
    /// How many are in this one.
    #[must_use]
    pub fn of(&self, state: State) -> i64 {
        self.0.get(&state).copied().unwrap_or(0)
    }

    /// How many there are.
    #[must_use]
    pub fn sum(&self) -> i64 {
        self.0.values().sum()
    }

    /// How many are settled.
    #[must_use]
    pub fn settled(&self) -> i64 {
        self.0.iter().filter(|(state, _)| state.is_settled()).map(|(_, count)| count).sum()
    }
}

/// What a campaign began with: later changes of template and sender do not touch it.
#[derive(Debug, Clone)]
pub struct Frozen {
    /// What it says.
    pub content: Content,
    /// Who it is from.
    pub from: FrozenFrom,
}

/// Who a campaign is from, as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FrozenFrom {
    /// The sender; `None` for the practice by the installation's server.
    pub sender: Option<SenderId>,
    /// The name that readers see.
    pub name: String,
    /// The address that readers see.
    pub address: String,
    /// Where answers go, when not there.
    pub reply_to: Option<String>,
    /// What stands below a mail, by language.
    pub signatures: BTreeMap<Language, String>,
    /// The address that mails come back to, each with its own mark; where they are from when `None`.
    #[serde(default)]
    pub return_path: Option<String>,
    /// The key that stamps its mails; none before mails had stamps.
    #[serde(default)]
    pub stamp_key: Option<String>,
}

impl FrozenFrom {
    /// As it is stored, with the key that is to stamp its mails.
    #[must_use]
    pub fn of(from: &From, stamp_key: &str) -> Self {
        Self {
            sender: from.sender,
            name: from.party.name.clone(),
            address: from.party.address.clone(),
            reply_to: from.reply_to.clone(),
            signatures: from.signatures.clone(),
            return_path: from.return_path.clone(),
            stamp_key: Some(stamp_key.to_owned()),
        }
    }

    /// The name and the address.
    #[must_use]
    pub fn party(&self) -> Party {
        Party { name: self.name.clone(), address: self.address.clone() }
    }

    /// What stands below a mail in a language; in any when there is none in that one.
    #[must_use]
    pub fn signature(&self, language: Language) -> Option<&str> {
        self.signatures.get(&language).or_else(|| self.signatures.values().next()).map(String::as_str)
    }
}
