//! Problem documents (RFC 9457): the only file that decides a status code.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use klaar_domain::kernel::catalogue::{self, Language};
use klaar_domain::kernel::error::{Error, FieldError, Params};
use serde::Serialize;
use utoipa::ToSchema;

/// Why a request did not do what was asked.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem, example = json!({
    "type": "urn:klaar:problem:invalid", "title": "Some fields are wrong.", "status": 422, "code": "invalid", "params": {},
    "errors": [{ "pointer": "/enterprise_number", "code": "check_digits", "params": {}, "message": "The check digits are wrong." }]
}))]
pub struct ProblemOut {
    /// Stable name of the kind of problem; `urn:klaar:problem:` and the code.
    #[serde(rename = "type")]
    kind: String,
    /// What happened and what to do, in the language asked for by `Accept-Language`.
    title: String,
    /// The HTTP status again.
    status: u16,
    /// Stable code for programs.
    code: String,
    /// What the title speaks of.
    params: std::collections::BTreeMap<String, String>,
    /// One entry for each wrong field; empty when the problem is no wrong field.
    errors: Vec<FieldProblemOut>,
}

/// A wrong field.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FieldProblem, example = json!({ "pointer": "/email", "code": "malformed_email", "params": {}, "message": "This is not an e-mail address." }))]
pub struct FieldProblemOut {
    /// JSON pointer (RFC 6901) into the request's body, or `/` and the name of the query parameter.
    pointer: String,
    /// Stable code for programs.
    code: String,
    /// What the message speaks of.
    params: std::collections::BTreeMap<String, String>,
    /// What is wrong and how to mend it, in the language asked for.
    message: String,
}

/// An error on its way out, with the language that its texts are to be in.
#[derive(Debug)]
pub struct Problem {
    cause: Cause,
    language: Language,
}

#[derive(Debug)]
enum Cause {
    Domain(Error),
    Http { status: StatusCode, code: &'static str, params: Params },
}

impl Problem {
    /// A refused or failed verb.
    pub fn of(error: Error, request: &HttpRequest) -> Self {
        Self { cause: Cause::Domain(error), language: language_of(request) }
    }

    /// The same when the language is known already.
    pub fn in_language(error: Error, language: Language) -> Self {
        Self { cause: Cause::Domain(error), language }
    }

    /// A request that HTTP itself is at odds with: unreadable, too large, of the wrong type or method.
    pub fn http(code: &'static str, params: Params, request: &HttpRequest) -> Self {
        let status = match code {
            "malformed_json" | "malformed_query" | "malformed_header" => StatusCode::BAD_REQUEST,
            "too_large" => StatusCode::PAYLOAD_TOO_LARGE,
            "not_json" | "wrong_content_type" | "content_type_mismatch" => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "method_not_allowed" => StatusCode::METHOD_NOT_ALLOWED,
            _ => StatusCode::NOT_FOUND,
        };
        Self { cause: Cause::Http { status, code, params }, language: language_of(request) }
    }

    fn code(&self) -> &'static str {
        match &self.cause {
            Cause::Http { code, .. } => code,
            Cause::Domain(error) => match error {
                Error::NotFound(_) => "not_found",
                Error::Invalid(_) => "invalid",
                Error::Conflict(conflict) => conflict.code,
                Error::Unauthenticated => "unauthenticated",
                Error::WrongCredentials => "wrong_credentials",
                Error::Forbidden(_) => "forbidden",
                Error::Stale => "stale",
                Error::ConditionRequired => "condition_required",
                Error::TooMany(_) => "too_many_requests",
                Error::Busy(_) => "busy",
                Error::Internal(_) => "internal",
            },
        }
    }

    fn params(&self) -> Params {
        match &self.cause {
            Cause::Http { params, .. } => params.clone(),
            Cause::Domain(Error::NotFound(what)) => vec![("what", (*what).to_owned())],
            Cause::Domain(Error::Conflict(conflict)) => conflict.params.clone(),
            Cause::Domain(Error::Forbidden(right)) => vec![("right", (*right).to_owned())],
            Cause::Domain(Error::TooMany(seconds)) => vec![("seconds", seconds.to_string())],
            Cause::Domain(_) => Params::new(),
        }
    }

    fn errors(&self) -> &[FieldError] {
        match &self.cause {
            Cause::Domain(Error::Invalid(errors)) => errors,
            _ => &[],
        }
    }

    fn document(&self) -> ProblemOut {
        let (code, params) = (self.code(), self.params());
        ProblemOut {
            kind: format!("urn:klaar:problem:{code}"),
            title: catalogue::text(self.language, &format!("problem.{code}"), &params),
            status: self.status_code().as_u16(),
            code: code.to_owned(),
            params: named(&params),
            errors: self.errors().iter().map(|error| field_problem(error, self.language)).collect(),
        }
    }
}

fn named(params: &Params) -> std::collections::BTreeMap<String, String> {
    params.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

/// A wrong field in the caller's language.
pub fn field_problem(error: &FieldError, language: Language) -> FieldProblemOut {
    FieldProblemOut {
        pointer: error.pointer.clone(),
        code: error.code.to_owned(),
        params: named(&error.params),
        message: catalogue::text(language, &format!("field.{}", error.code), &error.params),
    }
}

/// The language that the caller likes best.
pub fn language_of(request: &HttpRequest) -> Language {
    let header = request.headers().get(actix_web::http::header::ACCEPT_LANGUAGE);
    header.and_then(|value| value.to_str().ok()).map(Language::negotiate).unwrap_or_default()
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Cause::Domain(error) => error.fmt(f),
            Cause::Http { code, .. } => f.write_str(code),
        }
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        match &self.cause {
            Cause::Http { status, .. } => *status,
            Cause::Domain(error) => match error {
                Error::NotFound(_) => StatusCode::NOT_FOUND,
                Error::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
                Error::Conflict(_) => StatusCode::CONFLICT,
                Error::Unauthenticated | Error::WrongCredentials => StatusCode::UNAUTHORIZED,
                Error::Forbidden(_) => StatusCode::FORBIDDEN,
                Error::Stale => StatusCode::PRECONDITION_FAILED,
                Error::ConditionRequired => StatusCode::PRECONDITION_REQUIRED,
                Error::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
                Error::Busy(_) => StatusCode::SERVICE_UNAVAILABLE,
                Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
            },
        }
    }

    fn error_response(&self) -> HttpResponse {
        match &self.cause {
            Cause::Domain(Error::Internal(what)) => {
                tracing::error!(%what, "a request failed; this is a fault of the server");
            }
            Cause::Domain(Error::Busy(what)) => {
                tracing::warn!(%what, "a request was turned away because the server is busy or its database away");
            }
            _ => {}
        }
        let mut response = HttpResponse::build(self.status_code()).json(self.document());
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        match &self.cause {
            Cause::Domain(Error::Unauthenticated | Error::WrongCredentials) => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Cause::Domain(Error::TooMany(seconds)) => {
                headers.insert(RETRY_AFTER, HeaderValue::from(*seconds));
            }
            Cause::Domain(Error::Busy(_)) => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            Cause::Http { code: "method_not_allowed", params, .. } => {
                let allow =
                    params.iter().find(|(name, _)| *name == "allow").and_then(|(_, v)| HeaderValue::from_str(v).ok());
                if let Some(value) = allow {
                    headers.insert(ALLOW, value);
                }
            }
            _ => {}
        }
        response
    }
}
