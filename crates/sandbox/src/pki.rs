//! The world's own public key infrastructure: a root, below it a CA for SMPs and one for access points as in Peppol, their
//! leaf certificates, and that of the mail server. Made anew at each start, but for the RSA key of the SMPs (see
//! `smp::signing`).

use std::net::{IpAddr, Ipv4Addr};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PublicKeyData, SanType, date_time_ymd,
};
use serde::Serialize;

use crate::smp::signing::TEST_SIGNING_KEY_PEM;

/// An invented access point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct AccessPoint {
    /// Seat id, the common name of its certificate.
    pub seat_id: &'static str,
    /// Company name, the organisation of its certificate.
    pub name: &'static str,
    /// Country of the company.
    pub country: &'static str,
    /// Where it would receive.
    pub address: &'static str,
}

/// The access points of this world, the one with most clients first.
pub const ACCESS_POINTS: [AccessPoint; 6] = [
    access_point("POP900001", "Voorbeeld Postkantoor NV", "BE", "https://as4.postkantoor.example/as4"),
    access_point("POP900002", "Exemple Facturation SA", "BE", "https://recevoir.facturation.example/peppol"),
    access_point("POP900003", "Verzonnen Verbinding BV", "NL", "https://ap.verbinding.example/as4"),
    access_point("POP900004", "Muster Zustellung GmbH", "DE", "https://as4.zustellung.example/msh"),
    access_point("POP900005", "Example Exchange Ltd", "IE", "https://peppol.exchange.example/as4"),
    access_point("POP900006", "Esempio Recapito SRL", "IT", "https://as4.recapito.example/in"),
];

const fn access_point(
    seat_id: &'static str,
    name: &'static str,
    country: &'static str,
    address: &'static str,
) -> AccessPoint {
    AccessPoint { seat_id, name, country, address }
}

/// Position of a seat id in [`ACCESS_POINTS`].
pub(crate) fn access_point_index(seat_id: &str) -> Option<usize> {
    ACCESS_POINTS.iter().position(|ap| ap.seat_id == seat_id)
}

/// A leaf certificate of an SMP.
#[derive(Clone, Debug)]
pub(crate) struct SmpCertificate {
    /// As `X509SubjectName` and `CertificateUID` print it.
    pub(crate) subject: String,
    pub(crate) der: Vec<u8>,
}

/// The certificate that the mail server shows, and its key.
#[derive(Debug)]
pub(crate) struct ServerCertificate {
    pub(crate) der: Vec<u8>,
    pub(crate) key: KeyPair,
}

/// Which SMP certificate signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signer {
    /// The SMP that DNS leads to.
    Home,
    /// The SMP that a redirect leads to.
    Second,
    /// A stranger whose CA is not below the root.
    Stranger,
}

#[derive(Debug)]
pub(crate) struct Pki {
    pub(crate) root_pem: String,
    /// Root, access point CA and SMP CA, one after the other.
    pub(crate) authorities_pem: String,
    /// Certificates in the order of [`ACCESS_POINTS`], DER.
    access_points: Vec<Vec<u8>>,
    home: SmpCertificate,
    second: SmpCertificate,
    stranger: SmpCertificate,
    pub(crate) mail_server: ServerCertificate,
}

impl Pki {
    /// Makes all certificates.
    pub(crate) fn generate() -> Result<Self, rcgen::Error> {
        let root = Authority::root("KLAAR SANDBOX ROOT CA")?;
        let ap_ca = root.intermediate("KLAAR SANDBOX ACCESS POINT CA")?;
        let smp_ca = root.intermediate("KLAAR SANDBOX SERVICE METADATA PUBLISHER CA")?;
        let strange_ca = Authority::root("KLAAR SANDBOX STRANGE CA")?;
        let smp_key = KeyPair::from_pem(TEST_SIGNING_KEY_PEM)?;
        let access_points = ACCESS_POINTS
            .iter()
            .map(|ap| ap_ca.leaf(&subject(ap.seat_id, "PEPPOL TEST AP", ap.name, ap.country), &KeyPair::generate()?))
            .collect::<Result<_, _>>()?;
        let smp = |ca: &Authority, seat, name| -> Result<SmpCertificate, rcgen::Error> {
            let unit = "PEPPOL TEST SMP";
            let der = ca.leaf(&subject(seat, unit, name, "BE"), &smp_key)?;
            // The last relative name first, as RFC 2253 and the SMPs of the live network print it.
            Ok(SmpCertificate { subject: format!("C=BE, O={name}, OU={unit}, CN={seat}"), der })
        };
        Ok(Self {
            mail_server: root.server()?,
            authorities_pem: [root.pem.as_str(), &ap_ca.pem, &smp_ca.pem].concat(),
            root_pem: root.pem,
            access_points,
            home: smp(&smp_ca, "POP900001", "Voorbeeld Postkantoor NV")?,
            second: smp(&smp_ca, "POP900009", "Tweede Uitgever BV")?,
            stranger: smp(&strange_ca, "POP900001", "Voorbeeld Postkantoor NV")?,
        })
    }

    /// The certificate of an access point by its index, DER.
    pub(crate) fn access_point(&self, index: usize) -> &[u8] {
        self.access_points.get(index).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn smp(&self, signer: Signer) -> &SmpCertificate {
        match signer {
            Signer::Home => &self.home,
            Signer::Second => &self.second,
            Signer::Stranger => &self.stranger,
        }
    }
}

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn root(name: &str) -> Result<Self, rcgen::Error> {
        let key = KeyPair::generate()?;
        let params = ca_params(name);
        let pem = params.self_signed(&key)?.pem();
        Ok(Self { issuer: Issuer::new(params, key), pem })
    }

    fn intermediate(&self, name: &str) -> Result<Self, rcgen::Error> {
        let key = KeyPair::generate()?;
        let params = ca_params(name);
        let pem = params.signed_by(&key, &self.issuer)?.pem();
        Ok(Self { issuer: Issuer::new(params, key), pem })
    }

    fn leaf(&self, subject: &DistinguishedName, key: &impl PublicKeyData) -> Result<Vec<u8>, rcgen::Error> {
        let mut params = dated();
        params.distinguished_name = subject.clone();
        params.use_authority_key_identifier_extension = true;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyEncipherment,
            KeyUsagePurpose::DataEncipherment,
        ];
        Ok(params.signed_by(key, &self.issuer)?.der().to_vec())
    }

    /// A TLS server on this machine: `localhost` and 127.0.0.1.
    fn server(&self) -> Result<ServerCertificate, rcgen::Error> {
        let key = KeyPair::generate()?;
        let mut params = dated();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "localhost");
        params.subject_alt_names =
            vec![SanType::DnsName("localhost".try_into()?), SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST))];
        params.use_authority_key_identifier_extension = true;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let der = params.signed_by(&key, &self.issuer)?.der().to_vec();
        Ok(ServerCertificate { der, key })
    }
}

fn dated() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.not_before = date_time_ymd(2025, 1, 1);
    params.not_after = date_time_ymd(2049, 12, 31);
    params
}

fn ca_params(name: &str) -> CertificateParams {
    let mut params = dated();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.distinguished_name.push(DnType::OrganizationName, "Klaar sandbox (no real authority)");
    params.distinguished_name.push(DnType::CountryName, "BE");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    params
}

fn subject(seat_id: &str, unit: &str, organisation: &str, country: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, seat_id);
    name.push(DnType::OrganizationalUnitName, unit);
    name.push(DnType::OrganizationName, organisation);
    name.push(DnType::CountryName, country);
    name
}

#[cfg(test)]
mod tests {
    use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
    use x509_parser::prelude::{FromDer, Pem, X509Certificate};

    use super::*;

    #[test]
    fn an_access_point_certificate_names_seat_and_company() {
        let pki = Pki::generate().unwrap();
        for (index, ap) in ACCESS_POINTS.iter().enumerate() {
            let (_, certificate) = X509Certificate::from_der(pki.access_point(index)).unwrap();
            let subject = certificate.subject();
            let first = |mut values: Box<dyn Iterator<Item = String>>| values.next().unwrap();
            let names = subject.iter_common_name().map(|n| n.as_str().unwrap().to_owned()).collect::<Vec<_>>();
            let companies = subject.iter_organization().map(|n| n.as_str().unwrap().to_owned()).collect::<Vec<_>>();
            assert_eq!(first(Box::new(names.into_iter())), ap.seat_id);
            assert_eq!(first(Box::new(companies.into_iter())), ap.name);
        }
    }

    #[test]
    fn every_leaf_leads_to_the_root_but_for_the_stranger() {
        let pki = Pki::generate().unwrap();
        let authorities: Vec<Pem> = Pem::iter_from_buffer(pki.authorities_pem.as_bytes()).map(Result::unwrap).collect();
        let [root, ap_ca, smp_ca] =
            authorities.iter().map(|pem| pem.parse_x509().unwrap()).collect::<Vec<_>>().try_into().unwrap();
        let leaf = |der| X509Certificate::from_der(der).unwrap().1;
        assert!(is_issued_by(&ap_ca, &root) && is_issued_by(&smp_ca, &root));
        assert!(is_issued_by(&leaf(pki.access_point(0)), &ap_ca));
        assert!(is_issued_by(&leaf(&pki.mail_server.der), &root));
        assert!(is_issued_by(&leaf(&pki.smp(Signer::Home).der), &smp_ca));
        assert!(is_issued_by(&leaf(&pki.smp(Signer::Second).der), &smp_ca));
        assert!(!is_issued_by(&leaf(&pki.smp(Signer::Stranger).der), &smp_ca));
    }

    fn is_issued_by(certificate: &X509Certificate<'_>, issuer: &X509Certificate<'_>) -> bool {
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &*issuer.public_key().subject_public_key.data);
        certificate.issuer() == issuer.subject()
            && key.verify(certificate.tbs_certificate.as_ref(), &certificate.signature_value.data).is_ok()
    }

    #[test]
    fn the_subject_printed_for_an_smp_is_the_reverse_of_the_encoded_one() {
        let pki = Pki::generate().unwrap();
        let second = pki.smp(Signer::Second);
        let (_, certificate) = X509Certificate::from_der(&second.der).unwrap();
        let encoded = certificate.subject().to_string();
        let reversed = encoded.split(", ").collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join(", ");
        assert_eq!(second.subject, reversed);
    }
}
