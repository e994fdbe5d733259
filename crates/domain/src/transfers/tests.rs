//! Lists taken in on SQLite: what each line becomes, and what is left behind by a worker that dies.

use std::path::{Path, PathBuf};

use diesel::prelude::*;

use super::*;
use crate::clients::{self, Client};
use crate::identity::{NewPractice, Practice, World};
use crate::kernel::actor::Actor;
use crate::kernel::catalogue::Language;
use crate::kernel::clock::Clock;
use crate::kernel::db::{Address, Conn, Db};
use crate::kernel::error::Result;
use crate::kernel::operations;
use crate::schema::{audit_entries, changes, import_chunks};
use crate::views::{Asker, Listing, Lists};

pub(super) struct Place {
    pub(super) db: Db,
    pub(super) practice: Practice,
    folder: tempfile::TempDir,
}

pub(super) fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let address = Address::Sqlite(folder.path().join("klaar.db").display().to_string());
    let db = Db::open(&address, 4, Clock::system()).unwrap();
    db.migrate().unwrap();
    let new = NewPractice {
        name: "Maes".to_owned(),
        world: World::Test,
        time_zone: "Europe/Brussels".to_owned(),
        language: "nl".to_owned(),
        enterprise_number: None,
    };
    let practice = db.write(|tx| crate::custom_fields::establish_practice(tx, &Actor::operator(), &new)).unwrap();
    Place { db, practice, folder }
}

impl Place {
    pub(super) fn file(&self, bytes: &[u8]) -> PathBuf {
        let path = self.folder.path().join("list");
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn take_in_as(&self, text: &str, wish: &Wish) -> Report {
        import_file(&self.db, &self.practice, &Actor::operator(), &self.file(text.as_bytes()), wish).unwrap()
    }

    fn take_in(&self, text: &str) -> Report {
        self.take_in_as(text, &Wish::default())
    }

    fn clients(&self) -> Vec<Client> {
        let asker = Asker { practice: &self.practice, me: None, key: None, now: self.db.clock().now() };
        let read = |conn: &mut Conn| {
            let keys = Lists::new(0).keys(conn, &asker, &Listing::default(), &[])?.0;
            clients::with_keys(conn, &self.practice, &keys)
        };
        let mut clients = self.db.read(read).unwrap().0;
        clients.sort_by_key(|client| client.key);
        clients
    }

    fn export(&self, conn: &mut Conn, language: Language) -> Result<Export> {
        let asker = Asker { practice: &self.practice, me: None, key: None, now: self.db.clock().now() };
        let look = Look { format: Format::Csv, columns: None, language };
        Export::begin(conn, &Lists::new(0), &asker, &Listing::default(), &look)
    }

    /// How many entries the audit trail and the change log have.
    fn traces(&self) -> (i64, i64) {
        self.db
            .read(|conn| Ok((audit_entries::table.count().get_result(conn)?, changes::table.count().get_result(conn)?)))
            .unwrap()
    }
}

pub(super) fn found(report: &Report) -> Vec<(i64, &str, &str)> {
    report.findings.iter().map(|f| (f.line, f.column.as_str(), f.code.as_str())).collect()
}

pub(super) fn counts(report: &Report) -> (i64, i64, i64, i64, i64) {
    let Counts { rows, created, changed, unchanged, rejected, .. } = report.counts;
    (rows, created, changed, unchanged, rejected)
}

/// A list with every code; the first two lines and the last are right.
const EVERY_FAULT: &str = "Referentie;Naam;Ondernemingsnummer;BTW-nummer;BTW-plichtig;Land;Taal;E-mail;Beheerder;Start opdracht;Schoenmaat\r\n\
    R1;Colruyt;400378485;BE0400378485;ja;België;fr;an@alpha.example;Céline;25/01/2017;43\r\n\
    R2;\"Maes\r\nen zoon\";0202239951;;neen;be;NL;;Céline;;\r\n\
    R3;Proximus;be 0202 239 951;;neen;be;NL;;Bart;2020-02-01;\r\n\
    R4;;0214596464;;;;;;;;\r\n\
    R5;KBC;0403227516;;;;;;;;\r\n\
    R6;Belfius;;BE0000000000;;;;;;;\r\n\
    R7;Delhaize;;;misschien;;klingon;geen e-mail;;31/02/2020;\r\n\
    R8;NMBS;0400.378.485;;;;;;;;\r\n\
    R1;Solvay;0403091220;;;;;;;;\r\n\
    R9;UCB;0403053608;;;;;;;;;te veel\r\n\
    R10;\"Open;;;;;;;;;\r\n\
    \r\n\
    ;;;;;;;;;;\r\n\
    R11;Umicore;0401574852;;;;;;;;\r\n";

#[test]
fn every_line_gets_its_verdict_and_the_others_go_on() {
    let place = place();
    let dry = place.take_in_as(EVERY_FAULT, &Wish { dry_run: true, ..Wish::default() });
    assert!(place.clients().is_empty());
    let report = place.take_in(EVERY_FAULT);
    assert_eq!((dry.counts, &dry.findings), (report.counts, &report.findings), "a dry run says what happens");
    assert_eq!(
        found(&report),
        [
            (2, "Beheerder", "unknown_member"),
            (3, "Naam", "malformed"),
            (5, "Beheerder", "unknown_member"),
            (6, "Naam", "missing"),
            (7, "Ondernemingsnummer", "check_digits"),
            (8, "BTW-nummer", "check_digits"),
            (9, "BTW-plichtig", "unknown_value"),
            (9, "Taal", "unknown_value"),
            (9, "E-mail", "malformed"),
            (9, "Start opdracht", "impossible_date"),
            (10, "Ondernemingsnummer", "duplicate_in_file"),
            (11, "Referentie", "duplicate_in_file"),
            (12, "", "too_many_columns"),
            (13, "", "malformed"),
        ]
    );
    assert_eq!(counts(&report), (12, 3, 0, 0, 9));
    assert_eq!(report.unknown_columns, ["Schoenmaat"]);
    let colruyt = &place.clients()[0].card;
    assert_eq!(colruyt.enterprise_number.as_deref(), Some("0400378485"));
    assert_eq!(
        (colruyt.language.as_str(), colruyt.vat_liable, colruyt.mandate_start.as_deref()),
        ("fr", Some(true), Some("2017-01-25"))
    );
    for language in Language::ALL {
        for finding in &report.findings {
            let reason = finding.reason_in(language);
            assert!(!reason.is_empty() && !reason.contains(['{', '}']) && !reason.contains('_'), "{language} {reason}");
        }
    }
}

#[test]
fn taking_the_same_list_in_again_changes_nothing_and_leaves_no_trace() {
    let place = place();
    let list = "Naam;KBO;Referentie;Straat\nColruyt;0400378485;;Kerkstraat\nPeeters;;R2;Dorpsplein\nJan Janssens;;;Kerkstraat\n";
    assert_eq!(counts(&place.take_in(list)), (3, 3, 0, 0, 0));
    let traces = place.traces();
    assert_eq!(counts(&place.take_in(list)), (3, 0, 0, 3, 0));
    assert_eq!(place.traces(), traces);
}

#[test]
fn a_change_touches_what_the_file_says_and_nothing_else() {
    let place = place();
    place.take_in(
        "Naam;KBO;Referentie;E-mail;Gemeente;Taal\nColruyt;0400378485;R1;an@alpha.example;Halle;fr\nAlpha;;R2;;Gent;\n",
    );
    let report = place.take_in("Gemeente;Naam;KBO;E-mail\nLot;Colruyt;400378485;\n");
    assert_eq!(counts(&report), (1, 0, 1, 0, 0));
    let after = place.clients().remove(0);
    let card = &after.card;
    assert_eq!(
        (card.town.as_deref(), card.email.as_deref(), card.language.as_str()),
        (Some("Lot"), Some("an@alpha.example"), "fr")
    );
    assert_eq!((card.reference.as_deref(), after.revision), (Some("R1"), 2));
    let history = place.db.read(|conn| clients::history(conn, &place.practice, &after, (None, 10))).unwrap();
    assert_eq!(history.items[0].0.kind, "clients.imported");
    assert_eq!(history.items[0].1.len(), 1, "one value changed");
    let numbered = place.take_in("Naam;KBO;Referentie\nAlpha;0202239951;R2\n");
    assert_eq!(counts(&numbered), (1, 0, 1, 0, 0), "a client known by its reference gets its number");
}

#[test]
fn a_reference_of_another_client_is_a_duplicate_that_names_it() {
    let place = place();
    place.take_in("Naam;KBO;Referentie\nColruyt;0400378485;R1\nProximus;0202239951;R2\n");
    let report = place.take_in("Naam;KBO;Referentie\nColruyt;0400378485;R2\nbpost;0214596464;R1\n");
    assert_eq!(found(&report), [(2, "Referentie", "duplicate"), (3, "Referentie", "duplicate")]);
    assert!(report.findings[0].reason_in(Language::En).contains("Proximus"));
    // What an earlier line gives up, a later one may take; a dry run knows that too.
    let moved = "Naam;KBO;Referentie\nColruyt;0400378485;R9\nbpost;0214596464;R1\n";
    let dry = place.take_in_as(moved, &Wish { dry_run: true, ..Wish::default() });
    assert_eq!(counts(&dry), (2, 1, 1, 0, 0));
    assert_eq!(counts(&place.take_in(moved)), (2, 1, 1, 0, 0));
}

#[test]
fn two_lines_that_mean_one_client_by_different_numbers_are_duplicates() {
    let place = place();
    place.take_in("Naam;KBO;Referentie\nColruyt;0400378485;R1\n");
    let report = place.take_in("Naam;KBO;Referentie\nColruyt NV;0400378485;\nColruyt Group;;R1\n");
    assert_eq!(found(&report), [(3, "Referentie", "duplicate_in_file")]);
}

#[test]
fn the_same_list_is_read_in_every_encoding_and_with_every_separator() {
    let list = "Naam;Ondernemingsnummer;Taal\r\nZoë Łódź;0400378485;Français\r\n";
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(list.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let latin =
        list.replace("Łó", "Lo").replace('ź', "z").chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    let files: Vec<Vec<u8>> = vec![
        list.into(),
        utf16,
        latin,
        list.replace(';', ",").into(),
        list.replace(';', "\t").into(),
        list.replace(';', "|").into(),
    ];
    for bytes in files {
        let place = place();
        let report =
            import_file(&place.db, &place.practice, &Actor::operator(), &place.file(&bytes), &Wish::default()).unwrap();
        assert_eq!(counts(&report), (1, 1, 0, 0, 0));
        let card = place.clients().remove(0).card;
        assert!(card.name.starts_with("Zoë"), "{}", card.name);
        assert_eq!(card.language, "fr");
    }
}

#[test]
fn a_file_of_something_else_is_refused() {
    let place = place();
    for (bytes, code) in [
        ("", "file_empty"),
        ("\n\n", "file_empty"),
        ("Straat;Saldo\nx;1\n", "name_column_missing"),
        ("\"Naam;x\ny", "header_unreadable"),
    ] {
        let refused = import_file(
            &place.db,
            &place.practice,
            &Actor::operator(),
            &place.file(bytes.as_bytes()),
            &Wish::default(),
        );
        let Err(crate::kernel::error::Error::Invalid(errors)) = refused else { panic!("{code}") };
        assert_eq!(errors[0].code, code);
    }
}

#[test]
fn our_own_export_comes_back_unchanged() {
    let place = place();
    let list = "Naam;KBO;Referentie;Telefoon;Website;Peppol ID;Straat;Beheerder;BTW-plichtig;Land;Taal;Overheid;Start opdracht\n\
        '=cmd|x;0400378485;-1;+32 2 555 01 02;garage.example;0088:5412345000013 0208:0202239951;\"Rue \"\"d'Église\"\"; bus 3\";Céline;ja;BE;fr;neen;25/01/2017\n\
        ''@home;;'+R;0475 12 34 56;;;;;;NL;;ja;\n";
    assert_eq!(counts(&place.take_in(list)), (2, 2, 0, 0, 0));
    let names: Vec<String> = place.clients().into_iter().map(|client| client.card.name).collect();
    assert_eq!(names, ["=cmd|x", "'@home"]);
    let traces = place.traces();
    for language in Language::ALL {
        let mut export = place.db.read(|conn| place.export(conn, language)).unwrap();
        let mut bytes = Vec::new();
        while let Some(piece) = export.next(&place.db).unwrap() {
            bytes.extend(piece);
        }
        let text = String::from_utf8(bytes).unwrap();
        for cell in text.trim_start_matches('\u{feff}').split([';', '\r', '\n']) {
            assert!(!cell.starts_with(['=', '+', '-', '@']), "{cell}");
        }
        let report = place.take_in(&text);
        assert_eq!(counts(&report), (2, 0, 0, 2, 0), "{language} {text} {:?}", report.findings);
        assert_eq!(report.unknown_columns, Vec::<String>::new());
    }
    assert_eq!(place.traces(), traces);
}

/// A list over several pages, with a fault on every tenth line and every number twice.
fn long_list(lines: u32) -> String {
    let line = |at: u32| {
        let base = at % (lines / 2) + 1;
        let number = base * 100 + (97 - base % 97);
        let language = if at % 10 == 3 { "klingon" } else { "nl" };
        format!("Klant {at};{number:010};{language}\r\n")
    };
    format!("Naam;KBO;Taal\r\n{}", (0..lines).map(line).collect::<String>())
}

fn upload(place: &Place, text: &str, wish: &Wish) -> ImportClients {
    let mut upload = Upload::begin(&place.db, &place.practice, &Actor::operator(), wish).unwrap();
    text.as_bytes().chunks(10_000).for_each(|chunk| upload.take(chunk).unwrap());
    let (id, header) = (upload.id(), upload.header(wish).unwrap());
    place.db.write(|tx| submit(tx, &place.practice, &Actor::operator(), id, &header)).unwrap();
    upload.let_go().unwrap();
    ImportClients { practice: place.practice.id, import: id }
}

fn read_import(place: &Place, job: &ImportClients) -> Import {
    place.db.read(|conn| find(conn, &place.practice, job.import)).unwrap()
}

#[test]
fn a_worker_that_dies_between_pages_is_followed_by_one_that_does_no_line_twice() {
    let list = long_list(3_000);
    for dry_run in [false, true] {
        let (whole, torn) = (place(), place());
        let wish = Wish { dry_run, ..Wish::default() };
        let report = whole.take_in_as(&list, &wish);
        let job = upload(&torn, &list, &wish);
        let mut pages = 0;
        loop {
            // Each run does a page or two and is then forgotten, as if the process were gone.
            let Some(mut work) = Work::resume(&torn.db, &job).unwrap() else {
                break;
            };
            let done =
                (0..if dry_run && pages > 0 { 100 } else { 2 }).any(|_| work.page(&torn.db).unwrap() == Progress::Done);
            pages += 1;
            assert!(pages < 20);
            if done {
                work.clear(&torn.db).unwrap();
                torn.db.write(|tx| work.finish(tx)).unwrap();
            }
        }
        let import = read_import(&torn, &job);
        assert_eq!((import.status, import.counts), (Status::Finished, report.counts));
        let findings = torn.db.read(|conn| list_findings(conn, &import, None, (None, 5_000))).unwrap().items;
        assert_eq!(findings, report.findings);
        assert_eq!(torn.clients().len(), whole.clients().len());
        assert_eq!(torn.db.read(|conn| Ok(import_chunks::table.count().get_result::<i64>(conn)?)).unwrap(), 0);
        let operation =
            torn.db.read(|conn| operations::find(conn, torn.practice.uid(), import.operation.unwrap())).unwrap();
        assert_eq!((operation.done, operation.total, operation.failed), (3_000, Some(3_000), import.counts.rejected));
        assert_eq!(operation.status, operations::Status::Finished);
    }
}

#[test]
fn a_worker_that_was_overtaken_writes_nothing_more() {
    let place = place();
    let job = upload(&place, &long_list(2_000), &Wish::default());
    let mut slow = Work::resume(&place.db, &job).unwrap().unwrap();
    slow.page(&place.db).unwrap();
    let mut quick = Work::resume(&place.db, &job).unwrap().unwrap();
    quick.page(&place.db).unwrap();
    let before = place.clients().len();
    assert!(matches!(slow.page(&place.db), Err(crate::kernel::error::Error::Stale)));
    assert_eq!(place.clients().len(), before);
}

#[test]
fn an_upload_that_nobody_takes_over_leaves_nothing() {
    let place = place();
    let mut upload = Upload::begin(&place.db, &place.practice, &Actor::operator(), &Wish::default()).unwrap();
    upload.take(b"Naam\nx\n").unwrap();
    let id = upload.id();
    assert!(place.db.read(|conn| find(conn, &place.practice, id)).is_err());
    upload.let_go().unwrap();
    assert_eq!(place.db.read(|conn| Ok(import_chunks::table.count().get_result::<i64>(conn)?)).unwrap(), 0);
}

/// The list that a Belgian practice gave us, when the tests are told where it is.
#[test]
fn a_list_from_a_practice_gives_what_it_must() {
    let Ok(folder) = std::env::var("KLAAR_CLIENT_LISTS") else {
        return eprintln!("skipped: KLAAR_CLIENT_LISTS is not set");
    };
    let expected: serde_json::Value =
        serde_json::from_slice(&std::fs::read(Path::new(&folder).join("clients-nl.expected.json")).unwrap()).unwrap();
    let place = place();
    let path = Path::new(&folder).join("clients-nl.csv");
    let report = import_file(&place.db, &place.practice, &Actor::operator(), &path, &Wish::default()).unwrap();
    assert_eq!(
        (Some(report.counts.rows), Some(report.counts.accepted)),
        (expected["rows"].as_i64(), expected["accepted"].as_i64())
    );
    for (what, column, code) in [
        ("date impossible", "Start opdracht", "impossible_date"),
        ("name missing", "Naam", "missing"),
        ("language unknown", "Taal", "unknown_value"),
        ("e-mail malformed", "E-mail", "malformed"),
        ("VAT number check digits", "BTW-nummer", "check_digits"),
        ("enterprise number check digits", "Ondernemingsnummer", "check_digits"),
        ("enterprise number twice in the file", "Ondernemingsnummer", "duplicate_in_file"),
        ("too many columns", "", "too_many_columns"),
    ] {
        let lines: Vec<i64> =
            expected["rejected"][what].as_array().unwrap().iter().filter_map(serde_json::Value::as_i64).collect();
        let found: Vec<i64> = report
            .findings
            .iter()
            .filter(|f| (f.column.as_str(), f.code.as_str()) == (column, code))
            .map(|f| f.line)
            .collect();
        assert_eq!(found, lines, "{what}");
    }
    let refusals = report.findings.iter().filter(|f| f.weight == Weight::Rejected).count();
    assert_eq!(i64::try_from(refusals).unwrap(), report.counts.rejected, "nothing else is wrong with them");
    let again = import_file(&place.db, &place.practice, &Actor::operator(), &path, &Wish::default()).unwrap();
    assert_eq!((again.counts.created, again.counts.changed), (0, 0));
}

/// Somebody changes the fields while a list comes in: what was read by the old ones is read again by the new.
#[test]
fn fields_that_change_in_between_are_seen_before_the_next_page() {
    let place = place();
    let list = "Naam;Klaar voor PEPPOL?\n".to_owned() + &(0..3_000).map(|at| format!("K{at};ja\n")).collect::<String>();
    let job = upload(&place, &list, &Wish::default());
    let mut work = Work::resume(&place.db, &job).unwrap().unwrap();
    work.page(&place.db).unwrap();
    let catalogue = place.db.read(|conn| crate::custom_fields::catalogue(conn, &place.practice)).unwrap();
    let ready = catalogue.by_slug("ready").unwrap();
    let off = crate::custom_fields::FieldChange {
        active: crate::kernel::patch::Patch::Value(false),
        ..crate::custom_fields::FieldChange::default()
    };
    let seen = (ready.id, ready.revision);
    place
        .db
        .write(|tx| crate::custom_fields::change_field(tx, &place.practice, &Actor::operator(), seen, off))
        .unwrap();
    while work.page(&place.db).unwrap() == Progress::Going {}
    let values: Vec<usize> = place.clients().iter().map(|client| client.values.len()).collect();
    assert_eq!((values[0], values[1_999], values[2_000], values.len()), (1, 1, 0, 3_000));
}
