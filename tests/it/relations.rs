//! Relations between clients, through the front door.

use klaar_domain::identity::Right;
use serde_json::{Value, json};

use crate::client::{Client, clients_where};
use crate::custom_fields_managed::{code, text};
use crate::house::House;

async fn house() -> (House, Client) {
    let house = House::open().await;
    let api = house.may_everything(&house.practice("Maes & Partners"));
    (house, api)
}

async fn client(api: &Client, name: &str) -> String {
    text(&api.post("/v1/clients", &json!({ "name": name })).await.expect(201)["id"])
}

fn path(client: &str) -> String {
    format!("/v1/clients/{client}/relations")
}

fn is(kind: &str, other: &str) -> Value {
    json!({ "kind": kind, "client_id": other })
}

/// What a client is to whom.
async fn seen(api: &Client, client: &str) -> Vec<(String, String)> {
    let list = api.get(&path(client)).await.expect(200);
    let items = list["items"].as_array().unwrap().iter();
    items.map(|relation| (text(&relation["kind"]), text(&relation["client"]["name"]))).collect()
}

fn pair(kind: &str, name: &str) -> (String, String) {
    (kind.to_owned(), name.to_owned())
}

#[tokio::test]
async fn a_relation_is_seen_from_both_sides_and_is_there_once() {
    let (_house, api) = house().await;
    let (an, bakery, mill) = (client(&api, "An").await, client(&api, "Bakkerij").await, client(&api, "Molen").await);
    let number = json!({ "enterprise_number": "0403.227.515" });
    api.with("if-match", "\"1\"").patch(&format!("/v1/clients/{bakery}"), &number).await.expect(200);
    let made = api.post(&path(&an), &is("director_of", &bakery)).await;
    let relation = made.expect(201);
    let other = json!({ "id": bakery, "name": "Bakkerij", "enterprise_number": "0403227515", "registration_state": null,
        "archived": false, "readiness": format!("/v1/clients/{bakery}") });
    assert_eq!((&relation["kind"], &relation["client"]), (&json!("director_of"), &other));
    assert_eq!(api.get(made.header("location")).await.expect(200), relation);
    api.post(&path(&mill), &is("same_group", &bakery)).await.expect(201);
    assert_eq!(seen(&api, &an).await, [pair("director_of", "Bakkerij")]);
    assert_eq!(seen(&api, &bakery).await, [pair("has_director", "An"), pair("same_group", "Molen")]);
    assert_eq!(seen(&api, &mill).await, [pair("same_group", "Bakkerij")]);

    for (whose, said) in [
        (&an, is("director_of", &bakery)),
        (&bakery, is("has_director", &an)),
        (&bakery, is("same_group", &mill)),
        (&mill, is("same_group", &bakery)),
    ] {
        assert_eq!(code(&api.post(&path(whose), &said).await), (409, "relation_exists".to_owned()), "{said}");
    }
    // A direction is a relation of its own, and so is another kind.
    api.post(&path(&bakery), &is("director_of", &an)).await.expect(201);
    api.post(&path(&an), &is("same_group", &bakery)).await.expect(201);
    let three = [pair("director_of", "Bakkerij"), pair("has_director", "Bakkerij"), pair("same_group", "Bakkerij")];
    let mut of_an = seen(&api, &an).await;
    of_an.sort();
    assert_eq!(of_an, three);

    let gone = format!("{}/{}", path(&bakery), text(&relation["id"]));
    assert_eq!(api.get(&gone).await.expect(200)["kind"], "has_director", "the same relation from the other side");
    assert_eq!(api.get(&format!("{}/{}", path(&mill), text(&relation["id"]))).await.status, 404);
    assert_eq!(api.delete(&format!("{}/{}", path(&mill), text(&relation["id"]))).await.status, 404);
    assert_eq!(api.delete(&gone).await.status, 204);
    assert_eq!(api.delete(&gone).await.status, 404);
    let mut of_an = seen(&api, &an).await;
    of_an.sort();
    assert_eq!(of_an, three[1..]);
    api.post(&path(&an), &is("director_of", &bakery)).await.expect(201);
}

#[tokio::test]
async fn a_relation_is_refused_to_itself_to_nobody_and_to_a_client_of_others() {
    let (house, api) = house().await;
    let theirs = house.may_everything(&house.practice("Others"));
    let (own, foreign) = (client(&api, "Own").await, client(&theirs, "Foreign").await);
    let absent = "cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b";
    for (said, pointer, code) in [
        (is("same_group", &own), "/client_id", "same_client"),
        (is("same_group", &foreign), "/client_id", "not_a_client"),
        (is("same_group", absent), "/client_id", "not_a_client"),
        (is("same_group", "x"), "/client_id", "not_a_client"),
        (is("friend_of", &own), "/kind", "unknown_value"),
    ] {
        let refused = api.post(&path(&own), &said).await;
        assert_eq!((refused.status, refused.wrong_fields()), (422, vec![(pointer.to_owned(), code.to_owned())]));
    }
    assert_eq!(api.post(&path(&foreign), &is("same_group", &own)).await.status, 404);
    assert_eq!(api.get(&path(&foreign)).await.status, 404);
    assert_eq!(seen(&theirs, &foreign).await, []);
}

#[tokio::test]
async fn archived_clients_keep_their_relations_and_both_histories_tell() {
    let (house, api) = house().await;
    let practice = house.practice("Peeters");
    let api_of_reader = house.may(&practice, &[Right::ClientsRead]);
    let (an, bakery) = (client(&api, "An").await, client(&api, "Bakkerij").await);
    let relation = api.post(&path(&an), &is("director_of", &bakery)).await.expect(201);
    api.post(&format!("/v1/clients/{bakery}/archive"), &json!({})).await.expect(200);
    let kept = api.get(&path(&an)).await.expect(200);
    assert_eq!(kept["items"][0]["client"]["archived"], true);
    assert_eq!(seen(&api, &bakery).await, [pair("has_director", "An")]);
    assert_eq!(api.delete(&format!("{}/{}", path(&an), text(&relation["id"]))).await.status, 204);
    for (client, kind, other) in [(&an, "director_of", "Bakkerij"), (&bakery, "has_director", "An")] {
        let history = api.get(&format!("/v1/clients/{client}/history")).await.expect(200);
        let events = history["items"].as_array().unwrap().iter();
        let kinds: Vec<&str> = events.clone().filter_map(|event| event["kind"].as_str()).collect();
        assert!(kinds.contains(&"relation.created") && kinds.contains(&"relation.removed"), "{kinds:?}");
        let change = history["items"][0]["changes"][0].clone();
        assert_eq!((&change["field"], &change["after"]), (&json!("relation"), &Value::Null));
        let before: Value = serde_json::from_str(change["before"].as_str().unwrap()).unwrap();
        assert_eq!((&before["kind"], &before["name"]), (&json!(kind), &json!(other)));
    }
    let one = client(&house.may_everything(&practice), "One").await;
    assert_eq!(api_of_reader.get(&path(&one)).await.status, 200);
    assert_eq!(api_of_reader.post(&path(&one), &is("same_group", &an)).await.status, 403);
}

#[tokio::test]
async fn lists_are_filtered_by_relations_and_tables_show_them() {
    let (_house, api) = house().await;
    let (an, bakery) = (client(&api, "An").await, client(&api, "Bakkerij").await);
    client(&api, "Zonder").await;
    let names = async |op: &str, value: Value| {
        let filter = json!({ "field": "relations.kind", "op": op, "value": value });
        let page = api.get(&clients_where(&filter)).await.expect(200);
        page["items"].as_array().unwrap().iter().map(|client| text(&client["name"])).collect::<Vec<_>>()
    };
    assert_eq!(names("filled", Value::Null).await, Vec::<String>::new());
    let relation = api.post(&path(&an), &is("director_of", &bakery)).await.expect(201);
    assert_eq!(names("eq", json!("director_of")).await, ["An"]);
    assert_eq!(names("eq", json!("has_director")).await, ["Bakkerij"]);
    assert_eq!(names("none_of", json!(["director_of", "same_group"])).await, ["Bakkerij", "Zonder"]);
    let body = json!({ "name": "Bestuurders", "columns": ["name", "relations.kind"] });
    let view = api.post("/v1/views", &body).await.expect(201);
    let table = api.get(&format!("/v1/views/{}/rows", text(&view["id"]))).await.expect(200);
    assert_eq!(table["items"][0]["values"]["relations.kind"], json!(["director_of"]));
    assert_eq!(table["items"][2]["values"]["relations.kind"], json!([]));
    assert_eq!(table["columns"][1]["refusal"], "on_relations");
    api.delete(&format!("{}/{}", path(&an), text(&relation["id"]))).await;
    assert_eq!(names("filled", Value::Null).await, Vec::<String>::new());
    let criteria = json!({ "field": "relations.kind", "op": "eq", "value": "same_group" });
    let group = api.post("/v1/field-categories", &json!({ "name": "Groep", "criteria": criteria })).await;
    assert_eq!(group.wrong_fields(), [("/criteria/field".to_owned(), "not_in_criteria".to_owned())]);
}
