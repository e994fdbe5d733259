//! The page where readers of marketing say that they want no more of it (RFC 8058): looking at it changes nothing, and one
//! request without any form, as mail programs send it, is enough.

use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Query};
use actix_web::{HttpRequest, HttpResponse, get, post};
use klaar_domain::campaigns;
use klaar_domain::kernel::catalogue::Language;
use klaar_domain::kernel::error::{Error, Result};
use serde::Deserialize;

use crate::State;
use crate::pages::{self, Confirmation, Page, text};

#[derive(Deserialize)]
struct Linked {
    #[serde(default)]
    token: String,
    #[serde(default)]
    language: String,
}

impl Linked {
    /// The language of the mail that the link stood in; for a link without one, what the reader's browser likes best.
    fn language(&self, request: &HttpRequest) -> Language {
        self.language.parse().unwrap_or_else(|()| pages::language(request))
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    web::block(work).await.unwrap_or_else(|_| Err(Error::internal("the pool of blocking threads is gone")))
}

fn refused(error: &Error, language: Language) -> HttpResponse {
    let (status, key) = match error {
        Error::NotFound(_) => (StatusCode::NOT_FOUND, "gone"),
        Error::Busy(_) => (StatusCode::SERVICE_UNAVAILABLE, "failed"),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "failed"),
    };
    let lead = if key == "gone" { "unsubscribe_unknown" } else { "failed_lead" };
    let (title, lead) = (text(language, &format!("{key}_title"), &[]), text(language, lead, &[]));
    pages::answer(status, language, &Page { title, lead, ..Page::default() })
}

/// Asks whether that is what the reader wants.
#[get("/unsubscribe")]
async fn ask(request: HttpRequest, linked: Query<Linked>, state: Data<State>) -> HttpResponse {
    let language = linked.language(&request);
    let token = linked.into_inner().token;
    let sought = token.clone();
    let found = blocking(move || state.db.read(|conn| campaigns::unsubscribing(conn, &state.keyring, &sought))).await;
    let (practice, _, address) = match found {
        Ok(found) => found,
        Err(error) => return refused(&error, language),
    };
    let params = [("practice", practice.name), ("address", address)];
    let page = Page {
        title: text(language, "unsubscribe_title", &[]),
        lead: text(language, "unsubscribe_lead", &params),
        confirmation: Some(Confirmation {
            action: format!("unsubscribe?token={token}&language={language}"),
            button: text(language, "unsubscribe_button", &[]),
        }),
        form: None,
    };
    pages::answer(StatusCode::OK, language, &page)
}

/// Does it, for whoever presses the button and for mail programs that ask for it.
#[post("/unsubscribe")]
async fn unsubscribe(request: HttpRequest, linked: Query<Linked>, state: Data<State>) -> HttpResponse {
    let language = linked.language(&request);
    let done = blocking(move || {
        let (practice, campaign, address) =
            state.db.read(|conn| campaigns::unsubscribing(conn, &state.keyring, &linked.token))?;
        state.db.write(|tx| campaigns::unsubscribe(tx, &practice, (campaign, &address)))?;
        Ok(practice.name)
    });
    match done.await {
        Ok(practice) => {
            let title = text(language, "unsubscribed_title", &[]);
            let lead = text(language, "unsubscribed_lead", &[("practice", practice)]);
            pages::answer(StatusCode::OK, language, &Page { title, lead, ..Page::default() })
        }
        Err(error) => refused(&error, language),
    }
}

/// Mounts the page.
pub fn routes(config: &mut web::ServiceConfig) {
    config.service(ask).service(unsubscribe);
}
