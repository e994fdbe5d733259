//! Clients: the card, its custom fields, its registration.

mod ins;
mod outs;

use actix_web::web::{Data, Query};
use actix_web::{get, patch, post};
use klaar_domain::clients::{self, Client, ClientId, Values};
use klaar_domain::custom_fields::{self, Catalogue};
use klaar_domain::identity::Practice;
use klaar_domain::kernel::clock::Instant;
use klaar_domain::kernel::error::Result;
use klaar_domain::kernel::page;
use klaar_domain::views::{self, Asker, Concern};
use serde::Deserialize;
use utoipa::IntoParams;

use self::ins::{ClientIn, ClientPatch};
pub(crate) use self::outs::FieldOut;
pub use self::outs::{ClientOut, ResponsibleOut};
use crate::State;
use crate::body::{Body, InPath};
use crate::guards::{ClientsRead, ClientsWrite, May, SeenRevision};
use crate::listing::{Asked, FilterParam};
use crate::mounting::Routes;
use crate::problem::Problem;
use crate::reply::{PageOut, Reply};

/// Which clients to list, and how.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ClientQuery {
    /// As [`FilterParam`] describes it.
    #[param(ignore)]
    filter: Option<String>,
    /// Words that must all be found in name, reference, numbers, address or town; case and accents do not matter.
    #[param(max_length = 1000, example = "peeters gent")]
    search: Option<String>,
    /// The order: up to three fields with commas between them, `-` in front for the other direction; by name when not given.
    /// Clients without a value come last either way, and those that are alike by creation.
    #[param(example = "-fields.ready,name")]
    sort: Option<String>,
    /// A saved view: its clients, among which the other parameters choose, in its order unless another is given.
    #[param(pattern = "^view_[0-9a-f]{32}$", example = "view_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")]
    view: Option<String>,
    /// Where the page starts: `next_cursor` of the page before, in the same order.
    #[param(pattern = "^[A-Za-z0-9_-]+$", example = "WyJuYW1lIixbInBlZXRlcnMiXSw0Ml0")]
    cursor: Option<String>,
    /// Rows of a page, 1 to 200; 50 when not given.
    #[param(minimum = 1, maximum = 200, example = 50)]
    limit: Option<u32>,
}

impl ClientQuery {
    fn asked(&self) -> Asked<'_> {
        let Self { filter, search, sort, view, cursor: _, limit: _ } = self;
        Asked { filter: filter.as_deref(), search: search.as_deref(), sort: sort.as_deref(), view: view.as_deref() }
    }
}

/// The client as it is now.
fn reply(client: &Client, catalogue: &Catalogue, (practice, now): (&Practice, Instant)) -> Result<Reply> {
    let concern = Concern::of([client], catalogue, practice, now);
    Ok(Reply::ok(&ClientOut::of(client, catalogue, &concern))?.tagged(client.revision))
}

/// List clients
///
/// One page of the clients that match, and their exact number. Any field can be filtered and sorted by; nothing has to be
/// prepared for it.
#[utoipa::path(operation_id = "list_clients", tag = "clients", params(FilterParam, ClientQuery), security(("bearer" = ["clients:read"])),
    responses((status = 200, description = "A page of clients.", body = PageOut<ClientOut<'_>>)))]
#[get("/clients")]
pub async fn list_clients(
    may: May<ClientsRead>,
    query: Query<ClientQuery>,
    state: Data<State>,
) -> Result<Reply, Problem> {
    may.read(move |conn, caller| {
        let limit = page::limit(query.limit)?;
        let asker = Asker::of(caller, state.db.clock().now());
        let listing = query.asked().listing(conn, &state.lists, &asker)?;
        let listed = state.lists.page(conn, &asker, &listing, (query.cursor.as_deref(), limit))?;
        let views::Listed { page, catalogue, concern } = listed;
        Reply::ok(&PageOut::of(&page, |client| ClientOut::of(client, &catalogue, &concern)))
    })
    .await
}

/// Create a client
///
/// Numbers are taken in any notation and checked; a number that another active client has is refused, naming that client.
#[utoipa::path(operation_id = "create_client", tag = "clients", request_body(content = ClientIn, description = "The client."), security(("bearer" = ["clients:write"])),
    responses((status = 201, description = "The new client.", body = ClientOut<'_>)))]
#[post("/clients")]
pub async fn create_client(may: May<ClientsWrite>, body: Body<ClientIn>) -> Result<Reply, Problem> {
    may.once(body.hash, move |tx, caller| {
        let (draft, fields) = body.value.split();
        let catalogue = custom_fields::catalogue(tx, &caller.practice)?;
        let values = custom_fields::check_values(tx, &caller.practice, &catalogue, &fields, &Values::new())?;
        let client = clients::create(tx, &caller.practice, &caller.actor, draft, values)?;
        let when = (&caller.practice, tx.now());
        views::refuse_unconcerned(&client, &catalogue, when, &fields)?;
        Ok(reply(&client, &catalogue, when)?.at(format!("/v1/clients/{}", client.id)))
    })
    .await
}

/// Read a client
#[utoipa::path(operation_id = "get_client", tag = "clients", params(("id" = String, Path, description = "The client's identifier.", example = "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["clients:read"])), responses((status = 200, description = "The client.", body = ClientOut<'_>)))]
#[get("/clients/{id}")]
pub async fn get_client(may: May<ClientsRead>, id: InPath<ClientId>, state: Data<State>) -> Result<Reply, Problem> {
    may.read(move |conn, caller| {
        let catalogue = state.lists.catalogues().of(conn, &caller.practice)?;
        let when = (&caller.practice, state.db.clock().now());
        reply(&clients::find(conn, &caller.practice, id.get()?)?, &catalogue, when)
    })
    .await
}

/// Change a client
///
/// An absent field stays, null clears it, a value sets it. The system's own values refuse people.
#[utoipa::path(operation_id = "update_client", tag = "clients", request_body(content = ClientPatch, description = "The change."),
    params(("id" = String, Path, description = "The client's identifier.", example = "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b"),
        ("If-Match" = String, Header, description = "The ETag that was read.", pattern = r#"^"[0-9]+"$"#, example = "\"3\"")),
    security(("bearer" = ["clients:write"])), responses((status = 200, description = "The client as it is now.", body = ClientOut<'_>)))]
#[patch("/clients/{id}")]
pub async fn update_client(
    may: May<ClientsWrite>,
    id: InPath<ClientId>,
    seen: SeenRevision,
    body: Body<ClientPatch>,
) -> Result<Reply, Problem> {
    may.write(move |tx, caller| {
        let (change, fields) = body.value.split();
        let catalogue = custom_fields::catalogue(tx, &caller.practice)?;
        let before = clients::find(tx, &caller.practice, id.get()?)?;
        let values = custom_fields::check_values(tx, &caller.practice, &catalogue, &fields, &before.values)?;
        let client = clients::change(tx, &caller.practice, &caller.actor, (before.id, seen.0), (change, values))?;
        let when = (&caller.practice, tx.now());
        views::refuse_unconcerned(&client, &catalogue, when, &fields)?;
        reply(&client, &catalogue, when)
    })
    .await
}

/// Archive a client
///
/// It leaves the lists and frees its number; nothing is lost, and it can be restored.
#[utoipa::path(operation_id = "archive_client", tag = "clients", params(("id" = String, Path, description = "The client's identifier.", example = "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["clients:write"])), responses((status = 200, description = "The archived client.", body = ClientOut<'_>)))]
#[post("/clients/{id}/archive")]
pub async fn archive_client(may: May<ClientsWrite>, id: InPath<ClientId>) -> Result<Reply, Problem> {
    may.once(Vec::new(), move |tx, caller| {
        let catalogue = custom_fields::catalogue(tx, &caller.practice)?;
        let client = clients::archive(tx, &caller.practice, &caller.actor, id.get()?)?;
        reply(&client, &catalogue, (&caller.practice, tx.now()))
    })
    .await
}

/// Restore a client
///
/// Brings an archived client back, unless another active client has its number or reference by now.
#[utoipa::path(operation_id = "restore_client", tag = "clients", params(("id" = String, Path, description = "The client's identifier.", example = "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["clients:write"])), responses((status = 200, description = "The active client.", body = ClientOut<'_>)))]
#[post("/clients/{id}/restore")]
pub async fn restore_client(may: May<ClientsWrite>, id: InPath<ClientId>) -> Result<Reply, Problem> {
    may.once(Vec::new(), move |tx, caller| {
        let catalogue = custom_fields::catalogue(tx, &caller.practice)?;
        let client = clients::restore(tx, &caller.practice, &caller.actor, id.get()?)?;
        reply(&client, &catalogue, (&caller.practice, tx.now()))
    })
    .await
}

/// Mounts the room.
pub fn routes(routes: &mut Routes<'_, '_>) {
    routes
        .service(list_clients)
        .service(create_client)
        .service(get_client)
        .service(update_client)
        .service(archive_client)
        .service(restore_client);
}
