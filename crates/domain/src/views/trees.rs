//! Filter trees as they are kept: each condition in turn, options by identifier, and one spelling for what means the same.

use serde_json::{Map, Value, json};

use super::filter::DEEPEST;
use super::subjects::{Kind, Subject};
use crate::custom_fields::{Catalogue, Field};

/// Gives each condition of a tree to `each`, with its pointer. What is no tree is left out.
pub fn visit(tree: &mut Value, pointer: &str, each: &mut dyn FnMut(&mut Map<String, Value>, &str)) {
    visit_at(tree, (pointer, 0), each);
}

fn visit_at(tree: &mut Value, (pointer, depth): (&str, usize), each: &mut dyn FnMut(&mut Map<String, Value>, &str)) {
    let Some(parts) = tree.as_object_mut().filter(|_| depth <= DEEPEST) else { return };
    if parts.contains_key("field") {
        return each(parts, pointer);
    }
    for name in ["and", "or"] {
        for (at, part) in parts.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten().enumerate() {
            visit_at(part, (&format!("{pointer}/{name}/{at}"), depth + 1), each);
        }
    }
    if let Some(part) = parts.get_mut("not") {
        visit_at(part, (&format!("{pointer}/not"), depth + 1), each);
    }
}

/// Names the options of a tree by their identifiers, so that it means the same after one is renamed.
pub fn fix_options(tree: &mut Value, catalogue: &Catalogue) {
    visit(tree, "", &mut |condition, _| {
        let name = condition.get("field").and_then(Value::as_str).unwrap_or_default();
        let subject = Subject::named(name, catalogue).filter(|s| matches!(s.kind, Kind::Choice | Kind::Choices));
        // Who set a value is no option.
        let is_option = condition.get("op").and_then(Value::as_str).is_some_and(|op| !op.starts_with("set_"));
        let Some(field) = subject.and_then(|subject| subject.field).filter(|_| is_option) else { return };
        if let Some(value) = condition.get_mut("value") {
            fix_option(value, field);
        }
    });
}

fn fix_option(value: &mut Value, field: &Field) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| fix_option(value, field)),
        Value::String(typed) => {
            if let Some(option) = field.option_meant(typed) {
                *typed = option.id.to_string();
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {}
    }
}

/// A tree in the one form that all trees have that differ only in the order of their parts, in brackets around a single
/// part, or in the spelling of numbers; `None` for one that everybody passes because it asks nothing.
///
/// A double negation stays: two people may write the same question in ways that only logic tells apart.
pub fn canonical(tree: &Value) -> Option<Value> {
    let tree = ordered(tree);
    (tree != json!({ "and": [] })).then_some(tree)
}

fn ordered(tree: &Value) -> Value {
    let Some(parts) = tree.as_object() else { return tree.clone() };
    for name in ["and", "or"] {
        if let Some(items) = parts.get(name).and_then(Value::as_array).filter(|_| !parts.contains_key("field")) {
            let mut items: Vec<Value> = items.iter().map(ordered).collect();
            items.sort_by_cached_key(Value::to_string);
            items.dedup();
            return match items.as_mut_slice() {
                [one] => one.take(),
                _ => json!({ name: items }),
            };
        }
    }
    if let Some(part) = parts.get("not").filter(|_| !parts.contains_key("field")) {
        return json!({ "not": ordered(part) });
    }
    let is_set =
        parts.get("op").and_then(Value::as_str).is_some_and(|op| matches!(op, "one_of" | "none_of" | "has_all"));
    let mut condition = parts.clone();
    match condition.get_mut("value") {
        Some(Value::Array(values)) => {
            values.iter_mut().for_each(plain_number);
            if is_set {
                values.sort_by_cached_key(Value::to_string);
                values.dedup();
            }
        }
        Some(Value::Null) => {
            condition.remove("value");
        }
        Some(value) => plain_number(value),
        None => {}
    }
    Value::Object(condition)
}

/// JSON has one kind of number: 1 and 1.0 are the same.
fn plain_number(value: &mut Value) {
    if let Some(number) = value.as_f64() {
        *value = json!(number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(field: &str, value: Value) -> Value {
        json!({ "field": field, "op": "eq", "value": value })
    }

    #[test]
    fn what_differs_in_order_or_brackets_is_alike() {
        let (a, b) = (is("name", json!("a")), is("fields.count", json!(1)));
        let same = |left: Value, right: Value| assert_eq!(canonical(&left), canonical(&right));
        same(json!({ "and": [a, b] }), json!({ "and": [b, a] }));
        same(json!({ "or": [a] }), a.clone());
        same(json!({ "and": [{ "or": [b, a] }] }), json!({ "or": [a, b] }));
        same(is("fields.count", json!(1.0)), b.clone());
        same(json!({ "not": { "and": [a] } }), json!({ "not": a }));
        same(
            json!({ "field": "town", "op": "one_of", "value": ["Gent", "Aalst"] }),
            json!({ "value": ["Aalst", "Gent"], "op": "one_of", "field": "town" }),
        );
        assert_eq!(canonical(&json!({ "and": [] })), None);
    }

    #[test]
    fn what_only_logic_tells_to_be_the_same_stays_different() {
        let (a, b) = (is("name", json!("a")), is("name", json!("b")));
        assert_ne!(canonical(&json!({ "not": { "not": a } })), canonical(&a));
        assert_ne!(canonical(&json!({ "and": [a, b] })), canonical(&json!({ "or": [a, b] })));
        let between = |from: i64, to: i64| json!({ "field": "fields.count", "op": "between", "value": [from, to] });
        assert_ne!(canonical(&between(1, 2)), canonical(&between(2, 1)));
    }

    #[test]
    fn every_condition_is_visited_under_its_pointer() {
        let mut tree = json!({ "and": [is("a", json!(1)), { "not": { "or": [is("b", json!(2))] } }] });
        let mut seen = Vec::new();
        visit(&mut tree, "/filter", &mut |condition, pointer| {
            seen.push((condition["field"].as_str().unwrap().to_owned(), pointer.to_owned()));
        });
        assert_eq!(
            seen,
            [("a".to_owned(), "/filter/and/0".to_owned()), ("b".to_owned(), "/filter/and/1/not/or/0".to_owned())]
        );
    }
}
