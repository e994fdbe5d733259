//! Views as they are sent.

use std::collections::BTreeMap;

use klaar_domain::custom_fields::Catalogue;
use klaar_domain::identity::{Caller, Right};
use klaar_domain::kernel::catalogue::Language;
use klaar_domain::kernel::error::FieldError;
use klaar_domain::views::Asker;
use klaar_domain::views::saved::{Audience, View, ViewId, standing};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::listing::FilterTree;
use crate::problem::{FieldProblemOut, field_problem};

/// The views that the caller can see.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Views, example = json!({ "items": [] }))]
pub struct ViewsOut {
    /// The delivered ones first, then the others in the order in which they were made.
    pub items: Vec<ViewOut>,
}

/// A saved view.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = View, example = json!({
    "id": "view_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "name": "Niet geregistreerd",
    "description": "Klanten die niet op het netwerk staan. Wie van Peppol vrijgesteld is, blijft weg.", "names": { "nl": "Niet geregistreerd", "fr": "Non enregistrés" },
    "shared": true, "owner": null, "delivered": true, "adapted": false, "hidden": false,
    "filter": { "and": [{ "field": "registration.state", "op": "eq", "value": "not_registered" }, { "field": "exempt", "op": "eq", "value": false }] }, "search": null, "sort": "name",
    "columns": ["name", "registration.state", "fields.ready"], "broken": [], "notes": [], "changeable": true, "revision": 1, "updated_at": null
}))]
pub struct ViewOut {
    /// The view's identifier.
    #[schema(value_type = String)]
    id: ViewId,
    /// Its name in the caller's language.
    name: String,
    /// What a delivered view shows and whom it leaves out, in the caller's language; null for others and adapted ones.
    description: Option<String>,
    /// Its name in all languages it has.
    names: BTreeMap<String, String>,
    /// All members see it.
    shared: bool,
    /// The member or key whose own it is; null for a shared one.
    owner: Option<String>,
    /// It came with the product: it can be adapted, hidden and restored, not deleted.
    delivered: bool,
    /// It came with the product and says something else, or is called otherwise, by now.
    adapted: bool,
    /// It is left out of the list unless hidden ones are asked for.
    hidden: bool,
    /// The filter tree; null for all clients.
    #[schema(value_type = Option<FilterTree>)]
    filter: Option<Value>,
    /// Words that must all be found, besides.
    search: Option<String>,
    /// The order; null for by name.
    sort: Option<String>,
    /// The columns in their order; none for the usual ones.
    columns: Vec<String>,
    /// What it names that is not there any more, under its pointer in the view. A broken view cannot be used.
    broken: Vec<FieldProblemOut>,
    /// Why it means nobody although nothing is broken: `no_own_solution`.
    notes: Vec<FieldProblemOut>,
    /// The caller may change it.
    changeable: bool,
    /// Raised with each change; also the ETag.
    revision: i64,
    /// When it was last changed; null for a delivered one that nobody touched.
    updated_at: Option<String>,
}

impl ViewOut {
    /// A view as the caller sees it.
    pub fn of(view: &View, catalogue: &Catalogue, asker: &Asker<'_>, (caller, language): (&Caller, Language)) -> Self {
        let standing = standing(view, catalogue, asker);
        let said = |errors: &[FieldError]| errors.iter().map(|error| field_problem(error, language)).collect();
        let is_shared = view.audience == Audience::Everybody;
        let content = view.content.clone();
        Self {
            id: view.id,
            name: view.names.in_language(language, catalogue.language).to_owned(),
            description: view.description(language),
            names: view.names.0.clone(),
            shared: is_shared,
            owner: view.audience.owner(),
            delivered: view.is_delivered(),
            adapted: view.adapted,
            hidden: view.hidden,
            filter: content.filter,
            search: content.search,
            sort: content.sort,
            columns: content.columns,
            broken: said(&standing.broken),
            notes: said(&standing.notes),
            changeable: caller.rights.has(Right::ClientsWrite) && (!is_shared || caller.rights.has(Right::ViewsManage)),
            revision: view.revision,
            updated_at: view.updated_at.map(|at| at.to_string()),
        }
    }
}
