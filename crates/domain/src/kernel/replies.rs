//! Replies kept for callers that repeat a request under the same `Idempotency-Key`.

use diesel::prelude::*;

use super::Uid;
use super::clock::Instant;
use super::db::{Conn, Db, Tx};
use super::error::Result;
use crate::on_each;
use crate::schema::idempotent_replies;

/// Where a reply is kept: the practice, the caller within it, the caller's key, and what was asked.
#[derive(Debug)]
pub struct Slot<'a> {
    /// The practice.
    pub practice: Uid,
    /// The member's or key's identifier in text form.
    pub caller: &'a str,
    /// The `Idempotency-Key`.
    pub token: &'a str,
    /// SHA-256 of method, path and body.
    pub request_hash: &'a [u8],
}

/// What is in a slot.
#[derive(Debug)]
pub enum Reserved {
    /// Nothing was: it is ours until the transaction ends, and a twin waits.
    Fresh,
    /// The sealed reply to the same request.
    Kept(Vec<u8>),
    /// The key was used for another request.
    OtherRequest,
}

/// Takes a slot, or finds what is in it. The first statement of the transaction that does the work.
///
/// # Errors
/// When the database refuses.
pub fn reserve(tx: &mut Tx<'_>, slot: &Slot<'_>) -> Result<Reserved> {
    let now = tx.now();
    let row = (
        idempotent_replies::practice_id.eq(slot.practice),
        idempotent_replies::caller.eq(slot.caller),
        idempotent_replies::token.eq(slot.token),
        idempotent_replies::request_hash.eq(slot.request_hash),
        idempotent_replies::reply.eq(Vec::<u8>::new()),
        idempotent_replies::created_at.eq(now),
    );
    let taken = on_each!(&mut **tx, c => diesel::insert_into(idempotent_replies::table).values(row).on_conflict_do_nothing().execute(c))?;
    if taken == 1 {
        return Ok(Reserved::Fresh);
    }
    let (hash, reply): (Vec<u8>, Vec<u8>) = idempotent_replies::table
        .find((slot.practice, slot.caller, slot.token))
        .select((idempotent_replies::request_hash, idempotent_replies::reply))
        .first(&mut **tx)?;
    Ok(if hash == slot.request_hash { Reserved::Kept(reply) } else { Reserved::OtherRequest })
}

/// Whether the slot holds the reply to this very request.
///
/// # Errors
/// When the database refuses.
pub fn is_kept(conn: &mut Conn, slot: &Slot<'_>) -> Result<bool> {
    let row = idempotent_replies::table.find((slot.practice, slot.caller, slot.token));
    let same = row.filter(idempotent_replies::request_hash.eq(slot.request_hash));
    Ok(diesel::select(diesel::dsl::exists(same)).get_result(conn)?)
}

/// Puts the sealed reply into a slot that was [`Reserved::Fresh`] in this transaction.
///
/// # Errors
/// When the database refuses.
pub fn keep(tx: &mut Tx<'_>, slot: &Slot<'_>, sealed: &[u8]) -> Result<()> {
    diesel::update(idempotent_replies::table.find((slot.practice, slot.caller, slot.token)))
        .set(idempotent_replies::reply.eq(sealed))
        .execute(&mut **tx)?;
    Ok(())
}

/// The most replies that one transaction removes; a reply may be a whole page.
const AT_ONCE: i64 = 500;

/// Forgets up to five hundred replies that were given before `before`. Returns how many, so that the caller goes on until
/// none are left.
///
/// # Errors
/// When the database is away.
pub fn prune(db: &Db, before: Instant) -> Result<usize> {
    db.write(|tx| {
        let keys: Vec<(Uid, String, String)> = idempotent_replies::table
            .filter(idempotent_replies::created_at.lt(before))
            .order(idempotent_replies::created_at)
            .limit(AT_ONCE)
            .select((idempotent_replies::practice_id, idempotent_replies::caller, idempotent_replies::token))
            .load(&mut **tx)?;
        for key in &keys {
            diesel::delete(idempotent_replies::table.find((key.0, &key.1, &key.2))).execute(&mut **tx)?;
        }
        Ok(keys.len())
    })
}
