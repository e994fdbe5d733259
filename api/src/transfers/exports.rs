//! Client lists out, as files for spreadsheets.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::web::{Bytes, Data, Query};
use actix_web::{HttpResponse, get};
use futures::stream::{self, Stream, StreamExt as _};
use klaar_domain::identity::Caller;
use klaar_domain::kernel::db::Conn;
use klaar_domain::kernel::error::Result;
use klaar_domain::transfers::{Export, Format, Look};
use klaar_domain::views::Asker;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::imports::WorkbookIn;
use super::{XLSX, off_thread};
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
    #[param(max_length = 1000, example = "peeters gent")]
    search: Option<String>,
    /// The order, as for listing them; by name when not given.
    #[param(example = "name")]
    sort: Option<String>,
    /// The kind of file; CSV when not given.
    #[param(inline, example = "xlsx")]
    format: Option<FormatQuery>,
    /// The columns, with commas between them: fields of the card, `registration.state`, `registration.cause`,
    /// `registration.access_point.seat_id`, `registration.access_point.name`, `registration.checked_at`,
    /// `registration.unknown_since`, `created_at`, `updated_at`, `archived_at`, or `fields.` and the slug of a custom field.
    /// All fields of the card, the registration and the practice when not given, also with a view: give its `columns` here to
    /// have those.
    #[param(example = "name,enterprise_number,fields.ready")]
    columns: Option<String>,
    /// A saved view: its clients, among which the other parameters choose, in its order unless another is given.
    #[param(pattern = "^view_[0-9a-f]{32}$", example = "view_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")]
    view: Option<String>,
}

impl ExportQuery {
    fn asked(&self) -> Asked<'_> {
        let Self { filter, search, sort, view, format: _, columns: _ } = self;
        Asked { filter: filter.as_deref(), search: search.as_deref(), sort: sort.as_deref(), view: view.as_deref() }
    }
}

/// The kind of file.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FormatQuery {
    /// Text with semicolons.
    #[default]
    Csv,
    /// A workbook.
    Xlsx,
}

impl FormatQuery {
    fn kind(self) -> (Format, &'static str, &'static str) {
        match self {
            Self::Csv => {
                (Format::Csv, "text/csv; charset=utf-8; header=present", "attachment; filename=\"clients.csv\"")
            }
            Self::Xlsx => (Format::Xlsx, XLSX, "attachment; filename=\"clients.xlsx\""),
        }
    }
}

/// Export clients
///
/// The clients that match as a file for spreadsheets, header names in the caller's language; it can be imported as it is. CSV is UTF-8 with a byte order mark
/// and semicolons, and cells that a spreadsheet would take for a formula begin with an apostrophe, which an import takes off again. XLSX is a workbook with one
/// sheet, days and numbers as such and everything else as text. A custom field whose name means something else, too, stands under `fields.` and its slug.
#[utoipa::path(operation_id = "export_clients", tag = "transfers", params(FilterParam, ExportQuery), security(("bearer" = ["exports:read"])),
    responses((status = 200, description = "The file.", content((String = "text/csv", example = "Naam;Ondernemingsnummer\r\nBakkerij Peeters;0403227515\r\n"),
        (WorkbookIn = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")))))]
#[get("/client-export")]
pub async fn export_clients(
    may: May<ExportsRead>,
    state: Data<State>,
    query: Query<ExportQuery>,
) -> Result<HttpResponse, Problem> {
    let language = may.language;
    let (format, kind, disposition) = query.format.unwrap_or_default().kind();
    let lists = state.clone();
    let begin = move |conn: &mut Conn, caller: &Caller| {
        let asker = Asker::of(caller, lists.db.clock().now());
        let look = Look { format, columns: query.columns.as_deref(), language };
        let listing = query.asked().listing(conn, &lists.lists, &asker)?;
        Export::begin(conn, &lists.lists, &asker, &listing, &look)
    };
    let export = may.read(begin).await?;
    // What goes wrong before the first piece is there can still be said.
    let (first, export) = piece(export, &state).await.map_err(|error| Problem::in_language(error, language))?;
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, kind))
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((CONTENT_DISPOSITION, disposition))
        .streaming(stream::iter(first.map(Ok)).chain(pieces(export, state))))
}

async fn piece(mut export: Export, state: &Data<State>) -> Result<(Option<Bytes>, Export)> {
    let db = state.db.clone();
    let (piece, export) = off_thread(move || export.next(&db).map(|piece| (piece, export))).await?;
    Ok((piece.map(Bytes::from), export))
}

/// The pieces of an export, each read when the one before it has gone out.
fn pieces(export: Export, state: Data<State>) -> impl Stream<Item = Result<Bytes>> {
    stream::try_unfold((export, state), |(export, state)| async move {
        let (piece, export) = piece(export, &state).await?;
        Ok(piece.map(|piece| (piece, (export, state))))
    })
}
