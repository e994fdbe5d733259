//! What a stored value means, and how a given one is checked before it is stored.

use std::collections::BTreeMap;

use serde_json::Value;

use super::model::{Catalogue, Field, FieldKind, FieldOption};
use crate::clients::{CheckedValues, Client, ValueKey};
use crate::kernel::error::{FieldError, Result};
use crate::kernel::{error::Error, text};

const LONGEST_TEXT: usize = 300;
const LONGEST_LONG_TEXT: usize = 10_000;

/// A value as it is shown.
#[derive(Debug, Clone, Copy)]
pub enum FieldValue<'a> {
    /// The name of an access point.
    AccessPoint(&'a str),
    /// Text, a number, yes or no, a day as `YYYY-MM-DD`.
    Plain(&'a Value),
    /// An option.
    Option(&'a FieldOption),
}

/// The client's value of `field`, if it has one. The access point comes from the registration facts.
#[must_use]
pub fn shown<'a>(client: &'a Client, field: &'a Field) -> Option<FieldValue<'a>> {
    if field.kind == FieldKind::AccessPoint {
        let facts = &client.facts;
        let registered = matches!(facts.state.as_deref(), Some("registered" | "cannot_receive" | "unknown"));
        return facts.name.as_ref().or(facts.seat.as_ref()).filter(|_| registered).map(|n| FieldValue::AccessPoint(n));
    }
    let stored = client.values.get(&ValueKey(field.key))?;
    if field.kind != FieldKind::Choice {
        return Some(FieldValue::Plain(stored));
    }
    let key = stored.as_i64()?;
    field.options.iter().find(|option| option.key == key).map(FieldValue::Option)
}

/// Checks values given by slug (`null` clears) and turns them into what is stored.
///
/// # Errors
/// [`Error::Invalid`] with an entry under `/fields/<slug>` for each wrong one: `unknown_field`, `system_owned`, `wrong_type`,
/// `unknown_option`, `retired_option`, `too_long`, `malformed_date`.
pub fn check_values(catalogue: &Catalogue, given: &BTreeMap<String, Value>) -> Result<CheckedValues> {
    let mut checked = CheckedValues::with_capacity(given.len());
    let mut wrong = Vec::new();
    for (slug, value) in given {
        let pointer = format!("/fields/{slug}");
        match catalogue.by_slug(slug).filter(|field| field.active) {
            None => wrong.push(FieldError::new(pointer, "unknown_field")),
            Some(field) if field.kind.is_system_owned() => wrong.push(FieldError::new(pointer, "system_owned")),
            Some(field) if value.is_null() => checked.push((field.key, None)),
            Some(field) => match check_value(field, value, &pointer) {
                Ok(stored) => checked.push((field.key, stored)),
                Err(error) => wrong.push(error),
            },
        }
    }
    if wrong.is_empty() { Ok(checked) } else { Err(Error::Invalid(wrong)) }
}

/// The stored form of one value; `None` when a text is blank.
fn check_value(field: &Field, value: &Value, pointer: &str) -> std::result::Result<Option<Value>, FieldError> {
    let wrong_type = |wanted: &str| FieldError::new(pointer, "wrong_type").with("wanted", wanted);
    match field.kind {
        FieldKind::Text => check_text(value, (pointer, LONGEST_TEXT)),
        FieldKind::LongText => check_text(value, (pointer, LONGEST_LONG_TEXT)),
        FieldKind::Number => match value.as_f64() {
            Some(number) if number.is_finite() => Ok(Some(value.clone())),
            _ => Err(wrong_type("number")),
        },
        FieldKind::YesNo => value.as_bool().map(|_| Some(value.clone())).ok_or_else(|| wrong_type("true, false")),
        FieldKind::Date => match value.as_str() {
            Some(day) if day.len() == 10 && day.parse::<jiff::civil::Date>().is_ok() => Ok(Some(value.clone())),
            Some(_) => Err(FieldError::new(pointer, "malformed_date")),
            None => Err(wrong_type("YYYY-MM-DD")),
        },
        FieldKind::Choice => check_option(field, value, pointer),
        FieldKind::AccessPoint => Err(FieldError::new(pointer, "system_owned")),
    }
}

fn check_text(value: &Value, (pointer, max): (&str, usize)) -> std::result::Result<Option<Value>, FieldError> {
    let Some(given) = value.as_str() else {
        return Err(FieldError::new(pointer, "wrong_type").with("wanted", "text"));
    };
    if given.chars().count() > max {
        return Err(FieldError::new(pointer, "too_long").with("max", max));
    }
    if given.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err(FieldError::new(pointer, "control_characters"));
    }
    Ok(text::filled(given).map(|filled| Value::String(filled.to_owned())))
}

/// An option is given by its identifier or by its label in any case.
fn check_option(field: &Field, value: &Value, pointer: &str) -> std::result::Result<Option<Value>, FieldError> {
    let Some(given) = value.as_str() else {
        return Err(FieldError::new(pointer, "wrong_type").with("wanted", "opt_…"));
    };
    let folded = text::fold(given);
    let found =
        field.options.iter().find(|option| option.id.to_string() == given || text::fold(&option.label) == folded);
    match found {
        None => Err(FieldError::new(pointer, "unknown_option")),
        Some(option) if option.retired_at.is_some() => {
            Err(FieldError::new(pointer, "retired_option").with("label", &option.label))
        }
        Some(option) => Ok(Some(option.key.into())),
    }
}
