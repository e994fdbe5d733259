//! What news mean for one client: which of its values change, which moves its history gets, whether it has vanished.

use std::collections::BTreeMap;

use klaar_standards::lookup::State;

use super::answers::Details;
use super::model::{self, Failure, Known, Sighting, is_listed};
use crate::clients::{ClientId, RegistrationFacts};

/// What a practice has seen of one identifier of a client, as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The identifier with what is known of it.
    pub sighting: Sighting,
    /// More of what is known.
    pub details: Option<Details>,
    /// Hexadecimal SHA-256 of the list of document types.
    pub types: Option<String>,
    /// Since when the practice sees this state at this access point.
    pub since: Option<crate::kernel::clock::Instant>,
}

impl Seen {
    /// An identifier that the practice has not asked about.
    #[must_use]
    pub fn nothing(identifier: &str) -> Self {
        let sighting = Sighting { identifier: identifier.to_owned(), known: None, failure: None };
        Self { sighting, details: None, types: None, since: None }
    }

    /// Whether the network told or failed to tell something.
    #[must_use]
    pub fn is_seen(&self) -> bool {
        self.sighting.known.is_some() || self.sighting.failure.is_some()
    }
}

/// A client as the look-ups see it.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The key inside.
    pub key: i64,
    /// The identifier on the wire.
    pub id: ClientId,
    /// What its card shows.
    pub facts: RegistrationFacts,
    /// Its identifiers in the order in which they count, each with what is seen of it.
    pub seen: Vec<Seen>,
    /// Identifiers that the card gave before, with what was seen of them.
    pub former: Vec<Seen>,
}

impl Subject {
    /// What the card shows belongs to identifiers that the client has no more.
    #[must_use]
    pub fn is_renumbered(&self) -> bool {
        !self.seen.iter().any(Seen::is_seen) && self.former.iter().any(Seen::is_seen)
    }

    /// Whether an answer that `seen` is absent would be a vanishing: this identifier was seen on the network or, when
    /// nothing is noted for any, the card says that the client is there.
    #[must_use]
    pub fn is_canary(&self, seen: &Seen) -> bool {
        match &seen.sighting.known {
            Some(known) => known.is_listed(),
            None => is_listed(&self.facts) && !self.seen.iter().chain(&self.former).any(|s| s.sighting.known.is_some()),
        }
    }
}

/// News of one identifier.
#[expect(clippy::large_enum_variant, reason = "a handful at once, and nearly all of them are the large one")]
#[derive(Debug, Clone)]
pub enum News {
    /// The network told something.
    Told {
        /// What.
        known: Known,
        /// More of it.
        details: Option<Details>,
        /// Hexadecimal SHA-256 of the list of document types.
        types: Option<String>,
    },
    /// The look-up failed.
    Failed(Failure),
}

/// News by identifier.
pub type AllNews = BTreeMap<String, News>;

/// What comes of the news of a client.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// What the card shows now; `None` when more must be asked first.
    pub facts: Option<RegistrationFacts>,
    /// The identifiers that there are news of, as they are seen now.
    pub seen: Vec<Seen>,
    /// Those of them whose state or access point is another than before: before and after.
    pub moves: Vec<(Option<Known>, Known, String)>,
    /// The client was on the network and is not any more.
    pub is_vanished: bool,
    /// Whether the network told something of any identifier.
    pub is_told: bool,
}

/// Weighs news of a client. `None` when there are none that concern it.
#[must_use]
pub fn weigh(subject: &Subject, news: &AllNews) -> Option<Verdict> {
    let mut all = Vec::with_capacity(subject.seen.len());
    let mut verdict = Verdict { facts: None, seen: Vec::new(), moves: Vec::new(), is_vanished: false, is_told: false };
    for before in &subject.seen {
        let Some(news) = news.get(&before.sighting.identifier) else {
            all.push(before.sighting.clone());
            continue;
        };
        let after = hear(before, news);
        if let (News::Told { .. }, Some(known)) = (news, &after.sighting.known) {
            verdict.is_told = true;
            if has_moved(before.sighting.known.as_ref(), known) {
                let identifier = after.sighting.identifier.clone();
                verdict.moves.push((before.sighting.known.clone(), known.clone(), identifier));
            }
        }
        all.push(after.sighting.clone());
        verdict.seen.push(after);
    }
    if verdict.seen.is_empty() && !subject.seen.is_empty() {
        return None;
    }
    verdict.facts = model::merge(&subject.facts, &all, subject.is_renumbered());
    verdict.is_vanished = is_listed(&subject.facts)
        && !subject.is_renumbered()
        && verdict.facts.as_ref().is_some_and(|facts| facts.state.as_deref() == Some(State::NotRegistered.as_str()));
    Some(verdict)
}

fn hear(before: &Seen, news: &News) -> Seen {
    match news {
        News::Told { known, details, types } => {
            let stays = before.sighting.known.as_ref().is_some_and(|old| !has_moved(Some(old), known));
            Seen {
                sighting: Sighting {
                    identifier: before.sighting.identifier.clone(),
                    known: Some(known.clone()),
                    failure: None,
                },
                details: details.clone(),
                types: types.clone(),
                since: before.since.filter(|_| stays).or(Some(known.checked_at)),
            }
        }
        News::Failed(failure) => {
            let mut after = before.clone();
            let since = before.sighting.failure.as_ref().map_or(failure.since, |old| old.since.min(failure.since));
            after.sighting.failure = Some(Failure { cause: failure.cause.clone(), since });
            after
        }
    }
}

/// Another state or another access point; a renewed certificate or another reason is no move.
fn has_moved(before: Option<&Known>, after: &Known) -> bool {
    before.is_none_or(|before| before.state != after.state || before.seat != after.seat)
}

#[cfg(test)]
mod tests;
