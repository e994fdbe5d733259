//! The rules of the card: from what was typed to a [`Card`], or one entry for each wrong field.

use std::fmt::Display;

use klaar_standards::enterprise_number::EnterpriseNumber;
use klaar_standards::number::NumberError;
use klaar_standards::participant::ParticipantId;
use klaar_standards::vat_number::VatNumber;
use klaar_standards::{kvk, lu, oin};

use super::card::{Card, CardDraft, ClientKind, Responsible};
use super::countries;
use super::exemption::{Exemption, ExemptionDraft};
use crate::identity::Member;
use crate::kernel::catalogue::Language;
use crate::kernel::error::{FieldError, number_fault};
use crate::kernel::{readings, text};

const MOST_IDENTIFIERS: usize = 10;

/// What a check needs to know of the practice.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The members, to recognise the responsible one.
    pub members: Vec<Member>,
    /// The language of clients for whom none is given.
    pub language: String,
    /// By what each member is recognised, made once because an import asks for every line.
    keys: Vec<MemberKeys>,
}

#[derive(Debug, Clone)]
struct MemberKeys {
    id: String,
    name: String,
    email: String,
}

impl Surroundings {
    /// What is around cards of a practice with these members and this language.
    #[must_use]
    pub fn of(members: Vec<Member>, language: String) -> Self {
        let keys = members.iter().map(|member| MemberKeys {
            id: member.id.to_string(),
            name: text::fold(&member.account.name),
            email: text::fold(&member.account.email),
        });
        Self { keys: keys.collect(), members, language }
    }

    /// The member that `typed` (an identifier, a name or an address) means, when it means just one.
    #[must_use]
    pub fn member_meant(&self, typed: &str) -> Option<&Member> {
        let folded = text::fold(typed);
        let is_meant = |keys: &MemberKeys| keys.id == typed || keys.name == folded || keys.email == folded;
        let mut meant =
            self.members.iter().zip(&self.keys).filter(|(_, keys)| is_meant(keys)).map(|(member, _)| member);
        match (meant.next(), meant.next()) {
            (Some(member), None) => Some(member),
            _ => None,
        }
    }
}

/// Checks a draft.
///
/// # Errors
/// One [`FieldError`] for each wrong field, with pointers such as `/enterprise_number`.
pub fn check(draft: CardDraft, around: &Surroundings) -> Result<Card, Vec<FieldError>> {
    let mut wrong = Wrong(Vec::new());
    let country = wrong.one_of(draft.country.as_deref(), "/country", "BE", |t| countries::parse(t).map(str::to_owned));
    let card = Card {
        kind: match draft.kind.as_deref().and_then(text::filled).unwrap_or("company").parse::<ClientKind>() {
            Ok(kind) => kind,
            Err(()) => {
                wrong.add(FieldError::new("/kind", "unknown_value").with("values", "company, person"));
                ClientKind::Company
            }
        },
        reference: wrong.text(draft.reference, "/reference", 100),
        name: wrong.required(draft.name, "/name", 300),
        legal_form: wrong.text(draft.legal_form, "/legal_form", 50),
        enterprise_number: wrong
            .number(draft.enterprise_number.as_deref(), "/enterprise_number", |t| register_number(t, &country)),
        vat_number: wrong.number(draft.vat_number.as_deref(), "/vat_number", |t| VatNumber::parse(t, Some(&country))),
        vat_liable: draft.vat_liable,
        government: draft.government.unwrap_or(false),
        oin: wrong.number(draft.oin.as_deref(), "/oin", oin::Oin::parse),
        identifiers: wrong.identifiers(draft.identifiers.unwrap_or_default()),
        street: wrong.text(draft.street, "/street", 200),
        street_number: wrong.text(draft.street_number, "/street_number", 50),
        postcode: wrong.text(draft.postcode, "/postcode", 20),
        town: wrong.text(draft.town, "/town", 100),
        language: wrong.one_of(draft.language.as_deref(), "/language", &around.language, |t| {
            t.to_ascii_lowercase().parse::<Language>().ok().map(|l| l.to_string())
        }),
        email: wrong.email(draft.email),
        phone: wrong.text(draft.phone, "/phone", 50),
        website: wrong.website(draft.website),
        responsible: wrong.text(draft.responsible, "/responsible", 200).and_then(|t| wrong.responsible(&t, around)),
        portfolio: wrong.text(draft.portfolio, "/portfolio", 100),
        mandate_start: wrong.date(draft.mandate_start, "/mandate_start"),
        mandate_end: wrong.date(draft.mandate_end, "/mandate_end"),
        exemption: wrong.exemption(draft.exemption),
        country,
    };
    if let (Some(start), Some(end)) = (&card.mandate_start, &card.mandate_end)
        && end < start
    {
        wrong.add(FieldError::new("/mandate_end", "before_start").with("start", start));
    }
    if wrong.0.is_empty() { Ok(card) } else { Err(wrong.0) }
}

/// The number in the country's own register; for countries whose register we do not know, a text with a digit or letter in
/// it is kept.
fn register_number(text: &str, country: &str) -> Result<String, NumberError> {
    match country {
        "BE" => EnterpriseNumber::parse(text).map(|n| n.to_string()),
        "NL" => kvk::KvkNumber::parse(text).map(|n| n.to_string()),
        "LU" => lu::Matricule::parse(text).map(|n| n.to_string()),
        _ => {
            let number = text::filled(text).unwrap_or_default();
            let is_number = number.chars().count() <= 50
                && number.chars().any(char::is_alphanumeric)
                && !number.chars().any(char::is_control);
            if is_number { Ok(number.to_owned()) } else { Err(NumberError::Malformed) }
        }
    }
}

/// Collects what is wrong while the fields are read.
struct Wrong(Vec<FieldError>);

impl Wrong {
    fn add(&mut self, error: FieldError) {
        self.0.push(error);
    }

    fn text(&mut self, value: Option<String>, pointer: &'static str, max: usize) -> Option<String> {
        let value = value?;
        let trimmed = text::filled(&value)?;
        if trimmed.chars().count() > max {
            self.add(FieldError::new(pointer, "too_long").with("max", max));
            return None;
        }
        if trimmed.chars().any(char::is_control) {
            self.add(FieldError::new(pointer, "control_characters"));
            return None;
        }
        Some(trimmed.to_owned())
    }

    fn required(&mut self, value: Option<String>, pointer: &'static str, max: usize) -> String {
        let before = self.0.len();
        let value = self.text(value, pointer, max);
        if value.is_none() && self.0.len() == before {
            self.add(FieldError::new(pointer, "missing"));
        }
        value.unwrap_or_default()
    }

    fn one_of(
        &mut self,
        value: Option<&str>,
        pointer: &'static str,
        default: &str,
        read: impl Fn(&str) -> Option<String>,
    ) -> String {
        let Some(text) = value.and_then(text::filled) else {
            return default.to_owned();
        };
        read(text).unwrap_or_else(|| {
            let values =
                if pointer == "/language" { "nl, fr, de, en" } else { "ISO 3166-1 alpha-2: BE, NL, LU, FR, …" };
            self.add(FieldError::new(pointer, "unknown_value").with("values", values));
            default.to_owned()
        })
    }

    fn number<N: Display>(
        &mut self,
        value: Option<&str>,
        pointer: &'static str,
        read: impl Fn(&str) -> Result<N, NumberError>,
    ) -> Option<String> {
        match read(value.and_then(text::filled)?) {
            Ok(number) => Some(number.to_string()),
            Err(error) => {
                self.add(number_fault(pointer, &error));
                None
            }
        }
    }

    fn identifiers(&mut self, typed: Vec<String>) -> Vec<String> {
        if typed.len() > MOST_IDENTIFIERS {
            self.add(FieldError::new("/identifiers", "too_many").with("max", MOST_IDENTIFIERS));
            return Vec::new();
        }
        let mut known: Vec<String> = Vec::with_capacity(typed.len());
        for (at, text) in typed.iter().enumerate() {
            match ParticipantId::parse(text) {
                Ok(id) if known.iter().any(|k| k == id.as_str()) => {}
                Ok(id) => known.push(id.as_str().to_owned()),
                Err(error) => self
                    .add(FieldError::new(format!("/identifiers/{at}"), "participant_identifier").with("reason", error)),
            }
        }
        known
    }

    fn email(&mut self, value: Option<String>) -> Option<String> {
        let value = value?;
        let typed = text::filled(&value)?;
        let checked = text::email(typed);
        if checked.is_none() {
            self.add(FieldError::new("/email", "malformed_email"));
        }
        checked
    }

    fn website(&mut self, value: Option<String>) -> Option<String> {
        let typed = self.text(value, "/website", 300)?;
        let whole = if typed.contains("://") { typed } else { format!("https://{typed}") };
        match url::Url::parse(&whole) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.host_str().is_some_and(|h| h.contains('.')) => {
                Some(url.to_string())
            }
            _ => {
                self.add(FieldError::new("/website", "malformed"));
                None
            }
        }
    }

    fn responsible(&mut self, typed: &str, around: &Surroundings) -> Option<Responsible> {
        match around.member_meant(typed) {
            Some(member) => Some(Responsible { member: Some(member.id), name: member.account.name.clone() }),
            None if typed.parse::<crate::identity::MemberId>().is_ok() => {
                self.add(FieldError::new("/responsible", "unknown_member"));
                None
            }
            None => Some(Responsible { member: None, name: typed.to_owned() }),
        }
    }

    fn exemption(&mut self, typed: Option<ExemptionDraft>) -> Option<Exemption> {
        typed?.check().map_err(|wrong| self.0.extend(wrong)).ok()
    }

    fn date(&mut self, value: Option<String>, pointer: &'static str) -> Option<String> {
        let value = value?;
        let typed = text::filled(&value)?;
        match readings::is_day(typed) {
            Some(true) => return Some(typed.to_owned()),
            Some(false) => self.add(FieldError::new(pointer, "impossible_date")),
            None => self.add(FieldError::new(pointer, "malformed_date")),
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around() -> Surroundings {
        Surroundings::of(Vec::new(), "nl".to_owned())
    }

    fn codes(draft: CardDraft) -> Vec<(String, &'static str)> {
        check(draft, &around()).unwrap_err().into_iter().map(|e| (e.pointer, e.code)).collect()
    }

    #[test]
    fn a_card_comes_out_canonical_and_reads_back_the_same() {
        let draft = CardDraft {
            name: Some("  Garage O'Brien ".to_owned()),
            enterprise_number: Some("400378485".to_owned()),
            vat_number: Some("be 0400.378.485".to_owned()),
            country: Some("Belgique".to_owned()),
            language: Some("FR".to_owned()),
            website: Some("garage.example".to_owned()),
            responsible: Some("Céline".to_owned()),
            ..CardDraft::default()
        };
        let card = check(draft, &around()).unwrap();
        assert_eq!(card.name, "Garage O'Brien");
        assert_eq!(card.enterprise_number.as_deref(), Some("0400378485"));
        assert_eq!(card.vat_number.as_deref(), Some("BE0400378485"));
        assert_eq!((card.country.as_str(), card.language.as_str()), ("BE", "fr"));
        assert_eq!(card.website.as_deref(), Some("https://garage.example/"));
        assert_eq!(card.responsible, Some(Responsible { member: None, name: "Céline".to_owned() }));
        assert_eq!(check(CardDraft::of(&card), &around()).unwrap(), card);
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let found = codes(CardDraft {
            kind: Some("robot".to_owned()),
            enterprise_number: Some("0400378486".to_owned()),
            vat_number: Some("BE1".to_owned()),
            country: Some("Klingon".to_owned()),
            language: Some("klingon".to_owned()),
            email: Some("x@".to_owned()),
            website: Some("javascript://x".to_owned()),
            identifiers: Some(vec!["0208:1".to_owned()]),
            mandate_start: Some("2020-02-31".to_owned()),
            mandate_end: Some("31/12/2020".to_owned()),
            ..CardDraft::default()
        });
        let pointers: Vec<&str> = found.iter().map(|(p, _)| p.as_str()).collect();
        for pointer in [
            "/kind",
            "/name",
            "/enterprise_number",
            "/vat_number",
            "/country",
            "/language",
            "/email",
            "/website",
            "/identifiers/0",
        ] {
            assert!(pointers.contains(&pointer), "{pointer} is missing in {found:?}");
        }
        assert!(found.contains(&("/mandate_start".to_owned(), "impossible_date")));
        assert!(found.contains(&("/mandate_end".to_owned(), "malformed_date")));
    }
}
