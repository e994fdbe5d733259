//! How a caller says which clients are meant: the parameters that lists and exports share, and the filter tree.

use std::borrow::Cow;

use klaar_domain::kernel::db::Conn;
use klaar_domain::kernel::error::{Error, FieldError, Result};
use klaar_domain::views::saved::{self, View, ViewId};
use klaar_domain::views::{Asker, FIXED, Listing, Lists};
use serde_json::{Value, json};
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{
    AdditionalProperties, AnyOfBuilder, ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, SchemaType, Type,
};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Required};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use crate::shapes::words;

/// The parameters, as they stand in a query.
#[derive(Debug, Default)]
pub struct Asked<'a> {
    pub filter: Option<&'a str>,
    pub search: Option<&'a str>,
    pub sort: Option<&'a str>,
    pub view: Option<&'a str>,
}

impl Asked<'_> {
    /// What they ask for, within the view when one is named; in the view's order, or by name, when no order is given.
    ///
    /// # Errors
    /// [`Error::Invalid`] on `/filter` when it is no JSON, on `/view` when there is none, and with what is broken in it.
    pub fn listing(&self, conn: &mut Conn, lists: &Lists, asker: &Asker<'_>) -> Result<Listing> {
        self.within(self.view(conn, lists, asker)?.map(|view| view.listing()))
    }

    /// The view, when one is named.
    ///
    /// # Errors
    /// [`Error::Invalid`] on `/view` when there is none, and with what is broken in it.
    pub fn view(&self, conn: &mut Conn, lists: &Lists, asker: &Asker<'_>) -> Result<Option<View>> {
        let Some(view) = self.view else { return Ok(None) };
        let unknown = || Error::invalid("/view", "unknown_view");
        let id: ViewId = view.parse().map_err(|_| unknown())?;
        let catalogue = lists.catalogues().of(conn, asker.practice)?;
        let view = saved::usable_view(conn, &catalogue, asker, id);
        view.map(Some).map_err(|error| match error {
            Error::NotFound(_) => unknown(),
            other => saved::broken_at("/view", other),
        })
    }

    /// The same within a listing that is known already.
    ///
    /// # Errors
    /// [`Error::Invalid`] on `/filter` when it is no JSON.
    pub fn within(&self, outer: Option<Listing>) -> Result<Listing> {
        let read = |text: &str| {
            serde_json::from_str::<Value>(text)
                .map_err(|fault| Error::Invalid(vec![FieldError::new("/filter", "wrong_shape").with("reason", fault)]))
        };
        let filter = self.filter.map(read).transpose()?;
        let outer = outer.unwrap_or_else(|| Listing { sort: "name".to_owned(), ..Listing::default() });
        // All words of both searches must be found, so one behind the other they are one search.
        let words: Vec<&str> = outer.search.as_deref().into_iter().chain(self.search).collect();
        let search = (!words.is_empty()).then(|| words.join(" "));
        Ok(Listing { filter, search, also: outer.filter, sort: self.sort.map_or(outer.sort, str::to_owned) })
    }
}

/// What conditions can ask.
const OPERATORS: [&str; 19] = [
    "filled",
    "empty",
    "eq",
    "ne",
    "one_of",
    "none_of",
    "contains",
    "starts_with",
    "matches",
    "lt",
    "lte",
    "gt",
    "gte",
    "between",
    "has_all",
    "set_by",
    "set_from",
    "set_before",
    "set_after",
];

/// What can be asked about, for the description.
fn asked_about() -> String {
    let names: Vec<String> = FIXED.iter().map(|fixed| format!("`{}`", fixed.name)).collect();
    let names = names.join(", ");
    format!(
        "What is asked about, by its place in a client's document; orders and columns use the same names: {names}, or `fields.` and the slug of a custom field."
    )
}

/// The filter tree, for the description.
pub enum FilterTree {}

impl PartialSchema for FilterTree {
    fn schema() -> RefOr<Schema> {
        let own = || Ref::from_schema_name("Filter");
        let of = |name: &str, schema: RefOr<Schema>| {
            ObjectBuilder::new()
                .property(name, schema)
                .required(name)
                .additional_properties(Some(AdditionalProperties::FreeForm(false)))
        };
        let list = |name: &str, description: &str| {
            of(name, ArrayBuilder::new().items(own()).build().into()).description(Some(description)).build()
        };
        let text = |description: &str, example: &str| {
            ObjectBuilder::new().schema_type(Type::String).description(Some(description)).examples([json!(example)])
        };
        let plain =
            || ObjectBuilder::new().schema_type(SchemaType::from_iter([Type::String, Type::Number, Type::Boolean]));
        let days = || of("days_from_now", ObjectBuilder::new().schema_type(Type::Integer).into());
        let operand = AnyOfBuilder::new()
            .item(plain())
            .item(ArrayBuilder::new().items(AnyOfBuilder::new().item(plain()).item(days())))
            .item(days())
            .item(of("own_solution", ObjectBuilder::new().schema_type(Type::Boolean).into()))
            .item(ObjectBuilder::new().schema_type(Type::Null))
            .description(Some("What it is compared with; `filled` and `empty` need none, or null. Texts are compared without case and accents, options go by identifier or label, days are `YYYY-MM-DD` or `{\"days_from_now\": -3}`, `me` is the member who asks and nobody for a program, numbers may have dots, and `{\"own_solution\": true}` stands for the seat ids of the practice's own solution."))
            .examples([json!(true)]);
        let condition = of("field", text(&asked_about(), "fields.ready").into())
            .property(
                "op",
                words(OPERATORS)
                    .description(Some(
                        "How it is asked, as far as the field has it; whoever asks otherwise is told what it has.",
                    ))
                    .examples([json!("eq")]),
            )
            .required("op")
            .property("value", operand)
            .description(Some("A condition on one field."));
        OneOfBuilder::new()
            .item(list("and", "All of these; everyone when there are none."))
            .item(list("or", "At least one of these; nobody when there are none."))
            .item(of("not", own().into()).description(Some("Not this.")).build())
            .item(condition.build())
            .description(Some("Which clients are meant: a tree of conditions. Archived clients are left out unless a condition asks about `archived`."))
            .examples([example()])
            .into()
    }
}

impl ToSchema for FilterTree {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Filter")
    }
}

fn example() -> Value {
    json!({ "and": [
        { "field": "registration.state", "op": "eq", "value": "not_registered" },
        { "not": { "field": "fields.ready", "op": "eq", "value": true } }
    ] })
}

/// The filter tree as a parameter of a query: JSON itself.
pub struct FilterParam;

impl IntoParams for FilterParam {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let content =
            ContentBuilder::new().schema(Some(Ref::from_schema_name("Filter"))).example(Some(example())).build();
        let parameter = ParameterBuilder::new()
            .name("filter")
            .parameter_in(ParameterIn::Query)
            .required(Required::False)
            .description(Some("Which clients are meant, as a JSON tree of conditions; the active ones when not given."))
            .content("application/json", content)
            .build();
        vec![parameter]
    }
}
