//! Fields.

use std::collections::BTreeMap;

use actix_web::{get, patch, post};
use klaar_domain::custom_fields::{self, FieldChange, FieldId, Labels, NewField, SaidNames};
use klaar_domain::identity::Practice;
use klaar_domain::kernel::catalogue::Language;
use klaar_domain::kernel::db::Conn;
use klaar_domain::kernel::error::{Error, Result};
use klaar_domain::kernel::patch::Patch;
use serde::Deserialize;
use utoipa::ToSchema;

use super::categories::{place, renamed};
use super::outs::FieldOut;
use crate::body::{Body, InPath, Whole};
use crate::guards::{ClientsRead, FieldsManage, May, SeenRevision};
use crate::mounting::Routes;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::shapes::{FieldKindWord, GivenNames, OptionLabel};

/// A field to make; `name` or `names` is needed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewField, example = json!({ "category_id": "cat_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "name": "Rol", "kind": "choice", "options": ["Zaakvoerder", "Bestuurder"] }))]
pub struct FieldIn {
    /// The category that it belongs to, one of `GET /v1/field-categories`.
    #[schema(pattern = "^cat_[0-9a-f]{32}$")]
    category_id: String,
    /// Its name in the practice's language, up to 100 characters.
    #[schema(pattern = r"^[\s\x85]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]{0,99}[\s\x85]*$")]
    name: Option<String>,
    /// Its name in several languages.
    #[schema(value_type = Option<GivenNames>)]
    names: Option<BTreeMap<String, String>>,
    /// What it holds; what a value then looks like, `GivenFieldValue` says.
    #[schema(value_type = FieldKindWord)]
    kind: String,
    /// Its stable name, unique in the practice, by which clients' `fields` and, behind `fields.`, filters and columns name it; made
    /// from the name when not given.
    #[schema(pattern = "^[a-z][a-z0-9_]{0,62}$")]
    slug: Option<String>,
    /// The labels of a choice's options, in their order.
    #[serde(default)]
    #[schema(value_type = Vec<OptionLabel>, max_items = 500)]
    options: Vec<String>,
}

/// A change to a field: an absent field stays, a value sets it; nothing can be cleared.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = FieldPatch, example = json!({ "active": false }))]
pub struct FieldPatch {
    /// All its names anew.
    #[schema(value_type = GivenNames)]
    names: Patch<BTreeMap<String, String>>,
    /// Switched on or off: a field that is off is neither shown nor set, and keeps its values.
    #[schema(value_type = bool)]
    active: Patch<bool>,
    /// Its place within its category, from 1 on; the others make room.
    #[schema(value_type = i32, minimum = 1, maximum = 1000)]
    position: Patch<Whole>,
    /// The category that it moves to.
    #[schema(value_type = String, pattern = "^cat_[0-9a-f]{32}$")]
    category_id: Patch<String>,
}

impl From<FieldPatch> for FieldChange {
    fn from(said: FieldPatch) -> Self {
        let FieldPatch { names, active, position, category_id } = said;
        Self { names: renamed(names), active, position: place(position), category: category_id }
    }
}

impl From<FieldIn> for NewField {
    fn from(said: FieldIn) -> Self {
        let FieldIn { category_id, name, names, kind, slug, options } = said;
        let names = SaidNames { names: names.map(Labels), name };
        Self { category: category_id, names, kind, slug, options }
    }
}

/// The field as it is now.
fn reply(conn: &mut Conn, practice: &Practice, id: FieldId, language: Language) -> Result<Reply> {
    let catalogue = custom_fields::catalogue(conn, practice)?;
    let field = catalogue.field(id).ok_or(Error::NotFound("field"))?;
    Ok(Reply::ok(&FieldOut::of(field, [language, catalogue.language]))?.tagged(field.revision))
}

/// Create a field
///
/// A field of the practice's own, the last of its category.
#[utoipa::path(operation_id = "create_field", tag = "custom fields", request_body(content = FieldIn, description = "The field."),
    security(("bearer" = ["fields:manage"])), responses((status = 201, description = "The new field.", body = FieldOut)))]
#[post("/fields")]
pub async fn create_field(may: May<FieldsManage>, body: Body<FieldIn>) -> Result<Reply, Problem> {
    let language = may.language;
    may.once(body.hash, move |tx, caller| {
        let id = custom_fields::create_field(tx, &caller.practice, &caller.actor, body.value.into())?;
        Ok(reply(tx, &caller.practice, id, language)?.at(format!("/v1/fields/{id}")))
    })
    .await
}

/// Read a field
#[utoipa::path(operation_id = "get_field", tag = "custom fields",
    params(("id" = String, Path, description = "The field's identifier.", example = "fld_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["clients:read"])), responses((status = 200, description = "The field with its options.", body = FieldOut)))]
#[get("/fields/{id}")]
pub async fn get_field(may: May<ClientsRead>, id: InPath<FieldId>) -> Result<Reply, Problem> {
    let language = may.language;
    may.read(move |conn, caller| reply(conn, &caller.practice, id.get()?, language)).await
}

/// Change a field
#[utoipa::path(operation_id = "update_field", tag = "custom fields", request_body(content = FieldPatch, description = "The change."),
    params(("id" = String, Path, description = "The field's identifier.", example = "fld_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b"),
        ("If-Match" = String, Header, description = "The ETag that was read.", pattern = r#"^"[0-9]+"$"#, example = "\"1\"")),
    security(("bearer" = ["fields:manage"])), responses((status = 200, description = "The field as it is now.", body = FieldOut)))]
#[patch("/fields/{id}")]
pub async fn update_field(
    may: May<FieldsManage>,
    id: InPath<FieldId>,
    seen: SeenRevision,
    body: Body<FieldPatch>,
) -> Result<Reply, Problem> {
    let language = may.language;
    may.write(move |tx, caller| {
        let id = id.get()?;
        custom_fields::change_field(tx, &caller.practice, &caller.actor, (id, seen.0), body.value.into())?;
        reply(tx, &caller.practice, id, language)
    })
    .await
}

/// Archive a field
///
/// It leaves cards, lists and exports and refuses new values. Its values are kept and come back with it. A delivered field
/// can be switched off instead.
#[utoipa::path(operation_id = "archive_field", tag = "custom fields",
    params(("id" = String, Path, description = "The field's identifier.", example = "fld_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["fields:manage"])), responses((status = 200, description = "The archived field.", body = FieldOut)))]
#[post("/fields/{id}/archive")]
pub async fn archive_field(may: May<FieldsManage>, id: InPath<FieldId>) -> Result<Reply, Problem> {
    let language = may.language;
    may.once(Vec::new(), move |tx, caller| {
        let id = id.get()?;
        custom_fields::archive_field(tx, &caller.practice, &caller.actor, id)?;
        reply(tx, &caller.practice, id, language)
    })
    .await
}

/// Restore a field
///
/// Brings an archived field back, the last of its category, with its values.
#[utoipa::path(operation_id = "restore_field", tag = "custom fields",
    params(("id" = String, Path, description = "The field's identifier.", example = "fld_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["fields:manage"])), responses((status = 200, description = "The field.", body = FieldOut)))]
#[post("/fields/{id}/restore")]
pub async fn restore_field(may: May<FieldsManage>, id: InPath<FieldId>) -> Result<Reply, Problem> {
    let language = may.language;
    may.once(Vec::new(), move |tx, caller| {
        let id = id.get()?;
        custom_fields::restore_field(tx, &caller.practice, &caller.actor, id)?;
        reply(tx, &caller.practice, id, language)
    })
    .await
}

/// Mounts the file's operations.
pub fn routes(routes: &mut Routes<'_, '_>) {
    routes.service(create_field).service(get_field).service(update_field).service(archive_field).service(restore_field);
}
