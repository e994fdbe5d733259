//! SMP answers written for tests.

use super::service_metadata_path;
use crate::document_types::DocumentType;
use crate::participant::ParticipantId;

/// 2026-11-02T00:00:00Z.
pub(crate) const NOW: i64 = 1_793_577_600_000_000;
pub(crate) const AS2: &str = "busdox-transport-as2-ver1p0";

pub(crate) fn id(text: &str) -> ParticipantId {
    ParticipantId::parse_form(text).expect("an identifier")
}

/// A service group as our own writing, one reference a line.
pub(crate) fn group_xml(participant: &str, hrefs: &[String]) -> String {
    let references: String =
        hrefs.iter().map(|href| format!("<r:ServiceMetadataReference href=\"{href}\"/>\n")).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<r:ServiceGroup xmlns:r=\"http://busdox.org/serviceMetadata/publishing/1.0/\">\
         <n:ParticipantIdentifier xmlns:n=\"http://busdox.org/transport/identifiers/1.0/\" scheme=\"iso6523-actorid-upis\">{participant}\
         </n:ParticipantIdentifier><r:ServiceMetadataReferenceCollection>{references}</r:ServiceMetadataReferenceCollection></r:ServiceGroup>"
    )
}

pub(crate) fn href(participant: &str, document_type: &DocumentType) -> String {
    format!("https://smp.example{}", service_metadata_path(&id(participant), document_type))
}

pub(crate) fn endpoint_xml(profile: &str, dates: &str, certificate: &str) -> String {
    format!(
        "<Endpoint transportProfile=\"{profile}\"><EndpointReference xmlns=\"http://www.w3.org/2005/08/addressing\">\
         <Address>https://ap.example/as4?a=1&amp;b=2</Address></EndpointReference>\
         <RequireBusinessLevelSignature>false</RequireBusinessLevelSignature>{dates}<Certificate>{certificate}</Certificate>\
         <ServiceDescription>An &lt;access&gt; point</ServiceDescription><TechnicalContactUrl> mailto:peppol@ap.example </TechnicalContactUrl></Endpoint>"
    )
}

pub(crate) fn process_xml(process: &str, endpoints: &str) -> String {
    format!(
        "<Process><i:ProcessIdentifier scheme=\"cenbii-procid-ubl\">{process}</i:ProcessIdentifier>\
         <ServiceEndpointList>{endpoints}</ServiceEndpointList></Process>"
    )
}

pub(crate) fn metadata_xml(participant: &str, document_type: &DocumentType, processes: &str) -> String {
    format!(
        "<SignedServiceMetadata xmlns=\"http://busdox.org/serviceMetadata/publishing/1.0/\" xmlns:i=\"http://busdox.org/transport/identifiers/1.0/\">\
         <ServiceMetadata><ServiceInformation><i:ParticipantIdentifier scheme=\"iso6523-actorid-upis\">{participant}</i:ParticipantIdentifier>\
         <i:DocumentIdentifier scheme=\"{}\">{}</i:DocumentIdentifier><ProcessList>{processes}</ProcessList></ServiceInformation></ServiceMetadata>\
         <Signature xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><SignedInfo/></Signature></SignedServiceMetadata>",
        document_type.scheme, document_type.value
    )
}

pub(crate) fn redirect_xml(target: &str) -> String {
    format!(
        "<ServiceMetadata xmlns=\"http://busdox.org/serviceMetadata/publishing/1.0/\"><Redirect href=\"{target}\">\
         <CertificateUID>CN=PSP000001</CertificateUID></Redirect></ServiceMetadata>"
    )
}

pub(crate) fn expires(text: &str) -> String {
    format!("<ServiceExpirationDate>{text}</ServiceExpirationDate>")
}
