//! Criteria of categories: whom their fields concern, and that what does not concern a client is no value of it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::custom_fields_managed::{change, text};
use crate::saved_views::{is, path_of, query, room, wrong};

#[tokio::test]
async fn a_category_with_criteria_concerns_only_the_clients_that_meet_them() {
    let room = room().await;
    let criteria = json!({ "and": [is("kind", json!("person")), is("fields.receive_software", json!("Odoo"))] });
    let group = json!({ "name": "Eenmanszaken", "criteria": criteria });
    let group = room.api.post("/v1/field-categories", &group).await.expect(201);
    let field = json!({ "category_id": group["id"], "name": "Regime", "slug": "regime", "kind": "text" });
    room.api.post("/v1/fields", &field).await.expect(201);
    let company = json!({ "name": "NV", "fields": { "regime": "x", "receive_software": "Odoo" } });
    let refused = room.api.post("/v1/clients", &company).await;
    assert_eq!((refused.status, refused.wrong_fields()), (422, wrong("/fields/regime", "not_concerned")));
    assert_eq!(room.names("search=NV").await, Vec::<String>::new(), "nothing was made");

    let person = json!({ "name": "Jan", "kind": "person", "fields": { "regime": "x", "receive_software": "Odoo" } });
    let client = room.api.post("/v1/clients", &person).await.expect(201);
    assert_eq!(client["fields"]["regime"], "x", "what is set at once counts at once");
    let path = format!("/v1/clients/{}", text(&client["id"]));
    let moved = change(&room.api, &path, json!({ "kind": "company" })).await.expect(200);
    assert_eq!(moved["fields"].get("regime"), None);
    for path in [&path, "/v1/clients"] {
        let read = room.api.get(path).await.expect(200);
        let card = if read["items"].is_array() { &read["items"][0] } else { &read };
        assert_eq!(card["fields"].get("regime"), None);
        assert_eq!(card["fields"]["receive_software"]["label"], "Odoo");
    }
    let refused = change(&room.api, &path, json!({ "fields": { "regime": "y" } })).await;
    assert_eq!(refused.wrong_fields(), wrong("/fields/regime", "not_concerned"));
    let view = room.save(json!({ "name": "x", "columns": ["name", "fields.regime"] })).await;
    let rows = room.api.get(&format!("{}/rows", path_of(&view))).await.expect(200);
    assert_eq!(
        (&rows["items"][0]["locked"], &rows["items"][0]["values"]["fields.regime"]),
        (&json!(["fields.regime"]), &Value::Null)
    );
    let put = json!({ "fields": ["fields.regime"] });
    room.api.with("if-match", "\"1\"").send(Method::PUT, "/v1/completeness", Some(&put)).await.expect(200);
    change(&room.api, &path, json!({ "fields": { "regime": null } })).await.expect(200);
    assert_eq!(
        room.api.get("/v1/incomplete-clients").await.expect(200)["total"],
        0,
        "it is not missing where it does not belong"
    );
    let back = change(&room.api, &path, json!({ "kind": "person", "fields": { "regime": "z" } })).await.expect(200);
    assert_eq!(back["fields"]["regime"], "z");
    change(&room.api, &path, json!({ "kind": "company" })).await.expect(200);
    let back = change(&room.api, &path, json!({ "kind": "person" })).await.expect(200);
    assert_eq!(back["fields"]["regime"], "z", "values are kept meanwhile");

    let group = format!("/v1/field-categories/{}", text(&group["id"]));
    let everybody = change(&room.api, &group, json!({ "criteria": null })).await.expect(200);
    assert_eq!(everybody["criteria"], Value::Null);
    for (criteria, fault) in [
        (json!({ "and": [is("contacts.name", json!("x"))] }), wrong("/criteria/and/0/field", "not_in_criteria")),
        (json!({ "field": "search", "op": "matches", "value": "x" }), wrong("/criteria/field", "not_in_criteria")),
        (json!({ "field": "name", "op": "set_by", "value": "me" }), wrong("/criteria/op", "not_in_criteria")),
        (is("responsible", json!("me")), wrong("/criteria/value", "not_in_criteria")),
        (is("fields.regime", json!("x")), wrong("/criteria/field", "not_in_criteria")),
        (is("fields.none", json!("x")), wrong("/criteria/field", "unknown_field")),
        (json!(1), wrong("/criteria", "wrong_filter")),
    ] {
        assert_eq!(change(&room.api, &group, json!({ "criteria": criteria })).await.wrong_fields(), fault);
    }
}

/// What every card can be asked for.
#[rustfmt::skip]
const OF_CARDS: &[&str] = &[
    "name", "kind", "reference", "legal_form", "enterprise_number", "vat_number", "vat_liable", "government", "oin",
    "identifiers", "street", "street_number", "postcode", "town", "country", "language", "email", "phone", "website",
    "responsible", "portfolio", "mandate_start", "mandate_end", "registration.state", "registration.cause",
    "exemption.reason", "exemption.note", "exemption.until",
    "registration.access_point.seat_id", "registration.access_point.name", "registration.checked_at",
    "registration.unknown_since", "informed_at", "created_at", "updated_at", "archived_at", "fields.registered_on", "fields.ready",
];

/// Conditions on what every card can be asked for: whether it is there, and some on what it is.
fn conditions() -> Vec<Value> {
    let condition = |field: &str, op: &str, value: Value| json!({ "field": field, "op": op, "value": value });
    let mut conditions: Vec<Value> = OF_CARDS.iter().map(|field| condition(field, "filled", Value::Null)).collect();
    conditions.extend([
        condition("name", "starts_with", json!("ECL")),
        condition("responsible", "eq", json!("celine")),
        condition("identifiers", "contains", json!("5412345")),
        condition("mandate_start", "between", json!(["2017-01-01", "2017-12-31"])),
        condition("vat_liable", "eq", json!(true)),
        condition("registration.state", "none_of", json!(["registered"])),
        condition("created_at", "gte", json!({ "days_from_now": -1 })),
        condition("archived", "eq", json!(false)),
        condition("exempt", "eq", json!(true)),
        condition("exempt", "ne", json!(true)),
        condition("exemption.until", "lt", json!("2027-01-01")),
        json!({ "not": { "or": [condition("town", "eq", json!("gent")), condition("country", "eq", json!("BE"))] } }),
    ]);
    conditions
}

/// The evaluator over one card answers as the evaluator over lists does, for every field that every card has.
#[tokio::test]
async fn criteria_and_lists_mean_the_same() {
    let room = room().await;
    let body = json!({
        "name": "Éclair", "kind": "person", "reference": "R1", "legal_form": "VOF", "enterprise_number": "68750110",
        "vat_liable": true, "government": false, "identifiers": ["0088:5412345000013"],
        "street": "Kerkstraat", "street_number": "12", "postcode": "9000", "town": "Gent", "country": "NL", "language": "fr",
        "email": "a@b.be", "phone": "1", "website": "x.be", "responsible": "Céline", "portfolio": "P",
        "mandate_start": "2017-01-25", "mandate_end": "2018-01-25", "oin": "00000001003214345000",
        "exemption": { "reason": "bankrupt", "note": "Curator", "until": "2026-11-22" },
    });
    room.api.post("/v1/clients", &body).await.expect(201);
    room.client("Plain", json!({}), Some(("cannot_receive", Some("POP000001")))).await;
    let group = room.api.post("/v1/field-categories", &json!({ "name": "G" })).await.expect(201);
    let field = json!({ "category_id": group["id"], "name": "mark", "slug": "mark", "kind": "yes_no" });
    room.api.post("/v1/fields", &field).await.expect(201);
    let clients = room.api.get("/v1/clients").await.expect(200)["items"].as_array().unwrap().clone();
    for client in &clients {
        change(&room.api, &format!("/v1/clients/{}", text(&client["id"])), json!({ "fields": { "mark": true } }))
            .await
            .expect(200);
    }
    let group = format!("/v1/field-categories/{}", text(&group["id"]));
    for criteria in conditions() {
        change(&room.api, &group, json!({ "criteria": criteria })).await.expect(200);
        let mut listed = room.names(&query(&[("filter", &criteria.to_string())])).await;
        let page = room.api.get("/v1/clients").await.expect(200);
        let concerned = page["items"].as_array().unwrap().iter().filter(|client| client["fields"]["mark"] == true);
        let mut shown: Vec<String> = concerned.map(|client| text(&client["name"])).collect();
        listed.sort();
        shown.sort();
        assert_eq!(listed, shown, "{criteria}");
    }
}

/// What a client has in a category that does not concern it is kept, and is no value for filters, orders and counts.
#[tokio::test]
async fn what_does_not_concern_a_client_is_no_value_of_it() {
    let room = room().await;
    let group = room.api.post("/v1/field-categories", &json!({ "name": "Eenmanszaken" })).await.expect(201);
    for (slug, kind, options) in [("note", "text", json!([])), ("tool", "choice", json!(["Odoo", "Billit"]))] {
        let field = json!({ "category_id": group["id"], "name": slug, "slug": slug, "kind": kind, "options": options });
        room.api.post("/v1/fields", &field).await.expect(201);
    }
    for (name, kind, note, tool) in
        [("Bo", "company", "a", "Odoo"), ("An", "person", "b", "Odoo"), ("Cas", "person", "c", "Billit")]
    {
        let body = json!({ "name": name, "kind": kind, "fields": { "note": note, "tool": tool } });
        room.api.post("/v1/clients", &body).await.expect(201);
    }
    let group = format!("/v1/field-categories/{}", text(&group["id"]));
    let answers = async |criteria: Value| {
        change(&room.api, &group, json!({ "criteria": criteria })).await.expect(200);
        let condition =
            |op: &str, value: Value| json!({ "field": "fields.tool", "op": op, "value": value }).to_string();
        let listed = async |filter: String| room.names(&query(&[("filter", &filter)])).await.join(" ");
        let counts = room.api.get("/v1/client-counts?by=fields.tool").await.expect(200);
        let counts: Vec<String> = counts["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| format!("{} {}", one["label"].as_str().unwrap_or("none"), one["count"]))
            .collect();
        let first = room.api.get("/v1/clients?sort=fields.note&limit=1").await.expect(200);
        let second = format!("sort=fields.note&limit=2&cursor={}", text(&first["next_cursor"]));
        vec![
            listed(condition("filled", Value::Null)).await,
            listed(condition("empty", Value::Null)).await,
            listed(condition("eq", json!("Odoo"))).await,
            listed(condition("ne", json!("Odoo"))).await,
            room.names("sort=fields.note").await.join(" "),
            room.names("sort=-fields.note").await.join(" "),
            room.names(&second).await.join(" "),
            counts.join(", "),
        ]
    };
    let all = ["An Bo Cas", "", "An Bo", "Cas", "Bo An Cas", "Cas An Bo", "An Cas", "Odoo 2, Billit 1, none 0"];
    assert_eq!(answers(Value::Null).await, all);
    let some = ["An Cas", "Bo", "An", "Bo Cas", "An Cas Bo", "Cas An Bo", "Cas Bo", "Billit 1, Odoo 1, none 1"];
    assert_eq!(answers(is("kind", json!("person"))).await, some);
    assert_eq!(answers(Value::Null).await, all, "values are kept meanwhile");
}
