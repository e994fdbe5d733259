//! A line laid over a client's card: what the file says something about is taken, what it leaves empty stays.

use super::columns::card_fields;
use super::file::Row;
use crate::clients::{Card, FixedField as F, Responsible};
use crate::kernel::text;

/// The card as it would be with what the line says.
#[must_use]
pub fn merged(before: &Card, row: &Row) -> Card {
    let mut after = before.clone();
    for field in card_fields().filter(|field| row.said.has(*field)) {
        copy(field, row.card(), &mut after);
    }
    after
}

fn copy(field: F, from: &Card, to: &mut Card) {
    match field {
        F::Kind => to.kind = from.kind,
        F::Reference => to.reference.clone_from(&from.reference),
        F::Name => to.name.clone_from(&from.name),
        F::LegalForm => to.legal_form.clone_from(&from.legal_form),
        F::EnterpriseNumber => to.enterprise_number.clone_from(&from.enterprise_number),
        F::VatNumber => to.vat_number.clone_from(&from.vat_number),
        F::VatLiable => to.vat_liable = from.vat_liable,
        F::Government => to.government = from.government,
        F::Oin => to.oin.clone_from(&from.oin),
        F::Identifiers => to.identifiers.clone_from(&from.identifiers),
        F::Street => to.street.clone_from(&from.street),
        F::StreetNumber => to.street_number.clone_from(&from.street_number),
        F::Postcode => to.postcode.clone_from(&from.postcode),
        F::Town => to.town.clone_from(&from.town),
        F::Country => to.country.clone_from(&from.country),
        F::Language => to.language.clone_from(&from.language),
        F::Email => to.email.clone_from(&from.email),
        F::Phone => to.phone.clone_from(&from.phone),
        F::Website => to.website.clone_from(&from.website),
        F::Responsible if is_same(from.responsible.as_ref(), to.responsible.as_ref()) => {}
        F::Responsible => to.responsible.clone_from(&from.responsible),
        F::Portfolio => to.portfolio.clone_from(&from.portfolio),
        F::MandateStart => to.mandate_start.clone_from(&from.mandate_start),
        F::Exemption => to.exemption.clone_from(&from.exemption),
        F::MandateEnd => to.mandate_end.clone_from(&from.mandate_end),
        F::Archived
        | F::Contact
        | F::Relation
        | F::Registration
        | F::RegistrationCause
        | F::AccessPointSeat
        | F::AccessPointName
        | F::InformedAt => {}
    }
}

/// Whether both name the same person: the same member, even under a new name, or a name that was a member's who has left.
fn is_same(new: Option<&Responsible>, old: Option<&Responsible>) -> bool {
    match (new, old) {
        (Some(new), Some(old)) if new.member.is_some() => new.member == old.member,
        (Some(new), Some(old)) => text::fold(&new.name) == text::fold(&old.name),
        _ => new == old,
    }
}
