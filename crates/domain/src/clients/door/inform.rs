//! When clients last got a mail that informs them.

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text};

use super::Set;
use crate::clients::FixedField;
use crate::kernel::UidType;
use crate::kernel::db::{Conn, Tx};
use crate::kernel::error::Result;

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
}

/// The moment before, spelled as we spell moments.
const OLD_POSTGRES: &str = "to_char(to_timestamp(c.informed_at / 1000000) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS') \
     || '.' || lpad((c.informed_at % 1000000)::text, 6, '0') || 'Z'";
const OLD_SQLITE: &str = "strftime('%Y-%m-%dT%H:%M:%S', c.informed_at / 1000000, 'unixepoch') \
     || '.' || printf('%06d', c.informed_at % 1000000) || 'Z'";
