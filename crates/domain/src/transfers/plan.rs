//! What becomes of checked lines: which client each one means, and whether that one is created, changed or left alone.

use std::collections::{HashMap, HashSet};

use super::columns::Columns;
use super::concern;
use super::file::{Line, Row};
use super::keys::{Key, Keys};
use super::links::{self, Links};
use super::merge::merged;
use super::model::{Code, Counts, Finding, Weight};
use crate::clients::door::NewClient;
use crate::clients::{self, Card, CheckedValues, Client, ClientId, FixedField, Sought, Surroundings, ValueKey, Values};
use crate::custom_fields::{Catalogue, linked_id, says_the_same};
use crate::identity::Practice;
use crate::kernel::clock::Instant;
use crate::kernel::db::Conn;
use crate::kernel::error::{FieldError, Result};
use crate::kernel::text;
use crate::views::Criteria;

/// What the lines so far have laid claim to.
#[derive(Debug, Default)]
pub struct Claims {
    /// Numbers, references and likenesses, and the line that has each.
    seen: HashMap<Key, i64>,
    /// What clients have given up for something else, in writes that are not done yet.
    released: HashSet<Key>,
    /// Names of responsible people that were told to be nobody's.
    told: HashSet<String>,
    /// The clients of lines that are done, for later lines that link to them.
    made: HashMap<Key, ClientId>,
}

/// After so many unknown names nobody reads further ones.
const MOST_TOLD: usize = 1_000;

impl Claims {
    /// Adds what more lines claim. `is_written` when their clients are in the database.
    pub fn add(&mut self, more: Self, is_written: bool) {
        self.seen.extend(more.seen);
        self.told.extend(more.told);
        self.made.extend(more.made);
        if is_written {
            self.released.clear();
        } else {
            self.released.extend(more.released);
        }
    }
}

/// What is to be done with some lines, and what was found in them.
#[derive(Debug, Default)]
pub struct Plan<'a> {
    /// Clients to create, with their custom values.
    pub created: Vec<(&'a NewClient, Values)>,
    /// Clients to change.
    pub changed: Vec<Changed>,
    /// How the lines end.
    pub counts: Counts,
    /// What is wrong with them, and what else is worth knowing, in their order.
    pub findings: Vec<Finding>,
    /// What they claim.
    pub claims: Claims,
}

/// A client to change.
#[derive(Debug)]
pub struct Changed {
    /// As it is.
    pub before: Client,
    /// Its card as it is to be.
    pub after: Card,
    /// The custom values that are to be others.
    pub values: CheckedValues,
}

/// What planning looks at.
pub struct Ground<'a> {
    /// The practice.
    pub practice: &'a Practice,
    /// Its members and language.
    pub around: &'a Surroundings,
    /// Its fields, by which the columns were found.
    pub catalogue: &'a Catalogue,
    /// The columns of the file.
    pub columns: &'a Columns,
    /// What earlier lines claim.
    pub claims: &'a Claims,
    /// The moment from which relative days are counted.
    pub now: Instant,
}

/// Plans `lines` on the database as it is now. Writes nothing.
///
/// # Errors
/// When the database refuses.
pub fn plan<'a>(conn: &mut Conn, ground: &Ground<'_>, lines: &'a [(i64, Line)]) -> Result<Plan<'a>> {
    let rows =
        || lines.iter().filter_map(|(_, line)| if let Line::Good(row) = line { Some(row.as_ref()) } else { None });
    let links = Links::of(conn, ground.practice, rows())?;
    let mut sought = sought(rows());
    links.seek(&mut sought);
    let holders = Holders::of(clients::active_with(conn, ground.practice, &sought)?);
    let mut planner =
        Planner { ground, holders, links: &links, criteria: concern::criteria(ground), plan: Plan::default() };
    for (_, line) in lines {
        planner.plan.counts.rows += 1;
        let verdict = match line {
            Line::Bad(findings) => Verdict::Rejected(findings.clone()),
            Line::Good(row) => planner.judge(conn, row)?,
        };
        planner.take(line, verdict);
    }
    Ok(planner.plan)
}

fn sought<'a>(rows: impl Iterator<Item = &'a Row>) -> Sought<'a> {
    let mut sought = Sought::default();
    for card in rows.map(Row::card) {
        if let Some(number) = &card.enterprise_number {
            sought.numbers.entry(&card.country).or_default().push(number);
        }
        sought.references.extend(card.reference.as_deref());
        if card.enterprise_number.is_none() && card.reference.is_none() {
            sought.name_keys.push(text::fold(&card.name));
        }
    }
    sought
}

/// The active clients that lines may mean.
struct Holders {
    clients: Vec<Client>,
    by_key: HashMap<Key, usize>,
}

impl Holders {
    fn of(clients: Vec<Client>) -> Self {
        let by_key = clients
            .iter()
            .enumerate()
            .flat_map(|(at, client)| Keys::of(&client.card).iter().map(move |(_, key)| (key, at)));
        Self { by_key: by_key.collect(), clients }
    }
}

enum Verdict {
    Created(Values),
    Unchanged(Box<Client>),
    Changed(Box<Changed>),
    Rejected(Vec<Finding>),
}

/// The client that a line means, if there is one, or why there can be none.
type Meant<'a> = std::result::Result<Option<&'a Client>, Finding>;

struct Planner<'a, 'g> {
    ground: &'g Ground<'g>,
    holders: Holders,
    links: &'g Links,
    criteria: Criteria,
    plan: Plan<'a>,
}

impl<'a> Planner<'a, '_> {
    fn judge(&self, conn: &mut Conn, row: &Row) -> Result<Verdict> {
        if let Some(finding) = row.keys.iter().find_map(|(field, key)| self.claimed(row, field, &key)) {
            return Ok(Verdict::Rejected(vec![finding]));
        }
        let before = match self.meant(row) {
            Err(finding) => return Ok(Verdict::Rejected(vec![finding])),
            Ok(None) => return Ok(self.create(row)),
            Ok(Some(before)) => before,
        };
        let values = match self.values(row, Some(before)) {
            Ok(values) => values,
            Err(found) => return Ok(Verdict::Rejected(found)),
        };
        let after = match self.card(row, before) {
            Ok(after) => after,
            Err(found) => return Ok(Verdict::Rejected(found)),
        };
        if after != before.card
            && let Some(finding) = self.refused(conn, row, before, &after)?
        {
            return Ok(Verdict::Rejected(vec![finding]));
        }
        let found = self.unconcerned(row, || concern::changed(before, &after, &values, self.ground.now));
        if !found.is_empty() {
            return Ok(Verdict::Rejected(found));
        }
        let (is_unchanged, before) = (after == before.card && values.is_empty(), before.clone());
        Ok(match is_unchanged {
            true => Verdict::Unchanged(Box::new(before)),
            false => Verdict::Changed(Box::new(Changed { before, after, values })),
        })
    }

    /// What becomes of a line that means no client that is there.
    fn create(&self, row: &Row) -> Verdict {
        let values = match self.values(row, None) {
            Ok(values) => values,
            Err(found) => return Verdict::Rejected(found),
        };
        let found = self.unconcerned(row, || concern::created(row, &values, self.ground.now));
        if !found.is_empty() {
            return Verdict::Rejected(found);
        }
        Verdict::Created(values.into_iter().filter_map(|(key, value)| Some((ValueKey(key), value?))).collect())
    }

    /// The values of the line whose fields do not concern the client that it makes.
    fn unconcerned(&self, row: &Row, made: impl FnOnce() -> Client) -> Vec<Finding> {
        let refusals = concern::refusals(&self.criteria, self.ground.columns, row, made);
        refusals.into_iter().map(|error| self.rule(row, error)).collect()
    }

    /// The client's card with what the line says.
    fn card(&self, row: &Row, before: &Client) -> std::result::Result<Card, Vec<Finding>> {
        let after = merged(&before.card, row);
        if after == before.card {
            return Ok(after);
        }
        let checked = clients::check_changed(&after, before, self.ground.around);
        checked.map_err(|errors| errors.into_iter().map(|error| self.rule(row, error)).collect())
    }

    /// The custom values that the line gives a client other than it has.
    fn values(&self, row: &Row, before: Option<&Client>) -> std::result::Result<CheckedValues, Vec<Finding>> {
        let (mut values, mut found) = (CheckedValues::new(), Vec::new());
        for (at, written) in &row.written {
            let Some(field) = self.ground.columns.fields.get(*at) else { continue };
            let key = field.field.key;
            let had = before.and_then(|client| client.values.get(&ValueKey(key)));
            match field.settle(written, had, |typed| self.linked(typed)) {
                Ok(value) if says_the_same(value.as_ref(), had) => {}
                Ok(value) => values.push((key, value)),
                Err(error) => found.push(self.rule(row, error)),
            }
        }
        if found.is_empty() { Ok(values) } else { Err(found) }
    }

    /// The client that a cell names: by its identifier, else by its reference, else by its number.
    fn linked(&self, typed: &str) -> Option<ClientId> {
        if let Ok(id) = linked_id(typed).parse() {
            return self.links.has(id).then_some(id);
        }
        let made =
            |key: &Key| [&self.plan.claims, self.ground.claims].into_iter().find_map(|c| c.made.get(key).copied());
        let held = |key: Key| self.holder(Some(key)).map(|client| client.id);
        links::keys(typed).into_iter().find_map(|key| made(&key).or_else(|| held(key)))
    }

    /// The line that has the key already, as a finding.
    fn claimed(&self, row: &Row, field: FixedField, key: &Key) -> Option<Finding> {
        let seen = |claims: &Claims| claims.seen.get(key).copied();
        let line = seen(self.ground.claims).or_else(|| seen(&self.plan.claims))?;
        Some(Finding::new(
            Weight::Rejected,
            (row.line, &self.column(field)),
            Code::DuplicateInFile,
            vec![("line", line.to_string())],
        ))
    }

    fn holder(&self, key: Option<Key>) -> Option<&Client> {
        let key = key?;
        if self.ground.claims.released.contains(&key) || self.plan.claims.released.contains(&key) {
            return None;
        }
        self.holders.by_key.get(&key).and_then(|at| self.holders.clients.get(*at))
    }

    /// The client with the number, or else with the reference, or else the one alike that has neither.
    fn meant(&self, row: &Row) -> Meant<'_> {
        let by_number = self.holder(row.keys.number);
        let Some(by_reference) = self.holder(row.keys.reference) else {
            return Ok(by_number.or_else(|| self.holder(row.keys.likeness)));
        };
        let is_another = match by_number {
            Some(client) => client.key != by_reference.key,
            None => row.card().enterprise_number.is_some() && by_reference.card.enterprise_number.is_some(),
        };
        if is_another {
            Err(self.taken(row, FixedField::Reference, &by_reference.card.name))
        } else {
            Ok(Some(by_reference))
        }
    }

    /// Whether a changed client would have something that is another's: its number under another country, say.
    fn refused(&self, conn: &mut Conn, row: &Row, before: &Client, after: &Card) -> Result<Option<Finding>> {
        let had: Vec<Key> = Keys::of(&before.card).iter().chain(row.keys.iter()).map(|(_, key)| key).collect();
        for (field, key) in Keys::of(after).iter().filter(|(_, key)| !had.contains(key)) {
            if let Some(finding) = self.claimed(row, field, &key) {
                return Ok(Some(finding));
            }
            if let Some(name) = clients::other_holder(conn, self.ground.practice, after, before.key)? {
                return Ok(Some(self.taken(row, field, &name)));
            }
        }
        Ok(None)
    }

    fn taken(&self, row: &Row, field: FixedField, name: &str) -> Finding {
        Finding::new(
            Weight::Rejected,
            (row.line, &self.column(field)),
            Code::Duplicate,
            vec![("client_name", name.to_owned())],
        )
    }

    fn rule(&self, row: &Row, error: FieldError) -> Finding {
        Finding::of_rule((row.line, &self.ground.columns.pointed_at(&error)), error)
    }

    fn column(&self, field: FixedField) -> String {
        self.ground.columns.name_of(field).unwrap_or_default().to_owned()
    }

    fn take(&mut self, line: &'a Line, verdict: Verdict) {
        let Plan { counts, created, findings, .. } = &mut self.plan;
        let Line::Good(row) = line else {
            counts.rejected += 1;
            if let Verdict::Rejected(found) = verdict {
                findings.extend(found);
            }
            return;
        };
        match verdict {
            Verdict::Rejected(found) => {
                counts.rejected += 1;
                return findings.extend(found);
            }
            Verdict::Created(values) => {
                counts.created += 1;
                created.push((&row.client, values));
                self.claim(row, None);
            }
            Verdict::Unchanged(client) => {
                counts.unchanged += 1;
                self.claim(row, Some((&client, &client.card)));
            }
            Verdict::Changed(changed) => {
                counts.changed += 1;
                self.claim(row, Some((&changed.before, &changed.after)));
                self.plan.changed.push(*changed);
            }
        }
        self.plan.counts.accepted += 1;
        self.tell(row);
    }

    /// Claims what the line has, and with the client that it means what that one has before and after.
    fn claim(&mut self, row: &Row, meant: Option<(&Client, &Card)>) {
        let claims = &mut self.plan.claims;
        claims.seen.extend(row.keys.iter().map(|(_, key)| (key, row.line)));
        if self.ground.columns.has_links() {
            let id = meant.map_or(row.client.id, |(before, _)| before.id);
            claims.made.extend(row.keys.iter().map(|(_, key)| (key, id)));
        }
        let Some((before, after)) = meant else { return };
        claims.released.extend(Keys::of(&before.card).iter().map(|(_, key)| key));
        for (_, key) in Keys::of(after).iter() {
            claims.seen.insert(key, row.line);
            claims.released.remove(&key);
        }
    }

    /// Notes a responsible name that is no member's, once.
    fn tell(&mut self, row: &Row) {
        let Some(responsible) = row.card().responsible.as_ref().filter(|responsible| responsible.member.is_none())
        else {
            return;
        };
        let told = |claims: &Claims| claims.told.contains(&responsible.name);
        if told(self.ground.claims) || told(&self.plan.claims) || self.ground.claims.told.len() > MOST_TOLD {
            return;
        }
        let place = (row.line, self.column(FixedField::Responsible));
        let params = vec![("name", responsible.name.clone())];
        self.plan.findings.push(Finding::new(Weight::Note, (place.0, &place.1), Code::UnknownMember, params));
        self.plan.claims.told.insert(responsible.name.clone());
    }
}
