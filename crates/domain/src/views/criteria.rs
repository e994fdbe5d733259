//! Whom a category of fields concerns: a filter tree on the category, asked of clients that are loaded.

use std::collections::{BTreeMap, HashSet};

use jiff::civil::Date;
use serde_json::Value;

use super::filter::{self, Node};
use super::loaded::Loaded;
use super::operands::{Ground, zone_of};
use super::rows::Rows;
use super::subjects::{CUSTOM, ColumnId};
use super::trees;
use crate::clients::Client;
use crate::custom_fields::{Catalogue, Category, CategoryId, Field};
use crate::identity::Practice;
use crate::kernel::clock::Instant;
use crate::kernel::error::{Error, FieldError, Result};

/// Where criteria stand in the input.
const POINTER: &str = "/criteria";

/// Whom the categories of a practice do not concern, among some clients, and the day on which that was asked.
#[derive(Debug)]
pub struct Concern {
    left_out: Vec<(CategoryId, HashSet<i64>)>,
    today: Date,
}

/// The criteria of some categories, read once so that they can be asked of one client after the other.
#[derive(Debug)]
pub struct Criteria {
    read: Vec<(CategoryId, Node)>,
    asked: Vec<ColumnId>,
    today: Date,
}

impl Criteria {
    /// Those of the categories that `is_meant` holds for. Criteria that cannot be read any more, because they name a field
    /// that is gone, leave nobody out.
    pub fn of(
        catalogue: &Catalogue,
        (practice, now): (&Practice, Instant),
        is_meant: impl Fn(CategoryId) -> bool,
    ) -> Self {
        let (read, mut asked) = (met_among(catalogue, practice, now, is_meant), Vec::new());
        read.iter().for_each(|(_, node)| node.columns(&mut asked));
        Self { read, asked, today: now.in_zone(&zone_of(practice)).date() }
    }

    /// Whether the field's category has criteria.
    #[must_use]
    pub fn has(&self, field: &Field) -> bool {
        self.read.iter().any(|(category, _)| *category == field.category)
    }

    /// Whom, among these clients, the categories do not concern.
    pub fn concern<'a>(&self, clients: impl IntoIterator<Item = &'a Client>) -> Concern {
        if self.read.is_empty() {
            return Concern { left_out: Vec::new(), today: self.today };
        }
        let clients: Vec<&Client> = clients.into_iter().collect();
        let all: Vec<usize> = (0..clients.len()).collect();
        Concern::among(&self.read, &Loaded::of(&clients, &self.asked).rows(), &all, self.today)
    }
}

impl Concern {
    /// Asks the criteria of all categories about these clients.
    pub fn of<'a>(
        clients: impl IntoIterator<Item = &'a Client>,
        catalogue: &Catalogue,
        practice: &Practice,
        now: Instant,
    ) -> Self {
        Criteria::of(catalogue, (practice, now), |_| true).concern(clients)
    }

    /// Answers criteria for some rows of the columns.
    pub(super) fn among(criteria: &[(CategoryId, Node)], columns: &Rows<'_>, rows: &[usize], today: Date) -> Self {
        let left_out = criteria.iter().map(|(category, node)| {
            let concerned = node.rows(columns);
            let others = rows.iter().filter(|row| !concerned.has(**row));
            (*category, others.filter_map(|row| columns.keys.get(*row).copied()).collect())
        });
        Self { left_out: left_out.collect(), today }
    }

    /// Why the client cannot get values for these fields: `not_concerned` under `/fields/<slug>`, for each that does not
    /// concern it.
    pub fn refusals<'a>(&self, client: &Client, fields: impl Iterator<Item = &'a Field>) -> Vec<FieldError> {
        let others = fields.filter(|field| !self.has(client, field));
        others.map(|field| FieldError::new(format!("/fields/{}", field.slug), "not_concerned")).collect()
    }

    /// Whether the field concerns the client.
    #[must_use]
    pub fn has(&self, client: &Client, field: &Field) -> bool {
        self.has_key(client.key, field)
    }

    /// Whether the client is exempt from Peppol on that day: an exemption whose last day has passed counts no more.
    #[must_use]
    pub fn is_exempt(&self, client: &Client) -> bool {
        client.card.exemption.as_ref().is_some_and(|exemption| exemption.holds_on(self.today))
    }

    /// Whether the day has not passed.
    pub(super) fn is_ahead(&self, day: Date) -> bool {
        self.today <= day
    }

    /// Whether the field concerns the client with this key.
    #[must_use]
    pub fn has_key(&self, client: i64, field: &Field) -> bool {
        !self.left_out.iter().any(|(category, others)| *category == field.category && others.contains(&client))
    }
}

/// The criteria of all categories that `is_meant` holds for and that have some which can be read.
pub(super) fn met_among(
    catalogue: &Catalogue,
    practice: &Practice,
    now: Instant,
    is_meant: impl Fn(CategoryId) -> bool,
) -> Vec<(CategoryId, Node)> {
    let met = |category: &Category| Some((category.id, met(category, catalogue, practice, now)?));
    catalogue.categories.iter().filter(|category| is_meant(category.id)).filter_map(met).collect()
}

/// The criteria of a category, read; `None` when it has none or they cannot be read any more.
pub(super) fn met(category: &Category, catalogue: &Catalogue, practice: &Practice, now: Instant) -> Option<Node> {
    let criteria = category.criteria.as_ref()?;
    let zone = zone_of(practice);
    let ground = Ground { catalogue, now, zone: &zone, me: None, criteria: &[] };
    filter::read(criteria, &ground, POINTER).ok()
}

/// Refuses values for fields that do not concern the client as it is after the change. Clearing is always allowed.
///
/// # Errors
/// [`Error::Invalid`] with `not_concerned` under `/fields/<slug>`.
pub fn refuse_unconcerned(
    after: &Client,
    catalogue: &Catalogue,
    (practice, now): (&Practice, Instant),
    given: &BTreeMap<String, Value>,
) -> Result<()> {
    let concern = Concern::of([after], catalogue, practice, now);
    let set = given.iter().filter(|(_, value)| !value.is_null());
    let wrong = concern.refusals(after, set.filter_map(|(slug, _)| catalogue.by_slug(slug)));
    if wrong.is_empty() { Ok(()) } else { Err(Error::Invalid(wrong)) }
}

/// Checks criteria before a category gets them (`None` for a new one), and names options by their identifiers.
///
/// # Errors
/// [`Error::Invalid`] under `/criteria` as a filter, and `not_in_criteria` for what a single card cannot answer: contacts,
/// relations, searches, who set a value, `me`, and the category's own fields.
pub fn check_criteria(
    criteria: &Value,
    catalogue: &Catalogue,
    (practice, now): (&Practice, Instant),
    own: Option<CategoryId>,
) -> Result<Value> {
    let zone = zone_of(practice);
    let ground = Ground { catalogue, now, zone: &zone, me: None, criteria: &[] };
    filter::read(criteria, &ground, POINTER).map_err(Error::Invalid)?;
    let (mut tree, mut wrong) = (criteria.clone(), Vec::new());
    trees::visit(&mut tree, POINTER, &mut |condition, pointer| {
        let text = |name: &str| condition.get(name).and_then(Value::as_str).unwrap_or_default();
        let (field, op) = (text("field"), text("op"));
        let is_own = field.strip_prefix(CUSTOM).and_then(|slug| catalogue.by_slug(slug)).map(|f| f.category);
        if field == "search"
            || field.starts_with("contacts.")
            || field.starts_with("relations.")
            || (is_own.is_some() && is_own == own)
        {
            wrong.push(FieldError::new(format!("{pointer}/field"), "not_in_criteria"));
        }
        if op.starts_with("set_") {
            wrong.push(FieldError::new(format!("{pointer}/op"), "not_in_criteria"));
        }
        if condition.get("value").is_some_and(|value| speaks_of_me(value) && is_person(field, catalogue)) {
            wrong.push(FieldError::new(format!("{pointer}/value"), "not_in_criteria"));
        }
    });
    if !wrong.is_empty() {
        return Err(Error::Invalid(wrong));
    }
    trees::fix_options(&mut tree, catalogue);
    Ok(tree)
}

/// Why the criteria of a category cannot be read any more; nothing when they can.
#[must_use]
pub fn broken_criteria(
    category: &Category,
    catalogue: &Catalogue,
    (practice, now): (&Practice, Instant),
) -> Vec<FieldError> {
    let zone = zone_of(practice);
    let ground = Ground { catalogue, now, zone: &zone, me: None, criteria: &[] };
    let read = |tree: &Value| filter::read(tree, &ground, POINTER).err();
    category.criteria.as_ref().and_then(read).unwrap_or_default()
}

fn speaks_of_me(value: &Value) -> bool {
    value == "me" || value.as_array().is_some_and(|values| values.iter().any(|value| value == "me"))
}

fn is_person(name: &str, catalogue: &Catalogue) -> bool {
    use super::subjects::{Kind, Subject};
    Subject::named(name, catalogue).is_some_and(|s| matches!(s.kind, Kind::Member | Kind::Responsible))
}
