//! One value for many clients: previewed, applied, undone.

use actix_web::web::Query;
use actix_web::{get, post};
use klaar_domain::bulk_edits::{self, Assignment, BulkEdit, BulkEditId, Outcome, RowSeen, Wish};
use klaar_domain::kernel::error::Result;
use klaar_domain::kernel::page;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::answers::{BulkEditStatus, LeftAlone, ShownSelection};
use crate::audit::PageQuery;
use crate::body::{Body, InPath, MaybeBody};
use crate::guards::{BulkEditsApply, ClientsRead, May};
use crate::mounting::Routes;
use crate::operations::OperationOut;
use crate::problem::Problem;
use crate::reply::{PageOut, Reply};
use crate::selection::SelectionIn;
use crate::shapes::GivenPlainValue;

/// What to do to which clients.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewBulkEdit, example = json!({
    "selection": { "filter": { "field": "fields.receive_software", "op": "empty" }, "except": [] },
    "assignments": [{ "field": "fields.receive_software", "set": "Odoo" }, { "field": "fields.comments", "clear": true }]
}))]
pub struct BulkEditIn {
    /// Which clients.
    selection: SelectionIn,
    /// What they are to have, at most ten fields.
    #[schema(min_items = 1, max_items = 10)]
    assignments: Vec<AssignmentIn>,
}

/// What all of them are to have in one field; exactly one of the ways.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Assignment, example = json!({ "field": "fields.receive_software", "set": "Odoo" }))]
pub struct AssignmentIn {
    /// A custom field that is shown in "all clients" (`fields.` and its slug, as in `fields.ready`), or `portfolio`, `responsible`,
    /// `language`, `exemption`, `archived`.
    field: String,
    /// The value that all are to have, as a PATCH of one client takes it, for a field that takes one; an exemption as a whole.
    #[schema(value_type = GivenPlainValue, required = false)]
    set: Option<Value>,
    /// The value is to go.
    #[serde(default)]
    clear: bool,
    /// Options that all are to have besides theirs, for a field that takes several.
    #[schema(value_type = Option<Vec<String>>)]
    add: Option<Value>,
    /// Options that none is to have, for a field that takes several.
    #[schema(value_type = Option<Vec<String>>)]
    remove: Option<Value>,
}

/// How a preview is to be applied.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = BulkEditApplication, example = json!({ "overwrite_changed": false }))]
pub struct ApplicationIn {
    /// Also overwrite what was changed since the preview; otherwise those clients are passed over and named.
    overwrite_changed: bool,
}

impl BulkEditIn {
    fn wish(self) -> Result<Wish> {
        let chosen = self.selection.chosen()?;
        let assignments = self.assignments.into_iter().map(|said| {
            let AssignmentIn { field, set, clear, add, remove } = said;
            Assignment { field, set, clear, add, remove }
        });
        let said = self.selection.said()?;
        Ok(Wish { chosen, said, assignments: assignments.collect() })
    }
}

/// A bulk edit, from its preview on.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BulkEdit, example = json!({
    "id": "blk_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "status": "previewed", "selection": { "filter": { "field": "fields.receive_software", "op": "empty" } },
    "assignments": [{ "field": "fields.receive_software", "set": "Odoo" }], "selected": 412, "to_change": 405, "unchanged": 7, "refused": 0,
    "changed": 0, "skipped": 0, "restored": 0, "kept": 0, "application_id": null, "undo_id": null,
    "actor": { "kind": "member", "id": "mem_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "name": "Céline Maes" },
    "created_at": "2026-11-22T09:00:00.000000Z", "applied_at": null, "undone_at": null
}))]
pub struct BulkEditOut {
    /// The edit's identifier: it stands for exactly the clients that the preview found.
    id: String,
    /// Where it stands.
    #[schema(value_type = BulkEditStatus)]
    status: &'static str,
    /// Which clients were asked for.
    #[schema(value_type = ShownSelection)]
    selection: Value,
    /// What they are to have.
    #[schema(value_type = Vec<AssignmentIn>)]
    assignments: Value,
    /// Clients that were selected.
    selected: i64,
    /// Those of them that have something else.
    to_change: i64,
    /// Those that have it already.
    unchanged: i64,
    /// Those that would change but may not; their rows say why.
    refused: i64,
    /// Clients changed so far.
    changed: i64,
    /// Clients passed over, of which nothing was changed; their rows say why.
    skipped: i64,
    /// Clients changed back so far.
    restored: i64,
    /// Clients that keep what they have, since they were changed after the edit or cannot have back what they had.
    kept: i64,
    /// The operation that applies it.
    application_id: Option<String>,
    /// The operation that undoes it.
    undo_id: Option<String>,
    /// Who made the preview.
    actor: crate::audit::ActorOut,
    /// When the preview was made; it can be applied for a day.
    created_at: String,
    /// When the last client was changed.
    applied_at: Option<String>,
    /// When the last one was changed back.
    undone_at: Option<String>,
}

impl BulkEditOut {
    fn of(edit: BulkEdit) -> Result<Self> {
        let (kind, id, name) = edit.actor;
        Ok(Self {
            id: edit.id.to_string(),
            status: edit.status.as_str(),
            selection: edit.selection.read()?,
            assignments: edit.assignments.read()?,
            selected: edit.selected,
            to_change: edit.to_change,
            unchanged: edit.selected - edit.to_change - edit.refused,
            refused: edit.refused,
            changed: edit.changed,
            skipped: edit.skipped,
            restored: edit.restored,
            kept: edit.kept,
            application_id: edit.application.map(|id| id.to_string()),
            undo_id: edit.undo.map(|id| id.to_string()),
            actor: crate::audit::ActorOut { kind, id, name },
            created_at: edit.created_at.to_string(),
            applied_at: edit.applied_at.map(|at| at.to_string()),
            undone_at: edit.undone_at.map(|at| at.to_string()),
        })
    }
}

/// A client of a bulk edit.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BulkEditRow, example = json!({ "client_id": "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "name": "Bakkerij Peeters", "reason": null,
    "values": [{ "field": "fields.receive_software", "before": null, "after": "Odoo" }] }))]
pub struct BulkEditRowOut {
    /// The client's identifier.
    client_id: String,
    /// Its name.
    name: String,
    /// Why it is left alone; null when it is not.
    #[schema(value_type = Option<LeftAlone>)]
    reason: Option<String>,
    /// What changes on it.
    values: Vec<BulkEditValueOut>,
}

/// One value of a client of a bulk edit, as people read it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = BulkEditValue, example = json!({ "field": "fields.receive_software", "before": null, "after": "Odoo" }))]
pub struct BulkEditValueOut {
    /// The field, as filters name it.
    field: String,
    /// What the client has, or had.
    before: Option<String>,
    /// What it is to have, or got.
    after: Option<String>,
}

impl From<RowSeen> for BulkEditRowOut {
    fn from(row: RowSeen) -> Self {
        let values = row.values.into_iter().map(|seen| BulkEditValueOut {
            field: seen.field,
            before: seen.before,
            after: seen.after,
        });
        Self { client_id: row.id.to_string(), name: row.name, reason: row.reason, values: values.collect() }
    }
}

/// Which rows of a bulk edit to see.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RowsQuery {
    /// Those that change (when not given), may not be changed, were passed over, or keep what they have.
    #[param(inline, example = "change")]
    outcome: Option<OutcomeQuery>,
    /// Where the page starts: `next_cursor` of the page before.
    #[param(pattern = "^[A-Za-z0-9_-]+$", example = "WzAsNTBd")]
    cursor: Option<String>,
    /// Rows of a page, 1 to 200; 50 when not given.
    #[param(minimum = 1, maximum = 200, example = 50)]
    limit: Option<u32>,
}

/// What becomes of a client.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeQuery {
    /// It is to change, or was changed.
    Change,
    /// It may not be changed.
    Refused,
    /// It was passed over when the edit was applied.
    Skipped,
    /// It was left as it is when the edit was undone.
    Kept,
}

impl From<OutcomeQuery> for Outcome {
    fn from(outcome: OutcomeQuery) -> Self {
        match outcome {
            OutcomeQuery::Change => Self::Change,
            OutcomeQuery::Refused => Self::Refused,
            OutcomeQuery::Skipped => Self::Skipped,
            OutcomeQuery::Kept => Self::Kept,
        }
    }
}

/// Preview a bulk edit
///
/// Settles which clients would change, and changes nothing. A field that cannot be changed in bulk is refused with the reason. Look at the rows, then apply the preview: it
/// stands for exactly these clients, for a day.
#[utoipa::path(operation_id = "create_bulk_edit", tag = "bulk edits", request_body(content = BulkEditIn, description = "What to do to which clients."),
    security(("bearer" = ["bulk_edits:apply"])), responses((status = 201, description = "The preview.", body = BulkEditOut)))]
#[post("/bulk-edits")]
pub async fn create_bulk_edit(may: May<BulkEditsApply>, body: Body<BulkEditIn>) -> Result<Reply, Problem> {
    may.with_db(move |state, caller| {
        let edit = bulk_edits::preview(&state.db, &state.lists, caller, &body.value.wish()?)?;
        Reply::created(format!("/v1/bulk-edits/{}", edit.id), &BulkEditOut::of(edit)?)
    })
    .await
}

/// List bulk edits
///
/// The practice's previews and edits of the last 90 days, the newest first.
#[utoipa::path(operation_id = "list_bulk_edits", tag = "bulk edits", params(PageQuery), security(("bearer" = ["clients:read"])),
    responses((status = 200, description = "A page of bulk edits.", body = PageOut<BulkEditOut>)))]
#[get("/bulk-edits")]
pub async fn list_bulk_edits(may: May<ClientsRead>, query: Query<PageQuery>) -> Result<Reply, Problem> {
    may.read(move |conn, caller| {
        let limit = page::limit(query.limit)?;
        let found = bulk_edits::list(conn, &caller.practice, (query.cursor.as_deref(), limit))?;
        let items = found.items.into_iter().map(BulkEditOut::of).collect::<Result<Vec<_>>>()?;
        Reply::ok(&PageOut { items, next_cursor: found.next_cursor, total: None })
    })
    .await
}

/// Read a bulk edit
#[utoipa::path(operation_id = "get_bulk_edit", tag = "bulk edits", params(("id" = String, Path, description = "The edit's identifier.", example = "blk_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["clients:read"])), responses((status = 200, description = "The bulk edit.", body = BulkEditOut)))]
#[get("/bulk-edits/{id}")]
pub async fn get_bulk_edit(may: May<ClientsRead>, id: InPath<BulkEditId>) -> Result<Reply, Problem> {
    may.read(move |conn, caller| Reply::ok(&BulkEditOut::of(bulk_edits::find(conn, &caller.practice, id.get()?)?)?))
        .await
}

/// List the clients of a bulk edit
///
/// Each with what it has and is to have, or with the reason why it is left alone.
#[utoipa::path(operation_id = "list_bulk_edit_rows", tag = "bulk edits",
    params(("id" = String, Path, description = "The edit's identifier.", example = "blk_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b"), RowsQuery),
    security(("bearer" = ["clients:read"])), responses((status = 200, description = "A page of clients.", body = PageOut<BulkEditRowOut>)))]
#[get("/bulk-edits/{id}/rows")]
pub async fn list_bulk_edit_rows(
    may: May<ClientsRead>,
    id: InPath<BulkEditId>,
    query: Query<RowsQuery>,
) -> Result<Reply, Problem> {
    let language = may.language;
    may.read(move |conn, caller| {
        let edit = bulk_edits::find(conn, &caller.practice, id.get()?)?;
        let outcome = query.outcome.map_or(Outcome::Change, Into::into);
        let from = (query.cursor.as_deref(), page::limit(query.limit)?);
        let rows = bulk_edits::rows(conn, &caller.practice, &edit, (outcome, language), from)?;
        Reply::ok(&PageOut::from(rows.map(BulkEditRowOut::from)))
    })
    .await
}

/// Apply a bulk edit
///
/// Changes the clients of the preview, and nobody else. Clients that were changed since in one of its fields, or archived, or that a field concerns no longer, are passed over and named.
/// A preview of which a field is another by now, or an option is offered no longer, is refused.
#[utoipa::path(operation_id = "apply_bulk_edit", tag = "bulk edits", params(("id" = String, Path, description = "The edit's identifier.", example = "blk_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    request_body(content = Option<ApplicationIn>, description = "How; it may be left out."), security(("bearer" = ["bulk_edits:apply"])),
    responses((status = 202, description = "The operation that does it.", body = OperationOut)))]
#[post("/bulk-edits/{id}/application")]
pub async fn apply_bulk_edit(
    may: May<BulkEditsApply>,
    id: InPath<BulkEditId>,
    MaybeBody(body): MaybeBody<ApplicationIn>,
) -> Result<Reply, Problem> {
    let language = may.language;
    may.once(body.hash, move |tx, caller| {
        let how = (id.get()?, body.value.overwrite_changed);
        let operation = bulk_edits::apply(tx, &caller.practice, &caller.actor, how)?;
        Reply::accepted(format!("/v1/operations/{}", operation.id), &OperationOut::of(operation, language))
    })
    .await
}

/// Undo a bulk edit
///
/// Gives every client back what it had. Clients that were changed since in one of its fields, or cannot have one of its values back, keep what they have and are named.
#[utoipa::path(operation_id = "undo_bulk_edit", tag = "bulk edits", params(("id" = String, Path, description = "The edit's identifier.", example = "blk_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["bulk_edits:apply"])), responses((status = 202, description = "The operation that does it.", body = OperationOut)))]
#[post("/bulk-edits/{id}/undo")]
pub async fn undo_bulk_edit(may: May<BulkEditsApply>, id: InPath<BulkEditId>) -> Result<Reply, Problem> {
    let language = may.language;
    may.once(Vec::new(), move |tx, caller| {
        let operation = bulk_edits::undo(tx, &caller.practice, &caller.actor, id.get()?)?;
        Reply::accepted(format!("/v1/operations/{}", operation.id), &OperationOut::of(operation, language))
    })
    .await
}

/// Mounts the room.
pub fn routes(routes: &mut Routes<'_, '_>) {
    routes
        .service(create_bulk_edit)
        .service(list_bulk_edits)
        .service(get_bulk_edit)
        .service(list_bulk_edit_rows)
        .service(apply_bulk_edit)
        .service(undo_bulk_edit);
}
