//! Categories, fields and options of the client card, and the practice's own solution.

mod categories;
mod fields;
mod kind_changes;
mod options;
mod outs;
mod own_solution;

use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the room.
pub fn routes(config: &mut ServiceConfig<'_>) {
    categories::routes(config);
    fields::routes(config);
    options::routes(config);
    kind_changes::routes(config);
    own_solution::routes(config);
}
