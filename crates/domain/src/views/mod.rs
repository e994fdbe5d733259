//! Which clients are meant: one typed filter tree over everything that is known of them, answered by one evaluator over
//! columns in memory, so that both databases give the same clients in the same order.
//!
//! Lists, selections, bulk edits and exports all ask here. Nothing is indexed by field, and no answer is kept: every list
//! reads the practice's version together with its page and catches up from the change log when it is behind.

mod cells;
mod columns;
mod completeness;
mod conditions;
mod counts;
mod criteria;
mod filter;
mod gaps;
mod kept;
mod list;
mod loaded;
mod operands;
mod order;
mod plan;
mod queries;
mod rows;
pub mod saved;
mod selections;
mod shown;
mod sorting;
mod subjects;
mod tables;
mod trees;

pub use cells::{Cell, TableRow};
pub use completeness::{Completeness, completeness, set_completeness};
pub use counts::{Counts, ValueCount};
pub use criteria::{Concern, Criteria, broken_criteria, check_criteria, refuse_unconcerned};
pub use filter::operators;
pub use gaps::{Gaps, Incomplete};
pub use kept::Usage;
pub use list::{Asker, Listed, Listing, Lists};
pub use operands::{Ground, zone_of};
pub use selections::{Chosen, MOST_NAMED, Selection};
pub use subjects::{FIXED, Kind, Subject};
pub use tables::{TableColumn, label};
