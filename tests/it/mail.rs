//! What becomes of a mail, whatever the server does with it: against the sandbox's mail server and its faults.

use klaar_domain::kernel::clock::{Clock, Instant};
use klaar_domain::mail::{Address, MailFault, MailServer, Mailer, Parcel, Party, Undelivered, Written, pack};
use klaar_sandbox::{Effect, Fault, Sandbox, Settings, SmtpEffect, SmtpStep};
use mail_parser::MessageParser;
use url::Url;

use crate::house::{BEGINNING, settings};

fn parcel(to: &str) -> Parcel {
    let party = |name: &str, address: &str| Party { name: name.to_owned(), address: address.to_owned() };
    let letter = Written {
        subject: "Zoé, “klaar”?".to_owned(),
        text: "Dag\n.\nMet één punt alleen op een lijn".to_owned(),
        html: format!("<p>{}</p>", "woorden ".repeat(400)),
    };
    let address = Address {
        reply_to: None,
        unsubscribe: None,
        from: party("Maes, \"An\" <x@y.example>", "an@maes.example"),
        to: party("", to),
        message_id: "job_1@maes.example".to_owned(),
        written_at: Instant::parse(BEGINNING).unwrap(),
    };
    pack(&letter, &address).unwrap()
}

/// A mailer that waits a second for each step, and the sandbox's server as the installation's own.
fn mailer(sandbox: &Sandbox) -> (Mailer, MailServer) {
    let settings = settings("sqlite:unused.db", &[("KLAAR_SMTP_TIMEOUT", "1")]);
    let url = Url::parse(&format!("smtp://127.0.0.1:{}", sandbox.smtp_addr().port())).unwrap();
    (Mailer::new(&settings, Clock::system()).unwrap(), MailServer::of_url(&url).unwrap())
}

#[tokio::test]
async fn a_mail_arrives_as_it_was_written() {
    let sandbox = Sandbox::start(Settings::default()).await.unwrap();
    let (mailer, server) = mailer(&sandbox);
    let words = mailer.send(&server, &parcel("bert@claes.example")).await.unwrap();
    assert_eq!(words.code, 250);
    let mails = sandbox.mails();
    let message = MessageParser::default().parse(&mails[0].content[..]).unwrap();
    assert_eq!(message.subject(), Some("Zoé, “klaar”?"));
    let from = message.from().unwrap().first().unwrap();
    assert_eq!((from.name(), from.address()), (Some("Maes, \"An\" <x@y.example>"), Some("an@maes.example")));
    assert_eq!(message.body_text(0).unwrap().replace('\r', ""), "Dag\n.\nMet één punt alleen op een lijn");
    assert_eq!(message.message_id(), Some("job_1@maes.example"));
    assert!(mails[0].content.split(|byte| *byte == b'\n').all(|line| line.len() <= 998), "RFC 5322, 2.1.1");
}

#[tokio::test]
async fn whatever_the_server_does_the_mail_is_in_a_known_state() {
    use SmtpStep::{Connect, Data, Mail, Message, Rcpt};
    let sandbox = Sandbox::start(Settings::default()).await.unwrap();
    let (mailer, server) = mailer(&sandbox);
    for step in [Mail, Rcpt, Data, Message] {
        for (code, is_passing) in
            [(421, true), (450, true), (451, true), (452, true), (454, true), (550, false), (552, false), (554, false)]
        {
            let undelivered = with(&sandbox, step, SmtpEffect::Reply(code), &mailer, &server).await;
            let Undelivered::Refused(words) = &undelivered else { panic!("{code} at {step:?}: {undelivered:?}") };
            assert_eq!((words.code, undelivered.is_passing()), (code, is_passing), "at {step:?}");
            assert!(undelivered.to_string().contains(&words.to_string()), "{undelivered}");
        }
    }
    for does in [SmtpEffect::Drop, SmtpEffect::Silence] {
        for step in [Connect, Mail, Rcpt, Data] {
            let undelivered = with(&sandbox, step, does, &mailer, &server).await;
            assert!(matches!(undelivered, Undelivered::Kept(_)), "{does:?} at {step:?}: {undelivered:?}");
        }
        let undelivered = with(&sandbox, Message, does, &mailer, &server).await;
        assert!(matches!(undelivered, Undelivered::InDoubt(_)), "{does:?} at the end: {undelivered:?}");
    }
    assert_eq!(sandbox.mails().len(), 2, "both that are in doubt were kept");
    let refused = with(&sandbox, Connect, SmtpEffect::Reply(554), &mailer, &server).await;
    assert!(matches!(&refused, Undelivered::Kept(MailFault::Refused(words)) if words.code == 554), "{refused:?}");

    let slow = SmtpEffect::SlowBytes { pause_ms: 5 };
    sandbox.add_fault(Fault::world(Effect::Smtp { at: Message, does: slow })).unwrap();
    mailer.send(&server, &parcel("slow@claes.example")).await.unwrap();
    sandbox.clear_faults();

    let grey = SmtpEffect::Greylist { pause_ms: 0 };
    sandbox.add_fault(Fault::world(Effect::Smtp { at: Rcpt, does: grey })).unwrap();
    let first = mailer.send(&server, &parcel("grey@claes.example")).await.unwrap_err();
    assert!(matches!(&first, Undelivered::Refused(words) if words.code == 451) && first.is_passing(), "{first:?}");
    mailer.send(&server, &parcel("grey@claes.example")).await.unwrap();
}

/// What becomes of a mail with a fault that strikes once.
async fn with(sandbox: &Sandbox, at: SmtpStep, does: SmtpEffect, mailer: &Mailer, server: &MailServer) -> Undelivered {
    sandbox.add_fault(Fault { times: Some(1), ..Fault::world(Effect::Smtp { at, does }) }).unwrap();
    let undelivered = mailer.send(server, &parcel("bert@claes.example")).await.unwrap_err();
    sandbox.clear_faults();
    undelivered
}
