//! What templates have attached: list, add, take out, name anew, remove.

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, Charset, ContentDisposition, DispositionParam,
    DispositionType, ExtendedValue, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::web::{Bytes, Data, Payload, Query};
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post};
use futures::stream::{self, Stream, StreamExt as _};
use klaar_domain::identity::PracticeId;
use klaar_domain::kernel::error::{Error, Result};
use klaar_domain::kernel::patch::Patch;
use klaar_domain::templates::{
    self, Attachment, AttachmentChange, AttachmentId, Incoming, MOST_CARRIED, TemplateId, file_piece,
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::outs::{AttachmentsOut, TemplateOut};
use super::{given, verbs};
use crate::State;
use crate::body::{Body, InPath};
use crate::guards::{ClientsRead, May, SeenRevision, TemplatesManage};
use crate::problem::{Problem, ProblemOut};
use crate::reply::Reply;
use crate::shapes::{FileName, LanguageWord};
use crate::transfers::off_thread;

/// Files come and go as they are; what they are, their content says.
const FILE: &str = "application/octet-stream";
/// How many bytes of a body are written at a time.
const PIECE: usize = 256 * 1024;

/// How a file is to be attached.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AttachmentQuery {
    /// What readers see: up to 150 characters without folders, signs that no file name may have (`/ \ : * ? " < > |`) and
    /// characters that cannot be seen, with one of the extensions above.
    #[param(value_type = FileName, example = "opdrachtbrief.pdf")]
    filename: String,
    /// The language of the mails that carry it, one that the template is written in; mails in all languages when not given.
    #[param(value_type = Option<LanguageWord>, example = "nl")]
    language: Option<String>,
}

/// A change to an attachment: an absent field stays, null clears it, a value sets it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = TemplateAttachmentPatch, example = json!({ "name": "opdrachtbrief 2027.pdf", "language": null }))]
pub struct AttachmentPatch {
    /// What readers see; the extension stays one of the same kind. It cannot be cleared.
    #[schema(value_type = FileName)]
    name: Patch<String>,
    /// The language of the mails that carry it; null for all languages.
    #[schema(value_type = Option<LanguageWord>)]
    language: Patch<String>,
}

/// A file, as it is.
#[derive(ToSchema)]
#[schema(as = AttachedFile, value_type = String, format = Binary, example = "%PDF-1.7…")]
#[expect(dead_code, reason = "only described")]
pub struct FileIn(Vec<u8>);

/// List what a template has attached
///
/// In the order in which it came. A mail carries what is for all languages and what is for its own.
#[utoipa::path(operation_id = "list_template_attachments", tag = "templates",
    params(("id" = String, Path, description = "The template's identifier.", example = "tpl_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["clients:read"])), responses((status = 200, description = "What it has attached.", body = AttachmentsOut)))]
#[get("/templates/{id}/attachments")]
pub async fn list_template_attachments(
    may: May<ClientsRead>,
    id: InPath<TemplateId>,
    state: Data<State>,
) -> Result<Reply, Problem> {
    may.read(move |conn, caller| {
        let template = templates::template(conn, given(&state, caller), id.get()?)?;
        Ok(Reply::ok(&AttachmentsOut::of(&template))?.tagged(template.revision))
    })
    .await
}

/// Attach a file to a template
///
/// The body is the file as it is, with `application/octet-stream` as its Content-Type, up to 5 MiB. Mails carry PDF files (`pdf`), pictures (`png`, `jpg`,
/// `jpeg`, `gif`), documents (`docx`, `xlsx`, `pptx`, `odt`, `ods`, `odp`) and text (`txt`, `csv`, `ics`): extension and content must say the same, and
/// documents have no macros, controls, embedded objects, programs or passwords. What they go out as follows from that. One mail carries 5 MiB at most, which
/// are 7 MB on their way; a template has at most 20 files of 10 MiB in all, a practice keeps 1 GiB with what former versions have. Attaching makes a new
/// version; campaigns that run go on with what they began with.
#[utoipa::path(operation_id = "add_template_attachment", tag = "templates", request_body(description = "The file.", content((FileIn = "application/octet-stream"))),
    params(("id" = String, Path, description = "The template's identifier.", example = "tpl_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b"), AttachmentQuery,
        ("If-Match" = String, Header, description = "The ETag of the template that was read.", pattern = r#"^"[0-9]+"$"#, example = "\"1\"")),
    security(("bearer" = ["templates:manage"])), responses((status = 201, description = "The template as it is now.", body = TemplateOut),
        (status = 413, description = "The file is larger than 5 MiB.", body = ProblemOut, content_type = "application/problem+json"),
        (status = 415, description = "The Content-Type is not `application/octet-stream`.", body = ProblemOut, content_type = "application/problem+json")))]
#[post("/templates/{id}/attachments")]
pub async fn add_template_attachment(
    // The right is proved twice: before the first byte is read, and where the file is written.
    (first, may): (May<TemplatesManage>, May<TemplatesManage>),
    id: InPath<TemplateId>,
    seen: SeenRevision,
    state: Data<State>,
    (request, query): (HttpRequest, Query<AttachmentQuery>),
    payload: Payload,
) -> Result<Reply, Problem> {
    let (language, looking) = (may.language, state.clone());
    let id =
        first.read(move |conn, caller| Ok(templates::template(conn, given(&looking, caller), id.get()?)?.id)).await?;
    let AttachmentQuery { filename, language: named } = query.into_inner();
    let incoming = receive(payload, &request).await?;
    let arrived = off_thread(move || incoming.end(&filename)).await;
    let arrived = arrived.map_err(|error| Problem::in_language(error, language))?;
    may.once(arrived.digest().to_vec(), move |tx, caller| {
        let (given, file) = (given(&state, caller), (&arrived, named.as_deref()));
        let made = templates::attach(tx, given, &caller.actor, (id, seen.0), file)?;
        let place = format!("/v1/templates/{id}/attachments/{made}");
        Ok(verbs::reply(tx, &state, caller, id)?.at(place))
    })
    .await
}

/// Keeps a body where it takes no memory.
async fn receive(mut payload: Payload, request: &HttpRequest) -> Result<Incoming, Problem> {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(FILE) {
        return Err(Problem::http("wrong_content_type", vec![("wanted", FILE.to_owned())], request));
    }
    let failed = |error| Problem::of(error, request);
    let mut incoming = off_thread(Incoming::begin).await.map_err(failed)?;
    let (mut piece, mut total) = (Vec::new(), 0);
    loop {
        let bytes = payload.next().await.transpose();
        let bytes = bytes.map_err(|_| {
            Problem::http("malformed_json", vec![("reason", "the body breaks off".to_owned())], request)
        })?;
        total += bytes.as_ref().map_or(0, Bytes::len);
        if i64::try_from(total).unwrap_or(i64::MAX) > MOST_CARRIED {
            return Err(Problem::http("too_large", vec![("max", MOST_CARRIED.to_string())], request));
        }
        let is_last = bytes.is_none();
        piece.extend_from_slice(&bytes.unwrap_or_default());
        if is_last || piece.len() >= PIECE {
            let full = std::mem::take(&mut piece);
            incoming = off_thread(move || incoming.take(&full).map(|()| incoming)).await.map_err(failed)?;
        }
        if is_last {
            return Ok(incoming);
        }
    }
}

/// Take an attached file out
///
/// Also one that only a former version of the template has.
#[utoipa::path(operation_id = "get_template_attachment", tag = "templates",
    params(("id" = String, Path, description = "The template's identifier.", example = "tpl_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b"),
        ("attachment_id" = String, Path, description = "The attachment's identifier.", example = "tat_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["clients:read"])), responses((status = 200, description = "The file.", content((FileIn = "application/octet-stream")))))]
#[get("/templates/{id}/attachments/{attachment_id}")]
pub async fn get_template_attachment(
    may: May<ClientsRead>,
    id: InPath<TemplateId>,
    attachment: InPath<AttachmentId, 1>,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let looking = state.clone();
    let found = may.read(move |conn, caller| {
        let wanted = (id.get()?, attachment.get()?);
        let found = templates::attachment(conn, given(&looking, caller), wanted)?;
        let first = file_piece(conn, caller.practice.id, (&found, 0))?.ok_or(Error::NotFound("attachment"))?;
        Ok((caller.practice.id, found, first))
    });
    let (practice, found, first) = found.await?;
    let name = match found.name.is_ascii() {
        true => DispositionParam::Filename(found.name.clone()),
        false => DispositionParam::FilenameExt(ExtendedValue {
            charset: Charset::Ext("UTF-8".to_owned()),
            language_tag: None,
            value: found.name.clone().into_bytes(),
        }),
    };
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, FILE))
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"))
        .insert_header(ContentDisposition { disposition: DispositionType::Attachment, parameters: vec![name] })
        .streaming(pieces(state, (practice, found), first)))
}

/// A file, each piece read when the one before it has gone out.
fn pieces(
    state: Data<State>,
    (practice, attachment): (PracticeId, Attachment),
    first: Vec<u8>,
) -> impl Stream<Item = Result<Bytes>> {
    let begun = stream::once(async { Ok(Bytes::from(first)) });
    let rest = stream::try_unfold(1, move |number| {
        let (db, attachment) = (state.db.clone(), attachment.clone());
        async move {
            let next = off_thread(move || db.read(|conn| file_piece(conn, practice, (&attachment, number)))).await?;
            Ok(next.map(|piece| (Bytes::from(piece), number + 1)))
        }
    });
    begun.chain(rest)
}

/// Change an attachment
///
/// Names it anew, or says which mails carry it. That is a new version of the template.
#[utoipa::path(operation_id = "update_template_attachment", tag = "templates", request_body(content = AttachmentPatch, description = "The change."),
    params(("id" = String, Path, description = "The template's identifier.", example = "tpl_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b"),
        ("attachment_id" = String, Path, description = "The attachment's identifier.", example = "tat_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b"),
        ("If-Match" = String, Header, description = "The ETag of the template that was read.", pattern = r#"^"[0-9]+"$"#, example = "\"1\"")),
    security(("bearer" = ["templates:manage"])), responses((status = 200, description = "The template as it is now.", body = TemplateOut)))]
#[patch("/templates/{id}/attachments/{attachment_id}")]
pub async fn update_template_attachment(
    may: May<TemplatesManage>,
    (id, attachment): (InPath<TemplateId>, InPath<AttachmentId, 1>),
    seen: SeenRevision,
    state: Data<State>,
    body: Body<AttachmentPatch>,
) -> Result<Reply, Problem> {
    may.write(move |tx, caller| {
        let (id, AttachmentPatch { name, language }) = (id.get()?, body.value);
        let (meant, said) = ((id, seen.0, attachment.get()?), AttachmentChange { name, language });
        templates::change_attachment(tx, given(&state, caller), &caller.actor, meant, said)?;
        verbs::reply(tx, &state, caller, id)
    })
    .await
}

/// Remove an attachment
///
/// That is a new version of the template; former ones keep it.
#[utoipa::path(operation_id = "remove_template_attachment", tag = "templates",
    params(("id" = String, Path, description = "The template's identifier.", example = "tpl_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b"),
        ("attachment_id" = String, Path, description = "The attachment's identifier.", example = "tat_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b"),
        ("If-Match" = String, Header, description = "The ETag of the template that was read.", pattern = r#"^"[0-9]+"$"#, example = "\"1\"")),
    security(("bearer" = ["templates:manage"])), responses((status = 200, description = "The template as it is now.", body = TemplateOut)))]
#[delete("/templates/{id}/attachments/{attachment_id}")]
pub async fn remove_template_attachment(
    may: May<TemplatesManage>,
    (id, attachment): (InPath<TemplateId>, InPath<AttachmentId, 1>),
    seen: SeenRevision,
    state: Data<State>,
) -> Result<Reply, Problem> {
    may.write(move |tx, caller| {
        let id = id.get()?;
        templates::detach(tx, given(&state, caller), &caller.actor, (id, seen.0, attachment.get()?))?;
        verbs::reply(tx, &state, caller, id)
    })
    .await
}
