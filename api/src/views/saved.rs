//! Saved views.

use std::collections::BTreeMap;

use actix_web::web::{Data, Query};
use actix_web::{delete, get, patch, post};
use klaar_domain::custom_fields::{self, Labels, SaidNames};
use klaar_domain::identity::Caller;
use klaar_domain::kernel::catalogue::Language;
use klaar_domain::kernel::clock::Instant;
use klaar_domain::kernel::db::Conn;
use klaar_domain::kernel::error::Result;
use klaar_domain::kernel::patch::Patch;
use klaar_domain::views::Asker;
use klaar_domain::views::saved::{self, Content, NewView, ViewChange, ViewId};
use serde::Deserialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::outs::{ViewOut, ViewsOut};
use crate::State;
use crate::body::{Body, InPath};
use crate::guards::{ClientsRead, ClientsWrite, May, SeenRevision, ViewsManage};
use crate::listing::FilterTree;
use crate::mounting::Routes;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::shapes::GivenNames;

/// A view to save; `name` or `names` is needed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewView, example = json!({
    "names": { "nl": "Klaar in Gent", "fr": "Prêts à Gand" },
    "filter": { "and": [{ "field": "fields.ready", "op": "eq", "value": true }, { "field": "town", "op": "eq", "value": "Gent" }] },
    "sort": "-registration.checked_at,name", "columns": ["name", "enterprise_number", "fields.receive_software"], "shared": false
}))]
pub struct ViewIn {
    /// Its name in the practice's language, up to 100 characters.
    #[schema(pattern = r"^[\s\x85]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]{0,99}[\s\x85]*$")]
    name: Option<String>,
    /// Its name in several languages.
    #[schema(value_type = Option<GivenNames>)]
    names: Option<BTreeMap<String, String>>,
    /// The filter tree; all clients when not given.
    #[schema(value_type = Option<FilterTree>)]
    filter: Option<Value>,
    /// Words that must all be found, besides, up to 1,000 characters.
    #[schema(max_length = 1000)]
    search: Option<String>,
    /// The order, as lists take it: up to three fields with commas between them, `-` in front for the other direction; by
    /// name when not given.
    sort: Option<String>,
    /// The columns in their order, by their places in a client's document, custom fields as `fields.` and their slug; the
    /// usual ones when not given.
    #[serde(default)]
    #[schema(max_items = 40)]
    columns: Vec<String>,
    /// All members see it, which needs the right `views:manage`; otherwise it is the caller's own.
    #[serde(default)]
    shared: bool,
}

/// A change to a view: an absent field stays, null clears it, a value sets it. Names, `shared` and `hidden` cannot be cleared.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = ViewPatch, example = json!({ "sort": "-fields.ready,name", "search": null }))]
pub struct ViewPatch {
    /// All its names anew.
    #[schema(value_type = GivenNames)]
    names: Patch<BTreeMap<String, String>>,
    /// The filter tree; null for all clients.
    #[schema(value_type = Option<FilterTree>)]
    filter: Patch<Value>,
    /// Words; null for none.
    #[schema(value_type = Option<String>, max_length = 1000)]
    search: Patch<String>,
    /// The order; null for by name.
    #[schema(value_type = Option<String>)]
    sort: Patch<String>,
    /// The columns; null for the usual ones.
    #[schema(value_type = Option<Vec<String>>, max_items = 40)]
    columns: Patch<Vec<String>>,
    /// All members see it, or only whoever changes it.
    #[schema(value_type = bool)]
    shared: Patch<bool>,
    /// It is left out of the list of views.
    #[schema(value_type = bool)]
    hidden: Patch<bool>,
}

impl From<ViewIn> for NewView {
    fn from(said: ViewIn) -> Self {
        let ViewIn { name, names, filter, search, sort, columns, shared } = said;
        let names = SaidNames { names: names.map(Labels), name };
        Self { names, content: Content { filter, search, sort, columns }, shared }
    }
}

impl From<ViewPatch> for ViewChange {
    fn from(said: ViewPatch) -> Self {
        let ViewPatch { names, filter, search, sort, columns, shared, hidden } = said;
        let names = match names {
            Patch::Absent => Patch::Absent,
            Patch::Null => Patch::Null,
            Patch::Value(names) => Patch::Value(Labels(names)),
        };
        Self { names, filter, search, sort, columns, shared, hidden }
    }
}

/// Which views.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ViewQuery {
    /// Hidden ones, too.
    #[param(example = false)]
    hidden: Option<bool>,
}

/// The view as it is now.
fn reply(conn: &mut Conn, caller: &Caller, id: ViewId, (now, language): (Instant, Language)) -> Result<Reply> {
    let (catalogue, asker) = (custom_fields::catalogue(conn, &caller.practice)?, Asker::of(caller, now));
    let view = saved::view(conn, &catalogue, &asker, id)?;
    Ok(Reply::ok(&ViewOut::of(&view, &catalogue, &asker, (caller, language)))?.tagged(view.revision))
}

/// List views
///
/// The views that all members share and the caller's own. The control views of the Peppol follow-up are delivered.
#[utoipa::path(operation_id = "list_views", tag = "views", params(ViewQuery), security(("bearer" = ["clients:read"])),
    responses((status = 200, description = "The views.", body = ViewsOut)))]
#[get("/views")]
pub async fn list_views(may: May<ClientsRead>, query: Query<ViewQuery>, state: Data<State>) -> Result<Reply, Problem> {
    let language = may.language;
    may.read(move |conn, caller| {
        let catalogue = state.lists.catalogues().of(conn, &caller.practice)?;
        let asker = Asker::of(caller, state.db.clock().now());
        let mut views = saved::views(conn, &catalogue, &asker)?;
        views.retain(|view| !view.hidden || query.hidden == Some(true));
        let out = |view| ViewOut::of(view, &catalogue, &asker, (caller, language));
        Reply::ok(&ViewsOut { items: views.iter().map(out).collect() })
    })
    .await
}

/// Save a view
///
/// One that says the same as a view which the caller can see already is refused, naming that one. The order of conditions and
/// brackets around a single one make no difference.
#[utoipa::path(operation_id = "create_view", tag = "views", request_body(content = ViewIn, description = "The view."),
    security(("bearer" = ["clients:write"])), responses((status = 201, description = "The new view.", body = ViewOut)))]
#[post("/views")]
pub async fn create_view(may: May<ClientsWrite>, body: Body<ViewIn>) -> Result<Reply, Problem> {
    let language = may.language;
    may.once(body.hash, move |tx, caller| {
        let (id, now) = (saved::create_view(tx, caller, body.value.into())?, tx.now());
        Ok(reply(tx, caller, id, (now, language))?.at(format!("/v1/views/{id}")))
    })
    .await
}

/// Read a view
#[utoipa::path(operation_id = "get_view", tag = "views",
    params(("id" = String, Path, description = "The view's identifier.", example = "view_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["clients:read"])), responses((status = 200, description = "The view.", body = ViewOut)))]
#[get("/views/{id}")]
pub async fn get_view(may: May<ClientsRead>, id: InPath<ViewId>, state: Data<State>) -> Result<Reply, Problem> {
    let language = may.language;
    may.read(move |conn, caller| reply(conn, caller, id.get()?, (state.db.clock().now(), language))).await
}

/// Change a view
///
/// A shared or delivered one needs the right `views:manage` besides.
#[utoipa::path(operation_id = "update_view", tag = "views", request_body(content = ViewPatch, description = "The change."),
    params(("id" = String, Path, description = "The view's identifier.", example = "view_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b"),
        ("If-Match" = String, Header, description = "The ETag that was read.", pattern = r#"^"[0-9]+"$"#, example = "\"1\"")),
    security(("bearer" = ["clients:write"])), responses((status = 200, description = "The view as it is now.", body = ViewOut)))]
#[patch("/views/{id}")]
pub async fn update_view(
    may: May<ClientsWrite>,
    id: InPath<ViewId>,
    seen: SeenRevision,
    body: Body<ViewPatch>,
) -> Result<Reply, Problem> {
    let language = may.language;
    may.write(move |tx, caller| {
        let (id, now) = (id.get()?, tx.now());
        saved::change_view(tx, caller, (id, seen.0), body.value.into())?;
        reply(tx, caller, id, (now, language))
    })
    .await
}

/// Delete a view
///
/// For good; the audit trail keeps what it said. A delivered one can be hidden instead. A shared one needs the right
/// `views:manage` besides.
#[utoipa::path(operation_id = "delete_view", tag = "views",
    params(("id" = String, Path, description = "The view's identifier.", example = "view_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["clients:write"])), responses((status = 204, description = "It is gone.")))]
#[delete("/views/{id}")]
pub async fn delete_view(may: May<ClientsWrite>, id: InPath<ViewId>) -> Result<Reply, Problem> {
    may.write(move |tx, caller| {
        saved::delete_view(tx, caller, id.get()?)?;
        Ok(Reply::no_content())
    })
    .await
}

/// Restore a delivered view
///
/// Brings back what was delivered, name included, and shows it again.
#[utoipa::path(operation_id = "restore_view", tag = "views",
    params(("id" = String, Path, description = "The view's identifier.", example = "view_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["views:manage"])), responses((status = 200, description = "The view as it was delivered.", body = ViewOut)))]
#[post("/views/{id}/restore")]
pub async fn restore_view(may: May<ViewsManage>, id: InPath<ViewId>) -> Result<Reply, Problem> {
    let language = may.language;
    may.once(Vec::new(), move |tx, caller| {
        let (id, now) = (id.get()?, tx.now());
        saved::restore_view(tx, caller, id)?;
        reply(tx, caller, id, (now, language))
    })
    .await
}

/// Mounts the file's operations.
pub fn routes(routes: &mut Routes<'_, '_>) {
    routes
        .service(list_views)
        .service(create_view)
        .service(get_view)
        .service(update_view)
        .service(delete_view)
        .service(restore_view);
}
