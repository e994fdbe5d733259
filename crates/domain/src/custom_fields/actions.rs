//! The verbs on custom fields.

use diesel::prelude::*;

use super::delivered::{self, DeliveredField};
use super::model::{CategoryId, FieldId, OptionId};
use crate::identity::{self, NewPractice, Practice};
use crate::kernel::JsonText;
use crate::kernel::actor::Actor;
use crate::kernel::audit::{self, Event};
use crate::kernel::db::Tx;
use crate::kernel::error::Result;
use crate::kernel::text;
use crate::on_each;
use crate::schema::{field_categories, field_options, fields};

#[derive(Insertable)]
#[diesel(table_name = field_options, treat_none_as_default_value = false)]
struct NewOption<'a> {
    id: OptionId,
    practice_id: crate::kernel::Uid,
    field_key: i64,
    label: &'a str,
    label_key: String,
    delivered: bool,
    position: i32,
}

/// Gives a new practice the delivered category PEPPOL with its five fields and the software lists.
///
/// # Errors
/// When the database refuses, or the practice has the category already.
fn deliver(tx: &mut Tx<'_>, practice: &Practice, actor: &Actor) -> Result<()> {
    let category = CategoryId::new();
    let now = tx.now();
    diesel::insert_into(field_categories::table)
        .values((
            field_categories::id.eq(category),
            field_categories::practice_id.eq(practice.id),
            field_categories::slug.eq(delivered::CATEGORY_SLUG),
            field_categories::names.eq(JsonText::of(&delivered::category_names())),
            field_categories::position.eq(1),
            field_categories::active.eq(true),
            field_categories::in_lists.eq(true),
            field_categories::revision.eq(1_i64),
            field_categories::created_at.eq(now),
        ))
        .execute(&mut **tx)?;
    for (field, position) in delivered::FIELDS.iter().zip(1..) {
        add_field(tx, practice, category, (field, position))?;
    }
    audit::record(tx, practice.uid(), actor, &Event::new("field_category.delivered", "system").on(category))?;
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
    let now = tx.now();
    let key = diesel::insert_into(fields::table)
        .values((
            fields::id.eq(FieldId::new()),
            fields::practice_id.eq(practice.id),
            fields::category_id.eq(category),
            fields::slug.eq(field.slug),
            fields::names.eq(JsonText::of(&field.names())),
            fields::kind.eq(field.kind.as_str()),
            fields::position.eq(position),
            fields::active.eq(true),
            fields::revision.eq(1_i64),
            fields::created_at.eq(now),
        ))
        .returning(fields::key)
        .get_result::<i64>(&mut **tx)?;
    if field.options.is_empty() {
        return Ok(());
    }
    let options: Vec<NewOption<'_>> = field
        .options
        .iter()
        .zip(1..)
        .map(|(label, position)| NewOption {
            id: OptionId::new(),
            practice_id: practice.uid(),
            field_key: key,
            label,
            label_key: text::fold(label),
            delivered: true,
            position,
        })
        .collect();
    on_each!(&mut **tx, c => diesel::insert_into(field_options::table).values(options).execute(c))?;
    Ok(())
}
