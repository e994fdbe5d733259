//! Merging two options of a choice: the clients of the one get the other.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::cells::offered;
use super::given::in_order;
use super::model::{Catalogue, Field, FieldOption, OptionId};
use super::queries::{self, catalogue};
use super::{options, own_solution};
use crate::clients::ClientId;
use crate::clients::door::{self, Assigned};
use crate::identity::Practice;
use crate::kernel::actor::Actor;
use crate::kernel::audit::Event;
use crate::kernel::db::Tx;
use crate::kernel::error::{Error, FieldError, Result};

/// How many clients are named.
const NAMED: usize = 50;

/// What a merge moves, or would move.
#[derive(Debug, Clone)]
pub struct Merged {
    /// How many clients, archived ones too.
    pub clients: usize,
    /// The first of them.
    pub first: Vec<(ClientId, String)>,
}

/// Gives the clients that have the option the other one, and retires it; filters that name it mean the other from now on. With `dry_run` only says whom it would be.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Invalid`] on `/into` with `unknown_option`, `same_option`, `option_of_other_field` or
/// `retired_option`; [`Error::Conflict`] `archived_field` or `no_choice`.
pub fn merge_option(
    tx: &mut Tx<'_>,
    practice: &Practice,
    actor: &Actor,
    (id, into): (OptionId, &str),
    dry_run: bool,
) -> Result<Merged> {
    door::hold(tx, practice)?;
    let now = tx.now();
    let catalogue = catalogue(tx, practice)?;
    let (field, merged) = options::found(&catalogue, id)?;
    let into = target(&catalogue, (field, merged), into)?;
    let holdings = queries::holdings(tx, practice, field.key)?;
    let moved = holdings.iter().filter_map(|holding| Some((holding, after(field, &holding.value, (merged, into))?)));
    let (moved, values): (Vec<_>, Vec<Option<Value>>) = moved.unzip();
    let first = moved.iter().take(NAMED).map(|holding| (holding.client_id, holding.client_name.clone())).collect();
    let result = Merged { clients: moved.len(), first };
    if dry_run {
        return Ok(result);
    }
    let event = Event::new("field_option.merged", "api")
        .on(id)
        .before(&json!({ "field": field.slug, "label": merged.label }))
        .after(&json!({ "into": into.id, "label": into.label, "clients": result.clients }));
    let set = door::open_fields(tx, practice, actor, event)?;
    let clients: Vec<i64> = moved.iter().map(|holding| holding.client_key).collect();
    set.assign_values(tx, field.key, &clients, Assigned::Each(&values))?;
    let retired =
        FieldOption { retired_at: merged.retired_at.or(Some(now)), merged_into: Some(into.key), ..merged.clone() };
    options::write(tx, practice, &retired)?;
    own_solution::follow(tx, practice, (merged.key, into.key))?;
    Ok(result)
}

/// The option to merge into.
fn target<'a>(
    catalogue: &'a Catalogue,
    (field, merged): (&Field, &FieldOption),
    into: &str,
) -> Result<&'a FieldOption> {
    let found = into.parse().ok().and_then(|id| catalogue.option(id));
    let unknown = || Error::Invalid(vec![FieldError::new("/into", "unknown_option").with("values", offered(field))]);
    let (owner, option) = found.ok_or_else(unknown)?;
    if option.id == merged.id {
        return Err(Error::invalid("/into", "same_option"));
    }
    if owner.id != field.id {
        return Err(Error::invalid("/into", "option_of_other_field"));
    }
    if option.retired_at.is_some() {
        let fault = FieldError::new("/into", "retired_option").with("label", &option.label);
        return Err(Error::Invalid(vec![fault]));
    }
    Ok(option)
}

/// A value with the one option in place of the other; `None` when it has not the one.
fn after(field: &Field, value: &Value, (merged, into): (&FieldOption, &FieldOption)) -> Option<Option<Value>> {
    if let Some(keys) = value.as_array() {
        let mut keys: HashSet<i64> = keys.iter().filter_map(Value::as_i64).collect();
        keys.remove(&merged.key).then(|| {
            keys.insert(into.key);
            in_order(field, &keys)
        })
    } else {
        (value.as_i64() == Some(merged.key)).then(|| Some(into.key.into()))
    }
}
