use super::*;

#[test]
fn a_fault_strikes_whom_it_names_and_so_often() {
    let mut faults = Faults::default();
    let hit = Label::of("0208:0677424046");
    faults.add(Fault::of("0208:0677424046", Effect::Dns(DnsEffect::Servfail)).times(2)).unwrap();
    assert_eq!(faults.dns(&Label::of("0208:0400378485")), None);
    assert_eq!(faults.dns(&hit), Some(DnsEffect::Servfail));
    assert_eq!(faults.smp(&hit, SmpRequest::Group), None);
    assert_eq!(faults.dns(&hit), Some(DnsEffect::Servfail));
    assert_eq!(faults.dns(&hit), None);
    assert_eq!(faults.list()[0].struck, 2);
}

#[test]
fn a_share_hits_the_same_ones_each_time() {
    let mut faults = Faults::default();
    faults.add(Fault::world(Effect::Smp(SmpEffect::Hang)).share(30)).unwrap();
    let mut hit = |n: u32| faults.smp(&Label::of(&format!("0208:{n:010}")), SmpRequest::Metadata).is_some();
    let first: Vec<bool> = (0..1000).map(&mut hit).collect();
    let second: Vec<bool> = (0..1000).map(&mut hit).collect();
    assert_eq!(first, second);
    let struck = first.iter().filter(|hit| **hit).count();
    assert!((250..350).contains(&struck), "{struck}");
}

#[test]
fn group_and_metadata_are_told_apart() {
    let mut faults = Faults::default();
    faults.add(Fault::world(Effect::SmpGroup(SmpEffect::not_found()))).unwrap();
    let label = Label::of("0208:0677424046");
    assert_eq!(faults.smp(&label, SmpRequest::Metadata), None);
    assert_eq!(faults.smp(&label, SmpRequest::Group), Some(SmpEffect::not_found()));
}

#[test]
fn nonsense_is_refused() {
    let mut faults = Faults::default();
    assert!(faults.add(Fault::world(Effect::Dns(DnsEffect::Refused)).share(101)).is_err());
    let teapot = SmpEffect::Status { code: 200, retry_after_seconds: None };
    assert!(faults.add(Fault::world(Effect::Smp(teapot))).is_err());
    assert!(serde_json::from_str::<Fault>(r#"{"effect":{"dns":"nxdomain"},"shar":3}"#).is_err());
}

#[test]
fn a_greylisted_recipient_is_refused_until_it_has_waited() {
    let mut faults = Faults::default();
    let greylist = Effect::Smtp { at: SmtpStep::Rcpt, does: SmtpEffect::Greylist { pause_ms: 1000 } };
    let id = faults.add(Fault::world(greylist.clone())).unwrap();
    let start = Instant::now();
    let mut refused = |recipient: &str, after_ms: u64| {
        let now = start + Duration::from_millis(after_ms);
        faults.smtp(SmtpStep::Rcpt, &[Label::of(recipient)], now).is_some()
    };
    assert!(refused("a@b", 0) && refused("a@b", 999) && !refused("a@b", 1000) && !refused("A@B", 5000));
    assert!(refused("c@d", 5000));
    assert_eq!(faults.list()[0].struck, 3);
    faults.remove(id);
    faults.add(Fault::world(greylist)).unwrap();
    assert!(faults.smtp(SmtpStep::Rcpt, &[Label::of("a@b")], start + Duration::from_secs(9)).is_some());
}

#[test]
fn a_mail_effect_is_refused_where_it_cannot_happen() {
    let mut faults = Faults::default();
    for (at, does) in [(SmtpStep::Data, SmtpEffect::Greylist { pause_ms: 1 }), (SmtpStep::Connect, SmtpEffect::BadTls)]
    {
        assert!(matches!(faults.add(Fault::world(Effect::Smtp { at, does })), Err(SandboxError::Step)));
    }
    for json in [
        r#"{"effect":{"smtp":{"at":"mail","does":"silence"}}}"#,
        r#"{"effect":{"smtp":{"at":"ehlo","does":{"slow_bytes":{"pause_ms":5}}}}}"#,
        r#"{"effect":{"smtp":{"at":"rcpt","does":{"greylist":{"pause_ms":60000}}}}}"#,
        r#"{"effect":{"smtp":{"at":"start_tls","does":"bad_tls"}}}"#,
        r#"{"effect":{"smtp":{"at":"start_tls","does":{"reply":454}}}}"#,
    ] {
        faults.add(serde_json::from_str(json).unwrap()).unwrap();
    }
}
