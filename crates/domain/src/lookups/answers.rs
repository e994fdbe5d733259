//! An answer of the network in the form in which it is kept.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use klaar_standards::document_types::{DocumentType, can_receive};
use klaar_standards::lookup::{Registration, State};
use klaar_standards::participant::ParticipantId;
use klaar_standards::smp::InactiveDate;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::model::{Failure, Known};
use super::network::{Answer, Raw};
use crate::kernel::clock::Instant;

/// Longest text of a stranger that is kept, in characters.
const LONGEST: usize = 300;

/// What else the network tells of an identifier that is on it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    /// Country of the company that runs the access point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// Host of the access point's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint_host: Option<String>,
    /// Host of the service metadata publisher.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub smp_host: Option<String>,
    /// When the access point's certificate ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_ends: Option<Instant>,
    /// What the access point calls its service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whom to ask about technical matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// Credit notes can be received too.
    #[serde(default)]
    pub credit_note: bool,
    /// When the earliest endpoint becomes active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_from: Option<Instant>,
    /// When the last endpoint expired.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expired_at: Option<Instant>,
}

/// An answer about one identifier: what the network told, or why it told nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// `0208:0403227515`.
    pub identifier: String,
    /// When it was asked, in microseconds since 1970.
    pub asked_at: i64,
    /// `registered`, `cannot_receive` or `not_registered`; absent when the look-up failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Why it cannot receive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Seat id of the access point.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seat: Option<String>,
    /// The company that runs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// More of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<Details>,
    /// SHA-256 of the list of document types, hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub types: Option<String>,
    /// Why the look-up failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

impl Told {
    /// What the network told, when it told something.
    #[must_use]
    pub fn known(&self) -> Option<Known> {
        Some(Known {
            state: self.state.as_deref()?.parse::<State>().ok()?,
            cause: self.cause.clone(),
            seat: self.seat.clone(),
            name: self.name.clone(),
            checked_at: Instant(self.asked_at),
        })
    }

    /// Why it told nothing, when it did not.
    #[must_use]
    pub fn failure(&self) -> Option<Failure> {
        self.failure.clone().map(|cause| Failure { cause, since: Instant(self.asked_at) })
    }
}

/// What one look-up leaves to be kept.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The answer.
    pub told: Told,
    /// The service metadata as they came.
    pub raw: Option<Raw>,
    /// For how many seconds the host wants to be left alone.
    pub host_pause: Option<u64>,
}

/// Lists of document types by the hexadecimal SHA-256 of their JSON.
pub type TypeLists = BTreeMap<String, String>;

/// Takes an answer apart into what is kept of it; its document types go into `lists`.
#[must_use]
pub fn keep(id: &ParticipantId, answer: Answer, lists: &mut TypeLists) -> Kept {
    let Answer { registration, smp_host, asked_at, raw, retry_after, .. } = answer;
    let failed = registration.state() == State::Unknown;
    let word = registration.cause().map(|cause| cause.as_str().to_owned());
    let access_point = registration.access_point();
    let told = Told {
        identifier: id.as_str().to_owned(),
        asked_at: asked_at.0,
        state: (!failed).then(|| registration.state().as_str().to_owned()),
        cause: word.clone().filter(|_| !failed),
        seat: access_point.map(|ap| ap.seat_id.clone()),
        name: access_point.and_then(|ap| ap.name.as_deref()).map(shortened),
        details: details(&registration, smp_host),
        types: keep_types(registration.document_types(), lists),
        failure: word.filter(|_| failed),
    };
    Kept { told, raw: raw.filter(|_| !failed), host_pause: retry_after.map(|pause| pause.as_secs()) }
}

fn details(registration: &Registration, smp_host: Option<String>) -> Option<Details> {
    match registration {
        Registration::Registered(receiver) => Some(Details {
            country: receiver.access_point.country.as_deref().map(shortened),
            endpoint_host: url::Url::parse(&receiver.endpoint.address)
                .ok()
                .and_then(|url| url.host_str().map(shortened)),
            smp_host,
            certificate_ends: Some(Instant(receiver.access_point.not_after)),
            description: receiver.endpoint.description.as_deref().and_then(filled),
            contact: receiver.endpoint.contact.as_deref().and_then(filled),
            credit_note: receiver.capability.credit_note,
            active_from: None,
            expired_at: None,
        }),
        Registration::CannotReceive { document_types, inactive, .. } => {
            let (active_from, expired_at) = match inactive {
                Some(InactiveDate::ActiveFrom(at)) => (Some(Instant(*at)), None),
                Some(InactiveDate::ExpiredAt(at)) => (None, Some(Instant(*at))),
                None => (None, None),
            };
            let credit_note = can_receive(document_types).credit_note;
            Some(Details { smp_host, credit_note, active_from, expired_at, ..Details::default() })
        }
        Registration::NotRegistered | Registration::Unknown { .. } => None,
    }
}

/// The list in an order of its own, so that equal sets have one hash.
fn keep_types(types: &[DocumentType], lists: &mut TypeLists) -> Option<String> {
    if types.is_empty() {
        return None;
    }
    let mut wire: Vec<String> = types.iter().map(DocumentType::wire).collect();
    wire.sort_unstable();
    wire.dedup();
    let json = serde_json::to_string(&wire).ok()?.replace("\\u0000", "");
    let hash = HEXLOWER.encode(&Sha256::digest(json.as_bytes()));
    lists.insert(hash.clone(), json);
    Some(hash)
}

fn filled(text: &str) -> Option<String> {
    crate::kernel::text::filled(text).map(shortened)
}

/// A stranger's text as far as it is kept: PostgreSQL takes no NUL, and nobody reads pages.
fn shortened(text: &str) -> String {
    text.chars().filter(|c| *c != '\0').take(LONGEST).collect()
}
