//! What happens to members, clients and fields between the preview of a bulk edit, its application and its undoing.

use klaar_domain::bulk_edits::PruneBulkEdits;
use klaar_domain::kernel::jobs::{self, EnqueueOptions};
use serde_json::{Value, json};

use crate::bulk_edits::{apply, client, house, now, preview, rows, undo};
use crate::client::Client;
use crate::custom_fields_managed::{change, field, text};
use crate::house::postgres;

/// Somebody who joins the practice; returns the identifier.
async fn member(api: &Client, name: &str) -> String {
    let email = format!("{}@maes.example", name.to_lowercase().replace(' ', "."));
    let body = json!({ "email": email, "name": name, "role": "staff" });
    text(&api.post("/v1/members", &body).await.expect(201)["member"]["id"])
}

async fn leave(api: &Client, member: &str) {
    assert_eq!(api.delete(&format!("/v1/members/{member}")).await.status, 204);
}

fn path(client: &str) -> String {
    format!("/v1/clients/{client}")
}

/// A client of this name and with this number.
async fn numbered(api: &Client, name: &str, number: &str) -> String {
    let body = json!({ "name": name, "enterprise_number": number });
    text(&api.post("/v1/clients", &body).await.expect(201)["id"])
}

async fn archive(api: &Client, client: &str) {
    api.post(&format!("{}/archive", path(client)), &json!({})).await.expect(200);
}

/// The clients of an edit with this outcome: identifier and reason.
async fn left(api: &Client, edit: &Value, outcome: &str) -> Vec<(String, String)> {
    let rows = rows(api, edit, outcome).await;
    rows.iter().map(|row| (text(&row["client_id"]), text(&row["reason"]))).collect()
}

fn because(client: &str, reason: &str) -> (String, String) {
    (client.to_owned(), reason.to_owned())
}

/// Applies an edit of which a field has become another one meanwhile.
async fn refused_application(api: &Client, edit: &Value) {
    let answer = api.post(&format!("/v1/bulk-edits/{}/application", text(&edit["id"])), &json!({})).await;
    assert_eq!(answer.expect(409)["code"], "fields_changed");
}

#[tokio::test]
async fn undoing_does_not_make_somebody_responsible_who_has_left() {
    let (house, api) = house().await;
    let (zoe, bert) = (member(&api, "Zoe Oud").await, member(&api, "Bert Nieuw").await);
    let (a, b) = (client(&api, "A", json!({})).await, client(&api, "B", json!({})).await);
    change(&api, &path(&a), json!({ "responsible": zoe, "portfolio": "Oud" })).await.expect(200);
    change(&api, &path(&b), json!({ "responsible": "Somebody", "portfolio": "Oud" })).await.expect(200);
    let assignments = json!([{ "field": "portfolio", "set": "Nieuw" }, { "field": "responsible", "set": bert }]);
    let edit = preview(&api, json!({ "client_ids": [a, b] }), assignments).await;
    apply(&house, &api, &edit, json!({})).await;
    leave(&api, &zoe).await;
    let operation = undo(&house, &api, &edit).await;
    assert_eq!(operation["result"], json!({ "bulk_edit_id": edit["id"], "restored": 1, "kept": 1 }));
    assert_eq!(left(&api, &edit, "kept").await, [because(&a, "member_gone")]);
    let kept = now(&api, &a).await;
    assert_eq!(kept["responsible"], json!({ "member_id": bert, "name": "Bert Nieuw" }));
    assert_eq!(kept["portfolio"], "Nieuw", "who keeps something keeps everything");
    change(&api, &path(&a), json!({ "town": "Gent" })).await.expect(200);
    let restored = now(&api, &b).await;
    let had = [&json!({ "member_id": null, "name": "Somebody" }), &json!("Oud")];
    assert_eq!([&restored["responsible"], &restored["portfolio"]], had);
}

#[tokio::test]
async fn who_cannot_be_brought_back_is_passed_over_with_everything() {
    let (house, api) = house().await;
    let taken = numbered(&api, "Taken", "0403227515").await;
    archive(&api, &taken).await;
    numbered(&api, "Holder", "0403227515").await;
    // Two of one number: the first to come back has it.
    let first = numbered(&api, "First", "0417497106").await;
    archive(&api, &first).await;
    let second = numbered(&api, "Second", "0417497106").await;
    archive(&api, &second).await;
    let before = [now(&api, &taken).await, now(&api, &second).await];
    let assignments = json!([{ "field": "portfolio", "set": "Nieuw" }, { "field": "fields.ready", "set": true }, { "field": "archived", "set": false }]);
    let edit = preview(&api, json!({ "client_ids": [taken, first, second] }), assignments).await;
    assert_eq!(edit["to_change"], 3);
    let operation = apply(&house, &api, &edit, json!({})).await;
    assert_eq!(operation["result"], json!({ "bulk_edit_id": edit["id"], "changed": 1, "skipped": 2 }));
    let passed_over = [because(&taken, "number_taken"), because(&second, "number_taken")];
    assert_eq!(left(&api, &edit, "skipped").await, passed_over);
    assert_eq!([now(&api, &taken).await, now(&api, &second).await], before);
    let brought = now(&api, &first).await;
    assert_eq!([&brought["portfolio"], &brought["archived_at"]], [&json!("Nieuw"), &Value::Null]);
    assert_eq!(brought["fields"], json!({ "ready": true }));
}

#[tokio::test]
async fn who_keeps_one_value_when_an_edit_is_undone_keeps_all() {
    let (house, api) = house().await;
    let (taken, other) = (numbered(&api, "Taken", "0403227515").await, client(&api, "Other", json!({})).await);
    let assignments = json!([{ "field": "portfolio", "set": "Weg" }, { "field": "archived", "set": true }]);
    let edit = preview(&api, json!({ "all": true }), assignments).await;
    apply(&house, &api, &edit, json!({})).await;
    numbered(&api, "Holder", "0403227515").await;
    let before = now(&api, &taken).await;
    let operation = undo(&house, &api, &edit).await;
    assert_eq!(operation["result"], json!({ "bulk_edit_id": edit["id"], "restored": 1, "kept": 1 }));
    assert_eq!(left(&api, &edit, "kept").await, [because(&taken, "number_taken")]);
    assert_eq!(now(&api, &taken).await, before);
    let restored = now(&api, &other).await;
    assert_eq!([&restored["portfolio"], &restored["archived_at"]], [&Value::Null, &Value::Null]);

    let note = field(&api, "note", "text", &[]).await;
    let noted = client(&api, "Noted", json!({ "note": "5" })).await;
    let assignments = json!([{ "field": "portfolio", "set": "Weg" }, { "field": "fields.note", "clear": true }]);
    let edit = preview(&api, json!({ "client_ids": [other, noted] }), assignments).await;
    apply(&house, &api, &edit, json!({})).await;
    let place = format!("/v1/fields/{}/kind-change", text(&note["id"]));
    api.post(&place, &json!({ "kind": "number" })).await.expect(200);
    undo(&house, &api, &edit).await;
    assert_eq!(left(&api, &edit, "kept").await, [because(&noted, "fields_changed")]);
    assert_eq!(now(&api, &noted).await["portfolio"], "Weg");
    assert_eq!(now(&api, &other).await["portfolio"], Value::Null);
}

#[tokio::test]
async fn an_option_that_is_offered_no_longer_breaks_the_edit_off_before_its_first_client() {
    let (house, api) = house().await;
    let a = client(&api, "A", json!({})).await;
    let role = field(&api, "role", "choice", &["Een", "Twee", "Drie"]).await;
    let tags = field(&api, "tags", "multi_choice", &["x", "y"]).await;
    let option = |field: &Value, at: usize| format!("/v1/field-options/{}", text(&field["options"][at]["id"]));
    let all = || json!({ "all": true });
    let retired = preview(&api, all(), json!([{ "field": "fields.role", "set": "Een" }])).await;
    let merged = preview(&api, all(), json!([{ "field": "fields.role", "set": "Twee" }])).await;
    let added = preview(&api, all(), json!([{ "field": "fields.tags", "add": ["x"] }])).await;
    let removed = preview(&api, all(), json!([{ "field": "fields.tags", "add": ["y"], "remove": ["x"] }])).await;
    let late = preview(&api, all(), json!([{ "field": "fields.role", "set": "Drie" }])).await;
    change(&api, &option(&role, 0), json!({ "retired": true })).await.expect(200);
    change(&api, &option(&tags, 0), json!({ "retired": true })).await.expect(200);
    let into = json!({ "into": role["options"][2]["id"] });
    api.post(&format!("{}/merge", option(&role, 1)), &into).await.expect(200);
    for edit in [&retired, &merged, &added] {
        refused_application(&api, edit).await;
    }
    // To take a retired option away is always allowed.
    assert_eq!(apply(&house, &api, &removed, json!({})).await["result"]["changed"], 1);
    let place = format!("/v1/bulk-edits/{}/application", text(&late["id"]));
    let operation = api.post(&place, &json!({})).await.expect(202);
    change(&api, &option(&role, 2), json!({ "retired": true })).await.expect(200);
    house.run_jobs().await;
    let operation = api.get(&format!("/v1/operations/{}", text(&operation["id"]))).await.expect(200);
    assert_eq!([&operation["status"], &operation["problem"]["code"]], ["failed", "fields_changed"]);
    assert_eq!(now(&api, &a).await["fields"].get("role"), None);
}

#[tokio::test]
async fn whom_a_field_concerns_is_asked_again_when_the_edit_is_applied() {
    let (house, api) = house().await;
    let ready = json!({ "ready": true });
    let a = client(&api, "A", ready.clone()).await;
    let b = client(&api, "B", json!({})).await;
    let c = client(&api, "C", ready).await;
    let own = field(&api, "own", "text", &[]).await;
    let assignments = json!([{ "field": "portfolio", "set": "Nieuw" }, { "field": "fields.own", "set": "x" }]);
    let edit = preview(&api, json!({ "all": true }), assignments).await;
    assert_eq!([&edit["to_change"], &edit["refused"]], [3, 0]);
    let criteria = json!({ "field": "fields.ready", "op": "eq", "value": true });
    let category = format!("/v1/field-categories/{}", text(&own["category_id"]));
    change(&api, &category, json!({ "criteria": criteria })).await.expect(200);
    change(&api, &path(&c), json!({ "fields": { "ready": false } })).await.expect(200);
    // Also when what was changed since is to be overwritten.
    let operation = apply(&house, &api, &edit, json!({ "overwrite_changed": true })).await;
    assert_eq!(operation["result"], json!({ "bulk_edit_id": edit["id"], "changed": 1, "skipped": 2 }));
    let passed_over = [because(&b, "not_concerned"), because(&c, "not_concerned")];
    assert_eq!(left(&api, &edit, "skipped").await, passed_over);
    assert_eq!(now(&api, &a).await["fields"]["own"], "x");
    for id in [&b, &c] {
        let seen = now(&api, id).await;
        assert_eq!((seen["fields"].get("own"), &seen["portfolio"]), (None, &Value::Null));
    }
    // To take a value away is always allowed.
    change(&api, &path(&a), json!({ "fields": { "ready": false } })).await.expect(200);
    let clear = preview(&api, json!({ "all": true }), json!([{ "field": "fields.own", "clear": true }])).await;
    assert_eq!(apply(&house, &api, &clear, json!({})).await["result"]["changed"], 1);
}

/// The values of an edit's clients, as its rows say them.
async fn spelled(api: &Client, edit: &Value) -> Vec<Value> {
    let rows = rows(api, edit, "change").await;
    rows.iter().map(|row| row["values"].clone()).collect()
}

#[tokio::test]
async fn values_are_spelled_alike_before_and_after_the_edit_is_applied() {
    let (house, api) = house().await;
    let (zoe, bert) = (member(&api, "Zoe Oud").await, member(&api, "Bert Nieuw").await);
    let (parent, other) = (client(&api, "Parent", json!({})).await, client(&api, "Holding", json!({})).await);
    for (slug, kind) in [("count", "number"), ("fee", "amount"), ("due", "date"), ("by", "member"), ("of", "client")] {
        field(&api, slug, kind, &[]).await;
    }
    field(&api, "tags", "multi_choice", &["x", "y", "z"]).await;
    let had = json!({ "count": 1.5, "fee": "12.50", "due": "2026-11-22", "by": zoe, "of": parent, "ready": false,
        "receive_software": "Yuki", "tags": ["x", "y"] });
    let a = client(&api, "A", had).await;
    change(&api, &path(&a), json!({ "responsible": zoe })).await.expect(200);
    let said = [
        ("fields.count", json!(3), "1.5", "3"),
        ("fields.fee", json!("7"), "12.50", "7.00"),
        ("fields.due", json!("2027-01-01"), "2026-11-22", "2027-01-01"),
        ("fields.by", json!(bert), "Zoe Oud", "Bert Nieuw"),
        ("fields.of", json!(other), "Parent", "Holding"),
        ("fields.ready", json!(true), "no", "yes"),
        ("fields.receive_software", json!("Odoo"), "Yuki", "Odoo"),
        ("responsible", json!(bert), "Zoe Oud", "Bert Nieuw"),
        ("archived", json!(true), "no", "yes"),
    ];
    let mut assignments: Vec<Value> =
        said.iter().map(|(field, set, ..)| json!({ "field": field, "set": set })).collect();
    assignments.push(json!({ "field": "fields.tags", "add": ["z"], "remove": ["x"] }));
    let mut wanted: Vec<Value> = said
        .iter()
        .map(|(field, _, before, after)| json!({ "field": field, "before": before, "after": after }))
        .collect();
    wanted.push(json!({ "field": "fields.tags", "before": "x, y", "after": "y, z" }));
    let edit = preview(&api, json!({ "client_ids": [a] }), Value::from(assignments)).await;
    assert_eq!(spelled(&api, &edit).await, [Value::from(wanted.clone())]);
    apply(&house, &api, &edit, json!({})).await;
    assert_eq!(spelled(&api, &edit).await, [Value::from(wanted.clone())]);
    // Somebody who has left keeps the name that the edit says.
    leave(&api, &bert).await;
    assert_eq!(spelled(&api, &edit).await[0][7], wanted[7]);

    let back = preview(&api, json!({ "client_ids": [a] }), json!([{ "field": "archived", "set": false }])).await;
    let wanted = [json!([{ "field": "archived", "before": "yes", "after": "no" }])];
    assert_eq!(spelled(&api, &back).await, wanted);
    apply(&house, &api, &back, json!({})).await;
    assert_eq!(spelled(&api, &back).await, wanted);
    let dutch = api.with("accept-language", "nl");
    assert_eq!(spelled(&dutch, &back).await, [json!([{ "field": "archived", "before": "ja", "after": "neen" }])]);
}

#[tokio::test]
async fn an_edit_that_is_being_undone_meanwhile_is_not_removed() {
    let (house, api) = house().await;
    client(&api, "A", json!({})).await;
    for portfolio in ["X", "Y"] {
        let edit = preview(&api, json!({ "all": true }), json!([{ "field": "portfolio", "set": portfolio }])).await;
        apply(&house, &api, &edit, json!({})).await;
    }
    // In place of somebody who undoes the one edit while the other is removed.
    const UNDOES: &str = "UPDATE bulk_edits SET status = 'undoing' WHERE status = 'applied'";
    let meanwhile = match postgres() {
        Some(_) => format!(
            "CREATE FUNCTION undoes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {UNDOES}; RETURN NULL; END $$;
             CREATE TRIGGER meanwhile AFTER DELETE ON bulk_edits FOR EACH ROW EXECUTE FUNCTION undoes();"
        ),
        None => format!("CREATE TRIGGER meanwhile AFTER DELETE ON bulk_edits BEGIN {UNDOES}; END;"),
    };
    house.db.write(|tx| Ok(diesel::connection::SimpleConnection::batch_execute(&mut **tx, &meanwhile)?)).unwrap();
    house.wait_seconds(91 * 86_400);
    house.db.write(|tx| jobs::enqueue(tx, &PruneBulkEdits {}, &EnqueueOptions::default())).unwrap();
    house.run_jobs().await;
    let there = api.get("/v1/bulk-edits").await.expect(200);
    let statuses: Vec<&Value> = there["items"].as_array().unwrap().iter().map(|edit| &edit["status"]).collect();
    assert_eq!(statuses, ["undoing"]);
}
