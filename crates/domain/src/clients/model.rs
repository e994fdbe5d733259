//! A client as it is: its card, the facts about its registration, its custom values.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Unexpected, Visitor};
use serde::ser::{Serialize, Serializer};

use super::card::Card;
use crate::kernel::clock::Instant;

crate::id_type!(
    /// Identifies a client.
    ClientId,
    "cli"
);

/// Custom values by field, as stored: choices as the option's key, dates as text.
pub type Values = BTreeMap<ValueKey, serde_json::Value>;
/// For each custom value the audit entry that set it.
pub type Provenance = BTreeMap<ValueKey, i64>;

/// The number of a custom field; as the key of a document in the store an `f` and the number (`f1003`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ValueKey(pub i64);

impl Serialize for ValueKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("f{}", self.0))
    }
}

impl<'de> Deserialize<'de> for ValueKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(AsText)
    }
}

/// Reads a [`ValueKey`] where it stands, without a text of its own.
struct AsText;

impl Visitor<'_> for AsText {
    type Value = ValueKey;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an f and the number of a field")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<ValueKey, E> {
        let number = text.strip_prefix('f').and_then(|number| number.parse().ok());
        number.map(ValueKey).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

/// A client.
#[derive(Debug, Clone)]
pub struct Client {
    /// The key inside.
    pub key: i64,
    /// The identifier on the wire.
    pub id: ClientId,
    /// What people may change.
    pub card: Card,
    /// What the network says.
    pub facts: RegistrationFacts,
    /// The custom values.
    pub values: Values,
    /// When it was archived; `None` while it is active.
    pub archived_at: Option<Instant>,
    /// When it last got a mail that informs it about Peppol.
    pub informed_at: Option<Instant>,
    /// Raised with each change by people; the system's own facts leave it alone.
    pub revision: i64,
    /// When it was created.
    pub created_at: Instant,
    /// When people last changed it.
    pub updated_at: Instant,
}

/// What a practice sees of a client's registration: written by the look-ups, filtered on by the lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RegistrationFacts {
    /// `registered`, `cannot_receive`, `not_registered`, `unknown`, `nothing_to_ask`; `None` before the first check.
    pub state: Option<String>,
    /// Why it cannot receive or is unknown.
    pub cause: Option<String>,
    /// Seat id of the access point.
    pub seat: Option<String>,
    /// The company that runs the access point.
    pub name: Option<String>,
    /// When the network last gave an answer that says something about the client.
    pub checked_at: Option<Instant>,
    /// Since when the network has given no such answer; `None` when the last try did.
    pub unknown_since: Option<Instant>,
}

impl RegistrationFacts {
    /// The cause that belongs to the value itself, why it cannot receive; not the one of a look-up that failed since.
    #[must_use]
    pub fn own_cause(&self) -> Option<String> {
        self.cause.clone().filter(|_| self.state.as_deref() == Some("cannot_receive"))
    }
}

/// One value that changed, as the log has it.
#[derive(Debug, Clone)]
pub struct Change {
    /// The audit entry it belongs to.
    pub entry: i64,
    /// The number of the field: fixed below 1000, custom from there.
    pub field: i64,
    /// The value before.
    pub old: Option<String>,
    /// The value after.
    pub new: Option<String>,
}
