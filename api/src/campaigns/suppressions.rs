//! Addresses that get no mails.

use actix_web::web::Query;
use actix_web::{delete, get, post};
use klaar_domain::campaigns::{self, NewSuppression};
use klaar_domain::kernel::error::Result;
use klaar_domain::kernel::page;
use serde::Deserialize;
use utoipa::IntoParams;

use super::ins::SuppressionIn;
use super::outs::SuppressionOut;
use crate::audit::PageQuery;
use crate::body::Body;
use crate::guards::{CampaignsSend, ClientsRead, May};
use crate::problem::Problem;
use crate::reply::{PageOut, Reply};
use crate::shapes::EmailAddress;

/// Which address.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AddressQuery {
    /// The address, in any case.
    #[param(value_type = EmailAddress, example = "info@peeters.example")]
    address: String,
}

/// List suppressed addresses
///
/// Addresses that get no mails, or no marketing, each with the reason and since when.
#[utoipa::path(operation_id = "list_suppressions", tag = "campaigns", params(PageQuery), security(("bearer" = ["clients:read"])),
    responses((status = 200, description = "A page of addresses.", body = PageOut<SuppressionOut>)))]
#[get("/suppressions")]
pub async fn list_suppressions(may: May<ClientsRead>, query: Query<PageQuery>) -> Result<Reply, Problem> {
    may.read(move |conn, caller| {
        let place = (query.cursor.as_deref(), page::limit(query.limit)?);
        let found = campaigns::suppressions(conn, &caller.practice, place)?;
        Reply::ok(&PageOut::of(&found, SuppressionOut::from))
    })
    .await
}

/// Suppress an address
///
/// It gets no mails of campaigns from now on, also of those that run. One that gets none already stays as it is.
#[utoipa::path(operation_id = "create_suppression", tag = "campaigns", request_body(content = SuppressionIn, description = "The address."),
    security(("bearer" = ["campaigns:send"])), responses((status = 201, description = "The address as it is kept.", body = SuppressionOut)))]
#[post("/suppressions")]
pub async fn create_suppression(may: May<CampaignsSend>, body: Body<SuppressionIn>) -> Result<Reply, Problem> {
    may.once(body.hash, move |tx, caller| {
        let SuppressionIn { address, marketing_only, note } = body.value;
        let new = NewSuppression { address, is_marketing_only: marketing_only, note };
        let kept = campaigns::suppress(tx, caller, &new)?;
        Reply::created("/v1/suppressions".to_owned(), &SuppressionOut::from(&kept))
    })
    .await
}

/// Release a suppressed address
///
/// It gets mails again.
#[utoipa::path(operation_id = "delete_suppression", tag = "campaigns", params(AddressQuery), security(("bearer" = ["campaigns:send"])),
    responses((status = 204, description = "It gets mails again.")))]
#[delete("/suppressions")]
pub async fn delete_suppression(may: May<CampaignsSend>, query: Query<AddressQuery>) -> Result<Reply, Problem> {
    may.write(move |tx, caller| {
        campaigns::unsuppress(tx, caller, &query.address)?;
        Ok(Reply::no_content())
    })
    .await
}
