//! Nights against the offline network: each practice's local night, doubt, faults, held changes, the report.

use klaar_domain::identity::Role;
use klaar_domain::kernel::clock::Instant;
use klaar_sandbox::{DnsEffect, DocumentForm, Effect, Fault, Registration, Script, SmpEffect};
use mail_parser::MessageParser;
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::clients_in_state;
use crate::lookups::{Field, id0208, id9925, number};

impl Field {
    /// Has the scheduler begin what is due at the present moment, and runs what is due.
    pub async fn tick(&self) {
        let schedules = klaar_worker::schedules();
        let schedule = schedules.iter().find(|schedule| schedule.name() == "begin_nights").unwrap();
        schedule.tick(&self.house.db, self.house.clock.now()).unwrap();
        self.run_jobs().await;
    }

    /// The report of the newest night.
    pub async fn newest(&self) -> Value {
        self.client.get("/v1/nights?limit=1").await.expect(200)["items"][0].clone()
    }

    /// Goes to the next 02:00 in Brussels and lets the night come to its end, however often it waits. Returns its report.
    pub async fn night(&self) -> Value {
        let (now, day) = (self.house.clock.now().0, 86_400_000_000);
        self.house.clock.set(Instant((now / day + 1) * day + 3_600_000_000));
        self.tick().await;
        loop {
            let report = self.newest().await;
            if report["phase"] == "finished" {
                return report;
            }
            let goes_on_at = report["goes_on_at"].as_str().expect("a night that is not over goes on");
            self.house.clock.set(Instant::parse(goes_on_at).unwrap());
            self.run_jobs().await;
        }
    }

    /// Creates clients, the first `registered` of them registered under 0208 only.
    pub async fn clients(&self, count: u32, registered: u32) -> Vec<String> {
        let mut ids = Vec::new();
        for n in 0..count {
            ids.push(self.create(&format!("Client {n:03}"), &number(n)).await);
            let registration = if n < registered { Registration::Registered } else { Registration::Nxdomain };
            self.script(&id0208(n), registration);
            self.script(&id9925(n), Registration::Nxdomain);
        }
        ids
    }

    async fn count(&self, state: &str) -> i64 {
        let found = self.client.get(&clients_in_state(state)).await.expect(200);
        found["total"].as_i64().unwrap()
    }
}

#[tokio::test]
async fn ap_08_the_registration_refreshes_itself_every_night() {
    let field = Field::open().await;
    let ids = field.clients(12, 8).await;
    field.tick().await;
    assert_eq!(
        field.client.get("/v1/nights").await.expect(200)["items"],
        json!([]),
        "a practice waits for its first night"
    );
    let report = field.night().await;
    assert_eq!(
        (report["asked"].as_i64(), report["changed"].as_i64(), report["not_asked"].as_i64()),
        (Some(24), Some(12), Some(0))
    );
    assert_eq!(report["local_date"], "2026-11-23");
    assert_eq!((field.count("registered").await, field.count("not_registered").await), (8, 4));
    field.script(&id0208(9), Registration::Registered);
    field.sandbox.reset_counters();
    let report = field.night().await;
    assert_eq!(report["changed"], 1);
    assert_eq!(field.sandbox.requests_of(&id0208(3)).dns, 1, "each identifier is asked once a night");
    let night = report["id"].as_str().unwrap();
    let changes = field.client.get(&format!("/v1/nights/{night}/changes")).await.expect(200);
    assert_eq!(changes["items"][0]["client_id"], ids[9]);
    assert_eq!(changes["items"][0]["before"]["state"], "not_registered");
    assert_eq!(changes["items"][0]["after"]["state"], "registered");
    assert_eq!(field.client.get(&format!("/v1/nights/{night}")).await.expect(200), report);
    let trail = field.client.get("/v1/audit-entries").await.expect(200);
    let kinds: Vec<&str> =
        trail["items"].as_array().unwrap().iter().map(|entry| entry["kind"].as_str().unwrap()).collect();
    assert!(kinds.contains(&"night.finished") && kinds.contains(&"registrations.refreshed"));
    let stranger = field.house.may_everything(&field.house.practice("Claes"));
    assert_eq!(stranger.get(&format!("/v1/nights/{night}")).await.status, 404);
    assert_eq!(stranger.get(&format!("/v1/nights/{night}/changes")).await.status, 404);
    assert_eq!(stranger.get("/v1/nights").await.expect(200)["items"], json!([]));
}

#[tokio::test]
async fn a_night_with_something_to_tell_is_mailed_to_whoever_wants_it() {
    let field = Field::open().await;
    let (an, bert) = ("an@maes.example", "bert@maes.example");
    let mut people = Vec::new();
    for (name, role) in [("An", Role::Manager), ("Bert", Role::Staff), ("Eva", Role::Owner)] {
        people.push(field.house.signed_in(&field.house.person(&field.practice, name, role)).await);
    }
    let eva = &people[2];
    assert_eq!(
        eva.get("/v1/me/mails").await.expect(200),
        json!({ "mails": ["night_report", "access_point_moves", "weekly_readiness"] }),
        "as an owner"
    );
    eva.send(Method::PUT, "/v1/me/mails", Some(&json!({ "mails": [] }))).await.expect(200);
    field.clients(30, 25).await;
    field.night().await;
    let mails = field.sandbox.mails();
    assert_eq!(mails.iter().map(|mail| &mail.recipients[0][..]).collect::<Vec<_>>(), [an]);
    let message = MessageParser::default().parse(&mails[0].content[..]).unwrap();
    assert_eq!(message.subject(), Some("De nacht van 23 november 2026: 30 veranderd"));
    let text = message.body_text(0).unwrap();
    assert!(text.contains("- Client 000: – → geregistreerd, "), "{text}");
    assert!(text.contains("En nog 10 andere."), "{text}");

    field.night().await;
    assert_eq!(field.sandbox.mails().len(), 1, "nothing to tell");
    let wish = json!({ "mails": ["night_report", "night_report"] });
    let chosen = people[1].send(Method::PUT, "/v1/me/mails", Some(&wish)).await.expect(200);
    assert_eq!(chosen, json!({ "mails": ["night_report"] }));
    field.script(&id0208(29), Registration::Registered);
    field.night().await;
    let mut reached: Vec<String> = field.sandbox.mails()[1..].iter().map(|mail| mail.recipients[0].clone()).collect();
    reached.sort();
    assert_eq!(reached, [an, bert]);

    let wrong = people[1].send(Method::PUT, "/v1/me/mails", Some(&json!({ "mails": ["daily_joke"] }))).await;
    assert_eq!(wrong.wrong_fields(), [("/mails/0".to_owned(), "unknown_value".to_owned())]);
    assert_eq!(field.client.get("/v1/me/mails").await.expect(409)["code"], "no_session", "a key gets no mails");
}

#[tokio::test]
async fn the_same_date_has_one_night_and_a_missed_one_is_made_up_for() {
    let field = Field::open().await;
    field.clients(2, 1).await;
    field.night().await;
    for hours in [1, 5, 12] {
        field.house.wait_seconds(hours * 3600);
        field.tick().await;
    }
    assert_eq!(field.client.get("/v1/nights").await.expect(200)["items"].as_array().unwrap().len(), 1);
    // Nothing ran for two days; the product starts at noon.
    field.house.clock.set(Instant::parse("2026-11-25T12:00:00Z").unwrap());
    field.tick().await;
    assert_eq!(field.newest().await["local_date"], "2026-11-25");
}

#[tokio::test]
async fn a_vanishing_is_asked_again_after_an_hour_before_it_is_written() {
    let field = Field::open().await;
    let ids = field.clients(30, 30).await;
    field.night().await;
    field.script(&id0208(7), Registration::Nxdomain);
    let before = field.house.clock.now();
    field.house.clock.set(Instant(before.0 / 86_400_000_000 * 86_400_000_000 + 86_400_000_000 + 3_600_000_000));
    field.sandbox.reset_counters();
    field.tick().await;
    let waiting = field.newest().await;
    assert_eq!(waiting["phase"], "doubting");
    assert_eq!(field.card(&ids[7]).await["registration"]["state"], "registered");
    let goes_on_at = Instant::parse(waiting["goes_on_at"].as_str().unwrap()).unwrap();
    assert!(goes_on_at.seconds_since(field.house.clock.now()) >= 3600);
    field.house.clock.set(goes_on_at);
    field.run_jobs().await;
    assert_eq!(field.newest().await["vanished"], 1);
    assert_eq!(field.card(&ids[7]).await["registration"]["state"], "not_registered");
    assert_eq!(field.sandbox.requests_of(&id0208(7)).dns, 2);
    assert_eq!(field.sandbox.requests_of(&id0208(8)).dns, 1);
}

#[tokio::test]
async fn many_vanishings_are_held_for_a_person() {
    let field = Field::open().await;
    let ids = field.clients(20, 12).await;
    field.night().await;
    (0..4).for_each(|n| field.script(&id0208(n), Registration::Nxdomain));
    let report = field.night().await;
    assert_eq!(
        (report["vanished"].as_i64(), report["held"].as_i64(), report["changed"].as_i64()),
        (Some(4), Some(4), Some(0))
    );
    assert_eq!(report["hold_reason"], "large_share_of_practice");
    assert_eq!(field.count("registered").await, 12);
    let held = field.client.get("/v1/held-changes").await.expect(200);
    let held: Vec<&Value> = held["items"].as_array().unwrap().iter().collect();
    assert_eq!((held.len(), held[0]["client_id"].as_str()), (4, Some(ids[0].as_str())));
    assert_eq!(
        (&held[0]["stands"]["state"], &held[0]["found"]["state"]),
        (&json!("registered"), &json!("not_registered"))
    );
    let staff = field.house.may(&field.practice, &[klaar_domain::identity::Right::ClientsWrite]);
    let decision = json!({ "decision": "accept", "held_change_ids": [held[0]["id"], held[1]["id"]] });
    assert_eq!(staff.post("/v1/held-changes/decisions", &decision).await.status, 403);
    let decided = field.client.post("/v1/held-changes/decisions", &decision).await.expect(200);
    assert_eq!(decided, json!({ "decided": 2, "overtaken": 0 }));
    assert_eq!(field.card(&ids[0]).await["registration"]["state"], "not_registered");
    let decision = json!({ "decision": "dismiss", "held_change_ids": [held[2]["id"]] });
    assert_eq!(field.client.post("/v1/held-changes/decisions", &decision).await.expect(200)["decided"], 1);
    assert_eq!(field.count("registered").await, 10);
    let stranger = field.house.may_everything(&field.house.practice("Claes"));
    let foreign = stranger
        .post("/v1/held-changes/decisions", &json!({ "decision": "accept", "held_change_ids": [held[3]["id"]] }))
        .await;
    assert_eq!(foreign.wrong_fields(), [("/held_change_ids/0".to_owned(), "unknown_held_change".to_owned())]);
}

#[tokio::test]
async fn whole_nights_of_faults_change_nothing_and_the_next_good_night_heals() {
    let field = Field::open().await;
    field.clients(30, 20).await;
    field.night().await;
    let shown = |list: Value| -> Vec<(Value, Value)> {
        let items = list["items"].as_array().unwrap().clone();
        items
            .into_iter()
            .map(|c| (c["registration"]["state"].clone(), c["registration"]["access_point"].clone()))
            .collect()
    };
    let before = shown(field.client.get("/v1/clients?limit=100").await.expect(200));
    let faults = [
        Effect::Dns(DnsEffect::Nxdomain),
        Effect::Dns(DnsEffect::Servfail),
        Effect::Dns(DnsEffect::Refused),
        Effect::Smp(SmpEffect::server_error()),
        Effect::SmpGroup(SmpEffect::not_found()),
        Effect::Smp(SmpEffect::too_many_requests(30)),
    ];
    for fault in faults {
        field.sandbox.set_faults(vec![Fault::world(fault.clone())]).unwrap();
        let report = field.night().await;
        assert_eq!(report["changed"], 0, "{fault:?}: {report}");
        assert_eq!(shown(field.client.get("/v1/clients?limit=100").await.expect(200)), before, "{fault:?}");
        field.sandbox.clear_faults();
        let report = field.night().await;
        assert_eq!(
            (report["changed"].as_i64(), report["unknown"].clone()),
            (Some(0), json!({})),
            "{fault:?}: {report}"
        );
        assert_eq!(shown(field.client.get("/v1/clients?limit=100").await.expect(200)), before, "{fault:?}");
    }
    let broken =
        |n| field.sandbox.script(&id0208(n), Script { group: DocumentForm::Broken, ..Script::default() }).unwrap();
    (0..20).for_each(broken);
    let report = field.night().await;
    assert_eq!((report["changed"].as_i64(), report["unknown"]["malformed"].as_i64()), (Some(0), Some(20)), "{report}");
    assert_eq!(shown(field.client.get("/v1/clients?limit=100").await.expect(200)), before, "broken XML");
}

#[tokio::test]
async fn practices_share_the_questions_and_see_only_their_own() {
    let field = Field::open().await;
    field.clients(10, 10).await;
    let second = field.house.practice("Claes");
    let other = field.house.may_everything(&second);
    for n in 5..15 {
        other
            .post("/v1/clients", &json!({ "name": format!("Client {n}"), "enterprise_number": number(n) }))
            .await
            .expect(201);
    }
    field.sandbox.reset_counters();
    field.night().await;
    for n in [0, 7, 14] {
        assert_eq!(field.sandbox.requests_of(&id0208(n)).dns, 1);
    }
    assert_eq!(field.newest().await["asked"], 20);
    assert_eq!(other.get("/v1/nights").await.expect(200)["items"][0]["asked"], 20);
}
