//! How far longer work is, told as it goes on (Server-Sent Events, the HTML standard, section 9.2).

use std::time::Duration;

use actix_web::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE};
use actix_web::rt::time::{Instant, sleep};
use actix_web::web::{self, Bytes, Data};
use actix_web::{HttpResponse, get};
use futures::stream;
use klaar_domain::kernel::Uid;
use klaar_domain::kernel::catalogue::Language;
use klaar_domain::kernel::error::{Error, Result};
use klaar_domain::kernel::operations::{self, Operation, OperationId};

use crate::State;
use crate::body::InPath;
use crate::guards::{ClientsRead, May};
use crate::mounting::Routes;
use crate::operations::OperationOut;
use crate::problem::Problem;

/// How often the database is asked.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a stream goes on; browsers come back by themselves.
const LONGEST: Duration = Duration::from_secs(60);
/// Asks without news after which a line says that somebody is still there.
const QUIET: u32 = 15;

/// Somebody who listens.
struct Listening {
    practice: Uid,
    id: OperationId,
    language: Language,
    until: Instant,
    told: Option<String>,
    quiet: u32,
    is_over: bool,
}

/// Follow an operation
///
/// Server-Sent Events: an event `operation` with the whole operation whenever it has changed, once a second at most. The stream ends
/// with the operation, or after a minute: then ask again.
#[utoipa::path(operation_id = "follow_operation", tag = "operations",
    params(("id" = String, Path, description = "The operation's identifier.", example = "opn_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["clients:read"])), responses((status = 200, description = "The events.",
        content((String = "text/event-stream", example = "event: operation\ndata: {\"status\":\"running\",\"done\":1200,\"total\":2000}\n\n")))))]
#[get("/operations/{id}/events")]
pub async fn follow_operation(
    may: May<ClientsRead>,
    id: InPath<OperationId>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let language = may.language;
    let (practice, id) = may
        .read(move |conn, caller| {
            let (practice, id) = (caller.practice.uid(), id.get()?);
            operations::find(conn, practice, id).map(|_| (practice, id))
        })
        .await?;
    let until = Instant::now() + LONGEST;
    let listening = Listening { practice, id, language, until, told: None, quiet: 0, is_over: false };
    let events = stream::try_unfold((listening, state), |(listening, state)| listening.next(state));
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/event-stream"))
        .insert_header((CACHE_CONTROL, "no-store"))
        // Packed, an event would wait for the next ones.
        .insert_header((CONTENT_ENCODING, "identity"))
        .insert_header(("X-Accel-Buffering", "no"))
        .streaming(events))
}

impl Listening {
    /// Waits for news without holding anything, and tells them.
    async fn next(mut self, state: Data<State>) -> Result<Option<(Bytes, (Self, Data<State>))>> {
        loop {
            if self.is_over || Instant::now() >= self.until {
                return Ok(None);
            }
            if self.told.is_some() {
                sleep(PAUSE).await;
            }
            let (db, practice, id) = (state.db.clone(), self.practice, self.id);
            let found = web::block(move || db.read(|conn| operations::find(conn, practice, id)));
            let operation: Operation =
                found.await.map_err(|_| Error::internal("the pool of blocking threads is gone"))??;
            self.is_over = operation.status.is_over();
            let now = serde_json::to_string(&OperationOut::of(operation, self.language))?;
            if self.told.as_ref() != Some(&now) {
                let event = format!("event: operation\ndata: {now}\n\n");
                (self.told, self.quiet) = (Some(now), 0);
                return Ok(Some((event.into(), (self, state))));
            }
            self.quiet += 1;
            if self.quiet >= QUIET {
                self.quiet = 0;
                return Ok(Some((Bytes::from_static(b": still there\n\n"), (self, state))));
            }
        }
    }
}

/// Mounts the file's operation.
pub fn routes(routes: &mut Routes<'_, '_>) {
    routes.service(follow_operation);
}
