//! Longer work and how far it is.

use actix_web::get;
use actix_web::web::Query;
use klaar_domain::kernel::catalogue::Language;
use klaar_domain::kernel::operations::{self, Operation, OperationId};
use klaar_domain::kernel::page;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::answers::WorkStatus;
use crate::audit::PageQuery;
use crate::body::InPath;
use crate::guards::{ClientsRead, May};
use crate::mounting::Routes;
use crate::problem::Problem;
use crate::reply::{PageOut, Reply};

/// A piece of longer work.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Operation, example = json!({
    "id": "opn_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "kind": "client_import", "status": "running", "done": 1200, "total": 2000, "failed": 17,
    "result": null, "problem": null, "dead_job_id": null, "created_at": "2026-11-22T09:00:00.000000Z", "updated_at": "2026-11-22T09:00:02.000000Z", "finished_at": null
}))]
pub struct OperationOut {
    /// The operation's identifier.
    id: String,
    /// Stable kind.
    kind: String,
    /// Where it stands.
    #[schema(value_type = WorkStatus)]
    status: &'static str,
    /// Items behind it, failed ones included.
    done: i64,
    /// All items, once that is known.
    total: Option<i64>,
    /// How many of the done ones failed.
    failed: i64,
    /// What came out; its shape depends on the kind.
    #[schema(value_type = Option<Value>)]
    result: Option<Value>,
    /// Why it was broken off.
    problem: Option<OperationProblemOut>,
    /// The job that was to do its work and has failed too often: nothing more happens until somebody retries that job, once
    /// its cause is mended. Null while all is well.
    dead_job_id: Option<String>,
    /// When it was asked for.
    created_at: String,
    /// When its progress was last written.
    updated_at: String,
    /// When it was over.
    finished_at: Option<String>,
}

/// Why an operation was broken off.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OperationProblem, example = json!({ "code": "file_gone", "title": "The uploaded file is gone; upload it again." }))]
pub struct OperationProblemOut {
    /// Stable code.
    code: String,
    /// What happened and what to do, in the caller's language.
    title: String,
}

impl OperationOut {
    pub(crate) fn of(operation: Operation, language: Language) -> Self {
        Self {
            id: operation.id.to_string(),
            kind: operation.kind,
            status: operation.status.as_str(),
            done: operation.done,
            total: operation.total,
            failed: operation.failed,
            result: operation.result.and_then(|text| text.read().ok()),
            problem: operation
                .problem
                .map(|problem| OperationProblemOut { title: problem.said_in(language), code: problem.code }),
            dead_job_id: operation.dead_job.map(|job| job.to_string()),
            created_at: operation.created_at.to_string(),
            updated_at: operation.updated_at.to_string(),
            finished_at: operation.finished_at.map(|at| at.to_string()),
        }
    }
}

/// List operations
///
/// The practice's longer work, the newest first.
#[utoipa::path(operation_id = "list_operations", tag = "operations",
    params(("cursor" = Option<String>, Query, description = "Where the page starts: `next_cursor` of the page before.", pattern = "^[A-Za-z0-9_-]+$", example = "WzE3OTUzMzgwMDAwMDAwMDAsIm9wbl8wMTk3ZjZhMmMzZDQ3ZTVmOGE5YjBjMWQyZTNmNGE1YiJd"),
        ("limit" = Option<u32>, Query, description = "Rows of a page, 1 to 200; 50 when not given.", minimum = 1, maximum = 200, example = 50)),
    security(("bearer" = ["clients:read"])),
    responses((status = 200, description = "A page of operations.", body = PageOut<OperationOut>)))]
#[get("/operations")]
pub async fn list_operations(may: May<ClientsRead>, query: Query<PageQuery>) -> Result<Reply, Problem> {
    let language = may.language;
    may.read(move |conn, caller| {
        let page = operations::list(conn, caller.practice.uid(), query.cursor.as_deref(), page::limit(query.limit)?)?;
        Reply::ok(&PageOut::from(page.map(|operation| OperationOut::of(operation, language))))
    })
    .await
}

/// Read an operation
///
/// Ask again until its `status` is `finished` or `failed`.
#[utoipa::path(operation_id = "get_operation", tag = "operations", params(("id" = String, Path, description = "The operation's identifier.", example = "opn_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["clients:read"])), responses((status = 200, description = "The operation.", body = OperationOut)))]
#[get("/operations/{id}")]
pub async fn get_operation(may: May<ClientsRead>, id: InPath<OperationId>) -> Result<Reply, Problem> {
    let language = may.language;
    may.read(move |conn, caller| {
        Reply::ok(&OperationOut::of(operations::find(conn, caller.practice.uid(), id.get()?)?, language))
    })
    .await
}

/// Mounts the room.
pub fn routes(routes: &mut Routes<'_, '_>) {
    routes.service(list_operations).service(get_operation);
}
