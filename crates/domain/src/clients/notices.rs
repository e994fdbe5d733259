//! Where notices to a client go: to the contact that gets them, or else to the address on the card, or else to any contact
//! that has one.

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text};

use crate::identity::Practice;
use crate::kernel::UidType;
use crate::kernel::db::Conn;
use crate::kernel::error::Result;

/// Where a notice to a client goes.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Notice {
    /// The key of the client.
    #[diesel(sql_type = BigInt)]
    pub client_key: i64,
    /// The address; `None` when neither the card nor a contact has one.
    #[diesel(sql_type = Nullable<Text>)]
    pub address: Option<String>,
    /// The name of the contact whose address it is.
    #[diesel(sql_type = Nullable<Text>)]
    pub name: Option<String>,
    /// What that contact does.
    #[diesel(sql_type = Nullable<Text>)]
    pub role: Option<String>,
    /// The contact's language, or else the client's.
    #[diesel(sql_type = Text)]
    pub language: String,
    /// Why this address: `notice_contact`, `card`, `contact` or `none`.
    #[diesel(sql_type = Text)]
    pub reason: String,
}

/// Each client `c` with the contact `n` that a notice could go to; what follows chooses between the two.
const NOTICE_JOIN: &str = "LEFT JOIN contacts AS n ON n.id = (SELECT x.id FROM contacts AS x \
     WHERE x.client_key = c.key AND x.email IS NOT NULL ORDER BY x.receives_notices DESC, x.created_at, x.id LIMIT 1)";
/// The address.
pub const NOTICE_ADDRESS: &str = "CASE WHEN n.receives_notices THEN n.email ELSE coalesce(c.email, n.email) END";
/// Whether it is the contact's.
pub const NOTICE_IS_CONTACT: &str = "(n.receives_notices OR c.email IS NULL)";
/// Why this address.
pub const NOTICE_REASON: &str = "CASE WHEN n.receives_notices THEN 'notice_contact' WHEN c.email IS NOT NULL THEN 'card' \
     WHEN n.id IS NOT NULL THEN 'contact' ELSE 'none' END";

/// Where notices to these clients go, in the order of their keys.
///
/// # Errors
/// When the database refuses.
pub fn notices(conn: &mut Conn, practice: &Practice, keys: &[i64]) -> Result<Vec<Notice>> {
    among(conn, practice, keys, "")
}

/// The same without those that are archived.
///
/// # Errors
/// When the database refuses.
pub fn active_notices(conn: &mut Conn, practice: &Practice, keys: &[i64]) -> Result<Vec<Notice>> {
    among(conn, practice, keys, "AND c.archived_at IS NULL")
}

fn among(conn: &mut Conn, practice: &Practice, keys: &[i64], also: &str) -> Result<Vec<Notice>> {
    let sql = |among: &str| {
        format!(
            "SELECT c.key AS client_key, {NOTICE_ADDRESS} AS address, \
             CASE WHEN {NOTICE_IS_CONTACT} THEN n.name END AS name, CASE WHEN {NOTICE_IS_CONTACT} THEN n.role END AS role, \
             coalesce(CASE WHEN {NOTICE_IS_CONTACT} THEN n.language END, c.language) AS language, \
             {NOTICE_REASON} AS reason FROM clients AS c {NOTICE_JOIN} \
             WHERE c.practice_id = $1 AND c.key {among} {also} ORDER BY c.key"
        )
    };
    Ok(match conn {
        Conn::Postgres(c) => diesel::sql_query(sql("= ANY($2)"))
            .bind::<UidType, _>(practice.id)
            .bind::<Array<BigInt>, _>(keys)
            .load(c)?,
        Conn::Sqlite(c) => diesel::sql_query(sql("IN (SELECT value FROM json_each($2))"))
            .bind::<UidType, _>(practice.id)
            .bind::<Text, _>(serde_json::to_string(keys)?)
            .load(c)?,
    })
}
