//! Client lists in and out through the front door.

use klaar_domain::transfers::ImportClients;
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::house::House;

pub async fn house() -> (House, Client) {
    let house = House::open().await;
    let practice = house.practice("Maes & Partners");
    let client = house.may_everything(&practice);
    (house, client)
}

pub async fn send(api: &Client, query: &str, bytes: impl Into<Vec<u8>>) -> Answer {
    api.send_bytes(Method::POST, &format!("/v1/client-imports{query}"), Some(("text/csv", bytes.into()))).await
}

/// The same with a workbook.
pub async fn send_workbook(api: &Client, query: &str, bytes: Vec<u8>) -> Answer {
    let kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    api.send_bytes(Method::POST, &format!("/v1/client-imports{query}"), Some((kind, bytes))).await
}

/// Sends a workbook, runs the jobs and reads the import.
pub async fn take_in_workbook(house: &House, api: &Client, query: &str, bytes: Vec<u8>) -> Value {
    let operation = send_workbook(api, query, bytes).await.expect(202);
    house.run_jobs().await;
    import_of(api, &operation).await
}

/// Sends a list, runs the jobs and reads the import.
pub async fn take_in(house: &House, api: &Client, query: &str, bytes: impl Into<Vec<u8>>) -> Value {
    let operation = send(api, query, bytes).await.expect(202);
    house.run_jobs().await;
    import_of(api, &operation).await
}

pub async fn import_of(api: &Client, operation: &Value) -> Value {
    let operation = api.get(&format!("/v1/operations/{}", operation["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(operation["status"], "finished", "{operation}");
    api.get(&format!("/v1/client-imports/{}", operation["result"]["import_id"].as_str().unwrap())).await.expect(200)
}

pub async fn findings(api: &Client, import: &Value, query: &str) -> Value {
    api.get(&format!("/v1/client-imports/{}/findings{query}", import["id"].as_str().unwrap())).await.expect(200)
}

pub fn counts(import: &Value) -> Vec<i64> {
    ["rows", "accepted", "created", "changed", "unchanged", "rejected"]
        .iter()
        .map(|name| import[*name].as_i64().unwrap())
        .collect()
}

pub fn codes(findings: &Value) -> Vec<(i64, &str, &str)> {
    let text = |finding: &Value, name: &str| -> String { finding[name].as_str().unwrap().to_owned() };
    let items = findings["items"].as_array().unwrap();
    assert!(items.iter().all(|f| !text(f, "reason").is_empty() && !text(f, "reason").contains(['{', '}'])));
    items
        .iter()
        .map(|f| (f["line"].as_i64().unwrap(), f["column"].as_str().unwrap(), f["code"].as_str().unwrap()))
        .collect()
}

const LIST: &str = "Referentie;Naam;Ondernemingsnummer;BTW-nummer;Taal;E-mail;Telefoon;Beheerder;Start opdracht;Saldo\r\n\
    R1;Colruyt;400378485;BE0400378485;fr;an@alpha.example;+32 2 555 01 02;Céline;25/01/2017;1\r\n\
    R2;Proximus;be 0202 239 951;;NL;;;;;\r\n\
    R3;;0214596464;;;;;;;\r\n\
    R4;KBC;0403227516;;;;;;;\r\n\
    R5;Belfius;;BE0000000000;;;;;;\r\n\
    R6;Delhaize;;;klingon;;;;;\r\n\
    R7;NMBS;;;;geen e-mail;;;;\r\n\
    R8;Solvay;;;;;;;31/02/2020;\r\n\
    R9;UCB;0400.378.485;;;;;;;\r\n\
    R10;Umicore;;;;;;;;;te veel\r\n\
    R11;Barco;0473191041;;;;;;;\r\n";

#[tokio::test]
async fn a_dry_run_reports_every_line_and_writes_nothing() {
    let (house, api) = house().await;
    let import = take_in(&house, &api, "?dry_run=true&filename=klanten.csv", LIST).await;
    assert_eq!(counts(&import), [11, 3, 3, 0, 0, 8]);
    assert_eq!(
        (&import["dry_run"], &import["filename"], &import["encoding"]),
        (&json!(true), &json!("klanten.csv"), &json!("utf-8"))
    );
    assert_eq!(import["unknown_columns"], json!(["Saldo"]));
    assert_eq!(import["columns"]["Start opdracht"], "mandate_start");
    let rejected = findings(&api, &import, "?weight=rejected").await;
    assert_eq!(
        codes(&rejected),
        [
            (4, "Naam", "missing"),
            (5, "Ondernemingsnummer", "check_digits"),
            (6, "BTW-nummer", "check_digits"),
            (7, "Taal", "unknown_value"),
            (8, "E-mail", "malformed"),
            (9, "Start opdracht", "impossible_date"),
            (10, "Ondernemingsnummer", "duplicate_in_file"),
            (11, "", "too_many_columns"),
        ]
    );
    let values: Vec<&Value> = rejected["items"].as_array().unwrap().iter().map(|one| &one["params"]["value"]).collect();
    assert!(values[0].is_null() && values[1..6].iter().all(|value| value.is_string()), "what cells have: {values:?}");
    assert_eq!(codes(&findings(&api, &import, "?weight=note").await), [(2, "Beheerder", "unknown_member")]);
    let dutch = findings(&api.with("accept-language", "nl"), &import, "?weight=rejected&limit=1").await;
    assert_eq!(dutch["items"][0]["reason"], "Vul dit in.");
    assert!(dutch["next_cursor"].is_string());
    assert_eq!(api.get("/v1/clients").await.expect(200)["total"], 0);
}

#[tokio::test]
async fn a_list_is_taken_in_and_taking_it_in_again_changes_nothing() {
    let (house, api) = house().await;
    assert_eq!(counts(&take_in(&house, &api, "", LIST).await), [11, 3, 3, 0, 0, 8]);
    let clients = api.get("/v1/clients?sort=created_at").await.expect(200);
    assert_eq!(clients["total"], 3);
    let colruyt = &clients["items"][0];
    assert_eq!(
        (&colruyt["enterprise_number"], &colruyt["language"], &colruyt["mandate_start"]),
        (&json!("0400378485"), &json!("fr"), &json!("2017-01-25"))
    );
    assert_eq!(colruyt["responsible"], json!({ "member_id": null, "name": "Céline" }));
    let trail = api.get("/v1/audit-entries").await.expect(200);
    let entry = trail["items"].as_array().unwrap().iter().find(|entry| entry["kind"] == "clients.imported").unwrap();
    assert_eq!((&entry["source"], entry["operation_id"].is_string()), (&json!("import"), true));
    assert_eq!(counts(&take_in(&house, &api, "", LIST).await), [11, 3, 0, 0, 3, 8]);
    assert_eq!(api.get("/v1/clients?sort=created_at").await.expect(200)["items"], clients["items"]);
    assert_eq!(api.get("/v1/audit-entries").await.expect(200)["items"], trail["items"]);
    let changed = take_in(&house, &api, "", "Naam;KBO;Gemeente\nColruyt;0400378485;Halle\n").await;
    assert_eq!(counts(&changed), [1, 1, 0, 1, 0, 0]);
    let after = api.get(&format!("/v1/clients/{}", colruyt["id"].as_str().unwrap())).await.expect(200);
    assert_eq!((&after["town"], &after["email"]), (&json!("Halle"), &json!("an@alpha.example")));
}

#[tokio::test]
async fn a_reference_of_another_client_is_a_duplicate() {
    let (house, api) = house().await;
    take_in(&house, &api, "", "Naam;KBO;Ref\nColruyt;0400378485;R1\nProximus;0202239951;R2\n").await;
    let import = take_in(&house, &api, "", "Naam;KBO;Ref\nColruyt;0400378485;R2\n").await;
    let found = findings(&api, &import, "").await;
    assert_eq!(codes(&found), [(2, "Ref", "duplicate")]);
    assert_eq!(found["items"][0]["params"], json!({ "client_name": "Proximus" }));
}

#[tokio::test]
async fn a_mapping_names_columns_and_its_faults_are_told() {
    let (house, api) = house().await;
    let list = "K1;K2;Naam\nColruyt;0400378485;onzin\n";
    let import = take_in(
        &house,
        &api,
        "?mapping=%7B%22K1%22%3A%22name%22%2C%22K2%22%3A%22enterprise_number%22%2C%22Naam%22%3Anull%7D",
        list,
    )
    .await;
    assert_eq!(counts(&import), [1, 1, 1, 0, 0, 0]);
    assert_eq!(import["unknown_columns"], json!([]));
    for (query, pointer, code) in [
        ("?mapping=%7B%22K9%22%3Anull%7D", "/mapping/K9", "unknown_column"),
        ("?mapping=%7B%22K1%22%3A%22shoe%22%7D", "/mapping/K1", "unknown_card_field"),
        ("?mapping=x", "/mapping", "malformed_mapping"),
        ("?mapping=%7B%22Naam%22%3Anull%7D", "/", "name_column_missing"),
    ] {
        let answer = send(&api, query, list).await;
        answer.expect(422);
        assert_eq!(answer.wrong_fields(), [(pointer.to_owned(), code.to_owned())]);
    }
}

#[tokio::test]
async fn what_is_no_list_is_refused_at_once() {
    let (_house, api) = house().await;
    let path = "/v1/client-imports";
    assert_eq!(api.post(path, &json!({})).await.expect(415)["code"], "wrong_content_type");
    assert_eq!(send(&api, "", "").await.expect(422)["errors"][0]["code"], "file_empty");
    assert_eq!(
        send(&api, "", "<html><body>no list</body></html>").await.expect(422)["errors"][0]["code"],
        "name_column_missing"
    );
    assert_eq!(send(&api, "", vec![b'x'; 64 * 1024 * 1024 + 1]).await.expect(413)["code"], "too_large");
    assert_eq!(api.get("/v1/operations").await.expect(200)["items"], json!([]));
}

#[tokio::test]
async fn an_import_whose_job_died_says_so_and_goes_on_when_it_is_retried() {
    let (house, api) = house().await;
    let operation = send(&api, "", "naam\nJan\n").await.expect(202);
    assert_eq!(operation["dead_job_id"], Value::Null);
    let job = house.bury_a_waiting::<ImportClients>();
    let path = format!("/v1/operations/{}", operation["id"].as_str().unwrap());
    let stalled = api.get(&path).await.expect(200);
    assert_eq!((&stalled["status"], &stalled["dead_job_id"]), (&json!("waiting"), &json!(job)));
    assert_eq!(api.get("/v1/operations").await.expect(200)["items"][0], stalled);
    assert_eq!(api.post(&format!("/v1/dead-jobs/{job}/retry"), &json!({})).await.status, 204);
    assert_eq!(api.get(&path).await.expect(200)["dead_job_id"], Value::Null);
    house.run_jobs().await;
    assert_eq!(counts(&import_of(&api, &operation).await), [1, 1, 1, 0, 0, 0]);
}

#[tokio::test]
async fn a_repeated_upload_is_taken_in_once() {
    let (house, api) = house().await;
    let keyed = api.with("idempotency-key", "monday");
    let first = send(&keyed, "", LIST).await;
    let second = send(&keyed, "", LIST).await;
    assert_eq!(first.expect(202)["id"], second.expect(202)["id"]);
    assert_eq!(first.header("location"), second.header("location"));
    assert_eq!(send(&keyed, "", "Naam\nAnders\n").await.expect(409)["code"], "idempotency_key_reused");
    house.run_jobs().await;
    assert_eq!(counts(&import_of(&api, &first.json()).await)[2], 3);
    assert_eq!(api.get("/v1/operations").await.expect(200)["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_import_is_found_by_its_operation_and_by_nobody_elses_practice() {
    let (house, api) = house().await;
    let operation = send(&api, "", LIST).await.expect(202);
    let waiting = api.get(&format!("/v1/client-imports/{}", operation["id"].as_str().unwrap())).await.expect(200);
    assert_eq!((&waiting["status"], &waiting["operation_id"]), (&json!("waiting"), &operation["id"]));
    let other = house.may_everything(&house.practice("Another practice"));
    other.get(&format!("/v1/client-imports/{}", waiting["id"].as_str().unwrap())).await.expect(404);
    other.get(&format!("/v1/client-imports/{}/findings", waiting["id"].as_str().unwrap())).await.expect(404);
}

#[tokio::test]
async fn a_long_list_comes_in_over_several_pages() {
    let (house, api) = house().await;
    let line = |at: u32| format!("Klant {at};{:010}\n", at * 100 + (97 - at % 97));
    let list = format!("Naam;KBO\n{}", (1..=2_345).map(line).collect::<String>());
    assert_eq!(counts(&take_in(&house, &api, "", list.clone()).await), [2_345, 2_345, 2_345, 0, 0, 0]);
    assert_eq!(counts(&take_in(&house, &api, "", list).await), [2_345, 2_345, 0, 0, 2_345, 0]);
}

#[tokio::test]
async fn an_export_is_safe_for_spreadsheets_and_comes_back_unchanged() {
    let (house, api) = house().await;
    take_in(&house, &api, "", LIST).await;
    let fields = json!({ "comments": "=HYPERLINK(\"x\")\nregel twee", "ready": true, "receive_software": "Odoo" });
    api.post("/v1/clients", &json!({ "name": "-Peeters; \"De\"", "phone": "+32 9 555", "fields": fields }))
        .await
        .expect(201);
    let before = api.get("/v1/clients?sort=created_at").await.expect(200);
    for (language, name) in [("nl", "Naam"), ("fr", "Nom"), ("de", "Name"), ("en", "Name")] {
        let answer = api.with("accept-language", language).get("/v1/client-export").await;
        assert_eq!(answer.status, 200);
        assert!(answer.header("content-type").starts_with("text/csv"));
        let text = String::from_utf8(answer.body).unwrap();
        assert!(
            text.starts_with('\u{feff}') && text.lines().next().unwrap().split(';').any(|cell| cell == name),
            "{text}"
        );
        assert!(text.contains(";'+32 2 555 01 02;") && text.contains("\"'=HYPERLINK(\"\"x\"\")"), "{text}");
        let import = take_in(&house, &api, "", text).await;
        assert_eq!(counts(&import), [4, 4, 0, 0, 4, 0], "{import}");
    }
    assert_eq!(api.get("/v1/clients?sort=created_at").await.expect(200), before);
    let some = api.get("/v1/client-export?search=colruyt").await;
    assert_eq!(String::from_utf8(some.body).unwrap().lines().count(), 2);
}
