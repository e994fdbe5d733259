//! Client lists out, as files for spreadsheets.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::web::{Bytes, Data, Query};
use actix_web::{HttpResponse, get};
use futures::stream::{self, Stream};
use klaar_domain::identity::Caller;
use klaar_domain::kernel::db::Conn;
use klaar_domain::kernel::error::Result;
use klaar_domain::transfers::Export;
use klaar_domain::views::Asker;
use serde::Deserialize;
use utoipa::IntoParams;

use super::off_thread;
use crate::State;
use crate::guards::{ExportsRead, May};
use crate::listing::{Asked, FilterParam};
use crate::problem::Problem;

/// Which clients to export, and in which order.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ExportQuery {
    /// As [`FilterParam`] describes it.
    #[param(ignore)]
    filter: Option<String>,
    /// Words that must all be found in name, reference, numbers, address or town; case and accents do not matter.
    #[param(pattern = r"^[^\x00]*$", max_length = 1000, example = "peeters gent")]
    search: Option<String>,
    /// The order, as for listing them; by name when not given.
    #[param(pattern = r"^[^\x00]*$", example = "name")]
    sort: Option<String>,
    /// A saved view: its clients, among which the other parameters choose, in its order unless another is given.
    #[param(pattern = "^view_[0-9a-f]{32}$", example = "view_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")]
    view: Option<String>,
}

impl ExportQuery {
    fn asked(&self) -> Asked<'_> {
        let Self { filter, search, sort, view } = self;
        Asked { filter: filter.as_deref(), search: search.as_deref(), sort: sort.as_deref(), view: view.as_deref() }
    }
}

/// Export clients
///
/// The clients that match as a CSV file for spreadsheets: UTF-8 with a byte order mark, semicolons, header names in the caller's language. Cells that a
/// spreadsheet would take for a formula begin with an apostrophe, which an import takes off again: an export can be imported as it is.
#[utoipa::path(operation_id = "export_clients", tag = "transfers", params(FilterParam, ExportQuery), security(("bearer" = ["exports:read"])),
    responses((status = 200, description = "The file.", body = String, content_type = "text/csv",
        example = "Naam;Ondernemingsnummer\r\nBakkerij Peeters;0403227515\r\n")))]
#[get("/client-export")]
pub async fn export_clients(
    may: May<ExportsRead>,
    state: Data<State>,
    query: Query<ExportQuery>,
) -> Result<HttpResponse, Problem> {
    let language = may.language;
    let lists = state.clone();
    let begin = move |conn: &mut Conn, caller: &Caller| {
        let asker = Asker::of(caller, lists.db.clock().now());
        let listing = query.asked().listing(conn, &lists.lists, &asker)?;
        Export::begin(conn, &lists.lists, &asker, &listing, language)
    };
    let export = may.read(begin).await?;
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/csv; charset=utf-8; header=present"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((CONTENT_DISPOSITION, "attachment; filename=\"clients.csv\""))
        .streaming(pieces(export, state)))
}

/// The pieces of an export, each read when the one before it has gone out.
fn pieces(export: Export, state: Data<State>) -> impl Stream<Item = Result<Bytes>> {
    stream::try_unfold((export, state), |(mut export, state)| async move {
        let db = state.db.clone();
        let (piece, export) =
            off_thread(move || db.read(|conn| export.next(conn)).map(|piece| (piece, export))).await?;
        Ok(piece.map(|piece| (Bytes::from(piece), (export, state))))
    })
}
