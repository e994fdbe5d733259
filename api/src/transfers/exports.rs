//! Client lists out, as files for spreadsheets.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::web::{Data, Query};
use actix_web::{HttpResponse, get};
use klaar_domain::identity::Caller;
use klaar_domain::kernel::db::Conn;
use klaar_domain::transfers::{Export, Format, Look};
use klaar_domain::views::{Asker, saved};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::XLSX;
use super::downloads::Download;
use super::imports::WorkbookIn;
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
    /// The columns, with commas between them, as filters and orders name them, and `exemption` for an exemption as one column that
    /// an import takes. When not given those of the view; without a view all fields of the card, the registration and the
    /// practice.
    #[param(example = "name,enterprise_number,fields.ready")]
    columns: Option<String>,
    /// A saved view: its clients, among which the other parameters choose, in its order and with its columns unless others
    /// are given.
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
/// Values of fields that do not concern a client are left out. A server writes few exports at once: a further one waits a moment and then answers 503. A download
/// of which nothing is taken for a minute breaks off.
#[utoipa::path(operation_id = "export_clients", tag = "transfers", params(FilterParam, ExportQuery), security(("bearer" = ["exports:read"])),
    responses((status = 200, description = "The file.", content((String = "text/csv", example = "Naam;Ondernemingsnummer\r\nBakkerij Peeters;0403227515\r\n"),
        (WorkbookIn = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")))))]
#[get("/client-export")]
pub async fn export_clients(
    // The right is proved twice: before the caller waits for a place, and where the clients are read.
    first: May<ExportsRead>,
    may: May<ExportsRead>,
    state: Data<State>,
    query: Query<ExportQuery>,
) -> Result<HttpResponse, Problem> {
    let language = may.language;
    let problem = |error| Problem::in_language(error, language);
    first.read(|_, _| Ok(())).await?;
    let place = state.places.take().await.map_err(problem)?;
    let (format, kind, disposition) = query.format.unwrap_or_default().kind();
    let lists = state.clone();
    let begin = move |conn: &mut Conn, caller: &Caller| {
        let asker = Asker::of(caller, lists.db.clock().now());
        let view = query.asked().view(conn, &lists.lists, &asker)?;
        let columns = match (&query.columns, &view) {
            (None, Some(view)) => {
                let catalogue = lists.lists.catalogues().of(conn, &caller.practice)?;
                Some(saved::shown_columns(&view.content, &catalogue).join(","))
            }
            (columns, _) => columns.clone(),
        };
        let look = Look { format, columns: columns.as_deref(), language };
        let listing = query.asked().within(view.map(|view| view.listing()))?;
        Export::begin(conn, &lists.lists, &asker, &listing, &look)
    };
    let export = may.read(begin).await?;
    // What goes wrong before the first piece is there can still be said.
    let download = Download::begin(export, place, &state).await.map_err(problem)?;
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, kind))
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((CONTENT_DISPOSITION, disposition))
        .streaming(download.slices()))
}
