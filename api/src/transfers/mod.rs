//! Client lists in and out.

mod downloads;
mod exports;
mod imports;

use actix_web::web;
use klaar_domain::kernel::error::{Error, Result};

use crate::mounting::Routes;

pub use self::downloads::Places;

/// The kinds of files that lists come and go in.
const CSV: &str = "text/csv";
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// Runs blocking work where it holds up no other request.
pub(crate) async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    web::block(work).await.map_err(|_| Error::internal("the pool of blocking threads is gone"))?
}

/// Mounts the room.
pub fn routes(routes: &mut Routes<'_, '_>) {
    routes
        .service(imports::create_client_import)
        .service(imports::get_client_import)
        .service(imports::list_client_import_findings)
        .service(exports::export_clients);
}
