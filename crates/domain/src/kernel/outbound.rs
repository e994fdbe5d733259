//! What every request to a stranger's server needs: TLS with the public roots, an address that may be asked, and an error
//! that says everything it knows.

use std::error::Error as StdError;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use super::addresses::is_public;
use super::error::{Error, Result};

/// TLS for a client that trusts the roots of the public web and speaks these protocols (`h2`, `http/1.1`).
///
/// # Errors
/// [`Error::Internal`] when TLS cannot be set up.
pub fn tls(protocols: &[&str]) -> Result<ClientConfig> {
    tls_trusting(protocols, None)
}

/// The same for one that trusts these certificates (PEM), too.
///
/// # Errors
/// [`Error::Internal`] when TLS cannot be set up or a certificate cannot be read.
pub fn tls_trusting(protocols: &[&str], also: Option<&str>) -> Result<ClientConfig> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for read in CertificateDer::pem_slice_iter(also.unwrap_or_default().as_bytes()) {
        roots.add(read.map_err(Error::internal)?).map_err(Error::internal)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut config = config
        .map_err(|fault| Error::internal(format!("TLS cannot be set up: {fault}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    Ok(config)
}

/// An error with its sources, which say what the error itself does not.
pub fn chain(fault: &dyn StdError) -> String {
    let mut text = fault.to_string();
    let mut source = fault.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// The addresses of a host by the system's resolver, in its order.
///
/// # Errors
/// When the name has none or nobody answers in time.
pub async fn addresses(host: &str, port: u16, limit: Duration) -> std::io::Result<Vec<SocketAddr>> {
    let found = tokio::time::timeout(limit, tokio::net::lookup_host((host, port))).await;
    Ok(found.map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))??.collect())
}

/// Resolves names to addresses of the public internet only, so that nobody who names a host makes us ask a machine inside
/// the network that we run in; the connection is made to one of them.
pub struct PublicNames {
    /// Other addresses count, too.
    pub allow_private: bool,
    /// The most time for one name.
    pub limit: Duration,
}

impl Resolve for PublicNames {
    fn resolve(&self, name: Name) -> Resolving {
        let (allow_private, limit) = (self.allow_private, self.limit);
        Box::pin(async move {
            // Port 0 stands for the port of the URL.
            let mut found = addresses(name.as_str(), 0, limit).await?;
            found.retain(|address| allow_private || is_public(address.ip()));
            if found.is_empty() {
                return Err("the host has no address of the public internet".into());
            }
            let found: Addrs = Box::new(found.into_iter());
            Ok(found)
        })
    }
}
