//! Filters and searches: whom `me` means, words that there are, numbers as people write them, and where faults stand.

use klaar_domain::identity::Role;
use serde_json::{Value, json};

use crate::custom_fields_managed::text;
use crate::saved_views::{is, query, room, wrong};

#[tokio::test]
async fn me_is_the_member_who_asks_and_nobody_for_a_program() {
    let room = room().await;
    let email = room.house.person(&room.practice, "Bart", Role::Staff);
    let bart = room.house.signed_in(&email).await;
    let members = room.api.get("/v1/members").await.expect(200);
    let member =
        members["items"].as_array().unwrap().iter().find(|member| member["name"] == "Bart").unwrap()["id"].clone();
    for (name, responsible) in [("A", member.clone()), ("B", json!("Céline")), ("C", Value::Null), ("D", json!("An"))]
    {
        room.api.post("/v1/clients", &json!({ "name": name, "responsible": responsible })).await.expect(201);
    }
    let asked = |op: &str, value: Value| json!({ "field": "responsible", "op": op, "value": value });
    for (condition, to_bart, to_a_program) in [
        (asked("eq", json!("me")), "A", ""),
        (asked("ne", json!("me")), "B C D", "A B C D"),
        (asked("one_of", json!(["me", "an"])), "A D", "D"),
        (asked("one_of", json!([member, "Céline"])), "A B", "A B"),
        (asked("none_of", json!(["me", "Bart", "an"])), "B C", "B C"),
        (asked("set_by", json!("me")), "", ""),
    ] {
        let filter = query(&[("filter", &condition.to_string())]);
        assert_eq!(room.names(&filter).await.join(" "), to_a_program, "{condition}");
        let page = bart.get(&format!("/v1/clients?{filter}")).await.expect(200);
        let names: Vec<String> = page["items"].as_array().unwrap().iter().map(|one| text(&one["name"])).collect();
        assert_eq!(names.join(" "), to_bart, "{condition}");
    }
    let everybody = json!({ "selection": { "filter": asked("eq", json!("me")) }, "assignments": [{ "field": "portfolio", "set": "X" }] });
    assert_eq!(room.api.post("/v1/bulk-edits", &everybody).await.expect(201)["selected"], 0);
}

#[tokio::test]
async fn words_that_there_are_not_are_refused_and_those_that_there_are_named() {
    let room = room().await;
    for (field, value) in [
        ("language", "it"),
        ("kind", "firma"),
        ("registration.state", "nonsense"),
        ("exemption.reason", "foo"),
        ("relations.kind", "uncle_of"),
        ("contacts.language", "it"),
    ] {
        let refused =
            room.api.get(&format!("/v1/clients?{}", query(&[("filter", &is(field, json!(value)).to_string())]))).await;
        assert_eq!((refused.status, refused.wrong_fields()), (422, wrong("/filter/value", "unknown_value")), "{field}");
        let several = json!({ "field": field, "op": "none_of", "value": [value] });
        let refused = room.api.get(&format!("/v1/clients?{}", query(&[("filter", &several.to_string())]))).await;
        assert_eq!(refused.wrong_fields(), wrong("/filter/value/0", "unknown_value"), "{field}");
    }
    let known = |values: &str| values.split(' ').map(str::to_owned).collect::<Vec<_>>();
    for word in known("registered cannot_receive not_registered unknown nothing_to_ask") {
        let filter = is("registration.state", json!(word)).to_string();
        room.api.get(&format!("/v1/clients?{}", query(&[("filter", &filter)]))).await.expect(200);
    }
}

#[tokio::test]
async fn numbers_are_found_as_people_write_them() {
    let room = room().await;
    let body = json!({ "name": "Peeters", "reference": "2024.001.77", "enterprise_number": "0403.227.515", "vat_number": "BE 0403.227.515" });
    room.api.post("/v1/clients", &body).await.expect(201);
    room.api.post("/v1/clients", &json!({ "name": "Aerts" })).await.expect(201);
    for search in [
        "0403.227.515",
        "0403227515",
        "BE 0403.227.515",
        "be0403.227.515",
        "peeters 0403/227-515",
        "2024.001.77",
        "403.227",
    ] {
        assert_eq!(room.names(&query(&[("search", search)])).await, ["Peeters"], "{search}");
    }
    for search in ["0403.227.516", "2024.001.78"] {
        assert_eq!(room.names(&query(&[("search", search)])).await, Vec::<String>::new(), "{search}");
    }
    for (field, op, value) in [
        ("enterprise_number", "eq", "0403.227.515"),
        ("vat_number", "eq", "BE 0403.227.515"),
        ("enterprise_number", "starts_with", "0403.2"),
        ("enterprise_number", "contains", "227.515"),
    ] {
        let filter = json!({ "field": field, "op": op, "value": value }).to_string();
        assert_eq!(room.names(&query(&[("filter", &filter)])).await, ["Peeters"], "{field} {op}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_search_stands_at_the_search() {
    let room = room().await;
    let long = "x".repeat(1_001);
    let refused = room.api.get(&format!("/v1/client-rows?search={long}")).await;
    assert_eq!((refused.status, refused.wrong_fields()), (422, wrong("/search", "too_long")));
    let body = json!({ "selection": { "search": long }, "assignments": [{ "field": "portfolio", "set": "X" }] });
    assert_eq!(room.api.post("/v1/bulk-edits", &body).await.wrong_fields(), wrong("/selection/search", "too_long"));
}
