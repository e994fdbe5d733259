//! The verbs on one client: create, change, archive, restore.

use super::card::{Card, CardChange, CardDraft};
use super::checks::{self, Surroundings};
use super::door::{self, NewClient};
use super::model::{Client, ClientId, ValueKey};
use super::queries;
use crate::identity::{self, Practice};
use crate::kernel::actor::Actor;
use crate::kernel::audit::Event;
use crate::kernel::db::{Conn, Tx};
use crate::kernel::error::{Error, FieldError, Result};

/// Custom values to write with a card, already checked: field number and value (`None` clears).
pub type CheckedValues = Vec<(i64, Option<serde_json::Value>)>;

/// What a check of cards needs to know of the practice, read once.
///
/// # Errors
/// When the database refuses.
pub fn surroundings(conn: &mut Conn, practice: &Practice) -> Result<Surroundings> {
    Ok(Surroundings::of(identity::members(conn, practice)?, practice.language.clone()))
}

/// Creates a client.
///
/// # Errors
/// [`Error::Invalid`] with an entry for each wrong field; [`Error::Conflict`] `enterprise_number_taken` or `reference_taken`
/// naming the active client that has it.
pub fn create(
    tx: &mut Tx<'_>,
    practice: &Practice,
    actor: &Actor,
    draft: CardDraft,
    values: CheckedValues,
) -> Result<Client> {
    let around = surroundings(tx, practice)?;
    let card = checks::check(draft, &around).map_err(Error::Invalid)?;
    let new = NewClient::of(card);
    let id = new.id;
    let set = door::open(tx, practice, actor, Event::new("client.created", "api").on(id))?;
    refuse_taken(tx, practice, &new.card, None)?;
    set.insert(tx, &[&new])?;
    let client = queries::find(tx, practice, id)?;
    if values.is_empty() {
        return Ok(client);
    }
    set.write_values(tx, &client, values)?;
    queries::find(tx, practice, id)
}

/// Changes a client's card and custom values; a change of nothing is no change and leaves no trace.
///
/// # Errors
/// [`Error::Stale`] when `revision` is not the present one; otherwise as [`create`], and [`Error::Conflict`] `archived`.
pub fn change(
    tx: &mut Tx<'_>,
    practice: &Practice,
    actor: &Actor,
    (id, revision): (ClientId, i64),
    (change, values): (CardChange, CheckedValues),
) -> Result<Client> {
    let around = surroundings(tx, practice)?;
    let before = at_revision(tx, practice, id, revision)?;
    if before.archived_at.is_some() {
        return Err(Error::conflict("archived"));
    }
    let mut draft = CardDraft::of(&before.card);
    draft.apply(change);
    // A responsible member who has left since stays as the name on the card unless the change says otherwise.
    let card = checks::check(keep_former_member(draft, &before, &around), &around).map_err(Error::Invalid)?;
    let card_changed = card != before.card;
    let values: CheckedValues =
        values.into_iter().filter(|(field, value)| before.values.get(&ValueKey(*field)) != value.as_ref()).collect();
    if !card_changed && values.is_empty() {
        return Ok(before);
    }
    let set = door::open(tx, practice, actor, Event::new("client.updated", "api").on(id))?;
    // Read again under the lock: another writer may have been faster.
    let before = at_revision(tx, practice, id, revision)?;
    if card_changed {
        refuse_taken(tx, practice, &card, Some(before.key))?;
        set.write_card(tx, &before, &card)?;
    }
    if !values.is_empty() {
        set.write_values(tx, &before, values)?;
    }
    queries::find(tx, practice, id)
}

/// Checks a card that was put together from a client's present one and new values, as [`change`] does.
///
/// # Errors
/// One [`FieldError`] for each wrong field.
pub fn check_changed(after: &Card, before: &Client, around: &Surroundings) -> Result<Card, Vec<FieldError>> {
    checks::check(keep_former_member(CardDraft::of(after), before, around), around)
}

fn keep_former_member(mut draft: CardDraft, before: &Client, around: &Surroundings) -> CardDraft {
    if let Some(responsible) = &before.card.responsible
        && let Some(member) = responsible.member
        && draft.responsible.as_deref() == Some(member.to_string().as_str())
        && !around.members.iter().any(|m| m.id == member)
    {
        draft.responsible = Some(responsible.name.clone());
    }
    draft
}

fn at_revision(conn: &mut Conn, practice: &Practice, id: ClientId, revision: i64) -> Result<Client> {
    let client = queries::find(conn, practice, id)?;
    if client.revision == revision { Ok(client) } else { Err(Error::Stale) }
}

/// Archives a client: it leaves the lists and frees its number. Archiving an archived client changes nothing.
///
/// # Errors
/// [`Error::NotFound`].
pub fn archive(tx: &mut Tx<'_>, practice: &Practice, actor: &Actor, id: ClientId) -> Result<Client> {
    let client = queries::find(tx, practice, id)?;
    if client.archived_at.is_some() {
        return Ok(client);
    }
    let set = door::open(tx, practice, actor, Event::new("client.archived", "api").on(id))?;
    let client = queries::find(tx, practice, id)?;
    let now = tx.now();
    set.write_archived(tx, &client, Some(now))?;
    queries::find(tx, practice, id)
}

/// Brings an archived client back. Restoring an active client changes nothing.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] when another active client has its number or reference by now.
pub fn restore(tx: &mut Tx<'_>, practice: &Practice, actor: &Actor, id: ClientId) -> Result<Client> {
    let client = queries::find(tx, practice, id)?;
    if client.archived_at.is_none() {
        return Ok(client);
    }
    let set = door::open(tx, practice, actor, Event::new("client.restored", "api").on(id))?;
    let client = queries::find(tx, practice, id)?;
    refuse_taken(tx, practice, &client.card, Some(client.key))?;
    set.write_archived(tx, &client, None)?;
    queries::find(tx, practice, id)
}

fn refuse_taken(conn: &mut Conn, practice: &Practice, card: &Card, own: Option<i64>) -> Result<()> {
    let named = |(id, name): (ClientId, String)| vec![("client_id", id.to_string()), ("client_name", name)];
    if let Some(other) = queries::holder_of_number(conn, practice, card, own)? {
        return Err(Error::conflict_with("enterprise_number_taken", named(other)));
    }
    if let Some(other) = queries::holder_of_reference(conn, practice, card, own)? {
        return Err(Error::conflict_with("reference_taken", named(other)));
    }
    Ok(())
}
