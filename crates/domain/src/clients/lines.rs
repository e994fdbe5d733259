//! A few columns of many clients, for whoever writes them out. The database hands over a client as one text, and PostgreSQL a
//! few hundred of them, so that a hundred thousand cost hundreds of texts and not millions.

use diesel::connection::DefaultLoadingMode;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text};

use super::exemption::LOGGED_EXEMPTION;
use super::fixed::FixedField;
use crate::identity::Practice;
use crate::kernel::UidType;
use crate::kernel::db::Conn;
use crate::kernel::error::Result;

/// What stands between two lines, and between two columns. No value has them: the rules of the card refuse them, and JSON
/// spells them out.
const BETWEEN_LINES: char = '\u{1d}';
const BETWEEN_COLUMNS: char = '\u{1f}';
/// How many clients PostgreSQL makes one text of.
const CHUNK: usize = 200;
/// What stands between the two halves of [`LineColumn::Responsible`].
pub const BETWEEN_HALVES: char = '\u{1e}';

/// A column of a line. What there is no value of is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineColumn {
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
}

const POSTGRES: Dialect = Dialect { id: "replace(c.responsible_id::text, '-', '')", joined: "string_agg" };
const SQLITE: Dialect = Dialect { id: "lower(hex(c.responsible_id))", joined: "group_concat" };

/// One text of several expressions, nothing where one is null: calls that build it in one place each. A call takes a hundred
/// arguments, separators among them.
fn concatenated(expressions: &[String]) -> String {
    let call = |some: &[String]| format!("concat({})", some.join(&format!(", '{BETWEEN_COLUMNS}', ")));
    expressions.chunks(50).map(call).collect::<Vec<_>>().join(&format!(" || '{BETWEEN_COLUMNS}' || "))
}

/// The expression without what stands between lines and columns.
fn cleaned(expression: &str) -> String {
    format!("replace(replace({expression}, '{BETWEEN_COLUMNS}', ' '), '{BETWEEN_LINES}', ' ')")
}

impl LineColumn {
    /// Its expression over `c`, the client, and `v`, its custom values.
    fn expression(self, Dialect { id, joined, .. }: &Dialect) -> String {
        use FixedField as F;
        match self {
            Self::Field(field @ (F::VatLiable | F::Government)) => {
                let name = field.as_str();
                format!("CASE WHEN c.{name} THEN '1' WHEN NOT c.{name} THEN '0' END")
            }
            // What the network says is no text that our rules have seen.
            Self::Field(field @ (F::AccessPointSeat | F::AccessPointName | F::RegistrationCause)) => {
                cleaned(&format!("c.{}", field.as_str()))
            }
            Self::Field(F::Exemption) => LOGGED_EXEMPTION.to_owned(),
            Self::Field(field) => format!("c.{}", field.as_str()),
            Self::Responsible => {
                format!("coalesce({id}, '') || '{BETWEEN_HALVES}' || coalesce(c.responsible_name, '')")
            }
            Self::AccessPoint => format!(
                "CASE WHEN c.registration IN ('registered', 'cannot_receive', 'unknown') \
                 THEN {} END",
                cleaned("coalesce(c.access_point_name, c.access_point_seat)")
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
    split(line, BETWEEN_COLUMNS).map(|(start, end)| line.get(start..end).unwrap_or_default())
}

/// Where the parts of the text begin and end that have this control character between them.
fn split(text: &str, between: char) -> impl Iterator<Item = (usize, usize)> {
    // A control character is one byte, and no part of another character.
    let ends = memchr::memchr_iter(between as u8, text.as_bytes()).chain([text.len()]);
    let mut start = 0;
    ends.map(move |end| {
        let part = (start, end);
        start = end + 1;
        part
    })
}

/// Lines of clients, in the few texts that the database made of them.
#[derive(Default)]
pub struct Lines {
    texts: Vec<String>,
    places: Vec<Place>,
}

/// A client and its line: from where to where in which text.
#[derive(Clone, Copy)]
struct Place {
    key: i64,
    text: usize,
    start: usize,
    end: usize,
}

impl Lines {
    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.places.len()
    }

    /// The bytes of all of them, more or less.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.texts.iter().map(String::len).sum()
    }

    /// The keys and lines from the one at `start`, for [`columns_of`].
    pub fn since(&self, start: usize) -> impl Iterator<Item = (i64, &str)> {
        let places = self.places.get(start..).unwrap_or_default();
        places.iter().filter_map(|place| Some((place.key, self.texts.get(place.text)?.get(place.start..place.end)?)))
    }

    /// Those of a text, of which each begins with the key of its client. Their places go where `at` says.
    fn take(&mut self, text: String, mut at: impl FnMut(Place)) {
        let number = self.texts.len();
        for (start, end) in split(&text, BETWEEN_LINES) {
            let line = text.get(start..end).unwrap_or_default();
            let key = line.split_once(BETWEEN_COLUMNS).map_or(line, |(key, _)| key);
            let start = (start + key.len() + BETWEEN_COLUMNS.len_utf8()).min(end);
            if let Ok(key) = key.parse() {
                at(Place { key, text: number, start, end });
            }
        }
        self.texts.push(text);
    }
}

#[derive(QueryableByName)]
struct Chunk {
    #[diesel(sql_type = Nullable<Text>)]
    lines: Option<String>,
}

/// The columns, at least one, of the practice's clients with these keys, in the order of the keys. Keys that no client has are
/// passed over.
///
/// # Errors
/// When the database refuses.
pub fn lines(conn: &mut Conn, practice: &Practice, keys: &[i64], columns: &[LineColumn]) -> Result<Lines> {
    let spelled = |dialect: &Dialect| {
        let keyed = std::iter::once("c.key".to_owned());
        let expressions: Vec<String> = keyed.chain(columns.iter().map(|column| column.expression(dialect))).collect();
        concatenated(&expressions)
    };
    let has_values = columns.iter().any(|column| matches!(column, LineColumn::Values | LineColumn::UpdatedAt));
    // In the order in which they lie: asked for in any other, each costs a page of the database.
    let mut places: Vec<(i64, usize)> = keys.iter().copied().zip(0..).collect();
    places.sort_unstable();
    let sorted: Vec<i64> = places.iter().map(|(key, _)| *key).collect();
    let mut found: Vec<Option<Place>> = vec![None; keys.len()];
    let mut lines = Lines::default();
    let mut take = |row: QueryResult<Chunk>| {
        lines.take(row?.lines.unwrap_or_default(), |place| {
            let known = sorted.binary_search(&place.key).ok().and_then(|at| places.get(at));
            if let Some(kept) = known.and_then(|(_, asked)| found.get_mut(*asked)) {
                *kept = Some(place);
            }
        });
        QueryResult::Ok(())
    };
    match conn {
        Conn::Postgres(c) => diesel::sql_query(on_postgres(&spelled(&POSTGRES), has_values))
            .bind::<UidType, _>(practice.id)
            .bind::<Array<BigInt>, _>(&sorted)
            .load_iter::<Chunk, DefaultLoadingMode>(c)?
            .try_for_each(&mut take)?,
        Conn::Sqlite(c) => diesel::sql_query(on_sqlite(&spelled(&SQLITE), has_values))
            .bind::<Text, _>(serde_json::to_string(&sorted)?)
            .bind::<UidType, _>(practice.id)
            .load_iter::<Chunk, DefaultLoadingMode>(c)?
            .try_for_each(&mut take)?,
    }
    lines.places = found.into_iter().flatten().collect();
    Ok(lines)
}

/// A few hundred lines a row, by the practice and an array of keys. Said of both tables, the keys have them read by their keys
/// and merged; said of one, the other is read whole. Cut within the statement, they cost its planning nothing, which weighs
/// each key of a whole array.
fn on_postgres(line: &str, has_values: bool) -> String {
    let (values, both) = if has_values {
        ("JOIN client_values v ON v.client_key = c.key", "AND v.client_key = ANY(chunk.keys)")
    } else {
        ("", "")
    };
    format!(
        "SELECT (SELECT string_agg({line}, '{BETWEEN_LINES}') FROM clients c {values} \
         WHERE c.practice_id = $1 AND c.key = ANY(chunk.keys) {both}) AS lines \
         FROM (SELECT $2[start : start + {CHUNK} - 1] AS keys FROM generate_series(1, cardinality($2), {CHUNK}) AS start) chunk"
    )
}

/// A line a row, by an array of keys and the practice: there is no server to be spared the rows. A cross join is done as it is
/// written: one client after the other, in the order of the keys.
fn on_sqlite(line: &str, has_values: bool) -> String {
    let values = if has_values { "CROSS JOIN client_values v ON v.client_key = c.key" } else { "" };
    format!(
        "SELECT {line} AS lines FROM json_each($1) AS asked CROSS JOIN clients c ON c.key = asked.value {values} \
         WHERE c.practice_id = $2"
    )
}
