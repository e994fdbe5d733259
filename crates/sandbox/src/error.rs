//! What can go wrong with a sandbox itself.

use std::{io, net::SocketAddr};

/// Why a sandbox does not start, or refuses a script or fault.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The sandbox never listens to the outside.
    #[error("{0} is not a loopback address")]
    NotLoopback(SocketAddr),
    /// The zone is not a domain name with room for participants below it.
    #[error("{0:?} cannot be the zone")]
    Zone(String),
    /// A listener cannot be bound.
    #[error("{part} cannot listen on {address}: {source}")]
    Listen {
        /// Which part.
        part: &'static str,
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// An HTTP server cannot be started.
    #[error("an HTTP server cannot be started: {0}")]
    Serve(io::Error),
    /// The certificates cannot be made.
    #[error("the certificates cannot be made: {0}")]
    Certificates(#[from] rcgen::Error),
    /// The mail server cannot speak TLS.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// The test key cannot be used.
    #[error("the test signing key cannot be used")]
    SigningKey,
    /// A participant identifier without issuing agency code, too long, or not in printable ASCII.
    #[error("{0:?} is not a participant identifier such as 0208:0677424046")]
    Identifier(String),
    /// A seat id that none of the access points has.
    #[error("there is no access point {0:?} here")]
    UnknownAccessPoint(String),
    /// An SMP URL that does not fit into a NAPTR record.
    #[error("{0:?} is too long for a NAPTR record")]
    SmpUrl(String),
    /// A number of redirects that cannot be played.
    #[error("a redirect has 1 or 2 hops, not {0}")]
    RedirectHops(u8),
    /// A percentage above 100.
    #[error("a share is a percentage, not {0}")]
    Share(u8),
    /// A status that is no fault.
    #[error("a fault has a status from 400 to 599, not {0}")]
    Status(u16),
    /// An effect that cannot happen at the step of the mail dialogue it was given for.
    #[error("greylist is for the step rcpt, bad_tls for start_tls")]
    Step,
    /// A bound of the sandbox is reached.
    #[error("no more than {1} {0}")]
    TooMany(&'static str, usize),
}
