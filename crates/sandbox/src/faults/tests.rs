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
