//! Categories of fields.

use std::collections::BTreeMap;

use actix_web::web::Query;
use actix_web::{get, patch, post};
use klaar_domain::custom_fields::{self, CategoryChange, CategoryId, Labels, NewCategory, SaidNames};
use klaar_domain::identity::Practice;
use klaar_domain::kernel::catalogue::Language;
use klaar_domain::kernel::db::{Conn, Tx};
use klaar_domain::kernel::error::{Error, Result};
use klaar_domain::kernel::patch::Patch;
use klaar_domain::views;
use serde::Deserialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::outs::{CatalogueOut, CategoryOut};
use crate::body::{Body, InPath, Whole};
use crate::guards::{ClientsRead, FieldsManage, May, SeenRevision};
use crate::listing::FilterTree;
use crate::mounting::Routes;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::shapes::GivenNames;

/// A category to make; `name` or `names` is needed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewFieldCategory, example = json!({ "names": { "nl": "Dossier", "fr": "Dossier" } }))]
pub struct CategoryIn {
    /// Its name in the practice's language, up to 100 characters.
    #[schema(pattern = r"^[\s\x85]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]{0,99}[\s\x85]*$")]
    name: Option<String>,
    /// Its name in several languages.
    #[schema(value_type = Option<GivenNames>)]
    names: Option<BTreeMap<String, String>>,
    /// Its stable name, unique in the practice; made from the name when not given.
    #[schema(pattern = "^[a-z][a-z0-9_]{0,62}$")]
    slug: Option<String>,
    /// Whom its fields concern; everybody when not given. Contacts, searches and `set_…` conditions cannot be asked here.
    #[schema(value_type = Option<FilterTree>)]
    criteria: Option<Value>,
}

/// A change to a category: an absent field stays, a value sets it; nothing can be cleared.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = FieldCategoryPatch, example = json!({ "in_lists": false, "position": 1 }))]
pub struct CategoryPatch {
    /// All its names anew.
    #[schema(value_type = GivenNames)]
    names: Patch<BTreeMap<String, String>>,
    /// Switched on or off.
    #[schema(value_type = bool)]
    active: Patch<bool>,
    /// Its fields are shown in "all clients", or are not.
    #[schema(value_type = bool)]
    in_lists: Patch<bool>,
    /// Its place among the categories, from 1 on; the others make room.
    #[schema(value_type = i32, minimum = 1, maximum = 1000)]
    position: Patch<Whole>,
    /// Whom its fields concern; null for everybody. The others keep their values, which their cards do not show.
    #[schema(value_type = Option<FilterTree>)]
    criteria: Patch<Value>,
}

impl CategoryPatch {
    /// The change, its criteria checked.
    fn checked(self, tx: &mut Tx<'_>, practice: &Practice, id: CategoryId) -> Result<CategoryChange> {
        let Self { names, active, in_lists, position, criteria } = self;
        let criteria = criteria.try_map(|tree| checked(tx, practice, &tree, Some(id)))?;
        Ok(CategoryChange { names: renamed(names), active, in_lists, position: place(position), criteria })
    }
}

/// Criteria that can be asked of a single card.
fn checked(tx: &mut Tx<'_>, practice: &Practice, tree: &Value, own: Option<CategoryId>) -> Result<Value> {
    let catalogue = custom_fields::catalogue(tx, practice)?;
    views::check_criteria(tree, &catalogue, (practice, tx.now()), own)
}

/// New names as the domain takes them.
pub(super) fn renamed(names: Patch<BTreeMap<String, String>>) -> Patch<Labels> {
    match names {
        Patch::Absent => Patch::Absent,
        Patch::Null => Patch::Null,
        Patch::Value(names) => Patch::Value(Labels(names)),
    }
}

/// A place as the domain takes it.
pub(super) fn place(position: Patch<Whole>) -> Patch<i32> {
    match position {
        Patch::Absent => Patch::Absent,
        Patch::Null => Patch::Null,
        Patch::Value(Whole(place)) => Patch::Value(place),
    }
}

/// Which categories.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CategoryQuery {
    /// What is archived instead of what is there: archived categories, and archived fields of the others.
    #[param(example = false)]
    archived: Option<bool>,
}

/// The category as it is now.
fn reply(conn: &mut Conn, practice: &Practice, id: CategoryId, language: Language) -> Result<Reply> {
    let catalogue = custom_fields::catalogue(conn, practice)?;
    let category = catalogue.category(id).ok_or(Error::NotFound("category"))?;
    Ok(Reply::ok(&CategoryOut::of(category, &catalogue, language))?.tagged(category.revision))
}

/// List custom fields
///
/// The categories of the practice with their fields and options; the category PEPPOL is delivered.
#[utoipa::path(operation_id = "list_field_categories", tag = "custom fields", params(CategoryQuery), security(("bearer" = ["clients:read"])),
    responses((status = 200, description = "The categories with their fields.", body = CatalogueOut)))]
#[get("/field-categories")]
pub async fn list_field_categories(may: May<ClientsRead>, query: Query<CategoryQuery>) -> Result<Reply, Problem> {
    let language = may.language;
    may.read(move |conn, caller| {
        let catalogue = custom_fields::catalogue(conn, &caller.practice)?;
        Reply::ok(&CatalogueOut::of(&catalogue, query.archived.unwrap_or(false), language))
    })
    .await
}

/// Create a category
///
/// A category of the practice's own, the last in order.
#[utoipa::path(operation_id = "create_field_category", tag = "custom fields", request_body(content = CategoryIn, description = "The category."),
    security(("bearer" = ["fields:manage"])), responses((status = 201, description = "The new category.", body = CategoryOut)))]
#[post("/field-categories")]
pub async fn create_field_category(may: May<FieldsManage>, body: Body<CategoryIn>) -> Result<Reply, Problem> {
    let language = may.language;
    may.once(body.hash, move |tx, caller| {
        let CategoryIn { name, names, slug, criteria } = body.value;
        let criteria = criteria.map(|tree| checked(tx, &caller.practice, &tree, None)).transpose()?;
        let new = NewCategory { names: SaidNames { names: names.map(Labels), name }, slug, criteria };
        let id = custom_fields::create_category(tx, &caller.practice, &caller.actor, new)?;
        Ok(reply(tx, &caller.practice, id, language)?.at(format!("/v1/field-categories/{id}")))
    })
    .await
}

/// Read a category
#[utoipa::path(operation_id = "get_field_category", tag = "custom fields",
    params(("id" = String, Path, description = "The category's identifier.", example = "cat_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["clients:read"])), responses((status = 200, description = "The category with its fields.", body = CategoryOut)))]
#[get("/field-categories/{id}")]
pub async fn get_field_category(may: May<ClientsRead>, id: InPath<CategoryId>) -> Result<Reply, Problem> {
    let language = may.language;
    may.read(move |conn, caller| reply(conn, &caller.practice, id.get()?, language)).await
}

/// Change a category
#[utoipa::path(operation_id = "update_field_category", tag = "custom fields", request_body(content = CategoryPatch, description = "The change."),
    params(("id" = String, Path, description = "The category's identifier.", example = "cat_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b"),
        ("If-Match" = String, Header, description = "The ETag that was read.", pattern = r#"^"[0-9]+"$"#, example = "\"1\"")),
    security(("bearer" = ["fields:manage"])), responses((status = 200, description = "The category as it is now.", body = CategoryOut)))]
#[patch("/field-categories/{id}")]
pub async fn update_field_category(
    may: May<FieldsManage>,
    id: InPath<CategoryId>,
    seen: SeenRevision,
    body: Body<CategoryPatch>,
) -> Result<Reply, Problem> {
    let language = may.language;
    may.write(move |tx, caller| {
        let id = id.get()?;
        let change = body.value.checked(tx, &caller.practice, id)?;
        custom_fields::change_category(tx, &caller.practice, &caller.actor, (id, seen.0), change)?;
        reply(tx, &caller.practice, id, language)
    })
    .await
}

/// Archive a category
///
/// It and its fields leave cards, lists and exports and refuse new values. The values are kept and come back with it. The
/// delivered category can be switched off instead.
#[utoipa::path(operation_id = "archive_field_category", tag = "custom fields",
    params(("id" = String, Path, description = "The category's identifier.", example = "cat_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["fields:manage"])), responses((status = 200, description = "The archived category.", body = CategoryOut)))]
#[post("/field-categories/{id}/archive")]
pub async fn archive_field_category(may: May<FieldsManage>, id: InPath<CategoryId>) -> Result<Reply, Problem> {
    let language = may.language;
    may.once(Vec::new(), move |tx, caller| {
        let id = id.get()?;
        custom_fields::archive_category(tx, &caller.practice, &caller.actor, id)?;
        reply(tx, &caller.practice, id, language)
    })
    .await
}

/// Restore a category
///
/// Brings an archived category back, the last in order, with its fields and their values.
#[utoipa::path(operation_id = "restore_field_category", tag = "custom fields",
    params(("id" = String, Path, description = "The category's identifier.", example = "cat_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["fields:manage"])), responses((status = 200, description = "The category.", body = CategoryOut)))]
#[post("/field-categories/{id}/restore")]
pub async fn restore_field_category(may: May<FieldsManage>, id: InPath<CategoryId>) -> Result<Reply, Problem> {
    let language = may.language;
    may.once(Vec::new(), move |tx, caller| {
        let id = id.get()?;
        custom_fields::restore_category(tx, &caller.practice, &caller.actor, id)?;
        reply(tx, &caller.practice, id, language)
    })
    .await
}

/// Mounts the file's operations.
pub fn routes(routes: &mut Routes<'_, '_>) {
    routes
        .service(list_field_categories)
        .service(create_field_category)
        .service(get_field_category)
        .service(update_field_category)
        .service(archive_field_category)
        .service(restore_field_category);
}
