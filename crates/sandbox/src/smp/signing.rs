//! The XML signature of service metadata (xmldsig, enveloped; SMP 1.4.0, section 5.6).
//!
//! Nothing is canonicalised here, because what is written is canonical already: the XML declaration is not part of the
//! signed text, there are no comments or processing instructions, elements are closed by end tags, attributes are quoted
//! with `"`, the root declares every prefix in sorted order and no other element repeats one, no element has more than
//! one attribute besides, text and attribute values are escaped as Canonical XML 1.0 (section 2.3) prescribes, and lines
//! end in a single line feed. Taking the `Signature` element out (the enveloped transform) leaves such a text, and as no
//! other transform is named, its digest is over inclusive canonical XML in every form. `SignedInfo` on its own is
//! canonical once it carries the namespaces in scope: all of them in the inclusive form, only the one it uses in the
//! exclusive form. So the signed bytes are known without parsing anything.

use data_encoding::BASE64;
use num_bigint::BigUint;
use ring::{
    digest,
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use x509_parser::der_parser::{ber::BerObject, der::parse_der};

use crate::{
    SandboxError,
    pki::{Pki, Signer},
    script::SignatureForm,
    smp::documents::PREFIXES,
};

/// The RSA key of the sandbox's SMPs, the same in every copy of Klaar and therefore no secret: whoever trusts a
/// signature made with it trusts nobody. It lies here because making an RSA key takes seconds, and because the sandbox
/// need only prove that signatures are computed and checked right. Its certificates change at each start.
pub(crate) const TEST_SIGNING_KEY_PEM: &str = include_str!("test_signing_key.pem");

const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
const INCLUSIVE: &str = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315";
const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
/// DER of the `DigestInfo` that precedes a SHA-1 digest (RFC 8017, section 9.2, note 1).
const SHA1_DIGEST_INFO: [u8; 15] =
    [0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14];

/// Signs with the test key.
#[derive(Debug)]
pub(crate) struct SigningKey {
    pair: RsaKeyPair,
    private_exponent: BigUint,
    modulus: BigUint,
}

impl SigningKey {
    pub(crate) fn load() -> Result<Self, SandboxError> {
        let base64: String = TEST_SIGNING_KEY_PEM.lines().filter(|line| !line.starts_with("-----")).collect();
        let pkcs8 = BASE64.decode(base64.as_bytes()).map_err(|_| SandboxError::SigningKey)?;
        let pair = RsaKeyPair::from_pkcs8(&pkcs8).map_err(|_| SandboxError::SigningKey)?;
        let (modulus, private_exponent) = private_numbers(&pkcs8).ok_or(SandboxError::SigningKey)?;
        Ok(Self { pair, private_exponent, modulus })
    }

    fn sha256(&self, message: &[u8]) -> Result<Vec<u8>, SandboxError> {
        let mut signature = vec![0; self.pair.public().modulus_len()];
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
            .map_err(|_| SandboxError::SigningKey)?;
        Ok(signature)
    }

    /// PKCS #1 v1.5 with SHA-1, which ring rightly refuses to make: here it only serves to test that old answers are
    /// read, so neither its weakness nor the timing of this computation matters.
    fn sha1(&self, message: &[u8]) -> Vec<u8> {
        let length = self.pair.public().modulus_len();
        let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, message);
        let padding = length.saturating_sub(3 + SHA1_DIGEST_INFO.len() + hash.as_ref().len());
        let mut block = vec![0, 1];
        block.resize(2 + padding, 0xff);
        block.push(0);
        block.extend_from_slice(&SHA1_DIGEST_INFO);
        block.extend_from_slice(hash.as_ref());
        let signature = BigUint::from_bytes_be(&block).modpow(&self.private_exponent, &self.modulus).to_bytes_be();
        let mut padded = vec![0; length.saturating_sub(signature.len())];
        padded.extend_from_slice(&signature);
        padded
    }
}

/// Modulus and private exponent of a PKCS #8 RSA key (RFC 5208 and RFC 8017, appendix A.1.2).
fn private_numbers(pkcs8: &[u8]) -> Option<(BigUint, BigUint)> {
    let field = |object: &BerObject<'_>, index: usize| -> Option<Vec<u8>> {
        object.as_sequence().ok()?.get(index)?.as_slice().ok().map(<[u8]>::to_vec)
    };
    let (_, outer) = parse_der(pkcs8).ok()?;
    let inner = field(&outer, 2)?;
    let (_, key) = parse_der(&inner).ok()?;
    Some((BigUint::from_bytes_be(&field(&key, 1)?), BigUint::from_bytes_be(&field(&key, 3)?)))
}

/// Puts a signature into a canonical `SignedServiceMetadata` document.
///
/// `document` is the text without declaration and signature; the element goes before the root's end tag.
///
/// # Errors
/// When the test key cannot sign.
pub(crate) fn sign(
    document: &str,
    form: SignatureForm,
    signer: Signer,
    pki: &Pki,
    key: &SigningKey,
) -> Result<String, SandboxError> {
    let Some((body, root_end)) = document.rfind("</").map(|at| document.split_at(at)) else {
        return Err(SandboxError::SigningKey);
    };
    if form == SignatureForm::Absent {
        return Ok(document.to_owned());
    }
    let digest = BASE64.encode(digest_of(form, document.as_bytes()).as_ref());
    let canonical = signed_info(form, &digest, &namespaces_in_scope(form));
    let signed = if form == SignatureForm::WrongValue { format!("{canonical} ") } else { canonical };
    let value = if form == SignatureForm::Sha1 { key.sha1(signed.as_bytes()) } else { key.sha256(signed.as_bytes())? };
    let certificate = pki.smp(if form == SignatureForm::UnknownRoot { Signer::Stranger } else { signer });
    let body = if form == SignatureForm::AlteredContent {
        body.replacen("https://", "https://altered.", 1)
    } else {
        body.to_owned()
    };
    Ok(format!(
        "{body}<Signature xmlns=\"{DSIG}\">{}<SignatureValue>{}</SignatureValue><KeyInfo><X509Data><X509SubjectName>{}\
         </X509SubjectName><X509Certificate>{}</X509Certificate></X509Data></KeyInfo></Signature>{root_end}",
        signed_info(form, &digest, ""),
        BASE64.encode(&value),
        certificate.subject,
        BASE64.encode(&certificate.der),
    ))
}

fn digest_of(form: SignatureForm, text: &[u8]) -> digest::Digest {
    let algorithm = if form == SignatureForm::Sha1 { &digest::SHA1_FOR_LEGACY_USE_ONLY } else { &digest::SHA256 };
    digest::digest(algorithm, text)
}

/// The namespace declarations that the canonical form of `SignedInfo` carries.
fn namespaces_in_scope(form: SignatureForm) -> String {
    let prefixes = if form == SignatureForm::ExclusiveC14n { "" } else { PREFIXES };
    format!(" xmlns=\"{DSIG}\"{prefixes}")
}

fn signed_info(form: SignatureForm, digest: &str, namespaces: &str) -> String {
    let canonicalisation = if form == SignatureForm::ExclusiveC14n { EXCLUSIVE } else { INCLUSIVE };
    let (method, digest_method) = if form == SignatureForm::Sha1 {
        ("http://www.w3.org/2000/09/xmldsig#rsa-sha1", "http://www.w3.org/2000/09/xmldsig#sha1")
    } else {
        ("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", "http://www.w3.org/2001/04/xmlenc#sha256")
    };
    format!(
        "<SignedInfo{namespaces}><CanonicalizationMethod Algorithm=\"{canonicalisation}\"></CanonicalizationMethod>\
         <SignatureMethod Algorithm=\"{method}\"></SignatureMethod><Reference URI=\"\"><Transforms>\
         <Transform Algorithm=\"{DSIG}enveloped-signature\"></Transform></Transforms>\
         <DigestMethod Algorithm=\"{digest_method}\"></DigestMethod><DigestValue>{digest}</DigestValue></Reference>\
         </SignedInfo>"
    )
}
