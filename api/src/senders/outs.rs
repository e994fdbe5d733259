//! What goes out.

use std::collections::{BTreeMap, HashMap};

use klaar_domain::bounces::{MailboxId, Reading};
use klaar_domain::kernel::catalogue::{self, Language};
use klaar_domain::kernel::config::MailSettings;
use klaar_domain::kernel::error::FieldError;
use klaar_domain::senders::{BounceBox, Sender, ServerCard};
use serde::Serialize;
use utoipa::ToSchema;

use crate::shapes::{EmailAddress, MailSecurityWord, MailSignInWord, Signatures};

/// A sender.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Sender, example = json!({
    "id": "snd_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "name": "Practice", "from_name": "Maes & Partners", "from_address": "info@maes.example",
    "reply_to": null, "signatures": { "nl": "Met vriendelijke groeten\nMaes & Partners" },
    "server": { "host": "mail.maes.example", "port": 465, "security": "tls",
        "sign_in": { "kind": "password", "username": "info@maes.example", "token_url": null, "client_id": null } },
    "bounces": { "host": "mail.maes.example", "port": 993, "security": "tls", "sign_in": { "kind": "password", "username": "bounces@maes.example",
        "token_url": null, "client_id": null }, "folder": "INBOX", "return_path": "bounces@maes.example",
        "read_at": "2026-11-22T09:05:20.000000Z", "fault": null },
    "per_minute": 60, "per_day": null, "default": true, "tested_at": "2026-11-22T09:00:00.000000Z", "revision": 1,
    "created_at": "2026-11-22T09:00:00.000000Z", "updated_at": "2026-11-22T09:00:00.000000Z"
}))]
pub struct SenderOut {
    /// The sender's identifier.
    id: String,
    /// What the practice calls it.
    name: String,
    /// The name that readers see.
    from_name: String,
    /// The address that readers see; null for the installation's, which the list of senders names.
    #[schema(value_type = Option<EmailAddress>)]
    from_address: Option<String>,
    /// Where answers go; null for the address that they came from.
    #[schema(value_type = Option<EmailAddress>)]
    reply_to: Option<String>,
    /// What stands below a mail, by language.
    #[schema(value_type = Signatures)]
    signatures: BTreeMap<Language, String>,
    /// The mail server; null for the installation's.
    server: Option<ServerOut>,
    /// The mailbox that mails come back to when they cannot be delivered; null for none.
    bounces: Option<BouncesOut>,
    /// Mails a minute; null for as many as go.
    per_minute: Option<i32>,
    /// Mails a day in the practice's time zone; null for as many as go.
    per_day: Option<i32>,
    /// It is taken when nobody says another.
    default: bool,
    /// When its own server last let us in.
    tested_at: Option<String>,
    /// Raised with each change; also the ETag.
    revision: i64,
    /// When it was made.
    created_at: String,
    /// When it was last changed.
    updated_at: String,
}

/// A mail server, without what is secret of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MailServer, example = json!({ "host": "mail.maes.example", "port": 465, "security": "tls",
    "sign_in": { "kind": "password", "username": "info@maes.example", "token_url": null, "client_id": null } }))]
pub struct ServerOut {
    /// Its name or address.
    host: String,
    /// Its port.
    port: u16,
    /// How the dialogue with it is kept from being read.
    #[schema(value_type = MailSecurityWord)]
    security: &'static str,
    /// How to sign in.
    sign_in: SignInOut,
}

/// How to sign in to a mail server, without what is secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MailSignIn, example = json!({ "kind": "password", "username": "info@maes.example", "token_url": null, "client_id": null }))]
pub struct SignInOut {
    /// Not at all, by password, or by an access token.
    #[schema(value_type = MailSignInWord)]
    kind: &'static str,
    /// Who signs in.
    username: Option<String>,
    /// Where access tokens are asked for.
    token_url: Option<String>,
    /// The program that the refresh token was given to.
    client_id: Option<String>,
}

/// A mailbox that mails come back to, without what is secret of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BounceMailbox, example = json!({ "host": "mail.maes.example", "port": 993, "security": "tls",
    "sign_in": { "kind": "password", "username": "bounces@maes.example", "token_url": null, "client_id": null },
    "folder": "INBOX", "return_path": "bounces@maes.example", "read_at": "2026-11-22T09:05:20.000000Z", "fault": null }))]
pub struct BouncesOut {
    /// The name or address of its server.
    host: String,
    /// Its port.
    port: u16,
    /// How the dialogue with it is kept from being read.
    #[schema(value_type = MailSecurityWord)]
    security: &'static str,
    /// How to sign in.
    sign_in: SignInOut,
    /// The folder.
    folder: String,
    /// The address that mails come back to, each with its own mark; null for the one that readers see.
    #[schema(value_type = Option<EmailAddress>)]
    return_path: Option<String>,
    /// When it was last read.
    read_at: Option<String>,
    /// What went wrong at the last try; null when nothing.
    fault: Option<ReadingFault>,
}

/// Why a mailbox could not be read.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BounceMailboxFault, example = json!({ "code": "bounce_mailbox_unusable",
    "title": "The mailbox that mails come back to cannot be read: the mail server did not answer in time. Test the sender." }))]
pub struct ReadingFault {
    /// Stable code.
    code: String,
    /// What happened and what to do, in the caller's language.
    title: String,
}

impl BouncesOut {
    fn of(bounces: BounceBox, reading: Option<&Reading>, language: Language) -> Self {
        let ServerOut { host, port, security, sign_in } = bounces.server.into();
        let (read_at, fault) = told(reading, language);
        Self { host, port, security, sign_in, folder: bounces.folder, return_path: bounces.return_path, read_at, fault }
    }
}

/// How the last readings of a mailbox went, for a reader of this language.
fn told(reading: Option<&Reading>, language: Language) -> (Option<String>, Option<ReadingFault>) {
    let fault = reading.and_then(|reading| reading.fault.as_ref()).map(|problem| {
        let mut title = catalogue::text(language, &format!("problem.{}", problem.code), &[]);
        for (name, value) in &problem.params {
            title = title.replace(&format!("{{{name}}}"), value);
        }
        ReadingFault { code: problem.code.clone(), title }
    });
    (reading.and_then(|reading| reading.read_at).map(|at| at.to_string()), fault)
}

/// All senders.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SenderList, example = json!({ "items": [], "shared": { "from_address": "post@klaar.example", "bounces": null } }))]
pub struct SendersOut {
    /// In the order in which they were made.
    items: Vec<SenderOut>,
    /// What the installation offers to senders without a server of their own; null when nothing.
    shared: Option<SharedOut>,
}

/// The mail server that an installation offers.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SharedMailServer, example = json!({ "from_address": "post@klaar.example", "bounces": { "read_at": "2026-11-22T09:05:20.000000Z", "fault": null } }))]
pub struct SharedOut {
    /// The address that its mails come from.
    #[schema(value_type = EmailAddress)]
    from_address: String,
    /// The mailbox that they come back to; null when it has none.
    bounces: Option<SharedBouncesOut>,
}

/// The mailbox that mails by the installation's server come back to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SharedBounceMailbox, example = json!({ "read_at": "2026-11-22T09:05:20.000000Z", "fault": null }))]
pub struct SharedBouncesOut {
    /// When it was last read.
    read_at: Option<String>,
    /// What went wrong at the last try; null when nothing.
    fault: Option<ReadingFault>,
}

impl From<ServerCard> for ServerOut {
    fn from(card: ServerCard) -> Self {
        let sign_in = SignInOut {
            kind: card.sign_in.as_str(),
            username: card.username,
            token_url: card.token_url.map(String::from),
            client_id: card.client_id,
        };
        Self { host: card.host, port: card.port, security: card.security.as_str(), sign_in }
    }
}

impl SenderOut {
    /// A sender, and how its mailbox was last read, for a reader of this language.
    pub fn of(sender: Sender, reading: Option<&Reading>, language: Language) -> Self {
        Self {
            id: sender.id.to_string(),
            name: sender.name,
            from_name: sender.from_name,
            from_address: sender.from_address,
            reply_to: sender.reply_to,
            signatures: sender.signatures,
            server: sender.server.map(ServerOut::from),
            bounces: sender.bounces.map(|bounces| BouncesOut::of(bounces, reading, language)),
            per_minute: sender.limits.per_minute,
            per_day: sender.limits.per_day,
            default: sender.is_default,
            tested_at: sender.tested_at.map(|at| at.to_string()),
            revision: sender.revision,
            created_at: sender.created_at.to_string(),
            updated_at: sender.updated_at.to_string(),
        }
    }
}

/// How a try of a sender's mail server went.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SenderTest, example = json!({ "passed": false, "fault": { "pointer": "/server/host", "code": "server_unreachable",
    "message": "The mail server cannot be reached: Connection refused. Check its name and port." }, "tested_at": null }))]
pub struct TestOut {
    /// The server has let us in.
    passed: bool,
    /// What went wrong; null when nothing.
    fault: Option<TestFault>,
    /// When the sender's own server last let us in.
    tested_at: Option<String>,
}

/// What went wrong with a mail server.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MailServerFault, example = json!({ "pointer": "/server/host", "code": "server_unreachable",
    "message": "The mail server cannot be reached: Connection refused. Check its name and port." }))]
pub struct TestFault {
    /// The field of the sender that it is about.
    pointer: String,
    /// The stable code.
    code: &'static str,
    /// What is wrong and how to mend it, in the caller's language.
    message: String,
}

impl TestOut {
    /// What a try found, for a sender as it is now.
    pub fn of(sender: &Sender, fault: Option<FieldError>, language: Language) -> Self {
        let fault = fault.map(|fault| TestFault {
            message: catalogue::text(language, &format!("field.{}", fault.code), &fault.params),
            pointer: fault.pointer,
            code: fault.code,
        });
        let tested_at = sender.tested_at.map(|at| at.to_string());
        Self { passed: fault.is_none(), fault, tested_at }
    }
}

impl SendersOut {
    /// All senders, and what the installation offers.
    pub fn of(
        senders: Vec<Sender>,
        readings: &HashMap<MailboxId, Reading>,
        mail: &MailSettings,
        language: Language,
    ) -> Self {
        let shared = mail.shared.as_ref().map(|shared| SharedOut {
            from_address: shared.from.clone(),
            bounces: mail.bounces.as_ref().map(|_| {
                let (read_at, fault) = told(readings.get(&MailboxId::Shared), language);
                SharedBouncesOut { read_at, fault }
            }),
        });
        let out = |sender: Sender| {
            let reading = readings.get(&MailboxId::Of(sender.id));
            SenderOut::of(sender, reading, language)
        };
        Self { items: senders.into_iter().map(out).collect(), shared }
    }
}
