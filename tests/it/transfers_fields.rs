//! Custom fields as columns of lists, in and out.

use serde_json::{Value, json};

use crate::client::Client;
use crate::custom_fields_managed::{field, text};
use crate::transfers::{codes, counts, findings, house, send, take_in, take_in_workbook};

/// One field of every kind that people set, each called like its kind.
async fn every_kind(api: &Client) {
    for kind in ["text", "long_text", "number", "amount", "date", "yes_no", "member", "client", "link", "document"] {
        field(api, kind, kind, &[]).await;
    }
    field(api, "one", "choice", &["Ja, graag", "Neen"]).await;
    field(api, "many", "multi_choice", &["A", "B", "A, B", "\"C\""]).await;
}

async fn all(api: &Client) -> Value {
    api.get("/v1/clients?sort=created_at").await.expect(200)["items"].clone()
}

fn fields(client: &Value) -> Value {
    client["fields"].clone()
}

#[tokio::test]
async fn an_export_of_every_kind_of_field_comes_back_unchanged_in_both_formats() {
    let (house, api) = house().await;
    every_kind(&api).await;
    // A field whose name means the name of the client, and one whose name means another field, too.
    field(&api, "klant", "text", &[]).await;
    let twin = json!({ "category_id": api.get("/v1/field-categories").await.expect(200)["items"][0]["id"], "slug": "twin", "kind": "text", "names": { "en": "text" } });
    api.post("/v1/fields", &twin).await.expect(201);
    let member = json!({ "email": "an@maes.example", "name": "An Maes", "role": "staff" });
    let member = api.post("/v1/members", &member).await.expect(201)["member"]["id"].clone();
    let other = api.post("/v1/clients", &json!({ "name": "Maes (en zoon)" })).await.expect(201);
    let values = json!({
        "text": "=1+1", "long_text": "'@een\r\ntwee _x0041_", "number": 1.125, "amount": "-1250.50", "date": "2017-01-25",
        "yes_no": false, "client": other["id"], "link": "https://a.be/?b=c", "member": member, "klant": "0475", "twin": "x",
        "document": { "name": "Mandaat", "url": "https://a.be/m" }, "one": "Ja, graag", "many": ["A", "B", "\"C\""],
    });
    api.post("/v1/clients", &json!({ "name": "Alles", "fields": values })).await.expect(201);
    let further = json!({ "date": "1850-01-01", "number": -12_345_678, "many": ["A, B"], "amount": "0.05", "yes_no": true, "one": "Neen" });
    api.post("/v1/clients", &json!({ "name": "Verder", "mandate_start": "1890-02-03", "fields": further }))
        .await
        .expect(201);
    let (before, trail) = (all(&api).await, api.get("/v1/audit-entries").await.expect(200));
    for language in ["nl", "fr", "de", "en"] {
        let api = api.with("accept-language", language);
        let text = String::from_utf8(api.get("/v1/client-export").await.body).unwrap();
        let import = take_in(&house, &api, "", text).await;
        assert_eq!(counts(&import), [3, 3, 0, 0, 3, 0], "{}", findings(&api, &import, "").await);
        assert_eq!(codes(&findings(&api, &import, "").await), [(1, "document", "holds_documents")]);
        assert_eq!(import["columns"]["fields.klant"], "fields.klant", "{import}");
        let book = api.get("/v1/client-export?format=xlsx").await.body;
        let import = take_in_workbook(&house, &api, "", book).await;
        assert_eq!(counts(&import), [3, 3, 0, 0, 3, 0], "{}", findings(&api, &import, "").await);
        assert_eq!(import["unknown_columns"], json!([]));
    }
    assert_eq!(all(&api).await, before);
    assert_eq!(api.get("/v1/audit-entries").await.expect(200), trail);
    // Into another practice with the same fields, everything comes anew; the links have nobody to mean there.
    let other = house.may_everything(&house.practice("Anderen"));
    every_kind(&other).await;
    let columns = "name,mandate_start,fields.text,fields.long_text,fields.number,fields.amount,fields.date,fields.yes_no,fields.link,fields.one,fields.many";
    let csv = api.get(&format!("/v1/client-export?columns={columns}")).await.body;
    let xlsx = api.get(&format!("/v1/client-export?format=xlsx&columns={columns}")).await.body;
    assert_eq!(counts(&take_in(&house, &other, "", csv).await), [3, 3, 3, 0, 0, 0]);
    assert_eq!(counts(&take_in_workbook(&house, &other, "", xlsx).await), [3, 3, 0, 0, 3, 0]);
    let copied = all(&other).await;
    let made = copied.as_array().unwrap().iter().find(|client| client["name"] == "Alles").unwrap();
    for (slug, value) in
        [("text", json!("=1+1")), ("number", json!(1.125)), ("amount", json!("-1250.50")), ("yes_no", json!(false))]
    {
        assert_eq!(made["fields"][slug], value);
    }
    assert_eq!(made["fields"]["many"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn values_are_read_by_the_kind_of_their_field_and_wrong_ones_are_told() {
    let (house, api) = house().await;
    every_kind(&api).await;
    take_in(&house, &api, "", "Naam;Ref;KBO\nOuder;R0;0400378485\n").await;
    let list = "Naam;Ref;fields.text;fields.number;AMOUNT;date;yes_no;one;fields.many;fields.client;link\n\
        A;R1;x;1.250,50;€ 1250.50;25/1/2017;ja;neen;a|\"A, B\";R0;https://a.be\n\
        B;R2;;;;;;;;0400.378.485;\n\
        C;R3;;veel;;;;;;;\n\
        D;R4;;;1.250;;;;;;\n\
        E;R5;;;;31/02/2020;;;;;\n\
        F;R6;;;;;misschien;;;;\n\
        G;R7;;;;;;graag;;;\n\
        H;R8;;;;;;;A;R9;a.be\n\
        I;R9;;;;;;;A;;\n\
        J;R10;;;;;;;;R9;\n";
    let dry = take_in(&house, &api, "?dry_run=true", list).await;
    let import = take_in(&house, &api, "", list).await;
    let found = findings(&api, &import, "").await;
    assert_eq!(
        codes(&found),
        [
            (4, "fields.number", "malformed"),
            (5, "AMOUNT", "malformed"),
            (6, "date", "impossible_date"),
            (7, "yes_no", "unknown_value"),
            (8, "one", "unknown_value"),
            (9, "link", "malformed"),
        ]
    );
    assert_eq!(found["items"][4]["params"], json!({ "value": "graag", "values": "\"Ja, graag\", Neen" }));
    assert_eq!(
        (counts(&import), findings(&api, &dry, "").await),
        (vec![10, 4, 4, 0, 0, 6], found),
        "a dry run says what happens"
    );
    assert_eq!(counts(&dry), counts(&import));
    let clients = all(&api).await;
    let a = fields(&clients[1]);
    let simple = ["text", "number", "amount", "date", "yes_no", "link"].map(|slug| &a[slug]);
    assert_eq!(
        simple,
        [&json!("x"), &json!(1250.5), &json!("1250.50"), &json!("2017-01-25"), &json!(true), &json!("https://a.be")]
    );
    assert_eq!((&a["one"]["label"], &a["many"][1]["label"]), (&json!("Neen"), &json!("A, B")));
    assert_eq!(fields(&clients[2])["client"], a["client"]);
    assert!(fields(&clients[4])["client"].to_string().contains(clients[3]["id"].as_str().unwrap()), "{clients}");
    // An empty cell leaves the value; what changes is in one entry with the card.
    let more = "Naam;Ref;text;fields.number;Gemeente\nA;R1;;12;Halle\nB;R2;y;;\n";
    assert_eq!(counts(&take_in(&house, &api, "", more).await), [2, 2, 0, 2, 0, 0]);
    assert_eq!(counts(&take_in(&house, &api, "", more).await), [2, 2, 0, 0, 2, 0]);
    let clients = all(&api).await;
    assert_eq!((&clients[1]["fields"]["text"], &clients[1]["fields"]["number"]), (&json!("x"), &json!(12)));
    let history = api.get(&format!("/v1/clients/{}/history", text(&clients[1]["id"]))).await.expect(200);
    assert_eq!(history["items"][0]["changes"].as_array().unwrap().len(), 2, "{history}");
}

#[tokio::test]
async fn columns_that_cannot_be_taken_are_told_once() {
    let (house, api) = house().await;
    every_kind(&api).await;
    let twin = json!({ "category_id": api.get("/v1/field-categories").await.expect(200)["items"][0]["id"], "slug": "twin", "kind": "text", "names": { "en": "Text" } });
    api.post("/v1/fields", &twin).await.expect(201);
    let gone = field(&api, "gone", "text", &[]).await;
    api.post(&format!("/v1/fields/{}/archive", text(&gone["id"])), &json!({})).await.expect(200);
    let list = "Naam;text;Document;Registered on PEPPOL;gone;shoe\nA;x;y;z;w;v\nB;x;y;z;w;v\n";
    let import = take_in(&house, &api, "", list).await;
    assert_eq!(counts(&import), [2, 2, 2, 0, 0, 0]);
    let found = findings(&api, &import, "").await;
    assert_eq!(
        codes(&found),
        [
            (1, "text", "ambiguous_column"),
            (1, "Document", "holds_documents"),
            (1, "Registered on PEPPOL", "system_owned"),
            (1, "gone", "archived_field"),
        ]
    );
    assert_eq!(found["items"][0]["params"]["fields"], "fields.twin, fields.text");
    assert_eq!(import["unknown_columns"], json!(["shoe"]));
    let mapped = take_in(&house, &api, "?mapping=%7B%22text%22%3A%22fields.twin%22%7D", "Naam;text\nA;x\n").await;
    assert_eq!((counts(&mapped), &mapped["columns"]["text"]), (vec![1, 1, 0, 1, 0, 0], &json!("fields.twin")));
    for (field, code) in [
        ("nothing", "unknown_field"),
        ("document", "holds_documents"),
        ("gone", "archived_field"),
        ("registered_on", "system_owned"),
    ] {
        let query = format!("?mapping=%7B%22text%22%3A%22fields.{field}%22%7D");
        assert_eq!(
            send(&api, &query, "Naam;text\nA;x\n").await.wrong_fields(),
            [("/mapping/text".to_owned(), code.to_owned())]
        );
    }
}

#[tokio::test]
async fn what_is_not_offered_any_more_is_kept_and_not_given() {
    let (house, api) = house().await;
    let one = field(&api, "one", "choice", &["Oud", "Nieuw"]).await;
    take_in(&house, &api, "", "Naam;Ref;one\nA;R1;Oud\nB;R2;Nieuw\n").await;
    let option = one["options"].as_array().unwrap().iter().find(|option| option["label"] == "Oud").unwrap();
    let path = format!("/v1/field-options/{}", text(&option["id"]));
    let etag = format!("\"{}\"", option["revision"]);
    api.with("if-match", &etag).patch(&path, &json!({ "retired": true })).await.expect(200);
    let import = take_in(&house, &api, "", "Naam;Ref;one\nA;R1;Oud\nB;R2;Oud\nC;R3;Oud\n").await;
    assert_eq!(counts(&import), [3, 1, 0, 0, 1, 2]);
    assert_eq!(codes(&findings(&api, &import, "").await), [(3, "one", "unknown_value"), (4, "one", "unknown_value")]);
}
