//! The nouns: category, field, option, and all of a practice's together.

use std::collections::BTreeMap;

use super::delivered;
use super::kinds::FieldKind;
use crate::kernel::catalogue::Language;
use crate::kernel::clock::Instant;
use crate::kernel::text;

crate::id_type!(
    /// Identifies a category of custom fields.
    CategoryId,
    "cat"
);
crate::id_type!(
    /// Identifies a custom field.
    FieldId,
    "fld"
);
crate::id_type!(
    /// Identifies an option of a choice field.
    OptionId,
    "opt"
);

/// The most categories of a practice, archived ones included: nothing is ever deleted.
pub const MOST_CATEGORIES: usize = 50;
/// The most fields of a practice, archived ones included.
pub const MOST_FIELDS: usize = 300;
/// The most options of a field, retired ones included.
pub const MOST_OPTIONS: usize = 500;

/// A name in one or more languages, by language code.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Labels(pub BTreeMap<String, String>);

impl Labels {
    /// The name in `language`; where that is missing, in the practice's own, in English, else in any.
    #[must_use]
    pub fn in_language(&self, language: Language, own: Language) -> &str {
        let wanted = [language, own, Language::En].into_iter().find_map(|one| self.0.get(one.as_str()));
        wanted.or_else(|| self.0.values().next()).map_or("", String::as_str)
    }
}

/// A category of fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Category {
    /// Its identifier.
    pub id: CategoryId,
    /// Its stable name within the practice.
    pub slug: String,
    /// Its name for people.
    pub names: Labels,
    /// Its place among the categories.
    pub position: i32,
    /// Switched on.
    pub active: bool,
    /// Its fields are shown in "all clients".
    pub in_lists: bool,
    /// Whom it concerns: a filter tree, checked by `views::check_criteria`; everybody when there is none. The others' cards
    /// do not show its fields.
    pub criteria: Option<serde_json::Value>,
    /// Since when it and its fields are put away; `None` while it is there.
    pub archived_at: Option<Instant>,
    /// Raised with each change.
    pub revision: i64,
    /// When it was made.
    pub created_at: Instant,
}

impl Category {
    /// Whether it came with the product. Slugs never change and none comes twice.
    #[must_use]
    pub fn is_delivered(&self) -> bool {
        self.slug == delivered::CATEGORY_SLUG
    }
}

/// Whether people see a field and set its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Availability {
    /// It is shown and can be set.
    Usable,
    /// It or its category is switched off: neither shown nor settable, its values kept.
    SwitchedOff,
    /// It or its category is archived: neither shown nor settable, its values kept.
    Archived,
}

/// What a field held before its kind was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FormerKind {
    /// The audit entry of the change.
    pub until: i64,
    /// The kind until then.
    pub kind: FieldKind,
}

/// A field.
#[derive(Debug, Clone)]
pub struct Field {
    /// The key inside, which the change log and the documents use.
    pub key: i64,
    /// Its identifier.
    pub id: FieldId,
    /// Its category.
    pub category: CategoryId,
    /// Its stable name within the practice, by which a client's `fields` name it.
    pub slug: String,
    /// Its name for people.
    pub names: Labels,
    /// What it holds.
    pub kind: FieldKind,
    /// What it held before, the oldest first.
    pub former_kinds: Vec<FormerKind>,
    /// Its place within the category.
    pub position: i32,
    /// Switched on.
    pub active: bool,
    /// Since when it is put away; `None` while it is there.
    pub archived_at: Option<Instant>,
    /// What follows from its own state and its category's.
    pub availability: Availability,
    /// Raised with each change.
    pub revision: i64,
    /// The options that it has or, before its kind changed, had; retired ones too, in their order.
    pub options: Vec<FieldOption>,
}

impl Field {
    /// Whether people see it and set its values.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.availability == Availability::Usable
    }

    /// Whether it came with the product. Slugs never change and none comes twice.
    #[must_use]
    pub fn is_delivered(&self) -> bool {
        delivered::FIELDS.iter().any(|field| field.slug == self.slug)
    }

    /// The option with this key.
    #[must_use]
    pub fn option(&self, key: i64) -> Option<&FieldOption> {
        self.options.iter().find(|option| option.key == key)
    }

    /// The option that `typed` means: its identifier, or its label in any language and any case.
    #[must_use]
    pub fn option_meant(&self, typed: &str) -> Option<&FieldOption> {
        let folded = text::fold(typed);
        let by_id = typed.parse::<OptionId>().ok().and_then(|id| self.options.iter().find(|option| option.id == id));
        by_id.or_else(|| self.options.iter().find(|option| !folded.is_empty() && option.is_called(&folded)))
    }

    /// The option that stands for this one now: itself, or the one that it was merged into.
    #[must_use]
    pub fn standing_for<'a>(&'a self, option: &'a FieldOption) -> &'a FieldOption {
        // Each merge goes to an option that is offered, so the way is never longer than there are options.
        let next = |at: &&'a FieldOption| self.option(at.merged_into?);
        std::iter::successors(Some(option), next).take(self.options.len()).last().unwrap_or(option)
    }

    /// What it held before (`false`) and after (`true`) the change set of this audit entry.
    #[must_use]
    pub fn kind_at(&self, entry: i64, after: bool) -> FieldKind {
        let then = self.former_kinds.iter().find(|former| entry < former.until || (entry == former.until && !after));
        then.map_or(self.kind, |former| former.kind)
    }
}

/// An option of a choice field.
#[derive(Debug, Clone)]
pub struct FieldOption {
    /// The key inside, which the documents store.
    pub key: i64,
    /// Its identifier.
    pub id: OptionId,
    /// The field's key.
    pub field: i64,
    /// What people read.
    pub label: String,
    /// What people may also type, by language.
    pub labels: Labels,
    /// The folded label under which it was delivered, whatever it is called now; `None` for the practice's own.
    pub delivered_key: Option<String>,
    /// It stands for the practice's own solution.
    pub own: bool,
    /// Its place among the field's options.
    pub position: i32,
    /// Since when it is not offered any more; clients that have it keep it.
    pub retired_at: Option<Instant>,
    /// The key of the option that its clients got when the two were merged.
    pub merged_into: Option<i64>,
    /// Raised with each change.
    pub revision: i64,
}

impl FieldOption {
    /// Whether its label folds to `folded`, in any language.
    #[must_use]
    pub fn is_called(&self, folded: &str) -> bool {
        text::fold(&self.label) == folded || self.labels.0.values().any(|label| text::fold(label) == folded)
    }
}

/// All categories and fields of a practice.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    /// The categories in their order, archived ones too.
    pub categories: Vec<Category>,
    /// The fields in the order of categories and positions, also those that are switched off or archived.
    pub fields: Vec<Field>,
    /// The seat ids of the practice's own solution.
    pub own_seats: Vec<String>,
    /// The practice's language.
    pub language: Language,
}

impl Catalogue {
    /// The fields that people see, in their order.
    pub fn usable(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|field| field.is_usable())
    }

    /// The field that is called `slug`, usable or not.
    #[must_use]
    pub fn by_slug(&self, slug: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.slug == slug)
    }

    /// The field with this key.
    #[must_use]
    pub fn by_key(&self, key: i64) -> Option<&Field> {
        self.fields.iter().find(|field| field.key == key)
    }

    /// The category with this identifier.
    #[must_use]
    pub fn category(&self, id: CategoryId) -> Option<&Category> {
        self.categories.iter().find(|category| category.id == id)
    }

    /// The field with this identifier.
    #[must_use]
    pub fn field(&self, id: FieldId) -> Option<&Field> {
        self.fields.iter().find(|field| field.id == id)
    }

    /// The option with this identifier and its field.
    #[must_use]
    pub fn option(&self, id: OptionId) -> Option<(&Field, &FieldOption)> {
        let mut all = self.fields.iter().flat_map(|field| field.options.iter().map(move |option| (field, option)));
        all.find(|(_, option)| option.id == id)
    }
}
