//! The table of what was found in the lines of imports.

use std::collections::HashSet;

use diesel::prelude::*;

use super::model::{Finding, Import, ImportId, Weight};
use crate::kernel::JsonText;
use crate::kernel::db::{Conn, Tx};
use crate::kernel::error::{Error, Result};
use crate::kernel::page::{self, Page};
use crate::on_each;
use crate::schema::import_findings;

#[derive(Insertable)]
#[diesel(table_name = import_findings, treat_none_as_default_value = false)]
struct NewFinding<'a> {
    import_id: ImportId,
    weight: &'a str,
    line: i64,
    column_name: &'a str,
    code: &'a str,
    reason: &'a str,
    params: JsonText,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = import_findings)]
struct FindingRow {
    key: i64,
    weight: String,
    line: i64,
    column_name: String,
    code: String,
    reason: String,
    params: JsonText,
}

const BATCH: usize = 1_000;

/// Keeps findings, in their order.
///
/// # Errors
/// When the database refuses.
pub fn insert(tx: &mut Tx<'_>, id: ImportId, findings: &[Finding]) -> Result<()> {
    for batch in findings.chunks(BATCH) {
        let rows: Vec<NewFinding<'_>> = batch.iter().map(|finding| new_finding(id, finding)).collect();
        on_each!(&mut **tx, c => diesel::insert_into(import_findings::table).values(rows).execute(c))?;
    }
    Ok(())
}

fn new_finding(import_id: ImportId, finding: &Finding) -> NewFinding<'_> {
    NewFinding {
        import_id,
        weight: finding.weight.as_str(),
        line: finding.line,
        column_name: &finding.column,
        code: &finding.code,
        reason: &finding.reason,
        params: JsonText::of(&finding.params),
    }
}

/// A page of what was found, in the order of the lines.
///
/// # Errors
/// [`Error::Invalid`] on `/cursor`.
pub fn list(
    conn: &mut Conn,
    import: &Import,
    weight: Option<Weight>,
    (cursor, limit): (Option<&str>, u32),
) -> Result<Page<Finding>> {
    let from: i64 = cursor.map(page::decode).transpose()?.unwrap_or(0);
    let mut rows = import_findings::table
        .filter(import_findings::import_id.eq(import.id).and(import_findings::key.gt(from)))
        .order(import_findings::key)
        .limit(i64::from(limit) + 1)
        .select(FindingRow::as_select())
        .into_boxed();
    if let Some(weight) = weight {
        rows = rows.filter(import_findings::weight.eq(weight.as_str()));
    }
    let rows: Vec<FindingRow> = rows.load(conn)?;
    let read = rows.into_iter().map(|row| Ok((row.key, finding_of(row)?))).collect::<Result<Vec<_>>>()?;
    Ok(Page::of(read, limit, |(key, _)| *key).map(|(_, finding)| finding))
}

fn finding_of(row: FindingRow) -> Result<Finding> {
    Ok(Finding {
        weight: Weight::named(&row.weight).ok_or_else(|| Error::internal("a finding has an unknown weight"))?,
        line: row.line,
        column: row.column_name,
        code: row.code,
        reason: row.reason,
        params: row.params.read()?,
    })
}

/// The lines that were refused so far.
///
/// # Errors
/// When the database refuses.
pub fn rejected_lines(conn: &mut Conn, import: &Import) -> Result<HashSet<i64>> {
    let rejected = import_findings::table
        .filter(import_findings::import_id.eq(import.id).and(import_findings::weight.eq(Weight::Rejected.as_str())));
    Ok(rejected.select(import_findings::line).load::<i64>(conn)?.into_iter().collect())
}

/// Forgets everything that was found, for a dry run that begins again.
///
/// # Errors
/// When the database refuses.
pub fn delete_all(tx: &mut Tx<'_>, id: ImportId) -> Result<()> {
    diesel::delete(import_findings::table.filter(import_findings::import_id.eq(id))).execute(&mut **tx)?;
    Ok(())
}
