//! Which custom field a column means: by its name in any language, its slug, or `fields.` and its slug.

use std::collections::HashMap;

use super::columns::folded;
use crate::custom_fields::{Catalogue, Field, import_refusal};
use crate::kernel::catalogue::Language;

/// What comes before the slug where a field is meant beyond doubt.
pub const PREFIX: &str = "fields.";

/// The names of a practice's custom fields.
pub struct FieldNames<'a> {
    catalogue: &'a Catalogue,
    by_name: HashMap<String, Vec<&'a Field>>,
}

/// What a column's name means.
pub enum Meant<'a> {
    /// None of the custom fields.
    Nothing,
    /// This one.
    Field(&'a Field),
    /// Any of these.
    Several(Vec<&'a Field>),
    /// This one, which lists bring no values of, and why.
    Refused(&'a Field, &'static str),
}

impl<'a> FieldNames<'a> {
    /// The practice's language.
    #[must_use]
    pub fn language(&self) -> Language {
        self.catalogue.language
    }

    /// The names of the fields of `catalogue`.
    #[must_use]
    pub fn of(catalogue: &'a Catalogue) -> Self {
        let mut by_name: HashMap<String, Vec<&Field>> = HashMap::new();
        for field in &catalogue.fields {
            let mut names: Vec<String> = field
                .names
                .0
                .values()
                .chain([&field.slug])
                .map(|name| folded(name))
                .filter(|name| !name.is_empty())
                .collect();
            names.sort_unstable();
            names.dedup();
            names.into_iter().for_each(|name| by_name.entry(name).or_default().push(field));
        }
        Self { catalogue, by_name }
    }

    /// Whether any field is called so.
    #[must_use]
    pub fn knows(&self, name: &str) -> bool {
        self.by_name.contains_key(&folded(name)) || self.by_slug(name).is_some()
    }

    /// The field that `fields.<slug>` names, usable or not.
    #[must_use]
    pub fn by_slug(&self, name: &str) -> Option<&'a Field> {
        self.catalogue.by_slug(name.trim().to_lowercase().strip_prefix(PREFIX)?)
    }

    /// What the name means. Fields that people see come before those that they do not see any more.
    #[must_use]
    pub fn meant(&self, name: &str) -> Meant<'a> {
        if let Some(field) = self.by_slug(name) {
            return decided(field);
        }
        let called = self.by_name.get(&folded(name)).map_or(&[][..], Vec::as_slice);
        let usable: Vec<&Field> = called.iter().copied().filter(|field| field.is_usable()).collect();
        match (usable.as_slice(), called) {
            ([], []) => Meant::Nothing,
            ([field], _) | ([], [field, ..]) => decided(field),
            _ => Meant::Several(usable),
        }
    }
}

fn decided(field: &Field) -> Meant<'_> {
    import_refusal(field).map_or(Meant::Field(field), |why| Meant::Refused(field, why))
}
