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
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
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

/// A JSON body that may be left out, which is as good as an empty object.
pub struct MaybeBody<T>(pub Body<T>);

impl<T: DeserializeOwned + 'static> FromRequest for MaybeBody<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let bytes = read_all(payload, &request, MOST_BYTES).await?;
            if !bytes.is_empty() && !is_json(&request) {
                return Err(Problem::http("not_json", Vec::new(), &request));
            }
            let value = parse(if bytes.is_empty() { b"{}" } else { &bytes }, &request)?;
            Ok(Self(Body { value, hash: Sha256::digest(&bytes).to_vec() }))
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
    if let Some(fault) = unfit(bytes) {
        return Err(Problem::of(Error::Invalid(vec![fault]), request));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|fault| {
        let reason = fault.inner().to_string();
        if fault.inner().is_data() {
            let error = misshapen(pointer(fault.path()), &reason);
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

/// What serde says of a value, as a fault at its place: of a field that is not there, at the field's own.
fn misshapen(place: String, reason: &str) -> FieldError {
    let missing = reason.strip_prefix("missing field `").and_then(|rest| rest.split('`').next());
    match missing {
        Some(name) => FieldError::new(format!("{}/{name}", place.trim_end_matches('/')), "missing"),
        None => FieldError::new(place, "wrong_shape").with("reason", reason),
    }
}

/// What no body may be, whatever it is for: JSON that is no object, which serde would read by position; and a text with
/// U+0000, which PostgreSQL cannot keep. What is no JSON is left to the parser.
fn unfit(bytes: &[u8]) -> Option<FieldError> {
    let is_object = bytes.iter().find(|byte| !byte.is_ascii_whitespace()).is_none_or(|byte| *byte == b'{');
    if is_object && !bytes.windows(NUL.len()).any(|part| part == NUL) {
        return None;
    }
    let value: Value = serde_json::from_slice(bytes).ok()?;
    if !value.is_object() {
        return Some(FieldError::new("/", "wrong_shape").with("reason", "an object is expected"));
    }
    Some(FieldError::new(place_of_nul(&value)?, "control_characters"))
}

/// U+0000 as JSON must write it.
const NUL: &[u8] = b"\\u0000";

/// The pointer of the first text, or name, with U+0000.
fn place_of_nul(value: &Value) -> Option<String> {
    let escaped = |name: &str| name.replace('~', "~0").replace('/', "~1");
    match value {
        Value::String(text) => text.contains('\0').then(String::new),
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(at, item)| place_of_nul(item).map(|rest| format!("/{at}{rest}")))
        }
        Value::Object(members) => members.iter().find_map(|(name, member)| {
            let rest = if name.contains('\0') { Some(String::new()) } else { place_of_nul(member) };
            rest.map(|rest| format!("/{}{rest}", escaped(&name.replace('\0', ""))))
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
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

/// A whole number, which JSON may also write with a point: `4.0`.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Whole(pub i32);

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = f64::deserialize(deserializer)?;
        if number.fract() != 0.0 || number.abs() > f64::from(i32::MAX) {
            return Err(serde::de::Error::custom("a whole number is expected"));
        }
        #[expect(clippy::cast_possible_truncation, reason = "it is whole and within the range")]
        let whole = number as i32;
        Ok(Self(whole))
    }
}

/// An identifier in the path, the first unless another place is given. One that is malformed is answered like one that is absent, and only once the caller is known.
pub struct InPath<T, const PLACE: usize = 0>(Option<T>);

impl<T: Clone, const PLACE: usize> InPath<T, PLACE> {
    /// The identifier.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it is malformed.
    pub fn get(&self) -> Result<T, Error> {
        self.0.clone().ok_or(Error::NotFound("resource"))
    }
}

impl<T: FromStr + 'static, const PLACE: usize> FromRequest for InPath<T, PLACE> {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = request.match_info().iter().nth(PLACE).and_then(|(_, text)| text.parse().ok());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_number_may_have_a_point_and_nothing_behind_it() {
        let read = |text: &str| serde_json::from_str::<Whole>(text).ok().map(|whole| whole.0);
        assert_eq!((read("4"), read("4.0"), read("-1e3")), (Some(4), Some(4), Some(-1000)));
        assert_eq!((read("4.5"), read("1e10"), read("\"4\"")), (None, None, None));
    }

    #[test]
    fn what_no_body_may_be() {
        let said = |text: &str| unfit(text.as_bytes()).map(|fault| (fault.pointer, fault.code));
        let found = |pointer: &str, code| Some((pointer.to_owned(), code));
        assert_eq!(said(r#"{"a":["x",{"b/c":"\u0000"}]}"#), found("/a/1/b~1c", "control_characters"));
        assert_eq!(said(r#"{"a":"\\u0000","b":1}"#), None, "an escaped backslash, not a NUL");
        assert_eq!(said(" [1]"), found("/", "wrong_shape"));
        assert_eq!(said("[1"), None, "the parser says what is wrong with it");
        assert_eq!(said("{}"), None);
    }
}
