//! Clients as tables: rows with the columns that are asked for, edited in place.

use klaar_domain::clients::FixedField;
use klaar_domain::identity::Right;
use klaar_domain::views::FIXED;
use serde_json::{Value, json};

use crate::bulk_edits::{apply, preview, undo};
use crate::custom_fields_managed::{category, change, text};
use crate::custom_fields_options::delivered;
use crate::saved_views::{Room, is, path_of, query, room};

/// AP-26: what a control view shows is mended in place, there and on the card.
#[tokio::test]
async fn ap_26_rows_of_a_control_view_are_edited_in_place() {
    let room = room().await;
    let client = room.client("Peeters", json!({}), Some(("registered", Some("POP000002")))).await;
    let view = room.delivered("Registered without ready").await;
    let rows = format!("{}/rows", path_of(&view));
    let table = room.api.with("accept-language", "nl").get(&rows).await.expect(200);
    let names: Vec<String> = table["columns"].as_array().unwrap().iter().map(|column| text(&column["name"])).collect();
    assert_eq!(Value::from(names.clone()), view["columns"]);
    let column = |name: &str| table["columns"].as_array().unwrap().iter().find(|c| c["name"] == name).unwrap().clone();
    assert_eq!(
        (&column("fields.ready")["label"], &column("fields.ready")["kind"]),
        (&json!("Klaar voor PEPPOL?"), &json!("yes_no"))
    );
    assert_eq!(column("enterprise_number")["label"], "Ondernemingsnummer");
    let state = column("registration.state");
    assert_eq!(
        (&state["editable"], &state["refusal"], &state["sortable"]),
        (&json!(false), &json!("system_owned"), &json!(true))
    );
    assert_eq!(column("fields.registered_on")["refusal"], "system_owned");
    let row = &table["items"][0];
    assert_eq!((&table["total"], &row["id"], &row["revision"]), (&json!(1), &client["id"], &json!(1)));
    assert_eq!(
        (&row["values"]["registration.state"], &row["values"]["fields.ready"]),
        (&json!("registered"), &Value::Null)
    );
    assert_eq!(row["values"]["fields.registered_on"], "AP POP000002");
    assert_eq!((&column("fields.ready")["editable"], &row["locked"]), (&json!(true), &json!([])));

    let card = format!("/v1/clients/{}", text(&client["id"]));
    let tag = format!("\"{}\"", row["revision"]);
    let patch = json!({ "fields": { "ready": true, "comments": "Belt terug." }, "enterprise_number": "0403.227.515" });
    room.api.with("if-match", &tag).patch(&card, &patch).await.expect(200);
    assert_eq!(room.api.get(&rows).await.expect(200)["total"], 0, "mended, it leaves the view");
    let late = room.api.with("if-match", &tag).patch(&card, &json!({ "fields": { "ready": false } })).await;
    assert_eq!(late.status, 412, "a row that was read before is not written over");
    // From the card, the other way round.
    change(&room.api, &card, json!({ "fields": { "ready": null } })).await.expect(200);
    let back = room.api.get(&rows).await.expect(200);
    assert_eq!((&back["total"], &back["items"][0]["revision"]), (&json!(1), &json!(3)));
    assert_eq!(back["items"][0]["values"]["enterprise_number"], "0403227515");

    let reader = room.house.may(&room.practice, &[Right::ClientsRead]);
    let table = reader.get(&rows).await.expect(200);
    let name = &table["columns"][0];
    assert_eq!(
        (&name["name"], &name["editable"], &name["refusal"]),
        (&json!("name"), &json!(false), &json!("no_right"))
    );
}

#[tokio::test]
async fn rows_show_every_kind_of_column_and_page_like_lists() {
    let room = room().await;
    for name in ["A", "B", "C"] {
        let client = room.client(name, json!({ "receive_software": "Odoo" }), None).await;
        let contacts = format!("/v1/clients/{}/contacts", text(&client["id"]));
        room.api.post(&contacts, &json!({ "name": format!("An {name}") })).await.expect(201);
    }
    let body = json!({ "name": "x", "columns": ["contacts.name", "archived", "created_at", "responsible", "fields.receive_software"] });
    let view = room.save(body).await;
    let rows = format!("{}/rows?limit=2", path_of(&view));
    let first = room.api.get(&rows).await.expect(200);
    let values = &first["items"][0]["values"];
    assert_eq!((&values["contacts.name"], &values["archived"]), (&json!(["An A"]), &json!(false)));
    assert_eq!(values["fields.receive_software"]["label"], "Odoo");
    assert!(text(&values["created_at"]).starts_with("2026-11-22T09"));
    let editable = first["columns"].as_array().unwrap().iter().filter(|column| column["editable"] == true);
    let editable: Vec<String> = editable.map(|column| text(&column["name"])).collect();
    assert_eq!(
        (editable, &first["items"][0]["locked"]),
        (vec!["responsible".to_owned(), "fields.receive_software".to_owned()], &json!([]))
    );
    assert_eq!(first["columns"][0]["refusal"], "on_contacts");
    let second = room.api.get(&format!("{rows}&cursor={}", text(&first["next_cursor"]))).await.expect(200);
    assert_eq!((second["items"].as_array().unwrap().len(), &second["next_cursor"]), (1, &Value::Null));
    assert_eq!((&first["total"], &second["items"][0]["values"]["contacts.name"]), (&json!(3), &json!(["An C"])));
    let one = room.api.get(&format!("{rows}&search=b")).await.expect(200);
    assert_eq!(one["total"], 1);

    let usual = room.save(json!({ "name": "y", "sort": "-name" })).await;
    let table = room.api.get(&format!("{}/rows", path_of(&usual))).await.expect(200);
    let names: Vec<String> = table["columns"].as_array().unwrap().iter().map(|c| text(&c["name"])).collect();
    assert_eq!(names.len(), 9, "the usual columns: {names:?}");
    let file = room.api.get(&format!("/v1/client-export?view={}", text(&usual["id"]))).await;
    let file = String::from_utf8(file.body).unwrap();
    let at = |name: &str| file.find(&format!("\n{name};")).unwrap();
    assert!(at("C") < at("B") && at("B") < at("A"), "an export has the view's order");
}

/// Three clients, one of them with a value everywhere, and the names of all columns that there are.
async fn filled(room: &Room) -> Vec<String> {
    let member = json!({ "email": "an@maes.example", "name": "An \"Maes\"", "role": "staff" });
    let member = room.api.post("/v1/members", &member).await.expect(201)["member"]["id"].clone();
    let group = category(&room.api, "Dossier").await;
    let mut columns: Vec<String> =
        FIXED.iter().map(|fixed| fixed.name.to_owned()).filter(|name| name != "search").collect();
    for kind in [
        "text",
        "long_text",
        "number",
        "amount",
        "date",
        "yes_no",
        "choice",
        "multi_choice",
        "member",
        "client",
        "link",
        "document",
    ] {
        let options = if kind.ends_with("choice") { json!(["Een", "Twee"]) } else { json!([]) };
        let body = json!({ "category_id": group, "name": kind, "slug": format!("a_{kind}"), "kind": kind, "options": options });
        room.api.post("/v1/fields", &body).await.expect(201);
        columns.push(format!("fields.a_{kind}"));
    }
    columns.push("fields.registered_on".to_owned());
    let plain = room.client("Plain", json!({}), None).await;
    let fields = json!({
        "a_text": "a \"b\" \\ é", "a_long_text": "one\ntwo", "a_number": 12.5, "a_amount": "1250.5", "a_date": "2026-02-28",
        "a_yes_no": false, "a_choice": "twee", "a_multi_choice": ["een", "twee"], "a_member": member, "a_client": plain["id"],
        "a_link": "https://peeters.example/", "a_document": { "name": "Mandaat", "url": "https://dms.example/1" },
    });
    let rich = room.client("Café \"Peeters\"", fields, Some(("cannot_receive", Some("POP000002")))).await;
    let card = json!({
        "kind": "person", "reference": "R1", "legal_form": "BV", "enterprise_number": "0403.227.515", "vat_number": "BE0403227515",
        "vat_liable": false, "government": true, "identifiers": ["0088:5412345000013"], "street": "Kerkstraat", "street_number": "1 \\ 2",
        "postcode": "9000", "town": "Gent", "language": "fr", "email": "a@b.be", "phone": "09", "website": "https://b.be",
        "responsible": member, "portfolio": "P", "mandate_start": "2020-01-01", "mandate_end": "2027-01-01",
        "exemption": { "reason": "other", "note": "x", "until": "2027-01-01" },
    });
    change(&room.api, &format!("/v1/clients/{}", text(&rich["id"])), card).await.expect(200);
    let named = room.client("Named", json!({}), None).await;
    change(
        &room.api,
        &format!("/v1/clients/{}", text(&named["id"])),
        json!({ "responsible": "Céline|x", "vat_liable": true }),
    )
    .await
    .expect(200);
    columns
}

/// An export of a view has the view's columns, whatever they are, under the names that its table has.
#[tokio::test]
async fn an_export_of_a_view_has_its_columns() {
    let room = room().await;
    let columns = filled(&room).await;
    let clients = room.api.get("/v1/clients?sort=name").await.expect(200);
    let [rich, named, plain] = [0, 1, 2].map(|at| text(&clients["items"][at]["id"]));
    for (name, email) in [("Zoë", "z@b.be"), ("An", "a@b.be")] {
        let body = json!({ "name": name, "email": email, "language": "fr" });
        room.api.post(&format!("/v1/clients/{rich}/contacts"), &body).await.expect(201);
    }
    for (other, kind) in [(&named, "same_group"), (&plain, "same_group"), (&plain, "has_director")] {
        let body = json!({ "client_id": other, "kind": kind });
        room.api.post(&format!("/v1/clients/{rich}/relations"), &body).await.expect(201);
    }
    let api = room.api.with("accept-language", "en");
    let mut said = Vec::new();
    for (at, chunk) in columns.chunks(40).enumerate() {
        let view = room.save(json!({ "name": format!("v{at}"), "columns": chunk, "sort": "name" })).await;
        let table = api.get(&format!("{}/rows", path_of(&view))).await.expect(200);
        let labels: Vec<String> = table["columns"].as_array().unwrap().iter().map(|c| text(&c["label"])).collect();
        let file = api.get(&format!("/v1/client-export?view={}", text(&view["id"]))).await;
        assert_eq!(file.status, 200);
        let mut lines =
            csv::ReaderBuilder::new().delimiter(b';').from_reader(file.body.strip_prefix(b"\xef\xbb\xbf").unwrap());
        for (header, (label, name)) in lines.headers().unwrap().iter().zip(labels.iter().zip(chunk)) {
            // Fields of the card go by the names that an import knows.
            let is_of_card = FixedField::ALL.iter().any(|one| one.is_of_card() && one.as_str() == name);
            assert!(
                is_of_card || header == label || header == name,
                "{name} is {header} in the file and {label} in the table"
            );
        }
        let line = lines.records().next().unwrap().unwrap();
        said.extend(chunk.iter().cloned().zip(line.iter().map(str::to_owned)));
        let book = api.get(&format!("/v1/client-export?view={}&format=xlsx", text(&view["id"]))).await;
        assert_eq!(book.status, 200);
    }
    let said_of = |name: &str| said.iter().find(|(column, _)| column == name).map(|(_, said)| said.as_str());
    for (name, wanted) in [
        ("archived", "no"),
        ("exempt", "yes"),
        ("exemption.reason", "other"),
        ("exemption.note", "x"),
        ("exemption.until", "2027-01-01"),
        ("contacts.name", "Zoë, An"),
        ("contacts.email", "z@b.be, a@b.be"),
        ("contacts.role", ""),
        ("contacts.language", "fr, fr"),
        ("relations.kind", "has_director, same_group"),
        ("archived_at", ""),
        ("fields.a_choice", "Twee"),
    ] {
        assert_eq!(said_of(name), Some(wanted), "{name}");
    }
    let others = room.api.get("/v1/client-export?columns=name,exempt&sort=name").await;
    let others = String::from_utf8(others.body).unwrap();
    assert!(others.contains("Named;no"), "{others}");
}

/// How many cells of all clients in these columns say something; each says what the card says.
async fn cells_agree(room: &Room, columns: &[String]) -> usize {
    let table = room.api.get(&format!("/v1/client-rows?columns={}", columns.join(","))).await.expect(200);
    assert_eq!(table["total"], 3);
    let mut said = 0;
    for row in table["items"].as_array().unwrap() {
        let card = room.api.get(&format!("/v1/clients/{}", text(&row["id"]))).await.expect(200);
        assert_eq!((&row["revision"], &row["locked"]), (&card["revision"], &json!([])));
        for name in columns {
            let expected = match name.as_str() {
                "archived" => json!(false),
                name if name.starts_with("contacts.") || name.starts_with("relations.") => json!([]),
                name => card.pointer(&format!("/{}", name.replace('.', "/"))).cloned().unwrap_or_default(),
            };
            assert_eq!(row["values"][name], expected, "{name} of {}", card["name"]);
            said += usize::from(!row["values"][name].is_null());
        }
    }
    said
}

/// A cell says what the card says, for every field that there is; also when it was kept from the time before.
#[tokio::test]
async fn every_cell_says_what_the_card_says() {
    let room = room().await;
    let columns = filled(&room).await;
    for _ in 0..3 {
        let mut said = 0;
        for chunk in columns.chunks(30) {
            said += cells_agree(&room, chunk).await;
        }
        assert!(said > 70, "{said} cells say something");
    }
}

/// Rows that were shown before say what has changed since, whoever changed it.
#[tokio::test]
async fn rows_that_were_shown_before_say_what_has_changed_since() {
    let room = room().await;
    let clients = [
        room.client("Aerts", json!({ "receive_software": "Odoo" }), None).await,
        room.client("Claes", json!({ "receive_software": "Odoo" }), None).await,
        room.client("Peeters", json!({}), None).await,
    ];
    let columns = [
        "name",
        "registration.state",
        "registration.checked_at",
        "fields.comments",
        "fields.receive_software",
        "updated_at",
    ]
    .map(str::to_owned);
    let look = async |what: &str| {
        let mut said = Vec::new();
        // The first reads what has changed, the second keeps it, the third has it from memory.
        for _ in 0..3 {
            said.push(cells_agree(&room, &columns).await);
        }
        assert!(said.iter().all(|cells| *cells == said[0]), "{what}: {said:?}");
        said[0]
    };
    let card = |at: usize| format!("/v1/clients/{}", text(&clients[at]["id"]));
    assert_eq!(look("as they were made").await, 8);
    change(&room.api, &card(0), json!({ "fields": { "comments": "Belt terug." } })).await.expect(200);
    assert_eq!(look("a value").await, 9);
    change(&room.api, &card(1), json!({ "name": "Claes & co" })).await.expect(200);
    assert_eq!(look("a name").await, 9);
    room.found(&clients[2], "registered", Some("POP000002"));
    let registered = look("a look-up").await;
    assert!(registered > 9, "{registered}");
    // The log does not have it when a look-up finds what was known.
    room.house.wait_seconds(60);
    room.found(&clients[2], "registered", Some("POP000002"));
    assert_eq!(look("a look-up that found the same").await, registered);
    let some = json!({ "client_ids": [clients[1]["id"], clients[2]["id"]] });
    let edit = preview(&room.api, some, json!([{ "field": "fields.comments", "set": "Nakijken." }])).await;
    apply(&room.house, &room.api, &edit, json!({})).await;
    assert_eq!(look("a bulk edit").await, registered + 2);
    undo(&room.house, &room.api, &edit).await;
    assert_eq!(look("its undoing").await, registered);
    let options = delivered(&room.api, "receive_software").await["options"].clone();
    let odoo = options.as_array().unwrap().iter().find(|option| option["label"] == "Odoo").unwrap().clone();
    change(&room.api, &format!("/v1/field-options/{}", text(&odoo["id"])), json!({ "label": "Odoo NV" }))
        .await
        .expect(200);
    assert_eq!(look("the label of an option").await, registered);
}

/// Rows are chosen and ordered like clients, and a column that there is not is named.
#[tokio::test]
async fn rows_of_clients_are_chosen_like_clients_and_their_columns_are_checked() {
    let room = room().await;
    for (name, ready) in [("Peeters", json!(true)), ("Aerts", json!(true)), ("Claes", Value::Null)] {
        room.client(name, json!({ "ready": ready }), None).await;
    }
    let filter = is("fields.ready", json!(true)).to_string();
    let asked = query(&[("filter", &filter), ("sort", "-name"), ("columns", "name, fields.ready")]);
    let table = room.api.get(&format!("/v1/client-rows?{asked}")).await.expect(200);
    let named = |table: &Value| -> Vec<Value> {
        table["items"].as_array().unwrap().iter().map(|row| row["values"]["name"].clone()).collect()
    };
    assert_eq!((named(&table), &table["total"]), (vec![json!("Peeters"), json!("Aerts")], &json!(2)));
    assert_eq!(table["items"][0]["values"], json!({ "name": "Peeters", "fields.ready": true }));

    let view = room
        .save(json!({ "name": "x", "filter": is("fields.ready", json!(true)), "columns": ["name", "fields.comments"] }))
        .await;
    let table = room.api.get(&format!("/v1/client-rows?view={}&search=aer", text(&view["id"]))).await.expect(200);
    assert_eq!((named(&table), table["columns"].as_array().unwrap().len()), (vec![json!("Aerts")], 2));
    let nobody = room.api.get("/v1/client-rows?search=nobody&columns=name").await.expect(200);
    assert_eq!((&nobody["items"], &nobody["total"]), (&json!([]), &json!(0)));

    for (columns, pointer, code) in [
        ("name,fields.shoe", "/columns/1", "unknown_field"),
        ("search", "/columns/0", "unknown_field"),
        ("name,name", "/columns/1", "twice"),
        ("", "/columns/0", "unknown_field"),
    ] {
        let refused = room.api.get(&format!("/v1/client-rows?columns={columns}")).await;
        assert_eq!(
            (refused.status, refused.wrong_fields()),
            (422, vec![(pointer.to_owned(), code.to_owned())]),
            "{columns}"
        );
    }
    let unknown = room.api.get("/v1/client-rows?view=view_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b").await;
    assert_eq!(unknown.wrong_fields(), [("/view".to_owned(), "unknown_view".to_owned())]);
}
