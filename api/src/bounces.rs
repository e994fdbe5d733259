//! Reading what mails come back to, now instead of in a few minutes.

use actix_web::post;
use klaar_domain::bounces;
use klaar_domain::senders::SenderId;

use crate::body::InPath;
use crate::guards::{CampaignsSend, May};
use crate::mounting::Routes;
use crate::operations::OperationOut;
use crate::problem::Problem;
use crate::reply::Reply;

/// Read what came back
///
/// Reads the sender's bounce mailbox at once, which otherwise happens every five minutes. The result says how many mails were looked at, how
/// many of them were reports, and how many clients' mails came back by them, for good (`hard`) and for now (`soft`). One reading
/// looks at 200 mails at the most; the rest is read behind it.
#[utoipa::path(operation_id = "read_sender_bounces", tag = "senders",
    params(("id" = String, Path, description = "The sender's identifier.", example = "snd_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["campaigns:send"])), responses((status = 202, description = "The operation that reads it.", body = OperationOut)))]
#[post("/senders/{id}/bounce-reads")]
pub async fn read_sender_bounces(may: May<CampaignsSend>, id: InPath<SenderId>) -> Result<Reply, Problem> {
    let language = may.language;
    may.once(Vec::new(), move |tx, caller| {
        let operation = bounces::ask_for_reading(tx, caller, id.get()?)?;
        let place = format!("/v1/operations/{}", operation.id);
        Reply::accepted(place, &OperationOut::of(operation, language))
    })
    .await
}

/// Mounts the file's operations.
pub fn routes(routes: &mut Routes<'_, '_>) {
    routes.service(read_sender_bounces);
}
