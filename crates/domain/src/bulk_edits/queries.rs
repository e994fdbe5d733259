//! Reading bulk edits and what their clients have.

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text};
use serde_json::Value;

use super::assignments::Planned;
use super::model::{BulkEdit, BulkEditId, Chunk, Status};
use crate::clients::{FIRST_CUSTOM_FIELD, LOGGED_EXEMPTION};
use crate::identity::Practice;
use crate::kernel::clock::Instant;
use crate::kernel::db::{Conn, Db, documents};
use crate::kernel::error::{Error, Result};
use crate::kernel::operations::OperationId;
use crate::kernel::page::{self, Page};
use crate::kernel::{JsonText, Uid, UidType};
use crate::schema::{audit_entries, bulk_edit_chunks as chunks, bulk_edits, clients};

#[derive(Queryable, Selectable)]
#[diesel(table_name = bulk_edits)]
struct Row {
    key: i64,
    id: BulkEditId,
    practice_id: Uid,
    status: String,
    selection: JsonText,
    assignments: JsonText,
    plan: JsonText,
    selected: i64,
    to_change: i64,
    refused: i64,
    as_of: i64,
    overwrites: bool,
    application_id: Option<OperationId>,
    undo_id: Option<OperationId>,
    changed: i64,
    skipped: i64,
    restored: i64,
    kept: i64,
    actor_kind: String,
    actor_id: Option<String>,
    actor_name: String,
    created_at: Instant,
    applied_at: Option<Instant>,
    undone_at: Option<Instant>,
}

impl TryFrom<Row> for BulkEdit {
    type Error = Error;
    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            key: row.key,
            id: row.id,
            practice: row.practice_id,
            status: Status::parse(&row.status)?,
            selection: row.selection,
            assignments: row.assignments,
            plan: row.plan,
            selected: row.selected,
            to_change: row.to_change,
            refused: row.refused,
            as_of: row.as_of,
            overwrites: row.overwrites,
            application: row.application_id,
            undo: row.undo_id,
            changed: row.changed,
            skipped: row.skipped,
            restored: row.restored,
            kept: row.kept,
            actor: (row.actor_kind, row.actor_id, row.actor_name),
            created_at: row.created_at,
            applied_at: row.applied_at,
            undone_at: row.undone_at,
        })
    }
}

/// One bulk edit of the practice.
///
/// # Errors
/// [`Error::NotFound`] when the practice has no such edit.
pub fn find(conn: &mut Conn, practice: &Practice, id: BulkEditId) -> Result<BulkEdit> {
    let own = bulk_edits::table.filter(bulk_edits::practice_id.eq(practice.id).and(bulk_edits::id.eq(id)));
    let row: Option<Row> = own.select(Row::as_select()).first(conn).optional()?;
    row.ok_or(Error::NotFound("bulk edit"))?.try_into()
}

/// The edit that a job is about, when it still is in this status.
pub(super) fn at(conn: &mut Conn, id: BulkEditId, status: Status) -> Result<Option<BulkEdit>> {
    let own = bulk_edits::table.filter(bulk_edits::id.eq(id)).filter(bulk_edits::status.eq(status.as_str()));
    let row: Option<Row> = own.select(Row::as_select()).first(conn).optional()?;
    row.map(TryInto::try_into).transpose()
}

/// A practice's bulk edits, the newest first.
///
/// # Errors
/// [`Error::Invalid`] on `/cursor`.
pub fn list(conn: &mut Conn, practice: &Practice, (cursor, limit): (Option<&str>, u32)) -> Result<Page<BulkEdit>> {
    let from: i64 = cursor.map(page::decode).transpose()?.unwrap_or(i64::MAX);
    let rows: Vec<Row> = bulk_edits::table
        .filter(bulk_edits::practice_id.eq(practice.id).and(bulk_edits::key.lt(from)))
        .order(bulk_edits::key.desc())
        .limit(i64::from(limit) + 1)
        .select(Row::as_select())
        .load(conn)?;
    let edits = rows.into_iter().map(BulkEdit::try_from).collect::<Result<Vec<_>>>()?;
    Ok(Page::of(edits, limit, |last| last.key))
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = chunks)]
struct ChunkRow {
    number: i64,
    clients: JsonText,
    refused: JsonText,
    entry_key: Option<i64>,
    skipped: Option<JsonText>,
    kept: Option<JsonText>,
}

impl TryFrom<ChunkRow> for Chunk {
    type Error = Error;
    fn try_from(row: ChunkRow) -> Result<Self> {
        let left = |left: Option<JsonText>| left.map(|left| left.read()).transpose();
        Ok(Self {
            number: row.number,
            clients: row.clients.read()?,
            refused: row.refused.read()?,
            entry: row.entry_key,
            skipped: left(row.skipped)?.unwrap_or_default(),
            kept: left(row.kept)?.unwrap_or_default(),
        })
    }
}

/// The chunk of an edit with this number.
pub(super) fn chunk(conn: &mut Conn, edit: &BulkEdit, number: i64) -> Result<Option<Chunk>> {
    let row: Option<ChunkRow> =
        chunks::table.find((edit.key, number)).select(ChunkRow::as_select()).first(conn).optional()?;
    row.map(TryInto::try_into).transpose()
}

/// The first chunk that has not been applied.
pub(super) fn next_to_apply(conn: &mut Conn, edit: &BulkEdit) -> Result<Option<Chunk>> {
    let open = chunks::table.filter(chunks::edit_key.eq(edit.key).and(chunks::skipped.is_null()));
    let row: Option<ChunkRow> = open.order(chunks::number).select(ChunkRow::as_select()).first(conn).optional()?;
    row.map(TryInto::try_into).transpose()
}

/// The first chunk that was applied and has not been undone.
pub(super) fn next_to_undo(conn: &mut Conn, edit: &BulkEdit) -> Result<Option<Chunk>> {
    let open = chunks::table.filter(chunks::edit_key.eq(edit.key).and(chunks::kept.is_null()));
    let row: Option<ChunkRow> = open.order(chunks::number).select(ChunkRow::as_select()).first(conn).optional()?;
    row.map(TryInto::try_into).transpose()
}

/// The practice's newest entry in the trail that changed clients; 0 before the first.
pub(super) fn newest_entry(conn: &mut Conn, practice: &Practice) -> Result<i64> {
    let own = audit_entries::table.filter(audit_entries::practice_id.eq(practice.id));
    let newest = own.filter(audit_entries::version.is_not_null()).order(audit_entries::version.desc());
    Ok(newest.select(audit_entries::key).first(conn).optional()?.unwrap_or(0))
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = BigInt)]
    key: i64,
    #[diesel(sql_type = Nullable<Text>)]
    value: Option<String>,
}

/// Runs a statement over some clients of a practice, which come in the order of their keys: `$1` is the practice, `$2` the
/// text, `{among}` the clients; `{value}` is how the database spells what is stored in a custom `field`.
fn over(
    conn: &mut Conn,
    (practice, keys): (&Practice, &[i64]),
    (sql, text, field): (&str, Option<&str>, Option<i64>),
) -> Result<Vec<Found>> {
    /// Clients that fill this share of a range are read as the range, which costs less than to look each up.
    const DENSE: usize = 4;
    const MEMBER: [&str; 2] = [
        "'mem_' || replace(c.responsible_id::text, '-', '')",
        "CASE WHEN c.responsible_id IS NOT NULL THEN 'mem_' || lower(hex(c.responsible_id)) END",
    ];
    let (Some(first), Some(last)) = (keys.first(), keys.last()) else { return Ok(Vec::new()) };
    let value = field.map(|field| documents::member(conn, "v.vals", &format!("f{field}"))).unwrap_or_default();
    let is_dense = usize::try_from(last - first).is_ok_and(|span| span / DENSE < keys.len());
    let range = format!("BETWEEN {first} AND {last}");
    let spelled = |member: &str, list: &str, differ: &str, json: &str| {
        let sql = sql.replace("{member}", member).replace("{among}", if is_dense { &range } else { list });
        sql.replace("{differ}", differ).replace("{json}", json).replace("{value}", &value)
    };
    let mut found: Vec<Found> = match conn {
        Conn::Postgres(c) => {
            let sql = spelled(MEMBER[0], "= ANY($3)", "IS DISTINCT FROM", "CAST($2 AS jsonb)");
            let query = diesel::sql_query(sql).bind::<UidType, _>(practice.id).bind::<Nullable<Text>, _>(text);
            if is_dense { query.load(c)? } else { query.bind::<Array<BigInt>, _>(keys).load(c)? }
        }
        Conn::Sqlite(c) => {
            let sql = spelled(MEMBER[1], "IN (SELECT value FROM json_each($3))", "IS NOT", "$2");
            // SQLite numbers `$1` by where it stands first, and `?1` as it says.
            let sql = (1..=3).fold(sql, |sql, n| sql.replace(&format!("${n}"), &format!("?{n}")));
            let query = diesel::sql_query(sql).bind::<UidType, _>(practice.id).bind::<Nullable<Text>, _>(text);
            if is_dense { query.load(c)? } else { query.bind::<Text, _>(serde_json::to_string(keys)?).load(c)? }
        }
    };
    if is_dense {
        found.retain(|found| keys.binary_search(&found.key).is_ok());
    }
    Ok(found)
}

fn keys_of(found: Vec<Found>) -> Vec<i64> {
    found.into_iter().map(|found| found.key).collect()
}

/// Which of these clients, which come in the order of their keys, are archived.
pub(super) fn archived(conn: &mut Conn, (practice, keys): (&Practice, &[i64])) -> Result<Vec<i64>> {
    let (Some(first), Some(last)) = (keys.first(), keys.last()) else { return Ok(Vec::new()) };
    // Few are, so they are asked for and not the thousands.
    let mut archived: Vec<i64> = clients::table
        .filter(clients::practice_id.eq(practice.id).and(clients::archived_at.is_not_null()))
        .filter(clients::key.between(first, last))
        .order(clients::key)
        .select(clients::key)
        .load(conn)?;
    archived.retain(|key| keys.binary_search(key).is_ok());
    Ok(archived)
}

/// Whether nobody but the edit has changed clients since its preview.
pub(super) fn is_alone_since(conn: &mut Conn, practice: &Practice, edit: &BulkEdit) -> Result<bool> {
    let preview = audit_entries::table.find(edit.as_of).select(audit_entries::version);
    let preview: Option<i64> = preview.first::<Option<i64>>(conn).optional()?.flatten();
    let application = edit.application.map(|operation| operation.0);
    let since = audit_entries::table
        .filter(audit_entries::practice_id.eq(practice.id))
        .filter(audit_entries::version.is_not_null().and(audit_entries::version.gt(preview.unwrap_or(0))))
        .filter(audit_entries::operation_id.is_null().or(audit_entries::operation_id.ne(application)));
    Ok(since.select(audit_entries::key).first::<i64>(conn).optional()?.is_none())
}

/// Which of these clients have had one of these fields changed behind an entry of the trail: for a custom field the entry that
/// set its value says so, for the others the log.
pub(super) fn touched_since(
    conn: &mut Conn,
    whom: (&Practice, &[i64]),
    fields: &[i64],
    entry: i64,
) -> Result<Vec<i64>> {
    let (custom, fixed): (Vec<i64>, Vec<i64>) = fields.iter().partition(|field| **field >= FIRST_CUSTOM_FIELD);
    let mut touched = Vec::new();
    if !custom.is_empty() {
        let later = |field: &i64| format!("CAST(v.prov ->> 'f{field}' AS BIGINT) > {entry}");
        let sql = format!(
            "SELECT v.client_key AS key, CAST(NULL AS TEXT) AS value FROM client_values AS v \
             WHERE v.practice_id = $1 AND v.client_key {{among}} AND $2 IS NULL AND ({})",
            custom.iter().map(later).collect::<Vec<_>>().join(" OR ")
        );
        touched.extend(over(conn, whom, (&sql, None, None)).map(keys_of)?);
    }
    if !fixed.is_empty() {
        let fixed = fixed.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
        let sql = format!(
            "SELECT c.key AS key, CAST(NULL AS TEXT) AS value FROM clients AS c \
             WHERE c.practice_id = $1 AND c.key {{among}} AND $2 IS NULL AND EXISTS (SELECT 1 FROM changes AS l \
             WHERE l.client_key = c.key AND NOT l.at_once AND l.entry_key > {entry} AND l.field IN ({fixed}))"
        );
        touched.extend(over(conn, whom, (&sql, None, None)).map(keys_of)?);
    }
    Ok(touched)
}

/// What these clients have in a custom field, as it is stored.
pub(super) fn stored(conn: &mut Conn, whom: (&Practice, &[i64]), field: i64) -> Result<Vec<(i64, Option<Value>)>> {
    const SQL: &str = "SELECT v.client_key AS key, CAST({value} AS TEXT) AS value FROM client_values AS v \
                       WHERE v.practice_id = $1 AND v.client_key {among} AND $2 IS NULL ORDER BY v.client_key";
    let read = |found: Found| Ok((found.key, found.value.map(|json| serde_json::from_str(&json)).transpose()?));
    over(conn, whom, (SQL, None, Some(field)))?.into_iter().map(read).collect()
}

/// Which of these clients have something else than they are to have.
pub(super) fn differing(conn: &mut Conn, whom: (&Practice, &[i64]), planned: &Planned) -> Result<Vec<i64>> {
    let on_card = |present: &str, other: &str| {
        format!(
            "SELECT c.key AS key, CAST(NULL AS TEXT) AS value FROM clients AS c \
             WHERE c.practice_id = $1 AND c.key {{among}} AND {present} {other}"
        )
    };
    let (sql, text) = match planned {
        Planned::Value { field, value, .. } => {
            const SQL: &str = "SELECT v.client_key AS key, CAST(NULL AS TEXT) AS value FROM client_values AS v \
                               WHERE v.practice_id = $1 AND v.client_key {among} AND {value} {differ} {json}";
            let json = value.as_ref().map(Value::to_string);
            return over(conn, whom, (SQL, json.as_deref(), Some(*field))).map(keys_of);
        }
        Planned::Options { field, add, remove, .. } => {
            let differs = |(_, had): &(i64, Option<Value>)| with_options(had.as_ref(), (add, remove)) != *had;
            let found = stored(conn, whom, *field)?;
            return Ok(found.into_iter().filter(differs).map(|(key, _)| key).collect());
        }
        Planned::Portfolio { text } => (on_card("c.portfolio", "{differ} $2"), text.clone()),
        Planned::Exemption { text } => (on_card(&format!("({LOGGED_EXEMPTION})"), "{differ} $2"), text.clone()),
        Planned::Language { code } => (on_card("c.language", "{differ} $2"), Some(code.clone())),
        Planned::Responsible { member, name } => {
            (on_card("coalesce({member}, c.responsible_name)", "{differ} $2"), member.clone().or_else(|| name.clone()))
        }
        Planned::Archived { yes: true } => (on_card("c.archived_at", "IS NULL AND $2 IS NULL"), None),
        Planned::Archived { yes: false } => (on_card("c.archived_at", "IS NOT NULL AND $2 IS NULL"), None),
    };
    over(conn, whom, (&sql, text.as_deref(), None)).map(keys_of)
}

/// The options that a client has in the end, as they are stored; `None` for none.
pub(super) fn with_options(had: Option<&Value>, (add, remove): (&[i64], &[i64])) -> Option<Value> {
    let had: Vec<i64> = had.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_i64).collect();
    let new = add.iter().filter(|key| !had.contains(key));
    let left: Vec<i64> = had.iter().chain(new).copied().filter(|key| !remove.contains(key)).collect();
    (!left.is_empty()).then(|| left.into())
}

/// For how long a preview can be applied: a day, in seconds.
pub(super) const PREVIEW_HOLDS: i64 = 86_400;
/// For how long an edit can be undone and looked at: 90 days, in seconds.
const KEPT: i64 = 90 * 86_400;

/// Removes previews that are older than a day and edits that are older than 90 days; the trail keeps what they did. Returns
/// how many. Blocking.
///
/// # Errors
/// When the database is away.
pub fn prune(db: &Db) -> Result<usize> {
    let now = db.clock().now();
    let mut gone = 0;
    for (status, seconds) in [(Status::Previewed, PREVIEW_HOLDS), (Status::Applied, KEPT), (Status::Undone, KEPT)] {
        let is_old = || {
            let is_older = bulk_edits::created_at.lt(now.plus_seconds(-seconds));
            bulk_edits::status.eq(status.as_str()).and(is_older)
        };
        let old = bulk_edits::table.filter(is_old()).limit(1_000).select(bulk_edits::key);
        let keys: Vec<i64> = db.read(|conn| Ok(old.load(conn)?))?;
        for key in keys {
            // Somebody may have begun to apply or undo it meanwhile.
            let still = bulk_edits::table.find(key).filter(is_old());
            gone += db.write(|tx| Ok(diesel::delete(still).execute(&mut **tx)?))?;
        }
    }
    Ok(gone)
}
