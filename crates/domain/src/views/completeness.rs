//! What a practice expects to be filled in of each client.

use diesel::prelude::*;
use serde_json::{Value, json};

use super::saved::check_names;
use super::subjects::Subject;
use crate::clients::door;
use crate::custom_fields::{Catalogue, catalogue};
use crate::identity::Practice;
use crate::kernel::JsonText;
use crate::kernel::actor::Actor;
use crate::kernel::audit::{self, Event};
use crate::kernel::db::{Conn, Tx};
use crate::kernel::error::{Error, FieldError, Result};
use crate::on_each;
use crate::schema::completeness;

/// The most fields that are expected.
const MOST: usize = 30;

/// What is expected while a practice has said nothing else.
const DELIVERED: [&str; 7] = [
    "enterprise_number",
    "email",
    "language",
    "responsible",
    "fields.receive_software",
    "fields.send_software",
    "fields.ready",
];

/// What a practice expects to be filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completeness {
    /// The fields in their order, by the names of subjects; also those that are switched off or archived by now.
    pub expected: Vec<String>,
    /// Raised with each change; 1 before the first.
    pub revision: i64,
}

impl Completeness {
    /// The fields that are there now.
    pub fn present<'a>(&'a self, catalogue: &Catalogue) -> Vec<&'a str> {
        let is_there = |name: &&str| Subject::named(name, catalogue).is_some();
        self.expected.iter().map(String::as_str).filter(is_there).collect()
    }

    /// As the audit trail has it.
    fn state(&self) -> Value {
        json!({ "expected": self.expected })
    }
}

/// What the practice expects to be filled in.
///
/// # Errors
/// When the database refuses.
pub fn completeness(conn: &mut Conn, practice: &Practice) -> Result<Completeness> {
    let row: Option<(JsonText, i64)> = completeness::table
        .find(practice.id)
        .select((completeness::expected, completeness::revision))
        .first(conn)
        .optional()?;
    match row {
        Some((expected, revision)) => Ok(Completeness { expected: expected.read()?, revision }),
        None => Ok(Completeness { expected: DELIVERED.map(str::to_owned).to_vec(), revision: 1 }),
    }
}

/// Says what is expected to be filled in; the same again is no change and leaves no trace.
///
/// # Errors
/// [`Error::Stale`] when `revision` is not the present one; [`Error::Invalid`] with `too_many`, `unknown_field` or
/// `twice`.
pub fn set_completeness(
    tx: &mut Tx<'_>,
    practice: &Practice,
    actor: &Actor,
    revision: i64,
    expected: Vec<String>,
) -> Result<()> {
    door::hold(tx, practice)?;
    let before = completeness(tx, practice)?;
    if before.revision != revision {
        return Err(Error::Stale);
    }
    if expected.len() > MOST {
        return Err(Error::Invalid(vec![FieldError::new("/fields", "too_many").with("max", MOST)]));
    }
    let wrong = check_names(&expected, "/fields", &catalogue(tx, practice)?);
    if !wrong.is_empty() {
        return Err(Error::Invalid(wrong));
    }
    let after = Completeness { expected, revision: revision + 1 };
    if after.expected == before.expected {
        return Ok(());
    }
    write(tx, practice, &after)?;
    let event = Event::new("completeness.updated", "api").before(&before.state()).after(&after.state());
    audit::record(tx, practice.uid(), actor, &event)?;
    Ok(())
}

fn write(tx: &mut Tx<'_>, practice: &Practice, after: &Completeness) -> Result<()> {
    let changed = (
        completeness::expected.eq(JsonText::of(&after.expected)),
        completeness::revision.eq(after.revision),
        completeness::updated_at.eq(tx.now()),
    );
    on_each!(&mut **tx, c => diesel::insert_into(completeness::table)
        .values((completeness::practice_id.eq(practice.id), changed.clone()))
        .on_conflict(completeness::practice_id)
        .do_update()
        .set(changed)
        .execute(c))?;
    Ok(())
}
