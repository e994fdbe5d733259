//! Addresses that get no mail, or none that is marketing.

use std::collections::HashSet;

use diesel::prelude::*;
use serde_json::json;

use crate::identity::{Caller, Practice};
use crate::kernel::actor::Actor;
use crate::kernel::audit::{self, Event};
use crate::kernel::clock::Instant;
use crate::kernel::db::{Conn, Tx};
use crate::kernel::error::{Error, FieldError, Result};
use crate::kernel::page::{self, Page};
use crate::kernel::text;
use crate::on_each;
use crate::schema::suppressions;

const LONGEST_NOTE: usize = 500;
/// Addresses asked for in one statement.
const AT_ONCE: usize = 500;

/// An address that gets no mail.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = suppressions)]
pub struct Suppression {
    /// The address, as it was given.
    pub address: String,
    /// `all`, or `marketing` alone.
    pub scope: String,
    /// Why: `manual`, `unsubscribed` or `bounced`.
    pub reason: String,
    /// What somebody noted.
    pub note: Option<String>,
    /// Who suppressed it: kind.
    pub actor_kind: String,
    /// Its identifier.
    pub actor_id: Option<String>,
    /// Its name.
    pub actor_name: String,
    /// When.
    pub created_at: Instant,
}

/// An address to suppress.
#[derive(Debug, Clone, Default)]
pub struct NewSuppression {
    /// The address.
    pub address: String,
    /// Marketing alone.
    pub is_marketing_only: bool,
    /// A note.
    pub note: Option<String>,
}

/// What addresses are compared by.
pub(super) fn key_of(address: &str) -> String {
    address.to_ascii_lowercase()
}

/// Has an address get no mails. One that has none already stays as it is, unless it gets even fewer now.
///
/// # Errors
/// [`Error::Invalid`] on `/address` and `/note`.
pub fn suppress(tx: &mut Tx<'_>, caller: &Caller, new: &NewSuppression) -> Result<Suppression> {
    let mut wrong = Vec::new();
    let address = text::email(&new.address);
    if address.is_none() {
        wrong.push(FieldError::new("/address", "malformed_email"));
    }
    let note = text::lines(new.note.as_deref().unwrap_or_default(), "/note", LONGEST_NOTE);
    let note = note.map_err(|fault| wrong.push(fault)).ok().flatten();
    let Some(address) = address.filter(|_| wrong.is_empty()) else { return Err(Error::Invalid(wrong)) };
    let (practice, actor) = (&caller.practice, &caller.actor);
    let scope = if new.is_marketing_only { "marketing" } else { "all" };
    if let Some(known) = one(tx, practice, &address)?
        && (known.scope == "all" || known.scope == scope)
    {
        return Ok(known);
    }
    let own = suppressions::practice_id.eq(practice.id).and(suppressions::address_key.eq(key_of(&address)));
    diesel::delete(suppressions::table.filter(own)).execute(&mut **tx)?;
    let row = (
        suppressions::practice_id.eq(practice.id),
        suppressions::address_key.eq(key_of(&address)),
        suppressions::address.eq(&address),
        suppressions::scope.eq(scope),
        suppressions::reason.eq("manual"),
        suppressions::note.eq(note.as_deref()),
        suppressions::actor_kind.eq(actor.kind.as_str()),
        suppressions::actor_id.eq(actor.id.as_deref()),
        suppressions::actor_name.eq(&actor.name),
        suppressions::created_at.eq(tx.now()),
    );
    on_each!(&mut **tx, c => diesel::insert_into(suppressions::table).values(row).execute(c))?;
    let event = Event::new("address.suppressed", "api").after(&json!({ "address": address, "scope": scope }));
    audit::record(tx, practice.uid(), actor, &event)?;
    one(tx, practice, &address)?.ok_or_else(|| Error::internal("a suppression is gone at once"))
}

/// Has an address get no mails at all whose mails came back for good. Whoever has said that they want none stays known as such, and
/// what somebody noted stays, too.
///
/// # Errors
/// When the database refuses.
pub(super) fn suppress_bounced(tx: &mut Tx<'_>, practice: &Practice, (address, note): (&str, &str)) -> Result<()> {
    let (actor, note): (Actor, String) = (Actor::system("bounces"), note.chars().take(LONGEST_NOTE).collect());
    let row = (
        suppressions::practice_id.eq(practice.id),
        suppressions::address_key.eq(key_of(address)),
        suppressions::address.eq(address),
        suppressions::scope.eq("all"),
        suppressions::reason.eq("bounced"),
        suppressions::note.eq(Some(&note)),
        suppressions::actor_kind.eq(actor.kind.as_str()),
        suppressions::actor_id.eq(None::<&str>),
        suppressions::actor_name.eq(&actor.name),
        suppressions::created_at.eq(tx.now()),
    );
    let new = on_each!(&mut **tx, c => diesel::insert_into(suppressions::table).values(row).on_conflict_do_nothing().execute(c))?;
    let own = suppressions::practice_id.eq(practice.id).and(suppressions::address_key.eq(key_of(address)));
    let widened = if new > 0 {
        0
    } else {
        diesel::update(suppressions::table.filter(own.and(suppressions::scope.ne("all"))))
            .set((suppressions::scope.eq("all"), suppressions::note.eq(Some(&note))))
            .execute(&mut **tx)?
    };
    if new + widened > 0 {
        let said = json!({ "address": address, "scope": "all", "reason": "bounced" });
        audit::record(tx, practice.uid(), &actor, &Event::new("address.suppressed", "bounces").after(&said))?;
    }
    Ok(())
}

/// Has an address get mails again.
///
/// # Errors
/// [`Error::NotFound`] when it does.
pub fn unsuppress(tx: &mut Tx<'_>, caller: &Caller, address: &str) -> Result<()> {
    let practice = &caller.practice;
    let known = one(tx, practice, address)?.ok_or(Error::NotFound("suppression"))?;
    let own = suppressions::practice_id.eq(practice.id).and(suppressions::address_key.eq(key_of(address)));
    diesel::delete(suppressions::table.filter(own)).execute(&mut **tx)?;
    let was = json!({ "address": known.address, "scope": known.scope, "reason": known.reason });
    audit::record(tx, practice.uid(), &caller.actor, &Event::new("address.released", "api").before(&was))?;
    Ok(())
}

fn one(conn: &mut Conn, practice: &Practice, address: &str) -> Result<Option<Suppression>> {
    let own = suppressions::practice_id.eq(practice.id).and(suppressions::address_key.eq(key_of(address)));
    Ok(suppressions::table.filter(own).select(Suppression::as_select()).first(conn).optional()?)
}

/// The addresses of a practice that get no mails, by address.
///
/// # Errors
/// [`Error::Invalid`] on `/cursor`.
pub fn suppressions(
    conn: &mut Conn,
    practice: &Practice,
    (cursor, limit): (Option<&str>, u32),
) -> Result<Page<Suppression>> {
    let from: String = cursor.map(page::decode).transpose()?.unwrap_or_default();
    let rows: Vec<Suppression> = suppressions::table
        .filter(suppressions::practice_id.eq(practice.id).and(suppressions::address_key.gt(from)))
        .order(suppressions::address_key)
        .limit(i64::from(limit) + 1)
        .select(Suppression::as_select())
        .load(conn)?;
    Ok(Page::of(rows, limit, |last| key_of(&last.address)))
}

/// Which of these addresses get none, in small letters.
pub(super) fn among(
    conn: &mut Conn,
    practice: &Practice,
    (addresses, is_marketing): (&[&str], bool),
) -> Result<HashSet<String>> {
    let scopes: &[&str] = if is_marketing { &["all", "marketing"] } else { &["all"] };
    let mut found = HashSet::new();
    for some in addresses.chunks(AT_ONCE) {
        let keys: Vec<String> = some.iter().map(|address| key_of(address)).collect();
        let own = suppressions::practice_id.eq(practice.id).and(suppressions::address_key.eq_any(keys));
        let rows = suppressions::table.filter(own).filter(suppressions::scope.eq_any(scopes));
        found.extend(rows.select(suppressions::address_key).load::<String>(conn)?);
    }
    Ok(found)
}
