//! Looking at the clients of an edit: what they have and are to have, or why they were left alone.

use std::collections::{BTreeMap, HashMap};

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
    let (mut found, mut next) = (Vec::new(), None);
    while let Some(chunk) = queries::chunk(conn, edit, number)? {
        let all = whom(&chunk, outcome);
        let rest = all.get(place..).unwrap_or_default();
        let room = wanted.saturating_sub(found.len());
        let taken = rest.get(..room).unwrap_or(rest);
        found.append(&mut clients_of(conn, practice, (&chunk, outcome), taken)?);
        if taken.len() < rest.len() {
            next = Some(page::encode(&Position(number, place + taken.len())));
            break;
        }
        (number, place) = (number + 1, 0);
    }
    let seer = Seer::of(conn, practice, (edit, language), &found)?;
    Ok(Page { items: found.iter().map(|found| seer.row(found)).collect(), next_cursor: next, total: None })
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

/// A client of a page.
struct Found {
    client: Client,
    reason: String,
    /// What the edit changed on it, by field, once it has.
    made: BTreeMap<i64, Made>,
}

/// What the log says of one value of one client.
#[derive(Queryable)]
struct Made {
    client: i64,
    field: i64,
    entry: i64,
    old: (Option<f64>, Option<String>),
    new: (Option<f64>, Option<String>),
}

/// These clients of a chunk, in their order, with what its entry changed on them.
fn clients_of(
    conn: &mut Conn,
    practice: &Practice,
    (chunk, outcome): (&Chunk, Outcome),
    taken: &[(i64, String)],
) -> Result<Vec<Found>> {
    if taken.is_empty() {
        return Ok(Vec::new());
    }
    let keys: Vec<i64> = taken.iter().map(|(key, _)| *key).collect();
    let clients = clients::with_keys(conn, practice, &keys)?.0;
    let mut clients: HashMap<i64, Client> = clients.into_iter().map(|client| (client.key, client)).collect();
    let mut made: HashMap<i64, BTreeMap<i64, Made>> = HashMap::new();
    if let (Outcome::Change | Outcome::Kept, Some(entry)) = (outcome, chunk.entry) {
        for one in made_by(conn, entry, &keys)? {
            made.entry(one.client).or_default().insert(one.field, one);
        }
    }
    let found = taken.iter().filter_map(|(key, reason)| {
        let made = made.remove(key).unwrap_or_default();
        Some(Found { client: clients.remove(key)?, reason: reason.clone(), made })
    });
    Ok(found.collect())
}

/// What an entry changed on these clients.
fn made_by(conn: &mut Conn, entry: i64, keys: &[i64]) -> Result<Vec<Made>> {
    let own = changes::table.filter(changes::entry_key.eq(entry).and(changes::client_key.eq_any(keys)));
    let rows = own.select((
        changes::client_key,
        changes::field,
        changes::entry_key,
        (changes::old_num, changes::old_txt),
        (changes::new_num, changes::new_txt),
    ));
    Ok(rows.load(conn)?)
}

/// What is needed to say what values mean.
struct Seer {
    catalogue: Catalogue,
    plan: Vec<Planned>,
    names: Names,
    language: Language,
}

impl Seer {
    fn of(
        conn: &mut Conn,
        practice: &Practice,
        (edit, language): (&BulkEdit, Language),
        found: &[Found],
    ) -> Result<Self> {
        let plan = plan_of(edit)?;
        let spoken_of: Vec<String> = plan.iter().flat_map(|planned| spoken_of(planned, found)).collect();
        let names = Names::of(conn, practice, spoken_of.iter().map(String::as_str))?;
        Ok(Self { catalogue: custom_fields::catalogue(conn, practice)?, plan, names, language })
    }

    fn row(&self, found: &Found) -> RowSeen {
        RowSeen {
            id: found.client.id,
            name: found.client.card.name.clone(),
            reason: (!found.reason.is_empty()).then(|| found.reason.clone()),
            values: self.plan.iter().map(|planned| self.seen(found, planned)).collect(),
        }
    }

    fn seen(&self, Found { client, made, .. }: &Found, planned: &Planned) -> Seen {
        let (before, after) = match made.get(&planned.number()) {
            Some(made) => {
                let read = |value: &(Option<f64>, Option<String>)| self.logged(planned, made.entry, value);
                (read(&made.old), read(&made.new))
            }
            None => (self.present(client, planned), self.planned(client, planned)),
        };
        Seen { field: self.name(planned), before, after }
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

    /// The name that a member has now; of one who has left the name that is `known`.
    fn member(&self, id: &str, known: &str) -> String {
        let name = self.names.get(id);
        if name == id { known.to_owned() } else { name.to_owned() }
    }

    fn present(&self, client: &Client, planned: &Planned) -> Option<String> {
        match planned {
            Planned::Value { field, .. } | Planned::Options { field, .. } => {
                self.stored(planned, client.values.get(&ValueKey(*field)))
            }
            Planned::Portfolio { .. } => client.card.portfolio.clone(),
            Planned::Language { .. } => Some(client.card.language.clone()),
            Planned::Responsible { .. } => {
                let who = client.card.responsible.as_ref()?;
                Some(who.member.map_or_else(|| who.name.clone(), |id| self.member(&id.to_string(), &who.name)))
            }
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
            Planned::Responsible { member: Some(id), name: Some(name) } => Some(self.member(id, name)),
            Planned::Responsible { name, .. } => name.clone(),
            Planned::Archived { yes } => Some(said(*yes, self.language).to_owned()),
        }
    }

    /// A value from the log, spelled as [`Seer::present`] and [`Seer::planned`] spell it.
    fn logged(&self, planned: &Planned, entry: i64, (number, text): &(Option<f64>, Option<String>)) -> Option<String> {
        match planned {
            Planned::Value { .. } | Planned::Options { .. } => {
                let field = self.field(planned)?;
                let (kind, value) = (field.kind_at(entry, true), (*number, text.as_deref()));
                custom_fields::readable_of_log(field, kind, value, (&self.names, self.language))
            }
            Planned::Responsible { member, name } => {
                let text = text.as_deref()?;
                let of_edit = name.as_deref().filter(|_| member.as_deref() == Some(text));
                Some(self.member(text, of_edit.unwrap_or(text)))
            }
            Planned::Archived { .. } => Some(said(text.is_some(), self.language).to_owned()),
            Planned::Portfolio { .. } | Planned::Language { .. } | Planned::Exemption { .. } => text.clone(),
        }
    }
}

/// What a page says of one field that may be the identifier of a member or a client.
fn spoken_of(planned: &Planned, found: &[Found]) -> Vec<String> {
    let mut ids: Vec<String> = match planned {
        Planned::Value { field, value, .. } => {
            let present = found.iter().filter_map(|found| found.client.values.get(&ValueKey(*field)));
            present.chain(value).filter_map(Value::as_str).map(str::to_owned).collect()
        }
        Planned::Responsible { member, .. } => {
            let present = found.iter().filter_map(|found| found.client.card.responsible.as_ref()?.member);
            present.map(|id| id.to_string()).chain(member.clone()).collect()
        }
        Planned::Options { .. }
        | Planned::Portfolio { .. }
        | Planned::Language { .. }
        | Planned::Exemption { .. }
        | Planned::Archived { .. } => return Vec::new(),
    };
    let made = found.iter().filter_map(|found| found.made.get(&planned.number()));
    ids.extend(made.flat_map(|made| [made.old.1.clone(), made.new.1.clone()]).flatten());
    ids
}
