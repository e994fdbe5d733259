//! A practice's clients: the card, the exemption from Peppol, its contacts, its relations
//! to other clients, the facts about its registration, the change log and its one door.
//!
//! Everything that a list can show is written through [`door`]: it raises the practice's version, writes the audit entry,
//! the changes with their old and new values, and the rows, in one transaction. Other rooms write their facts the same way.

mod actions;
mod card;
mod checks;
mod contacts;
pub mod countries;
pub mod door;
mod exemption;
mod fixed;
mod history;
mod holders;
mod lines;
mod model;
mod names;
mod notices;
mod provenance;
mod queries;
mod relations;

pub use actions::{CheckedValues, archive, change, check_changed, create, restore, surroundings};
pub use card::{Card, CardChange, CardDraft, ClientKind, Responsible};
pub use checks::{Surroundings, check};
pub use contacts::{
    Contact, ContactChange, ContactId, add_contact, change_contact, contact, contacts_of, contacts_of_all,
    remove_contact,
};
pub use exemption::{Exemption, ExemptionDraft, ExemptionReason, LOGGED_EXEMPTION};
pub use fixed::{CREATED, FIRST_CUSTOM_FIELD, FixedField};
pub use history::history;
pub use holders::{Sought, active_with, other_holder};
pub use lines::{BETWEEN_HALVES, LineColumn, Lines, columns_of, lines};
pub use model::*;
pub use names::{active, named_keys, names};
pub use notices::{NOTICE_ADDRESS, NOTICE_IS_CONTACT, NOTICE_REASON, Notice, active_notices, notices};
pub use provenance::{Origins, provenance};
pub use queries::{find, keys_of, with_keys};
pub use relations::{
    Relation, RelationId, RelationKind, add_relation, relation, relation_kinds_of_all, relations_of, remove_relation,
};
