//! What was asked of this world, so that a test can say "each identifier once".

use std::collections::HashMap;

use serde::Serialize;

use crate::label::Label;

/// Labels that are counted one by one; later ones only count in the totals.
pub const MAX_COUNTED: usize = 250_000;

/// Requests about one identifier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Requests {
    /// NAPTR queries, those left without an answer included.
    pub dns: u32,
    /// Requests for the service group.
    pub groups: u32,
    /// Requests for service metadata.
    pub metadata: u32,
}

/// Requests of each kind since the start or the last reset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// NAPTR queries about participants.
    pub dns: u64,
    /// Requests for service groups.
    pub groups: u64,
    /// Requests for service metadata.
    pub metadata: u64,
    /// SMTP connections, with and without TLS.
    pub smtp_connections: u64,
    /// Greatest number of SMTP connections that were open at once.
    pub most_smtp_connections: u64,
    /// Mails accepted and kept.
    pub mails: u64,
    /// Requests for an access token, those refused included.
    pub token_requests: u64,
    /// Different identifiers asked for in DNS or at the SMP.
    pub identifiers: usize,
    /// NAPTR queries about the identifier that was asked for most often.
    pub most_dns_for_one: u32,
    /// Service group requests about the identifier that was asked for most often.
    pub most_groups_for_one: u32,
}

/// A kind of request about an identifier.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Dns,
    Group,
    Metadata,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    totals: Totals,
    open_smtp_connections: u64,
    by_label: HashMap<Label, Requests>,
}

impl Counters {
    pub(crate) fn count(&mut self, label: Label, kind: Kind) {
        let full = self.by_label.len() >= MAX_COUNTED && !self.by_label.contains_key(&label);
        let mut uncounted = Requests::default();
        let one = if full { &mut uncounted } else { self.by_label.entry(label).or_default() };
        let (of_one, of_all) = match kind {
            Kind::Dns => (&mut one.dns, &mut self.totals.dns),
            Kind::Group => (&mut one.groups, &mut self.totals.groups),
            Kind::Metadata => (&mut one.metadata, &mut self.totals.metadata),
        };
        *of_one = of_one.saturating_add(1);
        *of_all += 1;
    }

    pub(crate) fn smtp_connection_begins(&mut self) {
        self.totals.smtp_connections += 1;
        self.open_smtp_connections += 1;
        self.totals.most_smtp_connections = self.totals.most_smtp_connections.max(self.open_smtp_connections);
    }

    pub(crate) fn smtp_connection_ends(&mut self) {
        self.open_smtp_connections = self.open_smtp_connections.saturating_sub(1);
    }

    pub(crate) fn count_mail(&mut self) {
        self.totals.mails += 1;
    }

    pub(crate) fn count_token_request(&mut self) {
        self.totals.token_requests += 1;
    }

    pub(crate) fn totals(&self) -> Totals {
        Totals {
            identifiers: self.by_label.len(),
            most_dns_for_one: self.by_label.values().map(|one| one.dns).max().unwrap_or(0),
            most_groups_for_one: self.by_label.values().map(|one| one.groups).max().unwrap_or(0),
            ..self.totals
        }
    }

    pub(crate) fn of(&self, label: &Label) -> Requests {
        self.by_label.get(label).copied().unwrap_or_default()
    }

    pub(crate) fn reset(&mut self) {
        // What is open now stays open, and is the most so far.
        let open_smtp_connections = self.open_smtp_connections;
        let totals = Totals { most_smtp_connections: open_smtp_connections, ..Totals::default() };
        *self = Self { totals, open_smtp_connections, by_label: HashMap::new() };
    }
}
