//! The answer of a look-up and its stable words.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::access_point::AccessPoint;
use crate::document_types::{Capability, DocumentType};
use crate::smp::{Endpoint, InactiveDate};

/// What is known about a participant after a look-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registration {
    /// It can receive BIS Billing invoices today.
    Registered(Box<Receiver>),
    /// It is on the network, but an invoice cannot be delivered today.
    CannotReceive {
        /// [`Cause::NoDocumentType`], [`Cause::Inactive`] or [`Cause::Transport`].
        cause: Cause,
        document_types: Vec<DocumentType>,
        /// Present with [`Cause::Inactive`].
        inactive: Option<InactiveDate>,
    },
    /// It is not on the network.
    NotRegistered,
    /// The network did not tell; the last known answer stays.
    Unknown { cause: Cause },
}

/// Where a participant receives, and what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receiver {
    pub access_point: AccessPoint,
    /// The endpoint invoices are sent to.
    pub endpoint: Endpoint,
    pub capability: Capability,
    pub document_types: Vec<DocumentType>,
}

/// The kinds of [`Registration`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    Registered,
    CannotReceive,
    NotRegistered,
    Unknown,
}

/// Why an invoice cannot be received, or why nothing is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cause {
    /// Not registered for the BIS Billing invoice.
    NoDocumentType,
    /// Every endpoint has expired or is not yet active.
    Inactive,
    /// No endpoint with the transport profile in force.
    Transport,
    /// DNS did not answer.
    Dns,
    /// The SMP did not answer.
    Smp,
    /// An answer could not be understood, or was about somebody else.
    Malformed,
    /// An answer was not signed by whom it should be.
    Signature,
}

/// A text that is none of the stable words.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is not known")]
pub struct UnknownWord(pub String);

impl Registration {
    /// Which of the four answers it is.
    pub fn state(&self) -> State {
        match self {
            Self::Registered(_) => State::Registered,
            Self::CannotReceive { .. } => State::CannotReceive,
            Self::NotRegistered => State::NotRegistered,
            Self::Unknown { .. } => State::Unknown,
        }
    }

    /// The cause that `CannotReceive` and `Unknown` carry.
    pub fn cause(&self) -> Option<Cause> {
        match self {
            Self::Registered(_) | Self::NotRegistered => None,
            Self::CannotReceive { cause, .. } | Self::Unknown { cause } => Some(*cause),
        }
    }

    /// The document types the participant is registered for, as far as the look-up got to know them.
    pub fn document_types(&self) -> &[DocumentType] {
        match self {
            Self::Registered(receiver) => &receiver.document_types,
            Self::CannotReceive { document_types, .. } => document_types,
            Self::NotRegistered | Self::Unknown { .. } => &[],
        }
    }

    /// The access point of a registered participant.
    pub fn access_point(&self) -> Option<&AccessPoint> {
        match self {
            Self::Registered(receiver) => Some(&receiver.access_point),
            _ => None,
        }
    }
}

/// The access points that several identifiers of one client are registered at, each seat id once; more than one is a
/// finding to show.
pub fn distinct_access_points<'a>(answers: impl IntoIterator<Item = &'a Registration>) -> Vec<&'a AccessPoint> {
    let mut found: Vec<&AccessPoint> = Vec::new();
    for access_point in answers.into_iter().filter_map(Registration::access_point) {
        if !found.iter().any(|known| known.seat_id == access_point.seat_id) {
            found.push(access_point);
        }
    }
    found
}

impl State {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Registered, Self::CannotReceive, Self::NotRegistered, Self::Unknown];

    /// The stable word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::CannotReceive => "cannot_receive",
            Self::NotRegistered => "not_registered",
            Self::Unknown => "unknown",
        }
    }
}

impl Cause {
    /// Every cause.
    pub const ALL: [Self; 7] =
        [Self::NoDocumentType, Self::Inactive, Self::Transport, Self::Dns, Self::Smp, Self::Malformed, Self::Signature];

    /// The stable word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoDocumentType => "no_document_type",
            Self::Inactive => "inactive",
            Self::Transport => "transport",
            Self::Dns => "dns",
            Self::Smp => "smp",
            Self::Malformed => "malformed",
            Self::Signature => "signature",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for State {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or_else(|| UnknownWord(text.to_owned()))
    }
}

impl FromStr for Cause {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        Self::ALL.into_iter().find(|cause| cause.as_str() == text).ok_or_else(|| UnknownWord(text.to_owned()))
    }
}
