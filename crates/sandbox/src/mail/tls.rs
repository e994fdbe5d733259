//! TLS on the mail server (RFC 8314 for the listener of its own, RFC 3207 for STARTTLS).

use std::sync::Arc;

use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivatePkcs8KeyDer},
};

use crate::{SandboxError, pki::ServerCertificate};

/// What a TLS server with this certificate needs: TLS 1.2 and 1.3, no certificate asked of the client.
///
/// # Errors
/// When certificate and key do not go together.
pub(crate) fn server_config(certificate: &ServerCertificate) -> Result<Arc<ServerConfig>, SandboxError> {
    let chain = vec![CertificateDer::from(certificate.der.clone())];
    let key = PrivatePkcs8KeyDer::from(certificate.key.serialize_der());
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key.into())?;
    Ok(Arc::new(config))
}
