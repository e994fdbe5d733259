//! What a practice looks at: saved views and their tables, counts, and what is not filled in.

mod completeness;
mod counts;
mod outs;
mod saved;
mod tables;

use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the room.
pub fn routes(config: &mut ServiceConfig<'_>) {
    tables::routes(config);
    saved::routes(config);
    counts::routes(config);
    completeness::routes(config);
}
