//! The Luxembourgish matricule of legal persons, Peppol scheme 0240.

use std::fmt;
use std::str::FromStr;

pub use crate::number::NumberError;
use crate::number::digits;

const LENGTH: usize = 11;

/// A matricule of the register of legal persons: eleven digits, the first four a year (or 0000), the next two the legal
/// form, the last a check digit whose rule the Peppol code list does not publish, so it is not verified. The
/// thirteen-digit matricule of natural persons is outside scheme 0240 and refused.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Matricule(String);

impl Matricule {
    /// Reads eleven digits in any notation.
    ///
    /// Errors: [`NumberError::Empty`], [`NumberError::Malformed`].
    pub fn parse(input: &str) -> Result<Self, NumberError> {
        digits(input, LENGTH, 0).map(Self)
    }

    /// The eleven digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Matricule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Matricule {
    type Err = NumberError;

    fn from_str(input: &str) -> Result<Self, NumberError> {
        Self::parse(input)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eleven_digits() {
        for input in ["19992400123", "1999 2400 123", "1999.2400.123"] {
            assert_eq!(Matricule::parse(input).map(|m| m.to_string()).as_deref(), Ok("19992400123"), "{input}");
        }
        assert_eq!(Matricule::parse(""), Err(NumberError::Empty));
        for input in ["1999240012", "1999240012345", "1999240012X"] {
            assert_eq!(Matricule::parse(input), Err(NumberError::Malformed), "{input}");
        }
    }
}
