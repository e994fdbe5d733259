//! The card: what people may change of a client, as typed in ([`CardDraft`]) and as checked ([`Card`]).
//!
//! Creating, changing and importing all go draft → check → card, so a rule is written once.

use std::str::FromStr;

use super::exemption::{Exemption, ExemptionDraft};
use crate::identity::MemberId;
use crate::kernel::patch::Patch;

/// What a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientKind {
    /// A legal entity or a self-employed person's business.
    Company,
    /// A natural person.
    Person,
}

impl ClientKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Company, Self::Person];

    /// The stable name (`company`, `person`).
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Company => "company",
            Self::Person => "person",
        }
    }
}

impl FromStr for ClientKind {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "company" => Ok(Self::Company),
            "person" => Ok(Self::Person),
            _ => Err(()),
        }
    }
}

/// Who in the practice looks after a client. A name that is no member's is kept as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Responsible {
    /// The member, when the name is known.
    pub member: Option<MemberId>,
    /// The name.
    pub name: String,
}

/// A checked card: numbers canonical, texts trimmed, nothing empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// Company or person.
    pub kind: ClientKind,
    /// The practice's own reference.
    pub reference: Option<String>,
    /// The name.
    pub name: String,
    /// `BV`, `SRL`, `VZW`, …, as typed.
    pub legal_form: Option<String>,
    /// The number in the register of the client's country: ten digits for Belgium, a KVK number for the Netherlands.
    pub enterprise_number: Option<String>,
    /// The VAT number with its country prefix.
    pub vat_number: Option<String>,
    /// Liable to VAT; not known when `None`.
    pub vat_liable: Option<bool>,
    /// A public body.
    pub government: bool,
    /// The Dutch government's identification number, 20 digits.
    pub oin: Option<String>,
    /// Further participant identifiers to ask the network for (`0088:…`).
    pub identifiers: Vec<String>,
    /// The street.
    pub street: Option<String>,
    /// House number and box.
    pub street_number: Option<String>,
    /// The postcode.
    pub postcode: Option<String>,
    /// The town.
    pub town: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// `nl`, `fr`, `de` or `en`: the language we write to the client in.
    pub language: String,
    /// The e-mail address.
    pub email: Option<String>,
    /// The telephone number, as typed.
    pub phone: Option<String>,
    /// The web address.
    pub website: Option<String>,
    /// Who looks after the client.
    pub responsible: Option<Responsible>,
    /// The portfolio it belongs to.
    pub portfolio: Option<String>,
    /// First day of the mandate, `YYYY-MM-DD`.
    pub mandate_start: Option<String>,
    /// Last day of the mandate, `YYYY-MM-DD`.
    pub mandate_end: Option<String>,
    /// Why Peppol does not concern it.
    pub exemption: Option<Exemption>,
}

/// A card as typed in. `None` and blank both mean "not filled in".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of Card, unchecked")]
pub struct CardDraft {
    pub kind: Option<String>,
    pub reference: Option<String>,
    pub name: Option<String>,
    pub legal_form: Option<String>,
    pub enterprise_number: Option<String>,
    pub vat_number: Option<String>,
    pub vat_liable: Option<bool>,
    pub government: Option<bool>,
    pub oin: Option<String>,
    pub identifiers: Option<Vec<String>>,
    pub street: Option<String>,
    pub street_number: Option<String>,
    pub postcode: Option<String>,
    pub town: Option<String>,
    pub country: Option<String>,
    pub language: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub website: Option<String>,
    /// A member's identifier or name.
    pub responsible: Option<String>,
    pub portfolio: Option<String>,
    pub mandate_start: Option<String>,
    pub mandate_end: Option<String>,
    pub exemption: Option<ExemptionDraft>,
}

/// What a PATCH says of each field of a card.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of Card, unchecked")]
pub struct CardChange {
    pub kind: Patch<String>,
    pub reference: Patch<String>,
    pub name: Patch<String>,
    pub legal_form: Patch<String>,
    pub enterprise_number: Patch<String>,
    pub vat_number: Patch<String>,
    pub vat_liable: Patch<bool>,
    pub government: Patch<bool>,
    pub oin: Patch<String>,
    pub identifiers: Patch<Vec<String>>,
    pub street: Patch<String>,
    pub street_number: Patch<String>,
    pub postcode: Patch<String>,
    pub town: Patch<String>,
    pub country: Patch<String>,
    pub language: Patch<String>,
    pub email: Patch<String>,
    pub phone: Patch<String>,
    pub website: Patch<String>,
    pub responsible: Patch<String>,
    pub portfolio: Patch<String>,
    pub mandate_start: Patch<String>,
    pub mandate_end: Patch<String>,
    /// The exemption as a whole.
    pub exemption: Patch<ExemptionDraft>,
}

impl CardDraft {
    /// The draft that gives `card` again.
    #[must_use]
    pub fn of(card: &Card) -> Self {
        let card = card.clone();
        Self {
            kind: Some(card.kind.as_str().to_owned()),
            reference: card.reference,
            name: Some(card.name),
            legal_form: card.legal_form,
            enterprise_number: card.enterprise_number,
            vat_number: card.vat_number,
            vat_liable: card.vat_liable,
            government: Some(card.government),
            oin: card.oin,
            identifiers: Some(card.identifiers),
            street: card.street,
            street_number: card.street_number,
            postcode: card.postcode,
            town: card.town,
            country: Some(card.country),
            language: Some(card.language),
            email: card.email,
            phone: card.phone,
            website: card.website,
            responsible: card.responsible.map(|r| r.member.map_or(r.name, |id| id.to_string())),
            portfolio: card.portfolio,
            mandate_start: card.mandate_start,
            mandate_end: card.mandate_end,
            exemption: card.exemption.map(ExemptionDraft::of),
        }
    }

    /// Applies a change, field by field.
    pub fn apply(&mut self, change: CardChange) {
        let CardChange {
            kind,
            reference,
            name,
            legal_form,
            enterprise_number,
            vat_number,
            vat_liable,
            government,
            oin,
            identifiers,
            street,
            street_number,
            postcode,
            town,
            country,
            language,
            email,
            phone,
            website,
            responsible,
            portfolio,
            mandate_start,
            mandate_end,
            exemption,
        } = change;
        for (change, field) in [
            (kind, &mut self.kind),
            (reference, &mut self.reference),
            (name, &mut self.name),
            (legal_form, &mut self.legal_form),
            (enterprise_number, &mut self.enterprise_number),
            (vat_number, &mut self.vat_number),
            (oin, &mut self.oin),
            (street, &mut self.street),
            (street_number, &mut self.street_number),
            (postcode, &mut self.postcode),
            (town, &mut self.town),
            (country, &mut self.country),
            (language, &mut self.language),
            (email, &mut self.email),
            (phone, &mut self.phone),
            (website, &mut self.website),
            (responsible, &mut self.responsible),
            (portfolio, &mut self.portfolio),
            (mandate_start, &mut self.mandate_start),
            (mandate_end, &mut self.mandate_end),
        ] {
            change.apply(field);
        }
        vat_liable.apply(&mut self.vat_liable);
        government.apply(&mut self.government);
        identifiers.apply(&mut self.identifiers);
        exemption.apply(&mut self.exemption);
    }
}
