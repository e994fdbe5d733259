//! What every practice has from the start: the category PEPPOL with the information mail. They have no rows until a practice
//! changes them, so practices that are older have them, too.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};
use uuid::Builder;

use super::given::Given;
use super::model::{Category, Content, Template, TemplateCategoryId, TemplateId, Text};
use crate::custom_fields::Labels;
use crate::identity::Practice;
use crate::kernel::Uid;
use crate::kernel::catalogue::{self, Language};
use crate::kernel::error::Result;
use crate::kernel::text;

/// The code of the delivered category. A mail of it informs a client about Peppol.
pub const CATEGORY: &str = "peppol";

/// A template that comes with the product. Its key never changes: it is its folder below `templates/`, too.
#[derive(Debug)]
pub struct Delivered {
    /// The key.
    pub key: &'static str,
}

/// All of them, in the order in which they are listed.
pub const DELIVERED: &[Delivered] = &[Delivered { key: "information" }];

/// The same for a practice always, without a row that says so.
fn derived(practice: &Practice, what: &str) -> Uid {
    let mut hasher = Sha256::new();
    hasher.update(practice.uid().0.as_bytes());
    hasher.update(what.as_bytes());
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(hasher.finalize()).for_each(|(byte, hashed)| *byte = hashed);
    Uid(Builder::from_custom_bytes(bytes).into_uuid())
}

/// The identifier of the delivered category in a practice.
pub fn category_id(practice: &Practice) -> TemplateCategoryId {
    TemplateCategoryId(derived(practice, "template_category/peppol"))
}

/// The delivered category as nobody has touched it.
pub fn category(practice: &Practice) -> Category {
    let names = Language::ALL.map(|language| (language.as_str().to_owned(), "PEPPOL".to_owned()));
    Category {
        id: category_id(practice),
        code: CATEGORY.to_owned(),
        names: Labels(BTreeMap::from(names)),
        active: true,
        is_delivered: true,
        revision: 1,
        updated_at: None,
    }
}

impl Delivered {
    /// The one with this key.
    pub fn named(key: &str) -> Option<&'static Self> {
        DELIVERED.iter().find(|one| one.key == key)
    }

    /// Its identifier in a practice.
    pub fn id(&self, practice: &Practice) -> TemplateId {
        TemplateId(derived(practice, &format!("template/{}", self.key)))
    }

    /// What it says.
    ///
    /// # Errors
    /// As [`Letters::source`](crate::mail::Letters::source).
    pub fn content(&self, given: Given<'_>) -> Result<Content> {
        let of = |language: Language| {
            let file = |name: &str| given.letters.source(&format!("templates/{}/{language}/{name}", self.key));
            let postscript = file("postscript.txt.hbs")?;
            let subject = file("subject.txt.hbs")?.trim().to_owned();
            let postscript = text::filled(&postscript).map(str::to_owned);
            Ok((language, Text { subject, body: file("body.html.hbs")?.trim().to_owned(), postscript }))
        };
        Ok(Content(Language::ALL.into_iter().map(of).collect::<Result<_>>()?))
    }

    /// The template as nobody has touched it.
    ///
    /// # Errors
    /// As [`Delivered::content`].
    pub fn template(&'static self, given: Given<'_>) -> Result<Template> {
        let language = given.practice.language.parse().unwrap_or_default();
        Ok(Template {
            id: self.id(given.practice),
            category: category_id(given.practice),
            name: catalogue::text(language, &format!("template.{}", self.key), &[]),
            active: true,
            content: self.content(given)?,
            attachments: Vec::new(),
            version: 1,
            delivered: Some(self),
            adapted: false,
            revision: 1,
            updated_at: None,
            is_stored: false,
        })
    }
}
