//! The Belgian enterprise number (KBO/BCE), which is also Peppol scheme 0208.
//!
//! Ten digits, the first 0 or 1; the last two are 97 minus the first eight modulo 97
//! (Peppol code list of participant identifier schemes, 0208; rule PEPPOL-COMMON-R043).

use std::fmt;
use std::str::FromStr;

pub use crate::number::NumberError;
use crate::number::{compact, is_digits};
use crate::vat_number::VatNumber;

const DIGITS: u32 = 10;
/// The first digit is 0 or 1.
const LIMIT: u64 = 2_000_000_000;

/// A Belgian enterprise number whose check digits are right. [`fmt::Display`] gives its ten digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EnterpriseNumber(u32);

impl EnterpriseNumber {
    /// Reads a number in any notation people use: dotted, spaced (also with no-break and thin spaces), dashed, with
    /// "BE" or "BTW BE" before it, with the ".0" of a spreadsheet's float behind it, and with one or two leading zeros
    /// eaten.
    ///
    /// Errors: [`NumberError::Empty`]; [`NumberError::Malformed`] when it is not ten digits beginning with 0 or 1;
    /// [`NumberError::CheckDigits`] with the likely number (ten digits), found so: every swap of two neighbouring
    /// digits is tried; if none gives a valid number, every change of one digit. If the class that gave any gave
    /// exactly one, it is suggested; with two candidates we would only guess.
    pub fn parse(input: &str) -> Result<Self, NumberError> {
        let text = compact(input)?;
        Self::from_compact(text.strip_prefix("BE").unwrap_or(&text))
    }

    /// Reads 8 to 10 bare digits; see [`EnterpriseNumber::parse`].
    pub(crate) fn from_compact(text: &str) -> Result<Self, NumberError> {
        if !is_digits(text) || !(8..=10).contains(&text.len()) {
            return Err(NumberError::Malformed);
        }
        let number: u64 = text.parse().map_err(|_| NumberError::Malformed)?;
        if number >= LIMIT {
            return Err(NumberError::Malformed);
        }
        match u32::try_from(number) {
            Ok(valid) if is_valid(number) => Ok(Self(valid)),
            _ => Err(NumberError::CheckDigits { suggestion: likely(number).map(|n| format!("{n:010}")) }),
        }
    }

    /// The way it is printed: "0403.227.515".
    pub fn dotted(&self) -> String {
        let Self(number) = self;
        format!("{:04}.{:03}.{:03}", number / 1_000_000, number / 1_000 % 1_000, number % 1_000)
    }

    /// The Belgian VAT number with the same digits. Whether the enterprise is liable to VAT is another matter.
    pub fn vat_number(&self) -> VatNumber {
        VatNumber::belgian(*self)
    }
}

impl fmt::Display for EnterpriseNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:010}", self.0)
    }
}

impl FromStr for EnterpriseNumber {
    type Err = NumberError;

    fn from_str(input: &str) -> Result<Self, NumberError> {
        Self::parse(input)
    }
}

fn is_valid(number: u64) -> bool {
    number < LIMIT && 97 - number / 100 % 97 == number % 100
}

fn likely(number: u64) -> Option<u64> {
    let swaps: Vec<u64> = (0..DIGITS - 1).map(|place| swapped(number, place)).filter(|n| is_valid(*n)).collect();
    let candidates = if swaps.is_empty() { substitutions(number) } else { swaps };
    match candidates.as_slice() {
        [only] => Some(*only),
        _ => None,
    }
}

/// Swaps the digits at `place` and `place + 1`, counted from the right, beginning with 0.
fn swapped(number: u64, place: u32) -> u64 {
    let (low, high) = (10_u64.pow(place), 10_u64.pow(place + 1));
    let (right, left) = (number / low % 10, number / high % 10);
    number - right * low - left * high + left * low + right * high
}

fn substitutions(number: u64) -> Vec<u64> {
    (0..DIGITS)
        .flat_map(|place| {
            let unit = 10_u64.pow(place);
            let rest = number - number / unit % 10 * unit;
            (0..10).map(move |digit| rest + digit * unit)
        })
        .filter(|candidate| *candidate != number && is_valid(*candidate))
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_number() -> impl Strategy<Value = EnterpriseNumber> {
        (0_u32..20_000_000).prop_map(|base| EnterpriseNumber(base * 100 + (97 - base % 97)))
    }

    #[test]
    fn every_notation_is_read() {
        for input in [
            "0403.227.515",
            "403227515",
            "BE0403227515",
            "be 0403 227 515",
            "BE 0403.227.515",
            "BE403227515",
            "0403\u{a0}227\u{a0}515",
            "0403\u{2009}227\u{202f}515",
            "0403-227-515",
            "0403/227/515",
            "0403227515.0",
            "403227515,0",
            "BTW BE 0403.227.515",
            "TVA BE0403227515",
            "RPR 0403.227.515",
            "'0403227515",
            "BE-0403.227.515",
        ] {
            let number = EnterpriseNumber::parse(input).unwrap_or_else(|e| panic!("{input:?}: {e}"));
            assert_eq!(number.to_string(), "0403227515", "{input:?}");
        }
        // A spreadsheet ate two zeros.
        assert_eq!(EnterpriseNumber::parse("77561101").map(|n| n.to_string()).as_deref(), Ok("0077561101"));
        assert_eq!(EnterpriseNumber::parse("0677424046").map(|n| n.dotted()).as_deref(), Ok("0677.424.046"));
    }

    #[test]
    fn what_it_is_not() {
        assert_eq!(EnterpriseNumber::parse(" "), Err(NumberError::Empty));
        for input in ["12", "2403227515", "04032275155", "NL0403227515", "040322751X", "1234567", "0403227515E0"] {
            assert_eq!(EnterpriseNumber::parse(input), Err(NumberError::Malformed), "{input}");
        }
        assert!(matches!(EnterpriseNumber::parse("0000000000"), Err(NumberError::CheckDigits { .. })));
    }

    #[test]
    fn the_likely_number_is_suggested() {
        let suggestion = |input: &str| match EnterpriseNumber::parse(input) {
            Err(NumberError::CheckDigits { suggestion }) => suggestion,
            other => panic!("{input}: {other:?}"),
        };
        // Two neighbours swapped.
        assert_eq!(suggestion("0430227515").as_deref(), Some("0403227515"));
        assert_eq!(suggestion("BE 0403.227.551").as_deref(), Some("0403227515"));
    }

    #[test]
    fn both_written_forms() {
        let number = EnterpriseNumber::parse("403227515").expect("valid");
        assert_eq!(number.dotted(), "0403.227.515");
        assert_eq!(number.vat_number().to_string(), "BE0403227515");
    }

    proptest! {
        #[test]
        fn parse_reads_what_display_and_dotted_write(number in any_number()) {
            prop_assert_eq!(EnterpriseNumber::parse(&number.to_string()), Ok(number));
            prop_assert_eq!(EnterpriseNumber::parse(&number.dotted()), Ok(number));
            prop_assert_eq!(EnterpriseNumber::parse(&number.vat_number().to_string()), Ok(number));
        }

        #[test]
        fn every_wrong_digit_is_caught(number in any_number(), place in 0_usize..10, shift in 1_u8..10) {
            let mut digits = number.to_string().into_bytes();
            digits[place] = b'0' + (digits[place] - b'0' + shift) % 10;
            prop_assert!(EnterpriseNumber::parse(&String::from_utf8(digits).unwrap()).is_err());
        }

        #[test]
        fn a_suggestion_is_itself_valid(text in "[01][0-9]{9}") {
            if let Err(NumberError::CheckDigits { suggestion: Some(likely) }) = EnterpriseNumber::parse(&text) {
                prop_assert!(EnterpriseNumber::parse(&likely).is_ok());
            }
        }

        #[test]
        fn no_text_panics(text in "\\PC*") {
            let _ = EnterpriseNumber::parse(&text);
        }
    }
}
