//! The verbs on drafts: make, change and delete one. A campaign that has begun can still be made faster or slower.

use diesel::prelude::*;
use serde_json::{Value, json};

use super::model::{Campaign, CampaignId, InDoubt, Mode, Purpose, Status};
use super::queries;
use crate::custom_fields::set;
use crate::identity::{Caller, Practice};
use crate::kernel::JsonText;
use crate::kernel::audit::{self, Event};
use crate::kernel::clock::Instant;
use crate::kernel::db::Tx;
use crate::kernel::error::{Error, FieldError, Result};
use crate::kernel::operations::OperationId;
use crate::kernel::patch::Patch;
use crate::kernel::text;
use crate::mail::Letters;
use crate::schema::campaigns;
use crate::senders::SenderId;
use crate::templates::{self, Given, TemplateId};
use crate::views::Chosen;

const LONGEST_NAME: usize = 200;
/// Failures at which a campaign pauses when nobody says otherwise, in percent.
const USUAL_PAUSE_SHARE: i32 = 20;
/// The highest rate that can be asked for, in mails a minute.
const FASTEST: i32 = 10_000;

/// A campaign to make.
#[derive(Debug, Clone)]
pub struct NewCampaign {
    /// What the practice calls it; the template's name when not given.
    pub name: Option<String>,
    /// The template, by its identifier.
    pub template: String,
    /// The sender, by its identifier.
    pub sender: Option<String>,
    /// Which clients are meant.
    pub chosen: Chosen,
    /// What it is for.
    pub purpose: Option<String>,
    /// How many mails an address gets.
    pub mode: Option<String>,
    /// What becomes of mails in doubt.
    pub in_doubt: Option<String>,
    /// The share of failures, in percent, at which it pauses.
    pub pause_share: Option<i32>,
    /// Mails a minute.
    pub per_minute: Option<i32>,
}

/// What a PATCH says of a campaign.
#[derive(Debug, Clone, Default)]
pub struct CampaignChange {
    /// What the practice calls it.
    pub name: Patch<String>,
    /// The template.
    pub template: Patch<String>,
    /// The sender; null for the default one.
    pub sender: Patch<String>,
    /// Which clients are meant.
    pub chosen: Option<Chosen>,
    /// What it is for.
    pub purpose: Patch<String>,
    /// How many mails an address gets.
    pub mode: Patch<String>,
    /// What becomes of mails in doubt.
    pub in_doubt: Patch<String>,
    /// The share of failures, in percent, at which it pauses.
    pub pause_share: Patch<i32>,
    /// Mails a minute; null for as many as go.
    pub per_minute: Patch<i32>,
}

impl CampaignChange {
    /// Whether it says something that only a draft can take.
    fn needs_draft(&self) -> bool {
        let texts = [&self.template, &self.sender, &self.purpose, &self.mode];
        self.chosen.is_some() || texts.iter().any(|said| **said != Patch::Absent)
    }
}

/// A campaign as the audit trail has it.
pub(super) fn state(campaign: &Campaign) -> Value {
    json!({
        "name": campaign.name, "status": campaign.status.as_str(), "template": campaign.template,
        "sender": campaign.sender, "purpose": campaign.purpose.as_str(), "mode": campaign.mode.as_str(),
        "in_doubt": campaign.in_doubt.as_str(), "pause_share": campaign.pause_share,
        "per_minute": campaign.per_minute, "scheduled_at": campaign.scheduled_at.map(|at| at.to_string()),
        "selection": shown(&campaign.chosen),
    })
}

/// A selection for people: thousands of identifiers are not repeated to them.
fn shown(chosen: &Chosen) -> Value {
    match &chosen.selection {
        crate::views::Selection::Clients(ids) => json!({ "clients": ids.len(), "except": chosen.except.len() }),
        _ => {
            let mut stored = chosen.stored();
            stored.as_object_mut().map(|whole| whole.insert("except".to_owned(), json!(chosen.except.len())));
            stored
        }
    }
}

/// One word of several.
fn word<T: std::str::FromStr>(typed: &str, pointer: &str, all: impl Iterator<Item = &'static str>) -> Result<T> {
    let words = all.collect::<Vec<_>>().join(", ");
    let unknown = |_| Error::Invalid(vec![FieldError::new(pointer, "unknown_value").with("values", words)]);
    typed.trim().parse().map_err(unknown)
}

fn purpose(typed: &str) -> Result<Purpose> {
    word(typed, "/purpose", Purpose::ALL.iter().map(|one| one.as_str()))
}

fn mode(typed: &str) -> Result<Mode> {
    word(typed, "/mode", Mode::ALL.iter().map(|one| one.as_str()))
}

fn in_doubt(typed: &str) -> Result<InDoubt> {
    word(typed, "/in_doubt", InDoubt::ALL.iter().map(|one| one.as_str()))
}

fn within(value: i32, pointer: &str, most: i32) -> Result<i32> {
    let fault = || Error::Invalid(vec![FieldError::new(pointer, "out_of_range").with("min", 1).with("max", most)]);
    (1..=most).contains(&value).then_some(value).ok_or_else(fault)
}

fn name(typed: &str) -> Result<String> {
    text::line(typed, "/name", LONGEST_NAME).map_err(|fault| Error::Invalid(vec![fault]))
}

/// The template that was named.
fn template(tx: &mut Tx<'_>, given: Given<'_>, typed: &str) -> Result<(TemplateId, String)> {
    let unknown = || Error::invalid("/template_id", "unknown_template");
    let id: TemplateId = typed.trim().parse().map_err(|_| unknown())?;
    let found = templates::template(tx, given, id).map_err(|error| match error {
        Error::NotFound(_) => unknown(),
        other => other,
    })?;
    Ok((id, found.name))
}

/// The sender that was named.
fn sender(tx: &mut Tx<'_>, practice: &Practice, typed: &str) -> Result<SenderId> {
    let unknown = || Error::invalid("/sender_id", "unknown_sender");
    let id: SenderId = typed.trim().parse().map_err(|_| unknown())?;
    match crate::senders::sender(tx, practice, id) {
        Ok(_) => Ok(id),
        Err(Error::NotFound(_)) => Err(unknown()),
        Err(other) => Err(other),
    }
}

/// Makes a draft. Whom it means is looked at when somebody asks for its preflight.
///
/// # Errors
/// [`Error::Invalid`] for wrong fields.
pub fn create(tx: &mut Tx<'_>, caller: &Caller, letters: &Letters, new: NewCampaign) -> Result<CampaignId> {
    let practice = &caller.practice;
    let (template, usual) = template(tx, Given { practice, letters }, &new.template)?;
    let made = Campaign {
        name: new.name.map_or_else(|| Ok(usual), |typed| name(&typed))?,
        template,
        sender: new.sender.map(|typed| sender(tx, practice, &typed)).transpose()?,
        purpose: new.purpose.map_or(Ok(Purpose::Service), |typed| purpose(&typed))?,
        mode: new.mode.map_or(Ok(Mode::Client), |typed| mode(&typed))?,
        in_doubt: new.in_doubt.map_or(Ok(InDoubt::Ask), |typed| in_doubt(&typed))?,
        pause_share: new.pause_share.map_or(Ok(USUAL_PAUSE_SHARE), |share| within(share, "/pause_share", 100))?,
        per_minute: new.per_minute.map(|rate| within(rate, "/per_minute", FASTEST)).transpose()?,
        ..blank(caller, new.chosen, tx.now())
    };
    insert(tx, &made)?;
    let event = Event::new("campaign.created", "api").on(made.id).after(&state(&made));
    audit::record(tx, practice.uid(), &caller.actor, &event)?;
    Ok(made.id)
}

/// A draft that says nothing yet.
pub(super) fn blank(caller: &Caller, chosen: Chosen, now: Instant) -> Campaign {
    Campaign {
        key: 0,
        id: CampaignId::new(),
        practice: caller.practice.id,
        name: String::new(),
        status: Status::Draft,
        client: None,
        purpose: Purpose::Service,
        mode: Mode::Client,
        template: TemplateId::new(),
        sender: None,
        chosen,
        in_doubt: InDoubt::Ask,
        pause_share: USUAL_PAUSE_SHARE,
        per_minute: None,
        scheduled_at: None,
        root: None,
        informs: false,
        audience: 0,
        operation: None,
        turn: 0,
        faults: 0,
        paused_for: None,
        watched_from: now,
        revision: 1,
        actor: caller.actor.clone(),
        created_at: now,
        updated_at: now,
        dispatched_at: None,
        finished_at: None,
    }
}

/// Stores a new campaign. Returns its key.
pub(super) fn insert(tx: &mut Tx<'_>, made: &Campaign) -> Result<i64> {
    let actor = &made.actor;
    let key = diesel::insert_into(campaigns::table)
        .values((
            (campaigns::id.eq(made.id), campaigns::practice_id.eq(made.practice), campaigns::name.eq(&made.name)),
            (campaigns::status.eq(made.status.as_str()), campaigns::client_key.eq(made.client)),
            (campaigns::purpose.eq(made.purpose.as_str()), campaigns::mode.eq(made.mode.as_str())),
            (campaigns::template_id.eq(made.template), campaigns::sender_id.eq(made.sender)),
            campaigns::selection.eq(JsonText::of(&made.chosen.stored())),
            (campaigns::in_doubt.eq(made.in_doubt.as_str()), campaigns::pause_share.eq(made.pause_share)),
            (campaigns::per_minute.eq(made.per_minute), campaigns::root_id.eq(made.root)),
            (campaigns::informs.eq(made.informs), campaigns::audience.eq(0), campaigns::turn.eq(0)),
            (campaigns::faults.eq(0), campaigns::watched_from.eq(made.watched_from)),
            campaigns::next_mail_at.eq(0),
            campaigns::operation_id.eq(None::<OperationId>),
            campaigns::revision.eq(made.revision),
            (campaigns::actor_kind.eq(actor.kind.as_str()), campaigns::actor_id.eq(actor.id.as_deref())),
            campaigns::actor_name.eq(&actor.name),
            (campaigns::created_at.eq(made.created_at), campaigns::updated_at.eq(made.updated_at)),
        ))
        .returning(campaigns::key)
        .get_result(&mut **tx)?;
    Ok(key)
}

/// Changes a campaign: a draft in everything, one that has begun in its name, its rate and what becomes of failures. A change
/// of nothing leaves no trace.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Stale`]; [`Error::Invalid`]; [`Error::Conflict`] `campaign_begun`.
pub fn change(
    tx: &mut Tx<'_>,
    (caller, letters): (&Caller, &Letters),
    (id, revision): (CampaignId, i64),
    said: CampaignChange,
) -> Result<()> {
    let practice = &caller.practice;
    let before = queries::find(tx, practice, id)?;
    if before.revision != revision {
        return Err(Error::Stale);
    }
    if said.needs_draft() && before.status != Status::Draft {
        return Err(Error::conflict("campaign_begun"));
    }
    let mut after = Campaign { revision: revision + 1, updated_at: tx.now(), ..before.clone() };
    if let Some(typed) = set(said.name, "/name")? {
        after.name = name(&typed)?;
    }
    if let Some(typed) = set(said.template, "/template_id")? {
        after.template = template(tx, Given { practice, letters }, &typed)?.0;
    }
    said.sender.try_map(|typed| sender(tx, practice, &typed))?.apply(&mut after.sender);
    if let Some(chosen) = said.chosen {
        after.chosen = chosen;
    }
    if let Some(typed) = set(said.purpose, "/purpose")? {
        after.purpose = purpose(&typed)?;
    }
    if let Some(typed) = set(said.mode, "/mode")? {
        after.mode = mode(&typed)?;
    }
    if let Some(typed) = set(said.in_doubt, "/in_doubt")? {
        after.in_doubt = in_doubt(&typed)?;
    }
    if let Some(share) = set(said.pause_share, "/pause_share")? {
        after.pause_share = within(share, "/pause_share", 100)?;
    }
    said.per_minute.try_map(|rate| within(rate, "/per_minute", FASTEST))?.apply(&mut after.per_minute);
    if state(&after) == state(&before) && after.chosen.stored() == before.chosen.stored() {
        return Ok(());
    }
    store(tx, &after)?;
    let event = Event::new("campaign.updated", "api").on(id).before(&state(&before)).after(&state(&after));
    audit::record(tx, practice.uid(), &caller.actor, &event)?;
    Ok(())
}

/// Stores what people may change.
pub(super) fn store(tx: &mut Tx<'_>, after: &Campaign) -> Result<()> {
    let read = campaigns::table.find(after.key).filter(campaigns::revision.eq(after.revision - 1));
    let stored = diesel::update(read)
        .set((
            (campaigns::name.eq(&after.name), campaigns::status.eq(after.status.as_str())),
            (campaigns::template_id.eq(after.template), campaigns::sender_id.eq(after.sender)),
            campaigns::selection.eq(JsonText::of(&after.chosen.stored())),
            (campaigns::purpose.eq(after.purpose.as_str()), campaigns::mode.eq(after.mode.as_str())),
            (campaigns::in_doubt.eq(after.in_doubt.as_str()), campaigns::pause_share.eq(after.pause_share)),
            (campaigns::per_minute.eq(after.per_minute), campaigns::scheduled_at.eq(after.scheduled_at)),
            (campaigns::revision.eq(after.revision), campaigns::updated_at.eq(after.updated_at)),
        ))
        .execute(&mut **tx)?;
    if stored == 1 { Ok(()) } else { Err(Error::Stale) }
}

/// Deletes a draft.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] `campaign_begun`: what was sent stays known.
pub fn delete(tx: &mut Tx<'_>, caller: &Caller, id: CampaignId) -> Result<()> {
    let before = queries::find(tx, &caller.practice, id)?;
    if before.status != Status::Draft {
        return Err(Error::conflict("campaign_begun"));
    }
    let draft = campaigns::table.find(before.key).filter(campaigns::status.eq(Status::Draft.as_str()));
    if diesel::delete(draft).execute(&mut **tx)? == 0 {
        return Err(Error::conflict("campaign_begun"));
    }
    let event = Event::new("campaign.deleted", "api").on(id).before(&state(&before));
    audit::record(tx, caller.practice.uid(), &caller.actor, &event)?;
    Ok(())
}
