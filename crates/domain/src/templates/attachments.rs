//! What a template has attached: which files, under which names, for which languages. That belongs to its version like its
//! texts, so it is kept, restored and frozen with them.

use data_encoding::HEXLOWER;
use diesel::prelude::*;

use super::files::{self, Arrived};
use super::given::Given;
use super::kinds::Kind;
use super::model::{Template, TemplateId};
use super::{actions, file_names, queries};
use crate::custom_fields;
use crate::identity::hold_practice;
use crate::kernel::actor::Actor;
use crate::kernel::catalogue::Language;
use crate::kernel::db::{Conn, Tx};
use crate::kernel::error::{Error, FieldError, Result};
use crate::kernel::patch::Patch;
use crate::kernel::text;
use crate::on_each;
use crate::schema::{template_attachments, templates};

crate::id_type!(
    /// Identifies an attachment of a template, through all versions that have it.
    AttachmentId,
    "tat"
);

/// The most files of a template, for all its languages: five for each.
pub const MOST_ATTACHMENTS: usize = 20;
/// The most octets that one mail carries: 5 MiB. Encoded that is a third more, and with its text a mail stays below the 10 MB
/// that many mailboxes take.
pub const MOST_CARRIED: i64 = 5 * 1024 * 1024;
/// The most octets of a template, for all its languages: 10 MiB, which a campaign in four languages holds in memory.
pub const MOST_OCTETS: i64 = 10 * 1024 * 1024;

/// A file that a template has attached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Its identifier.
    pub id: AttachmentId,
    /// What readers see, with an extension.
    pub name: String,
    /// The language of the mails that carry it; `None` for all.
    pub language: Option<Language>,
    /// What it goes out as.
    pub media_type: String,
    /// The SHA-256 of what is in it.
    pub digest: Vec<u8>,
    /// How large it is.
    pub octets: i64,
}

impl Attachment {
    /// The SHA-256 in hexadecimal digits.
    #[must_use]
    pub fn sha256(&self) -> String {
        HEXLOWER.encode(&self.digest)
    }

    /// Whether a mail in this language carries it.
    #[must_use]
    pub fn goes_with(&self, language: Language) -> bool {
        self.language.is_none_or(|own| own == language)
    }
}

/// How many octets a mail in a language carries.
#[must_use]
pub fn carried_octets(attachments: &[Attachment], language: Language) -> i64 {
    attachments.iter().filter(|one| one.goes_with(language)).map(|one| one.octets).sum()
}

/// What a PATCH says of an attachment.
#[derive(Debug, Clone, Default)]
pub struct AttachmentChange {
    /// Another name.
    pub name: Patch<String>,
    /// Another language; null for all.
    pub language: Patch<String>,
}

/// Attaches a file, in the language that was named or in all; that is a new version.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Stale`]; [`Error::Invalid`] on `/language`, or on `/filename` `file_name_taken`;
/// [`Error::Conflict`] `too_many_attachments`, `attachments_too_large`, `mail_attachments_too_large` or `attachments_full`.
pub fn attach(
    tx: &mut Tx<'_>,
    given: Given<'_>,
    actor: &Actor,
    (id, revision): (TemplateId, i64),
    (arrived, language): (&Arrived, Option<&str>),
) -> Result<AttachmentId> {
    let before = held(tx, given, (id, revision))?;
    let made = Attachment {
        id: AttachmentId::new(),
        name: arrived.name.clone(),
        language: language.map(|named| language_of(&before, named)).transpose()?,
        media_type: arrived.media_type.clone(),
        digest: arrived.digest.clone(),
        octets: arrived.octets,
    };
    let mut after = before.clone();
    let attached = made.id;
    after.attachments.push(made);
    fit(&after.attachments, "/filename")?;
    files::bring(tx, given.practice, arrived)?;
    actions::keep(tx, given, actor, (&before, after), "template.attachment_added")?;
    Ok(attached)
}

/// Names an attachment anew, or says which mails carry it; that is a new version.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Stale`]; [`Error::Invalid`] on `/name` or `/language`; [`Error::Conflict`] as [`attach`].
pub fn change_attachment(
    tx: &mut Tx<'_>,
    given: Given<'_>,
    actor: &Actor,
    (id, revision, attachment): (TemplateId, i64, AttachmentId),
    said: AttachmentChange,
) -> Result<()> {
    let before = held(tx, given, (id, revision))?;
    let mut after = before.clone();
    let found = after.attachments.iter_mut().find(|one| one.id == attachment);
    let found = found.ok_or(Error::NotFound("attachment"))?;
    if let Some(name) = custom_fields::set(said.name, "/name")? {
        let (name, kind) = file_names::checked(&name, "/name").map_err(|fault| Error::Invalid(vec![fault]))?;
        let own = Kind::of_media_type(&found.media_type).ok_or_else(|| Error::internal("a file of no kind"))?;
        if kind != own {
            return Err(Error::Invalid(vec![FieldError::new("/name", "wrong_file_content").with("kind", kind.word())]));
        }
        found.name = name;
    }
    match said.language {
        Patch::Absent => {}
        Patch::Null => found.language = None,
        Patch::Value(named) => found.language = Some(language_of(&before, &named)?),
    }
    fit(&after.attachments, "/name")?;
    actions::keep(tx, given, actor, (&before, after), "template.attachment_changed")
}

/// Takes an attachment off; that is a new version, and former ones keep it.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Stale`].
pub fn detach(
    tx: &mut Tx<'_>,
    given: Given<'_>,
    actor: &Actor,
    (id, revision, attachment): (TemplateId, i64, AttachmentId),
) -> Result<()> {
    let before = held(tx, given, (id, revision))?;
    let mut after = before.clone();
    after.attachments.retain(|one| one.id != attachment);
    if after.attachments.len() == before.attachments.len() {
        return Err(Error::NotFound("attachment"));
    }
    actions::keep(tx, given, actor, (&before, after), "template.attachment_removed")
}

/// The template as it was seen, held for a change.
fn held(tx: &mut Tx<'_>, given: Given<'_>, (id, revision): (TemplateId, i64)) -> Result<Template> {
    hold_practice(tx, given.practice)?;
    let found = queries::template(tx, given, id)?;
    if found.revision == revision { Ok(found) } else { Err(Error::Stale) }
}

/// The language that was named, in which the template must be written: otherwise no mail would carry the file.
fn language_of(template: &Template, named: &str) -> Result<Language> {
    let unknown = |_| {
        let words = Language::ALL.map(Language::as_str).join(", ");
        Error::Invalid(vec![FieldError::new("/language", "unknown_value").with("values", words)])
    };
    let language: Language = named.parse().map_err(unknown)?;
    if template.content.0.contains_key(&language) {
        return Ok(language);
    }
    Err(Error::Invalid(vec![FieldError::new("/language", "language_missing").with("language", language)]))
}

/// Looks whether a template may have all these; `pointer` is where a name was given.
fn fit(attachments: &[Attachment], pointer: &str) -> Result<()> {
    let mebibytes = |octets: i64| vec![("max", (octets / 1024 / 1024).to_string())];
    if attachments.len() > MOST_ATTACHMENTS {
        return Err(Error::conflict_with("too_many_attachments", vec![("max", MOST_ATTACHMENTS.to_string())]));
    }
    if Language::ALL.iter().any(|language| carried_octets(attachments, *language) > MOST_CARRIED) {
        return Err(Error::conflict_with("mail_attachments_too_large", mebibytes(MOST_CARRIED)));
    }
    if attachments.iter().map(|one| one.octets).sum::<i64>() > MOST_OCTETS {
        return Err(Error::conflict_with("attachments_too_large", mebibytes(MOST_OCTETS)));
    }
    for language in Language::ALL {
        let mut names: Vec<String> =
            attachments.iter().filter(|one| one.goes_with(language)).map(|one| text::fold(&one.name)).collect();
        names.sort_unstable();
        if names.windows(2).any(|pair| pair.first() == pair.last()) {
            return Err(Error::Invalid(vec![FieldError::new(pointer, "file_name_taken").with("language", language)]));
        }
    }
    Ok(())
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = template_attachments)]
struct Row {
    template_id: TemplateId,
    number: i64,
    id: AttachmentId,
    name: String,
    language: Option<String>,
    media_type: String,
    digest: Vec<u8>,
    octets: i64,
}

/// The language of a row, which none but ours are in.
pub(crate) fn language_in(row: Option<&str>) -> Result<Option<Language>> {
    let unknown = |()| Error::internal("an attachment in a language that there is not");
    row.map(|code| code.parse().map_err(unknown)).transpose()
}

impl TryFrom<Row> for Attachment {
    type Error = Error;
    fn try_from(row: Row) -> Result<Self> {
        let language = language_in(row.language.as_deref())?;
        let Row { id, name, media_type, digest, octets, .. } = row;
        Ok(Self { id, name, language, media_type, digest, octets })
    }
}

/// What templates of the practice have attached now, by template; `only` one of them, or all.
pub(super) fn present(
    conn: &mut Conn,
    given: Given<'_>,
    only: Option<TemplateId>,
) -> Result<Vec<(TemplateId, Attachment)>> {
    let now =
        templates::id.eq(template_attachments::template_id).and(templates::version.eq(template_attachments::number));
    let own = template_attachments::table
        .inner_join(templates::table.on(now))
        .filter(templates::practice_id.eq(given.practice.id).and(templates::deleted_at.is_null()))
        .order((template_attachments::template_id, template_attachments::place))
        .select(Row::as_select());
    let rows: Vec<Row> = match only {
        Some(id) => own.filter(templates::id.eq(id)).load(conn)?,
        None => own.load(conn)?,
    };
    rows.into_iter().map(|row| Ok((row.template_id, row.try_into()?))).collect()
}

/// What a template had attached at these versions, by their numbers.
pub(super) fn at_versions(
    conn: &mut Conn,
    given: Given<'_>,
    (id, numbers): (TemplateId, &[i64]),
) -> Result<Vec<(i64, Attachment)>> {
    let rows: Vec<Row> = template_attachments::table
        .filter(template_attachments::practice_id.eq(given.practice.id).and(template_attachments::template_id.eq(id)))
        .filter(template_attachments::number.eq_any(numbers))
        .order(template_attachments::place)
        .select(Row::as_select())
        .load(conn)?;
    rows.into_iter().map(|row| Ok((row.number, row.try_into()?))).collect()
}

/// An attachment that a template has, or had at a former version.
///
/// # Errors
/// [`Error::NotFound`].
pub fn attachment(
    conn: &mut Conn,
    given: Given<'_>,
    (id, attachment): (TemplateId, AttachmentId),
) -> Result<Attachment> {
    queries::template(conn, given, id)?;
    let row: Option<Row> = template_attachments::table
        .filter(template_attachments::practice_id.eq(given.practice.id).and(template_attachments::template_id.eq(id)))
        .filter(template_attachments::id.eq(attachment))
        .order(template_attachments::number.desc())
        .select(Row::as_select())
        .first(conn)
        .optional()?;
    row.ok_or(Error::NotFound("attachment"))?.try_into()
}

/// Keeps what a template has attached with its version.
pub(super) fn keep_version(tx: &mut Tx<'_>, given: Given<'_>, template: &Template) -> Result<()> {
    for (place, one) in (0..).zip(&template.attachments) {
        let place: i32 = place;
        let row = (
            template_attachments::template_id.eq(template.id),
            template_attachments::number.eq(template.version),
            template_attachments::place.eq(place),
            template_attachments::practice_id.eq(given.practice.id),
            template_attachments::id.eq(one.id),
            template_attachments::name.eq(&one.name),
            template_attachments::language.eq(one.language.map(Language::as_str)),
            template_attachments::media_type.eq(&one.media_type),
            template_attachments::digest.eq(&one.digest),
            template_attachments::octets.eq(one.octets),
        );
        on_each!(&mut **tx, c => diesel::insert_into(template_attachments::table).values(row).execute(c))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, language: Option<Language>, octets: i64) -> Attachment {
        let (id, name, media_type) = (AttachmentId::new(), name.to_owned(), "application/pdf".to_owned());
        Attachment { id, name, language, media_type, digest: vec![0; 32], octets }
    }

    fn refused(attachments: &[Attachment]) -> Option<&'static str> {
        match fit(attachments, "/filename") {
            Ok(()) => None,
            Err(Error::Conflict(conflict)) => Some(conflict.code),
            Err(Error::Invalid(faults)) => faults.first().map(|fault| fault.code),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn what_a_template_may_have() {
        use Language::{Fr, Nl};
        let mebibyte = 1024 * 1024;
        let all = file("a.pdf", None, 2 * mebibyte);
        assert_eq!(
            refused(&[all.clone(), file("b.pdf", Some(Nl), 3 * mebibyte), file("b.pdf", Some(Fr), 3 * mebibyte)]),
            None
        );
        let too_large = [all.clone(), file("b.pdf", Some(Nl), 3 * mebibyte + 1)];
        assert_eq!(refused(&too_large), Some("mail_attachments_too_large"));
        let each = Language::ALL.map(|language| file("b.pdf", Some(language), 3 * mebibyte));
        assert_eq!(refused(&each), Some("attachments_too_large"));
        assert_eq!(refused(&[all.clone(), file("A.PDF", Some(Nl), 1)]), Some("file_name_taken"));
        let many: Vec<Attachment> = (0..=20).map(|at| file(&format!("{at}.pdf"), None, 1)).collect();
        assert_eq!(refused(&many), Some("too_many_attachments"));
        assert_eq!(carried_octets(&too_large, Fr), 2 * mebibyte);
    }
}
