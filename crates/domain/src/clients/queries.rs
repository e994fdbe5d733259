//! Reading clients: one, a page, how many.

use std::sync::LazyLock;

use diesel::dsl::AsSelect;
use diesel::expression::{AppearsOnTable, ValidGrouping, is_aggregate};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Bool, Text};
use serde::{Deserialize, Serialize};

use super::card::{Card, Responsible};
use super::model::{Client, ClientId, RegistrationFacts};
use crate::identity::{MemberId, Practice};
use crate::kernel::clock::Instant;
use crate::kernel::columns::{Spelled, spelling};
use crate::kernel::db::{Conn, MultiBackend};
use crate::kernel::error::{Error, Result};
use crate::kernel::page::{self, Page};
use crate::kernel::{JsonText, text};
use crate::schema::{client_values, clients};

#[derive(Queryable, Selectable)]
#[diesel(table_name = clients)]
struct ClientRow {
    key: i64,
    id: ClientId,
    kind: String,
    reference: Option<String>,
    name: String,
    legal_form: Option<String>,
    enterprise_number: Option<String>,
    vat_number: Option<String>,
    vat_liable: Option<bool>,
    government: bool,
    oin: Option<String>,
    identifiers: JsonText,
    street: Option<String>,
    street_number: Option<String>,
    postcode: Option<String>,
    town: Option<String>,
    country: String,
    language: String,
    email: Option<String>,
    phone: Option<String>,
    website: Option<String>,
    responsible_id: Option<MemberId>,
    responsible_name: Option<String>,
    portfolio: Option<String>,
    mandate_start: Option<String>,
    mandate_end: Option<String>,
    archived_at: Option<Instant>,
    registration: Option<String>,
    registration_cause: Option<String>,
    access_point_seat: Option<String>,
    access_point_name: Option<String>,
    checked_at: Option<Instant>,
    unknown_since: Option<Instant>,
    revision: i64,
    created_at: Instant,
    updated_at: Instant,
}

/// The columns of a client.
fn own_columns() -> Spelled<AsSelect<ClientRow, MultiBackend>> {
    Spelled::new(&OWN_COLUMNS)
}

static OWN_COLUMNS: LazyLock<String> = LazyLock::new(|| spelling(&<ClientRow as SelectableHelper<Pg>>::as_select()));

fn client_of((row, vals): (ClientRow, JsonText)) -> Result<Client> {
    Ok(Client {
        key: row.key,
        id: row.id,
        card: Card {
            kind: row.kind.parse().map_err(|()| Error::internal(format!("{} has an unknown kind", row.id)))?,
            reference: row.reference,
            name: row.name,
            legal_form: row.legal_form,
            enterprise_number: row.enterprise_number,
            vat_number: row.vat_number,
            vat_liable: row.vat_liable,
            government: row.government,
            oin: row.oin,
            identifiers: row.identifiers.read()?,
            street: row.street,
            street_number: row.street_number,
            postcode: row.postcode,
            town: row.town,
            country: row.country,
            language: row.language,
            email: row.email,
            phone: row.phone,
            website: row.website,
            responsible: row.responsible_name.map(|name| Responsible { member: row.responsible_id, name }),
            portfolio: row.portfolio,
            mandate_start: row.mandate_start,
            mandate_end: row.mandate_end,
        },
        facts: RegistrationFacts {
            state: row.registration,
            cause: row.registration_cause,
            seat: row.access_point_seat,
            name: row.access_point_name,
            checked_at: row.checked_at,
            unknown_since: row.unknown_since,
        },
        values: vals.read()?,
        archived_at: row.archived_at,
        revision: row.revision,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

/// Which clients a list shows; conditions add up.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Archived ones instead of active ones.
    pub archived: bool,
    /// Text found in name, reference, numbers, address or town, whatever the case and accents.
    pub search: Option<String>,
    /// `registered`, `cannot_receive`, `not_registered`, `unknown`, `nothing_to_ask`, or `never_checked`.
    pub registration: Option<String>,
    /// Seat id of the access point.
    pub access_point: Option<String>,
    /// The network has given no answer since before this moment.
    pub unknown_before: Option<Instant>,
    /// The member who looks after the client.
    pub responsible: Option<MemberId>,
    /// The portfolio, exactly.
    pub portfolio: Option<String>,
    /// The language.
    pub language: Option<String>,
    /// The country.
    pub country: Option<String>,
    /// The enterprise number is filled in (`true`) or not.
    pub has_enterprise_number: Option<bool>,
    /// The VAT number is filled in (`true`) or not.
    pub has_vat_number: Option<bool>,
    /// Liable to VAT.
    pub vat_liable: Option<bool>,
    /// A public body.
    pub government: Option<bool>,
}

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// By folded name, A first.
    #[default]
    Name,
    /// By folded name, Z first.
    NameDescending,
    /// The oldest first.
    Created,
    /// The newest first.
    CreatedDescending,
}

/// Where a page starts: behind the row with this sort key and client key.
#[derive(Serialize, Deserialize)]
struct Position(String, i64);

type Boxed<'a> = clients::BoxedQuery<'a, MultiBackend>;

fn matching<'a>(practice: &Practice, filter: &'a Filter) -> Boxed<'a> {
    let mut rows = clients::table.filter(clients::practice_id.eq(practice.id)).into_boxed::<MultiBackend>();
    rows = if filter.archived {
        rows.filter(clients::archived_at.is_not_null())
    } else {
        rows.filter(clients::archived_at.is_null())
    };
    for word in
        filter.search.as_deref().map(text::fold).unwrap_or_default().split(' ').filter(|w| !w.is_empty()).take(10)
    {
        rows = rows.filter(clients::search_key.like(text::contains_pattern(word)).escape('\\'));
    }
    match filter.registration.as_deref() {
        Some("never_checked") => rows = rows.filter(clients::registration.is_null()),
        Some(state) => rows = rows.filter(clients::registration.eq(state)),
        None => {}
    }
    if let Some(seat) = &filter.access_point {
        rows = rows.filter(clients::access_point_seat.eq(seat));
    }
    if let Some(before) = filter.unknown_before {
        rows = rows.filter(clients::unknown_since.lt(before));
    }
    if let Some(member) = filter.responsible {
        rows = rows.filter(clients::responsible_id.eq(member));
    }
    with_card(rows, filter)
}

fn with_card<'a>(mut rows: Boxed<'a>, filter: &'a Filter) -> Boxed<'a> {
    if let Some(portfolio) = &filter.portfolio {
        rows = rows.filter(clients::portfolio.eq(portfolio));
    }
    if let Some(language) = &filter.language {
        rows = rows.filter(clients::language.eq(language));
    }
    if let Some(country) = &filter.country {
        rows = rows.filter(clients::country.eq(country));
    }
    match filter.has_enterprise_number {
        Some(true) => rows = rows.filter(clients::enterprise_number.is_not_null()),
        Some(false) => rows = rows.filter(clients::enterprise_number.is_null()),
        None => {}
    }
    match filter.has_vat_number {
        Some(true) => rows = rows.filter(clients::vat_number.is_not_null()),
        Some(false) => rows = rows.filter(clients::vat_number.is_null()),
        None => {}
    }
    if let Some(liable) = filter.vat_liable {
        rows = rows.filter(clients::vat_liable.eq(liable));
    }
    if let Some(government) = filter.government {
        rows = rows.filter(clients::government.eq(government));
    }
    rows
}

/// One page of the clients that match, in the given order.
///
/// # Errors
/// [`Error::Invalid`] on `/cursor`.
pub fn list(
    conn: &mut Conn,
    practice: &Practice,
    filter: &Filter,
    sort: Sort,
    (cursor, limit): (Option<&str>, u32),
) -> Result<Page<Client>> {
    let from: Option<Position> = cursor.map(page::decode).transpose()?;
    let mut rows = matching(practice, filter);
    if let Some(Position(name, key)) = from {
        rows = match sort {
            Sort::Name => rows.filter(Behind { compared: ">", name, key }),
            Sort::NameDescending => rows.filter(Behind { compared: "<", name, key }),
            Sort::Created => rows.filter(clients::key.gt(key)),
            Sort::CreatedDescending => rows.filter(clients::key.lt(key)),
        };
    }
    rows = match sort {
        Sort::Name => rows.order((clients::name_key.asc(), clients::key.asc())),
        Sort::NameDescending => rows.order((clients::name_key.desc(), clients::key.desc())),
        Sort::Created => rows.order(clients::key.asc()),
        Sort::CreatedDescending => rows.order(clients::key.desc()),
    };
    let joined = rows.inner_join(client_values::table).select((own_columns(), client_values::vals));
    let clients = page::first_rows(joined, limit)
        .load::<(ClientRow, JsonText)>(conn)?
        .into_iter()
        .map(client_of)
        .collect::<Result<Vec<Client>>>()?;
    let by_name = matches!(sort, Sort::Name | Sort::NameDescending);
    Ok(Page::of(clients, limit, |last| {
        Position(if by_name { text::fold(&last.card.name) } else { String::new() }, last.key)
    }))
}

/// Rows behind a position in the order of names, up or down.
///
/// The position is wrapped in SELECTs so that PostgreSQL does not see it while it plans: what it guessed from the one name
/// would seem better to it than the plan that it keeps, and it would plan every page anew. Diesel keeps no statement
/// prepared that has a piece of plain SQL in it, hence an expression of our own.
#[derive(Debug, Clone)]
struct Behind {
    compared: &'static str,
    name: String,
    key: i64,
}

impl Expression for Behind {
    type SqlType = Bool;
}

impl ValidGrouping<()> for Behind {
    type IsAggregate = is_aggregate::No;
}

impl AppearsOnTable<clients::table> for Behind {}
impl SelectableExpression<clients::table> for Behind {}

impl QueryId for Behind {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl QueryFragment<MultiBackend> for Behind {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, MultiBackend>) -> QueryResult<()> {
        out.push_sql("(clients.name_key, clients.key) ");
        out.push_sql(self.compared);
        out.push_sql(" ((SELECT ");
        out.push_bind_param::<Text, _>(&self.name)?;
        out.push_sql("), (SELECT ");
        out.push_bind_param::<BigInt, _>(&self.key)?;
        out.push_sql("))");
        Ok(())
    }
}

/// Loads rows with their custom values in one statement.
pub(super) fn with_values(rows: Boxed<'_>, conn: &mut Conn) -> Result<Vec<Client>> {
    rows.inner_join(client_values::table)
        .select((own_columns(), client_values::vals))
        .load::<(ClientRow, JsonText)>(conn)?
        .into_iter()
        .map(client_of)
        .collect()
}

/// How many clients match.
///
/// # Errors
/// When the database refuses.
pub fn count(conn: &mut Conn, practice: &Practice, filter: &Filter) -> Result<i64> {
    Ok(matching(practice, filter).count().get_result(conn)?)
}

/// One client of a practice, archived or not.
///
/// # Errors
/// [`Error::NotFound`] when the practice has no such client.
pub fn find(conn: &mut Conn, practice: &Practice, id: ClientId) -> Result<Client> {
    let row = clients::table
        .inner_join(client_values::table)
        .filter(clients::practice_id.eq(practice.id).and(clients::id.eq(id)))
        .select((own_columns(), client_values::vals))
        .first::<(ClientRow, JsonText)>(conn)
        .optional()?;
    client_of(row.ok_or(Error::NotFound("client"))?)
}

/// The active client, other than `except`, that has this number in this country.
///
/// # Errors
/// When the database refuses.
pub(super) fn holder_of_number(
    conn: &mut Conn,
    practice: &Practice,
    card: &Card,
    except: Option<i64>,
) -> Result<Option<(ClientId, String)>> {
    let Some(number) = &card.enterprise_number else {
        return Ok(None);
    };
    let held = clients::table
        .filter(clients::practice_id.eq(practice.id).and(clients::archived_at.is_null()))
        .filter(clients::country.eq(&card.country).and(clients::enterprise_number.eq(number)))
        .filter(clients::key.ne(except.unwrap_or(0)))
        .select((clients::id, clients::name));
    Ok(held.first(conn).optional()?)
}

/// The active client, other than `except`, that has this reference.
///
/// # Errors
/// When the database refuses.
pub(super) fn holder_of_reference(
    conn: &mut Conn,
    practice: &Practice,
    card: &Card,
    except: Option<i64>,
) -> Result<Option<(ClientId, String)>> {
    let Some(reference) = &card.reference else {
        return Ok(None);
    };
    let held = clients::table
        .filter(clients::practice_id.eq(practice.id).and(clients::archived_at.is_null()))
        .filter(clients::reference.eq(reference))
        .filter(clients::key.ne(except.unwrap_or(0)))
        .select((clients::id, clients::name));
    Ok(held.first(conn).optional()?)
}
