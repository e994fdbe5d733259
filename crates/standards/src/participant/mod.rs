//! Participant identifiers of the Peppol network, and which of them a client may be registered under.
//!
//! The scheme is always `iso6523-actorid-upis`; the value is an ICD of four digits, a colon and the number in that
//! scheme. Values compare case-insensitively (Peppol policy for use of identifiers).

mod known_numbers;

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE32_NOPAD;
use percent_encoding::utf8_percent_encode;
use sha2::{Digest, Sha256};
use thiserror::Error;

pub use self::known_numbers::{KnownNumbers, identifiers_for};
use crate::enterprise_number::EnterpriseNumber;
use crate::kvk::KvkNumber;
use crate::number::NumberError;
use crate::oin::Oin;
use crate::percent::PATH_PART;
use crate::vat_number::VatNumber;

/// The scheme of every participant identifier on the wire.
pub const SCHEME: &str = "iso6523-actorid-upis";

/// Longest identifier, ICD and colon included, in characters.
const MAX_LENGTH: usize = 135;

/// A participant identifier such as `0208:0677424046`, kept in lower case so that equal means the same participant.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ParticipantId(String);

/// The national check a value was put to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ValueCheck {
    /// 0208.
    EnterpriseNumber,
    /// 9925 (Belgian), 9944 (Dutch) and 9938 (Luxembourgish).
    VatNumber,
    /// 0106.
    Kvk,
    /// 0190.
    Oin,
}

/// Why a text is no participant identifier.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParticipantIdError {
    #[error("the identifier is empty")]
    Empty,
    /// It carries another identifier scheme than `iso6523-actorid-upis`.
    #[error("the identifier scheme {0:?} is not iso6523-actorid-upis")]
    OtherScheme(String),
    #[error("the identifier does not begin with four digits and a colon")]
    NoIcd,
    #[error("nothing follows the four digits and the colon")]
    NoValue,
    #[error("the identifier is longer than {MAX_LENGTH} characters")]
    TooLong,
    /// Not a printable ASCII character, or white space.
    #[error("the identifier contains {0:?}")]
    ForbiddenCharacter(char),
    /// The number in it is not one of its scheme.
    #[error("the value under {icd} is wrong: {error}")]
    Value { icd: String, check: ValueCheck, error: NumberError },
}

impl ParticipantId {
    /// Reads `0208:0677424046` or `iso6523-actorid-upis::0208:0677424046`, as people type it.
    ///
    /// Values under 0208, 9925, 0106, 9944, 9938 and 0190 are checked and normalised by their own modules, so that
    /// `0208:BE 0677.424.046` works; the error names the check that failed. Other values are taken on form.
    pub fn parse(input: &str) -> Result<Self, ParticipantIdError> {
        let (icd, value) = split(input)?;
        match checked_value(icd, value)? {
            Some(normalised) => Ok(Self::of(icd, &normalised)),
            None => Self::from_parts(icd, value),
        }
    }

    /// Reads the same two forms on form alone: four digits, a colon, 1 to 130 printable ASCII characters without white
    /// space. For identifiers that are known to exist on the network whatever their check digits.
    pub fn parse_form(input: &str) -> Result<Self, ParticipantIdError> {
        let (icd, value) = split(input)?;
        Self::from_parts(icd, value)
    }

    fn from_parts(icd: &str, value: &str) -> Result<Self, ParticipantIdError> {
        if value.is_empty() {
            return Err(ParticipantIdError::NoValue);
        }
        if let Some(c) = value.chars().find(|c| !c.is_ascii_graphic()) {
            return Err(ParticipantIdError::ForbiddenCharacter(c));
        }
        if icd.len() + 1 + value.len() > MAX_LENGTH {
            return Err(ParticipantIdError::TooLong);
        }
        Ok(Self::of(icd, value))
    }

    /// For values that are known to be printable and short.
    fn of(icd: &str, value: &str) -> Self {
        Self(format!("{icd}:{}", value.to_ascii_lowercase()))
    }

    /// `0208:0677424046`, in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The four digits of the identifier scheme (ISO 6523 ICD or Peppol's own).
    pub fn icd(&self) -> &str {
        self.0.split_once(':').map_or("", |(icd, _)| icd)
    }

    /// The number in its scheme, in lower case.
    pub fn value(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, value)| value)
    }

    /// `iso6523-actorid-upis::0208:0677424046`.
    pub fn wire(&self) -> String {
        format!("{SCHEME}::{}", self.0)
    }

    /// The wire form with everything but letters, digits, `-`, `.`, `_` and `~` percent-encoded: one segment of an SMP
    /// path.
    pub fn path_segment(&self) -> String {
        utf8_percent_encode(&self.wire(), PATH_PART).to_string()
    }

    /// The DNS label of the participant: SHA-256 of the value in base32, without padding, lower case (SML 1.3.0).
    pub fn sml_label(&self) -> String {
        BASE32_NOPAD.encode(&Sha256::digest(self.0.as_bytes())).to_ascii_lowercase()
    }

    /// The DNS name to ask for NAPTR records, without a final dot: label, scheme, `zone`.
    pub fn sml_name(&self, zone: &str) -> String {
        format!("{}.{SCHEME}.{}", self.sml_label(), zone.trim_matches('.'))
    }
}

impl fmt::Display for ParticipantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for ParticipantId {
    type Err = ParticipantIdError;

    fn from_str(input: &str) -> Result<Self, ParticipantIdError> {
        Self::parse(input)
    }
}

/// Takes the scheme off, if it is there, and gives ICD and value.
fn split(input: &str) -> Result<(&str, &str), ParticipantIdError> {
    let text = input.trim();
    if text.is_empty() {
        return Err(ParticipantIdError::Empty);
    }
    if text.len() > MAX_LENGTH + SCHEME.len() + 2 {
        return Err(ParticipantIdError::TooLong);
    }
    let text = match text.split_once("::") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case(SCHEME) => rest,
        Some((scheme, _)) if !scheme.contains(':') => return Err(ParticipantIdError::OtherScheme(scheme.to_owned())),
        _ => text,
    };
    let (icd, value) = text.split_once(':').ok_or(ParticipantIdError::NoIcd)?;
    if icd.len() == 4 && icd.bytes().all(|b| b.is_ascii_digit()) {
        Ok((icd, value))
    } else {
        Err(ParticipantIdError::NoIcd)
    }
}

/// The normalised value under a scheme that has a check; `None` under any other.
fn checked_value(icd: &str, value: &str) -> Result<Option<String>, ParticipantIdError> {
    let (check, answer) = match icd {
        "0208" => (ValueCheck::EnterpriseNumber, EnterpriseNumber::parse(value).map(|n| n.to_string())),
        "9925" => (ValueCheck::VatNumber, national_vat(value, "BE")),
        "9944" => (ValueCheck::VatNumber, national_vat(value, "NL")),
        "9938" => (ValueCheck::VatNumber, national_vat(value, "LU")),
        "0106" => (ValueCheck::Kvk, KvkNumber::parse(value).map(|n| n.to_string())),
        "0190" => (ValueCheck::Oin, Oin::parse(value).map(|n| n.to_string())),
        _ => return Ok(None),
    };
    answer.map(Some).map_err(|error| ParticipantIdError::Value { icd: icd.to_owned(), check, error })
}

fn national_vat(value: &str, country: &str) -> Result<String, NumberError> {
    let number = VatNumber::parse(value, Some(country))?;
    if number.country() == country { Ok(number.to_string()) } else { Err(NumberError::Malformed) }
}

#[cfg(test)]
mod tests;
