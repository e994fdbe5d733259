//! Text that people compare, search and sort: one folding, made here, so that both databases agree.

use email_address::{EmailAddress, Options};
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use super::error::FieldError;

/// The folded key of `text`: without case, diacritics and repeated blanks (`"Société  ŁÓDŹ"` gives `"societe lodz"`).
///
/// Two texts that a person would call the same have the same key, and keys compare bytewise in both databases.
#[must_use]
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return fold_ascii(text);
    }
    let mut key = String::with_capacity(text.len());
    let mut blank = true;
    for c in text.nfkd().filter(|c| !is_combining_mark(*c)) {
        if c.is_whitespace() {
            if !blank {
                key.push(' ');
            }
            blank = true;
            continue;
        }
        blank = false;
        if c.is_ascii() {
            key.push(c.to_ascii_lowercase());
        } else {
            fold_letter(c, &mut key);
        }
    }
    if key.ends_with(' ') {
        key.pop();
    }
    key
}

/// The same for text that needs no tables, which is most of it.
fn fold_ascii(text: &str) -> String {
    let mut key = String::with_capacity(text.len());
    for word in text.split(|c: char| c.is_whitespace()).filter(|word| !word.is_empty()) {
        if !key.is_empty() {
            key.push(' ');
        }
        key.push_str(word);
    }
    key.make_ascii_lowercase();
    key
}

/// Letters that Unicode does not decompose (ł, ø, ß, æ) go by their usual Latin spelling; other scripts only lose case.
fn fold_letter(c: char, key: &mut String) {
    let latin = matches!(c, '\u{00c0}'..='\u{024f}' | '\u{1e00}'..='\u{1eff}');
    match deunicode::deunicode_char(c) {
        Some(spelling) if latin => key.extend(spelling.chars().map(|c| c.to_ascii_lowercase())),
        _ => key.extend(c.to_lowercase()),
    }
}

/// The text without blanks at its ends, or `None` when nothing is left.
#[must_use]
pub fn filled(text: &str) -> Option<&str> {
    // A mark of byte order within a text is as invisible as a blank, but Unicode does not count it as one.
    let trimmed = text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    (!trimmed.is_empty()).then_some(trimmed)
}

/// A text of one line without blanks at its ends, of at most `most` characters.
///
/// # Errors
/// `missing`, `control_characters` or `too_long` at `pointer`.
pub fn line(typed: &str, pointer: &str, most: usize) -> Result<String, FieldError> {
    match filled(typed) {
        None => Err(FieldError::new(pointer, "missing")),
        Some(filled) if filled.chars().any(char::is_control) => Err(FieldError::new(pointer, "control_characters")),
        Some(filled) if filled.chars().count() > most => Err(FieldError::new(pointer, "too_long").with("max", most)),
        Some(filled) => Ok(filled.to_owned()),
    }
}

/// Lines of text without blanks at their ends, of at most `most` characters; `None` when nothing is left.
///
/// # Errors
/// `control_characters` or `too_long` at `pointer`.
pub fn lines(typed: &str, pointer: &str, most: usize) -> Result<Option<String>, FieldError> {
    if typed.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err(FieldError::new(pointer, "control_characters"));
    }
    if typed.chars().count() > most {
        return Err(FieldError::new(pointer, "too_long").with("max", most));
    }
    Ok(filled(typed).map(|filled| filled.replace("\r\n", "\n")))
}

/// An e-mail address of RFC 5321's form with a domain of at least two labels, without blanks at its ends; `None` otherwise.
/// A local part in quotes is none either: hardly a mail server takes it, and what can stand in it is a danger to headers.
#[must_use]
pub fn email(text: &str) -> Option<String> {
    let trimmed = text.trim();
    let bare = Options::default().without_display_text().without_domain_literal().with_required_tld();
    let is_plain = trimmed.is_ascii() && !trimmed.starts_with('"');
    (is_plain && EmailAddress::parse_with_options(trimmed, bare).is_ok()).then(|| trimmed.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_accents_and_blanks_do_not_matter() {
        for (left, right) in [
            ("Société", "SOCIETE"),
            ("Łódź", "lodz"),
            (" Søren\u{a0} Müller ", "soren muller"),
            ("Straße", "strasse"),
            ("Cafe\u{301}", "café"),
        ] {
            assert_eq!(fold(left), fold(right));
        }
        assert_eq!(fold("Ωmega"), "ωmega");
        assert_eq!(fold(" Two\t\n WORDS "), "two words");
    }

    #[test]
    fn an_address_has_a_domain_and_no_tricks() {
        assert_eq!(email(" an@alpha.example ").as_deref(), Some("an@alpha.example"));
        for wrong in [
            "an",
            "an@",
            "@alpha.example",
            "an@alpha",
            "an@alpha..example",
            "a n@alpha.example",
            "an@alpha.example\r\nBcc: x@y.example",
            "An <an@alpha.example>",
            "a@b@c.example",
        ] {
            assert_eq!(email(wrong), None, "{wrong}");
        }
    }
}
