//! What can be asked of a client, and where it stands: fields of the card, facts of the registration, contacts, relations, custom fields.

use super::columns::Form;
use klaar_standards::lookup::State;

use crate::clients::{ClientKind, ExemptionReason, FixedField as F, RelationKind};
use crate::custom_fields::{Catalogue, Field, FieldKind};
use crate::kernel::catalogue::Language;
use crate::lookups::NOTHING_TO_ASK;

/// In front of the slug of a custom field, as in a client's own document.
pub const CUSTOM: &str = "fields.";

/// What kind of values a subject has, which says how it can be asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Text that differs from client to client.
    Text,
    /// Texts, of which a client may have several.
    Lines,
    /// All that a search looks in.
    Search,
    /// Text that many clients share.
    Word,
    /// A number.
    Number,
    /// Money, in cents.
    Amount,
    /// A day.
    Day,
    /// A moment.
    Instant,
    /// Yes or no.
    Flag,
    /// Yes as long as a day has not passed, no without one.
    Lasting,
    /// One option.
    Choice,
    /// Several options.
    Choices,
    /// A member of the practice.
    Member,
    /// Whoever looks after the client: a member, or a name.
    Responsible,
    /// Another client.
    Client,
}

impl Kind {
    /// The form of its columns.
    pub fn form(self) -> Form {
        match self {
            Self::Text | Self::Lines | Self::Search => Form::Texts,
            Self::Word | Self::Choice | Self::Member | Self::Responsible | Self::Client => Form::Words,
            Self::Number | Self::Amount | Self::Day | Self::Instant | Self::Lasting => Form::Numbers,
            Self::Flag => Form::Flags,
            Self::Choices => Form::Sets,
        }
    }

    /// Whether lists can be sorted by it.
    pub fn is_sortable(self) -> bool {
        match self {
            Self::Text
            | Self::Word
            | Self::Number
            | Self::Amount
            | Self::Day
            | Self::Instant
            | Self::Flag
            | Self::Lasting
            | Self::Choice
            | Self::Member
            | Self::Responsible => true,
            Self::Lines | Self::Search | Self::Choices | Self::Client => false,
        }
    }

    /// What the values of a custom field of this kind are.
    fn of(kind: FieldKind) -> Self {
        match kind {
            FieldKind::Text | FieldKind::LongText | FieldKind::Link | FieldKind::Document => Self::Text,
            FieldKind::Number => Self::Number,
            FieldKind::Amount => Self::Amount,
            FieldKind::Date => Self::Day,
            FieldKind::YesNo => Self::Flag,
            FieldKind::Choice => Self::Choice,
            FieldKind::MultiChoice => Self::Choices,
            FieldKind::Member => Self::Member,
            FieldKind::Client => Self::Client,
            FieldKind::AccessPoint => Self::Word,
        }
    }
}

/// Where a fixed subject stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Text, as an expression over a row `c` of `clients`.
    Text(&'static str),
    /// A number, the same way.
    Number(&'static str),
    /// A number, as an expression over the row `v` of `client_values`.
    Revised(&'static str),
    /// Text, as an expression over each row `k` of `contacts`.
    Contacts(&'static str),
    /// Text, as an expression over each row `r` of `client_relations`.
    Relations(&'static str),
}

/// What has to happen to a client for a fixed subject to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follows {
    /// A change of one of these fields.
    Fields(&'static [F]),
    /// Any change that people make.
    People,
    /// A look-up, logged or not.
    Facts,
}

/// A subject that every practice has.
#[derive(Debug)]
pub struct Fixed {
    /// By what filters, orders and columns name it: its place in a client's document.
    pub name: &'static str,
    pub kind: Kind,
    pub source: Source,
    pub follows: Follows,
}

const fn fixed(name: &'static str, kind: Kind, source: Source, follows: Follows) -> Fixed {
    Fixed { name, kind, source, follows }
}

/// All of them. Names stand in saved views, so they stay.
#[rustfmt::skip]
pub const FIXED: &[Fixed] = &[
    fixed("archived", Kind::Flag, Source::Number("CASE WHEN c.archived_at IS NULL THEN 0 ELSE 1 END"), Follows::Fields(&[F::Archived])),
    fixed("search", Kind::Search, Source::Text("c.search_key"), Follows::Fields(&[F::Name, F::Reference, F::EnterpriseNumber, F::VatNumber, F::Email, F::Town])),
    fixed("name", Kind::Text, Source::Text("c.name"), Follows::Fields(&[F::Name])),
    fixed("kind", Kind::Word, Source::Text("c.kind"), Follows::Fields(&[F::Kind])),
    fixed("reference", Kind::Text, Source::Text("c.reference"), Follows::Fields(&[F::Reference])),
    fixed("legal_form", Kind::Word, Source::Text("c.legal_form"), Follows::Fields(&[F::LegalForm])),
    fixed("enterprise_number", Kind::Text, Source::Text("c.enterprise_number"), Follows::Fields(&[F::EnterpriseNumber])),
    fixed("vat_number", Kind::Text, Source::Text("c.vat_number"), Follows::Fields(&[F::VatNumber])),
    fixed("vat_liable", Kind::Flag, Source::Number("CASE WHEN c.vat_liable THEN 1 WHEN NOT c.vat_liable THEN 0 END"), Follows::Fields(&[F::VatLiable])),
    fixed("government", Kind::Flag, Source::Number("CASE WHEN c.government THEN 1 ELSE 0 END"), Follows::Fields(&[F::Government])),
    fixed("oin", Kind::Text, Source::Text("c.oin"), Follows::Fields(&[F::Oin])),
    fixed("identifiers", Kind::Lines, Source::Text("CAST(c.identifiers AS TEXT)"), Follows::Fields(&[F::Identifiers])),
    fixed("street", Kind::Text, Source::Text("c.street"), Follows::Fields(&[F::Street])),
    fixed("street_number", Kind::Text, Source::Text("c.street_number"), Follows::Fields(&[F::StreetNumber])),
    fixed("postcode", Kind::Word, Source::Text("c.postcode"), Follows::Fields(&[F::Postcode])),
    fixed("town", Kind::Word, Source::Text("c.town"), Follows::Fields(&[F::Town])),
    fixed("country", Kind::Word, Source::Text("c.country"), Follows::Fields(&[F::Country])),
    fixed("language", Kind::Word, Source::Text("c.language"), Follows::Fields(&[F::Language])),
    fixed("email", Kind::Text, Source::Text("c.email"), Follows::Fields(&[F::Email])),
    fixed("phone", Kind::Text, Source::Text("c.phone"), Follows::Fields(&[F::Phone])),
    fixed("website", Kind::Text, Source::Text("c.website"), Follows::Fields(&[F::Website])),
    fixed("responsible", Kind::Responsible, Source::Text("{responsible} || '|' || c.responsible_name"), Follows::Fields(&[F::Responsible])),
    fixed("portfolio", Kind::Word, Source::Text("c.portfolio"), Follows::Fields(&[F::Portfolio])),
    fixed("mandate_start", Kind::Day, Source::Text("c.mandate_start"), Follows::Fields(&[F::MandateStart])),
    fixed("mandate_end", Kind::Day, Source::Text("c.mandate_end"), Follows::Fields(&[F::MandateEnd])),
    fixed("exempt", Kind::Lasting, Source::Text("CASE WHEN c.exemption_reason IS NOT NULL THEN coalesce(c.exemption_until, '9999-12-31') END"), Follows::Fields(&[F::Exemption])),
    fixed("exemption.reason", Kind::Word, Source::Text("c.exemption_reason"), Follows::Fields(&[F::Exemption])),
    fixed("exemption.note", Kind::Text, Source::Text("c.exemption_note"), Follows::Fields(&[F::Exemption])),
    fixed("exemption.until", Kind::Day, Source::Text("c.exemption_until"), Follows::Fields(&[F::Exemption])),
    fixed("contacts.name", Kind::Lines, Source::Contacts("k.name"), Follows::Fields(&[F::Contact])),
    fixed("contacts.role", Kind::Lines, Source::Contacts("k.role"), Follows::Fields(&[F::Contact])),
    fixed("contacts.email", Kind::Lines, Source::Contacts("k.email"), Follows::Fields(&[F::Contact])),
    fixed("contacts.phone", Kind::Lines, Source::Contacts("k.phone"), Follows::Fields(&[F::Contact])),
    fixed("contacts.language", Kind::Lines, Source::Contacts("k.language"), Follows::Fields(&[F::Contact])),
    fixed("relations.kind", Kind::Lines, Source::Relations("r.kind"), Follows::Fields(&[F::Relation])),
    fixed("registration.state", Kind::Word, Source::Text("c.registration"), Follows::Facts),
    fixed("registration.cause", Kind::Word, Source::Text("c.registration_cause"), Follows::Facts),
    fixed("registration.access_point.seat_id", Kind::Word, Source::Text("c.access_point_seat"), Follows::Facts),
    fixed("registration.access_point.name", Kind::Word, Source::Text("c.access_point_name"), Follows::Facts),
    fixed("registration.checked_at", Kind::Instant, Source::Number("c.checked_at"), Follows::Facts),
    fixed("registration.unknown_since", Kind::Instant, Source::Number("c.unknown_since"), Follows::Facts),
    fixed("informed_at", Kind::Instant, Source::Number("c.informed_at"), Follows::Fields(&[F::InformedAt])),
    fixed("created_at", Kind::Instant, Source::Number("c.created_at"), Follows::Fields(&[])),
    fixed("updated_at", Kind::Instant, Source::Revised("v.updated_at"), Follows::People),
    fixed("archived_at", Kind::Instant, Source::Number("c.archived_at"), Follows::Fields(&[F::Archived])),
];

/// Where "registered on" of the card stands: the access point's company, or its seat, while there is a registration.
const REGISTERED_ON: Fixed = fixed(
    "fields.registered_on",
    Kind::Word,
    Source::Text(
        "CASE WHEN c.registration IN ('registered', 'cannot_receive', 'unknown') \
         THEN coalesce(c.access_point_name, c.access_point_seat) END",
    ),
    Follows::Facts,
);

/// Names a column of a practice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ColumnId {
    /// The subject at this place in [`FIXED`].
    Fixed(usize),
    /// The access point that a client is registered at, as the card shows it.
    RegisteredOn,
    /// The custom field with this key.
    Custom(i64, Kind),
    /// Who set the field with this number in the change log: fixed below 1000, custom from there.
    SetterOf(i64),
}

impl ColumnId {
    /// The form of the column.
    pub fn form(self) -> Form {
        match self {
            Self::Custom(_, kind) => kind.form(),
            Self::SetterOf(_) => Form::Entries,
            Self::RegisteredOn | Self::Fixed(_) => self.fixed().map_or(Form::Texts, |fixed| fixed.kind.form()),
        }
    }

    /// The fixed subject that it holds.
    pub fn fixed(self) -> Option<&'static Fixed> {
        match self {
            Self::Fixed(at) => FIXED.get(at),
            Self::RegisteredOn => Some(&REGISTERED_ON),
            Self::Custom(..) | Self::SetterOf(_) => None,
        }
    }

    /// Whether it may be another one after the field with this number has changed.
    pub fn follows(self, field: i64) -> bool {
        let changed = F::from_number(field);
        let is_fact =
            matches!(changed, Some(F::Registration | F::RegistrationCause | F::AccessPointSeat | F::AccessPointName));
        match (self, self.fixed().map(|fixed| fixed.follows)) {
            (Self::Custom(key, _) | Self::SetterOf(key), _) => key == field,
            (_, Some(Follows::Fields(fields))) => changed.is_some_and(|changed| fields.contains(&changed)),
            (_, Some(Follows::People)) => !is_fact && changed != Some(F::InformedAt),
            (_, Some(Follows::Facts)) => is_fact,
            (Self::Fixed(_) | Self::RegisteredOn, None) => true,
        }
    }

    /// Whether a look-up may change it without a trace in the log.
    pub fn is_fact(self) -> bool {
        self.fixed().is_some_and(|fixed| fixed.follows == Follows::Facts)
    }
}

/// Something that can be asked of a practice's clients.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// What kind of values it has.
    pub kind: Kind,
    /// Where they stand.
    pub column: ColumnId,
    /// The custom field, when it is one.
    pub field: Option<&'a Field>,
    /// The numbers under which the change log has it.
    pub numbers: &'static [F],
}

impl<'a> Subject<'a> {
    /// The subject that is called `name`.
    pub fn named(name: &str, catalogue: &'a Catalogue) -> Option<Self> {
        if let Some(slug) = name.strip_prefix(CUSTOM) {
            return catalogue.by_slug(slug).filter(|field| field.is_usable()).map(Self::of_field);
        }
        let at = FIXED.iter().position(|fixed| fixed.name == name)?;
        let fixed = FIXED.get(at)?;
        let numbers: &[F] = match fixed.follows {
            Follows::Fields(fields) => fields,
            Follows::People | Follows::Facts => &[],
        };
        Some(Self { kind: fixed.kind, column: ColumnId::Fixed(at), field: None, numbers })
    }

    fn of_field(field: &'a Field) -> Self {
        let kind = Kind::of(field.kind);
        let column = match field.kind {
            FieldKind::AccessPoint => ColumnId::RegisteredOn,
            _ => ColumnId::Custom(field.key, kind),
        };
        Self { kind, column, field: Some(field), numbers: &[] }
    }

    /// Whether lists can be sorted by it.
    pub fn is_sortable(&self) -> bool {
        self.kind.is_sortable() && self.field.is_none_or(|field| field.kind.is_sortable())
    }

    /// Whether it is a number of a register, kept without what people write between its digits.
    pub fn is_register_number(&self) -> bool {
        self.column.fixed().is_some_and(|fixed| matches!(fixed.name, "enterprise_number" | "vat_number" | "oin"))
    }

    /// All words that it can have, when they are known.
    pub fn vocabulary(&self) -> Option<Vec<&'static str>> {
        Some(match self.column.fixed()?.name {
            "kind" => ClientKind::ALL.map(ClientKind::as_str).to_vec(),
            "language" | "contacts.language" => Language::ALL.map(Language::as_str).to_vec(),
            "exemption.reason" => ExemptionReason::ALL.map(ExemptionReason::as_str).to_vec(),
            "relations.kind" => RelationKind::ALL.map(RelationKind::as_str).to_vec(),
            "registration.state" => State::ALL.map(State::as_str).into_iter().chain([NOTHING_TO_ASK]).collect(),
            _ => return None,
        })
    }

    /// The number under which the change log has it, when one field alone makes it.
    pub fn number(&self) -> Option<i64> {
        match (self.field, self.numbers) {
            (Some(field), _) => Some(field.key),
            (None, [one]) => Some(one.number()),
            (None, _) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_every_field_of_the_log_changes_something() {
        for (at, one) in FIXED.iter().enumerate() {
            assert!(FIXED.iter().skip(at + 1).all(|other| other.name != one.name), "{}", one.name);
        }
        for field in F::ALL {
            let follows = |at: usize| ColumnId::Fixed(at).follows(field.number());
            assert!((0..FIXED.len()).any(follows), "{} changes no column", field.as_str());
        }
    }
}
