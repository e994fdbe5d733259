mod client;
mod faulty;
mod sign_in;
mod tls;

use std::time::{Duration, Instant};

use tokio::{io::AsyncReadExt, net::TcpStream, time::timeout};

use self::client::Client;
use crate::{
    Effect, Fault, MAX_MAIL_BYTES, SmtpEffect, SmtpStep,
    testing::{get, sandbox},
};

#[tokio::test]
async fn a_mail_is_kept_as_it_was_meant() {
    let sandbox = sandbox().await;
    let mut client = Client::greeted(&sandbox).await;
    assert_eq!(client.mail("C@client.example").await, Some(250));
    timeout(Duration::from_secs(5), sandbox.wait_for_mails(1)).await.unwrap();
    let [mail] = sandbox.mails_to("c@Client.example").try_into().unwrap();
    assert!(mail.content.ends_with(b"--b--\r\n"));
    let read = mail.read();
    assert_eq!((read.id, read.sender.as_str(), read.subject.as_str()), (1, "a@practice.example", "Déjà"));
    assert_eq!(read.text.as_deref().map(str::trim_end), Some("Hello\r\n.dotted"));
    assert!(read.html.as_ref().is_some_and(|html| html.starts_with("<p onclick")));
    assert_eq!(read.header("subject").collect::<Vec<_>>(), ["=?utf-8?q?D=C3=A9j=C3=A0?="]);
    assert_eq!(client.say("QUIT").await, Some(221));
    assert_eq!(client.hear().await, None);
    assert_eq!((sandbox.totals().smtp_connections, sandbox.totals().mails), (1, 1));
    sandbox.clear_mails();
    assert!(sandbox.mails().is_empty());
}

#[tokio::test]
async fn several_commands_at_once_are_answered_in_order() {
    let sandbox = sandbox().await;
    let mut client = Client::greeted(&sandbox).await;
    let commands = "MAIL FROM:<> BODY=8BITMIME SIZE=100\r\nRCPT TO:<x@y>\r\nrcpt to: <z@y>\r\nDATA\r\n";
    client
        .send(&format!("{commands}Subject: x\r\n\r\nlone\n.\n line feeds\r\n.\r\nNOOP\r\nRSET\r\nNONSENSE\r\n"))
        .await;
    for expected in [250, 250, 250, 354, 250, 250, 250, 502] {
        assert_eq!(client.hear().await, Some(expected));
    }
    let [mail] = sandbox.mails().try_into().unwrap();
    assert_eq!((mail.sender.as_str(), mail.recipients), ("", vec!["x@y".to_owned(), "z@y".to_owned()]));
    assert_eq!(&mail.content[..], b"Subject: x\r\n\r\nlone\n.\n line feeds\r\n");
}

#[tokio::test]
async fn commands_out_of_order_or_form_are_refused() {
    let sandbox = sandbox().await;
    let mut client = Client::greeted(&sandbox).await;
    for (line, code) in [
        ("RCPT TO:<x@y>", 503),
        ("DATA", 503),
        ("MAIL x@y", 501),
        ("MAIL FROM:<a@b> SIZE=99999999999", 552),
        ("MAIL FROM:<a@b>", 250),
        ("MAIL FROM:<a@b>", 503),
        ("RCPT TO:<>", 501),
        ("DATA", 554),
        ("VRFY x", 252),
    ] {
        assert_eq!(client.say(line).await, Some(code), "{line}");
    }
    assert_eq!(client.say(&"x".repeat(5000)).await, Some(500));
    assert_eq!(client.hear().await, None);
}

#[tokio::test]
async fn too_large_a_mail_is_refused_and_the_dialogue_goes_on() {
    let sandbox = sandbox().await;
    let mut client = Client::greeted(&sandbox).await;
    for line in ["MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA"] {
        client.say(line).await;
    }
    let line = format!("{}\r\n", "x".repeat(998));
    for _ in 0..=MAX_MAIL_BYTES / 1000 {
        client.send(&line).await;
    }
    assert_eq!(client.say(".").await, Some(552));
    assert_eq!(client.mail("c@d").await, Some(250));
    assert_eq!(sandbox.mails().len(), 1);
}

#[tokio::test]
async fn a_long_line_that_is_split_inside_its_end_ends_all_the_same() {
    let sandbox = sandbox().await;
    let mut client = Client::greeted(&sandbox).await;
    for line in ["MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA"] {
        client.say(line).await;
    }
    client.send(&format!("{}\r\n.\r\n", "x".repeat(64 * 1024 - 1))).await;
    assert_eq!(timeout(Duration::from_secs(5), client.hear()).await.unwrap(), Some(250));
}

#[tokio::test]
async fn a_reply_can_be_a_fault_at_every_step() {
    let sandbox = sandbox().await;
    for (at, code) in [
        (SmtpStep::Mail, 450),
        (SmtpStep::Rcpt, 550),
        (SmtpStep::Data, 452),
        (SmtpStep::Message, 554),
        (SmtpStep::Mail, 421),
    ] {
        let mut client = Client::greeted(&sandbox).await;
        sandbox.set_faults(vec![Fault::world(Effect::Smtp { at, does: SmtpEffect::Reply(code) }).times(1)]).unwrap();
        assert_eq!(client.mail("c@d").await, Some(code), "{at:?}");
        if code == 421 {
            assert_eq!(client.hear().await, None);
        } else {
            client.say("RSET").await;
            assert_eq!(client.mail("c@d").await, Some(250));
        }
    }
    assert_eq!(sandbox.mails().len(), 4);
    for (at, last) in [(SmtpStep::Connect, 220), (SmtpStep::Ehlo, 250)] {
        sandbox.set_faults(vec![Fault::world(Effect::Smtp { at, does: SmtpEffect::Reply(421) }).times(1)]).unwrap();
        let mut client = Client::connect(&sandbox).await;
        let greeting = client.hear().await;
        let code = if at == SmtpStep::Connect { greeting } else { client.say("EHLO x").await };
        assert_eq!(code, Some(421), "in place of {last}");
        assert_eq!(client.hear().await, None);
    }
}

#[tokio::test]
async fn a_fault_can_name_recipients() {
    let sandbox = sandbox().await;
    sandbox.add_fault(Fault::of("bad@d", Effect::Smtp { at: SmtpStep::Rcpt, does: SmtpEffect::Reply(550) })).unwrap();
    let mut client = Client::greeted(&sandbox).await;
    assert_eq!(client.mail("good@d").await, Some(250));
    assert_eq!(client.mail("BAD@d").await, Some(550));
}

#[tokio::test]
async fn a_connection_dropped_after_the_content_has_kept_the_mail() {
    let sandbox = sandbox().await;
    for (at, kept) in [(SmtpStep::Data, 0), (SmtpStep::Message, 1)] {
        sandbox.set_faults(vec![Fault::world(Effect::Smtp { at, does: SmtpEffect::Drop })]).unwrap();
        assert_eq!(Client::greeted(&sandbox).await.mail("c@d").await, None);
        assert_eq!(sandbox.mails().len(), kept, "{at:?}");
    }
}

#[tokio::test]
async fn a_slow_server_is_slow() {
    let sandbox = sandbox().await;
    sandbox
        .add_fault(Fault::world(Effect::Smtp { at: SmtpStep::Mail, does: SmtpEffect::Slow { pause_ms: 50 } }))
        .unwrap();
    let started = Instant::now();
    assert_eq!(Client::greeted(&sandbox).await.mail("c@d").await, Some(250));
    assert!(started.elapsed() >= Duration::from_millis(50));
}

#[tokio::test]
async fn a_mail_is_shown_without_being_run() {
    let sandbox = sandbox().await;
    Client::greeted(&sandbox).await.mail("<script>@d").await;
    Client::greeted(&sandbox).await.mail("c&d@e").await;
    let list = get(sandbox.page_addr(), "/").await.unwrap();
    assert!(list.body.contains("<a href=\"/mails/1\">Déjà</a>") && list.body.contains("c&amp;d@e"));
    let shown = get(sandbox.page_addr(), "/mails/1").await.unwrap();
    assert!(shown.body.contains("<iframe sandbox=\"\""));
    assert!(shown.body.contains("srcdoc=\"&lt;p onclick=&quot;x()&quot;&gt;Hello"));
    assert!(!shown.body.contains("<script"));
    assert!(shown.header("content-security-policy").is_some_and(|policy| policy.starts_with("default-src 'none'")));
    assert_eq!(get(sandbox.page_addr(), "/mails/99").await.unwrap().status, 404);
    let json = get(sandbox.page_addr(), "/api/mails/2").await.unwrap().json();
    assert_eq!((json["subject"].as_str(), json["recipients"][0].as_str()), (Some("Déjà"), Some("c&d@e")));
    let source = get(sandbox.page_addr(), "/api/mails/2/source").await.unwrap();
    assert!(source.body.starts_with("From: A <a@practice.example>\r\n"));
}

#[tokio::test]
async fn a_client_that_says_nothing_does_not_keep_others_waiting() {
    let sandbox = sandbox().await;
    let mut silent = TcpStream::connect(sandbox.smtp_addr()).await.unwrap();
    assert_eq!(Client::greeted(&sandbox).await.mail("c@d").await, Some(250));
    let mut greeting = [0; 4];
    silent.read_exact(&mut greeting).await.unwrap();
    assert_eq!(&greeting, b"220 ");
}
