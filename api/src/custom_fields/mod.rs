//! Categories, fields and options of the client card, and the practice's own solution.

mod categories;
mod fields;
mod kind_changes;
mod options;
mod outs;
mod own_solution;

use crate::mounting::Routes;

/// Mounts the room.
pub fn routes(routes: &mut Routes<'_, '_>) {
    categories::routes(routes);
    fields::routes(routes);
    options::routes(routes);
    kind_changes::routes(routes);
    own_solution::routes(routes);
}
