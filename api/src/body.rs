//! What comes in: a JSON body whose faults are named by pointer, and identifiers in the path.

use std::future::Future;
use std::pin::Pin;
use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{FromRequest, HttpRequest, web};
use futures::StreamExt as _;
use klaar_domain::kernel::error::{Error, FieldError};
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use crate::problem::Problem;

/// The most bytes of a JSON body.
pub const MOST_BYTES: usize = 1024 * 1024;

/// A JSON body, parsed, and the hash of what was sent.
pub struct Body<T> {
    /// What it says.
    pub value: T,
    /// SHA-256 of the bytes as they came.
    pub hash: Vec<u8>,
}

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            if !is_json(&request) {
                return Err(Problem::http("not_json", Vec::new(), &request));
            }
            let bytes = read_all(payload, &request, MOST_BYTES).await?;
            let value = parse(&bytes, &request)?;
            Ok(Self { value, hash: Sha256::digest(&bytes).to_vec() })
        })
    }
}

fn is_json(request: &HttpRequest) -> bool {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json") || kind.eq_ignore_ascii_case("application/merge-patch+json")
}

/// Reads a body of at most `most` bytes.
pub async fn read_all(mut payload: Payload, request: &HttpRequest, most: usize) -> Result<bytes::BytesMut, Problem> {
    let mut bytes = bytes::BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| {
            Problem::http("malformed_json", vec![("reason", "the body breaks off".to_owned())], request)
        })?;
        if bytes.len() + chunk.len() > most {
            return Err(Problem::http("too_large", vec![("max", most.to_string())], request));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn parse<T: DeserializeOwned>(bytes: &[u8], request: &HttpRequest) -> Result<T, Problem> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|fault| {
        let reason = fault.inner().to_string();
        if fault.inner().is_data() {
            let error = FieldError::new(pointer(fault.path()), "wrong_shape").with("reason", reason);
            Problem::of(Error::Invalid(vec![error]), request)
        } else {
            Problem::http("malformed_json", vec![("reason", reason)], request)
        }
    })?;
    deserializer
        .end()
        .map_err(|fault| Problem::http("malformed_json", vec![("reason", fault.to_string())], request))?;
    Ok(value)
}

/// serde's path as a JSON pointer.
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut out = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => out.push_str(&format!("/{index}")),
            Segment::Map { key } => out.push_str(&format!("/{}", key.replace('~', "~0").replace('/', "~1"))),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    if out.is_empty() { "/".to_owned() } else { out }
}

/// An identifier in the path. One that is malformed is answered like one that is absent, and only once the caller is known.
pub struct InPath<T>(Option<T>);

impl<T: Clone> InPath<T> {
    /// The identifier.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it is malformed.
    pub fn get(&self) -> Result<T, Error> {
        self.0.clone().ok_or(Error::NotFound("resource"))
    }
}

impl<T: FromStr + 'static> FromRequest for InPath<T> {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = request.match_info().iter().next().and_then(|(_, text)| text.parse().ok());
        std::future::ready(Ok(Self(id)))
    }
}

/// Query parameters, with faults as problem documents.
pub fn query_config() -> web::QueryConfig {
    web::QueryConfig::default().error_handler(|fault, request| {
        let reason = match &fault {
            actix_web::error::QueryPayloadError::Deserialize(inner) => inner.to_string(),
            other => other.to_string(),
        };
        Problem::http("malformed_query", vec![("reason", reason)], request).into()
    })
}
