//! Categories, fields and options of the client card, and the practice's own solution.

mod categories;
mod fields;
mod options;
mod outs;

use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the room.
pub fn routes(config: &mut ServiceConfig<'_>) {
    categories::routes(config);
    fields::routes(config);
    options::routes(config);
}
