//! What a new practice gets.

use super::categories;
use super::delivered::{self, DeliveredField};
use super::fields::{self, NewRow};
use super::model::{Category, CategoryId, FieldId};
use super::options::{self, NewOption};
use crate::identity::{self, NewPractice, Practice};
use crate::kernel::actor::Actor;
use crate::kernel::audit::{self, Event};
use crate::kernel::db::Tx;
use crate::kernel::error::Result;

/// Gives a new practice the delivered category PEPPOL with its five fields and the software lists.
///
/// # Errors
/// When the database refuses, or the practice has the category already.
fn deliver(tx: &mut Tx<'_>, practice: &Practice, actor: &Actor) -> Result<()> {
    let category = Category {
        id: CategoryId::new(),
        slug: delivered::CATEGORY_SLUG.to_owned(),
        names: delivered::category_names(),
        position: 1,
        active: true,
        in_lists: true,
        criteria: None,
        archived_at: None,
        revision: 1,
        created_at: tx.now(),
    };
    categories::insert(tx, practice, &category)?;
    for (field, position) in delivered::FIELDS.iter().zip(1..) {
        add_field(tx, practice, category.id, (field, position))?;
    }
    audit::record(tx, practice.uid(), actor, &Event::new("field_category.delivered", "system").on(category.id))?;
    Ok(())
}

/// Creates a practice together with what is delivered with it.
///
/// # Errors
/// As [`identity::create_practice`].
pub fn establish_practice(tx: &mut Tx<'_>, actor: &Actor, new: &NewPractice) -> Result<Practice> {
    let practice = identity::create_practice(tx, actor, new)?;
    deliver(tx, &practice, actor)?;
    Ok(practice)
}

fn add_field(
    tx: &mut Tx<'_>,
    practice: &Practice,
    category: CategoryId,
    (field, position): (&DeliveredField, i32),
) -> Result<()> {
    let row = NewRow {
        id: FieldId::new(),
        category,
        slug: field.slug.to_owned(),
        names: field.names(),
        kind: field.kind,
        position,
    };
    let key = fields::insert(tx, practice, &row)?;
    let list = field.options.iter().zip(1..).map(|(label, position)| NewOption::delivered(label, position));
    options::insert(tx, practice, key, &list.collect::<Vec<_>>())
}
