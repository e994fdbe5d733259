//! Every letter there is, with sample values: for whoever changes one, and for the tests.

use crate::identity::{InvitationLetter, PasswordResetLetter};
use crate::kernel::catalogue::Language;
use crate::kernel::error::Result;
use crate::lookups::{MovedLetter, NightLetter};
use crate::mail::{Letter, Letters, PRODUCT, Written};
use crate::readiness::WeeklyLetter;

/// The practice that some of them are from.
const PRACTICE: &str = "Maes & Partners";

/// A letter as somebody would get it.
#[derive(Debug)]
pub struct Sample {
    /// Its folder: `<room>/<mail>`.
    pub name: &'static str,
    /// Its language.
    pub language: Language,
    /// What it says.
    pub written: Written,
}

/// Writes all letters in all languages.
///
/// # Errors
/// As [`Letters::write`], for the first that cannot be written.
pub fn samples(letters: &Letters) -> Result<Vec<Sample>> {
    let mut samples = Vec::new();
    for language in Language::ALL {
        samples.push(sample::<InvitationLetter>(letters, language, PRACTICE)?);
        samples.push(sample::<PasswordResetLetter>(letters, language, PRODUCT)?);
        samples.push(sample::<NightLetter>(letters, language, PRACTICE)?);
        samples.push(sample::<MovedLetter>(letters, language, PRACTICE)?);
        samples.push(sample::<WeeklyLetter>(letters, language, PRACTICE)?);
    }
    Ok(samples)
}

fn sample<L: Letter>(letters: &Letters, language: Language, sender: &str) -> Result<Sample> {
    let written = letters.write(&L::sample(language), language, sender)?;
    Ok(Sample { name: L::NAME, language, written })
}
