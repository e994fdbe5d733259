//! The hash a participant identifier has in the Service Metadata Locator's zone, and the draws made from it.

use std::fmt;

use data_encoding::BASE32_NOPAD;
use ring::digest;

/// SHA-256 of a lower-cased participant identifier value such as `0208:0677424046` (SML 1.3.0, section 3): all that
/// the sandbox's DNS ever learns about a participant, and therefore what every answer of this world is decided on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Label([u8; 32]);

/// A question that a label answers; each reads its own two bytes, so that the answers are independent of each other.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Draw {
    Registered = 0,
    AccessPoint = 1,
    Documents = 2,
    SecondRegistration = 3,
    DnsFault = 4,
    SmpFault = 5,
    MailFault = 6,
}

impl Label {
    /// The label of a participant identifier value without its scheme (`0208:0677424046`), in any letter case.
    /// Mail addresses are hashed the same way where a share of them is to be hit by a fault.
    #[must_use]
    pub fn of(identifier: &str) -> Self {
        let hash = digest::digest(&digest::SHA256, identifier.to_lowercase().as_bytes());
        let mut bytes = [0; 32];
        bytes.copy_from_slice(hash.as_ref());
        Self(bytes)
    }

    /// Reads a DNS label (52 characters of base32 without padding, in any letter case); `None` for anything else.
    pub(crate) fn from_dns(label: &[u8]) -> Option<Self> {
        let bytes = BASE32_NOPAD.decode(&label.to_ascii_uppercase()).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// An evenly spread number from 0 to 99 that never changes for this label.
    pub(crate) fn percentile(&self, draw: Draw) -> u8 {
        let mut pairs = self.0.chunks_exact(2).skip(draw as usize);
        let Some(&[high, low]) = pairs.next() else { return 0 };
        u8::try_from(u16::from_be_bytes([high, low]) % 100).unwrap_or(0)
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE32_NOPAD.encode(&self.0).to_ascii_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vectors of the SML specification and two of our own scheme.
    const GOLDEN: [(&str, &str); 5] = [
        ("0088:123abc", "y7dzfxaf3d4cjz4kcgrxtec6twvcga4ky7zwa5boif6mswd4tdrq"),
        ("9915:test", "eh5boavaktmbgzyh2a63dz4qov33fvp5nsdvqklucfraayoodw6a"),
        ("0010:5798000000001", "xukhfqabqziki3ykvr2fhr4snfa3pf5vpq6k4tonv3lmvsy5arvq"),
        ("0208:0677424046", "yrudm3nqrm76uobzh4griobewmqd4mx574cfdtm75zphrex4ydya"),
        ("0088:1234567890123", "sjsyvccmqyjxk3weuapffq4x3umcrf4qryherj4vovhmonh7gccq"),
    ];

    #[test]
    fn golden_vectors() {
        for (identifier, label) in GOLDEN {
            assert_eq!(Label::of(identifier).to_string(), label);
            assert_eq!(Label::of(&identifier.to_uppercase()).to_string(), label);
            assert_eq!(Label::from_dns(label.to_uppercase().as_bytes()), Some(Label::of(identifier)));
        }
    }

    #[test]
    fn other_labels_are_refused() {
        for label in
            ["", "b-f5e78500450d37de5aabe6648ac3bb70", "smp", "y7dzfxaf3d4cjz4kcgrxtec6twvcga4ky7zwa5boif6mswd4tdr"]
        {
            assert_eq!(Label::from_dns(label.as_bytes()), None, "{label}");
        }
    }
}
