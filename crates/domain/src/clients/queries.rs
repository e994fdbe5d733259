//! Reading clients: one, or those with given keys.

use std::collections::HashMap;
use std::sync::LazyLock;

use diesel::backend::Backend;
use diesel::dsl::AsSelect;
use diesel::expression::{AppearsOnTable, ValidGrouping, is_aggregate};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Bool, Text};
use diesel::sqlite::Sqlite;

use super::card::{Card, Responsible};
use super::exemption::{Exemption, ExemptionReason};
use super::model::{Client, ClientId, RegistrationFacts};
use crate::identity::{MemberId, Practice};
use crate::kernel::clock::Instant;
use crate::kernel::columns::{Spelled, spelling};
use crate::kernel::db::{Conn, MultiBackend};
use crate::kernel::error::{Error, Result};
use crate::kernel::{JsonText, UidType};
use crate::schema::{client_values, clients, practices};

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
    exemption_reason: Option<String>,
    exemption_note: Option<String>,
    exemption_until: Option<String>,
    archived_at: Option<Instant>,
    registration: Option<String>,
    registration_cause: Option<String>,
    access_point_seat: Option<String>,
    access_point_name: Option<String>,
    checked_at: Option<Instant>,
    unknown_since: Option<Instant>,
    created_at: Instant,
    informed_at: Option<Instant>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = client_values)]
struct ValuesRow {
    revision: i64,
    updated_at: Instant,
    vals: JsonText,
}

/// The columns of a client.
fn own_columns<DB: Backend>() -> Spelled<AsSelect<ClientRow, DB>> {
    Spelled::new(&OWN_COLUMNS)
}

static OWN_COLUMNS: LazyLock<String> = LazyLock::new(|| spelling(&<ClientRow as SelectableHelper<Pg>>::as_select()));

fn client_of((row, values): (ClientRow, ValuesRow)) -> Result<Client> {
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
            exemption: row.exemption_reason.as_deref().and_then(ExemptionReason::named).map(|reason| Exemption {
                reason,
                note: row.exemption_note,
                until: row.exemption_until,
            }),
        },
        facts: RegistrationFacts {
            state: row.registration,
            cause: row.registration_cause,
            seat: row.access_point_seat,
            name: row.access_point_name,
            checked_at: row.checked_at,
            unknown_since: row.unknown_since,
        },
        values: values.vals.read()?,
        archived_at: row.archived_at,
        informed_at: row.informed_at,
        revision: values.revision,
        created_at: row.created_at,
        updated_at: values.updated_at,
    })
}

/// The practice's clients with these keys, in any order; and, in the same breath, the practice's version and the one at
/// which its fields last changed.
///
/// # Errors
/// [`Error::NotFound`] when the practice is gone.
pub fn with_keys(conn: &mut Conn, practice: &Practice, keys: &[i64]) -> Result<(Vec<Client>, (i64, i64))> {
    let own = practices::table.find(practice.id);
    if keys.is_empty() {
        let versions = own.select((practices::version, practices::fields_version)).first(conn).optional()?;
        return Ok((Vec::new(), versions.ok_or(Error::NotFound("practice"))?));
    }
    let rows: Vec<(Option<i64>, Option<i64>, ClientRow, ValuesRow)> = match conn {
        Conn::Postgres(c) => clients::table
            .inner_join(client_values::table)
            .filter(clients::practice_id.eq(practice.id).and(clients::key.eq_any(keys)))
            .select((
                own.select(practices::version).single_value(),
                own.select(practices::fields_version).single_value(),
                own_columns::<Pg>(),
                ValuesRow::as_select(),
            ))
            .load(c)?,
        Conn::Sqlite(c) => clients::table
            .inner_join(client_values::table)
            .filter(clients::practice_id.eq(practice.id).and(OneOf(serde_json::to_string(keys)?)))
            .select((
                own.select(practices::version).single_value(),
                own.select(practices::fields_version).single_value(),
                own_columns::<Sqlite>(),
                ValuesRow::as_select(),
            ))
            .load(c)?,
    };
    let versions = rows.first().and_then(|(version, fields, ..)| Some(((*version)?, (*fields)?)));
    let found =
        rows.into_iter().map(|(_, _, row, values)| client_of((row, values))).collect::<Result<Vec<Client>>>()?;
    Ok((found, versions.ok_or(Error::NotFound("client"))?))
}

/// The client's key is in a JSON array. SQLite has no arrays, and diesel spells out a place for each key instead and has the
/// statement prepared anew each time.
#[derive(Debug, Clone)]
struct OneOf(String);

impl Expression for OneOf {
    type SqlType = Bool;
}

impl ValidGrouping<()> for OneOf {
    type IsAggregate = is_aggregate::No;
}

impl<T> AppearsOnTable<T> for OneOf {}
impl<T> SelectableExpression<T> for OneOf {}

impl QueryId for OneOf {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl QueryFragment<Sqlite> for OneOf {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql("clients.key IN (SELECT value FROM json_each(");
        out.push_bind_param::<Text, _>(&self.0)?;
        out.push_sql("))");
        Ok(())
    }
}

type Boxed<'a> = clients::BoxedQuery<'a, MultiBackend>;

/// Loads rows with their custom values in one statement.
pub(super) fn with_values(rows: Boxed<'_>, conn: &mut Conn) -> Result<Vec<Client>> {
    rows.inner_join(client_values::table)
        .select((own_columns::<MultiBackend>(), ValuesRow::as_select()))
        .load::<(ClientRow, ValuesRow)>(conn)?
        .into_iter()
        .map(client_of)
        .collect()
}

#[derive(QueryableByName)]
struct Keyed {
    #[diesel(sql_type = UidType)]
    id: ClientId,
    #[diesel(sql_type = BigInt)]
    key: i64,
}

/// The keys of those of these clients that the practice has, archived or not.
///
/// # Errors
/// When the database refuses.
pub fn keys_of(conn: &mut Conn, practice: &Practice, ids: &[ClientId]) -> Result<HashMap<ClientId, i64>> {
    let found: Vec<(ClientId, i64)> = match conn {
        Conn::Postgres(c) => clients::table
            .filter(clients::practice_id.eq(practice.id).and(clients::id.eq_any(ids)))
            .select((clients::id, clients::key))
            .load(c)?,
        Conn::Sqlite(c) => {
            let digits: Vec<String> = ids.iter().map(|id| id.0.0.simple().to_string()).collect();
            // A CROSS JOIN is looked up in this order: else few identifiers are looked for among all clients.
            let sql = "SELECT c.id, c.key FROM json_each(?2) AS asked CROSS JOIN clients AS c \
                       WHERE c.id = unhex(asked.value) AND c.practice_id = ?1";
            let query = diesel::sql_query(sql).bind::<UidType, _>(practice.id);
            let rows: Vec<Keyed> = query.bind::<Text, _>(serde_json::to_string(&digits)?).load(c)?;
            rows.into_iter().map(|Keyed { id, key }| (id, key)).collect()
        }
    };
    Ok(found.into_iter().collect())
}

/// One client of a practice, archived or not.
///
/// # Errors
/// [`Error::NotFound`] when the practice has no such client.
pub fn find(conn: &mut Conn, practice: &Practice, id: ClientId) -> Result<Client> {
    let row = clients::table
        .inner_join(client_values::table)
        .filter(clients::practice_id.eq(practice.id).and(clients::id.eq(id)))
        .select((own_columns::<MultiBackend>(), ValuesRow::as_select()))
        .first::<(ClientRow, ValuesRow)>(conn)
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
