//! VAT numbers of the European Union and its neighbours, with the check digits of Belgium, the Netherlands and
//! Luxembourg.
//!
//! Belgium: the enterprise number. The Netherlands: nine digits, "B", two digits; either the nine pass the old 11-proof
//! or the whole number with its prefix, letters as numbers (A = 10), is 1 modulo 97 (sole traders since 2020).
//! Luxembourg: eight digits, the last two being the first six modulo 89. Others are taken on form alone.

use std::fmt;
use std::str::FromStr;

use crate::enterprise_number::EnterpriseNumber;
pub use crate::number::NumberError;
use crate::number::{compact, is_digits};

/// VAT prefixes of the member states (Greece writes EL), of Northern Ireland (XI), and of the neighbours clients trade
/// with.
const PREFIXES: [&str; 33] = [
    "AT", "BE", "BG", "CH", "CY", "CZ", "DE", "DK", "EE", "EL", "ES", "FI", "FR", "GB", "HR", "HU", "IE", "IS", "IT",
    "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK", "XI",
];

/// Countries with VAT numbers of ten digits, which might pass for Belgian ones.
const TEN_DIGITS: [&str; 5] = ["BG", "CZ", "PL", "RO", "SK"];

/// A VAT number with its country prefix. [`fmt::Display`] gives the canonical form: prefix and number, upper case,
/// bare.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VatNumber {
    prefix: &'static str,
    national: String,
}

impl VatNumber {
    /// Reads a VAT number in any notation [`EnterpriseNumber::parse`] takes.
    ///
    /// Without a prefix, ten digits that are a valid Belgian number are one, unless `default_country` (ISO 3166 alpha-2
    /// or VAT prefix, any case; an unknown one counts as none) has ten-digit numbers itself; anything else is read as a
    /// number of `default_country`. Leading zeros eaten by a spreadsheet are put back for BE and NL.
    ///
    /// Errors: [`NumberError::Empty`], [`NumberError::Malformed`], and [`NumberError::CheckDigits`], for BE with the
    /// likely number (with its prefix).
    pub fn parse(input: &str, default_country: Option<&str>) -> Result<Self, NumberError> {
        let text = compact(input)?;
        if let Some((prefix, national)) = split_prefix(&text) {
            return Self::of(prefix, national);
        }
        let default = default_country.and_then(prefix_of);
        let may_be_belgian = looks_belgian(&text) && !default.is_some_and(|prefix| TEN_DIGITS.contains(&prefix));
        match (default, may_be_belgian.then(|| Self::of("BE", &text))) {
            (_, Some(Ok(belgian))) => Ok(belgian),
            (None, Some(Err(error))) => Err(error),
            (Some(prefix), _) => Self::of(prefix, &text),
            (None, None) => Err(NumberError::Malformed),
        }
    }

    pub(crate) fn belgian(number: EnterpriseNumber) -> Self {
        Self { prefix: "BE", national: number.to_string() }
    }

    fn of(prefix: &'static str, national: &str) -> Result<Self, NumberError> {
        let national = match prefix {
            "BE" => belgian(national)?,
            "NL" => dutch(national)?,
            "LU" => luxembourgish(national)?,
            _ if (2..=13).contains(&national.len()) && national.bytes().any(|b| b.is_ascii_digit()) => {
                national.to_owned()
            }
            _ => return Err(NumberError::Malformed),
        };
        Ok(Self { prefix, national })
    }

    /// ISO 3166 alpha-2 country: "GR" for the prefix EL, "GB" for XI.
    pub fn country(&self) -> &'static str {
        match self.prefix {
            "EL" => "GR",
            "XI" => "GB",
            same => same,
        }
    }

    /// The number without its prefix.
    pub fn national(&self) -> &str {
        &self.national
    }

    /// Whether check digits were verified (BE, NL, LU); others passed on form alone.
    pub fn is_checked(&self) -> bool {
        matches!(self.prefix, "BE" | "NL" | "LU")
    }

    /// The enterprise number inside a Belgian VAT number.
    pub fn enterprise_number(&self) -> Option<EnterpriseNumber> {
        if self.prefix == "BE" { EnterpriseNumber::from_compact(&self.national).ok() } else { None }
    }
}

impl fmt::Display for VatNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.prefix, self.national)
    }
}

impl FromStr for VatNumber {
    type Err = NumberError;

    fn from_str(input: &str) -> Result<Self, NumberError> {
        Self::parse(input, None)
    }
}

/// The VAT prefix of a country given as ISO code or as VAT prefix.
fn prefix_of(country: &str) -> Option<&'static str> {
    let code = country.trim().to_ascii_uppercase();
    let code = if code == "GR" { "EL" } else { &code };
    PREFIXES.iter().find(|prefix| **prefix == code).copied()
}

fn split_prefix(text: &str) -> Option<(&'static str, &str)> {
    let (code, national) = text.split_at_checked(2)?;
    prefix_of(code).map(|prefix| (prefix, national))
}

fn looks_belgian(text: &str) -> bool {
    text.len() == 10 && is_digits(text) && text.starts_with(['0', '1'])
}

fn belgian(national: &str) -> Result<String, NumberError> {
    match EnterpriseNumber::from_compact(national) {
        Ok(number) => Ok(number.to_string()),
        Err(NumberError::CheckDigits { suggestion }) => {
            Err(NumberError::CheckDigits { suggestion: suggestion.map(|number| format!("BE{number}")) })
        }
        Err(other) => Err(other),
    }
}

fn dutch(national: &str) -> Result<String, NumberError> {
    let (number, suffix) = national.split_once('B').ok_or(NumberError::Malformed)?;
    let has_form = is_digits(number) && (7..=9).contains(&number.len()) && is_digits(suffix) && suffix.len() == 2;
    if !has_form || suffix == "00" {
        return Err(NumberError::Malformed);
    }
    let number = format!("{number:0>9}");
    let national = format!("{number}B{suffix}");
    if passes_11_proof(&number) || passes_mod_97(&format!("NL{national}")) {
        Ok(national)
    } else {
        Err(NumberError::CheckDigits { suggestion: None })
    }
}

/// The first eight digits times 9 down to 2, modulo 11, are the ninth; a remainder of 10 is no number.
fn passes_11_proof(nine_digits: &str) -> bool {
    let digits = || nine_digits.bytes().map(|b| u32::from(b - b'0'));
    let sum: u32 = digits().take(8).zip((2..=9).rev()).map(|(digit, weight)| digit * weight).sum();
    digits().any(|digit| digit != 0) && digits().next_back() == Some(sum % 11)
}

/// Letters count as two-digit numbers from A = 10; the whole must be 1 modulo 97.
fn passes_mod_97(text: &str) -> bool {
    let rest = text.bytes().fold(0_u32, |rest, b| match b {
        b'0'..=b'9' => (rest * 10 + u32::from(b - b'0')) % 97,
        b'A'..=b'Z' => (rest * 100 + u32::from(b - b'A') + 10) % 97,
        _ => 0,
    });
    rest == 1
}

fn luxembourgish(national: &str) -> Result<String, NumberError> {
    if national.len() != 8 || !is_digits(national) {
        return Err(NumberError::Malformed);
    }
    let number: u32 = national.parse().map_err(|_| NumberError::Malformed)?;
    if number / 100 % 89 == number % 100 && number != 0 {
        Ok(national.to_owned())
    } else {
        Err(NumberError::CheckDigits { suggestion: None })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn canonical(input: &str, default_country: Option<&str>) -> Result<String, NumberError> {
        VatNumber::parse(input, default_country).map(|number| number.to_string())
    }

    #[test]
    fn belgian_numbers() {
        for (input, default_country) in [
            ("BE0403227515", None),
            ("be 0403.227.515", Some("NL")),
            ("BE403227515", None),
            ("0403 227 515", None),
            ("0403 227 515", Some("NL")),
            ("0403 227 515", Some("DE")),
            ("0403 227 515", Some("US")),
            ("403227515", Some("BE")),
            ("403227515", Some("be")),
            ("BTW BE\u{a0}0403-227-515", None),
        ] {
            assert_eq!(canonical(input, default_country).as_deref(), Ok("BE0403227515"), "{input}");
        }
        let number = VatNumber::parse("BE0403227515", None).expect("valid");
        assert_eq!((number.country(), number.national(), number.is_checked()), ("BE", "0403227515", true));
        assert_eq!(number.enterprise_number().map(|n| n.to_string()).as_deref(), Some("0403227515"));
        assert_eq!(canonical("403227515", None), Err(NumberError::Malformed));
        let typo = NumberError::CheckDigits { suggestion: Some("BE0403227515".to_owned()) };
        assert_eq!(canonical("BE0430227515", None), Err(typo));
        assert!(matches!(canonical("BE0000000000", None), Err(NumberError::CheckDigits { .. })));
    }

    #[test]
    fn dutch_numbers() {
        assert_eq!(canonical("NL004495445B01", None).as_deref(), Ok("NL004495445B01"));
        assert_eq!(canonical("nl 4495445.b.01", None).as_deref(), Ok("NL004495445B01"));
        assert_eq!(canonical("004495445B01", Some("NL")).as_deref(), Ok("NL004495445B01"));
        // Passes only the check that came in 2020.
        assert_eq!(canonical("NL002455799B11", None).as_deref(), Ok("NL002455799B11"));
        assert_eq!(canonical("NL123456789B90", None), Err(NumberError::CheckDigits { suggestion: None }));
        for input in ["NL004495445B1", "NL004495445", "NLB01", "NL004495445B00", "NL000000000000", "004495445B01"] {
            assert_eq!(canonical(input, None), Err(NumberError::Malformed), "{input}");
        }
    }

    #[test]
    fn luxembourgish_numbers() {
        assert_eq!(canonical("LU 150 274 42", None).as_deref(), Ok("LU15027442"));
        assert_eq!(canonical("15027442", Some("LU")).as_deref(), Ok("LU15027442"));
        assert_eq!(canonical("LU15027443", None), Err(NumberError::CheckDigits { suggestion: None }));
        assert_eq!(canonical("LU1502744", None), Err(NumberError::Malformed));
    }

    #[test]
    fn others_on_form() {
        for (input, wanted, country) in [
            ("FR 40 303 265 045", "FR40303265045", "FR"),
            ("ATU13585627", "ATU13585627", "AT"),
            ("GR 023456780", "EL023456780", "GR"),
            ("el023456780", "EL023456780", "GR"),
        ] {
            let number = VatNumber::parse(input, None).unwrap_or_else(|e| panic!("{input}: {e}"));
            assert_eq!((number.to_string().as_str(), number.country(), number.is_checked()), (wanted, country, false));
        }
        assert_eq!(canonical("U13585627", Some("AT")).as_deref(), Ok("ATU13585627"));
        assert_eq!(canonical("0403227515", Some("PL")).as_deref(), Ok("PL0403227515"));
        assert_eq!(canonical("  ", Some("AT")), Err(NumberError::Empty));
        for input in ["DE1", "DE12345678901234", "QQ12345678", "DEABCDEF", "123456789"] {
            assert_eq!(canonical(input, None), Err(NumberError::Malformed), "{input}");
        }
    }

    proptest! {
        #[test]
        fn what_parses_reads_back_the_same(text in "(BE|NL|LU|DE|FR)?[01][0-9]{6,11}(B[0-9]{2})?", country in "(BE|NL|LU|DE)?") {
            if let Ok(number) = VatNumber::parse(&text, Some(&country)) {
                prop_assert_eq!(VatNumber::parse(&number.to_string(), None), Ok(number));
            }
        }

        #[test]
        fn no_text_panics(text in "\\PC*", country in "\\PC{0,3}") {
            let _ = VatNumber::parse(&text, Some(&country));
        }
    }
}
