//! What goes out.

use std::collections::BTreeMap;

use klaar_domain::identity::Practice;
use klaar_domain::kernel::catalogue::Language;
use klaar_domain::templates::{Attachment, Category, Content, Described, Preview, Template, Text, Version};
use serde::Serialize;
use utoipa::ToSchema;

use crate::answers::{MailReason, VariableKind};
use crate::audit::ActorOut;
use crate::shapes::LanguageWord;

/// Categories of templates.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TemplateCategories, example = json!({ "items": [{ "id": "tca_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "code": "peppol", "name": "PEPPOL",
    "names": { "nl": "PEPPOL" }, "delivered": true, "active": true, "revision": 1, "updated_at": null }] }))]
pub struct TemplateCategoriesOut {
    /// The delivered one, then the others in the order in which they were made.
    pub items: Vec<TemplateCategoryOut>,
}

/// A category of templates.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TemplateCategory, example = json!({ "id": "tca_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "code": "peppol", "name": "PEPPOL",
    "names": { "nl": "PEPPOL" }, "delivered": true, "active": true, "revision": 1, "updated_at": null }))]
pub struct TemplateCategoryOut {
    /// The category's identifier.
    id: String,
    /// Its stable name within the practice.
    code: String,
    /// Its name in the caller's language.
    name: String,
    /// Its name in all languages it has.
    names: BTreeMap<String, String>,
    /// It came with the product; mails of its templates inform a client about Peppol.
    delivered: bool,
    /// Switched on: its templates can be sent.
    active: bool,
    /// Raised with each change; also the ETag.
    revision: i64,
    /// When it was last changed; null for a delivered one that nobody has touched.
    updated_at: Option<String>,
}

impl TemplateCategoryOut {
    /// The category for a reader of this language.
    pub fn of(category: &Category, (practice, language): (&Practice, Language)) -> Self {
        let own = practice.language.parse().unwrap_or_default();
        Self {
            id: category.id.to_string(),
            code: category.code.clone(),
            name: category.names.in_language(language, own).to_owned(),
            names: category.names.0.clone(),
            delivered: category.is_delivered,
            active: category.active,
            revision: category.revision,
            updated_at: category.updated_at.map(|at| at.to_string()),
        }
    }
}

/// The variables of templates.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TemplateVariables, example = json!({ "items": [{ "name": "client.name", "kind": "text", "always": true,
    "description": "The client's name.", "example": "Bakkerij Peeters" }] }))]
pub struct VariablesOut {
    /// The fixed ones, then the practice's custom fields.
    pub items: Vec<VariableOut>,
}

/// A variable of templates.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TemplateVariable, example = json!({ "name": "client.name", "kind": "text", "always": true, "description": "The client's name.",
    "example": "Bakkerij Peeters" }))]
pub struct VariableOut {
    /// What placeholders call it.
    name: String,
    /// A `link` may also be the address of a link: `<a href="{{links.unsubscribe}}">`.
    #[schema(value_type = VariableKind)]
    kind: &'static str,
    /// It has a value in every mail. One that has none stops the mails without it, unless it stands in a choice by
    /// `{{#if …}}`.
    always: bool,
    /// What it is, in the caller's language.
    description: String,
    /// What it looks like; null for a custom field.
    example: Option<&'static str>,
}

impl From<Described> for VariableOut {
    fn from(one: Described) -> Self {
        let Described { name, kind, is_always_there, description, example } = one;
        Self { name, kind: kind.as_str(), always: is_always_there, description, example }
    }
}

/// Templates without what they say.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Templates, example = json!({ "items": [{ "id": "tpl_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b",
    "category_id": "tca_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "name": "Information about Peppol", "active": true, "delivered": true, "adapted": false,
    "version": 1, "written_in": ["nl", "fr", "de", "en"], "revision": 1, "updated_at": null }] }))]
pub struct TemplatesOut {
    /// The delivered ones, then the others in the order in which they were made.
    pub items: Vec<TemplateHeadOut>,
}

/// A template without what it says.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TemplateHead, example = json!({ "id": "tpl_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "category_id": "tca_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b",
    "name": "Information about Peppol", "active": true, "delivered": true, "adapted": false, "version": 1,
    "written_in": ["nl", "fr", "de", "en"], "revision": 1, "updated_at": null }))]
pub struct TemplateHeadOut {
    /// The template's identifier.
    id: String,
    /// Its category.
    category_id: String,
    /// What the practice calls it.
    name: String,
    /// Switched on: it can be sent while its category is on, too.
    active: bool,
    /// It came with the product: it can be adapted, restored and switched off, not deleted.
    delivered: bool,
    /// It says something else than what came with the product, or has something attached.
    adapted: bool,
    /// The number of what it says and has attached now.
    version: i64,
    /// The languages that it is written in; readers of others get the practice's own.
    #[schema(value_type = Vec<LanguageWord>)]
    written_in: Vec<Language>,
    /// Raised with each change; also the ETag.
    revision: i64,
    /// When it was last changed; null for a delivered one that nobody has touched.
    updated_at: Option<String>,
}

impl From<&Template> for TemplateHeadOut {
    fn from(template: &Template) -> Self {
        Self {
            id: template.id.to_string(),
            category_id: template.category.to_string(),
            name: template.name.clone(),
            active: template.active,
            delivered: template.delivered.is_some(),
            adapted: template.delivered.is_some() && template.is_adapted(),
            version: template.version,
            written_in: template.content.0.keys().copied().collect(),
            revision: template.revision,
            updated_at: template.updated_at.map(|at| at.to_string()),
        }
    }
}

/// A template.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Template, example = json!({ "id": "tpl_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "category_id": "tca_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b",
    "name": "Herinnering", "active": true, "delivered": false, "adapted": false, "version": 1, "written_in": ["nl"],
    "revision": 1, "updated_at": "2026-11-22T09:00:00.000000Z",
    "languages": { "nl": { "subject": "Herinnering voor {{client.name}}", "body": "<p>Geachte,</p>", "postscript": null } }, "attachments": [] }))]
pub struct TemplateOut {
    /// What it is.
    #[serde(flatten)]
    head: TemplateHeadOut,
    /// What it says, by language.
    #[schema(value_type = std::collections::HashMap<String, TextOut>)]
    languages: BTreeMap<Language, TextOut>,
    /// What it has attached, in the order in which it came.
    attachments: Vec<AttachmentOut>,
}

/// What a template has attached.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TemplateAttachments, example = json!({ "items": [{ "id": "tat_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "name": "opdrachtbrief.pdf",
    "language": "nl", "media_type": "application/pdf", "bytes": 184320,
    "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" }], "revision": 2 }))]
pub struct AttachmentsOut {
    /// In the order in which it came.
    items: Vec<AttachmentOut>,
    /// The template's; also the ETag that a change of its attachments names.
    revision: i64,
}

impl AttachmentsOut {
    /// Of this template.
    pub fn of(template: &Template) -> Self {
        Self { items: attached(&template.attachments), revision: template.revision }
    }
}

/// A file that mails carry.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TemplateAttachment, example = json!({ "id": "tat_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "name": "opdrachtbrief.pdf",
    "language": "nl", "media_type": "application/pdf", "bytes": 184320,
    "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" }))]
pub struct AttachmentOut {
    /// Its identifier, the same in all versions that have it.
    id: String,
    /// What readers see.
    name: String,
    /// The language of the mails that carry it; null for all.
    #[schema(value_type = Option<LanguageWord>)]
    language: Option<Language>,
    /// What it goes out as; of text with its characters' encoding.
    media_type: String,
    /// How large it is. On its way it has a third more.
    bytes: i64,
    /// The SHA-256 of what is in it, in hexadecimal digits.
    sha256: String,
}

fn attached(attachments: &[Attachment]) -> Vec<AttachmentOut> {
    let out = |one: &Attachment| AttachmentOut {
        id: one.id.to_string(),
        name: one.name.clone(),
        language: one.language,
        media_type: one.media_type.clone(),
        bytes: one.octets,
        sha256: one.sha256(),
    };
    attachments.iter().map(out).collect()
}

/// What a template says in one language.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TemplateText, example = json!({ "subject": "Herinnering voor {{client.name}}", "body": "<p>Geachte,</p>", "postscript": null }))]
pub struct TextOut {
    /// One line.
    subject: String,
    /// HTML.
    body: String,
    /// Lines of text below the signature.
    postscript: Option<String>,
}

fn texts(content: &Content) -> BTreeMap<Language, TextOut> {
    let out = |text: &Text| {
        let Text { subject, body, postscript } = text.clone();
        TextOut { subject, body, postscript }
    };
    content.0.iter().map(|(language, text)| (*language, out(text))).collect()
}

impl From<&Template> for TemplateOut {
    fn from(template: &Template) -> Self {
        let (languages, attachments) = (texts(&template.content), attached(&template.attachments));
        Self { head: TemplateHeadOut::from(template), languages, attachments }
    }
}

/// What a template said once.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TemplateVersion, example = json!({ "version": 1, "languages": { "nl": { "subject": "Herinnering", "body": "<p>Geachte,</p>", "postscript": null } },
    "attachments": [], "actor": { "kind": "member", "id": "mem_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "name": "Céline Maes" }, "created_at": "2026-11-22T09:00:00.000000Z" }))]
pub struct VersionOut {
    /// Its number.
    version: i64,
    /// What it said, by language.
    #[schema(value_type = std::collections::HashMap<String, TextOut>)]
    languages: BTreeMap<Language, TextOut>,
    /// What it had attached.
    attachments: Vec<AttachmentOut>,
    /// Who wrote it; null for the product.
    actor: Option<ActorOut>,
    /// When; null for a delivered text that nobody has touched.
    created_at: Option<String>,
}

impl From<Version> for VersionOut {
    fn from(version: Version) -> Self {
        Self {
            version: version.number,
            languages: texts(&version.content),
            attachments: attached(&version.attachments),
            actor: version.actor.map(|(kind, id, name)| ActorOut { kind, id, name }),
            created_at: version.created_at.map(|at| at.to_string()),
        }
    }
}

/// A mail as it would go out.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MailPreview, example = json!({ "language": "nl", "from": { "name": "Maes & Partners", "address": "info@maes.example" },
    "to": { "name": "", "address": "info@peeters.example" }, "reason": "card", "subject": "Herinnering voor Bakkerij Peeters",
    "html": "<!doctype html>…", "text": "Geachte,\n", "missing": [], "attachments": [], "page_url": "https://klaar.maes.example/preview?token=…" }))]
pub struct PreviewOut {
    /// The language that it is in.
    #[schema(value_type = LanguageWord)]
    language: Language,
    /// Who it would be from.
    from: PartyOut,
    /// Who would get it; null when neither card nor contacts have an address.
    to: Option<PartyOut>,
    /// Why that address: the contact that gets notices, the card's, a contact's, or none.
    #[schema(value_type = MailReason)]
    reason: String,
    /// Its subject.
    subject: String,
    /// Its HTML, a whole document. Show it in a frame with `sandbox`.
    html: String,
    /// Its text.
    text: String,
    /// Variables without a value for this client, which stand there as `[name]`: as long as there are any, it cannot be sent.
    missing: Vec<String>,
    /// What it carries; texts that are not kept carry nothing.
    attachments: Vec<AttachmentOut>,
    /// A page that shows it, for a quarter of an hour, to whoever has the address; null for texts that are not kept.
    page_url: Option<String>,
}

/// A name and an address.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MailParty, example = json!({ "name": "Maes & Partners", "address": "info@maes.example" }))]
pub struct PartyOut {
    /// The name; may be empty.
    name: String,
    /// The address.
    address: String,
}

impl PreviewOut {
    /// The preview, with where its page is.
    pub fn of(preview: Preview, page_url: Option<String>) -> Self {
        let party = |party: klaar_domain::mail::Party| PartyOut { name: party.name, address: party.address };
        Self {
            language: preview.language,
            from: party(preview.from),
            to: preview.to.map(party),
            reason: preview.reason,
            subject: preview.written.subject,
            html: preview.written.html,
            text: preview.written.text,
            missing: preview.missing,
            attachments: attached(&preview.attachments),
            page_url,
        }
    }
}
