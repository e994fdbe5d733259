//! Changing what a field holds.

use actix_web::post;
use klaar_domain::custom_fields::{self, FieldId, KindChange, KindChanged, Unconvertible};
use klaar_domain::kernel::catalogue::{self, Language};
use klaar_domain::kernel::error::Result;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::body::{Body, InPath};
use crate::guards::{FieldsManage, May};
use crate::mounting::Routes;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::shapes::FieldKindWord;

/// A change of what a field holds.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewKindChange, example = json!({ "kind": "choice", "dry_run": true }))]
pub struct KindChangeIn {
    /// What it is to hold.
    #[schema(value_type = FieldKindWord)]
    kind: String,
    /// Only say what would become of the values.
    #[serde(default)]
    dry_run: bool,
    /// Clear the values that cannot be converted; otherwise the change is refused while there are any.
    #[serde(default)]
    clear_unconvertible: bool,
}

/// What became, or would become, of a field's values.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = KindChange, example = json!({ "from": "text", "to": "amount", "dry_run": true, "convertible": 210, "unconvertible": 1, "new_options": [],
    "items": [{ "client_id": "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "client_name": "Bakkerij Peeters", "value": "veel", "code": "not_a_number",
        "message": "This is no number." }] }))]
pub struct KindChangeOut {
    /// What the field held.
    from: &'static str,
    /// What it holds, or would hold.
    to: &'static str,
    /// Nothing was changed.
    dry_run: bool,
    /// How many values could be converted, those of archived clients too.
    convertible: usize,
    /// How many could not; without `dry_run` they were cleared.
    unconvertible: usize,
    /// The labels of the options that had to be made.
    new_options: Vec<String>,
    /// The values that could not be converted, at most 1,000 of them.
    items: Vec<UnconvertibleOut>,
}

/// A value that cannot be converted.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = UnconvertibleValue, example = json!({ "client_id": "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "client_name": "Bakkerij Peeters", "value": "veel",
    "code": "not_a_number", "message": "This is no number." }))]
pub struct UnconvertibleOut {
    /// The client's identifier.
    client_id: String,
    /// The client's name.
    client_name: String,
    /// The value as people read it.
    value: String,
    /// Stable code of the reason.
    code: &'static str,
    /// The reason in the caller's language.
    message: String,
}

impl UnconvertibleOut {
    fn of(value: Unconvertible, language: Language) -> Self {
        let Unconvertible { client, name, value, reason } = value;
        Self {
            client_id: client.to_string(),
            client_name: name,
            value,
            code: reason.code,
            message: catalogue::text(language, &format!("field.{}", reason.code), &reason.params),
        }
    }
}

impl KindChangeOut {
    fn of(changed: KindChanged, dry_run: bool, language: Language) -> Self {
        let KindChanged { from, to, convertible, unconvertible, listed, new_options } = changed;
        let items = listed.into_iter().map(|value| UnconvertibleOut::of(value, language)).collect();
        Self { from: from.as_str(), to: to.as_str(), dry_run, convertible, unconvertible, new_options, items }
    }
}

/// Change what a field holds
///
/// With `dry_run` says what would become of every value. Otherwise converts all of them at once; while some cannot be
/// converted, only when they are to be cleared. Every client's history keeps the value before.
#[utoipa::path(operation_id = "change_field_kind", tag = "custom fields", request_body(content = KindChangeIn, description = "The new kind."),
    params(("id" = String, Path, description = "The field's identifier.", example = "fld_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["fields:manage"])), responses((status = 200, description = "What became, or would become, of the values.", body = KindChangeOut)))]
#[post("/fields/{id}/kind-change")]
pub async fn change_field_kind(
    may: May<FieldsManage>,
    id: InPath<FieldId>,
    body: Body<KindChangeIn>,
) -> Result<Reply, Problem> {
    let language = may.language;
    may.once(body.hash, move |tx, caller| {
        let KindChangeIn { kind, dry_run, clear_unconvertible } = body.value;
        let asked = KindChange { kind, dry_run, clear_unconvertible };
        let changed = custom_fields::change_kind(tx, &caller.practice, &caller.actor, id.get()?, &asked)?;
        Reply::ok(&KindChangeOut::of(changed, dry_run, language))
    })
    .await
}

/// Mounts the file's operations.
pub fn routes(routes: &mut Routes<'_, '_>) {
    routes.service(change_field_kind);
}
