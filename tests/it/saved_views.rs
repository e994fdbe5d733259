//! Saved views, the delivered control views, counts, completeness, criteria of categories.

use klaar_domain::clients::RegistrationFacts;
use klaar_domain::clients::door;
use klaar_domain::identity::{Practice, Right, Role};
use klaar_domain::kernel::actor::Actor;
use klaar_domain::kernel::audit::Event;
use klaar_domain::kernel::db::Tx;
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::custom_fields_managed::{category, change, code, text};
use crate::house::House;

pub struct Room {
    pub house: House,
    pub practice: Practice,
    pub api: Client,
}

pub async fn room() -> Room {
    let house = House::open().await;
    let practice = house.practice("Maes & Partners");
    let api = house.may_everything(&practice);
    Room { house, practice, api }
}

impl Room {
    /// A client with these custom values and this registration: state and seat id.
    pub async fn client(&self, name: &str, fields: Value, registration: Option<(&str, Option<&str>)>) -> Value {
        let made = self.api.post("/v1/clients", &json!({ "name": name, "fields": fields })).await.expect(201);
        if let Some((state, seat)) = registration {
            self.found(&made, state, seat);
        }
        made
    }

    /// Writes what the network says of a client: state and seat id.
    pub fn found(&self, client: &Value, state: &str, seat: Option<&str>) {
        let facts = RegistrationFacts {
            state: Some(state.to_owned()),
            seat: seat.map(str::to_owned),
            name: seat.map(|seat| format!("AP {seat}")),
            checked_at: (state != "unknown").then(|| self.house.clock.now()),
            unknown_since: (state == "unknown").then(|| self.house.clock.now()),
            ..RegistrationFacts::default()
        };
        let id = text(&client["id"]).parse().unwrap();
        let write = |tx: &mut Tx<'_>| {
            let before = klaar_domain::clients::find(tx, &self.practice, id)?;
            let event = Event::new("registration.changed", "nightly").on(id);
            let set = door::open(tx, &self.practice, &Actor::system("test"), event)?;
            set.write_facts(tx, &[(before.key, &before.facts, &facts)])
        };
        self.house.db.write(write).unwrap();
    }

    /// The delivered view that is called so in English.
    pub async fn delivered(&self, name: &str) -> Value {
        let views = self.api.with("accept-language", "en").get("/v1/views").await.expect(200);
        views["items"].as_array().unwrap().iter().find(|view| view["name"] == name).unwrap().clone()
    }

    pub async fn names(&self, query: &str) -> Vec<String> {
        let page = self.api.get(&format!("/v1/clients?{query}")).await.expect(200);
        page["items"].as_array().unwrap().iter().map(|client| text(&client["name"])).collect()
    }

    pub async fn save(&self, body: Value) -> Value {
        self.api.post("/v1/views", &body).await.expect(201)
    }
}

pub fn path_of(view: &Value) -> String {
    format!("/v1/views/{}", text(&view["id"]))
}

pub fn is(field: &str, value: Value) -> Value {
    json!({ "field": field, "op": "eq", "value": value })
}

pub fn query(pairs: &[(&str, &str)]) -> String {
    let url = reqwest::Url::parse_with_params("http://x/", pairs).unwrap();
    url.query().unwrap().to_owned()
}

fn codes(view: &Value, list: &str) -> Vec<(String, String)> {
    let entries = view[list].as_array().unwrap().iter();
    entries.map(|entry| (text(&entry["pointer"]), text(&entry["code"]))).collect()
}

pub fn wrong(pointer: &str, code: &str) -> Vec<(String, String)> {
    vec![(pointer.to_owned(), code.to_owned())]
}

#[tokio::test]
async fn a_view_is_saved_used_changed_and_deleted_and_the_trail_keeps_it() {
    let room = room().await;
    for (name, ready) in [("Peeters", true), ("Aerts", true), ("Claes", false)] {
        room.client(name, json!({ "ready": ready }), None).await;
    }
    let body = json!({
        "names": { "nl": "Klaar", "fr": "Prêts" }, "filter": is("fields.ready", json!(true)), "search": " e ",
        "sort": "-name", "columns": ["name", "fields.ready"], "shared": true,
    });
    let made = room.api.with("accept-language", "fr").post("/v1/views", &body).await;
    assert_eq!((made.status, made.header("etag")), (201, "\"1\""));
    let view = made.json();
    assert_eq!(made.header("location"), path_of(&view));
    assert_eq!((&view["name"], &view["search"], &view["shared"]), (&json!("Prêts"), &json!("e"), &json!(true)));
    assert_eq!((&view["broken"], &view["owner"], &view["changeable"]), (&json!([]), &Value::Null, &json!(true)));
    let id = text(&view["id"]);
    assert_eq!(room.names(&query(&[("view", &id)])).await, ["Peeters", "Aerts"]);
    assert_eq!(room.names(&query(&[("view", &id), ("sort", "name")])).await, ["Aerts", "Peeters"]);
    assert_eq!(room.names(&query(&[("view", &id), ("search", "AERT")])).await, ["Aerts"]);
    let narrower = is("name", json!("peeters")).to_string();
    assert_eq!(room.names(&query(&[("view", &id), ("filter", &narrower)])).await, ["Peeters"]);

    let stale = room.api.with("if-match", "\"7\"").patch(&path_of(&view), &json!({ "search": null })).await;
    assert_eq!(stale.status, 412);
    assert_eq!(room.api.patch(&path_of(&view), &json!({ "search": null })).await.status, 428);
    let changed = change(&room.api, &path_of(&view), json!({ "search": null, "filter": null })).await.expect(200);
    assert_eq!((&changed["search"], &changed["filter"], &changed["revision"]), (&Value::Null, &Value::Null, &json!(2)));
    assert_eq!(room.names(&query(&[("view", &id)])).await, ["Peeters", "Claes", "Aerts"]);
    let same = change(&room.api, &path_of(&view), json!({ "sort": "-name" })).await.expect(200);
    assert_eq!(same["revision"], 2, "a change of nothing is no change");

    assert_eq!(room.api.delete(&path_of(&view)).await.status, 204);
    assert_eq!(room.api.get(&path_of(&view)).await.status, 404);
    let gone = room.api.get(&format!("/v1/clients?view={id}")).await;
    assert_eq!((gone.status, gone.wrong_fields()), (422, wrong("/view", "unknown_view")));
    let trail = room.api.get("/v1/audit-entries").await.expect(200);
    let entries = trail["items"].as_array().unwrap();
    let kinds: Vec<&str> =
        entries.iter().filter_map(|e| e["kind"].as_str()).filter(|k| k.starts_with("view.")).collect();
    assert_eq!(kinds, ["view.deleted", "view.updated", "view.created"]);
    assert_eq!(entries[0]["before"]["content"]["sort"], "-name", "what was deleted can be read back");
}

#[tokio::test]
async fn a_private_view_is_its_owners_alone() {
    let room = room().await;
    room.house.person(&room.practice, "An", Role::Staff);
    room.house.person(&room.practice, "Bea", Role::Manager);
    let (an, bea) = (room.house.signed_in("an@maes.example").await, room.house.signed_in("bea@maes.example").await);
    let body = json!({ "name": "Van mij", "filter": is("responsible", json!("me")) });
    let own = an.post("/v1/views", &body).await.expect(201);
    assert!(text(&own["owner"]).starts_with("mem_"));
    for other in [&bea, &room.api] {
        for answer in [
            other.get(&path_of(&own)).await,
            other.get(&format!("{}/rows", path_of(&own))).await,
            other.delete(&path_of(&own)).await,
            other.with("if-match", "\"1\"").patch(&path_of(&own), &json!({ "sort": "name" })).await,
            other.post(&format!("{}/restore", path_of(&own)), &json!({})).await,
        ] {
            assert_eq!(answer.status, 404);
        }
        let listed = other.get("/v1/views").await.expect(200);
        assert!(listed["items"].as_array().unwrap().iter().all(|view| view["id"] != own["id"]));
    }
    // What others cannot see they are not told of: the same view may be theirs, too.
    let twin = bea.post("/v1/views", &body).await.expect(201);
    let shared = json!({ "name": "Allen", "filter": is("town", json!("Gent")), "shared": true });
    assert_eq!(code(&an.post("/v1/views", &shared).await), (403, "forbidden".to_owned()));
    let shared = bea.post("/v1/views", &shared).await.expect(201);
    let seen = an.get(&path_of(&shared)).await.expect(200);
    assert_eq!(seen["changeable"], false);
    assert_eq!(change(&an, &path_of(&shared), json!({ "sort": "town" })).await.status, 403);
    assert_eq!(an.delete(&path_of(&shared)).await.status, 403);
    assert_eq!(change(&an, &path_of(&own), json!({ "shared": true })).await.status, 403);
    let taken = change(&bea, &path_of(&shared), json!({ "shared": false })).await.expect(200);
    assert_eq!(taken["owner"], twin["owner"]);
    assert_eq!(an.get(&path_of(&shared)).await.status, 404);
    // A member who leaves takes the private views along.
    let gone = room.api.delete(&format!("/v1/members/{}", text(&own["owner"]))).await;
    assert_eq!(gone.status, 204);
    assert_eq!(bea.get(&path_of(&twin)).await.status, 200);
    let key = room.house.may(&room.practice, &[Right::ClientsRead, Right::ClientsWrite]);
    let of_key = key.post("/v1/views", &json!({ "name": "x", "sort": "town" })).await.expect(201);
    assert!(text(&of_key["owner"]).starts_with("key_"));
    assert_eq!(room.api.get(&path_of(&of_key)).await.status, 404);
}

/// A duplicate of an existing one is refused and named.
#[tokio::test]
async fn a_duplicate_is_refused_and_named() {
    let room = room().await;
    let (a, b) = (is("town", json!("Gent")), is("fields.receive_software", json!("Odoo")));
    let first = json!({ "name": "Eerste", "filter": { "and": [a, b] }, "search": "b a", "sort": "name" });
    let view = room.save(first).await;
    for filter in [json!({ "and": [b, a] }), json!({ "and": [{ "or": [b] }, { "and": [a] }] }), view["filter"].clone()]
    {
        let again = json!({ "name": "Tweede", "filter": filter, "search": "A  b" });
        let refused = room.api.post("/v1/views", &again).await;
        assert_eq!(code(&refused), (409, "duplicate_view".to_owned()));
        assert_eq!(refused.json()["params"], json!({ "view_id": view["id"], "name": "Eerste" }));
    }
    for other in [
        json!({ "name": "x", "filter": { "or": [a, b] }, "search": "b a" }),
        json!({ "name": "x", "filter": { "and": [a, b] }, "search": "b" }),
        json!({ "name": "x", "filter": { "and": [a, b] }, "search": "b a", "sort": "-name" }),
        json!({ "name": "x", "filter": { "and": [a, b] }, "search": "b a", "columns": ["name"] }),
        json!({ "name": "x", "filter": { "not": { "not": { "and": [a, b] } } }, "search": "b a" }),
    ] {
        let other = room.save(other).await;
        let back = json!({ "filter": view["filter"], "search": "a b", "sort": null, "columns": null });
        assert_eq!(code(&change(&room.api, &path_of(&other), back).await).1, "duplicate_view");
    }
    let delivered = room.delivered("Not registered").await;
    let copy = json!({ "name": "x", "filter": delivered["filter"], "sort": delivered["sort"], "columns": delivered["columns"] });
    let refused = room.api.post("/v1/views", &copy).await;
    assert_eq!((code(&refused).0, &refused.json()["params"]["view_id"]), (409, &delivered["id"]));
}

#[tokio::test]
async fn what_is_wrong_in_a_view_is_named_and_there_is_an_end_to_views() {
    let room = room().await;
    let body = json!({
        "name": "x", "filter": { "and": [is("fields.none", json!(1))] }, "sort": "contacts.name",
        "columns": ["name", "fields.none", "name", "search"], "search": "x".repeat(1_001),
    });
    let refused = room.api.post("/v1/views", &body).await;
    let found = |pointer: &str, code: &str| (pointer.to_owned(), code.to_owned());
    assert_eq!(
        refused.wrong_fields(),
        [
            found("/filter/and/0/field", "unknown_field"),
            found("/search", "too_long"),
            found("/sort", "not_sortable"),
            found("/columns/1", "unknown_field"),
            found("/columns/2", "twice"),
            found("/columns/3", "unknown_field"),
        ]
    );
    let columns: Vec<&str> = vec!["name"; 41];
    let refused = room.api.post("/v1/views", &json!({ "name": "x", "columns": columns })).await;
    assert_eq!(refused.wrong_fields(), wrong("/columns", "too_many"));
    assert_eq!(room.api.post("/v1/views", &json!({ "sort": "town" })).await.wrong_fields(), wrong("/names", "missing"));
    for number in 0..200 {
        room.save(json!({ "name": "x", "search": format!("n{number}") })).await;
    }
    let refused = room.api.post("/v1/views", &json!({ "name": "x", "search": "one more" })).await;
    assert_eq!(code(&refused), (409, "too_many_views".to_owned()));
}

#[tokio::test]
async fn a_view_that_names_what_is_gone_is_kept_says_so_and_is_not_used() {
    let room = room().await;
    let group = category(&room.api, "Dossier").await;
    let body =
        json!({ "category_id": group, "name": "role", "slug": "role", "kind": "choice", "options": ["Een", "Twee"] });
    let field = room.api.post("/v1/fields", &body).await.expect(201);
    room.client("Peeters", json!({ "role": "Een" }), None).await;
    let body = json!({
        "name": "Rol", "filter": { "and": [is("fields.role", json!("Een")), is("fields.role", json!("een"))] },
        "sort": "fields.role", "columns": ["name", "fields.role"],
    });
    let view = room.save(body).await;
    let id = text(&view["id"]);
    let option = format!("/v1/field-options/{}", text(&field["options"][0]["id"]));
    change(&room.api, &option, json!({ "label": "Eerste" })).await.expect(200);
    assert_eq!(room.names(&format!("view={id}")).await, ["Peeters"], "a view outlives the name of an option");

    room.api.post(&format!("/v1/fields/{}/archive", text(&field["id"])), &json!({})).await.expect(200);
    let broken = room.api.get(&path_of(&view)).await.expect(200);
    let faults = ["/filter/and/0/field", "/filter/and/1/field", "/sort", "/columns/1"];
    let faults: Vec<(String, String)> = faults.iter().flat_map(|pointer| wrong(pointer, "unknown_field")).collect();
    assert_eq!(codes(&broken, "broken"), faults);
    for path in [
        format!("/v1/clients?view={id}"),
        format!("/v1/client-rows?view={id}"),
        format!("/v1/client-export?view={id}"),
        format!("/v1/client-counts?view={id}&by=town"),
        format!("/v1/incomplete-clients?view={id}"),
    ] {
        let refused = room.api.get(&path).await;
        let at_view = vec![("/view".to_owned(), "unknown_field".to_owned()); 4];
        assert_eq!((refused.status, refused.wrong_fields()), (422, at_view), "{path}");
        let within = refused.json()["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|error| text(&error["params"]["at"]))
            .collect::<Vec<_>>();
        assert_eq!(within, faults.iter().map(|(pointer, _)| pointer.clone()).collect::<Vec<_>>());
    }
    let refused = room.api.get(&format!("{}/rows", path_of(&view))).await;
    assert_eq!((refused.status, refused.wrong_fields()), (422, faults));
    let edit = json!({ "selection": { "view_id": id }, "assignments": [{ "field": "portfolio", "set": "X" }] });
    let refused = room.api.post("/v1/bulk-edits", &edit).await;
    assert_eq!(refused.wrong_fields()[0], ("/selection/view_id".to_owned(), "unknown_field".to_owned()));
    let renamed = change(&room.api, &path_of(&view), json!({ "names": { "nl": "Oud" } })).await.expect(200);
    assert_eq!(renamed["name"], "Oud", "what is broken can still be renamed");
    room.api.post(&format!("/v1/fields/{}/restore", text(&field["id"])), &json!({})).await.expect(200);
    assert_eq!(room.names(&format!("view={id}")).await, ["Peeters"]);
}

/// AP-05, AP-06: control views compare what the practice knows with what the network says.
#[tokio::test]
async fn ap_05_ap_06_control_views_are_there_from_the_start() {
    let room = room().await;
    let views = room.api.with("accept-language", "de").get("/v1/views").await.expect(200);
    let views = views["items"].as_array().unwrap();
    assert_eq!(views.len(), 7);
    assert!(
        views.iter().all(|view| view["delivered"] == true && view["shared"] == true && view["broken"] == json!([]))
    );
    assert!(views.iter().all(|view| view["names"].as_object().unwrap().len() == 4));
    assert_eq!(views[0]["name"], "Nicht registriert");
    let software = |name: &str| json!({ "ready": true, "receive_software": name });
    room.client("Away", json!({}), Some(("not_registered", None))).await;
    room.client("Ours", software("Odoo"), Some(("registered", Some("POP000001")))).await;
    room.client("Theirs", json!({ "send_software": "Billit" }), Some(("registered", Some("POP000002")))).await;
    room.client("Nowhere known", software("Yuki"), Some(("registered", None))).await;
    room.client("Hopeful", software("Odoo"), Some(("not_registered", None))).await;
    room.client("Long unknown", json!({ "ready": true }), Some(("unknown", None))).await;
    room.house.wait_seconds(3 * 24 * 3_600 + 1);
    room.client("Just unknown", json!({ "ready": true }), Some(("unknown", None))).await;
    room.client("Never asked", json!({ "ready": false, "receive_software": "Odoo" }), None).await;
    let listed = async |name: &str| {
        let view = room.delivered(name).await;
        room.names(&format!("view={}&sort=name", text(&view["id"]))).await
    };
    assert_eq!(listed("Not registered").await, ["Away", "Hopeful"]);
    assert_eq!(listed("Ready without registration").await, ["Hopeful"]);
    assert_eq!(listed("Registered without ready").await, ["Theirs"]);
    assert_eq!(listed("Unknown for more than 3 days").await, ["Long unknown"]);
    assert_eq!(listed("No software known").await, ["Away", "Just unknown", "Long unknown"]);

    let elsewhere = "Registered elsewhere than at our own solution";
    assert_eq!(listed(elsewhere).await, Vec::<String>::new(), "nobody, while there is no own solution");
    let note = codes(&room.delivered(elsewhere).await, "notes");
    assert_eq!(note, wrong("/filter/and/2/value", "no_own_solution"));
    let solution = json!({ "software": "Odoo", "seat_ids": ["POP000001"] });
    let put = room.api.with("if-match", "\"1\"").send(Method::PUT, "/v1/own-solution", Some(&solution)).await;
    put.expect(200);
    assert_eq!(listed(elsewhere).await, ["Theirs"]);
    assert_eq!(room.delivered(elsewhere).await["notes"], json!([]));
    // Also turned about, the operand means nobody rather than everybody while there is no own solution.
    let none = json!({ "software": null, "seat_ids": [] });
    room.api.with("if-match", "\"2\"").send(Method::PUT, "/v1/own-solution", Some(&none)).await.expect(200);
    let own = json!({ "own_solution": true });
    let not = json!({ "not": { "field": "registration.access_point.seat_id", "op": "one_of", "value": own } });
    assert_eq!(room.names(&query(&[("filter", &not.to_string())])).await, Vec::<String>::new());
    let elsewhere = json!({ "field": "registration.state", "op": "one_of", "value": own });
    let refused = room.api.get(&format!("/v1/clients?{}", query(&[("filter", &elsewhere.to_string())]))).await;
    assert_eq!(refused.wrong_fields(), wrong("/filter/value", "wrong_type"));
}

#[tokio::test]
async fn a_delivered_view_is_adapted_hidden_and_restored_but_not_deleted() {
    let room = room().await;
    let view = room.delivered("Not registered").await;
    let path = path_of(&view);
    assert_eq!(code(&room.api.delete(&path).await), (409, "delivered_view".to_owned()));
    assert_eq!(code(&change(&room.api, &path, json!({ "shared": false })).await), (409, "delivered_view".to_owned()));
    let staff = room.house.may(&room.practice, &[Right::ClientsRead, Right::ClientsWrite]);
    assert_eq!(change(&staff, &path, json!({ "hidden": true })).await.status, 403);
    assert_eq!(staff.post(&format!("{path}/restore"), &json!({})).await.status, 403);

    let hidden = change(&room.api, &path, json!({ "hidden": true })).await.expect(200);
    assert_eq!((&hidden["hidden"], &hidden["adapted"], &hidden["revision"]), (&json!(true), &json!(false), &json!(2)));
    let count = async |path: &str| room.api.get(path).await.expect(200)["items"].as_array().unwrap().len();
    assert_eq!((count("/v1/views").await, count("/v1/views?hidden=true").await), (6, 7));
    let body = json!({ "names": { "en": "Ours" }, "hidden": false, "columns": ["name", "town"] });
    let adapted = change(&room.api, &path, body).await.expect(200);
    assert_eq!(
        (&adapted["adapted"], &adapted["name"], &adapted["delivered"]),
        (&json!(true), &json!("Ours"), &json!(true))
    );
    assert_eq!(room.delivered("Ours").await["columns"], json!(["name", "town"]));

    let restored = room.api.post(&format!("{path}/restore"), &json!({})).await.expect(200);
    for part in ["id", "name", "names", "filter", "sort", "columns", "hidden", "adapted"] {
        assert_eq!(restored[part], view[part], "{part}");
    }
    assert_eq!(restored["revision"], 4, "a tag never means two things");
    let again = room.api.post(&format!("{path}/restore"), &json!({})).await.expect(200);
    assert_eq!(again["revision"], 4);
    let own = room.save(json!({ "name": "x", "sort": "town" })).await;
    let refused = room.api.post(&format!("{}/restore", path_of(&own)), &json!({})).await;
    assert_eq!(code(&refused), (409, "no_delivered_view".to_owned()));

    // Another practice has views of its own.
    let others = room.house.may_everything(&room.house.practice("Others"));
    assert_eq!(others.get(&path).await.status, 404);
    assert_eq!(others.get("/v1/views").await.expect(200)["items"].as_array().unwrap().len(), 7);
}

#[tokio::test]
async fn values_are_counted_with_the_clients_that_have_none() {
    let room = room().await;
    room.house.person(&room.practice, "An", Role::Staff);
    let group = category(&room.api, "Dossier").await;
    let tags = json!({ "category_id": group, "name": "tags", "kind": "multi_choice", "options": ["Een", "Twee"] });
    room.api.post("/v1/fields", &tags).await.expect(201);
    for (at, (town, software, tags, ready)) in [
        (Some("Gent"), Some("Odoo"), json!(["Een", "Twee"]), json!(true)),
        (Some("GENT"), Some("Odoo"), json!(["Een"]), json!(false)),
        (Some("Gent"), Some("Billit"), Value::Null, json!(true)),
        (None, None, json!(["Een"]), Value::Null),
    ]
    .into_iter()
    .enumerate()
    {
        let fields = json!({ "receive_software": software, "tags": tags, "ready": ready });
        let who = ["An", "an", "Somebody", ""][at];
        let body = json!({ "name": format!("C{at}"), "town": town, "responsible": who, "fields": fields });
        room.api.post("/v1/clients", &body).await.expect(201);
    }
    let counted = async |query: &str| -> (i64, Vec<(Value, i64)>) {
        let counts =
            room.api.with("accept-language", "fr").get(&format!("/v1/client-counts?{query}")).await.expect(200);
        let items = counts["items"].as_array().unwrap().iter();
        (counts["total"].as_i64().unwrap(), items.map(|c| (c["label"].clone(), c["count"].as_i64().unwrap())).collect())
    };
    let said = |text: &str| json!(text);
    assert_eq!(
        counted("by=fields.receive_software").await,
        (4, vec![(said("Odoo"), 2), (said("Billit"), 1), (Value::Null, 1)])
    );
    assert_eq!(counted("by=town").await, (4, vec![(said("Gent"), 3), (Value::Null, 1)]), "as a filter compares them");
    assert_eq!(counted("by=fields.tags").await, (4, vec![(said("Een"), 3), (said("Twee"), 1), (Value::Null, 1)]));
    assert_eq!(counted("by=fields.ready").await, (4, vec![(said("oui"), 2), (said("non"), 1), (Value::Null, 1)]));
    assert_eq!(counted("by=responsible").await, (4, vec![(said("An"), 2), (said("Somebody"), 1), (Value::Null, 1)]));
    assert_eq!(counted("by=kind&search=c0").await, (1, vec![(said("entreprise"), 1), (Value::Null, 0)]));
    let filter = query(&[("by", "fields.receive_software"), ("filter", &is("fields.ready", json!(true)).to_string())]);
    assert_eq!(counted(&filter).await.0, 2);
    let view = room.save(json!({ "name": "x", "filter": is("town", json!("gent")) })).await;
    let within = format!("by=fields.ready&view={}", text(&view["id"]));
    assert_eq!(counted(&within).await, (3, vec![(said("oui"), 2), (said("non"), 1), (Value::Null, 0)]));

    // A value is what a filter takes.
    let counts = room.api.get("/v1/client-counts?by=responsible").await.expect(200);
    let an = &counts["items"][0]["value"];
    assert!(text(an).starts_with("mem_"));
    assert_eq!(room.names(&query(&[("filter", &is("responsible", an.clone()).to_string())])).await.len(), 2);
    for (by, fault) in [("name", "not_countable"), ("created_at", "not_countable"), ("fields.none", "unknown_field")] {
        let refused = room.api.get(&format!("/v1/client-counts?by={by}")).await;
        assert_eq!(refused.wrong_fields(), wrong("/by", fault), "{by}");
    }
    assert_eq!(room.api.get("/v1/client-counts").await.wrong_fields(), wrong("/by", "missing"));
}

#[tokio::test]
async fn what_is_expected_and_missing_is_named_and_counted() {
    let room = room().await;
    let expected = room.api.get("/v1/completeness").await;
    assert_eq!(expected.header("etag"), "\"1\"");
    let names = |answer: &Answer| -> Vec<String> {
        answer.json()["fields"].as_array().unwrap().iter().map(|field| text(&field["name"])).collect()
    };
    assert_eq!(names(&expected).len(), 7);
    let put = async |tag: &str, fields: Value| {
        room.api.with("if-match", tag).send(Method::PUT, "/v1/completeness", Some(&json!({ "fields": fields }))).await
    };
    let refused = put("\"1\"", json!(["email", "fields.none", "email"])).await;
    let found = |pointer: &str, code: &str| (pointer.to_owned(), code.to_owned());
    assert_eq!(refused.wrong_fields(), [found("/fields/1", "unknown_field"), found("/fields/2", "twice")]);
    assert_eq!(put("\"9\"", json!(["email"])).await.status, 412);
    let staff = room.house.may(&room.practice, &[Right::ClientsRead, Right::ClientsWrite]);
    let refused =
        staff.with("if-match", "\"1\"").send(Method::PUT, "/v1/completeness", Some(&json!({ "fields": [] }))).await;
    assert_eq!(refused.status, 403);

    let full = json!({ "enterprise_number": "0403227515", "email": "a@b.be", "responsible": "An", "name": "Full",
        "fields": { "receive_software": "Odoo", "send_software": "Odoo", "ready": false } });
    room.api.post("/v1/clients", &full).await.expect(201);
    room.api.post("/v1/clients", &json!({ "name": "Half", "email": "a@b.be" })).await.expect(201);
    room.api.post("/v1/clients", &json!({ "name": "Bare", "responsible": "An" })).await.expect(201);
    let gaps = room.api.get("/v1/incomplete-clients").await.expect(200);
    assert_eq!(gaps["total"], 2);
    let rest = ["fields.receive_software", "fields.send_software", "fields.ready"];
    let bare = [&["enterprise_number", "email"][..], &rest].concat();
    assert_eq!((&gaps["items"][0]["name"], &gaps["items"][0]["missing"]), (&json!("Bare"), &json!(bare)));
    assert_eq!(gaps["items"][0]["responsible"]["name"], "An");
    let half = [&["enterprise_number", "responsible"][..], &rest].concat();
    assert_eq!(gaps["items"][1]["missing"], json!(half));
    let counts: Vec<i64> = gaps["counts"].as_array().unwrap().iter().map(|c| c["count"].as_i64().unwrap()).collect();
    assert_eq!(counts, [2, 1, 0, 1, 2, 2, 2]);

    let page = room.api.get("/v1/incomplete-clients?limit=1").await.expect(200);
    let next = room
        .api
        .get(&format!("/v1/incomplete-clients?limit=1&cursor={}", text(&page["next_cursor"])))
        .await
        .expect(200);
    assert_eq!((&next["items"][0]["name"], &next["next_cursor"]), (&json!("Half"), &Value::Null));
    let searched = room.api.get("/v1/incomplete-clients?search=full").await.expect(200);
    assert_eq!((&searched["total"], &searched["counts"][0]["count"]), (&json!(0), &json!(0)));

    let said = put("\"1\"", json!(["email"])).await;
    assert_eq!((said.status, said.header("etag")), (200, "\"2\""));
    assert_eq!(put("\"2\"", json!(["email"])).await.header("etag"), "\"2\"", "the same again is no change");
    let gaps = room.api.get("/v1/incomplete-clients").await.expect(200);
    assert_eq!((&gaps["total"], &gaps["items"][0]["name"]), (&json!(1), &json!("Bare")));
    put("\"2\"", json!([])).await.expect(200);
    assert_eq!(room.api.get("/v1/incomplete-clients").await.expect(200)["total"], 0, "nothing is expected of anybody");
}
