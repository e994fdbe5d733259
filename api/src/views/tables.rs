//! A view as a table that a front end can draw and edit.

use std::collections::HashMap;

use actix_web::get;
use actix_web::web::{Data, Query};
use klaar_domain::clients::{self, Client, ClientId, Contact};
use klaar_domain::custom_fields::{Catalogue, FieldId};
use klaar_domain::identity::{Caller, Right};
use klaar_domain::kernel::catalogue::Language;
use klaar_domain::kernel::db::Conn;
use klaar_domain::kernel::error::Result;
use klaar_domain::kernel::page::{self, Page};
use klaar_domain::views::saved::{self, ViewId};
use klaar_domain::views::{Asker, Concern, TableColumn};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::State;
use crate::body::InPath;
use crate::clients::ClientOut;
use crate::guards::{ClientsRead, May};
use crate::listing::{Asked, FilterParam};
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
    #[param(pattern = r"^[^\x00]*$", max_length = 1000, example = "peeters gent")]
    search: Option<String>,
    /// The order, as for listing clients; the view's own when not given.
    #[param(pattern = r"^[^\x00]*$", example = "-fields.ready,name")]
    sort: Option<String>,
    /// Where the page starts: `next_cursor` of the page before, in the same order.
    #[param(pattern = "^[A-Za-z0-9_-]+$", example = "WyJuYW1lIixbInBlZXRlcnMiXSw0Ml0")]
    cursor: Option<String>,
    /// Rows of a page, 1 to 200; 50 when not given.
    #[param(minimum = 1, maximum = 200, example = 50)]
    limit: Option<u32>,
}

impl RowQuery {
    fn asked(&self) -> Asked<'_> {
        let Self { filter, search, sort, cursor: _, limit: _ } = self;
        Asked { filter: filter.as_deref(), search: search.as_deref(), sort: sort.as_deref(), view: None }
    }
}

/// A page of a view as a table.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ViewRows, example = json!({
    "columns": [
        { "name": "name", "label": "Naam", "kind": "text", "field_id": null, "sortable": true, "editable": true, "refusal": null },
        { "name": "registration.state", "label": "Peppol-status", "kind": "word", "field_id": null, "sortable": true, "editable": false, "refusal": "system_owned" }
    ],
    "items": [{ "id": "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "revision": 3, "values": { "name": "Bakkerij Peeters", "registration.state": "registered" }, "editable": ["name"] }],
    "next_cursor": null, "total": 1
}))]
pub struct RowsOut {
    /// The columns in their order.
    columns: Vec<ColumnOut>,
    /// The rows in their order.
    items: Vec<RowOut>,
    /// Give it as `cursor` for the next page; null on the last page.
    next_cursor: Option<String>,
    /// How many clients the view has in all.
    total: i64,
}

/// A column.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ViewColumn, example = json!({ "name": "fields.ready", "label": "Klaar voor PEPPOL?", "kind": "yes_no",
    "field_id": "fld_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "sortable": true, "editable": true, "refusal": null }))]
pub struct ColumnOut {
    /// Its place in a client's document, by which filters and orders name it, too.
    name: String,
    /// Its name in the caller's language.
    label: String,
    /// What it holds: a kind of custom field, or `word`, `lines`, `instant`, `responsible`.
    kind: &'static str,
    /// The custom field, which has the options of a choice; null for what every card has.
    #[schema(value_type = Option<String>)]
    field_id: Option<FieldId>,
    /// Lists can be sorted by it.
    sortable: bool,
    /// The caller may change its cells, with a PATCH of the client.
    editable: bool,
    /// Why not: `system_owned`, `on_contacts` (change the contacts instead), `on_relations` (the same), `as_a_whole` (change the client's exemption instead), `no_right`; null when editable.
    refusal: Option<&'static str>,
}

/// A row.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ViewRow, example = json!({ "id": "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "revision": 3, "values": { "name": "Bakkerij Peeters" }, "editable": ["name"] }))]
pub struct RowOut {
    /// The client.
    #[schema(value_type = String)]
    id: ClientId,
    /// The client's revision, for `If-Match`.
    revision: i64,
    /// The value of each column, as the client's document has it; null for none.
    #[schema(value_type = BTreeMap<String, Value>)]
    values: Map<String, Value>,
    /// The columns that the caller may change here: not those of an archived client, nor of fields that do not concern it.
    editable: Vec<String>,
}

/// What rows are made with.
struct Ground<'a> {
    columns: &'a [TableColumn<'a>],
    catalogue: &'a Catalogue,
    concern: &'a Concern,
    contacts: &'a HashMap<i64, Vec<Contact>>,
    relations: &'a HashMap<i64, Vec<String>>,
}

impl RowOut {
    fn of(client: &Client, ground: &Ground<'_>) -> Result<Self> {
        let document = serde_json::to_value(ClientOut::of(client, ground.catalogue, ground.concern))?;
        let contacts = ground.contacts.get(&client.key).map(Vec::as_slice).unwrap_or_default();
        let value = |name: &str| match name.strip_prefix("contacts.") {
            Some(part) => said_of(contacts, part),
            None if name == "relations.kind" => json!(ground.relations.get(&client.key).map_or(&[][..], Vec::as_slice)),
            None if name == "archived" => Value::from(client.archived_at.is_some()),
            None => document.pointer(&format!("/{}", name.replace('.', "/"))).cloned().unwrap_or_default(),
        };
        let values = ground.columns.iter().map(|column| (column.name.to_owned(), value(column.name))).collect();
        let is_editable = |column: &&TableColumn<'_>| {
            let concerned = column.field.is_none_or(|field| ground.concern.has(client, field));
            column.refusal.is_none() && client.archived_at.is_none() && concerned
        };
        let editable = ground.columns.iter().filter(is_editable).map(|column| column.name.to_owned()).collect();
        Ok(Self { id: client.id, revision: client.revision, values, editable })
    }
}

/// What the contacts of a client have in one place.
fn said_of(contacts: &[Contact], part: &str) -> Value {
    let said = contacts.iter().filter_map(|contact| match part {
        "name" => Some(contact.name.clone()),
        "role" => contact.role.clone(),
        "email" => contact.email.clone(),
        "phone" => contact.phone.clone(),
        "language" => contact.language.clone(),
        _ => None,
    });
    Value::from(said.collect::<Vec<String>>())
}

impl RowsOut {
    fn of(
        conn: &mut Conn,
        (caller, asker): (&Caller, &Asker<'_>),
        (page, catalogue): (&Page<Client>, &Catalogue),
        (names, language): (&[String], Language),
    ) -> Result<Self> {
        let may_write = caller.rights.has(Right::ClientsWrite);
        let columns = names.iter().filter_map(|name| TableColumn::of(name, catalogue, (language, may_write)));
        let columns: Vec<TableColumn<'_>> = columns.collect();
        let keys: Vec<i64> = page.items.iter().map(|client| client.key).collect();
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
        let concern = Concern::of(&page.items, catalogue, &caller.practice, asker.now);
        let ground =
            Ground { columns: &columns, catalogue, concern: &concern, contacts: &contacts, relations: &relations };
        let items = page.items.iter().map(|client| RowOut::of(client, &ground)).collect::<Result<_>>()?;
        let total = page.total.unwrap_or_default();
        Ok(Self {
            columns: columns.iter().map(ColumnOut::of).collect(),
            items,
            next_cursor: page.next_cursor.clone(),
            total,
        })
    }
}

impl ColumnOut {
    fn of(column: &TableColumn<'_>) -> Self {
        Self {
            name: column.name.to_owned(),
            label: column.label.clone(),
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
    security(("bearer" = ["clients:read"])), responses((status = 200, description = "A page of the table.", body = RowsOut)))]
#[get("/views/{id}/rows")]
pub async fn list_view_rows(
    may: May<ClientsRead>,
    id: InPath<ViewId>,
    query: Query<RowQuery>,
    state: Data<State>,
) -> Result<Reply, Problem> {
    let language = may.language;
    may.read(move |conn, caller| {
        let (asker, limit) = (Asker::of(caller, state.db.clock().now()), page::limit(query.limit)?);
        let catalogue = state.lists.catalogues().of(conn, &caller.practice)?;
        let view = saved::usable_view(conn, &catalogue, &asker, id.get()?)?;
        let listing = query.asked().within(Some(view.listing()))?;
        let (page, catalogue) = state.lists.page(conn, &asker, &listing, (query.cursor.as_deref(), limit))?;
        let names = saved::shown_columns(&view.content, &catalogue);
        Reply::ok(&RowsOut::of(conn, (caller, &asker), (&page, &catalogue), (&names, language))?)
    })
    .await
}

/// Mounts the file's operations.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list_view_rows);
}
