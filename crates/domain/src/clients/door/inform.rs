//! When clients last got a mail that informs them.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text};

use super::Set;
use crate::clients::FixedField;
use crate::kernel::UidType;
use crate::kernel::batch;
use crate::kernel::clock::Instant;
use crate::kernel::db::{Conn, Tx};
use crate::kernel::error::Result;
use crate::schema::clients;

impl Set {
    /// Writes on many clients that they were informed at the moment of the set; leaves their revisions alone. Clients of other
    /// practices are left alone, too.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn write_informed(&self, tx: &mut Tx<'_>, clients: &[i64]) -> Result<()> {
        let (entry, now, field) = (self.entry, self.now, FixedField::InformedAt.number());
        // The log has moments as people and filters read them.
        let log = format!(
            "INSERT INTO changes (entry_key, client_key, field, item, old_txt, new_txt) \
             SELECT {entry}, c.key, {field}, 0, {{old}}, '{now}' FROM clients AS c \
             WHERE c.practice_id = $2 AND c.key {{among}}"
        );
        let write = format!("UPDATE clients SET informed_at = {} WHERE practice_id = $2 AND key {{among}}", now.0);
        for sql in [log, write] {
            match &mut **tx {
                Conn::Postgres(c) => {
                    diesel::sql_query(sql.replace("{old}", OLD_POSTGRES).replace("{among}", "= ANY($1)"))
                        .bind::<Array<BigInt>, _>(clients)
                        .bind::<UidType, _>(self.practice)
                        .execute(c)?
                }
                Conn::Sqlite(c) => {
                    let among = "IN (SELECT value FROM json_each(?1))";
                    let sql = sql.replace("{old}", OLD_SQLITE).replace("{among}", among).replace("$2", "?2");
                    diesel::sql_query(sql)
                        .bind::<Text, _>(serde_json::to_string(clients)?)
                        .bind::<UidType, _>(self.practice)
                        .execute(c)?
                }
            };
        }
        Ok(())
    }

    /// Writes on some clients when they were last informed after all, by key; never when there is no moment. Leaves their revisions
    /// and clients of other practices alone.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn take_informed_back(&self, tx: &mut Tx<'_>, informed: &[(i64, Option<Instant>)]) -> Result<()> {
        let keys: Vec<i64> = informed.iter().map(|(key, _)| *key).collect();
        let own = clients::practice_id.eq(self.practice).and(clients::key.eq_any(keys));
        let before: HashMap<i64, Option<Instant>> = clients::table
            .filter(own)
            .select((clients::key, clients::informed_at))
            .load::<(i64, Option<Instant>)>(&mut **tx)?
            .into_iter()
            .collect();
        let text = |at: Option<Instant>| at.map(|at| at.to_string());
        let field = FixedField::InformedAt.number();
        let known = informed.iter().filter_map(|(key, at)| before.get(key).map(|before| (*key, *before, *at)));
        let changed: Vec<_> = known.filter(|(_, before, at)| before != at).collect();
        let log: Vec<_> =
            changed.iter().map(|(key, before, at)| self.text_change(*key, field, text(*before), text(*at))).collect();
        batch::insert(tx, &log)?;
        for (key, _, at) in changed {
            diesel::update(self.own(key)).set(clients::informed_at.eq(at)).execute(&mut **tx)?;
        }
        Ok(())
    }
}

/// The moment before, spelled as we spell moments.
const OLD_POSTGRES: &str = "to_char(to_timestamp(c.informed_at / 1000000) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS') \
     || '.' || lpad((c.informed_at % 1000000)::text, 6, '0') || 'Z'";
const OLD_SQLITE: &str = "strftime('%Y-%m-%dT%H:%M:%S', c.informed_at / 1000000, 'unixepoch') \
     || '.' || printf('%06d', c.informed_at % 1000000) || 'Z'";
