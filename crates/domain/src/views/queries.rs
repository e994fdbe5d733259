//! The four shapes of SQL behind lists: the version, a column, what changed since, and (with the clients) a page.

use diesel::dsl::count_star;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Double, Nullable, Text};

use super::columns::{Raw, Setter};
use super::conditions::NAME_END;
use super::subjects::{ColumnId, Kind, Source};
use crate::identity::{MemberId, Practice};
use crate::kernel::clock::Instant;
use crate::kernel::db::{Conn, documents};
use crate::kernel::error::{Error, Result};
use crate::kernel::{JsonText, UidType, text};
use crate::schema::{audit_entries, changes, clients, practices};

/// Clients read at a time, so that a column's rows are not all in memory twice.
const AT_ONCE: usize = 20_000;

/// What stands in expressions for the identifier of the member who looks after a client, which each database spells its way.
pub(super) const RESPONSIBLE: &str = "{responsible}";
pub(super) const POSTGRES_RESPONSIBLE: &str = "coalesce(replace(c.responsible_id::text, '-', ''), '')";
pub(super) const SQLITE_RESPONSIBLE: &str = "coalesce(lower(hex(c.responsible_id)), '')";

/// Which clients to read, in the order of their keys.
pub enum Whom<'a> {
    /// All, whose keys these are.
    All(&'a [i64]),
    /// Only these.
    These(&'a [i64]),
}

/// The practice's version, and the one at which its fields last changed.
///
/// # Errors
/// [`Error::NotFound`] when the practice is gone.
pub fn versions(conn: &mut Conn, practice: &Practice) -> Result<(i64, i64)> {
    let found = practices::table.find(practice.id).select((practices::version, practices::fields_version));
    found.first(conn).optional()?.ok_or(Error::NotFound("practice"))
}

/// The keys of all clients, archived ones too, in their order.
///
/// # Errors
/// When the database refuses.
pub fn keys(conn: &mut Conn, practice: &Practice) -> Result<Vec<i64>> {
    let own = clients::table.filter(clients::practice_id.eq(practice.id));
    Ok(own.order(clients::key).select(clients::key).load(conn)?)
}

#[derive(QueryableByName)]
struct Value {
    #[diesel(sql_type = BigInt)]
    key: i64,
    #[diesel(sql_type = Nullable<Text>)]
    txt: Option<String>,
    #[diesel(sql_type = Nullable<Double>)]
    num: Option<f64>,
}

/// Reads the values of a column and gives each to `take`, by the client's key. Clients without a value may be left out.
///
/// # Errors
/// When the database refuses.
pub fn read(
    conn: &mut Conn,
    practice: &Practice,
    column: ColumnId,
    whom: &Whom<'_>,
    mut take: impl FnMut(i64, Raw),
) -> Result<()> {
    let (Whom::All(keys) | Whom::These(keys)) = whom;
    for chunk in keys.chunks(AT_ONCE) {
        let among = match whom {
            Whom::All(_) => Among::Range,
            Whom::These(_) => Among::List,
        };
        let values = read_chunk(conn, practice, &statement(conn, column), (among, chunk))?;
        match column {
            ColumnId::Fixed(_) if matches!(source(column), Some(Source::Contacts(_) | Source::Relations(_))) => {
                joined(values, &mut take);
            }
            _ => values.into_iter().for_each(|value| take(value.key, raw(column, value.txt, value.num))),
        }
    }
    Ok(())
}

enum Among {
    /// Everything between the first and the last.
    Range,
    /// Exactly these.
    List,
}

/// A statement without its condition on the clients: `{}` stands for the condition, `$1` is the practice.
struct Statement {
    text: String,
    key: &'static str,
}

fn source(column: ColumnId) -> Option<Source> {
    column.fixed().map(|fixed| fixed.source)
}

fn statement(conn: &Conn, column: ColumnId) -> Statement {
    const NO_NUMBER: &str = "CAST(NULL AS DOUBLE PRECISION)";
    const NO_TEXT: &str = "CAST(NULL AS TEXT)";
    let of = |(table, alias, key): (&str, &str, &'static str), txt: &str, num: &str| Statement {
        text: format!(
            "SELECT {key} AS key, {txt} AS txt, {num} AS num FROM {table} AS {alias} WHERE {alias}.practice_id = $1 AND {{}} \
             ORDER BY {key}"
        ),
        key,
    };
    let (clients, values) = (("clients", "c", "c.key"), ("client_values", "v", "v.client_key"));
    match (column, source(column)) {
        (_, Some(Source::Text(text))) => of(clients, text, NO_NUMBER),
        (_, Some(Source::Number(number))) => of(clients, NO_TEXT, &format!("CAST({number} AS DOUBLE PRECISION)")),
        (_, Some(Source::Revised(number))) => of(values, NO_TEXT, &format!("CAST({number} AS DOUBLE PRECISION)")),
        (_, Some(Source::Contacts(text))) => of(("contacts", "k", "k.client_key"), text, NO_NUMBER),
        (_, Some(Source::Relations(text))) => of(("client_relations", "r", "r.client_key"), text, NO_NUMBER),
        (ColumnId::SetterOf(number), None) if number >= crate::clients::FIRST_CUSTOM_FIELD => {
            let entry = documents::member(conn, "v.prov", &format!("f{number}"));
            of(values, NO_TEXT, &format!("CAST({entry} AS DOUBLE PRECISION)"))
        }
        (ColumnId::SetterOf(number), None) => Statement {
            text: format!(
                "SELECT c.key AS key, {NO_TEXT} AS txt, CAST(max(l.entry_key) AS DOUBLE PRECISION) AS num FROM clients AS c \
                 JOIN changes AS l ON l.client_key = c.key AND NOT l.at_once AND l.field IN (0, {number}) \
                 WHERE c.practice_id = $1 AND {{}} GROUP BY c.key"
            ),
            key: "c.key",
        },
        (ColumnId::Custom(number, _), None) => {
            let value = documents::member(conn, "v.vals", &format!("f{number}"));
            of(values, &format!("CAST({value} AS TEXT)"), NO_NUMBER)
        }
        (ColumnId::Fixed(_) | ColumnId::RegisteredOn, None) => of(clients, NO_TEXT, NO_NUMBER),
    }
}

fn read_chunk(
    conn: &mut Conn,
    practice: &Practice,
    statement: &Statement,
    (among, keys): (Among, &[i64]),
) -> Result<Vec<Value>> {
    let (first, last) = (keys.first().copied().unwrap_or_default(), keys.last().copied().unwrap_or_default());
    let range = format!("{} BETWEEN $2 AND $3", statement.key);
    Ok(match (conn, among) {
        (Conn::Postgres(c), Among::Range) => {
            let sql = statement.text.replace("{}", &range).replace(RESPONSIBLE, POSTGRES_RESPONSIBLE);
            let query = diesel::sql_query(sql).bind::<UidType, _>(practice.id);
            query.bind::<BigInt, _>(first).bind::<BigInt, _>(last).load(c)?
        }
        (Conn::Postgres(c), Among::List) => {
            let sql = statement.text.replace("{}", &format!("{} = ANY($2)", statement.key));
            let sql = sql.replace(RESPONSIBLE, POSTGRES_RESPONSIBLE);
            diesel::sql_query(sql).bind::<UidType, _>(practice.id).bind::<Array<BigInt>, _>(keys).load(c)?
        }
        (Conn::Sqlite(c), Among::Range) => {
            let sql = statement.text.replace("{}", &range).replace(RESPONSIBLE, SQLITE_RESPONSIBLE);
            let query = diesel::sql_query(sql).bind::<UidType, _>(practice.id);
            query.bind::<BigInt, _>(first).bind::<BigInt, _>(last).load(c)?
        }
        (Conn::Sqlite(c), Among::List) => {
            let condition = format!("{} IN (SELECT value FROM json_each($2))", statement.key);
            let sql = statement.text.replace("{}", &condition);
            let sql = sql.replace(RESPONSIBLE, SQLITE_RESPONSIBLE);
            let query = diesel::sql_query(sql).bind::<UidType, _>(practice.id);
            query.bind::<Text, _>(serde_json::to_string(keys)?).load(c)?
        }
    })
}

/// The rows of one client, which stand together, as lines of one text.
fn joined(values: Vec<Value>, take: &mut impl FnMut(i64, Raw)) {
    let mut open: Option<(i64, String)> = None;
    for value in values {
        let Some(line) = value.txt.map(|txt| text::fold(&txt)) else { continue };
        match &mut open {
            Some((key, lines)) if *key == value.key => {
                lines.push('\n');
                lines.push_str(&line);
            }
            _ => {
                if let Some((key, lines)) = open.replace((value.key, line)) {
                    take(key, Raw::Text(lines));
                }
            }
        }
    }
    if let Some((key, lines)) = open {
        take(key, Raw::Text(lines));
    }
}

/// A value as it was read, in the form of its column.
pub fn raw(column: ColumnId, txt: Option<String>, num: Option<f64>) -> Raw {
    if let ColumnId::SetterOf(_) = column {
        return num.map_or(Raw::Missing, |entry| Raw::Entry(entry as i64));
    }
    let Some(fixed) = column.fixed() else {
        return match (column, txt) {
            (ColumnId::Custom(_, kind), Some(json)) => custom(kind, &json).unwrap_or(Raw::Missing),
            _ => Raw::Missing,
        };
    };
    match (fixed.kind, txt, num) {
        (Kind::Flag, _, Some(number)) => Raw::Flag(number != 0.0),
        (_, _, Some(number)) => Raw::Number(number),
        (_, None, None) => Raw::Missing,
        // The search text is folded already, each part on a line of its own.
        (Kind::Search, Some(txt), None) => Raw::Text(txt),
        (Kind::Lines, Some(txt), None) => lines(&txt),
        (Kind::Word, Some(txt), None) => Raw::Word(txt),
        (Kind::Day | Kind::Lasting, Some(txt), None) => day(&txt),
        (Kind::Responsible, Some(txt), None) => {
            let (member, name) = txt.split_once('|').unwrap_or(("", &txt));
            let prefix = if member.is_empty() { String::new() } else { format!("{}_{member}", MemberId::PREFIX) };
            Raw::Word(format!("{prefix}{NAME_END}{name}"))
        }
        (_, Some(txt), None) => Raw::Text(text::fold(&txt)),
    }
}

fn lines(json: &str) -> Raw {
    let texts: Vec<String> = serde_json::from_str(json).unwrap_or_default();
    if texts.is_empty() {
        return Raw::Missing;
    }
    Raw::Text(texts.iter().map(|line| text::fold(line)).collect::<Vec<_>>().join("\n"))
}

fn day(txt: &str) -> Raw {
    txt.parse().map_or(Raw::Missing, |day| Raw::Number(days(day)))
}

/// A day as its number since 1970-01-01.
pub fn days(day: jiff::civil::Date) -> f64 {
    let epoch = jiff::civil::date(1970, 1, 1);
    f64::from(day.since(epoch).map_or(0, |span| span.get_days()))
}

/// A custom value from the JSON that is stored; `None` when it is of another kind, as for a moment after the field's kind
/// was changed.
pub fn custom(kind: Kind, json: &str) -> Option<Raw> {
    match kind {
        Kind::Number | Kind::Amount => json.parse().ok().map(Raw::Number),
        Kind::Flag => json.parse().ok().map(Raw::Flag),
        Kind::Choice => json.parse::<i64>().ok().map(|option| Raw::Word(option.to_string())),
        Kind::Choices => serde_json::from_str(json).ok().map(Raw::Options),
        Kind::Day => serde_json::from_str::<String>(json).ok().map(|txt| day(&txt)),
        Kind::Member | Kind::Client | Kind::Word | Kind::Responsible => serde_json::from_str(json).ok().map(Raw::Word),
        Kind::Text | Kind::Lines | Kind::Search | Kind::Instant | Kind::Lasting => {
            match serde_json::from_str(json).ok()? {
                serde_json::Value::String(txt) => Some(Raw::Text(text::fold(&txt))),
                serde_json::Value::Object(document) => {
                    document.get("name")?.as_str().map(|name| Raw::Text(text::fold(name)))
                }
                _ => None,
            }
        }
    }
}

/// What happened to a practice's clients between two versions.
#[derive(Debug, Default)]
pub struct Delta {
    /// Clients and the numbers of fields that changed on them, as the log has it, other than those that changed on many.
    pub logged: Vec<(i64, i64)>,
    /// The numbers of fields that changed so often that each change is not worth reading.
    pub many: Vec<i64>,
    /// Clients whose facts were written without a trace in the log.
    pub facts: Vec<i64>,
    /// So many clients' facts were written that they are not named.
    pub all_facts: bool,
}

/// What happened after the version `after`; of fields with more than `most` changes only that they did.
///
/// # Errors
/// When the database refuses.
pub fn delta(conn: &mut Conn, practice: &Practice, after: i64, most: usize) -> Result<Delta> {
    let own = || {
        audit_entries::table.filter(audit_entries::practice_id.eq(practice.id)).filter(audit_entries::version.gt(after))
    };
    let counts: Vec<(i64, i64)> = own()
        .inner_join(changes::table.on(changes::entry_key.eq(audit_entries::key)))
        .group_by(changes::field)
        .select((changes::field, count_star()))
        .load(conn)?;
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let many: Vec<i64> = counts.iter().filter(|(_, count)| *count > most).map(|(field, _)| *field).collect();
    let logged: Vec<(i64, i64)> = own()
        .inner_join(changes::table.on(changes::entry_key.eq(audit_entries::key)))
        .filter(changes::field.ne_all(many.clone()))
        .select((changes::client_key, changes::field))
        .load(conn)?;
    let touched: Vec<Option<JsonText>> =
        own().filter(audit_entries::touched.is_not_null()).select(audit_entries::touched).load(conn)?;
    let mut delta = Delta { logged, many, ..Delta::default() };
    for keys in touched.into_iter().flatten() {
        let keys: Vec<i64> = keys.read()?;
        delta.all_facts |= keys.is_empty();
        delta.facts.extend(keys);
    }
    Ok(delta)
}

#[derive(Queryable)]
struct SetterRow(i64, String, Option<String>, String, Instant);

/// Whose these entries of the trail are, in the same order.
///
/// # Errors
/// When the database refuses, or has no such entry.
pub fn setters(conn: &mut Conn, practice: &Practice, entries: &[i64]) -> Result<Vec<Setter>> {
    let mut known = std::collections::HashMap::with_capacity(entries.len());
    for chunk in entries.chunks(1_000) {
        let rows: Vec<SetterRow> = audit_entries::table
            .filter(audit_entries::practice_id.eq(practice.id).and(audit_entries::key.eq_any(chunk)))
            .select((
                audit_entries::key,
                audit_entries::actor_kind,
                audit_entries::actor_id,
                audit_entries::source,
                audit_entries::at,
            ))
            .load(conn)?;
        known.extend(rows.into_iter().map(|SetterRow(key, kind, id, source, at)| {
            let setter = Setter { actor_kind: kind.into(), actor_id: id.map(Into::into), source: source.into(), at };
            (key, setter)
        }));
    }
    let of = |entry| known.remove(entry).ok_or_else(|| Error::internal(format!("entry {entry} of the trail is gone")));
    entries.iter().map(of).collect()
}
