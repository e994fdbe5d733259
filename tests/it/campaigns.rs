//! Campaigns through the front door, against the sandbox's mail server: the audience frozen, the mails counted where they
//! arrive, the ledger true.

use klaar_domain::identity::Practice;
use klaar_sandbox::{Effect, Fault, Sandbox, Settings, SmtpEffect, SmtpStep};
use mail_parser::MessageParser;
use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::house::House;

/// A house that mails through the sandbox, with a client of the API that may do everything.
pub struct Post {
    pub sandbox: Sandbox,
    pub house: House,
    pub practice: Practice,
    pub api: Client,
}

pub async fn post_with(extra: &[(&str, &str)]) -> Post {
    post_at(Settings { kept_mails: 1_500, ..Settings::default() }, extra).await
}

pub async fn post_at(sandbox: Settings, extra: &[(&str, &str)]) -> Post {
    let sandbox = Sandbox::start(sandbox).await.unwrap();
    let url = format!("smtp://127.0.0.1:{}", sandbox.smtp_addr().port());
    let dns = sandbox.dns_addr().to_string();
    let mut settings = vec![
        ("KLAAR_DNS", dns.as_str()),
        ("KLAAR_SMTP_URL", url.as_str()),
        ("KLAAR_MAIL_FROM", "klaar@host.example"),
        ("KLAAR_PUBLIC_URL", "https://klaar.example"),
        ("KLAAR_SMTP_TIMEOUT", "1"),
    ];
    settings.extend(extra);
    let house = House::open_with(&settings).await;
    let practice = house.practice("Maes & Partners");
    let api = house.may_everything(&practice);
    Post { sandbox, house, practice, api }
}

pub async fn post() -> Post {
    post_with(&[]).await
}

pub fn id(value: &Value) -> &str {
    value["id"].as_str().unwrap()
}

impl Post {
    pub async fn client(&self, name: &str, email: Option<&str>) -> Value {
        self.card(json!({ "name": name, "email": email })).await
    }

    pub async fn card(&self, card: Value) -> Value {
        self.api.post("/v1/clients", &card).await.expect(201)
    }

    /// So many clients, each with an address of its own.
    pub async fn clients(&self, count: usize) {
        for number in 0..count {
            self.client(&format!("Client {number:03}"), Some(&format!("c{number:03}@clients.example"))).await;
        }
    }

    pub async fn information(&self) -> Value {
        self.api.get("/v1/templates").await.expect(200)["items"][0]["id"].clone()
    }

    pub async fn template(&self, body: &str) -> Value {
        let texts = json!({ "nl": { "subject": "Voor {{client.name}}", "body": body } });
        self.api.post("/v1/templates", &json!({ "name": "Own", "languages": texts })).await.expect(201)["id"].clone()
    }

    pub async fn draft(&self, template: &Value, extra: Value) -> Value {
        let mut wish = json!({ "template_id": template, "selection": { "all": true } });
        wish.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        self.api.post("/v1/campaigns", &wish).await.expect(201)
    }

    pub async fn dispatch(&self, campaign: &Value) -> Answer {
        let path = format!("/v1/campaigns/{}/dispatch", id(campaign));
        self.api.with("if-match", &format!("\"{}\"", campaign["revision"])).post(&path, &json!({})).await
    }

    pub async fn verb(&self, campaign: &Value, verb: &str, body: Value) -> Answer {
        self.api.post(&format!("/v1/campaigns/{}/{verb}", id(campaign)), &body).await
    }

    /// The campaign as it is now; the sum of its ledger is its audience.
    pub async fn now(&self, campaign: &Value) -> Value {
        let now = self.api.get(&format!("/v1/campaigns/{}", id(campaign))).await.expect(200);
        let sum: i64 = now["recipients"].as_object().unwrap().values().filter_map(Value::as_i64).sum();
        assert_eq!(now["audience"].as_i64(), Some(sum), "{now}");
        now
    }

    pub async fn recipients(&self, campaign: &Value, query: &str) -> Vec<Value> {
        let path = format!("/v1/campaigns/{}/recipients?limit=200&{query}", id(campaign));
        self.api.get(&path).await.expect(200)["items"].as_array().unwrap().clone()
    }

    /// Has the server do that at a step, for one address or for all.
    pub fn fault(&self, to: Option<&str>, at: SmtpStep, does: SmtpEffect) {
        let only = to.map(str::to_owned).into_iter().collect();
        self.sandbox.add_fault(Fault { only, ..Fault::world(Effect::Smtp { at, does }) }).unwrap();
    }

    /// How often each address got a mail.
    pub fn arrived(&self) -> std::collections::BTreeMap<String, usize> {
        let mut arrived = std::collections::BTreeMap::new();
        for mail in self.sandbox.mails() {
            for to in mail.recipients {
                *arrived.entry(to).or_default() += 1;
            }
        }
        arrived
    }
}

/// AP-20, AP-21, AP-23, AP-24: from the filtered list of all clients, send mails; a template is chosen, and the mail goes to all
/// that are selected.
#[tokio::test]
async fn ap_20_ap_21_ap_23_ap_24_a_mail_goes_to_all_clients_of_a_filtered_list() {
    let post = post().await;
    post.card(json!({ "name": "Bakkerij Peeters", "email": "info@peeters.example", "language": "fr",
        "enterprise_number": "0403.227.515", "vat_liable": true }))
        .await;
    post.card(json!({ "name": "Garage Claes", "email": "claes@garage.example", "enterprise_number": "0417.497.106",
        "vat_liable": true }))
        .await;
    post.card(json!({ "name": "Zonder nummer", "email": "zonder@clients.example", "vat_liable": true })).await;
    post.card(json!({ "name": "Niet plichtig", "email": "niet@clients.example", "enterprise_number": "0428.759.497",
        "vat_liable": false }))
        .await;
    post.card(json!({ "name": "Zonder adres", "enterprise_number": "0202.239.951", "vat_liable": true })).await;
    let filter = json!({ "and": [
        { "field": "enterprise_number", "op": "filled" }, { "field": "vat_liable", "op": "eq", "value": true } ] });
    let draft = post.draft(&post.information().await, json!({ "selection": { "filter": filter } })).await;
    assert_eq!(
        (&draft["status"], &draft["audience"], &draft["name"]),
        (&json!("draft"), &json!(0), &json!("Informatie over Peppol"))
    );
    assert_eq!(draft["selection"]["filter"], filter);

    let preflight = post.api.get(&format!("/v1/campaigns/{}/preflight", id(&draft))).await.expect(200);
    assert_eq!(
        (&preflight["may_begin"], &preflight["audience"], &preflight["mails"], &preflight["by_language"]),
        (&json!(true), &json!(3), &json!(2), &json!({ "nl": 1, "fr": 1 }))
    );
    assert_eq!(preflight["unreachable"]["named"][0]["name"], "Zonder adres");

    let operation = post.dispatch(&draft).await.expect(202);
    assert_eq!((&operation["kind"], &operation["total"]), (&json!("campaign"), &json!(3)));
    assert_eq!(post.sandbox.mails().len(), 0, "a mail is a job");
    let frozen = post.now(&draft).await;
    assert_eq!(
        (&frozen["status"], &frozen["recipients"]["waiting"], &frozen["recipients"]["unreachable"]),
        (&json!("running"), &json!(2), &json!(1))
    );
    post.house.run_jobs().await;
    assert_eq!(post.arrived(), [("claes@garage.example".to_owned(), 1), ("info@peeters.example".to_owned(), 1)].into());
    let done = post.now(&draft).await;
    assert_eq!((&done["status"], &done["recipients"]["sent"]), (&json!("finished"), &json!(2)));
    let operation = post.api.get(&format!("/v1/operations/{}", id(&operation))).await.expect(200);
    assert_eq!(
        (&operation["status"], &operation["done"], &operation["result"]["sent"]),
        (&json!("finished"), &json!(3), &json!(2))
    );
    let mails = post.sandbox.mails();
    let french = mails.iter().find(|mail| mail.recipients == ["info@peeters.example"]).unwrap();
    let message = MessageParser::default().parse(&french.content[..]).unwrap();
    assert!(message.subject().unwrap().contains("Bakkerij Peeters"));
    assert!(message.body_text(0).unwrap().contains("Ce que vous pouvez faire maintenant"));
    assert!(message.message_id().unwrap().starts_with(&format!("{}.", id(&draft))));
    assert!(message.header("List-Unsubscribe").is_none(), "news about the service");
    let ledger = post.recipients(&draft, "").await;
    assert_eq!(ledger.len(), 3, "every client has a row");
    let sent = post.recipients(&draft, "status=sent").await;
    assert!(sent[0]["words"].as_str().unwrap().starts_with("250 ") && sent[0]["attempts"] == 1, "{sent:?}");
    assert_eq!(post.dispatch(&draft).await.expect(412)["code"], "stale");
    assert_eq!(post.dispatch(&done).await.expect(409)["code"], "campaign_begun");
}

/// AP-17, AP-37: from the card the information mail is sent, and sent again; single and bulk mail use the same template, and both
/// leave their trace on the client.
#[tokio::test]
async fn ap_17_ap_37_one_client_is_mailed_from_its_card_and_both_ways_leave_a_trace() {
    let post = post().await;
    let client = post.client("Bakkerij Peeters", Some("info@peeters.example")).await;
    let path = format!("/v1/clients/{}/mails", id(&client));
    let operation = post.api.post(&path, &json!({})).await.expect(202);
    post.house.run_jobs().await;
    assert_eq!(post.arrived(), [("info@peeters.example".to_owned(), 1)].into());
    let again = post.api.post(&path, &json!({})).await.expect(409);
    assert_eq!(again["code"], "mailed_lately");
    post.api.post(&path, &json!({ "again": true })).await.expect(202);
    post.house.run_jobs().await;
    let draft = post.draft(&post.information().await, json!({ "name": "Ronde 1" })).await;
    let preflight = post.api.get(&format!("/v1/campaigns/{}/preflight", id(&draft))).await.expect(200);
    assert_eq!(preflight["mailed_lately"]["clients"], 1);
    post.dispatch(&draft).await.expect(202);
    post.house.run_jobs().await;
    let mails = post.sandbox.mails();
    let subjects: Vec<String> = mails
        .iter()
        .map(|mail| MessageParser::default().parse(&mail.content[..]).unwrap().subject().unwrap().to_owned())
        .collect();
    assert_eq!((subjects.len(), &subjects[0]), (3, &subjects[2]), "the same template");
    let history = post.api.get(&path).await.expect(200);
    let told: Vec<(&Value, &Value)> =
        history["items"].as_array().unwrap().iter().map(|mail| (&mail["single"], &mail["status"])).collect();
    let (yes, no, sent) = (json!(true), json!(false), json!("sent"));
    assert_eq!(told, [(&no, &sent), (&yes, &sent), (&yes, &sent)]);
    let done = post.api.get(&format!("/v1/operations/{}", id(&operation))).await.expect(200);
    assert_eq!(done["status"], "finished");
    let card = post.api.get(&format!("/v1/clients/{}", id(&client))).await.expect(200);
    assert_eq!(card["informed_at"], json!("2026-11-22T09:00:00.000000Z"), "when it was last informed");
    let trail = post.api.get(&format!("/v1/clients/{}/history", id(&client))).await.expect(200);
    let informed = trail["items"].as_array().unwrap().iter().filter(|entry| entry["kind"] == "clients.informed");
    assert_eq!(informed.count(), 3, "each mail stands in its history");
    let listed = post.api.get("/v1/campaigns").await.expect(200);
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "single mails stand with their client");
    let without = post.client("Zonder adres", None).await;
    let path = format!("/v1/clients/{}/mails", id(&without));
    assert_eq!(post.api.post(&path, &json!({})).await.expect(409)["code"], "preflight_blocks");
}

#[tokio::test]
async fn clients_that_were_never_informed_or_long_ago_are_found_by_filter_and_control_view() {
    let post = post().await;
    post.client("Bakkerij Peeters", Some("info@peeters.example")).await;
    let draft = post.draft(&post.information().await, json!({})).await;
    post.dispatch(&draft).await.expect(202);
    post.house.run_jobs().await;
    post.client("Garage Claes", Some("claes@garage.example")).await;
    post.house.wait_seconds(30 * 86_400);
    let names = async |filter: Value| -> Vec<String> {
        let found = post.api.get(&crate::client::clients_where(&filter)).await.expect(200);
        found["items"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(json!({ "field": "informed_at", "op": "empty" })).await, ["Garage Claes"]);
    let before = |day: &str| json!({ "field": "informed_at", "op": "lt", "value": day });
    assert_eq!(names(before("2026-12-01")).await, ["Bakkerij Peeters"]);
    assert_eq!(names(before("2026-11-01")).await, [""; 0]);
    let views = post.api.get("/v1/views").await.expect(200);
    let view = views["items"].as_array().unwrap().iter().find(|view| view["name"] == "Never informed").unwrap();
    let never = post.draft(&post.information().await, json!({ "selection": { "view_id": view["id"] } })).await;
    let preflight = post.api.get(&format!("/v1/campaigns/{}/preflight", id(&never))).await.expect(200);
    assert_eq!((&preflight["audience"], &preflight["mailed_lately"]["clients"]), (&json!(1), &json!(0)));
}

#[tokio::test]
async fn a_missing_value_stops_the_start_and_names_the_clients() {
    let post = post().await;
    post.card(json!({ "name": "Met", "email": "met@clients.example", "vat_number": "BE0403227515" })).await;
    post.card(json!({ "name": "Zonder", "email": "zonder@clients.example" })).await;
    let template = post.template("<p>{{client.vat_number}}</p>").await;
    let draft = post.draft(&template, json!({})).await;
    let preflight = post.api.get(&format!("/v1/campaigns/{}/preflight", id(&draft))).await.expect(200);
    assert_eq!(
        (&preflight["may_begin"], &preflight["missing"][0]["variable"]),
        (&json!(false), &json!("client.vat_number"))
    );
    assert_eq!(
        (&preflight["missing"][0]["clients"], &preflight["missing"][0]["named"][0]["name"]),
        (&json!(1), &json!("Zonder"))
    );
    assert_eq!(preflight["findings"][0]["code"], "values_missing");
    let refused = post.dispatch(&draft).await.expect(409);
    assert_eq!(refused["code"], "preflight_blocks");
    assert_eq!(post.now(&draft).await["status"], "draft");
    let out = json!({ "selection": { "all": true, "except": [preflight["missing"][0]["named"][0]["client_id"]] } });
    let path = format!("/v1/campaigns/{}", id(&draft));
    let changed = post.api.with("if-match", "\"1\"").patch(&path, &out).await.expect(200);
    post.dispatch(&changed).await.expect(202);
    post.house.run_jobs().await;
    assert_eq!(post.arrived().len(), 1);
}

#[tokio::test]
async fn whom_a_field_names_stands_in_the_mail_by_name() {
    let post = post().await;
    let member = json!({ "email": "an@maes.example", "name": "An Maes", "role": "staff" });
    post.api.post("/v1/members", &member).await.expect(201);
    let category = post.api.post("/v1/field-categories", &json!({ "name": "Dossier" })).await.expect(201)["id"].clone();
    let field = json!({ "category_id": category, "name": "Beheerder", "slug": "manager", "kind": "member" });
    post.api.post("/v1/fields", &field).await.expect(201);
    let fields = json!({ "manager": "an maes" });
    post.card(json!({ "name": "Met", "email": "met@clients.example", "fields": fields })).await;
    let template = post.template("<p>Uw contact is {{fields.manager}}.</p>").await;
    let draft = post.draft(&template, json!({})).await;
    post.dispatch(&draft).await.expect(202);
    post.house.run_jobs().await;
    let mails = post.sandbox.mails();
    let mail = mails.iter().find(|mail| mail.recipients == ["met@clients.example"]).unwrap();
    let message = MessageParser::default().parse(&mail.content[..]).unwrap();
    assert!(message.body_text(0).unwrap().contains("Uw contact is An Maes."), "{:?}", message.body_text(0));
}

#[tokio::test]
async fn three_clients_of_one_mailbox_get_three_mails_or_one_that_names_them() {
    let post = post().await;
    for name in ["Bakkerij Peeters", "Garage Claes", "Janssens BV"] {
        post.client(name, Some(if name == "Garage Claes" { "Samen@clients.example" } else { "samen@clients.example" }))
            .await;
    }
    let template = post.template("<p>Over {{client.name}}</p>").await;
    let each = post.draft(&template, json!({ "mode": "client" })).await;
    let preflight = post.api.get(&format!("/v1/campaigns/{}/preflight", id(&each))).await.expect(200);
    assert_eq!(
        (&preflight["mails"], &preflight["shared_mailboxes"]),
        (&json!(3), &json!({ "addresses": 1, "clients": 3 }))
    );
    post.dispatch(&each).await.expect(202);
    post.house.run_jobs().await;
    assert_eq!(post.sandbox.mails().len(), 3);
    let one = post.draft(&template, json!({ "mode": "mailbox" })).await;
    let preflight = post.api.get(&format!("/v1/campaigns/{}/preflight", id(&one))).await.expect(200);
    assert_eq!(preflight["mails"], 1);
    post.dispatch(&one).await.expect(202);
    post.house.run_jobs().await;
    let mails = post.sandbox.mails();
    assert_eq!(mails.len(), 4);
    let message = MessageParser::default().parse(&mails[3].content[..]).unwrap();
    assert!(message.body_text(0).unwrap().contains("Over Bakkerij Peeters, Garage Claes, Janssens BV"));
    assert_eq!(post.now(&one).await["recipients"]["sent"], 3, "each client has its row");
}

#[tokio::test]
async fn refusals_for_now_are_tried_again_row_by_row_and_those_for_good_are_final() {
    let post = post().await;
    post.clients(6).await;
    post.fault(Some("c001@clients.example"), SmtpStep::Rcpt, SmtpEffect::Reply(451));
    post.fault(Some("c002@clients.example"), SmtpStep::Rcpt, SmtpEffect::Reply(550));
    let draft = post.draft(&post.information().await, json!({ "pause_share": 100 })).await;
    post.dispatch(&draft).await.expect(202);
    post.house.run_jobs().await;
    let now = post.now(&draft).await;
    assert_eq!(
        (&now["status"], &now["recipients"]["sent"], &now["recipients"]["failed"]),
        (&json!("running"), &json!(4), &json!(1))
    );
    let failed = post.recipients(&draft, "status=failed").await;
    assert!(failed[0]["words"].as_str().unwrap().starts_with("550 ") && failed[0]["address"] == "c002@clients.example");
    let waiting = post.recipients(&draft, "status=waiting").await;
    assert!(waiting[0]["words"].as_str().unwrap().starts_with("451 ") && waiting[0]["attempts"] == 1, "{waiting:?}");
    assert_eq!(post.house.run_jobs().await, 0, "not before its pause is over");
    post.house.wait_seconds(61);
    post.house.run_jobs().await;
    assert_eq!(post.recipients(&draft, "status=waiting").await[0]["attempts"], 2);
    post.sandbox.clear_faults();
    post.house.wait_seconds(301);
    post.house.run_jobs().await;
    let done = post.now(&draft).await;
    assert_eq!((&done["status"], &done["recipients"]["sent"]), (&json!("finished"), &json!(5)));
    assert!(post.arrived().values().all(|times| *times == 1), "nobody twice: {:?}", post.arrived());
    let again = post.verb(&draft, "retry", json!({})).await.expect(200);
    assert_eq!((&again["status"], &again["recipients"]["waiting"]), (&json!("running"), &json!(1)));
    post.house.run_jobs().await;
    assert_eq!(post.now(&draft).await["recipients"]["sent"], 6);
    assert_eq!(post.verb(&draft, "retry", json!({})).await.expect(409)["code"], "nothing_failed");
}

#[tokio::test]
async fn a_mail_without_a_last_word_is_in_doubt_until_a_person_settles_it() {
    let post = post().await;
    post.clients(3).await;
    post.fault(Some("c001@clients.example"), SmtpStep::Message, SmtpEffect::Drop);
    let draft = post.draft(&post.information().await, json!({})).await;
    post.dispatch(&draft).await.expect(202);
    post.house.run_jobs().await;
    let done = post.now(&draft).await;
    assert_eq!(
        (&done["status"], &done["recipients"]["in_doubt"], &done["recipients"]["sent"]),
        (&json!("finished"), &json!(1), &json!(2))
    );
    post.house.wait_seconds(3_600);
    post.house.run_jobs().await;
    assert_eq!(post.now(&draft).await["recipients"]["in_doubt"], 1, "it waits for a person");
    post.sandbox.clear_faults();
    let message_id = |mail: &klaar_sandbox::Mail| {
        MessageParser::default().parse(&mail.content[..]).unwrap().message_id().unwrap().to_owned()
    };
    let doubtful = post.recipients(&draft, "status=in_doubt").await;
    let whom = json!({ "as": "again", "client_id": doubtful[0]["client_id"] });
    assert_eq!(post.verb(&draft, "settle", whom).await.expect(200)["status"], "running");
    post.house.run_jobs().await;
    let again = post
        .sandbox
        .mails()
        .iter()
        .filter(|mail| mail.recipients == ["c001@clients.example"])
        .map(message_id)
        .collect::<Vec<_>>();
    assert!(!again.is_empty() && again.iter().all(|id| *id == again[0]), "the same mail: {again:?}");
    assert_eq!(post.now(&draft).await["recipients"]["sent"], 3);
    assert_eq!(post.verb(&draft, "settle", json!({ "as": "sent" })).await.expect(409)["code"], "not_in_doubt");
}

#[tokio::test]
async fn failures_pause_a_campaign_by_themselves_and_people_pause_resume_and_cancel_it() {
    let post = post().await;
    post.clients(30).await;
    post.fault(None, SmtpStep::Rcpt, SmtpEffect::Reply(550));
    let draft = post.draft(&post.information().await, json!({})).await;
    post.dispatch(&draft).await.expect(202);
    post.house.run_jobs().await;
    let paused = post.now(&draft).await;
    assert_eq!((&paused["status"], &paused["paused_for"]["code"]), (&json!("paused"), &json!("too_many_failures")));
    let failed = paused["recipients"]["failed"].as_i64().unwrap();
    assert!((10..20).contains(&failed), "{failed}");
    post.sandbox.clear_faults();
    assert_eq!(post.verb(&draft, "pause", json!({})).await.expect(409)["code"], "campaign_status");
    post.verb(&draft, "resume", json!({})).await.expect(200);
    post.verb(&draft, "pause", json!({})).await.expect(200);
    post.house.run_jobs().await;
    assert_eq!(post.sandbox.mails().len(), 0, "nothing goes out while it is paused");
    post.verb(&draft, "resume", json!({})).await.expect(200);
    let slow = json!({ "per_minute": 60 });
    let now = post.now(&draft).await;
    post.api
        .with("if-match", &format!("\"{}\"", now["revision"]))
        .patch(&format!("/v1/campaigns/{}", id(&draft)), &slow)
        .await
        .expect(200);
    post.house.run_jobs().await;
    let sent = post.now(&draft).await["recipients"]["sent"].as_i64().unwrap();
    assert!((1..=2).contains(&sent), "one a second, and what a quiet second left: {sent}");
    post.house.wait_seconds(2);
    post.house.run_jobs().await;
    assert!(post.now(&draft).await["recipients"]["sent"].as_i64().unwrap() > sent);
    let cancelled = post.verb(&draft, "cancel", json!({})).await.expect(200);
    assert_eq!((&cancelled["status"], &cancelled["recipients"]["waiting"]), (&json!("cancelled"), &json!(0)));
    let mails = post.sandbox.mails().len();
    post.house.wait_seconds(600);
    post.house.run_jobs().await;
    assert_eq!(post.sandbox.mails().len(), mails);
    let kinds = post.api.get("/v1/audit-entries?limit=100").await.expect(200);
    for kind in [
        "campaign.created",
        "campaign.dispatched",
        "campaign.paused",
        "campaign.resumed",
        "campaign.updated",
        "campaign.cancelled",
    ] {
        assert!(kinds["items"].as_array().unwrap().iter().any(|entry| entry["kind"] == kind), "{kind}");
    }
}

#[tokio::test]
async fn a_scheduled_campaign_begins_at_its_time_and_an_old_one_does_not_by_itself() {
    let post = post().await;
    post.clients(2).await;
    let template = post.information().await;
    let schedule = async |campaign: &Value, at: &str| {
        let path = format!("/v1/campaigns/{}/schedule", id(campaign));
        post.api.with("if-match", &format!("\"{}\"", campaign["revision"])).post(&path, &json!({ "at": at })).await
    };
    let first = post.draft(&template, json!({})).await;
    assert_eq!(schedule(&first, "2026-11-22T09:00").await.wrong_fields()[0].1, "in_the_past", "10 o'clock in Brussels");
    assert_eq!(schedule(&first, "soon").await.wrong_fields()[0].1, "malformed_instant");
    let scheduled = schedule(&first, "2026-11-22T10:30").await.expect(200);
    assert_eq!(
        (&scheduled["status"], &scheduled["scheduled_at"]),
        (&json!("scheduled"), &json!("2026-11-22T09:30:00.000000Z"))
    );
    post.house.run_jobs().await;
    assert_eq!(post.sandbox.mails().len(), 0);
    post.house.wait_seconds(1_801);
    post.house.run_jobs().await;
    assert_eq!((&post.now(&first).await["status"], post.sandbox.mails().len()), (&json!("finished"), 2));

    let old = post.draft(&template, json!({})).await;
    schedule(&old, "2026-11-22T11:00:00Z").await.expect(200);
    post.house.wait_seconds(86_400);
    post.house.run_jobs().await;
    let missed = post.now(&old).await;
    assert_eq!(
        (&missed["status"], &missed["scheduled_at"], post.sandbox.mails().len()),
        (&json!("draft"), &Value::Null, 2)
    );
    let third = schedule(&missed, "2099-01-01T00:00:00+01:00").await.expect(200);
    let path = format!("/v1/campaigns/{}/unschedule", id(&third));
    let draft =
        post.api.with("if-match", &format!("\"{}\"", third["revision"])).post(&path, &json!({})).await.expect(200);
    assert_eq!(draft["status"], "draft");
    post.api.delete(&format!("/v1/campaigns/{}", id(&draft))).await.expect(204);
}

/// The page of a link speaks the mail's language whatever the browser says, and the browser's where the link says none.
async fn asks_in_the_language_of_the_mail(reader: &Client, bare: &str) {
    for (language, word) in [
        ("nl", "Geen mails meer?"),
        ("fr", "Plus de messages ?"),
        ("de", "Keine Mails mehr?"),
        ("en", "No more mails?"),
    ] {
        let of_the_mail = format!("{bare}&language={language}");
        let pages = [
            reader.with("accept-language", "es, en").get(&of_the_mail).await,
            reader.with("accept-language", language).get(bare).await,
        ];
        for page in pages {
            let html = String::from_utf8(page.body.clone()).unwrap();
            assert!(page.status == 200 && html.contains(word) && html.contains("method=\"post\""), "{html}");
            assert!(html.contains("info@peeters.example") && !html.contains("<script"), "{html}");
        }
    }
}

#[tokio::test]
async fn marketing_can_be_refused_by_one_request_and_looking_refuses_nothing() {
    let post = post().await;
    post.client("Bakkerij Peeters", Some("info@peeters.example")).await;
    post.client("Garage Claes", Some("claes@garage.example")).await;
    let kept = post
        .api
        .post("/v1/suppressions", &json!({ "address": "Claes@garage.example", "note": "belde" }))
        .await
        .expect(201);
    assert_eq!((&kept["scope"], &kept["reason"]), (&json!("all"), &json!("manual")));
    let template = post.template("<p>Koop {{client.name}}</p>").await;
    let marketing = json!({ "purpose": "marketing" });
    let draft = post.draft(&template, marketing.clone()).await;
    post.dispatch(&draft).await.expect(202);
    post.house.run_jobs().await;
    let now = post.now(&draft).await;
    assert_eq!((&now["recipients"]["sent"], &now["recipients"]["suppressed"]), (&json!(1), &json!(1)));
    let mails = post.sandbox.mails();
    let message = MessageParser::default().parse(&mails[0].content[..]).unwrap();
    let raw = String::from_utf8_lossy(&mails[0].content).replace("\r\n ", "");
    assert!(raw.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click"), "{raw}");
    let text = message.body_text(0).unwrap();
    let link = text.split_whitespace().find(|word| word.starts_with("https://klaar.example/unsubscribe?")).unwrap();
    assert!(message.body_html(0).unwrap().contains(&link.replace('&', "&amp;").replace('=', "&#x3D;")));
    let path = link.strip_prefix("https://klaar.example").unwrap();
    let bare = path.strip_suffix("&language=nl").expect("the language of the client");
    let reader = post.house.nobody();
    asks_in_the_language_of_the_mail(&reader, bare).await;
    let second = post.draft(&template, marketing.clone()).await;
    let preflight = post.api.get(&format!("/v1/campaigns/{}/preflight", id(&second))).await.expect(200);
    assert_eq!(preflight["mails"], 1, "a look refuses nothing");
    let one_click = Some(("application/x-www-form-urlencoded", b"List-Unsubscribe=One-Click".to_vec()));
    for _ in 0..2 {
        assert_eq!(reader.send_bytes(reqwest::Method::POST, path, one_click.clone()).await.status, 200);
    }
    assert_eq!(reader.get("/unsubscribe?token=AAAA").await.status, 404);
    assert_eq!(post.dispatch(&second).await.expect(409)["code"], "preflight_blocks", "nobody is left");
    let service = post.draft(&template, json!({ "purpose": "service" })).await;
    post.dispatch(&service).await.expect(202);
    post.house.run_jobs().await;
    assert_eq!(post.now(&service).await["recipients"]["sent"], 1, "news about the service still comes");
    let listed = post.api.get("/v1/suppressions").await.expect(200);
    let reasons: Vec<&Value> = listed["items"].as_array().unwrap().iter().map(|one| &one["reason"]).collect();
    assert_eq!(reasons, [&json!("manual"), &json!("unsubscribed")]);
    post.api.delete("/v1/suppressions?address=info@peeters.example").await.expect(204);
    post.api.delete("/v1/suppressions?address=info@peeters.example").await.expect(404);
    assert_eq!(post.practice.name, "Maes & Partners");
}
