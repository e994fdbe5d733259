//! Jobs of the practice that failed too often and wait for a person.

use actix_web::web::Query;
use actix_web::{get, post};
use klaar_domain::kernel::audit::{self, Event};
use klaar_domain::kernel::jobs::{self, DeadJob, JobId};
use klaar_domain::kernel::page;
use serde::Serialize;
use utoipa::ToSchema;

use crate::audit::PageQuery;
use crate::body::InPath;
use crate::guards::{May, OperationsManage};
use crate::mounting::Routes;
use crate::problem::Problem;
use crate::reply::{PageOut, Reply};

/// A job that is not tried again by itself.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeadJob, example = json!({ "id": "job_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "kind": "import_clients", "failures": 5,
    "last_error": "no such file", "created_at": "2026-11-22T09:00:00.000000Z", "died_at": "2026-11-22T09:31:00.000000Z" }))]
pub struct DeadJobOut {
    /// The job's identifier.
    id: String,
    /// Stable kind.
    kind: String,
    /// How often it failed.
    failures: i32,
    /// Why it failed last, in English, for the person who mends it.
    last_error: Option<String>,
    /// When it was enqueued.
    created_at: String,
    /// When it was given up.
    died_at: Option<String>,
}

impl From<DeadJob> for DeadJobOut {
    fn from(job: DeadJob) -> Self {
        Self {
            id: job.id.to_string(),
            kind: job.kind,
            failures: job.failures,
            last_error: job.last_error,
            created_at: job.created_at.to_string(),
            died_at: job.died_at.map(|at| at.to_string()),
        }
    }
}

/// List failed jobs
///
/// Those that failed too often to be tried again by themselves, the latest first.
#[utoipa::path(operation_id = "list_dead_jobs", tag = "operations",
    params(("cursor" = Option<String>, Query, description = "Where the page starts: `next_cursor` of the page before.", pattern = "^[A-Za-z0-9_-]+$", example = "WzE3OTUzMzgwMDAwMDAwMDAsImpvYl8wMTk3ZjZhMmMzZDQ3ZTVmOGE5YjBjMWQyZTNmNGE1YiJd"),
        ("limit" = Option<u32>, Query, description = "Rows of a page, 1 to 200; 50 when not given.", minimum = 1, maximum = 200, example = 50)),
    security(("bearer" = ["operations:manage"])),
    responses((status = 200, description = "A page of failed jobs.", body = PageOut<DeadJobOut>)))]
#[get("/dead-jobs")]
pub async fn list_dead_jobs(may: May<OperationsManage>, query: Query<PageQuery>) -> Result<Reply, Problem> {
    may.read(move |conn, caller| {
        let page =
            jobs::list_dead(conn, Some(caller.practice.uid()), query.cursor.as_deref(), page::limit(query.limit)?)?;
        Reply::ok(&PageOut::from(page.map(DeadJobOut::from)))
    })
    .await
}

/// Retry a failed job
///
/// It is due at once, with its failures forgotten.
#[utoipa::path(operation_id = "retry_dead_job", tag = "operations",
    params(("id" = String, Path, description = "The job's identifier.", example = "job_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["operations:manage"])), responses((status = 204, description = "The job is due again.")))]
#[post("/dead-jobs/{id}/retry")]
pub async fn retry_dead_job(may: May<OperationsManage>, id: InPath<JobId>) -> Result<Reply, Problem> {
    may.once(Vec::new(), move |tx, caller| {
        let id = id.get()?;
        jobs::retry_dead(tx, Some(caller.practice.uid()), id)?;
        audit::record(tx, caller.practice.uid(), &caller.actor, &Event::new("job.retried", "api").on(id))?;
        Ok(Reply::no_content())
    })
    .await
}

/// Mounts the file's operations.
pub fn routes(routes: &mut Routes<'_, '_>) {
    routes.service(list_dead_jobs).service(retry_dead_job);
}
