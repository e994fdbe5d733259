//! Templates: list, make, read, change, restore, delete.

use actix_web::web::{Data, Query};
use actix_web::{delete, get, patch, post};
use klaar_domain::custom_fields;
use klaar_domain::identity::Caller;
use klaar_domain::kernel::db::Conn;
use klaar_domain::kernel::error::{Error, Result};
use klaar_domain::kernel::page;
use klaar_domain::templates::{self, Restored, TemplateId};

use super::given;
use super::ins::{RestoreIn, TemplateIn, TemplatePatch};
use super::outs::{TemplateHeadOut, TemplateOut, TemplatesOut, VariablesOut, VersionOut};
use crate::State;
use crate::audit::PageQuery;
use crate::body::{Body, InPath};
use crate::guards::{ClientsRead, May, SeenRevision, TemplatesManage};
use crate::problem::Problem;
use crate::reply::{PageOut, Reply};

/// The template as it is now.
pub fn reply(conn: &mut Conn, state: &State, caller: &Caller, id: TemplateId) -> Result<Reply> {
    let template = templates::template(conn, given(state, caller), id)?;
    Ok(Reply::ok(&TemplateOut::from(&template))?.tagged(template.revision))
}

/// List the variables of templates
///
/// All that a placeholder can name. There are no others, and no helpers but `if`, `else` and `unless`.
#[utoipa::path(operation_id = "list_template_variables", tag = "templates", security(("bearer" = ["clients:read"])),
    responses((status = 200, description = "The variables.", body = VariablesOut)))]
#[get("/template-variables")]
pub async fn list_template_variables(may: May<ClientsRead>) -> Result<Reply, Problem> {
    let language = may.language;
    may.read(move |conn, caller| {
        let catalogue = custom_fields::catalogue(conn, &caller.practice)?;
        let items = templates::variables(&catalogue, language).into_iter().map(Into::into).collect();
        Reply::ok(&VariablesOut { items })
    })
    .await
}

/// List templates
///
/// The information mail about Peppol is delivered in all four languages.
#[utoipa::path(operation_id = "list_templates", tag = "templates", security(("bearer" = ["clients:read"])),
    responses((status = 200, description = "The templates.", body = TemplatesOut)))]
#[get("/templates")]
pub async fn list_templates(may: May<ClientsRead>, state: Data<State>) -> Result<Reply, Problem> {
    may.read(move |conn, caller| {
        let found = templates::templates(conn, given(&state, caller))?;
        Reply::ok(&TemplatesOut { items: found.iter().map(TemplateHeadOut::from).collect() })
    })
    .await
}

/// Make a template
///
/// What the body must not have is refused by name: elements, attributes and links beyond the plain ones, placeholders that name no
/// variable.
#[utoipa::path(operation_id = "create_template", tag = "templates", request_body(content = TemplateIn, description = "The template."),
    security(("bearer" = ["templates:manage"])), responses((status = 201, description = "The new template.", body = TemplateOut)))]
#[post("/templates")]
pub async fn create_template(
    may: May<TemplatesManage>,
    state: Data<State>,
    body: Body<TemplateIn>,
) -> Result<Reply, Problem> {
    may.once(body.hash, move |tx, caller| {
        let id = templates::create(tx, given(&state, caller), &caller.actor, body.value.into())?;
        Ok(reply(tx, &state, caller, id)?.at(format!("/v1/templates/{id}")))
    })
    .await
}

/// Read a template
#[utoipa::path(operation_id = "get_template", tag = "templates",
    params(("id" = String, Path, description = "The template's identifier.", example = "tpl_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["clients:read"])), responses((status = 200, description = "The template.", body = TemplateOut)))]
#[get("/templates/{id}")]
pub async fn get_template(may: May<ClientsRead>, id: InPath<TemplateId>, state: Data<State>) -> Result<Reply, Problem> {
    may.read(move |conn, caller| reply(conn, &state, caller, id.get()?)).await
}

/// Change a template
///
/// What it says is kept version by version, and so is what it has attached; campaigns that run go on with what they began with.
#[utoipa::path(operation_id = "update_template", tag = "templates", request_body(content = TemplatePatch, description = "The change."),
    params(("id" = String, Path, description = "The template's identifier.", example = "tpl_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b"),
        ("If-Match" = String, Header, description = "The ETag that was read.", pattern = r#"^"[0-9]+"$"#, example = "\"1\"")),
    security(("bearer" = ["templates:manage"])), responses((status = 200, description = "The template as it is now.", body = TemplateOut)))]
#[patch("/templates/{id}")]
pub async fn update_template(
    may: May<TemplatesManage>,
    id: InPath<TemplateId>,
    seen: SeenRevision,
    state: Data<State>,
    body: Body<TemplatePatch>,
) -> Result<Reply, Problem> {
    may.write(move |tx, caller| {
        let id = id.get()?;
        templates::change(tx, given(&state, caller), &caller.actor, (id, seen.0), body.value.into())?;
        reply(tx, &state, caller, id)
    })
    .await
}

/// Delete a template
///
/// Mails that were sent with it keep what they said. A delivered one is switched off instead.
#[utoipa::path(operation_id = "delete_template", tag = "templates",
    params(("id" = String, Path, description = "The template's identifier.", example = "tpl_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["templates:manage"])), responses((status = 204, description = "It is gone.")))]
#[delete("/templates/{id}")]
pub async fn delete_template(
    may: May<TemplatesManage>,
    id: InPath<TemplateId>,
    state: Data<State>,
) -> Result<Reply, Problem> {
    may.write(move |tx, caller| {
        templates::delete(tx, given(&state, caller), &caller.actor, id.get()?)?;
        Ok(Reply::no_content())
    })
    .await
}

/// List what a template said
///
/// Its versions, the newest first.
#[utoipa::path(operation_id = "list_template_versions", tag = "templates",
    params(("id" = String, Path, description = "The template's identifier.", example = "tpl_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b"), PageQuery),
    security(("bearer" = ["clients:read"])), responses((status = 200, description = "Its versions.", body = PageOut<VersionOut>)))]
#[get("/templates/{id}/versions")]
pub async fn list_template_versions(
    may: May<ClientsRead>,
    id: InPath<TemplateId>,
    query: Query<PageQuery>,
    state: Data<State>,
) -> Result<Reply, Problem> {
    may.read(move |conn, caller| {
        let asked = (query.cursor.as_deref(), page::limit(query.limit)?);
        let found = templates::versions(conn, given(&state, caller), id.get()?, asked)?;
        Reply::ok(&PageOut::from(found.map(VersionOut::from)))
    })
    .await
}

/// Restore a template
///
/// It says again, and has attached again, what it did at a version, or what it came with the product as. That is a new version; none is lost.
#[utoipa::path(operation_id = "restore_template", tag = "templates", request_body(content = RestoreIn, description = "What it is brought back to."),
    params(("id" = String, Path, description = "The template's identifier.", example = "tpl_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b"),
        ("If-Match" = String, Header, description = "The ETag that was read.", pattern = r#"^"[0-9]+"$"#, example = "\"1\"")),
    security(("bearer" = ["templates:manage"])), responses((status = 200, description = "The template as it is now.", body = TemplateOut)))]
#[post("/templates/{id}/restore")]
pub async fn restore_template(
    may: May<TemplatesManage>,
    id: InPath<TemplateId>,
    seen: SeenRevision,
    state: Data<State>,
    body: Body<RestoreIn>,
) -> Result<Reply, Problem> {
    may.once(body.hash, move |tx, caller| {
        let to = match (body.value.version, body.value.delivered) {
            (Some(version), false) => Restored::Version(version.0.into()),
            (None, true) => Restored::Delivered,
            _ => return Err(Error::invalid("/version", "version_or_delivered")),
        };
        let id = id.get()?;
        templates::restore(tx, given(&state, caller), &caller.actor, (id, seen.0), to)?;
        reply(tx, &state, caller, id)
    })
    .await
}
