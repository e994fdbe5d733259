//! What a mail would look like, and tests of it.

use actix_web::web::{Data, Query};
use actix_web::{get, post};
use klaar_domain::clients::ClientId;
use klaar_domain::custom_fields;
use klaar_domain::identity::Caller;
use klaar_domain::kernel::catalogue::Language;
use klaar_domain::kernel::error::{Error, FieldError, Result};
use klaar_domain::kernel::operations;
use klaar_domain::senders::{self, SenderId};
use klaar_domain::templates::{self, Asked, Content, TemplateId};
use serde::Deserialize;
use utoipa::IntoParams;

use super::ins::{PreviewIn, TestIn, said};
use super::outs::PreviewOut;
use super::{given, pages, sending};
use crate::State;
use crate::body::{Body, InPath};
use crate::guards::{ClientsRead, May, TemplatesManage};
use crate::operations::OperationOut;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::shapes::LanguageWord;

/// For whom a preview is written.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PreviewQuery {
    /// The client.
    #[param(example = "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")]
    client_id: String,
    /// The language; the one of whoever would get it when not given.
    #[param(value_type = Option<LanguageWord>, example = "fr")]
    language: Option<String>,
    /// Who it is from; the default sender when not given.
    #[param(example = "snd_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")]
    sender_id: Option<String>,
}

fn asked(client: &str, language: Option<&str>) -> Result<Asked> {
    let client: ClientId = client.trim().parse().map_err(|_| Error::invalid("/client_id", "not_a_client"))?;
    let unknown = |_| {
        let words = Language::ALL.map(Language::as_str).join(", ");
        Error::Invalid(vec![FieldError::new("/language", "unknown_value").with("values", words)])
    };
    Ok(Asked { client, language: language.map(|code| code.parse().map_err(unknown)).transpose()? })
}

fn sender(named: Option<&str>) -> Result<Option<SenderId>> {
    let unknown = |_| Error::invalid("/sender_id", "unknown_sender");
    named.map(|id| id.trim().parse().map_err(unknown)).transpose()
}

/// Preview a template
///
/// The mail as it would go out to a client: HTML and text, and what is missing. `page_url` leads to a page that shows it.
#[utoipa::path(operation_id = "preview_template", tag = "templates",
    params(("id" = String, Path, description = "The template's identifier.", example = "tpl_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b"), PreviewQuery),
    security(("bearer" = ["clients:read"])), responses((status = 200, description = "The mail.", body = PreviewOut)))]
#[get("/templates/{id}/preview")]
pub async fn preview_template(
    may: May<ClientsRead>,
    id: InPath<TemplateId>,
    query: Query<PreviewQuery>,
    state: Data<State>,
) -> Result<Reply, Problem> {
    may.read(move |conn, caller| {
        let (given, id) = (given(&state, caller), id.get()?);
        let template = templates::template(conn, given, id)?;
        let asked = asked(&query.client_id, query.language.as_deref())?;
        let sender = sender(query.sender_id.as_deref())?;
        let from = senders::from_of(conn, sending(&state, caller), sender)?;
        let preview = templates::preview(conn, given, &from, (&template.content, &template.attachments, asked))?;
        let link = pages::Link { practice: caller.practice.id, template: id, client: asked.client, sender };
        let url = link.url(&state, preview.language)?;
        Reply::ok(&PreviewOut::of(preview, Some(url)))
    })
    .await
}

/// Preview texts
///
/// The same for texts that are not saved; what is wrong with them is said as when a template is made.
#[utoipa::path(operation_id = "preview_texts", tag = "templates", request_body(content = PreviewIn, description = "What to write for whom."),
    security(("bearer" = ["templates:manage"])), responses((status = 200, description = "The mail.", body = PreviewOut)))]
#[post("/template-previews")]
pub async fn preview_texts(
    may: May<TemplatesManage>,
    state: Data<State>,
    body: Body<PreviewIn>,
) -> Result<Reply, Problem> {
    may.read(move |conn, caller| {
        let PreviewIn { client_id, language, sender_id, languages } = body.value;
        let catalogue = custom_fields::catalogue(conn, &caller.practice)?;
        let content: Content = templates::checked(said(languages), &catalogue)?;
        let asked = asked(&client_id, language.as_deref())?;
        let from = senders::from_of(conn, sending(&state, caller), sender(sender_id.as_deref())?)?;
        let preview = templates::preview(conn, given(&state, caller), &from, (&content, &[], asked))?;
        Reply::ok(&PreviewOut::of(preview, None))
    })
    .await
}

/// Send a test
///
/// The mail as a client would get it, to whoever asks: a member gets it at the address of the account. The operation says how it went.
#[utoipa::path(operation_id = "test_template", tag = "templates", request_body(content = TestIn, description = "What it is written for."),
    params(("id" = String, Path, description = "The template's identifier.", example = "tpl_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["templates:manage"])), responses((status = 202, description = "It is on its way.", body = OperationOut)))]
#[post("/templates/{id}/test")]
pub async fn test_template(
    may: May<TemplatesManage>,
    id: InPath<TemplateId>,
    state: Data<State>,
    body: Body<TestIn>,
) -> Result<Reply, Problem> {
    let language = may.language;
    may.once(body.hash, move |tx, caller: &Caller| {
        let TestIn { client_id, language: written_in, sender_id } = body.value;
        let wish = (id.get()?, asked(&client_id, written_in.as_deref())?, sender(sender_id.as_deref())?);
        let around = (given(&state, caller), sending(&state, caller));
        let operation = templates::request_test(tx, around, caller, wish)?;
        let operation = operations::find(tx, caller.practice.uid(), operation)?;
        let place = format!("/v1/operations/{}", operation.id);
        Reply::accepted(place, &OperationOut::of(operation, language))
    })
    .await
}
