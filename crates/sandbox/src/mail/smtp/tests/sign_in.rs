//! AUTH, and what needs it.

use data_encoding::BASE64;

use super::client::Client;
use crate::{
    MailAccount, Sandbox, Settings,
    testing::{post_form, sandbox},
};

const USER: &str = "an@practice.example";
const SECRET: &str = "geheim é";

async fn with_account(offers_starttls: bool) -> Sandbox {
    let account = MailAccount { user: USER.to_owned(), secret: SECRET.to_owned() };
    let other = MailAccount { user: "bo@practice.example".to_owned(), secret: "other".to_owned() };
    let settings = Settings { mail_accounts: vec![other, account], offers_starttls, ..Settings::default() };
    Sandbox::start(settings).await.unwrap()
}

fn base64(text: &str) -> String {
    BASE64.encode(text.as_bytes())
}

fn plain(acts_as: &str, user: &str, secret: &str) -> String {
    base64(&format!("{acts_as}\0{user}\0{secret}"))
}

fn bearer(user: &str, token: &str) -> String {
    base64(&format!("user={user}\x01auth=Bearer {token}\x01\x01"))
}

/// Says lines and expects these codes.
async fn talk(client: &mut Client, dialogue: &[(&str, u16)]) {
    for (line, code) in dialogue {
        assert_eq!(client.say(line).await, Some(*code), "{line}: {}", client.heard);
    }
}

#[tokio::test]
async fn without_accounts_nothing_is_said_of_sign_in() {
    let sandbox = sandbox().await;
    let mut client = Client::greeted(&sandbox).await;
    assert!(!client.heard.contains("AUTH"));
    assert_eq!(client.say("AUTH PLAIN").await, Some(502));
    assert_eq!(client.mail("c@d").await, Some(250));
    assert_eq!(sandbox.mails()[0].account, None);
}

#[tokio::test]
async fn each_mechanism_lets_in_who_has_the_secret() {
    let sandbox = with_account(false).await;
    let (user, secret) = (base64(USER), base64(SECRET));
    let right = plain("", USER, SECRET);
    let himself = format!("auth plain {}", plain(USER, USER, SECRET));
    let token = bearer(USER, SECRET);
    let dialogues: [&[(&str, u16)]; 6] = [
        &[(&format!("AUTH PLAIN {right}"), 235)],
        &[("AUTH PLAIN", 334), (&right, 235)],
        &[(&himself, 235)],
        &[("AUTH LOGIN", 334), (&user, 334), (&secret, 235)],
        &[(&format!("AUTH LOGIN {user}"), 334), (&secret, 235)],
        &[(&format!("AUTH XOAUTH2 {token}"), 235)],
    ];
    for dialogue in dialogues {
        let mut client = Client::greeted(&sandbox).await;
        assert!(client.heard.contains("250-AUTH PLAIN LOGIN XOAUTH2\r\n"));
        assert_eq!(client.mail("c@d").await, Some(530));
        assert!(client.heard.starts_with("530 5.7.0 "));
        talk(&mut client, dialogue).await;
        assert_eq!(client.say(&format!("AUTH PLAIN {right}")).await, Some(503));
        assert_eq!(client.mail("c@d").await, Some(250));
        client.say("RSET").await;
        assert_eq!(client.mail("c@d").await, Some(250));
    }
    assert_eq!(sandbox.mails().len(), 12);
    assert!(sandbox.mails().iter().all(|mail| mail.account.as_deref() == Some(USER) && !mail.over_tls));
}

#[tokio::test]
async fn each_mechanism_keeps_out_who_has_not() {
    let sandbox = with_account(false).await;
    let mut client = Client::greeted(&sandbox).await;
    for wrong in [plain("", USER, "other"), plain("", "", ""), plain("bo@practice.example", USER, SECRET)] {
        talk(&mut client, &[(&format!("AUTH PLAIN {wrong}"), 535)]).await;
        assert!(client.heard.starts_with("535 5.7.8 "));
    }
    let user = base64(USER);
    talk(&mut client, &[("AUTH LOGIN", 334)]).await;
    assert_eq!(client.heard, "334 VXNlcm5hbWU6\r\n");
    talk(&mut client, &[(&user, 334)]).await;
    assert_eq!(client.heard, "334 UGFzc3dvcmQ6\r\n");
    talk(&mut client, &[(&base64("other"), 535), (&format!("AUTH LOGIN {user}"), 334), ("", 535)]).await;
    for wrong in [bearer(USER, "other"), bearer("bo@practice.example", SECRET)] {
        talk(&mut client, &[("AUTH XOAUTH2", 334), (&wrong, 334)]).await;
        let error = BASE64.decode(&client.heard.trim_end().as_bytes()[4..]).unwrap();
        let error: serde_json::Value = serde_json::from_slice(&error).unwrap();
        assert_eq!((error["status"].as_str(), error["schemes"].as_str()), (Some("400"), Some("Bearer")));
        talk(&mut client, &[("", 535)]).await;
    }
    assert_eq!(client.mail("c@d").await, Some(530));
    assert!(sandbox.mails().is_empty());
}

#[tokio::test]
async fn a_sign_in_out_of_form_or_order_is_refused() {
    let sandbox = with_account(false).await;
    let mut client = Client::connect(&sandbox).await;
    client.hear().await;
    let right = format!("AUTH PLAIN {}", plain("", USER, SECRET));
    talk(&mut client, &[(&right, 503), ("HELO x", 250), (&right, 503), ("EHLO x", 250)]).await;
    let dialogue: [(&str, u16); 8] = [
        ("AUTH", 504),
        ("AUTH CRAM-MD5", 504),
        ("AUTH PLAIN not-base64", 501),
        ("AUTH PLAIN /w==", 501),
        ("AUTH PLAIN =", 501),
        (&format!("AUTH PLAIN {}", plain("", USER, "a\0b")), 501),
        (&format!("AUTH XOAUTH2 {}", base64("user=x")), 501),
        (&format!("AUTH XOAUTH2 {}", base64("user=x\x01auth=Basic y\x01\x01")), 501),
    ];
    talk(&mut client, &dialogue).await;
    talk(&mut client, &[("AUTH PLAIN", 334), ("*", 501), ("AUTH LOGIN", 334), (&base64(USER), 334), ("*", 501)]).await;
    let wrong = format!("AUTH XOAUTH2 {}", bearer(USER, "x"));
    talk(&mut client, &[(&wrong, 334), ("*", 501)]).await;
    talk(&mut client, &[(&right, 235), ("MAIL FROM:<a@b>", 250), (&right, 503)]).await;
}

#[tokio::test]
async fn a_line_of_a_sign_in_may_be_long_but_not_endless() {
    let secret = "t".repeat(8000);
    let account = MailAccount { user: USER.to_owned(), secret: secret.clone() };
    let sandbox = Sandbox::start(Settings { mail_accounts: vec![account], ..Settings::default() }).await.unwrap();
    let mut client = Client::greeted(&sandbox).await;
    talk(&mut client, &[(&format!("AUTH XOAUTH2 {}", bearer(USER, &secret)), 235)]).await;
    let mut client = Client::greeted(&sandbox).await;
    talk(&mut client, &[("AUTH PLAIN", 334)]).await;
    assert_eq!(client.say(&"x".repeat(13_000)).await, Some(500));
    assert_eq!(client.hear().await, None);
}

#[tokio::test]
async fn where_tls_is_offered_no_secret_goes_in_clear_text() {
    let sandbox = with_account(true).await;
    let right = format!("AUTH PLAIN {}", plain("", USER, SECRET));
    let mut client = Client::greeted(&sandbox).await;
    assert!(!client.heard.contains("AUTH"));
    talk(&mut client, &[(&right, 538), ("MAIL FROM:<a@b>", 530)]).await;
    assert!(client.heard.contains("STARTTLS"));
    talk(&mut client, &[("STARTTLS", 220)]).await;
    let mut client = client.secured(&sandbox, "localhost").await.unwrap();
    talk(&mut client, &[(&right, 503), ("EHLO x", 250)]).await;
    assert!(client.heard.contains("250-AUTH PLAIN LOGIN XOAUTH2\r\n"));
    talk(&mut client, &[("MAIL FROM:<a@b>", 530), (&right, 235)]).await;
    assert_eq!(client.mail("c@d").await, Some(250));
    let mut client = Client::connect_to(sandbox.smtps_addr()).await.secured(&sandbox, "localhost").await.unwrap();
    client.be_greeted().await;
    talk(&mut client, &[("MAIL FROM:<a@b>", 530), (&right, 235)]).await;
    assert_eq!(client.mail("c@d").await, Some(250));
    assert!(sandbox.mails().iter().all(|mail| mail.over_tls && mail.account.as_deref() == Some(USER)));
}

#[tokio::test]
async fn an_access_token_lets_in_until_it_is_revoked() {
    let sandbox = with_account(false).await;
    let form = "grant_type=refresh_token&client_id=x&client_secret=y&refresh_token=geheim+%C3%A9";
    let ask = async || post_form(sandbox.page_addr(), "/oauth/token", form).await.unwrap().json();
    let token = ask().await["access_token"].as_str().unwrap().to_owned();
    let with_token = format!("AUTH XOAUTH2 {}", bearer(USER, &token));
    let mut client = Client::greeted(&sandbox).await;
    talk(&mut client, &[(&format!("AUTH PLAIN {}", plain("", USER, &token)), 535), (&with_token, 235)]).await;
    sandbox.revoke_access_tokens();
    assert_eq!(client.mail("c@d").await, Some(250), "a dialogue that is signed in stays so");
    let mut client = Client::greeted(&sandbox).await;
    talk(&mut client, &[(&with_token, 334), ("", 535)]).await;
    let fresh = ask().await["access_token"].as_str().unwrap().to_owned();
    assert_ne!(fresh, token);
    talk(&mut client, &[(&format!("AUTH XOAUTH2 {}", bearer(USER, &fresh)), 235)]).await;
    assert_eq!(sandbox.totals().token_requests, 2);
}
