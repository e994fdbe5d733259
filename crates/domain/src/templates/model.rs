//! The nouns: categories, templates, and what a template says.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::attachments::Attachment;
use super::delivered::Delivered;
use crate::custom_fields::Labels;
use crate::kernel::catalogue::Language;
use crate::kernel::clock::Instant;

crate::id_type!(
    /// Identifies a category of templates.
    TemplateCategoryId,
    "tca"
);
crate::id_type!(
    /// Identifies a template.
    TemplateId,
    "tpl"
);

/// The most templates of a practice.
pub const MOST_TEMPLATES: usize = 200;
/// The most categories of templates of a practice.
pub(super) const MOST_CATEGORIES: usize = 50;

/// A category of templates.
#[derive(Debug, Clone)]
pub struct Category {
    /// Its identifier.
    pub id: TemplateCategoryId,
    /// Its stable name within the practice.
    pub code: String,
    /// Its name for people.
    pub names: Labels,
    /// Switched on: its templates can be sent.
    pub active: bool,
    /// It came with the product.
    pub is_delivered: bool,
    /// Raised with each change.
    pub revision: i64,
    /// When it was last changed; `None` for a delivered one that nobody has touched.
    pub updated_at: Option<Instant>,
}

/// What a template says in one language, its placeholders not filled in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// One line of text.
    pub subject: String,
    /// HTML, as `markup` lets it through.
    pub body: String,
    /// Lines of text below the signature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postscript: Option<String>,
}

/// What a template says, by language.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Content(pub BTreeMap<Language, Text>);

impl Content {
    /// The language in which somebody who likes `wished` is written to: that one, or else the practice's, or any.
    #[must_use]
    pub fn language_for(&self, wished: Language, practice: Language) -> Option<Language> {
        let there = |language: &Language| self.0.contains_key(language);
        [wished, practice].into_iter().find(there).or_else(|| self.0.keys().next().copied())
    }
}

/// A template as it is now.
#[derive(Debug, Clone)]
pub struct Template {
    /// Its identifier.
    pub id: TemplateId,
    /// Its category.
    pub category: TemplateCategoryId,
    /// What the practice calls it.
    pub name: String,
    /// Switched on: it can be sent.
    pub active: bool,
    /// What it says.
    pub content: Content,
    /// What it has attached, in the order in which it came.
    pub attachments: Vec<Attachment>,
    /// The number of content and attachments, from 1 on.
    pub version: i64,
    /// What it came with the product as.
    pub delivered: Option<&'static Delivered>,
    /// The practice has changed its texts; attachments leave them the product's.
    pub adapted: bool,
    /// Raised with each change.
    pub revision: i64,
    /// When it was last changed; `None` for a delivered one that nobody has touched.
    pub updated_at: Option<Instant>,
    /// Whether it has a row.
    pub(super) is_stored: bool,
}

impl Template {
    /// Whether it is not as it came with the product any more, in its texts or in what it has attached.
    #[must_use]
    pub fn is_adapted(&self) -> bool {
        self.adapted || !self.attachments.is_empty()
    }
}

/// What a template said once.
#[derive(Debug, Clone)]
pub struct Version {
    /// Its number, from 1 on.
    pub number: i64,
    /// What it said.
    pub content: Content,
    /// What it had attached.
    pub attachments: Vec<Attachment>,
    /// Who wrote it: kind, identifier, name; `None` for the product.
    pub actor: Option<(String, Option<String>, String)>,
    /// When; `None` for a delivered text that nobody has touched.
    pub created_at: Option<Instant>,
}
