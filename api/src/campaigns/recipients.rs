//! The ledger: who got a campaign's mail and who did not.

use actix_web::get;
use actix_web::web::Query;
use klaar_domain::campaigns::{self, Asked, Bounce, CampaignId, State};
use klaar_domain::kernel::error::{Error, FieldError, Result};
use klaar_domain::kernel::page;
use serde::Deserialize;
use utoipa::IntoParams;

use super::outs::RecipientOut;
use crate::answers::{BounceWord, RecipientStatus};
use crate::body::InPath;
use crate::guards::{ClientsRead, May};
use crate::problem::Problem;
use crate::reply::{PageOut, Reply};

/// Which recipients.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RecipientQuery {
    /// Those in this state.
    #[param(value_type = Option<RecipientStatus>, example = "failed")]
    status: Option<String>,
    /// Those whose mail came back so.
    #[param(value_type = Option<BounceWord>, example = "hard")]
    bounce: Option<String>,
    /// Where the page starts: `next_cursor` of the page before.
    #[param(pattern = "^[A-Za-z0-9_-]+$", example = "NDI")]
    cursor: Option<String>,
    /// Rows of a page, 1 to 200; 50 when not given.
    #[param(minimum = 1, maximum = 200, example = 50)]
    limit: Option<u32>,
}

impl RecipientQuery {
    fn state(&self) -> Result<Option<State>> {
        let unknown = |()| {
            let words = State::ALL.iter().map(|state| state.as_str()).collect::<Vec<_>>().join(", ");
            Error::Invalid(vec![FieldError::new("/status", "unknown_value").with("values", words)])
        };
        self.status.as_deref().map(|word| word.parse().map_err(unknown)).transpose()
    }

    fn bounce(&self) -> Result<Option<Bounce>> {
        let unknown = |()| {
            let words = Bounce::ALL.iter().map(|bounce| bounce.as_str()).collect::<Vec<_>>().join(", ");
            Error::Invalid(vec![FieldError::new("/bounce", "unknown_value").with("values", words)])
        };
        self.bounce.as_deref().map(|word| word.parse().map_err(unknown)).transpose()
    }
}

/// List a campaign's recipients
///
/// Every client of the audience has a row that says what became of its mail, with the server's own words.
#[utoipa::path(operation_id = "list_campaign_recipients", tag = "campaigns",
    params(("id" = String, Path, description = "The campaign's identifier.", example = "cmp_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b"), RecipientQuery),
    security(("bearer" = ["clients:read"])), responses((status = 200, description = "A page of recipients.", body = PageOut<RecipientOut>)))]
#[get("/campaigns/{id}/recipients")]
pub async fn list_campaign_recipients(
    may: May<ClientsRead>,
    id: InPath<CampaignId>,
    query: Query<RecipientQuery>,
) -> Result<Reply, Problem> {
    may.read(move |conn, caller| {
        let campaign = campaigns::find(conn, &caller.practice, id.get()?)?;
        let (state, bounce, limit) = (query.state()?, query.bounce()?, page::limit(query.limit)?);
        let asked = Asked { state, bounce, cursor: query.cursor.as_deref(), limit };
        let found = campaigns::recipients(conn, &campaign, asked)?;
        Reply::ok(&PageOut::of(&found, RecipientOut::from))
    })
    .await
}
