//! One value for many clients, through the front door: previewed, applied, undone.

use klaar_domain::identity::{Right, Role};
use serde_json::{Value, json};

use crate::client::{Client, clients_where};
use crate::custom_fields_managed::{change, field, text};
use crate::house::House;

pub async fn house() -> (House, Client) {
    let house = House::open().await;
    let api = house.may_everything(&house.practice("Maes & Partners"));
    (house, api)
}

pub async fn client(api: &Client, name: &str, fields: Value) -> String {
    text(&api.post("/v1/clients", &json!({ "name": name, "fields": fields })).await.expect(201)["id"])
}

pub async fn preview(api: &Client, selection: Value, assignments: Value) -> Value {
    let body = json!({ "selection": selection, "assignments": assignments });
    api.post("/v1/bulk-edits", &body).await.expect(201)
}

/// The codes of a refused preview by pointer.
async fn refused(api: &Client, selection: Value, assignments: Value) -> Vec<(String, String)> {
    let body = json!({ "selection": selection, "assignments": assignments });
    let answer = api.post("/v1/bulk-edits", &body).await;
    assert_eq!(answer.status, 422, "{}", String::from_utf8_lossy(&answer.body));
    answer.wrong_fields()
}

async fn follow(house: &House, api: &Client, operation: &Value) -> Value {
    house.run_jobs().await;
    let path = format!("/v1/operations/{}", text(&operation["id"]));
    let operation = api.get(&path).await.expect(200);
    assert_eq!(operation["status"], "finished", "{operation}");
    operation
}

pub async fn apply(house: &House, api: &Client, edit: &Value, how: Value) -> Value {
    let path = format!("/v1/bulk-edits/{}/application", text(&edit["id"]));
    let operation = api.post(&path, &how).await.expect(202);
    follow(house, api, &operation).await
}

pub async fn undo(house: &House, api: &Client, edit: &Value) -> Value {
    let path = format!("/v1/bulk-edits/{}/undo", text(&edit["id"]));
    let operation = api.post(&path, &json!({})).await.expect(202);
    follow(house, api, &operation).await
}

pub async fn rows(api: &Client, edit: &Value, outcome: &str) -> Vec<Value> {
    let path = format!("/v1/bulk-edits/{}/rows?outcome={outcome}", text(&edit["id"]));
    api.get(&path).await.expect(200)["items"].as_array().unwrap().clone()
}

pub async fn now(api: &Client, id: &str) -> Value {
    api.get(&format!("/v1/clients/{id}")).await.expect(200)
}

/// AP-27 to AP-30: clients are selected in the list, and the software for receiving is changed for all of them.
#[tokio::test]
async fn ap_27_ap_28_ap_29_ap_30_one_value_for_a_selection_of_clients() {
    let (house, api) = house().await;
    let (a, b) = (client(&api, "A", json!({})).await, client(&api, "B", json!({ "receive_software": "Yuki" })).await);
    let (c, d) = (client(&api, "C", json!({ "receive_software": "Odoo" })).await, client(&api, "D", json!({})).await);
    let except = json!({ "filter": { "field": "name", "op": "one_of", "value": ["A", "B", "C", "D"] }, "except": [d] });
    let edit = preview(&api, except, json!([{ "field": "fields.receive_software", "set": "odoo" }])).await;
    assert_eq!([&edit["selected"], &edit["to_change"], &edit["unchanged"], &edit["refused"]], [3, 2, 1, 0]);
    let seen = rows(&api, &edit, "change").await;
    assert_eq!(seen[0]["client_id"], a);
    assert_eq!(seen[0]["values"], json!([{ "field": "fields.receive_software", "before": null, "after": "Odoo" }]));
    assert_eq!(seen[1]["values"][0]["before"], "Yuki");
    assert_eq!(now(&api, &a).await["fields"], json!({}), "a preview changes nothing");
    let operation = apply(&house, &api, &edit, json!({})).await;
    assert_eq!(operation["result"], json!({ "bulk_edit_id": edit["id"], "changed": 2, "skipped": 0 }));
    let odoo = json!({ "field": "fields.receive_software", "op": "eq", "value": "Odoo" });
    assert_eq!(api.get(&clients_where(&odoo)).await.expect(200)["total"], 3);
    assert_eq!(now(&api, &d).await["fields"], json!({}));
    assert_eq!(now(&api, &c).await["revision"], 2, "who has it already is left alone");
    let history = api.get(&format!("/v1/clients/{b}/history")).await.expect(200);
    let entry = &history["items"][0];
    assert_eq!([&entry["kind"], &entry["source"]], ["clients.edited", "bulk_edit"]);
    assert_eq!(entry["operation_id"], operation["id"]);
    assert_eq!(entry["changes"], json!([{ "field": "receive_software", "before": "Yuki", "after": "Odoo" }]));
    assert_eq!(api.get(&format!("/v1/bulk-edits/{}", text(&edit["id"]))).await.expect(200)["status"], "applied");
    assert_eq!(rows(&api, &edit, "change").await[1]["values"][0]["before"], "Yuki", "afterwards from the log");
}

/// AP-31, AP-32: only fields whose category is shown in "all clients" are changed in bulk.
#[tokio::test]
async fn ap_31_ap_32_only_what_all_clients_shows_is_changed_in_bulk() {
    let (_house, api) = house().await;
    client(&api, "A", json!({})).await;
    let own = field(&api, "own", "text", &[]).await;
    let category = format!("/v1/field-categories/{}", text(&own["category_id"]));
    change(&api, &category, json!({ "in_lists": false })).await.expect(200);
    let set = json!([{ "field": "fields.own", "set": "x" }]);
    let wrong = refused(&api, json!({ "all": true }), set.clone()).await;
    assert_eq!(wrong, [("/assignments/0/field".to_owned(), "not_in_lists".to_owned())]);
    change(&api, &category, json!({ "in_lists": true })).await.expect(200);
    assert_eq!(preview(&api, json!({ "all": true }), set).await["to_change"], 1);
}

/// AP-33, AP-34: what cannot be changed in bulk is refused, with the field and the reason.
#[tokio::test]
async fn ap_33_ap_34_a_refused_edit_says_which_field_and_why() {
    let (house, api) = house().await;
    client(&api, "A", json!({})).await;
    field(&api, "tags", "multi_choice", &["x", "y"]).await;
    field(&api, "letter", "document", &[]).await;
    field(&api, "count", "number", &[]).await;
    let all = || json!({ "all": true });
    for (assignment, at, code) in [
        (json!({ "field": "fields.tags", "set": ["x"] }), "/field", "multi_valued"),
        (
            json!({ "field": "fields.letter", "set": { "name": "a", "url": "https://x.example" } }),
            "/field",
            "linked_to_document",
        ),
        (json!({ "field": "fields.registered_on", "set": "me" }), "/field", "system_owned"),
        (json!({ "field": "registration.state", "set": "registered" }), "/field", "system_owned"),
        (json!({ "field": "enterprise_number", "set": "0403227515" }), "/field", "not_bulk_editable"),
        (json!({ "field": "name", "set": "All alike" }), "/field", "not_bulk_editable"),
        (json!({ "field": "fields.nothing", "set": 1 }), "/field", "unknown_field"),
        (json!({ "field": "fields.count", "set": "many" }), "/set", "wrong_type"),
        (json!({ "field": "fields.count", "add": ["x"] }), "/field", "not_multi_valued"),
        (json!({ "field": "fields.count", "set": 1, "clear": true }), "", "one_way"),
        (json!({ "field": "fields.count", "set": null }), "", "one_way"),
        (json!({ "field": "fields.receive_software", "set": "Nothing of the kind" }), "/set", "unknown_option"),
        (json!({ "field": "language", "set": "klingon" }), "/set", "unknown_value"),
    ] {
        let wrong = refused(&api, all(), json!([assignment])).await;
        assert_eq!(wrong, [(format!("/assignments/0{at}"), code.to_owned())], "{assignment}");
    }
    for selection in [json!({}), json!({ "all": true, "search": "x" })] {
        let wrong = refused(&api, selection, json!([{ "field": "fields.count", "set": 1 }])).await;
        assert_eq!(wrong, [("/selection".to_owned(), "one_selection".to_owned())]);
    }
    let filter = json!({ "filter": { "field": "fields.nothing", "op": "empty" } });
    let wrong = refused(&api, filter, json!([{ "field": "fields.count", "set": 1 }])).await;
    assert_eq!(wrong, [("/selection/filter/field".to_owned(), "unknown_field".to_owned())]);
    let practice = house.practice("Theirs");
    let staff = house.person(&practice, "Staff", Role::Staff);
    let staff = house.signed_in(&staff).await;
    let body = json!({ "selection": all(), "assignments": [{ "field": "portfolio", "set": "X" }] });
    assert_eq!(
        staff.post("/v1/bulk-edits", &body).await.expect(403)["params"]["right"],
        Right::BulkEditsApply.as_str()
    );
}

#[tokio::test]
async fn what_was_changed_since_the_preview_is_named_and_not_overwritten_unless_asked() {
    let (house, api) = house().await;
    let ids =
        [client(&api, "A", json!({})).await, client(&api, "B", json!({})).await, client(&api, "C", json!({})).await];
    let set = json!([{ "field": "fields.comments", "set": "bulk" }]);
    let first = preview(&api, json!({ "all": true }), set.clone()).await;
    let second = preview(&api, json!({ "all": true }), json!([{ "field": "fields.comments", "set": "again" }])).await;
    let path = format!("/v1/clients/{}", ids[0]);
    change(&api, &path, json!({ "fields": { "comments": "by hand" } })).await.expect(200);
    change(&api, &format!("/v1/clients/{}", ids[1]), json!({ "town": "Gent" })).await.expect(200);
    api.post(&format!("/v1/clients/{}/archive", ids[2]), &json!({})).await.expect(200);
    let late = client(&api, "D", json!({})).await;
    let operation = apply(&house, &api, &first, json!({})).await;
    assert_eq!((&operation["result"]["changed"], &operation["failed"]), (&json!(1), &json!(2)));
    let skipped = rows(&api, &first, "skipped").await;
    let named: Vec<(String, String)> = skipped.iter().map(|row| (text(&row["name"]), text(&row["reason"]))).collect();
    assert_eq!(named, [("A".to_owned(), "changed_since".to_owned()), ("C".to_owned(), "archived".to_owned())]);
    assert_eq!(now(&api, &ids[0]).await["fields"]["comments"], "by hand");
    assert_eq!(now(&api, &late).await["fields"], json!({}), "never a client outside the preview");
    let again = api.post(&format!("/v1/bulk-edits/{}/application", text(&first["id"])), &json!({})).await;
    assert_eq!(again.expect(409)["code"], "bulk_edit_applied");
    let operation = apply(&house, &api, &second, json!({ "overwrite_changed": true })).await;
    assert_eq!(operation["result"]["changed"], 2);
    assert_eq!(now(&api, &ids[0]).await["fields"]["comments"], "again");
    let third = preview(&api, json!({ "all": true }), set).await;
    house.wait_seconds(90_000);
    let late = api.post(&format!("/v1/bulk-edits/{}/application", text(&third["id"])), &json!({})).await;
    assert_eq!(late.expect(409)["code"], "preview_expired");
}

#[tokio::test]
async fn undoing_gives_everybody_back_what_they_had_and_names_who_was_changed_since() {
    let (house, api) = house().await;
    for (slug, kind) in [("count", "number"), ("fee", "amount"), ("due", "date"), ("note", "text")] {
        field(&api, slug, kind, &[]).await;
    }
    let tags = field(&api, "tags", "multi_choice", &["x", "y", "z"]).await;
    assert_eq!(tags["kind"], "multi_choice");
    let full = json!({ "count": 1.5, "fee": "12.50", "due": "2026-11-22", "note": "\"quoted\" \\ é", "ready": true, "receive_software": "Yuki", "tags": ["x", "y"] });
    let (a, b) = (client(&api, "A", full).await, client(&api, "B", json!({})).await);
    change(
        &api,
        &format!("/v1/clients/{a}"),
        json!({ "portfolio": "Horeca", "responsible": "Somebody", "language": "fr" }),
    )
    .await
    .expect(200);
    let before = [now(&api, &a).await, now(&api, &b).await];
    let assignments = json!([
        { "field": "fields.count", "set": 3 }, { "field": "fields.fee", "clear": true }, { "field": "fields.due", "set": "2027-01-01" },
        { "field": "fields.note", "set": "" }, { "field": "fields.ready", "set": false }, { "field": "fields.receive_software", "set": "Odoo" },
        { "field": "fields.tags", "add": ["z"], "remove": ["x"] }, { "field": "portfolio", "clear": true },
        { "field": "responsible", "set": "Me" }, { "field": "language", "set": "DE" },
    ]);
    let edit = preview(&api, json!({ "client_ids": [a, b] }), assignments).await;
    assert_eq!(edit["to_change"], 2);
    apply(&house, &api, &edit, json!({})).await;
    let after = now(&api, &a).await;
    let labels: Vec<&Value> = after["fields"]["tags"].as_array().unwrap().iter().map(|tag| &tag["label"]).collect();
    assert_eq!(labels, ["y", "z"]);
    assert_eq!(
        [&after["fields"]["count"], &after["language"], &after["portfolio"]],
        [&json!(3), &json!("de"), &Value::Null]
    );
    assert_eq!([after["fields"].get("fee"), after["fields"].get("note")], [None, None]);
    let operation = undo(&house, &api, &edit).await;
    assert_eq!(operation["result"], json!({ "bulk_edit_id": edit["id"], "restored": 2, "kept": 0 }));
    for (id, before) in [&a, &b].into_iter().zip(&before) {
        let after = now(&api, id).await;
        for part in ["fields", "portfolio", "responsible", "language"] {
            assert_eq!(after[part], before[part], "{part}");
        }
    }
    let again = api.post(&format!("/v1/bulk-edits/{}/undo", text(&edit["id"])), &json!({})).await;
    assert_eq!(again.expect(409)["code"], "bulk_edit_undone");

    let edit = preview(&api, json!({ "all": true }), json!([{ "field": "fields.ready", "set": false }])).await;
    apply(&house, &api, &edit, json!({})).await;
    change(&api, &format!("/v1/clients/{a}"), json!({ "fields": { "ready": true } })).await.expect(200);
    change(&api, &format!("/v1/clients/{a}"), json!({ "fields": { "ready": false } })).await.expect(200);
    let operation = undo(&house, &api, &edit).await;
    assert_eq!((&operation["result"]["restored"], &operation["result"]["kept"]), (&json!(1), &json!(1)));
    let kept = rows(&api, &edit, "kept").await;
    assert_eq!([&kept[0]["client_id"], &kept[0]["reason"]], [&json!(a), &json!("changed_since")]);
    assert_eq!(now(&api, &b).await["fields"].get("ready"), None);
}

#[tokio::test]
async fn archiving_many_and_bringing_them_back_respects_numbers_that_were_taken() {
    let (house, api) = house().await;
    let numbered = json!({ "name": "Numbered", "enterprise_number": "0403227515" });
    let first = text(&api.post("/v1/clients", &numbered).await.expect(201)["id"]);
    let other = client(&api, "Other", json!({})).await;
    let archive = json!([{ "field": "archived", "set": true }]);
    let edit = preview(&api, json!({ "all": true }), archive).await;
    apply(&house, &api, &edit, json!({})).await;
    assert_eq!(api.get("/v1/clients").await.expect(200)["total"], 0);
    api.post("/v1/clients", &numbered).await.expect(201);
    undo(&house, &api, &edit).await;
    let kept = rows(&api, &edit, "kept").await;
    assert_eq!([&kept[0]["client_id"], &kept[0]["reason"]], [&json!(first), &json!("number_taken")]);
    assert_eq!(now(&api, &other).await["archived_at"], Value::Null);
    let comments = json!([{ "field": "fields.comments", "set": "x" }]);
    let filter = json!({ "filter": { "field": "archived", "op": "filled" } });
    let edit = preview(&api, filter, comments).await;
    assert_eq!([&edit["to_change"], &edit["refused"]], [2, 1]);
    assert_eq!(rows(&api, &edit, "refused").await[0]["reason"], "archived");
}

#[tokio::test]
async fn a_field_that_became_another_breaks_the_edit_off_before_its_first_client() {
    let (_house, api) = house().await;
    client(&api, "A", json!({})).await;
    let note = field(&api, "note", "text", &[]).await;
    let edit = preview(&api, json!({ "all": true }), json!([{ "field": "fields.note", "set": "x" }])).await;
    api.post(&format!("/v1/fields/{}/archive", text(&note["id"])), &json!({})).await.expect(200);
    // Without a body, as undoing it.
    let place = format!("/v1/bulk-edits/{}/application", text(&edit["id"]));
    let answer = api.send(reqwest::Method::POST, &place, None).await;
    assert_eq!(answer.expect(409)["code"], "fields_changed");
}

#[tokio::test]
async fn a_saved_view_is_a_selection_and_criteria_leave_clients_out() {
    let (house, api) = house().await;
    let (a, b) = (client(&api, "A", json!({ "ready": true })).await, client(&api, "B", json!({})).await);
    let own = field(&api, "own", "text", &[]).await;
    let category = format!("/v1/field-categories/{}", text(&own["category_id"]));
    let criteria = json!({ "field": "fields.ready", "op": "eq", "value": true });
    change(&api, &category, json!({ "criteria": criteria })).await.expect(200);
    let view = json!({ "name": "All by name", "filter": { "field": "name", "op": "one_of", "value": ["A", "B"] }, "columns": ["name"], "shared": true });
    let view = api.post("/v1/views", &view).await.expect(201);
    let selection = json!({ "view_id": view["id"] });
    let edit = preview(&api, selection, json!([{ "field": "fields.own", "set": "x" }])).await;
    assert_eq!([&edit["selected"], &edit["to_change"], &edit["refused"]], [2, 1, 1]);
    let left = rows(&api, &edit, "refused").await;
    assert_eq!([&left[0]["client_id"], &left[0]["reason"]], [&json!(b), &json!("not_concerned")]);
    apply(&house, &api, &edit, json!({})).await;
    assert_eq!(now(&api, &a).await["fields"]["own"], "x");
    let unknown = json!({ "view_id": "view_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b" });
    let wrong = refused(&api, unknown, json!([{ "field": "fields.comments", "set": "x" }])).await;
    assert_eq!(wrong, [("/selection/view_id".to_owned(), "unknown_view".to_owned())]);
}

/// What was changed on many at once stands in each one's history among what was changed on it alone, page by page.
#[tokio::test]
async fn a_history_has_bulk_edits_and_single_changes_in_their_order() {
    let (house, api) = house().await;
    let mut ids = Vec::new();
    for at in 0..30 {
        ids.push(client(&api, &format!("K{at:02}"), json!({})).await);
    }
    let path = format!("/v1/clients/{}", ids[7]);
    let set = |value: &str| json!([{ "field": "fields.receive_software", "set": value }]);
    let first = preview(&api, json!({ "all": true }), set("Odoo")).await;
    apply(&house, &api, &first, json!({})).await;
    change(&api, &path, json!({ "fields": { "receive_software": "Yuki" } })).await.expect(200);
    let second = preview(&api, json!({ "all": true, "except": [ids[8]] }), set("Billit")).await;
    change(&api, &path, json!({ "phone": "09" })).await.expect(200);
    apply(&house, &api, &second, json!({})).await;
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = api.get(&format!("{path}/history?limit=1{cursor}")).await.expect(200);
        let entry = &page["items"][0];
        seen.push((text(&entry["kind"]), entry["changes"][0]["after"].clone()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let seen: Vec<(&str, &Value)> = seen.iter().map(|(kind, after)| (kind.as_str(), after)).collect();
    let (billit, phone, yuki, odoo) = (json!("Billit"), json!("09"), json!("Yuki"), json!("Odoo"));
    assert_eq!(
        seen[..4],
        [("clients.edited", &billit), ("client.updated", &phone), ("client.updated", &yuki), ("clients.edited", &odoo)]
    );
    assert_eq!(seen.len(), 5, "and its creation: {seen:?}");
    let other = api.get(&format!("/v1/clients/{}/history", ids[8])).await.expect(200);
    assert_eq!(other["items"].as_array().unwrap().len(), 2, "who was left out has nothing of it");
    // The value has been set again since the first edit on all but one.
    let undone = undo(&house, &api, &first).await;
    assert_eq!((&undone["result"]["restored"], &undone["result"]["kept"]), (&json!(1), &json!(29)));
}

/// A field that changed more often than lists read changes one by one is read anew; what else they keep stays true.
#[tokio::test]
async fn lists_see_what_bulk_edits_changed_more_often_than_they_count() {
    let (house, api) = house().await;
    let mut ids = Vec::new();
    for at in 0..110 {
        ids.push(
            client(&api, &format!("K{at:03}"), json!({ "receive_software": "Billit", "ready": at % 2 == 0 })).await,
        );
    }
    let having = |software: &str| {
        let software = json!({ "field": "fields.receive_software", "op": "eq", "value": software });
        json!({ "and": [software, { "field": "fields.ready", "op": "eq", "value": true }] })
    };
    assert_eq!(api.get(&clients_where(&having("Billit"))).await.expect(200)["total"], 55);
    // Clients that are named are not looked for in lists, so nothing catches up before the end.
    for software in ["Odoo", "Yuki", "Odoo", "Yuki", "Odoo", "Yuki", "Odoo", "Yuki", "Odoo", "Yuki", "Odoo"] {
        let set = json!([{ "field": "fields.receive_software", "set": software }]);
        let edit = preview(&api, json!({ "client_ids": ids }), set).await;
        apply(&house, &api, &edit, json!({})).await;
    }
    change(&api, &format!("/v1/clients/{}", ids[1]), json!({ "fields": { "ready": true } })).await.expect(200);
    assert_eq!(api.get(&clients_where(&having("Odoo"))).await.expect(200)["total"], 56);
    assert_eq!(api.get(&clients_where(&having("Billit"))).await.expect(200)["total"], 0);
}

/// Clients that lie side by side are written as a range: neither those of another practice among them, nor who is left out,
/// nor who has the value by now.
#[tokio::test]
async fn a_range_of_clients_is_changed_and_nobody_else_in_it() {
    let (house, api) = house().await;
    let other = house.may_everything(&house.practice("Janssens"));
    let (mut ids, mut foreign) = (Vec::new(), Vec::new());
    for at in 0..24 {
        ids.push(client(&api, &format!("K{at:02}"), json!({})).await);
        foreign.push(client(&other, &format!("K{at:02}"), json!({})).await);
    }
    let set = |value: &str| json!([{ "field": "fields.receive_software", "set": value }]);
    let edit = async |selection: Value, value: &str| preview(&api, selection, set(value)).await;
    let all = edit(json!({ "all": true }), "Odoo").await;
    assert_eq!(apply(&house, &api, &all, json!({})).await["result"]["changed"], 24);
    let but_one = edit(json!({ "all": true, "except": [ids[11]] }), "Yuki").await;
    assert_eq!(apply(&house, &api, &but_one, json!({})).await["result"]["changed"], 23);
    assert_eq!(now(&api, &ids[11]).await["fields"]["receive_software"]["label"], "Odoo");
    let again = edit(json!({ "all": true }), "Billit").await;
    change(&api, &format!("/v1/clients/{}", ids[5]), json!({ "fields": { "receive_software": "Billit" } })).await;
    assert_eq!(apply(&house, &api, &again, json!({ "overwrite_changed": true })).await["result"]["changed"], 23);
    for (at, id) in ids.iter().enumerate() {
        let seen = now(&api, id).await;
        let revision = if at == 11 { 3 } else { 4 };
        assert_eq!(
            (&seen["fields"]["receive_software"]["label"], &seen["revision"]),
            (&json!("Billit"), &json!(revision))
        );
    }
    for id in &foreign {
        let seen = now(&other, id).await;
        assert_eq!(
            (&seen["fields"]["receive_software"]["label"], &seen["revision"]),
            (&Value::Null, &json!(1)),
            "{seen}"
        );
    }
}
