//! Clients as a table that a front end can draw and edit: those of a view, or of any list.

use std::collections::HashMap;

use actix_web::get;
use actix_web::web::{Data, Query};
use klaar_domain::clients::{self, ClientId, Contact};
use klaar_domain::custom_fields::{Catalogue, FieldId};
use klaar_domain::identity::{Caller, MemberId, Right};
use klaar_domain::kernel::catalogue::Language;
use klaar_domain::kernel::clock::Instant;
use klaar_domain::kernel::db::Conn;
use klaar_domain::kernel::error::{Error, Result};
use klaar_domain::kernel::page;
use klaar_domain::views::saved::{self, View, ViewId};
use klaar_domain::views::{Asker, Cell, Concern, Listed, Listing, TableColumn, TableRow};
use serde::ser::{Error as _, SerializeMap as _};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use crate::State;
use crate::answers::{self, ColumnKind};
use crate::body::InPath;
use crate::clients::FieldOut;
use crate::guards::{ClientsRead, May};
use crate::listing::{Asked, FilterParam};
use crate::mounting::Routes;
use crate::problem::Problem;
use crate::reply::Reply;

/// Which rows of a view, and in which order.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RowQuery {
    /// As [`FilterParam`] describes it.
    #[param(ignore)]
    filter: Option<String>,
    /// Words that must all be found, besides what the view searches.
    #[param(max_length = 1000, example = "peeters gent")]
    search: Option<String>,
    /// The order, as for listing clients; the view's own when not given.
    #[param(example = "-fields.ready,name")]
    sort: Option<String>,
    /// Where the page starts: `next_cursor` of the page before, in the same order.
    #[param(pattern = "^[A-Za-z0-9_-]+$", example = "WyJuYW1lIixbInBlZXRlcnMiXSw0Ml0")]
    cursor: Option<String>,
    /// Rows of a page, 1 to 200; 50 when not given.
    #[param(minimum = 1, maximum = 200, example = 50)]
    limit: Option<u32>,
}

impl RowQuery {
    fn place(&self) -> Result<(Option<&str>, u32)> {
        Ok((self.cursor.as_deref(), page::limit(self.limit)?))
    }

    fn asked(&self) -> Asked<'_> {
        let Self { filter, search, sort, cursor: _, limit: _ } = self;
        Asked { filter: filter.as_deref(), search: search.as_deref(), sort: sort.as_deref(), view: None }
    }
}

/// Which clients to list as a table, with which columns, and in which order.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TableQuery {
    /// As [`FilterParam`] describes it.
    #[param(ignore)]
    filter: Option<String>,
    /// Words that must all be found in name, reference, numbers, address or town; case and accents do not matter.
    #[param(max_length = 1000, example = "peeters gent")]
    search: Option<String>,
    /// The order, as for listing clients.
    #[param(example = "-fields.ready,name")]
    sort: Option<String>,
    /// A saved view: its clients, among which the other parameters choose, in its order and with its columns unless others are
    /// given.
    #[param(pattern = "^view_[0-9a-f]{32}$", example = "view_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")]
    view: Option<String>,
    /// The columns with commas between them, up to 40, as filters and orders name them; the usual ones when not given.
    #[param(example = "name,registration.state,fields.ready")]
    columns: Option<String>,
    /// Where the page starts: `next_cursor` of the page before, in the same order.
    #[param(pattern = "^[A-Za-z0-9_-]+$", example = "WyJuYW1lIixbInBlZXRlcnMiXSw0Ml0")]
    cursor: Option<String>,
    /// Rows of a page, 1 to 200; 50 when not given.
    #[param(minimum = 1, maximum = 200, example = 50)]
    limit: Option<u32>,
}

impl TableQuery {
    fn asked(&self) -> Asked<'_> {
        let Self { filter, search, sort, view, columns: _, cursor: _, limit: _ } = self;
        Asked { filter: filter.as_deref(), search: search.as_deref(), sort: sort.as_deref(), view: view.as_deref() }
    }

    /// The columns that are asked for, those of the view, or the usual ones.
    fn names(&self, view: Option<&View>, catalogue: &Catalogue) -> Result<Vec<String>> {
        let Some(columns) = &self.columns else {
            return Ok(saved::shown_columns(&view.map(|view| view.content.clone()).unwrap_or_default(), catalogue));
        };
        let names: Vec<String> = columns.split(',').map(|name| name.trim().to_owned()).collect();
        saved::check_columns(&names, catalogue).map_err(Error::Invalid)?;
        Ok(names)
    }
}

/// A page of clients as a table.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ViewRows, example = json!({
    "columns": [
        { "name": "name", "label": "Naam", "kind": "text", "field_id": null, "sortable": true, "editable": true, "refusal": null },
        { "name": "registration.state", "label": "Peppol-status", "kind": "word", "field_id": null, "sortable": true, "editable": false, "refusal": "system_owned" }
    ],
    "items": [{ "id": "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "revision": 3, "values": { "name": "Bakkerij Peeters", "registration.state": "registered" }, "locked": [] }],
    "next_cursor": null, "total": 1
}))]
pub struct RowsOut<'a> {
    /// The columns in their order.
    columns: Vec<ColumnOut<'a>>,
    /// The rows in their order.
    items: Vec<RowOut<'a>>,
    /// Give it as `cursor` for the next page; null on the last page.
    next_cursor: Option<String>,
    /// How many clients match in all.
    total: i64,
}

/// A column.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ViewColumn, example = json!({ "name": "fields.ready", "label": "Klaar voor PEPPOL?", "kind": "yes_no",
    "field_id": "fld_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "sortable": true, "editable": true, "refusal": null }))]
pub struct ColumnOut<'a> {
    /// Its place in a client's document, by which filters and orders name it, too.
    name: &'a str,
    /// Its name in the caller's language.
    label: &'a str,
    /// What it holds.
    #[schema(value_type = ColumnKind)]
    kind: &'static str,
    /// The custom field, which has the options of a choice; null for what every card has.
    #[schema(value_type = Option<String>)]
    field_id: Option<FieldId>,
    /// Lists can be sorted by it.
    sortable: bool,
    /// The caller may change its cells, with a PATCH of the client, unless the row has it among `locked`.
    editable: bool,
    /// Why not: `system_owned`, `on_contacts` (change the contacts instead), `on_relations` (the same), `as_a_whole` (change the client's exemption instead), `no_right`; null when editable.
    refusal: Option<&'static str>,
}

/// A row.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ViewRow, example = json!({ "id": "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "revision": 3, "values": { "name": "Bakkerij Peeters" }, "locked": [] }))]
pub struct RowOut<'a> {
    /// The client.
    #[schema(value_type = String)]
    id: ClientId,
    /// The client's revision: in quotation marks it is the `If-Match` of a PATCH.
    revision: i64,
    /// The value of each column, as the client's document has it; null for none.
    #[schema(value_type = BTreeMap<String, answers::Cell>)]
    values: ValuesOut<'a>,
    /// The editable columns whose cells cannot be changed here: all of an archived client, those of fields that do not concern
    /// the client.
    locked: Vec<&'a str>,
}

/// What rows are made with.
#[derive(Debug)]
struct Ground<'a> {
    columns: &'a [TableColumn<'a>],
    concern: &'a Concern,
    contacts: &'a HashMap<i64, Vec<Contact>>,
    relations: &'a HashMap<i64, Vec<String>>,
}

impl<'a> RowOut<'a> {
    fn of(row: &'a TableRow, ground: &'a Ground<'a>) -> Self {
        let is_locked = |column: &&TableColumn<'_>| {
            column.refusal.is_none() && (row.is_archived || !ground.is_concerned(row, column))
        };
        Self {
            id: row.id,
            revision: row.revision,
            values: ValuesOut { row, ground },
            locked: ground.columns.iter().filter(is_locked).map(|column| column.name).collect(),
        }
    }
}

impl<'a> Ground<'a> {
    fn is_concerned(&self, row: &TableRow, column: &TableColumn<'_>) -> bool {
        column.field.is_none_or(|field| self.concern.has_key(row.key, field))
    }

    fn cell(&self, row: &TableRow, column: &TableColumn<'_>, cell: Cell<'a>) -> CellOut<'a> {
        match cell {
            Cell::Elsewhere if column.name == "relations.kind" => {
                CellOut::Texts(self.relations.get(&row.key).cloned().unwrap_or_default())
            }
            Cell::Elsewhere => {
                let contacts = self.contacts.get(&row.key).map(Vec::as_slice).unwrap_or_default();
                CellOut::Texts(said_of(contacts, column.name))
            }
            cell if self.is_concerned(row, column) => CellOut::of(cell),
            _ => CellOut::Empty,
        }
    }
}

/// The values of a row under the names of the columns, each made when it is written.
#[derive(Debug)]
struct ValuesOut<'a> {
    row: &'a TableRow,
    ground: &'a Ground<'a>,
}

impl Serialize for ValuesOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let Self { row, ground } = self;
        let mut map = serializer.serialize_map(Some(ground.columns.len()))?;
        for (column, cell) in ground.columns.iter().zip(row.cells(ground.columns, ground.concern)) {
            map.serialize_entry(column.name, &ground.cell(row, column, cell.map_err(S::Error::custom)?))?;
        }
        map.end()
    }
}

/// A cell as it is sent.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum CellOut<'a> {
    Empty,
    Written(&'a RawValue),
    Flag(bool),
    Moment(Instant),
    Texts(Vec<String>),
    Responsible { member_id: Option<MemberId>, name: String },
    Custom(FieldOut<'a>),
}

impl<'a> CellOut<'a> {
    fn of(cell: Cell<'a>) -> Self {
        match cell {
            Cell::Empty | Cell::Elsewhere => Self::Empty,
            Cell::Written(json) => Self::Written(json),
            Cell::Flag(yes) => Self::Flag(yes),
            Cell::Moment(at) => Self::Moment(at),
            Cell::Texts(texts) => Self::Texts(texts),
            Cell::Responsible(member_id, name) => Self::Responsible { member_id, name },
            Cell::Custom(value) => Self::Custom(FieldOut::of(value)),
        }
    }
}

/// What the contacts of a client have in one place.
fn said_of(contacts: &[Contact], column: &str) -> Vec<String> {
    let said = contacts.iter().filter_map(|contact| match column {
        "contacts.name" => Some(contact.name.clone()),
        "contacts.role" => contact.role.clone(),
        "contacts.email" => contact.email.clone(),
        "contacts.phone" => contact.phone.clone(),
        "contacts.language" => contact.language.clone(),
        _ => None,
    });
    said.collect()
}

/// The answer: a page of the list that is asked for, with the columns that `names` says.
fn table(
    conn: &mut Conn,
    state: &State,
    (caller, language): (&Caller, Language),
    (listing, place): (&Listing, (Option<&str>, u32)),
    names: &dyn Fn(&Catalogue) -> Result<Vec<String>>,
) -> Result<Reply> {
    let asker = Asker::of(caller, state.db.clock().now());
    let Listed { page, catalogue, concern } = state.lists.table(conn, &asker, listing, place, names)?;
    let may_write = caller.rights.has(Right::ClientsWrite);
    let names = names(&catalogue)?;
    let columns = names.iter().filter_map(|name| TableColumn::of(name, &catalogue, (language, may_write)));
    let columns: Vec<TableColumn<'_>> = columns.collect();
    let keys: Vec<i64> = page.items.iter().map(|row| row.key).collect();
    let mut contacts: HashMap<i64, Vec<Contact>> = HashMap::new();
    if names.iter().any(|name| name.starts_with("contacts.")) {
        for (key, contact) in clients::contacts_of_all(conn, &caller.practice, &keys)? {
            contacts.entry(key).or_default().push(contact);
        }
    }
    let mut relations: HashMap<i64, Vec<String>> = HashMap::new();
    if names.iter().any(|name| name.starts_with("relations.")) {
        for (key, kind) in clients::relation_kinds_of_all(conn, &caller.practice, &keys)? {
            relations.entry(key).or_default().push(kind);
        }
    }
    let ground = Ground { columns: &columns, concern: &concern, contacts: &contacts, relations: &relations };
    Reply::ok(&RowsOut {
        columns: columns.iter().map(ColumnOut::of).collect(),
        items: page.items.iter().map(|row| RowOut::of(row, &ground)).collect(),
        next_cursor: page.next_cursor,
        total: page.total.unwrap_or_default(),
    })
}

impl<'a> ColumnOut<'a> {
    fn of(column: &'a TableColumn<'a>) -> Self {
        Self {
            name: column.name,
            label: &column.label,
            kind: column.kind,
            field_id: column.field.map(|field| field.id),
            sortable: column.is_sortable,
            editable: column.refusal.is_none(),
            refusal: column.refusal,
        }
    }
}

/// Read a view's rows
///
/// The clients of the view with its columns only, and which cells may be changed in place: with a PATCH of the client and the
/// row's revision. Further conditions choose among the clients of the view.
#[utoipa::path(operation_id = "list_view_rows", tag = "views",
    params(("id" = String, Path, description = "The view's identifier.", example = "view_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b"), FilterParam, RowQuery),
    security(("bearer" = ["clients:read"])), responses((status = 200, description = "A page of the table.", body = RowsOut<'_>)))]
#[get("/views/{id}/rows")]
pub async fn list_view_rows(
    may: May<ClientsRead>,
    id: InPath<ViewId>,
    query: Query<RowQuery>,
    state: Data<State>,
) -> Result<Reply, Problem> {
    let language = may.language;
    may.read(move |conn, caller| {
        let asker = Asker::of(caller, state.db.clock().now());
        let catalogue = state.lists.catalogues().of(conn, &caller.practice)?;
        let view = saved::usable_view(conn, &catalogue, &asker, id.get()?)?;
        let listing = query.asked().within(Some(view.listing()))?;
        let names = |catalogue: &Catalogue| Ok(saved::shown_columns(&view.content, catalogue));
        table(conn, &state, (caller, language), (&listing, query.place()?), &names)
    })
    .await
}

/// List clients as a table
///
/// One page of the clients that match with only the columns that are asked for, which is the fastest way to list; otherwise as
/// listing clients. Which cells may be changed in place is said as for a view's rows.
#[utoipa::path(operation_id = "list_client_rows", tag = "views", params(FilterParam, TableQuery),
    security(("bearer" = ["clients:read"])), responses((status = 200, description = "A page of the table.", body = RowsOut<'_>)))]
#[get("/client-rows")]
pub async fn list_client_rows(
    may: May<ClientsRead>,
    query: Query<TableQuery>,
    state: Data<State>,
) -> Result<Reply, Problem> {
    let language = may.language;
    may.read(move |conn, caller| {
        let asker = Asker::of(caller, state.db.clock().now());
        let place = (query.cursor.as_deref(), page::limit(query.limit)?);
        let view = query.asked().view(conn, &state.lists, &asker)?;
        let listing = query.asked().within(view.as_ref().map(View::listing))?;
        let names = |catalogue: &Catalogue| query.names(view.as_ref(), catalogue);
        table(conn, &state, (caller, language), (&listing, place), &names)
    })
    .await
}

/// Mounts the file's operations.
pub fn routes(routes: &mut Routes<'_, '_>) {
    routes.service(list_client_rows).service(list_view_rows);
}
