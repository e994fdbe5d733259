//! A few columns of many clients, for whoever writes them out: each client is one text, so that a hundred thousand of them cost
//! a hundred thousand texts and not millions.

use diesel::connection::DefaultLoadingMode;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text};

use super::exemption::LOGGED_EXEMPTION;
use super::fixed::FixedField;
use crate::identity::Practice;
use crate::kernel::UidType;
use crate::kernel::db::Conn;
use crate::kernel::error::Result;

/// What stands between two columns. No value has it: the rules of the card refuse it, and JSON spells it out.
const BETWEEN_COLUMNS: char = '\u{1f}';
/// What stands between the two halves of [`LineColumn::Responsible`].
pub const BETWEEN_HALVES: char = '\u{1e}';

/// A column of a line. What there is no value of is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineColumn {
    /// The key inside.
    Key,
    /// A field as its column has it; yes and no as 1 and 0, identifiers as a JSON array.
    Field(FixedField),
    /// The member who looks after the client, as 32 hexadecimal digits, and the name.
    Responsible,
    /// The access point that the client is registered at: its name, or else its seat.
    AccessPoint,
    /// A moment, in microseconds, by the name of its column.
    Moment(&'static str),
    /// When people last changed the client, in microseconds.
    UpdatedAt,
    /// Text as its column has it, by the column's name.
    Plain(&'static str),
    /// The last day of the exemption from Peppol, `9999-12-31` when it has none; nothing without an exemption.
    ExemptUntil,
    /// What the contacts have in the column of this name, the oldest first, with commas between them.
    OfContacts(&'static str),
    /// The kinds of the relations with other clients, each once, with commas between them.
    OfRelations,
    /// The custom values, as a JSON object.
    Values,
}

/// How a database spells what the two spell differently.
struct Dialect {
    /// A member's identifier, as 32 hexadecimal digits.
    id: &'static str,
    /// The function that makes one text of those of several rows.
    joined: &'static str,
    /// Makes one text of several expressions, nothing where one is null.
    line: fn(&[String]) -> String,
}

const POSTGRES: Dialect =
    Dialect { id: "replace(c.responsible_id::text, '-', '')", joined: "string_agg", line: concatenated };
const SQLITE: Dialect = Dialect { id: "lower(hex(c.responsible_id))", joined: "group_concat", line: appended };

/// Calls that build their text in one place each; a call takes a hundred arguments, separators among them.
fn concatenated(expressions: &[String]) -> String {
    let call = |some: &[String]| format!("concat({})", some.join(&format!(", '{BETWEEN_COLUMNS}', ")));
    expressions.chunks(50).map(call).collect::<Vec<_>>().join(&format!(" || '{BETWEEN_COLUMNS}' || "))
}

fn appended(expressions: &[String]) -> String {
    let parts: Vec<String> = expressions.iter().map(|part| format!("coalesce(CAST({part} AS TEXT), '')")).collect();
    parts.join(&format!(" || '{BETWEEN_COLUMNS}' || "))
}

impl LineColumn {
    /// Its expression over `c`, the client, and `v`, its custom values.
    fn expression(self, Dialect { id, joined, .. }: &Dialect) -> String {
        use FixedField as F;
        match self {
            Self::Key => "c.key".to_owned(),
            Self::Field(field @ (F::VatLiable | F::Government)) => {
                let name = field.as_str();
                format!("CASE WHEN c.{name} THEN '1' WHEN NOT c.{name} THEN '0' END")
            }
            // What the network says is no text that our rules have seen.
            Self::Field(field @ (F::AccessPointSeat | F::AccessPointName | F::RegistrationCause)) => {
                format!("replace(c.{}, '{BETWEEN_COLUMNS}', ' ')", field.as_str())
            }
            Self::Field(F::Exemption) => LOGGED_EXEMPTION.to_owned(),
            Self::Field(field) => format!("c.{}", field.as_str()),
            Self::Responsible => {
                format!("coalesce({id}, '') || '{BETWEEN_HALVES}' || coalesce(c.responsible_name, '')")
            }
            Self::AccessPoint => format!(
                "CASE WHEN c.registration IN ('registered', 'cannot_receive', 'unknown') \
                 THEN replace(coalesce(c.access_point_name, c.access_point_seat), '{BETWEEN_COLUMNS}', ' ') END"
            ),
            Self::Moment(name) => format!("c.{name}"),
            Self::UpdatedAt => "v.updated_at".to_owned(),
            Self::Plain(name) => format!("c.{name}"),
            Self::ExemptUntil => {
                "CASE WHEN c.exemption_reason IS NOT NULL THEN coalesce(c.exemption_until, '9999-12-31') END".to_owned()
            }
            Self::OfContacts(name) => {
                format!("(SELECT {joined}(k.{name}, ', ' ORDER BY k.id) FROM contacts k WHERE k.client_key = c.key)")
            }
            Self::OfRelations => format!(
                "(SELECT {joined}(r.kind, ', ' ORDER BY r.kind) \
                 FROM (SELECT DISTINCT kind FROM client_relations WHERE client_key = c.key) r)"
            ),
            Self::Values => "v.vals".to_owned(),
        }
    }
}

/// The columns of a line.
pub fn columns_of(line: &str) -> impl Iterator<Item = &str> {
    // A control character is one byte, and no part of another character.
    let ends = memchr::memchr_iter(BETWEEN_COLUMNS as u8, line.as_bytes()).chain([line.len()]);
    let mut start = 0;
    ends.map(move |end| {
        let column = line.get(start..end).unwrap_or_default();
        start = end + 1;
        column
    })
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = BigInt)]
    key: i64,
    #[diesel(sql_type = Text)]
    line: String,
}

/// The columns, at least one, of the practice's clients with these keys, in the order of the keys, for [`columns_of`]. Keys
/// that no client has are passed over.
///
/// # Errors
/// When the database refuses.
pub fn lines(conn: &mut Conn, practice: &Practice, keys: &[i64], columns: &[LineColumn]) -> Result<Vec<String>> {
    let spelled = |dialect: &Dialect| {
        let expressions: Vec<String> = columns.iter().map(|column| column.expression(dialect)).collect();
        (dialect.line)(&expressions)
    };
    let values = if columns.iter().any(|column| matches!(column, LineColumn::Values | LineColumn::UpdatedAt)) {
        "JOIN client_values v ON v.client_key = c.key"
    } else {
        ""
    };
    // In the order in which they lie: asked for in any other, each costs a page of the database.
    let mut places: Vec<(i64, usize)> = keys.iter().copied().zip(0..).collect();
    places.sort_unstable();
    let sorted: Vec<i64> = places.iter().map(|(key, _)| *key).collect();
    let mut lines: Vec<Option<String>> = vec![None; keys.len()];
    let mut place = |row: QueryResult<Line>| {
        let Line { key, line } = row?;
        let place = sorted.binary_search(&key).ok().and_then(|at| places.get(at));
        if let Some(place) = place.and_then(|(_, place)| lines.get_mut(*place)) {
            *place = Some(line);
        }
        QueryResult::Ok(())
    };
    match conn {
        Conn::Postgres(c) => {
            let line = spelled(&POSTGRES);
            // Said of both tables, it has them read by their keys and merged; said of one, the other is read whole each time.
            let both = if values.is_empty() { "" } else { "AND v.client_key = ANY($1)" };
            diesel::sql_query(format!(
                "SELECT c.key AS key, {line} AS line FROM clients c {values} \
                 WHERE c.practice_id = $2 AND c.key = ANY($1) {both}"
            ))
            .bind::<Array<BigInt>, _>(&sorted)
            .bind::<UidType, _>(practice.id)
            .load_iter::<Line, DefaultLoadingMode>(c)?
            .try_for_each(&mut place)?;
        }
        Conn::Sqlite(c) => {
            let line = spelled(&SQLITE);
            // A cross join is done as it is written: one client after the other, in the order of the keys.
            diesel::sql_query(format!(
                "SELECT c.key AS key, {line} AS line FROM json_each($1) AS asked \
                 CROSS JOIN clients c ON c.key = asked.value {} WHERE c.practice_id = $2",
                values.replace("JOIN", "CROSS JOIN")
            ))
            .bind::<Text, _>(serde_json::to_string(&sorted)?)
            .bind::<UidType, _>(practice.id)
            .load_iter::<Line, DefaultLoadingMode>(c)?
            .try_for_each(&mut place)?;
        }
    }
    Ok(lines.into_iter().flatten().collect())
}
