//! What goes out.

use klaar_domain::campaigns::{Bounce, Campaign, Counts, MailOfClient, Recipient, State, Suppression};
use klaar_domain::kernel::catalogue::Language;
use klaar_domain::views::{Chosen, Selection};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::answers::{
    BounceWord, CampaignMode, CampaignPurpose, CampaignStatus, DoubtPolicy, MailReason, RecipientStatus,
    ShownSelection, SuppressionReason, SuppressionScope,
};
use crate::audit::ActorOut;
use crate::shapes::{EmailAddress, LanguageWord};

/// A campaign.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Campaign, example = json!({
    "id": "cmp_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "name": "Peppol: nog niet klaar", "status": "running", "template_id": "tpl_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b",
    "sender_id": null, "selection": { "filter": { "field": "fields.ready", "op": "ne", "value": true } }, "purpose": "service", "mode": "client",
    "in_doubt": "ask", "pause_share": 20, "per_minute": 60, "scheduled_at": null, "follows_id": null, "audience": 412,
    "recipients": { "waiting": 200, "sending": 4, "sent": 200, "failed": 1, "bounced": 0, "suppressed": 2, "unreachable": 5, "cancelled": 0, "in_doubt": 0 },
    "paused_for": null, "operation_id": "opn_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "revision": 2,
    "actor": { "kind": "member", "id": "mem_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "name": "Céline Maes" },
    "created_at": "2026-11-22T09:00:00.000000Z", "updated_at": "2026-11-22T09:00:00.000000Z", "dispatched_at": "2026-11-22T09:01:00.000000Z", "finished_at": null
}))]
pub struct CampaignOut {
    /// The campaign's identifier.
    id: String,
    /// What the practice calls it.
    name: String,
    /// Where it stands.
    #[schema(value_type = CampaignStatus)]
    status: &'static str,
    /// What it says; it goes on with what that said when it began.
    template_id: String,
    /// Who it is from; null for the default sender.
    sender_id: Option<String>,
    /// Which clients were meant.
    #[schema(value_type = ShownSelection)]
    selection: Value,
    /// What it is for.
    #[schema(value_type = CampaignPurpose)]
    purpose: &'static str,
    /// A mail for each client, or one for each mailbox.
    #[schema(value_type = CampaignMode)]
    mode: &'static str,
    /// What becomes of mails in doubt.
    #[schema(value_type = DoubtPolicy)]
    in_doubt: &'static str,
    /// The share of failures, in percent, at which it pauses by itself.
    pause_share: i32,
    /// Mails a minute; null for as many as the sender may.
    per_minute: Option<i32>,
    /// When it begins by itself.
    scheduled_at: Option<String>,
    /// The campaign that it follows up: it means only clients that nobody of its line has had.
    follows_id: Option<String>,
    /// Clients that it is for; 0 before it has begun. It is the sum of `recipients` at every moment.
    audience: i64,
    /// How many of them are in each state.
    recipients: CountsOut,
    /// Why it was paused by itself.
    paused_for: Option<PauseOut>,
    /// The operation that sends it.
    operation_id: Option<String>,
    /// Raised with each change by people; also the ETag.
    revision: i64,
    /// Who made it.
    actor: ActorOut,
    /// When.
    created_at: String,
    /// When people last changed it.
    updated_at: String,
    /// When its audience was settled.
    dispatched_at: Option<String>,
    /// When nobody waited any more.
    finished_at: Option<String>,
}

/// How many clients are in each state.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RecipientCounts, example = json!({ "waiting": 200, "sending": 4, "sent": 200, "failed": 1, "bounced": 0, "suppressed": 2,
    "unreachable": 5, "cancelled": 0, "in_doubt": 0 }))]
pub struct CountsOut {
    /// Their mail is to go out.
    waiting: i64,
    /// It is going out now.
    sending: i64,
    /// The server took it.
    sent: i64,
    /// It did not go out and will not.
    failed: i64,
    /// It came back.
    bounced: i64,
    /// Their address gets none.
    suppressed: i64,
    /// They have no address.
    unreachable: i64,
    /// The campaign was cancelled before.
    cancelled: i64,
    /// The server was given it, and nobody knows whether it took it.
    in_doubt: i64,
}

impl From<&Counts> for CountsOut {
    fn from(counts: &Counts) -> Self {
        Self {
            waiting: counts.of(State::Waiting),
            sending: counts.of(State::Sending),
            sent: counts.of(State::Sent),
            failed: counts.of(State::Failed),
            bounced: counts.of(State::Bounced),
            suppressed: counts.of(State::Suppressed),
            unreachable: counts.of(State::Unreachable),
            cancelled: counts.of(State::Cancelled),
            in_doubt: counts.of(State::InDoubt),
        }
    }
}

/// Why a campaign was paused by itself.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CampaignPause, example = json!({ "code": "too_many_failures", "title": "10 mails have failed, which is 20 percent or more." }))]
pub struct PauseOut {
    /// Stable code.
    code: String,
    /// What happened and what to do, in the caller's language.
    title: String,
}

impl CampaignOut {
    /// The campaign for a reader of this language.
    pub fn of(campaign: Campaign, counts: &Counts, language: Language) -> Self {
        let paused_for =
            campaign.paused_for.map(|problem| PauseOut { title: problem.said_in(language), code: problem.code });
        Self {
            id: campaign.id.to_string(),
            name: campaign.name,
            status: campaign.status.as_str(),
            template_id: campaign.template.to_string(),
            sender_id: campaign.sender.map(|id| id.to_string()),
            selection: shown(&campaign.chosen),
            purpose: campaign.purpose.as_str(),
            mode: campaign.mode.as_str(),
            in_doubt: campaign.in_doubt.as_str(),
            pause_share: campaign.pause_share,
            per_minute: campaign.per_minute,
            scheduled_at: campaign.scheduled_at.map(|at| at.to_string()),
            follows_id: campaign.root.map(|id| id.to_string()),
            audience: campaign.audience,
            recipients: counts.into(),
            paused_for,
            operation_id: campaign.operation.map(|id| id.to_string()),
            revision: campaign.revision,
            actor: ActorOut::of_actor(campaign.actor),
            created_at: campaign.created_at.to_string(),
            updated_at: campaign.updated_at.to_string(),
            dispatched_at: campaign.dispatched_at.map(|at| at.to_string()),
            finished_at: campaign.finished_at.map(|at| at.to_string()),
        }
    }
}

/// A selection for people: thousands of identifiers are not repeated to them.
fn shown(chosen: &Chosen) -> Value {
    let mut shown = match &chosen.selection {
        Selection::Clients(ids) => json!({ "clients": ids.len() }),
        Selection::View(id) => json!({ "view_id": id }),
        Selection::Matching(listing) => match (&listing.filter, &listing.search) {
            (None, None) => json!({ "all": true }),
            (filter, search) => {
                let mut shown = serde_json::Map::new();
                shown.extend(filter.clone().map(|filter| ("filter".to_owned(), filter)));
                shown.extend(search.clone().map(|search| ("search".to_owned(), search.into())));
                shown.into()
            }
        },
    };
    let is_repeated = !chosen.except.is_empty() && !matches!(chosen.selection, Selection::Clients(_));
    if let Some(shown) = shown.as_object_mut().filter(|_| is_repeated) {
        shown.insert("except".to_owned(), json!(chosen.except));
    }
    shown
}

/// A client of a campaign's audience, and what became of its mail.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CampaignRecipient, example = json!({
    "client_id": "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "client_name": "Bakkerij Peeters", "status": "sent", "bounce": null, "address": "info@peeters.example",
    "contact": null, "language": "nl", "reason": "card", "attempts": 1, "words": "250 2.0.0 Ok", "due_at": null, "settled_at": "2026-11-22T09:01:00.000000Z"
}))]
pub struct RecipientOut {
    /// The client.
    client_id: String,
    /// Its name.
    client_name: String,
    /// What became of its mail.
    #[schema(value_type = RecipientStatus)]
    status: &'static str,
    /// How it came back; null when it did not.
    #[schema(value_type = Option<BounceWord>)]
    bounce: Option<&'static str>,
    /// Where it goes.
    #[schema(value_type = Option<EmailAddress>)]
    address: Option<String>,
    /// The contact's name, when it is a contact's address.
    contact: Option<String>,
    /// The language that its reader likes best.
    #[schema(value_type = LanguageWord)]
    language: String,
    /// Why that address.
    #[schema(value_type = MailReason)]
    reason: String,
    /// How often it was tried.
    attempts: i32,
    /// What the server said last, or why there is no mail.
    words: Option<String>,
    /// When it is tried next, while it waits.
    due_at: Option<String>,
    /// When it was settled.
    settled_at: Option<String>,
}

impl From<&Recipient> for RecipientOut {
    fn from(one: &Recipient) -> Self {
        Self {
            client_id: one.client.to_string(),
            client_name: one.name.clone(),
            status: one.state.as_str(),
            bounce: one.bounce.map(Bounce::as_str),
            address: one.address.clone(),
            contact: one.contact.clone(),
            language: one.language.clone(),
            reason: one.reason.clone(),
            attempts: one.attempts,
            words: one.words.clone(),
            due_at: (one.state == State::Waiting).then(|| one.due_at.to_string()),
            settled_at: one.settled_at.map(|at| at.to_string()),
        }
    }
}

/// A mail that a client was to get.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ClientMail, example = json!({
    "campaign_id": "cmp_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "name": "Peppol: nog niet klaar", "single": false, "status": "sent", "bounce": null,
    "address": "info@peeters.example", "words": "250 2.0.0 Ok", "dispatched_at": "2026-11-22T09:00:00.000000Z", "settled_at": "2026-11-22T09:01:00.000000Z"
}))]
pub struct ClientMailOut {
    /// The campaign; of one client where it was sent from the card.
    campaign_id: String,
    /// What it is called.
    name: String,
    /// It was sent from the card.
    single: bool,
    /// What became of it.
    #[schema(value_type = RecipientStatus)]
    status: &'static str,
    /// How it came back; null when it did not.
    #[schema(value_type = Option<BounceWord>)]
    bounce: Option<&'static str>,
    /// Where it went.
    #[schema(value_type = Option<EmailAddress>)]
    address: Option<String>,
    /// What the server said last, or why there was no mail.
    words: Option<String>,
    /// When its campaign began.
    dispatched_at: Option<String>,
    /// When it was settled.
    settled_at: Option<String>,
}

impl From<&MailOfClient> for ClientMailOut {
    fn from(mail: &MailOfClient) -> Self {
        Self {
            campaign_id: mail.campaign.to_string(),
            name: mail.name.clone(),
            single: mail.is_single,
            status: mail.state.as_str(),
            bounce: mail.bounce.map(Bounce::as_str),
            address: mail.address.clone(),
            words: mail.words.clone(),
            dispatched_at: mail.dispatched_at.map(|at| at.to_string()),
            settled_at: mail.settled_at.map(|at| at.to_string()),
        }
    }
}

/// An address that gets no mails.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Suppression, example = json!({ "address": "info@peeters.example", "scope": "all", "reason": "manual", "note": "Asked by telephone.",
    "actor": { "kind": "member", "id": "mem_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "name": "Céline Maes" }, "created_at": "2026-11-22T09:00:00.000000Z" }))]
pub struct SuppressionOut {
    /// The address.
    #[schema(value_type = EmailAddress)]
    address: String,
    /// It gets none at all, or no marketing.
    #[schema(value_type = SuppressionScope)]
    scope: String,
    /// Why.
    #[schema(value_type = SuppressionReason)]
    reason: String,
    /// What somebody noted.
    note: Option<String>,
    /// Who did it.
    actor: ActorOut,
    /// When.
    created_at: String,
}

impl From<&Suppression> for SuppressionOut {
    fn from(one: &Suppression) -> Self {
        let actor = ActorOut { kind: one.actor_kind.clone(), id: one.actor_id.clone(), name: one.actor_name.clone() };
        Self {
            address: one.address.clone(),
            scope: one.scope.clone(),
            reason: one.reason.clone(),
            note: one.note.clone(),
            actor,
            created_at: one.created_at.to_string(),
        }
    }
}
