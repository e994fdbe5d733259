//! Who runs an access point, as the subject of its endpoint certificate says: CN is the seat id, O the company, C its
//! country (Peppol certificate policy).

use thiserror::Error;
use x509_parser::asn1_rs::Tag;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::x509::AttributeTypeAndValue;

/// Larger than any endpoint certificate.
const MAX_DER: usize = 64 * 1024;
const SEAT_ID_LENGTH: usize = 9;
const MICROSECONDS: i64 = 1_000_000;

/// An access point as its certificate names it. One company may run several; the software behind it is not on the
/// network.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AccessPoint {
    /// `P`, two letters, six digits: "POP000123".
    pub seat_id: String,
    /// The company.
    pub name: Option<String>,
    /// ISO 3166 alpha-2, as written.
    pub country: Option<String>,
    /// End of the certificate's validity, in microseconds since 1970. A later certificate is no other access point.
    pub not_after: i64,
}

/// Why a certificate names no access point.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AccessPointError {
    /// Not one DER certificate.
    #[error("the certificate cannot be read")]
    Unreadable,
    /// A certificate, but not of a Peppol access point; what it does say is kept for people to look at.
    #[error("the certificate's common name is no Peppol seat id")]
    NoSeatId { common_name: Option<String>, name: Option<String>, country: Option<String>, not_after: i64 },
}

/// Whether a text is a seat id: `P[A-Z]{2}[0-9]{6}`.
pub fn is_seat_id(text: &str) -> bool {
    text.len() == SEAT_ID_LENGTH
        && text.bytes().enumerate().all(|(place, b)| match place {
            0 => b == b'P',
            1 | 2 => b.is_ascii_uppercase(),
            _ => b.is_ascii_digit(),
        })
}

/// The access point a certificate (DER) was issued to. Neither its validity today nor its issuer is checked here.
pub fn access_point(certificate_der: &[u8]) -> Result<AccessPoint, AccessPointError> {
    if certificate_der.len() > MAX_DER {
        return Err(AccessPointError::Unreadable);
    }
    let (rest, certificate) = X509Certificate::from_der(certificate_der).map_err(|_| AccessPointError::Unreadable)?;
    if !rest.is_empty() {
        return Err(AccessPointError::Unreadable);
    }
    let subject = certificate.subject();
    let common_names: Vec<String> = subject.iter_common_name().filter_map(text_of).collect();
    let name = subject.iter_organization().find_map(text_of);
    let country = subject.iter_country().find_map(text_of);
    let not_after = certificate.validity().not_after.timestamp().saturating_mul(MICROSECONDS);
    match common_names.iter().find(|common_name| is_seat_id(common_name)) {
        Some(seat_id) => Ok(AccessPoint { seat_id: seat_id.clone(), name, country, not_after }),
        None => {
            let common_name = common_names.into_iter().next();
            Err(AccessPointError::NoSeatId { common_name, name, country, not_after })
        }
    }
}

/// The text of an attribute without white space around it; `None` when it is empty or of a type that holds no text.
fn text_of(attribute: &AttributeTypeAndValue<'_>) -> Option<String> {
    let value = attribute.attr_value();
    let text = match value.tag() {
        Tag::BmpString => {
            let units: Vec<u16> =
                value.data.chunks_exact(2).map(|pair| pair.iter().fold(0, |n, b| n << 8 | u16::from(*b))).collect();
            String::from_utf16(&units).ok()?
        }
        // Issuers filled this type with Latin-1.
        Tag::T61String => value.data.iter().map(|b| char::from(*b)).collect(),
        _ => attribute.as_str().ok()?.to_owned(),
    };
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, DistinguishedName, DnType, DnValue, KeyPair};

    use super::*;

    pub(crate) fn certificate(common_name: &str, organization: DnValue) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, common_name);
        params.distinguished_name.push(DnType::OrganizationName, organization);
        params.distinguished_name.push(DnType::CountryName, "BE");
        params.not_after = rcgen::date_time_ymd(2030, 1, 2);
        let key = KeyPair::generate().expect("a key");
        params.self_signed(&key).expect("a certificate").der().to_vec()
    }

    #[test]
    fn seat_id_company_and_country() {
        let der = certificate("POP000123", DnValue::Utf8String("Société Générale d'Échange".to_owned()));
        let found = access_point(&der).expect("an access point");
        assert_eq!(found.seat_id, "POP000123");
        assert_eq!(found.name.as_deref(), Some("Société Générale d'Échange"));
        assert_eq!(found.country.as_deref(), Some("BE"));
        assert_eq!(found.not_after, 1_893_542_400_000_000);
    }

    #[test]
    fn a_two_byte_string_is_read() {
        let name = rcgen::string::BmpString::try_from("Müller").expect("a name");
        let der = certificate("PNL000052", DnValue::BmpString(name));
        assert_eq!(access_point(&der).expect("an access point").name.as_deref(), Some("Müller"));
    }

    #[test]
    fn another_common_name_still_tells_what_it_can() {
        let der = certificate("www.example.be", DnValue::Utf8String("Example".to_owned()));
        match access_point(&der) {
            Err(AccessPointError::NoSeatId { common_name, name, country, .. }) => {
                assert_eq!(common_name.as_deref(), Some("www.example.be"));
                assert_eq!((name.as_deref(), country.as_deref()), (Some("Example"), Some("BE")));
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_form_of_a_seat_id() {
        for right in ["POP000123", "PNO000070", "PNL000052"] {
            assert!(is_seat_id(right), "{right}");
        }
        for wrong in ["", "POP00012", "POP0001234", "pop000123", "QOP000123", "PO1000123", "POP00012X", "PÖP00012"] {
            assert!(!is_seat_id(wrong), "{wrong}");
        }
    }

    #[test]
    fn what_is_no_certificate() {
        assert_eq!(access_point(b""), Err(AccessPointError::Unreadable));
        assert_eq!(access_point(&[0x30; MAX_DER + 1]), Err(AccessPointError::Unreadable));
        let mut trailing = certificate("POP000123", DnValue::Utf8String("x".to_owned()));
        trailing.push(0);
        assert_eq!(access_point(&trailing), Err(AccessPointError::Unreadable));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = access_point(&bytes);
        }

        #[test]
        fn no_damaged_certificate_panics(at in 0_usize..400, byte in any::<u8>()) {
            use std::sync::LazyLock;
            static DER: LazyLock<Vec<u8>> =
                LazyLock::new(|| certificate("POP000123", DnValue::Utf8String("x".to_owned())));
            let mut damaged = DER.clone();
            let place = at % damaged.len();
            damaged[place] = byte;
            let _ = access_point(&damaged);
            damaged.truncate(place);
            let _ = access_point(&damaged);
        }
    }
}
