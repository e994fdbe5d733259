//! The verbs on practices and members.

use diesel::prelude::*;
use klaar_standards::enterprise_number::EnterpriseNumber;

use super::invitations::{self, Inviting};
use super::model::{AccountId, Member, MemberId, NewPractice, Practice, PracticeId, Role};
use super::queries;
use crate::kernel::actor::Actor;
use crate::kernel::audit::{self, Event};
use crate::kernel::catalogue::Language;
use crate::kernel::db::{Conn, Tx};
use crate::kernel::error::{Error, FieldError, Result};
use crate::kernel::patch::Patch;
use crate::kernel::secrets::Keyring;
use crate::kernel::text;
use crate::schema::{accounts, members, practices, sessions};

/// Creates a practice with its delivered custom fields.
///
/// # Errors
/// [`Error::Invalid`] for a wrong name, time zone, language or enterprise number.
pub fn create_practice(tx: &mut Tx<'_>, actor: &Actor, new: &NewPractice) -> Result<Practice> {
    let mut wrong = Vec::new();
    let name = check_name(&new.name, &mut wrong);
    check_zone(&new.time_zone, &mut wrong);
    check_language(&new.language, &mut wrong);
    let number = new.enterprise_number.as_deref().and_then(|n| check_number(n, &mut wrong));
    if !wrong.is_empty() {
        return Err(Error::Invalid(wrong));
    }
    let id = PracticeId::new();
    let now = tx.now();
    diesel::insert_into(practices::table)
        .values((
            practices::id.eq(id),
            practices::name.eq(&name),
            practices::world.eq(new.world.as_str()),
            practices::time_zone.eq(&new.time_zone),
            practices::language.eq(&new.language),
            practices::enterprise_number.eq(number),
            practices::version.eq(0_i64),
            practices::revision.eq(1_i64),
            practices::created_at.eq(now),
        ))
        .execute(&mut **tx)?;
    audit::record(tx, id.0, actor, &Event::new("practice.created", "command_line").on(id).after(&name))?;
    queries::find_practice(tx, id)
}

/// Holds the practice until the transaction ends: whoever else holds it waits.
///
/// # Errors
/// [`Error::NotFound`]; when the database refuses.
pub fn hold_practice(tx: &mut Tx<'_>, practice: &Practice) -> Result<()> {
    // Not a SELECT … FOR UPDATE, which SQLite has not; there the transaction is the only writer anyway.
    let held = diesel::update(practices::table.find(practice.id)).set(practices::version.eq(practices::version));
    if held.execute(&mut **tx)? == 0 { Err(Error::NotFound("practice")) } else { Ok(()) }
}

/// A change to the practice's own settings.
#[derive(Debug, Default)]
pub struct PracticeChange {
    /// A new name.
    pub name: Patch<String>,
    /// Another IANA time zone.
    pub time_zone: Patch<String>,
    /// Another first language.
    pub language: Patch<String>,
    /// Its own enterprise number in any notation.
    pub enterprise_number: Patch<String>,
}

/// Changes the practice's own settings.
///
/// # Errors
/// [`Error::Stale`] when `revision` is not the present one; [`Error::Invalid`] for wrong values.
pub fn change_practice(
    tx: &mut Tx<'_>,
    practice: &Practice,
    actor: &Actor,
    revision: i64,
    change: PracticeChange,
) -> Result<Practice> {
    let before = queries::find_practice(tx, practice.id)?;
    if before.revision != revision {
        return Err(Error::Stale);
    }
    let mut after = before.clone();
    let mut wrong = Vec::new();
    for (field, pointer) in
        [(&change.name, "/name"), (&change.time_zone, "/time_zone"), (&change.language, "/language")]
    {
        if *field == Patch::Null {
            wrong.push(FieldError::new(pointer, "missing"));
        }
    }
    if let Patch::Value(name) = &change.name {
        after.name = check_name(name, &mut wrong);
    }
    if let Patch::Value(zone) = change.time_zone {
        check_zone(&zone, &mut wrong);
        after.time_zone = zone;
    }
    if let Patch::Value(language) = change.language {
        check_language(&language, &mut wrong);
        after.language = language;
    }
    match change.enterprise_number {
        Patch::Absent => {}
        Patch::Null => after.enterprise_number = None,
        Patch::Value(number) => after.enterprise_number = check_number(&number, &mut wrong),
    }
    if !wrong.is_empty() {
        return Err(Error::Invalid(wrong));
    }
    let shown = |p: &Practice| (p.name.clone(), p.time_zone.clone(), p.language.clone(), p.enterprise_number.clone());
    if shown(&before) == shown(&after) {
        return Ok(before);
    }
    diesel::update(practices::table.find(practice.id))
        .set((
            practices::name.eq(&after.name),
            practices::time_zone.eq(&after.time_zone),
            practices::language.eq(&after.language),
            practices::enterprise_number.eq(&after.enterprise_number),
            practices::revision.eq(revision + 1),
        ))
        .execute(&mut **tx)?;
    let event =
        Event::new("practice.updated", "api").on(practice.id).before(&snapshot(&before)).after(&snapshot(&after));
    audit::record(tx, practice.uid(), actor, &event)?;
    queries::find_practice(tx, practice.id)
}

fn snapshot(practice: &Practice) -> serde_json::Value {
    serde_json::json!({
        "name": practice.name, "time_zone": practice.time_zone, "language": practice.language,
        "enterprise_number": practice.enterprise_number,
    })
}

/// A person to add to a practice.
#[derive(Debug)]
pub struct NewMember {
    /// The person's address; an account that has it already is used.
    pub email: String,
    /// The person's name, for a new account.
    pub name: String,
    /// The person's language, for a new account.
    pub language: String,
    /// What the person may do.
    pub role: Role,
}

/// Adds a person. A person without a password gets a one-time invitation: by mail when `mailing` says with what its token is
/// sealed until then, and otherwise as the token that is returned. Who invites sees no token that is mailed, because it sets
/// the password of an account that may belong to other practices, too.
///
/// # Errors
/// [`Error::Invalid`] for a wrong address, name or language; [`Error::Conflict`] `member_exists`.
pub fn add_member(
    tx: &mut Tx<'_>,
    practice: &Practice,
    actor: &Actor,
    (new, mailing): (&NewMember, Option<&Keyring>),
) -> Result<(Member, Option<String>)> {
    let mut wrong = Vec::new();
    let name = check_name(&new.name, &mut wrong);
    let email = text::email(&new.email);
    if email.is_none() {
        wrong.push(FieldError::new("/email", "malformed_email"));
    }
    check_language(&new.language, &mut wrong);
    let (Some(email), true) = (email, wrong.is_empty()) else {
        return Err(Error::Invalid(wrong));
    };
    let account = account_for(tx, &email, &name, &new.language)?;
    let taken = members::table.filter(members::practice_id.eq(practice.id).and(members::account_id.eq(account)));
    if diesel::select(diesel::dsl::exists(taken)).get_result::<bool>(&mut **tx)? {
        return Err(Error::conflict_with("member_exists", vec![("email", email)]));
    }
    let id = MemberId::new();
    let now = tx.now();
    diesel::insert_into(members::table)
        .values((
            members::id.eq(id),
            members::practice_id.eq(practice.id),
            members::account_id.eq(account),
            members::role.eq(new.role.as_str()),
            members::revision.eq(1_i64),
            members::created_at.eq(now),
        ))
        .execute(&mut **tx)?;
    let member = queries::member(tx, practice, id)?;
    let event = Event::new("member.added", "api").on(id).after(&serde_json::json!({ "role": new.role.as_str() }));
    audit::record(tx, practice.uid(), actor, &event)?;
    let by = Inviting { practice, actor, mailing };
    let token = if member.active { None } else { invitations::invite(tx, &by, id)? };
    Ok((member, token))
}

fn account_for(tx: &mut Tx<'_>, email: &str, name: &str, language: &str) -> Result<AccountId> {
    let email_key = text::fold(email);
    let known =
        accounts::table.filter(accounts::email_key.eq(&email_key)).select(accounts::id).first(&mut **tx).optional()?;
    if let Some(id) = known {
        return Ok(id);
    }
    let id = AccountId::new();
    let now = tx.now();
    diesel::insert_into(accounts::table)
        .values((
            accounts::id.eq(id),
            accounts::email.eq(email),
            accounts::email_key.eq(email_key),
            accounts::name.eq(name),
            accounts::language.eq(language),
            accounts::created_at.eq(now),
        ))
        .execute(&mut **tx)?;
    Ok(id)
}

/// Gives a member another role.
///
/// # Errors
/// [`Error::Stale`] when `revision` is not the present one; [`Error::Conflict`] `last_owner` when nobody could manage the
/// practice afterwards.
pub fn change_role(
    tx: &mut Tx<'_>,
    practice: &Practice,
    actor: &Actor,
    member: &Member,
    (revision, role): (i64, Role),
) -> Result<Member> {
    let before = queries::member(tx, practice, member.id)?;
    if before.revision != revision {
        return Err(Error::Stale);
    }
    if before.role == Role::Owner && role != Role::Owner {
        keep_an_owner(tx, practice)?;
    }
    diesel::update(members::table.filter(members::practice_id.eq(practice.id).and(members::id.eq(member.id))))
        .set((members::role.eq(role.as_str()), members::revision.eq(revision + 1)))
        .execute(&mut **tx)?;
    let event = Event::new("member.role_changed", "api")
        .on(member.id)
        .before(&serde_json::json!({ "role": before.role.as_str() }))
        .after(&serde_json::json!({ "role": role.as_str() }));
    audit::record(tx, practice.uid(), actor, &event)?;
    queries::member(tx, practice, member.id)
}

/// Takes a member out of the practice and ends the sessions there. The account and its other practices stay.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] `last_owner`.
pub fn remove_member(tx: &mut Tx<'_>, practice: &Practice, actor: &Actor, id: MemberId) -> Result<()> {
    let member = queries::member(tx, practice, id)?;
    if member.role == Role::Owner {
        keep_an_owner(tx, practice)?;
    }
    diesel::delete(
        sessions::table.filter(sessions::practice_id.eq(practice.id).and(sessions::account_id.eq(member.account.id))),
    )
    .execute(&mut **tx)?;
    diesel::delete(members::table.filter(members::practice_id.eq(practice.id).and(members::id.eq(id))))
        .execute(&mut **tx)?;
    let event = Event::new("member.removed", "api").on(id).before(&serde_json::json!({ "role": member.role.as_str() }));
    audit::record(tx, practice.uid(), actor, &event)?;
    Ok(())
}

fn keep_an_owner(conn: &mut Conn, practice: &Practice) -> Result<()> {
    let owners: i64 = members::table
        .filter(members::practice_id.eq(practice.id).and(members::role.eq(Role::Owner.as_str())))
        .count()
        .get_result(conn)?;
    if owners > 1 { Ok(()) } else { Err(Error::conflict("last_owner")) }
}

/// A name of at most 200 characters; what is wrong with it goes to `wrong`.
pub(super) fn check_name(name: &str, wrong: &mut Vec<FieldError>) -> String {
    match text::filled(name) {
        Some(name) if name.chars().any(char::is_control) => {
            wrong.push(FieldError::new("/name", "control_characters"));
            String::new()
        }
        Some(name) if name.chars().count() <= 200 => name.to_owned(),
        Some(_) => {
            wrong.push(FieldError::new("/name", "too_long").with("max", 200));
            String::new()
        }
        None => {
            wrong.push(FieldError::new("/name", "missing"));
            String::new()
        }
    }
}

fn check_zone(zone: &str, wrong: &mut Vec<FieldError>) {
    if jiff::tz::TimeZone::get(zone).is_err() {
        wrong.push(FieldError::new("/time_zone", "unknown_time_zone"));
    }
}

fn check_language(language: &str, wrong: &mut Vec<FieldError>) {
    if language.parse::<Language>().is_err() {
        wrong.push(FieldError::new("/language", "unknown_value").with("values", "nl, fr, de, en"));
    }
}

fn check_number(number: &str, wrong: &mut Vec<FieldError>) -> Option<String> {
    match EnterpriseNumber::parse(number) {
        Ok(number) => Some(number.to_string()),
        Err(error) => {
            wrong.push(crate::kernel::error::number_fault("/enterprise_number", &error));
            None
        }
    }
}
