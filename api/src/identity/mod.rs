//! The practice, its members, sessions and API keys.

mod api_keys;
mod members;
mod practice;
mod sessions;

use utoipa_actix_web::service_config::ServiceConfig;

/// Mounts the room.
pub fn routes(config: &mut ServiceConfig<'_>) {
    practice::routes(config);
    members::routes(config);
    sessions::routes(config);
    api_keys::routes(config);
}
