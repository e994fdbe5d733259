//! Practices, members, sessions and keys through the front door.

use klaar_domain::identity::{Right, Role};
use serde_json::{Value, json};

use crate::client::Client;
use crate::house::{House, PASSWORD};

#[tokio::test]
async fn whoever_has_set_a_password_is_not_overtaken_by_an_invitation_to_another_practice() {
    let house = House::open().await;
    let person = json!({ "email": "an@maes.example", "name": "An", "role": "staff" });
    let mut tokens = Vec::new();
    for name in ["Maes", "Claes"] {
        let api = house.may_everything(&house.practice(name));
        tokens.push(api.post("/v1/members", &person).await.expect(201)["invitation_token"].clone());
    }
    let accept = |token| json!({ "token": token, "password": PASSWORD });
    house.nobody().post("/v1/invitation-acceptances", &accept(tokens[0].clone())).await.expect(204);
    let refused = house.nobody().post("/v1/invitation-acceptances", &accept(tokens[1].clone())).await;
    assert_eq!(refused.wrong_fields(), [("/token".to_owned(), "unknown_or_used".to_owned())]);
    let signed_in =
        house.nobody().post("/v1/sessions", &json!({ "email": "an@maes.example", "password": PASSWORD })).await;
    assert_eq!(signed_in.expect(201)["practices"].as_array().unwrap().len(), 2, "a member of both all the same");
}

#[tokio::test]
async fn an_invited_person_sets_a_password_once_and_signs_in() {
    let house = House::open().await;
    let owner = house.may_everything(&house.practice("Maes & Partners"));
    let body = json!({ "email": "An@maes.example", "name": "An", "role": "staff" });
    let invited = owner.post("/v1/members", &body).await.expect(201);
    assert_eq!(invited["member"]["active"], false);
    let acceptance = json!({ "token": invited["invitation_token"], "password": PASSWORD });
    let nobody = house.nobody();
    let short = nobody
        .post("/v1/invitation-acceptances", &json!({ "token": invited["invitation_token"], "password": "short" }))
        .await;
    assert_eq!(short.wrong_fields(), [("/password".to_owned(), "length".to_owned())]);
    assert_eq!(nobody.post("/v1/invitation-acceptances", &acceptance).await.status, 204);
    assert_eq!(nobody.post("/v1/invitation-acceptances", &acceptance).await.wrong_fields()[0].1, "unknown_or_used");
    let an = house.signed_in("an@MAES.example").await;
    let me = an.get("/v1/me").await.expect(200);
    assert_eq!(me["name"], "An");
    assert_eq!(me["rights"], json!(Role::Staff.rights().names()));
    assert_eq!(me["authenticated_at"], "2026-11-22T09:00:00.000000Z");
}

#[tokio::test]
async fn a_refused_sign_in_does_not_tell_whether_the_address_exists_and_is_limited() {
    let house = House::open().await;
    let email = house.person(&house.practice("Maes & Partners"), "An", Role::Owner);
    let try_in = async |email: &str| {
        house.nobody().post("/v1/sessions", &json!({ "email": email, "password": "wrong password" })).await
    };
    let (known, unknown) = (try_in(&email).await, try_in("nobody@maes.example").await);
    assert_eq!(known.json()["code"], "wrong_credentials");
    assert_eq!(known.expect(401), unknown.expect(401));
    for _ in 0..9 {
        house.wait_seconds(1);
        try_in(&email).await.expect(401);
    }
    house.wait_seconds(1);
    let limited = house.nobody().post("/v1/sessions", &json!({ "email": email, "password": PASSWORD })).await;
    assert_eq!(limited.expect(429)["code"], "too_many_requests");
    assert_eq!(limited.header("retry-after"), "900");
    house.wait_seconds(16 * 60);
    house.signed_in(&email).await;
}

#[tokio::test]
async fn sessions_switch_practice_are_listed_revoked_and_expire() {
    let house = House::open().await;
    let (first, second, third) = (house.practice("A"), house.practice("B"), house.practice("C"));
    let email = house.person(&first, "An", Role::Owner);
    house.person(&second, "An", Role::Reader);
    let an = house.signed_in(&email).await;
    assert_eq!(an.get("/v1/practice").await.expect(200)["name"], "A");
    let switch = async |to: &klaar_domain::identity::Practice| {
        an.send(reqwest::Method::PUT, "/v1/session/practice", Some(&json!({ "practice_id": to.id.to_string() }))).await
    };
    assert_eq!(switch(&second).await.expect(200)["practice_id"], second.id.to_string());
    assert_eq!(an.get("/v1/me").await.expect(200)["rights"], json!(["clients:read"]));
    assert_eq!(an.post("/v1/clients", &json!({ "name": "X" })).await.expect(403)["params"]["right"], "clients:write");
    assert_eq!(switch(&third).await.status, 404);
    let other = house.signed_in(&email).await;
    let sessions = an.get("/v1/sessions").await.expect(200);
    let theirs = sessions["items"].as_array().unwrap().iter().find(|s| s["current"] == false).unwrap();
    assert_eq!(an.delete(&format!("/v1/sessions/{}", theirs["id"].as_str().unwrap())).await.status, 204);
    assert_eq!(other.get("/v1/me").await.status, 401);
    house.wait_seconds(15 * 24 * 3600);
    assert_eq!(an.get("/v1/me").await.status, 401);
}

#[tokio::test]
async fn a_key_is_shown_once_limited_to_its_scopes_and_ends() {
    let house = House::open().await;
    let practice = house.practice("Maes & Partners");
    let owner = house.may_everything(&practice);
    let body = json!({ "name": "Front end", "scopes": ["clients:read"], "expires_at": "2026-11-23T00:00:00Z" });
    let created = owner.post("/v1/api-keys", &body).await.expect(201);
    let secret = created["secret"].as_str().unwrap();
    let key = Client::new(house.base(), Some(secret.to_owned()));
    assert_eq!(key.get("/v1/me").await.expect(200)["rights"], json!(["clients:read"]));
    let path = format!("/v1/api-keys/{}", created["api_key"]["id"].as_str().unwrap());
    let seen = owner.get(&path).await.expect(200);
    assert_eq!(seen["last_used_at"], "2026-11-22T09:00:00.000000Z");
    assert!(!seen.to_string().contains(secret), "the secret is shown once");
    assert_eq!(key.post("/v1/clients", &json!({ "name": "X" })).await.status, 403);
    house.wait_seconds(24 * 3600);
    assert_eq!(key.get("/v1/me").await.status, 401, "expired");
    let lasting =
        owner.post("/v1/api-keys", &json!({ "name": "Lasting", "scopes": ["clients:read"] })).await.expect(201);
    let api = Client::new(house.base(), Some(lasting["secret"].as_str().unwrap().to_owned()));
    assert_eq!(api.get("/v1/me").await.status, 200);
    let revocation = format!("/v1/api-keys/{}/revocation", lasting["api_key"]["id"].as_str().unwrap());
    owner.post(&revocation, &json!({})).await.expect(200);
    assert_eq!(api.get("/v1/me").await.status, 401, "revoked");
}

#[tokio::test]
async fn nobody_gives_a_right_that_he_lacks() {
    let house = House::open().await;
    let practice = house.practice("Maes & Partners");
    let limited = house.may(&practice, &[Right::KeysManage]);
    let body = json!({ "name": "X", "scopes": ["keys:manage", "clients:read", "nonsense"] });
    let wrong = limited.post("/v1/api-keys", &body).await.wrong_fields();
    assert_eq!(
        wrong,
        [
            ("/scopes/1".to_owned(), "beyond_own_rights".to_owned()),
            ("/scopes/2".to_owned(), "unknown_value".to_owned())
        ]
    );
}

#[tokio::test]
async fn a_practice_keeps_an_owner() {
    let house = House::open().await;
    let practice = house.practice("Maes & Partners");
    let api = house.may_everything(&practice);
    let email = house.person(&practice, "An", Role::Owner);
    let an = house.signed_in(&email).await;
    let members = api.get("/v1/members").await.expect(200);
    let member = format!("/v1/members/{}", members["items"][0]["id"].as_str().unwrap());
    assert_eq!(api.delete(&member).await.expect(409)["code"], "last_owner");
    assert_eq!(
        api.with("if-match", "\"1\"").patch(&member, &json!({ "role": "staff" })).await.expect(409)["code"],
        "last_owner"
    );
    house.person(&practice, "Bart", Role::Owner);
    let changed = api.with("if-match", "\"1\"").patch(&member, &json!({ "role": "reader" })).await.expect(200);
    assert_eq!(changed["role"], "reader");
    assert_eq!(an.get("/v1/me").await.expect(200)["rights"], json!(["clients:read"]), "a new role holds at once");
    assert_eq!(api.delete(&member).await.status, 204);
    assert_eq!(an.get("/v1/me").await.status, 401, "sessions end with the membership");
}

#[tokio::test]
async fn the_practice_is_changed_with_its_etag_but_its_world_is_not() {
    let house = House::open().await;
    let api = house.may_everything(&house.practice("Maes & Partners"));
    let read = api.get("/v1/practice").await;
    assert_eq!(read.header("etag"), "\"1\"");
    let change = json!({ "time_zone": "Europe/Paris", "enterprise_number": "0403.227.515" });
    let changed = api.with("if-match", "\"1\"").patch("/v1/practice", &change).await.expect(200);
    assert_eq!((&changed["time_zone"], &changed["enterprise_number"]), (&json!("Europe/Paris"), &json!("0403227515")));
    let stale = api.with("if-match", "\"1\"").patch("/v1/practice", &change).await;
    assert_eq!(stale.status, 412);
    let wrong = api
        .with("if-match", "\"2\"")
        .patch("/v1/practice", &json!({ "time_zone": "Mars/Olympus", "name": null }))
        .await
        .wrong_fields();
    assert_eq!(wrong.len(), 2);
    let world = api.with("if-match", "\"2\"").patch("/v1/practice", &json!({ "world": "live" })).await;
    assert_eq!(world.status, 422, "{:?}", world.json());
    assert_eq!(api.get("/v1/practice").await.expect(200)["world"], Value::from("test"));
}

#[tokio::test]
async fn failed_sign_ins_and_ended_sessions_are_forgotten() {
    let house = House::open().await;
    let email = house.person(&house.practice("Maes & Partners"), "An", Role::Owner);
    house.signed_in(&email).await;
    house.nobody().post("/v1/sessions", &json!({ "email": email, "password": "wrong password" })).await.expect(401);
    assert_eq!(klaar_domain::identity::prune_sign_ins(&house.db).unwrap(), 0, "both still count");
    house.wait_seconds(15 * 24 * 3600);
    assert_eq!(klaar_domain::identity::prune_sign_ins(&house.db).unwrap(), 3, "the address, the peer, the session");
}
