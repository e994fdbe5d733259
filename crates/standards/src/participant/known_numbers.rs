//! Which identifiers to ask the network for, given what is known of a client.

use super::ParticipantId;
use crate::enterprise_number::EnterpriseNumber;
use crate::kvk::KvkNumber;
use crate::lu::Matricule;
use crate::oin::Oin;
use crate::vat_number::VatNumber;

/// The numbers on a client's card that may be registered on the network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownNumbers {
    pub enterprise_number: Option<EnterpriseNumber>,
    pub vat_number: Option<VatNumber>,
    /// ISO 3166 alpha-2, any case: this country's identifiers are asked first. It adds none.
    pub country: Option<String>,
    pub oin: Option<Oin>,
    pub kvk: Option<KvkNumber>,
    pub matricule: Option<Matricule>,
    /// Identifiers typed on the card, asked last and as they are.
    pub extra: Vec<ParticipantId>,
}

/// The identifiers to ask, most likely first, each once; empty when there is nothing to ask.
///
/// Belgium: 0208, then 9925; the Netherlands: 0106, 9944, 0190; Luxembourg: 9938, 0240; then the extras. A Belgian VAT
/// number stands in for a missing enterprise number and the other way round; where both are given and differ (a member
/// of a VAT unit), 0208 is the enterprise and 9925 the VAT number as written.
pub fn identifiers_for(known: &KnownNumbers) -> Vec<ParticipantId> {
    let mut groups = [("BE", belgian(known)), ("NL", dutch(known)), ("LU", luxembourgish(known))];
    let home = known.country.as_deref().unwrap_or_default().trim();
    groups.sort_by_key(|(country, _)| !country.eq_ignore_ascii_case(home));
    let own = groups.into_iter().flat_map(|(_, identifiers)| identifiers);
    let mut asked: Vec<ParticipantId> = Vec::new();
    for identifier in own.chain(known.extra.iter().cloned()) {
        if !asked.contains(&identifier) {
            asked.push(identifier);
        }
    }
    asked
}

fn vat_of<'a>(known: &'a KnownNumbers, country: &str) -> Option<&'a VatNumber> {
    known.vat_number.as_ref().filter(|number| number.country() == country)
}

fn belgian(known: &KnownNumbers) -> Vec<ParticipantId> {
    let vat = vat_of(known, "BE");
    let enterprise = known.enterprise_number.or_else(|| vat.and_then(VatNumber::enterprise_number));
    let vat = vat.cloned().or_else(|| enterprise.map(|number| number.vat_number()));
    let enterprise = enterprise.map(|number| ParticipantId::of("0208", &number.to_string()));
    enterprise.into_iter().chain(vat.map(|number| ParticipantId::of("9925", &number.to_string()))).collect()
}

fn dutch(known: &KnownNumbers) -> Vec<ParticipantId> {
    let kvk = known.kvk.as_ref().map(|number| ParticipantId::of("0106", number.as_str()));
    let vat = vat_of(known, "NL").map(|number| ParticipantId::of("9944", &number.to_string()));
    let oin = known.oin.as_ref().map(|number| ParticipantId::of("0190", number.as_str()));
    [kvk, vat, oin].into_iter().flatten().collect()
}

fn luxembourgish(known: &KnownNumbers) -> Vec<ParticipantId> {
    let vat = vat_of(known, "LU").map(|number| ParticipantId::of("9938", &number.to_string()));
    let matricule = known.matricule.as_ref().map(|number| ParticipantId::of("0240", number.as_str()));
    [vat, matricule].into_iter().flatten().collect()
}
