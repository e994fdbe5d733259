//! The audience, frozen: one statement writes a row for each client.

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text};

use super::model::{Campaign, Mode, Purpose};
use crate::clients::{NOTICE_ADDRESS, NOTICE_IS_CONTACT, NOTICE_REASON};
use crate::kernel::UidType;
use crate::kernel::db::{Conn, Tx};
use crate::kernel::error::Result;

/// Each client `c` of a practice with the contact `n` that a notice could go to, the same as [`crate::clients::notices`] finds
/// for a few: for many, their contacts are put in order once and not for each client.
const NOTICE_JOIN: &str = "LEFT JOIN (SELECT y.*, row_number() OVER (PARTITION BY y.client_key \
     ORDER BY y.receives_notices DESC, y.created_at, y.id) AS place \
     FROM contacts AS y WHERE y.practice_id = $2 AND y.email IS NOT NULL) AS n ON n.client_key = c.key AND n.place = 1";

/// Writes the rows of a campaign's recipients: where each one's mail goes, in which language and why there. Archived clients
/// are left out. Returns how many there are.
///
/// # Errors
/// When the database refuses.
pub(super) fn freeze(tx: &mut Tx<'_>, campaign: &Campaign, keys: &[i64]) -> Result<usize> {
    let leader = match campaign.mode {
        Mode::Client => "x.key",
        Mode::Mailbox => {
            "CASE WHEN x.address IS NULL THEN x.key ELSE min(x.key) OVER (PARTITION BY lower(x.address)) END"
        }
    };
    let scope = match campaign.purpose {
        Purpose::Service => "s.scope = 'all'",
        Purpose::Marketing => "s.scope IN ('all', 'marketing')",
    };
    let (campaign_key, now) = (campaign.key, tx.now().0);
    let sql = |(whom, suppressed, among): (&str, &str, &str)| {
        format!(
            "INSERT INTO campaign_recipients (campaign_key, client_key, leader_key, status, address, contact, role, language, \
             reason, attempts, due_at, is_traced) \
             SELECT {campaign_key}, x.key, {leader}, CASE WHEN x.address IS NULL THEN 'unreachable' \
             WHEN {suppressed} THEN 'suppressed' ELSE 'waiting' END, \
             x.address, x.contact, x.role, x.language, x.reason, 0, {now}, FALSE \
             FROM (SELECT c.key, {NOTICE_ADDRESS} AS address, CASE WHEN {NOTICE_IS_CONTACT} THEN n.name END AS contact, \
             CASE WHEN {NOTICE_IS_CONTACT} THEN n.role END AS role, \
             coalesce(CASE WHEN {NOTICE_IS_CONTACT} THEN n.language END, c.language) AS language, \
             {NOTICE_REASON} AS reason FROM {whom} {NOTICE_JOIN} \
             WHERE {among} = $2 AND c.archived_at IS NULL) AS x"
        )
    };
    let practice = campaign.practice;
    Ok(match &mut **tx {
        // In the order of the keys, so that the index grows at its end.
        Conn::Postgres(c) => {
            let whom = ("clients AS c", "s.address_key IS NOT NULL", "c.key = ANY($1) AND c.practice_id");
            let suppressed = "LEFT JOIN suppressions AS s ON s.practice_id = $2 AND s.address_key = lower(x.address)";
            diesel::sql_query(format!("{} {suppressed} AND {scope} ORDER BY x.key", sql(whom)))
                .bind::<Array<BigInt>, _>(keys)
                .bind::<UidType, _>(practice)
                .execute(c)?
        }
        // The plus keeps SQLite from finding each client in an index of the practice first.
        Conn::Sqlite(c) => {
            let runs = "json_each(?1) AS k CROSS JOIN clients AS c ON c.key BETWEEN k.value ->> 0 AND k.value ->> 1";
            let suppressed = format!(
                "lower(x.address) IN (SELECT s.address_key FROM suppressions AS s WHERE s.practice_id = $2 AND {scope})"
            );
            diesel::sql_query(sql((runs, &suppressed, "+c.practice_id")).replace("$2", "?2"))
                .bind::<Text, _>(serde_json::to_string(&runs_of(keys))?)
                .bind::<UidType, _>(practice)
                .execute(c)?
        }
    })
}

/// The first and the last key of each run of keys that follow one another, in their order. Most of a practice's clients do, and SQLite reads a
/// run for the price of its rows, where it would look for each of many keys.
fn runs_of(keys: &[i64]) -> Vec<(i64, i64)> {
    let mut keys = keys.to_vec();
    keys.sort_unstable();
    let mut runs: Vec<(i64, i64)> = Vec::new();
    for key in keys {
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(key) => *last = key,
            _ => runs.push((key, key)),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::runs_of;

    #[test]
    fn runs_hold_all_keys_and_no_others() {
        assert_eq!(runs_of(&[]), []);
        assert_eq!(runs_of(&[10, 4, 3, 5, 9, 7]), [(3, 5), (7, 7), (9, 10)]);
        assert_eq!(runs_of(&[i64::MAX]), [(i64::MAX, i64::MAX)]);
    }
}
