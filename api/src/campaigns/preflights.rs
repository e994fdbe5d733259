//! What would happen if a campaign began now.

use actix_web::get;
use actix_web::web::Data;
use klaar_domain::campaigns::{self, CampaignId};
use klaar_domain::kernel::error::Result;

use super::around;
use super::findings::PreflightOut;
use crate::State;
use crate::body::InPath;
use crate::guards::{CampaignsSend, May};
use crate::problem::Problem;
use crate::reply::Reply;

/// Read a campaign's preflight
///
/// What would happen if it began now: how many mails in which languages, who gets none and why, which values are missing for whom,
/// what DNS says of the domain that its mails come from (SPF, DKIM, DMARC), and what stops it.
#[utoipa::path(operation_id = "get_campaign_preflight", tag = "campaigns",
    params(("id" = String, Path, description = "The campaign's identifier.", example = "cmp_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["campaigns:send"])), responses((status = 200, description = "What would happen.", body = PreflightOut)))]
#[get("/campaigns/{id}/preflight")]
pub async fn get_campaign_preflight(
    may: May<CampaignsSend>,
    id: InPath<CampaignId>,
    state: Data<State>,
) -> Result<Reply, Problem> {
    let language = may.language;
    let domains = state.domains.clone();
    let mut seen = may
        .read(move |conn, caller| {
            let campaign = campaigns::find(conn, &caller.practice, id.get()?)?;
            campaigns::preflight(conn, around(&state, caller), &campaign)
        })
        .await?;
    if let (Some(author), Some(envelope)) = (&seen.domain, &seen.envelope_domain) {
        let doubts = domains.doubts(author, envelope).await;
        seen.doubt(&doubts);
    }
    Reply::ok(&PreflightOut::of(seen, language)).map_err(|error| Problem::in_language(error, language))
}
