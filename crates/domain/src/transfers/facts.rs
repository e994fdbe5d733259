//! What the system knows of a client as columns of an export: an import leaves them alone.

use crate::clients::{FixedField as F, LineColumn};
use crate::kernel::catalogue::Language;

/// A fact about a client's registration, or about its place in the practice's books.
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
    /// When the client was created.
    CreatedAt,
    /// When people last changed it.
    UpdatedAt,
    /// When it was archived.
    ArchivedAt,
}

impl Fact {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::State,
        Self::Cause,
        Self::Seat,
        Self::AccessPoint,
        Self::CheckedAt,
        Self::UnknownSince,
        Self::CreatedAt,
        Self::UpdatedAt,
        Self::ArchivedAt,
    ];
    /// Those of an export that does not name its columns, in their order.
    pub const USUAL: [Self; 6] =
        [Self::State, Self::Cause, Self::Seat, Self::AccessPoint, Self::CheckedAt, Self::UnknownSince];

    /// By what filters, orders and columns name it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::State => "registration.state",
            Self::Cause => "registration.cause",
            Self::Seat => "registration.access_point.seat_id",
            Self::AccessPoint => "registration.access_point.name",
            Self::CheckedAt => "registration.checked_at",
            Self::UnknownSince => "registration.unknown_since",
            Self::CreatedAt => "created_at",
            Self::UpdatedAt => "updated_at",
            Self::ArchivedAt => "archived_at",
        }
    }

    /// The column that it is read from.
    #[must_use]
    pub fn column(self) -> LineColumn {
        match self {
            Self::State => LineColumn::Field(F::Registration),
            Self::Cause => LineColumn::Field(F::RegistrationCause),
            Self::Seat => LineColumn::Field(F::AccessPointSeat),
            Self::AccessPoint => LineColumn::Field(F::AccessPointName),
            Self::CheckedAt => LineColumn::Moment("checked_at"),
            Self::UnknownSince => LineColumn::Moment("unknown_since"),
            Self::CreatedAt => LineColumn::Moment("created_at"),
            Self::UpdatedAt => LineColumn::UpdatedAt,
            Self::ArchivedAt => LineColumn::Moment("archived_at"),
        }
    }

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
            Self::CreatedAt => ["Aangemaakt op", "Créé le", "Angelegt am", "Created at"],
            Self::UpdatedAt => ["Gewijzigd op", "Modifié le", "Geändert am", "Changed at"],
            Self::ArchivedAt => ["Gearchiveerd op", "Archivé le", "Archiviert am", "Archived at"],
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
}
