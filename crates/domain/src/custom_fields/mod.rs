//! Custom fields of clients: categories, typed fields, options, and what a stored value means.
//!
//! The values themselves stand in the documents of the clients room and are written through its door. The category PEPPOL
//! with its five fields is delivered with every practice.

mod actions;
mod delivered;
mod kept;
mod model;
mod queries;
mod values;

pub use actions::establish_practice;
pub use kept::Catalogues;
pub use model::{Catalogue, Category, CategoryId, Field, FieldId, FieldKind, FieldOption, Labels, OptionId};
pub use queries::catalogue;
pub use values::{FieldValue, check_values, shown};
