//! Page and control: HTML for people, JSON for tests. The routes are listed in the crate's documentation.
//!
//! Whatever changes something takes JSON or a method that browsers do not send across origins unasked, or refuses what
//! comes from a page (the token endpoint, which takes a form), and every request must name the server by address or as
//! `localhost`; so a page of the open web cannot switch anything, not even by pointing its own name at the loopback
//! address.

mod api;
mod html;
mod oauth;
mod pages;

#[cfg(test)]
mod tests;

use actix_web::{
    HttpResponse,
    body::MessageBody,
    dev::{HttpServiceFactory, ServiceRequest, ServiceResponse},
    http::{StatusCode, header},
    middleware::{self, Next},
    web,
};
use serde::Serialize;

use crate::SandboxError;

/// Largest request body.
const MAX_BODY: usize = 32 * 1024 * 1024;

/// Mounts pages and control.
pub(crate) fn routes(config: &mut web::ServiceConfig) {
    config.app_data(
        web::JsonConfig::default().limit(MAX_BODY).error_handler(|error, _| Refusal(error.to_string()).into()),
    );
    config.app_data(oauth::form_config());
    config.service(guarded());
}

fn guarded() -> impl HttpServiceFactory {
    web::scope("")
        .wrap(middleware::from_fn(only_by_address))
        .service(web::resource("/").route(web::get().to(pages::world)))
        .service(web::resource("/style.css").route(web::get().to(pages::style)))
        .service(web::resource("/mails/{id}").route(web::get().to(pages::mail)))
        .service(web::resource("/api/world").route(web::get().to(api::world)))
        .service(web::resource("/api/root.pem").route(web::get().to(api::root_certificate)))
        .service(web::resource("/api/authorities.pem").route(web::get().to(api::authorities)))
        .service(
            web::resource("/api/faults")
                .route(web::get().to(api::faults))
                .route(web::post().to(api::add_fault))
                .route(web::put().to(api::set_faults))
                .route(web::delete().to(api::clear_faults)),
        )
        .service(web::resource("/api/faults/{id}").route(web::delete().to(api::remove_fault)))
        .service(
            web::resource("/api/participants")
                .route(web::get().to(api::scripts))
                .route(web::put().to(api::set_scripts))
                .route(web::delete().to(api::clear_scripts)),
        )
        .service(
            web::resource("/api/participants/{identifier}")
                .route(web::get().to(api::script))
                .route(web::put().to(api::set_script))
                .route(web::delete().to(api::remove_script)),
        )
        .service(
            web::resource("/api/counters")
                .route(web::get().to(api::totals))
                .route(web::delete().to(api::reset_counters)),
        )
        .service(web::resource("/api/counters/{identifier}").route(web::get().to(api::requests)))
        .service(web::resource("/api/access-tokens").route(web::delete().to(api::revoke_access_tokens)))
        .service(web::resource("/oauth/token").route(web::post().to(oauth::token)))
        .service(web::resource("/api/mails").route(web::get().to(api::mails)).route(web::delete().to(api::clear_mails)))
        .service(web::resource("/api/mails/{id}").route(web::get().to(api::mail)))
        .service(web::resource("/api/mails/{id}/source").route(web::get().to(api::mail_source)))
}

/// Refuses requests that name the server otherwise than by IP address or as `localhost`, and adds the headers that every
/// answer has.
async fn only_by_address(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let is_known = host
        .parse::<actix_web::http::uri::Authority>()
        .is_ok_and(|authority| is_address(authority.host().trim_matches(['[', ']'])));
    if !is_known {
        let refused = HttpResponse::MisdirectedRequest().body("ask by address or as localhost\n");
        return Ok(request.into_response(refused).map_into_right_body());
    }
    let mut response = next.call(request).await?;
    let headers = response.headers_mut();
    let fixed = [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in fixed {
        headers.insert(name, header::HeaderValue::from_static(value));
    }
    Ok(response.map_into_left_body())
}

fn is_address(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<std::net::IpAddr>().is_ok()
}

/// What the control answers to a request it does not grant: status 400 and the reason.
#[derive(Debug, thiserror::Error, Serialize)]
#[error("{0}")]
struct Refusal(String);

impl From<SandboxError> for Refusal {
    fn from(error: SandboxError) -> Self {
        Self(error.to_string())
    }
}

impl actix_web::ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        StatusCode::BAD_REQUEST
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::BadRequest().json(serde_json::json!({ "error": self.0 }))
    }
}
