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

/// The page, compiled once in a process.
static TEMPLATES: LazyLock<Result<Handlebars<'static>>> = LazyLock::new(|| {
    let mut templates = Handlebars::new();
    templates.set_strict_mode(true);
    templates.register_template_string("page", PAGE).map_err(Error::internal)?;
    Ok(templates)
});

/// What a page may load: its own style and nothing else. It may only be sent back to where it is from.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let style = STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
});

/// What a page says.
#[derive(Debug, Serialize)]
pub struct Page {
    /// The heading.
    pub title: String,
    /// What stands below it.
    pub lead: String,
    /// What there is to fill in.
    pub form: Option<PasswordForm>,
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

#[derive(Serialize)]
struct Whole<'a> {
    language: Language,
    style: &'static str,
    brand: String,
    #[serde(flatten)]
    page: &'a Page,
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
    let whole = Whole { language, style: STYLE, brand: text(language, "brand", &[]), page };
    let rendered = TEMPLATES.as_ref().map_err(ToString::to_string);
    let rendered = rendered.and_then(|templates| templates.render("page", &whole).map_err(|fault| fault.to_string()));
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
