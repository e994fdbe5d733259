//! What a filter and an order mean, written down a second time as plainly as possible, over clients' own documents.

use std::cmp::Ordering;
use std::collections::HashMap;

use klaar_domain::kernel::text::fold;
use serde_json::Value;

/// A client's document, its contacts, and who set its values.
pub struct Known {
    pub document: Value,
    pub contacts: Vec<Value>,
    pub setters: HashMap<String, String>,
    /// The place among all clients, the oldest first.
    pub place: usize,
}

/// What a field's values are.
#[derive(Clone, Copy, PartialEq)]
pub enum Sort {
    Text,
    Number,
    Flag,
    Option,
    Reference,
}

/// The texts, numbers and flags that stand at a field of a client; none when it is empty.
fn values(client: &Known, field: &str) -> Vec<Value> {
    if let Some(part) = field.strip_prefix("contacts.") {
        return client.contacts.iter().map(|contact| contact[part].clone()).filter(|value| !value.is_null()).collect();
    }
    let document = &client.document;
    let found = match field {
        "archived" => Value::from(!document["archived_at"].is_null()),
        "responsible" => document["responsible"]["name"].clone(),
        _ => field.split('.').fold(document.clone(), |value, part| value[part].clone()),
    };
    match found {
        Value::Null => Vec::new(),
        Value::Array(items) => items.into_iter().map(plain).collect(),
        value => vec![plain(value)],
    }
}

/// An option by its label, a member by its identifier.
fn plain(value: Value) -> Value {
    match &value {
        Value::Object(parts) => parts.get("label").or_else(|| parts.get("member_id")).cloned().unwrap_or(value),
        _ => value,
    }
}

fn text(value: &Value) -> String {
    fold(value.as_str().unwrap())
}

fn number(value: &Value) -> f64 {
    match value {
        Value::Number(number) => number.as_f64().unwrap(),
        Value::String(text) if text.len() == 10 && text.as_bytes()[4] == b'-' => {
            text.replace('-', "").parse::<f64>().unwrap()
        }
        Value::String(text) => text.parse().unwrap(),
        other => unreachable!("{other} is no number"),
    }
}

pub fn passes(client: &Known, filter: &Value) -> bool {
    if let Some(parts) = filter.get("and") {
        return parts.as_array().unwrap().iter().all(|part| passes(client, part));
    }
    if let Some(parts) = filter.get("or") {
        return parts.as_array().unwrap().iter().any(|part| passes(client, part));
    }
    if let Some(part) = filter.get("not") {
        return !passes(client, part);
    }
    let (field, op, wanted) = (filter["field"].as_str().unwrap(), filter["op"].as_str().unwrap(), &filter["value"]);
    let found = values(client, field);
    let same = |a: &Value, b: &Value| match (a, b) {
        (Value::String(a), Value::String(b)) => fold(a) == fold(b),
        _ => a == b || (a.is_number() && number(a) == number(b)),
    };
    let any = |wanted: &[Value]| found.iter().any(|value| wanted.iter().any(|one| same(value, one)));
    let listed = || wanted.as_array().unwrap().clone();
    let compare = |how: fn(f64, f64) -> bool| found.iter().any(|value| how(number(value), number(wanted)));
    match op {
        "filled" => !found.is_empty(),
        "empty" => found.is_empty(),
        "eq" if wanted.is_array() => {
            let wanted = listed();
            found.len() == wanted.len() && found.iter().all(|value| wanted.iter().any(|one| same(value, one)))
        }
        "eq" => any(std::slice::from_ref(wanted)),
        "ne" => !any(std::slice::from_ref(wanted)),
        "one_of" => any(&listed()),
        "none_of" => !any(&listed()),
        "has_all" => !found.is_empty() && listed().iter().all(|one| found.iter().any(|value| same(value, one))),
        "contains" => found.iter().any(|value| text(value).contains(&text(wanted))),
        "starts_with" => found.iter().any(|value| text(value).starts_with(&text(wanted))),
        "lt" => compare(|a, b| a < b),
        "lte" => compare(|a, b| a <= b),
        "gt" => compare(|a, b| a > b),
        "gte" => compare(|a, b| a >= b),
        "between" => found.iter().any(|value| {
            let limits = listed();
            (number(&limits[0])..=number(&limits[1])).contains(&number(value))
        }),
        "set_by" => {
            !found.is_empty() && client.setters.get(field).is_some_and(|setter| *setter == wanted.as_str().unwrap())
        }
        other => unreachable!("{other} is no operator"),
    }
}

/// The order of two clients by fields, each with its direction; `rank` says where options and members stand.
pub fn order(a: &Known, b: &Known, sort: &[(String, bool)], rank: &dyn Fn(&str, &Value) -> Option<Rank>) -> Ordering {
    for (field, descending) in sort {
        let place = |client: &Known| values(client, field).first().and_then(|value| rank(field, value));
        let ordering = match (place(a), place(b)) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(a), Some(b)) if *descending => b.partial_cmp(&a).unwrap(),
            (Some(a), Some(b)) => a.partial_cmp(&b).unwrap(),
        };
        if ordering != Ordering::Equal {
            return ordering;
        }
    }
    let by_age = a.place.cmp(&b.place);
    if sort.first().is_some_and(|(_, descending)| *descending) { by_age.reverse() } else { by_age }
}

/// What values are ordered by.
#[derive(PartialEq, PartialOrd)]
pub enum Rank {
    Number(f64),
    Text(String),
}

pub fn rank_of(sort: Sort, value: &Value, options: &[String], members: &HashMap<String, String>) -> Rank {
    match sort {
        Sort::Text => Rank::Text(text(value)),
        Sort::Number => Rank::Number(number(value)),
        Sort::Flag => Rank::Number(f64::from(u8::from(value.as_bool().unwrap()))),
        Sort::Option => {
            let at = options.iter().position(|label| fold(label) == text(value)).unwrap();
            Rank::Number(at as f64)
        }
        Sort::Reference => Rank::Text(fold(&members[value.as_str().unwrap()])),
    }
}
