//! Faults that are more than a reply.

use std::time::{Duration, Instant};

use super::{client::Client, tls::with_starttls};
use crate::{Effect, Fault, Sandbox, SmtpEffect, SmtpStep, testing::sandbox};

fn only(sandbox: &Sandbox, at: SmtpStep, does: SmtpEffect) {
    sandbox.set_faults(vec![Fault::world(Effect::Smtp { at, does })]).unwrap();
}

#[tokio::test]
async fn a_silent_server_answers_nothing_until_the_client_goes() {
    let sandbox = sandbox().await;
    only(&sandbox, SmtpStep::Connect, SmtpEffect::Silence);
    let mut client = Client::connect(&sandbox).await;
    client.fall_silent().await;
    assert_eq!(client.hear().await, None);
    for (line, at) in [("EHLO x", SmtpStep::Ehlo), ("MAIL FROM:<a@b>", SmtpStep::Mail)] {
        only(&sandbox, at, SmtpEffect::Silence);
        let mut client = Client::connect(&sandbox).await;
        assert_eq!(client.hear().await, Some(220));
        client.send(&format!("{line}\r\nNOOP\r\nQUIT\r\n")).await;
        client.fall_silent().await;
        assert_eq!(client.hear().await, None, "{at:?}");
    }
    only(&sandbox, SmtpStep::Message, SmtpEffect::Silence);
    let mut client = Client::greeted(&sandbox).await;
    client.send("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nx\r\n.\r\n").await;
    client.fall_silent().await;
    for code in [Some(250), Some(250), Some(354), None] {
        assert_eq!(client.hear().await, code);
    }
    assert_eq!(sandbox.mails().len(), 1);
}

#[tokio::test]
async fn a_reply_can_come_byte_by_byte() {
    let sandbox = sandbox().await;
    only(&sandbox, SmtpStep::Mail, SmtpEffect::SlowBytes { pause_ms: 3 });
    let mut client = Client::greeted(&sandbox).await;
    let started = Instant::now();
    assert_eq!(client.say("MAIL FROM:<a@b>").await, Some(250));
    let bytes = u32::try_from(client.heard.len()).unwrap();
    assert!(bytes > 10 && started.elapsed() >= Duration::from_millis(3) * bytes);
    assert_eq!(client.say("RCPT TO:<c@d>").await, Some(250));
}

#[tokio::test]
async fn a_greylisted_recipient_is_taken_when_it_has_waited() {
    let sandbox = sandbox().await;
    let pause = Duration::from_millis(150);
    only(&sandbox, SmtpStep::Rcpt, SmtpEffect::Greylist { pause_ms: 150 });
    let mut client = Client::greeted(&sandbox).await;
    assert_eq!(client.say("MAIL FROM:<a@b>").await, Some(250));
    let first_try = Instant::now();
    let mut refused = 0;
    while client.say("RCPT TO:<c@d>").await == Some(451) {
        assert!(client.heard.starts_with("451 4.7.1 ") && first_try.elapsed() < Duration::from_secs(30));
        refused += 1;
    }
    assert!(refused >= 1 && first_try.elapsed() >= pause, "{refused}");
    assert!(client.heard.starts_with("250 "));
    assert_eq!(client.say("RCPT TO:<C@D>").await, Some(250));
    assert_eq!(client.say("RCPT TO:<e@f>").await, Some(451));
}

#[tokio::test]
async fn starttls_can_fail_in_every_way() {
    let sandbox = with_starttls().await;
    for (does, code) in [
        (SmtpEffect::Reply(454), Some(454)),
        (SmtpEffect::Reply(421), Some(421)),
        (SmtpEffect::Drop, None),
        (SmtpEffect::BadTls, Some(220)),
        (SmtpEffect::SlowBytes { pause_ms: 1 }, Some(220)),
    ] {
        only(&sandbox, SmtpStep::StartTls, does);
        let mut client = Client::greeted(&sandbox).await;
        assert_eq!(client.say("STARTTLS").await, code, "{does:?}");
        match does {
            SmtpEffect::Reply(454) => assert_eq!(client.mail("c@d").await, Some(250)),
            SmtpEffect::BadTls => {
                let error = client.secured(&sandbox, "localhost").await.err().unwrap();
                assert_eq!(error.kind(), std::io::ErrorKind::InvalidData, "{error}");
            }
            SmtpEffect::SlowBytes { .. } => assert!(client.secured(&sandbox, "localhost").await.is_ok()),
            _ => assert_eq!(client.hear().await, None),
        }
    }
    only(&sandbox, SmtpStep::StartTls, SmtpEffect::Silence);
    let mut client = Client::greeted(&sandbox).await;
    client.send("STARTTLS\r\n").await;
    client.fall_silent().await;
    assert_eq!(client.hear().await, None);
}

#[tokio::test]
async fn a_handshake_at_once_can_fail_in_every_way() {
    let sandbox = sandbox().await;
    for does in [SmtpEffect::BadTls, SmtpEffect::Reply(421), SmtpEffect::Drop] {
        only(&sandbox, SmtpStep::StartTls, does);
        let client = Client::connect_to(sandbox.smtps_addr()).await;
        let error = client.secured(&sandbox, "localhost").await.err().unwrap();
        let is_garbage = error.kind() == std::io::ErrorKind::InvalidData;
        assert_eq!(is_garbage, does != SmtpEffect::Drop, "{does:?}: {error}");
    }
    only(&sandbox, SmtpStep::StartTls, SmtpEffect::Silence);
    let mut client = Client::connect_to(sandbox.smtps_addr()).await;
    client.fall_silent().await;
    assert_eq!(client.hear_raw().await, b"");
    only(&sandbox, SmtpStep::StartTls, SmtpEffect::Slow { pause_ms: 20 });
    let started = Instant::now();
    let client = Client::connect_to(sandbox.smtps_addr()).await;
    assert!(client.secured(&sandbox, "localhost").await.is_ok());
    assert!(started.elapsed() >= Duration::from_millis(20));
}

#[tokio::test]
async fn a_refusal_has_the_enhanced_code_that_goes_with_it_and_says_whose_it_is() {
    let sandbox = sandbox().await;
    let mut client = Client::greeted(&sandbox).await;
    for (code, enhanced) in
        [(450, "4.2.0"), (452, "4.2.2"), (550, "5.1.1"), (552, "5.2.2"), (554, "5.7.1"), (499, "4.0.0"), (421, "4.3.2")]
    {
        only(&sandbox, SmtpStep::Mail, SmtpEffect::Reply(code));
        assert_eq!(client.say("MAIL FROM:<a@b>").await, Some(code));
        assert!(client.heard.starts_with(&format!("{code} {enhanced} the sandbox was told to")), "{}", client.heard);
    }
}

#[tokio::test]
async fn connections_open_at_once_are_counted() {
    let sandbox = sandbox().await;
    let counted = || (sandbox.totals().smtp_connections, sandbox.totals().most_smtp_connections);
    for _ in 0..3 {
        assert_eq!(Client::greeted(&sandbox).await.say("QUIT").await, Some(221));
    }
    assert_eq!(counted(), (3, 1));
    let mut first = Client::greeted(&sandbox).await;
    let second = Client::connect_to(sandbox.smtps_addr()).await;
    let mut second = second.secured(&sandbox, "localhost").await.unwrap();
    second.be_greeted().await;
    assert_eq!(counted(), (5, 2));
    assert_eq!(first.say("QUIT").await, Some(221));
    sandbox.reset_counters();
    assert_eq!(counted(), (0, 1));
    assert_eq!(second.say("QUIT").await, Some(221));
    Client::greeted(&sandbox).await;
    assert_eq!(counted(), (1, 1));
}
