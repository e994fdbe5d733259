//! Custom fields on many clients: three statements for each field and one for all, whatever the number of clients.

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text};
use serde_json::Value;

use super::Set;
use crate::kernel::db::{Conn, Tx};
use crate::kernel::error::Result;
use crate::kernel::{JsonText, JsonType, UidType};

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

/// How one database spells the pieces of the statements. `given` is the relation of clients and their new values;
/// `v` is `client_values`, `$3` the field's place in its documents.
struct Spelling {
    /// A value in the log's two columns: `{}` stands for the JSON expression.
    number: &'static str,
    text: &'static str,
    /// The present value and the entry that set it.
    present: &'static str,
    set_by: &'static str,
    /// Whether two values differ.
    differ: &'static str,
    /// The documents with the new value and with the entry `$1`.
    vals: &'static str,
    prov: &'static str,
}

const POSTGRES: Spelling = Spelling {
    number: "CASE WHEN jsonb_typeof({}) = 'number' THEN ({} #>> '{{}}')::float8 END",
    text: "CASE WHEN jsonb_typeof({}) <> 'number' THEN {} #>> '{{}}' END",
    present: "(v.vals -> $3)",
    set_by: "(v.prov ->> $3)::bigint",
    differ: "IS DISTINCT FROM",
    vals: "CASE WHEN given.value IS NULL THEN v.vals - $3 ELSE jsonb_set(v.vals, ARRAY[$3], given.value) END",
    prov: "jsonb_set(v.prov, ARRAY[$3], to_jsonb($1::bigint))",
};

const SQLITE: Spelling = Spelling {
    number: "CASE WHEN json_type({}) IN ('integer', 'real') THEN {} ->> '$' END",
    text: "CASE json_type({}) WHEN 'integer' THEN NULL WHEN 'real' THEN NULL WHEN 'text' THEN {} ->> '$' ELSE {} END",
    present: "(v.vals -> $3)",
    set_by: "(v.prov ->> $3)",
    differ: "IS NOT",
    vals: "CASE WHEN given.value IS NULL THEN json_remove(v.vals, '$.' || $3) \
           ELSE json_set(v.vals, '$.' || $3, json(given.value)) END",
    prov: "json_set(v.prov, '$.' || $3, $1)",
};

impl Spelling {
    fn of(pattern: &str, value: &str) -> String {
        pattern.replace("{{}}", "\u{1}").replace("{}", value).replace('\u{1}', "{}")
    }

    /// Logs what is to change: binds entry, field, place in the documents, practice, clients, values.
    fn log(&self, (with, from): (&str, &str)) -> String {
        let Self { number, text, present, set_by, differ, .. } = self;
        let (old_num, old_txt) = (Self::of(number, present), Self::of(text, present));
        let (new_num, new_txt) = (Self::of(number, "given.value"), Self::of(text, "given.value"));
        format!(
            "{with}INSERT INTO changes \
             (entry_key, client_key, field, item, old_num, old_txt, old_entry_key, new_num, new_txt) \
             SELECT $1, v.client_key, $2, 0, {old_num}, {old_txt}, {set_by}, {new_num}, {new_txt} \
             FROM {from} CROSS JOIN client_values AS v \
             WHERE v.client_key = given.client_key AND v.practice_id = $4 AND {present} {differ} given.value"
        )
    }

    /// Writes what was logged: binds as [`Spelling::log`].
    fn write(&self, (with, from): (&str, &str)) -> String {
        let Self { vals, prov, .. } = self;
        format!(
            "{with}UPDATE client_values AS v SET vals = {vals}, prov = {prov} \
             FROM {from} JOIN changes AS logged ON logged.client_key = given.client_key \
             WHERE logged.entry_key = $1 AND logged.field = $2 AND logged.item = 0 \
             AND v.client_key = given.client_key AND v.practice_id = $4"
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
        let changed = self.assign(tx, field, (clients, values))?;
        self.raise_revisions(tx, &[field])?;
        Ok(changed)
    }

    /// The same for several fields, each once among them; a client of which several values change has its revision raised
    /// once.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn assign_fields(&self, tx: &mut Tx<'_>, assignments: &[Assignment]) -> Result<()> {
        for Assignment { field, clients, values } in assignments {
            self.assign(tx, *field, (clients, Assigned::Each(values)))?;
        }
        let fields: Vec<i64> = assignments.iter().map(|assignment| assignment.field).collect();
        if fields.is_empty() { Ok(()) } else { self.raise_revisions(tx, &fields) }
    }

    fn assign(&self, tx: &mut Tx<'_>, field: i64, of: (&[i64], Assigned<'_>)) -> Result<usize> {
        Ok(match &mut **tx {
            Conn::Postgres(c) => self.assign_on_postgres(c, field, of)?,
            Conn::Sqlite(c) => self.assign_on_sqlite(c, field, of)?,
        })
    }

    fn assign_on_postgres(
        &self,
        conn: &mut PgConnection,
        field: i64,
        (clients, values): (&[i64], Assigned<'_>),
    ) -> QueryResult<usize> {
        let json = |value: &Value| JsonText(value.to_string());
        let (given, values): (_, Vec<Option<JsonText>>) = match values {
            Assigned::One(value) => {
                ("(SELECT unnest($5) AS client_key, ($6)[1] AS value) AS given", vec![value.map(json)])
            }
            Assigned::Each(values) => (
                "unnest($5, $6) AS given (client_key, value)",
                values.iter().map(|value| value.as_ref().map(json)).collect(),
            ),
        };
        let place = format!("f{field}");
        let mut run = |sql: String| {
            diesel::sql_query(sql)
                .bind::<BigInt, _>(self.entry)
                .bind::<BigInt, _>(field)
                .bind::<Text, _>(&place)
                .bind::<UidType, _>(self.practice)
                .bind::<Array<BigInt>, _>(clients)
                .bind::<Array<Nullable<JsonType>>, _>(&values)
                .execute(conn)
        };
        let changed = run(POSTGRES.log(("", given)))?;
        run(POSTGRES.write(("", given)))?;
        Ok(changed)
    }

    fn assign_on_sqlite(
        &self,
        conn: &mut SqliteConnection,
        field: i64,
        (clients, values): (&[i64], Assigned<'_>),
    ) -> QueryResult<usize> {
        let (given, clients, value) = match values {
            Assigned::One(value) => (
                "SELECT each.value AS client_key, $6 AS value FROM json_each($5) AS each",
                Value::from(clients).to_string(),
                value.map(Value::to_string),
            ),
            Assigned::Each(values) => {
                let pairs: Vec<(&i64, &Option<Value>)> = clients.iter().zip(values).collect();
                let given = "SELECT each.value ->> 0 AS client_key, nullif(each.value -> 1, 'null') AS value \
                             FROM json_each($5) AS each WHERE $6 IS NULL";
                (given, serde_json::json!(pairs).to_string(), None)
            }
        };
        let place = format!("f{field}");
        let mut run = |sql: String| {
            // SQLite numbers `$1` by where it stands first, and `?1` as it says.
            let sql = (1..=6).fold(sql, |sql, n| sql.replace(&format!("${n}"), &format!("?{n}")));
            diesel::sql_query(sql)
                .bind::<BigInt, _>(self.entry)
                .bind::<BigInt, _>(field)
                .bind::<Text, _>(&place)
                .bind::<UidType, _>(self.practice)
                .bind::<Text, _>(&clients)
                .bind::<Nullable<Text>, _>(&value)
                .execute(conn)
        };
        // As a table of its own, whose rows can be looked up: read from the text for each client, they would take the square
        // of the time.
        let with = format!("WITH given AS MATERIALIZED ({given}) ");
        let changed = run(SQLITE.log((&with, "given")))?;
        run(SQLITE.write((&with, "given")))?;
        Ok(changed)
    }

    /// Raises the revision of every client on which this set has changed one of `fields`.
    fn raise_revisions(&self, tx: &mut Tx<'_>, fields: &[i64]) -> Result<()> {
        use crate::schema::{changes, clients};
        let logged = changes::table.filter(changes::entry_key.eq(self.entry)).filter(changes::field.eq_any(fields));
        diesel::update(clients::table.filter(clients::key.eq_any(logged.select(changes::client_key))))
            .set((clients::revision.eq(clients::revision + 1), clients::updated_at.eq(self.now)))
            .execute(&mut **tx)?;
        Ok(())
    }
}
