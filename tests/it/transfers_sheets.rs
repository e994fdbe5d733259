//! Workbooks in and out through the front door.

use std::io::Cursor;

use calamine::{Data, Reader as _, Xlsx};
use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook};
use serde_json::{Value, json};

use crate::transfers::{codes, counts, findings, house, send, send_workbook, take_in, take_in_workbook};

/// A workbook as people make them: numbers as numbers, days as days, a title merged over the columns of another sheet.
fn workbook() -> Vec<u8> {
    let mut workbook = Workbook::new();
    let day = Format::new().set_num_format("dd/mm/yyyy");
    let sheet = workbook.add_worksheet().set_name("Klanten").unwrap();
    let header = [
        "Referentie",
        "Naam",
        "Ondernemingsnummer",
        "BTW-plichtig",
        "Start opdracht",
        "Postcode",
        "Klaar voor PEPPOL?",
    ];
    for (column, name) in (0..).zip(header) {
        sheet.write_string(2, column, name).unwrap();
    }
    sheet.write_number(3, 0, 17).unwrap();
    sheet.write_string(3, 1, "Colruyt").unwrap();
    sheet.write_number(3, 2, 400_378_485).unwrap();
    sheet.write_boolean(3, 3, true).unwrap();
    sheet.write_datetime_with_format(3, 4, ExcelDateTime::from_ymd(2017, 1, 25).unwrap(), &day).unwrap();
    sheet.write_number(3, 5, 1500).unwrap();
    sheet.write_formula(3, 6, Formula::new("=IF(TRUE,\"ja\",\"nee\")").set_result("ja")).unwrap();
    sheet.write_string(5, 1, "Proximus").unwrap();
    sheet.write_formula(5, 2, Formula::new("=VLOOKUP(1,A1:B2,2)").set_result("#N/A")).unwrap();
    sheet.write_string(6, 0, "te veel").unwrap();
    sheet.write_formula(7, 1, Formula::new("=\"KB\"&\"C\"").set_result("KBC")).unwrap();
    sheet.write_string(7, 8, "te veel").unwrap();
    let other = workbook.add_worksheet().set_name("Oud & nieuw").unwrap();
    other.merge_range(0, 0, 0, 1, "Naam", &Format::new()).unwrap();
    other.write_string(1, 0, "Barco").unwrap();
    workbook.save_to_buffer().unwrap()
}

#[tokio::test]
async fn a_workbook_is_taken_in_like_a_text_file() {
    let (house, api) = house().await;
    let dry = take_in_workbook(&house, &api, "?dry_run=true&filename=klanten.xlsx", workbook()).await;
    let import = take_in_workbook(&house, &api, "", workbook()).await;
    assert_eq!(counts(&import), [4, 1, 1, 0, 0, 3]);
    assert_eq!(counts(&dry), counts(&import));
    assert_eq!(
        (&import["format"], &import["encoding"], &import["sheet"]),
        (&json!("xlsx"), &Value::Null, &Value::Null)
    );
    assert_eq!(import["columns"]["Klaar voor PEPPOL?"], "fields.ready");
    let found = findings(&api, &import, "").await;
    assert_eq!(
        codes(&found),
        [(6, "Ondernemingsnummer", "cell_error"), (7, "Naam", "missing"), (8, "", "too_many_columns")]
    );
    assert_eq!(found["items"][0]["params"], json!({ "error": "#N/A" }));
    let client = api.get("/v1/clients").await.expect(200)["items"][0].clone();
    let card = ["reference", "enterprise_number", "vat_liable", "mandate_start", "postcode"].map(|name| &client[name]);
    assert_eq!(card, [&json!("17"), &json!("0400378485"), &json!(true), &json!("2017-01-25"), &json!("1500")]);
    assert_eq!((&client["fields"], &client["revision"]), (&json!({ "ready": true }), &json!(1)));
    let history = api.get(&format!("/v1/clients/{}/history", client["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(history["items"].as_array().unwrap().len(), 1, "one entry: {history}");
    assert_eq!(counts(&take_in_workbook(&house, &api, "", workbook()).await), [4, 1, 0, 0, 1, 3]);
}

#[tokio::test]
async fn a_sheet_is_chosen_by_its_name() {
    let (house, api) = house().await;
    let import = take_in_workbook(&house, &api, "?sheet=oud%20%26%20NIEUW", workbook()).await;
    assert_eq!(counts(&import), [1, 1, 1, 0, 0, 0]);
    let refused = send_workbook(&api, "?sheet=Leveranciers", workbook()).await;
    refused.expect(422);
    assert_eq!(refused.wrong_fields(), [("/sheet".to_owned(), "unknown_sheet".to_owned())]);
    assert_eq!(refused.json()["errors"][0]["params"]["values"], "Klanten, Oud & nieuw");
    assert_eq!(send(&api, "?sheet=x", "Naam\nX\n").await.wrong_fields()[0].1, "no_sheets");
}

#[tokio::test]
async fn a_file_must_be_what_it_is_said_to_be() {
    let (_house, api) = house().await;
    let lying = send(&api, "", workbook()).await;
    assert_eq!(lying.expect(415)["code"], "content_type_mismatch");
    assert_eq!(lying.json()["params"]["said"], "text/csv");
    assert_eq!(send_workbook(&api, "", b"Naam\nX\n".to_vec()).await.expect(415)["code"], "content_type_mismatch");
    let old = [&[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1][..], &[0; 600]].concat();
    let refused = send_workbook(&api, "", old).await.expect(422);
    assert_eq!(
        (&refused["errors"][0]["code"], &refused["errors"][0]["params"]["format"]),
        (&json!("wrong_workbook"), &json!("XLS"))
    );
    assert_eq!(send_workbook(&api, "", b"PK\x03\x04rubbish".to_vec()).await.wrong_fields()[0].1, "workbook_unreadable");
    assert_eq!(api.get("/v1/operations").await.expect(200)["items"], json!([]));
}

#[tokio::test]
async fn an_export_is_a_workbook_that_spreadsheets_understand() {
    let (house, api) = house().await;
    take_in(&house, &api, "", "Naam;KBO;Start opdracht;Opmerkingen\n=1+1;0400378485;25/01/2017;-\n").await;
    let answer = api
        .with("accept-language", "nl")
        .get("/v1/client-export?format=xlsx&columns=name,fields.comments,mandate_start,registration.state,created_at")
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-disposition"), "attachment; filename=\"clients.xlsx\"");
    assert!(answer.header("content-type").ends_with("spreadsheetml.sheet"));
    let mut book: Xlsx<_> = Xlsx::new(Cursor::new(answer.body)).unwrap();
    let sheet = book.worksheet_range_at(0).unwrap().unwrap();
    let rows: Vec<&[Data]> = sheet.rows().collect();
    let text = |text: &str| Data::String(text.to_owned());
    assert_eq!(rows[0], ["Naam", "Opmerkingen", "Start opdracht", "Peppol-status", "Aangemaakt op"].map(text));
    assert_eq!(rows[1][..2], [text("=1+1"), text("-")]);
    assert!(matches!(&rows[1][2], Data::DateTime(day) if day.as_f64() == 42_760.0), "{:?}", rows[1]);
    assert_eq!(rows[1][3], Data::Empty);
    assert!(matches!(rows[1][4], Data::DateTime(_)));
    assert!(book.worksheet_formula("Sheet1").unwrap().is_empty());
    for (query, code) in [
        ("columns=name,shoe", "unknown_field"),
        ("columns=name,fields.shoe", "unknown_field"),
        ("columns=name,name", "twice"),
        ("columns=search", "unknown_field"),
    ] {
        let refused = api.get(&format!("/v1/client-export?{query}")).await;
        assert_eq!(refused.wrong_fields(), [("/columns".to_owned(), code.to_owned())], "{query}");
    }
    let some = api.get("/v1/client-export?columns=fields.registered_on,name").await;
    let text = String::from_utf8(some.body).unwrap();
    assert_eq!(text.lines().collect::<Vec<_>>(), ["\u{feff}Registered on PEPPOL;Name", ";'=1+1"]);
}
