//! Categories of templates.

use std::collections::BTreeMap;

use actix_web::{get, patch, post};
use klaar_domain::custom_fields::{Labels, SaidNames};
use klaar_domain::identity::Practice;
use klaar_domain::kernel::catalogue::Language;
use klaar_domain::kernel::db::Conn;
use klaar_domain::kernel::error::Result;
use klaar_domain::kernel::patch::Patch;
use klaar_domain::templates::{self, CategoryChange, NewCategory, TemplateCategoryId};
use serde::Deserialize;
use utoipa::ToSchema;

use super::outs::{TemplateCategoriesOut, TemplateCategoryOut};
use crate::body::{Body, InPath};
use crate::guards::{ClientsRead, May, SeenRevision, TemplatesManage};
use crate::problem::Problem;
use crate::reply::Reply;
use crate::shapes::GivenNames;

/// A category to make; `name` or `names` is needed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewTemplateCategory, example = json!({ "names": { "nl": "Btw-aangiften", "fr": "Déclarations TVA" } }))]
pub struct CategoryIn {
    /// Its name in the practice's language, up to 100 characters.
    #[schema(pattern = r"^[\s\x85]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]{0,99}[\s\x85]*$")]
    name: Option<String>,
    /// Its name in several languages.
    #[schema(value_type = Option<GivenNames>)]
    names: Option<BTreeMap<String, String>>,
    /// Its stable name, unique in the practice; made from the name when not given.
    #[schema(pattern = "^[a-z][a-z0-9_]{0,62}$")]
    code: Option<String>,
}

/// A change to a category: an absent field stays, a value sets it; nothing can be cleared.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = TemplateCategoryPatch, example = json!({ "active": false }))]
pub struct CategoryPatch {
    /// All its names anew.
    #[schema(value_type = GivenNames)]
    names: Patch<BTreeMap<String, String>>,
    /// Switched on or off: templates of a category that is off cannot be sent.
    #[schema(value_type = bool)]
    active: Patch<bool>,
}

fn reply(conn: &mut Conn, practice: &Practice, id: TemplateCategoryId, language: Language) -> Result<Reply> {
    let category = templates::category(conn, practice, id)?;
    Ok(Reply::ok(&TemplateCategoryOut::of(&category, (practice, language)))?.tagged(category.revision))
}

/// List categories of templates
///
/// The category PEPPOL is delivered: mails of its templates inform a client about Peppol.
#[utoipa::path(operation_id = "list_template_categories", tag = "templates", security(("bearer" = ["clients:read"])),
    responses((status = 200, description = "The categories.", body = TemplateCategoriesOut)))]
#[get("/template-categories")]
pub async fn list_template_categories(may: May<ClientsRead>) -> Result<Reply, Problem> {
    let language = may.language;
    may.read(move |conn, caller| {
        let practice = &caller.practice;
        let found = templates::categories(conn, practice)?;
        let items = found.iter().map(|category| TemplateCategoryOut::of(category, (practice, language))).collect();
        Reply::ok(&TemplateCategoriesOut { items })
    })
    .await
}

/// Create a category of templates
#[utoipa::path(operation_id = "create_template_category", tag = "templates", request_body(content = CategoryIn, description = "The category."),
    security(("bearer" = ["templates:manage"])), responses((status = 201, description = "The new category.", body = TemplateCategoryOut)))]
#[post("/template-categories")]
pub async fn create_template_category(may: May<TemplatesManage>, body: Body<CategoryIn>) -> Result<Reply, Problem> {
    let language = may.language;
    may.once(body.hash, move |tx, caller| {
        let CategoryIn { name, names, code } = body.value;
        let new = NewCategory { names: SaidNames { names: names.map(Labels), name }, code };
        let id = templates::create_category(tx, &caller.practice, &caller.actor, new)?;
        Ok(reply(tx, &caller.practice, id, language)?.at(format!("/v1/template-categories/{id}")))
    })
    .await
}

/// Read a category of templates
#[utoipa::path(operation_id = "get_template_category", tag = "templates",
    params(("id" = String, Path, description = "The category's identifier.", example = "tca_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["clients:read"])), responses((status = 200, description = "The category.", body = TemplateCategoryOut)))]
#[get("/template-categories/{id}")]
pub async fn get_template_category(may: May<ClientsRead>, id: InPath<TemplateCategoryId>) -> Result<Reply, Problem> {
    let language = may.language;
    may.read(move |conn, caller| reply(conn, &caller.practice, id.get()?, language)).await
}

/// Change a category of templates
#[utoipa::path(operation_id = "update_template_category", tag = "templates", request_body(content = CategoryPatch, description = "The change."),
    params(("id" = String, Path, description = "The category's identifier.", example = "tca_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b"),
        ("If-Match" = String, Header, description = "The ETag that was read.", pattern = r#"^"[0-9]+"$"#, example = "\"1\"")),
    security(("bearer" = ["templates:manage"])), responses((status = 200, description = "The category as it is now.", body = TemplateCategoryOut)))]
#[patch("/template-categories/{id}")]
pub async fn update_template_category(
    may: May<TemplatesManage>,
    id: InPath<TemplateCategoryId>,
    seen: SeenRevision,
    body: Body<CategoryPatch>,
) -> Result<Reply, Problem> {
    let language = may.language;
    may.write(move |tx, caller| {
        let (id, CategoryPatch { names, active }) = (id.get()?, body.value);
        let change = CategoryChange { names: names.map(Labels), active };
        templates::change_category(tx, &caller.practice, &caller.actor, (id, seen.0), change)?;
        reply(tx, &caller.practice, id, language)
    })
    .await
}
