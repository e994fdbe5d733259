//! Attached files: how one comes in, and where they are kept. Each is there once in a practice, by what is in it, and in pieces,
//! so that nobody holds it as a whole but the mails that carry it.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};

use diesel::dsl::{exists, not, sql};
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use sha2::{Digest as _, Sha256};

use super::attachments::Attachment;
use super::{file_names, kinds};
use crate::identity::{Practice, PracticeId};
use crate::kernel::clock::Instant;
use crate::kernel::db::{Conn, Tx};
use crate::kernel::error::{Error, Result};
use crate::mail::{Enclosing, Enclosure};
use crate::on_each;
use crate::schema::{attached_files, attached_pieces, template_attachments, templates};

/// The most octets that a practice keeps, with what former versions of its templates had: 1 GiB.
const MOST_KEPT: i64 = 1024 * 1024 * 1024;
/// How many octets are kept in one row.
const PIECE: usize = 256 * 1024;

/// A file that is coming in. It waits in a file without a name, which goes when its reader does.
pub struct Incoming {
    file: File,
    hasher: Sha256,
    octets: i64,
}

/// A file that has come in, and may be attached.
pub struct Arrived {
    file: File,
    pub(super) name: String,
    pub(super) media_type: String,
    pub(super) digest: Vec<u8>,
    pub(super) octets: i64,
}

fn failed(fault: &io::Error) -> Error {
    Error::internal(format_args!("a file cannot be kept: {fault}"))
}

impl Incoming {
    /// Begins.
    ///
    /// # Errors
    /// When there is no room for a file on this machine.
    pub fn begin() -> Result<Self> {
        let file = tempfile::tempfile().map_err(|fault| failed(&fault))?;
        Ok(Self { file, hasher: Sha256::new(), octets: 0 })
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// When there is no room for it.
    pub fn take(&mut self, bytes: &[u8]) -> Result<()> {
        self.hasher.update(bytes);
        self.octets += i64::try_from(bytes.len()).unwrap_or(i64::MAX);
        self.file.write_all(bytes).map_err(|fault| failed(&fault))
    }

    /// Looks whether it may be attached under this name.
    ///
    /// # Errors
    /// [`Error::Invalid`] on `/filename` for a name that it may not have, `unknown_file_kind` for a kind that mails do not
    /// carry; under `/` with `file_empty`, `wrong_file_content`, `file_protected` or `program_inside`.
    pub fn end(self, name: &str) -> Result<Arrived> {
        let Self { file, hasher, octets } = self;
        let (name, kind) = file_names::checked(name, "/filename").map_err(|fault| Error::Invalid(vec![fault]))?;
        let media_type = kinds::inspect(&file, kind)?;
        Ok(Arrived { file, name, media_type, digest: hasher.finalize().to_vec(), octets })
    }
}

impl Arrived {
    /// The SHA-256 of what is in it.
    #[must_use]
    pub fn digest(&self) -> &[u8] {
        &self.digest
    }
}

/// Keeps a file, unless it is kept already. The practice is held.
///
/// # Errors
/// [`Error::Conflict`] `attachments_full`; when the file cannot be read.
pub(super) fn bring(tx: &mut Tx<'_>, practice: &Practice, arrived: &Arrived) -> Result<()> {
    let now = tx.now();
    let own = attached_files::practice_id.eq(practice.id);
    let known = attached_files::table.filter(own.and(attached_files::digest.eq(&arrived.digest)));
    if diesel::update(known).set(attached_files::brought_at.eq(now)).execute(&mut **tx)? > 0 {
        return Ok(());
    }
    let sum = sql::<BigInt>("CAST(coalesce(sum(octets), 0) AS BIGINT)");
    let kept: i64 = attached_files::table.filter(own).select(sum).first(&mut **tx)?;
    if kept + arrived.octets > MOST_KEPT {
        return Err(Error::conflict_with("attachments_full", vec![("max", (MOST_KEPT / 1024 / 1024).to_string())]));
    }
    let row = (
        attached_files::practice_id.eq(practice.id),
        attached_files::digest.eq(&arrived.digest),
        attached_files::octets.eq(arrived.octets),
        attached_files::brought_at.eq(now),
    );
    on_each!(&mut **tx, c => diesel::insert_into(attached_files::table).values(row).execute(c))?;
    let mut file = &arrived.file;
    file.seek(SeekFrom::Start(0)).map_err(|fault| failed(&fault))?;
    for number in 0.. {
        let mut piece = Vec::with_capacity(PIECE);
        let most = u64::try_from(PIECE).unwrap_or(u64::MAX);
        if file.take(most).read_to_end(&mut piece).map_err(|fault| failed(&fault))? == 0 {
            break;
        }
        let row = (
            attached_pieces::practice_id.eq(practice.id),
            attached_pieces::digest.eq(&arrived.digest),
            attached_pieces::number.eq(number),
            attached_pieces::bytes.eq(piece),
        );
        on_each!(&mut **tx, c => diesel::insert_into(attached_pieces::table).values(row).execute(c))?;
    }
    Ok(())
}

/// A piece of an attached file, by its number from 0 on; `None` behind the last one.
///
/// # Errors
/// When the database refuses.
pub fn file_piece(
    conn: &mut Conn,
    practice: PracticeId,
    (attachment, number): (&Attachment, i32),
) -> Result<Option<Vec<u8>>> {
    let own = attached_pieces::practice_id.eq(practice).and(attached_pieces::digest.eq(&attachment.digest));
    let piece = attached_pieces::table.filter(own.and(attached_pieces::number.eq(number)));
    Ok(piece.select(attached_pieces::bytes).first(conn).optional()?)
}

/// An attached file as mails carry it; `None` when it is not kept any more.
///
/// # Errors
/// When the database refuses.
pub fn enclosure(conn: &mut Conn, practice: PracticeId, attachment: &Attachment) -> Result<Option<Enclosure>> {
    let mut enclosing = Enclosing::begin(&attachment.name, &attachment.media_type, attachment.octets)?;
    let (mut number, mut octets) = (0, 0);
    while let Some(piece) = file_piece(conn, practice, (attachment, number))? {
        octets += i64::try_from(piece.len()).unwrap_or(i64::MAX);
        enclosing.take(&piece);
        number += 1;
    }
    Ok((octets == attachment.octets).then(|| enclosing.end()))
}

/// Whether an attached file is still kept.
///
/// # Errors
/// When the database refuses.
pub fn is_kept(conn: &mut Conn, practice: PracticeId, attachment: &Attachment) -> Result<bool> {
    let own = attached_files::practice_id.eq(practice).and(attached_files::digest.eq(&attachment.digest));
    Ok(diesel::select(exists(attached_files::table.filter(own))).get_result(conn)?)
}

/// The files of a practice, by SHA-256, that no version of a template has, where `before` is a while ago: younger ones may be
/// on their way into a version, and a template may have been deleted by mistake.
///
/// # Errors
/// When the database refuses.
pub fn idle_files(conn: &mut Conn, practice: &Practice, before: Instant) -> Result<Vec<Vec<u8>>> {
    let had = template_attachments::table
        .inner_join(templates::table.on(templates::id.eq(template_attachments::template_id)))
        .filter(template_attachments::practice_id.eq(attached_files::practice_id))
        .filter(template_attachments::digest.eq(attached_files::digest))
        .filter(templates::deleted_at.is_null().or(templates::deleted_at.gt(before)));
    let idle = attached_files::table
        .filter(attached_files::practice_id.eq(practice.id).and(attached_files::brought_at.lt(before)))
        .filter(not(exists(had)));
    Ok(idle.select(attached_files::digest).load(conn)?)
}

/// Removes a file that nobody has brought since `before`; whether it is needed is for the caller to know. Returns how many went.
///
/// # Errors
/// When the database refuses.
pub fn remove_file(tx: &mut Tx<'_>, practice: &Practice, (digest, before): (&[u8], Instant)) -> Result<usize> {
    let own = attached_files::practice_id.eq(practice.id).and(attached_files::digest.eq(digest));
    let idle = attached_files::table.filter(own.and(attached_files::brought_at.lt(before)));
    // Its pieces go with it.
    Ok(diesel::delete(idle).execute(&mut **tx)?)
}
