//! Looking at the clients of an edit: what they have and are to have, or why they were left alone.

use std::collections::HashMap;

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::application::plan_of;
use super::assignments::Planned;
use super::model::{BulkEdit, Chunk, Left};
use super::queries;
use crate::clients::{self, Client, ClientId, Exemption, FixedField, ValueKey};
use crate::custom_fields::{self, Catalogue, Field, Names};
use crate::identity::Practice;
use crate::kernel::catalogue::Language;
use crate::kernel::db::Conn;
use crate::kernel::error::Result;
use crate::kernel::page::{self, Page};
use crate::kernel::readings::said;
use crate::schema::changes;

/// Which clients of an edit to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Those that are to change or were changed.
    Change,
    /// Those that may not be changed.
    Refused,
    /// Those that were passed over when it was applied.
    Skipped,
    /// Those that were left as they are when it was undone.
    Kept,
}

/// A client of an edit.
#[derive(Debug, Clone)]
pub struct RowSeen {
    /// The client.
    pub id: ClientId,
    /// Its name.
    pub name: String,
    /// Why it was left alone, as a code.
    pub reason: Option<String>,
    /// What changes.
    pub values: Vec<Seen>,
}

/// One value of a client, as people read it.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The field, as filters name it.
    pub field: String,
    /// What the client has, or had when the edit was applied.
    pub before: Option<String>,
    /// What it is to have.
    pub after: Option<String>,
}

/// Where a page begins: behind this place of this chunk.
#[derive(Serialize, Deserialize)]
struct Position(i64, usize);

/// A page of an edit's clients, in the order in which they were created.
///
/// # Errors
/// [`Error::Invalid`](crate::kernel::error::Error::Invalid) on `/cursor`.
pub fn rows(
    conn: &mut Conn,
    practice: &Practice,
    edit: &BulkEdit,
    (outcome, language): (Outcome, Language),
    (cursor, limit): (Option<&str>, u32),
) -> Result<Page<RowSeen>> {
    let from: Option<Position> = cursor.map(page::decode).transpose()?;
    let Position(mut number, mut place) = from.unwrap_or(Position(0, 0));
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let (mut items, mut next) = (Vec::new(), None);
    let seer = Seer::of(conn, practice, edit, language)?;
    while let Some(chunk) = queries::chunk(conn, edit, number)? {
        let all = whom(&chunk, outcome);
        let rest = all.get(place..).unwrap_or_default();
        let room = wanted.saturating_sub(items.len());
        let taken = rest.get(..room).unwrap_or(rest);
        items.extend(seer.rows(conn, practice, (&chunk, outcome), taken)?);
        if taken.len() < rest.len() {
            next = Some(page::encode(&Position(number, place + taken.len())));
            break;
        }
        (number, place) = (number + 1, 0);
    }
    Ok(Page { items, next_cursor: next, total: None })
}

/// The clients of a chunk with this outcome.
fn whom(chunk: &Chunk, outcome: Outcome) -> Left {
    match outcome {
        Outcome::Refused => chunk.refused.clone(),
        Outcome::Skipped => chunk.skipped.clone(),
        Outcome::Kept => chunk.kept.clone(),
        Outcome::Change => {
            let left: HashMap<i64, ()> = chunk.skipped.iter().map(|(key, _)| (*key, ())).collect();
            chunk.clients.iter().filter(|key| !left.contains_key(key)).map(|key| (*key, String::new())).collect()
        }
    }
}

/// What is needed to say what values mean.
struct Seer {
    catalogue: Catalogue,
    plan: Vec<Planned>,
    names: Names,
    language: Language,
}

impl Seer {
    fn of(conn: &mut Conn, practice: &Practice, edit: &BulkEdit, language: Language) -> Result<Self> {
        let plan = plan_of(edit)?;
        let spoken_of = plan.iter().filter_map(|planned| match planned {
            Planned::Value { value: Some(Value::String(text)), .. } => Some(text.as_str()),
            _ => None,
        });
        let names = Names::of(conn, practice, spoken_of)?;
        Ok(Self { catalogue: custom_fields::catalogue(conn, practice)?, plan, names, language })
    }

    fn rows(
        &self,
        conn: &mut Conn,
        practice: &Practice,
        (chunk, outcome): (&Chunk, Outcome),
        taken: &[(i64, String)],
    ) -> Result<Vec<RowSeen>> {
        let keys: Vec<i64> = taken.iter().map(|(key, _)| *key).collect();
        let found = clients::with_keys(conn, practice, &keys)?.0;
        let by_key: HashMap<i64, &Client> = found.iter().map(|client| (client.key, client)).collect();
        let made = match (outcome, chunk.entry) {
            (Outcome::Change | Outcome::Kept, Some(entry)) => made(conn, entry, &keys)?,
            _ => HashMap::new(),
        };
        let row = |(key, reason): &(i64, String)| {
            let client = by_key.get(key)?;
            Some(RowSeen {
                id: client.id,
                name: client.card.name.clone(),
                reason: (!reason.is_empty()).then(|| reason.clone()),
                values: self.plan.iter().map(|planned| self.seen(client, planned, &made)).collect(),
            })
        };
        Ok(taken.iter().filter_map(row).collect())
    }

    fn seen(&self, client: &Client, planned: &Planned, made: &HashMap<(i64, i64), Logged>) -> Seen {
        let field = self.name(planned);
        if let Some(logged) = made.get(&(client.key, planned.number())) {
            let read = |text: &Option<String>| text.as_deref().map(|text| self.logged(planned, text));
            return Seen { field, before: read(&logged.before), after: read(&logged.after) };
        }
        Seen { field, before: self.present(client, planned), after: self.planned(client, planned) }
    }

    fn name(&self, planned: &Planned) -> String {
        match (self.field(planned), FixedField::from_number(planned.number())) {
            (Some(field), _) => format!("fields.{}", field.slug),
            (None, Some(fixed)) => fixed.as_str().to_owned(),
            (None, None) => planned.number().to_string(),
        }
    }

    fn field(&self, planned: &Planned) -> Option<&Field> {
        self.catalogue.by_key(planned.number())
    }

    fn stored(&self, planned: &Planned, value: Option<&Value>) -> Option<String> {
        Some(custom_fields::readable_stored(value?, self.field(planned)?, (&self.names, self.language)))
    }

    fn present(&self, client: &Client, planned: &Planned) -> Option<String> {
        match planned {
            Planned::Value { field, .. } | Planned::Options { field, .. } => {
                self.stored(planned, client.values.get(&ValueKey(*field)))
            }
            Planned::Portfolio { .. } => client.card.portfolio.clone(),
            Planned::Language { .. } => Some(client.card.language.clone()),
            Planned::Responsible { .. } => client.card.responsible.as_ref().map(|who| who.name.clone()),
            Planned::Exemption { .. } => client.card.exemption.as_ref().map(Exemption::logged),
            Planned::Archived { .. } => Some(said(client.archived_at.is_some(), self.language).to_owned()),
        }
    }

    fn planned(&self, client: &Client, planned: &Planned) -> Option<String> {
        match planned {
            Planned::Value { value, .. } => self.stored(planned, value.as_ref()),
            Planned::Options { field, add, remove, .. } => {
                let left = queries::with_options(client.values.get(&ValueKey(*field)), (add, remove));
                self.stored(planned, left.as_ref())
            }
            Planned::Portfolio { text } | Planned::Exemption { text } => text.clone(),
            Planned::Language { code } => Some(code.clone()),
            Planned::Responsible { name, .. } => name.clone(),
            Planned::Archived { yes } => Some(said(*yes, self.language).to_owned()),
        }
    }

    fn logged(&self, planned: &Planned, text: &str) -> String {
        match self.field(planned) {
            Some(field) => custom_fields::readable_logged(text, field, field.kind, &self.names),
            None => text.to_owned(),
        }
    }
}

/// What the log says of one value of one client.
struct Logged {
    before: Option<String>,
    after: Option<String>,
}

#[derive(Queryable)]
struct LoggedRow {
    client: i64,
    field: i64,
    old: (Option<f64>, Option<String>),
    new: (Option<f64>, Option<String>),
}

/// What an entry changed on these clients, by client and field.
fn made(conn: &mut Conn, entry: i64, keys: &[i64]) -> Result<HashMap<(i64, i64), Logged>> {
    let rows: Vec<LoggedRow> = changes::table
        .filter(changes::entry_key.eq(entry).and(changes::client_key.eq_any(keys)))
        .select((
            changes::client_key,
            changes::field,
            (changes::old_num, changes::old_txt),
            (changes::new_num, changes::new_txt),
        ))
        .load(conn)?;
    let text = |(num, txt): (Option<f64>, Option<String>)| num.map(|num| num.to_string()).or(txt);
    Ok(rows
        .into_iter()
        .map(|row| ((row.client, row.field), Logged { before: text(row.old), after: text(row.new) }))
        .collect())
}
