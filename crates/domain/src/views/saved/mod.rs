//! Views that a practice keeps: a filter, a search, an order and columns under a name, shared by all members or its owner's
//! own. The control views of the Peppol follow-up are delivered: the product's own content until the practice adapts it.

mod actions;
mod content;
mod delivered;
mod model;
mod queries;

pub use actions::{NewView, ViewChange, change_view, create_view, delete_view, restore_view};
pub(super) use content::check_names;
pub use content::{Standing, check_columns, shown_columns, standing};
pub use model::{Audience, Content, View, ViewId};
pub use queries::{broken_at, listing_of, usable_view, view, views};
