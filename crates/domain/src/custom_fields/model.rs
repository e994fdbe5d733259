//! The nouns: category, field, option.

use std::collections::BTreeMap;
use std::str::FromStr;

use crate::kernel::catalogue::Language;
use crate::kernel::clock::Instant;

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

/// A name in one or more languages, by language code.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Labels(pub BTreeMap<String, String>);

impl Labels {
    /// The name in `language`; where that is missing, in English, else in any.
    #[must_use]
    pub fn in_language(&self, language: Language) -> &str {
        let wanted = self.0.get(language.as_str()).or_else(|| self.0.get("en"));
        wanted.or_else(|| self.0.values().next()).map_or("", String::as_str)
    }
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// One line of text.
    Text,
    /// Text of several lines.
    LongText,
    /// A number.
    Number,
    /// A day.
    Date,
    /// Yes or no, or not filled in.
    YesNo,
    /// One of the field's options.
    Choice,
    /// The access point that the client is registered at: the system's, from the client's registration facts.
    AccessPoint,
}

impl FieldKind {
    const ALL: [Self; 7] =
        [Self::Text, Self::LongText, Self::Number, Self::Date, Self::YesNo, Self::Choice, Self::AccessPoint];

    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::LongText => "long_text",
            Self::Number => "number",
            Self::Date => "date",
            Self::YesNo => "yes_no",
            Self::Choice => "choice",
            Self::AccessPoint => "access_point",
        }
    }

    /// Whether the system owns the values, so that people see them and do not set them.
    #[must_use]
    pub fn is_system_owned(self) -> bool {
        self == Self::AccessPoint
    }
}

impl FromStr for FieldKind {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(())
    }
}

/// A category of fields.
#[derive(Debug, Clone)]
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
    /// When it was made.
    pub created_at: Instant,
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
    /// Its place within the category.
    pub position: i32,
    /// Switched on.
    pub active: bool,
    /// The options of a choice field, retired ones too, in their order.
    pub options: Vec<FieldOption>,
}

/// An option of a choice field.
#[derive(Debug, Clone)]
pub struct FieldOption {
    /// The key inside, which the documents store.
    pub key: i64,
    /// Its identifier.
    pub id: OptionId,
    /// What people read.
    pub label: String,
    /// Whether it came with the product.
    pub delivered: bool,
    /// Since when it is not offered any more; clients that have it keep it.
    pub retired_at: Option<Instant>,
}

/// All categories and fields of a practice.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    /// The categories in their order.
    pub categories: Vec<Category>,
    /// The fields in the order of categories and positions.
    pub fields: Vec<Field>,
}

impl Catalogue {
    /// The field that is called `slug`.
    #[must_use]
    pub fn by_slug(&self, slug: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.slug == slug)
    }

    /// The field with this key.
    #[must_use]
    pub fn by_key(&self, key: i64) -> Option<&Field> {
        self.fields.iter().find(|field| field.key == key)
    }
}
