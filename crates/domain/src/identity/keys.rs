//! API keys: shown once, stored hashed.

use diesel::prelude::*;

use super::actions::check_name;
use super::model::{ApiKey, KeyId, Practice, Rights};
use super::queries;
use crate::kernel::JsonText;
use crate::kernel::actor::Actor;
use crate::kernel::audit::{self, Event};
use crate::kernel::clock::Instant;
use crate::kernel::db::{Db, Tx};
use crate::kernel::error::{Error, FieldError, Result};
use crate::kernel::secrets;
use crate::schema::api_keys;

pub(super) const TOKEN_PREFIX: &str = "klaar_key_";
/// The part of the secret that is kept readable, to recognise a key by: 6 characters of 43.
const HINT_CHARS: usize = TOKEN_PREFIX.len() + 6;

/// What a new key is made of.
#[derive(Debug)]
pub struct NewKey {
    /// What it is for.
    pub name: String,
    /// What it may do; at most what its maker may.
    pub scopes: Rights,
    /// When it stops working; never, when not given.
    pub expires_at: Option<Instant>,
}

/// Makes a key and returns it with its secret, which cannot be shown again.
///
/// # Errors
/// [`Error::Invalid`] for a missing name, no scopes, or an end that has passed.
pub fn create_key(tx: &mut Tx<'_>, practice: &Practice, actor: &Actor, new: &NewKey) -> Result<(ApiKey, String)> {
    let mut wrong = Vec::new();
    let name = check_name(&new.name, &mut wrong);
    if new.scopes == Rights::default() {
        wrong.push(FieldError::new("/scopes", "missing"));
    }
    if new.expires_at.is_some_and(|end| end <= tx.now()) {
        wrong.push(FieldError::new("/expires_at", "in_the_past"));
    }
    if !wrong.is_empty() {
        return Err(Error::Invalid(wrong));
    }
    let token = secrets::new_token(TOKEN_PREFIX);
    let id = KeyId::new();
    let now = tx.now();
    diesel::insert_into(api_keys::table)
        .values((
            api_keys::id.eq(id),
            api_keys::practice_id.eq(practice.id),
            api_keys::name.eq(&name),
            api_keys::token_hash.eq(secrets::token_hash(&token)),
            api_keys::hint.eq(token.chars().take(HINT_CHARS).collect::<String>()),
            api_keys::scopes.eq(JsonText::of(&new.scopes.names())),
            api_keys::created_at.eq(now),
            api_keys::expires_at.eq(new.expires_at),
        ))
        .execute(&mut **tx)?;
    let event = Event::new("api_key.created", "api")
        .on(id)
        .after(&serde_json::json!({ "name": name, "scopes": new.scopes.names() }));
    audit::record(tx, practice.uid(), actor, &event)?;
    Ok((queries::key(tx, practice, id)?, token))
}

/// Revokes a key at once and for good; a revoked one stays listed.
///
/// # Errors
/// [`Error::NotFound`] when the practice has no such key.
pub fn revoke_key(tx: &mut Tx<'_>, practice: &Practice, actor: &Actor, id: KeyId) -> Result<ApiKey> {
    let key = queries::key(tx, practice, id)?;
    if key.revoked_at.is_none() {
        let now = tx.now();
        diesel::update(api_keys::table.filter(api_keys::practice_id.eq(practice.id).and(api_keys::id.eq(id))))
            .set(api_keys::revoked_at.eq(now))
            .execute(&mut **tx)?;
        audit::record(tx, practice.uid(), actor, &Event::new("api_key.revoked", "api").on(id))?;
    }
    queries::key(tx, practice, id)
}

/// Writes that a token was used just now. Blocking; a failure only costs the note.
pub fn note_use(db: &Db, token: &str) {
    let hash = secrets::token_hash(token);
    let noted = db.write(|tx| {
        let now = tx.now();
        if token.starts_with(TOKEN_PREFIX) {
            diesel::update(api_keys::table.filter(api_keys::token_hash.eq(&hash)))
                .set(api_keys::last_used_at.eq(now))
                .execute(&mut **tx)?;
        } else {
            super::sessions::note_use(tx, &hash, now)?;
        }
        Ok(())
    });
    if let Err(error) = noted {
        tracing::warn!(%error, "the time of last use of a token was not written");
    }
}
