//! What holds for every operation: repeating, languages, limits, origins, health; and starting.

use std::time::Duration;

use klaar_domain::kernel::clock::Clock;
use klaar_domain::kernel::db::{Address, Db};
use klaar_domain::kernel::jobs;
use klaar_domain::kernel::upkeep::PruneSettled;
use serde_json::json;

use crate::house::{House, empty_database};

#[tokio::test]
async fn a_repeated_post_has_one_effect_and_one_answer() {
    let house = House::open().await;
    let practice = house.practice("Maes & Partners");
    let api = house.may_everything(&practice);
    let keyed = api.with("idempotency-key", "import-1");
    let body = json!({ "name": "A" });
    let twins = (0..8).map(|_| {
        let (keyed, body) = (keyed.clone(), body.clone());
        tokio::spawn(async move { keyed.post("/v1/clients", &body).await })
    });
    let mut answers = Vec::new();
    for twin in twins.collect::<Vec<_>>() {
        let answer = twin.await.unwrap();
        answers.push((
            answer.status,
            answer.header("etag").to_owned(),
            answer.header("location").to_owned(),
            answer.json(),
        ));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(answers[0].0, 201);
    assert_eq!(api.get("/v1/clients").await.expect(200)["total"], 1);
    assert_eq!(keyed.post("/v1/clients", &json!({ "name": "B" })).await.expect(409)["code"], "idempotency_key_reused");
    let other = house.may_everything(&practice).with("idempotency-key", "import-1");
    other.post("/v1/clients", &json!({ "name": "C" })).await.expect(201);
}

#[tokio::test]
async fn a_refused_request_does_not_use_its_idempotency_key_up() {
    let house = House::open().await;
    let api = house.may_everything(&house.practice("Maes & Partners")).with("idempotency-key", "k");
    api.post("/v1/clients", &json!({ "name": "" })).await.expect(422);
    api.post("/v1/clients", &json!({ "name": "A" })).await.expect(201);
    let long = api.with("idempotency-key", &"x".repeat(256));
    assert!(long.post("/v1/clients", &json!({ "name": "B" })).await.status < 500);
}

#[tokio::test]
async fn a_kept_reply_with_a_secret_is_sealed() {
    let house = House::open().await;
    let api = house.may_everything(&house.practice("Maes & Partners")).with("idempotency-key", "k");
    let body = json!({ "name": "X", "scopes": ["clients:read"] });
    let (first, second) =
        (api.post("/v1/api-keys", &body).await.expect(201), api.post("/v1/api-keys", &body).await.expect(201));
    assert_eq!(first, second);
    if let Address::Sqlite(path) = &house.settings.database {
        let secret = first["secret"].as_str().unwrap().as_bytes();
        for file in [path.clone(), format!("{path}-wal")] {
            let bytes = std::fs::read(file).unwrap();
            assert!(
                !bytes.windows(secret.len()).any(|window| window == secret),
                "the secret lies open in the database"
            );
        }
    }
}

#[tokio::test]
async fn problems_speak_four_languages() {
    let house = House::open().await;
    for (header, text) in
        [("nl", "Meld u aan"), ("fr-BE", "Connectez-vous"), ("de;q=0.9, es", "Melden Sie sich an"), ("es", "Sign in")]
    {
        let problem = house.nobody().with("accept-language", header).get("/v1/clients").await.expect(401);
        assert!(problem["title"].as_str().unwrap().starts_with(text), "{header}: {problem}");
        assert_eq!(problem["type"], "urn:klaar:problem:unauthenticated");
    }
}

#[tokio::test]
async fn unreadable_requests_are_named() {
    let house = House::open().await;
    let api = house.may_everything(&house.practice("Maes & Partners"));
    let send = async |kind: &str, body: &str| {
        api.send_bytes(reqwest::Method::POST, "/v1/clients", Some((kind, body.as_bytes().to_vec()))).await
    };
    assert_eq!(send("application/json", "{").await.expect(400)["code"], "malformed_json");
    assert_eq!(send("text/plain", "{}").await.expect(415)["code"], "not_json");
    assert_eq!(
        send("application/json", r#"{"name": 5}"#).await.wrong_fields(),
        [("/name".to_owned(), "wrong_shape".to_owned())]
    );
    assert_eq!(send("application/json", "{}").await.wrong_fields(), [("/name".to_owned(), "missing".to_owned())]);
    assert_eq!(send("application/json", r#"{"nmae": "x"}"#).await.wrong_fields()[0].1, "wrong_shape");
    assert_eq!(
        send("application/json", &format!(r#"{{"name": "{}"}}"#, "x".repeat(1_100_000))).await.expect(413)["code"],
        "too_large"
    );
    assert_eq!(api.get("/v1/clients?limit=x").await.expect(400)["code"], "malformed_query");
    assert_eq!(api.get("/v1/nothing").await.expect(404)["code"], "not_found");
    let wrong = api.delete("/v1/clients").await;
    assert_eq!(wrong.expect(405)["code"], "method_not_allowed");
    assert_eq!(wrong.header("allow"), "GET, POST");
    assert_eq!(api.post("/v1/bulk-edits//undo", &json!({})).await.expect(404)["code"], "not_found");
}

#[tokio::test]
async fn limits_are_told_and_kept_for_each_caller() {
    let house = House::open_with(&[("KLAAR_RATE_LIMIT", "3")]).await;
    let practice = house.practice("Maes & Partners");
    let (one, other) = (house.may_everything(&practice), house.may_everything(&practice));
    for left in [2, 1, 0] {
        let answer = one.get("/v1/me").await;
        answer.expect(200);
        assert_eq!(answer.header("ratelimit"), format!("\"minute\";r={left};t=60"));
        assert_eq!(answer.header("ratelimit-policy"), "\"minute\";q=3;w=60");
    }
    let refused = one.get("/v1/me").await;
    assert_eq!(refused.expect(429)["code"], "too_many_requests");
    assert!(refused.header("retry-after").parse::<u64>().unwrap() > 0);
    other.get("/v1/me").await.expect(200);
}

#[tokio::test]
async fn browsers_may_call_from_the_allowed_origins_alone() {
    let house = House::open_with(&[("KLAAR_ALLOWED_ORIGINS", "https://app.example")]).await;
    let ask = async |origin: &str| {
        let client = house
            .nobody()
            .with("origin", origin)
            .with("access-control-request-method", "PATCH")
            .with("access-control-request-headers", "if-match,authorization");
        client.send(reqwest::Method::OPTIONS, "/v1/clients", None).await
    };
    let allowed = ask("https://app.example").await;
    assert_eq!(allowed.status, 200);
    assert_eq!(allowed.header("access-control-allow-origin"), "https://app.example");
    assert_eq!(allowed.header("access-control-allow-credentials"), "");
    assert_eq!(ask("https://evil.example").await.header("access-control-allow-origin"), "");
    let answer = house.nobody().with("origin", "https://app.example").get("/v1/clients").await;
    assert_eq!(answer.header("access-control-allow-origin"), "https://app.example");
    assert!(answer.header("access-control-expose-headers").to_lowercase().contains("etag"));
}

#[tokio::test]
async fn the_operator_sees_health_and_metrics() {
    let house = House::open().await;
    let nobody = house.nobody();
    nobody.get("/healthz").await.expect(200);
    nobody.get("/readyz").await.expect(200);
    nobody.get("/v1/clients").await.expect(401);
    let metrics = String::from_utf8(nobody.get("/metrics").await.body).unwrap();
    assert!(
        metrics.contains(r#"klaar_request_seconds_count{method="GET",route="/v1/clients",status="401"} 1"#),
        "{metrics}"
    );
    assert!(metrics.contains("klaar_database_connections"));
}

#[tokio::test]
async fn the_documentation_comes_from_this_server_alone() {
    let house = House::open().await;
    let page = house.nobody().get("/docs/").await;
    assert_eq!(page.status, 200);
    let page = String::from_utf8(page.body).unwrap();
    assert!(page.contains("swagger-ui"));
    assert!(!page.contains("//cdn") && !page.contains("https://"), "{page}");
    assert_eq!(house.nobody().get("/openapi.json").await.expect(200)["info"]["title"], "Klaar");
}

#[test]
fn ten_processes_may_migrate_at_once() {
    let (address, _database) = empty_database();
    let address = Address::parse(&address).unwrap();
    let ten: Vec<_> = (0..10)
        .map(|_| {
            let address = address.clone();
            std::thread::spawn(move || Db::open(&address, 1, Clock::system()).unwrap().migrate())
        })
        .collect();
    for one in ten {
        one.join().unwrap().unwrap();
    }
    assert!(Db::open(&address, 1, Clock::system()).unwrap().is_current().unwrap());
}

#[tokio::test]
async fn a_full_pool_answers_busy_and_recovers() {
    let house = House::open_with(&[("KLAAR_DATABASE_CONNECTIONS", "1")]).await;
    let api = house.may_everything(&house.practice("Maes & Partners"));
    let (held, db) = (std::sync::Arc::new(std::sync::Barrier::new(2)), house.db.clone());
    let (there, release) = (held.clone(), std::sync::mpsc::channel::<()>());
    let holder = std::thread::spawn(move || {
        db.read(|_| {
            there.wait();
            let _ = release.1.recv_timeout(Duration::from_secs(30));
            Ok(())
        })
    });
    held.wait();
    let busy = api.get("/v1/clients").await;
    assert_eq!(busy.expect(503)["code"], "busy");
    assert_eq!(busy.header("retry-after"), "1");
    release.0.send(()).unwrap();
    holder.join().unwrap().unwrap();
    api.get("/v1/clients").await.expect(200);
}

#[tokio::test]
async fn kept_replies_are_forgotten_after_two_days() {
    let house = House::open().await;
    let api = house.may_everything(&house.practice("Maes & Partners")).with("idempotency-key", "k");
    let first = api.post("/v1/clients", &json!({ "name": "A" })).await.expect(201);
    assert_eq!(api.post("/v1/clients", &json!({ "name": "A" })).await.expect(201), first);
    house.wait_seconds(49 * 3600);
    house.db.write(|tx| jobs::enqueue(tx, &PruneSettled {}, &jobs::EnqueueOptions::default())).unwrap();
    assert_eq!(house.run_jobs().await, 1);
    assert_ne!(api.post("/v1/clients", &json!({ "name": "A" })).await.expect(201), first);
}

#[tokio::test]
async fn dead_jobs_are_seen_and_retried() {
    let house = House::open().await;
    let practice = house.practice("Maes & Partners");
    let api = house.may_everything(&practice);
    let id = house.bury_a_job(&practice);
    let dead = api.get("/v1/dead-jobs").await.expect(200);
    assert_eq!(dead["items"][0]["id"], id.as_str());
    assert_eq!(dead["items"][0]["last_error"], "it broke");
    let stranger = house.may_everything(&house.practice("Another"));
    assert_eq!(stranger.get("/v1/dead-jobs").await.expect(200)["items"], json!([]));
    assert_eq!(stranger.post(&format!("/v1/dead-jobs/{id}/retry"), &json!({})).await.status, 404);
    assert_eq!(api.post(&format!("/v1/dead-jobs/{id}/retry"), &json!({})).await.status, 204);
    assert_eq!(house.run_jobs().await, 1);
    assert_eq!(api.get("/v1/dead-jobs").await.expect(200)["items"], json!([]));
}
