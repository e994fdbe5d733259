//! Workbooks of spreadsheet programs before they are read: which kind they are, and whether there is more in them than any
//! client list needs.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, SeekFrom};

use memchr::memmem;
use zip::ZipArchive;

use super::file::unread;
use crate::kernel::error::{Error, FieldError, Result};

/// The most bytes of a workbook once it is unpacked. A file of a few kilobytes can unpack to gigabytes.
pub const MOST_UNPACKED: u64 = 512 * 1024 * 1024;
/// The most bytes of a part that describes the workbook and is read as a whole.
const MOST_DESCRIBED: u64 = 16 * 1024 * 1024;
/// The most tags in the table of texts, which is kept in memory; a text has four or more.
const MOST_TAGS: usize = 20_000_000;
/// The most texts that the table may announce.
const MOST_TEXTS: u64 = 10_000_000;
/// The most files in a workbook.
const MOST_PARTS: usize = 10_000;
const PIECE: usize = 64 * 1024;

/// A workbook that is refused.
pub fn refused(code: &'static str) -> Error {
    Error::Invalid(vec![FieldError::new("/", code)])
}

fn too_large() -> Error {
    Error::Invalid(vec![FieldError::new("/", "workbook_too_large").with("max", MOST_UNPACKED / 1024 / 1024)])
}

fn wrong_kind(format: &str) -> Error {
    Error::Invalid(vec![FieldError::new("/", "wrong_workbook").with("format", format)])
}

/// Looks through a workbook that came from outside: it is unpacked once, a piece at a time, and what it really holds is
/// counted, since what it says of itself may be a lie.
///
/// # Errors
/// [`Error::Invalid`] under `/` with `wrong_workbook`, `workbook_encrypted`, `workbook_unreadable` or
/// `workbook_too_large`; when reading fails.
pub fn inspect(mut file: &File) -> Result<()> {
    if is_compound(file).map_err(|fault| unread(&fault))? {
        // Old workbooks and encrypted new ones come in the same wrapping.
        let name: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let is_encrypted = contains(file, &name).map_err(|fault| unread(&fault))?;
        return Err(if is_encrypted { refused("workbook_encrypted") } else { wrong_kind("XLS") });
    }
    file.seek(SeekFrom::Start(0)).map_err(|fault| unread(&fault))?;
    let unreadable = |_| refused("workbook_unreadable");
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(unreadable)?;
    if archive.len() > MOST_PARTS {
        return Err(too_large());
    }
    let has = |name: &str| archive.file_names().flatten().any(|part| part.eq_ignore_ascii_case(name));
    if has("xl/workbook.bin") {
        return Err(wrong_kind("XLSB"));
    }
    if has("mimetype") || has("content.xml") {
        return Err(wrong_kind("ODS"));
    }
    if !has("[Content_Types].xml") || !has("_rels/.rels") {
        return Err(refused("workbook_unreadable"));
    }
    let mut unpacked = 0;
    for at in 0..archive.len() {
        let mut part = archive.by_index(at).map_err(unreadable)?;
        let kind = PartKind::of(&part.name().map_err(unreadable)?);
        unpacked += measure(&mut part, kind, MOST_UNPACKED - unpacked)?;
    }
    Ok(())
}

fn is_compound(mut file: &File) -> io::Result<bool> {
    let mut start = [0; 4];
    file.seek(SeekFrom::Start(0))?;
    let is_read = file.read_exact(&mut start).is_ok();
    Ok(is_read && start == [0xd0, 0xcf, 0x11, 0xe0])
}

fn contains(mut file: &File, name: &[u8]) -> io::Result<bool> {
    file.seek(SeekFrom::Start(0))?;
    let mut window = Vec::new();
    let mut piece = vec![0; PIECE];
    loop {
        let n = file.read(&mut piece)?;
        window.extend_from_slice(piece.get(..n).unwrap_or_default());
        if memmem::find(&window, name).is_some() {
            return Ok(true);
        }
        if n == 0 {
            return Ok(false);
        }
        window.drain(..window.len().saturating_sub(name.len()));
    }
}

/// What a part of a workbook is to whoever reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PartKind {
    /// The table of texts: kept in memory.
    Texts,
    /// A description: kept in memory, and small.
    Description,
    /// A sheet, read row by row, or something that nobody reads.
    Other,
}

impl PartKind {
    fn of(name: &str) -> Self {
        let name = name.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
        let is_description = name.ends_with(".rels") || name.starts_with("workbook") || name.starts_with("theme");
        match name.as_str() {
            "sharedstrings.xml" => Self::Texts,
            "styles.xml" => Self::Description,
            _ if is_description => Self::Description,
            _ => Self::Other,
        }
    }
}

/// The bytes of a part once it is unpacked.
fn measure(part: &mut impl Read, kind: PartKind, most: u64) -> Result<u64> {
    let most = if kind == PartKind::Description { most.min(MOST_DESCRIBED) } else { most };
    let (mut total, mut tags) = (0_u64, 0);
    let mut piece = vec![0; PIECE];
    let mut announced = Announced::default();
    loop {
        let n = part.read(&mut piece).map_err(|_| refused("workbook_unreadable"))?;
        if n == 0 {
            return Ok(total);
        }
        let read = piece.get(..n).unwrap_or_default();
        if kind == PartKind::Texts {
            // In another encoding than UTF-8 nothing could be counted; no program writes one.
            if total == 0 && matches!(read, [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, ..] | [_, 0, ..]) {
                return Err(refused("workbook_unreadable"));
            }
            tags += memchr::memchr_iter(b'<', read).count();
            announced.feed(read);
        }
        total += u64::try_from(n).unwrap_or(u64::MAX);
        if total > most || tags > MOST_TAGS || announced.is_too_many {
            return Err(too_large());
        }
    }
}

/// How many texts a table says that it has: room is made for so many before the first one is read.
#[derive(Debug, Default)]
struct Announced {
    tail: Vec<u8>,
    is_too_many: bool,
}

impl Announced {
    const NAME: &'static [u8] = b"uniqueCount";
    /// What may stand between the name and the end of the number.
    const REACH: usize = 64;

    fn feed(&mut self, bytes: &[u8]) {
        self.tail.extend_from_slice(bytes);
        for at in memmem::find_iter(&self.tail, Self::NAME) {
            let rest = self.tail.get(at + Self::NAME.len()..).unwrap_or_default();
            let digits: Vec<u8> = rest
                .iter()
                .take(Self::REACH)
                .copied()
                .skip_while(|b| b.is_ascii_whitespace() || matches!(b, b'=' | b'"' | b'\''))
                .take_while(u8::is_ascii_digit)
                .collect();
            let number = String::from_utf8(digits).unwrap_or_default();
            let is_few = number.is_empty() || number.parse::<u64>().is_ok_and(|number| number <= MOST_TEXTS);
            self.is_too_many |= !is_few;
        }
        self.tail.drain(..self.tail.len().saturating_sub(Self::NAME.len() + Self::REACH));
    }
}
