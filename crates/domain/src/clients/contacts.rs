//! The people at a client whom the practice writes to.

use diesel::prelude::*;

use super::door;
use super::model::{Client, ClientId};
use super::queries;
use crate::identity::Practice;
use crate::kernel::actor::Actor;
use crate::kernel::audit::Event;
use crate::kernel::catalogue::Language;
use crate::kernel::clock::Instant;
use crate::kernel::db::{Conn, Tx};
use crate::kernel::error::{Error, FieldError, Result};
use crate::kernel::patch::Patch;
use crate::kernel::text;
use crate::schema::{clients, contacts};

crate::id_type!(
    /// Identifies a contact.
    ContactId,
    "con"
);

/// The most contacts that one client has.
const MOST: usize = 50;

/// A person at a client.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = contacts)]
pub struct Contact {
    /// The identifier.
    pub id: ContactId,
    /// The person's name.
    pub name: String,
    /// What the person does there, as typed.
    pub role: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// The telephone number.
    pub phone: Option<String>,
    /// The person's language; the client's when not given.
    pub language: Option<String>,
    /// Whether notices to the client go to this person.
    pub receives_notices: bool,
    /// Raised with each change.
    pub revision: i64,
    /// When the contact was added.
    pub created_at: Instant,
}

/// What is said of a contact: all of it for a new one, the changes for one that is there.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "the fields are those of Contact, unchecked")]
pub struct ContactChange {
    pub name: Patch<String>,
    pub role: Patch<String>,
    pub email: Patch<String>,
    pub phone: Patch<String>,
    pub language: Patch<String>,
    pub receives_notices: Patch<bool>,
}

/// The contacts of a client by name.
///
/// # Errors
/// When the database refuses.
pub fn contacts_of(conn: &mut Conn, practice: &Practice, client: &Client) -> Result<Vec<Contact>> {
    let own = contacts::table
        .filter(contacts::practice_id.eq(practice.id).and(contacts::client_key.eq(client.key)))
        .order((contacts::name, contacts::id))
        .select(Contact::as_select());
    Ok(own.load(conn)?)
}

/// The contacts of several clients by name, each with its client's key.
///
/// # Errors
/// When the database refuses.
pub fn contacts_of_all(conn: &mut Conn, practice: &Practice, clients: &[i64]) -> Result<Vec<(i64, Contact)>> {
    let own = contacts::table
        .filter(contacts::practice_id.eq(practice.id).and(contacts::client_key.eq_any(clients)))
        .order((contacts::name, contacts::id))
        .select((contacts::client_key, Contact::as_select()));
    Ok(own.load(conn)?)
}

/// One contact with the client that it belongs to.
///
/// # Errors
/// [`Error::NotFound`] when the practice has no such contact.
pub fn contact(conn: &mut Conn, practice: &Practice, id: ContactId) -> Result<(Client, Contact)> {
    let found: Option<(ClientId, Contact)> = contacts::table
        .inner_join(clients::table)
        .filter(contacts::practice_id.eq(practice.id).and(contacts::id.eq(id)))
        .select((clients::id, Contact::as_select()))
        .first(conn)
        .optional()?;
    let (client, contact) = found.ok_or(Error::NotFound("contact"))?;
    Ok((queries::find(conn, practice, client)?, contact))
}

/// Adds a contact.
///
/// # Errors
/// [`Error::NotFound`] for the client; [`Error::Invalid`] for wrong fields; [`Error::Conflict`] `too_many_contacts`.
pub fn add_contact(
    tx: &mut Tx<'_>,
    practice: &Practice,
    actor: &Actor,
    client: ClientId,
    said: ContactChange,
) -> Result<Contact> {
    let client = queries::find(tx, practice, client)?;
    let now = tx.now();
    let blank = Contact {
        id: ContactId::new(),
        name: String::new(),
        role: None,
        email: None,
        phone: None,
        language: None,
        receives_notices: false,
        revision: 1,
        created_at: now,
    };
    let contact = checked(&blank, said)?;
    let set = door::open(tx, practice, actor, Event::new("contact.created", "api").on(client.id))?;
    if contacts_of(tx, practice, &client)?.len() >= MOST {
        return Err(Error::conflict_with("too_many_contacts", vec![("max", MOST.to_string())]));
    }
    set.write_contact(tx, &client, None, Some(&contact))?;
    Ok(contact)
}

/// Changes a contact.
///
/// # Errors
/// [`Error::Stale`] when `revision` is not the present one; [`Error::Invalid`] for wrong fields.
pub fn change_contact(
    tx: &mut Tx<'_>,
    practice: &Practice,
    actor: &Actor,
    (id, revision): (ContactId, i64),
    said: ContactChange,
) -> Result<Contact> {
    let (client, seen) = contact(tx, practice, id)?;
    if seen.revision == revision && checked(&seen, said.clone())? == seen {
        return Ok(seen);
    }
    let set = door::open(tx, practice, actor, Event::new("contact.updated", "api").on(client.id))?;
    let (_, before) = contact(tx, practice, id)?;
    if before.revision != revision {
        return Err(Error::Stale);
    }
    let after = Contact { revision: revision + 1, ..checked(&before, said)? };
    set.write_contact(tx, &client, Some(&before), Some(&after))?;
    Ok(after)
}

/// Takes a contact away; the client's history keeps it.
///
/// # Errors
/// [`Error::NotFound`].
pub fn remove_contact(tx: &mut Tx<'_>, practice: &Practice, actor: &Actor, id: ContactId) -> Result<()> {
    let (client, _) = contact(tx, practice, id)?;
    let set = door::open(tx, practice, actor, Event::new("contact.removed", "api").on(client.id))?;
    let (_, before) = contact(tx, practice, id)?;
    set.write_contact(tx, &client, Some(&before), None)
}

fn checked(before: &Contact, said: ContactChange) -> Result<Contact> {
    let ContactChange { name, role, email, phone, language, receives_notices } = said;
    let mut wrong = Vec::new();
    let mut after = before.clone();
    let mut named = Some(before.name.clone());
    let mut notices = Some(before.receives_notices);
    name.apply(&mut named);
    role.apply(&mut after.role);
    email.apply(&mut after.email);
    phone.apply(&mut after.phone);
    language.apply(&mut after.language);
    receives_notices.apply(&mut notices);
    for (field, pointer, max) in
        [(&mut named, "/name", 200), (&mut after.role, "/role", 100), (&mut after.phone, "/phone", 50)]
    {
        *field = field.as_deref().and_then(text::filled).map(str::to_owned);
        if field.as_ref().is_some_and(|text| text.chars().count() > max) {
            wrong.push(FieldError::new(pointer, "too_long").with("max", max));
        }
        if field.as_ref().is_some_and(|text| text.chars().any(char::is_control)) {
            wrong.push(FieldError::new(pointer, "control_characters"));
        }
    }
    after.name = named.unwrap_or_default();
    if after.name.is_empty() {
        wrong.push(FieldError::new("/name", "missing"));
    }
    if let Some(typed) = after.email.as_deref().and_then(text::filled) {
        match text::email(typed) {
            Some(address) => after.email = Some(address),
            None => wrong.push(FieldError::new("/email", "malformed_email")),
        }
    } else {
        after.email = None;
    }
    if after.language.as_deref().is_some_and(|language| language.parse::<Language>().is_err()) {
        wrong.push(FieldError::new("/language", "unknown_value").with("values", "nl, fr, de, en"));
    }
    after.receives_notices = notices.unwrap_or(false);
    if after.receives_notices && after.email.is_none() {
        wrong.push(FieldError::new("/email", "needed_for_notices"));
    }
    if wrong.is_empty() { Ok(after) } else { Err(Error::Invalid(wrong)) }
}
