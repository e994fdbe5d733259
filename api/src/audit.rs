//! The audit trail of the whole practice.

use actix_web::get;
use actix_web::web::Query;
use klaar_domain::kernel::actor::Actor;
use klaar_domain::kernel::audit::{self, Entry};
use klaar_domain::kernel::page;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::guards::{AuditRead, May};
use crate::mounting::Routes;
use crate::problem::Problem;
use crate::reply::{PageOut, Reply};

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Where the page starts: `next_cursor` of the page before.
    #[param(pattern = "^[A-Za-z0-9_-]+$", example = "NDI")]
    pub cursor: Option<String>,
    /// Rows of a page, 1 to 200; 50 when not given.
    #[param(minimum = 1, maximum = 200, example = 50)]
    pub limit: Option<u32>,
}

/// One thing that happened.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditEntry, example = json!({
    "id": "aud_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "kind": "api_key.created", "at": "2026-11-21T10:30:00.000000Z", "source": "api",
    "subject": "key_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "actor": { "kind": "member", "id": "mem_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "name": "Céline Maes" },
    "operation_id": null, "before": null, "after": { "name": "Front end", "scopes": ["clients:read"] }
}))]
pub struct EntryOut {
    /// The entry's identifier.
    id: String,
    /// Stable kind: `client.updated`, `api_key.created`, …
    kind: String,
    /// When.
    at: String,
    /// By which way it came in: `api`, `import`, `nightly`, `command_line`, `system`.
    source: String,
    /// What it happened to; null when it happened to many clients at once.
    subject: Option<String>,
    /// Who did it.
    actor: ActorOut,
    /// The operation it was part of.
    operation_id: Option<String>,
    /// The state before; for clients the values stand in their history.
    #[schema(value_type = Option<Value>)]
    before: Option<Value>,
    /// The state after.
    #[schema(value_type = Option<Value>)]
    after: Option<Value>,
}

/// Who did something.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Actor, example = json!({ "kind": "member", "id": "mem_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "name": "Céline Maes" }))]
pub struct ActorOut {
    /// `member`, `api_key`, `operator` or `system`.
    pub(crate) kind: String,
    /// The member's or key's identifier.
    pub(crate) id: Option<String>,
    /// The name at that time.
    pub(crate) name: String,
}

impl ActorOut {
    /// Who an entry says did it.
    pub fn of(entry: &Entry) -> Self {
        Self { kind: entry.actor_kind.clone(), id: entry.actor_id.clone(), name: entry.actor_name.clone() }
    }

    /// An actor.
    pub fn of_actor(actor: Actor) -> Self {
        Self { kind: actor.kind.as_str().to_owned(), id: actor.id, name: actor.name }
    }
}

impl From<Entry> for EntryOut {
    fn from(entry: Entry) -> Self {
        let actor = ActorOut::of(&entry);
        Self {
            id: entry.id.to_string(),
            kind: entry.kind,
            at: entry.at.to_string(),
            source: entry.source,
            subject: entry.subject,
            actor,
            operation_id: entry.operation_id.map(|id| klaar_domain::kernel::operations::OperationId(id).to_string()),
            before: entry.before.and_then(|text| text.read().ok()),
            after: entry.after.and_then(|text| text.read().ok()),
        }
    }
}

/// Read the audit trail
///
/// Everything that happened in the practice, the newest first.
#[utoipa::path(operation_id = "list_audit_entries", tag = "audit", params(PageQuery), security(("bearer" = ["audit:read"])),
    responses((status = 200, description = "A page of the trail.", body = PageOut<EntryOut>)))]
#[get("/audit-entries")]
pub async fn list_audit_entries(may: May<AuditRead>, query: Query<PageQuery>) -> Result<Reply, Problem> {
    may.read(move |conn, caller| {
        let page = audit::list(conn, caller.practice.uid(), (query.cursor.as_deref(), page::limit(query.limit)?))?;
        Reply::ok(&PageOut::from(page.map(EntryOut::from)))
    })
    .await
}

/// Mounts the room.
pub fn routes(routes: &mut Routes<'_, '_>) {
    routes.service(list_audit_entries);
}
