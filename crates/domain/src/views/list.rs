//! Lists: a page of the clients that a filter means, in order, with their exact number.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::cells::{self, Asked, TableRow};
use super::columns::Bits;
use super::criteria::{self, Concern};
use super::filter::{self, Node};
use super::kept::{Columns, Usage};
use super::operands::{Ground, zone_of};
use super::order::{Behind, Place};
use super::rows::Rows;
use super::sorting::Sorting;
use super::subjects::{ColumnId, Subject};
use crate::clients::{self, Client};
use crate::custom_fields::{Catalogue, Catalogues, CategoryId};
use crate::identity::{self, Caller, Practice};
use crate::kernel::actor::ActorKind;
use crate::kernel::clock::Instant;
use crate::kernel::db::Conn;
use crate::kernel::error::{Error, Result};
use crate::kernel::page::{self, Page};

/// What lists are answered from; one for all threads of a process.
#[derive(Debug)]
pub struct Lists {
    columns: Columns,
    catalogues: Catalogues,
}

/// What a caller wants to see.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// The filter tree; everyone when there is none. Archived clients are left out unless it asks about `archived`.
    pub filter: Option<Value>,
    /// Words that must all be found, besides.
    pub search: Option<String>,
    /// A second filter tree that must hold besides, as when somebody narrows a saved view; not given for most listings.
    pub also: Option<Value>,
    /// The order: fields with commas between them, `-` in front for the other direction.
    pub sort: String,
}

/// A page of a list, the fields that it is shown with, and whom their categories do not concern.
#[derive(Debug)]
pub struct Listed<T> {
    /// The page.
    pub page: Page<T>,
    /// The fields as they were when it was read.
    pub catalogue: Arc<Catalogue>,
    /// For the clients of the page.
    pub concern: Concern,
}

/// What a list reads of the clients that it finds.
struct Reader<'a, A, T> {
    /// What to read, against the fields.
    ask: &'a dyn Fn(&Catalogue) -> Result<A>,
    /// Reads it for the clients with some keys, in any order, by their keys; and the versions in the same breath.
    read: Read<'a, A, T>,
}

type Read<'a, A, T> = &'a dyn Fn(&mut Conn, A, &[i64]) -> Result<(Vec<(i64, T)>, Versions)>;

/// The practice's version when something was read, and the one at which its fields had last changed.
type Versions = (i64, i64);

/// Finds the rows of a page.
type Find<'a> = &'a dyn Fn(&Rows<'_>, &Plan) -> Found;

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

/// Whoever asks, and when.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    /// The practice whose clients are asked about.
    pub practice: &'a Practice,
    /// The identifier of the member that `me` means; `None` for a program.
    pub me: Option<&'a str>,
    /// The identifier of the API key, when a program asks.
    pub key: Option<&'a str>,
    /// The moment from which relative days are counted.
    pub now: Instant,
}

impl<'a> Asker<'a> {
    /// The caller of the API.
    #[must_use]
    pub fn of(caller: &'a Caller, now: Instant) -> Self {
        let id_of = |kind: ActorKind| caller.actor.id.as_deref().filter(|_| caller.actor.kind == kind);
        Self { practice: &caller.practice, me: id_of(ActorKind::Member), key: id_of(ActorKind::ApiKey), now }
    }
}

impl Asker<'_> {
    /// What filters are read against.
    pub(super) fn ground<'b>(&'b self, catalogue: &'b Catalogue, zone: &'b TimeZone) -> Ground<'b> {
        Ground { catalogue, now: self.now, zone, me: self.me }
    }
}

impl Lists {
    /// Keeps at most `most` bytes of clients' values.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { columns: Columns::new(most), catalogues: Catalogues::default() }
    }

    /// How much is kept.
    pub fn usage(&self) -> Usage {
        self.columns.usage()
    }

    /// The field catalogues that this process has read.
    pub fn catalogues(&self) -> &Catalogues {
        &self.catalogues
    }

    /// One page of the clients that match, and their number.
    ///
    /// # Errors
    /// [`Error::Invalid`] on `/filter`, `/sort` and `/cursor`.
    pub fn page(
        &self,
        conn: &mut Conn,
        asker: &Asker<'_>,
        listing: &Listing,
        place: (Option<&str>, u32),
    ) -> Result<Listed<Client>> {
        let read = |conn: &mut Conn, (): (), keys: &[i64]| {
            let (clients, versions) = clients::with_keys(conn, asker.practice, keys)?;
            Ok((clients.into_iter().map(|client| (client.key, client)).collect(), versions))
        };
        self.listed(conn, asker, listing, place, &Reader { ask: &|_| Ok(()), read: &read })
    }

    /// One page of the clients that match, of which `columns` says what is read, and their number.
    ///
    /// # Errors
    /// As [`Lists::page`], and whatever `columns` returns.
    pub fn table(
        &self,
        conn: &mut Conn,
        asker: &Asker<'_>,
        listing: &Listing,
        place: (Option<&str>, u32),
        columns: &dyn Fn(&Catalogue) -> Result<Vec<String>>,
    ) -> Result<Listed<TableRow>> {
        let ask = |catalogue: &Catalogue| Ok(Asked::of(&columns(catalogue)?, catalogue));
        let read = |conn: &mut Conn, asked: Asked, keys: &[i64]| {
            let (rows, versions) = cells::rows(conn, asker.practice, keys, asked)?;
            Ok((rows.into_iter().map(|row| (row.key, row)).collect(), versions))
        };
        self.listed(conn, asker, listing, place, &Reader { ask: &ask, read: &read })
    }

    fn listed<A, T>(
        &self,
        conn: &mut Conn,
        asker: &Asker<'_>,
        listing: &Listing,
        (cursor, limit): (Option<&str>, u32),
        reader: &Reader<'_, A, T>,
    ) -> Result<Listed<T>> {
        let from = Position::read(cursor, listing)?;
        let find = |rows: &Rows<'_>, plan: &Plan| plan.page(rows, (&listing.sort, from.as_ref()), limit);
        if let Some(listed) = self.at_once(conn, asker, listing, (&find, reader))? {
            return Ok(listed);
        }
        let prepare = |conn: &mut Conn, fields_version: i64| {
            let versions = (fields_version, fields_version);
            let catalogue = self.catalogues.at(conn, asker.practice, versions)?;
            let mut plan = Plan::of(listing, &catalogue, asker)?.with_criteria(&catalogue, asker);
            plan.name_members(conn, asker.practice)?;
            let (asked, needed) = ((reader.ask)(&catalogue)?, plan.columns.clone());
            Ok(((plan, asked, catalogue), needed))
        };
        self.columns.exactly(conn, asker.practice, prepare, |conn, rows, (plan, asked, catalogue)| {
            let found = find(rows, &plan);
            let (read, _) = (reader.read)(conn, asked, &found.keys)?;
            Ok(found.listed(read, catalogue))
        })
    }

    /// The page as the columns have it, when the database says in the same breath that they are of its version.
    fn at_once<A, T>(
        &self,
        conn: &mut Conn,
        asker: &Asker<'_>,
        listing: &Listing,
        (find, reader): (Find<'_>, &Reader<'_, A, T>),
    ) -> Result<Option<Listed<T>>> {
        let Some((at, catalogue)) = self.catalogues.kept(asker.practice) else { return Ok(None) };
        // What the fields as they were do not know, they may know by now.
        let Ok(plan) = Plan::of(listing, &catalogue, asker) else { return Ok(None) };
        let Ok(asked) = (reader.ask)(&catalogue) else { return Ok(None) };
        let mut plan = plan.with_criteria(&catalogue, asker);
        plan.name_members(conn, asker.practice)?;
        let Some((version, found)) = self.columns.glance(asker.practice, &plan.columns, |rows| find(rows, &plan))
        else {
            return Ok(None);
        };
        let (read, (now_at, fields_at)) = (reader.read)(conn, asked, &found.keys)?;
        let is_true = now_at == version && fields_at <= at;
        Ok(is_true.then(|| found.listed(read, catalogue)))
    }

    /// The keys of all clients that match, in the order of the listing.
    ///
    /// # Errors
    /// As [`Lists::page`].
    pub fn keys(&self, conn: &mut Conn, asker: &Asker<'_>, listing: &Listing) -> Result<Vec<i64>> {
        let as_it_is = |_: &mut Plan, _: &Ground<'_>| Ok(());
        self.look(conn, asker, listing, as_it_is, |_, rows, seen| {
            let in_order = seen.plan.sorting.over(rows).all(&seen.plan.node.rows(rows));
            Ok(in_order.into_iter().filter_map(|row| rows.keys.get(row).copied()).collect())
        })
    }

    /// Looks at the columns behind a listing, to which `widen` may add what it asks besides.
    pub(super) fn look<X, T>(
        &self,
        conn: &mut Conn,
        asker: &Asker<'_>,
        listing: &Listing,
        widen: impl FnOnce(&mut Plan, &Ground<'_>) -> Result<X>,
        answer: impl FnOnce(&mut Conn, &Rows<'_>, Seen<X>) -> Result<T>,
    ) -> Result<T> {
        let practice = asker.practice;
        let prepare = |conn: &mut Conn, fields_version: i64| {
            let catalogue = self.catalogues.at(conn, practice, (fields_version, fields_version))?;
            let mut plan = Plan::of(listing, &catalogue, asker)?;
            plan.name_members(conn, practice)?;
            let zone = zone_of(practice);
            let asked = widen(&mut plan, &asker.ground(&catalogue, &zone))?;
            let needed = plan.columns.clone();
            Ok((Seen { plan, asked, catalogue }, needed))
        };
        self.columns.exactly(conn, practice, prepare, answer)
    }
}

/// What a look at the columns is made with.
pub(super) struct Seen<X> {
    pub(super) plan: Plan,
    pub(super) asked: X,
    pub(super) catalogue: Arc<Catalogue>,
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

impl Lists {
    /// Runs `work` in one snapshot of the database with the keys of all clients that match, by creation, and the fields.
    ///
    /// # Errors
    /// As [`Lists::page`], and whatever `work` returns.
    pub fn select<T>(
        &self,
        conn: &mut Conn,
        asker: &Asker<'_>,
        listing: &Listing,
        work: impl FnOnce(&mut Conn, Vec<i64>, &Catalogue) -> Result<T>,
    ) -> Result<T> {
        let prepare = |conn: &mut Conn, fields_version: i64| {
            let catalogue = self.catalogues.at(conn, asker.practice, (fields_version, fields_version))?;
            let plan = Plan::of(listing, &catalogue, asker)?;
            let needed = plan.columns.clone();
            Ok(((plan, catalogue), needed))
        };
        self.columns.exactly(conn, asker.practice, prepare, |conn, rows, (plan, catalogue)| {
            let found = plan.node.rows(rows);
            let keys = found.rows().filter_map(|row| rows.keys.get(row).copied()).collect();
            work(conn, keys, &catalogue)
        })
    }
}

impl Plan {
    fn of(listing: &Listing, catalogue: &Catalogue, asker: &Asker<'_>) -> Result<Self> {
        let zone = zone_of(asker.practice);
        let ground = asker.ground(catalogue, &zone);
        let mut parts = Vec::new();
        for tree in listing.filter.iter().chain(&listing.also) {
            parts.push(filter::read(tree, &ground, "/filter").map_err(Error::Invalid)?);
        }
        let plain = |field: &str, op: &str, value: Value| {
            let condition = serde_json::json!({ "field": field, "op": op, "value": value });
            filter::read(&condition, &ground, "/search").map_err(Error::Invalid)
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
        let mut sorting = Sorting::read(&listing.sort, catalogue).map_err(|error| Error::Invalid(vec![error]))?;
        sorting.on_day(|| ground.today());
        node.columns(&mut columns);
        sorting.columns(&mut columns);
        Ok(Self { node, sorting, columns, criteria: Vec::new(), today: asker.now.in_zone(&zone).date() })
    }

    /// The same plan, which also finds out whom the categories concern.
    fn with_criteria(mut self, catalogue: &Catalogue, asker: &Asker<'_>) -> Self {
        self.criteria = criteria::all_met(catalogue, asker.practice, asker.now);
        self.criteria.iter().for_each(|(_, node)| node.columns(&mut self.columns));
        self
    }

    fn name_members(&mut self, conn: &mut Conn, practice: &Practice) -> Result<()> {
        if self.sorting.needs_members() {
            self.sorting.name_members(&identity::members(conn, practice)?);
        }
        Ok(())
    }

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
        let concern = Concern::among(&self.criteria, rows, &first, self.today);
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

    fn listed<T>(self, read: Vec<(i64, T)>, catalogue: Arc<Catalogue>) -> Listed<T> {
        Listed { page: self.page(read), catalogue, concern: self.concern }
    }
}
