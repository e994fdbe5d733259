//! Reading campaigns and what they began with.

use diesel::dsl::count_star;
use diesel::prelude::*;
use serde_json::Value;

use super::model::{Campaign, CampaignId, Counts, Frozen, InDoubt, Mode, Purpose, State, Status};
use crate::identity::{Practice, PracticeId};
use crate::kernel::actor::Actor;
use crate::kernel::clock::Instant;
use crate::kernel::db::Conn;
use crate::kernel::error::{Error, Result};
use crate::kernel::operations::OperationId;
use crate::kernel::page::{self, Page};
use crate::kernel::{JsonText, Uid};
use crate::schema::{campaign_recipients as recipients, campaigns};
use crate::senders::SenderId;
use crate::templates::TemplateId;
use crate::views::Chosen;

#[derive(Queryable, Selectable)]
#[diesel(table_name = campaigns)]
pub(super) struct Row {
    key: i64,
    id: CampaignId,
    practice_id: Uid,
    name: String,
    status: String,
    purpose: String,
    mode: String,
    template_id: TemplateId,
    sender_id: Option<SenderId>,
    selection: JsonText,
    in_doubt: String,
    pause_share: i32,
    per_minute: Option<i32>,
    scheduled_at: Option<Instant>,
    root_id: Option<CampaignId>,
    informs: bool,
    audience: i64,
    operation_id: Option<OperationId>,
    turn: i64,
    faults: i32,
    paused_for: Option<JsonText>,
    watched_from: Instant,
    revision: i64,
    actor_kind: String,
    actor_id: Option<String>,
    actor_name: String,
    created_at: Instant,
    updated_at: Instant,
    dispatched_at: Option<Instant>,
    finished_at: Option<Instant>,
    client_key: Option<i64>,
}

impl TryFrom<Row> for Campaign {
    type Error = Error;
    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            key: row.key,
            id: row.id,
            practice: PracticeId(row.practice_id),
            name: row.name,
            status: Status::parse(&row.status)?,
            client: row.client_key,
            purpose: Purpose::parse(&row.purpose)?,
            mode: Mode::parse(&row.mode)?,
            template: row.template_id,
            sender: row.sender_id,
            chosen: Chosen::read(&row.selection.read::<Value>()?)?,
            in_doubt: InDoubt::parse(&row.in_doubt)?,
            pause_share: row.pause_share,
            per_minute: row.per_minute,
            scheduled_at: row.scheduled_at,
            root: row.root_id,
            informs: row.informs,
            audience: row.audience,
            operation: row.operation_id,
            turn: row.turn,
            faults: row.faults,
            paused_for: row.paused_for.map(|problem| problem.read()).transpose()?,
            watched_from: row.watched_from,
            revision: row.revision,
            actor: Actor::stored(&row.actor_kind, row.actor_id, row.actor_name),
            created_at: row.created_at,
            updated_at: row.updated_at,
            dispatched_at: row.dispatched_at,
            finished_at: row.finished_at,
        })
    }
}

/// One campaign of the practice.
///
/// # Errors
/// [`Error::NotFound`] when the practice has no such campaign.
pub fn find(conn: &mut Conn, practice: &Practice, id: CampaignId) -> Result<Campaign> {
    let own = campaigns::table.filter(campaigns::practice_id.eq(practice.id).and(campaigns::id.eq(id)));
    let row: Option<Row> = own.select(Row::as_select()).first(conn).optional()?;
    row.ok_or(Error::NotFound("campaign"))?.try_into()
}

/// The campaign that a job is about.
pub(super) fn of_job(conn: &mut Conn, id: CampaignId) -> Result<Option<Campaign>> {
    let row: Option<Row> =
        campaigns::table.filter(campaigns::id.eq(id)).select(Row::as_select()).first(conn).optional()?;
    row.map(TryInto::try_into).transpose()
}

/// A practice's campaigns, the newest first; single mails are none of them.
///
/// # Errors
/// [`Error::Invalid`] on `/cursor`.
pub fn list(conn: &mut Conn, practice: &Practice, (cursor, limit): (Option<&str>, u32)) -> Result<Page<Campaign>> {
    let from: i64 = cursor.map(page::decode).transpose()?.unwrap_or(i64::MAX);
    let rows: Vec<Row> = campaigns::table
        .filter(campaigns::practice_id.eq(practice.id).and(campaigns::key.lt(from)))
        .filter(campaigns::client_key.is_null())
        .order(campaigns::key.desc())
        .limit(i64::from(limit) + 1)
        .select(Row::as_select())
        .load(conn)?;
    let found = rows.into_iter().map(Campaign::try_from).collect::<Result<Vec<_>>>()?;
    Ok(Page::of(found, limit, |last| last.key))
}

/// What a campaign began with; `None` before it began.
pub(super) fn frozen(conn: &mut Conn, campaign: &Campaign) -> Result<Option<Frozen>> {
    let row: (Option<JsonText>, Option<JsonText>) =
        campaigns::table.find(campaign.key).select((campaigns::content, campaigns::sender)).first(conn)?;
    let (Some(content), Some(from)) = row else { return Ok(None) };
    Ok(Some(Frozen { content: content.read()?, from: from.read()? }))
}

impl Counts {
    /// The counts of a campaign, from its rows.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn read(conn: &mut Conn, campaign: &Campaign) -> Result<Self> {
        let rows: Vec<(String, i64)> = recipients::table
            .filter(recipients::campaign_key.eq(campaign.key))
            .group_by(recipients::status)
            .select((recipients::status, count_star()))
            .load(conn)?;
        let counted = rows.into_iter().map(|(status, count)| Ok((State::parse(&status)?, count)));
        Ok(Self(counted.collect::<Result<_>>()?))
    }
}
