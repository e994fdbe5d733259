//! An offline Peppol and mail world with switchable faults: a name server with the Service Metadata Locator's zone, a
//! service metadata publisher (SMP) with a public key infrastructure of its own, and a mail server that delivers nothing.
//!
//! The product's real look-up and mail code runs against it in `klaar sandbox`, `klaar demo` and the tests. Everything
//! listens on loopback addresses only. Any participant identifier gets an answer drawn from its hash (see `population`
//! for the shares); a [`Script`] overrides it for one participant, a [`Fault`] disturbs a layer for a while.
//!
//! # Addresses
//! Point the product's resolver at [`Sandbox::dns_addr`], its Peppol zone at [`Sandbox::zone`], its mail at
//! [`Sandbox::smtp_addr`], and allow plain http and private addresses for the SMP. For mail over TLS there is
//! [`Sandbox::smtps_addr`], and STARTTLS where [`Settings::offers_starttls`] says so; both need
//! [`Sandbox::root_certificate_pem`] as trust anchor. With [`Settings::mail_accounts`] a client must sign in, by PLAIN,
//! LOGIN or XOAUTH2; [`Sandbox::token_url`] gives access tokens for the latter. The mailbox that mails come back to is read by IMAP at
//! [`Sandbox::imap_addr`] and [`Sandbox::imaps_addr`], by the same accounts; [`Sandbox::send_back`] puts mails there.
//!
//! # Control
//! On [`Sandbox::page_addr`]: `/` is a page for people with the world's addresses, faults in force and mails. JSON:
//!
//! | request | meaning |
//! |---|---|
//! | `GET /api/world` | zone, addresses, access points |
//! | `GET /api/root.pem` | root certificate |
//! | `GET /api/authorities.pem` | root, access points' CA and SMPs' CA |
//! | `GET /api/faults` | faults in force, each with its number and how often it struck |
//! | `POST /api/faults` | one more [`Fault`]; answers `{"id":n}` |
//! | `PUT /api/faults` | a list of faults in place of those in force |
//! | `DELETE /api/faults`, `DELETE /api/faults/{id}` | switches all off, or one |
//! | `GET /api/participants` | all scripts by identifier |
//! | `PUT /api/participants` | adds scripts: `{"0208:0677424046":{…},…}` |
//! | `PUT /api/participants/{identifier}` | one [`Script`] |
//! | `GET /api/participants/{identifier}` | the script of one participant |
//! | `DELETE /api/participants`, `DELETE /api/participants/{identifier}` | back to the hash for all, or for one |
//! | `GET /api/counters`, `DELETE /api/counters` | [`Totals`]; starts counting anew |
//! | `GET /api/counters/{identifier}` | [`Requests`] about one identifier |
//! | `POST /oauth/token` | an access token for a mail account's secret (RFC 6749, section 6) |
//! | `DELETE /api/access-tokens` | makes all access tokens invalid |
//! | `GET /api/mails`, `DELETE /api/mails` | mails kept, oldest first, as [`ReadMail`]; throws them away |
//! | `GET /api/mails/{id}`, `GET /api/mails/{id}/source` | one mail; as it came in |
//!
//! ```text
//! curl -X POST localhost:PORT/api/faults -H 'content-type: application/json' \
//!   -d '{"effect":{"smp_group":{"status":{"code":429,"retry_after_seconds":2}}},"share":20}'
//! curl -X PUT localhost:PORT/api/participants/0208:0677424046 -H 'content-type: application/json' \
//!   -d '{"access_point":"POP900003","documents":["billing_invoice"]}'
//! ```
//! Effects: `{"dns":"nxdomain"|"nodata"|"servfail"|"refused"|"timeout"}`; `{"smp":…}`, `{"smp_group":…}` or
//! `{"smp_metadata":…}` with `{"status":{"code":500}}`, `{"slow_drip":{"pause_ms":500}}`, `"broken_xml"`,
//! `"other_participant"`, `"redirect_loop"`, `{"redirect_to":"http://…"}`, `"reset"`, `"hang"`;
//! `{"smtp":{"at":STEP,"does":EFFECT}}` with the steps `"connect"`, `"ehlo"`, `"start_tls"`, `"mail"`, `"rcpt"`, `"data"`,
//! `"message"` and the effects `{"reply":452}`, `"drop"`, `{"slow":{"pause_ms":500}}`, `"silence"`,
//! `{"slow_bytes":{"pause_ms":50}}`, at `"rcpt"` also `{"greylist":{"pause_ms":60000}}`, at `"start_tls"` also `"bad_tls"`.

mod control;
mod counters;
mod dns;
mod error;
mod faults;
mod http;
mod label;
mod mail;
mod pki;
mod population;
mod sandbox;
mod script;
mod scripts;
mod settings;
mod smp;
#[cfg(test)]
mod testing;
mod world;

pub use counters::{Requests, Totals};
pub use error::SandboxError;
pub use faults::{DnsEffect, Effect, Fault, FaultInForce, SmpEffect, SmtpEffect, SmtpStep};
pub use label::Label;
pub use mail::{Attachment, ImapEffect, MAX_KEPT_BYTES, MAX_MAIL_BYTES, Mail, MailAccount, ReadMail};
pub use pki::{ACCESS_POINTS, AccessPoint};
pub use sandbox::Sandbox;
pub use script::{
    CertificateForm, DocumentForm, DocumentType, Endpoint, HrefForm, NaptrForm, Redirect, Registration, Script,
    SignatureForm,
};
pub use settings::Settings;
