//! The page that shows a preview to whoever has its address.

use actix_web::http::{StatusCode, header};
use actix_web::web::{self, Data, Query};
use actix_web::{HttpRequest, HttpResponse, get};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use klaar_domain::clients::ClientId;
use klaar_domain::identity::{self, Practice, PracticeId};
use klaar_domain::kernel::catalogue::Language;
use klaar_domain::kernel::clock::Instant;
use klaar_domain::kernel::error::{Error, Result};
use klaar_domain::senders::{self, SenderId};
use klaar_domain::templates::{self, Asked, Attachment, Given, Preview, Template, TemplateId};
use serde::{Deserialize, Serialize};

use crate::State;
use crate::pages::{self, MailPage, OtherLanguage, Page, text};

/// For how long a link is good: a quarter of an hour, in seconds.
const GOOD_FOR: i64 = 900;
/// What links are sealed for.
const PLACE: &str = "template_previews";

/// What a link to a preview stands for.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Link {
    /// The practice.
    pub practice: PracticeId,
    /// The template.
    pub template: TemplateId,
    /// The client that it is written for.
    pub client: ClientId,
    /// Who it is from.
    pub sender: Option<SenderId>,
}

impl Link {
    /// The address of the page, which nobody can make without our key.
    ///
    /// # Errors
    /// When it cannot be sealed.
    pub fn url(self, state: &State, language: Language) -> Result<String> {
        let ends = state.db.clock().now().plus_seconds(GOOD_FOR);
        let sealed = state.keyring.seal(PLACE, &serde_json::to_vec(&(self, ends.0))?)?;
        let base = state.settings.public_url.as_str().trim_end_matches('/');
        Ok(format!("{base}/preview?token={}&language={language}", URL_SAFE_NO_PAD.encode(sealed)))
    }

    fn opened(state: &State, token: &str) -> Result<Self> {
        let gone = || Error::NotFound("preview");
        let sealed = URL_SAFE_NO_PAD.decode(token).map_err(|_| gone())?;
        let plain = state.keyring.open(PLACE, &sealed).map_err(|_| gone())?;
        let (link, ends): (Self, i64) = serde_json::from_slice(&plain)?;
        if state.db.clock().now() < Instant(ends) { Ok(link) } else { Err(gone()) }
    }

    fn preview(self, state: &State, language: Option<Language>) -> Result<(Template, Preview)> {
        state.db.read(|conn| {
            let practice: Practice = identity::find_practice(conn, self.practice)?;
            let given = Given { practice: &practice, letters: &state.letters };
            let sending = senders::Given { practice: &practice, mail: &state.settings.mail, keyring: &state.keyring };
            let template = templates::template(conn, given, self.template)?;
            let from = senders::from_of(conn, sending, self.sender)?;
            let asked = Asked { client: self.client, language };
            let preview = templates::preview(conn, given, &from, (&template.content, &template.attachments, asked))?;
            Ok((template, preview))
        })
    }
}

#[derive(Deserialize)]
struct Linked {
    #[serde(default)]
    token: String,
    #[serde(default)]
    language: String,
}

async fn opened(state: Data<State>, linked: &Linked) -> Result<(Template, Preview)> {
    let (token, language) = (linked.token.clone(), linked.language.parse().ok());
    let work = web::block(move || Link::opened(&state, &token)?.preview(&state, language));
    work.await.unwrap_or_else(|_| Err(Error::internal("the pool of blocking threads is gone")))
}

fn gone(language: Language) -> HttpResponse {
    let (title, lead) = (text(language, "gone_title", &[]), text(language, "preview_gone", &[]));
    pages::answer(StatusCode::NOT_FOUND, language, &Page { title, lead, ..Page::default() })
}

/// The files that a mail carries, with their sizes as people write them.
fn attached(reader: Language, attachments: &[Attachment]) -> Option<(String, Vec<String>)> {
    let size = |bytes: i64| match bytes {
        0..100_000 => format!("{} kB", (bytes + 999) / 1_000),
        _ => {
            let tenths = (bytes + 50_000) / 100_000;
            let point = if reader == Language::En { '.' } else { ',' };
            format!("{}{point}{} MB", tenths / 10, tenths % 10)
        }
    };
    let named = attachments.iter().map(|one| format!("{} ({})", one.name, size(one.octets))).collect();
    (!attachments.is_empty()).then(|| (text(reader, "preview_attached", &[]), named))
}

/// The page: who it is from and to, what it says in both forms, and the same in other languages.
#[get("/preview")]
async fn show(request: HttpRequest, linked: Query<Linked>, state: Data<State>) -> HttpResponse {
    let reader = pages::language(&request);
    let Ok((template, preview)) = opened(state, &linked).await else { return gone(reader) };
    let address = |language: Language, page: &str| format!("{page}?token={}&language={language}", linked.token);
    let others = template.content.0.keys().map(|&language| OtherLanguage {
        name: text(reader, &format!("language_{language}"), &[]),
        code: language,
        address: address(language, "preview"),
        is_shown: language == preview.language,
    });
    let party = |party: &klaar_domain::mail::Party| match party.name.as_str() {
        "" => party.address.clone(),
        name => format!("{name} <{}>", party.address),
    };
    let nobody = || text(reader, "preview_nobody", &[]);
    let missing = preview.missing.join(", ");
    let word = |key: &str| text(reader, key, &[]);
    let page = MailPage {
        title: preview.written.subject.clone(),
        written_in: preview.language,
        lead: text(reader, "preview_lead", &[("template", template.name.clone())]),
        from: (word("preview_from"), party(&preview.from)),
        to: (word("preview_to"), preview.to.as_ref().map_or_else(nobody, party)),
        attached: attached(reader, &preview.attachments),
        missing: (!missing.is_empty()).then(|| text(reader, "preview_missing", &[("variables", missing)])),
        languages: (word("preview_languages"), others.collect()),
        mail: (word("preview_html"), address(preview.language, "preview/mail")),
        text: (word("preview_text"), preview.written.text),
    };
    pages::answer_mail(reader, &page)
}

/// The mail by itself, in the frame of the page: it may load and run nothing.
#[get("/preview/mail")]
async fn mail(request: HttpRequest, linked: Query<Linked>, state: Data<State>) -> HttpResponse {
    let Ok((_, preview)) = opened(state, &linked).await else { return gone(pages::language(&request)) };
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox",
        ))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::CONTENT_LANGUAGE, preview.language.as_str()))
        .body(framed(&preview.written.html))
}

/// The mail for its frame: its keyboard reader can reach it to scroll it, and sees that. A frame without scripts shows nothing of
/// its focus by itself.
fn framed(html: &str) -> String {
    let style = "<style>body:focus-visible { outline: 3px solid #0b6e5f; outline-offset: -3px; }</style></head>";
    html.replacen("</head>", style, 1).replacen("<body", "<body tabindex=\"0\"", 1)
}

/// Mounts the pages.
pub fn routes(config: &mut web::ServiceConfig) {
    config.service(show).service(mail);
}
