//! How rooms mount their handlers. A server only serves them; what describes them is made when somebody asks for it, and
//! does not lie in the memory of every server until then.

use actix_web::dev::HttpServiceFactory;
use actix_web::web;
use utoipa_actix_web::OpenApiFactory;
use utoipa_actix_web::service_config::ServiceConfig;

/// Where a room mounts its handlers.
pub enum Routes<'r, 'c> {
    /// Into an application that serves them.
    Served(&'r mut web::ServiceConfig),
    /// Into the description.
    Described(&'r mut ServiceConfig<'c>),
}

impl Routes<'_, '_> {
    /// Mounts a handler, which has a description.
    pub fn service<H: HttpServiceFactory + OpenApiFactory + 'static>(&mut self, handler: H) -> &mut Self {
        match self {
            Self::Served(config) => {
                config.service(handler);
            }
            Self::Described(config) => {
                config.service(handler);
            }
        }
        self
    }
}
