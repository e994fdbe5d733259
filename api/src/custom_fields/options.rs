//! The options of choices.

use std::collections::BTreeMap;

use actix_web::{get, patch, post};
use klaar_domain::clients::ClientId;
use klaar_domain::custom_fields::{self, FieldId, Labels, Merged, OptionChange, OptionId};
use klaar_domain::identity::Practice;
use klaar_domain::kernel::db::Conn;
use klaar_domain::kernel::error::{Error, Result};
use klaar_domain::kernel::patch::Patch;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::categories::{place, renamed};
use super::outs::OptionOut;
use crate::body::{Body, InPath, Whole};
use crate::guards::{ClientsRead, FieldsManage, May, SeenRevision};
use crate::mounting::Routes;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::shapes::{GivenLabels, OptionLabel};

/// An option to add.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewFieldOption, example = json!({ "label": "Boekhoudpakket X", "labels": { "fr": "Logiciel X" } }))]
pub struct OptionIn {
    /// What people read, up to 200 characters; no other option of the field may be called so.
    #[schema(value_type = OptionLabel)]
    label: String,
    /// What people may also type, by language.
    #[schema(value_type = Option<GivenLabels>)]
    labels: Option<BTreeMap<String, String>>,
}

/// A change to an option: an absent field stays, a value sets it.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = FieldOptionPatch, example = json!({ "retired": true }))]
pub struct OptionPatch {
    /// What people read. It cannot be cleared.
    #[schema(value_type = OptionLabel)]
    label: Patch<String>,
    /// What people may also type, by language; null takes all of it away.
    #[schema(value_type = Option<GivenLabels>)]
    labels: Patch<BTreeMap<String, String>>,
    /// Its place among the field's options, from 1 on; the others make room.
    #[schema(value_type = i32, minimum = 1, maximum = 1000)]
    position: Patch<Whole>,
    /// Offered no longer, or again; clients that have it keep it.
    #[schema(value_type = bool)]
    retired: Patch<bool>,
}

impl From<OptionPatch> for OptionChange {
    fn from(said: OptionPatch) -> Self {
        let OptionPatch { label, labels, position, retired } = said;
        Self { label, labels: renamed(labels), position: place(position), retired }
    }
}

/// What a refreshed list got.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RefreshedOptions, example = json!({ "added": [{ "id": "opt_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "label": "Odoo", "labels": {},
    "position": 44, "delivered": true, "own": false, "retired": false, "merged_into": null, "revision": 1 }] }))]
pub struct RefreshedOut {
    /// The options that were added, in their order.
    added: Vec<OptionOut>,
}

/// Which option another one is merged into.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewMerge, example = json!({ "into": "opt_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "dry_run": true }))]
pub struct MergeIn {
    /// The option that the clients get instead: another one of the same field, not retired.
    #[schema(pattern = "^opt_[0-9a-f]{32}$")]
    into: String,
    /// Only say whom it would be.
    #[serde(default)]
    dry_run: bool,
}

/// What a merge moved, or would move.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Merge, example = json!({ "dry_run": true, "clients": 1, "items": [{ "client_id": "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "client_name": "Bakkerij Peeters" }] }))]
pub struct MergeOut {
    /// Nothing was changed.
    dry_run: bool,
    /// How many clients had the option, archived ones too.
    clients: usize,
    /// The first 50 of them.
    items: Vec<MovedOut>,
}

/// A client whose value a merge changes.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MovedClient, example = json!({ "client_id": "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "client_name": "Bakkerij Peeters" }))]
pub struct MovedOut {
    /// The client's identifier.
    client_id: String,
    /// The client's name.
    client_name: String,
}

impl MergeOut {
    fn of(merged: Merged, dry_run: bool) -> Self {
        let Merged { clients, first } = merged;
        let moved = |(id, client_name): (ClientId, String)| MovedOut { client_id: id.to_string(), client_name };
        Self { dry_run, clients, items: first.into_iter().map(moved).collect() }
    }
}

/// The option as it is now.
fn reply(conn: &mut Conn, practice: &Practice, id: OptionId) -> Result<Reply> {
    let catalogue = custom_fields::catalogue(conn, practice)?;
    let (field, option) = catalogue.option(id).ok_or(Error::NotFound("option"))?;
    Ok(Reply::ok(&OptionOut::of(field, option))?.tagged(option.revision))
}

/// Add an option
///
/// The last in order; the labels of the other options, in all their languages, are taken.
#[utoipa::path(operation_id = "create_field_option", tag = "custom fields", request_body(content = OptionIn, description = "The option."),
    params(("id" = String, Path, description = "The field's identifier.", example = "fld_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["fields:manage"])), responses((status = 201, description = "The new option.", body = OptionOut)))]
#[post("/fields/{id}/options")]
pub async fn create_field_option(
    may: May<FieldsManage>,
    field: InPath<FieldId>,
    body: Body<OptionIn>,
) -> Result<Reply, Problem> {
    may.once(body.hash, move |tx, caller| {
        let OptionIn { label, labels } = body.value;
        let labels = labels.map(Labels).unwrap_or_default();
        let id = custom_fields::add_option(tx, &caller.practice, &caller.actor, field.get()?, (label, labels))?;
        Ok(reply(tx, &caller.practice, id)?.at(format!("/v1/field-options/{id}")))
    })
    .await
}

/// Bring a delivered list up to date
///
/// Adds the delivered options that the practice has not. What it renamed, retired or added itself stays as it is.
#[utoipa::path(operation_id = "refresh_field_options", tag = "custom fields",
    params(("id" = String, Path, description = "The field's identifier.", example = "fld_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["fields:manage"])), responses((status = 200, description = "What was added.", body = RefreshedOut)))]
#[post("/fields/{id}/options/refresh")]
pub async fn refresh_field_options(may: May<FieldsManage>, field: InPath<FieldId>) -> Result<Reply, Problem> {
    may.once(Vec::new(), move |tx, caller| {
        let added = custom_fields::refresh_options(tx, &caller.practice, &caller.actor, field.get()?)?;
        let catalogue = custom_fields::catalogue(tx, &caller.practice)?;
        let found = added.into_iter().filter_map(|id| catalogue.option(id));
        let added = found.map(|(field, option)| OptionOut::of(field, option));
        Reply::ok(&RefreshedOut { added: added.collect() })
    })
    .await
}

/// Read an option
#[utoipa::path(operation_id = "get_field_option", tag = "custom fields",
    params(("id" = String, Path, description = "The option's identifier.", example = "opt_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["clients:read"])), responses((status = 200, description = "The option.", body = OptionOut)))]
#[get("/field-options/{id}")]
pub async fn get_field_option(may: May<ClientsRead>, id: InPath<OptionId>) -> Result<Reply, Problem> {
    may.read(move |conn, caller| reply(conn, &caller.practice, id.get()?)).await
}

/// Change or retire an option
///
/// A retired option is offered no longer: clients that have it keep it, and nobody can be given it anew.
#[utoipa::path(operation_id = "update_field_option", tag = "custom fields", request_body(content = OptionPatch, description = "The change."),
    params(("id" = String, Path, description = "The option's identifier.", example = "opt_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b"),
        ("If-Match" = String, Header, description = "The ETag that was read.", pattern = r#"^"[0-9]+"$"#, example = "\"1\"")),
    security(("bearer" = ["fields:manage"])), responses((status = 200, description = "The option as it is now.", body = OptionOut)))]
#[patch("/field-options/{id}")]
pub async fn update_field_option(
    may: May<FieldsManage>,
    id: InPath<OptionId>,
    seen: SeenRevision,
    body: Body<OptionPatch>,
) -> Result<Reply, Problem> {
    may.write(move |tx, caller| {
        let id = id.get()?;
        custom_fields::change_option(tx, &caller.practice, &caller.actor, (id, seen.0), body.value.into())?;
        reply(tx, &caller.practice, id)
    })
    .await
}

/// Merge an option into another
///
/// The clients that have it, archived ones too, get the other one; it is retired, and filters and views that name it mean the
/// other. With `dry_run` says whom it would be.
#[utoipa::path(operation_id = "merge_field_option", tag = "custom fields", request_body(content = MergeIn, description = "The other option."),
    params(("id" = String, Path, description = "The option's identifier.", example = "opt_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["fields:manage"])), responses((status = 200, description = "What was moved, or would be.", body = MergeOut)))]
#[post("/field-options/{id}/merge")]
pub async fn merge_field_option(
    may: May<FieldsManage>,
    id: InPath<OptionId>,
    body: Body<MergeIn>,
) -> Result<Reply, Problem> {
    may.once(body.hash, move |tx, caller| {
        let MergeIn { into, dry_run } = body.value;
        let merged = custom_fields::merge_option(tx, &caller.practice, &caller.actor, (id.get()?, &into), dry_run)?;
        Reply::ok(&MergeOut::of(merged, dry_run))
    })
    .await
}

/// Mounts the file's operations.
pub fn routes(routes: &mut Routes<'_, '_>) {
    routes
        .service(create_field_option)
        .service(refresh_field_options)
        .service(get_field_option)
        .service(update_field_option)
        .service(merge_field_option);
}
