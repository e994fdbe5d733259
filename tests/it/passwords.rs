//! Invitations and new passwords by mail, against the sandbox's mail server, and the pages that the links lead to.

use klaar_domain::identity::{Practice, Role};
use klaar_sandbox::{Effect, Fault, Sandbox, Settings, SmtpEffect, SmtpStep};
use mail_parser::{Message, MessageParser};
use reqwest::Method;
use serde_json::json;

use crate::client::{Answer, Client};
use crate::house::{House, PASSWORD};

const NEW_PASSWORD: &str = "battery staple horse";

/// A house that mails through the sandbox, and a practice in it.
async fn mailing() -> (Sandbox, House, Practice) {
    let sandbox = Sandbox::start(Settings::default()).await.unwrap();
    let url = format!("smtp://127.0.0.1:{}", sandbox.smtp_addr().port());
    let house = House::open_with(&[
        ("KLAAR_SMTP_URL", &url),
        ("KLAAR_MAIL_FROM", "klaar@host.example"),
        ("KLAAR_PUBLIC_URL", "https://klaar.example/api/"),
    ])
    .await;
    let practice = house.practice("Maes & Partners");
    (sandbox, house, practice)
}

fn parsed(mail: &klaar_sandbox::Mail) -> Message<'_> {
    MessageParser::default().parse(&mail.content[..]).unwrap()
}

/// The path and query of the link in a mail.
fn link(mail: &klaar_sandbox::Mail) -> String {
    let message = parsed(mail);
    let text = message.body_text(0).unwrap();
    let link = text.split_whitespace().find(|word| word.starts_with("https://klaar.example/api/")).unwrap();
    assert!(message.body_html(0).unwrap().contains(&link.replace('=', "&#x3D;")), "the same in both parts");
    link.strip_prefix("https://klaar.example/api").unwrap().to_owned()
}

async fn filled(reader: &Client, link: &str, password: &str) -> Answer {
    let (path, token) = link.split_once("?token=").unwrap();
    let form = format!("token={token}&password={}", password.replace(' ', "+"));
    let kind = "application/x-www-form-urlencoded";
    reader.send_bytes(Method::POST, path, Some((kind, form.into_bytes()))).await
}

fn html(answer: &Answer, status: u16) -> String {
    let html = String::from_utf8(answer.body.clone()).unwrap();
    assert_eq!(answer.status, status, "{html}");
    let policy = answer.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    let kept = (answer.header("referrer-policy"), answer.header("cache-control"));
    assert_eq!(kept, ("no-referrer", "no-store"));
    assert!(!html.contains("<script"), "no page needs one");
    html
}

#[tokio::test]
async fn an_invitation_comes_by_mail_and_its_page_sets_the_password_once() {
    let (sandbox, house, practice) = mailing().await;
    let api = house.may_everything(&practice);
    let person =
        json!({ "email": "celine@maes.example", "name": "Céline <b>Dubois</b>", "language": "fr", "role": "staff" });
    let invited = api.post("/v1/members", &person).await.expect(201);
    assert_eq!(
        (&invited["mailed"], &invited["invitation_token"]),
        (&json!(true), &json!(null)),
        "only who owns the address"
    );
    assert_eq!(sandbox.mails().len(), 0, "a mail is a job");
    house.run_jobs().await;
    let mails = sandbox.mails();
    assert_eq!((mails.len(), &mails[0].recipients[..]), (1, &["celine@maes.example".to_owned()][..]));
    let message = parsed(&mails[0]);
    assert_eq!(message.subject(), Some("Maes & Partners vous invite"));
    let from = message.from().unwrap().first().unwrap();
    assert_eq!((from.name(), from.address()), (Some("Maes & Partners"), Some("klaar@host.example")));
    assert!(message.body_html(0).unwrap().contains("Céline &lt;b&gt;Dubois&lt;/b&gt;"), "names are no HTML");
    assert!(message.body_text(0).unwrap().contains("jusqu’au 29 novembre 2026"), "a week, in the reader's language");
    assert_eq!(message.header("Auto-Submitted").and_then(|value| value.as_text()), Some("auto-generated"));

    let link = link(&mails[0]);
    let reader = house.nobody().with("accept-language", "fr-BE,fr");
    let page = html(&reader.get(&link).await, 200);
    assert!(page.contains("Bienvenue chez Maes &amp; Partners") && page.contains("lang=\"fr\""), "{page}");
    assert!(page.contains("Céline &lt;b&gt;Dubois&lt;/b&gt;"), "{page}");
    let short = html(&filled(&reader, &link, "court").await, 422);
    assert!(short.contains("role=\"alert\"") && short.contains("12"), "{short}");
    assert!(html(&filled(&reader, &link, PASSWORD).await, 200).contains("Votre mot de passe est défini"));
    house.signed_in("celine@maes.example").await.get("/v1/me").await.expect(200);
    assert!(html(&filled(&reader, &link, NEW_PASSWORD).await, 410).contains("Ce lien ne fonctionne plus"));
    assert!(html(&reader.get(&link).await, 410).contains("Ce lien ne fonctionne plus"));
    html(&reader.get("/welcome").await, 410);
    html(&reader.get("/welcome?token=%3Cscript%3Ealert(1)%3C/script%3E").await, 410);
}

#[tokio::test]
async fn a_newer_invitation_replaces_the_one_that_waits_and_who_is_gone_gets_none() {
    let (sandbox, house, practice) = mailing().await;
    let api = house.may_everything(&practice);
    let person = |name: &str| json!({ "email": format!("{name}@maes.example"), "name": name, "role": "reader" });
    let first = api.post("/v1/members", &person("an")).await.expect(201);
    let again = format!("/v1/members/{}/invitations", first["member"]["id"].as_str().unwrap());
    assert_eq!(api.post(&again, &json!({})).await.expect(201)["mailed"], json!(true));
    let second = api.post("/v1/members", &person("bert")).await.expect(201);
    api.delete(&format!("/v1/members/{}", second["member"]["id"].as_str().unwrap())).await.expect(204);
    house.run_jobs().await;
    let mails = sandbox.mails();
    assert_eq!(mails.len(), 1, "one of three is still wanted");
    html(&house.nobody().get(&link(&mails[0])).await, 200);
}

#[tokio::test]
async fn a_forgotten_password_is_set_anew_and_nobody_learns_who_has_an_account() {
    let (sandbox, house, practice) = mailing().await;
    let known = house.person(&practice, "An", Role::Staff);
    let signed_in = house.signed_in(&known).await;
    let answers = [
        house.nobody().post("/v1/password-resets", &json!({ "email": known.to_uppercase() })).await,
        house.nobody().post("/v1/password-resets", &json!({ "email": "nobody@maes.example" })).await,
    ];
    assert_eq!(answers.map(|answer| (answer.status, answer.body)), [(204, Vec::new()), (204, Vec::new())]);
    house.run_jobs().await;
    let mails = sandbox.mails();
    assert_eq!((mails.len(), &mails[0].recipients[..]), (1, &[known.clone()][..]));
    assert_eq!(parsed(&mails[0]).subject(), Some("Een nieuw wachtwoord kiezen"));
    let link = link(&mails[0]);
    assert!(html(&house.nobody().get(&link).await, 200).contains("Choose a new password"), "the browser's language");
    html(&filled(&house.nobody(), &link, NEW_PASSWORD).await, 200);
    signed_in.get("/v1/me").await.expect(401);
    let old = json!({ "email": known, "password": PASSWORD });
    house.nobody().post("/v1/sessions", &old).await.expect(401);
    let new = json!({ "email": known, "password": NEW_PASSWORD });
    house.nobody().post("/v1/sessions", &new).await.expect(201);
    html(&filled(&house.nobody(), &link, PASSWORD).await, 410);
    let trail = house.may_everything(&practice).get("/v1/audit-entries").await.expect(200);
    let changes = trail["items"].as_array().unwrap().iter().filter(|entry| entry["kind"] == "member.password_changed");
    assert_eq!(changes.count(), 1);

    let unknown = json!({ "token": "klaar_reset_unknown", "password": PASSWORD });
    let refused = house.nobody().post("/v1/password-reset-acceptances", &unknown).await;
    assert_eq!(refused.wrong_fields(), [("/token".to_owned(), "unknown_or_used".to_owned())]);
}

#[tokio::test]
async fn a_link_for_a_new_password_works_for_an_hour_and_may_be_asked_for_now_and_then() {
    let (sandbox, house, practice) = mailing().await;
    let known = house.person(&practice, "An", Role::Staff);
    let wish = json!({ "email": known });
    house.nobody().post("/v1/password-resets", &wish).await.expect(204);
    house.run_jobs().await;
    let first = link(&sandbox.mails()[0]);
    house.wait_seconds(3600);
    html(&house.nobody().get(&first).await, 410);
    for email in [&known[..], "nobody@maes.example"] {
        for _ in 0..3 {
            house.nobody().post("/v1/password-resets", &json!({ "email": email })).await.expect(204);
            house.wait_seconds(1);
        }
        let answer = house.nobody().post("/v1/password-resets", &json!({ "email": email })).await;
        assert_eq!((answer.status, answer.header("retry-after")), (429, "900"), "also for {email}");
    }
    let fresh = House::open().await;
    let refused = fresh.nobody().post("/v1/password-resets", &wish).await.expect(409);
    assert_eq!(refused["code"], "mail_not_offered");
}

#[tokio::test]
async fn a_mail_in_doubt_is_sent_again_as_the_same_mail_and_a_refused_one_waits_for_a_person() {
    let (sandbox, house, practice) = mailing().await;
    let api = house.may_everything(&practice);
    let at = |at, does| Fault { times: Some(1), ..Fault::world(Effect::Smtp { at, does }) };
    sandbox.add_fault(at(SmtpStep::Message, SmtpEffect::Drop)).unwrap();
    let person = json!({ "email": "an@maes.example", "name": "An", "role": "reader" });
    let invited = api.post("/v1/members", &person).await.expect(201);
    house.run_jobs().await;
    house.wait_seconds(3600);
    house.run_jobs().await;
    let mails = sandbox.mails();
    assert_eq!(mails.len(), 2, "the first was kept and not acknowledged");
    assert_eq!(parsed(&mails[0]).message_id(), parsed(&mails[1]).message_id());
    assert_eq!(link(&mails[0]), link(&mails[1]));

    sandbox.add_fault(at(SmtpStep::Rcpt, SmtpEffect::Reply(550))).unwrap();
    let again = format!("/v1/members/{}/invitations", invited["member"]["id"].as_str().unwrap());
    api.post(&again, &json!({})).await.expect(201);
    house.run_jobs().await;
    let dead = api.get("/v1/dead-jobs").await.expect(200);
    assert_eq!(dead["items"][0]["kind"], "send_invitation");
    assert!(dead["items"][0]["last_error"].as_str().unwrap().contains("550"), "the server's words: {dead}");
}
