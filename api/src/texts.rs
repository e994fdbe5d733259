//! What the description says of every text that a request may have: no NUL, which no database of ours keeps.

use std::collections::{BTreeMap, BTreeSet};

use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::schema::{AdditionalProperties, ArrayItems, Object, Schema, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{Components, KnownFormat, RefOr};

/// Any text without NUL.
const WITHOUT_NUL: &str = r"^[^\x00]*$";

/// Says it of the texts in JSON bodies and in the query of these operations, and of all schemas that they name. A text
/// that says already what it looks like stays as it is.
pub fn describe<'a>(operations: impl Iterator<Item = &'a mut Operation>, components: &mut Components) {
    let mut named = Vec::new();
    for operation in operations {
        for parameter in operation.parameters.iter_mut().flatten() {
            let RefOr::T(parameter) = parameter else { continue };
            if let (Some(schema), ParameterIn::Query) = (&mut parameter.schema, &parameter.parameter_in) {
                mark(schema, &mut named);
            }
        }
        let Some(RefOr::T(body)) = &mut operation.request_body else { continue };
        let Some(RefOr::T(json)) = body.content.get_mut("application/json") else { continue };
        json.schema.iter_mut().for_each(|schema| mark(schema, &mut named));
    }
    mark_named(named, &mut components.schemas);
}

/// Marks the schemas of these names, and those that they name in turn.
fn mark_named(mut named: Vec<String>, schemas: &mut BTreeMap<String, RefOr<Schema>>) {
    let mut marked = BTreeSet::new();
    while let Some(name) = named.pop() {
        if let (Some(schema), true) = (schemas.get_mut(&name), marked.insert(name)) {
            mark(schema, &mut named);
        }
    }
}

/// Marks the texts in a schema, or adds the name of the one that it refers to.
fn mark(schema: &mut RefOr<Schema>, named: &mut Vec<String>) {
    match schema {
        RefOr::T(schema) => mark_texts(schema, named),
        RefOr::Ref(other) => named.extend(other.ref_location.rsplit('/').next().map(str::to_owned)),
    }
}

fn mark_texts(schema: &mut Schema, named: &mut Vec<String>) {
    match schema {
        Schema::Object(object) => {
            if is_any_text(object) {
                object.pattern = Some(WITHOUT_NUL.to_owned());
            }
            object.properties.values_mut().for_each(|field| mark(field, named));
            object.property_names.iter_mut().for_each(|name| mark_texts(name, named));
            if let Some(AdditionalProperties::RefOr(field)) = object.additional_properties.as_deref_mut() {
                mark(field, named);
            }
        }
        Schema::Array(array) => {
            if let ArrayItems::RefOrSchema(item) = &mut array.items {
                mark(item, named);
            }
        }
        Schema::OneOf(ways) => ways.items.iter_mut().for_each(|way| mark(way, named)),
        Schema::AllOf(parts) => parts.items.iter_mut().for_each(|part| mark(part, named)),
        Schema::AnyOf(ways) => ways.items.iter_mut().for_each(|way| mark(way, named)),
        _ => {}
    }
}

/// Whether it can be a text and says nothing of what the text looks like.
fn is_any_text(object: &Object) -> bool {
    let is_text = match &object.schema_type {
        SchemaType::Type(kind) => *kind == Type::String,
        SchemaType::Array(kinds) => kinds.contains(&Type::String),
        SchemaType::AnyValue => false,
    };
    let password = SchemaFormat::KnownFormat(KnownFormat::Password);
    let is_formatted = object.format.as_ref().is_some_and(|format| *format != password);
    is_text && object.pattern.is_none() && object.enum_values.is_none() && !is_formatted
}
