//! Identifiers on the SMP's wire: document types, and the participant and document parts of a request path.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::script::DocumentType;

/// The participant identifier scheme of the Peppol network.
pub(crate) const PARTICIPANT_SCHEME: &str = "iso6523-actorid-upis";
/// The process identifier scheme.
pub(crate) const PROCESS_SCHEME: &str = "cenbii-procid-ubl";
/// Longest participant identifier value (PFUOI 4.4.0).
const MAX_PARTICIPANT: usize = 130;
/// Longest document type identifier with its scheme.
const MAX_DOCUMENT: usize = 500;

/// What stays as it is in an encoded path segment: the unreserved characters of RFC 3986.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

const QNS: &str = "busdox-docid-qns";
const WILDCARD: &str = "peppol-doctype-wildcard";
const BILLING_PROCESS: &str = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0";
const SELF_BILLING_PROCESS: &str = "urn:fdc:peppol.eu:2017:poacc:selfbilling:01:1.0";

/// A document type identifier and the process it belongs to (Peppol code lists 9.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DocumentIdentifier<'a> {
    pub(crate) scheme: &'a str,
    pub(crate) value: &'a str,
    pub(crate) process: &'a str,
}

impl<'a> From<&'a DocumentType> for DocumentIdentifier<'a> {
    fn from(document: &'a DocumentType) -> Self {
        let billing = |value| Self { scheme: QNS, value, process: BILLING_PROCESS };
        let self_billing = |value| Self { scheme: QNS, value, process: SELF_BILLING_PROCESS };
        match document {
            DocumentType::BillingInvoice => billing(
                "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2::Invoice##urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0::2.1",
            ),
            DocumentType::BillingCreditNote => billing(
                "urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2::CreditNote##urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0::2.1",
            ),
            DocumentType::InvoiceResponse => Self {
                scheme: QNS,
                value: "urn:oasis:names:specification:ubl:schema:xsd:ApplicationResponse-2::ApplicationResponse##urn:fdc:peppol.eu:poacc:trns:invoice_response:3::2.1",
                process: "urn:fdc:peppol.eu:poacc:bis:invoice_response:3",
            },
            DocumentType::Order => Self {
                scheme: QNS,
                value: "urn:oasis:names:specification:ubl:schema:xsd:Order-2::Order##urn:fdc:peppol.eu:poacc:trns:order:3::2.1",
                process: "urn:fdc:peppol.eu:poacc:bis:order_only:3",
            },
            DocumentType::UblBeInvoice => billing(
                "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2::Invoice##urn:cen.eu:en16931:2017#conformant#urn:UBL.BE:1.0.0.20180214::2.1",
            ),
            DocumentType::NlciusInvoice => billing(
                "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2::Invoice##urn:cen.eu:en16931:2017#compliant#urn:fdc:nen.nl:nlcius:v1.0::2.1",
            ),
            DocumentType::CiiInvoice => billing(
                "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100::CrossIndustryInvoice##urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0::D16B",
            ),
            DocumentType::PintInvoice => Self {
                scheme: WILDCARD,
                value: "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2::Invoice##urn:peppol:pint:billing-1*::2.1",
                process: "urn:peppol:bis:billing",
            },
            DocumentType::SelfBillingInvoice => self_billing(
                "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2::Invoice##urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:selfbilling:3.0::2.1",
            ),
            DocumentType::SelfBillingCreditNote => self_billing(
                "urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2::CreditNote##urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:selfbilling:3.0::2.1",
            ),
            DocumentType::Other { scheme, value, process } => Self { scheme, value, process },
        }
    }
}

/// Whether this can be a participant identifier value: printable ASCII with an issuing agency code before a colon.
pub(crate) fn is_participant_value(value: &str) -> bool {
    value.len() <= MAX_PARTICIPANT
        && value.bytes().all(|byte| byte.is_ascii_graphic())
        && value.split_once(':').is_some_and(|(agency, id)| !agency.is_empty() && !id.is_empty())
}

/// Percent-encodes a whole path segment (`:` as `%3A`, `#` as `%23`).
pub(crate) fn encode_segment(segment: &str) -> String {
    utf8_percent_encode(segment, SEGMENT).to_string()
}

/// A request to the SMP, taken from its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// What precedes the participant in the path, without slashes at its ends.
    pub(crate) base: String,
    /// Lower-cased participant identifier value.
    pub(crate) participant: String,
    /// Document type `scheme::value` when service metadata are asked for.
    pub(crate) document: Option<String>,
}

impl Asked {
    /// Reads a raw request path (`/BASE/{participant}[/services/{document}]`, each part percent-encoded once).
    /// `None` when it asks for nothing an SMP has.
    pub(crate) fn from_path(path: &str) -> Option<Self> {
        let prefix = format!("{PARTICIPANT_SCHEME}::");
        let segments: Vec<String> = path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(|segment| percent_decode_str(segment).decode_utf8().ok().map(Into::into))
            .collect::<Option<_>>()?;
        let at = segments.iter().position(|segment| segment.to_lowercase().starts_with(&prefix))?;
        let (base, rest) = segments.split_at(at);
        let participant = rest.first()?.to_lowercase().strip_prefix(&prefix)?.to_owned();
        if !is_participant_value(&participant) {
            return None;
        }
        let document = match rest.get(1..)? {
            [] => None,
            [services, document] if services == "services" && is_document(document) => Some(document.clone()),
            _ => return None,
        };
        Some(Self { base: base.join("/"), participant, document })
    }
}

fn is_document(value: &str) -> bool {
    value.len() <= MAX_DOCUMENT && value.bytes().all(|byte| byte.is_ascii_graphic()) && value.contains("::")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_read_whatever_its_base() {
        let asked = Asked::from_path("/iso6523-actorid-upis%3A%3A9925%3ABE0677424046").unwrap();
        assert_eq!((asked.base.as_str(), asked.participant.as_str(), asked.document), ("", "9925:be0677424046", None));
        let asked =
            Asked::from_path("/a/path/iso6523-actorid-upis::0208:1/services/busdox-docid-qns%3A%3Aa%23%23b").unwrap();
        assert_eq!((asked.base.as_str(), asked.document.as_deref()), ("a/path", Some("busdox-docid-qns::a##b")));
    }

    #[test]
    fn a_path_encoded_twice_is_not_understood() {
        assert_eq!(Asked::from_path("/iso6523-actorid-upis%253A%253A0208%253A0677424046"), None);
        assert_eq!(Asked::from_path("/"), None);
        assert_eq!(Asked::from_path("/iso6523-actorid-upis%3A%3A0208%3A1/services"), None);
        assert_eq!(Asked::from_path("/iso6523-actorid-upis%3A%3A0208%3A%00"), None);
    }
}
