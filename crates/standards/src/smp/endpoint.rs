//! Which endpoint a document would be sent to today.

use std::collections::BTreeSet;

use super::{Endpoint, ServiceInformation};
use crate::document_types::BILLING_PROCESS;

/// The only transport profile in force; four others were removed on 2023-09-06 (code list of transport profiles 9.7).
pub const TRANSPORT_PROFILE: &str = "peppol-transport-as4-v2_0";

/// The endpoint to use, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndpointChoice<'a> {
    Usable(&'a Endpoint),
    /// Endpoints with the right transport exist, but none is active now.
    Inactive {
        date: InactiveDate,
    },
    /// No endpoint has the right transport; these are the profiles there are, sorted, each once.
    NoTransport {
        profiles: Vec<String>,
    },
}

/// When the endpoints that are not active now will be or were, in microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InactiveDate {
    /// The earliest activation to come.
    ActiveFrom(i64),
    /// All are over; the latest expiration.
    ExpiredAt(i64),
}

impl Endpoint {
    fn is_active(&self, now: i64) -> bool {
        self.activation.is_none_or(|from| from <= now) && self.expiration.is_none_or(|until| now < until)
    }

    fn activates_after(&self, now: i64) -> Option<i64> {
        let is_open = |from: &i64| *from > now && self.expiration.is_none_or(|until| *from < until);
        self.activation.filter(is_open)
    }
}

/// Chooses by process (BIS Billing 01:1.0 first, then the others as listed), transport profile, and dates at `now`
/// (microseconds since 1970).
pub fn select_endpoint(information: &ServiceInformation, now: i64) -> EndpointChoice<'_> {
    let (billing, others): (Vec<_>, Vec<_>) = information.processes.iter().partition(|p| p.id == BILLING_PROCESS);
    let endpoints: Vec<&Endpoint> = billing.into_iter().chain(others).flat_map(|process| &process.endpoints).collect();
    let mut reachable = endpoints.iter().copied().filter(|endpoint| endpoint.transport_profile == TRANSPORT_PROFILE);
    if let Some(active) = reachable.clone().find(|endpoint| endpoint.is_active(now)) {
        return EndpointChoice::Usable(active);
    }
    let upcoming = reachable.clone().filter_map(|endpoint| endpoint.activates_after(now)).min();
    let over = reachable.by_ref().filter_map(|endpoint| endpoint.expiration).max();
    match (upcoming, over) {
        (Some(from), _) => EndpointChoice::Inactive { date: InactiveDate::ActiveFrom(from) },
        (None, Some(at)) => EndpointChoice::Inactive { date: InactiveDate::ExpiredAt(at) },
        (None, None) => EndpointChoice::NoTransport { profiles: profiles(&endpoints) },
    }
}

fn profiles(endpoints: &[&Endpoint]) -> Vec<String> {
    let distinct: BTreeSet<&str> = endpoints.iter().map(|endpoint| endpoint.transport_profile.as_str()).collect();
    distinct.into_iter().map(str::to_owned).collect()
}
