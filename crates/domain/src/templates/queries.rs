//! Reading categories, templates and what templates said once.

use std::collections::HashMap;

use diesel::prelude::*;

use super::attachments::{self, Attachment};
use super::delivered::{self, DELIVERED, Delivered};
use super::given::Given;
use super::model::{Category, Content, Template, TemplateCategoryId, TemplateId, Version};
use crate::custom_fields::Labels;
use crate::identity::Practice;
use crate::kernel::JsonText;
use crate::kernel::clock::Instant;
use crate::kernel::db::Conn;
use crate::kernel::error::{Error, Result};
use crate::kernel::page::{self, Page};
use crate::schema::{template_categories, template_versions, templates};

#[derive(Queryable, Selectable)]
#[diesel(table_name = template_categories)]
struct CategoryRow {
    id: TemplateCategoryId,
    code: String,
    names: JsonText,
    active: bool,
    revision: i64,
    updated_at: Instant,
}

/// The categories of the practice: the delivered one, then the others in the order in which they were made.
///
/// # Errors
/// When the database refuses.
pub fn categories(conn: &mut Conn, practice: &Practice) -> Result<Vec<Category>> {
    let rows: Vec<CategoryRow> = template_categories::table
        .filter(template_categories::practice_id.eq(practice.id))
        .order(template_categories::created_at)
        .select(CategoryRow::as_select())
        .load(conn)?;
    let read = |row: CategoryRow| {
        Ok(Category {
            id: row.id,
            is_delivered: row.code == delivered::CATEGORY,
            code: row.code,
            names: row.names.read::<Labels>()?,
            active: row.active,
            revision: row.revision,
            updated_at: Some(row.updated_at),
        })
    };
    let mut found = rows.into_iter().map(read).collect::<Result<Vec<_>>>()?;
    if !found.iter().any(|category| category.is_delivered) {
        found.push(delivered::category(practice));
    }
    // Stable, so the order of making stays.
    found.sort_by_key(|category| !category.is_delivered);
    Ok(found)
}

/// One category.
///
/// # Errors
/// [`Error::NotFound`].
pub fn category(conn: &mut Conn, practice: &Practice, id: TemplateCategoryId) -> Result<Category> {
    let found = categories(conn, practice)?.into_iter().find(|category| category.id == id);
    found.ok_or(Error::NotFound("template category"))
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = templates)]
struct Row {
    id: TemplateId,
    category_id: TemplateCategoryId,
    delivered_key: Option<String>,
    name: String,
    active: bool,
    content: JsonText,
    version: i64,
    adapted: bool,
    revision: i64,
    updated_at: Instant,
}

fn template_of(row: Row, attachments: Vec<Attachment>, given: Given<'_>) -> Result<Template> {
    let delivered = row.delivered_key.as_deref().and_then(Delivered::named);
    // One that is only renamed or switched off stays the product's, and follows it.
    let untouched = delivered.filter(|_| !row.adapted);
    Ok(Template {
        id: row.id,
        category: row.category_id,
        name: row.name,
        active: row.active,
        content: match untouched {
            Some(one) => one.content(given)?,
            None => row.content.read::<Content>()?,
        },
        attachments,
        version: row.version,
        delivered,
        adapted: row.adapted,
        revision: row.revision,
        updated_at: Some(row.updated_at),
        is_stored: true,
    })
}

/// The templates of the practice: the delivered ones in their order, then the others in the order in which they were made.
///
/// # Errors
/// When the database refuses or a delivered text cannot be read.
pub fn templates(conn: &mut Conn, given: Given<'_>) -> Result<Vec<Template>> {
    let rows: Vec<Row> = templates::table
        .filter(templates::practice_id.eq(given.practice.id).and(templates::deleted_at.is_null()))
        .order(templates::created_at)
        .select(Row::as_select())
        .load(conn)?;
    let mut attached: HashMap<TemplateId, Vec<Attachment>> = HashMap::new();
    for (id, attachment) in attachments::present(conn, given, None)? {
        attached.entry(id).or_default().push(attachment);
    }
    let stored = rows.into_iter().map(|row| {
        let attachments = attached.remove(&row.id).unwrap_or_default();
        template_of(row, attachments, given)
    });
    let stored = stored.collect::<Result<Vec<_>>>()?;
    let (touched, own): (Vec<_>, Vec<_>) = stored.into_iter().partition(|template| template.delivered.is_some());
    let mut all = Vec::new();
    for one in DELIVERED {
        let stored = touched.iter().find(|template| template.delivered.is_some_and(|d| d.key == one.key));
        all.push(stored.map_or_else(|| one.template(given), |stored| Ok(stored.clone()))?);
    }
    all.extend(own);
    Ok(all)
}

/// One template.
///
/// # Errors
/// [`Error::NotFound`].
pub fn template(conn: &mut Conn, given: Given<'_>, id: TemplateId) -> Result<Template> {
    let row: Option<Row> = templates::table
        .filter(templates::practice_id.eq(given.practice.id).and(templates::id.eq(id)))
        .filter(templates::deleted_at.is_null())
        .select(Row::as_select())
        .first(conn)
        .optional()?;
    if let Some(row) = row {
        let attached = attachments::present(conn, given, Some(id))?;
        return template_of(row, attached.into_iter().map(|(_, attachment)| attachment).collect(), given);
    }
    let delivered = DELIVERED.iter().find(|one| one.id(given.practice) == id);
    delivered.ok_or(Error::NotFound("template"))?.template(given)
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = template_versions)]
struct VersionRow {
    number: i64,
    content: JsonText,
    actor_kind: String,
    actor_id: Option<String>,
    actor_name: String,
    created_at: Instant,
}

fn version_of(row: VersionRow, attached: &[(i64, Attachment)]) -> Result<Version> {
    let actor = (row.actor_kind, row.actor_id, row.actor_name);
    let content = row.content.read()?;
    let own = attached.iter().filter(|(number, _)| *number == row.number);
    let attachments = own.map(|(_, attachment)| attachment.clone()).collect();
    Ok(Version { number: row.number, content, attachments, actor: Some(actor), created_at: Some(row.created_at) })
}

/// What a template said, the newest first. The delivered text is version 1 of a delivered one.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Invalid`] on `/cursor`.
pub fn versions(
    conn: &mut Conn,
    given: Given<'_>,
    id: TemplateId,
    (cursor, limit): (Option<&str>, u32),
) -> Result<Page<Version>> {
    let template = template(conn, given, id)?;
    let from: i64 = cursor.map(page::decode).transpose()?.unwrap_or(i64::MAX);
    let rows: Vec<VersionRow> = template_versions::table
        .filter(template_versions::practice_id.eq(given.practice.id).and(template_versions::template_id.eq(id)))
        .filter(template_versions::number.lt(from))
        .order(template_versions::number.desc())
        .limit(i64::from(limit) + 1)
        .select(VersionRow::as_select())
        .load(conn)?;
    let numbers: Vec<i64> = rows.iter().map(|row| row.number).collect();
    let attached = attachments::at_versions(conn, given, (id, &numbers))?;
    let mut found = rows.into_iter().map(|row| version_of(row, &attached)).collect::<Result<Vec<_>>>()?;
    let untouched = (template.delivered.is_some() && template.version == 1 && from > 1).then_some(Version {
        number: 1,
        content: template.content,
        attachments: Vec::new(),
        actor: None,
        created_at: None,
    });
    found.extend(untouched);
    Ok(Page::of(found, limit, |last| last.number))
}

/// What a template said at a version.
///
/// # Errors
/// [`Error::NotFound`].
pub fn version(conn: &mut Conn, given: Given<'_>, (id, number): (TemplateId, i64)) -> Result<Version> {
    let row: Option<VersionRow> = template_versions::table
        .filter(template_versions::practice_id.eq(given.practice.id).and(template_versions::template_id.eq(id)))
        .filter(template_versions::number.eq(number))
        .select(VersionRow::as_select())
        .first(conn)
        .optional()?;
    match row {
        Some(row) => version_of(row, &attachments::at_versions(conn, given, (id, &[number]))?),
        None => {
            let template = template(conn, given, id)?;
            let is_untouched = template.delivered.is_some() && (template.version, number) == (1, 1);
            let (content, attachments) = (template.content, Vec::new());
            let version = Version { number, content, attachments, actor: None, created_at: None };
            is_untouched.then_some(version).ok_or(Error::NotFound("template version"))
        }
    }
}
