//! One-time invitations by which a new member sets a password.

use diesel::prelude::*;

use super::model::{Member, MemberId, Practice};
use super::queries;
use crate::kernel::Uid;
use crate::kernel::actor::Actor;
use crate::kernel::audit::{self, Event};
use crate::kernel::db::{Db, Tx};
use crate::kernel::error::{Error, FieldError, Result};
use crate::kernel::{ids, secrets};
use crate::schema::{accounts, invitations, members};

const TOKEN_PREFIX: &str = "klaar_invite_";
const VALID_SECONDS: i64 = 7 * 24 * 3600;
const PASSWORD_MIN: usize = 12;
const PASSWORD_MAX: usize = 200;

/// Makes an invitation; its token is returned once and stored hashed. Earlier ones of the same member stop working.
pub(super) fn invite(tx: &mut Tx<'_>, member: MemberId) -> Result<String> {
    let token = secrets::new_token(TOKEN_PREFIX);
    let now = tx.now();
    diesel::delete(invitations::table.filter(invitations::member_id.eq(member))).execute(&mut **tx)?;
    diesel::insert_into(invitations::table)
        .values((
            invitations::id.eq(Uid(ids::new_uuid())),
            invitations::member_id.eq(member),
            invitations::token_hash.eq(secrets::token_hash(&token)),
            invitations::expires_at.eq(now.plus_seconds(VALID_SECONDS)),
            invitations::created_at.eq(now),
        ))
        .execute(&mut **tx)?;
    Ok(token)
}

/// Makes a new invitation for a member who has not set a password yet.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] `member_active`.
pub fn invite_again(tx: &mut Tx<'_>, practice: &Practice, actor: &Actor, id: MemberId) -> Result<(Member, String)> {
    let member = queries::member(tx, practice, id)?;
    if member.active {
        return Err(Error::conflict("member_active"));
    }
    audit::record(tx, practice.uid(), actor, &Event::new("member.invited", "api").on(id))?;
    let token = invite(tx, id)?;
    Ok((member, token))
}

/// Sets the password of the invited person and uses the invitation up. Blocking; hashes outside the transaction.
///
/// # Errors
/// [`Error::Invalid`] on `/password` for a length out of bounds, on `/token` when it is unknown, used or expired.
pub fn accept_invitation(db: &Db, token: &str, password: &str) -> Result<()> {
    let length = password.chars().count();
    if !(PASSWORD_MIN..=PASSWORD_MAX).contains(&length) {
        let fault = FieldError::new("/password", "length").with("min", PASSWORD_MIN).with("max", PASSWORD_MAX);
        return Err(Error::Invalid(vec![fault]));
    }
    let token_hash = secrets::token_hash(token);
    let now = db.clock().now();
    let open = invitations::table.filter(invitations::token_hash.eq(&token_hash).and(invitations::expires_at.gt(now)));
    // The token is looked at before the slow hash, so that guessing costs us little.
    let known = db.read(|c| Ok(diesel::select(diesel::dsl::exists(open)).get_result::<bool>(c)?))?;
    if !known {
        return Err(Error::invalid("/token", "unknown_or_used"));
    }
    let hash = secrets::hash_password(password)?;
    db.write(|tx| {
        let member: Option<MemberId> =
            diesel::delete(invitations::table.filter(invitations::token_hash.eq(&token_hash)))
                .returning(invitations::member_id)
                .get_result(&mut **tx)
                .optional()?;
        let member = member.ok_or_else(|| Error::invalid("/token", "unknown_or_used"))?;
        let (practice, account): (Uid, Uid) =
            members::table.find(member).select((members::practice_id, members::account_id)).first(&mut **tx)?;
        diesel::update(accounts::table.find(account)).set(accounts::password_hash.eq(&hash)).execute(&mut **tx)?;
        let name: String = accounts::table.find(account).select(accounts::name).first(&mut **tx)?;
        let actor = Actor { kind: crate::kernel::actor::ActorKind::Member, id: Some(member.to_string()), name };
        audit::record(tx, practice, &actor, &Event::new("member.activated", "api").on(member))?;
        Ok(())
    })
}
