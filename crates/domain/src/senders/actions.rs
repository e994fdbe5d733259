//! The verbs: make, change and delete a sender, and note that its server let us in. Servers are tried by whoever calls,
//! before the transaction.

use diesel::prelude::*;
use serde_json::{Value, json};

use super::checks::{Given, Prepared, SenderChange, prepare_change};
use super::model::{MOST_SENDERS, Secrets, Sender, SenderId};
use super::queries::{self, bounce_place, place};
use crate::identity::{PracticeId, hold_practice};
use crate::kernel::JsonText;
use crate::kernel::actor::Actor;
use crate::kernel::audit::{self, Event};
use crate::kernel::clock::Instant;
use crate::kernel::db::Tx;
use crate::kernel::error::{Error, Result};
use crate::on_each;
use crate::schema::senders;

/// A sender as the audit trail has it; of the server everything but what is secret.
fn state(sender: &Sender) -> Value {
    json!({
        "name": sender.name, "from_name": sender.from_name, "from_address": sender.from_address,
        "reply_to": sender.reply_to, "signatures": sender.signatures, "server": sender.server,
        "bounces": sender.bounces, "limits": sender.limits, "default": sender.is_default,
    })
}

/// Stores a sender whose server, if it has one, has just let us in. The first of a practice is its default.
///
/// # Errors
/// [`Error::Conflict`] `too_many_senders`.
pub fn create(tx: &mut Tx<'_>, given: Given<'_>, actor: &Actor, prepared: &Prepared) -> Result<SenderId> {
    let practice = given.practice;
    hold_practice(tx, practice)?;
    let there: i64 = senders::table
        .filter(senders::practice_id.eq(practice.id).and(senders::deleted_at.is_null()))
        .count()
        .get_result(&mut **tx)?;
    if there >= MOST_SENDERS {
        return Err(Error::conflict_with("too_many_senders", vec![("max", MOST_SENDERS.to_string())]));
    }
    let (id, now) = (SenderId::new(), tx.now());
    let is_default = prepared.is_default || there == 0;
    if is_default {
        end_default(tx, practice.id, now)?;
    }
    let sealed = Sealed::of(given, id, prepared)?;
    let tested_at = prepared.server.as_ref().map(|_| now);
    let fixed = (
        senders::id.eq(id),
        senders::practice_id.eq(practice.id),
        senders::is_default.eq(is_default),
        senders::tested_at.eq(tested_at),
        senders::created_at.eq(now),
    );
    let row = (fixed, values(prepared, sealed), senders::revision.eq(1_i64), senders::updated_at.eq(now));
    on_each!(&mut **tx, c => diesel::insert_into(senders::table).values(row).execute(c))?;
    let after = queries::sender(tx, practice, id)?;
    audit::record(tx, practice.uid(), actor, &Event::new("sender.created", "api").on(id).after(&state(&after)))?;
    Ok(id)
}

/// Changes a sender whose server, if it has got another, has just let us in; a change of nothing leaves no trace. Secrets
/// that were given anew are a change.
///
/// # Errors
/// As [`prepare_change`].
pub fn change(
    tx: &mut Tx<'_>,
    given: Given<'_>,
    actor: &Actor,
    (id, revision): (SenderId, i64),
    said: SenderChange,
) -> Result<()> {
    let practice = given.practice;
    hold_practice(tx, practice)?;
    let (before, prepared) = prepare_change(tx, given, (id, revision), said)?;
    let now = tx.now();
    let tested_at = match (&prepared.server, prepared.has_new_server) {
        (Some(_), true) => Some(now),
        (Some(_), false) => before.tested_at,
        (None, _) => None,
    };
    let after = Sender { tested_at, revision: before.revision + 1, updated_at: now, ..prepared.applied_to(&before) };
    if state(&after) == state(&before) && !prepared.has_new_server && !prepared.has_new_bounces {
        return Ok(());
    }
    if after.is_default && !before.is_default {
        end_default(tx, practice.id, now)?;
    }
    let sealed = Sealed::of(given, id, &prepared)?;
    let marks = (
        senders::is_default.eq(after.is_default),
        senders::tested_at.eq(after.tested_at),
        senders::revision.eq(after.revision),
        senders::updated_at.eq(after.updated_at),
    );
    diesel::update(senders::table.filter(senders::practice_id.eq(practice.id).and(senders::id.eq(id))))
        .set((values(&prepared, sealed), marks))
        .execute(&mut **tx)?;
    let event = Event::new("sender.updated", "api").on(id).before(&state(&before)).after(&state(&after));
    audit::record(tx, practice.uid(), actor, &event)?;
    Ok(())
}

/// Deletes a sender; its secrets are gone at once, and mails that came from it keep its name.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] `default_sender` for the default one while there are others.
pub fn delete(tx: &mut Tx<'_>, given: Given<'_>, actor: &Actor, id: SenderId) -> Result<()> {
    let practice = given.practice;
    hold_practice(tx, practice)?;
    let before = queries::sender(tx, practice, id)?;
    if before.is_default && queries::senders(tx, practice)?.len() > 1 {
        return Err(Error::conflict("default_sender"));
    }
    let now = tx.now();
    let gone = (
        senders::deleted_at.eq(Some(now)),
        senders::is_default.eq(false),
        senders::server.eq(None::<JsonText>),
        senders::secrets.eq(None::<Vec<u8>>),
        senders::bounces.eq(None::<JsonText>),
        senders::bounce_secrets.eq(None::<Vec<u8>>),
        senders::updated_at.eq(now),
    );
    diesel::update(senders::table.filter(senders::practice_id.eq(practice.id).and(senders::id.eq(id))))
        .set(gone)
        .execute(&mut **tx)?;
    audit::record(tx, practice.uid(), actor, &Event::new("sender.deleted", "api").on(id).before(&state(&before)))?;
    Ok(())
}

/// Notes that the sender's server was tried, and whether it let us in.
///
/// # Errors
/// [`Error::NotFound`].
pub fn note_test(tx: &mut Tx<'_>, given: Given<'_>, actor: &Actor, (id, passed): (SenderId, bool)) -> Result<Sender> {
    let before = queries::sender(tx, given.practice, id)?;
    let now: Instant = tx.now();
    if passed {
        let row = senders::practice_id.eq(given.practice.id).and(senders::id.eq(id)).and(senders::server.is_not_null());
        diesel::update(senders::table.filter(row)).set(senders::tested_at.eq(Some(now))).execute(&mut **tx)?;
    }
    let event = Event::new("sender.tested", "api").on(before.id).after(&json!({ "passed": passed }));
    audit::record(tx, given.practice.uid(), actor, &event)?;
    queries::sender(tx, given.practice, id)
}

/// There is one default, so the one that was ends.
fn end_default(tx: &mut Tx<'_>, practice: PracticeId, now: Instant) -> Result<()> {
    let ended =
        (senders::is_default.eq(false), senders::revision.eq(senders::revision + 1), senders::updated_at.eq(now));
    diesel::update(senders::table.filter(senders::practice_id.eq(practice).and(senders::is_default.eq(true))))
        .set(ended)
        .execute(&mut **tx)?;
    Ok(())
}

/// What is secret of a sender, sealed.
struct Sealed {
    server: Option<Vec<u8>>,
    bounces: Option<Vec<u8>>,
}

impl Sealed {
    fn of(given: Given<'_>, id: SenderId, prepared: &Prepared) -> Result<Self> {
        let seal = |place: String, secrets: Option<&Secrets>| {
            let Some(secrets) = secrets.filter(|secrets| **secrets != Secrets::default()) else { return Ok(None) };
            given.keyring.seal(&place, &serde_json::to_vec(secrets)?).map(Some)
        };
        Ok(Self {
            server: seal(place(given.practice.id, id), prepared.server.as_ref().map(|(_, secrets)| secrets))?,
            bounces: seal(bounce_place(given.practice.id, id), prepared.bounces.as_ref().map(|(_, secrets)| secrets))?,
        })
    }
}

/// The columns that say what somebody gave.
fn values(prepared: &Prepared, sealed: Sealed) -> Values<'_> {
    let Prepared { name, from_name, from_address, reply_to, signatures, server, bounces, limits, .. } = prepared;
    Values {
        name,
        from_name,
        from_address: from_address.as_deref(),
        reply_to: reply_to.as_deref(),
        signatures: JsonText::of(signatures),
        server: server.as_ref().map(|(card, _)| JsonText::of(card)),
        secrets: sealed.server,
        bounces: bounces.as_ref().map(|(bounces, _)| JsonText::of(bounces)),
        bounce_secrets: sealed.bounces,
        per_minute: limits.per_minute,
        per_day: limits.per_day,
    }
}

#[derive(Insertable, AsChangeset)]
#[diesel(table_name = senders, treat_none_as_null = true, treat_none_as_default_value = false)]
struct Values<'a> {
    name: &'a str,
    from_name: &'a str,
    from_address: Option<&'a str>,
    reply_to: Option<&'a str>,
    signatures: JsonText,
    server: Option<JsonText>,
    secrets: Option<Vec<u8>>,
    bounces: Option<JsonText>,
    bounce_secrets: Option<Vec<u8>>,
    per_minute: Option<i32>,
    per_day: Option<i32>,
}
