//! Custom fields on many clients: three statements for each field and one for all, whatever the number of clients.

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text};
use serde_json::Value;

use super::Set;
use crate::kernel::audit;
use crate::kernel::db::{Conn, Tx};
use crate::kernel::error::Result;
use crate::kernel::{JsonText, JsonType, Uid, UidType};
use crate::schema::{changes, client_values};

/// From so many clients on, their changes are found by the entry of the trail and not by each client.
const MANY: usize = 20;
/// Clients of one statement that gives each its own value, which bounds what the database keeps of it until it ends.
const AT_ONCE: usize = 10_000;

/// What many clients are to have in one field; `None` clears it.
#[derive(Debug, Clone, Copy)]
pub enum Assigned<'a> {
    /// All the same.
    One(Option<&'a Value>),
    /// Each its own, in the order of the clients.
    Each(&'a [Option<Value>]),
}

impl<'a> Assigned<'a> {
    /// The clients of one statement after the other, with what they are to have. All that get the same are one: what is
    /// written then is what the log has of the entry.
    fn split(self, clients: &'a [i64]) -> Vec<(&'a [i64], Self)> {
        match self {
            Self::One(_) => vec![(clients, self)],
            Self::Each(values) => clients.chunks(AT_ONCE).zip(values.chunks(AT_ONCE).map(Self::Each)).collect(),
        }
    }
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
    present: "v.vals -> $3",
    set_by: "(v.prov ->> $3)::bigint",
    differ: "IS DISTINCT FROM",
    vals: "CASE WHEN {} IS NULL THEN v.vals - $3 ELSE jsonb_set(v.vals, ARRAY[$3], {}) END",
    prov: "jsonb_set(v.prov, ARRAY[$3], to_jsonb($1::bigint))",
    one: "($5)[1]",
};

const SQLITE: Spelling = Spelling {
    number: "CASE WHEN {} GLOB '[-0-9]*' THEN CAST({} AS REAL) END",
    text: "CASE WHEN {} GLOB '[-0-9]*' THEN NULL WHEN {} GLOB '\"*' THEN {} ->> '$' ELSE {} END",
    present: "member_of(v.vals, $3)",
    set_by: "CAST(member_of(v.prov, $3) AS INTEGER)",
    differ: "IS NOT",
    vals: "with_member(v.vals, $3, {})",
    prov: "with_member(v.prov, $3, CAST($1 AS TEXT))",
    one: "$5",
};

impl Spelling {
    fn of(pattern: &str, value: &str) -> String {
        pattern.replace("{{}}", "\u{1}").replace("{}", value).replace('\u{1}', "{}")
    }

    /// Logs what is to change on the clients of a range or else of `given`, each its own value or all the same.
    fn log(&self, (given, range): (&str, Option<&Range>), is_one: bool, at_once: bool) -> String {
        let Self { number, text, present, set_by, differ, one, .. } = self;
        let (also, new) = if is_one { ("", *one) } else { (", given.value", "had.value") };
        let (old_num, old_txt) = (Self::of(number, "had.present"), Self::of(text, "had.present"));
        let (new_num, new_txt) = (Self::of(number, new), Self::of(text, new));
        let among = match range {
            Some(range) => format!("client_values AS v WHERE v.client_key {}", range.condition()),
            None => format!("{given} CROSS JOIN client_values AS v WHERE v.client_key = given.client_key"),
        };
        format!(
            "WITH had AS MATERIALIZED (SELECT v.client_key, {present} AS present, {set_by} AS set_by{also} \
             FROM {among} AND v.practice_id = $4) \
             INSERT INTO changes \
             (entry_key, client_key, field, item, old_num, old_txt, old_entry_key, new_num, new_txt, at_once) \
             SELECT $1, had.client_key, $2, 0, {old_num}, {old_txt}, had.set_by, {new_num}, {new_txt}, {at_once} \
             FROM had WHERE had.present {differ} {new}"
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

    /// Writes what was logged, the same value everywhere: on a range of which every client was, or on those that the log
    /// has.
    fn write_one(&self, range: Option<&Range>, raised: &str) -> String {
        const LOGGED: &str = "IN (SELECT client_key FROM changes WHERE entry_key = $1 AND field = $2 AND item = 0)";
        let (vals, prov) = (Self::of(self.vals, self.one), self.prov);
        let among = range.map_or_else(|| LOGGED.to_owned(), Range::condition);
        format!(
            "UPDATE client_values AS v SET vals = {vals}, prov = {prov}{raised} \
             WHERE v.practice_id = $4 AND v.client_key {among}"
        )
    }
}

/// The clients of one statement.
struct Whom<'a> {
    clients: &'a [i64],
    /// The same as a range, when they are one.
    range: Option<Range>,
    /// Whether their changes are found by the entry of the trail.
    at_once: bool,
}

/// All of a practice's clients between two keys, which are among them. To read and write a range costs less than to look
/// up as many one by one.
struct Range {
    first: i64,
    last: i64,
}

impl Range {
    /// These clients, when they are a range and come in the order of their keys.
    fn of(tx: &mut Tx<'_>, practice: Uid, clients: &[i64]) -> QueryResult<Option<Self>> {
        let (Some(&first), Some(&last)) = (clients.first(), clients.last()) else { return Ok(None) };
        let between: Vec<i64> = client_values::table
            .filter(client_values::practice_id.eq(practice))
            .filter(client_values::client_key.between(first, last))
            .order(client_values::client_key)
            .limit(i64::try_from(clients.len()).unwrap_or(i64::MAX).saturating_add(1))
            .select(client_values::client_key)
            .load(&mut **tx)?;
        Ok((between == clients).then_some(Self { first, last }))
    }

    fn condition(&self) -> String {
        format!("BETWEEN {} AND {}", self.first, self.last)
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
    fn assign(
        &self,
        tx: &mut Tx<'_>,
        field: i64,
        (clients, values): (&[i64], Assigned<'_>),
        raises: bool,
    ) -> Result<usize> {
        let raised = format!(", revision = v.revision + 1, updated_at = {}", self.now.0);
        let raised = if raises { raised.as_str() } else { "" };
        let at_once = clients.len() >= MANY;
        if at_once {
            audit::note_many(tx, self.entry)?;
        }
        let mut changed = 0;
        for (clients, values) in values.split(clients) {
            let range = match values {
                Assigned::One(_) if at_once => Range::of(tx, self.practice, clients)?,
                _ => None,
            };
            let whom = &Whom { clients, range, at_once };
            changed += match &mut **tx {
                Conn::Postgres(c) => self.assign_on_postgres(c, field, (whom, values), raised)?,
                Conn::Sqlite(c) => self.assign_on_sqlite(c, field, (whom, values), raised)?,
            };
        }
        Ok(changed)
    }

    fn assign_on_postgres(
        &self,
        conn: &mut PgConnection,
        field: i64,
        (Whom { clients, range, at_once }, values): (&Whom<'_>, Assigned<'_>),
        raised: &str,
    ) -> QueryResult<usize> {
        const ONE: &str = "unnest($6) AS given (client_key)";
        const EACH: &str = "unnest($6, $5) AS given (client_key, value)";
        let json = |value: &Value| JsonText(value.to_string());
        let stored: Vec<Option<JsonText>> = match values {
            Assigned::One(value) => vec![value.map(json)],
            Assigned::Each(values) => values.iter().map(|value| value.as_ref().map(json)).collect(),
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
        let range = range.as_ref();
        match values {
            Assigned::One(_) => {
                let log = bound(POSTGRES.log((ONE, range), true, *at_once));
                let logged = match range {
                    Some(_) => log.execute(conn)?,
                    None => log.bind::<Array<BigInt>, _>(clients).execute(conn)?,
                };
                bound(POSTGRES.write_one(range.filter(|_| logged == clients.len()), raised)).execute(conn)
            }
            Assigned::Each(_) => {
                let log = POSTGRES.log((EACH, None), false, *at_once);
                bound(log).bind::<Array<BigInt>, _>(clients).execute(conn)?;
                bound(POSTGRES.write_each(("", EACH), raised)).bind::<Array<BigInt>, _>(clients).execute(conn)
            }
        }
    }

    fn assign_on_sqlite(
        &self,
        conn: &mut SqliteConnection,
        field: i64,
        (Whom { clients, range, at_once }, values): (&Whom<'_>, Assigned<'_>),
        raised: &str,
    ) -> QueryResult<usize> {
        const ONE: &str = "(SELECT value AS client_key FROM json_each($6)) AS given";
        const EACH: &str = "(SELECT value ->> 0 AS client_key, nullif(value -> 1, 'null') AS value \
                            FROM json_each($6)) AS given";
        let value = match values {
            Assigned::One(value) => value.map(Value::to_string),
            Assigned::Each(_) => None,
        };
        let place = format!("f{field}");
        let bound = |sql: String| {
            // SQLite numbers `$1` by where it stands first, and `?1` as it says.
            let sql = (1..=6).fold(sql, |sql, n| sql.replace(&format!("${n}"), &format!("?{n}")));
            diesel::sql_query(sql)
                .bind::<BigInt, _>(self.entry)
                .bind::<BigInt, _>(field)
                .bind::<Text, _>(&place)
                .bind::<UidType, _>(self.practice)
                .bind::<Nullable<Text>, _>(&value)
        };
        let range = range.as_ref();
        match values {
            Assigned::One(_) => {
                let log = bound(SQLITE.log((ONE, range), true, *at_once));
                let logged = match range {
                    Some(_) => log.execute(conn)?,
                    None => log.bind::<Text, _>(Value::from(*clients).to_string()).execute(conn)?,
                };
                bound(SQLITE.write_one(range.filter(|_| logged == clients.len()), raised)).execute(conn)
            }
            Assigned::Each(values) => {
                let given: Value = clients.iter().zip(values).map(|pair| serde_json::json!(pair)).collect();
                let given = given.to_string();
                // As a table of its own, whose rows can be looked up: read from the text for each client, they would
                // take the square of the time.
                let with = format!("WITH given AS MATERIALIZED (SELECT * FROM {EACH}) ");
                bound(SQLITE.log((EACH, None), false, *at_once)).bind::<Text, _>(&given).execute(conn)?;
                bound(SQLITE.write_each((&with, "given"), raised)).bind::<Text, _>(&given).execute(conn)
            }
        }
    }

    /// Raises the revision of every client on which this set has changed one of `fields`.
    pub(super) fn raise_changed(&self, tx: &mut Tx<'_>, fields: &[i64]) -> Result<()> {
        let logged = changes::table.filter(changes::entry_key.eq(self.entry)).filter(changes::field.eq_any(fields));
        let changed = client_values::client_key.eq_any(logged.select(changes::client_key));
        diesel::update(client_values::table.filter(changed))
            .set((client_values::revision.eq(client_values::revision + 1), client_values::updated_at.eq(self.now)))
            .execute(&mut **tx)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many clients each statement has that gives each its own value, after a look at whose value is whose.
    fn own(count: i64) -> Vec<usize> {
        let clients: Vec<i64> = (0..count).collect();
        let values: Vec<Option<Value>> = clients.iter().map(|client| Some(Value::from(*client))).collect();
        let parts = Assigned::Each(&values).split(&clients);
        let all: Vec<i64> = parts.iter().flat_map(|(clients, _)| *clients).copied().collect();
        assert_eq!(all, clients, "each client once, in the same order");
        for (clients, part) in &parts {
            let Assigned::Each(values) = part else { panic!("all get the same") };
            assert!(values.iter().flatten().eq(clients.iter()), "each client with its own value");
        }
        parts.iter().map(|(clients, _)| clients.len()).collect()
    }

    #[test]
    fn statements_with_own_values_are_split_where_they_are_full() {
        assert_eq!(own(1), [1]);
        assert_eq!(own(10_000), [10_000]);
        assert_eq!(own(10_001), [10_000, 1]);
        let clients: Vec<i64> = (0..10_001).collect();
        let parts = Assigned::One(None).split(&clients);
        assert!(matches!(parts.as_slice(), [(all, Assigned::One(None))] if *all == clients), "the same for all is one");
    }
}
