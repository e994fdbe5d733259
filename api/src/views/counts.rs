//! How many clients have each value of a field.

use actix_web::get;
use actix_web::web::{Data, Query};
use klaar_domain::kernel::error::{Error, Result};
use klaar_domain::views::{Asker, Counts, ValueCount};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::State;
use crate::guards::{ClientsRead, May};
use crate::listing::{Asked, FilterParam};
use crate::mounting::Routes;
use crate::problem::Problem;
use crate::reply::Reply;

/// Which clients to count, and by what.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CountQuery {
    /// As [`FilterParam`] describes it.
    #[param(ignore)]
    filter: Option<String>,
    /// Words that must all be found in name, reference, numbers, address or town.
    #[param(max_length = 1000, example = "gent")]
    search: Option<String>,
    /// A saved view, among whose clients the other parameters choose.
    #[param(pattern = "^view_[0-9a-f]{32}$", example = "view_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")]
    view: Option<String>,
    /// The field whose values are counted: one whose values many clients share.
    // Whoever has not the right is told so first, whatever is missing.
    #[param(required = true, example = "fields.receive_software")]
    by: Option<String>,
}

/// Counts of a field's values.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ClientCounts, example = json!({ "by": "fields.ready", "total": 12,
    "items": [{ "value": true, "label": "ja", "count": 7 }, { "value": false, "label": "neen", "count": 2 }, { "value": null, "label": null, "count": 3 }] }))]
pub struct CountsOut {
    /// The field.
    by: String,
    /// The values that occur, the most frequent first; clients without one last.
    items: Vec<CountOut>,
    /// The clients that match. Less than all counts together where a client can have several values.
    total: usize,
}

/// A value and its number.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ClientCount, example = json!({ "value": "opt_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "label": "Odoo", "count": 7 }))]
pub struct CountOut {
    /// The value as a filter with `eq` or `one_of` takes it; null for clients without one.
    #[schema(value_type = Value)]
    value: Value,
    /// The value in the caller's language.
    label: Option<String>,
    /// Clients that have it.
    count: usize,
}

/// Count clients by value
///
/// Exact numbers of the clients that match, for each value of a field.
#[utoipa::path(operation_id = "count_clients", tag = "views", params(FilterParam, CountQuery), security(("bearer" = ["clients:read"])),
    responses((status = 200, description = "The counts.", body = CountsOut)))]
#[get("/client-counts")]
pub async fn count_clients(
    may: May<ClientsRead>,
    query: Query<CountQuery>,
    state: Data<State>,
) -> Result<Reply, Problem> {
    let language = may.language;
    may.read(move |conn, caller| {
        let CountQuery { filter, search, view, by } = query.into_inner();
        let by = by.ok_or_else(|| Error::invalid("/by", "missing"))?;
        let asked = Asked { filter: filter.as_deref(), search: search.as_deref(), sort: None, view: view.as_deref() };
        let asker = Asker::of(caller, state.db.clock().now());
        let listing = asked.listing(conn, &state.lists, &asker)?;
        let Counts { values, total } = state.lists.counts(conn, &asker, &listing, (&by, language))?;
        let out = |ValueCount { value, label, count }| CountOut { value, label, count };
        Reply::ok(&CountsOut { by, items: values.into_iter().map(out).collect(), total })
    })
    .await
}

/// Mounts the file's operations.
pub fn routes(routes: &mut Routes<'_, '_>) {
    routes.service(count_clients);
}
