//! What came of a campaign: the ledger as a file, who has come to match since, and a campaign for those.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::web::{self, Bytes, Data};
use actix_web::{HttpResponse, get, post};
use futures::stream;
use klaar_domain::campaigns::{self, Campaign, CampaignId};
use klaar_domain::kernel::catalogue::Language;
use klaar_domain::kernel::error::{Error, Result};

use super::around;
use super::findings::NamedOut;
use super::outs::CampaignOut;
use super::verbs::reply;
use crate::State;
use crate::body::InPath;
use crate::guards::{CampaignsSend, ClientsRead, ExportsRead, May};
use crate::problem::Problem;
use crate::reply::Reply;

/// Where a file is: before its header, behind a piece, or at its end.
enum Place {
    Header,
    Behind(Option<String>),
    End,
}

/// Export a campaign's results
///
/// The ledger as CSV, a line for each client of the audience: UTF-8 with a byte order mark and semicolons, header and words in the caller's language. Cells that a
/// spreadsheet would take for a formula begin with an apostrophe.
#[utoipa::path(operation_id = "export_campaign_results", tag = "campaigns",
    params(("id" = String, Path, description = "The campaign's identifier.", example = "cmp_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["exports:read"])), responses((status = 200, description = "The file.",
        content((String = "text/csv", example = "Klant;Status\r\nBakkerij Peeters;verzonden\r\n")))))]
#[get("/campaigns/{id}/results")]
pub async fn export_campaign_results(
    may: May<ExportsRead>,
    id: InPath<CampaignId>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let language = may.language;
    let campaign = may.read(move |conn, caller| campaigns::find(conn, &caller.practice, id.get()?)).await?;
    let campaign = std::sync::Arc::new(campaign);
    let pieces = stream::try_unfold(Place::Header, move |place| {
        let (state, campaign) = (state.clone(), campaign.clone());
        async move { next(state, campaign, place, language).await }
    });
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/csv; charset=utf-8; header=present"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((CONTENT_DISPOSITION, "attachment; filename=\"campaign.csv\""))
        .streaming(pieces))
}

/// The piece at a place, and the next place.
async fn next(
    state: Data<State>,
    campaign: std::sync::Arc<Campaign>,
    place: Place,
    language: Language,
) -> Result<Option<(Bytes, Place)>> {
    let cursor = match place {
        Place::Header => return Ok(Some((campaigns::results_header(language)?.into(), Place::Behind(None)))),
        Place::Behind(cursor) => cursor,
        Place::End => return Ok(None),
    };
    let piece = web::block(move || {
        state.db.read(|conn| campaigns::results_piece(conn, &campaign, (cursor.as_deref(), language)))
    });
    let (bytes, cursor) = piece.await.map_err(|_| Error::internal("the pool of blocking threads is gone"))??;
    let next = cursor.map_or(Place::End, |cursor| Place::Behind(Some(cursor)));
    Ok(Some((bytes.into(), next)))
}

/// See who joined since
///
/// Clients that the campaign's selection means now and that neither it nor its follow-ups have had.
#[utoipa::path(operation_id = "get_campaign_joined", tag = "campaigns",
    params(("id" = String, Path, description = "The campaign's identifier.", example = "cmp_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["clients:read"])), responses((status = 200, description = "The clients.", body = NamedOut)))]
#[get("/campaigns/{id}/joined")]
pub async fn get_campaign_joined(
    may: May<ClientsRead>,
    id: InPath<CampaignId>,
    state: Data<State>,
) -> Result<Reply, Problem> {
    may.read(move |conn, caller| {
        let joined = campaigns::joined(conn, around(&state, caller), id.get()?)?;
        Reply::ok(&NamedOut::of(joined.clients, joined.named))
    })
    .await
}

/// Follow up a campaign
///
/// A draft that says the same to those who joined since. It looks for them again when it begins, and nobody of the line gets it twice.
#[utoipa::path(operation_id = "follow_up_campaign", tag = "campaigns",
    params(("id" = String, Path, description = "The campaign's identifier.", example = "cmp_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["campaigns:send"])), responses((status = 201, description = "The new draft.", body = CampaignOut)))]
#[post("/campaigns/{id}/follow-ups")]
pub async fn follow_up_campaign(may: May<CampaignsSend>, id: InPath<CampaignId>) -> Result<Reply, Problem> {
    let language = may.language;
    may.once(Vec::new(), move |tx, caller| {
        let id = campaigns::follow_up(tx, caller, id.get()?)?;
        Ok(reply(tx, caller, id, language)?.at(format!("/v1/campaigns/{id}")))
    })
    .await
}
