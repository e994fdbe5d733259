//! Lists: a page of the clients that a filter means, in order, with their exact number.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::cells::{self, Asked, RowsRead, TableRow};
use super::criteria::{Concern, met_among};
use super::filter::Node;
use super::kept::{Columns, Usage};
use super::operands::{Ground, zone_of};
use super::plan::{Found, Plan, Position};
use super::rows::Rows;

use crate::clients::{self, Client};
use crate::custom_fields::{Catalogue, Catalogues, CategoryId, Field};
use crate::identity::{Caller, Practice};
use crate::kernel::actor::ActorKind;
use crate::kernel::clock::Instant;
use crate::kernel::db::Conn;
use crate::kernel::error::Result;
use crate::kernel::page::Page;

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
    /// Reads it for the clients that were found, in any order, by their keys; and the versions in the same breath.
    read: Read<'a, A, T>,
}

type Read<'a, A, T> = &'a dyn Fn(&mut Conn, A, Sought<'_>) -> Result<(Vec<(i64, T)>, Versions)>;

/// The clients of a page.
struct Sought<'a> {
    keys: &'a [i64],
    /// The version at which they were found; `None` when the connection is in the snapshot in which they were.
    version: Option<i64>,
}

/// The practice's version when something was read, and the one at which its fields had last changed.
type Versions = (i64, i64);

/// Finds the rows of a page.
type Find<'a> = &'a dyn Fn(&Rows<'_>, &Plan) -> Found;

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
    /// The day that it is in the practice.
    #[must_use]
    pub fn today(&self) -> Date {
        self.now.in_zone(&zone_of(self.practice)).date()
    }

    /// What filters are read against.
    pub(super) fn ground<'b>(
        &'b self,
        catalogue: &'b Catalogue,
        zone: &'b TimeZone,
        criteria: &'b [(CategoryId, Node)],
    ) -> Ground<'b> {
        Ground { catalogue, now: self.now, zone, me: self.me, criteria }
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
        let read = |conn: &mut Conn, (): (), sought: Sought<'_>| {
            let (clients, versions) = clients::with_keys(conn, asker.practice, sought.keys)?;
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
    ) -> Result<Listed<Arc<TableRow>>> {
        let ask = |catalogue: &Catalogue| Ok(Asked::of(&columns(catalogue)?, catalogue));
        let read = |conn: &mut Conn, asked: Asked, sought: Sought<'_>| {
            let (rows, versions) = self.rows(conn, asker.practice, &asked, &sought)?;
            Ok((rows.into_iter().map(|row| (row.key, row)).collect(), versions))
        };
        self.listed(conn, asker, listing, place, &Reader { ask: &ask, read: &read })
    }

    /// The rows of these clients, of which only those are read that are not kept from before.
    fn rows(&self, conn: &mut Conn, practice: &Practice, asked: &Asked, sought: &Sought<'_>) -> Result<RowsRead> {
        let Some(version) = sought.version else { return cells::rows(conn, practice, sought.keys, asked) };
        let mut rows = self.columns.rows(practice, version, asked, sought.keys);
        let known: HashSet<i64> = rows.iter().map(|row| row.key).collect();
        let missing: Vec<i64> = sought.keys.iter().copied().filter(|key| !known.contains(key)).collect();
        let (read, versions) = cells::rows(conn, practice, &missing, asked)?;
        if versions.0 == version && !read.is_empty() {
            self.columns.keep_rows(practice, version, asked, &read);
        }
        rows.extend(read);
        Ok((rows, versions))
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
        let look = |rows: &Rows<'_>, (plan, asked, catalogue): (Plan, A, Arc<Catalogue>)| {
            (find(rows, &plan), asked, catalogue)
        };
        self.columns.exactly(conn, asker.practice, prepare, look, |conn, (found, asked, catalogue)| {
            let (read, _) = (reader.read)(conn, asked, Sought { keys: &found.keys, version: None })?;
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
        let sought = Sought { keys: &found.keys, version: Some(version) };
        let (read, (now_at, fields_at)) = (reader.read)(conn, asked, sought)?;
        let is_true = now_at == version && fields_at <= at;
        Ok(is_true.then(|| found.listed(read, catalogue)))
    }

    /// The keys of all clients that match, in the order of the listing, and which of them the categories of these fields do
    /// not concern.
    ///
    /// # Errors
    /// As [`Lists::page`].
    pub fn keys(
        &self,
        conn: &mut Conn,
        asker: &Asker<'_>,
        listing: &Listing,
        fields: &[&Field],
    ) -> Result<(Vec<i64>, Concern)> {
        let widen = |plan: &mut Plan, ground: &Ground<'_>| {
            let is_shown = |category| fields.iter().any(|field| field.category == category);
            plan.ask_criteria(ground.catalogue, asker, is_shown);
            Ok(())
        };
        let in_order = |rows: &Rows<'_>, seen: Seen<()>| {
            let in_order = seen.plan.sorting.over(rows).all(&seen.plan.node.rows(rows));
            let concern = seen.plan.concern(rows, &in_order);
            (in_order.into_iter().filter_map(|row| rows.keys.get(row).copied()).collect(), concern)
        };
        self.look(conn, (asker, listing), widen, in_order, |_, found| Ok(found))
    }

    /// Looks at the columns behind a listing, to which `widen` may add what it asks besides; `then` reads on.
    pub(super) fn look<X, F, T>(
        &self,
        conn: &mut Conn,
        (asker, listing): (&Asker<'_>, &Listing),
        widen: impl FnOnce(&mut Plan, &Ground<'_>) -> Result<X>,
        answer: impl FnOnce(&Rows<'_>, Seen<X>) -> F,
        then: impl FnOnce(&mut Conn, F) -> Result<T>,
    ) -> Result<T> {
        let practice = asker.practice;
        let prepare = |conn: &mut Conn, fields_version: i64| {
            let catalogue = self.catalogues.at(conn, practice, (fields_version, fields_version))?;
            let mut plan = Plan::of(listing, &catalogue, asker)?;
            plan.name_members(conn, practice)?;
            let zone = zone_of(practice);
            let criteria = met_among(&catalogue, practice, asker.now, |_| true);
            let asked = widen(&mut plan, &asker.ground(&catalogue, &zone, &criteria))?;
            let needed = plan.columns.clone();
            Ok((Seen { plan, asked, catalogue }, needed))
        };
        self.columns.exactly(conn, practice, prepare, answer, then)
    }
}

/// What a look at the columns is made with.
pub(super) struct Seen<X> {
    pub(super) plan: Plan,
    pub(super) asked: X,
    pub(super) catalogue: Arc<Catalogue>,
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
        let look = |rows: &Rows<'_>, (plan, catalogue): (Plan, Arc<Catalogue>)| {
            let found = plan.node.rows(rows);
            let keys: Vec<i64> = found.rows().filter_map(|row| rows.keys.get(row).copied()).collect();
            (keys, catalogue)
        };
        self.columns
            .exactly(conn, asker.practice, prepare, look, |conn, (keys, catalogue)| work(conn, keys, &catalogue))
    }
}
