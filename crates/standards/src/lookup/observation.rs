//! What the caller saw on the network.

use crate::naptr::NaptrRecord;

/// The answer to the NAPTR question, DNAME and CNAME followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DnsAnswer<'a> {
    /// NXDOMAIN.
    NoSuchName,
    /// The name exists, without NAPTR records (NODATA).
    NoRecords,
    Records(&'a [NaptrRecord<'a>]),
    /// SERVFAIL, refused, time-out, or no name server reached.
    Failed,
}

/// The answer of an SMP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpAnswer<'a> {
    /// Status 200 and the whole body.
    Body(&'a [u8]),
    /// Status 404.
    NotFound,
    /// Any other status, too many HTTP redirects, a forbidden address, TLS or host failure, time-out.
    Failed,
}

/// Whether service metadata came from the participant's own SMP or from the one it redirected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hop {
    First,
    Redirected,
}

/// Whether an SMP host is one of `patterns`: a host name, or `*.` and a domain, which also stands for the domain
/// itself. Case and a final dot do not matter.
pub fn is_leftover(host: &str, patterns: &[String]) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    patterns.iter().any(|pattern| {
        let pattern = pattern.trim().trim_end_matches('.').to_ascii_lowercase();
        match pattern.strip_prefix("*.") {
            Some(domain) => {
                let before = host.strip_suffix(domain);
                !domain.is_empty() && before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
            }
            None => !pattern.is_empty() && host == pattern,
        }
    })
}
