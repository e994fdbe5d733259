//! Document type identifiers of the Peppol network: which of them mean that invoices can be received, and what to call
//! them when they are shown to people.

mod label;

use std::fmt;

use percent_encoding::utf8_percent_encode;

use crate::percent::PATH_PART;

/// The scheme of document types that match exactly.
pub const EXACT_SCHEME: &str = "busdox-docid-qns";
/// The scheme of document types that may match by a shorter customization (PINT).
pub const WILDCARD_SCHEME: &str = "peppol-doctype-wildcard";
/// Peppol BIS Billing 3, UBL invoice.
pub const BILLING_INVOICE: &str = "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2::Invoice\
    ##urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0::2.1";
/// Peppol BIS Billing 3, UBL credit note.
pub const BILLING_CREDIT_NOTE: &str = "urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2::CreditNote\
    ##urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0::2.1";
/// The process both are exchanged in.
pub const BILLING_PROCESS: &str = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0";
/// The scheme of process identifiers.
pub const PROCESS_SCHEME: &str = "cenbii-procid-ubl";

/// A document type identifier. Both parts are case-sensitive.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DocumentType {
    pub scheme: String,
    pub value: String,
}

/// The four parts of a value such as `urn:…:Invoice-2::Invoice##urn:cen.eu:en16931:2017::2.1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts<'a> {
    pub root_namespace: &'a str,
    pub local_name: &'a str,
    pub customization: &'a str,
    pub version: &'a str,
}

/// Which of the two documents every Belgian receiver must take can be sent to a participant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Capability {
    pub invoice: bool,
    pub credit_note: bool,
}

impl DocumentType {
    /// Any scheme and value, as given.
    pub fn new(scheme: impl Into<String>, value: impl Into<String>) -> Self {
        Self { scheme: scheme.into(), value: value.into() }
    }

    /// Peppol BIS Billing 3 invoice.
    pub fn billing_invoice() -> Self {
        Self::new(EXACT_SCHEME, BILLING_INVOICE)
    }

    /// Peppol BIS Billing 3 credit note.
    pub fn billing_credit_note() -> Self {
        Self::new(EXACT_SCHEME, BILLING_CREDIT_NOTE)
    }

    /// Reads `scheme::value`; `None` when either part is empty or the text holds white space or control characters.
    pub fn from_wire(text: &str) -> Option<Self> {
        let (scheme, value) = text.split_once("::")?;
        let is_clean = !text.chars().any(|c| c.is_whitespace() || c.is_control());
        (is_clean && !scheme.is_empty() && !value.is_empty()).then(|| Self::new(scheme, value))
    }

    /// `scheme::value`.
    pub fn wire(&self) -> String {
        format!("{}::{}", self.scheme, self.value)
    }

    /// The wire form wholly percent-encoded: one segment of an SMP path.
    pub fn path_segment(&self) -> String {
        utf8_percent_encode(&self.wire(), PATH_PART).to_string()
    }

    /// The parts of the value; `None` when it is not built that way.
    pub fn parts(&self) -> Option<Parts<'_>> {
        let (root_namespace, rest) = self.value.split_once("::")?;
        let (local_name, rest) = rest.split_once("##")?;
        let (customization, version) = rest.rsplit_once("::")?;
        Some(Parts { root_namespace, local_name, customization, version })
    }

    /// What people call it, in English, for the well-known ones: "BIS Billing 3 invoice", "UBL.BE credit note",
    /// "Order". `None` for others; show [`DocumentType::wire`] then.
    pub fn label(&self) -> Option<String> {
        label::label(self)
    }
}

impl fmt::Display for DocumentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}::{}", self.scheme, self.value)
    }
}

/// What the duty asks for: BIS Billing 3 in its exact form and under the exact scheme. UBL.BE, NLCIUS, CII, PINT
/// wildcards and self-billing do not count, because a sender of BIS Billing 3 would not find them.
pub fn can_receive(types: &[DocumentType]) -> Capability {
    let has = |value: &str| types.iter().any(|t| t.scheme == EXACT_SCHEME && t.value == value);
    Capability { invoice: has(BILLING_INVOICE), credit_note: has(BILLING_CREDIT_NOTE) }
}

/// The registered type a document of type `sought` can be sent to (Peppol policy for use of identifiers 4.3).
///
/// Under [`EXACT_SCHEME`] only the same type. Under [`WILDCARD_SCHEME`], a `*` at the end of the sought customization
/// being left aside: the customization itself; then with `*` behind it; then with its last `@…` part taken off and `*`
/// behind it, again and again. A `*` anywhere else is invalid and matches nothing.
pub fn best_match<'a>(registered: &'a [DocumentType], sought: &DocumentType) -> Option<&'a DocumentType> {
    if sought.scheme != WILDCARD_SCHEME {
        return registered.iter().find(|candidate| *candidate == sought);
    }
    let parts = sought.parts()?;
    let mut customization = parts.customization.strip_suffix('*').unwrap_or(parts.customization);
    if customization.contains('*') {
        return None;
    }
    let registered_as = |customization: &str, end: &str| {
        registered.iter().find(|candidate| {
            candidate.scheme == WILDCARD_SCHEME
                && candidate.parts().is_some_and(|own| {
                    own.customization.strip_suffix(end) == Some(customization)
                        && Parts { customization: parts.customization, ..own } == parts
                })
        })
    };
    if let Some(exact) = registered_as(customization, "") {
        return Some(exact);
    }
    loop {
        if let Some(wildcard) = registered_as(customization, "*") {
            return Some(wildcard);
        }
        (customization, _) = customization.rsplit_once('@')?;
    }
}

#[cfg(test)]
mod tests;
