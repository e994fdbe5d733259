//! Sign-in with a password and what follows from it.

use std::sync::LazyLock;

use diesel::prelude::*;

use super::attempts::{self, Counter};
use super::model::{AccountId, Caller, Practice, PracticeId, Role, Session, SessionId};
use super::{queries, resets};
use crate::kernel::clock::Instant;
use crate::kernel::db::{Db, Tx};
use crate::kernel::error::{Error, Result};
use crate::kernel::{secrets, text};
use crate::schema::sessions;

pub(super) const TOKEN_PREFIX: &str = "klaar_session_";
const VALID_SECONDS: i64 = 14 * 24 * 3600;
/// Failed sign-ins after which an address, or a network address, has to wait.
const MOST_FOR_EMAIL: i64 = 10;
const MOST_FOR_PEER: i64 = 100;

/// Checked against when there is no account, so that an unknown address takes as long as a known one.
static NOBODY: LazyLock<String> =
    LazyLock::new(|| secrets::hash_password("nobody has this password").unwrap_or_default());

/// A sign-in.
#[derive(Debug)]
pub struct SignIn {
    /// The account's address.
    pub email: String,
    /// Its password.
    pub password: String,
    /// The practice to act in; the first by name when not given.
    pub practice: Option<PracticeId>,
    /// What the person's program calls itself.
    pub label: String,
    /// The caller's network address, for the limit.
    pub peer: String,
}

/// What a sign-in gives.
#[derive(Debug)]
pub struct SignedIn {
    /// The bearer token, shown once.
    pub token: String,
    /// The session.
    pub session: Session,
    /// All practices of the account with the role in each.
    pub practices: Vec<(Practice, Role)>,
}

/// Signs a person in. Blocking; takes as long for an unknown address as for a wrong password.
///
/// # Errors
/// [`Error::WrongCredentials`] whatever is wrong; [`Error::TooMany`] after too many failures for the address or the peer.
pub fn sign_in(db: &Db, attempt: &SignIn) -> Result<SignedIn> {
    let email_key = text::fold(&attempt.email);
    let counters =
        [Counter::of("email", &email_key, MOST_FOR_EMAIL), Counter::of("peer", &attempt.peer, MOST_FOR_PEER)];
    let now = db.clock().now();
    let account = db.read(|c| {
        attempts::check(c, &counters, now)?;
        queries::account_by_email(c, &email_key)
    })?;
    let hash = account.as_ref().and_then(|a| a.password_hash.as_deref()).unwrap_or(&NOBODY);
    let right = secrets::is_password(&attempt.password, hash);
    let account = account.filter(|a| right && a.password_hash.is_some()).map(super::model::Account::from);
    let practices = match &account {
        Some(account) => db.read(|c| queries::practices_of_account(c, account.id))?,
        None => Vec::new(),
    };
    let wanted = attempt.practice.or_else(|| practices.first().map(|(p, _)| p.id));
    let chosen = practices.iter().map(|(p, _)| p.id).find(|id| Some(*id) == wanted);
    let (Some(account), Some(practice)) = (account, chosen) else {
        db.write(|tx| attempts::note(tx, &counters))?;
        return Err(Error::WrongCredentials);
    };
    let (session, token) = db.write(|tx| open(tx, account.id, practice, &attempt.label))?;
    Ok(SignedIn { token, session, practices })
}

/// Forgets attempts that count no more, sessions that have ended, and resets whose link works no more. Returns how many rows
/// went. Blocking.
///
/// # Errors
/// When the database is away.
pub fn prune(db: &Db) -> Result<usize> {
    db.write(|tx| {
        let now = tx.now();
        let attempts = attempts::prune(tx)?;
        let ended = diesel::delete(sessions::table.filter(sessions::expires_at.le(now))).execute(&mut **tx)?;
        Ok(attempts + ended + resets::prune(tx)?)
    })
}

fn open(tx: &mut Tx<'_>, account: AccountId, practice: PracticeId, label: &str) -> Result<(Session, String)> {
    let token = secrets::new_token(TOKEN_PREFIX);
    let id = SessionId::new();
    let now = tx.now();
    diesel::insert_into(sessions::table)
        .values((
            sessions::id.eq(id),
            sessions::account_id.eq(account),
            sessions::practice_id.eq(practice),
            sessions::token_hash.eq(secrets::token_hash(&token)),
            sessions::label.eq(label.chars().take(200).collect::<String>()),
            sessions::authenticated_at.eq(now),
            sessions::created_at.eq(now),
            sessions::expires_at.eq(now.plus_seconds(VALID_SECONDS)),
            sessions::last_used_at.eq(now),
        ))
        .execute(&mut **tx)?;
    let session = queries::sessions(tx, account, now)?.into_iter().find(|s| s.id == id);
    Ok((session.ok_or_else(|| Error::internal("the new session is not there"))?, token))
}

/// Lets the caller's own session act in another practice of the same account.
///
/// # Errors
/// [`Error::NotFound`] when the account is no member there; [`Error::Conflict`] `no_session` for an API key.
pub fn switch_practice(tx: &mut Tx<'_>, caller: &Caller, to: PracticeId) -> Result<(Session, Practice, Role)> {
    let (Some(session), Some(account)) = (caller.session, caller.account) else {
        return Err(Error::conflict("no_session"));
    };
    let found = queries::practices_of_account(tx, account)?.into_iter().find(|(practice, _)| practice.id == to);
    let (practice, role) = found.ok_or(Error::NotFound("practice"))?;
    diesel::update(sessions::table.filter(sessions::id.eq(session).and(sessions::account_id.eq(account))))
        .set(sessions::practice_id.eq(to))
        .execute(&mut **tx)?;
    let now = tx.now();
    let session = queries::sessions(tx, account, now)?.into_iter().find(|s| s.id == session);
    Ok((session.ok_or(Error::NotFound("session"))?, practice, role))
}

/// Ends one of the caller's own sessions.
///
/// # Errors
/// [`Error::NotFound`] when the account has no such session; [`Error::Conflict`] `no_session` for an API key.
pub fn revoke_session(tx: &mut Tx<'_>, caller: &Caller, id: SessionId) -> Result<()> {
    let account = caller.account.ok_or_else(|| Error::conflict("no_session"))?;
    let ended = diesel::delete(sessions::table.filter(sessions::id.eq(id).and(sessions::account_id.eq(account))))
        .execute(&mut **tx)?;
    if ended == 0 { Err(Error::NotFound("session")) } else { Ok(()) }
}

pub(super) fn note_use(tx: &mut Tx<'_>, token_hash: &[u8], now: Instant) -> Result<()> {
    diesel::update(sessions::table.filter(sessions::token_hash.eq(token_hash)))
        .set(sessions::last_used_at.eq(now))
        .execute(&mut **tx)?;
    Ok(())
}
