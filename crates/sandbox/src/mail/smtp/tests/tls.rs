//! STARTTLS and the listener behind TLS.

use super::client::Client;
use crate::{Sandbox, Settings, testing::sandbox};

pub(super) async fn with_starttls() -> Sandbox {
    Sandbox::start(Settings { offers_starttls: true, ..Settings::default() }).await.unwrap()
}

#[tokio::test]
async fn starttls_is_offered_only_where_it_is_switched_on() {
    let without = sandbox().await;
    let mut client = Client::greeted(&without).await;
    assert!(!client.heard.contains("STARTTLS"));
    assert_eq!(client.say("STARTTLS").await, Some(502));
    assert_eq!(client.mail("c@d").await, Some(250));

    let with = with_starttls().await;
    let mut client = Client::greeted(&with).await;
    assert!(client.heard.contains("250-STARTTLS\r\n"));
    assert_eq!(client.say("STARTTLS now").await, Some(501));
    assert_eq!(client.mail("c@d").await, Some(250));
    let mut client = Client::after_starttls(&with).await;
    assert!(!client.heard.contains("STARTTLS"));
    assert_eq!(client.say("STARTTLS").await, Some(503));
    assert_eq!(client.mail("c@d").await, Some(250));
    assert_eq!(client.say("QUIT").await, Some(221));
    assert_eq!(client.hear().await, None);
    assert_eq!(with.mails().iter().map(|mail| mail.over_tls).collect::<Vec<_>>(), [false, true]);
}

#[tokio::test]
async fn nothing_said_before_the_handshake_counts_after_it() {
    let sandbox = with_starttls().await;
    let mut client = Client::greeted(&sandbox).await;
    assert_eq!(client.say("MAIL FROM:<a@b>").await, Some(250));
    client.send("STARTTLS\r\nEHLO x\r\nMAIL FROM:<evil@b>\r\nRCPT TO:<evil@d>\r\nDATA\r\ninjected\r\n.\r\n").await;
    assert_eq!(client.hear().await, Some(220));
    let mut client = client.secured(&sandbox, "127.0.0.1").await.unwrap();
    assert_eq!(client.say("RCPT TO:<c@d>").await, Some(503));
    assert_eq!(client.say("NOOP").await, Some(250));
    assert!(client.heard.contains("still here"), "a reply to what was injected: {}", client.heard);
    assert!(sandbox.mails().is_empty());
    assert_eq!(client.mail("c@d").await, Some(250));
    assert_eq!(sandbox.mails()[0].recipients, ["c@d"]);
}

#[tokio::test]
async fn clear_text_in_place_of_the_handshake_ends_the_dialogue() {
    let sandbox = with_starttls().await;
    for server in [sandbox.smtp_addr(), sandbox.smtps_addr()] {
        let mut client = Client::connect_to(server).await;
        if server == sandbox.smtp_addr() {
            client.be_greeted().await;
            assert_eq!(client.say("STARTTLS").await, Some(220));
        }
        client.send("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nclear text\r\n.\r\n").await;
        assert_eq!(client.hear_raw().await.windows(4).filter(|bytes| *bytes == b"250 ").count(), 0);
        assert!(sandbox.mails().is_empty());
    }
}

#[tokio::test]
async fn tls_can_begin_with_the_first_byte() {
    let sandbox = sandbox().await;
    for name in ["localhost", "127.0.0.1"] {
        let client = Client::connect_to(sandbox.smtps_addr()).await;
        let mut client = client.secured(&sandbox, name).await.unwrap();
        client.be_greeted().await;
        assert!(!client.heard.contains("STARTTLS"));
        assert_eq!(client.mail("c@d").await, Some(250), "{name}");
    }
    assert!(sandbox.mails().iter().all(|mail| mail.over_tls));
    let client = Client::connect_to(sandbox.smtps_addr()).await;
    assert!(client.secured(&sandbox, "elsewhere.example").await.is_err());
}

#[tokio::test]
async fn a_handshake_that_does_not_begin_keeps_nobody_waiting() {
    let sandbox = sandbox().await;
    let _silent = Client::connect_to(sandbox.smtps_addr()).await;
    let mut client = Client::connect_to(sandbox.smtps_addr()).await.secured(&sandbox, "localhost").await.unwrap();
    client.be_greeted().await;
}
