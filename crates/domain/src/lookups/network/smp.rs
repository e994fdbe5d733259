//! Requests to an SMP.
//!
//! Each is one GET under a time limit that covers the reading, too. HTTP redirects are not followed (an SMP redirects in
//! its documents), nothing is decompressed, no proxy stands between (it would choose the address), and a connection is
//! made to addresses only that were checked just before.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use klaar_standards::naptr::SmpBase;
use klaar_standards::smp::MAX_BYTES;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::hosts::{Hosts, Outcome};
use super::names::Names;
use crate::kernel::addresses::is_public;
use crate::kernel::clock::{Clock, Instant};
use crate::kernel::config::LookupSettings;
use crate::kernel::error::{Error, Result};
use crate::kernel::outbound::{self, chain};

const USER_AGENT: &str = concat!("Klaar/", env!("CARGO_PKG_VERSION"), " (+Peppol look-up)");
/// Idle connections are closed after so long; there are many hosts, and a night asks each in bursts.
const IDLE: Duration = Duration::from_secs(15);
/// Answers larger than this are rare, and only a few are read at once, so that memory stays small whatever is sent.
const LARGE: usize = 64 * 1024;
const LARGE_AT_ONCE: usize = 4;
/// What HTTP/2 lets a server send ahead of our reading.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 256 * 1024;

/// What an SMP said.
#[derive(Debug)]
pub(super) enum Reply {
    /// Status 200. A body larger than an answer can be comes empty, which is as malformed.
    Body(Vec<u8>),
    /// Status 404.
    NotFound,
    /// Anything else, or nothing; in words, and how long the host wants to be left alone.
    Failed { fault: String, retry_after: Option<Duration> },
}

impl Reply {
    pub(super) fn failed(fault: impl Into<String>) -> Self {
        Self::Failed { fault: fault.into(), retry_after: None }
    }
}

/// Asks SMPs, under one rule of what may be asked.
pub(super) struct SmpClient {
    client: Client,
    /// Plain http, any port, and any address.
    is_insecure: bool,
    timeout: Duration,
    clock: Clock,
    hosts: Hosts,
    large: Semaphore,
}

impl SmpClient {
    pub(super) fn new(settings: &LookupSettings, is_insecure: bool, names: Names, clock: Clock) -> Result<Self> {
        let client = Client::builder()
            .user_agent(USER_AGENT)
            .tls_backend_preconfigured(outbound::tls(&["h2", "http/1.1"])?)
            .https_only(!is_insecure)
            .dns_resolver(CheckedNames { names, is_insecure })
            .no_proxy()
            .referer(false)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(settings.smp_timeout)
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(settings.host_concurrency)
            .http2_initial_stream_window_size(STREAM_WINDOW)
            .http2_initial_connection_window_size(CONNECTION_WINDOW)
            .build()
            .map_err(|fault| Error::internal(format!("no SMP can be asked: {}", chain(&fault))))?;
        Ok(Self {
            client,
            is_insecure,
            timeout: settings.smp_timeout,
            hosts: Hosts::new(settings.host_concurrency, clock.clone()),
            clock,
            large: Semaphore::new(LARGE_AT_ONCE),
        })
    }

    /// Asks for a path below the base of an SMP. Waits for a place at the host; the time limit runs from then on.
    pub(super) async fn get(&self, base: &SmpBase, path: &str) -> Reply {
        if let Err(fault) = self.must_be_allowed(base) {
            return Reply::failed(fault);
        }
        let visit = match self.hosts.visit(&format!("{}:{}", base.host(), base.port())).await {
            Ok(visit) => visit,
            Err(rest) => {
                let fault = "the SMP is left alone for a while, because it failed or asked for it".to_owned();
                return Reply::Failed { fault, retry_after: Some(rest) };
            }
        };
        let (reply, outcome) = match timeout(self.timeout, self.fetch(base.with_path(path))).await {
            Ok(ended) => ended,
            Err(_) => (Reply::failed("the SMP did not answer in time"), Outcome::Failed),
        };
        let pause = visit.ends(outcome);
        match reply {
            Reply::Failed { fault, .. } => Reply::Failed { fault, retry_after: pause },
            reply => reply,
        }
    }

    /// Since 2026-02-01 an SMP is asked by https on port 443 only (SMP 1.4.0). An address written into the URL never
    /// reaches the resolver, so it is checked here.
    fn must_be_allowed(&self, base: &SmpBase) -> std::result::Result<(), &'static str> {
        let address = base.host().trim_matches(['[', ']']).parse::<IpAddr>();
        match address {
            _ if self.is_insecure => Ok(()),
            _ if !base.is_https() => Err("the SMP is not at an https address"),
            _ if base.port() != 443 => Err("the SMP is not on port 443"),
            Ok(address) if !is_public(address) => Err("the SMP is not at an address of the public internet"),
            _ => Ok(()),
        }
    }

    async fn fetch(&self, url: String) -> (Reply, Outcome) {
        let response = match self.client.get(url).send().await {
            Ok(response) => response,
            Err(fault) => return failed(fault),
        };
        match response.status() {
            StatusCode::OK => match self.body(response).await {
                Ok(bytes) => (Reply::Body(bytes), Outcome::Answered),
                Err(fault) => failed(fault),
            },
            StatusCode::NOT_FOUND => (Reply::NotFound, Outcome::Answered),
            status @ (StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) => {
                let wish = retry_after(response.headers(), self.clock.now());
                (Reply::failed(format!("the SMP answers {status}")), Outcome::TooMuch(wish))
            }
            status => (Reply::failed(format!("the SMP answers {status}")), Outcome::Failed),
        }
    }

    async fn body(&self, mut response: Response) -> reqwest::Result<Vec<u8>> {
        let limit = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX);
        if response.content_length().is_some_and(|length| length > limit) {
            return Ok(Vec::new());
        }
        let mut body = Vec::new();
        let mut place = None;
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > MAX_BYTES {
                return Ok(Vec::new());
            }
            if body.len() + chunk.len() > LARGE && place.is_none() {
                place = Some(self.large.acquire().await);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

/// Resolves SMP hosts to addresses of the public internet only; the connection is made to one of them.
struct CheckedNames {
    names: Names,
    is_insecure: bool,
}

impl Resolve for CheckedNames {
    fn resolve(&self, name: Name) -> Resolving {
        let names = self.names.clone();
        let is_insecure = self.is_insecure;
        Box::pin(async move {
            let mut addresses = names.addresses(name.as_str()).await?;
            addresses.retain(|address| is_insecure || is_public(*address));
            if addresses.is_empty() {
                return Err("the host has no address of the public internet".into());
            }
            // Port 0 stands for the port of the URL.
            let addresses: Addrs = Box::new(addresses.into_iter().map(|address| SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}

fn failed(fault: reqwest::Error) -> (Reply, Outcome) {
    let fault = fault.without_url();
    (Reply::failed(format!("the SMP did not answer: {}", chain(&fault))), Outcome::Failed)
}

/// `Retry-After` in seconds or as a date (RFC 9110 section 10.2.3).
fn retry_after(headers: &HeaderMap, now: Instant) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?;
    let micros = date.timestamp().as_microsecond().saturating_sub(now.0);
    u64::try_from(micros).ok().map(Duration::from_micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_in_seconds_or_as_a_date() {
        let now = Instant::parse("2026-11-22T03:00:00Z").unwrap();
        let read = |text: &str| retry_after(&HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]), now);
        assert_eq!(read("120"), Some(Duration::from_secs(120)));
        assert_eq!(read("Sun, 22 Nov 2026 03:01:30 GMT"), Some(Duration::from_secs(90)));
        assert_eq!(read("Sun, 22 Nov 2026 02:00:00 GMT"), None);
        assert_eq!(read("soon"), None);
        assert_eq!(read("-1"), None);
    }
}
