//! What one client only may have, as short keys, so that a million lines can be held against each other in little memory.

use sha2::{Digest as _, Sha256};

use crate::clients::{Card, FixedField};
use crate::kernel::text;

/// 128 bits of a SHA-256, so that a file of hostile numbers cannot make two of them alike.
pub type Key = [u8; 16];

/// What a card has that no other may have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Keys {
    /// Its enterprise number with its country.
    pub number: Option<Key>,
    /// The practice's reference.
    pub reference: Option<Key>,
    /// For a card with neither: whose name, VAT number, address and e-mail are the same is the same.
    pub likeness: Option<Key>,
}

impl Keys {
    /// The keys of `card`.
    #[must_use]
    pub fn of(card: &Card) -> Self {
        let number = card.enterprise_number.as_ref().map(|number| Self::of_number(&card.country, number));
        let reference = card.reference.as_deref().map(Self::of_reference);
        let likeness = (number.is_none() && reference.is_none()).then(|| likeness(card));
        Self { number, reference, likeness }
    }

    /// The key of a number in the register of a country.
    #[must_use]
    pub fn of_number(country: &str, number: &str) -> Key {
        key(&["number", country, number])
    }

    /// The key of a practice's own reference.
    #[must_use]
    pub fn of_reference(reference: &str) -> Key {
        key(&["reference", reference])
    }

    /// Those that there are, each with the field that it is about.
    pub fn iter(&self) -> impl Iterator<Item = (FixedField, Key)> + use<> {
        let all = [
            (FixedField::EnterpriseNumber, self.number),
            (FixedField::Reference, self.reference),
            (FixedField::Name, self.likeness),
        ];
        all.into_iter().filter_map(|(field, key)| Some((field, key?)))
    }
}

fn likeness(card: &Card) -> Key {
    let part = |field: &Option<String>| text::fold(field.as_deref().unwrap_or_default());
    let parts = [&card.vat_number, &card.postcode, &card.street, &card.street_number, &card.email].map(part);
    let [vat, postcode, street, number, email] = &parts;
    key(&["likeness", &text::fold(&card.name), vat, postcode, street, number, email])
}

fn key(parts: &[&str]) -> Key {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.len().to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let mut key = Key::default();
    key.iter_mut().zip(hasher.finalize()).for_each(|(to, from)| *to = from);
    key
}
