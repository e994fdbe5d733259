use hickory_proto::op::ResponseCode;
use serde_json::json;

use crate::{
    ACCESS_POINTS, MailAccount, Sandbox, Script, Settings, SmpEffect,
    testing::{ID, ask_naptr, get, group_path, post_form, post_form_with, request, request_as, sandbox},
};

#[tokio::test]
async fn faults_are_switched_over_http() {
    let sandbox = sandbox().await;
    let page = sandbox.page_addr();
    let fault = json!({ "effect": { "dns": "servfail" }, "only": [ID], "times": 5 }).to_string();
    let added = request(page, "POST", "/api/faults", &fault).await.unwrap();
    assert_eq!((added.status, added.json()), (201, json!({ "id": 1 })));
    let answer = ask_naptr(&sandbox, ID).await.unwrap();
    assert_eq!(answer.metadata.response_code, ResponseCode::ServFail);
    let listed = get(page, "/api/faults").await.unwrap().json();
    let shown =
        json!([{ "id": 1, "effect": { "dns": "servfail" }, "only": [ID], "share": 100, "times": 4, "struck": 1 }]);
    assert_eq!(listed, shown);

    let overview = get(page, "/").await.unwrap();
    assert!(overview.body.contains("{&quot;dns&quot;:&quot;servfail&quot;}"));
    assert_eq!(request(page, "DELETE", "/api/faults/1", "").await.unwrap().status, 204);
    assert_eq!(request(page, "DELETE", "/api/faults/1", "").await.unwrap().status, 404);

    let several = json!([
        { "effect": { "smp_group": { "status": { "code": 429, "retry_after_seconds": 2 } } }, "share": 20 },
        { "effect": { "smtp": { "at": "rcpt", "does": { "reply": 452 } } } },
        { "effect": { "smp": "reset" } },
    ]);
    assert_eq!(request(page, "PUT", "/api/faults", &several.to_string()).await.unwrap().status, 204);
    assert_eq!(sandbox.faults().len(), 3);
    assert_eq!(request(page, "DELETE", "/api/faults", "").await.unwrap().status, 204);
    assert!(sandbox.faults().is_empty());
}

#[tokio::test]
async fn a_request_without_sense_names_its_fault_and_changes_nothing() {
    let sandbox = sandbox().await;
    for (path, body) in [
        ("/api/faults", json!([{ "effect": { "dns": "servfail" }, "share": 101 }])),
        ("/api/faults", json!([{ "effect": { "smp": { "status": { "code": 302 } } } }])),
        ("/api/participants", json!({ ID: { "access_point": "POP000000" } })),
        ("/api/participants", json!({ "no identifier": {} })),
        ("/api/participants", json!({ ID: { "naptrs": "usual" } })),
        ("/api/participants", json!({ ID: { "redirect": { "hops": 3 } } })),
    ] {
        let answer = request(sandbox.page_addr(), "PUT", path, &body.to_string()).await.unwrap();
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.json()["error"].is_string());
    }
    assert!(sandbox.faults().is_empty());
    assert_eq!(get(sandbox.page_addr(), "/api/participants").await.unwrap().json(), json!({}));
}

#[tokio::test]
async fn participants_are_scripted_over_http() {
    let sandbox = sandbox().await;
    let page = sandbox.page_addr();
    let one = format!("/api/participants/{ID}");
    let script = json!({ "access_point": "POP900006", "documents": ["order"], "redirect": {} }).to_string();
    assert_eq!(request(page, "PUT", &one, &script).await.unwrap().status, 204);
    assert_eq!(sandbox.access_point_of(ID), Some(ACCESS_POINTS[5]));
    let read: Script = serde_json::from_value(get(page, &one).await.unwrap().json()).unwrap();
    assert_eq!(read.redirect.map(|redirect| redirect.hops), Some(1));
    let many = json!({ "9925:BE0677424046": {}, "0208:0400378485": { "registration": "nxdomain" } }).to_string();
    assert_eq!(request(page, "PUT", "/api/participants", &many).await.unwrap().status, 204);
    let all = get(page, "/api/participants").await.unwrap().json();
    assert_eq!(all.as_object().map(serde_json::Map::len), Some(3));
    assert_eq!(request(page, "DELETE", &one, "").await.unwrap().status, 204);
    assert_eq!(get(page, &one).await.unwrap().status, 404);
    assert_eq!(request(page, "DELETE", "/api/participants", "").await.unwrap().status, 204);
}

#[tokio::test]
async fn requests_are_counted_and_the_world_described() {
    let sandbox = sandbox().await;
    let page = sandbox.page_addr();
    ask_naptr(&sandbox, ID).await.unwrap();
    ask_naptr(&sandbox, ID).await.unwrap();
    get(sandbox.smp_addr(), &group_path(ID)).await.unwrap();
    let totals = get(page, "/api/counters").await.unwrap().json();
    assert_eq!(
        (&totals["dns"], &totals["identifiers"], &totals["most_dns_for_one"]),
        (&json!(2), &json!(1), &json!(2))
    );
    let of_one = get(page, &format!("/api/counters/{ID}")).await.unwrap().json();
    assert_eq!(of_one, json!({ "dns": 2, "groups": 1, "metadata": 0 }));
    request(page, "DELETE", "/api/counters", "").await.unwrap();
    assert_eq!(sandbox.requests_of(ID).dns, 0);

    let world = get(page, "/api/world").await.unwrap().json();
    assert_eq!(world["zone"], sandbox.zone());
    assert_eq!(world["access_points"][0]["seat_id"], "POP900001");
    let root = get(page, "/api/root.pem").await.unwrap();
    assert_eq!(root.body, sandbox.root_certificate_pem());
    assert_eq!(get(page, "/style.css").await.unwrap().status, 200);
    assert_eq!(get(page, "/elsewhere").await.unwrap().status, 404);
}

#[tokio::test]
async fn a_page_of_the_open_web_reaches_nothing() {
    let sandbox = sandbox().await;
    let page = sandbox.page_addr();
    let rebound = request_as(page, "rebound.example", "DELETE", "/api/faults", "").await.unwrap();
    assert_eq!(rebound.status, 421);
    for host in [format!("localhost:{}", page.port()), format!("[::1]:{}", page.port())] {
        assert_eq!(request_as(page, &host, "GET", "/api/world", "").await.unwrap().status, 200, "{host}");
    }
    let overview = get(page, "/").await.unwrap();
    let policy = overview.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'self';") && !policy.contains("unsafe"));
    assert_eq!(overview.header("x-content-type-options"), Some("nosniff"));
}

#[tokio::test]
async fn the_control_answers_while_the_smp_hangs() {
    let sandbox = sandbox().await;
    sandbox.script(ID, Script::default()).unwrap();
    sandbox.add_fault(crate::Fault::world(crate::Effect::Smp(SmpEffect::Hang))).unwrap();
    let smp = sandbox.smp_addr();
    let hanging: Vec<_> = (0..50).map(|_| tokio::spawn(async move { get(smp, &group_path(ID)).await })).collect();
    while sandbox.totals().groups < 50 {
        tokio::task::yield_now().await;
    }
    assert_eq!(request(sandbox.page_addr(), "DELETE", "/api/faults", "").await.unwrap().status, 204);
    assert_eq!(get(smp, &group_path(ID)).await.unwrap().status, 200);
    hanging.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn a_refresh_token_is_answered_as_the_standard_has_it() {
    let account = MailAccount { user: "an@practice.example".to_owned(), secret: "a secret&more".to_owned() };
    let sandbox = Sandbox::start(Settings { mail_accounts: vec![account], ..Settings::default() }).await.unwrap();
    let page = sandbox.page_addr();
    assert_eq!(sandbox.token_url(), format!("http://{page}/oauth/token"));
    let right = "grant_type=refresh_token&client_id=x&client_secret=y&refresh_token=a+secret%26more&scope=z";
    let granted = post_form(page, "/oauth/token", right).await.unwrap();
    assert_eq!(granted.status, 200);
    assert_eq!((granted.header("cache-control"), granted.header("pragma")), (Some("no-store"), Some("no-cache")));
    let answer = granted.json();
    assert_eq!((&answer["token_type"], &answer["expires_in"]), (&json!("Bearer"), &json!(3600)));
    assert!(answer["access_token"].as_str().is_some_and(|token| token.len() == 43));
    for (form, error) in [
        ("grant_type=refresh_token&refresh_token=a+secret", "invalid_grant"),
        ("grant_type=password&refresh_token=a+secret%26more", "unsupported_grant_type"),
        ("grant_type=refresh_token", "invalid_request"),
        ("refresh_token=a+secret%26more", "invalid_request"),
        ("grant_type=refresh_token&refresh_token=x&refresh_token=y", "invalid_request"),
    ] {
        let refused = post_form(page, "/oauth/token", form).await.unwrap();
        assert_eq!((refused.status, refused.json()), (400, json!({ "error": error })));
    }
    let asked = sandbox.totals().token_requests;
    let of_a_page = post_form_with(page, "/oauth/token", "Origin: https://web.example", right).await.unwrap();
    assert_eq!((of_a_page.status, of_a_page.json()), (400, json!({ "error": "invalid_request" })));
    let no_form = request(page, "POST", "/oauth/token", "{}").await.unwrap();
    assert_eq!((no_form.status, no_form.json()), (400, json!({ "error": "invalid_request" })));
    assert_eq!(sandbox.totals().token_requests, asked);
    assert_eq!(request(page, "DELETE", "/api/access-tokens", "").await.unwrap().status, 204);
    assert!(get(page, "/").await.unwrap().body.contains(&sandbox.token_url()));
}
