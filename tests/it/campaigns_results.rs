//! What came of a campaign: its results as a file, its progress as it goes on, who joined since; and values that were made to
//! do harm.

use klaar_sandbox::{SmtpEffect, SmtpStep};
use mail_parser::MessageParser;
use serde_json::{Value, json};

use crate::campaigns::{id, post};

#[tokio::test]
async fn those_who_joined_since_are_found_and_mailed_by_a_follow_up_once() {
    let post = post().await;
    post.clients(2).await;
    let first = post.draft(&post.information().await, json!({ "name": "Ronde" })).await;
    let joined = format!("/v1/campaigns/{}/joined", id(&first));
    assert_eq!(post.api.get(&joined).await.expect(200)["clients"], 2, "nobody has had it yet");
    let early = post.api.post(&format!("/v1/campaigns/{}/follow-ups", id(&first)), &json!({})).await.expect(409);
    assert_eq!(early["code"], "campaign_not_begun");
    post.dispatch(&first).await.expect(202);
    post.house.run_jobs().await;
    assert_eq!(post.api.get(&joined).await.expect(200), json!({ "clients": 0, "named": [] }));
    post.client("Later", Some("later@clients.example")).await;
    let seen = post.api.get(&joined).await.expect(200);
    assert_eq!((&seen["clients"], &seen["named"][0]["name"]), (&json!(1), &json!("Later")));
    let follow_ups = format!("/v1/campaigns/{}/follow-ups", id(&first));
    let second = post.api.post(&follow_ups, &json!({})).await.expect(201);
    assert_eq!(
        (&second["status"], &second["follows_id"], &second["name"]),
        (&json!("draft"), &first["id"], &json!("Ronde"))
    );
    post.dispatch(&second).await.expect(202);
    post.house.run_jobs().await;
    assert_eq!(post.now(&second).await["audience"], 1);
    assert!(post.arrived().len() == 3 && post.arrived().values().all(|times| *times == 1), "nobody twice");
    assert_eq!(post.api.get(&joined).await.expect(200)["clients"], 0);
    post.client("Nog later", Some("nog@clients.example")).await;
    let third = post.api.post(&format!("/v1/campaigns/{}/follow-ups", id(&second)), &json!({})).await.expect(201);
    assert_eq!(third["follows_id"], first["id"], "one line");
    let preflight = post.api.get(&format!("/v1/campaigns/{}/preflight", id(&third))).await.expect(200);
    assert_eq!(preflight["audience"], 1);
}

#[tokio::test]
async fn the_results_are_a_file_and_the_progress_is_told_as_it_goes_on() {
    let post = post().await;
    post.client("=1+1", Some("formule@clients.example")).await;
    post.client("Zonder adres", None).await;
    let draft = post.draft(&post.information().await, json!({})).await;
    let operation = post.dispatch(&draft).await.expect(202);
    let events = format!("/v1/operations/{}/events", id(&operation));
    let listening = tokio::spawn({
        let api = post.api.clone();
        async move { api.get(&events).await }
    });
    post.house.run_jobs().await;
    let told = listening.await.unwrap();
    assert_eq!((told.status, told.header("content-type")), (200, "text/event-stream"));
    let told = String::from_utf8(told.body).unwrap();
    let last = told.trim().rsplit("\n\n").next().unwrap().strip_prefix("event: operation\ndata: ").unwrap();
    let last: Value = serde_json::from_str(last).unwrap();
    assert_eq!((&last["status"], &last["done"], &last["result"]["sent"]), (&json!("finished"), &json!(2), &json!(1)));

    let file = post.api.with("accept-language", "nl").get(&format!("/v1/campaigns/{}/results", id(&draft))).await;
    let text = String::from_utf8(file.body).unwrap();
    let lines: Vec<&str> = text.trim_start_matches('\u{feff}').lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(lines[0].starts_with("Identificatie;Klant;Status;Adres;"), "{}", lines[0]);
    assert!(
        lines[1].contains(";'=1+1;verzonden;formule@clients.example;") && lines[1].contains(";250 "),
        "{}",
        lines[1]
    );
    assert!(lines[2].contains(";Zonder adres;geen adres;;"), "{}", lines[2]);
}

/// Values that are HTML, header line breaks, template code, marks that turn the direction of text, and all of these together.
fn hostile(number: usize) -> String {
    const PARTS: [&str; 10] = [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "{{practice.name}}",
        "{{#each x}}{{{this}}}{{/each}}",
        "\" onmouseover=\"alert(1)",
        "\u{202e}txt.exe\u{2066}",
        "</td></tr></table><h1>",
        "&lt;b&gt;&#x3c;",
        "=?utf-8?q?Bcc=3A_x=40y.example?=",
        "X-Injected: yes",
    ];
    let part = |at: usize| PARTS[(number / 10_usize.pow(u32::try_from(at).unwrap())) % 10];
    format!("{}{}{} {number:04}", part(0), part(1), part(2))
}

/// The control characters that a card refuses are what an injected header needs; an import takes lines apart anyway.
#[tokio::test]
async fn a_thousand_hostile_values_inject_no_header_no_tag_and_no_template() {
    let post = post().await;
    let refused = post.api.post("/v1/clients", &json!({ "name": "A\r\nBcc: x@y.example" })).await;
    assert_eq!(refused.wrong_fields()[0].1, "control_characters");
    let mut list = "Naam;E-mail;Opmerkingen;Software voor ontvangst\r\n".to_owned();
    for number in 0..1_000 {
        let value = hostile(number).replace('"', "\"\"");
        list.push_str(&format!("\"{value}\";c{number:04}@clients.example;\"{value}\r\nBcc: x@y.example\";\r\n"));
    }
    let sent =
        post.api.send_bytes(reqwest::Method::POST, "/v1/client-imports", Some(("text/csv", list.into_bytes()))).await;
    sent.expect(202);
    post.house.run_jobs().await;
    let template = json!({ "name": "Own", "languages": { "nl": {
        "subject": "Voor {{client.name}}: {{#if fields.comments}}{{fields.comments}}{{/if}}",
        "body": "<p>{{client.name}}</p><p>{{#if fields.comments}}{{fields.comments}}{{/if}}</p>",
        "postscript": "PS {{client.name}}",
    } } });
    let template = post.api.post("/v1/templates", &template).await.expect(201);
    let draft = post.draft(&template["id"], json!({})).await;
    post.dispatch(&draft).await.expect(202);
    post.house.run_jobs().await;
    let mails = post.sandbox.mails();
    assert_eq!((post.now(&draft).await["recipients"]["sent"].as_i64(), mails.len()), (Some(1_000), 1_000));
    let (mut headers, mut tags) = (std::collections::BTreeSet::new(), std::collections::BTreeSet::new());
    for mail in &mails {
        let message = MessageParser::default().parse(&mail.content[..]).unwrap();
        headers.insert(message.headers().iter().map(|header| header.name().to_owned()).collect::<Vec<_>>());
        let html = message.body_html(0).unwrap();
        tags.insert(
            html.split('<').skip(1).map(|part| part.split([' ', '>']).next().unwrap().to_owned()).collect::<Vec<_>>(),
        );
        let number = mail.recipients[0][1..5].parse::<usize>().unwrap();
        let seen: String = hostile(number).chars().filter(|c| !matches!(c, '\u{202e}' | '\u{2066}')).collect();
        assert!(message.body_text(0).unwrap().contains(&seen), "the text says it as it is: {seen}");
        let subject = message.subject().unwrap();
        assert!(subject.contains(&seen.replace("=?", "= ?")), "no encoded word: {subject}");
        assert_eq!(mail.recipients.len(), 1);
    }
    assert_eq!((headers.len(), tags.len()), (1, 1), "the same headers and the same tags in all of them");
}

#[tokio::test]
async fn what_a_cancelled_campaign_left_in_doubt_is_settled_but_never_sent_again() {
    let post = post().await;
    post.clients(2).await;
    post.fault(Some("c000@clients.example"), SmtpStep::Message, SmtpEffect::Drop);
    post.fault(Some("c001@clients.example"), SmtpStep::Rcpt, SmtpEffect::Reply(451));
    let draft = post.draft(&post.information().await, json!({})).await;
    post.dispatch(&draft).await.expect(202);
    post.house.run_jobs().await;
    post.verb(&draft, "cancel", json!({})).await.expect(200);
    let again = post.verb(&draft, "settle", json!({ "as": "again" })).await.expect(409);
    assert_eq!(again["code"], "campaign_status");
    assert_eq!(post.now(&draft).await["recipients"]["in_doubt"], 1);
    let settled = post.verb(&draft, "settle", json!({ "as": "sent" })).await.expect(200);
    assert_eq!((&settled["recipients"]["sent"], &settled["recipients"]["waiting"]), (&json!(1), &json!(0)));
}

#[tokio::test]
async fn who_has_an_address_now_or_was_cancelled_can_be_had_by_a_follow_up() {
    let post = post().await;
    let without = post.client("Zonder adres", None).await;
    post.clients(1).await;
    let first = post.draft(&post.information().await, json!({})).await;
    post.dispatch(&first).await.expect(202);
    post.house.run_jobs().await;
    let joined = async |campaign: &Value| {
        post.api.get(&format!("/v1/campaigns/{}/joined", id(campaign))).await.expect(200)["clients"].clone()
    };
    assert_eq!(joined(&first).await, 0, "nothing has changed for whoever has no address");
    let path = format!("/v1/clients/{}", id(&without));
    let change = json!({ "email": "nu@clients.example" });
    post.api.with("if-match", &format!("\"{}\"", without["revision"])).patch(&path, &change).await.expect(200);
    assert_eq!(joined(&first).await, 1);

    let second = post.draft(&post.information().await, json!({})).await;
    post.dispatch(&second).await.expect(202);
    post.verb(&second, "cancel", json!({})).await.expect(200);
    assert_eq!(joined(&second).await, 2, "nobody has had it");
}

#[tokio::test]
async fn an_offer_informs_nobody_about_peppol() {
    let post = post().await;
    let client = post.client("Bakkerij Peeters", Some("info@peeters.example")).await;
    let draft = post.draft(&post.information().await, json!({ "purpose": "marketing" })).await;
    post.dispatch(&draft).await.expect(202);
    post.house.run_jobs().await;
    assert_eq!(post.arrived().len(), 1);
    let card = post.api.get(&format!("/v1/clients/{}", id(&client))).await.expect(200);
    assert_eq!(card["informed_at"], Value::Null);
}
