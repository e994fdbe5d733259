//! The Dutch OIN (organisatie-identificatienummer) of Logius, Peppol scheme 0190.

use std::fmt;
use std::str::FromStr;

pub use crate::number::NumberError;
use crate::number::{compact, is_digits};

const LENGTH: usize = 20;
/// Every prefix in use begins with seven zeros; a spreadsheet that took the number for an amount dropped them.
const LENGTH_WITHOUT_ZEROS: usize = 13;

/// An OIN: eight digits that name the register of origin, eight or nine that identify, and a suffix of zeros (serial
/// numbers until 2017). It has no check digit (Peppol code list of participant identifier schemes, 0190).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Oin(String);

impl Oin {
    /// Reads 20 digits in any notation. Thirteen digits ending in 000 are an OIN whose zeros a spreadsheet ate.
    ///
    /// Errors: [`NumberError::Empty`], [`NumberError::Malformed`].
    pub fn parse(input: &str) -> Result<Self, NumberError> {
        let text = compact(input)?;
        let was_eaten = text.len() == LENGTH_WITHOUT_ZEROS && !text.starts_with('0') && text.ends_with("000");
        if is_digits(&text) && (text.len() == LENGTH || was_eaten) && text.bytes().any(|b| b != b'0') {
            Ok(Self(format!("{text:0>LENGTH$}")))
        } else {
            Err(NumberError::Malformed)
        }
    }

    /// The 20 digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Oin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Oin {
    type Err = NumberError;

    fn from_str(input: &str) -> Result<Self, NumberError> {
        Self::parse(input)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_digits() {
        for input in ["00000001820029336000", "0000 0001 8200 2933 6000", "1820029336000", "1820029336000.0"] {
            assert_eq!(Oin::parse(input).map(|oin| oin.to_string()).as_deref(), Ok("00000001820029336000"), "{input}");
        }
        assert_eq!(Oin::parse(""), Err(NumberError::Empty));
        for input in
            ["0000000182002933600", "000000018200293360000", "0000000182002933600X", "8712345678906", "1.82003E+12"]
        {
            assert_eq!(Oin::parse(input), Err(NumberError::Malformed), "{input}");
        }
        assert_eq!(Oin::parse("00000000000000000000"), Err(NumberError::Malformed));
    }
}
