//! How name servers are asked: which ones, and how patiently.

use std::net::SocketAddr;

use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::NetError;

use crate::kernel::config::LookupSettings;
use crate::kernel::error::{Error, Result};

/// A lost packet is sent again so often within the time of one question.
pub(crate) const TRIES: u32 = 3;

/// The name servers that the settings name, or the system's, and options to ask them with: the time of one question is
/// divided among its tries, and the system's file of hosts is left alone.
///
/// # Errors
/// [`Error::Internal`] when the system's resolver settings cannot be read (only without `settings.dns`).
pub(crate) fn name_servers(settings: &LookupSettings) -> Result<(ResolverConfig, ResolverOpts)> {
    let (config, mut options) = match settings.dns {
        Some(server) => (only(server), ResolverOpts::default()),
        None => hickory_resolver::system_conf::read_system_conf().map_err(broken)?,
    };
    options.timeout = settings.dns_timeout / TRIES;
    options.attempts = usize::try_from(TRIES - 1).unwrap_or_default();
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    options.use_hosts_file = ResolveHosts::Never;
    Ok((config, options))
}

/// The error of a resolver that cannot be set up.
#[expect(clippy::needless_pass_by_value, reason = "it stands behind map_err")]
pub(crate) fn broken(fault: NetError) -> Error {
    Error::internal(format!("the resolver cannot be set up: {fault}"))
}

fn only(server: SocketAddr) -> ResolverConfig {
    let on_port = |mut connection: ConnectionConfig| {
        connection.port = server.port();
        connection
    };
    let connections = vec![on_port(ConnectionConfig::udp()), on_port(ConnectionConfig::tcp())];
    ResolverConfig::from_parts(None, Vec::new(), vec![NameServerConfig::new(server.ip(), true, connections)])
}
