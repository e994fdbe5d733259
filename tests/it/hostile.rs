//! Requests that nobody who means well would send: what they learn, and what becomes of the data.

use reqwest::Method;
use serde_json::json;

use crate::client::Client;
use crate::house::House;

/// Faulty in form, each in another way, and faulty in what it says.
async fn refused_for_its_form(api: &Client) -> Vec<u16> {
    let json = |text: &str| Some(("application/json", text.as_bytes().to_vec()));
    let mut statuses = Vec::new();
    for (method, path, body) in [
        (Method::POST, "/v1/clients", json("{")),
        (Method::POST, "/v1/clients", Some(("text/plain", b"{}".to_vec()))),
        (Method::POST, "/v1/clients", json(r#"{"name":3}"#)),
        (Method::GET, "/v1/clients?limit=abc", None),
        (Method::GET, "/v1/clients?search=%00", None),
        (Method::PATCH, "/v1/practice", json("{}")),
    ] {
        statuses.push(api.send_bytes(method, path, body).await.status);
    }
    statuses.push(api.with("if-match", "*").patch("/v1/practice", &json!({})).await.status);
    statuses
}

#[tokio::test]
async fn nobody_learns_what_is_wrong_with_a_request() {
    let house = House::open().await;
    let practice = house.practice("Maes & Partners");
    assert_eq!(refused_for_its_form(&house.nobody()).await, [401; 7]);
    let stranger = Client::new(house.base(), Some("klaar_key_0000000000000000000000000000000000000000000".to_owned()));
    assert_eq!(refused_for_its_form(&stranger).await, [401; 7]);
    assert_eq!(refused_for_its_form(&house.may_everything(&practice)).await, [400, 415, 422, 400, 422, 428, 412]);
}

#[tokio::test]
async fn a_body_is_an_object_without_what_the_database_cannot_keep() {
    let house = House::open().await;
    let api = house.may_everything(&house.practice("Maes & Partners"));
    for (path, body, pointer, code) in [
        ("/v1/clients", json!({ "name": "A\0B" }), "/name", "control_characters"),
        (
            "/v1/clients",
            json!({ "name": "A", "fields": { "comments": "x\0" } }),
            "/fields/comments",
            "control_characters",
        ),
        (
            "/v1/members",
            json!({ "name": "A\u{7}", "email": "a@b.example", "role": "staff" }),
            "/name",
            "control_characters",
        ),
        ("/v1/api-keys", json!({ "name": "A\nB", "scopes": ["clients:read"] }), "/name", "control_characters"),
        ("/v1/api-keys", json!(["A", ["clients:read"], null]), "/", "wrong_shape"),
        ("/v1/registration-checks", json!([null, true]), "/", "wrong_shape"),
    ] {
        let answer = api.post(path, &body).await;
        assert_eq!(
            (answer.status, answer.wrong_fields()),
            (422, vec![(pointer.to_owned(), code.to_owned())]),
            "{body}"
        );
    }
    let sign_in = json!({ "email": "a\0@b.example", "password": "x" });
    assert_eq!(house.nobody().post("/v1/sessions", &sign_in).await.status, 422);
    // A position with U+0000, as nobody was given it.
    assert_eq!(api.get("/v1/clients?cursor=WyJcdTAwMDAiLDBd").await.status, 422);
    assert_eq!(api.get("/v1/client-export?search=%00").await.status, 422);
}

#[tokio::test]
async fn only_the_tag_that_was_given_matches() {
    let house = House::open().await;
    let api = house.may_everything(&house.practice("Maes & Partners"));
    let bare = api.with("if-match", "1").patch("/v1/practice", &json!({ "name": "B" })).await;
    assert_eq!(bare.expect(428)["code"], "condition_required", "it says that the quotation marks belong to the tag");
    for tag in ["\"\"\"1", "*", "\"1\", \"2\"", "W/\"1\"", "\"+1\""] {
        let answer = api.with("if-match", tag).patch("/v1/practice", &json!({ "name": "B" })).await;
        assert_eq!(answer.status, 412, "{tag}");
    }
    let changed = api.with("if-match", "\"1\"").patch("/v1/practice", &json!({ "name": "B" })).await;
    assert_eq!((changed.status, changed.header("etag")), (200, "\"2\""));
    let same = api.with("if-match", "\"2\"").patch("/v1/practice", &json!({ "name": "B" })).await;
    assert_eq!((same.status, same.header("etag")), (200, "\"2\""), "nothing changed");
}
