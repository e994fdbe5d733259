//! What a practice sees of its clients' registrations, and the rules that make one state out of several identifiers.

use klaar_standards::enterprise_number::EnterpriseNumber;
use klaar_standards::kvk::KvkNumber;
use klaar_standards::lookup::State;
use klaar_standards::lu::Matricule;
use klaar_standards::oin::Oin;
use klaar_standards::participant::{KnownNumbers, ParticipantId, identifiers_for};
use klaar_standards::vat_number::VatNumber;

use crate::clients::RegistrationFacts;
use crate::kernel::clock::Instant;

crate::id_type!(
    /// Identifies a round: one walk through the participants of a world.
    RoundId,
    "rnd"
);
crate::id_type!(
    /// Identifies a practice's night.
    NightId,
    "ngt"
);
crate::id_type!(
    /// Identifies a change that the night holds back.
    HeldId,
    "hld"
);
crate::id_type!(
    /// Identifies a check that a person asked for.
    CheckId,
    "chk"
);

/// The state of a client without any number to ask for.
pub const NOTHING_TO_ASK: &str = "nothing_to_ask";

/// What the network last told of an identifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Registered, registered without being able to receive, or not registered; never unknown.
    pub state: State,
    /// Why it cannot receive.
    pub cause: Option<String>,
    /// Seat id of the access point.
    pub seat: Option<String>,
    /// The company that runs it.
    pub name: Option<String>,
    /// When that was asked.
    pub checked_at: Instant,
}

impl Known {
    /// Whether the identifier is on the network, able to receive or not.
    #[must_use]
    pub fn is_listed(&self) -> bool {
        matches!(self.state, State::Registered | State::CannotReceive)
    }
}

/// Why the newest look-ups told nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Stable word: `dns`, `smp`, `malformed`, `signature`.
    pub cause: String,
    /// The first of the unbroken failures.
    pub since: Instant,
}

/// One identifier of a client as its practice sees it. With neither of the two it has not been asked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// `0208:0403227515`.
    pub identifier: String,
    /// What the network last told; a failed look-up leaves it as it is.
    pub known: Option<Known>,
    /// Why the newest look-up told nothing; `None` when it did.
    pub failure: Option<Failure>,
}

/// What is on a client's card that the network can be asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Numbers {
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// The number in that country's register.
    pub enterprise_number: Option<String>,
    /// The VAT number with its country prefix.
    pub vat_number: Option<String>,
    /// The Dutch government's identification number.
    pub oin: Option<String>,
    /// Identifiers as typed on the card.
    pub identifiers: Vec<String>,
}

impl Numbers {
    /// The identifiers to ask for, in the order in which they count; empty when there is nothing to ask.
    #[must_use]
    pub fn participants(&self) -> Vec<ParticipantId> {
        let number = self.enterprise_number.as_deref();
        let of = |country: &str| number.filter(|_| self.country == country);
        identifiers_for(&KnownNumbers {
            enterprise_number: of("BE").and_then(|text| EnterpriseNumber::parse(text).ok()),
            vat_number: self.vat_number.as_deref().and_then(|text| VatNumber::parse(text, None).ok()),
            country: Some(self.country.clone()),
            oin: self.oin.as_deref().and_then(|text| Oin::parse(text).ok()),
            kvk: of("NL").and_then(|text| KvkNumber::parse(text).ok()),
            matricule: of("LU").and_then(|text| Matricule::parse(text).ok()),
            extra: self.identifiers.iter().filter_map(|text| ParticipantId::parse_form(text).ok()).collect(),
        })
    }
}

/// Whether a client's state says that it is on the network.
#[must_use]
pub fn is_listed(facts: &RegistrationFacts) -> bool {
    matches!(facts.state.as_deref(), Some("registered" | "cannot_receive"))
}

/// Whether two facts show a person the same registration; the time of checking is no part of it.
#[must_use]
pub fn shows_the_same(one: &RegistrationFacts, other: &RegistrationFacts) -> bool {
    (&one.state, &one.seat, &one.name) == (&other.state, &other.seat, &other.name)
}

/// Makes one state of a client out of its identifiers, which come in the order in which they count.
///
/// Registered when any is, at the access point of the first; else unable to receive when any is; else not registered when
/// all are not. A failed look-up changes neither state nor access point: it sets `unknown_since` when the value rests on
/// an old answer, and becomes the state `unknown` only when nothing was ever known. `is_renumbered` says that what is known
/// from `before` belongs to other identifiers than the client has now. `None`: there is nothing to say before more is asked.
#[must_use]
pub fn merge(before: &RegistrationFacts, seen: &[Sighting], is_renumbered: bool) -> Option<RegistrationFacts> {
    if seen.is_empty() {
        return Some(RegistrationFacts { state: Some(NOTHING_TO_ASK.to_owned()), ..RegistrationFacts::default() });
    }
    let first = |state: State| {
        seen.iter().find_map(|s| {
            s.known.as_ref().filter(|known| known.state == state).map(|known| (known, s.failure.as_ref()))
        })
    };
    if let Some((known, failure)) = first(State::Registered).or_else(|| first(State::CannotReceive)) {
        return Some(listed(known, failure));
    }
    if seen.iter().any(|s| s.known.is_none() && s.failure.is_none()) {
        return None;
    }
    let failure = seen.iter().filter_map(|s| s.failure.as_ref()).min_by_key(|failure| failure.since);
    let absent = seen.iter().map(|s| s.known.as_ref().map(|known| known.checked_at)).collect::<Option<Vec<_>>>();
    let rest = match (absent.and_then(|times| times.into_iter().min()), before.state.as_deref()) {
        (Some(checked_at), _) => not_registered(checked_at),
        (None, Some("registered" | "cannot_receive" | "not_registered")) if !is_renumbered => before.clone(),
        (None, _) => {
            RegistrationFacts { state: Some(State::Unknown.as_str().to_owned()), ..RegistrationFacts::default() }
        }
    };
    Some(with_age(rest, failure))
}

fn not_registered(checked_at: Instant) -> RegistrationFacts {
    RegistrationFacts {
        state: Some(State::NotRegistered.as_str().to_owned()),
        checked_at: Some(checked_at),
        ..RegistrationFacts::default()
    }
}

fn listed(known: &Known, failure: Option<&Failure>) -> RegistrationFacts {
    let facts = RegistrationFacts {
        state: Some(known.state.as_str().to_owned()),
        cause: known.cause.clone(),
        seat: known.seat.clone(),
        name: known.name.clone(),
        checked_at: Some(known.checked_at),
        unknown_since: None,
    };
    with_age(facts, failure)
}

/// Marks a value that could not be confirmed. The cause of the failure shows unless the value has a cause of its own.
fn with_age(mut facts: RegistrationFacts, failure: Option<&Failure>) -> RegistrationFacts {
    if facts.state.as_deref() != Some(State::CannotReceive.as_str()) {
        facts.cause = failure.map(|failure| failure.cause.clone());
    }
    facts.unknown_since = failure.map(|failure| failure.since);
    facts
}

/// The identifiers of one client that are registered, when they are so at more than one access point: something to show.
#[must_use]
pub fn several_access_points(seen: &[Sighting]) -> Vec<&Sighting> {
    let registered: Vec<&Sighting> =
        seen.iter().filter(|s| s.known.as_ref().is_some_and(|known| known.state == State::Registered)).collect();
    let seat = |s: &Sighting| s.known.as_ref().and_then(|known| known.seat.clone());
    let differs = registered.first().is_some_and(|one| registered.iter().any(|other| seat(one) != seat(other)));
    if differs { registered } else { Vec::new() }
}

#[cfg(test)]
mod tests;
