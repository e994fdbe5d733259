//! Every answer that a test gets is what the description says: nothing that must be there is missing, every
//! value is of its type, and every word is one of those that there are.

use std::sync::LazyLock;

use serde_json::Value;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::to_value(klaar_api::openapi()).unwrap());

/// Looks at the answer to a request; the path may have a query.
#[track_caller]
pub fn check(method: &str, path: &str, status: u16, body: &[u8]) {
    let path = path.split('?').next().unwrap_or_default();
    let Some(operation) = operation(method, path) else { return };
    let response = operation["responses"].get(status.to_string());
    assert!(response.is_some(), "{method} {path}: {status} is not described");
    let Some(response) = response else { return };
    for kind in ["application/json", "application/problem+json"] {
        let Some(described) = resolved(response)["content"].get(kind) else { continue };
        let Ok(answer) = serde_json::from_slice::<Value>(body) else { continue };
        let wrong = fits(&answer, &described["schema"], "").err();
        assert_eq!(wrong, None, "{method} {path}, {status}: {answer:#}");
        assert_eq!(untold(&answer), None, "{method} {path}, {status} has a key where a text should be: {answer:#}");
    }
}

/// What people are to read, and is the name of a text that nobody has written.
fn untold(answer: &Value) -> Option<&str> {
    const SECTIONS: [&str; 6] = ["problem.", "field.", "import.", "column.", "view.", "word."];
    let is_key = |text: &&str| SECTIONS.iter().any(|section| text.starts_with(section)) && !text.contains(' ');
    match answer {
        Value::Array(items) => items.iter().find_map(untold),
        Value::Object(members) => members.iter().find_map(|(name, value)| match value {
            Value::String(text)
                if ["reason", "title", "detail", "message", "text", "label"].contains(&name.as_str()) =>
            {
                Some(text.as_str()).filter(is_key)
            }
            value => untold(value),
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

fn operation(method: &str, path: &str) -> Option<&'static Value> {
    let parts: Vec<&str> = path.split('/').collect();
    let is_meant = |pattern: &str| {
        let pattern: Vec<&str> = pattern.split('/').collect();
        pattern.len() == parts.len() && pattern.iter().zip(&parts).all(|(p, part)| p.starts_with('{') || p == part)
    };
    let (_, item) = DOCUMENT["paths"].as_object()?.iter().find(|(pattern, _)| is_meant(pattern))?;
    item.get(method.to_lowercase())
}

fn resolved(part: &'static Value) -> &'static Value {
    let named = part["$ref"].as_str().and_then(|name| name.strip_prefix('#'));
    named.map_or(part, |place| DOCUMENT.pointer(place).expect("what is named is there"))
}

fn fits(value: &Value, schema: &'static Value, at: &str) -> Result<(), String> {
    let schema = resolved(schema);
    for part in schema["allOf"].as_array().into_iter().flatten() {
        fits(value, part, at)?;
    }
    for choice in ["anyOf", "oneOf"] {
        if let Some(parts) = schema[choice].as_array() {
            let wrong: Vec<String> = parts.iter().filter_map(|part| fits(value, part, at).err()).collect();
            if wrong.len() == parts.len() || (choice == "oneOf" && wrong.len() + 1 != parts.len()) {
                return Err(format!("{at}: not {choice}: {}", wrong.join("; ")));
            }
        }
    }
    let words = schema["enum"].as_array();
    if words.is_some_and(|words| !words.contains(value)) || !is_of_type(value, &schema["type"]) {
        return Err(format!("{at}: {value} is no {} {}", schema["type"], schema["enum"]));
    }
    fits_inside(value, schema, at)
}

fn is_of_type(value: &Value, wanted: &Value) -> bool {
    let is = |wanted: &Value| match wanted.as_str() {
        Some("null") => value.is_null(),
        Some("boolean") => value.is_boolean(),
        Some("integer") => value.is_i64(),
        Some("number") => value.is_number(),
        Some("string") => value.is_string(),
        Some("array") => value.is_array(),
        _ => value.is_object(),
    };
    wanted.is_null() || wanted.as_array().map_or_else(|| is(wanted), |any| any.iter().any(is))
}

fn fits_inside(value: &Value, schema: &'static Value, at: &str) -> Result<(), String> {
    if let (Some(items), Some(schema)) = (value.as_array(), schema.get("items")) {
        return items.iter().enumerate().try_for_each(|(n, item)| fits(item, schema, &format!("{at}/{n}")));
    }
    let Some(members) = value.as_object() else { return Ok(()) };
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !members.contains_key(name) {
            return Err(format!("{at}: {name} is missing"));
        }
    }
    let known = schema["properties"].as_object();
    let others = schema.get("additionalProperties").filter(|others| others.is_object());
    for (name, member) in members {
        let described = known.and_then(|known| known.get(name)).or(others);
        if let Some(described) = described {
            fits(member, described, &format!("{at}/{name}"))?;
        } else if schema["additionalProperties"] == Value::Bool(false) {
            return Err(format!("{at}: {name} is not described"));
        }
    }
    Ok(())
}

#[test]
#[should_panic(expected = ": name is missing")]
fn an_answer_that_leaves_something_out_is_noticed() {
    let answer = r#"{ "world": "test", "id": "prc_1", "time_zone": "UTC", "language": "nl", "enterprise_number": null, "revision": 1, "created_at": "" }"#;
    check("GET", "/v1/practice", 200, answer.as_bytes());
}

#[test]
#[should_panic(expected = "is no")]
fn a_word_that_there_is_not_is_noticed() {
    let answer = r#"{ "name": "A", "world": "both", "id": "prc_1", "time_zone": "UTC", "language": "nl", "enterprise_number": null, "revision": 1, "created_at": "" }"#;
    check("GET", "/v1/practice", 200, answer.as_bytes());
}
