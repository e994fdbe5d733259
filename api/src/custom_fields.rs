//! The categories and fields of the client card.

use std::collections::BTreeMap;

use actix_web::get;
use klaar_domain::custom_fields::{self, Catalogue, Category, Field, Labels};
use klaar_domain::kernel::catalogue::Language;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::guards::{ClientsRead, May};
use crate::problem::Problem;
use crate::reply::Reply;

/// All categories with their fields.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FieldCatalogue, example = json!({ "items": [{ "id": "cat_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "slug": "peppol", "name": "PEPPOL",
    "names": { "nl": "PEPPOL" }, "active": true, "in_lists": true, "fields": [] }] }))]
pub struct CatalogueOut {
    /// The categories in their order.
    items: Vec<CategoryOut>,
}

/// A category of fields.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FieldCategory, example = json!({ "id": "cat_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "slug": "peppol", "name": "PEPPOL",
    "names": { "nl": "PEPPOL" }, "active": true, "in_lists": true, "fields": [] }))]
pub struct CategoryOut {
    /// The category's identifier.
    id: String,
    /// Its stable name within the practice.
    slug: String,
    /// Its name in the caller's language.
    name: String,
    /// Its name in all languages it has.
    names: BTreeMap<String, String>,
    /// Switched on.
    active: bool,
    /// Its fields are shown in "all clients".
    in_lists: bool,
    /// Its fields in their order.
    fields: Vec<FieldOut>,
}

/// A custom field.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Field, example = json!({ "id": "fld_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "slug": "receive_software", "name": "Software for receiving",
    "names": { "en": "Software for receiving" }, "kind": "choice", "system_owned": false, "active": true,
    "options": [{ "id": "opt_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "label": "Odoo", "delivered": true, "retired": false }] }))]
pub struct FieldOut {
    /// The field's identifier.
    id: String,
    /// Its stable name within the practice, by which a client's `fields` name it.
    slug: String,
    /// Its name in the caller's language.
    name: String,
    /// Its name in all languages it has.
    names: BTreeMap<String, String>,
    /// `text`, `long_text`, `number`, `date`, `yes_no`, `choice` or `access_point`.
    kind: &'static str,
    /// People see its values and do not set them.
    system_owned: bool,
    /// Switched on.
    active: bool,
    /// The options of a choice, retired ones too.
    options: Vec<OptionOut>,
}

/// An option of a choice field.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FieldOption, example = json!({ "id": "opt_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "label": "Odoo", "delivered": true, "retired": false }))]
pub struct OptionOut {
    /// The option's identifier.
    id: String,
    /// What people read.
    label: String,
    /// It came with the product.
    delivered: bool,
    /// It is not offered any more; clients that have it keep it.
    retired: bool,
}

impl CatalogueOut {
    fn of(catalogue: Catalogue, language: Language) -> Self {
        let Catalogue { categories, fields } = catalogue;
        let items = categories.into_iter().map(|category| {
            let own = fields
                .iter()
                .filter(|field| field.category == category.id)
                .map(|field| field_out(field, language))
                .collect();
            category_out(category, own, language)
        });
        Self { items: items.collect() }
    }
}

fn category_out(category: Category, fields: Vec<FieldOut>, language: Language) -> CategoryOut {
    let (name, Labels(names)) = (category.names.in_language(language).to_owned(), category.names);
    CategoryOut {
        id: category.id.to_string(),
        slug: category.slug,
        name,
        names,
        active: category.active,
        in_lists: category.in_lists,
        fields,
    }
}

fn field_out(field: &Field, language: Language) -> FieldOut {
    let options = field.options.iter().map(|option| OptionOut {
        id: option.id.to_string(),
        label: option.label.clone(),
        delivered: option.delivered,
        retired: option.retired_at.is_some(),
    });
    FieldOut {
        id: field.id.to_string(),
        slug: field.slug.clone(),
        name: field.names.in_language(language).to_owned(),
        names: field.names.0.clone(),
        kind: field.kind.as_str(),
        system_owned: field.kind.is_system_owned(),
        active: field.active,
        options: options.collect(),
    }
}

/// List custom fields
///
/// All categories of the practice with their fields and options; the category PEPPOL is delivered.
#[utoipa::path(operation_id = "list_field_categories", tag = "custom fields", security(("bearer" = ["clients:read"])),
    responses((status = 200, description = "All categories with their fields.", body = CatalogueOut)))]
#[get("/field-categories")]
pub async fn list_field_categories(may: May<ClientsRead>) -> Result<Reply, Problem> {
    let language = may.language;
    may.read(move |conn, caller| {
        Reply::ok(&CatalogueOut::of(custom_fields::catalogue(conn, &caller.practice)?, language))
    })
    .await
}

/// Mounts the room.
pub fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list_field_categories);
}
