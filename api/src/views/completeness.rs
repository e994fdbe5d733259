//! What is expected to be filled in, and of whom something is missing.

use actix_web::web::{Data, Query};
use actix_web::{get, put};
use klaar_domain::clients::ClientId;
use klaar_domain::custom_fields;
use klaar_domain::identity::Practice;
use klaar_domain::kernel::catalogue::Language;
use klaar_domain::kernel::db::Conn;
use klaar_domain::kernel::error::Result;
use klaar_domain::kernel::page;
use klaar_domain::views::{self, Asker, Gaps, Incomplete};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::State;
use crate::body::Body;
use crate::clients::ResponsibleOut;
use crate::guards::{ClientsRead, May, SeenRevision, ViewsManage};
use crate::listing::{Asked, FilterParam};
use crate::mounting::Routes;
use crate::problem::Problem;
use crate::reply::Reply;

/// What is expected to be filled in, all of it anew.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewCompleteness, example = json!({ "fields": ["enterprise_number", "email", "fields.receive_software"] }))]
pub struct CompletenessIn {
    /// The fields in their order, by their places in a client's document.
    #[schema(max_items = 30)]
    fields: Vec<String>,
}

/// What is expected to be filled in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Completeness, example = json!({ "fields": [{ "name": "email", "label": "E-mail", "present": true }], "revision": 1 }))]
pub struct CompletenessOut {
    /// The fields in their order.
    fields: Vec<ExpectedOut>,
    /// Raised with each change; also the ETag.
    revision: i64,
}

/// A field that is expected to be filled in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ExpectedField, example = json!({ "name": "fields.ready", "label": "Klaar voor PEPPOL?", "present": true }))]
pub struct ExpectedOut {
    /// Its place in a client's document.
    name: String,
    /// Its name in the caller's language.
    label: String,
    /// It is there; one that is switched off or archived by now is expected of nobody.
    present: bool,
}

/// Which clients to look through.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct IncompleteQuery {
    /// As [`FilterParam`] describes it.
    #[param(ignore)]
    filter: Option<String>,
    /// Words that must all be found in name, reference, numbers, address or town.
    #[param(max_length = 1000, example = "gent")]
    search: Option<String>,
    /// The order, as for listing clients.
    #[param(example = "name")]
    sort: Option<String>,
    /// A saved view, among whose clients the other parameters choose.
    #[param(pattern = "^view_[0-9a-f]{32}$", example = "view_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")]
    view: Option<String>,
    /// Where the page starts: `next_cursor` of the page before, in the same order.
    #[param(pattern = "^[A-Za-z0-9_-]+$", example = "WyJuYW1lIixbInBlZXRlcnMiXSw0Ml0")]
    cursor: Option<String>,
    /// Rows of a page, 1 to 200; 50 when not given.
    #[param(minimum = 1, maximum = 200, example = 50)]
    limit: Option<u32>,
}

impl IncompleteQuery {
    fn asked(&self) -> Asked<'_> {
        let Self { filter, search, sort, view, cursor: _, limit: _ } = self;
        Asked { filter: filter.as_deref(), search: search.as_deref(), sort: sort.as_deref(), view: view.as_deref() }
    }
}

/// A page of clients of whom something is missing.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = IncompleteClients, example = json!({
    "items": [{ "id": "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "name": "Bakkerij Peeters", "responsible": { "member_id": null, "name": "Céline" }, "missing": ["email"] }],
    "next_cursor": null, "total": 1, "counts": [{ "name": "email", "label": "E-mail", "count": 1 }]
}))]
pub struct GapsOut<'a> {
    /// The clients in their order.
    items: Vec<IncompleteOut<'a>>,
    /// Give it as `cursor` for the next page; null on the last page.
    next_cursor: Option<&'a str>,
    /// How many clients lack something.
    total: i64,
    /// How many of them lack each expected field.
    counts: Vec<LackOut<'a>>,
}

/// A client of whom something is missing.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = IncompleteClient, example = json!({ "id": "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "name": "Bakkerij Peeters", "responsible": null, "missing": ["email", "responsible"] }))]
pub struct IncompleteOut<'a> {
    /// The client.
    #[schema(value_type = String)]
    id: ClientId,
    /// Its name.
    name: &'a str,
    /// Who looks after it.
    responsible: Option<ResponsibleOut<'a>>,
    /// The expected fields without a value, in their order.
    #[schema(value_type = Vec<String>)]
    missing: &'a [String],
}

/// How many clients lack a field.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LackingField, example = json!({ "name": "email", "label": "E-mail", "count": 1 }))]
pub struct LackOut<'a> {
    /// The field.
    name: &'a str,
    /// Its name in the caller's language.
    label: String,
    /// Clients that lack it.
    count: usize,
}

impl<'a> GapsOut<'a> {
    fn of(gaps: &'a Gaps, language: Language) -> Self {
        let row = |Incomplete { client, missing }: &'a Incomplete| IncompleteOut {
            id: client.id,
            name: &client.card.name,
            responsible: client.card.responsible.as_ref().map(ResponsibleOut::of),
            missing,
        };
        let lack = |(name, count): &'a (String, usize)| LackOut {
            name,
            label: views::label(name, &gaps.catalogue, language),
            count: *count,
        };
        Self {
            items: gaps.page.items.iter().map(row).collect(),
            next_cursor: gaps.page.next_cursor.as_deref(),
            total: gaps.page.total.unwrap_or_default(),
            counts: gaps.counts.iter().map(lack).collect(),
        }
    }
}

/// What is expected now.
fn reply(conn: &mut Conn, practice: &Practice, language: Language) -> Result<Reply> {
    let (catalogue, completeness) = (custom_fields::catalogue(conn, practice)?, views::completeness(conn, practice)?);
    let present = completeness.present(&catalogue);
    let field = |name: &String| ExpectedOut {
        name: name.clone(),
        label: views::label(name, &catalogue, language),
        present: present.contains(&name.as_str()),
    };
    let fields = completeness.expected.iter().map(field).collect();
    let revision = completeness.revision;
    Ok(Reply::ok(&CompletenessOut { fields, revision })?.tagged(revision))
}

/// Read what is expected
///
/// The fields that the practice expects to be filled in of each client.
#[utoipa::path(operation_id = "get_completeness", tag = "views", security(("bearer" = ["clients:read"])),
    responses((status = 200, description = "The expected fields.", body = CompletenessOut)))]
#[get("/completeness")]
pub async fn get_completeness(may: May<ClientsRead>) -> Result<Reply, Problem> {
    let language = may.language;
    may.read(move |conn, caller| reply(conn, &caller.practice, language)).await
}

/// Say what is expected
#[utoipa::path(operation_id = "put_completeness", tag = "views", request_body(content = CompletenessIn, description = "The expected fields."),
    params(("If-Match" = String, Header, description = "The ETag that was read.", pattern = r#"^"[0-9]+"$"#, example = "\"1\"")),
    security(("bearer" = ["views:manage"])), responses((status = 200, description = "The expected fields as they are now.", body = CompletenessOut)))]
#[put("/completeness")]
pub async fn put_completeness(
    may: May<ViewsManage>,
    seen: SeenRevision,
    body: Body<CompletenessIn>,
) -> Result<Reply, Problem> {
    let language = may.language;
    may.write(move |tx, caller| {
        views::set_completeness(tx, &caller.practice, &caller.actor, seen.0, body.value.fields)?;
        reply(tx, &caller.practice, language)
    })
    .await
}

/// List incomplete clients
///
/// The clients that match and lack something that is expected, and how many lack what. A field of a category that does not
/// concern a client is not missing there, and nothing about Peppol is missing of a client that is exempt today.
#[utoipa::path(operation_id = "list_incomplete_clients", tag = "views", params(FilterParam, IncompleteQuery), security(("bearer" = ["clients:read"])),
    responses((status = 200, description = "A page of clients.", body = GapsOut<'_>)))]
#[get("/incomplete-clients")]
pub async fn list_incomplete_clients(
    may: May<ClientsRead>,
    query: Query<IncompleteQuery>,
    state: Data<State>,
) -> Result<Reply, Problem> {
    let language = may.language;
    may.read(move |conn, caller| {
        let (asker, limit) = (Asker::of(caller, state.db.clock().now()), page::limit(query.limit)?);
        let listing = query.asked().listing(conn, &state.lists, &asker)?;
        let expected = views::completeness(conn, &caller.practice)?;
        let gaps = state.lists.gaps(conn, &asker, &listing, (&expected, query.cursor.as_deref(), limit))?;
        Reply::ok(&GapsOut::of(&gaps, language))
    })
    .await
}

/// Mounts the file's operations.
pub fn routes(routes: &mut Routes<'_, '_>) {
    routes.service(get_completeness).service(put_completeness).service(list_incomplete_clients);
}
