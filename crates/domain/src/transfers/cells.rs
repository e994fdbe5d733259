//! How people write things in cells: languages, identifiers, formulas. From a cell to a field of the draft, which the card's own
//! rules then check.

use crate::clients::{CardDraft, ExemptionDraft, FixedField as F};
use crate::kernel::error::FieldError;
use crate::kernel::{readings, text};

/// The cell without blanks at its ends and without the apostrophe that stands before what is dangerous; `None` when empty.
#[must_use]
pub fn filled(cell: &str) -> Option<&str> {
    let cell = text::filled(cell)?;
    match cell.strip_prefix('\'') {
        Some(rest) if is_dangerous(rest) => text::filled(rest),
        _ => Some(cell),
    }
}

/// Whether a spreadsheet would take the text for a formula, possibly after apostrophes. A text file has an apostrophe before
/// such a one, so that [`filled`] always gives back the text.
#[must_use]
pub fn is_dangerous(text: &str) -> bool {
    // Nearly every text begins with one of these.
    if text.as_bytes().first().is_none_or(u8::is_ascii_alphanumeric) {
        return false;
    }
    text.trim_start_matches('\'').starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'])
}

/// Writes the cell into the draft.
///
/// # Errors
/// `unknown_value` when it should say yes or no and says neither.
pub fn fill(draft: &mut CardDraft, field: F, cell: &str) -> Result<(), FieldError> {
    let slot = match field {
        F::Kind => return put(&mut draft.kind, kind(cell)),
        F::VatLiable => return flag(&mut draft.vat_liable, "/vat_liable", cell),
        F::Government => return flag(&mut draft.government, "/government", cell),
        F::Identifiers => return put(&mut draft.identifiers, identifiers(cell)),
        F::Language => return put(&mut draft.language, language(cell)),
        F::MandateStart => return put(&mut draft.mandate_start, readings::day(cell)),
        F::MandateEnd => return put(&mut draft.mandate_end, readings::day(cell)),
        F::Exemption => return put(&mut draft.exemption, ExemptionDraft::read(cell)),
        F::Reference => &mut draft.reference,
        F::Name => &mut draft.name,
        F::LegalForm => &mut draft.legal_form,
        F::EnterpriseNumber => &mut draft.enterprise_number,
        F::VatNumber => &mut draft.vat_number,
        F::Oin => &mut draft.oin,
        F::Street => &mut draft.street,
        F::StreetNumber => &mut draft.street_number,
        F::Postcode => &mut draft.postcode,
        F::Town => &mut draft.town,
        F::Country => &mut draft.country,
        F::Email => &mut draft.email,
        F::Phone => &mut draft.phone,
        F::Website => &mut draft.website,
        F::Responsible => &mut draft.responsible,
        F::Portfolio => &mut draft.portfolio,
        F::Archived
        | F::Contact
        | F::Relation
        | F::Registration
        | F::RegistrationCause
        | F::AccessPointSeat
        | F::AccessPointName
        | F::InformedAt => {
            return Ok(());
        }
    };
    put(slot, cell.to_owned())
}

fn put<T>(slot: &mut Option<T>, value: T) -> Result<(), FieldError> {
    *slot = Some(value);
    Ok(())
}

fn flag(slot: &mut Option<bool>, pointer: &'static str, cell: &str) -> Result<(), FieldError> {
    let Some(value) = readings::yes_no(cell) else {
        return Err(
            FieldError::new(pointer, "unknown_value").with("values", "ja, neen, oui, non, nein, yes, no, x, 1, 0")
        );
    };
    put(slot, value)
}

fn kind(cell: &str) -> String {
    let folded = text::fold(cell);
    let kind = match folded.as_str() {
        "bedrijf" | "onderneming" | "vennootschap" | "rechtspersoon" | "entreprise" | "societe" | "personne morale"
        | "unternehmen" | "firma" | "juristische person" | "legal entity" => "company",
        "persoon" | "natuurlijk persoon" | "particulier" | "personne" | "personne physique" | "naturliche person"
        | "privatperson" | "natural person" | "individual" => "person",
        _ => return folded,
    };
    kind.to_owned()
}

/// A language by its code (also `nl-BE`), by one letter, or by its name in any of the four.
fn language(cell: &str) -> String {
    let folded = text::fold(cell);
    let code = match folded.as_str() {
        "n" | "nederlands" | "neerlandais" | "niederlandisch" | "dutch" | "vlaams" | "nld" | "dut" => "nl",
        "f" | "frans" | "francais" | "franzosisch" | "french" | "fra" | "fre" => "fr",
        "d" | "duits" | "allemand" | "deutsch" | "german" | "deu" | "ger" => "de",
        "e" | "engels" | "anglais" | "englisch" | "english" | "eng" => "en",
        other => match other.split_once(['-', '_']) {
            Some((code, region)) if code.len() == 2 && region.len() == 2 => code,
            _ => other,
        },
    };
    code.to_owned()
}

/// Identifiers with blanks between them, or with a comma, semicolon or bar before the next one's four digits and colon: such
/// signs may also be part of an identifier.
fn identifiers(cell: &str) -> Vec<String> {
    const BETWEEN: [char; 3] = [',', ';', '|'];
    let begins = |text: &str| text.as_bytes().get(4) == Some(&b':') && text.bytes().take(4).all(|b| b.is_ascii_digit());
    let mut found: Vec<String> = Vec::new();
    for word in cell.split_whitespace() {
        let mut is_first = true;
        for part in word.split_inclusive(BETWEEN) {
            match found.last_mut() {
                Some(last) if !is_first && !begins(part) => last.push_str(part),
                _ => found.push(part.to_owned()),
            }
            is_first = false;
        }
    }
    let trimmed = found.iter().map(|part| part.trim_matches(BETWEEN));
    trimmed.filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn identifiers_are_told_apart() {
        for (cell, wanted) in [
            ("0088:1 0208:2", &["0088:1", "0208:2"][..]),
            ("0088:1, 0208:2;", &["0088:1", "0208:2"]),
            ("0088:1;0208:2|9999:a;b", &["0088:1", "0208:2", "9999:a;b"]),
            (" , ", &[]),
        ] {
            assert_eq!(identifiers(cell), wanted);
        }
    }

    #[test]
    fn yes_and_no_in_every_language() {
        let read = |cell: &str| {
            let mut draft = CardDraft::default();
            fill(&mut draft, F::VatLiable, cell).map(|()| draft.vat_liable)
        };
        for cell in ["ja", "Oui", "YES", "x", "1", "J"] {
            assert_eq!(read(cell), Ok(Some(true)), "{cell}");
        }
        for cell in ["neen", "Nee", "NON", "no", "0", "nein"] {
            assert_eq!(read(cell), Ok(Some(false)), "{cell}");
        }
        assert_eq!(read("misschien").unwrap_err().code, "unknown_value");
        for language in crate::kernel::catalogue::Language::ALL {
            assert_eq!(read(readings::said(true, language)), Ok(Some(true)));
            assert_eq!(read(readings::said(false, language)), Ok(Some(false)));
        }
    }

    #[test]
    fn languages_go_by_code_or_name() {
        for (cell, code) in [
            ("NL", "nl"),
            ("Français", "fr"),
            ("néerlandais", "nl"),
            ("fr-BE", "fr"),
            ("D", "de"),
            ("Engels", "en"),
            ("klingon", "klingon"),
        ] {
            assert_eq!(language(cell), code);
        }
    }

    fn guarded(text: String) -> String {
        if is_dangerous(&text) { format!("'{text}") } else { text }
    }

    #[test]
    fn formulas_are_guarded_and_telephones_come_back() {
        assert_eq!(guarded("+32 2 555 01 02".to_owned()), "'+32 2 555 01 02");
        assert_eq!(filled("'+32 2 555 01 02"), Some("+32 2 555 01 02"));
        assert_eq!(filled("'t Hoekske"), Some("'t Hoekske"));
        assert_eq!(filled(" ' "), Some("'"));
    }

    proptest! {
        #[test]
        fn what_was_guarded_comes_back(text in "['=+@a\\-]{1,8}") {
            let cell = guarded(text.clone());
            prop_assert!(!cell.starts_with(['=', '+', '-', '@']));
            prop_assert_eq!(filled(&cell), Some(text.as_str()));
        }
    }
}
