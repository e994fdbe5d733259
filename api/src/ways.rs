//! What the description says of inputs that are given in exactly one of several ways, which no attribute can say.

use std::collections::BTreeMap;

use utoipa::openapi::schema::{
    AllOfBuilder, AnyOfBuilder, ArrayBuilder, Object, ObjectBuilder, OneOfBuilder, Schema, Type,
};
use utoipa::openapi::{Ref, RefOr};

/// Says it of selections and of assignments.
pub fn describe(schemas: &mut BTreeMap<String, RefOr<Schema>>) {
    let text = || ObjectBuilder::new().schema_type(Type::String).pattern(Some(r"^[^\x00]*$"));
    let texts = || ArrayBuilder::new().items(text());
    let yes = || ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([true]));
    let listed = AnyOfBuilder::new().item(with("filter", Ref::from_schema_name("Filter"))).item(with("search", text()));
    let selected = OneOfBuilder::new()
        .item(with("client_ids", texts()))
        .item(listed)
        .item(with("view_id", text()))
        .item(with("all", yes()));
    need(schemas, "Selection", selected);
    let assigned = OneOfBuilder::new()
        .item(with("set", Ref::from_schema_name("GivenPlainValue")))
        .item(with("clear", yes()))
        .item(AnyOfBuilder::new().item(with("add", texts())).item(with("remove", texts())));
    need(schemas, "Assignment", assigned);
}

/// An object that has this.
fn with(name: &str, schema: impl Into<RefOr<Schema>>) -> Object {
    ObjectBuilder::new().property(name, schema).required(name).build()
}

/// The schema, and one of these besides.
fn need(schemas: &mut BTreeMap<String, RefOr<Schema>>, name: &str, ways: OneOfBuilder) {
    let Some(RefOr::T(Schema::Object(mut whole))) = schemas.remove(name) else { return };
    let (example, described) = (whole.example.take(), whole.description.take());
    let both = AllOfBuilder::new().item(Schema::Object(whole)).item(ways).description(described);
    #[expect(deprecated, reason = "as the derived schemas, this one has `example`")]
    let both = both.example(example);
    schemas.insert(name.to_owned(), both.into());
}
