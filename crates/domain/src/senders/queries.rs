//! Reading senders, and opening what is secret of them.

use std::collections::BTreeMap;

use diesel::prelude::*;

use super::checks::Given;
use super::model::{BounceBox, Limits, Secrets, Sender, SenderId, ServerCard};
use crate::identity::{Practice, PracticeId};
use crate::kernel::JsonText;
use crate::kernel::clock::Instant;
use crate::kernel::db::Conn;
use crate::kernel::error::{Error, Result};
use crate::mail::MailServer;
use crate::schema::senders;

#[derive(Queryable, Selectable)]
#[diesel(table_name = senders)]
struct Row {
    id: SenderId,
    name: String,
    from_name: String,
    from_address: Option<String>,
    reply_to: Option<String>,
    signatures: JsonText,
    server: Option<JsonText>,
    bounces: Option<JsonText>,
    per_minute: Option<i32>,
    per_day: Option<i32>,
    is_default: bool,
    tested_at: Option<Instant>,
    revision: i64,
    created_at: Instant,
    updated_at: Instant,
}

impl TryFrom<Row> for Sender {
    type Error = Error;
    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: row.id,
            name: row.name,
            from_name: row.from_name,
            from_address: row.from_address,
            reply_to: row.reply_to,
            signatures: row.signatures.read::<BTreeMap<_, _>>()?,
            server: row.server.map(|server| server.read::<ServerCard>()).transpose()?,
            bounces: row.bounces.map(|bounces| bounces.read::<BounceBox>()).transpose()?,
            limits: Limits { per_minute: row.per_minute, per_day: row.per_day },
            is_default: row.is_default,
            tested_at: row.tested_at,
            revision: row.revision,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// The senders of the practice, in the order in which they were made.
///
/// # Errors
/// When the database refuses.
pub fn senders(conn: &mut Conn, practice: &Practice) -> Result<Vec<Sender>> {
    let rows: Vec<Row> = senders::table
        .filter(senders::practice_id.eq(practice.id).and(senders::deleted_at.is_null()))
        .order(senders::id)
        .select(Row::as_select())
        .load(conn)?;
    rows.into_iter().map(Sender::try_from).collect()
}

/// One sender.
///
/// # Errors
/// [`Error::NotFound`].
pub fn sender(conn: &mut Conn, practice: &Practice, id: SenderId) -> Result<Sender> {
    let row: Option<Row> = senders::table
        .filter(senders::practice_id.eq(practice.id).and(senders::id.eq(id)).and(senders::deleted_at.is_null()))
        .select(Row::as_select())
        .first(conn)
        .optional()?;
    row.ok_or(Error::NotFound("sender"))?.try_into()
}

/// The place that a sender's secrets are sealed for.
pub(super) fn place(practice: PracticeId, id: SenderId) -> String {
    format!("{practice}/senders/{id}")
}

/// What is secret of a sender's server; nothing when it has none.
pub(super) fn secrets(conn: &mut Conn, given: Given<'_>, id: SenderId) -> Result<Secrets> {
    let sealed: Option<Option<Vec<u8>>> = senders::table
        .filter(senders::practice_id.eq(given.practice.id).and(senders::id.eq(id)))
        .select(senders::secrets)
        .first(conn)
        .optional()?;
    let Some(sealed) = sealed.flatten() else { return Ok(Secrets::default()) };
    Ok(serde_json::from_slice(&given.keyring.open(&place(given.practice.id, id), &sealed)?)?)
}

/// The place that what is secret of a sender's bounce mailbox is sealed for.
pub(super) fn bounce_place(practice: PracticeId, id: SenderId) -> String {
    format!("{}/bounces", place(practice, id))
}

/// What is secret of a sender's bounce mailbox; nothing when it has none.
pub(super) fn bounce_secrets(conn: &mut Conn, given: Given<'_>, id: SenderId) -> Result<Secrets> {
    let sealed: Option<Option<Vec<u8>>> = senders::table
        .filter(senders::practice_id.eq(given.practice.id).and(senders::id.eq(id)))
        .select(senders::bounce_secrets)
        .first(conn)
        .optional()?;
    let Some(sealed) = sealed.flatten() else { return Ok(Secrets::default()) };
    Ok(serde_json::from_slice(&given.keyring.open(&bounce_place(given.practice.id, id), &sealed)?)?)
}

/// The mailbox that a sender's mails come back to, as it is connected to, and its folder; `None` when it has none.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Internal`] when the secrets do not open.
pub fn bounce_box_of(conn: &mut Conn, given: Given<'_>, id: SenderId) -> Result<Option<(MailServer, String)>> {
    let Some(bounces) = sender(conn, given.practice, id)?.bounces else { return Ok(None) };
    Ok(Some((bounces.server.with(bounce_secrets(conn, given, id)?)?, bounces.folder)))
}

/// Every sender of every practice that has a bounce mailbox.
///
/// # Errors
/// When the database refuses.
pub fn with_bounce_boxes(conn: &mut Conn) -> Result<Vec<(PracticeId, SenderId)>> {
    let own = senders::table.filter(senders::bounces.is_not_null().and(senders::deleted_at.is_null()));
    Ok(own.order(senders::id).select((senders::practice_id, senders::id)).load(conn)?)
}

/// The server that a sender's mails go to, its own or the installation's.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] `no_shared_server` when the installation offers none (any more);
/// [`Error::Internal`] when the secrets do not open.
pub fn server_of(conn: &mut Conn, given: Given<'_>, sender: &Sender) -> Result<MailServer> {
    match &sender.server {
        Some(card) => card.with(secrets(conn, given, sender.id)?),
        None => shared_server(given),
    }
}

/// The server that the installation offers.
pub(super) fn shared_server(given: Given<'_>) -> Result<MailServer> {
    let shared = given.mail.shared.as_ref().and_then(|shared| MailServer::of_url(&shared.url));
    shared.ok_or_else(|| Error::conflict("no_shared_server"))
}
