//! Keys for programs.

use actix_web::{get, post};
use klaar_domain::identity::{self, ApiKey, KeyId, NewKey, Right, Rights};
use klaar_domain::kernel::clock::Instant;
use klaar_domain::kernel::error::{Error, FieldError, Result};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::body::{Body, InPath};
use crate::guards::{KeysManage, May};
use crate::mounting::Routes;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::shapes::RightWord;

/// A key to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewApiKey, example = json!({ "name": "Front end", "scopes": ["clients:read", "clients:write"], "expires_at": "2027-11-22T00:00:00Z" }))]
pub struct KeyIn {
    /// What it is for, up to 200 characters.
    #[schema(pattern = r"^[\s\x85]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x1f\x7f-\x9f]{0,199}[\s\x85]*$")]
    name: String,
    /// What it may do; at most what the caller may.
    #[schema(value_type = Vec<RightWord>, min_items = 1)]
    scopes: Vec<String>,
    /// When it stops working (RFC 3339); never when not given.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

/// An API key, without its secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ApiKey, example = json!({
    "id": "key_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "name": "Front end", "hint": "klaar_key_AbCd12", "scopes": ["clients:read"],
    "created_at": "2026-11-20T09:00:00.000000Z", "expires_at": null, "revoked_at": null, "last_used_at": "2026-11-22T09:00:00.000000Z"
}))]
pub struct KeyOut {
    /// The key's identifier.
    id: String,
    /// What it is for.
    name: String,
    /// How its secret begins, to recognise it by.
    hint: String,
    /// What it may do.
    scopes: Vec<&'static str>,
    /// When it was made.
    created_at: String,
    /// When it stops working.
    expires_at: Option<String>,
    /// When it was revoked.
    revoked_at: Option<String>,
    /// When it was last used, to the minute.
    last_used_at: Option<String>,
}

impl From<ApiKey> for KeyOut {
    fn from(key: ApiKey) -> Self {
        let text = |at: Option<Instant>| at.map(|at| at.to_string());
        Self {
            id: key.id.to_string(),
            name: key.name,
            hint: key.hint,
            scopes: key.scopes.names(),
            created_at: key.created_at.to_string(),
            expires_at: text(key.expires_at),
            revoked_at: text(key.revoked_at),
            last_used_at: text(key.last_used_at),
        }
    }
}

/// A new key with its secret.
#[derive(Serialize, ToSchema)]
#[schema(as = CreatedApiKey, example = json!({
    "api_key": { "id": "key_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b", "name": "Front end", "hint": "klaar_key_AbCd12", "scopes": ["clients:read"],
        "created_at": "2026-11-20T09:00:00.000000Z", "expires_at": null, "revoked_at": null, "last_used_at": null },
    "secret": "klaar_key_ZXhhbXBsZQ"
}))]
pub struct CreatedKeyOut {
    /// The key.
    api_key: KeyOut,
    /// The bearer token; shown once, so keep it now.
    secret: String,
}

/// All keys.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ApiKeyList, example = json!({ "items": [] }))]
pub struct KeysOut {
    /// The newest first, revoked ones too.
    items: Vec<KeyOut>,
}

fn scopes(names: &[String], most: Rights) -> Result<Rights> {
    let mut wrong = Vec::new();
    let mut scopes = Vec::with_capacity(names.len());
    for (at, name) in names.iter().enumerate() {
        match name.parse::<Right>() {
            Ok(right) if most.has(right) => scopes.push(right),
            Ok(_) => wrong.push(FieldError::new(format!("/scopes/{at}"), "beyond_own_rights")),
            Err(()) => wrong.push(
                FieldError::new(format!("/scopes/{at}"), "unknown_value").with("values", most.names().join(", ")),
            ),
        }
    }
    if wrong.is_empty() { Ok(scopes.into_iter().collect()) } else { Err(Error::Invalid(wrong)) }
}

/// List API keys
#[utoipa::path(operation_id = "list_api_keys", tag = "api keys", security(("bearer" = ["keys:manage"])),
    responses((status = 200, description = "All keys of the practice, the newest first.", body = KeysOut)))]
#[get("/api-keys")]
pub async fn list_api_keys(may: May<KeysManage>) -> Result<Reply, Problem> {
    may.read(|conn, caller| {
        Reply::ok(&KeysOut { items: identity::keys(conn, &caller.practice)?.into_iter().map(KeyOut::from).collect() })
    })
    .await
}

/// Make an API key
///
/// Its secret is shown in this answer alone.
#[utoipa::path(operation_id = "create_api_key", tag = "api keys", request_body(content = KeyIn, description = "The key."), security(("bearer" = ["keys:manage"])),
    responses((status = 201, description = "The new key with its secret.", body = CreatedKeyOut)))]
#[post("/api-keys")]
pub async fn create_api_key(may: May<KeysManage>, body: Body<KeyIn>) -> Result<Reply, Problem> {
    may.once(body.hash, move |tx, caller| {
        let KeyIn { name, scopes: names, expires_at } = body.value;
        let expires_at = expires_at.as_deref().map(Instant::parse).transpose();
        let expires_at = expires_at.map_err(|_| Error::invalid("/expires_at", "malformed_instant"))?;
        let new = NewKey { name, scopes: scopes(&names, caller.rights)?, expires_at };
        let (key, secret) = identity::create_key(tx, &caller.practice, &caller.actor, &new)?;
        Reply::created(format!("/v1/api-keys/{}", key.id), &CreatedKeyOut { api_key: key.into(), secret })
    })
    .await
}

/// Read an API key
#[utoipa::path(operation_id = "get_api_key", tag = "api keys", params(("id" = String, Path, description = "The key's identifier.", example = "key_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["keys:manage"])), responses((status = 200, description = "The key, without its secret.", body = KeyOut)))]
#[get("/api-keys/{id}")]
pub async fn get_api_key(may: May<KeysManage>, id: InPath<KeyId>) -> Result<Reply, Problem> {
    may.read(move |conn, caller| Reply::ok(&KeyOut::from(identity::key(conn, &caller.practice, id.get()?)?))).await
}

/// Revoke an API key
///
/// It stops working at once and for good, in other processes of the same installation within a quarter of a second; it stays
/// listed.
#[utoipa::path(operation_id = "revoke_api_key", tag = "api keys", params(("id" = String, Path, description = "The key's identifier.", example = "key_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b")),
    security(("bearer" = ["keys:manage"])), responses((status = 200, description = "The revoked key.", body = KeyOut)))]
#[post("/api-keys/{id}/revocation")]
pub async fn revoke_api_key(may: May<KeysManage>, id: InPath<KeyId>) -> Result<Reply, Problem> {
    may.once(Vec::new(), move |tx, caller| {
        Reply::ok(&KeyOut::from(identity::revoke_key(tx, &caller.practice, &caller.actor, id.get()?)?))
    })
    .await
}

/// Mounts the file's operations.
pub fn routes(routes: &mut Routes<'_, '_>) {
    routes.service(list_api_keys).service(create_api_key).service(get_api_key).service(revoke_api_key);
}
