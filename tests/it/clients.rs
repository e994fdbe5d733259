//! Clients through the front door.

use klaar_domain::clients;
use klaar_domain::clients::door::{self, Assigned};
use klaar_domain::identity::Practice;
use klaar_domain::kernel::actor::Actor;
use klaar_domain::kernel::audit::Event;
use klaar_domain::kernel::db::Tx;
use serde_json::{Value, json};

use crate::client::{Client, clients_where};
use crate::house::House;

async fn house() -> (House, Client) {
    let house = House::open().await;
    let practice = house.practice("Maes & Partners");
    let client = house.may_everything(&practice);
    (house, client)
}

async fn create(api: &Client, body: Value) -> Value {
    api.post("/v1/clients", &body).await.expect(201)
}

fn path(client: &Value) -> String {
    format!("/v1/clients/{}", client["id"].as_str().unwrap())
}

fn names(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_client_is_created_in_any_notation_and_read_back_canonical() {
    let (_house, api) = house().await;
    let answer = api
        .post("/v1/clients", &json!({ "name": " Bakkerij Peeters ", "enterprise_number": "be 0403 227 515", "vat_number": "403227515", "country": "België", "language": "FR", "responsible": "Céline" }))
        .await;
    let created = answer.expect(201);
    assert_eq!(answer.header("location"), path(&created));
    assert_eq!(answer.header("etag"), "\"1\"");
    assert_eq!(created["name"], "Bakkerij Peeters");
    assert_eq!(created["enterprise_number"], "0403227515");
    assert_eq!(created["vat_number"], "BE0403227515");
    assert_eq!(created["country"], "BE");
    assert_eq!(created["language"], "fr");
    assert_eq!(created["responsible"], json!({ "member_id": null, "name": "Céline" }));
    assert_eq!(api.get(&path(&created)).await.expect(200), created);
}

#[tokio::test]
async fn wrong_fields_are_all_named_with_the_mend_in_the_callers_language() {
    let (_house, api) = house().await;
    let body = json!({ "enterprise_number": "0403227516", "email": "x@", "fields": { "ready": "maybe", "registered_on": "x", "nothing": 1 } });
    let answer = api
        .with("accept-language", "nl-BE")
        .post("/v1/clients", &json!({ "name": "", "enterprise_number": "0403227516", "email": "x@" }))
        .await;
    let problem = answer.expect(422);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(problem["code"], "invalid");
    assert_eq!(problem["title"], "Sommige velden kloppen niet; ze staan hieronder.");
    let wrong = answer.wrong_fields();
    assert!(wrong.contains(&("/name".to_owned(), "missing".to_owned())));
    assert!(wrong.iter().any(|(pointer, code)| pointer == "/enterprise_number" && code.starts_with("check_digits")));
    assert!(wrong.contains(&("/email".to_owned(), "malformed_email".to_owned())));
    let wrong = api.post("/v1/clients", &body).await.wrong_fields();
    assert!(wrong.contains(&("/fields/ready".to_owned(), "wrong_type".to_owned())), "{wrong:?}");
    assert!(wrong.contains(&("/fields/registered_on".to_owned(), "system_owned".to_owned())));
    assert!(wrong.contains(&("/fields/nothing".to_owned(), "unknown_field".to_owned())));
    assert_eq!(names(&api.get("/v1/clients").await.expect(200)).len(), 0, "nothing was written");
}

#[tokio::test]
async fn an_enterprise_number_is_unique_among_the_active_clients_of_a_practice() {
    let (house, api) = house().await;
    let first = create(&api, json!({ "name": "First", "enterprise_number": "0403227515" })).await;
    let refused =
        api.post("/v1/clients", &json!({ "name": "Second", "enterprise_number": "403.227.515" })).await.expect(409);
    assert_eq!(refused["code"], "enterprise_number_taken");
    assert_eq!(refused["params"]["client_id"], first["id"]);
    assert!(refused["title"].as_str().unwrap().contains("First"));
    let other = house.may_everything(&house.practice("Another practice"));
    create(&other, json!({ "name": "Theirs", "enterprise_number": "0403227515" })).await;
    api.post(&format!("{}/archive", path(&first)), &json!({})).await.expect(200);
    create(&api, json!({ "name": "Second", "enterprise_number": "0403227515" })).await;
    assert_eq!(
        api.post(&format!("{}/restore", path(&first)), &json!({})).await.expect(409)["code"],
        "enterprise_number_taken"
    );
}

#[tokio::test]
async fn a_patch_leaves_clears_and_sets_and_needs_the_etag() {
    let (_house, api) = house().await;
    let client = create(&api, json!({ "name": "A", "phone": "1", "email": "a@alpha.example" })).await;
    let change = json!({ "phone": null, "town": "Gent" });
    assert_eq!(api.patch(&path(&client), &change).await.expect(428)["code"], "condition_required");
    assert_eq!(api.with("if-match", "\"7\"").patch(&path(&client), &change).await.expect(412)["code"], "stale");
    let changed = api.with("if-match", "\"1\"").patch(&path(&client), &change).await.expect(200);
    assert_eq!(changed["phone"], Value::Null);
    assert_eq!(changed["town"], "Gent");
    assert_eq!(changed["email"], "a@alpha.example");
    assert_eq!(changed["revision"], 2);
    assert_eq!(api.with("if-match", "\"1\"").patch(&path(&client), &change).await.status, 412);
    let same = api.with("if-match", "\"2\"").patch(&path(&client), &change).await.expect(200);
    assert_eq!(same["revision"], 2, "a change of nothing is no change");
    assert_eq!(api.with("if-match", "\"2\"").patch(&path(&client), &json!({ "name": null })).await.status, 422);
}

#[tokio::test]
async fn the_history_tells_who_changed_what_from_what() {
    let (_house, api) = house().await;
    let client = create(&api, json!({ "name": "A", "phone": "1" })).await;
    let change = json!({ "phone": "2", "fields": { "receive_software": "odoo", "ready": true } });
    api.with("if-match", "\"1\"").patch(&path(&client), &change).await.expect(200);
    let history = api.get(&format!("{}/history", path(&client))).await.expect(200);
    let entries = history["items"].as_array().unwrap();
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[0]["kind"], "client.updated");
    assert_eq!(entries[0]["actor"]["name"], "test");
    let changes = entries[0]["changes"].as_array().unwrap();
    assert!(changes.contains(&json!({ "field": "phone", "before": "1", "after": "2" })));
    assert!(changes.contains(&json!({ "field": "receive_software", "before": null, "after": "Odoo" })));
    assert!(changes.contains(&json!({ "field": "ready", "before": null, "after": "true" })));
    assert_eq!(entries[1]["kind"], "client.created");
    let trail = api.get("/v1/audit-entries").await.expect(200);
    let kinds: Vec<&str> = trail["items"].as_array().unwrap().iter().map(|e| e["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds[..3], ["client.updated", "client.created", "api_key.created"]);
}

#[tokio::test]
async fn search_does_not_mind_case_and_accents_and_pages_are_whole() {
    let (_house, api) = house().await;
    for name in [
        "Société Générale",
        "societe anonyme",
        "Łódź Import",
        "Zoë Müller",
        "100% Bio",
        "Apotheek Claes",
        "apotheek claes",
    ] {
        create(&api, json!({ "name": name, "town": "Liège" })).await;
    }
    let found = async |words: &str| {
        names(&api.get(&format!("/v1/clients?search={words}")).await.expect(200))
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(found("SOCIETE").await, ["societe anonyme", "Société Générale"]);
    assert_eq!(found("lodz%20liege").await, ["Łódź Import"]);
    assert_eq!(found("100%25").await, ["100% Bio"]);
    let mut walked = Vec::new();
    let mut next = "/v1/clients?limit=2".to_owned();
    loop {
        let page = api.get(&next).await.expect(200);
        assert_eq!(page["total"], 7);
        walked.extend(names(&page).into_iter().map(str::to_owned));
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        next = format!("/v1/clients?limit=2&cursor={cursor}");
    }
    assert_eq!(
        walked,
        [
            "100% Bio",
            "Apotheek Claes",
            "apotheek claes",
            "Łódź Import",
            "societe anonyme",
            "Société Générale",
            "Zoë Müller"
        ]
    );
    let backwards = api.get("/v1/clients?sort=-name").await.expect(200);
    assert_eq!(names(&backwards)[0], "Zoë Müller");
    assert_eq!(api.get("/v1/clients?cursor=nonsense").await.expect(422)["errors"][0]["pointer"], "/cursor");
    assert_eq!(api.get("/v1/clients?limit=0").await.status, 422);
}

/// AP-22: enterprise number, VAT number and the VAT-liable flag, each testable for "filled in".
#[tokio::test]
async fn ap_22_numbers_and_the_vat_flag_filter() {
    let (_house, api) = house().await;
    create(
        &api,
        json!({ "name": "Both", "enterprise_number": "0403227515", "vat_number": "BE0403227515", "vat_liable": true }),
    )
    .await;
    create(&api, json!({ "name": "Exempt", "enterprise_number": "0400378485", "vat_liable": false })).await;
    create(&api, json!({ "name": "Neither" })).await;
    let has = |field: &str, op: &str| json!({ "field": field, "op": op });
    for (filter, expected) in [
        (has("enterprise_number", "filled"), vec!["Both", "Exempt"]),
        (has("enterprise_number", "empty"), vec!["Neither"]),
        (has("vat_number", "filled"), vec!["Both"]),
        (json!({ "and": [has("enterprise_number", "filled"), has("vat_number", "empty")] }), vec!["Exempt"]),
        (json!({ "field": "vat_liable", "op": "eq", "value": true }), vec!["Both"]),
        (json!({ "field": "vat_liable", "op": "eq", "value": false }), vec!["Exempt"]),
        (has("vat_liable", "empty"), vec!["Neither"]),
    ] {
        assert_eq!(names(&api.get(&clients_where(&filter)).await.expect(200)), expected, "{filter}");
    }
}

#[tokio::test]
async fn an_archived_client_leaves_the_list_and_comes_back() {
    let (_house, api) = house().await;
    let client = create(&api, json!({ "name": "A" })).await;
    let archived = api.post(&format!("{}/archive", path(&client)), &json!({})).await.expect(200);
    assert_eq!(archived["archived_at"], "2026-11-22T09:00:00.000000Z");
    assert!(names(&api.get("/v1/clients").await.expect(200)).is_empty());
    assert_eq!(
        names(&api.get(&clients_where(&json!({ "field": "archived", "op": "eq", "value": true }))).await.expect(200)),
        ["A"]
    );
    let refused = api.with("if-match", "\"2\"").patch(&path(&client), &json!({ "name": "B" })).await;
    assert_eq!(refused.expect(409)["code"], "archived");
    api.post(&format!("{}/restore", path(&client)), &json!({})).await.expect(200);
    assert_eq!(names(&api.get("/v1/clients").await.expect(200)), ["A"]);
}

#[tokio::test]
async fn contacts_are_added_changed_removed_and_remembered() {
    let (_house, api) = house().await;
    let client = create(&api, json!({ "name": "A" })).await;
    let contacts = format!("{}/contacts", path(&client));
    let wrong = api.post(&contacts, &json!({ "name": " ", "receives_notices": true })).await.wrong_fields();
    assert_eq!(
        wrong,
        [("/name".to_owned(), "missing".to_owned()), ("/email".to_owned(), "needed_for_notices".to_owned())]
    );
    let body = json!({ "name": "Jan", "email": "jan@peeters.example", "receives_notices": true });
    let added = api.post(&contacts, &body).await.expect(201);
    let one = format!("/v1/contacts/{}", added["id"].as_str().unwrap());
    assert_eq!(api.with("if-match", "\"9\"").patch(&one, &json!({ "phone": "1" })).await.status, 412);
    let changed = api
        .with("if-match", "\"1\"")
        .patch(&one, &json!({ "phone": "1", "receives_notices": false, "email": null }))
        .await;
    assert_eq!(changed.header("etag"), "\"2\"");
    assert_eq!(changed.expect(200)["email"], Value::Null);
    assert_eq!(api.get(&contacts).await.expect(200)["items"][0], changed.json());
    assert_eq!(api.get(&path(&client)).await.header("etag"), "\"1\"", "the client's own revision stays");
    assert_eq!(api.delete(&one).await.status, 204);
    assert_eq!(api.get(&one).await.status, 404);
    let history = api.get(&format!("{}/history", path(&client))).await.expect(200);
    let kinds: Vec<&str> = history["items"].as_array().unwrap().iter().map(|e| e["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["contact.removed", "contact.updated", "contact.created", "client.created"]);
    assert!(history["items"][0]["changes"][0]["before"].as_str().unwrap().contains("Jan"));
}

/// One statement for many clients writes what a PATCH of each would: value, history, provenance, revision.
#[tokio::test]
async fn a_value_assigned_to_many_is_logged_on_each() {
    let house = House::open().await;
    let (ours, theirs) = (house.practice("Ours"), house.practice("Theirs"));
    let (api, other) = (house.may_everything(&ours), house.may_everything(&theirs));
    let mut keys = Vec::new();
    for (name, fields) in [("A", json!({})), ("B", json!({ "comments": "old" })), ("C", json!({ "comments": "same" }))]
    {
        let made = api.post("/v1/clients", &json!({ "name": name, "fields": fields })).await.expect(201);
        keys.push((key_of(&house, &ours, &made["id"]), made["id"].as_str().unwrap().to_owned()));
    }
    let foreign = other.post("/v1/clients", &json!({ "name": "D" })).await.expect(201);
    let foreign_key = key_of(&house, &theirs, &foreign["id"]);
    let comments = house
        .db
        .read(|conn| klaar_domain::custom_fields::catalogue(conn, &ours))
        .unwrap()
        .by_slug("comments")
        .unwrap()
        .key;
    let assign = |clients: &[i64], values: Assigned<'_>| {
        let event = Event::new("clients.edited", "api");
        let work = |tx: &mut Tx<'_>| {
            door::open(tx, &ours, &Actor::operator(), event)?.assign_values(tx, comments, clients, values)
        };
        house.db.write(work).unwrap()
    };
    let all: Vec<i64> = keys.iter().map(|(key, _)| *key).chain([foreign_key]).collect();
    assert_eq!(assign(&all, Assigned::One(Some(&json!("same")))), 2, "C has it already, D is another practice's");
    let read = async |at: usize| api.get(&format!("/v1/clients/{}", keys[at].1)).await.expect(200);
    let (a, b, c) = (read(0).await, read(1).await, read(2).await);
    assert_eq!([&a["revision"], &b["revision"], &c["revision"]], [2, 3, 2]);
    assert_eq!(a["fields"]["comments"], "same");
    let history = api.get(&format!("/v1/clients/{}/history", keys[1].1)).await.expect(200);
    assert_eq!(history["items"][0]["changes"], json!([{ "field": "comments", "before": "old", "after": "same" }]));
    assert_eq!(assign(&all, Assigned::Each(&[None, Some(json!("\"é\" \\ '")), Some(json!("same")), None])), 2);
    let (a, b, c) = (read(0).await, read(1).await, read(2).await);
    assert_eq!([a["fields"].get("comments"), b["fields"].get("comments")], [None, Some(&json!("\"é\" \\ '"))]);
    assert_eq!([&a["revision"], &b["revision"], &c["revision"]], [3, 4, 2]);
    let d = other.get(&format!("/v1/clients/{}", foreign["id"].as_str().unwrap())).await.expect(200);
    assert_eq!((&d["fields"], &d["revision"]), (&json!({}), &json!(1)));
}

fn key_of(house: &House, practice: &Practice, id: &Value) -> i64 {
    house.db.read(|conn| clients::find(conn, practice, id.as_str().unwrap().parse().unwrap())).unwrap().key
}
