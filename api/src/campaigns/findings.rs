//! What a preflight says.

use std::collections::BTreeMap;

use klaar_domain::campaigns::{Finding, Preflight, Weight};
use klaar_domain::clients::ClientId;
use klaar_domain::kernel::catalogue::{self, Language};
use serde::Serialize;
use utoipa::ToSchema;

use crate::answers::FindingBlocks;

/// What would happen if a campaign began now.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CampaignPreflight, example = json!({
    "may_begin": false, "audience": 412, "archived": 0, "mails": 404, "by_language": { "nl": 300, "fr": 104 }, "unwritten": {},
    "unreachable": { "clients": 5, "named": [{ "client_id": "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "name": "Bakkerij Peeters" }] },
    "suppressed": 2, "shared_mailboxes": { "addresses": 1, "clients": 2 }, "mailed_lately": { "clients": 12, "last_at": "2026-11-20T09:00:00.000000Z" },
    "missing": [{ "variable": "client.vat_number", "clients": 3, "named": [] }], "attached_bytes": { "nl": 252232, "fr": 0 }, "estimated_seconds": 404,
    "findings": [{ "code": "values_missing", "blocks": true, "title": "Some clients have no value for client.vat_number." }]
}))]
pub struct PreflightOut {
    /// Nothing stops it.
    may_begin: bool,
    /// Clients that would get a row in the ledger.
    audience: i64,
    /// Clients that are meant but archived: they are left out.
    archived: i64,
    /// Mails that would go out.
    mails: i64,
    /// Mails by the language that they would be in.
    #[schema(value_type = std::collections::HashMap<String, i64>)]
    by_language: BTreeMap<Language, i64>,
    /// Clients by their language, where the template is not written in it: they would read another.
    #[schema(value_type = std::collections::HashMap<String, i64>)]
    unwritten: BTreeMap<Language, i64>,
    /// Clients of which neither the card nor a contact has an address.
    unreachable: NamedOut,
    /// Clients whose address gets no such mails.
    suppressed: i64,
    /// Addresses that several clients have.
    shared_mailboxes: SharedOut,
    /// Clients that got a mail within the last 14 days.
    mailed_lately: LatelyOut,
    /// Variables that some clients have no value for. As long as there are any, it cannot begin.
    missing: Vec<MissingOut>,
    /// How many bytes of attached files each mail would carry on its way, by the language that it would be in.
    #[schema(value_type = std::collections::HashMap<String, i64>)]
    attached_bytes: BTreeMap<Language, i64>,
    /// How long it would take at the slowest of the rates; at 600 mails a minute where nothing limits it.
    estimated_seconds: i64,
    /// What somebody should know; what stops it first.
    findings: Vec<FindingOut>,
}

/// Clients, of which the first 50 are named.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NamedClients, example = json!({ "clients": 1, "named": [{ "client_id": "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "name": "Bakkerij Peeters" }] }))]
pub struct NamedOut {
    /// How many.
    clients: i64,
    /// Some of them.
    named: Vec<NamedClientOut>,
}

/// A client by name.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = NamedClient, example = json!({ "client_id": "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "name": "Bakkerij Peeters" }))]
pub struct NamedClientOut {
    /// The client.
    client_id: String,
    /// Its name.
    name: String,
}

/// Addresses that several clients have.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SharedMailboxes, example = json!({ "addresses": 1, "clients": 3 }))]
pub struct SharedOut {
    /// How many addresses.
    addresses: i64,
    /// How many clients have one of them.
    clients: i64,
}

/// Clients that got a mail lately.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MailedLately, example = json!({ "clients": 12, "last_at": "2026-11-20T09:00:00.000000Z" }))]
pub struct LatelyOut {
    /// How many.
    clients: i64,
    /// When the last of them did.
    last_at: Option<String>,
}

/// A variable that some clients have no value for.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MissingValues, example = json!({ "variable": "client.vat_number", "clients": 1,
    "named": [{ "client_id": "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "name": "Bakkerij Peeters" }] }))]
pub struct MissingOut {
    /// The variable.
    variable: String,
    /// How many clients lack it.
    clients: i64,
    /// The first 50 of them.
    named: Vec<NamedClientOut>,
}

/// Something that somebody should know before a campaign begins.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PreflightFinding, example = json!({ "code": "unreachable", "blocks": false, "title": "5 clients have no address." }))]
pub struct FindingOut {
    /// Stable code.
    #[schema(value_type = FindingBlocks)]
    code: &'static str,
    /// It stops the campaign.
    blocks: bool,
    /// What it is and what to do, in the caller's language.
    title: String,
}

impl NamedOut {
    /// So many clients, of which these are named.
    pub fn of(clients: i64, some: Vec<(ClientId, String)>) -> Self {
        Self { clients, named: named(some) }
    }
}

fn named(clients: Vec<(ClientId, String)>) -> Vec<NamedClientOut> {
    clients.into_iter().map(|(id, name)| NamedClientOut { client_id: id.to_string(), name }).collect()
}

impl PreflightOut {
    /// The preflight for a reader of this language.
    pub fn of(seen: Preflight, language: Language) -> Self {
        let title = |one: &Finding| catalogue::text(language, &format!("finding.{}", one.code), &one.params);
        Self {
            may_begin: seen.blocks().is_empty(),
            audience: seen.audience,
            archived: seen.archived,
            mails: seen.mails,
            by_language: seen.by_language,
            unwritten: seen.unwritten,
            unreachable: NamedOut::of(seen.unreachable, seen.unreachable_named),
            suppressed: seen.suppressed,
            shared_mailboxes: SharedOut { addresses: seen.shared_mailboxes, clients: seen.sharing_clients },
            mailed_lately: LatelyOut {
                clients: seen.mailed_lately.clients,
                last_at: seen.mailed_lately.last_at.map(|at| at.to_string()),
            },
            missing: seen
                .lacking
                .into_iter()
                .map(|one| MissingOut { variable: one.variable, clients: one.clients, named: named(one.named) })
                .collect(),
            attached_bytes: seen.attached,
            estimated_seconds: seen.seconds,
            findings: seen
                .findings
                .iter()
                .map(|one| FindingOut { code: one.code, blocks: one.weight == Weight::Blocks, title: title(one) })
                .collect(),
        }
    }
}
