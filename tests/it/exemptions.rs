//! The exemption from Peppol, through the front door: given and taken back, asked of lists, given to many, in lists that
//! come in and go out.

use klaar_domain::identity::{Right, Role};
use serde_json::{Value, json};

use crate::client::{Client, clients_where};
use crate::custom_fields_managed::{change, text};
use crate::house::House;
use crate::transfers::{counts, findings, take_in};

async fn house() -> (House, Client) {
    let house = House::open().await;
    let api = house.may_everything(&house.practice("Maes & Partners"));
    (house, api)
}

async fn client(api: &Client, name: &str, exemption: Value) -> String {
    let body = json!({ "name": name, "exemption": exemption });
    format!("/v1/clients/{}", text(&api.post("/v1/clients", &body).await.expect(201)["id"]))
}

fn until(day: &str) -> Value {
    json!({ "reason": "article_44", "until": day })
}

async fn names(api: &Client, filter: Value) -> Vec<String> {
    let page = api.get(&clients_where(&filter)).await.expect(200);
    page["items"].as_array().unwrap().iter().map(|client| text(&client["name"])).collect()
}

fn is(field: &str, op: &str, value: Value) -> Value {
    json!({ "field": field, "op": op, "value": value })
}

const A_DAY: i64 = 24 * 3_600;

#[tokio::test]
async fn a_client_is_exempted_by_whoever_asks_until_a_day_has_passed_or_it_is_taken_back() {
    let (house, _) = house().await;
    let practice = house.practice("Peeters");
    house.person(&practice, "An", Role::Staff);
    let an = house.signed_in("an@maes.example").await;
    let path = client(&an, "Dokter", Value::Null).await;
    let before = an.get(&path).await.expect(200);
    assert_eq!((&before["exempt"], &before["exemption"]), (&json!(false), &Value::Null));
    let stale = an.with("if-match", "\"9\"").patch(&path, &json!({ "exemption": until("2026-11-23") })).await;
    assert_eq!(stale.status, 412);

    let exempt = change(&an, &path, json!({ "exemption": until("2026-11-23") })).await.expect(200);
    let wanted = json!({ "reason": "article_44", "note": null, "until": "2026-11-23" });
    assert_eq!((&exempt["exempt"], &exempt["exemption"], &exempt["revision"]), (&json!(true), &wanted, &json!(2)));
    let same = change(&an, &path, json!({ "exemption": until(" 2026-11-23 ") })).await.expect(200);
    assert_eq!(same["revision"], 2, "a change of nothing is no change");
    let origin = an.get(&format!("{path}/provenance")).await.expect(200)["card"]["exemption"].clone();
    assert_eq!((&origin["actor"]["name"], &origin["set_at"]), (&json!("An"), &json!("2026-11-22T09:00:00.000000Z")));

    // The last day counts until midnight in Brussels, which is 23:00 UTC.
    house.wait_seconds(A_DAY + 14 * 3_600 - 1);
    assert_eq!(an.get(&path).await.expect(200)["exempt"], true);
    house.wait_seconds(1);
    let passed = an.get(&path).await.expect(200);
    assert_eq!((&passed["exempt"], &passed["exemption"]), (&json!(false), &wanted), "it is kept and counts no more");

    let note = json!({ "exemption": { "reason": "other", "note": " Stopt eind dit jaar " } });
    let other = change(&an, &path, note).await.expect(200);
    assert_eq!(other["exemption"], json!({ "reason": "other", "note": "Stopt eind dit jaar", "until": null }));
    assert_eq!(other["exempt"], true);
    let back = change(&an, &path, json!({ "exemption": null })).await.expect(200);
    assert_eq!((&back["exempt"], &back["exemption"]), (&json!(false), &Value::Null));
    let history = an.get(&format!("{path}/history")).await.expect(200);
    let changes: Vec<&Value> = history["items"].as_array().unwrap().iter().map(|event| &event["changes"][0]).collect();
    let said = |before: Value, after: Value| json!({ "field": "exemption", "before": before, "after": after });
    let (first, second) = (json!("article_44 until 2026-11-23"), json!("other: Stopt eind dit jaar"));
    assert_eq!(*changes[0], said(second.clone(), Value::Null));
    assert_eq!(*changes[1], said(first.clone(), second));
    assert_eq!(*changes[2], said(Value::Null, first));

    let reader = house.may(&practice, &[Right::ClientsRead]);
    assert_eq!(change(&reader, &path, json!({ "exemption": until("2027-01-01") })).await.status, 403);
}

#[tokio::test]
async fn what_is_wrong_in_an_exemption_is_named() {
    let (_house, api) = house().await;
    let path = client(&api, "Dokter", Value::Null).await;
    for (given, part, code) in [
        (json!({ "reason": "lazy" }), "reason", "unknown_value"),
        (json!({ "reason": " " }), "reason", "missing"),
        (json!({ "reason": "other" }), "note", "missing"),
        (json!({ "reason": "bankrupt", "note": "x".repeat(501) }), "note", "too_long"),
        (json!({ "reason": "bankrupt", "until": "2026-02-30" }), "until", "impossible_date"),
        (json!({ "reason": "bankrupt", "until": "31/12/2026" }), "until", "malformed_date"),
    ] {
        let wrong = vec![(format!("/exemption/{part}"), code.to_owned())];
        assert_eq!(change(&api, &path, json!({ "exemption": given })).await.wrong_fields(), wrong, "{given}");
        let made = api.post("/v1/clients", &json!({ "name": "X", "exemption": given })).await;
        assert_eq!((made.status, made.wrong_fields()), (422, wrong));
    }
    for given in [json!({ "reason": "bankrupt", "set_by": "An" }), json!("bankrupt"), json!({ "note": "x" })] {
        assert_eq!(change(&api, &path, json!({ "exemption": given })).await.status, 422, "{given}");
    }
}

#[tokio::test]
async fn lists_are_filtered_sorted_and_counted_by_exemption_as_of_the_day_on_which_they_are_asked() {
    let (house, api) = house().await;
    client(&api, "Always", json!({ "reason": "bankrupt" })).await;
    client(&api, "Today", until("2026-11-22")).await;
    client(&api, "Past", until("2026-11-21")).await;
    client(&api, "Never", Value::Null).await;
    let exempt = |yes: bool| is("exempt", "eq", json!(yes));
    assert_eq!(names(&api, exempt(true)).await, ["Always", "Today"]);
    assert_eq!(names(&api, exempt(false)).await, ["Never", "Past"]);
    assert_eq!(names(&api, is("exempt", "ne", json!(true))).await, ["Never", "Past"]);
    assert_eq!(names(&api, is("exemption.reason", "eq", json!("article_44"))).await, ["Past", "Today"]);
    assert_eq!(names(&api, is("exemption.until", "lt", json!({ "days_from_now": 0 }))).await, ["Past"]);
    assert_eq!(names(&api, is("exemption.reason", "empty", Value::Null)).await, ["Never"]);
    let sorted = async |sort: &str| {
        let page = api.get(&format!("/v1/clients?sort={sort}")).await.expect(200);
        page["items"].as_array().unwrap().iter().map(|client| text(&client["name"])).collect::<Vec<_>>()
    };
    assert_eq!(sorted("-exempt,name").await, ["Always", "Today", "Never", "Past"]);
    assert_eq!(sorted("exempt,name").await, ["Never", "Past", "Always", "Today"]);
    assert_eq!(sorted("exemption.until,name").await, ["Past", "Today", "Always", "Never"]);
    let first = api.get("/v1/clients?sort=exempt,name&limit=3").await.expect(200);
    let next = format!("/v1/clients?sort=exempt,name&limit=3&cursor={}", text(&first["next_cursor"]));
    assert_eq!(api.get(&next).await.expect(200)["items"][0]["name"], "Today");
    let counted = api.with("accept-language", "en").get("/v1/client-counts?by=exempt").await.expect(200);
    let yes_and_no: Vec<(&Value, &Value)> =
        counted["items"].as_array().unwrap().iter().map(|value| (&value["value"], &value["count"])).collect();
    assert_eq!(yes_and_no, [(&json!(false), &json!(2)), (&json!(true), &json!(2)), (&Value::Null, &json!(0))]);
    let counted = api.with("accept-language", "en").get("/v1/client-counts?by=exemption.reason").await.expect(200);
    assert_eq!(counted["items"][0]["label"], "article 44: not liable to VAT");

    // Nothing was written, and the day is another.
    house.wait_seconds(A_DAY);
    assert_eq!(names(&api, exempt(true)).await, ["Always"]);
    assert_eq!(sorted("-exempt,name").await, ["Always", "Never", "Past", "Today"]);
    for wrong in [is("exempt", "filled", Value::Null), is("exempt", "lt", json!(1))] {
        let refused = api.get(&clients_where(&wrong)).await;
        assert_eq!(refused.wrong_fields(), [("/filter/op".to_owned(), "wrong_operator".to_owned())]);
    }
    assert_eq!(api.get(&clients_where(&is("exempt", "eq", json!("yes")))).await.status, 422);
}

#[tokio::test]
async fn lists_know_who_exempted_a_client_and_when() {
    let (house, _) = house().await;
    let practice = house.practice("Peeters");
    house.person(&practice, "An", Role::Staff);
    let (an, key) = (house.signed_in("an@maes.example").await, house.may_everything(&practice));
    client(&key, "By key", json!({ "reason": "bankrupt" })).await;
    let by_an = client(&key, "By An", Value::Null).await;
    house.wait_seconds(A_DAY);
    change(&an, &by_an, json!({ "exemption": until("2027-12-31") })).await.expect(200);
    for field in ["exempt", "exemption.reason"] {
        assert_eq!(names(&an, is(field, "set_by", json!("me"))).await, ["By An"]);
        assert_eq!(names(&key, is(field, "set_by", json!("api_key"))).await, ["By key"]);
        assert_eq!(names(&key, is(field, "set_after", json!("2026-11-23"))).await, ["By An"]);
    }
}

#[tokio::test]
async fn control_views_and_gaps_leave_out_whoever_is_exempt_today() {
    let (house, api) = house().await;
    let path = client(&api, "Dokter", until("2026-11-22")).await;
    client(&api, "Bakker", Value::Null).await;
    let english = api.with("accept-language", "en");
    let views = english.get("/v1/views").await.expect(200);
    let view = |name: &str| {
        let found = views["items"].as_array().unwrap().iter().find(|view| view["name"] == name);
        found.unwrap().clone()
    };
    let no_software = view("No software known");
    assert!(text(&no_software["description"]).ends_with("Whoever is exempt from Peppol is left out."));
    let elsewhere = view("Registered elsewhere than at our own solution");
    assert!(text(&elsewhere["description"]).ends_with("Also those who are exempt from Peppol."));
    let listed = async || {
        let page = api.get(&format!("/v1/clients?view={}", text(&no_software["id"]))).await.expect(200);
        page["items"].as_array().unwrap().iter().map(|client| text(&client["name"])).collect::<Vec<_>>()
    };
    let missing = async || {
        let gaps = api.get("/v1/incomplete-clients").await.expect(200);
        let of = gaps["items"].as_array().unwrap().iter().find(|client| client["name"] == "Dokter").unwrap().clone();
        of["missing"].as_array().unwrap().iter().map(text).collect::<Vec<_>>()
    };
    let of_card = ["enterprise_number", "email", "responsible"];
    assert_eq!(listed().await, ["Bakker"]);
    assert_eq!(missing().await, of_card, "an address is expected of everybody");
    house.wait_seconds(A_DAY);
    assert_eq!(listed().await, ["Bakker", "Dokter"]);
    let of_peppol = ["fields.receive_software", "fields.send_software", "fields.ready"];
    assert_eq!(missing().await, [of_card, of_peppol].concat());
    let table = english.get(&format!("/v1/views/{}/rows", text(&no_software["id"]))).await.expect(200);
    assert_eq!(table["total"], 2);
    change(&api, &path, json!({ "exemption": null })).await.expect(200);

    let body = json!({ "name": "Vrijgesteld", "columns": ["name", "exempt", "exemption.reason", "exemption.until"] });
    let own = english.post("/v1/views", &body).await.expect(201);
    assert_eq!(own["description"], Value::Null);
    let table = english.get(&format!("/v1/views/{}/rows", text(&own["id"]))).await.expect(200);
    let column = &table["columns"][1];
    assert_eq!((&column["kind"], &column["refusal"]), (&json!("yes_no"), &json!("as_a_whole")));
    assert_eq!(table["items"][0]["values"]["exempt"], false);
}

#[tokio::test]
async fn an_exemption_is_given_to_many_taken_back_from_many_and_undone() {
    let (house, api) = house().await;
    let had = json!({ "reason": "other", "note": "Stopt: eind dit jaar", "until": "2027-01-31" });
    let one = client(&api, "One", had.clone()).await;
    let two = client(&api, "Two", Value::Null).await;
    client(&api, "Three", until("2027-12-31")).await;
    let edit = async |assignment: Value| {
        let body = json!({ "selection": { "all": true }, "assignments": [assignment] });
        api.post("/v1/bulk-edits", &body).await
    };
    let run = async |edit: &Value, what: &str| {
        let path = format!("/v1/bulk-edits/{}/{what}", text(&edit["id"]));
        api.post(&path, &json!({})).await.expect(202);
        house.run_jobs().await;
    };
    let exemption = async |path: &str| api.get(path).await.expect(200)["exemption"].clone();
    let given = edit(json!({ "field": "exemption", "set": until("2027-12-31") })).await.expect(201);
    assert_eq!([&given["selected"], &given["to_change"], &given["unchanged"]], [3, 2, 1]);
    let rows = api.get(&format!("/v1/bulk-edits/{}/rows", text(&given["id"]))).await.expect(200);
    let value = json!({ "field": "exemption", "before": "other until 2027-01-31: Stopt: eind dit jaar",
        "after": "article_44 until 2027-12-31" });
    assert_eq!(rows["items"][0]["values"], json!([value]));
    run(&given, "application").await;
    for path in [&one, &two] {
        assert_eq!(exemption(path).await, json!({ "reason": "article_44", "note": null, "until": "2027-12-31" }));
    }
    assert_eq!(names(&api, is("exempt", "eq", json!(true))).await, ["One", "Three", "Two"]);
    run(&given, "undo").await;
    assert_eq!(exemption(&one).await, had);
    assert_eq!(exemption(&two).await, Value::Null);
    let cleared = edit(json!({ "field": "exemption", "clear": true })).await.expect(201);
    assert_eq!(cleared["to_change"], 2);
    run(&cleared, "application").await;
    assert_eq!(names(&api, is("exempt", "eq", json!(true))).await, Vec::<String>::new());
    run(&cleared, "undo").await;
    assert_eq!(exemption(&one).await, had);
    assert_eq!(names(&api, is("exempt", "eq", json!(true))).await, ["One", "Three"]);

    for (set, part, code) in [
        (json!({ "reason": "lazy" }), "/reason", "unknown_value"),
        (json!({ "reason": "other" }), "/note", "missing"),
        (json!({ "reason": "bankrupt", "until": "soon" }), "/until", "malformed_date"),
        (json!("bankrupt"), "", "wrong_type"),
        (json!({ "reason": "bankrupt", "by": "An" }), "", "wrong_type"),
    ] {
        let refused = edit(json!({ "field": "exemption", "set": set })).await;
        assert_eq!(refused.wrong_fields(), [(format!("/assignments/0/set{part}"), code.to_owned())], "{set}");
    }
}

#[tokio::test]
async fn exemptions_go_out_with_a_list_and_come_in_again() {
    let (house, api) = house().await;
    let list = "Naam;Vrijstelling Peppol\nDokter;article_44 until 31/12/2027: enkel zorg\nCurator;bankrupt\nBakker;\nFout;lui\n";
    let import = take_in(&house, &api, "", list).await;
    assert_eq!(counts(&import)[1..3], [3, 3]);
    let wrong = findings(&api, &import, "").await;
    assert_eq!(
        (&wrong["items"][0]["column"], &wrong["items"][0]["code"]),
        (&json!("Vrijstelling Peppol"), &json!("unknown_value"))
    );
    let wanted = json!({ "reason": "article_44", "note": "enkel zorg", "until": "2027-12-31" });
    let page = api.get(&clients_where(&is("name", "eq", json!("dokter")))).await.expect(200);
    assert_eq!(page["items"][0]["exemption"], wanted);
    let out = api.with("accept-language", "nl").get("/v1/client-export?columns=name,exemption").await;
    assert_eq!(out.status, 200);
    let sheet = String::from_utf8(out.body.clone()).unwrap();
    let lines: Vec<&str> = sheet.trim_start_matches('\u{feff}').lines().collect();
    assert_eq!(lines[0], "Naam;Vrijstelling Peppol");
    assert!(lines.contains(&"Dokter;article_44 until 2027-12-31: enkel zorg"), "{lines:?}");
    let again = take_in(&house, &api, "", out.body).await;
    assert_eq!(counts(&again)[2..], [0, 0, 3, 0], "what went out comes in as it is");
}
