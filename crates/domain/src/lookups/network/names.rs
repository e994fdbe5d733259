//! Questions to DNS: the NAPTR records of a participant, and the addresses of an SMP's host.
//!
//! NAPTR answers are never remembered here, neither found nor absent, and the resolver's name server pool is asked
//! directly instead of through its caching front: a look-up must see today's records, a hundred thousand of them must not
//! pile up, and the front reports a CNAME loop as "no records", which would read as not registered. Host addresses are
//! remembered for their time to live, a few minutes at most.

use std::net::IpAddr;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::xfer::DnsHandle as _;
use hickory_resolver::net::{DnsError, NetError, NoRecords};
use hickory_resolver::proto::op::{DnsRequestOptions, DnsResponse, Query, ResponseCode};
use hickory_resolver::proto::rr::rdata::NAPTR;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use hickory_resolver::{NameServerPool, PoolContext, TlsConfig, TokioResolver};
use klaar_standards::lookup::DnsAnswer;
use klaar_standards::naptr::NaptrRecord;
use tokio::time::timeout;

use crate::kernel::config::LookupSettings;
use crate::kernel::error::Result;
use crate::kernel::resolver::{TRIES, broken, name_servers};

/// Longest chain of CNAME records followed; each DNAME on the way gives one.
const MAX_ALIASES: usize = 8;
const NO_END: &str = "DNS leads from alias to alias without end";
const REMEMBERED_HOSTS: u64 = 512;
const HOST_MEMORY: Duration = Duration::from_secs(300);

/// Asks name servers. Clones share connections and what is remembered of hosts.
#[derive(Clone)]
pub(super) struct Names {
    pool: NameServerPool<TokioRuntimeProvider>,
    hosts: TokioResolver,
    timeout: Duration,
}

/// What DNS said about a participant.
#[derive(Debug)]
pub(super) enum Naptr {
    NoSuchName,
    NoRecords,
    Records(Vec<NAPTR>),
    Failed(String),
}

/// One step along a chain of aliases.
enum Step {
    End(Naptr),
    Alias(Name),
}

impl Names {
    pub(super) fn new(settings: &LookupSettings) -> Result<Self> {
        let (config, mut options) = name_servers(settings)?;
        options.max_active_requests = settings.concurrency.saturating_mul(2);
        options.cache_size = REMEMBERED_HOSTS;
        options.positive_max_ttl = Some(HOST_MEMORY);
        options.negative_max_ttl = Some(Duration::ZERO);
        let provider = TokioRuntimeProvider::default();
        let context = PoolContext::new(options.clone(), TlsConfig::new().map_err(broken)?);
        let pool = NameServerPool::from_config(config.name_servers().to_vec(), Arc::new(context), provider.clone());
        let hosts = TokioResolver::builder_with_config(config, provider).with_options(options).build();
        Ok(Self { pool, hosts: hosts.map_err(broken)?, timeout: settings.dns_timeout })
    }

    /// The NAPTR records of a name in `zone`, CNAME (and so DNAME) followed, within the time for one question.
    pub(super) async fn naptr(&self, name: &str, zone: &str) -> Naptr {
        let Ok(mut name) = Name::from_ascii(name) else { return Naptr::Failed(format!("{name} is no DNS name")) };
        name.set_fqdn(true);
        let question = self.follow(name, zone);
        timeout(self.timeout, question).await.unwrap_or_else(|_| Naptr::Failed("DNS did not answer in time".to_owned()))
    }

    /// The addresses of a host, unchecked.
    pub(super) async fn addresses(&self, host: &str) -> std::result::Result<Vec<IpAddr>, NetError> {
        // The final dot keeps the system's search domains out.
        let name = format!("{}.", host.trim_end_matches('.'));
        Ok(self.hosts.lookup_ip(name).await?.iter().collect())
    }

    async fn follow(&self, asked: Name, zone: &str) -> Naptr {
        let mut name = asked;
        for _ in 0..MAX_ALIASES {
            match self.question(&name, zone).await {
                Step::End(answer) => return answer,
                Step::Alias(target) => name = target,
            }
        }
        Naptr::Failed(NO_END.to_owned())
    }

    async fn question(&self, name: &Name, zone: &str) -> Step {
        let mut last = NetError::Timeout;
        for _ in 0..TRIES {
            let query = Query::query(name.clone(), RecordType::NAPTR);
            match self.pool.lookup(query, DnsRequestOptions::default()).next().await {
                Some(Ok(response)) => return read(&response, name, zone),
                Some(Err(NetError::Dns(error))) => return Step::End(denied(&error, zone)),
                Some(Err(error)) => last = error,
                None => last = NetError::NoConnections,
            }
        }
        Step::End(Naptr::Failed(format!("DNS: {last}")))
    }
}

impl Naptr {
    /// Hands the answer to the rules in the form they want; what was wrong is noted.
    pub(super) fn judged<B, C>(
        &self,
        judge: impl FnOnce(&DnsAnswer<'_>) -> ControlFlow<B, C>,
        fault: &mut Option<String>,
    ) -> ControlFlow<B, C> {
        match self {
            Self::NoSuchName => judge(&DnsAnswer::NoSuchName),
            Self::NoRecords => judge(&DnsAnswer::NoRecords),
            Self::Failed(what) => {
                *fault = Some(what.clone());
                judge(&DnsAnswer::Failed)
            }
            Self::Records(records) => {
                let records: Vec<_> = records.iter().map(as_record).collect();
                judge(&DnsAnswer::Records(&records))
            }
        }
    }
}

fn as_record(record: &NAPTR) -> NaptrRecord<'_> {
    NaptrRecord {
        order: record.order,
        preference: record.preference,
        flags: &record.flags,
        services: &record.services,
        regexp: &record.regexp,
    }
}

/// Reads an answer that holds records: goes along the aliases in it, then takes the NAPTR records of the name they lead
/// to, asks on when that name's records are not in it, or takes the response code as that name's.
fn read(response: &DnsResponse, asked: &Name, zone: &str) -> Step {
    let mut name = asked;
    for _ in 0..MAX_ALIASES {
        let own = || response.answers.iter().filter(|record| record.name == *name);
        let records: Vec<NAPTR> = own().filter_map(|record| naptr_of(&record.data)).collect();
        if !records.is_empty() {
            return Step::End(Naptr::Records(records));
        }
        match own().find_map(|record| alias_of(&record.data)) {
            Some(target) => name = target,
            None => return ended(response, asked, name, zone),
        }
    }
    Step::End(Naptr::Failed(NO_END.to_owned()))
}

/// The aliases in the answer lead to `name`, of which it holds no records.
fn ended(response: &DnsResponse, asked: &Name, name: &Name, zone: &str) -> Step {
    match response.response_code {
        ResponseCode::NXDomain => Step::End(absent(response.soa().map(|soa| soa.to_owned().name).as_ref(), zone)),
        ResponseCode::NoError if name != asked => Step::Alias(name.clone()),
        code => Step::End(Naptr::Failed(format!("DNS answers {code} with records of another name"))),
    }
}

fn naptr_of(data: &RData) -> Option<NAPTR> {
    match data {
        RData::NAPTR(naptr) => Some(naptr.clone()),
        _ => None,
    }
}

fn alias_of(data: &RData) -> Option<&Name> {
    match data {
        RData::CNAME(target) => Some(&target.0),
        _ => None,
    }
}

/// Reads an answer without records.
fn denied(error: &DnsError, zone: &str) -> Naptr {
    let DnsError::NoRecordsFound(NoRecords { response_code, soa, ns, .. }) = error else {
        return Naptr::Failed(format!("DNS: {error}"));
    };
    match response_code {
        ResponseCode::NXDomain => absent(soa.as_ref().map(|soa| &soa.name), zone),
        ResponseCode::NoError if soa.is_none() && ns.is_some() => {
            Naptr::Failed("DNS refers to another name server".to_owned())
        }
        ResponseCode::NoError => Naptr::NoRecords,
        code => Naptr::Failed(format!("DNS answers {code}")),
    }
}

/// A name is absent when the zone denies it. When the root or a top-level domain does (`authority` is whose word it is),
/// the zone itself could not be found, and that tells nothing about a participant.
fn absent(authority: Option<&Name>, zone: &str) -> Naptr {
    let is_above =
        |name: &Name| name.num_labels() <= 1 && !name.to_ascii().trim_end_matches('.').eq_ignore_ascii_case(zone);
    match authority {
        Some(name) if is_above(name) => Naptr::Failed("DNS does not know the zone".to_owned()),
        _ => Naptr::NoSuchName,
    }
}

#[cfg(test)]
mod tests;
