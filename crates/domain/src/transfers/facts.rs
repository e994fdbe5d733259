//! What an export says of a client besides its card and its custom fields: an import leaves these columns alone.

use crate::clients::{FixedField as F, LineColumn};
use crate::kernel::catalogue::{self, Language};

/// A fact about a client's registration or its place in the practice's books, a part of its exemption, or what its contacts
/// or relations have.
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
    /// When it last got a mail that informs it about Peppol.
    InformedAt,
    /// When the client was created.
    CreatedAt,
    /// When people last changed it.
    UpdatedAt,
    /// When it was archived.
    ArchivedAt,
    /// Whether it is archived.
    Archived,
    /// Whether it is exempt from Peppol on the day of the export.
    Exempt,
    /// The reason of the exemption.
    ExemptionReason,
    /// The note on it.
    ExemptionNote,
    /// Its last day.
    ExemptionUntil,
    /// What its contacts have in a column, by the names of the subject and the column.
    Contacts(&'static str, &'static str),
    /// The kinds of its relations.
    Relations,
}

impl Fact {
    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::State,
        Self::Cause,
        Self::Seat,
        Self::AccessPoint,
        Self::CheckedAt,
        Self::UnknownSince,
        Self::InformedAt,
        Self::CreatedAt,
        Self::UpdatedAt,
        Self::ArchivedAt,
        Self::Archived,
        Self::Exempt,
        Self::ExemptionReason,
        Self::ExemptionNote,
        Self::ExemptionUntil,
        Self::Contacts("contacts.name", "name"),
        Self::Contacts("contacts.role", "role"),
        Self::Contacts("contacts.email", "email"),
        Self::Contacts("contacts.phone", "phone"),
        Self::Contacts("contacts.language", "language"),
        Self::Relations,
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
            Self::InformedAt => "informed_at",
            Self::CreatedAt => "created_at",
            Self::UpdatedAt => "updated_at",
            Self::ArchivedAt => "archived_at",
            Self::Archived => "archived",
            Self::Exempt => "exempt",
            Self::ExemptionReason => "exemption.reason",
            Self::ExemptionNote => "exemption.note",
            Self::ExemptionUntil => "exemption.until",
            Self::Contacts(name, _) => name,
            Self::Relations => "relations.kind",
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
            Self::InformedAt => LineColumn::Moment("informed_at"),
            Self::CreatedAt => LineColumn::Moment("created_at"),
            Self::UpdatedAt => LineColumn::UpdatedAt,
            // A client is archived since a moment.
            Self::ArchivedAt | Self::Archived => LineColumn::Moment("archived_at"),
            Self::Exempt => LineColumn::ExemptUntil,
            Self::ExemptionReason => LineColumn::Plain("exemption_reason"),
            Self::ExemptionNote => LineColumn::Plain("exemption_note"),
            Self::ExemptionUntil => LineColumn::Plain("exemption_until"),
            Self::Contacts(_, column) => LineColumn::OfContacts(column),
            Self::Relations => LineColumn::OfRelations,
        }
    }

    /// What an export calls it, as views do.
    #[must_use]
    pub fn label(self, language: Language) -> String {
        catalogue::text(language, &format!("column.{}", self.as_str()), &[])
    }

    /// Whether an export calls a fact so.
    #[must_use]
    pub fn is_label(name: &str) -> bool {
        Self::ALL.iter().any(|fact| Language::ALL.iter().any(|language| fact.label(*language) == name))
    }
}
