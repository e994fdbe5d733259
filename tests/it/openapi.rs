//! The committed description is the one that the code gives.

use serde_json::Value;

const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../openapi/openapi.json");

/// Mend it with `cargo run -- openapi > openapi/openapi.json`.
#[test]
fn the_committed_description_is_up_to_date() {
    let now = klaar_api::openapi().to_pretty_json().unwrap();
    let committed = std::fs::read_to_string(COMMITTED).unwrap_or_default();
    assert!(
        committed.trim_end() == now,
        "openapi/openapi.json is out of date; run: cargo run -- openapi > openapi/openapi.json"
    );
}

#[test]
fn every_operation_is_described_with_examples() {
    let document = serde_json::to_value(klaar_api::openapi()).unwrap();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let what = format!("{method} {path}");
            assert!(operation["summary"].as_str().is_some_and(|s| !s.is_empty()), "{what} has no summary");
            assert!(operation["security"].is_array(), "{what} does not say who may call it");
            assert!(operation["tags"].as_array().is_some_and(|tags| tags.len() == 1), "{what} needs one tag");
            for (status, response) in operation["responses"].as_object().unwrap() {
                let described =
                    response["$ref"].is_string() || response["description"].as_str().is_some_and(|d| !d.is_empty());
                assert!(described, "{what} {status} has no description");
            }
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let has = !parameter["example"].is_null()
                    || !parameter["content"]["application/json"]["example"].is_null()
                    || !parameter["schema"]["example"].is_null()
                    || !parameter["schema"]["examples"].is_null();
                assert!(has, "{what}: {} has no example", parameter["name"]);
            }
        }
    }
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        let generated = name.starts_with("PageOut_") || schema["enum"].is_array() || schema["oneOf"].is_array();
        assert!(
            generated || schema["example"] != Value::Null || schema["examples"] != Value::Null,
            "{name} has no example"
        );
    }
}
