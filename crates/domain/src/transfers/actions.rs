//! The verbs: keep a file that comes in, have it taken in as an operation, take a file in at once.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::encoding::{Content, Decoded, Sniffer};
use super::file::{ClientFile, Input, unread};
use super::importer::{Importer, fields_of};
use super::jobs::ImportClients;
use super::model::{Counts, Finding, ImportId, Status, Wish};
use super::queries::{self, Header};
use super::workbook;
use crate::identity::Practice;
use crate::kernel::actor::Actor;
use crate::kernel::db::{Db, Tx};
use crate::kernel::error::{Error, Result};
use crate::kernel::jobs::{self, EnqueueOptions};
use crate::kernel::operations::{self, OperationId};

/// The most bytes of a file that comes in through the API.
pub const MOST_BYTES: usize = 64 * 1024 * 1024;
/// How many bytes of a file are kept in one row.
pub const CHUNK: usize = 256 * 1024;
/// Pieces of a file that are removed in one transaction; 4 MiB, so that it stays short.
const CHUNKS_AT_ONCE: i64 = 16;
/// After how many seconds an upload that never ended is removed.
const ABANDONED_AFTER: i64 = 24 * 3600;
const OPERATION: &str = "client_import";

/// A file that is coming in. Its pieces are kept as they come, so that it is never held as a whole.
pub struct Upload {
    db: Db,
    practice: Practice,
    id: ImportId,
    sniffer: Sniffer,
    chunks: i32,
}

impl Upload {
    /// Begins, and removes what was begun a day ago and never ended.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn begin(db: &Db, practice: &Practice, actor: &Actor, wish: &Wish) -> Result<Self> {
        let since = db.clock().now().plus_seconds(-ABANDONED_AFTER);
        for old in db.read(|conn| queries::abandoned(conn, practice, since))? {
            remove_upload(db, old)?;
        }
        let id = db.write(|tx| queries::insert(tx, practice, actor, wish))?;
        Ok(Self { db: db.clone(), practice: practice.clone(), id, sniffer: Sniffer::default(), chunks: 0 })
    }

    /// Keeps the next piece, which is not larger than [`CHUNK`].
    ///
    /// # Errors
    /// When the database refuses.
    pub fn take(&mut self, bytes: &[u8]) -> Result<()> {
        self.sniffer.feed(bytes);
        self.db.write(|tx| queries::insert_chunk(tx, self.id, self.chunks, bytes))?;
        self.chunks += 1;
        Ok(())
    }

    /// What the file is, going by what is in it.
    #[must_use]
    pub fn content(&self) -> Content {
        self.sniffer.content()
    }

    /// Reads the header now that the file is there, so that a file of something else is refused at once, and a workbook with
    /// too much in it as well.
    ///
    /// # Errors
    /// As [`ClientFile::open`] and [`workbook::inspect`].
    pub fn header(&self, wish: &Wish) -> Result<Header> {
        let content = self.content();
        let input = stored(&self.db, self.id, content)?;
        if let Input::Workbook(file) = &input {
            workbook::inspect(file)?;
        }
        let (_, catalogue) = self.db.read(|conn| fields_of(conn, &self.practice))?;
        let file = ClientFile::open(input, wish, &catalogue)?;
        Ok(Header { content, columns: file.columns })
    }

    /// The import that the file is for.
    #[must_use]
    pub fn id(&self) -> ImportId {
        self.id
    }

    /// Removes the file, unless an operation has taken it over.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn let_go(self) -> Result<()> {
        let import = self.db.read(|conn| queries::find_any(conn, &self.practice, self.id))?;
        if import.status == Status::Uploading { remove_upload(&self.db, self.id) } else { Ok(()) }
    }
}

fn remove_upload(db: &Db, id: ImportId) -> Result<()> {
    remove_chunks(db, id)?;
    db.write(|tx| queries::delete_upload(tx, id))
}

/// Removes the pieces of a file in short transactions.
pub(super) fn remove_chunks(db: &Db, id: ImportId) -> Result<()> {
    while db.write(|tx| queries::delete_chunks(tx, id, CHUNKS_AT_ONCE))? {}
    Ok(())
}

/// Has an uploaded file taken in: the operation that shows the progress.
///
/// # Errors
/// [`Error::NotFound`] when the practice has no such upload.
pub fn submit(
    tx: &mut Tx<'_>,
    practice: &Practice,
    actor: &Actor,
    id: ImportId,
    header: &Header,
) -> Result<OperationId> {
    let import = queries::find_any(tx, practice, id)?;
    if import.status != Status::Uploading {
        return Err(Error::NotFound("client import"));
    }
    let operation = operations::create(tx, practice.uid(), actor, OPERATION, None)?;
    queries::advance(tx, &import, Status::Waiting)?;
    queries::set_header(tx, id, operation, header)?;
    let job = ImportClients { practice: practice.id, import: id };
    jobs::enqueue(tx, &job, &EnqueueOptions::of(practice.uid()).work_of(operation))?;
    Ok(operation)
}

/// The file of an import: text as UTF-8; a workbook, which is not read from its beginning to its end, as a file that nobody
/// else sees and that goes with its reader.
pub(super) fn stored(db: &Db, id: ImportId, content: Content) -> Result<Input> {
    let mut stored = StoredFile { db: db.clone(), id, number: 0, piece: io::Cursor::default() };
    match content {
        Content::Text(encoding) => Ok(Input::Text(Box::new(Decoded::new(stored, encoding)))),
        Content::Workbook => {
            let mut file = tempfile::tempfile().map_err(|fault| unread(&fault))?;
            io::copy(&mut stored, &mut file).map_err(|fault| unread(&fault))?;
            Ok(Input::Workbook(file))
        }
    }
}

/// A file that is kept in pieces; one piece in memory at a time.
pub(super) struct StoredFile {
    db: Db,
    id: ImportId,
    number: i32,
    piece: io::Cursor<Vec<u8>>,
}

impl Read for StoredFile {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let n = self.piece.read(out)?;
            if n > 0 || out.is_empty() {
                return Ok(n);
            }
            match self.db.read(|conn| queries::chunk(conn, self.id, self.number)).map_err(io::Error::other)? {
                None => return Ok(0),
                Some(bytes) => self.piece = io::Cursor::new(bytes),
            }
            self.number += 1;
        }
    }
}

/// What became of a file that was taken in at once.
#[derive(Debug, Default)]
pub struct Report {
    /// How the lines ended.
    pub counts: Counts,
    /// What is wrong with lines, and notes, in the order of the lines.
    pub findings: Vec<Finding>,
    /// Columns that nobody knows.
    pub unknown_columns: Vec<String>,
}

/// Takes a file in at once, in this process: the same rules and transactions as an operation, without a queue.
///
/// # Errors
/// [`Error::Invalid`] when the header cannot be used, as [`ClientFile::open`]; [`Error::Conflict`] `list_fields_changed` when
/// somebody changed the fields meanwhile; when the file cannot be read or the database
/// refuses. What was written until then stays, and taking the file in again goes on from there.
pub fn import_file(db: &Db, practice: &Practice, actor: &Actor, path: &Path, wish: &Wish) -> Result<Report> {
    let open = || File::open(path).map_err(|fault| Error::internal(format_args!("{}: {fault}", path.display())));
    let input = match Sniffer::sniff(open()?).map_err(|fault| unread(&fault))? {
        Content::Text(encoding) => Input::Text(Box::new(Decoded::new(open()?, encoding))),
        Content::Workbook => {
            let file = open()?;
            workbook::inspect(&file)?;
            Input::Workbook(file)
        }
    };
    let mut importer = Importer::open(db, practice, input, wish)?;
    let (findings, unknown_columns) = (importer.notes().to_vec(), importer.columns().unknown.clone());
    let mut report = Report { findings, unknown_columns, counts: Counts::default() };
    while let Some(page) = importer.read_page()? {
        let outcome = if wish.dry_run {
            importer.foresee(db, &page)?
        } else {
            db.write(|tx| importer.write(tx, actor, None, &page))?
        };
        let (counts, findings) = importer.keep(outcome);
        report.counts.add(counts);
        report.findings.extend(findings);
    }
    Ok(report)
}
