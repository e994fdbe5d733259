//! What comes in.

use klaar_domain::campaigns::{CampaignChange, NewCampaign};
use klaar_domain::kernel::error::Result;
use klaar_domain::kernel::patch::Patch;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::answers::{CampaignMode, CampaignPurpose, DoubtAnswer, DoubtPolicy};
use crate::body::Whole;
use crate::selection::SelectionIn;

/// A campaign to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewCampaign, example = json!({
    "name": "Peppol: nog niet klaar", "template_id": "tpl_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b",
    "selection": { "filter": { "field": "fields.ready", "op": "ne", "value": true } }, "mode": "mailbox", "per_minute": 60
}))]
pub struct CampaignIn {
    /// What the practice calls it, up to 200 characters; the template's name when not given.
    #[schema(pattern = r"^[\s\x85]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]{0,199}[\s\x85]*$")]
    name: Option<String>,
    /// What it says.
    template_id: String,
    /// Who it is from; the default sender when not given.
    sender_id: Option<String>,
    /// Which clients. They are looked up when the campaign begins, and its audience stays as it was then.
    selection: SelectionIn,
    /// What it is for: news about the service, which is usual, or marketing, which readers can refuse by one click.
    #[schema(value_type = Option<CampaignPurpose>)]
    purpose: Option<String>,
    /// A mail for each client, which is usual, or one for each mailbox, about all clients that have it.
    #[schema(value_type = Option<CampaignMode>)]
    mode: Option<String>,
    /// What becomes of mails of which nobody knows whether the server took them: a person decides, which is usual, or they
    /// are sent again as the same mail.
    #[schema(value_type = Option<DoubtPolicy>)]
    in_doubt: Option<String>,
    /// The share of failures, in percent, at which it pauses by itself; 20 when not given.
    #[schema(value_type = Option<i32>, minimum = 1, maximum = 100)]
    pause_share: Option<Whole>,
    /// Mails a minute; as many as the sender may when not given.
    #[schema(value_type = Option<i32>, minimum = 1, maximum = 10_000)]
    per_minute: Option<Whole>,
}

/// A change to a campaign: an absent field stays, null clears it, a value sets it. Once it has begun, its name, its rate and what
/// becomes of failures and doubts can still be changed.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = CampaignPatch, example = json!({ "per_minute": 30 }))]
pub struct CampaignPatch {
    /// What the practice calls it, up to 200 characters.
    #[schema(value_type = String, pattern = r"^[\s\x85]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]{0,199}[\s\x85]*$")]
    name: Patch<String>,
    /// What it says.
    #[schema(value_type = String)]
    template_id: Patch<String>,
    /// Who it is from; null for the default sender.
    #[schema(value_type = Option<String>)]
    sender_id: Patch<String>,
    /// Which clients.
    selection: Option<SelectionIn>,
    /// What it is for.
    #[schema(value_type = CampaignPurpose)]
    purpose: Patch<String>,
    /// A mail for each client, or one for each mailbox.
    #[schema(value_type = CampaignMode)]
    mode: Patch<String>,
    /// What becomes of mails in doubt.
    #[schema(value_type = DoubtPolicy)]
    in_doubt: Patch<String>,
    /// The share of failures, in percent, at which it pauses by itself.
    #[schema(value_type = i32, minimum = 1, maximum = 100)]
    pause_share: Patch<Whole>,
    /// Mails a minute; null for as many as the sender may.
    #[schema(value_type = Option<i32>, minimum = 1, maximum = 10_000)]
    per_minute: Patch<Whole>,
}

/// When a campaign is to begin.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CampaignSchedule, example = json!({ "at": "2099-01-05T09:00" }))]
pub struct ScheduleIn {
    /// A moment: with `Z` or an offset, or without one on the clocks of the practice's time zone.
    #[schema(
        pattern = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?([Zz]|[+-][0-9]{2}:[0-9]{2})?$"
    )]
    pub at: String,
}

/// What somebody has found out about mails in doubt.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = DoubtsSettlement, example = json!({ "as": "again" }))]
pub struct SettleIn {
    /// They arrived, they did not, or they are to go out again as the same mails.
    #[serde(rename = "as")]
    #[schema(value_type = DoubtAnswer)]
    pub verdict: String,
    /// The client whose mail it is; all of the campaign when not given.
    pub client_id: Option<String>,
}

/// One mail to one client.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = NewClientMail, example = json!({ "again": true }))]
pub struct SingleIn {
    /// What it says; the delivered information mail when not given.
    pub template_id: Option<String>,
    /// Who it is from; the default sender when not given.
    pub sender_id: Option<String>,
    /// Also when the client was mailed within the last 14 days.
    pub again: bool,
}

/// An address that is to get no mails.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSuppression, example = json!({ "address": "info@peeters.example", "note": "Asked by telephone." }))]
pub struct SuppressionIn {
    /// The address.
    #[schema(value_type = crate::shapes::EmailAddress)]
    pub address: String,
    /// It gets no marketing, but other mails all the same.
    #[serde(default)]
    pub marketing_only: bool,
    /// A note, up to 500 characters.
    #[schema(pattern = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]{0,500}$")]
    pub note: Option<String>,
}

impl CampaignIn {
    /// As the domain takes it.
    ///
    /// # Errors
    /// As [`SelectionIn::chosen`].
    pub fn into_new(self) -> Result<NewCampaign> {
        Ok(NewCampaign {
            name: self.name,
            template: self.template_id,
            sender: self.sender_id,
            chosen: self.selection.chosen()?,
            purpose: self.purpose,
            mode: self.mode,
            in_doubt: self.in_doubt,
            pause_share: self.pause_share.map(|share| share.0),
            per_minute: self.per_minute.map(|rate| rate.0),
        })
    }
}

impl CampaignPatch {
    /// As the domain takes it.
    ///
    /// # Errors
    /// As [`SelectionIn::chosen`].
    pub fn change(self) -> Result<CampaignChange> {
        Ok(CampaignChange {
            name: self.name,
            template: self.template_id,
            sender: self.sender_id,
            chosen: self.selection.as_ref().map(SelectionIn::chosen).transpose()?,
            purpose: self.purpose,
            mode: self.mode,
            in_doubt: self.in_doubt,
            pause_share: self.pause_share.map(|share| share.0),
            per_minute: self.per_minute.map(|rate| rate.0),
        })
    }
}
