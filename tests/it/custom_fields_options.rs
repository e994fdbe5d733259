//! The options of choices: added, renamed, retired, merged, brought up to date; the practice's own solution.

use serde_json::{Value, json};

use crate::client::Client;
use crate::custom_fields_managed::{change, client, code, field, fields_of, house, now, set, text};

async fn delivered(api: &Client, slug: &str) -> Value {
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
    change(&api, &path(three), json!({ "labels": { "fr": "Trois", "de": "" } })).await.expect(200);
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
