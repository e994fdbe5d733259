//! Templates: what they may say, what they say for a client, and what they said before.

use klaar_domain::identity::Role;
use klaar_sandbox::{Sandbox, Settings};
use mail_parser::MessageParser;
use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::house::House;

/// A house that mails through the sandbox, with a client of the API that may do everything.
async fn mailing() -> (Sandbox, House, Client) {
    let sandbox = Sandbox::start(Settings::default()).await.unwrap();
    let url = format!("smtp://127.0.0.1:{}", sandbox.smtp_addr().port());
    let house = House::open_with(&[
        ("KLAAR_SMTP_URL", &url),
        ("KLAAR_MAIL_FROM", "klaar@host.example"),
        ("KLAAR_PUBLIC_URL", "https://klaar.example"),
    ])
    .await;
    let practice = house.practice("Maes & Partners");
    let api = house.may_everything(&practice);
    (sandbox, house, api)
}

fn id(value: &Value) -> &str {
    value["id"].as_str().unwrap()
}

fn saying(subject: &str, body: &str) -> Value {
    json!({ "name": "Own", "languages": { "nl": { "subject": subject, "body": body } } })
}

async fn client(api: &Client) -> Value {
    let card = json!({ "name": "Bakkerij <b>Peeters</b>", "email": "info@peeters.example", "language": "fr" });
    api.post("/v1/clients", &card).await.expect(201)
}

async fn delivered(api: &Client) -> Value {
    let all = api.get("/v1/templates").await.expect(200);
    let path = format!("/v1/templates/{}", id(&all["items"][0]));
    api.get(&path).await.expect(200)
}

async fn change(api: &Client, template: &Value, change: Value) -> Answer {
    let path = format!("/v1/templates/{}", id(template));
    api.with("if-match", &format!("\"{}\"", template["revision"])).patch(&path, &change).await
}

async fn restore(api: &Client, template: &Value, to: Value) -> Answer {
    let path = format!("/v1/templates/{}/restore", id(template));
    api.with("if-match", &format!("\"{}\"", template["revision"])).post(&path, &to).await
}

async fn preview(api: &Client, template: &Value, query: &str) -> Answer {
    api.get(&format!("/v1/templates/{}/preview?{query}", id(template))).await
}

/// AP-19: a standard mail to inform clients is delivered, in all four languages, and says what is known of the client.
#[tokio::test]
async fn ap_19_the_information_mail_is_delivered_in_four_languages() {
    let (_sandbox, _house, api) = mailing().await;
    let template = delivered(&api).await;
    assert_eq!(
        (&template["delivered"], &template["adapted"], &template["version"], &template["written_in"]),
        (&json!(true), &json!(false), &json!(1), &json!(["nl", "fr", "de", "en"]))
    );
    let client = client(&api).await;
    let fields = json!({ "fields": { "receive_software": "Odoo" } });
    let path = format!("/v1/clients/{}", id(&client));
    api.with("if-match", "\"1\"").patch(&path, &fields).await.expect(200);
    let mut subjects = Vec::new();
    for language in ["nl", "fr", "de", "en"] {
        let query = format!("client_id={}&language={language}", id(&client));
        let mail = preview(&api, &template, &query).await.expect(200);
        assert_eq!((&mail["language"], &mail["missing"]), (&json!(language), &json!([])));
        let (html, text) = (mail["html"].as_str().unwrap(), mail["text"].as_str().unwrap());
        assert!(html.contains("Bakkerij &lt;b&gt;Peeters&lt;/b&gt;") && html.contains("Odoo"), "{html}");
        assert!(text.contains("Bakkerij <b>Peeters</b>") && text.contains("Odoo"), "{text}");
        assert!(!html.contains("{{") && !text.contains("{{"), "all is filled in");
        assert!(text.contains("belgium.be/") && !text.contains("\n\n\n"), "links are written out: {text}");
        subjects.push(mail["subject"].as_str().unwrap().to_owned());
    }
    assert!(subjects.iter().all(|subject| subject.contains("Bakkerij <b>Peeters</b>")), "{subjects:?}");
    subjects.dedup();
    assert_eq!(subjects.len(), 4);
    let mail = preview(&api, &template, &format!("client_id={}", id(&client))).await.expect(200);
    assert_eq!(
        (&mail["language"], &mail["to"]["address"], &mail["reason"], &mail["from"]["name"]),
        (&json!("fr"), &json!("info@peeters.example"), &json!("card"), &json!("Maes & Partners"))
    );
}

/// AP-25: templates are adapted, and live in categories, of which one is PEPPOL.
#[tokio::test]
async fn ap_25_templates_live_in_categories_and_are_adapted_and_restored() {
    let (_sandbox, _house, api) = mailing().await;
    let categories = api.get("/v1/template-categories").await.expect(200);
    assert_eq!(
        (&categories["items"][0]["code"], &categories["items"][0]["delivered"]),
        (&json!("peppol"), &json!(true))
    );
    let vat = api.post("/v1/template-categories", &json!({ "name": "Btw-aangifte" })).await.expect(201);
    assert_eq!(vat["code"], json!("btw_aangifte"));
    let off = api.with("if-match", "\"1\"");
    let path = format!("/v1/template-categories/{}", id(&vat));
    assert_eq!(off.patch(&path, &json!({ "active": false })).await.expect(200)["revision"], json!(2));
    assert_eq!(off.patch(&path, &json!({ "active": true })).await.expect(412)["code"], json!("stale"));

    let before = delivered(&api).await;
    assert_eq!(before["category_id"], categories["items"][0]["id"]);
    let mut texts = before["languages"].clone();
    texts["nl"]["subject"] = json!("Peppol voor {{client.name}}");
    let adapted = change(&api, &before, json!({ "languages": texts })).await.expect(200);
    assert_eq!(
        (&adapted["adapted"], &adapted["version"], &adapted["id"], &adapted["languages"]["nl"]["subject"]),
        (&json!(true), &json!(2), &before["id"], &json!("Peppol voor {{client.name}}"))
    );
    assert_eq!(change(&api, &before, json!({ "name": "X" })).await.expect(412)["code"], json!("stale"));
    let same = change(&api, &adapted, json!({ "languages": texts })).await.expect(200);
    assert_eq!(same["revision"], adapted["revision"], "a change of nothing is none");

    let versions = api.get(&format!("/v1/templates/{}/versions", id(&before))).await.expect(200);
    let numbers: Vec<&Value> = versions["items"].as_array().unwrap().iter().map(|one| &one["version"]).collect();
    assert_eq!(numbers, [&json!(2), &json!(1)]);
    assert_eq!(versions["items"][1]["languages"], before["languages"], "the delivered text is the first version");
    let restored = restore(&api, &adapted, json!({ "delivered": true })).await.expect(200);
    assert_eq!((&restored["adapted"], &restored["version"]), (&json!(false), &json!(3)));
    assert_eq!(restored["languages"], before["languages"]);
    let again = restore(&api, &restored, json!({ "version": 2 })).await.expect(200);
    assert_eq!((&again["adapted"], &again["languages"]["nl"]["subject"]), (&json!(true), &texts["nl"]["subject"]));
    assert_eq!(restore(&api, &again, json!({ "version": 9 })).await.wrong_fields()[0].1, "unknown_version");
    assert_eq!(restore(&api, &again, json!({})).await.wrong_fields()[0].1, "version_or_delivered");
    assert_eq!(api.delete(&format!("/v1/templates/{}", id(&before))).await.expect(409)["code"], "delivered_template");

    let mut own = saying("Aangifte", "<p>Dag {{client.name}}</p>");
    own["category_id"] = vat["id"].clone();
    let own = api.post("/v1/templates", &own).await.expect(201);
    assert_eq!(restore(&api, &own, json!({ "delivered": true })).await.expect(409)["code"], "no_delivered_text");
    api.delete(&format!("/v1/templates/{}", id(&own))).await.expect(204);
    api.get(&format!("/v1/templates/{}", id(&own))).await.expect(404);
    let audit = api.get("/v1/audit-entries?limit=50").await.expect(200);
    let kinds = audit["items"].as_array().unwrap().iter().filter_map(|entry| entry["kind"].as_str());
    let mut kinds: Vec<&str> = kinds.filter(|kind| kind.starts_with("template")).collect();
    kinds.reverse();
    let expected = [
        "template_category.created",
        "template_category.updated",
        "template.updated",
        "template.restored",
        "template.restored",
        "template.created",
        "template.deleted",
    ];
    assert_eq!(kinds, expected);
}

#[tokio::test]
async fn what_a_template_must_not_say_is_refused_by_name() {
    let (_sandbox, _house, api) = mailing().await;
    let long = "x".repeat(100_001);
    for (subject, body, pointer, code) in [
        ("", "<p>x</p>", "subject", "missing"),
        ("a\nb", "<p>x</p>", "subject", "control_characters"),
        ("{{client.nmae}}", "<p>x</p>", "subject", "unknown_variable"),
        ("x", " ", "body", "missing"),
        ("x", "{{fields.nothing}}", "body", "unknown_variable"),
        ("x", "{{#each client.name}}{{/each}}", "body", "malformed_placeholder"),
        ("x", "{{{client.name}}}", "body", "malformed_placeholder"),
        ("x", "{{#if client.name}}", "body", "unbalanced_placeholder"),
        ("x", "<script>x</script>", "body", "element_not_allowed"),
        ("x", "<p style='color:red'>x</p>", "body", "attribute_not_allowed"),
        ("x", "<a href='javascript:x'>x</a>", "body", "malformed_link"),
        ("x", "<a href='{{client.website}}'>x</a>", "body", "unknown_variable"),
        ("x", "<a href='{{client.email}}'>x</a>", "body", "placeholder_in_markup"),
        ("x", long.as_str(), "body", "too_long"),
    ] {
        let wrong = api.post("/v1/templates", &saying(subject, body)).await.wrong_fields();
        assert_eq!(wrong, [(format!("/languages/nl/{pointer}"), code.to_owned())], "{subject} {body:.60}");
    }
    let only = |language: &str| json!({ "name": "X", "languages": { language: { "subject": "x", "body": "x" } } });
    let wrong = api.post("/v1/templates", &only("fr")).await.wrong_fields();
    assert_eq!(wrong, [("/languages/nl".to_owned(), "language_missing".to_owned())]);
    assert_eq!(api.post("/v1/templates", &only("es")).await.wrong_fields()[0].1, "unknown_value");
    let variables = api.get("/v1/template-variables").await.expect(200);
    let names: Vec<&str> =
        variables["items"].as_array().unwrap().iter().filter_map(|one| one["name"].as_str()).collect();
    assert!(names.contains(&"client.name") && names.contains(&"fields.ready"), "{names:?}");
    for name in names {
        let body = format!("<p>{{{{#if {name}}}}}{{{{{name}}}}}{{{{/if}}}}</p>");
        api.post("/v1/template-previews", &json!({ "client_id": "cli_x", "languages": {} })).await.expect(422);
        api.post("/v1/templates", &saying("x", &body)).await.expect(201);
    }
}

#[tokio::test]
async fn a_preview_shows_what_is_missing_and_its_page_needs_no_scripts() {
    let (_sandbox, house, api) = mailing().await;
    let client = client(&api).await;
    let contact = json!({ "name": "Jan", "email": "jan@peeters.example", "receives_notices": true, "language": "de" });
    api.post(&format!("/v1/clients/{}/contacts", id(&client)), &contact).await.expect(201);
    let mut template = saying("Voor {{client.name}}", "<p>Dag {{contact.name}}, btw {{client.vat_number}}</p>");
    template["languages"]["nl"]["postscript"] = json!("Adres: {{client.email}}\n<i>x</i>");
    let template = api.post("/v1/templates", &template).await.expect(201);
    let mail = preview(&api, &template, &format!("client_id={}", id(&client))).await.expect(200);
    assert_eq!((&mail["language"], &mail["reason"]), (&json!("nl"), &json!("notice_contact")), "German is not written");
    assert_eq!(mail["to"], json!({ "name": "Jan", "address": "jan@peeters.example" }));
    assert_eq!(mail["missing"], json!(["client.vat_number"]));
    let html = mail["html"].as_str().unwrap();
    assert!(html.contains("Dag Jan, btw [client.vat_number]") && html.contains("&lt;i&gt;x&lt;/i&gt;"), "{html}");
    let wrong = preview(&api, &template, &format!("client_id={}&language=fr", id(&client))).await.wrong_fields();
    assert_eq!(wrong, [("/language".to_owned(), "language_missing".to_owned())]);
    assert_eq!(preview(&api, &template, "client_id=cli_x").await.wrong_fields()[0].1, "not_a_client");

    let link = mail["page_url"].as_str().unwrap().strip_prefix("https://klaar.example").unwrap();
    for (language, word) in [("nl", "Aan"), ("fr", "À"), ("de", "An"), ("en", "To")] {
        let page = house.nobody().with("accept-language", language).get(link).await;
        let html = String::from_utf8(page.body.clone()).unwrap();
        assert_eq!(page.status, 200);
        assert!(html.contains(&format!("lang=\"{language}\"")) && html.contains(&format!("<dt>{word}</dt>")), "{html}");
        assert!(html.contains("client.vat_number") && html.contains("sandbox") && !html.contains("<script"), "{html}");
        assert!(page.header("content-security-policy").contains("default-src 'none'"));
    }
    let framed = house.nobody().get(&link.replace("/preview?", "/preview/mail?")).await;
    assert!(framed.header("content-security-policy").contains("sandbox") && framed.status == 200);
    let forged = link.replacen("token=", "token=AAAA", 1);
    assert_eq!(house.nobody().get(&forged).await.status, 404);
    house.wait_seconds(901);
    assert_eq!(house.nobody().get(link).await.status, 404, "for a quarter of an hour");
}

#[tokio::test]
async fn a_test_goes_to_whoever_asks_and_says_how_it_went() {
    let (sandbox, house, api) = mailing().await;
    let client = client(&api).await;
    let template = delivered(&api).await;
    let path = format!("/v1/templates/{}/test", id(&template));
    let wish = json!({ "client_id": client["id"], "language": "fr" });
    assert_eq!(api.post(&path, &wish).await.expect(409)["code"], "nobody_to_mail");
    let practice = house.practice("Second");
    let manager = house.person(&practice, "An", Role::Manager);
    let manager = (house.signed_in(&manager).await, manager);
    let sender = json!({ "name": "Own", "from_name": "Second BV", "reply_to": "antwoord@second.example",
        "signatures": { "fr": "Bien à vous\nAn" } });
    house.may_everything(&practice).post("/v1/senders", &sender).await.expect(201);
    assert_eq!(manager.0.post(&path, &wish).await.expect(404)["code"], "not_found", "another practice's");
    let own = house.may_everything(&practice).post("/v1/clients", &json!({ "name": "Peeters" })).await.expect(201);
    let path = format!("/v1/templates/{}/test", id(&delivered(&manager.0).await));
    let wish = json!({ "client_id": own["id"], "language": "fr" });
    let operation = manager.0.post(&path, &wish).await.expect(202);
    assert_eq!(sandbox.mails().len(), 0, "a mail is a job");
    house.run_jobs().await;
    let done = manager.0.get(&format!("/v1/operations/{}", id(&operation))).await.expect(200);
    assert_eq!((&done["status"], &done["result"]["to"]), (&json!("finished"), &json!(manager.1)));
    let mails = sandbox.mails();
    assert_eq!(mails[0].recipients, [manager.1]);
    let message = MessageParser::default().parse(&mails[0].content[..]).unwrap();
    assert!(message.subject().unwrap().contains("Peeters"));
    assert_eq!(message.from().unwrap().first().unwrap().name(), Some("Second BV"));
    assert_eq!(message.reply_to().unwrap().first().unwrap().address(), Some("antwoord@second.example"));
    assert!(message.body_html(0).unwrap().contains("Bien à vous<br>An"), "signed");
    let text = message.body_text(0).unwrap().replace("\r\n", "\n");
    assert!(text.contains("Bien à vous\nAn\n"), "{text}");
}

#[tokio::test]
async fn a_change_of_one_language_leaves_the_others() {
    let house = House::open().await;
    let api = house.may_everything(&house.practice("Maes & Partners"));
    let text = |word: &str| json!({ "subject": word, "body": format!("<p>{word}</p>") });
    let made = json!({ "name": "Own", "languages": { "nl": text("een"), "fr": text("un") } });
    let made = api.post("/v1/templates", &made).await.expect(201);
    let path = format!("/v1/templates/{}", id(&made));
    let changed = json!({ "languages": { "fr": text("deux") } });
    let changed = api.with("if-match", "\"1\"").patch(&path, &changed).await.expect(200);
    let subjects = (&changed["languages"]["nl"]["subject"], &changed["languages"]["fr"]["subject"]);
    assert_eq!(subjects, (&json!("een"), &json!("deux")));
    let without = json!({ "languages": { "fr": null } });
    let without = api.with("if-match", "\"2\"").patch(&path, &without).await.expect(200);
    assert!(without["languages"]["fr"].is_null() && !without["languages"]["nl"].is_null(), "{without}");
    let none = json!({ "languages": { "nl": null } });
    let refused = api.with("if-match", "\"3\"").patch(&path, &none).await.expect(422);
    assert_eq!(refused["errors"][0]["code"], "language_missing");
}
