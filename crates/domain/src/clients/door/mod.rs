//! The one door: the only code that writes `clients`, `client_values` and `changes`.
//!
//! [`open`] locks and raises the practice's version as the first statement, so that no other writer of the practice can slip
//! in, and writes the audit entry; the [`Set`] it returns writes rows together with their old and new values.

mod assign;
mod assign_fixed;
mod hold;
mod inform;
mod relate;
mod rows;

use std::borrow::Cow;

use diesel::prelude::*;

pub use self::assign::{Assigned, Assignment};
pub use self::assign_fixed::CardValue;
pub use self::hold::hold;
pub use self::rows::NewClient;
use self::rows::{CardRow, NewChange, NewRow, NewValues, logged_contact, split};
use super::card::Card;
use super::contacts::Contact;
use super::fixed::{CREATED, FixedField};
use super::model::{Client, Provenance, RegistrationFacts, ValueKey, Values};
use crate::identity::Practice;
use crate::kernel::actor::Actor;
use crate::kernel::audit::{self, Event};
use crate::kernel::batch;
use crate::kernel::clock::Instant;
use crate::kernel::db::Tx;
use crate::kernel::error::{Error, Result};
use crate::kernel::{JsonText, Uid};
use crate::schema::{client_values, clients, contacts, practices};

/// Clients whose revisions are raised in one statement.
const RAISED_AT_ONCE: usize = 1_000;

/// A change set that is open: its audit entry is written, its rows may follow.
#[derive(Debug, Clone, Copy)]
pub struct Set {
    entry: i64,
    version: i64,
    practice: Uid,
    now: Instant,
}

/// Opens a change set. Must be the first statement of its transaction that touches the practice's clients.
///
/// # Errors
/// [`Error::NotFound`] when the practice is gone.
pub fn open(tx: &mut Tx<'_>, practice: &Practice, actor: &Actor, event: Event<'_>) -> Result<Set> {
    let raised = diesel::update(practices::table.find(practice.id)).set(practices::version.eq(practices::version + 1));
    let version = raised.returning(practices::version).get_result::<i64>(&mut **tx).optional()?;
    begin(tx, practice, actor, (event, version))
}

/// Opens a change set that changes categories, fields or options of the practice, and perhaps values with them: whoever
/// has read them before reads them again.
///
/// # Errors
/// As [`open`].
pub fn open_fields(tx: &mut Tx<'_>, practice: &Practice, actor: &Actor, event: Event<'_>) -> Result<Set> {
    let next = practices::version + 1;
    let raised = diesel::update(practices::table.find(practice.id))
        .set((practices::version.eq(next), practices::fields_version.eq(next)));
    let version = raised.returning(practices::version).get_result::<i64>(&mut **tx).optional()?;
    begin(tx, practice, actor, (event, version))
}

fn begin(
    tx: &mut Tx<'_>,
    practice: &Practice,
    actor: &Actor,
    (mut event, version): (Event<'_>, Option<i64>),
) -> Result<Set> {
    let version = version.ok_or(Error::NotFound("practice"))?;
    event.version = Some(version);
    let entry = audit::record(tx, practice.uid(), actor, &event)?;
    Ok(Set { entry, version, practice: practice.uid(), now: tx.now() })
}

impl Set {
    /// The key of the audit entry that the set's changes name.
    #[must_use]
    pub fn entry(&self) -> i64 {
        self.entry
    }

    /// The practice's version that the set made; one more than before, when no other writer came between.
    #[must_use]
    pub fn version(&self) -> i64 {
        self.version
    }

    /// Inserts new clients without custom values.
    ///
    /// # Errors
    /// As [`Set::insert_with`].
    pub fn insert(&self, tx: &mut Tx<'_>, new: &[&NewClient]) -> Result<()> {
        let none = Values::new();
        self.insert_with(tx, &new.iter().map(|new| (*new, &none)).collect::<Vec<_>>())
    }

    /// Inserts new clients, each with its custom values.
    ///
    /// # Errors
    /// When the database refuses, a taken number or reference among the reasons: callers look first, under this set's lock.
    pub fn insert_with(&self, tx: &mut Tx<'_>, new: &[(&NewClient, &Values)]) -> Result<()> {
        let rows: Vec<NewRow<'_>> = new.iter().map(|(new, _)| NewRow::of(new, self.practice, self.now)).collect();
        let keys = batch::insert_keyed(tx, &rows, |row| row.new.id.0)?;
        let values: Vec<NewValues> =
            new.iter().zip(&keys).map(|((_, vals), key)| self.new_values(*key, vals)).collect();
        batch::insert(tx, &values)?;
        let mut log = Vec::with_capacity(new.len());
        for ((new, vals), key) in new.iter().zip(keys) {
            log.push(self.text_change(key, CREATED, None, new.snapshot.clone()));
            log.extend(vals.iter().map(|(field, value)| self.value_change((key, field.0), None, None, Some(value))));
        }
        batch::insert(tx, &log)
    }

    fn new_values(&self, client_key: i64, vals: &Values) -> NewValues {
        let prov: Provenance = vals.keys().map(|field| (*field, self.entry)).collect();
        NewValues {
            client_key,
            practice_id: self.practice,
            revision: 1,
            updated_at: self.now,
            vals: JsonText::of(vals),
            prov: JsonText::of(&prov),
        }
    }

    fn text_change(&self, client_key: i64, field: i64, old: Option<String>, new: Option<String>) -> NewChange {
        NewChange {
            entry_key: self.entry,
            client_key,
            field,
            item: 0,
            old_num: None,
            old_txt: old,
            old_entry_key: None,
            new_num: None,
            new_txt: new,
        }
    }

    /// Writes a changed card and raises the client's revision.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn write_card(&self, tx: &mut Tx<'_>, before: &Client, after: &Card) -> Result<()> {
        self.replace_cards(tx, &[(before, after)])?;
        self.raise(tx, before)
    }

    /// Writes many changed cards, each as it was and as it is to be, and raises the clients' revisions.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn write_cards(&self, tx: &mut Tx<'_>, cards: &[(&Client, &Card)]) -> Result<()> {
        self.replace_cards(tx, cards)?;
        let keys: Vec<i64> = cards.iter().map(|(before, _)| before.key).collect();
        for keys in keys.chunks(RAISED_AT_ONCE) {
            let own = client_values::table
                .filter(client_values::practice_id.eq(self.practice))
                .filter(client_values::client_key.eq_any(keys));
            diesel::update(own)
                .set((client_values::revision.eq(client_values::revision + 1), client_values::updated_at.eq(self.now)))
                .execute(&mut **tx)?;
        }
        Ok(())
    }

    fn replace_cards(&self, tx: &mut Tx<'_>, cards: &[(&Client, &Card)]) -> Result<()> {
        let log: Vec<NewChange> = cards.iter().flat_map(|(before, after)| self.card_changes(before, after)).collect();
        batch::insert(tx, &log)?;
        for (before, after) in cards {
            diesel::update(self.own(before.key)).set(CardRow::of(after)).execute(&mut **tx)?;
        }
        Ok(())
    }

    fn card_changes(&self, before: &Client, after: &Card) -> Vec<NewChange> {
        let fields = before.card.logged().into_iter().zip(after.logged());
        let changed = fields.filter(|((_, old), (_, new))| old != new);
        let text = |value: Option<Cow<'_, str>>| value.map(Cow::into_owned);
        changed
            .map(|((field, old), (_, new))| self.text_change(before.key, field.number(), text(old), text(new)))
            .collect()
    }

    /// Archives (`Some`) or restores (`None`) a client and raises its revision.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn write_archived(&self, tx: &mut Tx<'_>, before: &Client, archived_at: Option<Instant>) -> Result<()> {
        let logged = |at: Option<Instant>| at.map(|at| at.to_string());
        let change = self.text_change(
            before.key,
            FixedField::Archived.number(),
            logged(before.archived_at),
            logged(archived_at),
        );
        batch::insert(tx, &[change])?;
        diesel::update(self.own(before.key)).set(clients::archived_at.eq(archived_at)).execute(&mut **tx)?;
        self.raise(tx, before)
    }

    /// Writes custom values (`None` clears) by field number and raises the client's revision.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn write_values(
        &self,
        tx: &mut Tx<'_>,
        before: &Client,
        new: Vec<(i64, Option<serde_json::Value>)>,
    ) -> Result<()> {
        let own = client_values::table
            .filter(client_values::practice_id.eq(self.practice))
            .filter(client_values::client_key.eq(before.key));
        let (vals, prov): (JsonText, JsonText) =
            own.select((client_values::vals, client_values::prov)).first(&mut **tx)?;
        let (mut vals, mut prov): (Values, Provenance) = (vals.read()?, prov.read()?);
        let mut log = Vec::with_capacity(new.len());
        for (field, value) in new {
            let key = ValueKey(field);
            let old = vals.get(&key).cloned();
            if old == value {
                continue;
            }
            let set_before = prov.insert(key, self.entry);
            log.push(self.value_change((before.key, field), old.as_ref(), set_before, value.as_ref()));
            match value {
                Some(value) => vals.insert(key, value),
                None => vals.remove(&key),
            };
        }
        batch::insert(tx, &log)?;
        diesel::update(own)
            .set((
                client_values::vals.eq(JsonText::of(&vals)),
                client_values::prov.eq(JsonText::of(&prov)),
                client_values::revision.eq(before.revision + 1),
                client_values::updated_at.eq(self.now),
            ))
            .execute(&mut **tx)?;
        Ok(())
    }

    fn value_change(
        &self,
        (client_key, field): (i64, i64),
        old: Option<&serde_json::Value>,
        old_entry_key: Option<i64>,
        new: Option<&serde_json::Value>,
    ) -> NewChange {
        let (old_num, old_txt) = split(old);
        let (new_num, new_txt) = split(new);
        NewChange {
            entry_key: self.entry,
            client_key,
            field,
            item: 0,
            old_num,
            old_txt,
            old_entry_key,
            new_num,
            new_txt,
        }
    }

    /// Writes what the network says of clients; leaves their revision alone. A new time of checking, or the cause of a
    /// look-up that failed and left the value as it was, is not logged: every night would otherwise add a row for every
    /// client, and a bad night would look like a change. The entry names the clients instead, for those who keep the facts.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn write_facts(&self, tx: &mut Tx<'_>, facts: &[(i64, &RegistrationFacts, &RegistrationFacts)]) -> Result<()> {
        let mut log = Vec::new();
        for (client, before, after) in facts {
            use FixedField as F;
            let fields = [
                (F::Registration, &before.state, &after.state),
                (F::RegistrationCause, &before.own_cause(), &after.own_cause()),
                (F::AccessPointSeat, &before.seat, &after.seat),
                (F::AccessPointName, &before.name, &after.name),
            ];
            let changed = fields.into_iter().filter(|(_, old, new)| old != new);
            log.extend(
                changed.map(|(field, old, new)| self.text_change(*client, field.number(), old.clone(), new.clone())),
            );
            diesel::update(self.own(*client))
                .set((
                    clients::registration.eq(after.state.as_deref()),
                    clients::registration_cause.eq(after.cause.as_deref()),
                    clients::access_point_seat.eq(after.seat.as_deref()),
                    clients::access_point_name.eq(after.name.as_deref()),
                    clients::checked_at.eq(after.checked_at),
                    clients::unknown_since.eq(after.unknown_since),
                ))
                .execute(&mut **tx)?;
        }
        batch::insert(tx, &log)?;
        if facts.is_empty() {
            return Ok(());
        }
        let touched: Vec<i64> = facts.iter().map(|(client, ..)| *client).collect();
        audit::note_touched(tx, self.entry, &touched)
    }

    /// Adds (`None` before), changes, or takes away (`None` after) a contact; the client's own revision stays.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn write_contact(
        &self,
        tx: &mut Tx<'_>,
        client: &Client,
        before: Option<&Contact>,
        after: Option<&Contact>,
    ) -> Result<()> {
        let (old, new) = (before.map(logged_contact), after.map(logged_contact));
        batch::insert(tx, &[self.text_change(client.key, FixedField::Contact.number(), old, new)])?;
        if let Some(before) = before {
            let own = contacts::table.filter(contacts::practice_id.eq(self.practice).and(contacts::id.eq(before.id)));
            diesel::delete(own).execute(&mut **tx)?;
        }
        let Some(after) = after else { return Ok(()) };
        diesel::insert_into(contacts::table)
            .values((
                contacts::id.eq(after.id),
                contacts::practice_id.eq(self.practice),
                contacts::client_key.eq(client.key),
                contacts::name.eq(&after.name),
                contacts::role.eq(&after.role),
                contacts::email.eq(&after.email),
                contacts::phone.eq(&after.phone),
                contacts::language.eq(&after.language),
                contacts::receives_notices.eq(after.receives_notices),
                contacts::revision.eq(after.revision),
                contacts::created_at.eq(after.created_at),
            ))
            .execute(&mut **tx)?;
        Ok(())
    }

    /// Raises the revision of a client by one, however much of it the set writes.
    fn raise(&self, tx: &mut Tx<'_>, before: &Client) -> Result<()> {
        let own = client_values::table
            .filter(client_values::practice_id.eq(self.practice))
            .filter(client_values::client_key.eq(before.key));
        diesel::update(own)
            .set((client_values::revision.eq(before.revision + 1), client_values::updated_at.eq(self.now)))
            .execute(&mut **tx)?;
        Ok(())
    }

    #[diesel::dsl::auto_type(no_type_alias)]
    fn own(&self, key: i64) -> _ {
        let practice: Uid = self.practice;
        clients::table.filter(clients::practice_id.eq(practice)).filter(clients::key.eq(key))
    }
}
