//! A field's kind is changed with the values that are there; each value says where it comes from.

use serde_json::{Value, json};

use crate::client::Client;
use crate::custom_fields_managed::{change, client, code, field, fields_of, house, now, set, text};

async fn become_kind(api: &Client, field: &Value, body: Value) -> crate::client::Answer {
    api.post(&format!("/v1/fields/{}/kind-change", text(&field["id"])), &body).await
}

/// AP-35: a field is changed into another kind; what cannot be converted is told before and never lost unasked.
#[tokio::test]
async fn ap_35_a_field_changes_its_kind_and_no_value_is_lost_unasked() {
    let (_house, api) = house().await;
    let fee = field(&api, "fee", "text", &[]).await;
    let good = client(&api, json!({ "fee": "€ 1.250,50" })).await;
    let away = client(&api, json!({ "fee": "100" })).await;
    let odd = client(&api, json!({ "fee": "veel" })).await;
    let none = client(&api, json!({})).await;
    api.post(&format!("/v1/clients/{}/archive", text(&away["id"])), &json!({})).await.expect(200);
    let english = api.with("accept-language", "en");
    let dry = become_kind(&english, &fee, json!({ "kind": "amount", "dry_run": true })).await.expect(200);
    assert_eq!((&dry["convertible"], &dry["unconvertible"]), (&json!(2), &json!(1)));
    let item = json!({ "client_id": odd["id"], "client_name": "A", "value": "veel", "code": "not_a_number",
        "message": "This is no number." });
    assert_eq!(dry["items"], json!([item]));
    let refused = become_kind(&api, &fee, json!({ "kind": "amount" })).await;
    assert_eq!(code(&refused), (409, "unconvertible_values".to_owned()));
    assert_eq!(refused.json()["params"]["count"], "1");
    assert_eq!(
        (now(&api, &fee).await["kind"].clone(), fields_of(&api, &good).await),
        (json!("text"), good["fields"].clone())
    );
    let done = become_kind(&api, &fee, json!({ "kind": "amount", "clear_unconvertible": true })).await.expect(200);
    assert_eq!((&done["convertible"], &done["unconvertible"], &done["from"]), (&json!(2), &json!(1), &json!("text")));
    assert_eq!(fields_of(&api, &good).await, json!({ "fee": "1250.50" }));
    assert_eq!(fields_of(&api, &away).await, json!({ "fee": "100.00" }));
    assert_eq!((fields_of(&api, &odd).await, fields_of(&api, &none).await), (json!({}), json!({})));
    let history = api.get(&format!("/v1/clients/{}/history", text(&odd["id"]))).await.expect(200);
    assert_eq!(history["items"][0]["changes"], json!([{ "field": "fee", "before": "veel", "after": null }]));

    become_kind(&api, &fee, json!({ "kind": "choice" })).await.expect(200);
    let made = now(&api, &fee).await;
    let labels: Vec<_> = made["options"].as_array().unwrap().iter().map(|option| text(&option["label"])).collect();
    assert_eq!((labels, &made["revision"]), (vec!["1250.50".to_owned(), "100.00".to_owned()], &json!(3)));
    become_kind(&api, &fee, json!({ "kind": "multi_choice" })).await.expect(200);
    set(&api, &good, json!({ "fee": ["100.00", "1250.50"] })).await.expect(200);
    let dry = become_kind(&api, &fee, json!({ "kind": "choice", "dry_run": true })).await.expect(200);
    assert_eq!(dry["items"][0]["code"], "several_options");
    become_kind(&api, &fee, json!({ "kind": "text" })).await.expect(200);
    assert_eq!(fields_of(&api, &good).await, json!({ "fee": "1250.50, 100.00" }));
    assert_eq!(now(&api, &fee).await["options"], json!([]));

    // Each entry of the history is read as the kind that the field had then.
    let history = api.get(&format!("/v1/clients/{}/history", text(&good["id"]))).await.expect(200);
    let changes: Vec<_> = history["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| {
            let change = e["changes"].as_array().unwrap().iter().find(|change| change["field"] == "fee");
            change.map(|change| (text(&change["before"].as_str().unwrap_or_default().into()), text(&change["after"])))
        })
        .collect();
    let read = |before: &str, after: &str| Some((before.to_owned(), after.to_owned()));
    assert_eq!(changes[0], read("1250.50, 100.00", "1250.50, 100.00"));
    assert_eq!(changes[1], read("1250.50", "1250.50, 100.00"));
    assert_eq!(changes[2], read("1250.50", "1250.50"));
    assert_eq!(changes[3], read("1250.50", "1250.50"));
    assert_eq!(changes[4], read("€ 1.250,50", "1250.50"));
}

#[tokio::test]
async fn a_change_of_kind_that_makes_no_sense_is_refused_or_told() {
    let (_house, api) = house().await;
    let day = field(&api, "day", "date", &[]).await;
    client(&api, json!({ "day": "2026-01-01" })).await;
    let dry = become_kind(&api, &day, json!({ "kind": "number", "dry_run": true })).await.expect(200);
    assert_eq!((&dry["unconvertible"], &dry["items"][0]["code"]), (&json!(1), &json!("no_conversion")));
    for (kind, code) in [("date", "same_kind"), ("colour", "unknown_value"), ("access_point", "system_owned")] {
        let refused = become_kind(&api, &day, json!({ "kind": kind })).await;
        assert_eq!(refused.wrong_fields(), [("/kind".to_owned(), code.to_owned())]);
    }
    let peppol = api.get("/v1/field-categories").await.expect(200)["items"][0]["fields"].clone();
    for delivered in peppol.as_array().unwrap() {
        let refused = become_kind(&api, delivered, json!({ "kind": "text", "dry_run": true })).await;
        assert_eq!(code(&refused), (409, "delivered".to_owned()));
    }
    api.post(&format!("/v1/fields/{}/archive", text(&day["id"])), &json!({})).await.expect(200);
    assert_eq!(code(&become_kind(&api, &day, json!({ "kind": "text" })).await), (409, "archived_field".to_owned()));
}

/// AP-36: what one practice does to its fields touches no other's values.
#[tokio::test]
async fn ap_36_a_change_of_kind_stays_within_the_practice() {
    let (house, api) = house().await;
    let theirs = house.may_everything(&house.practice("Theirs"));
    let (ours, same) = (field(&api, "note", "text", &[]).await, field(&theirs, "note", "text", &[]).await);
    let (mine, other) = (client(&api, json!({ "note": "1" })).await, client(&theirs, json!({ "note": "1" })).await);
    assert_eq!(become_kind(&theirs, &ours, json!({ "kind": "number" })).await.status, 404);
    become_kind(&api, &ours, json!({ "kind": "number" })).await.expect(200);
    assert_eq!(
        (fields_of(&api, &mine).await, fields_of(&theirs, &other).await),
        (json!({ "note": 1 }), json!({ "note": "1" }))
    );
    assert_eq!(now(&theirs, &same).await["kind"], "text");
}

/// AP-09, AP-35: each value tells who or what set it, when, and by which way.
#[tokio::test]
async fn every_value_tells_where_it_comes_from() {
    let (house, api) = house().await;
    let practice = house.practice("Theirs");
    let an = house.signed_in(&house.person(&practice, "An", klaar_domain::identity::Role::Manager)).await;
    let theirs = house.may_everything(&practice);
    let role = field(&theirs, "role", "choice", &["Een", "Twee"]).await;
    let made = client(&theirs, json!({ "role": "Een", "ready": true, "comments": "x" })).await;
    house.wait_seconds(60);
    set(&an, &made, json!({ "ready": false, "comments": null })).await.expect(200);
    let path = format!("/v1/clients/{}", text(&made["id"]));
    change(&an, &path, json!({ "email": "a@b.example" })).await.expect(200);
    house.wait_seconds(60);
    let options = role["options"].as_array().unwrap();
    let merge = format!("/v1/field-options/{}/merge", text(&options[0]["id"]));
    theirs.post(&merge, &json!({ "into": options[1]["id"] })).await.expect(200);
    let origins = an.get(&format!("{path}/provenance")).await.expect(200);
    let (card, fields) = (&origins["card"], &origins["fields"]);
    assert_eq!((&card["name"]["actor"]["kind"], &card["name"]["source"]), (&json!("api_key"), &json!("api")));
    assert_eq!(
        (&card["email"]["actor"]["name"], &card["email"]["set_at"]),
        (&json!("An"), &json!("2026-11-22T09:01:00.000000Z"))
    );
    assert_eq!(card.as_object().unwrap().len(), 24);
    assert_eq!(fields["ready"]["actor"]["name"], "An");
    assert_eq!(
        (&fields["role"]["actor"]["kind"], &fields["role"]["set_at"]),
        (&json!("api_key"), &json!("2026-11-22T09:02:00.000000Z"))
    );
    assert_eq!(fields.get("comments"), None, "what has no value comes from nowhere");
    let history = an.get(&format!("{path}/history")).await.expect(200);
    assert_eq!(fields["role"]["event_id"], history["items"][0]["id"]);
    assert_eq!(api.get(&format!("{path}/provenance")).await.status, 404);
}

/// Lists that have seen a field as one kind find the same clients when it is another one, and back again.
#[tokio::test]
async fn lists_follow_a_field_through_its_kinds_and_merges() {
    let (_house, api) = house().await;
    let role = field(&api, "role", "choice", &["Een", "Twee", "Drie"]).await;
    let one = client(&api, json!({ "role": "Een" })).await;
    let two = client(&api, json!({ "role": "Twee" })).await;
    let with = |label: &'static str| {
        let filter = json!({ "field": "fields.role", "op": "eq", "value": label }).to_string();
        let query = format!("/v1/clients?filter={}", filter.replace('"', "%22").replace(' ', "%20"));
        let api = api.clone();
        async move {
            let found = api.get(&query).await.expect(200);
            found["items"].as_array().unwrap().iter().map(|client| text(&client["id"])).collect::<Vec<_>>()
        }
    };
    let (id_one, id_two) = (text(&one["id"]), text(&two["id"]));
    assert_eq!(with("Een").await, std::slice::from_ref(&id_one));
    become_kind(&api, &role, json!({ "kind": "text" })).await.expect(200);
    assert_eq!(with("Twee").await, std::slice::from_ref(&id_two));
    set(&api, &one, json!({ "role": "twee" })).await.expect(200);
    assert_eq!(with("Een").await, Vec::<String>::new());
    become_kind(&api, &role, json!({ "kind": "choice" })).await.expect(200);
    assert_eq!(with("Twee").await, [id_one.clone(), id_two.clone()]);
    let options = now(&api, &role).await["options"].clone();
    let merge = format!("/v1/field-options/{}/merge", text(&options[1]["id"]));
    api.post(&merge, &json!({ "into": options[2]["id"] })).await.expect(200);
    assert_eq!(with("Drie").await, [id_one.clone(), id_two.clone()]);
    assert_eq!(with("Twee").await, [id_one.clone(), id_two.clone()], "what was merged away means the other");
    become_kind(&api, &role, json!({ "kind": "multi_choice" })).await.expect(200);
    become_kind(&api, &role, json!({ "kind": "choice" })).await.expect(200);
    assert_eq!(with("Drie").await, [id_one, id_two]);
}
