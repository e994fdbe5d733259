//! Custom fields on many clients: three statements for each field and one for all, whatever the number of clients.

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text};
use serde_json::Value;

use super::Set;
use crate::kernel::audit;
use crate::kernel::db::{Conn, Tx};
use crate::kernel::error::Result;
use crate::kernel::{JsonText, JsonType, UidType};

/// From so many clients on, their changes are found by the entry of the trail and not by each client.
const MANY: usize = 20;

/// What many clients are to have in one field; `None` clears it.
#[derive(Debug, Clone, Copy)]
pub enum Assigned<'a> {
    /// All the same.
    One(Option<&'a Value>),
    /// Each its own, in the order of the clients.
    Each(&'a [Option<Value>]),
}

/// What many clients are to have in one field, each its own; `None` clears it.
#[derive(Debug, Clone, Default)]
pub struct Assignment {
    /// The field.
    pub field: i64,
    /// The clients, each once.
    pub clients: Vec<i64>,
    /// Their values, in the same order.
    pub values: Vec<Option<Value>>,
}

/// How one database spells the pieces of the statements, which bind the entry, the field, its place in the documents, the
/// practice, the new value or values, and the clients. `given` is the relation of clients and their new values; `v` is
/// `client_values`.
struct Spelling {
    /// A value in the log's two columns: `{}` stands for the JSON expression.
    number: &'static str,
    text: &'static str,
    /// The present value and the entry that set it.
    present: &'static str,
    set_by: &'static str,
    /// Whether two values differ.
    differ: &'static str,
    /// The documents with the new value, which `{}` stands for, and with the entry.
    vals: &'static str,
    prov: &'static str,
    /// The new value that all get.
    one: &'static str,
}

const POSTGRES: Spelling = Spelling {
    number: "CASE WHEN jsonb_typeof({}) = 'number' THEN ({} #>> '{{}}')::float8 END",
    text: "CASE WHEN jsonb_typeof({}) <> 'number' THEN {} #>> '{{}}' END",
    present: "(v.vals -> $3)",
    set_by: "(v.prov ->> $3)::bigint",
    differ: "IS DISTINCT FROM",
    vals: "CASE WHEN {} IS NULL THEN v.vals - $3 ELSE jsonb_set(v.vals, ARRAY[$3], {}) END",
    prov: "jsonb_set(v.prov, ARRAY[$3], to_jsonb($1::bigint))",
    one: "($5)[1]",
};

const SQLITE: Spelling = Spelling {
    number: "CASE WHEN json_type({}) IN ('integer', 'real') THEN {} ->> '$' END",
    text: "CASE json_type({}) WHEN 'integer' THEN NULL WHEN 'real' THEN NULL WHEN 'text' THEN {} ->> '$' ELSE {} END",
    present: "(v.vals -> $3)",
    set_by: "(v.prov ->> $3)",
    differ: "IS NOT",
    vals: "CASE WHEN {} IS NULL THEN json_remove(v.vals, '$.' || $3) ELSE json_set(v.vals, '$.' || $3, json({})) END",
    prov: "json_set(v.prov, '$.' || $3, $1)",
    one: "$5",
};

impl Spelling {
    fn of(pattern: &str, value: &str) -> String {
        pattern.replace("{{}}", "\u{1}").replace("{}", value).replace('\u{1}', "{}")
    }

    /// Logs what is to change.
    fn log(&self, (with, from): (&str, &str), at_once: bool) -> String {
        let Self { number, text, present, set_by, differ, .. } = self;
        let (old_num, old_txt) = (Self::of(number, present), Self::of(text, present));
        let (new_num, new_txt) = (Self::of(number, "given.value"), Self::of(text, "given.value"));
        format!(
            "{with}INSERT INTO changes \
             (entry_key, client_key, field, item, old_num, old_txt, old_entry_key, new_num, new_txt, at_once) \
             SELECT $1, v.client_key, $2, 0, {old_num}, {old_txt}, {set_by}, {new_num}, {new_txt}, {at_once} \
             FROM {from} CROSS JOIN client_values AS v \
             WHERE v.client_key = given.client_key AND v.practice_id = $4 AND {present} {differ} given.value"
        )
    }

    /// Writes what was logged, each its own value.
    fn write_each(&self, (with, from): (&str, &str), raised: &str) -> String {
        let (vals, prov) = (Self::of(self.vals, "given.value"), self.prov);
        format!(
            "{with}UPDATE client_values AS v SET vals = {vals}, prov = {prov}{raised} \
             FROM {from} JOIN changes AS logged ON logged.client_key = given.client_key \
             WHERE logged.entry_key = $1 AND logged.field = $2 AND logged.item = 0 \
             AND v.client_key = given.client_key AND v.practice_id = $4"
        )
    }

    /// Writes what was logged, the same value everywhere. Binds no clients: the log has them.
    fn write_one(&self, raised: &str) -> String {
        let (vals, prov) = (Self::of(self.vals, self.one), self.prov);
        format!(
            "UPDATE client_values AS v SET vals = {vals}, prov = {prov}{raised} \
             WHERE v.practice_id = $4 AND v.client_key IN \
             (SELECT client_key FROM changes WHERE entry_key = $1 AND field = $2 AND item = 0)"
        )
    }
}

impl Set {
    /// Sets or clears one custom field on many clients, each at most once among them, and raises the revisions of those
    /// whose value it changes. Clients of other practices are left alone. Returns how many changed.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn assign_values(&self, tx: &mut Tx<'_>, field: i64, clients: &[i64], values: Assigned<'_>) -> Result<usize> {
        if clients.is_empty() {
            return Ok(0);
        }
        self.assign(tx, field, (clients, values), true)
    }

    /// The same for several fields, each once among them; a client of which several values change has its revision raised
    /// once.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn assign_fields(&self, tx: &mut Tx<'_>, assignments: &[Assignment]) -> Result<()> {
        let is_one = assignments.len() == 1;
        for Assignment { field, clients, values } in assignments {
            self.assign(tx, *field, (clients, Assigned::Each(values)), is_one)?;
        }
        let fields: Vec<i64> = assignments.iter().map(|assignment| assignment.field).collect();
        if is_one || fields.is_empty() { Ok(()) } else { self.raise_changed(tx, &fields) }
    }

    /// Logs and writes; raises the revisions, too, when asked to.
    fn assign(&self, tx: &mut Tx<'_>, field: i64, of: (&[i64], Assigned<'_>), raises: bool) -> Result<usize> {
        let raised = format!(", revision = v.revision + 1, updated_at = {}", self.now.0);
        let raised = if raises { raised.as_str() } else { "" };
        if of.0.len() >= MANY {
            audit::note_many(tx, self.entry)?;
        }
        Ok(match &mut **tx {
            Conn::Postgres(c) => self.assign_on_postgres(c, field, of, raised)?,
            Conn::Sqlite(c) => self.assign_on_sqlite(c, field, of, raised)?,
        })
    }

    fn assign_on_postgres(
        &self,
        conn: &mut PgConnection,
        field: i64,
        (clients, values): (&[i64], Assigned<'_>),
        raised: &str,
    ) -> QueryResult<usize> {
        let json = |value: &Value| JsonText(value.to_string());
        let (given, write, stored): (_, _, Vec<Option<JsonText>>) = match values {
            Assigned::One(value) => {
                let given = "(SELECT unnest($6) AS client_key, ($5)[1] AS value) AS given";
                (given, POSTGRES.write_one(raised), vec![value.map(json)])
            }
            Assigned::Each(values) => {
                let given = "unnest($6, $5) AS given (client_key, value)";
                let values = values.iter().map(|value| value.as_ref().map(json)).collect();
                (given, POSTGRES.write_each(("", given), raised), values)
            }
        };
        let place = format!("f{field}");
        let bound = |sql: String| {
            diesel::sql_query(sql)
                .bind::<BigInt, _>(self.entry)
                .bind::<BigInt, _>(field)
                .bind::<Text, _>(&place)
                .bind::<UidType, _>(self.practice)
                .bind::<Array<Nullable<JsonType>>, _>(&stored)
        };
        let changed =
            bound(POSTGRES.log(("", given), clients.len() >= MANY)).bind::<Array<BigInt>, _>(clients).execute(conn)?;
        match values {
            Assigned::One(_) => bound(write).execute(conn)?,
            Assigned::Each(_) => bound(write).bind::<Array<BigInt>, _>(clients).execute(conn)?,
        };
        Ok(changed)
    }

    fn assign_on_sqlite(
        &self,
        conn: &mut SqliteConnection,
        field: i64,
        (clients, values): (&[i64], Assigned<'_>),
        raised: &str,
    ) -> QueryResult<usize> {
        // As a table of its own, whose rows can be looked up: read from the text for each client, they would take the square
        // of the time.
        const EACH: &str = "WITH given AS MATERIALIZED (SELECT each.value ->> 0 AS client_key, \
                            nullif(each.value -> 1, 'null') AS value FROM json_each($6) AS each WHERE $5 IS NULL) ";
        const ALL: &str = "WITH given AS MATERIALIZED \
                           (SELECT each.value AS client_key, $5 AS value FROM json_each($6) AS each) ";
        let at_once = clients.len() >= MANY;
        let (with, write, value, clients) = match values {
            Assigned::One(value) => {
                (ALL, SQLITE.write_one(raised), value.map(Value::to_string), Value::from(clients).to_string())
            }
            Assigned::Each(values) => {
                let pairs: Vec<(&i64, &Option<Value>)> = clients.iter().zip(values).collect();
                (EACH, SQLITE.write_each((EACH, "given"), raised), None, serde_json::json!(pairs).to_string())
            }
        };
        let place = format!("f{field}");
        let bound = |sql: &str| {
            // SQLite numbers `$1` by where it stands first, and `?1` as it says.
            let sql = (1..=6).fold(sql.to_owned(), |sql, n| sql.replace(&format!("${n}"), &format!("?{n}")));
            diesel::sql_query(sql)
                .bind::<BigInt, _>(self.entry)
                .bind::<BigInt, _>(field)
                .bind::<Text, _>(&place)
                .bind::<UidType, _>(self.practice)
                .bind::<Nullable<Text>, _>(&value)
        };
        let changed = bound(&SQLITE.log((with, "given"), at_once)).bind::<Text, _>(&clients).execute(conn)?;
        match values {
            Assigned::One(_) => bound(&write).execute(conn)?,
            Assigned::Each(_) => bound(&write).bind::<Text, _>(&clients).execute(conn)?,
        };
        Ok(changed)
    }

    /// Raises the revision of every client on which this set has changed one of `fields`.
    pub(super) fn raise_changed(&self, tx: &mut Tx<'_>, fields: &[i64]) -> Result<()> {
        use crate::schema::{changes, client_values};
        let logged = changes::table.filter(changes::entry_key.eq(self.entry)).filter(changes::field.eq_any(fields));
        let changed = client_values::client_key.eq_any(logged.select(changes::client_key));
        diesel::update(client_values::table.filter(changed))
            .set((client_values::revision.eq(client_values::revision + 1), client_values::updated_at.eq(self.now)))
            .execute(&mut **tx)?;
        Ok(())
    }
}
