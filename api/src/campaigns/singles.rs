//! One mail to one client, and the mails that a client got.

use actix_web::web::Query;
use actix_web::{get, post};
use klaar_domain::campaigns::{self, Single};
use klaar_domain::clients::{self, ClientId};
use klaar_domain::kernel::error::{Error, Result};
use klaar_domain::kernel::page;

use super::around;
use super::ins::SingleIn;
use super::outs::ClientMailOut;
use crate::audit::PageQuery;
use crate::body::{InPath, MaybeBody};
use crate::guards::{CampaignsSend, ClientsRead, May};
use crate::operations::OperationOut;
use crate::problem::Problem;
use crate::reply::{PageOut, Reply};

/// List a client's mails
///
/// Every mail that the client was to get, by a campaign or from its card, the newest first.
#[utoipa::path(operation_id = "list_client_mails", tag = "campaigns",
    params(("id" = String, Path, description = "The client's identifier.", example = "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b"), PageQuery),
    security(("bearer" = ["clients:read"])), responses((status = 200, description = "A page of mails.", body = PageOut<ClientMailOut>)))]
#[get("/clients/{id}/mails")]
pub async fn list_client_mails(
    may: May<ClientsRead>,
    id: InPath<ClientId>,
    query: Query<PageQuery>,
) -> Result<Reply, Problem> {
    may.read(move |conn, caller| {
        let client = clients::find(conn, &caller.practice, id.get()?)?;
        let place = (query.cursor.as_deref(), page::limit(query.limit)?);
        let found = campaigns::mails_of(conn, &caller.practice, &client, place)?;
        Reply::ok(&PageOut::of(&found, ClientMailOut::from))
    })
    .await
}

/// Send a mail to a client
///
/// The information mail, or another template, to this one client. When it was mailed within the last 14 days, it goes again only
/// when that is said. It has the same ledger as a campaign, and leaves the same trace.
#[utoipa::path(operation_id = "send_client_mail", tag = "campaigns", request_body(content = SingleIn, description = "Which mail."),
    params(("id" = String, Path, description = "The client's identifier.", example = "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["campaigns:send"])), responses((status = 202, description = "It is on its way.", body = OperationOut)))]
#[post("/clients/{id}/mails")]
pub async fn send_client_mail(
    may: (May<CampaignsSend>, May<CampaignsSend>),
    id: InPath<ClientId>,
    body: MaybeBody<SingleIn>,
) -> Result<Reply, Problem> {
    let (first, may) = may;
    let language = may.language;
    let client = id.get().map_err(|error| Problem::in_language(error, language))?;
    let SingleIn { template_id, sender_id, again } = body.0.value;
    let single = Single { client, template: template_id, sender: sender_id, again };
    let ready = first.unless_kept(body.0.hash.clone(), move |state, caller| {
        state.db.read(|conn| campaigns::prepare_single(conn, around(state, caller), &single))
    });
    let ready = ready.await?;
    may.once(body.0.hash, move |tx, caller| {
        let ready = ready.as_ref().ok_or_else(|| Error::internal("a kept reply is gone"))?;
        let (_, operation) = campaigns::launch(tx, caller, ready)?;
        let place = format!("/v1/operations/{}", operation.id);
        Reply::accepted(place, &OperationOut::of(operation, language))
    })
    .await
}
