//! What goes out: status, tag, place and body, serialised where the work was done so that no handler blocks on it.

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, LOCATION};
use actix_web::{HttpRequest, HttpResponse, Responder};
use klaar_domain::kernel::error::{Error, Result};
use klaar_domain::kernel::page::Page;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Room for a page of fifty clients, so that writing one does not move it again and again as it grows.
const USUAL_BYTES: usize = 40 * 1024;

/// A finished answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Reply {
    status: u16,
    etag: Option<String>,
    location: Option<String>,
    body: Option<String>,
}

impl Reply {
    /// 200 with a body.
    ///
    /// # Errors
    /// When the body cannot be serialised.
    pub fn ok<T: Serialize>(body: &T) -> Result<Self> {
        Self::with(StatusCode::OK, body)
    }

    /// 201 with a body and where the new thing is.
    ///
    /// # Errors
    /// When the body cannot be serialised.
    pub fn created<T: Serialize>(location: String, body: &T) -> Result<Self> {
        Ok(Self { location: Some(location), ..Self::with(StatusCode::CREATED, body)? })
    }

    /// 202 with an operation and where to follow it.
    ///
    /// # Errors
    /// When the body cannot be serialised.
    pub fn accepted<T: Serialize>(location: String, body: &T) -> Result<Self> {
        Ok(Self { location: Some(location), ..Self::with(StatusCode::ACCEPTED, body)? })
    }

    /// 204: done, nothing to say.
    #[must_use]
    pub fn no_content() -> Self {
        Self { status: StatusCode::NO_CONTENT.as_u16(), etag: None, location: None, body: None }
    }

    /// The same answer as 201, with where the new thing is.
    #[must_use]
    pub fn at(mut self, location: String) -> Self {
        self.status = StatusCode::CREATED.as_u16();
        self.location = Some(location);
        self
    }

    /// The same answer with the tag of this revision.
    #[must_use]
    pub fn tagged(mut self, revision: i64) -> Self {
        self.etag = Some(format!("\"{revision}\""));
        self
    }

    fn with<T: Serialize>(status: StatusCode, body: &T) -> Result<Self> {
        let unwritable =
            |fault: &dyn std::fmt::Display| Error::internal(format!("an answer cannot be written: {fault}"));
        let mut bytes = Vec::with_capacity(USUAL_BYTES);
        serde_json::to_writer(&mut bytes, body).map_err(|fault| unwritable(&fault))?;
        let body = String::from_utf8(bytes).map_err(|fault| unwritable(&fault))?;
        Ok(Self { status: status.as_u16(), etag: None, location: None, body: Some(body) })
    }
}

impl Responder for Reply {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        let mut response = HttpResponse::build(status);
        response.insert_header((CACHE_CONTROL, "no-store"));
        if let Some(etag) = self.etag {
            response.insert_header((ETAG, etag));
        }
        if let Some(location) = self.location {
            response.insert_header((LOCATION, location));
        }
        match self.body {
            Some(body) => response.insert_header((CONTENT_TYPE, "application/json")).body(body),
            None => response.finish(),
        }
    }
}

/// One page of a list as it is sent.
#[derive(Debug, Serialize, ToSchema)]
pub struct PageOut<T: ToSchema> {
    /// The rows, in order.
    pub items: Vec<T>,
    /// Give it as `cursor` for the next page; null on the last page.
    pub next_cursor: Option<String>,
    /// How many match in all, where lists say so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<i64>,
}

impl<T: ToSchema> PageOut<T> {
    /// A page whose rows borrow from those of `page`.
    pub fn of<'a, U>(page: &'a Page<U>, row: impl FnMut(&'a U) -> T) -> Self {
        Self { items: page.items.iter().map(row).collect(), next_cursor: page.next_cursor.clone(), total: page.total }
    }
}

impl<T: ToSchema> From<Page<T>> for PageOut<T> {
    fn from(page: Page<T>) -> Self {
        Self { items: page.items, next_cursor: page.next_cursor, total: page.total }
    }
}
