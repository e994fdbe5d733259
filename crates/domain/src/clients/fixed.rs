//! The fixed fields of a client under the numbers that the change log knows them by.

use std::borrow::Cow;

use super::card::{Card, Responsible};

/// The change log's number for "the client came into being"; its new value is a snapshot of the card.
pub const CREATED: i64 = 0;
/// Custom fields have keys from here on; below it are the fixed fields.
pub const FIRST_CUSTOM_FIELD: i64 = 1000;

macro_rules! fixed_fields {
    ($($(#[$doc:meta])* $name:ident = $number:literal as $text:literal),+ $(,)?) => {
        /// A fixed field. Numbers and names are stable: the change log and the API speak of them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(i64)]
        pub enum FixedField { $($(#[$doc])* $name = $number),+ }

        impl FixedField {
            /// All fixed fields.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The number in the change log.
            #[must_use]
            pub const fn number(self) -> i64 {
                self as i64
            }

            /// The name on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }

            /// The field with this number.
            #[must_use]
            pub fn from_number(number: i64) -> Option<Self> {
                Self::ALL.iter().copied().find(|field| field.number() == number)
            }
        }
    };
}

fixed_fields! {
    /// Company or person.
    Kind = 1 as "kind",
    /// The practice's own reference.
    Reference = 2 as "reference",
    /// The name.
    Name = 3 as "name",
    /// The legal form.
    LegalForm = 4 as "legal_form",
    /// The register number.
    EnterpriseNumber = 5 as "enterprise_number",
    /// The VAT number.
    VatNumber = 6 as "vat_number",
    /// Liable to VAT.
    VatLiable = 7 as "vat_liable",
    /// A public body.
    Government = 8 as "government",
    /// The Dutch OIN.
    Oin = 9 as "oin",
    /// Further participant identifiers.
    Identifiers = 10 as "identifiers",
    /// The street.
    Street = 11 as "street",
    /// House number and box.
    StreetNumber = 12 as "street_number",
    /// The postcode.
    Postcode = 13 as "postcode",
    /// The town.
    Town = 14 as "town",
    /// The country.
    Country = 15 as "country",
    /// The language.
    Language = 16 as "language",
    /// The e-mail address.
    Email = 17 as "email",
    /// The telephone number.
    Phone = 18 as "phone",
    /// The web address.
    Website = 19 as "website",
    /// Who looks after the client.
    Responsible = 20 as "responsible",
    /// The portfolio.
    Portfolio = 21 as "portfolio",
    /// First day of the mandate.
    MandateStart = 22 as "mandate_start",
    /// Last day of the mandate.
    MandateEnd = 23 as "mandate_end",
    /// Archived.
    Archived = 24 as "archived",
    /// A contact, as JSON.
    Contact = 25 as "contact",
    /// The exemption from Peppol, as one text.
    Exemption = 26 as "exemption",
    /// A relation to another client, as JSON.
    Relation = 27 as "relation",
    /// The state of the registration.
    Registration = 30 as "registration",
    /// Why it is unknown or cannot receive.
    RegistrationCause = 31 as "registration_cause",
    /// The seat id of the access point.
    AccessPointSeat = 32 as "access_point_seat",
    /// The company that runs the access point.
    AccessPointName = 33 as "access_point_name",
    /// When it last got a mail that informs it about Peppol.
    InformedAt = 34 as "informed_at",
}

impl FixedField {
    /// Whether it is a field of the card, which people change.
    #[must_use]
    pub fn is_of_card(self) -> bool {
        self <= Self::MandateEnd || self == Self::Exemption
    }
}

impl Card {
    /// The value of every card field as the change log writes it, in the order of the numbers.
    #[must_use]
    pub fn logged(&self) -> [(FixedField, Option<Cow<'_, str>>); 24] {
        fn text(text: &Option<String>) -> Option<Cow<'_, str>> {
            text.as_deref().map(Cow::Borrowed)
        }
        let flag = |b: bool| Cow::Borrowed(if b { "yes" } else { "no" });
        let responsible = |r: &Responsible| r.member.map_or_else(|| r.name.clone(), |id| id.to_string());
        use FixedField as F;
        [
            (F::Kind, Some(Cow::Borrowed(self.kind.as_str()))),
            (F::Reference, text(&self.reference)),
            (F::Name, Some(Cow::Borrowed(&self.name))),
            (F::LegalForm, text(&self.legal_form)),
            (F::EnterpriseNumber, text(&self.enterprise_number)),
            (F::VatNumber, text(&self.vat_number)),
            (F::VatLiable, self.vat_liable.map(flag)),
            (F::Government, Some(flag(self.government))),
            (F::Oin, text(&self.oin)),
            (F::Identifiers, (!self.identifiers.is_empty()).then(|| self.identifiers.join(" ").into())),
            (F::Street, text(&self.street)),
            (F::StreetNumber, text(&self.street_number)),
            (F::Postcode, text(&self.postcode)),
            (F::Town, text(&self.town)),
            (F::Country, Some(Cow::Borrowed(&self.country))),
            (F::Language, Some(Cow::Borrowed(&self.language))),
            (F::Email, text(&self.email)),
            (F::Phone, text(&self.phone)),
            (F::Website, text(&self.website)),
            (F::Responsible, self.responsible.as_ref().map(|r| responsible(r).into())),
            (F::Portfolio, text(&self.portfolio)),
            (F::MandateStart, text(&self.mandate_start)),
            (F::MandateEnd, text(&self.mandate_end)),
            (F::Exemption, self.exemption.as_ref().map(|exemption| exemption.logged().into())),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_unique_and_below_the_custom_fields() {
        for (at, field) in FixedField::ALL.iter().enumerate() {
            assert!((CREATED + 1..FIRST_CUSTOM_FIELD).contains(&field.number()));
            assert_eq!(FixedField::from_number(field.number()), Some(*field));
            assert!(FixedField::ALL.iter().skip(at + 1).all(|other| other.as_str() != field.as_str()));
        }
    }
}
