//! Answers of a service metadata publisher (SMP 1.4.0): the service group of a participant, and the service metadata of
//! one of its document types. An answer comes from a stranger; whatever is not exactly as expected is an error, never a
//! guess.

mod endpoint;
mod instant;
mod service_group;
mod service_metadata;
mod xml;

use thiserror::Error;

pub use self::endpoint::{EndpointChoice, InactiveDate, TRANSPORT_PROFILE, select_endpoint};
pub use self::service_group::{ServiceGroup, parse_service_group};
pub use self::service_metadata::{
    Endpoint, Process, Redirect, ServiceInformation, ServiceMetadata, parse_service_metadata,
};
use crate::document_types::DocumentType;
use crate::participant::ParticipantId;

/// Largest answer read, in bytes.
pub const MAX_BYTES: usize = 1024 * 1024;

/// Why an answer cannot be used. None of these says anything about the participant.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SmpError {
    /// Not well-formed, or an element that must be there is not; the text says what.
    #[error("the answer is malformed: {0}")]
    Malformed(String),
    /// More than 1 MiB, 64 levels, 20,000 elements or 64 attributes on one element.
    #[error("the answer is larger or deeper than an answer can be")]
    TooLarge,
    /// A document type declaration, which could declare entities.
    #[error("the answer contains a document type declaration")]
    Dtd,
    /// A reference to an entity other than the five of XML.
    #[error("the answer refers to the unknown entity {0:?}")]
    UnknownEntity(String),
    /// Not UTF-8; the text names the encoding.
    #[error("the answer is in {0}, not in UTF-8")]
    Charset(String),
    /// The answer is about another participant than the one asked for.
    #[error("the answer is about another participant")]
    OtherParticipant,
    /// The answer is about another document type than the one asked for.
    #[error("the answer is about another document type")]
    OtherDocumentType,
}

/// The path of the service group, to put after the SMP's base URL.
pub fn service_group_path(participant: &ParticipantId) -> String {
    format!("/{}", participant.path_segment())
}

/// The path of the service metadata of one document type, to put after the SMP's base URL.
pub fn service_metadata_path(participant: &ParticipantId, document_type: &DocumentType) -> String {
    format!("/{}/services/{}", participant.path_segment(), document_type.path_segment())
}

#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod tests;
