//! Custom fields of clients: categories, typed fields, options, and what a stored value means.
//!
//! The values themselves stand in the documents of the clients room and are written through its door. The category PEPPOL
//! with its five fields is delivered with every practice.

mod actions;
mod categories;
mod cells;
mod conversions;
mod delivered;
mod fields;
mod given;
mod kept;
mod kind_changes;
mod kinds;
mod merges;
mod model;
mod naming;
mod options;
mod own_solution;
mod queries;
mod values;

pub use actions::establish_practice;
pub use categories::{
    CategoryChange, NewCategory, archive_category, change_category, create_category, restore_category,
};
pub use cells::{Written, WrittenCell, WrittenField, import_refusal, joined, linked_id, offered, says_the_same};
pub use fields::{FieldChange, NewField, archive_field, change_field, create_field, restore_field};
pub use given::check_values;
pub use kept::Catalogues;
pub use kind_changes::{KindChange, KindChanged, Unconvertible, change_kind};
pub use kinds::FieldKind;
pub use merges::{Merged, merge_option};
pub use model::{
    Availability, Catalogue, Category, CategoryId, Field, FieldId, FieldOption, FormerKind, Labels, OptionId,
};
pub use naming::SaidNames;
pub(crate) use naming::{checked_names, set, slug_at};
pub use options::{OptionChange, add_option, change_option, refresh_options};
pub use own_solution::{OwnSolution, own_solution, set_own_solution};
pub use queries::catalogue;
pub use values::{
    FieldValue, Names, StoredValues, amount, readable, readable_logged, readable_of_log, readable_stored, shown,
    shown_stored, stored_of_log,
};
