//! Who a practice's mails come from, against the sandbox's mail server.

use diesel::sql_types::{Binary, Text};
use diesel::{QueryableByName, RunQueryDsl as _};
use klaar_domain::identity::Right;
use klaar_sandbox::{MailAccount, Sandbox, Settings};
use serde_json::{Value, json};

use crate::client::Client;
use crate::house::House;

#[derive(QueryableByName)]
struct Stored {
    #[diesel(sql_type = Text)]
    server: String,
    #[diesel(sql_type = Binary)]
    secrets: Vec<u8>,
}

const PRIVATE: (&str, &str) = ("KLAAR_SMTP_ALLOW_PRIVATE", "true");

async fn sandbox() -> Sandbox {
    Sandbox::start(Settings::default()).await.unwrap()
}

/// A house in which servers on this machine may be named, with a client that may do everything.
async fn house(extra: &[(&str, &str)]) -> (House, Client) {
    let house = House::open_with(extra).await;
    let practice = house.practice("Maes");
    let api = house.may_everything(&practice);
    (house, api)
}

fn own_server(sandbox: &Sandbox) -> Value {
    json!({ "host": "127.0.0.1", "port": sandbox.smtp_addr().port(), "security": "none" })
}

fn with_server(server: &Value) -> Value {
    json!({ "name": "Practice", "from_name": "Maes & Partners", "from_address": "info@maes.example", "server": server })
}

async fn change(api: &Client, sender: &Value, change: Value) -> crate::client::Answer {
    let path = format!("/v1/senders/{}", sender["id"].as_str().unwrap());
    let revision = api.get(&path).await.expect(200)["revision"].clone();
    api.with("if-match", &format!("\"{revision}\"")).patch(&path, &change).await
}

#[tokio::test]
async fn a_sender_is_tried_before_it_is_stored_changed_and_deleted() {
    let sandbox = sandbox().await;
    let (_house, api) = house(&[PRIVATE]).await;
    let first = api.post("/v1/senders", &with_server(&own_server(&sandbox))).await.expect(201);
    assert_eq!(
        (&first["default"], &first["revision"], &first["from_name"]),
        (&json!(true), &json!(1), &json!("Maes & Partners"))
    );
    assert_eq!(first["tested_at"], json!("2026-11-22T09:00:00.000000Z"));
    let signed = json!({ "kind": "none", "username": null, "token_url": null, "client_id": null });
    assert_eq!(first["server"]["sign_in"], signed);
    assert_eq!(sandbox.mails(), [], "a try sends nothing");

    let mut second = with_server(&own_server(&sandbox));
    second["name"] = json!("Second");
    second["from_name"] = Value::Null;
    second["signatures"] = json!({ "nl": " Met groeten\r\nMaes ", "fr": " " });
    let second = api.post("/v1/senders", &second).await.expect(201);
    assert_eq!((&second["default"], &second["from_name"]), (&json!(false), &json!("Maes")));
    assert_eq!(second["signatures"], json!({ "nl": "Met groeten\nMaes" }));

    let changed =
        change(&api, &second, json!({ "default": true, "per_minute": 30.0, "signatures": null })).await.expect(200);
    assert_eq!(
        (&changed["default"], &changed["per_minute"], &changed["revision"]),
        (&json!(true), &json!(30), &json!(2))
    );
    let list = api.get("/v1/senders").await.expect(200);
    assert_eq!(list["items"][0]["revision"], json!(2), "who is the default no more has changed, too");
    let defaults: Vec<&Value> = list["items"].as_array().unwrap().iter().map(|sender| &sender["default"]).collect();
    assert_eq!((defaults, &list["shared"]), (vec![&json!(false), &json!(true)], &Value::Null));
    assert_eq!(
        change(&api, &second, json!({ "default": false })).await.wrong_fields(),
        [("/default".to_owned(), "say_another".to_owned())]
    );
    let same = change(&api, &second, json!({ "per_minute": 30 })).await.expect(200);
    assert_eq!(same["revision"], json!(2), "a change of nothing is none");

    let path = |sender: &Value| format!("/v1/senders/{}", sender["id"].as_str().unwrap());
    assert_eq!(api.delete(&path(&second)).await.expect(409)["code"], "default_sender");
    api.delete(&path(&first)).await.expect(204);
    api.get(&path(&first)).await.expect(404);
    api.delete(&path(&second)).await.expect(204);
    assert_eq!(api.get("/v1/senders").await.expect(200)["items"], json!([]));
    let third = api.post("/v1/senders", &with_server(&own_server(&sandbox))).await.expect(201);
    assert_eq!(third["default"], json!(true), "the first of those that are there");

    let audit = api.get("/v1/audit-entries?limit=50").await.expect(200);
    let kinds: Vec<&str> =
        audit["items"].as_array().unwrap().iter().filter_map(|entry| entry["kind"].as_str()).collect();
    let of_senders: Vec<&str> = kinds.into_iter().filter(|kind| kind.starts_with("sender.")).rev().collect();
    let expected =
        ["sender.created", "sender.created", "sender.updated", "sender.deleted", "sender.deleted", "sender.created"];
    assert_eq!(of_senders, expected);
}

#[tokio::test]
async fn what_is_wrong_with_a_server_is_said_at_the_field_that_named_it() {
    let sandbox = sandbox().await;
    let (_house, api) = house(&[PRIVATE, ("KLAAR_SMTP_TIMEOUT", "1")]).await;
    let wrong = async |server: Value| api.post("/v1/senders", &with_server(&server)).await.wrong_fields();
    let at = |pointer: &str, code: &str| vec![(format!("/server/{pointer}"), code.to_owned())];
    let mut server = own_server(&sandbox);
    let port = server["port"].clone();
    server["port"] = json!(1);
    assert_eq!(wrong(server.clone()).await, at("host", "server_unreachable"));
    server["port"] = port;
    server["security"] = json!("starttls");
    assert_eq!(wrong(server.clone()).await, at("security", "no_starttls"));
    server["security"] = json!("tls");
    assert_eq!(wrong(server.clone()).await, at("security", "tls_failed"));
    server["security"] = json!("none");
    server["sign_in"] = json!({ "kind": "password", "username": "an", "password": "x" });
    assert_eq!(wrong(server).await, at("sign_in/kind", "sign_in_not_offered"));
    assert_eq!(wrong(json!({ "host": "no.such.host.invalid" })).await, at("host", "server_unreachable"));
    assert_eq!(api.get("/v1/senders").await.expect(200)["items"], json!([]), "nothing of it is stored");
}

#[tokio::test]
async fn a_server_inside_the_network_is_refused_unless_it_is_allowed() {
    let sandbox = sandbox().await;
    let (_house, api) = house(&[]).await;
    let answer = api.post("/v1/senders", &with_server(&own_server(&sandbox))).await;
    assert_eq!(answer.wrong_fields(), [("/server/host".to_owned(), "private_address".to_owned())]);
    assert_eq!(sandbox.totals().smtp_connections, 0, "nobody was asked");
}

#[tokio::test]
async fn a_sender_without_a_server_goes_through_the_installations() {
    let sandbox = sandbox().await;
    let address = format!("smtp://127.0.0.1:{}", sandbox.smtp_addr().port());
    let (house, api) = house(&[("KLAAR_SMTP_URL", &address), ("KLAAR_MAIL_FROM", "post@klaar.example")]).await;
    let sender = api.post("/v1/senders", &json!({ "name": "Shared", "reply_to": "an@maes.example" })).await.expect(201);
    assert_eq!(
        (&sender["server"], &sender["from_address"], &sender["tested_at"]),
        (&Value::Null, &Value::Null, &Value::Null)
    );
    assert_eq!(
        api.get("/v1/senders").await.expect(200)["shared"],
        json!({ "from_address": "post@klaar.example", "bounces": null })
    );
    let test = format!("/v1/senders/{}/test", sender["id"].as_str().unwrap());
    let tried = api.post(&test, &json!({})).await.expect(200);
    assert_eq!(tried, json!({ "passed": true, "fault": null, "tested_at": null }), "the server is not its own");
    assert_eq!(sandbox.totals().smtp_connections, 1);
    sandbox.stop().await;
    let tried = api.post(&test, &json!({})).await.expect(200);
    assert_eq!((&tried["passed"], &tried["fault"]["code"]), (&json!(false), &json!("server_unreachable")));
    let own_address = json!({ "name": "X", "from_address": "info@maes.example" });
    let wrong = api.post("/v1/senders", &own_address).await.wrong_fields();
    assert_eq!(wrong, [("/from_address".to_owned(), "needs_own_server".to_owned())]);
    let managers = house.may(&house.practice("Other"), &[Right::CampaignsSend]);
    assert_eq!(managers.get("/v1/senders").await.expect(200)["items"], json!([]));
    assert_eq!(managers.post("/v1/senders", &json!({ "name": "X" })).await.status, 403);
}

#[tokio::test]
async fn each_wrong_field_of_a_sender_is_named() {
    let (_house, api) = house(&[]).await;
    let given = json!({
        "name": " ", "from_name": "a\nb", "reply_to": "an", "per_minute": 0, "signatures": { "es": "Hola", "nl": "x".repeat(2_001) },
        "server": { "host": "a b", "port": 0, "security": "ssl", "sign_in": { "kind": "password", "password": "x", "client_id": "y" } }
    });
    let mut wrong = api.post("/v1/senders", &given).await.wrong_fields();
    wrong.sort();
    let expected = [
        ("/from_address", "needed_with_server"),
        ("/from_name", "control_characters"),
        ("/name", "missing"),
        ("/per_minute", "out_of_range"),
        ("/reply_to", "malformed_email"),
        ("/server/host", "malformed_host"),
        ("/server/port", "out_of_range"),
        ("/server/security", "unknown_value"),
        ("/server/sign_in/client_id", "not_with_sign_in"),
        ("/server/sign_in/username", "missing"),
        ("/signatures/es", "unknown_value"),
        ("/signatures/nl", "too_long"),
    ];
    assert_eq!(wrong, expected.map(|(pointer, code)| (pointer.to_owned(), code.to_owned())));
    let wrong = api.post("/v1/senders", &json!({ "name": "X" })).await.wrong_fields();
    assert_eq!(wrong, [("/server".to_owned(), "no_shared_server".to_owned())]);
}

#[tokio::test]
async fn a_repeated_request_gets_its_answer_although_the_server_is_gone() {
    let sandbox = sandbox().await;
    let (_house, api) = house(&[PRIVATE]).await;
    let api = api.with("idempotency-key", "once");
    let said = with_server(&own_server(&sandbox));
    let first = api.post("/v1/senders", &said).await.expect(201);
    sandbox.stop().await;
    assert_eq!(api.post("/v1/senders", &said).await.expect(201)["id"], first["id"]);
    let other = with_server(&json!({ "host": "127.0.0.1", "port": 9, "security": "none" }));
    assert_eq!(api.post("/v1/senders", &other).await.wrong_fields()[0].1, "server_unreachable");
}

/// A mail server with one account, which speaks TLS, and its certificate's root in a file.
async fn with_accounts() -> (Sandbox, tempfile::NamedTempFile) {
    let account = MailAccount { user: "info@maes.example".to_owned(), secret: "the right one".to_owned() };
    let settings = Settings { offers_starttls: true, mail_accounts: vec![account], ..Settings::default() };
    let sandbox = Sandbox::start(settings).await.unwrap();
    let mut roots = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut roots, sandbox.root_certificate_pem().as_bytes()).unwrap();
    (sandbox, roots)
}

fn by_password(port: u16, security: &str, password: &str) -> Value {
    let sign_in = json!({ "kind": "password", "username": "info@maes.example", "password": password });
    json!({ "host": "localhost", "port": port, "security": security, "sign_in": sign_in })
}

#[tokio::test]
async fn a_password_goes_over_tls_only_is_kept_and_never_shown() {
    let (sandbox, roots) = with_accounts().await;
    let roots = roots.path().to_str().unwrap();
    let (house, api) = house(&[PRIVATE, ("KLAAR_SMTP_ROOTS", roots)]).await;
    let (starttls, tls) = (sandbox.smtp_addr().port(), sandbox.smtps_addr().port());
    let wrong = by_password(tls, "tls", "the wrong one");
    let refused = api.post("/v1/senders", &with_server(&wrong)).await;
    assert_eq!(refused.wrong_fields(), [("/server/sign_in".to_owned(), "sign_in_refused".to_owned())]);
    assert!(refused.json()["errors"][0]["params"]["words"].as_str().unwrap().starts_with("535 5.7.8"));

    let sender = api.post("/v1/senders", &with_server(&by_password(tls, "tls", "the right one"))).await.expect(201);
    assert!(!sender.to_string().contains("the right one"));
    assert!(!api.get("/v1/audit-entries").await.expect(200).to_string().contains("the right one"));
    let stored = house.db.read(|conn| {
        let sql = "SELECT CAST(server AS TEXT) AS server, secrets FROM senders";
        Ok(diesel::sql_query(sql).get_result::<Stored>(conn)?)
    });
    let stored = stored.unwrap();
    let sealed = String::from_utf8_lossy(&stored.secrets);
    assert!(!sealed.contains("the right one") && !stored.server.contains("the right one"), "it is sealed at rest");

    // The secret may be left out for as long as it goes to the same place for the same person.
    let mut same = by_password(tls, "tls", "");
    same["sign_in"].as_object_mut().unwrap().remove("password");
    let kept = change(&api, &sender, json!({ "server": same })).await.expect(200);
    assert_eq!(kept["revision"], json!(2));
    same["port"] = json!(starttls);
    same["security"] = json!("starttls");
    let elsewhere = change(&api, &sender, json!({ "server": same })).await.wrong_fields();
    assert_eq!(elsewhere, [("/server/sign_in/password".to_owned(), "secret_missing".to_owned())]);
    change(&api, &sender, json!({ "server": by_password(starttls, "starttls", "the right one") })).await.expect(200);
}

#[tokio::test]
async fn a_certificate_that_leads_nowhere_is_refused() {
    let (sandbox, _roots) = with_accounts().await;
    let (_house, api) = house(&[PRIVATE]).await;
    for (port, security) in [(sandbox.smtp_addr().port(), "starttls"), (sandbox.smtps_addr().port(), "tls")] {
        let server = by_password(port, security, "the right one");
        let wrong = api.post("/v1/senders", &with_server(&server)).await.wrong_fields();
        assert_eq!(wrong, [("/server/security".to_owned(), "tls_failed".to_owned())], "{security}");
    }
}

#[tokio::test]
async fn a_refresh_token_is_exchanged_once_and_anew_when_its_access_token_is_taken_back() {
    let (sandbox, roots) = with_accounts().await;
    let roots = roots.path().to_str().unwrap();
    let (_house, api) = house(&[PRIVATE, ("KLAAR_SMTP_ROOTS", roots)]).await;
    let by_token = |refresh: &str| {
        let sign_in = json!({ "kind": "xoauth2", "username": "info@maes.example", "token_url": sandbox.token_url(),
            "client_id": "klaar", "client_secret": "x", "refresh_token": refresh });
        json!({ "host": "localhost", "port": sandbox.smtps_addr().port(), "sign_in": sign_in })
    };
    let wrong = api.post("/v1/senders", &with_server(&by_token("the wrong one"))).await;
    assert_eq!(wrong.wrong_fields(), [("/server/sign_in/refresh_token".to_owned(), "no_access_token".to_owned())]);
    assert!(wrong.json()["errors"][0]["params"]["reason"].as_str().unwrap().contains("invalid_grant"));
    let mut bare = by_token("the right one");
    bare["sign_in"]["token_url"] = json!("http://192.0.2.1/token");
    let refused = api.post("/v1/senders", &with_server(&bare)).await;
    assert!(refused.json()["errors"][0]["params"]["reason"].as_str().unwrap().contains("https"), "not in clear text");
    let asked = sandbox.totals().token_requests;
    let sender = api.post("/v1/senders", &with_server(&by_token("the right one"))).await.expect(201);
    let test = format!("/v1/senders/{}/test", sender["id"].as_str().unwrap());
    assert_eq!(api.post(&test, &json!({})).await.expect(200)["passed"], json!(true));
    assert_eq!(sandbox.totals().token_requests, asked + 1, "it is good for a while");
    sandbox.revoke_access_tokens();
    assert_eq!(api.post(&test, &json!({})).await.expect(200)["fault"]["code"], json!("sign_in_refused"));
    assert_eq!(api.post(&test, &json!({})).await.expect(200)["passed"], json!(true), "with another");
    assert_eq!(sandbox.totals().token_requests, asked + 2);
}
