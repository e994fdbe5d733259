//! The registration facts as columns of an export: the network's, so an import leaves them alone.

use crate::clients::RegistrationFacts;
use crate::kernel::catalogue::Language;

/// A fact about a client's registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fact {
    /// The state.
    State,
    /// Why it cannot receive or is unknown.
    Cause,
    /// Seat id of the access point.
    Seat,
    /// Name of the access point.
    AccessPoint,
    /// When the network last gave an answer.
    CheckedAt,
    /// Since when it has given none.
    UnknownSince,
}

impl Fact {
    /// All of them, in the order of an export.
    pub const ALL: [Self; 6] =
        [Self::State, Self::Cause, Self::Seat, Self::AccessPoint, Self::CheckedAt, Self::UnknownSince];

    fn labels(self) -> [&'static str; 4] {
        match self {
            Self::State => ["Peppol-status", "État Peppol", "Peppol-Status", "Peppol state"],
            Self::Cause => ["Peppol-oorzaak", "Cause Peppol", "Peppol-Ursache", "Peppol cause"],
            Self::Seat => ["Access point-ID", "ID du point d'accès", "Access-Point-ID", "Access point id"],
            Self::AccessPoint => ["Access point", "Point d'accès", "Access Point", "Access point"],
            Self::CheckedAt => {
                ["Peppol gecontroleerd op", "Peppol vérifié le", "Peppol geprüft am", "Peppol checked at"]
            }
            Self::UnknownSince => {
                ["Peppol onbekend sinds", "Peppol inconnu depuis", "Peppol unbekannt seit", "Peppol unknown since"]
            }
        }
    }

    /// What an export calls it.
    #[must_use]
    pub fn label(self, language: Language) -> &'static str {
        let [nl, fr, de, en] = self.labels();
        match language {
            Language::Nl => nl,
            Language::Fr => fr,
            Language::De => de,
            Language::En => en,
        }
    }

    /// Whether an export calls a fact so.
    #[must_use]
    pub fn is_label(name: &str) -> bool {
        Self::ALL.iter().any(|fact| fact.labels().contains(&name))
    }

    /// What is known; empty when nothing is.
    #[must_use]
    pub fn shown(self, facts: &RegistrationFacts) -> String {
        let text = match self {
            Self::State => facts.state.clone(),
            Self::Cause => facts.cause.clone(),
            Self::Seat => facts.seat.clone(),
            Self::AccessPoint => facts.name.clone(),
            Self::CheckedAt => facts.checked_at.map(|at| at.to_string()),
            Self::UnknownSince => facts.unknown_since.map(|at| at.to_string()),
        };
        text.unwrap_or_default()
    }
}
