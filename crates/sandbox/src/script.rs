//! What one participant's registration looks like, in every shape the network has been seen to give it.
//!
//! A script overrides what the hash would decide. Everything has a default, so `Script::default()` (JSON `{}`) is a
//! sound registration at the access point drawn from the hash. Trouble of a passing kind (SERVFAIL, HTTP 404, 429, 500,
//! redirect loops, hanging connections) is not here but in [`crate::Fault`], which can name a participant too.

use serde::{Deserialize, Serialize};

use crate::{SandboxError, pki, population};

/// Longest SMP URL that a NAPTR record can carry in every form, with pattern and delimiters, in 255 bytes.
pub const MAX_SMP_URL: usize = 240;

/// One participant's registration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Script {
    /// What DNS says about the name.
    pub registration: Registration,
    /// How the NAPTR records are written.
    pub naptr: NaptrForm,
    /// SMP base URL to publish in DNS instead of the sandbox's own, such as a host on the product's list of leftovers.
    /// The sandbox's DNS resolves the URL's host to the loopback address.
    pub smp_url: Option<String>,
    /// Seat id of the access point (`POP900001` …); absent: drawn from the hash.
    pub access_point: Option<String>,
    /// Document types of the service group, each with service metadata.
    pub documents: Vec<DocumentType>,
    /// How the service group writes its references.
    pub hrefs: HrefForm,
    /// What is wrong with the service group document, if anything.
    pub group: DocumentForm,
    /// What is wrong with every service metadata document, if anything.
    pub metadata: DocumentForm,
    /// Endpoints of every document type, in order; endpoints with the same process share a process element.
    pub endpoints: Vec<Endpoint>,
    /// Service metadata redirection to another SMP.
    pub redirect: Option<Redirect>,
    /// How service metadata are signed.
    pub signature: SignatureForm,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            registration: Registration::Registered,
            naptr: NaptrForm::Usual,
            smp_url: None,
            access_point: None,
            documents: population::billing(),
            hrefs: HrefForm::Usual,
            group: DocumentForm::Usual,
            metadata: DocumentForm::Usual,
            endpoints: vec![Endpoint::default()],
            redirect: None,
            signature: SignatureForm::Valid,
        }
    }
}

impl Script {
    /// A sound registration at the access point with this seat id.
    #[must_use]
    pub fn registered_at(seat_id: &str) -> Self {
        Self { access_point: Some(seat_id.to_owned()), ..Self::default() }
    }

    /// A participant that DNS does not know.
    #[must_use]
    pub fn not_registered() -> Self {
        Self { registration: Registration::Nxdomain, ..Self::default() }
    }

    /// A sound registration with exactly these document types.
    #[must_use]
    pub fn with_documents(documents: impl Into<Vec<DocumentType>>) -> Self {
        Self { documents: documents.into(), ..Self::default() }
    }

    /// A sound registration with exactly these endpoints for each document type.
    #[must_use]
    pub fn with_endpoints(endpoints: impl Into<Vec<Endpoint>>) -> Self {
        Self { endpoints: endpoints.into(), ..Self::default() }
    }

    /// Whether the script can be played.
    ///
    /// # Errors
    /// When it names an access point that is not here, too long a URL, or a number of redirects that is not 1 or 2.
    pub(crate) fn check(&self) -> Result<(), SandboxError> {
        let seats = self.access_point.iter().chain(self.endpoints.iter().filter_map(|e| e.access_point.as_ref()));
        for seat in seats {
            if pki::access_point_index(seat).is_none() {
                return Err(SandboxError::UnknownAccessPoint(seat.clone()));
            }
        }
        if let Some(url) = self.smp_url.as_ref().filter(|url| url.len() > MAX_SMP_URL) {
            return Err(SandboxError::SmpUrl(url.clone()));
        }
        match self.redirect {
            Some(Redirect { hops, .. }) if !(1..=2).contains(&hops) => Err(SandboxError::RedirectHops(hops)),
            _ => Ok(()),
        }
    }
}

/// What DNS says about a participant's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Registration {
    /// The name has NAPTR records.
    Registered,
    /// The name does not exist.
    Nxdomain,
    /// The name exists without NAPTR record.
    Nodata,
}

/// How the NAPTR records of a participant are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NaptrForm {
    /// One record, `100 10 "U" "Meta:SMP" "!.*!URL!" .`
    Usual,
    /// The pattern of older publications, `!^.*$!URL!`.
    Anchored,
    /// `#` in place of `!` as the delimiter.
    OtherDelimiter,
    /// The flag is `u`.
    LowerCaseFlag,
    /// The URL has a path and ends in a slash.
    UrlWithPath,
    /// Five records: the right one is first by order and preference and last in the answer; of the others one has
    /// another flag, one another use, two lead to hosts that do not exist.
    Several,
    /// A record for another use only.
    WithoutMetaSmp,
    /// A `Meta:SMP` record whose regular expression has no target.
    WithoutTarget,
    /// A CNAME to another name in the zone, which has the record.
    Cname,
}

/// How a service group writes the references to its service metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HrefForm {
    /// The SMP's own URL, each part percent-encoded once.
    Usual,
    /// Plain http on port 80 of a host that does not answer.
    Http,
    /// Each part percent-encoded twice.
    DoubleEncoded,
    /// https on another host, below a path.
    OtherHost,
    /// Not percent-encoded at all, so that `#` starts a fragment.
    Unencoded,
    /// `/Services/` with a capital.
    CapitalServices,
}

/// What a document of the SMP looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentForm {
    /// As it should be.
    Usual,
    /// HTTP 404 although DNS resolves or the group lists the type.
    NotFound,
    /// A sound document about another participant.
    OtherParticipant,
    /// A sound document about another document type (service metadata only; the group is as usual).
    OtherDocumentType,
    /// The document stops in the middle of a tag.
    Broken,
    /// 32 MiB of well-formed XML.
    Huge,
    /// A document type declaration with an external subset.
    Dtd,
    /// Entities that unfold to gigabytes.
    EntityExpansion,
    /// HTTP 200 without a body.
    Empty,
    /// An HTML page of HTTP status 200.
    Html,
}

/// How a service metadata document is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignatureForm {
    /// RSA-SHA256 with SHA-256 digest over inclusive canonical XML 1.0.
    Valid,
    /// RSA-SHA1 with SHA-1 digest, as before SMP 1.3.
    Sha1,
    /// Exclusive canonicalisation, as before SMP 1.2.
    ExclusiveC14n,
    /// The endpoint address was changed after signing.
    AlteredContent,
    /// The signature value does not match the signed part.
    WrongValue,
    /// Signed with a certificate that does not lead to the world's root.
    UnknownRoot,
    /// No signature element.
    Absent,
}

/// One endpoint of service metadata.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Endpoint {
    /// Process identifier; absent: the document type's usual process.
    pub process: Option<String>,
    /// Transport profile identifier.
    pub transport_profile: String,
    /// `ServiceActivationDate` (XML dateTime), absent for none.
    pub activation: Option<String>,
    /// `ServiceExpirationDate` (XML dateTime), absent for none.
    pub expiration: Option<String>,
    /// Seat id of another access point than the script's.
    pub access_point: Option<String>,
    /// How the certificate is written.
    pub certificate: CertificateForm,
}

impl Default for Endpoint {
    fn default() -> Self {
        Self {
            process: None,
            transport_profile: Self::AS4.to_owned(),
            activation: Some("2025-01-01T00:00:00Z".to_owned()),
            expiration: None,
            access_point: None,
            certificate: CertificateForm::Plain,
        }
    }
}

impl Endpoint {
    /// The one transport profile in force.
    pub const AS4: &str = "peppol-transport-as4-v2_0";
    /// A transport profile that was withdrawn.
    pub const AS2: &str = "busdox-transport-as2-ver2p0";

    /// An endpoint that expired on this instant (XML dateTime).
    #[must_use]
    pub fn expired(at: &str) -> Self {
        Self { expiration: Some(at.to_owned()), ..Self::default() }
    }

    /// An endpoint that is not active before this instant (XML dateTime).
    #[must_use]
    pub fn active_from(at: &str) -> Self {
        Self { activation: Some(at.to_owned()), ..Self::default() }
    }

    /// An endpoint that only speaks AS2.
    #[must_use]
    pub fn as2() -> Self {
        Self { transport_profile: Self::AS2.to_owned(), ..Self::default() }
    }
}

/// How an endpoint certificate is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CertificateForm {
    /// Base64 on one line.
    Plain,
    /// Base64 in lines of 76 characters.
    LineBreaks,
    /// With `BEGIN CERTIFICATE` and `END CERTIFICATE` lines.
    PemArmour,
    /// Not a certificate.
    Garbage,
}

/// Service metadata that sends the asker to another SMP (SMP 1.4.0, Redirect).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Redirect {
    /// 1: the sandbox's second SMP answers; 2: it redirects again, which no asker may follow.
    pub hops: u8,
    /// Redirect to this URL instead of the sandbox's second SMP.
    pub href: Option<String>,
    /// `CertificateUID` to print; absent: the right one, the second SMP's certificate subject.
    pub certificate_uid: Option<String>,
}

impl Default for Redirect {
    fn default() -> Self {
        Self { hops: 1, href: None, certificate_uid: None }
    }
}

/// A document type as this world offers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentType {
    /// Peppol BIS Billing 3 invoice.
    BillingInvoice,
    /// Peppol BIS Billing 3 credit note.
    BillingCreditNote,
    /// Peppol Invoice Response 3.
    InvoiceResponse,
    /// Peppol order 3.
    Order,
    /// UBL.BE invoice, the Belgian predecessor of BIS Billing.
    UblBeInvoice,
    /// SI-UBL 2 (NLCIUS) invoice.
    NlciusInvoice,
    /// BIS Billing 3 invoice in UN/CEFACT syntax.
    CiiInvoice,
    /// PINT invoice, registered with a wildcard.
    PintInvoice,
    /// BIS Self-Billing 3 invoice.
    SelfBillingInvoice,
    /// BIS Self-Billing 3 credit note.
    SelfBillingCreditNote,
    /// Any other.
    Other {
        /// Document type identifier scheme, such as `busdox-docid-qns`.
        scheme: String,
        /// Document type identifier value.
        value: String,
        /// Process identifier value, of scheme `cenbii-procid-ubl`.
        process: String,
    },
}
