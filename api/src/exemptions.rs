//! The exemption of a client from Peppol, as it is taken and sent with the client.

use klaar_domain::clients::{Exemption, ExemptionDraft};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::shapes::{DayOrBlank, ExemptionReasonWord};

/// Why Peppol does not concern a client, and until when. Who said so, and when, the client's provenance tells.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = GivenExemption, example = json!({ "reason": "article_44", "note": "Only medical care", "until": "2027-12-31" }))]
pub struct ExemptionIn {
    /// The reason.
    #[schema(value_type = ExemptionReasonWord)]
    reason: String,
    /// More about it, up to 500 characters; needed for the reason `other`.
    #[schema(pattern = r"^[\s\x85]*[^\x00-\x1f\x7f-\x9f]{0,500}[\s\x85]*$")]
    note: Option<String>,
    /// The last day on which it counts, `YYYY-MM-DD`; until it is taken back when not given.
    #[schema(value_type = Option<DayOrBlank>)]
    until: Option<String>,
}

impl From<ExemptionIn> for ExemptionDraft {
    fn from(said: ExemptionIn) -> Self {
        let ExemptionIn { reason, note, until } = said;
        Self { reason: Some(reason), note, until }
    }
}

/// Why Peppol does not concern a client, and until when.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Exemption, example = json!({ "reason": "article_44", "note": null, "until": "2027-12-31" }))]
pub struct ExemptionOut<'a> {
    /// The reason.
    #[schema(value_type = ExemptionReasonWord)]
    reason: &'static str,
    /// More about it.
    note: Option<&'a str>,
    /// The last day on which it counts; null for one that counts until it is taken back.
    until: Option<&'a str>,
}

impl<'a> ExemptionOut<'a> {
    /// The exemption as it is sent.
    pub fn of(exemption: &'a Exemption) -> Self {
        let Exemption { reason, note, until } = exemption;
        Self { reason: reason.as_str(), note: note.as_deref(), until: until.as_deref() }
    }
}
