//! The cells of a table: of the clients of a page only what its columns show is read, in one statement.

use std::sync::Arc;

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text};
use serde_json::value::RawValue;

use super::criteria::Concern;
use super::queries::{self, POSTGRES_RESPONSIBLE, RESPONSIBLE, SQLITE_RESPONSIBLE};
use super::subjects::{ColumnId, Kind, Source, Subject};
use super::tables::TableColumn;
use crate::clients::ClientId;
use crate::custom_fields::{self, Catalogue, FieldKind, FieldValue, StoredValues};
use crate::identity::{MemberId, Practice};
use crate::kernel::UidType;
use crate::kernel::clock::Instant;
use crate::kernel::db::Conn;
use crate::kernel::error::{Error, Result};

/// A client as a row of a table.
#[derive(Debug)]
pub struct TableRow {
    /// The key inside.
    pub key: i64,
    /// The identifier on the wire.
    pub id: ClientId,
    /// For `If-Match`.
    pub revision: i64,
    /// Its cells cannot be changed.
    pub is_archived: bool,
    /// What it has in each column that was asked for, as JSON; `None` for nothing, and for what stands elsewhere.
    cells: Box<[Option<Box<RawValue>>]>,
}

/// What a row has in a column.
#[derive(Debug)]
pub enum Cell<'a> {
    /// Nothing.
    Empty,
    /// A value as JSON writes it.
    Written(&'a RawValue),
    /// Yes or no.
    Flag(bool),
    /// A moment.
    Moment(Instant),
    /// Several texts.
    Texts(Vec<String>),
    /// Whoever looks after the client.
    Responsible(Option<MemberId>, String),
    /// A custom value that is not shown as it is stored.
    Custom(FieldValue<'a>),
    /// What the client's contacts or relations have: it stands with them.
    Elsewhere,
}

/// Where the value of a column stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Standing {
    /// On the card, and how the database spells it.
    Fixed(&'static str),
    /// Among the custom ones, by the field's key.
    Custom(i64),
    /// With the client's contacts or relations.
    Elsewhere,
}

impl Standing {
    fn of(column: ColumnId) -> Self {
        match (column, column.fixed().map(|fixed| fixed.source)) {
            (_, Some(Source::Text(text) | Source::Number(text) | Source::Revised(text))) => Self::Fixed(text),
            (ColumnId::Custom(key, _), _) => Self::Custom(key),
            (_, Some(Source::Contacts(_) | Source::Relations(_)) | None) => Self::Elsewhere,
        }
    }
}

/// What is read of each client: the columns in their order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Asked(Vec<Standing>);

impl Asked {
    /// What the columns that are called `names` show.
    pub fn of(names: &[String], catalogue: &Catalogue) -> Self {
        let subjects = names.iter().filter_map(|name| Subject::named(name, catalogue));
        Self(subjects.map(|subject| Standing::of(subject.column)).collect())
    }

    /// The expressions of what is on the card, with commas between them.
    fn fixed(&self) -> String {
        let fixed = self.0.iter().filter_map(|standing| match standing {
            Standing::Fixed(text) => Some(*text),
            Standing::Custom(_) | Standing::Elsewhere => None,
        });
        fixed.collect::<Vec<_>>().join(", ")
    }

    /// About how many bytes of memory it takes.
    pub fn size(&self) -> usize {
        size_of::<Self>() + size_of_val(&*self.0)
    }

    fn has_custom(&self) -> bool {
        self.0.iter().any(|standing| matches!(standing, Standing::Custom(_)))
    }

    /// The cells, from those on the card as a JSON array and all custom values as an object.
    fn cells(&self, fixed: &str, values: Option<&str>) -> Result<Box<[Option<Box<RawValue>>]>> {
        let mut fixed = serde_json::from_str::<Vec<Box<RawValue>>>(fixed)?.into_iter();
        let values = values.map(StoredValues::of).transpose()?.unwrap_or_default();
        let cells = self.0.iter().map(|standing| match standing {
            Standing::Fixed(_) => fixed.next(),
            Standing::Custom(key) => values.get(*key).map(ToOwned::to_owned),
            Standing::Elsewhere => None,
        });
        Ok(cells.map(|cell| cell.filter(|json| json.get() != "null")).collect())
    }
}

impl TableRow {
    /// What the row has in each of the columns that it was read for, on the day of the list; errors are of a database that
    /// gave something else than it was asked for.
    pub fn cells<'a>(
        &'a self,
        columns: &'a [TableColumn<'a>],
        concern: &'a Concern,
    ) -> impl Iterator<Item = Result<Cell<'a>>> {
        let cell = move |(column, json): (&'a TableColumn<'a>, &'a Option<Box<RawValue>>)| {
            match (column.subject.kind, json.as_deref()) {
                _ if Standing::of(column.subject.column) == Standing::Elsewhere => Ok(Cell::Elsewhere),
                // Without a last day there is nothing that lasts.
                (Kind::Lasting, None) => Ok(Cell::Flag(false)),
                (Kind::Lasting, Some(day)) => {
                    let day = day.get().trim_matches('"').parse();
                    Ok(Cell::Flag(day.is_ok_and(|day| concern.is_ahead(day))))
                }
                (_, None) => Ok(Cell::Empty),
                (_, Some(json)) => meant(json, column),
            }
        };
        columns.iter().zip(&self.cells).map(cell)
    }

    /// About how many bytes of memory it takes.
    pub fn size(&self) -> usize {
        let texts: usize = self.cells.iter().flatten().map(|json| json.get().len()).sum();
        size_of::<Self>() + size_of_val(&*self.cells) + texts
    }
}

fn meant<'a>(raw: &'a RawValue, column: &'a TableColumn<'a>) -> Result<Cell<'a>> {
    if let Some(field) = column.field {
        let is_shown_as_stored = matches!(
            field.kind,
            FieldKind::Text
                | FieldKind::LongText
                | FieldKind::Number
                | FieldKind::Date
                | FieldKind::Link
                | FieldKind::Document
                | FieldKind::AccessPoint
        );
        return Ok(match custom_fields::shown_stored(raw, field) {
            _ if is_shown_as_stored => Cell::Written(raw),
            Some(value) => Cell::Custom(value),
            None => Cell::Empty,
        });
    }
    Ok(match column.subject.kind {
        Kind::Flag => Cell::Flag(raw.get() != "0"),
        Kind::Instant => Cell::Moment(Instant(serde_json::from_str(raw.get())?)),
        Kind::Lines => Cell::Texts(serde_json::from_str(&serde_json::from_str::<String>(raw.get())?)?),
        Kind::Responsible => {
            let said: String = serde_json::from_str(raw.get())?;
            let (member, name) = said.split_once('|').unwrap_or(("", &said));
            Cell::Responsible(format!("{}_{member}", MemberId::PREFIX).parse().ok(), name.to_owned())
        }
        _ => Cell::Written(raw),
    })
}

/// Rows, and the practice's version and the one at which its fields last changed.
pub type RowsRead = (Vec<Arc<TableRow>>, (i64, i64));

/// The rows of the practice's clients with these keys, in any order, with what is asked; and, in the same breath, the practice's
/// version and the one at which its fields last changed.
///
/// # Errors
/// [`Error::NotFound`] when the practice is gone.
pub fn rows(conn: &mut Conn, practice: &Practice, keys: &[i64], asked: &Asked) -> Result<RowsRead> {
    if keys.is_empty() {
        return Ok((Vec::new(), queries::versions(conn, practice)?));
    }
    let (fixed, is_custom) = (asked.fixed(), asked.has_custom());
    let read: Vec<Read> = match conn {
        Conn::Postgres(c) => {
            let cells = format!("json_build_array({})::text", fixed.replace(RESPONSIBLE, POSTGRES_RESPONSIBLE));
            let values = if is_custom { "v.vals::text" } else { "NULL" };
            let query = diesel::sql_query(statement(&cells, values, ("$1", "= ANY($2)")));
            query.bind::<UidType, _>(practice.id).bind::<Array<BigInt>, _>(keys).load(c)?
        }
        Conn::Sqlite(c) => {
            let cells = format!("json_array({})", fixed.replace(RESPONSIBLE, SQLITE_RESPONSIBLE));
            let values = if is_custom { "v.vals" } else { "NULL" };
            let query = diesel::sql_query(statement(&cells, values, ("?1", "IN (SELECT value FROM json_each(?2))")));
            query.bind::<UidType, _>(practice.id).bind::<Text, _>(serde_json::to_string(keys)?).load(c)?
        }
    };
    let versions = read.first().map(|row| (row.version, row.fields_version));
    let row = |read: Read| {
        let Read { key, id, revision, is_archived, cells, vals, version: _, fields_version: _ } = read;
        let cells = asked.cells(&cells, vals.as_deref())?;
        Ok(Arc::new(TableRow { key, id, revision, is_archived, cells }))
    };
    Ok((read.into_iter().map(row).collect::<Result<_>>()?, versions.ok_or(Error::NotFound("client"))?))
}

#[derive(QueryableByName)]
struct Read {
    #[diesel(sql_type = BigInt)]
    version: i64,
    #[diesel(sql_type = BigInt)]
    fields_version: i64,
    #[diesel(sql_type = BigInt)]
    key: i64,
    #[diesel(sql_type = UidType)]
    id: ClientId,
    #[diesel(sql_type = BigInt)]
    revision: i64,
    #[diesel(sql_type = Bool)]
    is_archived: bool,
    #[diesel(sql_type = Text)]
    cells: String,
    #[diesel(sql_type = Nullable<Text>)]
    vals: Option<String>,
}

/// The statement with what makes an array of the fixed cells, the custom values as text, and how the database spells the
/// practice and the keys. It is never kept prepared: there are as many as there are ways to choose columns, and rows that
/// were shown before are in memory.
fn statement(cells: &str, values: &str, (practice, among): (&str, &str)) -> String {
    format!(
        "SELECT p.version, p.fields_version, c.key, c.id, v.revision, c.archived_at IS NOT NULL AS is_archived, \
         {cells} AS cells, {values} AS vals \
         FROM clients c JOIN client_values v ON v.client_key = c.key JOIN practices p ON p.id = c.practice_id \
         WHERE c.practice_id = {practice} AND c.key {among}"
    )
}

#[cfg(test)]
impl Asked {
    /// No columns.
    pub fn nothing() -> Self {
        Self(Vec::new())
    }
}

#[cfg(test)]
impl TableRow {
    /// A row with these cells, each as JSON.
    pub fn made_of(key: i64, id: ClientId, cells: &[&str]) -> Self {
        let cell = |json: &&str| serde_json::value::RawValue::from_string((*json).to_owned()).ok();
        Self { key, id, revision: 1, is_archived: false, cells: cells.iter().map(cell).collect() }
    }
}
