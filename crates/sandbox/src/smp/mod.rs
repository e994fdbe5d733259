//! The service metadata publisher: what is asked, what the faults in force make of it, and how it goes on the wire.

pub(crate) mod documents;
pub(crate) mod forms;
pub(crate) mod identifiers;
pub(crate) mod signing;

#[cfg(test)]
mod tests;

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, StatusCode, header},
    web,
};
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};

use crate::{
    counters::Kind,
    faults::{SmpEffect, SmpRequest},
    http::Resettable,
    label::Label,
    pki::Signer,
    script::{DocumentForm, Redirect},
    smp::{
        documents::Metadata,
        forms::Body,
        identifiers::{Asked, DocumentIdentifier},
    },
    world::{Registered, World},
};

/// How long a request hangs before its connection is closed.
const HANG: Duration = Duration::from_secs(120);
/// First path segment of the SMP that redirects lead to, and of the one a second redirect leads to.
const SECOND: &str = "second";
const THIRD: &str = "third";

/// Answers any request to the SMP.
pub(crate) async fn answer(request: HttpRequest, world: web::Data<World>) -> HttpResponse {
    if request.method() != Method::GET {
        return HttpResponse::MethodNotAllowed().insert_header((header::ALLOW, "GET")).finish();
    }
    let Some(asked) = Asked::from_path(request.uri().path()) else {
        return refused(StatusCode::NOT_FOUND);
    };
    let label = Label::of(&asked.participant);
    let (kind, requested) = match asked.document {
        None => (Kind::Group, SmpRequest::Group),
        Some(_) => (Kind::Metadata, SmpRequest::Metadata),
    };
    world.counters().count(label, kind);
    let fault = world.faults().smp(&label, requested);
    match fault {
        None => whole(document(&world, &asked, None)),
        Some(SmpEffect::BrokenXml) => whole(document(&world, &asked, Some(DocumentForm::Broken))),
        Some(SmpEffect::OtherParticipant) => whole(document(&world, &asked, Some(DocumentForm::OtherParticipant))),
        Some(SmpEffect::SlowDrip { pause_ms }) => dripped(document(&world, &asked, None), pause_ms),
        Some(SmpEffect::Status { code, retry_after_seconds }) => status(code, retry_after_seconds),
        Some(SmpEffect::RedirectLoop) => redirect(&format!("{}{}", world.smp_url(), request.uri().path())),
        Some(SmpEffect::RedirectTo(url)) => redirect(&url),
        Some(SmpEffect::Reset) => reset(&request),
        Some(SmpEffect::Hang) => {
            tokio::time::sleep(HANG).await;
            reset(&request)
        }
    }
}

/// The document asked for, in the form its script or a fault gives it.
fn document(world: &World, asked: &Asked, fault: Option<DocumentForm>) -> Body {
    let Some(registered) = world.registered(&asked.participant) else {
        return Body::NotFound;
    };
    match &asked.document {
        None => {
            let form = fault.unwrap_or(registered.script.group);
            forms::shape(form, &asked.participant, |participant, _| Some(group(world, asked, &registered, participant)))
        }
        Some(document) => {
            let form = fault.unwrap_or(registered.script.metadata);
            forms::shape(form, &asked.participant, |participant, other_type| {
                metadata(world, asked, &registered, participant, (document, other_type))
            })
        }
    }
}

fn group(world: &World, asked: &Asked, registered: &Registered, participant: &str) -> String {
    let documents: Vec<DocumentIdentifier<'_>> =
        registered.script.documents.iter().map(DocumentIdentifier::from).collect();
    documents::service_group(&base_url(world, &asked.base), participant, &documents, registered.script.hrefs)
}

/// The URL that stands before a participant, without slash at its end.
fn base_url(world: &World, base: &str) -> String {
    let url = world.smp_url();
    if base.is_empty() { url } else { format!("{url}/{base}") }
}

/// Signed service metadata; `None` when the type is not offered.
fn metadata(
    world: &World,
    asked: &Asked,
    registered: &Registered,
    participant: &str,
    (document, other_type): (&str, bool),
) -> Option<String> {
    let script = &registered.script;
    let offered = script
        .documents
        .iter()
        .map(DocumentIdentifier::from)
        .find(|offered| document.split_once("::") == Some((offered.scheme, offered.value)))?;
    let (signer, next) = match (&script.redirect, asked.base.as_str()) {
        (Some(_), "") => (Signer::Home, Some(SECOND)),
        (Some(Redirect { hops: 2, .. }), SECOND) => (Signer::Second, Some(THIRD)),
        (Some(_), _) => (Signer::Second, None),
        (None, _) => (Signer::Home, None),
    };
    let text = match (&script.redirect, next) {
        (Some(redirect), Some(next)) => {
            let own = || documents::metadata_url(&base_url(world, next), &asked.participant, document);
            let href = redirect.href.clone().unwrap_or_else(own);
            let right = || world.pki.smp(Signer::Second).subject.clone();
            documents::redirection(&href, &redirect.certificate_uid.clone().unwrap_or_else(right))
        }
        _ => {
            let document = if other_type { forms::other_document_type() } else { offered };
            let access_point = registered.access_point;
            let metadata = Metadata { participant, document, endpoints: &script.endpoints, access_point };
            documents::service_metadata(&metadata, &world.pki)
        }
    };
    signing::sign(&text, script.signature, signer, &world.pki, &world.key).ok()
}

fn whole(body: Body) -> HttpResponse {
    match body {
        Body::NotFound => refused(StatusCode::NOT_FOUND),
        Body::Xml(text) => xml().body(text),
        Body::Html(text) => HttpResponse::Ok().content_type("text/html; charset=utf-8").body(text),
        Body::Empty => xml().finish(),
        Body::Padded { head, padding, times, tail } => {
            let padding = stream::repeat(Bytes::from(padding)).take(times);
            let chunks = stream::once(async { Bytes::from(head) }).chain(padding);
            let chunks = chunks.chain(stream::once(async { Bytes::from(tail) }));
            xml().streaming(chunks.map(Ok::<_, std::io::Error>))
        }
    }
}

fn dripped(body: Body, pause_ms: u32) -> HttpResponse {
    match body {
        Body::Xml(text) => xml().streaming(drip(text, Duration::from_millis(pause_ms.into()))),
        other => whole(other),
    }
}

fn drip(text: String, pause: Duration) -> impl Stream<Item = std::io::Result<Bytes>> {
    stream::iter(text.into_bytes()).then(move |byte| async move {
        tokio::time::sleep(pause).await;
        Ok(Bytes::copy_from_slice(&[byte]))
    })
}

fn xml() -> actix_web::HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response.content_type("text/xml; charset=utf-8");
    response
}

fn refused(code: StatusCode) -> HttpResponse {
    let reason = code.canonical_reason().unwrap_or("refused");
    HttpResponse::build(code).content_type("text/plain; charset=utf-8").body(format!("{reason}\n"))
}

fn status(code: u16, retry_after_seconds: Option<u32>) -> HttpResponse {
    let mut response = refused(StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
    if let Some(seconds) = retry_after_seconds {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

fn redirect(url: &str) -> HttpResponse {
    HttpResponse::Found().insert_header((header::LOCATION, url)).finish()
}

/// An answer whose body fails at once, on a connection that is told to reset instead of closing in order.
fn reset(request: &HttpRequest) -> HttpResponse {
    if let Some(connection) = request.conn_data::<Resettable>() {
        connection.reset_on_close();
    }
    let broken = stream::once(async { Err::<Bytes, _>(std::io::Error::from(std::io::ErrorKind::ConnectionReset)) });
    HttpResponse::Ok().streaming(broken)
}
