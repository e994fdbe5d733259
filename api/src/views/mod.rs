//! What a practice looks at: saved views and their tables, counts, and what is not filled in.

mod completeness;
mod counts;
mod outs;
mod saved;
mod tables;

use crate::mounting::Routes;

/// Mounts the room.
pub fn routes(routes: &mut Routes<'_, '_>) {
    tables::routes(routes);
    saved::routes(routes);
    counts::routes(routes);
    completeness::routes(routes);
}
