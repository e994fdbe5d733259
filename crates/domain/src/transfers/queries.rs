//! The tables of imports: the import itself and the pieces of its file. What was found stands in `findings`.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use super::encoding::{Content, Encoding};
use super::model::{Counts, Import, ImportId, Status, Wish};
use crate::identity::Practice;
use crate::kernel::actor::Actor;
use crate::kernel::clock::Instant;
use crate::kernel::db::{Conn, Tx};
use crate::kernel::error::{Error, Result};
use crate::kernel::operations::OperationId;
use crate::kernel::{JsonText, Uid};
use crate::schema::{import_chunks, imports};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = imports)]
struct ImportRow {
    id: ImportId,
    practice_id: Uid,
    operation_id: Option<OperationId>,
    status: String,
    dry_run: bool,
    mapping: JsonText,
    file_name: Option<String>,
    encoding: Option<String>,
    format: Option<String>,
    sheet: Option<String>,
    column_fields: JsonText,
    unknown_columns: JsonText,
    done_line: i64,
    row_count: i64,
    accepted: i64,
    created: i64,
    changed: i64,
    unchanged: i64,
    rejected: i64,
    actor_kind: String,
    actor_id: Option<String>,
    actor_name: String,
    created_at: Instant,
    finished_at: Option<Instant>,
}

impl TryFrom<ImportRow> for Import {
    type Error = Error;

    fn try_from(row: ImportRow) -> Result<Self> {
        let odd = |what: &str| Error::internal(format_args!("{} has an unknown {what}", row.id));
        Ok(Self {
            id: row.id,
            operation: row.operation_id,
            status: Status::named(&row.status).ok_or_else(|| odd("status"))?,
            wish: Wish {
                dry_run: row.dry_run,
                mapping: row.mapping.read()?,
                file_name: row.file_name.clone(),
                sheet: row.sheet.clone(),
            },
            content: content(&row).map_err(odd)?,
            columns: row.column_fields.read()?,
            unknown_columns: row.unknown_columns.read()?,
            done_line: row.done_line,
            counts: Counts {
                rows: row.row_count,
                accepted: row.accepted,
                created: row.created,
                changed: row.changed,
                unchanged: row.unchanged,
                rejected: row.rejected,
            },
            actor: Actor::stored(&row.actor_kind, row.actor_id.clone(), row.actor_name.clone()),
            created_at: row.created_at,
            finished_at: row.finished_at,
        })
    }
}

/// What the file is. Imports from before there were workbooks have an encoding only.
fn content(row: &ImportRow) -> std::result::Result<Option<Content>, &'static str> {
    match (row.format.as_deref(), row.encoding.as_deref()) {
        (Some("xlsx"), _) => Ok(Some(Content::Workbook)),
        (_, Some(name)) => Encoding::named(name).map(|encoding| Some(Content::Text(encoding))).ok_or("encoding"),
        (Some(_), None) => Err("format"),
        (None, None) => Ok(None),
    }
}

/// Writes down that a file is coming in.
///
/// # Errors
/// When the database refuses.
pub fn insert(tx: &mut Tx<'_>, practice: &Practice, actor: &Actor, wish: &Wish) -> Result<ImportId> {
    let (id, now) = (ImportId::new(), tx.now());
    let row = ImportRow {
        id,
        practice_id: practice.uid(),
        operation_id: None,
        status: Status::Uploading.as_str().to_owned(),
        dry_run: wish.dry_run,
        mapping: JsonText::of(&wish.mapping),
        file_name: wish.file_name.clone(),
        encoding: None,
        format: None,
        sheet: wish.sheet.clone(),
        column_fields: JsonText("{}".to_owned()),
        unknown_columns: JsonText("[]".to_owned()),
        done_line: 0,
        row_count: 0,
        accepted: 0,
        created: 0,
        changed: 0,
        unchanged: 0,
        rejected: 0,
        actor_kind: actor.kind.as_str().to_owned(),
        actor_id: actor.id.clone(),
        actor_name: actor.name.clone(),
        created_at: now,
        finished_at: None,
    };
    diesel::insert_into(imports::table).values(row).execute(&mut **tx)?;
    Ok(id)
}

/// An import of the practice, whose file may still be coming in.
///
/// # Errors
/// [`Error::NotFound`] when the practice has no such import.
pub fn find_any(conn: &mut Conn, practice: &Practice, id: ImportId) -> Result<Import> {
    let own = imports::table.filter(imports::practice_id.eq(practice.id).and(imports::id.eq(id)));
    let row: Option<ImportRow> = own.select(ImportRow::as_select()).first(conn).optional()?;
    row.ok_or(Error::NotFound("client import"))?.try_into()
}

/// An import of the practice whose file is there.
///
/// # Errors
/// [`Error::NotFound`] when the practice has no such import.
pub fn find(conn: &mut Conn, practice: &Practice, id: ImportId) -> Result<Import> {
    find_any(conn, practice, id).and_then(|import| match import.status {
        Status::Uploading => Err(Error::NotFound("client import")),
        _ => Ok(import),
    })
}

/// The import that an operation of the practice shows the progress of.
///
/// # Errors
/// [`Error::NotFound`] when there is none.
pub fn find_by_operation(conn: &mut Conn, practice: &Practice, operation: OperationId) -> Result<ImportId> {
    let own = imports::table.filter(imports::practice_id.eq(practice.id).and(imports::operation_id.eq(operation)));
    own.select(imports::id).first(conn).optional()?.ok_or(Error::NotFound("client import"))
}

/// Uploads that began before `before` and never ended.
///
/// # Errors
/// When the database refuses.
pub fn abandoned(conn: &mut Conn, practice: &Practice, before: Instant) -> Result<Vec<ImportId>> {
    // Spelled out, as the partial index wants it.
    let uploading = sql::<Bool>("imports.status = 'uploading'");
    let own = imports::table.filter(imports::practice_id.eq(practice.id).and(uploading));
    Ok(own.filter(imports::created_at.lt(before)).limit(10).select(imports::id).load(conn)?)
}

/// Moves an import on, unless another worker has moved it since: `from` is the status and the last line that the caller saw.
///
/// # Errors
/// [`Error::Stale`] when somebody else has moved it.
pub fn advance(tx: &mut Tx<'_>, import: &Import, status: Status) -> Result<()> {
    let present = imports::table
        .filter(imports::id.eq(import.id).and(imports::status.eq(import.status.as_str())))
        .filter(imports::done_line.eq(import.done_line));
    let now = matches!(status, Status::Finished | Status::Failed).then(|| tx.now());
    let moved = diesel::update(present)
        .set((imports::status.eq(status.as_str()), imports::finished_at.eq(now)))
        .execute(&mut **tx)?;
    if moved == 1 { Ok(()) } else { Err(Error::Stale) }
}

/// Writes down how far the import is; the caller has just [`advance`]d it in this transaction.
///
/// # Errors
/// When the database refuses.
pub fn checkpoint(tx: &mut Tx<'_>, id: ImportId, done_line: i64, counts: &Counts) -> Result<()> {
    diesel::update(imports::table.find(id))
        .set((
            imports::done_line.eq(done_line),
            imports::row_count.eq(counts.rows),
            imports::accepted.eq(counts.accepted),
            imports::created.eq(counts.created),
            imports::changed.eq(counts.changed),
            imports::unchanged.eq(counts.unchanged),
            imports::rejected.eq(counts.rejected),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

/// What is known of a file once it is there.
#[derive(Debug)]
pub struct Header {
    /// What it is.
    pub content: Content,
    /// Its columns.
    pub columns: super::columns::Columns,
}

/// Writes down what is known of the file, and which operation shows the progress.
///
/// # Errors
/// When the database refuses.
pub fn set_header(tx: &mut Tx<'_>, id: ImportId, operation: OperationId, header: &Header) -> Result<()> {
    diesel::update(imports::table.find(id))
        .set((
            imports::operation_id.eq(Some(operation)),
            imports::encoding.eq(header.content.encoding().map(Encoding::as_str)),
            imports::format.eq(Some(header.content.as_str())),
            imports::column_fields.eq(JsonText::of(&header.columns.mapping())),
            imports::unknown_columns.eq(JsonText::of(&header.columns.unknown)),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

/// Keeps a piece of a file.
///
/// # Errors
/// When the database refuses.
pub fn insert_chunk(tx: &mut Tx<'_>, id: ImportId, number: i32, bytes: &[u8]) -> Result<()> {
    diesel::insert_into(import_chunks::table)
        .values((import_chunks::import_id.eq(id), import_chunks::number.eq(number), import_chunks::bytes.eq(bytes)))
        .execute(&mut **tx)?;
    Ok(())
}

/// A piece of a file; `None` behind the last one.
///
/// # Errors
/// When the database refuses.
pub fn chunk(conn: &mut Conn, id: ImportId, number: i32) -> Result<Option<Vec<u8>>> {
    Ok(import_chunks::table.find((id, number)).select(import_chunks::bytes).first(conn).optional()?)
}

/// Removes up to `most` pieces of a file, the last ones first; `false` when none are left.
///
/// # Errors
/// When the database refuses.
pub fn delete_chunks(tx: &mut Tx<'_>, id: ImportId, most: i64) -> Result<bool> {
    let own = import_chunks::table.filter(import_chunks::import_id.eq(id));
    let numbers: Vec<i32> =
        own.order(import_chunks::number.desc()).limit(most).select(import_chunks::number).load(&mut **tx)?;
    let deleted = diesel::delete(own.filter(import_chunks::number.eq_any(&numbers))).execute(&mut **tx)?;
    Ok(deleted > 0)
}

/// Removes an import whose file never came in whole, once its pieces are gone.
///
/// # Errors
/// When the database refuses.
pub fn delete_upload(tx: &mut Tx<'_>, id: ImportId) -> Result<()> {
    let upload = imports::table.filter(imports::id.eq(id).and(imports::status.eq(Status::Uploading.as_str())));
    diesel::delete(upload).execute(&mut **tx)?;
    Ok(())
}
