//! The practice, its members, sessions and API keys.

mod api_keys;
mod members;
pub mod pages;
mod practice;
mod sessions;

use crate::mounting::Routes;

/// Mounts the room.
pub fn routes(routes: &mut Routes<'_, '_>) {
    practice::routes(routes);
    members::routes(routes);
    sessions::routes(routes);
    api_keys::routes(routes);
}
