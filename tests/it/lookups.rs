//! Look-ups through the front door, against the offline network: checking, applying, what a card shows.

use klaar_domain::identity::{Practice, Right};
use klaar_domain::kernel::clock::Instant;
use klaar_sandbox::{DnsEffect, Effect, Fault, Registration, Sandbox, Script};
use serde_json::{Value, json};

use crate::client::{Client, clients_in_state, clients_where};
use crate::house::House;

/// A product whose network is the sandbox, and one practice in it.
pub struct Field {
    pub house: House,
    pub sandbox: Sandbox,
    pub practice: Practice,
    pub client: Client,
}

impl Field {
    pub async fn open() -> Self {
        let sandbox = Sandbox::start(klaar_sandbox::Settings::default()).await.unwrap();
        let (dns, zone) = (sandbox.dns_addr().to_string(), sandbox.zone());
        let mail = format!("smtp://127.0.0.1:{}", sandbox.smtp_addr().port());
        let house = House::open_with(&[
            ("KLAAR_DNS", &dns),
            ("KLAAR_PEPPOL_TEST_ZONE", &zone),
            ("KLAAR_SMP_ALLOW_INSECURE", "true"),
            ("KLAAR_LOOKUP_RATE", "100000"),
            ("KLAAR_DNS_TIMEOUT", "1"),
            ("KLAAR_SMTP_URL", &mail),
            ("KLAAR_MAIL_FROM", "klaar@host.example"),
        ])
        .await;
        let practice = house.practice("Maes");
        let client = house.may_everything(&practice);
        Self { house, sandbox, practice, client }
    }

    /// Runs every due job, the look-ups among them.
    pub async fn run_jobs(&self) -> usize {
        self.house.run_jobs().await
    }

    /// Creates a client with an enterprise number and returns its identifier.
    pub async fn create(&self, name: &str, number: &str) -> String {
        let made = self.client.post("/v1/clients", &json!({ "name": name, "enterprise_number": number })).await;
        made.expect(201)["id"].as_str().unwrap().to_owned()
    }

    pub async fn card(&self, id: &str) -> Value {
        self.client.get(&format!("/v1/clients/{id}")).await.expect(200)
    }

    /// Registers an identifier at the access point of this seat, or takes it off the network.
    pub fn script(&self, identifier: &str, registration: Registration) {
        self.sandbox.script(identifier, Script { registration, ..Script::default() }).unwrap();
    }

    /// Asks about clients and returns the check.
    pub async fn check(&self, selection: Value) -> String {
        let started = self.client.post("/v1/registration-checks", &selection).await.expect(202);
        self.run_jobs().await;
        let operation = started["operation"]["id"].as_str().unwrap();
        let ended = self.client.get(&format!("/v1/operations/{operation}")).await.expect(200);
        assert_eq!(ended["status"], "finished", "{ended}");
        started["registration_check_id"].as_str().unwrap().to_owned()
    }

    /// Applies a check and returns the operation's result.
    pub async fn apply(&self, check: &str) -> Value {
        let started =
            self.client.post(&format!("/v1/registration-checks/{check}/application"), &json!({})).await.expect(202);
        self.run_jobs().await;
        let operation = started["id"].as_str().unwrap();
        self.client.get(&format!("/v1/operations/{operation}")).await.expect(200)["result"].clone()
    }
}

/// A Belgian enterprise number with right check digits.
pub fn number(n: u32) -> String {
    let first = 4_000_000 + n;
    format!("{first:08}{:02}", 97 - first % 97)
}

pub fn id0208(n: u32) -> String {
    format!("0208:{}", number(n))
}

pub fn id9925(n: u32) -> String {
    format!("9925:be{}", number(n))
}

#[tokio::test]
async fn ap_07_a_card_shows_at_which_access_point_the_client_is_registered() {
    let field = Field::open().await;
    let id = field.create("Bakkerij Peeters", &number(1)).await;
    field.sandbox.script(&id0208(1), Script::registered_at("POP900002")).unwrap();
    field.script(&id9925(1), Registration::Nxdomain);
    assert_eq!(field.card(&id).await["registration"]["state"], Value::Null);
    let check = field.check(json!({ "client_ids": [id] })).await;
    assert_eq!(field.apply(&check).await["applied"], 1);
    let card = field.card(&id).await;
    assert_eq!(card["registration"]["state"], "registered");
    assert_eq!(card["registration"]["access_point"]["seat_id"], "POP900002");
    let name = card["registration"]["access_point"]["name"].as_str().unwrap();
    assert!(!name.is_empty());
    assert_eq!(card["fields"]["registered_on"], name);
    let seen = field.client.get(&format!("/v1/clients/{id}/registrations")).await.expect(200);
    assert_eq!(seen["identifiers"][0]["identifier"], id0208(1));
    assert_eq!(seen["identifiers"][0]["details"]["credit_note"], true);
    assert_eq!(seen["identifiers"][0]["verified"], false);
    assert!(seen["identifiers"][0]["document_types"].as_array().unwrap().len() >= 2);
    assert_eq!(seen["identifiers"][1]["state"], "not_registered");
    assert_eq!(seen["findings"], json!([]));
    let found = field
        .client
        .get(&clients_where(&json!({ "and": [
        { "field": "registration.state", "op": "eq", "value": "registered" },
        { "field": "registration.access_point.seat_id", "op": "eq", "value": "POP900002" },
    ] })))
        .await
        .expect(200);
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn ap_09_people_see_the_registration_but_do_not_type_it() {
    let field = Field::open().await;
    let id = field.create("Bakkerij Peeters", &number(1)).await;
    let tagged = field.client.with("if-match", "\"1\"");
    let path = format!("/v1/clients/{id}");
    for wrong in
        [json!({ "registration": { "state": "registered" } }), json!({ "fields": { "registered_on": "Nobody" } })]
    {
        assert_eq!(tagged.patch(&path, &wrong).await.status, 422, "{wrong}");
    }
    field.script(&id0208(1), Registration::Registered);
    field.script(&id9925(1), Registration::Nxdomain);
    let check = field.check(json!({ "all": true })).await;
    field.apply(&check).await;
    let read = field.client.get(&path).await;
    assert_eq!(read.header("etag"), "\"1\"", "the system's values do not change what people edit");
    assert_eq!(read.json()["registration"]["state"], "registered");
    tagged.patch(&path, &json!({ "phone": "09 123 45 67" })).await.expect(200);
}

#[tokio::test]
async fn po_21_one_list_shows_who_is_on_peppol_and_ready_to_receive() {
    let field = Field::open().await;
    for n in 0..4 {
        field.create(&format!("Client {n}"), &number(n)).await;
        field.script(&id9925(n), Registration::Nxdomain);
    }
    field.script(&id0208(0), Registration::Registered);
    field.sandbox.script(&id0208(1), Script::with_documents([])).unwrap();
    field.script(&id0208(2), Registration::Nodata);
    field.script(&id0208(3), Registration::Registered);
    field.sandbox.add_fault(Fault::of(&id0208(3), Effect::Dns(DnsEffect::Servfail))).unwrap();
    let check = field.check(json!({ "all": true })).await;
    field.apply(&check).await;
    for state in ["registered", "cannot_receive", "not_registered", "unknown"] {
        let found = field.client.get(&clients_in_state(state)).await.expect(200);
        assert_eq!(found["items"].as_array().unwrap().len(), 1, "{state}");
    }
    let unable = field.client.get(&clients_in_state("cannot_receive")).await.json();
    assert_eq!(unable["items"][0]["registration"]["cause"], "no_document_type");
    let unknown = field.client.get(&clients_in_state("unknown")).await.json();
    assert_eq!(unknown["items"][0]["registration"]["cause"], "dns");
    assert_ne!(unknown["items"][0]["registration"]["unknown_since"], Value::Null);
}

#[tokio::test]
async fn po_22_all_clients_are_checked_at_once_on_demand() {
    let field = Field::open().await;
    for n in 0..250 {
        field.create(&format!("Client {n}"), &number(n)).await;
    }
    let check = field.check(json!({ "all": true })).await;
    let read = field.client.get(&format!("/v1/registration-checks/{check}")).await.expect(200);
    assert_eq!((read["status"].as_str(), read["clients"].as_i64()), (Some("checked"), Some(250)));
    for n in [0, 249] {
        assert_eq!(field.sandbox.requests_of(&id0208(n)).dns, 1, "each identifier is asked once");
    }
    let mut cursor = String::new();
    let mut all = 0;
    loop {
        let page =
            field.client.get(&format!("/v1/registration-checks/{check}/findings?limit=100{cursor}")).await.expect(200);
        all += page["items"].as_array().unwrap().len();
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(all, 250);
}

#[tokio::test]
async fn po_23_a_registered_client_is_marked_by_the_system() {
    let field = Field::open().await;
    let id = field.create("Bakkerij Peeters", &number(1)).await;
    field.script(&id0208(1), Registration::Registered);
    field.script(&id9925(1), Registration::Nxdomain);
    let check = field.check(json!({ "client_ids": [id] })).await;
    field.apply(&check).await;
    let history = field.client.get(&format!("/v1/clients/{id}/history")).await.expect(200);
    let newest = &history["items"][0];
    assert_eq!(newest["kind"], "registrations.refreshed");
    assert_eq!(newest["changes"][0]["field"], "registration");
    assert_eq!(newest["changes"][0]["after"], "registered");
}

#[tokio::test]
async fn po_24_checking_and_applying_are_two_steps() {
    let field = Field::open().await;
    let id = field.create("Bakkerij Peeters", &number(1)).await;
    let other = field.create("Slagerij Claes", &number(2)).await;
    for n in [1, 2] {
        field.script(&id0208(n), Registration::Registered);
        field.script(&id9925(n), Registration::Nxdomain);
    }
    let started = field.client.post("/v1/registration-checks", &json!({ "client_ids": [id, other] })).await.expect(202);
    let check = started["registration_check_id"].as_str().unwrap().to_owned();
    let application = format!("/v1/registration-checks/{check}/application");
    let early = field.client.post(&application, &json!({})).await.expect(409);
    assert_eq!(early["code"], "check_not_finished");
    field.run_jobs().await;
    assert_eq!(field.card(&id).await["registration"]["state"], Value::Null, "findings leave the card alone");
    assert_eq!(
        field.client.get(&format!("/v1/clients/{id}/registrations/history")).await.expect(200)["items"],
        json!([])
    );
    let findings =
        field.client.get(&format!("/v1/registration-checks/{check}/findings?only=different")).await.expect(200);
    assert_eq!(findings["items"].as_array().unwrap().len(), 2);
    assert_eq!(findings["items"][0]["stands"]["state"], Value::Null);
    assert_eq!(findings["items"][0]["found"]["state"], "registered");
    assert_eq!(findings["items"][0]["answers"].as_array().unwrap().len(), 2);
    // One of the clients gets another number in between: what was found is not about it any more.
    let tagged = field.client.with("if-match", "\"1\"");
    tagged.patch(&format!("/v1/clients/{other}"), &json!({ "enterprise_number": number(3) })).await.expect(200);
    let result = field.apply(&check).await;
    assert_eq!((result["applied"].as_i64(), result["skipped"].as_i64()), (Some(1), Some(1)));
    assert_eq!(field.card(&id).await["registration"]["state"], "registered");
    assert_eq!(field.card(&other).await["registration"]["state"], Value::Null);
    let skipped = field.client.get(&format!("/v1/registration-checks/{check}/findings?only=skipped")).await.expect(200);
    assert_eq!(skipped["items"][0]["reason"], "card_changed");
    assert_eq!(field.client.post(&application, &json!({})).await.expect(409)["code"], "check_applied");
    let history = field.client.get(&format!("/v1/clients/{id}/registrations/history")).await.expect(200);
    assert_eq!(history["items"].as_array().unwrap().len(), 2);
    assert_eq!(history["items"][0]["source"], check);
}

#[tokio::test]
async fn a_finding_older_than_another_look_up_is_skipped() {
    let field = Field::open().await;
    let id = field.create("Bakkerij Peeters", &number(1)).await;
    field.script(&id0208(1), Registration::Registered);
    field.script(&id9925(1), Registration::Nxdomain);
    let old = field.check(json!({ "client_ids": [id] })).await;
    field.house.wait_seconds(60);
    field.script(&id0208(1), Registration::Nxdomain);
    let new = field.check(json!({ "client_ids": [id] })).await;
    assert_eq!(field.apply(&new).await["applied"], 1);
    assert_eq!(field.apply(&old).await["skipped"], 1);
    assert_eq!(field.card(&id).await["registration"]["state"], "not_registered");
}

#[tokio::test]
async fn a_failed_look_up_keeps_what_is_known() {
    let field = Field::open().await;
    let id = field.create("Bakkerij Peeters", &number(1)).await;
    field.sandbox.script(&id0208(1), Script::registered_at("POP900002")).unwrap();
    field.script(&id9925(1), Registration::Nxdomain);
    let check = field.check(json!({ "all": true })).await;
    field.apply(&check).await;
    let checked_at = field.card(&id).await["registration"]["checked_at"].clone();
    field.house.wait_seconds(3600);
    field.sandbox.set_faults(vec![Fault::world(Effect::Dns(DnsEffect::Servfail))]).unwrap();
    let check = field.check(json!({ "all": true })).await;
    field.apply(&check).await;
    let registration = field.card(&id).await["registration"].clone();
    assert_eq!(registration["state"], "registered");
    assert_eq!(registration["access_point"]["seat_id"], "POP900002");
    assert_eq!((&registration["checked_at"], registration["cause"].as_str()), (&checked_at, Some("dns")));
    assert_eq!(registration["unknown_since"], field.house.clock.now().to_string());
}

#[tokio::test]
async fn two_identifiers_at_different_access_points_are_a_finding() {
    let field = Field::open().await;
    let id = field.create("Bakkerij Peeters", &number(1)).await;
    field.sandbox.script(&id0208(1), Script::registered_at("POP900001")).unwrap();
    field.sandbox.script(&id9925(1), Script::registered_at("POP900002")).unwrap();
    let check = field.check(json!({ "all": true })).await;
    field.apply(&check).await;
    assert_eq!(field.card(&id).await["registration"]["access_point"]["seat_id"], "POP900001");
    let seen = field.client.get(&format!("/v1/clients/{id}/registrations")).await.expect(200);
    assert_eq!(seen["findings"][0]["code"], "several_access_points");
    assert_eq!(seen["findings"][0]["identifiers"], json!([id0208(1), id9925(1)]));
}

#[tokio::test]
async fn a_client_without_numbers_has_nothing_to_ask() {
    let field = Field::open().await;
    let made = field.client.post("/v1/clients", &json!({ "name": "An Janssens", "kind": "person" })).await.expect(201);
    let check = field.check(json!({ "all": true })).await;
    field.apply(&check).await;
    let card = field.card(made["id"].as_str().unwrap()).await;
    assert_eq!(card["registration"]["state"], "nothing_to_ask");
}

#[tokio::test]
async fn what_a_practice_sees_begins_with_its_own_first_look_up() {
    let field = Field::open().await;
    let id = field.create("Bakkerij Peeters", &number(1)).await;
    field.script(&id0208(1), Registration::Registered);
    field.script(&id9925(1), Registration::Nxdomain);
    let check = field.check(json!({ "all": true })).await;
    field.apply(&check).await;
    let second = field.house.practice("Claes");
    let stranger = field.house.may_everything(&second);
    let twin =
        stranger.post("/v1/clients", &json!({ "name": "Peeters", "enterprise_number": number(1) })).await.expect(201);
    let twin = twin["id"].as_str().unwrap();
    let seen = stranger.get(&format!("/v1/clients/{twin}/registrations")).await.expect(200);
    assert!(
        seen["identifiers"]
            .as_array()
            .unwrap()
            .iter()
            .all(|i| i["state"] == Value::Null && i["document_types"] == json!([]))
    );
    for path in [
        format!("/v1/registration-checks/{check}"),
        format!("/v1/registration-checks/{check}/findings"),
        format!("/v1/clients/{id}/registrations"),
    ] {
        assert_eq!(stranger.get(&path).await.status, 404, "{path}");
    }
    assert_eq!(stranger.post(&format!("/v1/registration-checks/{check}/application"), &json!({})).await.status, 404);
    let foreign = stranger.post("/v1/registration-checks", &json!({ "client_ids": [id] })).await;
    assert_eq!(foreign.wrong_fields(), [("/client_ids/0".to_owned(), "unknown_client".to_owned())]);
}

#[tokio::test]
async fn a_check_says_what_it_is_about() {
    let field = Field::open().await;
    for wrong in [json!({}), json!({ "all": false }), json!({ "all": true, "client_ids": [] })] {
        let refused = field.client.post("/v1/registration-checks", &wrong).await;
        assert_eq!((refused.status, refused.wrong_fields()[0].1.as_str()), (422, "ids_or_all"), "{wrong}");
    }
    let none = field.client.post("/v1/registration-checks", &json!({ "client_ids": [] })).await;
    assert_eq!(none.wrong_fields()[0].1, "out_of_range");
    let reader = field.house.may(&field.practice, &[Right::ClientsRead]);
    assert_eq!(reader.post("/v1/registration-checks", &json!({ "all": true })).await.status, 403);
    let empty = field.check(json!({ "all": true })).await;
    assert_eq!(field.apply(&empty).await["applied"], 0);
}

#[tokio::test]
async fn findings_are_kept_for_a_month() {
    let field = Field::open().await;
    field.create("Bakkerij Peeters", &number(1)).await;
    let check = field.check(json!({ "all": true })).await;
    let prune = |at: Instant| {
        let schedules = klaar_worker::schedules();
        let schedule = schedules.iter().find(|schedule| schedule.name() == "prune_findings").unwrap();
        assert!(schedule.tick(&field.house.db, at).unwrap());
    };
    for (days, status) in [(29, 200), (2, 404)] {
        field.house.wait_seconds(days * 86_400);
        prune(field.house.clock.now());
        field.run_jobs().await;
        assert_eq!(field.client.get(&format!("/v1/registration-checks/{check}")).await.status, status);
    }
}
