//! What the description says of inputs that are given in exactly one of several ways, which no attribute can say.

use std::collections::BTreeMap;

use klaar_domain::clients::ExemptionReason;
use utoipa::openapi::schema::{AllOfBuilder, AnyOfBuilder, ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa::openapi::{Ref, RefOr};

use crate::shapes::{filled, words};

/// Says it of selections, of assignments and of exemptions.
pub fn describe(schemas: &mut BTreeMap<String, RefOr<Schema>>) {
    let text = || ObjectBuilder::new().schema_type(Type::String);
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
    let usual = ExemptionReason::ALL.into_iter().filter(|reason| *reason != ExemptionReason::Other);
    let other = with("reason", words([ExemptionReason::Other.as_str()])).property("note", filled(499)).required("note");
    let exempted = OneOfBuilder::new().item(with("reason", words(usual.map(ExemptionReason::as_str)))).item(other);
    need(schemas, "GivenExemption", exempted);
}

/// An object that has this.
fn with(name: &str, schema: impl Into<RefOr<Schema>>) -> ObjectBuilder {
    ObjectBuilder::new().property(name, schema).required(name)
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
