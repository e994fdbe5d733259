//! Pages for people who follow a link in a mail: one look, no scripts, nothing from elsewhere, in the reader's language.

use std::sync::LazyLock;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use handlebars::Handlebars;
use klaar_domain::kernel::catalogue::{self, Language};
use klaar_domain::kernel::error::{Error, Result};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

const STYLE: &str = include_str!("page.css");
const PAGE: &str = include_str!("page.html.hbs");
const MAIL: &str = include_str!("mail.html.hbs");

/// The page, compiled once in a process.
static TEMPLATES: LazyLock<Result<Handlebars<'static>>> = LazyLock::new(|| {
    let mut templates = Handlebars::new();
    templates.set_strict_mode(true);
    templates.register_template_string("page", PAGE).map_err(Error::internal)?;
    templates.register_template_string("mail", MAIL).map_err(Error::internal)?;
    Ok(templates)
});

/// What a page may load: its own style, and a mail that it shows. It may only be sent back to where it is from.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let style = STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
});

/// What a page says.
#[derive(Debug, Default, Serialize)]
pub struct Page {
    /// The heading.
    pub title: String,
    /// What stands below it.
    pub lead: String,
    /// What there is to fill in.
    pub form: Option<PasswordForm>,
    /// What there is to confirm.
    pub confirmation: Option<Confirmation>,
}

/// A button that does what the page speaks of.
#[derive(Debug, Serialize)]
pub struct Confirmation {
    /// Where it goes, beside the page: what stands before may be a proxy's.
    pub action: String,
    /// The words on it.
    pub button: String,
}

/// A form that sets a password.
#[derive(Debug, Serialize)]
pub struct PasswordForm {
    /// Where it goes, beside the page: what stands before may be a proxy's.
    pub action: &'static str,
    /// The token that says whose password it is.
    pub token: String,
    /// What the field is called.
    pub label: String,
    /// What helps to fill it in.
    pub hint: String,
    /// The words on the button.
    pub button: String,
    /// What was wrong with what was sent, or nothing.
    pub fault: String,
}

/// What the page of a mail shows; words come with what they stand above.
#[derive(Debug, Serialize)]
pub struct MailPage {
    /// The mail's subject.
    pub title: String,
    /// The language that the mail is in; the page around it is in its reader's.
    pub written_in: Language,
    /// What the page is.
    pub lead: String,
    /// Who it is from.
    pub from: (String, String),
    /// Who gets it.
    pub to: (String, String),
    /// The files that it carries, with their sizes, if it does.
    pub attached: Option<(String, Vec<String>)>,
    /// What it lacks, if it does.
    pub missing: Option<String>,
    /// The same in other languages.
    pub languages: (String, Vec<OtherLanguage>),
    /// Where the mail itself is.
    pub mail: (String, String),
    /// Its text.
    pub text: (String, String),
}

/// A language that a mail is written in.
#[derive(Debug, Serialize)]
pub struct OtherLanguage {
    /// What its own readers call it.
    pub name: String,
    /// The language.
    pub code: Language,
    /// Where the mail is in that language.
    pub address: String,
    /// It is this page.
    pub is_shown: bool,
}

#[derive(Serialize)]
struct Whole<'a, P> {
    language: Language,
    style: &'static str,
    brand: String,
    #[serde(flatten)]
    page: &'a P,
}

/// The language that the reader's browser likes best among ours.
#[must_use]
pub fn language(request: &HttpRequest) -> Language {
    let wished = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    wished.map_or_else(Language::default, Language::negotiate)
}

/// A text of the pages.
#[must_use]
pub fn text(language: Language, key: &str, params: &[(&'static str, String)]) -> String {
    catalogue::text(language, &format!("page.{key}"), params)
}

/// The page as an answer. It is kept nowhere, and where it leads does not learn its address, which has a token in it.
#[must_use]
pub fn answer(status: StatusCode, language: Language, page: &Page) -> HttpResponse {
    written("page", status, language, page)
}

/// The page of a mail as an answer, as [`answer`] does it.
#[must_use]
pub fn answer_mail(language: Language, page: &MailPage) -> HttpResponse {
    written("mail", StatusCode::OK, language, page)
}

fn written<P: Serialize>(template: &str, status: StatusCode, language: Language, page: &P) -> HttpResponse {
    let whole = Whole { language, style: STYLE, brand: text(language, "brand", &[]), page };
    let rendered = TEMPLATES.as_ref().map_err(ToString::to_string);
    let rendered = rendered.and_then(|templates| templates.render(template, &whole).map_err(|fault| fault.to_string()));
    match rendered {
        Ok(html) => HttpResponse::build(status)
            .content_type("text/html; charset=utf-8")
            .insert_header((header::CONTENT_SECURITY_POLICY, POLICY.as_str()))
            .insert_header((header::REFERRER_POLICY, "no-referrer"))
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .insert_header((header::CONTENT_LANGUAGE, language.as_str()))
            .body(html),
        Err(fault) => {
            tracing::error!(%fault, "a page cannot be written");
            HttpResponse::InternalServerError().finish()
        }
    }
}
