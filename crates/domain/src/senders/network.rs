//! Asking DNS about the domains that mails come from.

use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError, NoRecords};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::RData;
use hickory_resolver::proto::rr::rdata::TXT;
use tokio::time::timeout;

use super::domains::{DomainDoubt, Texts, judge_dkim, judge_dmarc, judge_spf, with_parents};
use crate::kernel::config::LookupSettings;
use crate::kernel::error::Result;
use crate::kernel::resolver::{broken, name_servers};

/// Answers remembered at most.
const REMEMBERED: u64 = 512;
/// For how long at most what was found is remembered. What was not found is asked anew: somebody may be setting it up.
const MEMORY: Duration = Duration::from_secs(300);
/// Domains above one that are asked at most.
const MOST_PARENTS: usize = 5;

/// Name servers, asked about the domains that mails come from. Clones share what is remembered.
#[derive(Clone)]
pub struct Domains {
    resolver: Arc<TokioResolver>,
    limit: Duration,
}

impl Domains {
    /// Name servers as the settings say; nothing is asked yet.
    ///
    /// # Errors
    /// [`crate::kernel::error::Error::Internal`] when the system's resolver settings cannot be read.
    pub fn new(settings: &LookupSettings) -> Result<Self> {
        let (config, mut options) = name_servers(settings)?;
        options.cache_size = REMEMBERED;
        options.positive_max_ttl = Some(MEMORY);
        options.negative_max_ttl = Some(Duration::ZERO);
        let resolver = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        let resolver = Arc::new(resolver.with_options(options).build().map_err(broken)?);
        Ok(Self { resolver, limit: settings.dns_timeout })
    }

    /// Why mails whose author's domain is `author` and whose envelope's is `envelope` may be refused, or be taken for
    /// forged ones; within the time for one question and one more. SPF is about the envelope (RFC 7208, 2.4), the others
    /// are about the author.
    pub async fn doubts(&self, author: &str, envelope: &str) -> Vec<DomainDoubt> {
        let key = format!("_domainkey.{author}");
        let (spf, dkim, dmarc) = futures::join!(self.texts(envelope), self.texts(&key), self.dmarc(author));
        let mut doubts: Vec<DomainDoubt> =
            [judge_spf(&spf), judge_dkim(&dkim), judge_dmarc(&dmarc)].into_iter().flatten().collect();
        doubts.sort_unstable();
        doubts.dedup();
        doubts
    }

    async fn dmarc(&self, domain: &str) -> Vec<Texts> {
        let names = with_parents(domain).into_iter().take(MOST_PARENTS).map(|name| format!("_dmarc.{name}"));
        futures::future::join_all(names.map(|name| async move { self.texts(&name).await })).await
    }

    async fn texts(&self, name: &str) -> Texts {
        // The final dot keeps the system's search domains out.
        let question = self.resolver.txt_lookup(format!("{}.", name.trim_end_matches('.')));
        match timeout(self.limit, question).await {
            Ok(Ok(found)) => {
                let texts = found.answers().iter().filter_map(|record| match &record.data {
                    RData::TXT(texts) => Some(joined(texts)),
                    _ => None,
                });
                Texts::Found(texts.collect())
            }
            Ok(Err(error)) => denied(&error),
            Err(_) => Texts::Unanswered,
        }
    }
}

fn joined(texts: &TXT) -> String {
    String::from_utf8_lossy(&texts.txt_data.concat()).into_owned()
}

fn denied(error: &NetError) -> Texts {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(NoRecords { response_code: ResponseCode::NXDomain, .. })) => {
            Texts::Absent
        }
        NetError::Dns(DnsError::NoRecordsFound(NoRecords { response_code: ResponseCode::NoError, .. })) => Texts::Empty,
        _ => Texts::Unanswered,
    }
}
