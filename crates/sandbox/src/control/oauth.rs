//! The token endpoint for mail accounts (RFC 6749, sections 5 and 6). It knows no clients: any client id is as good as
//! another.

use std::time::Instant;

use actix_web::{
    HttpRequest, HttpResponse,
    error::{InternalError, UrlencodedError},
    http::header::{ORIGIN, PRAGMA},
    web,
};
use serde::Deserialize;
use serde_json::json;

use crate::{mail::TOKEN_LIFE, world::World};

/// Longest form.
const MAX_FORM: usize = 64 * 1024;

/// What a client asks with. A parameter given twice is an error (RFC 6749, section 3.2); unknown ones do not matter.
#[derive(Debug, Deserialize)]
pub(super) struct TokenRequest {
    grant_type: Option<String>,
    refresh_token: Option<String>,
}

/// Takes forms of a bounded length, and refuses what is none as section 5.2 has it.
pub(super) fn form_config() -> web::FormConfig {
    let refused = |error: UrlencodedError, _: &HttpRequest| {
        tracing::debug!(%error, "a token request is no form");
        InternalError::from_response(error, refusal("invalid_request")).into()
    };
    web::FormConfig::default().limit(MAX_FORM).error_handler(refused)
}

/// Answers a refresh token with an access token.
///
/// A page of the open web could send such a form unasked, so whatever has an origin is refused: only browsers send one.
pub(super) async fn token(
    world: web::Data<World>,
    request: HttpRequest,
    form: web::Form<TokenRequest>,
) -> HttpResponse {
    if request.headers().contains_key(ORIGIN) {
        return refusal("invalid_request");
    }
    world.counters().count_token_request();
    let (Some(grant_type), refresh_token) = (&form.grant_type, &form.refresh_token) else {
        return refusal("invalid_request");
    };
    if grant_type != "refresh_token" {
        return refusal("unsupported_grant_type");
    }
    let Some(refresh_token) = refresh_token else {
        return refusal("invalid_request");
    };
    match world.accounts.refresh(refresh_token, Instant::now()) {
        Ok(Some(token)) => HttpResponse::Ok().insert_header((PRAGMA, "no-cache")).json(json!({
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": TOKEN_LIFE.as_secs(),
        })),
        Ok(None) => refusal("invalid_grant"),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}

fn refusal(error: &str) -> HttpResponse {
    HttpResponse::BadRequest().insert_header((PRAGMA, "no-cache")).json(json!({ "error": error }))
}
