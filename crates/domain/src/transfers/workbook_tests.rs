//! Workbooks that mean no good, and those that are only odd.

use std::io::{Cursor, Write as _};

use rust_xlsxwriter::Workbook;
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use super::tests::{Place, counts, found, place};
use super::*;
use crate::kernel::actor::Actor;
use crate::kernel::error::{Error, Result};

impl Place {
    fn take_in_bytes(&self, bytes: &[u8]) -> Result<Report> {
        import_file(&self.db, &self.practice, &Actor::operator(), &self.file(bytes), &Wish::default())
    }
}

/// A workbook of one sheet with these cells.
fn book(rows: &[&[&str]]) -> Vec<u8> {
    let mut workbook = Workbook::new();
    let sheet = workbook.add_worksheet();
    for (row, cells) in (0..).zip(rows) {
        for (column, cell) in (0..).zip(*cells) {
            sheet.write_string(row, column, *cell).unwrap();
        }
    }
    workbook.save_to_buffer().unwrap()
}

/// The same with some parts made by others: the bytes, or `None` to leave the part out.
fn doctored(bytes: &[u8], parts: &[(&str, Option<Vec<u8>>)]) -> Vec<u8> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).unwrap();
    let mut out = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default();
    for at in 0..archive.len() {
        let mut part = archive.by_index(at).unwrap();
        let name = part.name().unwrap().into_owned();
        if !parts.iter().any(|(other, _)| *other == name) {
            out.start_file(&*name, options).unwrap();
            std::io::copy(&mut part, &mut out).unwrap();
        }
    }
    for (name, bytes) in parts {
        if let Some(bytes) = bytes {
            out.start_file(*name, options).unwrap();
            out.write_all(bytes).unwrap();
        }
    }
    out.finish().unwrap().into_inner()
}

const SHEET: &str = "xl/worksheets/sheet1.xml";

fn sheet(rows: &str) -> Option<Vec<u8>> {
    Some(format!("<worksheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><sheetData>{rows}</sheetData></worksheet>").into_bytes())
}

fn refusal(bytes: &[u8]) -> &'static str {
    match place().take_in_bytes(bytes) {
        Err(Error::Invalid(errors)) => errors[0].code,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_no_workbook_of_ours_says_so() {
    let good = book(&[&["Naam"], &["Jan"]]);
    let compound =
        |inside: &[u8]| [&[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1][..], &[0; 70_000], inside].concat();
    let encrypted: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let ods = doctored(&good, &[("mimetype", Some(b"application/vnd.oasis.opendocument.spreadsheet".to_vec()))]);
    for (bytes, code) in [
        (compound(b""), "wrong_workbook"),
        (compound(&encrypted), "workbook_encrypted"),
        (ods, "wrong_workbook"),
        (doctored(&good, &[("xl/workbook.bin", Some(Vec::new()))]), "wrong_workbook"),
        (doctored(&good, &[("_rels/.rels", None)]), "workbook_unreadable"),
        (doctored(&good, &[("xl/workbook.xml", None)]), "no_sheet"),
        (doctored(&good, &[(SHEET, None)]), "workbook_unreadable"),
        (good[..good.len() - 30].to_vec(), "workbook_unreadable"),
        (b"PK\x03\x04".to_vec(), "workbook_unreadable"),
        (book(&[]), "file_empty"),
        (book(&[&["Straat"], &["x"]]), "name_column_missing"),
        (doctored(&good, &[("xl/workbook.xml", Some(b"<workbook><sheets/></workbook>".to_vec()))]), "no_sheet"),
    ] {
        assert_eq!(refusal(&bytes), code);
    }
}

#[test]
fn a_bomb_does_not_go_off() {
    let good = book(&[&["Naam"], &["Jan"]]);
    let blanks = Some(vec![b' '; 513 * 1024 * 1024]);
    let strings = |text: &str| Some(format!("<sst {text}><si><t>Naam</t></si></sst>").into_bytes());
    for parts in [
        vec![(SHEET, blanks)],
        vec![("xl/sharedStrings.xml", strings("uniqueCount=\"99999999999\""))],
        vec![("xl/sharedStrings.xml", strings("uniqueCount = '1152921504606846975'"))],
        vec![("xl/sharedStrings.xml", Some("<si/>".repeat(20_000_001).into_bytes()))],
        vec![("xl/styles.xml", Some(vec![b' '; 17 * 1024 * 1024]))],
    ] {
        assert_eq!(refusal(&doctored(&good, &parts)), "workbook_too_large", "{}", parts[0].0);
    }
}

#[test]
fn rows_and_cells_out_of_their_order_spoil_the_workbook_and_not_us() {
    let good = book(&[&["Naam"], &["Jan"]]);
    let cell = |at: &str, text: &str| format!("<c r=\"{at}\" t=\"str\"><v>{text}</v></c>");
    let header = format!("<row r=\"1\">{}</row>", cell("A1", "Naam"));
    for rows in [
        format!("{header}<row r=\"3\">{}</row><row r=\"2\">{}</row>", cell("A3", "x"), cell("A2", "y")),
        format!("{header}<row r=\"2\">{}{}</row>", cell("B2", "x"), cell("A2", "y")),
        format!("{header}<row r=\"2\"><c r=\"A2\" t=\"s\"><v>77</v></c></row>"),
        format!("{header}<row r=\"2\"><c r=\"A2\"><v>1"),
    ] {
        assert_eq!(refusal(&doctored(&good, &[(SHEET, sheet(&rows))])), "workbook_unreadable", "{rows}");
    }
    // A cell far to the right makes no room for all before it; one that is very long is a line that cannot be read.
    let long = "x".repeat(2_000_000);
    let rows = format!(
        "{header}<row r=\"2\">{}{}</row><row r=\"3\">{}</row><row r=\"1048576\">{}</row>",
        cell("A2", "x"),
        cell("XFD2", "y"),
        cell("A3", &long),
        cell("A1048576", "Jan")
    );
    let report = place().take_in_bytes(&doctored(&good, &[(SHEET, sheet(&rows))])).unwrap();
    assert_eq!(found(&report), [(2, "", "too_many_columns"), (3, "", "malformed")]);
    assert_eq!(counts(&report), (3, 1, 0, 0, 2));
}

#[test]
fn macros_do_nothing_and_a_hidden_sheet_is_not_the_first() {
    let good = book(&[&["Naam"], &["Jan"]]);
    let with_macro = doctored(&good, &[("xl/vbaProject.bin", Some(vec![0; 1000]))]);
    assert_eq!(counts(&place().take_in_bytes(&with_macro).unwrap()), (1, 1, 0, 0, 0));
    let mut workbook = Workbook::new();
    workbook.add_worksheet().set_hidden(true).write_string(0, 0, "Straat").unwrap();
    let sheet = workbook.add_worksheet();
    sheet.write_string(0, 0, "Naam").unwrap().write_string(1, 0, "Jan").unwrap();
    sheet.set_active(true);
    assert_eq!(counts(&place().take_in_bytes(&workbook.save_to_buffer().unwrap()).unwrap()), (1, 1, 0, 0, 0));
}

/// A workbook can be read by a person's program and still break off: what was promised when it came in is then said by its
/// operation.
#[test]
fn a_workbook_that_breaks_off_later_fails_its_operation() {
    let place = place();
    let good = book(&[&["Naam"], &["Jan"]]);
    let cell = |row: u32| format!("<row r=\"{row}\"><c r=\"A{row}\" t=\"str\"><v>Naam</v></c></row>");
    let rows: String = (1..=2_000).map(cell).collect();
    let torn = doctored(
        &good,
        &[(SHEET, sheet(&format!("{rows}<row r=\"2001\"><c r=\"A2001\" t=\"s\"><v>9999</v></c></row>")))],
    );
    let mut upload = Upload::begin(&place.db, &place.practice, &Actor::operator(), &Wish::default()).unwrap();
    torn.chunks(10_000).for_each(|chunk| upload.take(chunk).unwrap());
    let (id, header) = (upload.id(), upload.header(&Wish::default()).unwrap());
    let operation = place.db.write(|tx| submit(tx, &place.practice, &Actor::operator(), id, &header)).unwrap();
    let job = ImportClients { practice: place.practice.id, import: id };
    let mut work = Work::resume(&place.db, &job).unwrap().unwrap();
    assert_eq!(work.page(&place.db).unwrap(), Progress::Done);
    work.clear(&place.db).unwrap();
    place.db.write(|tx| work.finish(tx)).unwrap();
    let operation =
        place.db.read(|conn| crate::kernel::operations::find(conn, place.practice.uid(), operation)).unwrap();
    assert_eq!(operation.status, crate::kernel::operations::Status::Failed);
    assert_eq!(operation.problem.unwrap().code, "workbook_unreadable");
}
