//! A few columns of many clients, for whoever writes them out: each client is one text, so that a hundred thousand of them cost
//! a hundred thousand texts and not millions.

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text};

use super::exemption::LOGGED_EXEMPTION;
use super::fixed::FixedField;
use crate::identity::Practice;
use crate::kernel::UidType;
use crate::kernel::db::Conn;
use crate::kernel::error::Result;

/// What stands between two columns. No value has it: the rules of the card refuse it, and JSON spells it out.
pub const BETWEEN_COLUMNS: char = '\u{1f}';
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
    /// The custom values, as a JSON object.
    Values,
}

impl LineColumn {
    /// Its expression over `c`, the client, and `v`, its custom values; `id` spells a member's identifier.
    fn expression(self, id: &str) -> String {
        use FixedField as F;
        match self {
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
            Self::Responsible => format!("{id}, '{BETWEEN_HALVES}', c.responsible_name"),
            Self::AccessPoint => format!(
                "CASE WHEN c.registration IN ('registered', 'cannot_receive', 'unknown') \
                 THEN replace(coalesce(c.access_point_name, c.access_point_seat), '{BETWEEN_COLUMNS}', ' ') END"
            ),
            Self::Moment(name) => format!("c.{name}"),
            Self::UpdatedAt => "v.updated_at".to_owned(),
            Self::Values => "v.vals".to_owned(),
        }
    }
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = BigInt)]
    key: i64,
    #[diesel(sql_type = Text)]
    line: String,
}

/// The columns of the practice's clients with these keys, in the order of the keys, with [`BETWEEN_COLUMNS`] between them.
/// Keys that no client has are passed over.
///
/// # Errors
/// When the database refuses.
pub fn lines(conn: &mut Conn, practice: &Practice, keys: &[i64], columns: &[LineColumn]) -> Result<Vec<String>> {
    let spelled = |id: &str| {
        let expressions: Vec<String> = columns.iter().map(|column| column.expression(id)).collect();
        // The empty text is for those who ask for no column at all.
        format!("concat('', {})", expressions.join(&format!(", '{BETWEEN_COLUMNS}', ")))
    };
    let values = if columns.iter().any(|column| matches!(column, LineColumn::Values | LineColumn::UpdatedAt)) {
        "JOIN client_values v ON v.client_key = c.key"
    } else {
        ""
    };
    // In the order in which they lie: asked for in any other, each costs a page of the database.
    let mut sorted = keys.to_vec();
    sorted.sort_unstable();
    let rows: Vec<Line> = match conn {
        Conn::Postgres(c) => {
            let line = spelled("replace(c.responsible_id::text, '-', '')");
            diesel::sql_query(format!(
                "SELECT c.key AS key, {line} AS line FROM clients c {values} WHERE c.practice_id = $2 AND c.key = ANY($1)"
            ))
            .bind::<Array<BigInt>, _>(&sorted)
            .bind::<UidType, _>(practice.id)
            .load(c)?
        }
        Conn::Sqlite(c) => {
            let line = spelled("lower(hex(c.responsible_id))");
            // A cross join is done as it is written: one client after the other, in the order of the keys.
            diesel::sql_query(format!(
                "SELECT c.key AS key, {line} AS line FROM json_each($1) AS asked \
                 CROSS JOIN clients c ON c.key = asked.value {} WHERE c.practice_id = $2",
                values.replace("JOIN", "CROSS JOIN")
            ))
            .bind::<Text, _>(serde_json::to_string(&sorted)?)
            .bind::<UidType, _>(practice.id)
            .load(c)?
        }
    };
    let mut by_place: Vec<Option<String>> = vec![None; sorted.len()];
    for Line { key, line } in rows {
        if let Some(place) = sorted.binary_search(&key).ok().and_then(|at| by_place.get_mut(at)) {
            *place = Some(line);
        }
    }
    let placed = keys.iter().filter_map(|key| by_place.get_mut(sorted.binary_search(key).ok()?)?.take());
    Ok(placed.collect())
}
