//! Mails that come back, through the front door: reports put into the sandbox's mailbox, read by IMAP, and what they do to the
//! ledger, to addresses and to what is known of clients. And whoever lies in a report changes nothing.

use klaar_domain::bounces::{ReadBounces, WatchBounces};
use klaar_domain::kernel::jobs::{self, EnqueueOptions};
use klaar_sandbox::{Effect, Fault, ImapEffect, MailAccount, Sandbox, Settings, SmtpEffect, SmtpStep};
use mail_parser::MessageParser;
use serde_json::{Value, json};

use crate::campaigns::{Post, id};
use crate::client::Client;
use crate::house::House;

const RECEIVED: &str = "22-Nov-2026 09:00:30 +0000";

/// A house whose mails come back to the sandbox's mailbox, to an address of its own when there is one.
async fn world(return_path: Option<&str>) -> Post {
    world_with(return_path, Settings { kept_mails: 1_500, ..Settings::default() }).await
}

async fn world_with(return_path: Option<&str>, settings: Settings) -> Post {
    let sandbox = Sandbox::start(settings).await.unwrap();
    let smtp = format!("smtp://127.0.0.1:{}", sandbox.smtp_addr().port());
    let imap = format!("imap://bounces:secret@127.0.0.1:{}/INBOX", sandbox.imap_addr().port());
    let mut settings = vec![
        ("KLAAR_SMTP_URL", smtp.as_str()),
        ("KLAAR_MAIL_FROM", "klaar@host.example"),
        ("KLAAR_BOUNCES_URL", imap.as_str()),
        ("KLAAR_PUBLIC_URL", "https://klaar.example"),
        ("KLAAR_SMTP_TIMEOUT", "1"),
    ];
    settings.extend(return_path.map(|path| ("KLAAR_BOUNCES_RETURN_PATH", path)));
    let house = House::open_with(&settings).await;
    let practice = house.practice("Maes & Partners");
    let api = house.may_everything(&practice);
    Post { sandbox, house, practice, api }
}

/// A mail as the receiving server got it.
struct Gone {
    envelope_from: String,
    message_id: String,
}

impl Post {
    /// Sends the information mail to all, and gives the campaign.
    async fn sent(&self, extra: Value) -> Value {
        let draft = self.draft(&self.information().await, extra).await;
        self.dispatch(&draft).await.expect(202);
        self.house.run_jobs().await;
        self.now(&draft).await
    }

    fn gone_to(&self, address: &str) -> Gone {
        let mail = self.sandbox.mails_to(address).pop().unwrap();
        let message = MessageParser::default().parse(&mail.content[..]).unwrap();
        Gone { envelope_from: mail.sender.clone(), message_id: message.message_id().unwrap().to_owned() }
    }

    /// Has what came back read, as the schedule does.
    async fn read(&self) {
        self.house.wait_seconds(300);
        self.house.db.write(|tx| jobs::enqueue(tx, &WatchBounces {}, &EnqueueOptions::default())).unwrap();
        self.house.run_jobs().await;
    }

    fn send_back(&self, report: &str) -> u32 {
        self.sandbox.send_back(report.as_bytes(), RECEIVED)
    }

    async fn row(&self, campaign: &Value, name: &str) -> Value {
        let rows = self.recipients(campaign, "").await;
        rows.into_iter().find(|row| row["client_name"] == name).unwrap()
    }

    async fn suppressed(&self) -> Vec<Value> {
        self.api.get("/v1/suppressions").await.expect(200)["items"].as_array().unwrap().clone()
    }

    async fn audited(&self, kind: &str) -> Vec<Value> {
        let trail = self.api.get("/v1/audit-entries?limit=200").await.expect(200);
        trail["items"].as_array().unwrap().iter().filter(|entry| entry["kind"] == kind).cloned().collect()
    }
}

/// What is said of a recipient: the address, the action, the status and the words.
type Said<'a> = (&'a str, &'a str, &'a str, &'a str);

/// A report about a mail (RFC 3464), as Postfix writes them.
fn report(to: &str, message_id: &str, said: &[Said<'_>]) -> String {
    let groups: String = said
        .iter()
        .map(|(address, action, status, words)| {
            format!(
                "Final-Recipient: rfc822; {address}\r\nAction: {action}\r\nStatus: {status}\r\n\
                 Diagnostic-Code: smtp; {words}\r\n\r\n"
            )
        })
        .collect();
    format!(
        "Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.example\r\nTo: {to}\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\r\n\r\n\
         --b\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n\
         --b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n{groups}\
         --b\r\nContent-Type: text/rfc822-headers\r\n\r\nSubject: Hello\r\nMessage-ID: <{message_id}>\r\n\r\n--b--\r\n"
    )
}

const UNKNOWN: (&str, &str, &str) = ("failed", "5.1.1", "550 5.1.1 no such user");
const FULL: (&str, &str, &str) = ("failed", "5.2.2", "552 5.2.2 mailbox full");

fn about<'a>(address: &'a str, (action, status, words): (&'a str, &'a str, &'a str)) -> [Said<'a>; 1] {
    [(address, action, status, words)]
}

#[tokio::test]
async fn a_mail_to_nobody_comes_back_for_good() {
    let post = world(None).await;
    let client = post.client("Bakkerij Peeters", Some("info@peeters.example")).await;
    post.client("Garage Claes", Some("claes@garage.example")).await;
    let campaign = post.sent(json!({})).await;
    assert_eq!((&campaign["status"], &campaign["recipients"]["sent"]), (&json!("finished"), &json!(2)));
    let card = format!("/v1/clients/{}", id(&client));
    assert!(post.api.get(&card).await.expect(200)["informed_at"].is_string());
    let gone = post.gone_to("info@peeters.example");
    assert_eq!(gone.envelope_from, "klaar@host.example", "no address of its own to come back to");
    post.send_back(&report(&gone.envelope_from, &gone.message_id, &about("INFO@peeters.example", UNKNOWN)));
    post.send_back("From: an@maes.example\r\nContent-Type: text/plain\r\n\r\nHello");
    post.read().await;

    let after = post.now(&campaign).await;
    assert_eq!((&after["recipients"]["sent"], &after["recipients"]["bounced"]), (&json!(1), &json!(1)));
    assert_eq!(after["status"], "finished", "a campaign that is over takes it, too");
    let row = post.row(&campaign, "Bakkerij Peeters").await;
    assert_eq!(
        (&row["status"], &row["bounce"], &row["words"]),
        (&json!("bounced"), &json!("hard"), &json!("5.1.1 550 5.1.1 no such user"))
    );
    assert_eq!(row["settled_at"], "2026-11-22T09:05:00.000000Z");
    let [suppressed] = post.suppressed().await.try_into().unwrap();
    assert_eq!(
        (&suppressed["address"], &suppressed["scope"], &suppressed["reason"], &suppressed["actor"]["kind"]),
        (&json!("info@peeters.example"), &json!("all"), &json!("bounced"), &json!("system"))
    );
    assert!(suppressed["note"].as_str().unwrap().contains("no such user"), "{suppressed}");
    assert_eq!(post.api.get(&card).await.expect(200)["informed_at"], Value::Null, "nobody was informed by it");
    let mails = post.api.get(&format!("{card}/mails")).await.expect(200);
    assert_eq!((&mails["items"][0]["status"], &mails["items"][0]["bounce"]), (&json!("bounced"), &json!("hard")));
    for (kind, count) in [("campaign.bounced", 1), ("address.suppressed", 1), ("clients.uninformed", 1)] {
        assert_eq!(post.audited(kind).await.len(), count, "{kind}");
    }
    assert_eq!(post.recipients(&campaign, "bounce=hard").await.len(), 1);
    assert_eq!(post.recipients(&campaign, "bounce=soft").await.len(), 0);
    let wrong = post.api.get(&format!("/v1/campaigns/{}/recipients?bounce=none", id(&campaign))).await.wrong_fields();
    assert_eq!(wrong, [("/bounce".to_owned(), "unknown_value".to_owned())]);
    let file = post.api.get(&format!("/v1/campaigns/{}/results", id(&campaign))).await;
    let file = String::from_utf8(file.body).unwrap();
    let told = |line: &str| line.contains("Peeters;came back;info@peeters.example") && line.ends_with(";for good");
    assert!(file.lines().any(told), "{file}");

    // Sent again it is suppressed, until somebody lets the address have mails again.
    post.verb(&campaign, "retry", json!({})).await.expect(200);
    post.house.run_jobs().await;
    let again = post.row(&campaign, "Bakkerij Peeters").await;
    assert_eq!((&again["status"], &again["bounce"]), (&json!("suppressed"), &Value::Null));
}

#[tokio::test]
async fn a_full_mailbox_is_soft_and_what_is_only_late_is_nothing() {
    let post = world(None).await;
    for name in ["full", "late", "given-up", "spam"] {
        post.client(name, Some(&format!("{name}@clients.example"))).await;
    }
    let campaign = post.sent(json!({})).await;
    for (name, said) in [
        ("given-up", ("delayed", "4.4.1", "connection timed out")),
        ("full", FULL),
        ("late", ("delayed", "4.4.1", "connection timed out")),
        ("given-up", ("failed", "4.4.7", "delivery time expired")),
        ("spam", ("failed", "5.7.1", "554 5.7.1 looks like spam")),
    ] {
        let address = format!("{name}@clients.example");
        let gone = post.gone_to(&address);
        post.send_back(&report("klaar@host.example", &gone.message_id, &about(&address, said)));
    }
    // What was late first has come back by now; what was said first of a mail that came back stays.
    let gone = post.gone_to("full@clients.example");
    post.send_back(&report("klaar@host.example", &gone.message_id, &about("full@clients.example", UNKNOWN)));
    post.read().await;
    let soft: Vec<Value> = post.recipients(&campaign, "bounce=soft").await;
    assert_eq!(soft.len(), 3);
    assert_eq!(post.row(&campaign, "late").await["status"], "sent");
    assert_eq!(post.suppressed().await, [Value::Null; 0], "they may get the next one");
    post.verb(&campaign, "retry", json!({})).await.expect(200);
    post.house.run_jobs().await;
    let after = post.now(&campaign).await;
    assert_eq!((&after["recipients"]["sent"], &after["recipients"]["bounced"]), (&json!(4), &json!(0)));
    assert_eq!(post.arrived()["full@clients.example"], 2);
}

#[tokio::test]
async fn a_mark_in_the_return_path_says_whose_mail_it_is_whomever_the_report_names() {
    let post = world(Some("bounces@host.example")).await;
    post.client("Forwarded", Some("info@forwarded.example")).await;
    post.client("Told", Some("told@clients.example")).await;
    let campaign = post.sent(json!({})).await;
    let gone = post.gone_to("info@forwarded.example");
    let (local, domain) = gone.envelope_from.split_once('@').unwrap();
    assert!(local.starts_with("bounces+") && local.len() <= 64 && domain == "host.example", "{local}");
    assert_eq!(local, local.to_lowercase(), "local parts lose their case on the way");
    post.send_back(&report(&gone.envelope_from, "unknown@elsewhere", &about("new@elsewhere.example", UNKNOWN)));
    // What is said of the address itself counts more than what is said of those behind it.
    let told = post.gone_to("told@clients.example");
    let said = [
        ("told@clients.example", "expanded", "2.0.0", "list"),
        ("member@clients.example", "failed", "5.1.1", "550 5.1.1 no such user"),
    ];
    post.send_back(&report(&told.envelope_from.to_uppercase(), &told.message_id, &said));
    post.read().await;
    assert_eq!(post.row(&campaign, "Forwarded").await["bounce"], "hard");
    assert_eq!(post.row(&campaign, "Told").await["status"], "sent");
    assert_eq!(post.suppressed().await[0]["address"], "info@forwarded.example");
}

#[tokio::test]
async fn nobody_can_report_about_somebody_elses_mail() {
    let post = world(Some("bounces@host.example")).await;
    post.client("Victim", Some("victim@clients.example")).await;
    post.client("Liar", Some("liar@clients.example")).await;
    let campaign = post.sent(json!({})).await;
    let (victim, own) = (post.gone_to("victim@clients.example"), post.gone_to("liar@clients.example"));
    let said = about("victim@clients.example", UNKNOWN);
    // The mark of one's own mail with another's number, with one letter changed, cut, and none at all.
    let own_stamp = own.message_id.split('@').next().unwrap().rsplit('.').next().unwrap();
    let (named, _) = victim.message_id.split('@').next().unwrap().rsplit_once('.').unwrap();
    for message_id in [
        format!("{named}.{own_stamp}@host.example"),
        format!("{named}@host.example"),
        format!("{named}.@x"),
        String::new(),
    ] {
        post.send_back(&report("klaar@host.example", &message_id, &said));
    }
    let (local, _) = victim.envelope_from.split_once('@').unwrap();
    let bent = if local.ends_with('a') { "b" } else { "a" };
    for path in [
        format!("{}{bent}@host.example", &local[..local.len() - 4]),
        format!("{}@host.example", &local[..20]),
        "bounces+@x".to_owned(),
    ] {
        post.send_back(&report(&path, "x@y", &said));
    }
    // By what it is known by, a mail comes back only from where it went.
    post.send_back(&report("klaar@host.example", &own.message_id, &said));
    post.read().await;
    let after = post.now(&campaign).await;
    assert_eq!((&after["recipients"]["sent"], &after["recipients"]["bounced"]), (&json!(2), &json!(0)));
    assert_eq!(post.suppressed().await.len(), 0);
}

#[tokio::test]
async fn a_report_about_a_mail_of_several_clients_is_about_all_of_them() {
    let post = world(None).await;
    post.client("One", Some("shared@clients.example")).await;
    post.client("Two", Some("Shared@clients.example")).await;
    post.client("Other", Some("other@clients.example")).await;
    let campaign = post.sent(json!({ "mode": "mailbox" })).await;
    let gone = post.gone_to("shared@clients.example");
    post.send_back(&report("klaar@host.example", &gone.message_id, &about("shared@clients.example", UNKNOWN)));
    post.read().await;
    assert_eq!(post.recipients(&campaign, "bounce=hard").await.len(), 2);
    assert_eq!(post.now(&campaign).await["recipients"]["sent"], 1);
    assert_eq!(post.suppressed().await.len(), 1);
}

#[tokio::test]
async fn whoever_was_informed_by_another_mail_stays_so() {
    let post = world(None).await;
    let client = post.client("Bakkerij Peeters", Some("info@peeters.example")).await;
    post.sent(json!({ "name": "First" })).await;
    post.house.wait_seconds(86_400);
    let second = post.sent(json!({ "name": "Second" })).await;
    let card = format!("/v1/clients/{}", id(&client));
    assert_eq!(post.api.get(&card).await.expect(200)["informed_at"], "2026-11-23T09:00:00.000000Z");
    let gone = post.gone_to("info@peeters.example");
    assert!(gone.message_id.starts_with(id(&second)));
    let said = report("klaar@host.example", &gone.message_id, &about("info@peeters.example", FULL));
    post.sandbox.send_back(said.as_bytes(), "23-Nov-2026 09:00:30 +0000");
    post.read().await;
    assert_eq!(post.api.get(&card).await.expect(200)["informed_at"], "2026-11-22T09:00:00.000000Z");
    let informed = json!({ "field": "informed_at", "op": "lt", "value": "2026-11-23" });
    let found = post.api.get(&crate::client::clients_where(&informed)).await.expect(200);
    assert_eq!(found["items"].as_array().unwrap().len(), 1, "lists have it, too");
}

#[tokio::test]
async fn mails_in_doubt_that_come_back_went_out() {
    let post = world(None).await;
    post.client("Doubtful", Some("info@doubtful.example")).await;
    post.fault(None, SmtpStep::Message, SmtpEffect::Drop);
    let campaign = post.sent(json!({})).await;
    post.sandbox.clear_faults();
    assert_eq!(post.row(&campaign, "Doubtful").await["status"], "in_doubt");
    let gone = post.gone_to("info@doubtful.example");
    post.send_back(&report("klaar@host.example", &gone.message_id, &about("info@doubtful.example", UNKNOWN)));
    post.read().await;
    assert_eq!(post.row(&campaign, "Doubtful").await["bounce"], "hard");
}

#[tokio::test]
async fn what_is_broken_or_too_large_holds_nothing_up() {
    let post = world(None).await;
    for name in ["first", "large", "last"] {
        post.client(name, Some(&format!("{name}@clients.example"))).await;
    }
    let campaign = post.sent(json!({})).await;
    let whole = |name: &str| {
        let address = format!("{name}@clients.example");
        report("klaar@host.example", &post.gone_to(&address).message_id, &about(&address, UNKNOWN))
    };
    let first = whole("first");
    post.send_back(&first[..first.find("Action").unwrap()]);
    post.send_back(&first.replace("boundary=\"b\"", "boundary=\"\u{0}\u{ff}"));
    post.send_back(&format!("Content-Type: multipart/report; boundary=b\r\n\r\n{}", "--b\r\n\r\n".repeat(60_000)));
    post.send_back(
        &first.replace("Content-Type: message/delivery-status", &"Content-Type: message/rfc822\r\n\r\n".repeat(5_000)),
    );
    post.send_back("");
    post.send_back(&format!("From: {}\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n", "x".repeat(100_000)));
    // What happened stands before the mail that came back, however large that is.
    post.send_back(
        &whole("large").replace("Subject: Hello", &format!("{}\r\nX: {}", "Subject: Hello", "y".repeat(4_000_000))),
    );
    post.send_back(&whole("last"));
    post.read().await;
    let hard = post.recipients(&campaign, "bounce=hard").await;
    let names: Vec<&Value> = hard.iter().map(|row| &row["client_name"]).collect();
    assert!(names.contains(&&json!("last")), "{names:?}");
    assert_eq!(post.row(&campaign, "first").await["status"], "sent");
}

#[tokio::test]
async fn a_report_counts_once_however_often_it_is_read() {
    let post = world(None).await;
    post.client("Bakkerij Peeters", Some("info@peeters.example")).await;
    let campaign = post.sent(json!({})).await;
    let gone = post.gone_to("info@peeters.example");
    let said = report("klaar@host.example", &gone.message_id, &about("info@peeters.example", UNKNOWN));
    post.send_back(&said);
    post.send_back(&said);
    post.read().await;
    let settled = post.row(&campaign, "Bakkerij Peeters").await["settled_at"].clone();
    // Somebody knows better; the mailbox is made anew, so that all of it is read again.
    post.api.delete("/v1/suppressions?address=info%40peeters.example").await.expect(204);
    post.sandbox.renumber_returns();
    let twice = ReadBounces { sender: None, operation: None };
    for _ in 0..2 {
        post.house.db.write(|tx| jobs::enqueue(tx, &twice, &EnqueueOptions::default())).unwrap();
    }
    post.house.run_jobs().await;
    post.read().await;
    assert_eq!(post.row(&campaign, "Bakkerij Peeters").await["settled_at"], settled);
    assert_eq!(post.suppressed().await.len(), 0, "what somebody said since stays said");
    assert_eq!(post.audited("campaign.bounced").await.len(), 1);
    // Sent again a week later, it is not brought back by the report about the first try.
    post.house.wait_seconds(7 * 86_400);
    post.verb(&campaign, "retry", json!({})).await.expect(200);
    post.house.run_jobs().await;
    post.sandbox.renumber_returns();
    post.read().await;
    assert_eq!(post.row(&campaign, "Bakkerij Peeters").await["status"], "sent");
}

#[tokio::test]
async fn many_mails_are_read_page_by_page() {
    let post = world(None).await;
    post.client("Bakkerij Peeters", Some("info@peeters.example")).await;
    let campaign = post.sent(json!({})).await;
    for number in 0..450 {
        post.send_back(&format!("From: an@maes.example\r\nSubject: {number}\r\n\r\nHello"));
    }
    let gone = post.gone_to("info@peeters.example");
    post.send_back(&report("klaar@host.example", &gone.message_id, &about("info@peeters.example", UNKNOWN)));
    post.read().await;
    assert_eq!(post.row(&campaign, "Bakkerij Peeters").await["bounce"], "hard");
    assert!(post.api.get("/v1/senders").await.expect(200)["shared"]["bounces"]["read_at"].is_string());
}

#[tokio::test]
async fn a_mailbox_that_lies_or_falls_silent_is_named_and_read_later() {
    let post = world(None).await;
    post.client("Bakkerij Peeters", Some("info@peeters.example")).await;
    let campaign = post.sent(json!({})).await;
    let gone = post.gone_to("info@peeters.example");
    post.send_back(&report("klaar@host.example", &gone.message_id, &about("info@peeters.example", UNKNOWN)));
    for effect in [ImapEffect::GiantLiteral, ImapEffect::EndlessLine, ImapEffect::Silence, ImapEffect::HangUp] {
        post.sandbox.set_imap_effect(Some(effect));
        post.house.wait_seconds(86_400);
        post.read().await;
        let shared = post.api.get("/v1/senders").await.expect(200)["shared"]["bounces"].clone();
        assert_eq!(shared["fault"]["code"], "bounce_mailbox_unusable", "{effect:?}: {shared}");
        assert_eq!(post.row(&campaign, "Bakkerij Peeters").await["status"], "sent", "{effect:?}");
    }
    post.sandbox.set_imap_effect(None);
    post.read().await;
    let late = post.api.get("/v1/senders").await.expect(200)["shared"]["bounces"].clone();
    assert!(late["fault"].is_object(), "it is left alone for a while: {late}");
    post.house.wait_seconds(86_400);
    post.read().await;
    let shared = post.api.get("/v1/senders").await.expect(200)["shared"]["bounces"].clone();
    assert!(shared["fault"].is_null() && shared["read_at"].is_string(), "{shared}");
    assert_eq!(post.row(&campaign, "Bakkerij Peeters").await["bounce"], "hard");
}

/// A sender with a server and a bounce mailbox of its own, in the sandbox.
fn own(sandbox: &Sandbox, bounces: Value) -> Value {
    let mut mailbox = json!({
        "host": "127.0.0.1", "port": sandbox.imap_addr().port(), "security": "none",
        "sign_in": { "kind": "password", "username": "an", "password": "right" },
    });
    mailbox.as_object_mut().unwrap().extend(bounces.as_object().unwrap().clone());
    json!({
        "name": "Own", "from_address": "info@maes.example", "bounces": mailbox,
        "server": { "host": "127.0.0.1", "port": sandbox.smtp_addr().port(), "security": "none",
            "sign_in": { "kind": "password", "username": "an", "password": "right" } },
    })
}

async fn house_of_own() -> (Sandbox, House) {
    let account = MailAccount { user: "an".to_owned(), secret: "right".to_owned() };
    let sandbox = Sandbox::start(Settings { mail_accounts: vec![account], ..Settings::default() }).await.unwrap();
    let settings = [("KLAAR_SMTP_ALLOW_PRIVATE", "true"), ("KLAAR_SMTP_TIMEOUT", "1")];
    (sandbox, House::open_with(&settings).await)
}

async fn wrong(api: &Client, sender: &Value) -> Vec<(String, String)> {
    api.post("/v1/senders", sender).await.wrong_fields()
}

#[tokio::test]
async fn a_senders_own_mailbox_is_tried_before_it_is_stored() {
    let (sandbox, house) = house_of_own().await;
    let api = house.may_everything(&house.practice("Maes"));
    let at = |pointer: &str, code: &str| vec![(format!("/bounces/{pointer}"), code.to_owned())];
    let bad = json!({ "sign_in": { "kind": "password", "username": "an", "password": "wrong" } });
    let told = api.post("/v1/senders", &own(&sandbox, bad.clone())).await;
    assert_eq!(told.wrong_fields(), at("sign_in", "sign_in_refused"));
    assert!(told.json()["errors"][0]["message"].as_str().unwrap().contains("user or secret is wrong"));
    assert_eq!(wrong(&api, &own(&sandbox, json!({ "folder": "Elsewhere" }))).await, at("folder", "no_such_folder"));
    assert_eq!(wrong(&api, &own(&sandbox, json!({ "folder": "Retours é" }))).await, at("folder", "malformed_folder"));
    assert_eq!(wrong(&api, &own(&sandbox, json!({ "sign_in": null }))).await, at("sign_in", "missing"));
    assert_eq!(
        wrong(&api, &own(&sandbox, json!({ "security": "starttls" }))).await,
        at("security", "mailbox_without_starttls")
    );
    assert_eq!(
        wrong(&api, &own(&sandbox, json!({ "host": "no.such.host.invalid" }))).await,
        at("host", "server_unreachable")
    );
    let long = json!({ "return_path": "this-is-much-too-long-for-a-mark@maes.example" });
    assert_eq!(wrong(&api, &own(&sandbox, long)).await, at("return_path", "no_room_for_mark"));
    let refuses = Effect::Smtp { at: SmtpStep::Mail, does: SmtpEffect::Reply(553) };
    sandbox.add_fault(Fault { times: Some(1), ..Fault::world(refuses) }).unwrap();
    let path = json!({ "return_path": "bounces@maes.example" });
    let told = api.post("/v1/senders", &own(&sandbox, path.clone())).await;
    assert_eq!(told.wrong_fields(), at("return_path", "return_path_refused"));
    assert!(told.json()["errors"][0]["message"].as_str().unwrap().contains("553"), "in the server's words");
    assert_eq!(api.get("/v1/senders").await.expect(200)["items"], json!([]), "nothing of it is stored");
    let bare = json!({ "name": "X", "bounces": own(&sandbox, json!({}))["bounces"] });
    assert!(wrong(&api, &bare).await.contains(&("/bounces".to_owned(), "needs_own_server".to_owned())));

    let made = api.post("/v1/senders", &own(&sandbox, path)).await.expect(201);
    assert!(!made.to_string().contains("right"), "what is secret never comes back");
    let bounces = &made["bounces"];
    assert_eq!((&bounces["folder"], &bounces["return_path"]), (&json!("INBOX"), &json!("bounces@maes.example")));
    assert_eq!((&bounces["read_at"], &bounces["fault"]), (&Value::Null, &Value::Null));
    let it = format!("/v1/senders/{}", id(&made));
    // The password is kept for the same place and the same person, and for nobody else.
    let mut change =
        json!({ "bounces": own(&sandbox, json!({ "sign_in": { "kind": "password", "username": "an" } }))["bounces"] });
    let changed = api.with("if-match", "\"1\"").patch(&it, &change).await.expect(200);
    assert_eq!(changed["bounces"]["return_path"], Value::Null);
    change["bounces"]["sign_in"]["username"] = json!("bert");
    let other = api.with("if-match", "\"2\"").patch(&it, &change).await.wrong_fields();
    assert_eq!(other, at("sign_in/password", "secret_missing"));
    let tried = api.post(&format!("{it}/test"), &json!({})).await.expect(200);
    assert_eq!(tried["passed"], true);
    let without = api.with("if-match", "\"2\"").patch(&it, &json!({ "bounces": null })).await.expect(200);
    assert_eq!(without["bounces"], Value::Null);
    assert_eq!(api.post(&format!("{it}/bounce-reads"), &json!({})).await.expect(409)["code"], "no_bounce_mailbox");
}

#[tokio::test]
async fn a_senders_own_mailbox_is_read_when_somebody_asks_and_speaks_of_its_own_practice_only() {
    let (sandbox, house) = house_of_own().await;
    let (ours, theirs) = (house.practice("Ours"), house.practice("Theirs"));
    let sender = own(&sandbox, json!({ "return_path": "bounces@maes.example" }));
    let mut posts = Vec::new();
    let mut sandbox = Some(sandbox);
    let mut house = Some(house);
    for practice in [&theirs, &ours] {
        let api = house.as_ref().unwrap().may_everything(practice);
        api.post("/v1/senders", &sender).await.expect(201);
        posts.push((practice.clone(), api));
    }
    let (_, their_api) = posts.remove(0);
    let (practice, api) = posts.remove(0);
    let post = Post { sandbox: sandbox.take().unwrap(), house: house.take().unwrap(), practice, api };
    post.client("Ours", Some("ours@clients.example")).await;
    their_api.post("/v1/clients", &json!({ "name": "Theirs", "email": "theirs@clients.example" })).await.expect(201);
    // What is older than two weeks is not read, the first time as little as the second.
    post.sandbox.send_back(b"From: x\r\n\r\n", "01-Oct-2026 09:00:00 +0000");
    let senders = post.api.get("/v1/senders").await.expect(200);
    let reads = format!("/v1/senders/{}/bounce-reads", id(&senders["items"][0]));
    for _ in 0..2 {
        let operation = post.api.post(&reads, &json!({})).await.expect(202);
        post.house.run_jobs().await;
        let done = post.api.get(&format!("/v1/operations/{}", id(&operation))).await.expect(200);
        assert_eq!(done["result"]["mails"], 0);
    }
    let campaign = post.sent(json!({})).await;
    let template = their_api.get("/v1/templates").await.expect(200)["items"][0]["id"].clone();
    let wish = json!({ "template_id": template, "selection": { "all": true } });
    let foreign = their_api.post("/v1/campaigns", &wish).await.expect(201);
    their_api
        .with("if-match", "\"1\"")
        .post(&format!("/v1/campaigns/{}/dispatch", id(&foreign)), &json!({}))
        .await
        .expect(202);
    post.house.run_jobs().await;
    for address in ["ours@clients.example", "theirs@clients.example"] {
        let gone = post.gone_to(address);
        assert!(gone.envelope_from.starts_with("bounces+") && gone.envelope_from.ends_with("@maes.example"));
        post.send_back(&report(&gone.envelope_from, &gone.message_id, &about(address, UNKNOWN)));
    }
    let senders = post.api.get("/v1/senders").await.expect(200);
    let it = format!("/v1/senders/{}", id(&senders["items"][0]));
    let operation = post.api.post(&format!("{it}/bounce-reads"), &json!({})).await.expect(202);
    assert_eq!(operation["kind"], "bounce_read");
    post.house.run_jobs().await;
    let done = post.api.get(&format!("/v1/operations/{}", id(&operation))).await.expect(200);
    let expected = json!({ "sender_id": senders["items"][0]["id"], "mails": 2, "reports": 2, "hard": 1, "soft": 0 });
    assert_eq!((&done["status"], &done["result"]), (&json!("finished"), &expected));
    assert_eq!(post.row(&campaign, "Ours").await["bounce"], "hard");
    let their_rows = their_api.get(&format!("/v1/campaigns/{}/recipients", id(&foreign))).await.expect(200);
    assert_eq!(their_rows["items"][0]["status"], "sent", "their mailbox has not been read");
    assert!(post.api.get(&it).await.expect(200)["bounces"]["read_at"].is_string());

    post.sandbox.set_imap_effect(Some(ImapEffect::HangUp));
    post.send_back("From: x\r\n\r\n");
    let operation = post.api.post(&format!("{it}/bounce-reads"), &json!({})).await.expect(202);
    post.house.run_jobs().await;
    let failed = post.api.get(&format!("/v1/operations/{}", id(&operation))).await.expect(200);
    assert_eq!((&failed["status"], &failed["problem"]["code"]), (&json!("failed"), &json!("bounce_mailbox_unusable")));
    assert!(post.api.get(&it).await.expect(200)["bounces"]["fault"]["title"].as_str().unwrap().contains("hung up"));
}

#[tokio::test]
async fn a_mailbox_is_read_over_tls_and_by_access_token() {
    let account = MailAccount { user: "an".to_owned(), secret: "right".to_owned() };
    let settings = Settings { mail_accounts: vec![account], offers_starttls: true, ..Settings::default() };
    let sandbox = Sandbox::start(settings).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let roots = folder.path().join("roots.pem");
    std::fs::write(&roots, sandbox.root_certificate_pem()).unwrap();
    let private = ("KLAAR_SMTP_ALLOW_PRIVATE", "true");
    let trusting = House::open_with(&[private, ("KLAAR_SMTP_ROOTS", roots.to_str().unwrap())]).await;
    let api = trusting.may_everything(&trusting.practice("Maes"));
    let token = json!({ "kind": "xoauth2", "username": "an", "token_url": sandbox.token_url(), "client_id": "klaar", "refresh_token": "right" });
    let server = json!({ "host": "localhost", "port": sandbox.smtps_addr().port(),
        "sign_in": { "kind": "password", "username": "an", "password": "right" } });
    let at = |port: u16, security: &str| {
        json!({ "name": "Own", "from_address": "info@maes.example", "server": server,
        "bounces": { "host": "localhost", "port": port, "security": security, "sign_in": token } })
    };
    api.post("/v1/senders", &at(sandbox.imaps_addr().port(), "tls")).await.expect(201);
    let mut by_starttls = at(sandbox.imap_addr().port(), "starttls");
    api.post("/v1/senders", &by_starttls).await.expect(201);
    by_starttls["bounces"]["sign_in"]["refresh_token"] = json!("wrong");
    let refused = [("/bounces/sign_in/refresh_token".to_owned(), "no_access_token".to_owned())];
    assert_eq!(wrong(&api, &by_starttls).await, refused);
    let strict = House::open_with(&[private]).await;
    let api = strict.may_everything(&strict.practice("Maes"));
    let told = wrong(&api, &at(sandbox.imaps_addr().port(), "tls")).await;
    assert!(told.contains(&("/bounces/security".to_owned(), "tls_failed".to_owned())), "{told:?}");
}
