//! What a sandbox is started with.

use std::net::{Ipv4Addr, SocketAddr};

use crate::mail::{MAX_MAIL_BYTES, MailAccount};

/// What a sandbox is started with. Every address must be a loopback address; port 0 takes a free one.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Name server, UDP and TCP.
    pub dns: SocketAddr,
    /// SMP, plain HTTP.
    pub smp: SocketAddr,
    /// Mail server.
    pub smtp: SocketAddr,
    /// The same mail server behind TLS from the first byte (RFC 8314, section 3.3).
    pub smtps: SocketAddr,
    /// The mailbox that mails come back to (RFC 3501).
    pub imap: SocketAddr,
    /// The same behind TLS from the first byte (RFC 8314, section 3.2).
    pub imaps: SocketAddr,
    /// Page and control.
    pub page: SocketAddr,
    /// The Service Metadata Locator's zone.
    pub zone: String,
    /// Mails kept at most; older ones make place.
    pub kept_mails: usize,
    /// Whether STARTTLS is offered at `smtp` (RFC 3207).
    pub offers_starttls: bool,
    /// The largest mail that the server says it takes (RFC 1870), in bytes.
    pub largest_mail: usize,
    /// Who may send: when there are accounts, AUTH is offered (only over TLS where STARTTLS is) and MAIL needs a sign-in
    /// (RFC 4954); when there are none, every mail is taken.
    pub mail_accounts: Vec<MailAccount>,
}

impl Default for Settings {
    fn default() -> Self {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            dns: any,
            smp: any,
            smtp: any,
            smtps: any,
            imap: any,
            imaps: any,
            page: any,
            zone: "sml.sandbox.test".to_owned(),
            kept_mails: 500,
            offers_starttls: false,
            largest_mail: MAX_MAIL_BYTES,
            mail_accounts: Vec::new(),
        }
    }
}
