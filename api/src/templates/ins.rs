//! What comes in.

use std::collections::BTreeMap;

use klaar_domain::kernel::patch::Patch;
use klaar_domain::templates::{NewTemplate, SaidText, TemplateChange};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::body::Whole;
use crate::shapes::{ChangedTexts, GivenTexts};

/// What a template is to say in one language.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TextIn {
    subject: String,
    body: String,
    postscript: Option<String>,
}

/// A template to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewTemplate, example = json!({
    "name": "Herinnering", "languages": { "en": {
        "subject": "A reminder for {{client.name}}",
        "body": "<p>{{#if contact.name}}Dear {{contact.name}},{{else}}Dear Sir or Madam,{{/if}}</p><p>Which software does {{client.name}} receive e-invoices with?</p>",
        "postscript": "You can simply answer this mail."
    } }
}))]
pub struct TemplateIn {
    /// What the practice calls it, up to 100 characters.
    #[schema(pattern = r"^[\s\x85]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]{0,99}[\s\x85]*$")]
    name: String,
    /// Its category; the delivered one, PEPPOL, when not given.
    category_id: Option<String>,
    /// What it says, by language; in the practice's own language at least. Placeholders name variables, which
    /// `/v1/template-variables` lists: `{{client.name}}`, `{{#if contact.name}}…{{else}}…{{/if}}`, `{{#unless contact.name}}…{{/unless}}`.
    #[schema(value_type = GivenTexts)]
    languages: BTreeMap<String, TextIn>,
}

/// A change to a template: an absent field stays, a value sets it; nothing can be cleared.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = TemplatePatch, example = json!({ "name": "Herinnering 2", "active": false }))]
pub struct TemplatePatch {
    /// What the practice calls it, up to 100 characters.
    #[schema(value_type = String, pattern = r"^[\s\x85]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]{0,99}[\s\x85]*$")]
    name: Patch<String>,
    /// Its category.
    #[schema(value_type = String)]
    category_id: Patch<String>,
    /// Switched on or off: one that is off cannot be sent.
    #[schema(value_type = bool)]
    active: Patch<bool>,
    /// What it says in some languages anew; other languages stay as they are, and null takes one away.
    #[schema(value_type = ChangedTexts)]
    languages: Patch<BTreeMap<String, Option<TextIn>>>,
}

/// What a template is brought back to: one of both.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TemplateRestoration, example = json!({ "delivered": true }))]
pub struct RestoreIn {
    /// The version that it is to say again.
    #[schema(value_type = Option<i32>, minimum = 1)]
    pub version: Option<Whole>,
    /// What it came with the product as.
    #[serde(default)]
    pub delivered: bool,
}

/// What to write for whom, without keeping it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewTextPreview, example = json!({
    "client_id": "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b",
    "languages": { "en": { "subject": "A reminder for {{client.name}}", "body": "<p>Dear Sir or Madam,</p>" } }
}))]
pub struct PreviewIn {
    /// The client that it is written for.
    pub client_id: String,
    /// The language; the one of whoever would get it when not given.
    #[schema(value_type = Option<crate::shapes::LanguageWord>)]
    pub language: Option<String>,
    /// Who it is from; the default sender when not given.
    pub sender_id: Option<String>,
    /// What it says, by language, in the practice's own at least.
    #[schema(value_type = GivenTexts)]
    pub languages: BTreeMap<String, TextIn>,
}

/// Where a test goes: to whoever asks for it, written as for a client.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TemplateTest, example = json!({ "client_id": "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "language": "fr" }))]
pub struct TestIn {
    /// The client that it is written for.
    pub client_id: String,
    /// The language; the client's when not given.
    #[schema(value_type = Option<crate::shapes::LanguageWord>)]
    pub language: Option<String>,
    /// Who it is from; the default sender when not given.
    pub sender_id: Option<String>,
}

/// Texts as the domain takes them.
pub fn said(languages: BTreeMap<String, TextIn>) -> BTreeMap<String, SaidText> {
    languages.into_iter().map(|(language, text)| (language, SaidText::from(text))).collect()
}

impl From<TextIn> for SaidText {
    fn from(TextIn { subject, body, postscript }: TextIn) -> Self {
        Self { subject, body, postscript }
    }
}

impl From<TemplateIn> for NewTemplate {
    fn from(typed: TemplateIn) -> Self {
        let TemplateIn { name, category_id, languages } = typed;
        Self { category: category_id, name, languages: said(languages) }
    }
}

impl From<TemplatePatch> for TemplateChange {
    fn from(typed: TemplatePatch) -> Self {
        let TemplatePatch { name, category_id, active, languages } = typed;
        let changed = |languages: BTreeMap<String, Option<TextIn>>| {
            languages.into_iter().map(|(language, text)| (language, text.map(SaidText::from))).collect()
        };
        Self { category: category_id, name, active, languages: languages.map(changed) }
    }
}
