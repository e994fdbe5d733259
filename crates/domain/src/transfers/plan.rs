//! What becomes of checked lines: which client each one means, and whether that one is created, changed or left alone.

use std::collections::{HashMap, HashSet};

use super::columns::Columns;
use super::file::{Line, Row};
use super::keys::{Key, Keys};
use super::merge::merged;
use super::model::{Code, Counts, Finding, Weight};
use crate::clients::door::NewClient;
use crate::clients::{self, Card, Client, FixedField, Sought, Surroundings};
use crate::identity::Practice;
use crate::kernel::db::Conn;
use crate::kernel::error::{FieldError, Result};
use crate::kernel::text;

/// What the lines so far have laid claim to.
#[derive(Debug, Default)]
pub struct Claims {
    /// Numbers, references and likenesses, and the line that has each.
    seen: HashMap<Key, i64>,
    /// What clients have given up for something else, in writes that are not done yet.
    released: HashSet<Key>,
    /// Names of responsible people that were told to be nobody's.
    told: HashSet<String>,
}

/// After so many unknown names nobody reads further ones.
const MOST_TOLD: usize = 1_000;

impl Claims {
    /// Adds what more lines claim. `is_written` when their clients are in the database.
    pub fn add(&mut self, more: Self, is_written: bool) {
        self.seen.extend(more.seen);
        self.told.extend(more.told);
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
    /// Clients to create.
    pub created: Vec<&'a NewClient>,
    /// Clients to change, as they are and as they are to be.
    pub changed: Vec<(Client, Card)>,
    /// How the lines end.
    pub counts: Counts,
    /// What is wrong with them, and what else is worth knowing, in their order.
    pub findings: Vec<Finding>,
    /// What they claim.
    pub claims: Claims,
}

/// What planning looks at.
pub struct Ground<'a> {
    /// The practice.
    pub practice: &'a Practice,
    /// Its members and language.
    pub around: &'a Surroundings,
    /// The columns of the file.
    pub columns: &'a Columns,
    /// What earlier lines claim.
    pub claims: &'a Claims,
}

/// Plans `lines` on the database as it is now. Writes nothing.
///
/// # Errors
/// When the database refuses.
pub fn plan<'a>(conn: &mut Conn, ground: &Ground<'_>, lines: &'a [(i64, Line)]) -> Result<Plan<'a>> {
    let rows =
        || lines.iter().filter_map(|(_, line)| if let Line::Good(row) = line { Some(row.as_ref()) } else { None });
    let holders = Holders::of(clients::active_with(conn, ground.practice, &sought(rows()))?);
    let mut planner = Planner { ground, holders, plan: Plan::default() };
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
    Created,
    Unchanged(Box<Card>),
    Changed(Box<(Client, Card)>),
    Rejected(Vec<Finding>),
}

/// The client that a line means, if there is one, or why there can be none.
type Meant<'a> = std::result::Result<Option<&'a Client>, Finding>;

struct Planner<'a, 'g> {
    ground: &'g Ground<'g>,
    holders: Holders,
    plan: Plan<'a>,
}

impl<'a> Planner<'a, '_> {
    fn judge(&self, conn: &mut Conn, row: &Row) -> Result<Verdict> {
        if let Some(finding) = row.keys.iter().find_map(|(field, key)| self.claimed(row, field, &key)) {
            return Ok(Verdict::Rejected(vec![finding]));
        }
        let before = match self.meant(row) {
            Err(finding) => return Ok(Verdict::Rejected(vec![finding])),
            Ok(None) => return Ok(Verdict::Created),
            Ok(Some(before)) => before,
        };
        let after = merged(&before.card, row);
        if after == before.card {
            return Ok(Verdict::Unchanged(Box::new(after)));
        }
        let after = match clients::check_changed(&after, before, self.ground.around) {
            Ok(after) if after == before.card => return Ok(Verdict::Unchanged(Box::new(after))),
            Ok(after) => after,
            Err(errors) => {
                return Ok(Verdict::Rejected(errors.into_iter().map(|error| self.rule(row, error)).collect()));
            }
        };
        match self.refused(conn, row, before, &after)? {
            Some(finding) => Ok(Verdict::Rejected(vec![finding])),
            None => Ok(Verdict::Changed(Box::new((before.clone(), after)))),
        }
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
            Verdict::Created => {
                counts.created += 1;
                created.push(&row.client);
                self.claim(row, None);
            }
            Verdict::Unchanged(card) => {
                counts.unchanged += 1;
                self.claim(row, Some((&card, &card)));
            }
            Verdict::Changed(pair) => {
                counts.changed += 1;
                self.claim(row, Some((&pair.0.card, &pair.1)));
                self.plan.changed.push(*pair);
            }
        }
        self.plan.counts.accepted += 1;
        self.tell(row);
    }

    /// Claims what the line has, and with the client that it means what that one has before and after.
    fn claim(&mut self, row: &Row, meant: Option<(&Card, &Card)>) {
        let claims = &mut self.plan.claims;
        claims.seen.extend(row.keys.iter().map(|(_, key)| (key, row.line)));
        let Some((before, after)) = meant else { return };
        claims.released.extend(Keys::of(before).iter().map(|(_, key)| key));
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
