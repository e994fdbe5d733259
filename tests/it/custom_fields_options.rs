//! The options of choices: added, renamed, retired, merged, brought up to date; the practice's own solution.

use serde_json::{Value, json};

use crate::client::Client;
use crate::custom_fields_managed::{change, client, code, field, fields_of, house, now, set, text};

pub async fn delivered(api: &Client, slug: &str) -> Value {
    let categories = api.get("/v1/field-categories").await.expect(200);
    let fields = categories["items"][0]["fields"].as_array().unwrap().clone();
    fields.into_iter().find(|field| field["slug"] == slug).unwrap()
}

fn option<'a>(field: &'a Value, label: &str) -> &'a Value {
    field["options"].as_array().unwrap().iter().find(|option| option["label"] == label).unwrap()
}

fn path(option: &Value) -> String {
    format!("/v1/field-options/{}", text(&option["id"]))
}

/// AP-12, AP-13: the practice adds entries to the list and takes them away; a client that has one keeps it.
#[tokio::test]
async fn ap_12_ap_13_options_are_added_and_retired_and_no_client_loses_its_value() {
    let (_house, api) = house().await;
    let software = delivered(&api, "receive_software").await;
    let options = format!("/v1/fields/{}/options", text(&software["id"]));
    let added = api.post(&options, &json!({ "label": "Pakket X", "labels": { "fr": "Logiciel X" } })).await;
    assert_eq!(added.header("location"), path(&added.expect(201)));
    let added = added.json();
    assert_eq!((&added["delivered"], &added["revision"]), (&json!(false), &json!(1)));
    let client = client(&api, json!({ "receive_software": "logiciel x" })).await;
    assert_eq!(client["fields"]["receive_software"]["label"], "Pakket X", "a label in any language is understood");
    let retired = change(&api, &path(&added), json!({ "retired": true })).await;
    assert_eq!((retired.header("etag"), retired.expect(200)["retired"].clone()), ("\"2\"", json!(true)));
    assert_eq!(fields_of(&api, &client).await["receive_software"]["label"], "Pakket X", "it is not blanked");
    set(&api, &client, json!({ "receive_software": "Pakket X", "ready": true })).await.expect(200);
    let anew = json!({ "name": "B", "fields": { "receive_software": "Pakket X" } });
    assert_eq!(api.post("/v1/clients", &anew).await.wrong_fields()[0].1, "retired_option");
    change(&api, &path(&added), json!({ "retired": false })).await.expect(200);
    api.post("/v1/clients", &anew).await.expect(201);
    assert_eq!(api.delete(&path(&added)).await.status, 405, "nothing is deleted");
}

#[tokio::test]
async fn labels_are_unique_in_all_languages_and_places_shift() {
    let (_house, api) = house().await;
    let role = field(&api, "role", "choice", &["Een", "Twee", "Drie"]).await;
    let options = format!("/v1/fields/{}/options", text(&role["id"]));
    let (two, three) = (option(&role, "Twee"), option(&role, "Drie"));
    change(&api, &path(three), json!({ "labels": { "fr": "Trois" } })).await.expect(200);
    for label in ["TWEE", "trois"] {
        let refused = api.post(&options, &json!({ "label": label })).await;
        assert_eq!(code(&refused), (409, "option_label_taken".to_owned()));
        assert!(refused.json()["params"]["option_id"].is_string());
    }
    let refused = change(&api, &path(two), json!({ "labels": { "en": "Trois" } })).await;
    assert_eq!(refused.json()["params"]["option_id"], three["id"]);
    change(&api, &path(two), json!({ "label": "twee" })).await.expect(200);
    change(&api, &path(three), json!({ "position": 1 })).await.expect(200);
    let labels: Vec<_> =
        now(&api, &role).await["options"].as_array().unwrap().iter().map(|o| text(&o["label"])).collect();
    assert_eq!(labels, ["Drie", "Een", "twee"]);
    for (body, pointer, code) in [
        (json!({ "label": null }), "/label", "missing"),
        (json!({ "label": "x".repeat(201) }), "/label", "too_long"),
        (json!({ "label": "a\nb" }), "/label", "control_characters"),
        (json!({ "label": "a\0" }), "/label", "control_characters"),
        (json!({ "labels": { "fr": "a\u{1}" } }), "/labels/fr", "control_characters"),
        (json!({ "labels": { "fr": " " } }), "/labels/fr", "missing"),
        (json!({ "labels": { "es": "a" } }), "/labels/es", "unknown_value"),
        (json!({ "position": 0 }), "/position", "out_of_range"),
        (json!({ "retired": null }), "/retired", "missing"),
        (json!({ "retired": "yes" }), "/retired", "wrong_shape"),
    ] {
        let refused = change(&api, &path(two), body.clone()).await;
        assert_eq!(refused.wrong_fields(), [(pointer.to_owned(), code.to_owned())], "{body}");
    }
    assert_eq!(change(&api, &path(three), json!({ "labels": null })).await.expect(200)["labels"], json!({}));
    let text_field = field(&api, "note", "text", &[]).await;
    let refused = api.post(&format!("/v1/fields/{}/options", text(&text_field["id"])), &json!({ "label": "x" })).await;
    assert_eq!(code(&refused), (409, "no_choice".to_owned()));
}

/// AP-11 to AP-13: a delivered list is brought up to date and nothing of the practice's is touched.
#[tokio::test]
async fn ap_11_a_delivered_list_is_refreshed_and_keeps_what_the_practice_made_of_it() {
    let (_house, api) = house().await;
    let software = delivered(&api, "send_software").await;
    let refresh = format!("/v1/fields/{}/options/refresh", text(&software["id"]));
    change(&api, &path(option(&software, "Odoo")), json!({ "label": "Odoo (Gent)" })).await.expect(200);
    change(&api, &path(option(&software, "Yuki")), json!({ "retired": true })).await.expect(200);
    let before = now(&api, &software).await;
    assert_eq!(api.post(&refresh, &json!({})).await.expect(200)["added"], json!([]), "everything is there");
    assert_eq!(now(&api, &software).await, before);
    assert_eq!(option(&before, "Odoo (Gent)")["delivered"], true, "renamed and still recognised");
    let own = field(&api, "role", "choice", &["Een"]).await;
    let refused = api.post(&format!("/v1/fields/{}/options/refresh", text(&own["id"])), &json!({})).await;
    assert_eq!(code(&refused), (409, "not_delivered".to_owned()));
}

/// AP-11: what the product delivers anew is added; the practice's own option of that name stands for it.
#[tokio::test]
async fn ap_11_a_refresh_adds_what_is_missing_and_nothing_twice() {
    let (house, api) = house().await;
    let software = delivered(&api, "send_software").await;
    // As if an earlier version of the product had not delivered these.
    let earlier = "DELETE FROM field_options WHERE label IN ('Odoo', 'Yuki', 'Horus')";
    house.db.write(|tx| Ok(diesel::connection::SimpleConnection::batch_execute(&mut **tx, earlier)?)).unwrap();
    let id = text(&software["id"]);
    api.post(&format!("/v1/fields/{id}/options"), &json!({ "label": "HORUS" })).await.expect(201);
    let refresh = format!("/v1/fields/{id}/options/refresh");
    let added = api.post(&refresh, &json!({})).await.expect(200)["added"].clone();
    let labels: Vec<&str> = added.as_array().unwrap().iter().map(|o| o["label"].as_str().unwrap()).collect();
    assert_eq!(labels, ["Odoo", "Yuki"]);
    assert!(added.as_array().unwrap().iter().all(|option| option["delivered"] == true));
    assert_eq!(api.post(&refresh, &json!({})).await.expect(200)["added"], json!([]));
    let options = now(&api, &software).await["options"].as_array().unwrap().len();
    assert_eq!(options, software["options"].as_array().unwrap().len());
    let trail = api.get("/v1/audit-entries?limit=1").await.expect(200);
    assert_eq!(trail["items"][0]["after"]["added"], json!(["Odoo", "Yuki"]));
}

/// AP-12: two entries that mean the same become one, with the values of all clients.
#[tokio::test]
async fn ap_12_options_are_merged_with_the_values_of_all_clients() {
    let (_house, api) = house().await;
    let role = field(&api, "role", "choice", &["Zaakvoerder", "zaakv.", "Bestuurder"]).await;
    let (kept, odd, other) = (option(&role, "Zaakvoerder"), option(&role, "zaakv."), option(&role, "Bestuurder"));
    let (one, two) = (client(&api, json!({ "role": "zaakv." })).await, client(&api, json!({ "role": "zaakv." })).await);
    let third = client(&api, json!({ "role": "bestuurder" })).await;
    api.post(&format!("/v1/clients/{}/archive", text(&two["id"])), &json!({})).await.expect(200);
    let merge = format!("{}/merge", path(odd));
    let foreign = field(&api, "tags", "multi_choice", &["a", "b", "c"]).await;
    for (into, code) in [
        (odd["id"].clone(), "same_option"),
        (foreign["options"][0]["id"].clone(), "option_of_other_field"),
        (json!("opt_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b"), "unknown_option"),
        (json!("x"), "unknown_option"),
    ] {
        let refused = api.post(&merge, &json!({ "into": into })).await;
        assert_eq!((refused.status, refused.wrong_fields()), (422, vec![("/into".to_owned(), code.to_owned())]));
    }
    change(&api, &path(other), json!({ "retired": true })).await.expect(200);
    let refused = api.post(&merge, &json!({ "into": other["id"] })).await;
    assert_eq!(refused.wrong_fields()[0].1, "retired_option");
    let dry = api.post(&merge, &json!({ "into": kept["id"], "dry_run": true })).await.expect(200);
    assert_eq!((&dry["clients"], &dry["items"][0]["client_id"]), (&json!(2), &one["id"]));
    assert_eq!(fields_of(&api, &one).await["role"]["label"], "zaakv.", "a dry run changes nothing");
    let odd_ones = |op: &str| json!({ "field": "fields.role", "op": op, "value": [odd["id"]] });
    let view = json!({ "name": "Zaakv.", "filter": odd_ones("one_of") });
    let view = format!("/v1/views/{}/rows", text(&api.post("/v1/views", &view).await.expect(201)["id"]));
    assert_eq!(api.get(&view).await.expect(200)["total"], 1, "the archived one is left out");
    let done = api.post(&merge, &json!({ "into": kept["id"] })).await.expect(200);
    assert_eq!(api.get(&view).await.expect(200)["total"], 1, "filters follow the merge");
    let others = format!("/v1/clients?filter={}", odd_ones("none_of")).replace('"', "%22");
    assert_eq!(api.get(&others).await.expect(200)["items"][0]["id"], third["id"]);
    assert_eq!((&done["clients"], &done["dry_run"]), (&json!(2), &json!(false)));
    for client in [&one, &two] {
        assert_eq!(fields_of(&api, client).await["role"]["label"], "Zaakvoerder");
    }
    assert_eq!(fields_of(&api, &third).await["role"]["label"], "Bestuurder");
    let gone = option(&now(&api, &role).await, "zaakv.").clone();
    assert_eq!((&gone["retired"], &gone["merged_into"]), (&json!(true), &kept["id"]));
    let history = api.get(&format!("/v1/clients/{}/history", text(&one["id"]))).await.expect(200);
    assert_eq!(history["items"][0]["kind"], "field_option.merged");
    let wanted = json!([{ "field": "role", "before": "zaakv.", "after": "Zaakvoerder" }]);
    assert_eq!(history["items"][0]["changes"], wanted);
    let revision = api.get(&format!("/v1/clients/{}", text(&one["id"]))).await;
    assert_ne!(revision.header("etag"), format!("\"{}\"", one["revision"]), "who read it before reads it again");

    let tagged = client(&api, json!({ "tags": ["a", "b"] })).await;
    let both = client(&api, json!({ "tags": ["b", "c"] })).await;
    let into = json!({ "into": foreign["options"][2]["id"] });
    let merged = api.post(&format!("{}/merge", path(&foreign["options"][1])), &into).await.expect(200);
    assert_eq!(merged["clients"], 2);
    let labels =
        |fields: Value| fields["tags"].as_array().unwrap().iter().map(|o| text(&o["label"])).collect::<Vec<_>>();
    assert_eq!(labels(fields_of(&api, &tagged).await), ["a", "c"]);
    assert_eq!(labels(fields_of(&api, &both).await), ["c"], "each once");
}

/// AP-28: most clients go through the solution that the practice chose.
#[tokio::test]
async fn ap_28_the_practices_own_solution_stands_first() {
    let (house, api) = house().await;
    let path_of = "/v1/own-solution";
    let none = api.get(path_of).await;
    assert_eq!(
        (none.header("etag"), none.json()),
        ("\"1\"", json!({ "software": null, "seat_ids": [], "revision": 1 }))
    );
    let put = |body: Value, tag: &str| {
        let api = api.with("if-match", tag);
        async move { api.send(reqwest::Method::PUT, path_of, Some(&body)).await }
    };
    let named = put(json!({ "software": "yuki", "seat_ids": ["pop000123", "POP000123", "PBE000456"] }), "\"1\"").await;
    assert_eq!(named.header("etag"), "\"2\"");
    let wanted = json!({ "software": "Yuki", "seat_ids": ["POP000123", "PBE000456"], "revision": 2 });
    assert_eq!(named.expect(200), wanted);
    for slug in ["receive_software", "send_software"] {
        let first = delivered(&api, slug).await["options"][0].clone();
        assert_eq!((&first["label"], &first["own"]), (&json!("Yuki"), &json!(true)));
    }
    assert_eq!(put(json!({ "software": null, "seat_ids": [] }), "\"1\"").await.status, 412);
    for (body, pointer, code) in [
        (json!({ "software": "Nobody's", "seat_ids": [] }), "/software", "unknown_option"),
        (json!({ "software": "a\0", "seat_ids": [] }), "/software", "control_characters"),
        (json!({ "software": 3, "seat_ids": [] }), "/software", "wrong_shape"),
        (json!({ "software": null, "seat_ids": ["POP123"] }), "/seat_ids/0", "malformed_seat_id"),
        (json!({ "software": null, "seat_ids": vec!["POP000123"; 21] }), "/seat_ids", "too_many"),
    ] {
        let refused = put(body.clone(), "\"2\"").await;
        assert_eq!(refused.wrong_fields(), [(pointer.to_owned(), code.to_owned())], "{body}");
    }
    let software = delivered(&api, "receive_software").await;
    let into = json!({ "into": option(&software, "Odoo")["id"] });
    api.post(&format!("{}/merge", path(option(&software, "Yuki"))), &into).await.expect(200);
    assert_eq!(api.get(path_of).await.expect(200)["software"], "Odoo", "it follows a merge");
    let trail = api.get("/v1/audit-entries").await.expect(200);
    let entry = trail["items"].as_array().unwrap().iter().find(|e| e["kind"] == "own_solution.updated").unwrap();
    assert_eq!(entry["after"]["seat_ids"], json!(["POP000123", "PBE000456"]));
    let theirs = house.may_everything(&house.practice("Theirs"));
    assert_eq!(theirs.get(path_of).await.expect(200)["software"], Value::Null);
}
