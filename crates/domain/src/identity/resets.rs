//! New passwords for people who have forgotten theirs, by a link in a mail.

use diesel::prelude::*;
use url::Url;

use super::attempts::{self, Counter};
use super::jobs::SendPasswordReset;
use super::mails::PasswordResetLetter;
use super::model::{AccountId, MemberId, PasswordResetId, PracticeId};
use super::{invitations, passwords, queries};
use crate::kernel::actor::{Actor, ActorKind};
use crate::kernel::audit::{self, Event};
use crate::kernel::clock::Instant;
use crate::kernel::db::{Conn, Db, Tx};
use crate::kernel::error::Result;
use crate::kernel::jobs::{self, EnqueueOptions};
use crate::kernel::secrets::{self, Keyring};
use crate::kernel::text;
use crate::mail::{PRODUCT, Party, Post};
use crate::schema::{accounts, members, password_resets as resets, sessions};

const TOKEN_PREFIX: &str = "klaar_reset_";
const VALID_SECONDS: i64 = 3600;
/// How many links may be asked for an address, and from a network address, in a quarter of an hour.
const MOST_FOR_EMAIL: i64 = 3;
const MOST_FOR_PEER: i64 = 30;

fn place(id: PasswordResetId) -> String {
    format!("-/password_resets/{id}")
}

/// Somebody wants a new password for the account with this address. What happens, and how long it takes, does not tell
/// whether there is one. `peer` is the caller's network address. Blocking.
///
/// # Errors
/// [`Error::TooMany`] when too many links were asked for.
pub fn request_reset(db: &Db, keyring: &Keyring, email: &str, peer: &str) -> Result<()> {
    let email_key = text::fold(email);
    let counters = [Counter::of("reset", &email_key, MOST_FOR_EMAIL), Counter::of("reset_peer", peer, MOST_FOR_PEER)];
    db.write(|tx| {
        let now = tx.now();
        attempts::check(tx, &counters, now)?;
        attempts::note(tx, &counters)?;
        let account = queries::account_by_email(tx, &email_key)?.map(|row| super::model::Account::from(row).id);
        let (id, token) = (PasswordResetId::new(), secrets::new_token(TOKEN_PREFIX));
        diesel::insert_into(resets::table)
            .values((
                resets::id.eq(id),
                resets::account_id.eq(account),
                resets::token_hash.eq(secrets::token_hash(&token)),
                resets::sealed_token.eq(Some(keyring.seal(&place(id), token.as_bytes())?)),
                resets::expires_at.eq(now.plus_seconds(VALID_SECONDS)),
                resets::created_at.eq(now),
            ))
            .execute(&mut **tx)?;
        jobs::enqueue(tx, &SendPasswordReset { reset: id }, &EnqueueOptions::default())?;
        Ok(())
    })
}

/// The mail of a reset; none when nobody has the address, when it is gone already or works no more.
///
/// # Errors
/// When the database refuses or the token does not open.
pub fn reset_to_mail(
    conn: &mut Conn,
    keyring: &Keyring,
    base: &Url,
    (id, now): (PasswordResetId, Instant),
) -> Result<Option<Post<PasswordResetLetter>>> {
    let found: Option<(Option<Vec<u8>>, String, String, String)> = resets::table
        .inner_join(accounts::table)
        .filter(resets::id.eq(id).and(resets::expires_at.gt(now)))
        .select((resets::sealed_token, accounts::name, accounts::email, accounts::language))
        .first(conn)
        .optional()?;
    let Some((Some(sealed), name, address, language)) = found else { return Ok(None) };
    let link = invitations::link(base, "new-password", &keyring.open(&place(id), &sealed)?)?;
    let to = Party { name: name.clone(), address: address.clone() };
    let letter = PasswordResetLetter { name, address, link };
    Ok(Some(Post { letter, language: language.parse().unwrap_or_default(), sender: PRODUCT.to_owned(), to }))
}

/// The mail of a reset is gone.
///
/// # Errors
/// When the database refuses.
pub fn reset_mailed(tx: &mut Tx<'_>, id: PasswordResetId) -> Result<()> {
    diesel::update(resets::table.find(id)).set(resets::sealed_token.eq(None::<Vec<u8>>)).execute(&mut **tx)?;
    Ok(())
}

/// Whose password the token of a reset sets: the account's name.
///
/// # Errors
/// [`Error::Invalid`] on `/token` when it is unknown, used or too old.
pub fn reset_of(conn: &mut Conn, token: &str, now: Instant) -> Result<String> {
    let open = resets::token_hash.eq(secrets::token_hash(token)).and(resets::expires_at.gt(now));
    let name = resets::table.inner_join(accounts::table).filter(open).select(accounts::name).first(conn).optional()?;
    name.ok_or_else(invitations::unknown_token)
}

/// Sets a new password by the token of a reset, which is used up, and ends all sessions of the account. Blocking; hashes
/// outside the transaction.
///
/// # Errors
/// [`Error::Invalid`] on `/password` for a length out of bounds, on `/token` when it is unknown, used or too old.
pub fn accept_reset(db: &Db, token: &str, password: &str) -> Result<()> {
    passwords::check(password)?;
    let now = db.clock().now();
    // The token is looked at before the slow hash, so that guessing costs us little.
    db.read(|conn| reset_of(conn, token, now))?;
    let hash = secrets::hash_password(password)?;
    db.write(|tx| {
        let now = tx.now();
        let open = resets::token_hash.eq(secrets::token_hash(token)).and(resets::expires_at.gt(now));
        let account: Option<Option<AccountId>> = diesel::delete(resets::table.filter(open))
            .returning(resets::account_id)
            .get_result(&mut **tx)
            .optional()?;
        let account = account.flatten().ok_or_else(invitations::unknown_token)?;
        passwords::set(tx, account, &hash)?;
        diesel::delete(sessions::table.filter(sessions::account_id.eq(account))).execute(&mut **tx)?;
        let name: String = accounts::table.find(account).select(accounts::name).first(&mut **tx)?;
        let memberships: Vec<(MemberId, PracticeId)> = members::table
            .filter(members::account_id.eq(account))
            .select((members::id, members::practice_id))
            .load(&mut **tx)?;
        for (member, practice) in memberships {
            let actor = Actor { kind: ActorKind::Member, id: Some(member.to_string()), name: name.clone() };
            audit::record(tx, practice.0, &actor, &Event::new("member.password_changed", "api").on(member))?;
        }
        Ok(())
    })
}

/// Forgets resets whose link works no more. Returns how many rows went.
///
/// # Errors
/// When the database refuses.
pub(super) fn prune(tx: &mut Tx<'_>) -> Result<usize> {
    let now = tx.now();
    Ok(diesel::delete(resets::table.filter(resets::expires_at.le(now))).execute(&mut **tx)?)
}
