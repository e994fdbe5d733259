//! The pages that the links of invitations and password resets lead to.

use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Form, Query};
use actix_web::{HttpRequest, HttpResponse, get, post};
use klaar_domain::identity;
use klaar_domain::kernel::catalogue::{self, Language};
use klaar_domain::kernel::error::{Error, Result};
use serde::Deserialize;

use crate::State;
use crate::pages::{self, Page, PasswordForm, text};

/// What a link brings along.
#[derive(Deserialize)]
struct Linked {
    #[serde(default)]
    token: String,
}

/// What a form brings along.
#[derive(Deserialize)]
struct Filled {
    #[serde(default)]
    token: String,
    #[serde(default)]
    password: String,
}

/// Which of the two links it is.
#[derive(Clone, Copy)]
enum Way {
    Invitation,
    Reset,
}

impl Way {
    /// The page that asks for a password, while the token is good for one.
    fn page(self, state: &State, token: &str, language: Language) -> Result<Page> {
        let now = state.db.clock().now();
        let (title, lead, action) = match self {
            Self::Invitation => {
                let invited = state.db.read(|conn| identity::invitation_of(conn, token, now))?;
                let title = text(language, "welcome_title", &[("practice", invited.practice)]);
                (title, text(language, "welcome_lead", &[("name", invited.name)]), "welcome")
            }
            Self::Reset => {
                let name = state.db.read(|conn| identity::reset_of(conn, token, now))?;
                let lead = text(language, "reset_lead", &[("name", name)]);
                (text(language, "reset_title", &[]), lead, "new-password")
            }
        };
        let form = PasswordForm {
            action,
            token: token.to_owned(),
            label: text(language, "password", &[]),
            hint: text(language, "password_hint", &[]),
            button: text(language, "save", &[]),
            fault: String::new(),
        };
        Ok(Page { title, lead, form: Some(form), confirmation: None })
    }

    fn accept(self, state: &State, token: &str, password: &str) -> Result<()> {
        match self {
            Self::Invitation => identity::accept_invitation(&state.db, token, password),
            Self::Reset => identity::accept_reset(&state.db, token, password),
        }
    }

    /// Shows the page, or says that the link works no more.
    async fn show(self, request: &HttpRequest, state: Data<State>, token: String) -> HttpResponse {
        let language = pages::language(request);
        let page = web::block(move || self.page(&state, &token, language)).await;
        match page.unwrap_or_else(|_| Err(Error::internal("the pool of blocking threads is gone"))) {
            Ok(page) => pages::answer(StatusCode::OK, language, &page),
            Err(error) => refused(&error, language),
        }
    }

    /// Sets the password; when it will not do, shows the page again and says why.
    async fn set(self, request: &HttpRequest, state: Data<State>, filled: Filled) -> HttpResponse {
        let language = pages::language(request);
        let done = web::block(move || {
            let Filled { token, password } = filled;
            match self.accept(&state, &token, &password) {
                Ok(()) => Ok(None),
                Err(Error::Invalid(faults)) => {
                    let Some(fault) = faults.iter().find(|fault| fault.pointer == "/password") else {
                        return Err(Error::Invalid(faults));
                    };
                    let mut page = self.page(&state, &token, language)?;
                    if let Some(form) = &mut page.form {
                        form.fault = catalogue::text(language, &format!("field.{}", fault.code), &fault.params);
                    }
                    Ok(Some(page))
                }
                Err(error) => Err(error),
            }
        });
        match done.await.unwrap_or_else(|_| Err(Error::internal("the pool of blocking threads is gone"))) {
            Ok(None) => pages::answer(StatusCode::OK, language, &plain(language, "saved")),
            Ok(Some(page)) => pages::answer(StatusCode::UNPROCESSABLE_ENTITY, language, &page),
            Err(error) => refused(&error, language),
        }
    }
}

/// A page that only says something.
fn plain(language: Language, what: &str) -> Page {
    let of = |part: &str| text(language, &format!("{what}_{part}"), &[]);
    Page { title: of("title"), lead: of("lead"), ..Page::default() }
}

fn refused(error: &Error, language: Language) -> HttpResponse {
    match error {
        Error::Invalid(_) => pages::answer(StatusCode::GONE, language, &plain(language, "gone")),
        error => {
            tracing::error!(%error, "a page could not be shown");
            pages::answer(StatusCode::SERVICE_UNAVAILABLE, language, &plain(language, "failed"))
        }
    }
}

#[get("/welcome")]
async fn show_invitation(request: HttpRequest, state: Data<State>, linked: Query<Linked>) -> HttpResponse {
    Way::Invitation.show(&request, state, linked.into_inner().token).await
}

#[post("/welcome")]
async fn accept_invitation(request: HttpRequest, state: Data<State>, filled: Form<Filled>) -> HttpResponse {
    Way::Invitation.set(&request, state, filled.into_inner()).await
}

#[get("/new-password")]
async fn show_reset(request: HttpRequest, state: Data<State>, linked: Query<Linked>) -> HttpResponse {
    Way::Reset.show(&request, state, linked.into_inner().token).await
}

#[post("/new-password")]
async fn accept_reset(request: HttpRequest, state: Data<State>, filled: Form<Filled>) -> HttpResponse {
    Way::Reset.set(&request, state, filled.into_inner()).await
}

/// Mounts the pages; they are for people, not part of the API.
pub fn routes(config: &mut web::ServiceConfig) {
    config.service(show_invitation).service(accept_invitation).service(show_reset).service(accept_reset);
}
