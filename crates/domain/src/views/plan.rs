//! How a list is answered from the columns: what a listing means against a practice's fields, and where its pages begin.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::columns::Bits;
use super::criteria::{self, Concern};
use super::filter::{self, Node};
use super::list::{Asker, Listed, Listing};
use super::operands::zone_of;
use super::order::{Behind, Place};
use super::rows::Rows;
use super::sorting::Sorting;
use super::subjects::{ColumnId, Subject};
use crate::custom_fields::{Catalogue, CategoryId};
use crate::identity::{self, Practice};
use crate::kernel::db::Conn;
use crate::kernel::error::{Error, FieldError, Result};
use crate::kernel::page::{self, Page};

/// A listing against a practice's fields.
pub(super) struct Plan {
    pub(super) node: Node,
    pub(super) sorting: Sorting,
    /// All columns that it asks.
    pub(super) columns: Vec<ColumnId>,
    /// Whom the categories that have criteria concern; none when nobody asks.
    criteria: Vec<(CategoryId, Node)>,
    /// The day that it is in the practice.
    today: Date,
}

/// Where a page begins: the order, the place of the last client in it, and its key.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Position(String, Vec<Place>, i64);

/// The rows of a page before the clients are read.
pub(super) struct Found {
    pub(super) keys: Vec<i64>,
    pub(super) total: usize,
    pub(super) next: Option<String>,
    concern: Concern,
}

impl Plan {
    /// What the listing means for these fields.
    ///
    /// # Errors
    /// [`Error::Invalid`] on `/filter`, `/search` and `/sort`.
    pub(super) fn of(listing: &Listing, catalogue: &Catalogue, asker: &Asker<'_>) -> Result<Self> {
        let zone = zone_of(asker.practice);
        let criteria = criteria::met_among(catalogue, asker.practice, asker.now, |_| true);
        let ground = asker.ground(catalogue, &zone, &criteria);
        let mut parts = Vec::new();
        for tree in listing.filter.iter().chain(&listing.also) {
            parts.push(filter::read(tree, &ground, "/filter").map_err(Error::Invalid)?);
        }
        let plain = |field: &str, op: &str, value: Value| {
            let condition = serde_json::json!({ "field": field, "op": op, "value": value });
            filter::read(&condition, &ground, "").map_err(|wrong| {
                let at_search = |error| FieldError { pointer: "/search".to_owned(), ..error };
                Error::Invalid(wrong.into_iter().map(at_search).collect())
            })
        };
        if let Some(words) = &listing.search {
            parts.push(plain("search", "matches", Value::from(words.as_str()))?);
        }
        let mut columns = Vec::new();
        parts.iter().for_each(|part| part.columns(&mut columns));
        let archived = Subject::named("archived", catalogue).map(|subject| subject.column);
        if !archived.is_some_and(|column| columns.contains(&column)) {
            parts.push(plain("archived", "eq", Value::from(false))?);
        }
        let node = Node::And(parts);
        let mut sorting = Sorting::read(&listing.sort, &ground).map_err(|error| Error::Invalid(vec![error]))?;
        sorting.on_day(|| ground.today());
        node.columns(&mut columns);
        sorting.columns(&mut columns);
        Ok(Self { node, sorting, columns, criteria: Vec::new(), today: asker.now.in_zone(&zone).date() })
    }

    /// The same plan, which also finds out whom the categories concern.
    pub(super) fn with_criteria(mut self, catalogue: &Catalogue, asker: &Asker<'_>) -> Self {
        self.ask_criteria(catalogue, asker, |_| true);
        self
    }

    /// Has the plan find out, too, whom the categories concern that `is_meant` holds for.
    pub(super) fn ask_criteria(
        &mut self,
        catalogue: &Catalogue,
        asker: &Asker<'_>,
        is_meant: impl Fn(CategoryId) -> bool,
    ) {
        self.criteria = criteria::met_among(catalogue, asker.practice, asker.now, is_meant);
        self.criteria.iter().for_each(|(_, node)| node.columns(&mut self.columns));
    }

    /// Whom, among these rows, the categories do not concern.
    pub(super) fn concern(&self, rows: &Rows<'_>, among: &[usize]) -> Concern {
        Concern::among(&self.criteria, rows, among, self.today)
    }

    /// Finds out what members are called, when the order asks for it.
    ///
    /// # Errors
    /// When the database refuses.
    pub(super) fn name_members(&mut self, conn: &mut Conn, practice: &Practice) -> Result<()> {
        if self.sorting.needs_members() {
            self.sorting.name_members(&identity::members(conn, practice)?);
        }
        Ok(())
    }

    /// The page behind a position.
    pub(super) fn page(&self, rows: &Rows<'_>, (sort, from): (&str, Option<&Position>), limit: u32) -> Found {
        let matching: Bits = self.node.rows(rows);
        let total = matching.count();
        let order = self.sorting.over(rows);
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let behind = from.map(|Position(_, places, key)| {
            let place = rows.place(*key);
            Behind { places, row: place.unwrap_or_else(|row| row), is_there: place.is_ok() }
        });
        let mut first = order.first(&matching, behind.as_ref(), wanted.saturating_add(1));
        let is_more = first.len() > wanted;
        first.truncate(wanted);
        let key = |row: &usize| rows.keys.get(*row).copied().unwrap_or_default();
        let position = |row: &usize| page::encode(&Position(sort.to_owned(), order.places(*row), key(row)));
        let next = first.last().filter(|_| is_more).map(position);
        let keys = first.iter().map(key).collect();
        let concern = self.concern(rows, &first);
        Found { keys, total, next, concern }
    }
}

impl Found {
    /// What was read for the clients, which came in any order, in the order of the page.
    pub(super) fn page<T>(&self, read: Vec<(i64, T)>) -> Page<T> {
        let mut by_key: HashMap<i64, T> = read.into_iter().collect();
        Page {
            items: self.keys.iter().filter_map(|key| by_key.remove(key)).collect(),
            next_cursor: self.next.clone(),
            total: i64::try_from(self.total).ok(),
        }
    }

    /// The same as a page with what shows it.
    pub(super) fn listed<T>(self, read: Vec<(i64, T)>, catalogue: Arc<Catalogue>) -> Listed<T> {
        Listed { page: self.page(read), catalogue, concern: self.concern }
    }
}

impl Position {
    /// The position that a cursor of the same order keeps.
    pub(super) fn read(cursor: Option<&str>, listing: &Listing) -> Result<Option<Self>> {
        let from: Option<Self> = cursor.map(page::decode).transpose()?;
        if from.as_ref().is_some_and(|Self(sort, ..)| *sort != listing.sort) {
            return Err(Error::invalid("/cursor", "malformed_cursor"));
        }
        Ok(from)
    }
}
