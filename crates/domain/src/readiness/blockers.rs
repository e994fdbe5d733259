//! What keeps clients from being ready: each that is neither exempt nor ready, under the first reason that holds.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use serde_json::{Value, json};

use super::{days, queries};
use crate::clients::ClientId;
use crate::identity::Practice;
use crate::kernel::UidType;
use crate::kernel::clock::Instant;
use crate::kernel::db::Conn;
use crate::kernel::error::Result;
use crate::on_each;

/// How many clients are named under a reason.
const MOST_NAMED: i64 = 20;

/// Why a client is not ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blocker {
    /// It is registered, so that only the mark is missing.
    RegisteredNotMarked,
    /// Neither the card nor a contact has an address that a mail could go to.
    NoAddress,
    /// It never got a mail about Peppol.
    NotInformed,
    /// Nobody knows the software that it receives with.
    NoSoftware,
    /// The network was never asked about it, or gave no answer.
    RegistrationUnknown,
    /// It is not on the network so that it can receive.
    NotRegistered,
}

impl Blocker {
    /// All of them, in the order in which they are looked at: a client counts under the first that holds, and under the
    /// last when no other does.
    pub const ALL: [Self; 6] = [
        Self::RegisteredNotMarked,
        Self::NoAddress,
        Self::NotInformed,
        Self::NoSoftware,
        Self::RegistrationUnknown,
        Self::NotRegistered,
    ];

    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RegisteredNotMarked => "registered_not_marked",
            Self::NoAddress => "no_address",
            Self::NotInformed => "not_informed",
            Self::NoSoftware => "no_software",
            Self::RegistrationUnknown => "registration_unknown",
            Self::NotRegistered => "not_registered",
        }
    }

    /// When it holds, in SQL over the facts of a client.
    fn condition(self) -> &'static str {
        match self {
            Self::RegisteredNotMarked => "f.registration = 'registered'",
            Self::NoAddress => "f.has_address = 0",
            Self::NotInformed => "f.informed = 0",
            Self::NoSoftware => "f.has_software = 0",
            Self::RegistrationUnknown => "(f.registration IS NULL OR f.registration = 'unknown')",
            Self::NotRegistered => "1 = 1",
        }
    }

    /// The same as a filter; the last holds for everybody.
    fn own_filter(self) -> Value {
        let is_empty = |field: &str| json!({ "field": field, "op": "empty" });
        match self {
            Self::RegisteredNotMarked => json!({ "field": "registration.state", "op": "eq", "value": "registered" }),
            Self::NoAddress => json!({ "and": [is_empty("email"), is_empty("contacts.email")] }),
            Self::NotInformed => is_empty("informed_at"),
            Self::NoSoftware => is_empty("fields.receive_software"),
            Self::RegistrationUnknown => json!({ "or": [
                is_empty("registration.state"),
                { "field": "registration.state", "op": "eq", "value": "unknown" },
            ] }),
            Self::NotRegistered => json!({ "and": [] }),
        }
    }

    /// The clients that count under it, as a filter that lists take.
    #[must_use]
    pub fn filter(self) -> Value {
        let mut all = vec![
            json!({ "field": "exempt", "op": "eq", "value": false }),
            json!({ "not": { "field": "fields.ready", "op": "eq", "value": true } }),
        ];
        let before = Self::ALL.into_iter().take_while(|other| *other != self);
        all.extend(before.map(|other| json!({ "not": other.own_filter() })));
        if self != Self::NotRegistered {
            all.push(self.own_filter());
        }
        json!({ "and": all })
    }
}

/// A client by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedClient {
    /// The client.
    pub id: ClientId,
    /// Its name.
    pub name: String,
}

/// The clients that one reason keeps.
#[derive(Debug, Clone)]
pub struct Blocked {
    /// The reason.
    pub by: Blocker,
    /// How many they are.
    pub clients: i64,
    /// The first of them by name.
    pub named: Vec<NamedClient>,
}

#[derive(QueryableByName)]
struct BlockedRow {
    #[diesel(sql_type = BigInt)]
    reason: i64,
    #[diesel(sql_type = BigInt)]
    clients: i64,
    #[diesel(sql_type = UidType)]
    id: ClientId,
    #[diesel(sql_type = Text)]
    name: String,
}

/// What keeps the practice's clients from being ready, in the order of [`Blocker::ALL`]; reasons without clients, too.
/// All together are the clients that are left to do.
///
/// # Errors
/// When the database refuses.
pub fn blockers(conn: &mut Conn, practice: &Practice, now: Instant) -> Result<Vec<Blocked>> {
    let facts = queries::facts(conn, practice)?;
    let mut first = String::new();
    for (place, blocker) in Blocker::ALL.into_iter().enumerate() {
        first.push_str(&format!(" WHEN {} THEN {place}", blocker.condition()));
    }
    let sql = format!(
        "SELECT n.reason, n.clients, n.id, n.name FROM (\
         SELECT b.*, count(*) OVER (PARTITION BY b.reason) AS clients, \
         row_number() OVER (PARTITION BY b.reason ORDER BY b.name_key, b.key) AS place FROM (\
         SELECT f.key, f.id, f.name, f.name_key, CAST(CASE{first} END AS BIGINT) AS reason FROM {facts} \
         WHERE f.exempt = 0 AND f.ready = 0) AS b) AS n WHERE n.place <= {MOST_NAMED} ORDER BY n.reason, n.place"
    );
    let day = days::today(practice, now).to_string();
    let query = diesel::sql_query(sql).bind::<Text, _>(day).bind::<UidType, _>(practice.uid());
    let rows: Vec<BlockedRow> = on_each!(conn, c => query.load(c)?);
    let mut all: Vec<Blocked> =
        Blocker::ALL.map(|by| Blocked { by, clients: 0, named: Vec::new() }).into_iter().collect();
    for BlockedRow { reason, clients, id, name } in rows {
        if let Some(blocked) = usize::try_from(reason).ok().and_then(|place| all.get_mut(place)) {
            blocked.clients = clients;
            blocked.named.push(NamedClient { id, name });
        }
    }
    Ok(all)
}
