//! Categories, fields and options as they are sent.

use std::collections::BTreeMap;

use klaar_domain::custom_fields::{Catalogue, Category, Field, FieldOption};
use klaar_domain::kernel::catalogue::Language;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::answers::{AnyFieldKind, BulkRefusal};
use crate::listing::FilterTree;

/// Categories with their fields.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FieldCatalogue, example = json!({ "items": [{ "id": "cat_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "slug": "peppol", "name": "PEPPOL",
    "names": { "nl": "PEPPOL" }, "position": 1, "delivered": true, "active": true, "in_lists": true, "criteria": null, "archived_at": null, "revision": 1, "fields": [] }] }))]
pub struct CatalogueOut {
    /// The categories in their order.
    items: Vec<CategoryOut>,
}

/// A category of fields.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FieldCategory, example = json!({ "id": "cat_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "slug": "peppol", "name": "PEPPOL",
    "names": { "nl": "PEPPOL" }, "position": 1, "delivered": true, "active": true, "in_lists": true, "criteria": null, "archived_at": null, "revision": 1, "fields": [] }))]
pub struct CategoryOut {
    /// The category's identifier.
    id: String,
    /// Its stable name within the practice.
    slug: String,
    /// Its name in the caller's language.
    name: String,
    /// Its name in all languages it has.
    names: BTreeMap<String, String>,
    /// Its place among the categories.
    position: i32,
    /// It came with the product: it can be renamed and switched off, not archived.
    delivered: bool,
    /// Switched on.
    active: bool,
    /// Its fields are shown in "all clients".
    in_lists: bool,
    /// Whom its fields concern; null for everybody. While it names a field that is gone, it leaves nobody out.
    #[schema(value_type = Option<FilterTree>)]
    criteria: Option<Value>,
    /// When it was archived; null while it is there.
    archived_at: Option<String>,
    /// Raised with each change; also the ETag.
    revision: i64,
    /// Its fields in their order.
    fields: Vec<FieldOut>,
}

/// A custom field.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Field, example = json!({ "id": "fld_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "category_id": "cat_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b",
    "slug": "receive_software", "name": "Software for receiving", "names": { "en": "Software for receiving" }, "kind": "choice", "position": 2,
    "delivered": true, "system_owned": false, "filterable": true, "sortable": true, "bulk_editable": true, "bulk_refusal": null, "active": true,
    "archived_at": null, "revision": 1, "options": [{ "id": "opt_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "label": "Odoo", "labels": {}, "position": 37,
        "delivered": true, "own": false, "retired": false, "merged_into": null, "revision": 1 }] }))]
pub struct FieldOut {
    /// The field's identifier.
    id: String,
    /// Its category.
    category_id: String,
    /// Its stable name within the practice, by which a client's `fields` name it.
    slug: String,
    /// Its name in the caller's language.
    name: String,
    /// Its name in all languages it has.
    names: BTreeMap<String, String>,
    /// What it holds.
    #[schema(value_type = AnyFieldKind)]
    kind: &'static str,
    /// Its place within its category.
    position: i32,
    /// It came with the product: it can be renamed and switched off, not archived.
    delivered: bool,
    /// People see its values and do not set them.
    system_owned: bool,
    /// Lists can be filtered by it.
    filterable: bool,
    /// Lists can be sorted by it.
    sortable: bool,
    /// The values of many clients can be changed at once.
    bulk_editable: bool,
    /// Why they cannot; null when they can.
    #[schema(value_type = Option<BulkRefusal>)]
    bulk_refusal: Option<&'static str>,
    /// Switched on.
    active: bool,
    /// When it was archived; null while it is there.
    archived_at: Option<String>,
    /// Raised with each change; also the ETag.
    revision: i64,
    /// The options of a choice, retired ones too; the practice's own solution stands first.
    options: Vec<OptionOut>,
}

/// An option of a choice field.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FieldOption, example = json!({ "id": "opt_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "label": "Odoo", "labels": {}, "position": 37,
    "delivered": true, "own": false, "retired": false, "merged_into": null, "revision": 1 }))]
pub struct OptionOut {
    /// The option's identifier.
    id: String,
    /// What people read.
    label: String,
    /// What people may also type, by language.
    labels: BTreeMap<String, String>,
    /// Its place among the field's options.
    position: i32,
    /// It came with the product, whatever it is called now.
    delivered: bool,
    /// It stands for the practice's own solution.
    own: bool,
    /// It is not offered any more; clients that have it keep it.
    retired: bool,
    /// The option that its clients got when it was merged: filters that name it mean that one.
    merged_into: Option<String>,
    /// Raised with each change; also the ETag.
    revision: i64,
}

impl CatalogueOut {
    /// What is there, or with `archived` what is put away: archived categories with all their fields, and of the others
    /// those that have archived fields, with these.
    pub fn of(catalogue: &Catalogue, archived: bool, language: Language) -> Self {
        let items = catalogue.categories.iter().filter_map(|category| {
            let is_wanted = |field: &Field| match (archived, category.archived_at) {
                (true, Some(_)) => true,
                (_, None) => field.archived_at.is_some() == archived,
                (false, Some(_)) => false,
            };
            let out = CategoryOut::with(category, catalogue, is_wanted, language);
            let is_listed = if archived {
                category.archived_at.is_some() || !out.fields.is_empty()
            } else {
                category.archived_at.is_none()
            };
            is_listed.then_some(out)
        });
        Self { items: items.collect() }
    }
}

impl CategoryOut {
    /// A category with the fields that it shows.
    pub fn of(category: &Category, catalogue: &Catalogue, language: Language) -> Self {
        let is_put_away = category.archived_at.is_some();
        Self::with(category, catalogue, |field| is_put_away || field.archived_at.is_none(), language)
    }

    fn with(
        category: &Category,
        catalogue: &Catalogue,
        is_wanted: impl Fn(&Field) -> bool,
        language: Language,
    ) -> Self {
        let own = catalogue.fields.iter().filter(|field| field.category == category.id && is_wanted(field));
        Self {
            id: category.id.to_string(),
            slug: category.slug.clone(),
            name: category.names.in_language(language, catalogue.language).to_owned(),
            names: category.names.0.clone(),
            position: category.position,
            delivered: category.is_delivered(),
            active: category.active,
            in_lists: category.in_lists,
            criteria: category.criteria.clone(),
            archived_at: category.archived_at.map(|at| at.to_string()),
            revision: category.revision,
            fields: own.map(|field| FieldOut::of(field, [language, catalogue.language])).collect(),
        }
    }
}

impl FieldOut {
    /// A field with its options, if it is a choice; its name in the first language, or else in the second, the practice's.
    pub fn of(field: &Field, [language, own]: [Language; 2]) -> Self {
        let kind = field.kind;
        // A field that was a choice once keeps its options for its history.
        let mut options: Vec<OptionOut> =
            field.options.iter().filter(|_| kind.has_options()).map(|option| OptionOut::of(field, option)).collect();
        options.sort_by_key(|option| !option.own);
        Self {
            id: field.id.to_string(),
            category_id: field.category.to_string(),
            slug: field.slug.clone(),
            name: field.names.in_language(language, own).to_owned(),
            names: field.names.0.clone(),
            kind: kind.as_str(),
            position: field.position,
            delivered: field.is_delivered(),
            system_owned: kind.is_system_owned(),
            filterable: kind.is_filterable(),
            sortable: kind.is_sortable(),
            bulk_editable: kind.bulk_refusal().is_none(),
            bulk_refusal: kind.bulk_refusal(),
            active: field.active,
            archived_at: field.archived_at.map(|at| at.to_string()),
            revision: field.revision,
            options,
        }
    }
}

impl OptionOut {
    /// An option of a field.
    pub fn of(field: &Field, option: &FieldOption) -> Self {
        let into = option.merged_into.and_then(|key| field.option(key));
        Self {
            id: option.id.to_string(),
            label: option.label.clone(),
            labels: option.labels.0.clone(),
            position: option.position,
            delivered: option.delivered_key.is_some(),
            own: option.own,
            retired: option.retired_at.is_some(),
            merged_into: into.map(|into| into.id.to_string()),
            revision: option.revision,
        }
    }
}
