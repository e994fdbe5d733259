//! Secrets: sealing what must be read again, hashing what must only be recognised.
//!
//! What strangers carry for us and bring back is stamped: with a key of its own for each purpose, so that nobody else can have
//! made it.
//!
//! A sealed value names the key that sealed it and is bound to its place (practice, table, row): moved elsewhere, it does
//! not open. XChaCha20-Poly1305 with a random 24-byte nonce.

use std::collections::HashMap;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};

use super::error::{Error, Result};

const NONCE_BYTES: usize = 24;
const KEY_BYTES: usize = 32;
/// 96 bits, which nobody guesses in a mail.
const STAMP_BYTES: usize = 12;

/// The server's keys; the first seals, all open.
#[derive(Clone)]
pub struct Keyring {
    first: String,
    keys: HashMap<String, [u8; KEY_BYTES]>,
}

impl Keyring {
    /// Reads `KLAAR_SECRET_KEY`: 32 bytes in base64, or several as `id:key,id:key`; a key without an id is called `1`.
    ///
    /// # Errors
    /// Says which part is wrong, never quoting a key.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut keys = HashMap::new();
        let mut first = None;
        for (at, part) in text.split(',').map(str::trim).enumerate() {
            let (id, encoded) = part.split_once(':').unwrap_or(("1", part));
            let bytes = STANDARD.decode(encoded).map_err(|_| format!("key {} is not base64", at + 1))?;
            let key: [u8; KEY_BYTES] = bytes
                .try_into()
                .map_err(|b: Vec<u8>| format!("key {} has {} bytes, 32 are needed", at + 1, b.len()))?;
            if id.is_empty() || keys.insert(id.to_owned(), key).is_some() {
                return Err(format!("key {} needs an id of its own, as in a:KEY,b:KEY", at + 1));
            }
            first.get_or_insert_with(|| id.to_owned());
        }
        Ok(Self { first: first.ok_or("no key is given")?, keys })
    }

    /// A new random key, in the form that [`Keyring::parse`] reads.
    #[must_use]
    pub fn generate() -> String {
        STANDARD.encode(rand::random::<[u8; KEY_BYTES]>())
    }

    /// Seals `plain` for one place (`practice/table/row`).
    ///
    /// # Errors
    /// [`Error::Internal`] when the cipher refuses, which it does only for texts of many gigabytes.
    pub fn seal(&self, place: &str, plain: &[u8]) -> Result<Vec<u8>> {
        let nonce = rand::random::<[u8; NONCE_BYTES]>();
        let sealed = self
            .cipher(&self.first)?
            .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: place.as_bytes() })
            .map_err(|_| Error::internal("sealing failed"))?;
        let mut out = format!("{}:", self.first).into_bytes();
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&sealed);
        Ok(out)
    }

    /// Opens what [`Keyring::seal`] made for the same place.
    ///
    /// # Errors
    /// [`Error::Internal`] when its key is not in the ring, the place differs or the bytes were changed.
    pub fn open(&self, place: &str, sealed: &[u8]) -> Result<Vec<u8>> {
        let broken = || Error::internal(format!("the sealed value at {place} does not open"));
        let colon = sealed.iter().position(|b| *b == b':').ok_or_else(broken)?;
        let (id, rest) = sealed.split_at(colon);
        let id = std::str::from_utf8(id).map_err(|_| broken())?;
        let body = rest.get(1..).ok_or_else(broken)?;
        let (nonce, cipher_text) = body.split_at_checked(NONCE_BYTES).ok_or_else(broken)?;
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().map_err(|_| broken())?;
        self.cipher(id)?
            .decrypt(&XNonce::from(nonce), Payload { msg: cipher_text, aad: place.as_bytes() })
            .map_err(|_| broken())
    }

    /// The key that makes stamps from now on; who wants the same stamp later keeps it.
    #[must_use]
    pub fn present_key(&self) -> &str {
        &self.first
    }

    /// The stamp of a text for a purpose: 96 bits of HMAC-SHA256 (RFC 2104, section 5) under a key that is made of the key
    /// `id` for this purpose alone. The same text always gets the same one.
    ///
    /// # Errors
    /// [`Error::Internal`] when the key is not in the ring.
    pub fn stamp(&self, id: &str, purpose: &str, text: &[u8]) -> Result<[u8; STAMP_BYTES]> {
        let whole = Self::keyed(self.key(id)?, purpose)?.chain_update(text).finalize().into_bytes();
        whole.first_chunk::<STAMP_BYTES>().copied().ok_or_else(|| Error::internal("a hash is too short"))
    }

    /// Whether a stamp of a text for a purpose is ours, by any key of the ring. Takes as long for every wrong one.
    #[must_use]
    pub fn knows_stamp(&self, purpose: &str, text: &[u8], stamp: &[u8]) -> bool {
        let is_by = |key| {
            Self::keyed(key, purpose).is_ok_and(|mac| mac.chain_update(text).verify_truncated_left(stamp).is_ok())
        };
        stamp.len() == STAMP_BYTES && self.keys.values().any(is_by)
    }

    /// What stamps for a purpose.
    fn keyed(key: &[u8; KEY_BYTES], purpose: &str) -> Result<Hmac<Sha256>> {
        let broken = |_| Error::internal("a key has the wrong length");
        let own = Hmac::<Sha256>::new_from_slice(key).map_err(broken)?.chain_update(purpose).finalize().into_bytes();
        Hmac::new_from_slice(&own).map_err(broken)
    }

    fn cipher(&self, id: &str) -> Result<XChaCha20Poly1305> {
        Ok(XChaCha20Poly1305::new(self.key(id)?.into()))
    }

    fn key(&self, id: &str) -> Result<&[u8; KEY_BYTES]> {
        self.keys.get(id).ok_or_else(|| {
            Error::internal(format!("KLAAR_SECRET_KEY has no key with the id {id}; add it behind the first"))
        })
    }
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keyring({} keys)", self.keys.len())
    }
}

/// A text that must not be seen: it is never printed, and what is in it is taken out on purpose.
#[derive(Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Takes the text in.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A new bearer token with 32 random bytes, behind a prefix that tells people and scanners what it is (`klaar_key_…`).
#[must_use]
pub fn new_token(prefix: &str) -> String {
    format!("{prefix}{}", URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()))
}

/// What is stored of a token: its SHA-256. A token has 256 random bits, so a slow hash would add nothing.
#[must_use]
pub fn token_hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

/// What is stored of a password: argon2id in PHC form, with the crate's recommended costs. Takes tens of milliseconds.
///
/// # Errors
/// [`Error::Internal`] when the hash cannot be made.
pub fn hash_password(password: &str) -> Result<String> {
    let hash = Argon2::default().hash_password(password.as_bytes()).map_err(Error::internal)?;
    Ok(hash.to_string())
}

/// Whether `password` is the one that `hash` was made from. Takes as long as making it.
#[must_use]
pub fn is_password(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|parsed| Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_value_opens_only_at_its_place_and_with_its_key() {
        let old = Keyring::generate();
        let ring = Keyring::parse(&format!("a:{old}")).unwrap();
        let sealed = ring.seal("p/t/1", b"secret").unwrap();
        assert_eq!(ring.open("p/t/1", &sealed).unwrap(), b"secret");
        assert!(ring.open("p/t/2", &sealed).is_err());
        let rotated = Keyring::parse(&format!("b:{},a:{old}", Keyring::generate())).unwrap();
        assert_eq!(rotated.open("p/t/1", &sealed).unwrap(), b"secret");
        assert!(rotated.seal("p/t/1", b"x").unwrap().starts_with(b"b:"));
        let mut bent = sealed.clone();
        *bent.last_mut().unwrap() ^= 1;
        assert!(ring.open("p/t/1", &bent).is_err());
        assert!(ring.open("p/t/1", b"").is_err());
    }

    #[test]
    fn a_stamp_is_known_for_its_text_and_purpose_by_every_key() {
        let old = Keyring::generate();
        let ring = Keyring::parse(&format!("a:{old}")).unwrap();
        let stamp = ring.stamp("a", "mails", b"text").unwrap();
        assert_eq!(ring.stamp("a", "mails", b"text").unwrap(), stamp);
        let rotated = Keyring::parse(&format!("b:{},a:{old}", Keyring::generate())).unwrap();
        assert!(rotated.knows_stamp("mails", b"text", &stamp) && rotated.present_key() == "b");
        assert_ne!(rotated.stamp("b", "mails", b"text").unwrap(), stamp);
        assert!(!ring.knows_stamp("mails", b"texts", &stamp) && !ring.knows_stamp("links", b"text", &stamp));
        assert!(!ring.knows_stamp("mails", b"text", &stamp[..11]) && !ring.knows_stamp("mails", b"text", b""));
        assert!(ring.stamp("c", "mails", b"text").is_err());
    }

    #[test]
    fn wrong_keys_are_named_without_being_quoted() {
        assert_eq!(Keyring::parse("c2hvcnQ=").unwrap_err(), "key 1 has 5 bytes, 32 are needed");
        assert!(Keyring::parse("a:?").unwrap_err().contains("not base64"));
    }

    #[test]
    fn a_password_is_recognised() {
        let hash = hash_password("correct horse").unwrap();
        assert!(hash.starts_with("$argon2id$"));
        assert!(is_password("correct horse", &hash));
        assert!(!is_password("wrong", &hash));
        assert!(!is_password("x", "not a hash"));
    }
}
