//! One-time invitations by which a new member sets a password.

use diesel::prelude::*;
use jiff::tz::TimeZone;
use url::Url;

use super::jobs::SendInvitation;
use super::mails::InvitationLetter;
use super::model::{AccountId, InvitationId, Member, MemberId, Practice};
use super::{passwords, queries};
use crate::kernel::Uid;
use crate::kernel::actor::{Actor, ActorKind};
use crate::kernel::audit::{self, Event};
use crate::kernel::catalogue::Language;
use crate::kernel::clock::Instant;
use crate::kernel::dates;
use crate::kernel::db::{Conn, Db, Tx};
use crate::kernel::error::{Error, Result};
use crate::kernel::jobs::{self, EnqueueOptions};
use crate::kernel::secrets::{self, Keyring};
use crate::mail::{Party, Post};
use crate::schema::{accounts, invitations, members, practices};

const TOKEN_PREFIX: &str = "klaar_invite_";
const VALID_SECONDS: i64 = 7 * 24 * 3600;

fn place(practice: &Practice, id: InvitationId) -> String {
    format!("{}/invitations/{id}", practice.id)
}

/// What is wrong with a token that sets no password.
pub(super) fn unknown_token() -> Error {
    Error::invalid("/token", "unknown_or_used")
}

/// The address of a page of ours with a token, which was sealed as its bytes.
pub(super) fn link(base: &Url, page: &str, token: &[u8]) -> Result<String> {
    let token = std::str::from_utf8(token).map_err(Error::internal)?;
    let mut link = base.clone();
    let mut path = link.path_segments_mut().map_err(|()| Error::internal("KLAAR_PUBLIC_URL has no path"))?;
    path.pop_if_empty().push(page);
    drop(path);
    link.query_pairs_mut().append_pair("token", token);
    Ok(link.into())
}

/// Who invites, and with what the token is sealed until its mail is gone; without it the token is handed on by hand.
pub(super) struct Inviting<'a> {
    pub(super) practice: &'a Practice,
    pub(super) actor: &'a Actor,
    pub(super) mailing: Option<&'a Keyring>,
}

/// Makes an invitation; its token is mailed, or else returned once, and stored hashed. Earlier ones of the same member stop
/// working.
pub(super) fn invite(tx: &mut Tx<'_>, by: &Inviting<'_>, member: MemberId) -> Result<Option<String>> {
    let (id, token) = (InvitationId::new(), secrets::new_token(TOKEN_PREFIX));
    let sealed = by.mailing.map(|keyring| keyring.seal(&place(by.practice, id), token.as_bytes())).transpose()?;
    let now = tx.now();
    diesel::delete(invitations::table.filter(invitations::member_id.eq(member))).execute(&mut **tx)?;
    diesel::insert_into(invitations::table)
        .values((
            invitations::id.eq(id),
            invitations::member_id.eq(member),
            invitations::token_hash.eq(secrets::token_hash(&token)),
            invitations::expires_at.eq(now.plus_seconds(VALID_SECONDS)),
            invitations::created_at.eq(now),
            invitations::invited_by.eq(&by.actor.name),
            invitations::sealed_token.eq(sealed),
        ))
        .execute(&mut **tx)?;
    if by.mailing.is_none() {
        return Ok(Some(token));
    }
    jobs::enqueue(tx, &SendInvitation { invitation: id }, &EnqueueOptions::of(by.practice.uid()))?;
    Ok(None)
}

/// Makes a new invitation for a member who has not set a password yet; `mailing` as in [`add_member`](super::add_member).
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] `member_active`.
pub fn invite_again(
    tx: &mut Tx<'_>,
    practice: &Practice,
    actor: &Actor,
    (id, mailing): (MemberId, Option<&Keyring>),
) -> Result<(Member, Option<String>)> {
    let member = queries::member(tx, practice, id)?;
    if member.active {
        return Err(Error::conflict("member_active"));
    }
    audit::record(tx, practice.uid(), actor, &Event::new("member.invited", "api").on(id))?;
    let token = invite(tx, &Inviting { practice, actor, mailing }, id)?;
    Ok((member, token))
}

/// The mail of an invitation; none when it is gone already, used, replaced or works no more.
///
/// # Errors
/// When the database refuses or the token does not open.
pub fn invitation_to_mail(
    conn: &mut Conn,
    keyring: &Keyring,
    base: &Url,
    (id, now): (InvitationId, Instant),
) -> Result<Option<Post<InvitationLetter>>> {
    type Found = ((Uid, Option<Vec<u8>>, String, Instant), (String, String, String));
    let found: Option<Found> = invitations::table
        .inner_join(members::table.inner_join(accounts::table))
        .filter(invitations::id.eq(id).and(invitations::expires_at.gt(now)))
        .select((
            (members::practice_id, invitations::sealed_token, invitations::invited_by, invitations::expires_at),
            (accounts::name, accounts::email, accounts::language),
        ))
        .first(conn)
        .optional()?;
    let Some(((practice, Some(sealed), inviter, expires_at), (name, address, language))) = found else {
        return Ok(None);
    };
    let practice = queries::find_practice(conn, super::model::PracticeId(practice))?;
    let language: Language = language.parse().unwrap_or_default();
    let zone = TimeZone::get(&practice.time_zone).unwrap_or(TimeZone::UTC);
    let letter = InvitationLetter {
        practice: practice.name.clone(),
        name: name.clone(),
        inviter,
        link: link(base, "welcome", &keyring.open(&place(&practice, id), &sealed)?)?,
        until: dates::written(expires_at.in_zone(&zone).date(), language),
    };
    Ok(Some(Post { letter, language, sender: practice.name, to: Party { name, address } }))
}

/// The mail of an invitation is gone.
///
/// # Errors
/// When the database refuses.
pub fn invitation_mailed(tx: &mut Tx<'_>, id: InvitationId) -> Result<()> {
    let row = invitations::table.find(id);
    diesel::update(row).set(invitations::sealed_token.eq(None::<Vec<u8>>)).execute(&mut **tx)?;
    Ok(())
}

/// Whom an invitation invites.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invited {
    /// The practice's name.
    pub practice: String,
    /// The person's name.
    pub name: String,
}

/// Whom the invitation with this token invites.
///
/// # Errors
/// [`Error::Invalid`] on `/token` when it is unknown, used or too old.
pub fn invitation_of(conn: &mut Conn, token: &str, now: Instant) -> Result<Invited> {
    let open = invitations::token_hash.eq(secrets::token_hash(token)).and(invitations::expires_at.gt(now));
    let found = invitations::table
        .inner_join(members::table.inner_join(accounts::table).inner_join(practices::table))
        .filter(open)
        .select((practices::name, accounts::name))
        .first(conn)
        .optional()?;
    found.map(|(practice, name)| Invited { practice, name }).ok_or_else(unknown_token)
}

/// Sets the password of the invited person and uses the invitation up. Blocking; hashes outside the transaction.
///
/// # Errors
/// [`Error::Invalid`] on `/password` for a length out of bounds, on `/token` when it is unknown, used or expired.
pub fn accept_invitation(db: &Db, token: &str, password: &str) -> Result<()> {
    passwords::check(password)?;
    let now = db.clock().now();
    // The token is looked at before the slow hash, so that guessing costs us little.
    db.read(|conn| invitation_of(conn, token, now))?;
    let hash = secrets::hash_password(password)?;
    db.write(|tx| {
        let member: Option<MemberId> =
            diesel::delete(invitations::table.filter(invitations::token_hash.eq(secrets::token_hash(token))))
                .returning(invitations::member_id)
                .get_result(&mut **tx)
                .optional()?;
        let member = member.ok_or_else(unknown_token)?;
        let (practice, account): (Uid, AccountId) =
            members::table.find(member).select((members::practice_id, members::account_id)).first(&mut **tx)?;
        passwords::set(tx, account, &hash)?;
        let name: String = accounts::table.find(account).select(accounts::name).first(&mut **tx)?;
        let actor = Actor { kind: ActorKind::Member, id: Some(member.to_string()), name };
        audit::record(tx, practice, &actor, &Event::new("member.activated", "api").on(member))?;
        Ok(())
    })
}
