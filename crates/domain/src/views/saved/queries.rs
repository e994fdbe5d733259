//! Reading views: those that whoever asks can see, and what to list with one.

use diesel::prelude::*;

use super::content::standing;
use super::delivered::{DELIVERED, Delivered};
use super::model::{Audience, View, ViewId};
use crate::custom_fields::Catalogue;
use crate::identity::{KeyId, MemberId, Practice};
use crate::kernel::JsonText;
use crate::kernel::clock::Instant;
use crate::kernel::db::Conn;
use crate::kernel::error::{Error, FieldError, Result};
use crate::schema::saved_views;
use crate::views::list::{Asker, Listing};

#[derive(Queryable, Selectable)]
#[diesel(table_name = saved_views)]
struct Row {
    id: ViewId,
    delivered_key: Option<String>,
    names: JsonText,
    owner_member: Option<MemberId>,
    owner_key: Option<KeyId>,
    content: JsonText,
    adapted: bool,
    hidden: bool,
    revision: i64,
    updated_at: Instant,
}

fn view_of(row: Row, catalogue: &Catalogue) -> Result<View> {
    let delivered = row.delivered_key.as_deref().and_then(|key| DELIVERED.iter().find(|one| one.key == key));
    let audience = match (row.owner_member, row.owner_key) {
        (Some(member), _) => Audience::Member(member),
        (None, Some(key)) => Audience::Key(key),
        (None, None) => Audience::Everybody,
    };
    // One that is only hidden stays the product's, and follows it.
    let untouched = delivered.filter(|_| !row.adapted);
    Ok(View {
        id: row.id,
        names: untouched.map_or_else(|| row.names.read(), |one| Ok(one.names()))?,
        audience,
        content: untouched.map_or_else(|| row.content.read(), |one| Ok(one.content(catalogue)))?,
        delivered,
        adapted: row.adapted,
        hidden: row.hidden,
        revision: row.revision,
        updated_at: Some(row.updated_at),
        is_stored: true,
    })
}

/// All views of the practice that have a row, and the delivered ones; everybody's private ones, too.
pub(super) fn all(conn: &mut Conn, practice: &Practice, catalogue: &Catalogue) -> Result<Vec<View>> {
    let rows: Vec<Row> = saved_views::table
        .filter(saved_views::practice_id.eq(practice.id))
        .order(saved_views::id)
        .select(Row::as_select())
        .load(conn)?;
    let mut views: Vec<View> = rows.into_iter().map(|row| view_of(row, catalogue)).collect::<Result<_>>()?;
    let has =
        |views: &[View], one: &Delivered| views.iter().any(|view| view.delivered.is_some_and(|d| d.key == one.key));
    let untouched: Vec<&Delivered> = DELIVERED.iter().filter(|one| !has(&views, one)).collect();
    views.extend(untouched.into_iter().map(|one| one.view(practice, catalogue)));
    Ok(views)
}

/// The views that whoever asks can see: the delivered ones in their order, then the others in the order in which they
/// were made.
///
/// # Errors
/// When the database refuses.
pub fn views(conn: &mut Conn, catalogue: &Catalogue, asker: &Asker<'_>) -> Result<Vec<View>> {
    let mut views = all(conn, asker.practice, catalogue)?;
    views.retain(|view| view.audience.includes(asker));
    // Stable, so the order of making stays.
    views.sort_by_key(|view| {
        let place = |one: &Delivered| DELIVERED.iter().position(|other| other.key == one.key);
        view.delivered.and_then(place).unwrap_or(DELIVERED.len())
    });
    Ok(views)
}

/// One view. Somebody else's private one answers like one that is not there.
///
/// # Errors
/// [`Error::NotFound`].
pub fn view(conn: &mut Conn, catalogue: &Catalogue, asker: &Asker<'_>, id: ViewId) -> Result<View> {
    let practice = asker.practice;
    let row: Option<Row> = saved_views::table
        .filter(saved_views::practice_id.eq(practice.id).and(saved_views::id.eq(id)))
        .select(Row::as_select())
        .first(conn)
        .optional()?;
    let view = match row {
        Some(row) => Some(view_of(row, catalogue)?),
        None => DELIVERED.iter().find(|one| one.id(practice) == id).map(|one| one.view(practice, catalogue)),
    };
    view.filter(|view| view.audience.includes(asker)).ok_or(Error::NotFound("view"))
}

/// One view that can be used as it is.
///
/// # Errors
/// As [`view`]; [`Error::Invalid`] with everything that is broken, under its pointer in the view.
pub fn usable_view(conn: &mut Conn, catalogue: &Catalogue, asker: &Asker<'_>, id: ViewId) -> Result<View> {
    let view = view(conn, catalogue, asker, id)?;
    let broken = standing(&view, catalogue, asker).broken;
    if broken.is_empty() {
        return Ok(view);
    }
    Err(Error::Invalid(broken.into_iter().map(|error| error.with("view", id)).collect()))
}

/// What is wrong within a view, for somebody who only named the view: it stands at `pointer`, and `at` says where in the
/// view.
#[must_use]
pub fn broken_at(pointer: &str, error: Error) -> Error {
    let outside = |fault: FieldError| {
        let within = fault.pointer.clone();
        FieldError { pointer: pointer.to_owned(), ..fault }.with("at", within)
    };
    match error {
        Error::Invalid(faults) => Error::Invalid(faults.into_iter().map(outside).collect()),
        other => other,
    }
}

/// What a view lists: its filter, search and order.
///
/// # Errors
/// As [`usable_view`].
pub fn listing_of(conn: &mut Conn, catalogue: &Catalogue, asker: &Asker<'_>, id: ViewId) -> Result<Listing> {
    usable_view(conn, catalogue, asker, id).map(|view| view.listing())
}

impl View {
    /// What it lists; by name when it says no order.
    #[must_use]
    pub fn listing(&self) -> Listing {
        let content = self.content.clone();
        let sort = content.sort.unwrap_or_else(|| "name".to_owned());
        Listing { filter: content.filter, search: content.search, sort, also: None }
    }
}
