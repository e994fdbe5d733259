//! How a campaign begins: at once, at its time, or as the one mail of a client's card.

use diesel::prelude::*;
use serde_json::json;

use super::audience::{Around, meant};
use super::freezing::freeze;
use super::jobs::{DispatchScheduled, enqueue_turn};
use super::model::{Campaign, CampaignId, FrozenFrom, Purpose, Status};
use super::preflights::{LATELY, look};
use super::{attachments, drafts, queries, recipients};
use crate::clients::{self, ClientId};
use crate::identity::{Caller, Practice, Rights};
use crate::kernel::JsonText;
use crate::kernel::audit::{self, Event};
use crate::kernel::clock::Instant;
use crate::kernel::db::{Conn, Tx};
use crate::kernel::error::{Error, FieldError, Result};
use crate::kernel::jobs::{self, EnqueueOptions};
use crate::kernel::operations::{self, Operation, OperationId};
use crate::schema::campaigns;
use crate::senders;
use crate::templates::{self, Attachment, TemplateId};
use crate::views::{Chosen, Selection};

/// How late a scheduled campaign may still begin by itself: an hour, in seconds. Later, as in a database that was brought back
/// from yesterday, somebody has to say so again.
const LATEST: i64 = 3_600;

/// What a campaign is to begin with, looked at outside any transaction.
struct Ready {
    keys: Vec<i64>,
    content: JsonText,
    attachments: Vec<Attachment>,
    from: JsonText,
    informs: bool,
}

/// Looks whether a campaign may begin, and gathers what it begins with.
fn ready(conn: &mut Conn, around: Around<'_>, campaign: &Campaign) -> Result<Ready> {
    let keys = meant(conn, around, campaign)?;
    let blocks = look(conn, around, campaign, &keys)?.blocks();
    if !blocks.is_empty() {
        return Err(Error::conflict_with("preflight_blocks", vec![("findings", blocks.join(", "))]));
    }
    let template = templates::template(conn, around.templates(), campaign.template)?;
    let category = templates::category(conn, &around.caller.practice, template.category)?;
    let from = senders::from_of(conn, around.senders(), campaign.sender)?;
    let from = JsonText::of(&FrozenFrom::of(&from, around.keyring.present_key()));
    let (content, attachments) = (JsonText::of(&template.content), template.attachments);
    // An offer informs nobody about Peppol, whichever category its template stands in.
    let informs = category.is_delivered && campaign.purpose == Purpose::Service;
    Ok(Ready { keys, content, attachments, from, informs })
}

/// A campaign that may begin, and what it begins with.
pub struct Launch {
    campaign: Campaign,
    ready: Ready,
}

/// Looks whether a draft may begin.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Stale`]; [`Error::Conflict`] `campaign_begun`, or `preflight_blocks` with what stops it;
/// [`Error::Invalid`] when its selection is broken.
pub fn prepare_dispatch(conn: &mut Conn, around: Around<'_>, (id, revision): (CampaignId, i64)) -> Result<Launch> {
    let campaign = queries::find(conn, &around.caller.practice, id)?;
    if campaign.revision != revision {
        return Err(Error::Stale);
    }
    if !matches!(campaign.status, Status::Draft | Status::Scheduled) {
        return Err(Error::conflict("campaign_begun"));
    }
    let ready = ready(conn, around, &campaign)?;
    Ok(Launch { campaign, ready })
}

/// Begins a campaign: freezes its audience and leaves its first job behind, in the caller's transaction.
///
/// # Errors
/// [`Error::Stale`] when somebody has changed it since it was looked at.
pub fn launch(tx: &mut Tx<'_>, caller: &Caller, launch: &Launch) -> Result<(CampaignId, Operation)> {
    let mut campaign = launch.campaign.clone();
    if campaign.client.is_some() {
        campaign.key = drafts::insert(tx, &campaign)?;
    }
    let operation = begin(tx, caller, &campaign, &launch.ready)?;
    Ok((campaign.id, operations::find(tx, caller.practice.uid(), operation)?))
}

fn begin(tx: &mut Tx<'_>, caller: &Caller, campaign: &Campaign, ready: &Ready) -> Result<OperationId> {
    let now = tx.now();
    let operation = operations::create(tx, caller.practice.uid(), &caller.actor, "campaign", None)?;
    let unchanged = campaigns::table
        .find(campaign.key)
        .filter(campaigns::revision.eq(campaign.revision).and(campaigns::status.eq(campaign.status.as_str())));
    let begun = diesel::update(unchanged)
        .set((
            campaigns::status.eq(Status::Running.as_str()),
            (campaigns::content.eq(Some(&ready.content)), campaigns::sender.eq(Some(&ready.from))),
            (campaigns::informs.eq(ready.informs), campaigns::operation_id.eq(Some(operation))),
            (campaigns::turn.eq(1), campaigns::faults.eq(0), campaigns::scheduled_at.eq(None::<Instant>)),
            (campaigns::dispatched_at.eq(Some(now)), campaigns::watched_from.eq(now)),
            (campaigns::revision.eq(campaign.revision + 1), campaigns::updated_at.eq(now)),
        ))
        .execute(&mut **tx)?;
    if begun == 0 {
        return Err(Error::Stale);
    }
    attachments::freeze(tx, campaign, &ready.attachments)?;
    let audience = i64::try_from(freeze(tx, campaign, &ready.keys)?).unwrap_or(i64::MAX);
    diesel::update(campaigns::table.find(campaign.key)).set(campaigns::audience.eq(audience)).execute(&mut **tx)?;
    operations::set_total(tx, operation, audience)?;
    let begun = Campaign { operation: Some(operation), ..campaign.clone() };
    enqueue_turn(tx, &begun, 1, None)?;
    let event = Event { operation: Some(operation.0), ..Event::new("campaign.dispatched", "api").on(campaign.id) };
    let after = json!({ "audience": audience, "campaign": drafts::state(campaign) });
    audit::record(tx, caller.practice.uid(), &caller.actor, &event.after(&after))?;
    Ok(operation)
}

/// Has a draft begin by itself at a moment.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Stale`]; [`Error::Invalid`] on `/at` for a moment that is over; [`Error::Conflict`]
/// `campaign_begun`.
pub fn schedule(tx: &mut Tx<'_>, caller: &Caller, (id, revision): (CampaignId, i64), at: Instant) -> Result<()> {
    let now = tx.now();
    if at <= now {
        return Err(Error::Invalid(vec![FieldError::new("/at", "in_the_past")]));
    }
    let before = draft(tx, caller, (id, revision), Status::Draft)?;
    let after = Campaign {
        status: Status::Scheduled,
        scheduled_at: Some(at),
        revision: revision + 1,
        updated_at: now,
        ..before.clone()
    };
    drafts::store(tx, &after)?;
    let options = EnqueueOptions::of(caller.practice.uid()).at(at).once(format!("campaign:{id}:at:{}", after.revision));
    jobs::enqueue(tx, &DispatchScheduled { campaign: id }, &options)?;
    let states = (drafts::state(&before), drafts::state(&after));
    let event = Event::new("campaign.scheduled", "api").on(id).before(&states.0).after(&states.1);
    audit::record(tx, caller.practice.uid(), &caller.actor, &event)?;
    Ok(())
}

/// Makes a scheduled campaign a draft again.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Stale`]; [`Error::Conflict`] `campaign_begun` for one that waits for no moment.
pub fn unschedule(tx: &mut Tx<'_>, caller: &Caller, (id, revision): (CampaignId, i64)) -> Result<()> {
    let before = draft(tx, caller, (id, revision), Status::Scheduled)?;
    drafts_again(tx, caller, &before, "campaign.unscheduled")
}

fn drafts_again(tx: &mut Tx<'_>, caller: &Caller, before: &Campaign, kind: &'static str) -> Result<()> {
    let after = Campaign {
        status: Status::Draft,
        scheduled_at: None,
        revision: before.revision + 1,
        updated_at: tx.now(),
        ..before.clone()
    };
    drafts::store(tx, &after)?;
    let states = (drafts::state(before), drafts::state(&after));
    let event = Event::new(kind, "api").on(before.id).before(&states.0).after(&states.1);
    audit::record(tx, caller.practice.uid(), &caller.actor, &event)?;
    Ok(())
}

fn draft(tx: &mut Tx<'_>, caller: &Caller, (id, revision): (CampaignId, i64), status: Status) -> Result<Campaign> {
    let found = queries::find(tx, &caller.practice, id)?;
    match () {
        () if found.revision != revision => Err(Error::Stale),
        () if found.status != status => Err(Error::conflict("campaign_begun")),
        () => Ok(found),
    }
}

/// Whoever made a campaign, as the caller that its selection is looked at for; nobody when it is gone.
///
/// # Errors
/// When the database refuses.
pub fn caller_of(conn: &mut Conn, practice: Practice, id: CampaignId) -> Result<Option<Caller>> {
    let Ok(campaign) = queries::find(conn, &practice, id) else { return Ok(None) };
    Ok(Some(Caller {
        practice,
        actor: campaign.actor,
        rights: Rights::default(),
        session: None,
        account: None,
        authenticated_at: None,
        expires_at: None,
    }))
}

/// Begins a campaign whose moment has come. What stops it, and one whose moment is long over, makes it a draft again, and the
/// trail says why. Blocking.
///
/// # Errors
/// When the database refuses.
pub fn dispatch_scheduled(around: Around<'_>, id: CampaignId) -> Result<()> {
    let caller = around.caller;
    let campaign = around.db.read(|conn| queries::find(conn, &caller.practice, id))?;
    let now = around.db.clock().now();
    let Some(at) = campaign.scheduled_at.filter(|at| campaign.status == Status::Scheduled && *at <= now) else {
        return Ok(());
    };
    if now.seconds_since(at) > LATEST {
        return around.db.write(|tx| drafts_again(tx, caller, &campaign, "campaign.schedule_missed"));
    }
    let prepared = around.db.read(|conn| prepare_dispatch(conn, around, (id, campaign.revision)));
    match prepared.and_then(|prepared| around.db.write(|tx| launch(tx, caller, &prepared))) {
        Ok(_) | Err(Error::Stale) => Ok(()),
        Err(fault @ (Error::Conflict(_) | Error::Invalid(_) | Error::NotFound(_))) => {
            tracing::warn!(campaign = %id, %fault, "a scheduled campaign could not begin and is a draft again");
            around.db.write(|tx| drafts_again(tx, caller, &campaign, "campaign.schedule_failed"))
        }
        Err(other) => Err(other),
    }
}

/// One mail to one client.
#[derive(Debug, Clone)]
pub struct Single {
    /// The client.
    pub client: ClientId,
    /// The template, by its identifier; the delivered information mail when not given.
    pub template: Option<String>,
    /// The sender, by its identifier.
    pub sender: Option<String>,
    /// Also when it was mailed lately.
    pub again: bool,
}

/// Looks whether one mail may go to one client, from its card: a campaign of one, with the same ledger.
///
/// # Errors
/// [`Error::NotFound`] for the client; [`Error::Invalid`]; [`Error::Conflict`] `archived`, `mailed_lately` when nobody said
/// that it is to go again, or `preflight_blocks`.
pub fn prepare_single(conn: &mut Conn, around: Around<'_>, single: &Single) -> Result<Launch> {
    let caller = around.caller;
    let now = around.db.clock().now();
    let client = clients::find(conn, &caller.practice, single.client)?;
    if client.archived_at.is_some() {
        return Err(Error::conflict("archived"));
    }
    let mailed = recipients::mailed_since(conn, &caller.practice, &[client.key], now.plus_seconds(-LATELY))?;
    if let Some(last) = mailed.last_at.filter(|_| !single.again) {
        return Err(Error::conflict_with("mailed_lately", vec![("at", last.to_string())]));
    }
    let chosen = Chosen { selection: Selection::Clients(vec![single.client]), except: Vec::new() };
    let campaign = Campaign {
        name: client.card.name.clone(),
        client: Some(client.key),
        template: template_of(conn, around, single.template.as_deref())?,
        sender: sender_of(single.sender.as_deref())?,
        ..drafts::blank(caller, chosen, now)
    };
    let ready = ready(conn, around, &campaign)?;
    Ok(Launch { campaign, ready })
}

fn template_of(conn: &mut Conn, around: Around<'_>, named: Option<&str>) -> Result<TemplateId> {
    let unknown = || Error::invalid("/template_id", "unknown_template");
    match named {
        Some(named) => {
            let id: TemplateId = named.trim().parse().map_err(|_| unknown())?;
            templates::template(conn, around.templates(), id).map(|found| found.id).map_err(|error| match error {
                Error::NotFound(_) => unknown(),
                other => other,
            })
        }
        None => {
            let delivered = templates::templates(conn, around.templates())?.into_iter().next();
            delivered.map(|template| template.id).ok_or_else(unknown)
        }
    }
}

fn sender_of(named: Option<&str>) -> Result<Option<senders::SenderId>> {
    let unknown = |_| Error::invalid("/sender_id", "unknown_sender");
    named.map(|id| id.trim().parse().map_err(unknown)).transpose()
}
