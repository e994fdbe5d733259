//! How a given value is checked before it is stored.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Value, json};

use super::cells::offered;
use super::kinds::FieldKind;
use super::model::{Availability, Catalogue, Field, FieldOption, MOST_OPTIONS};
use super::values;
use crate::clients::{self, CheckedValues, ClientId, Surroundings, ValueKey, Values};
use crate::identity::Practice;
use crate::kernel::db::Conn;
use crate::kernel::error::{Error, FieldError, Result};
use crate::kernel::{readings, text};

pub(super) const LONGEST_TEXT: usize = 300;
pub(super) const LONGEST_LONG_TEXT: usize = 10_000;
const LONGEST_LINK: usize = 2_000;
pub(super) const LONGEST_DOCUMENT_NAME: usize = 200;
/// The largest number, up and down.
const MOST_NUMBER: f64 = 1e15;
/// The largest amount, up and down, in cents.
const MOST_CENTS: i64 = 100_000_000_000_000;

/// A checked value as it is stored; `None` when nothing is left of it.
pub(super) type Checked = std::result::Result<Option<Value>, FieldError>;

/// Whom the given values may mean: read once, and only what they ask for.
struct Around {
    members: Option<Surroundings>,
    clients: HashSet<ClientId>,
}

impl Around {
    fn of(conn: &mut Conn, practice: &Practice, given: &[(&Field, &Value)]) -> Result<Self> {
        let asks = |kind| given.iter().any(|(field, _)| field.kind == kind);
        let members = if asks(FieldKind::Member) { Some(clients::surroundings(conn, practice)?) } else { None };
        let of_clients = given.iter().filter(|(field, _)| field.kind == FieldKind::Client);
        let sought: Vec<ClientId> = of_clients.filter_map(|(_, value)| value.as_str()?.parse().ok()).collect();
        let found = if sought.is_empty() { Vec::new() } else { clients::names(conn, practice, &sought)? };
        Ok(Self { members, clients: found.into_iter().map(|(id, _)| id).collect() })
    }
}

/// Checks values given by slug (`null` clears) and turns them into what is stored. A client that has one of the values in
/// `before` may keep it, even when it is not offered any more.
///
/// # Errors
/// [`Error::Invalid`] with an entry under `/fields/<slug>` for each wrong one: `unknown_field`, `archived_field`,
/// `system_owned`, `wrong_type`, `unknown_option`, `retired_option`, `too_long`, `too_many`, `malformed_date`,
/// `impossible_date`, `malformed_amount`, `malformed_link`, `missing`, `out_of_range`, `unknown_member`,
/// `not_a_client`, `control_characters`.
pub fn check_values(
    conn: &mut Conn,
    practice: &Practice,
    catalogue: &Catalogue,
    given: &BTreeMap<String, Value>,
    before: &Values,
) -> Result<CheckedValues> {
    let mut checked = CheckedValues::with_capacity(given.len());
    let mut wrong = Vec::new();
    let named = given.iter().filter_map(|(slug, value)| Some((catalogue.by_slug(slug)?, value)));
    let around = Around::of(conn, practice, &named.collect::<Vec<_>>())?;
    for (slug, value) in given {
        let pointer = format!("/fields/{}", slug.replace('~', "~0").replace('/', "~1"));
        let found = settable(catalogue, slug, &pointer);
        let stored = found.and_then(|field| {
            let had = before.get(&ValueKey(field.key));
            let stored = if value.is_null() { None } else { check_value(field, value, &pointer, (had, &around))? };
            Ok((field.key, stored))
        });
        match stored {
            Ok(stored) => checked.push(stored),
            Err(error) => wrong.push(error),
        }
    }
    if wrong.is_empty() { Ok(checked) } else { Err(Error::Invalid(wrong)) }
}

fn settable<'a>(catalogue: &'a Catalogue, slug: &str, pointer: &str) -> std::result::Result<&'a Field, FieldError> {
    let field = catalogue.by_slug(slug).ok_or_else(|| FieldError::new(pointer, "unknown_field"))?;
    match field.availability {
        Availability::SwitchedOff => Err(FieldError::new(pointer, "unknown_field")),
        Availability::Archived => Err(FieldError::new(pointer, "archived_field")),
        Availability::Usable if field.kind.is_system_owned() => Err(FieldError::new(pointer, "system_owned")),
        Availability::Usable => Ok(field),
    }
}

fn check_value(field: &Field, value: &Value, pointer: &str, (had, around): (Option<&Value>, &Around)) -> Checked {
    match field.kind {
        FieldKind::Text => check_text(value, (pointer, LONGEST_TEXT)),
        FieldKind::LongText => check_text(value, (pointer, LONGEST_LONG_TEXT)),
        FieldKind::Number => check_number(value, pointer),
        FieldKind::Amount => check_amount(value, pointer),
        FieldKind::YesNo => {
            value.as_bool().map(|_| Some(value.clone())).ok_or_else(|| wrong_type(pointer, "true, false"))
        }
        FieldKind::Date => check_date(value, pointer),
        FieldKind::Choice => check_option(field, value, pointer, &keys_in(had)).map(|option| Some(option.key.into())),
        FieldKind::MultiChoice => check_options(field, value, pointer, &keys_in(had)),
        FieldKind::Member => {
            let typed = value.as_str().ok_or_else(|| wrong_type(pointer, "mem_…"))?;
            let Some(typed) = text::filled(typed) else { return Ok(None) };
            let meant = around.members.as_ref().and_then(|around| around.member_meant(typed));
            let keeps = had.and_then(Value::as_str) == Some(typed);
            match meant.map(|member| member.id.to_string()).or_else(|| keeps.then(|| typed.to_owned())) {
                Some(id) => Ok(Some(Value::String(id))),
                None => Err(FieldError::new(pointer, "unknown_member")),
            }
        }
        FieldKind::Client => {
            let typed = value.as_str().ok_or_else(|| wrong_type(pointer, "cli_…"))?;
            let Some(typed) = text::filled(typed) else { return Ok(None) };
            let known = typed.parse().is_ok_and(|id: ClientId| around.clients.contains(&id));
            known.then(|| Some(Value::String(typed.to_owned()))).ok_or_else(|| FieldError::new(pointer, "not_a_client"))
        }
        FieldKind::Link => check_link(value, pointer),
        FieldKind::Document => check_document(value, pointer),
        FieldKind::AccessPoint => Err(FieldError::new(pointer, "system_owned")),
    }
}

fn wrong_type(pointer: &str, wanted: &str) -> FieldError {
    FieldError::new(pointer, "wrong_type").with("wanted", wanted)
}

/// The options that a client has already.
pub(super) fn keys_in(had: Option<&Value>) -> Vec<i64> {
    match had {
        Some(Value::Array(keys)) => keys.iter().filter_map(Value::as_i64).collect(),
        Some(one) => one.as_i64().into_iter().collect(),
        None => Vec::new(),
    }
}

pub(super) fn check_text(value: &Value, (pointer, max): (&str, usize)) -> Checked {
    let given = value.as_str().ok_or_else(|| wrong_type(pointer, "text"))?;
    if given.chars().count() > max {
        return Err(FieldError::new(pointer, "too_long").with("max", max));
    }
    if given.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err(FieldError::new(pointer, "control_characters"));
    }
    Ok(text::filled(given).map(|filled| Value::String(filled.to_owned())))
}

/// A number; a whole one is stored without decimals, so that one number is always stored alike.
pub(super) fn check_number(value: &Value, pointer: &str) -> Checked {
    match value.as_f64() {
        Some(number) if number.is_finite() && number.abs() <= MOST_NUMBER => Ok(Some(values::number(number))),
        Some(_) => Err(FieldError::new(pointer, "out_of_range").with("min", -MOST_NUMBER).with("max", MOST_NUMBER)),
        None => Err(wrong_type(pointer, "number")),
    }
}

/// An amount as text or number, a point before its decimals; stored in cents.
pub(super) fn check_amount(value: &Value, pointer: &str) -> Checked {
    let typed = match value {
        Value::String(typed) => match text::filled(typed) {
            Some(typed) => typed.to_owned(),
            None => return Ok(None),
        },
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            return Err(wrong_type(pointer, "1250.00"));
        }
    };
    let cents = cents(&typed).ok_or_else(|| FieldError::new(pointer, "malformed_amount"))?;
    match cents {
        Some(cents) if cents.abs() <= MOST_CENTS => Ok(Some(cents.into())),
        _ => Err(FieldError::new(pointer, "out_of_range")
            .with("min", super::values::amount(-MOST_CENTS))
            .with("max", super::values::amount(MOST_CENTS))),
    }
}

/// Digits with at most two decimals as cents: `None` when it is something else, `Some(None)` when there are too many.
fn cents(typed: &str) -> Option<Option<i64>> {
    let (is_negative, digits) = match typed.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, typed),
    };
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    // JSON has one kind of number: a whole one may come as 1250.0.
    if !is_digits(whole) || !is_digits(decimals) || decimals.len() > 2 {
        return None;
    }
    let cents = format!("{whole}{decimals:0<2}").parse::<i64>().ok();
    Some(cents.map(|cents| if is_negative { -cents } else { cents }))
}

pub(super) fn check_date(value: &Value, pointer: &str) -> Checked {
    let day = value.as_str().ok_or_else(|| wrong_type(pointer, "YYYY-MM-DD"))?;
    match readings::is_day(day) {
        Some(true) => Ok(Some(value.clone())),
        Some(false) => Err(FieldError::new(pointer, "impossible_date")),
        None => Err(FieldError::new(pointer, "malformed_date")),
    }
}

/// An option is given by its identifier or by its label in any language and any case.
fn check_option<'a>(
    field: &'a Field,
    value: &Value,
    pointer: &str,
    had: &[i64],
) -> std::result::Result<&'a FieldOption, FieldError> {
    let given = value.as_str().ok_or_else(|| wrong_type(pointer, "\"opt_…\", \"label\""))?;
    match field.option_meant(given) {
        None => Err(FieldError::new(pointer, "unknown_option").with("values", offered(field))),
        Some(option) if option.retired_at.is_some() && !had.contains(&option.key) => {
            Err(FieldError::new(pointer, "retired_option").with("label", &option.label))
        }
        Some(option) => Ok(option),
    }
}

fn check_options(field: &Field, value: &Value, pointer: &str, had: &[i64]) -> Checked {
    let given = value.as_array().ok_or_else(|| wrong_type(pointer, "[\"opt_…\", \"label\"]"))?;
    if given.len() > MOST_OPTIONS {
        return Err(FieldError::new(pointer, "too_many").with("max", MOST_OPTIONS));
    }
    let mut keys = HashSet::with_capacity(given.len());
    for (at, value) in given.iter().enumerate() {
        keys.insert(check_option(field, value, &format!("{pointer}/{at}"), had)?.key);
    }
    Ok(in_order(field, &keys))
}

/// Options as they are stored: each once, in the field's order; `None` for none.
pub(super) fn in_order(field: &Field, keys: &HashSet<i64>) -> Option<Value> {
    let ordered: Vec<i64> = field.options.iter().map(|option| option.key).filter(|key| keys.contains(key)).collect();
    (!ordered.is_empty()).then(|| json!(ordered))
}

pub(super) fn check_link(value: &Value, pointer: &str) -> Checked {
    let given = value.as_str().ok_or_else(|| wrong_type(pointer, "https://…"))?;
    let Some(typed) = text::filled(given) else { return Ok(None) };
    if typed.chars().count() > LONGEST_LINK {
        return Err(FieldError::new(pointer, "too_long").with("max", LONGEST_LINK));
    }
    // The parser would leave out line breaks and blanks without a word.
    let is_whole = !typed.chars().any(|c| c.is_control() || c.is_whitespace());
    let parsed = url::Url::parse(typed).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    match parsed {
        Some(url) if is_whole && url.has_host() => Ok(Some(Value::String(typed.to_owned()))),
        _ => Err(FieldError::new(pointer, "malformed_link")),
    }
}

fn check_document(value: &Value, pointer: &str) -> Checked {
    let wanted = || wrong_type(pointer, r#"{"name": …, "url": …}"#);
    let given = value.as_object().ok_or_else(wanted)?;
    if given.keys().any(|key| key != "name" && key != "url") {
        return Err(wanted());
    }
    let (of_name, of_url) = (format!("{pointer}/name"), format!("{pointer}/url"));
    let missing = |pointer: &str| FieldError::new(pointer, "missing");
    let name = given.get("name").ok_or_else(|| missing(&of_name))?;
    let url = given.get("url").ok_or_else(|| missing(&of_url))?;
    let name = check_text(name, (&of_name, LONGEST_DOCUMENT_NAME))?.ok_or_else(|| missing(&of_name))?;
    if name.as_str().is_some_and(|name| name.chars().any(char::is_control)) {
        return Err(FieldError::new(of_name, "control_characters"));
    }
    let url = check_link(url, &of_url)?.ok_or_else(|| missing(&of_url))?;
    Ok(Some(json!({ "name": name, "url": url })))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(check: fn(&Value, &str) -> Checked, value: Value) -> std::result::Result<Value, &'static str> {
        check(&value, "/fields/x").map(Option::unwrap_or_default).map_err(|error| error.code)
    }

    #[test]
    fn amounts_are_taken_as_text_or_number_and_kept_in_cents() {
        for (value, cents) in [
            (json!("1250.00"), 125_000_i64),
            (json!("1250.5"), 125_050),
            (json!(" -0.05 "), -5),
            (json!(1250), 125_000),
            (json!(1250.0), 125_000),
            (json!(0.1), 10),
            (json!("1000000000000"), 100_000_000_000_000_i64),
        ] {
            assert_eq!(stored(check_amount, value.clone()), Ok(json!(cents)), "{value}");
        }
        for value in [json!("1250,00"), json!("1.234"), json!(0.001), json!("1e3"), json!("."), json!("1."), json!("٣")]
        {
            assert_eq!(stored(check_amount, value.clone()), Err("malformed_amount"), "{value}");
        }
        for value in [json!("1000000000000.01"), json!("99999999999999999999999"), json!(-2e12)] {
            assert_eq!(stored(check_amount, value.clone()), Err("out_of_range"), "{value}");
        }
        assert_eq!(stored(check_amount, json!(true)), Err("wrong_type"));
        assert_eq!(stored(check_amount, json!(" ")), Ok(Value::Null));
    }

    #[test]
    fn numbers_stay_within_what_a_double_can_hold_exactly() {
        assert_eq!(stored(check_number, json!(12.5)), Ok(json!(12.5)));
        assert_eq!(stored(check_number, json!(2.0)), Ok(json!(2)));
        assert_eq!(stored(check_number, json!(-0.0)), Ok(json!(0)));
        assert_eq!(stored(check_number, json!(1_000_000_000_000_001_u64)), Err("out_of_range"));
        assert_eq!(stored(check_number, json!("12")), Err("wrong_type"));
    }

    #[test]
    fn links_are_whole_addresses_of_the_web() {
        for link in ["https://example.be", "http://example.be/a?b=c#d", "https://münchen.example/"] {
            assert_eq!(stored(check_link, json!(link)), Ok(json!(link)));
        }
        for link in ["example.be", "ftp://example.be", "javascript:alert(1)", "https://", "https://a b", "https://a\nb"]
        {
            assert_eq!(stored(check_link, json!(link)), Err("malformed_link"), "{link}");
        }
        assert_eq!(stored(check_link, json!(format!("https://a.be/{}", "x".repeat(2_000)))), Err("too_long"));
    }

    #[test]
    fn a_document_has_a_name_and_an_address_and_nothing_else() {
        let good = json!({ "name": "Mandaat", "url": "https://dms.example/1" });
        assert_eq!(stored(check_document, good.clone()), Ok(good));
        let found = |value: Value| check_document(&value, "").map_err(|error| (error.pointer, error.code)).unwrap_err();
        assert_eq!(found(json!({ "name": "x" })), ("/url".to_owned(), "missing"));
        assert_eq!(found(json!({ "name": " ", "url": "https://a.be" })), ("/name".to_owned(), "missing"));
        assert_eq!(found(json!({ "name": "x", "url": "a" })), ("/url".to_owned(), "malformed_link"));
        assert_eq!(found(json!({ "name": "x", "url": "https://a.be", "size": 1 })).1, "wrong_type");
        assert_eq!(found(json!({ "name": "x\ny", "url": "https://a.be" })).1, "control_characters");
        assert_eq!(found(json!({ "name": "x".repeat(201), "url": "https://a.be" })).1, "too_long");
        assert_eq!(found(json!("https://a.be")).1, "wrong_type");
    }
}
