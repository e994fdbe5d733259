//! The delivered PEPPOL category and the values of its fields.

use serde_json::{Value, json};

use crate::client::Client;
use crate::house::House;

async fn house() -> (House, Client) {
    let house = House::open().await;
    let api = house.may_everything(&house.practice("Maes & Partners"));
    (house, api)
}

async fn field(api: &Client, slug: &str) -> Value {
    let categories = api.get("/v1/field-categories").await.expect(200);
    let fields = categories["items"][0]["fields"].as_array().unwrap().clone();
    fields.into_iter().find(|f| f["slug"] == slug).unwrap()
}

/// AP-02, AP-03: a ready-made category PEPPOL with five fields exists from the start.
#[tokio::test]
async fn ap_02_ap_03_the_peppol_category_with_five_fields_is_there_from_the_start() {
    let (_house, api) = house().await;
    let categories = api.with("accept-language", "fr").get("/v1/field-categories").await.expect(200);
    let category = &categories["items"][0];
    assert_eq!(category["slug"], "peppol");
    assert_eq!(category["name"], "PEPPOL");
    assert_eq!(category["in_lists"], true);
    let slugs: Vec<&str> = category["fields"].as_array().unwrap().iter().map(|f| f["slug"].as_str().unwrap()).collect();
    assert_eq!(slugs, ["registered_on", "receive_software", "send_software", "ready", "comments"]);
    assert_eq!(category["fields"][1]["name"], "Logiciel de réception");
}

/// AP-04: the follow-up stands on the client card.
#[tokio::test]
async fn ap_04_the_card_carries_the_follow_up() {
    let (_house, api) = house().await;
    let body = json!({ "name": "A", "fields": { "receive_software": "Odoo", "ready": false, "comments": "Belt terug.\nMorgen." } });
    let client = api.post("/v1/clients", &body).await.expect(201);
    let fields = &client["fields"];
    assert_eq!(fields["receive_software"]["label"], "Odoo");
    assert_eq!(fields["ready"], false);
    assert_eq!(fields["comments"], "Belt terug.\nMorgen.");
    assert_eq!(fields.get("registered_on"), None);
}

/// AP-09: the system owns "registered on"; people see it and do not type it.
#[tokio::test]
async fn ap_09_people_cannot_type_the_access_point() {
    let (_house, api) = house().await;
    assert_eq!(field(&api, "registered_on").await["system_owned"], true);
    let refused = api.post("/v1/clients", &json!({ "name": "A", "fields": { "registered_on": "Mine" } })).await;
    assert_eq!(refused.wrong_fields(), [("/fields/registered_on".to_owned(), "system_owned".to_owned())]);
}

/// AP-10, AP-14: two drop-down lists of software, two separate values.
#[tokio::test]
async fn ap_10_ap_14_receiving_and_sending_software_are_separate_lists() {
    let (_house, api) = house().await;
    let (receive, send) = (field(&api, "receive_software").await, field(&api, "send_software").await);
    assert_eq!(receive["kind"], "choice");
    assert!(receive["options"].as_array().unwrap().len() > 30);
    assert_eq!(receive["options"].as_array().unwrap().len(), send["options"].as_array().unwrap().len());
    let option = &send["options"][3];
    let body = json!({ "name": "A", "fields": { "receive_software": "exact online", "send_software": option["id"] } });
    let client = api.post("/v1/clients", &body).await.expect(201);
    assert_eq!(client["fields"]["receive_software"]["label"], "Exact Online");
    assert_eq!(client["fields"]["send_software"], json!({ "option_id": option["id"], "label": option["label"] }));
    let foreign = json!({ "name": "B", "fields": { "receive_software": option["id"] } });
    assert_eq!(api.post("/v1/clients", &foreign).await.wrong_fields()[0].1, "unknown_option");
}

/// AP-15, AP-16: ready is yes, no, or not filled in yet.
#[tokio::test]
async fn ap_15_ap_16_ready_is_yes_no_or_empty() {
    let (_house, api) = house().await;
    let client = api.post("/v1/clients", &json!({ "name": "A" })).await.expect(201);
    let path = format!("/v1/clients/{}", client["id"].as_str().unwrap());
    assert_eq!(client["fields"], json!({}));
    let yes = api.with("if-match", "\"1\"").patch(&path, &json!({ "fields": { "ready": true } })).await.expect(200);
    assert_eq!(yes["fields"]["ready"], true);
    let no = api.with("if-match", "\"2\"").patch(&path, &json!({ "fields": { "ready": false } })).await.expect(200);
    assert_eq!(no["fields"]["ready"], false);
    let empty = api.with("if-match", "\"3\"").patch(&path, &json!({ "fields": { "ready": null } })).await.expect(200);
    assert_eq!(empty["fields"], json!({}));
}

/// AP-18: comments are free text.
#[tokio::test]
async fn ap_18_comments_are_free_text() {
    let (_house, api) = house().await;
    let text = "Żółw & <b>vet</b>\n\"quotes\"; 'x'".repeat(20);
    let client = api.post("/v1/clients", &json!({ "name": "A", "fields": { "comments": text } })).await.expect(201);
    assert_eq!(client["fields"]["comments"], text);
    let long = api.post("/v1/clients", &json!({ "name": "B", "fields": { "comments": "x".repeat(10_001) } })).await;
    assert_eq!(long.wrong_fields()[0].1, "too_long");
}
