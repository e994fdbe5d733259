//! Reading identity. Sign-in and the look-up of a token are the named exceptions that start from no practice.

use diesel::prelude::*;

use super::model::{
    Account, AccountId, ApiKey, Caller, KeyId, Member, MemberId, Practice, PracticeId, Right, Rights, Role, Session,
    SessionId, World,
};
use super::wishes::RegularMail;
use crate::kernel::JsonText;
use crate::kernel::actor::{Actor, ActorKind};
use crate::kernel::clock::Instant;
use crate::kernel::db::Conn;
use crate::kernel::error::{Error, Result};
use crate::kernel::secrets;
use crate::schema::{accounts, api_keys, members as members_table, practices, sessions as sessions_table};

#[derive(Queryable, Selectable)]
#[diesel(table_name = practices)]
pub(super) struct PracticeRow {
    id: PracticeId,
    name: String,
    world: String,
    time_zone: String,
    language: String,
    enterprise_number: Option<String>,
    version: i64,
    revision: i64,
    created_at: Instant,
    fields_version: i64,
}

impl TryFrom<PracticeRow> for Practice {
    type Error = Error;
    fn try_from(row: PracticeRow) -> Result<Self> {
        Ok(Self {
            id: row.id,
            name: row.name,
            world: row.world.parse::<World>().map_err(Error::internal)?,
            time_zone: row.time_zone,
            language: row.language,
            enterprise_number: row.enterprise_number,
            version: row.version,
            fields_version: row.fields_version,
            revision: row.revision,
            created_at: row.created_at,
        })
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = accounts)]
pub(super) struct AccountRow {
    id: AccountId,
    email: String,
    name: String,
    language: String,
    pub(super) password_hash: Option<String>,
}

impl From<AccountRow> for Account {
    fn from(row: AccountRow) -> Self {
        Self { id: row.id, email: row.email, name: row.name, language: row.language }
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = members_table)]
struct MemberRow {
    id: MemberId,
    role: String,
    revision: i64,
    created_at: Instant,
    mails: Option<JsonText>,
}

fn member_of((row, account): (MemberRow, AccountRow)) -> Result<Member> {
    let active = account.password_hash.is_some();
    let role = row.role.parse::<Role>().map_err(|()| Error::internal(format!("{} has an unknown role", row.id)))?;
    let mails = match row.mails {
        Some(chosen) => read_mails(&chosen)?,
        None => RegularMail::usual_for(role),
    };
    let (revision, created_at) = (row.revision, row.created_at);
    Ok(Member { id: row.id, account: account.into(), role, active, mails, revision, created_at })
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = api_keys)]
struct KeyRow {
    id: KeyId,
    name: String,
    hint: String,
    scopes: JsonText,
    created_at: Instant,
    expires_at: Option<Instant>,
    revoked_at: Option<Instant>,
    last_used_at: Option<Instant>,
}

impl TryFrom<KeyRow> for ApiKey {
    type Error = Error;
    fn try_from(row: KeyRow) -> Result<Self> {
        Ok(Self {
            id: row.id,
            name: row.name,
            hint: row.hint,
            scopes: read_scopes(&row.scopes)?,
            created_at: row.created_at,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
            last_used_at: row.last_used_at,
        })
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = sessions_table)]
struct SessionRow {
    id: SessionId,
    practice_id: PracticeId,
    label: String,
    authenticated_at: Instant,
    created_at: Instant,
    expires_at: Instant,
    last_used_at: Instant,
}

impl From<SessionRow> for Session {
    fn from(row: SessionRow) -> Self {
        Self {
            id: row.id,
            practice: row.practice_id,
            label: row.label,
            authenticated_at: row.authenticated_at,
            created_at: row.created_at,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
        }
    }
}

/// Mails are stored by name; one that a newer version knows is not sent here.
fn read_mails(stored: &JsonText) -> Result<Vec<RegularMail>> {
    let names: Vec<String> = stored.read()?;
    Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
}

/// Scopes are stored by name; a name that a newer version knows grants nothing here.
fn read_scopes(stored: &JsonText) -> Result<Rights> {
    let names: Vec<String> = stored.read()?;
    Ok(names.iter().filter_map(|name| name.parse::<Right>().ok()).collect())
}

/// The practice with this identifier.
///
/// # Errors
/// [`Error::NotFound`] when there is none.
pub fn find_practice(conn: &mut Conn, id: PracticeId) -> Result<Practice> {
    let row = practices::table.find(id).select(PracticeRow::as_select()).first(conn).optional()?;
    row.ok_or(Error::NotFound("practice"))?.try_into()
}

/// The practice that the operator means by an identifier or by its name, when just one has that name.
///
/// # Errors
/// [`Error::NotFound`] when there is none, or several of that name.
pub fn practice_by_text(conn: &mut Conn, text: &str) -> Result<Practice> {
    if let Ok(id) = text.parse() {
        return find_practice(conn, id);
    }
    let mut rows =
        practices::table.filter(practices::name.eq(text)).select(PracticeRow::as_select()).limit(2).load(conn)?;
    match (rows.pop(), rows.is_empty()) {
        (Some(row), true) => row.try_into(),
        _ => Err(Error::NotFound("practice")),
    }
}

/// All practices, the oldest first; for the night and for the operator.
///
/// # Errors
/// When the database refuses.
pub fn all_practices(conn: &mut Conn) -> Result<Vec<Practice>> {
    practices::table
        .order(practices::id)
        .select(PracticeRow::as_select())
        .load(conn)?
        .into_iter()
        .map(TryInto::try_into)
        .collect()
}

/// The members of a practice by name; all of them, since a practice has at most some hundreds.
///
/// # Errors
/// When the database refuses.
pub fn members(conn: &mut Conn, practice: &Practice) -> Result<Vec<Member>> {
    members_table::table
        .inner_join(accounts::table)
        .filter(members_table::practice_id.eq(practice.id))
        .order((accounts::name, members_table::id))
        .select((MemberRow::as_select(), AccountRow::as_select()))
        .load(conn)?
        .into_iter()
        .map(member_of)
        .collect()
}

/// One member of a practice.
///
/// # Errors
/// [`Error::NotFound`] when the practice has no such member.
pub fn member(conn: &mut Conn, practice: &Practice, id: MemberId) -> Result<Member> {
    let row = members_table::table
        .inner_join(accounts::table)
        .filter(members_table::practice_id.eq(practice.id).and(members_table::id.eq(id)))
        .select((MemberRow::as_select(), AccountRow::as_select()))
        .first(conn)
        .optional()?;
    member_of(row.ok_or(Error::NotFound("member"))?)
}

/// The practices that an account belongs to, with the role in each, by name.
///
/// # Errors
/// When the database refuses.
pub fn practices_of_account(conn: &mut Conn, account: AccountId) -> Result<Vec<(Practice, Role)>> {
    let rows: Vec<(PracticeRow, String)> = members_table::table
        .inner_join(practices::table)
        .filter(members_table::account_id.eq(account))
        .order((practices::name, practices::id))
        .select((PracticeRow::as_select(), members_table::role))
        .load(conn)?;
    rows.into_iter()
        .map(|(row, role)| {
            Ok((row.try_into()?, role.parse().map_err(|()| Error::internal("a member has an unknown role"))?))
        })
        .collect()
}

/// The account with this folded address.
pub(super) fn account_by_email(conn: &mut Conn, email_key: &str) -> Result<Option<AccountRow>> {
    Ok(accounts::table
        .filter(accounts::email_key.eq(email_key))
        .select(AccountRow::as_select())
        .first(conn)
        .optional()?)
}

/// The API keys of a practice, the newest first, revoked ones too.
///
/// # Errors
/// When the database refuses.
pub fn keys(conn: &mut Conn, practice: &Practice) -> Result<Vec<ApiKey>> {
    api_keys::table
        .filter(api_keys::practice_id.eq(practice.id))
        .order(api_keys::id.desc())
        .select(KeyRow::as_select())
        .load(conn)?
        .into_iter()
        .map(TryInto::try_into)
        .collect()
}

/// One API key of a practice.
///
/// # Errors
/// [`Error::NotFound`] when the practice has no such key.
pub fn key(conn: &mut Conn, practice: &Practice, id: KeyId) -> Result<ApiKey> {
    let row = api_keys::table
        .filter(api_keys::practice_id.eq(practice.id).and(api_keys::id.eq(id)))
        .select(KeyRow::as_select())
        .first(conn)
        .optional()?;
    row.ok_or(Error::NotFound("API key"))?.try_into()
}

/// The sessions of an account that have not ended, the newest first.
///
/// # Errors
/// When the database refuses.
pub fn sessions(conn: &mut Conn, account: AccountId, now: Instant) -> Result<Vec<Session>> {
    let rows = sessions_table::table
        .filter(sessions_table::account_id.eq(account).and(sessions_table::expires_at.gt(now)))
        .order(sessions_table::id.desc())
        .select(SessionRow::as_select())
        .load(conn)?;
    Ok(rows.into_iter().map(Session::from).collect())
}

/// Who the bearer of `token` is, and whether the time of last use is due to be written.
///
/// # Errors
/// [`Error::Unauthenticated`] for a token that is unknown, revoked, expired, or of somebody who is no member any more.
pub fn authenticate(conn: &mut Conn, token: &str, now: Instant) -> Result<(Caller, bool)> {
    if token.starts_with(super::keys::TOKEN_PREFIX) {
        by_key(conn, token, now)
    } else if token.starts_with(super::sessions::TOKEN_PREFIX) {
        by_session(conn, token, now)
    } else {
        Err(Error::Unauthenticated)
    }
}

fn by_key(conn: &mut Conn, token: &str, now: Instant) -> Result<(Caller, bool)> {
    let row: Option<(KeyRow, PracticeRow)> = api_keys::table
        .inner_join(practices::table)
        .filter(api_keys::token_hash.eq(secrets::token_hash(token)))
        .select((KeyRow::as_select(), PracticeRow::as_select()))
        .first(conn)
        .optional()?;
    let (key, practice) = row.ok_or(Error::Unauthenticated)?;
    if key.revoked_at.is_some() || key.expires_at.is_some_and(|end| end <= now) {
        return Err(Error::Unauthenticated);
    }
    let due = is_use_due(key.last_used_at, now);
    let caller = Caller {
        practice: practice.try_into()?,
        rights: read_scopes(&key.scopes)?,
        actor: Actor { kind: ActorKind::ApiKey, id: Some(key.id.to_string()), name: key.name },
        session: None,
        account: None,
        authenticated_at: None,
        expires_at: key.expires_at,
    };
    Ok((caller, due))
}

fn by_session(conn: &mut Conn, token: &str, now: Instant) -> Result<(Caller, bool)> {
    let on_member = members_table::account_id
        .eq(sessions_table::account_id)
        .and(members_table::practice_id.eq(sessions_table::practice_id));
    let row: Option<(SessionRow, PracticeRow, AccountRow, MemberId, String)> = sessions_table::table
        .inner_join(practices::table)
        .inner_join(accounts::table)
        .inner_join(members_table::table.on(on_member))
        .filter(sessions_table::token_hash.eq(secrets::token_hash(token)))
        .select((
            SessionRow::as_select(),
            PracticeRow::as_select(),
            AccountRow::as_select(),
            members_table::id,
            members_table::role,
        ))
        .first(conn)
        .optional()?;
    let (session, practice, account, member, role) = row.ok_or(Error::Unauthenticated)?;
    if session.expires_at <= now {
        return Err(Error::Unauthenticated);
    }
    let role: Role = role.parse().map_err(|()| Error::internal("a member has an unknown role"))?;
    let due = is_use_due(Some(session.last_used_at), now);
    let caller = Caller {
        practice: practice.try_into()?,
        rights: role.rights(),
        actor: Actor { kind: ActorKind::Member, id: Some(member.to_string()), name: account.name },
        session: Some(session.id),
        account: Some(account.id),
        authenticated_at: Some(session.authenticated_at),
        expires_at: Some(session.expires_at),
    };
    Ok((caller, due))
}

/// Last use is kept to the minute, so that a busy key costs one write a minute.
fn is_use_due(last: Option<Instant>, now: Instant) -> bool {
    last.is_none_or(|last| now.seconds_since(last) >= 60)
}
