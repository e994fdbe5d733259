//! The service metadata: where and how one document type is received.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::SmpError;
use super::instant::{self, DayEdge};
use super::xml::{self, Element, Namespace};
use crate::document_types::DocumentType;
use crate::participant::ParticipantId;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The answer for one document type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceMetadata {
    /// Another SMP has it.
    Redirect(Redirect),
    ServiceInformation(ServiceInformation),
}

/// Where to ask instead. The answer there must not redirect again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// The whole URL, as written.
    pub href: String,
    /// The subject of the certificate the other answer must be signed with.
    pub certificate_uid: Option<String>,
}

/// The processes a document type is received in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceInformation {
    pub processes: Vec<Process>,
}

/// One process a document type is received in, with its endpoints in the order of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    pub id: String,
    pub scheme: String,
    pub endpoints: Vec<Endpoint>,
}

/// One address documents can be sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    pub transport_profile: String,
    /// The URL, as written.
    pub address: String,
    /// Usable from this instant (microseconds since 1970, UTC); a date alone means its first moment.
    pub activation: Option<i64>,
    /// Usable until before this instant (microseconds since 1970, UTC); a date alone means through that day.
    pub expiration: Option<i64>,
    /// The access point's certificate; `None` when there is none or it is not base64.
    pub certificate_der: Option<Vec<u8>>,
    pub description: Option<String>,
    pub contact: Option<String>,
    pub information_url: Option<String>,
}

/// Reads the answer to [`super::service_metadata_path`], signed (the signature is not verified here) or bare.
///
/// The participant in it must be `asked`, the document type exactly `document_type`; a redirect names neither.
pub fn parse_service_metadata(
    bytes: &[u8],
    asked: &ParticipantId,
    document_type: &DocumentType,
) -> Result<ServiceMetadata, SmpError> {
    let root = xml::read(bytes)?;
    let metadata = if root.is(Namespace::Smp, "SignedServiceMetadata") {
        root.required(Namespace::Smp, "ServiceMetadata")?
    } else if root.is(Namespace::Smp, "ServiceMetadata") {
        &root
    } else {
        return Err(SmpError::Malformed("neither SignedServiceMetadata nor ServiceMetadata".to_owned()));
    };
    let information = metadata.child(Namespace::Smp, "ServiceInformation");
    match (information, metadata.child(Namespace::Smp, "Redirect")) {
        (Some(information), None) => {
            information.must_be_about(asked)?;
            must_be_of_type(information, document_type)?;
            Ok(ServiceMetadata::ServiceInformation(ServiceInformation { processes: processes(information)? }))
        }
        (None, Some(redirect)) => Ok(ServiceMetadata::Redirect(Redirect {
            href: redirect.attribute("href")?.to_owned(),
            certificate_uid: redirect.child_text("CertificateUID"),
        })),
        _ => Err(SmpError::Malformed("neither ServiceInformation nor Redirect, or both".to_owned())),
    }
}

fn must_be_of_type(information: &Element, document_type: &DocumentType) -> Result<(), SmpError> {
    let identifier = information.required(Namespace::Identifiers, "DocumentIdentifier")?;
    if identifier.attribute("scheme")? == document_type.scheme && identifier.text() == document_type.value {
        Ok(())
    } else {
        Err(SmpError::OtherDocumentType)
    }
}

fn processes(information: &Element) -> Result<Vec<Process>, SmpError> {
    let list = information.required(Namespace::Smp, "ProcessList")?;
    list.children(Namespace::Smp, "Process").map(process).collect()
}

fn process(element: &Element) -> Result<Process, SmpError> {
    let identifier = element.required(Namespace::Identifiers, "ProcessIdentifier")?;
    let list = element.required(Namespace::Smp, "ServiceEndpointList")?;
    Ok(Process {
        id: identifier.text().to_owned(),
        scheme: identifier.attribute("scheme")?.to_owned(),
        endpoints: list.children(Namespace::Smp, "Endpoint").map(endpoint).collect::<Result<_, _>>()?,
    })
}

fn endpoint(element: &Element) -> Result<Endpoint, SmpError> {
    let reference = element.required(Namespace::Addressing, "EndpointReference")?;
    Ok(Endpoint {
        transport_profile: element.attribute("transportProfile")?.to_owned(),
        address: reference.required(Namespace::Addressing, "Address")?.text().to_owned(),
        activation: instant_of(element, "ServiceActivationDate", DayEdge::Start)?,
        expiration: instant_of(element, "ServiceExpirationDate", DayEdge::End)?,
        certificate_der: element.child(Namespace::Smp, "Certificate").and_then(|child| der(child.text())),
        description: element.child_text("ServiceDescription"),
        contact: element.child_text("TechnicalContactUrl"),
        information_url: element.child_text("TechnicalInformationUrl"),
    })
}

fn instant_of(element: &Element, name: &str, edge: DayEdge) -> Result<Option<i64>, SmpError> {
    let Some(text) = element.child_text(name) else {
        return Ok(None);
    };
    let instant = instant::parse(&text, edge);
    instant.map(Some).ok_or_else(|| SmpError::Malformed(format!("{name} is no date")))
}

/// Base64 with line breaks or spaces, with or without PEM armour.
fn der(text: &str) -> Option<Vec<u8>> {
    let body = match text.split_once("-----BEGIN CERTIFICATE-----") {
        Some((_, rest)) => rest.split_once("-----END CERTIFICATE-----")?.0,
        None => text,
    };
    let compact: String = body.split_whitespace().collect();
    BASE64.decode(compact).ok().filter(|der| !der.is_empty())
}
