//! What comes in.

use std::collections::BTreeMap;

use klaar_domain::kernel::patch::Patch;
use klaar_domain::kernel::secrets::Secret;
use klaar_domain::senders::{BounceDraft, Draft, SenderChange, ServerDraft};
use serde::{Deserialize, Serialize, Serializer};
use utoipa::ToSchema;

use crate::body::Whole;
use crate::shapes::{EmailAddressOrBlank, MailSecurityWord, MailSignIn, MailboxSignIn, Signatures};

/// A sender to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSender, example = json!({
    "name": "Practice", "from_name": "Maes & Partners", "from_address": "info@maes.example", "reply_to": "an@maes.example",
    "signatures": { "nl": "Met vriendelijke groeten\nMaes & Partners" },
    "server": { "host": "mail.maes.example", "port": 465, "security": "tls",
        "sign_in": { "kind": "password", "username": "info@maes.example", "password": "a long password" } },
    "bounces": { "host": "mail.maes.example", "sign_in": { "kind": "password", "username": "bounces@maes.example",
        "password": "a long password" }, "return_path": "bounces@maes.example" },
    "per_minute": 60, "per_day": 2000, "default": true
}))]
pub struct SenderIn {
    /// What the practice calls it, up to 100 characters.
    #[schema(pattern = r"^[\s\x85]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]{0,99}[\s\x85]*$")]
    name: String,
    /// The name that readers see, up to 100 characters; the practice's name when not given.
    #[schema(pattern = r"^[\s\x85]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]{0,99}[\s\x85]*$")]
    from_name: Option<String>,
    /// The address that readers see; needed with a server, and not given without one: then it is the installation's.
    #[schema(value_type = Option<EmailAddressOrBlank>)]
    from_address: Option<String>,
    /// Where answers go, when not to the address they came from.
    #[schema(value_type = Option<EmailAddressOrBlank>)]
    reply_to: Option<String>,
    /// What stands below a mail, by language, up to 2,000 characters each.
    #[serde(default)]
    #[schema(value_type = Signatures)]
    signatures: BTreeMap<String, String>,
    /// The mail server; the installation's when not given.
    server: Option<ServerIn>,
    /// The mailbox that mails come back to when they cannot be delivered; only with a mail server of its own.
    bounces: Option<BouncesIn>,
    /// Mails a minute; as many as go when not given.
    #[schema(value_type = Option<i32>, minimum = 1, maximum = 10_000)]
    per_minute: Option<Whole>,
    /// Mails a day in the practice's time zone; as many as go when not given.
    #[schema(value_type = Option<i32>, minimum = 1, maximum = 1_000_000)]
    per_day: Option<Whole>,
    /// It is taken when nobody says another; the first one always is.
    #[serde(default)]
    default: bool,
}

/// A mail server.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewMailServer, example = json!({ "host": "mail.maes.example", "port": 465, "security": "tls",
    "sign_in": { "kind": "password", "username": "info@maes.example", "password": "a long password" } }))]
pub struct ServerIn {
    /// Its name or address.
    #[schema(pattern = r"^[\s\x85]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]{0,252}[\s\x85]*$")]
    host: String,
    /// Its port; when not given 465, 587 or 25, by the security.
    #[schema(value_type = Option<i32>, minimum = 1, maximum = 65_535)]
    port: Option<Whole>,
    /// TLS from the first byte (`tls`, when not given), after STARTTLS, or none, which only a server on this machine may have.
    #[schema(value_type = Option<MailSecurityWord>)]
    security: Option<String>,
    /// How to sign in; not at all when not given.
    #[schema(value_type = Option<MailSignIn>)]
    sign_in: Option<SignInIn>,
}

/// A mailbox that mails come back to, read by IMAP every five minutes; nothing in it is changed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewBounceMailbox, example = json!({ "host": "mail.maes.example", "port": 993, "security": "tls",
    "sign_in": { "kind": "password", "username": "bounces@maes.example", "password": "a long password" },
    "folder": "INBOX", "return_path": "bounces@maes.example" }))]
pub struct BouncesIn {
    /// The name or address of its server.
    #[schema(pattern = r"^[\s\x85]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]{0,252}[\s\x85]*$")]
    host: String,
    /// Its port; when not given 993 with `tls` and 143 otherwise.
    #[schema(value_type = Option<i32>, minimum = 1, maximum = 65_535)]
    port: Option<Whole>,
    /// TLS from the first byte (`tls`, when not given), after STARTTLS, or none, which only a server on this machine may have.
    #[schema(value_type = Option<MailSecurityWord>)]
    security: Option<String>,
    /// How to sign in.
    #[schema(value_type = MailboxSignIn)]
    sign_in: Option<SignInIn>,
    /// The folder as the server calls it, in letters of ASCII; `INBOX` when not given.
    #[schema(value_type = Option<String>, pattern = r"^\s*[ -~]{0,255}\s*$")]
    folder: Option<String>,
    /// The address that mails come back to, with at most 24 characters before its `@`: each puts a mark of its own behind a plus there,
    /// by which a report is known for certain. When not given, mails come back to the address that readers see, and reports are
    /// known by the mail that they are about.
    #[schema(value_type = Option<EmailAddressOrBlank>)]
    return_path: Option<String>,
}

/// Descriptions of defaults ask for it; nothing of a mailbox is ever written.
impl Serialize for BouncesIn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_none()
    }
}

/// How to sign in to a mail server, by its kind.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignInIn {
    kind: String,
    username: Option<String>,
    password: Option<Secret>,
    token_url: Option<String>,
    client_id: Option<String>,
    client_secret: Option<Secret>,
    refresh_token: Option<Secret>,
}

impl std::fmt::Debug for SignInIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignInIn").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// Descriptions of defaults ask for it; nothing of a server is ever written.
impl Serialize for ServerIn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_none()
    }
}

/// A change to a sender: an absent field stays, null clears it, a value sets it. A server and a bounce mailbox are replaced as a whole.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = SenderPatch, example = json!({ "reply_to": "an@maes.example", "per_minute": null }))]
pub struct SenderPatch {
    /// What the practice calls it, up to 100 characters.
    #[schema(value_type = String, pattern = r"^[\s\x85]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]{0,99}[\s\x85]*$")]
    name: Patch<String>,
    /// The name that readers see, up to 100 characters.
    #[schema(value_type = String, pattern = r"^[\s\x85]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]{0,99}[\s\x85]*$")]
    from_name: Patch<String>,
    /// The address that readers see.
    #[schema(value_type = Option<EmailAddressOrBlank>)]
    from_address: Patch<String>,
    /// Where answers go.
    #[schema(value_type = Option<EmailAddressOrBlank>)]
    reply_to: Patch<String>,
    /// All signatures anew.
    #[schema(value_type = Option<Signatures>)]
    signatures: Patch<BTreeMap<String, String>>,
    /// The mail server; null for the installation's.
    #[schema(value_type = Option<ServerIn>)]
    server: Patch<ServerIn>,
    /// The mailbox that mails come back to; null for none, and gone with the server.
    #[schema(value_type = Option<BouncesIn>)]
    bounces: Patch<BouncesIn>,
    /// Mails a minute.
    #[schema(value_type = Option<i32>, minimum = 1, maximum = 10_000)]
    per_minute: Patch<Whole>,
    /// Mails a day.
    #[schema(value_type = Option<i32>, minimum = 1, maximum = 1_000_000)]
    per_day: Patch<Whole>,
    /// True: it is taken when nobody says another.
    #[schema(value_type = bool)]
    default: Patch<bool>,
}

impl From<ServerIn> for ServerDraft {
    fn from(said: ServerIn) -> Self {
        let ServerIn { host, port, security, sign_in } = said;
        let port = port.map(|port| port.0);
        let bare = Self { host, port, security, ..Self::default() };
        let Some(SignInIn { kind, username, password, token_url, client_id, client_secret, refresh_token }) = sign_in
        else {
            return bare;
        };
        Self { sign_in: Some(kind), username, token_url, client_id, password, client_secret, refresh_token, ..bare }
    }
}

impl From<BouncesIn> for BounceDraft {
    fn from(said: BouncesIn) -> Self {
        let BouncesIn { host, port, security, sign_in, folder, return_path } = said;
        Self { server: ServerIn { host, port, security, sign_in }.into(), folder, return_path }
    }
}

impl From<SenderIn> for Draft {
    fn from(said: SenderIn) -> Self {
        let SenderIn { name, from_name, from_address, reply_to, signatures, per_minute, per_day, .. } = said;
        let (server, bounces) = (said.server.map(ServerDraft::from), said.bounces.map(BounceDraft::from));
        let (per_minute, per_day) = (per_minute.map(|most| most.0), per_day.map(|most| most.0));
        let is_default = said.default;
        Self { name, from_name, from_address, reply_to, signatures, server, bounces, per_minute, per_day, is_default }
    }
}

impl From<SenderPatch> for SenderChange {
    fn from(said: SenderPatch) -> Self {
        let SenderPatch { name, from_name, from_address, reply_to, signatures, per_minute, per_day, .. } = said;
        let (server, bounces) = (said.server.map(ServerDraft::from), said.bounces.map(BounceDraft::from));
        let (per_minute, per_day) = (per_minute.map(|most| most.0), per_day.map(|most| most.0));
        let is_default = said.default;
        Self { name, from_name, from_address, reply_to, signatures, server, bounces, per_minute, per_day, is_default }
    }
}
