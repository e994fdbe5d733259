//! The front door: HTTP in, domain call, HTTP out.
//!
//! [`app`] is the whole application, used by `klaar serve` and by the tests; [`openapi`] is its description, made from the
//! same declarations. One file per room, each in the order `In`, `Patch`, `Out`, handlers, `routes`.

mod answers;
mod audit;
mod body;
mod bounces;
mod bulk_edits;
mod callers;
mod campaigns;
mod clients;
mod contacts;
mod custom_fields;
mod dead_jobs;
mod events;
mod exemptions;
mod guards;
mod health;
mod history;
mod idempotency;
mod identity;
mod limits;
mod listing;
mod lookups;
mod mounting;
mod openapi;
mod operations;
mod pages;
mod problem;
mod readiness;
mod relations;
mod reply;
mod selection;
mod senders;
mod shapes;
mod templates;
mod texts;
mod transfers;
mod views;
mod ways;

use std::sync::Arc;

use actix_cors::Cors;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::header;
use actix_web::middleware::{Compress, from_fn};
use actix_web::{App, HttpRequest, web};
use klaar_domain::kernel::config::Settings;
use klaar_domain::kernel::db::Db;
use klaar_domain::kernel::error::Error;
use klaar_domain::kernel::secrets::Keyring;
use klaar_domain::mail::{Letters, Mailer};
use klaar_domain::senders::Domains;
use klaar_domain::views::Lists;

use crate::mounting::Routes;

pub use callers::Callers;
pub use health::Meters;
pub use limits::Limiter;
pub use openapi::openapi;
pub use transfers::Places;

/// What the front door needs of its process. One for all threads.
pub struct State {
    /// The database.
    pub db: Db,
    /// The keys that seal kept replies.
    pub keyring: Keyring,
    /// All settings.
    pub settings: Settings,
    /// How often each caller has asked lately.
    pub limiter: Limiter,
    /// What is counted.
    pub meters: Meters,
    /// Callers that were known a moment ago.
    pub callers: Callers,
    /// What lists are answered from.
    pub lists: Lists,
    /// The exports that may be written at once.
    pub places: Places,
    /// The way to mail servers.
    pub mailer: Mailer,
    /// What DNS says of the domains that mails come from.
    pub domains: Domains,
    /// The delivered texts and the layout of mails.
    pub letters: Letters,
}

impl State {
    /// What tokens are sealed with until they are mailed; nothing where there is no mail server.
    #[must_use]
    pub fn mailing(&self) -> Option<&Keyring> {
        self.settings.mail.shared.is_some().then_some(&self.keyring)
    }

    /// The state of a process with these settings.
    ///
    /// # Errors
    /// [`Error::Internal`] when TLS to mail servers cannot be set up, or the system's resolver settings cannot be read.
    pub fn new(db: Db, keyring: Keyring, settings: Settings) -> Result<Arc<Self>, Error> {
        let (limiter, lists) = (Limiter::new(settings.rate_limit), Lists::new(settings.list_memory));
        let places = Places::of(settings.database_connections);
        let mailer = Mailer::new(&settings, db.clock().clone())?;
        let domains = Domains::new(&settings.lookups)?;
        let letters = Letters::new(settings.mail.templates.clone());
        let (meters, callers) = (Meters::default(), Callers::default());
        Ok(Arc::new(Self { db, keyring, settings, limiter, meters, callers, lists, places, mailer, domains, letters }))
    }
}

/// Everything under `/v1`.
fn routes(routes: &mut Routes<'_, '_>) {
    // Addresses are tried in this order, so those that are asked most come first.
    clients::routes(routes);
    views::routes(routes);
    identity::routes(routes);
    history::routes(routes);
    contacts::routes(routes);
    relations::routes(routes);
    custom_fields::routes(routes);
    bulk_edits::routes(routes);
    transfers::routes(routes);
    lookups::routes(routes);
    senders::routes(routes);
    bounces::routes(routes);
    templates::routes(routes);
    campaigns::routes(routes);
    readiness::routes(routes);
    operations::routes(routes);
    events::routes(routes);
    dead_jobs::routes(routes);
    audit::routes(routes);
}

/// The application with all its routes, documentation and middleware.
pub fn app(
    state: Arc<State>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl actix_web::body::MessageBody>,
        Error = actix_web::Error,
        InitError = (),
    >,
> {
    let cors = cors(&state.settings);
    App::new()
        .app_data(web::Data::from(Arc::clone(&state)))
        .app_data(body::query_config())
        .service(
            web::scope("/v1")
                .configure(|config| routes(&mut Routes::Served(config)))
                .wrap(from_fn(guards::known_first))
                .wrap(from_fn(limits::limit)),
        )
        .configure(health::routes)
        .configure(openapi::routes)
        .configure(identity::pages::routes)
        .configure(templates::pages::routes)
        .configure(campaigns::pages::routes)
        .default_service(web::to(nowhere))
        .wrap(Compress::default())
        .wrap(cors)
        .wrap(from_fn(health::observe))
}

fn cors(settings: &Settings) -> Cors {
    let mut cors = Cors::default()
        .allowed_methods(["GET", "POST", "PATCH", "PUT", "DELETE"])
        .allowed_headers([header::AUTHORIZATION, header::CONTENT_TYPE, header::IF_MATCH, header::ACCEPT_LANGUAGE])
        .allowed_header("Idempotency-Key")
        .expose_headers(["ETag", "Location", "RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-Id"])
        .max_age(3600);
    for origin in &settings.allowed_origins {
        cors = if origin == "*" { cors.allow_any_origin() } else { cors.allowed_origin(origin) };
    }
    cors
}

/// Answers what no handler answers: a known path with another method, or nothing at all.
async fn nowhere(request: HttpRequest) -> Result<actix_web::HttpResponse, problem::Problem> {
    match openapi::methods_allowed(request.path()) {
        Some(allow) => Err(problem::Problem::http("method_not_allowed", vec![("allow", allow)], &request)),
        None => Err(problem::Problem::of(Error::NotFound("resource"), &request)),
    }
}
