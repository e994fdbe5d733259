//! The service group: which document types a participant is registered for.

use percent_encoding::percent_decode_str;

use super::xml::{self, Namespace};
use super::{SmpError, xml::Element};
use crate::document_types::DocumentType;
use crate::participant::{self, ParticipantId};

const SERVICES: &str = "/services/";
/// Longest document type identifier, scheme included; the policy allows 500.
const MAX_IDENTIFIER: usize = 1_000;
/// Longest reference looked at, in bytes, and how many places in it; more would only keep us busy.
const MAX_HREF: usize = 8 * 1024;
const MAX_PLACES: usize = 8;
/// Some SMPs encode twice; one round more does no harm.
const MAX_DECODINGS: usize = 3;

/// What a participant is registered for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceGroup {
    /// Each once, in the order of the answer.
    pub document_types: Vec<DocumentType>,
    /// References no document type could be read from. While there are any, a type that is not listed may still be
    /// there.
    pub unreadable: usize,
}

/// Reads the answer to [`super::service_group_path`].
///
/// A document type is the decoded part of a reference after `/services/` (any case). The rest of a reference is
/// ignored: it may be http, doubly encoded, or name another host or path, and URLs are built anew from the base.
///
/// Errors: every [`SmpError`] but `OtherDocumentType`.
pub fn parse_service_group(bytes: &[u8], asked: &ParticipantId) -> Result<ServiceGroup, SmpError> {
    let root = xml::read(bytes)?;
    if !root.is(Namespace::Smp, "ServiceGroup") {
        return Err(SmpError::Malformed("not a ServiceGroup".to_owned()));
    }
    root.must_be_about(asked)?;
    let mut group = ServiceGroup { document_types: Vec::new(), unreadable: 0 };
    let mut seen = std::collections::HashSet::new();
    for reference in references(&root) {
        match reference.attribute("href").ok().and_then(document_type_of) {
            Some(document_type) if seen.insert(document_type.clone()) => group.document_types.push(document_type),
            Some(_) => {}
            None => group.unreadable += 1,
        }
    }
    Ok(group)
}

fn references(root: &Element) -> impl Iterator<Item = &Element> {
    root.children(Namespace::Smp, "ServiceMetadataReferenceCollection")
        .flat_map(|collection| collection.children(Namespace::Smp, "ServiceMetadataReference"))
}

/// The document type a reference is for. The base path may itself contain `/services/`, so each place is tried from the
/// left until what follows is a document type.
fn document_type_of(href: &str) -> Option<DocumentType> {
    if href.len() > MAX_HREF {
        return None;
    }
    // Lower-casing ASCII keeps every byte where it was.
    let lower = href.to_ascii_lowercase();
    let places = lower.match_indices(SERVICES).map(|(at, found)| at + found.len());
    places.take(MAX_PLACES).filter_map(|at| href.get(at..)).find_map(|tail| {
        let decoded = decoded(tail)?;
        let document_type = DocumentType::from_wire(&decoded)?;
        let is_scheme = !document_type.scheme.contains(['/', ':']) && document_type.scheme != participant::SCHEME;
        is_scheme.then_some(document_type)
    })
}

/// Percent-decodes until nothing is encoded any more; identifiers themselves contain no percent sign.
fn decoded(tail: &str) -> Option<String> {
    let mut text = tail.to_owned();
    for _ in 0..MAX_DECODINGS {
        if !text.contains('%') {
            break;
        }
        text = percent_decode_str(&text).decode_utf8().ok()?.into_owned();
    }
    (text.len() <= MAX_IDENTIFIER && !text.contains('%')).then_some(text)
}
