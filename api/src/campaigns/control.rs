//! What people do to a campaign that has begun.

use actix_web::post;
use klaar_domain::campaigns::{self, CampaignId, Settled};
use klaar_domain::clients::ClientId;
use klaar_domain::identity::Caller;
use klaar_domain::kernel::db::Tx;
use klaar_domain::kernel::error::{Error, FieldError, Result};

use super::ins::SettleIn;
use super::outs::CampaignOut;
use super::verbs::reply;
use crate::body::{Body, InPath};
use crate::guards::{CampaignsSend, May};
use crate::problem::Problem;
use crate::reply::Reply;

async fn moved(
    may: May<CampaignsSend>,
    id: InPath<CampaignId>,
    verb: impl FnOnce(&mut Tx<'_>, &Caller, CampaignId) -> Result<()> + Send + 'static,
) -> Result<Reply, Problem> {
    let language = may.language;
    may.once(Vec::new(), move |tx, caller| {
        let id = id.get()?;
        verb(tx, caller, id)?;
        reply(tx, caller, id, language)
    })
    .await
}

/// Pause a campaign
///
/// No more mails go out but those that are on their way already.
#[utoipa::path(operation_id = "pause_campaign", tag = "campaigns",
    params(("id" = String, Path, description = "The campaign's identifier.", example = "cmp_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["campaigns:send"])), responses((status = 200, description = "The campaign as it is now.", body = CampaignOut)))]
#[post("/campaigns/{id}/pause")]
pub async fn pause_campaign(may: May<CampaignsSend>, id: InPath<CampaignId>) -> Result<Reply, Problem> {
    moved(may, id, campaigns::pause).await
}

/// Resume a campaign
///
/// It goes on where it was. Failures count anew towards a pause by itself.
#[utoipa::path(operation_id = "resume_campaign", tag = "campaigns",
    params(("id" = String, Path, description = "The campaign's identifier.", example = "cmp_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["campaigns:send"])), responses((status = 200, description = "The campaign as it is now.", body = CampaignOut)))]
#[post("/campaigns/{id}/resume")]
pub async fn resume_campaign(may: May<CampaignsSend>, id: InPath<CampaignId>) -> Result<Reply, Problem> {
    moved(may, id, campaigns::resume).await
}

/// Cancel a campaign
///
/// Those who wait get nothing. What is on its way arrives, and what was sent stays known.
#[utoipa::path(operation_id = "cancel_campaign", tag = "campaigns",
    params(("id" = String, Path, description = "The campaign's identifier.", example = "cmp_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["campaigns:send"])), responses((status = 200, description = "The campaign as it is now.", body = CampaignOut)))]
#[post("/campaigns/{id}/cancel")]
pub async fn cancel_campaign(may: May<CampaignsSend>, id: InPath<CampaignId>) -> Result<Reply, Problem> {
    moved(may, id, campaigns::cancel).await
}

/// Send again what failed
///
/// Mails that failed or came back wait anew, and the campaign runs again. What was sent or is in doubt is not touched.
#[utoipa::path(operation_id = "retry_campaign", tag = "campaigns",
    params(("id" = String, Path, description = "The campaign's identifier.", example = "cmp_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["campaigns:send"])), responses((status = 200, description = "The campaign as it is now.", body = CampaignOut)))]
#[post("/campaigns/{id}/retry")]
pub async fn retry_campaign(may: May<CampaignsSend>, id: InPath<CampaignId>) -> Result<Reply, Problem> {
    moved(may, id, |tx, caller, id| campaigns::retry_failed(tx, caller, id).map(drop)).await
}

/// Settle mails in doubt
///
/// Says what became of mails that the server was given and of which nobody knows whether it took them: of one client, or all of the
/// campaign.
#[utoipa::path(operation_id = "settle_campaign_doubts", tag = "campaigns", request_body(content = SettleIn, description = "What became of them."),
    params(("id" = String, Path, description = "The campaign's identifier.", example = "cmp_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["campaigns:send"])), responses((status = 200, description = "The campaign as it is now.", body = CampaignOut)))]
#[post("/campaigns/{id}/settle")]
pub async fn settle_campaign_doubts(
    may: May<CampaignsSend>,
    id: InPath<CampaignId>,
    body: Body<SettleIn>,
) -> Result<Reply, Problem> {
    let language = may.language;
    may.once(body.hash, move |tx, caller| {
        let id = id.get()?;
        let SettleIn { verdict, client_id } = body.value;
        let verdict = match verdict.as_str() {
            "sent" => Settled::Sent,
            "failed" => Settled::Failed,
            "again" => Settled::Again,
            _ => {
                let fault = FieldError::new("/as", "unknown_value").with("values", "sent, failed, again");
                return Err(Error::Invalid(vec![fault]));
            }
        };
        let not_a_client = |_| Error::invalid("/client_id", "not_a_client");
        let client: Option<ClientId> = client_id.map(|id| id.trim().parse().map_err(not_a_client)).transpose()?;
        campaigns::settle(tx, caller, (id, client), verdict)?;
        reply(tx, caller, id, language)
    })
    .await
}
