//! Client lists out, as files for spreadsheets.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::web::{Bytes, Data, Query};
use actix_web::{HttpResponse, get};
use futures::stream::{self, Stream};
use klaar_domain::clients;
use klaar_domain::kernel::clock::Instant;
use klaar_domain::kernel::error::{Error, Result};
use klaar_domain::transfers::Export;
use serde::Deserialize;
use utoipa::IntoParams;

use super::off_thread;
use crate::State;
use crate::clients::RegistrationQuery;
use crate::guards::{ExportsRead, May};
use crate::problem::Problem;

/// Which clients to export; conditions add up. The same as for listing them.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ExportQuery {
    /// Words that must all be found in name, reference, numbers, address or town; case and accents do not matter.
    #[param(pattern = r"^[^\x00]*$", example = "peeters gent")]
    search: Option<String>,
    /// The state of the registration.
    #[param(inline, example = "not_registered")]
    registration: Option<RegistrationQuery>,
    /// Seat id of the access point.
    #[param(pattern = r"^[^\x00]*$", example = "POP000123")]
    access_point: Option<String>,
    /// The network has given no answer since before this moment (RFC 3339).
    #[param(example = "2026-11-19T00:00:00Z", format = DateTime)]
    unknown_before: Option<String>,
    /// Identifier of the member who looks after the client.
    #[param(pattern = "^mem_[0-9a-f]{32}$", example = "mem_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")]
    responsible: Option<String>,
    /// The portfolio, exactly.
    #[param(pattern = r"^[^\x00]*$", example = "Horeca")]
    portfolio: Option<String>,
    /// The language.
    #[param(pattern = r"^[^\x00]*$", example = "nl")]
    language: Option<String>,
    /// The country, as ISO 3166-1 alpha-2.
    #[param(pattern = r"^[^\x00]*$", example = "BE")]
    country: Option<String>,
    /// The enterprise number is filled in, or is not.
    #[param(example = true)]
    has_enterprise_number: Option<bool>,
    /// The VAT number is filled in, or is not.
    #[param(example = true)]
    has_vat_number: Option<bool>,
    /// Liable to VAT.
    #[param(example = true)]
    vat_liable: Option<bool>,
    /// A public body.
    #[param(example = false)]
    government: Option<bool>,
    /// The archived clients instead of the active ones.
    #[param(example = false)]
    archived: Option<bool>,
}

impl ExportQuery {
    fn filter(self) -> Result<clients::Filter> {
        let unknown_before = self.unknown_before.as_deref().map(Instant::parse).transpose();
        let responsible = self.responsible.as_deref().map(str::parse).transpose();
        Ok(clients::Filter {
            archived: self.archived.unwrap_or(false),
            search: self.search,
            registration: self.registration.map(|state| state.as_str().to_owned()),
            access_point: self.access_point,
            unknown_before: unknown_before.map_err(|_| Error::invalid("/unknown_before", "malformed_instant"))?,
            responsible: responsible.map_err(|_| Error::invalid("/responsible", "unknown_member"))?,
            portfolio: self.portfolio,
            language: self.language,
            country: self.country,
            has_enterprise_number: self.has_enterprise_number,
            has_vat_number: self.has_vat_number,
            vat_liable: self.vat_liable,
            government: self.government,
        })
    }
}

/// Export clients
///
/// The clients that match as a CSV file for spreadsheets: UTF-8 with a byte order mark, semicolons, header names in the caller's language. Cells that a
/// spreadsheet would take for a formula begin with an apostrophe, which an import takes off again: an export can be imported as it is.
#[utoipa::path(operation_id = "export_clients", tag = "transfers", params(ExportQuery), security(("bearer" = ["exports:read"])),
    responses((status = 200, description = "The file.", body = String, content_type = "text/csv",
        example = "Naam;Ondernemingsnummer\r\nBakkerij Peeters;0403227515\r\n")))]
#[get("/client-export")]
pub async fn export_clients(
    may: May<ExportsRead>,
    state: Data<State>,
    query: Query<ExportQuery>,
) -> Result<HttpResponse, Problem> {
    let language = may.language;
    let export = may
        .read(move |conn, caller| Export::begin(conn, &caller.practice, query.into_inner().filter()?, language))
        .await?;
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
