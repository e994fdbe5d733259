//! The number of the Dutch chamber of commerce (KVK), Peppol scheme 0106.

use std::fmt;
use std::str::FromStr;

pub use crate::number::NumberError;
use crate::number::digits;

const LENGTH: usize = 8;

/// A KVK number: eight digits without a check digit. The Peppol code list describes 17 digits under 0106, but numbers
/// in use have eight, as rule PEPPOL-COMMON-R054 says.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KvkNumber(String);

impl KvkNumber {
    /// Reads eight digits in any notation; one leading zero that a spreadsheet ate is put back.
    ///
    /// Errors: [`NumberError::Empty`], [`NumberError::Malformed`].
    pub fn parse(input: &str) -> Result<Self, NumberError> {
        digits(input, LENGTH, 1).map(Self)
    }

    /// The eight digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KvkNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for KvkNumber {
    type Err = NumberError;

    fn from_str(input: &str) -> Result<Self, NumberError> {
        Self::parse(input)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_digits() {
        for (input, wanted) in [("12345678", "12345678"), ("KVK 1234.5678", "12345678"), ("1234567", "01234567")] {
            assert_eq!(KvkNumber::parse(input).map(|kvk| kvk.to_string()).as_deref(), Ok(wanted), "{input}");
        }
        assert_eq!(KvkNumber::parse(" "), Err(NumberError::Empty));
        for input in ["123456", "123456789", "1234567A", "123456780000"] {
            assert_eq!(KvkNumber::parse(input), Err(NumberError::Malformed), "{input}");
        }
    }
}
