//! What may be said about a participant, given what DNS and SMP answered.
//!
//! A look-up is three steps, each fed with what the caller observed: [`after_dns`], [`after_service_group`],
//! [`after_service_metadata`]. A step either breaks with the answer or continues with what the next one needs.
//! [`Registration::Unknown`] says nothing about the participant: the last known answer stays.

mod observation;
mod registration;

use std::ops::ControlFlow;

pub use self::observation::{DnsAnswer, Hop, HttpAnswer, is_leftover};
pub use self::registration::{Cause, Receiver, Registration, State, UnknownWord, distinct_access_points};
use crate::access_point::access_point;
use crate::document_types::{DocumentType, can_receive};
use crate::naptr::{SmpBase, smp_base};
use crate::participant::ParticipantId;
use crate::smp::{
    Endpoint, EndpointChoice, Redirect, ServiceGroup, ServiceInformation, ServiceMetadata, parse_service_group,
    parse_service_metadata, select_endpoint,
};

/// First step: is the participant in DNS, and at which SMP?
///
/// `leftovers` are the host patterns of SMPs whose registrations count as none; see [`is_leftover`]. Continues with the
/// base of the SMP to ask for the service group.
pub fn after_dns(answer: &DnsAnswer<'_>, leftovers: &[String]) -> ControlFlow<Registration, SmpBase> {
    let records = match answer {
        DnsAnswer::NoSuchName | DnsAnswer::NoRecords => return ControlFlow::Break(Registration::NotRegistered),
        DnsAnswer::Failed => return unknown(Cause::Dns),
        DnsAnswer::Records(records) => records,
    };
    match smp_base(records) {
        Ok(base) if is_leftover(base.host(), leftovers) => ControlFlow::Break(Registration::NotRegistered),
        Ok(base) => ControlFlow::Continue(base),
        Err(_) => unknown(Cause::Malformed),
    }
}

/// Second step: is the participant registered for the BIS Billing invoice?
///
/// Continues with the group; the caller then asks for the metadata of [`DocumentType::billing_invoice`].
pub fn after_service_group(answer: &HttpAnswer<'_>, asked: &ParticipantId) -> ControlFlow<Registration, ServiceGroup> {
    let HttpAnswer::Body(bytes) = answer else {
        return unknown(Cause::Smp);
    };
    let Ok(group) = parse_service_group(bytes, asked) else {
        return unknown(Cause::Malformed);
    };
    if can_receive(&group.document_types).invoice {
        ControlFlow::Continue(group)
    } else if group.unreadable > 0 {
        unknown(Cause::Malformed)
    } else {
        ControlFlow::Break(cannot_receive(Cause::NoDocumentType, group))
    }
}

/// Third step: at which access point is the BIS Billing invoice received at `now` (microseconds since 1970)?
///
/// Continues with a redirect to follow; the answer found there comes back with [`Hop::Redirected`], and may not
/// redirect again. An answer 404 contradicts the group that listed the type, so it is the SMP's fault and tells
/// nothing.
pub fn after_service_metadata(
    answer: &HttpAnswer<'_>,
    asked: &ParticipantId,
    group: ServiceGroup,
    hop: Hop,
    now: i64,
) -> ControlFlow<Registration, Redirect> {
    let HttpAnswer::Body(bytes) = answer else {
        return unknown(Cause::Smp);
    };
    match parse_service_metadata(bytes, asked, &DocumentType::billing_invoice()) {
        Ok(ServiceMetadata::Redirect(redirect)) if hop == Hop::First => ControlFlow::Continue(redirect),
        Ok(ServiceMetadata::Redirect(_)) | Err(_) => unknown(Cause::Malformed),
        Ok(ServiceMetadata::ServiceInformation(information)) => {
            ControlFlow::Break(at_endpoint(&information, group, now))
        }
    }
}

fn at_endpoint(information: &ServiceInformation, group: ServiceGroup, now: i64) -> Registration {
    match select_endpoint(information, now) {
        EndpointChoice::Usable(endpoint) => registered(endpoint, group),
        EndpointChoice::Inactive { date } => Registration::CannotReceive {
            cause: Cause::Inactive,
            document_types: group.document_types,
            inactive: Some(date),
        },
        EndpointChoice::NoTransport { .. } => cannot_receive(Cause::Transport, group),
    }
}

/// An endpoint whose certificate names no access point is unknown, not registered at nobody: the last known access
/// point must not be overwritten by an unreadable one.
fn registered(endpoint: &Endpoint, group: ServiceGroup) -> Registration {
    match endpoint.certificate_der.as_deref().map(access_point) {
        Some(Ok(access_point)) => Registration::Registered(Box::new(Receiver {
            access_point,
            endpoint: endpoint.clone(),
            capability: can_receive(&group.document_types),
            document_types: group.document_types,
        })),
        _ => Registration::Unknown { cause: Cause::Malformed },
    }
}

fn cannot_receive(cause: Cause, group: ServiceGroup) -> Registration {
    Registration::CannotReceive { cause, document_types: group.document_types, inactive: None }
}

fn unknown<T>(cause: Cause) -> ControlFlow<Registration, T> {
    ControlFlow::Break(Registration::Unknown { cause })
}

#[cfg(test)]
mod tests;
