//! The kinds of files that a template may have attached: those that practices send to clients and that do nothing by
//! themselves. Extension and content must say the same, and the media type that goes out is ours.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, SeekFrom};

use zip::ZipArchive;

use crate::kernel::error::{Error, FieldError, Result};

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A document that looks the same everywhere.
    Pdf,
    /// A picture.
    Png,
    /// A photograph.
    Jpeg,
    /// A picture, perhaps moving.
    Gif,
    /// A text of Word.
    Docx,
    /// A workbook of Excel.
    Xlsx,
    /// Slides of PowerPoint.
    Pptx,
    /// A text of `LibreOffice`.
    Odt,
    /// A workbook of `LibreOffice`.
    Ods,
    /// Slides of `LibreOffice`.
    Odp,
    /// Text.
    Txt,
    /// A table as text.
    Csv,
    /// Dates for a calendar.
    Ics,
}

/// Each extension, and what it says.
const EXTENSIONS: [(&str, Kind); 14] = [
    ("pdf", Kind::Pdf),
    ("png", Kind::Png),
    ("jpg", Kind::Jpeg),
    ("jpeg", Kind::Jpeg),
    ("gif", Kind::Gif),
    ("docx", Kind::Docx),
    ("xlsx", Kind::Xlsx),
    ("pptx", Kind::Pptx),
    ("odt", Kind::Odt),
    ("ods", Kind::Ods),
    ("odp", Kind::Odp),
    ("txt", Kind::Txt),
    ("csv", Kind::Csv),
    ("ics", Kind::Ics),
];

/// Extensions of parts that a program could hide in, in any document.
const PROGRAMS: [&str; 17] = [
    "bat", "chm", "cmd", "com", "cpl", "dll", "exe", "hta", "jar", "js", "lnk", "msi", "ps1", "scr", "vbe", "vbs",
    "wsf",
];
/// The most files in a document.
const MOST_PARTS: usize = 10_000;
/// The most bytes of the part that says what a document is, once it is unpacked.
const MOST_DESCRIBED: u64 = 1024 * 1024;
const PIECE: usize = 64 * 1024;
/// What old files of Office begin with, and new ones with a password.
const COMPOUND: [u8; 4] = [0xd0, 0xcf, 0x11, 0xe0];
/// UTF-8's mark of byte order.
const MARK: &[u8] = b"\xef\xbb\xbf";

impl Kind {
    /// The extensions that there are, for people.
    pub(super) fn extensions() -> String {
        EXTENSIONS.map(|(extension, _)| extension).join(", ")
    }

    /// What the extension of a file name says.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        let extension = name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty())?.1.to_ascii_lowercase();
        EXTENSIONS.iter().find(|(known, _)| *known == extension).map(|(_, kind)| *kind)
    }

    /// What a media type says, as [`inspect`] gave it.
    pub(super) fn of_media_type(media_type: &str) -> Option<Self> {
        let bare = media_type.split(';').next().unwrap_or_default();
        EXTENSIONS.iter().map(|(_, kind)| *kind).find(|kind| kind.media_type() == bare)
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Gif => "image/gif",
            Self::Docx => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Pptx => "application/vnd.openxmlformats-officedocument.presentationml.presentation",
            Self::Odt => "application/vnd.oasis.opendocument.text",
            Self::Ods => "application/vnd.oasis.opendocument.spreadsheet",
            Self::Odp => "application/vnd.oasis.opendocument.presentation",
            Self::Txt => "text/plain",
            Self::Csv => "text/csv",
            Self::Ics => "text/calendar",
        }
    }

    /// Its extension.
    pub(super) fn word(self) -> &'static str {
        EXTENSIONS.iter().find(|(_, kind)| *kind == self).map_or("", |(extension, _)| extension)
    }

    /// The file does not hold what its extension says.
    fn wrong(self) -> Error {
        Error::Invalid(vec![FieldError::new("/", "wrong_file_content").with("kind", self.word())])
    }
}

fn unread(fault: &io::Error) -> Error {
    Error::internal(format_args!("a file cannot be read: {fault}"))
}

/// Looks whether a file holds what its extension says. Returns the media type that it goes out as.
///
/// # Errors
/// [`Error::Invalid`] under `/` with `file_empty`, `wrong_file_content`, `file_protected`, or `program_inside` for macros,
/// embedded objects and programs within a document; when reading fails.
pub(super) fn inspect(mut file: &File, kind: Kind) -> Result<String> {
    let mut start = Vec::with_capacity(16);
    file.seek(SeekFrom::Start(0)).map_err(|fault| unread(&fault))?;
    file.take(16).read_to_end(&mut start).map_err(|fault| unread(&fault))?;
    if start.is_empty() {
        return Err(Error::invalid("/", "file_empty"));
    }
    let begins =
        |with: &[&[u8]]| with.iter().any(|with| start.starts_with(with)).then_some(()).ok_or_else(|| kind.wrong());
    match kind {
        Kind::Pdf => begins(&[b"%PDF-"])?,
        Kind::Png => begins(&[b"\x89PNG\r\n\x1a\n"])?,
        Kind::Jpeg => begins(&[b"\xff\xd8\xff"])?,
        Kind::Gif => begins(&[b"GIF87a", b"GIF89a"])?,
        Kind::Txt | Kind::Csv => {
            let charset = if text(file, kind)? { "utf-8" } else { "windows-1252" };
            return Ok(format!("{}; charset={charset}", kind.media_type()));
        }
        Kind::Ics => {
            let bare = start.strip_prefix(MARK).unwrap_or(&start);
            let is_calendar = bare.to_ascii_uppercase().starts_with(b"BEGIN:VCALEN");
            // RFC 5545, 3.1.4: a calendar is UTF-8.
            if !is_calendar || !text(file, kind)? {
                return Err(kind.wrong());
            }
            return Ok(format!("{}; charset=utf-8", kind.media_type()));
        }
        Kind::Docx | Kind::Xlsx | Kind::Pptx | Kind::Odt | Kind::Ods | Kind::Odp => {
            if start.starts_with(&COMPOUND) {
                return Err(Error::Invalid(vec![FieldError::new("/", "file_protected").with("kind", kind.word())]));
            }
            // A program can stand before an archive and is none that begins like one.
            begins(&[b"PK\x03\x04"])?;
            document(file, kind)?;
        }
    }
    Ok(kind.media_type().to_owned())
}

/// Looks whether a file is text: no controls but those between lines and cells, and no markup, which programs would go by
/// whatever it is called. Returns whether it is UTF-8; otherwise it is read as Windows-1252.
fn text(mut file: &File, kind: Kind) -> Result<bool> {
    file.seek(SeekFrom::Start(0)).map_err(|fault| unread(&fault))?;
    let (mut piece, mut torn) = (vec![0; PIECE], Vec::new());
    let (mut is_utf8, mut is_blank) = (true, true);
    loop {
        let n = file.read(&mut piece).map_err(|fault| unread(&fault))?;
        let read = piece.get(..n).unwrap_or_default();
        if n == 0 {
            return Ok(is_utf8 && torn.is_empty());
        }
        let is_control = |byte: &u8| byte.is_ascii_control() && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c);
        if read.iter().any(is_control) {
            return Err(kind.wrong());
        }
        let first = read.iter().find(|byte| !byte.is_ascii_whitespace() && !MARK.contains(byte));
        let is_other = first == Some(&b'<') || read.starts_with(b"%PDF-") || read.starts_with(b"{\\rtf");
        if is_blank && is_other {
            return Err(kind.wrong());
        }
        is_blank &= first.is_none();
        torn.extend_from_slice(read);
        match std::str::from_utf8(&torn) {
            Ok(_) => torn.clear(),
            Err(fault) if fault.error_len().is_none() => {
                torn.drain(..fault.valid_up_to());
            }
            Err(_) => {
                is_utf8 = false;
                torn.clear();
            }
        }
    }
}

/// Looks into a document: its own description must say what its extension does, and no part may do anything by itself.
fn document(file: &File, kind: Kind) -> Result<()> {
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(|_| kind.wrong())?;
    if archive.len() > MOST_PARTS {
        return Err(kind.wrong());
    }
    let names: Vec<String> = archive
        .file_names()
        .map(|name| name.map(|name| name.to_ascii_lowercase()))
        .collect::<Result<_, _>>()
        .map_err(|_| kind.wrong())?;
    if names.iter().any(|name| is_active(name)) {
        return Err(Error::invalid("/", "program_inside"));
    }
    let described = match kind {
        Kind::Odt | Kind::Ods | Kind::Odp => "mimetype",
        _ => "[Content_Types].xml",
    };
    let part = archive.by_name(described).map_err(|_| kind.wrong())?;
    let mut text = String::new();
    part.take(MOST_DESCRIBED).read_to_string(&mut text).map_err(|_| kind.wrong())?;
    if text.to_ascii_lowercase().contains("macroenabled") {
        return Err(Error::invalid("/", "program_inside"));
    }
    let is_meant = match kind {
        // A template would end in `-template` (OpenDocument 1.2, part 3, 3.3).
        Kind::Odt | Kind::Ods | Kind::Odp => text.trim() == kind.media_type(),
        // ECMA-376, part 1, 15.2: the type of the main part.
        _ => text.contains(&format!("{}.main+xml\"", kind.media_type())),
    };
    if is_meant { Ok(()) } else { Err(kind.wrong()) }
}

/// Whether a part of a document, by its name in small letters, is a macro, a control, an embedded object or a program.
fn is_active(name: &str) -> bool {
    let folders: Vec<&str> = name.split('/').collect();
    let file = folders.last().copied().unwrap_or_default();
    let extension = file.rsplit_once('.').map_or("", |(_, extension)| extension);
    let is_within = |folder: &str| folders.iter().rev().skip(1).any(|one| *one == folder);
    file.starts_with("vbaproject")
        || is_within("activex")
        || is_within("macrosheets")
        || (is_within("embeddings") && extension == "bin")
        || matches!(folders.first(), Some(&("basic" | "scripts")))
        || PROGRAMS.contains(&extension)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn found(bytes: &[u8], kind: Kind) -> Result<String, &'static str> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        inspect(&file, kind).map_err(|error| match error {
            Error::Invalid(faults) => faults[0].code,
            other => panic!("{other}"),
        })
    }

    fn archive(parts: &[(&str, &str)]) -> Vec<u8> {
        let mut archive = ZipWriter::new(io::Cursor::new(Vec::new()));
        for (name, content) in parts {
            archive.start_file(*name, SimpleFileOptions::default()).unwrap();
            archive.write_all(content.as_bytes()).unwrap();
        }
        archive.finish().unwrap().into_inner()
    }

    fn office(kind: Kind, more: &str) -> Vec<u8> {
        let types = format!("<Types><Override ContentType=\"{}.main+xml\"/></Types>", kind.media_type());
        archive(&[("[Content_Types].xml", &types), ("_rels/.rels", ""), (more, "x")])
    }

    #[test]
    fn extension_and_content_must_say_the_same() {
        assert_eq!(found(b"%PDF-1.7\n", Kind::Pdf).as_deref(), Ok("application/pdf"));
        assert_eq!(found(b"\x89PNG\r\n\x1a\n...", Kind::Png).as_deref(), Ok("image/png"));
        assert_eq!(found(b"\xff\xd8\xff\xe0", Kind::Jpeg).as_deref(), Ok("image/jpeg"));
        assert_eq!(found(b"", Kind::Pdf), Err("file_empty"));
        for kind in EXTENSIONS.map(|(_, kind)| kind) {
            for wrong in [&b"MZ\x90\0\x03"[..], b"\x7fELF\x02", b"<!doctype html><p>", b" \n<svg onload='x'>"] {
                assert_eq!(found(wrong, kind), Err("wrong_file_content"), "{kind:?} {wrong:?}");
            }
        }
    }

    #[test]
    fn text_has_no_controls_and_is_known_by_its_characters() {
        let long = "één ".repeat(40_000);
        assert_eq!(found(long.as_bytes(), Kind::Txt).as_deref(), Ok("text/plain; charset=utf-8"));
        assert_eq!(found(b"\xef\xbb\xbfNaam;x\r\n", Kind::Csv).as_deref(), Ok("text/csv; charset=utf-8"));
        assert_eq!(found(b"caf\xe9", Kind::Csv).as_deref(), Ok("text/csv; charset=windows-1252"));
        assert_eq!(found(b"caf\xc3", Kind::Txt).as_deref(), Ok("text/plain; charset=windows-1252"));
        assert_eq!(found(b"a\0b", Kind::Txt), Err("wrong_file_content"));
        assert_eq!(found(b"BEGIN:VCALENDAR\r\n", Kind::Ics).as_deref(), Ok("text/calendar; charset=utf-8"));
        assert_eq!(found(b"BEGIN:VCALENDAR\r\n\xe9", Kind::Ics), Err("wrong_file_content"));
        assert_eq!(found(b"BEGIN:VCARD\r\n", Kind::Ics), Err("wrong_file_content"));
    }

    #[test]
    fn documents_are_looked_into() {
        assert!(found(&office(Kind::Docx, "word/media/image1.svg"), Kind::Docx).is_ok());
        assert_eq!(found(&office(Kind::Docx, "word/document.xml"), Kind::Xlsx), Err("wrong_file_content"));
        for active in [
            "word/vbaProject.bin",
            "word/activeX/activeX1.xml",
            "xl/macrosheets/sheet1.xml",
            "word/embeddings/oleObject1.bin",
            "setup.EXE",
        ] {
            assert_eq!(found(&office(Kind::Xlsx, active), Kind::Xlsx), Err("program_inside"), "{active}");
        }
        let macros =
            "<Types><Override ContentType=\"application/vnd.ms-word.document.macroEnabled.main+xml\"/></Types>";
        assert_eq!(found(&archive(&[("[Content_Types].xml", macros)]), Kind::Docx), Err("program_inside"));
        let open = archive(&[("mimetype", Kind::Odt.media_type()), ("content.xml", "")]);
        assert_eq!(found(&open, Kind::Odt).as_deref(), Ok(Kind::Odt.media_type()));
        assert_eq!(found(&open, Kind::Ods), Err("wrong_file_content"));
        let scripted = archive(&[("mimetype", Kind::Odt.media_type()), ("Basic/Standard/x.xml", "")]);
        assert_eq!(found(&scripted, Kind::Odt), Err("program_inside"));
        assert_eq!(found(&archive(&[("a.txt", "x")]), Kind::Docx), Err("wrong_file_content"));
        assert_eq!(found(b"PK\x03\x04 and no more", Kind::Docx), Err("wrong_file_content"));
        assert_eq!(found(&[&COMPOUND[..], b"\xa1\xb1\x1a\xe1"].concat(), Kind::Xlsx), Err("file_protected"));
        let hidden = [b"MZ".to_vec(), office(Kind::Docx, "word/document.xml")].concat();
        assert_eq!(found(&hidden, Kind::Docx), Err("wrong_file_content"));
    }

    #[test]
    fn a_media_type_leads_back_to_its_kind() {
        for (extension, kind) in EXTENSIONS {
            assert_eq!(Kind::of_name(&format!("a.b.{}", extension.to_uppercase())), Some(kind));
            assert_eq!(Kind::of_media_type(&format!("{}; charset=x", kind.media_type())), Some(kind));
        }
        for none in ["pdf", ".pdf", "a.html", "a.svg", "a.docm", "a.zip", "a.pdf.exe", "a."] {
            assert_eq!(Kind::of_name(none), None, "{none}");
        }
    }
}
