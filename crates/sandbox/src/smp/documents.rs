//! The SMP's documents (OASIS SMP as profiled by Peppol SMP 1.4.0), written in the canonical form that
//! [`super::signing`] relies on.

use std::fmt::{self, Write as _};

use data_encoding::BASE64;

use crate::{
    pki::{ACCESS_POINTS, Pki, access_point_index},
    script::{CertificateForm, Endpoint, HrefForm},
    smp::identifiers::{DocumentIdentifier, PARTICIPANT_SCHEME, PROCESS_SCHEME, encode_segment},
};

const SMP: &str = "http://busdox.org/serviceMetadata/publishing/1.0/";
/// What the roots declare besides the default namespace, in canonical order.
pub(crate) const PREFIXES: &str = concat!(
    " xmlns:id=\"http://busdox.org/transport/identifiers/1.0/\"",
    " xmlns:wsa=\"http://www.w3.org/2005/08/addressing\""
);

/// Text, escaped as Canonical XML 1.0 (section 2.3) prescribes; characters that XML 1.0 cannot carry are left out.
struct Text<'a>(&'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '\r' => f.write_str("&#xD;")?,
                '\t' | '\n' | ' '..='\u{fffd}' | '\u{10000}'.. => f.write_char(character)?,
                _ => {}
            }
        }
        Ok(())
    }
}

/// An attribute value, likewise.
struct Attribute<'a>(&'a str);

impl fmt::Display for Attribute<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '"' => f.write_str("&quot;")?,
                '\t' => f.write_str("&#x9;")?,
                '\n' => f.write_str("&#xA;")?,
                '\r' => f.write_str("&#xD;")?,
                ' '..='\u{fffd}' | '\u{10000}'.. => f.write_char(character)?,
                _ => {}
            }
        }
        Ok(())
    }
}

/// A `ServiceGroup` of a participant whose SMP is at `base` (a URL without slash at its end).
pub(crate) fn service_group(
    base: &str,
    participant: &str,
    documents: &[DocumentIdentifier<'_>],
    hrefs: HrefForm,
) -> String {
    let mut references = String::new();
    for document in documents {
        let href = href(base, participant, document, hrefs);
        references
            .push_str(&format!("<ServiceMetadataReference href=\"{}\"></ServiceMetadataReference>", Attribute(&href)));
    }
    format!(
        "<ServiceGroup xmlns=\"{SMP}\"{PREFIXES}>{}<ServiceMetadataReferenceCollection>{references}\
         </ServiceMetadataReferenceCollection></ServiceGroup>",
        participant_identifier(participant),
    )
}

fn participant_identifier(participant: &str) -> String {
    format!(
        "<id:ParticipantIdentifier scheme=\"{PARTICIPANT_SCHEME}\">{}</id:ParticipantIdentifier>",
        Text(participant)
    )
}

/// The URL of service metadata, each part percent-encoded once.
pub(crate) fn metadata_url(base: &str, participant: &str, document: &str) -> String {
    let participant = encode_segment(&format!("{PARTICIPANT_SCHEME}::{participant}"));
    format!("{base}/{participant}/services/{}", encode_segment(document))
}

fn href(base: &str, participant: &str, document: &DocumentIdentifier<'_>, form: HrefForm) -> String {
    let (scheme, value) = (document.scheme, document.value);
    let document = format!("{scheme}::{value}");
    match form {
        HrefForm::Usual => metadata_url(base, participant, &document),
        HrefForm::Http => metadata_url("http://smp.nowhere.example", participant, &document),
        HrefForm::OtherHost => metadata_url("https://smp.elsewhere.example/a/path", participant, &document),
        HrefForm::DoubleEncoded => {
            let encoded = encode_segment(&format!("{PARTICIPANT_SCHEME}::{participant}"));
            format!("{base}/{}/services/{}", encode_segment(&encoded), encode_segment(&encode_segment(&document)))
        }
        HrefForm::Unencoded => format!("{base}/{PARTICIPANT_SCHEME}::{participant}/services/{document}"),
        HrefForm::CapitalServices => metadata_url(base, participant, &document).replacen("/services/", "/Services/", 1),
    }
}

/// What unsigned service metadata say.
pub(crate) struct Metadata<'a> {
    pub(crate) participant: &'a str,
    pub(crate) document: DocumentIdentifier<'a>,
    pub(crate) endpoints: &'a [Endpoint],
    /// Index of the access point of endpoints that name none.
    pub(crate) access_point: usize,
}

/// `SignedServiceMetadata` without its signature.
pub(crate) fn service_metadata(metadata: &Metadata<'_>, pki: &Pki) -> String {
    let mut processes: Vec<(&str, String)> = Vec::new();
    for endpoint in metadata.endpoints {
        let process = endpoint.process.as_deref().unwrap_or(metadata.document.process);
        let written = write_endpoint(endpoint, metadata.access_point, pki);
        match processes.iter_mut().find(|(known, _)| *known == process) {
            Some((_, endpoints)) => endpoints.push_str(&written),
            None => processes.push((process, written)),
        }
    }
    let mut list = String::new();
    for (process, endpoints) in processes {
        list.push_str(&format!(
            "<Process><id:ProcessIdentifier scheme=\"{PROCESS_SCHEME}\">{}</id:ProcessIdentifier>\
             <ServiceEndpointList>{endpoints}</ServiceEndpointList></Process>",
            Text(process)
        ));
    }
    signed_root(&format!(
        "<ServiceInformation>{}<id:DocumentIdentifier scheme=\"{}\">{}</id:DocumentIdentifier>\
         <ProcessList>{list}</ProcessList></ServiceInformation>",
        participant_identifier(metadata.participant),
        Attribute(metadata.document.scheme),
        Text(metadata.document.value),
    ))
}

/// A redirection in place of service metadata, without signature.
pub(crate) fn redirection(href: &str, certificate_uid: &str) -> String {
    signed_root(&format!(
        "<Redirect href=\"{}\"><CertificateUID>{}</CertificateUID></Redirect>",
        Attribute(href),
        Text(certificate_uid)
    ))
}

fn signed_root(content: &str) -> String {
    format!(
        "<SignedServiceMetadata xmlns=\"{SMP}\"{PREFIXES}><ServiceMetadata>{content}</ServiceMetadata>\
         </SignedServiceMetadata>"
    )
}

fn write_endpoint(endpoint: &Endpoint, usual: usize, pki: &Pki) -> String {
    let index = endpoint.access_point.as_deref().and_then(access_point_index).unwrap_or(usual);
    let Some(access_point) = ACCESS_POINTS.get(index) else {
        return String::new();
    };
    let dated = |name: &str, date: &Option<String>| {
        date.as_ref().map(|date| format!("<{name}>{}</{name}>", Text(date))).unwrap_or_default()
    };
    format!(
        "<Endpoint transportProfile=\"{}\"><wsa:EndpointReference><wsa:Address>{}</wsa:Address>\
         </wsa:EndpointReference><RequireBusinessLevelSignature>false</RequireBusinessLevelSignature>{}{}\
         <Certificate>{}</Certificate><ServiceDescription>{} (sandbox)</ServiceDescription>\
         <TechnicalContactUrl>mailto:peppol@{}.example</TechnicalContactUrl></Endpoint>",
        Attribute(&endpoint.transport_profile),
        Text(access_point.address),
        dated("ServiceActivationDate", &endpoint.activation),
        dated("ServiceExpirationDate", &endpoint.expiration),
        write_certificate(pki.access_point(index), endpoint.certificate),
        Text(access_point.name),
        access_point.seat_id.to_lowercase(),
    )
}

fn write_certificate(der: &[u8], form: CertificateForm) -> String {
    let base64 = BASE64.encode(der);
    let lines = || {
        let mut lines = String::new();
        for (at, character) in base64.chars().enumerate() {
            if at > 0 && at % 76 == 0 {
                lines.push('\n');
            }
            lines.push(character);
        }
        lines
    };
    match form {
        CertificateForm::Plain => base64,
        CertificateForm::LineBreaks => format!("\n{}\n", lines()),
        CertificateForm::PemArmour => format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines()),
        CertificateForm::Garbage => BASE64.encode(b"this is not a certificate"),
    }
}
