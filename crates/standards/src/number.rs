//! What the registration numbers share: the notation people use for them, and what can be wrong with one.

use thiserror::Error;

/// Longest input looked at, in characters; no number comes near it with any notation around it.
const MAX_CHARACTERS: usize = 64;

/// Words people write before a number; they carry nothing.
const LABELS: [&str; 10] = ["BTW", "TVA", "VAT", "MWST", "UST", "KBO", "BCE", "RPR", "RPM", "KVK"];

/// Why a text is not the number it should be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NumberError {
    /// Nothing was written, or only separators.
    #[error("the number is empty")]
    Empty,
    /// Wrong length, wrong characters, or a prefix that does not belong there.
    #[error("the number does not have the form it should have")]
    Malformed,
    /// The form is right, the check digits are not.
    #[error("the check digits are wrong{}", .suggestion.as_ref().map(|number| format!("; {number} may be meant")).unwrap_or_default())]
    CheckDigits {
        /// The number that was probably meant, normalised; absent when there is none or more than one.
        suggestion: Option<String>,
    },
}

/// Takes the notation off a number: white space of every width, dots, commas, dashes, slashes, quotes, invisible
/// characters, a word such as "BTW" before it, and the ".0" or ",00" of a spreadsheet that took it for an amount.
///
/// Gives upper-case ASCII letters and digits. Errors: [`NumberError::Empty`] when nothing is left,
/// [`NumberError::Malformed`] for any other character or more than 64 characters.
pub(crate) fn compact(input: &str) -> Result<String, NumberError> {
    if input.chars().nth(MAX_CHARACTERS).is_some() {
        return Err(NumberError::Malformed);
    }
    let visible: String = input.chars().filter(|c| !is_blank(*c)).collect();
    let mut text = String::with_capacity(visible.len());
    for c in without_zero_fraction(&visible).chars() {
        if c.is_ascii_alphanumeric() {
            text.push(c.to_ascii_uppercase());
        } else if !is_separator(c) {
            return Err(NumberError::Malformed);
        }
    }
    let number = LABELS.iter().find_map(|label| text.strip_prefix(label)).unwrap_or(&text);
    if number.is_empty() { Err(NumberError::Empty) } else { Ok(number.to_owned()) }
}

/// Exactly `length` digits with notation taken off; up to `eaten` leading zeros that a spreadsheet dropped are put
/// back.
pub(crate) fn digits(input: &str, length: usize, eaten: usize) -> Result<String, NumberError> {
    let text = compact(input)?;
    let shortest = length.saturating_sub(eaten);
    if !is_digits(&text) || !(shortest..=length).contains(&text.len()) {
        return Err(NumberError::Malformed);
    }
    Ok(format!("{text:0>length$}"))
}

pub(crate) fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// "403227515.0" and "403227515,00" are whole numbers that passed through a spreadsheet's float; "0403.227.500" is not.
fn without_zero_fraction(text: &str) -> &str {
    let Some((whole, fraction)) = text.rsplit_once(['.', ',']) else {
        return text;
    };
    if is_digits(whole) && matches!(fraction, "0" | "00") { whole } else { text }
}

/// White space (U+00A0, U+2009 and U+202F among it) and characters that show nothing.
fn is_blank(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}' | '\u{FEFF}' | '\u{AD}')
}

fn is_separator(c: char) -> bool {
    matches!(c, '.' | ',' | '-' | '/' | '_' | ':' | '\'' | '"' | '(' | ')' | '·' | '\u{2019}')
        || matches!(c, '\u{2010}'..='\u{2015}' | '\u{2212}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notation_is_taken_off() {
        for (input, wanted) in [
            (" 0403.227.515 ", "0403227515"),
            ("be\u{a0}0403\u{202f}227\u{2009}515", "BE0403227515"),
            ("BTW: BE 0403-227-515", "BE0403227515"),
            ("'0403227515", "0403227515"),
            ("\u{feff}0403/227/515", "0403227515"),
            ("0403\u{2011}227\u{2013}515", "0403227515"),
            ("403227515.0", "403227515"),
            ("403227515,00", "403227515"),
            ("0403.227.500", "0403227500"),
        ] {
            assert_eq!(compact(input).as_deref(), Ok(wanted), "{input:?}");
        }
    }

    #[test]
    fn nothing_is_empty_and_the_rest_malformed() {
        for input in ["", "  ", "\u{a0}", "-", "BTW"] {
            assert_eq!(compact(input), Err(NumberError::Empty), "{input:?}");
        }
        for input in ["0403+227", "4.03227515E+08", "٠٤٠٣٢٢٧٥١٥", &"1".repeat(65)] {
            assert_eq!(compact(input), Err(NumberError::Malformed), "{input:?}");
        }
    }
}
