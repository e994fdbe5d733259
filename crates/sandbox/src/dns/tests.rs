use hickory_proto::{
    op::ResponseCode,
    rr::{RData, RecordType},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::*;
use crate::{
    Effect, Fault, Script,
    testing::{ID, LABEL, ask, ask_naptr, dns_name, naptrs, question, sandbox},
};

fn regexps(message: &Message) -> Vec<String> {
    naptrs(message).iter().map(|naptr| String::from_utf8(naptr.regexp.to_vec()).unwrap()).collect()
}

#[tokio::test]
async fn a_registered_name_has_its_record_and_another_has_none() {
    let sandbox = sandbox().await;
    sandbox.script(ID, Script::default()).unwrap();
    let name = format!("{}.iso6523-actorid-upis.{}", LABEL.to_uppercase(), sandbox.zone());
    let answer = ask(sandbox.dns_addr(), &question(&name, RecordType::NAPTR)).await.unwrap();
    assert_eq!(answer.metadata.response_code, ResponseCode::NoError);
    assert_eq!(answer.answers[0].name.to_ascii(), format!("{name}."));
    let [naptr] = naptrs(&answer).try_into().unwrap();
    assert_eq!(
        (naptr.order, naptr.preference, &*naptr.flags, &*naptr.services),
        (100, 10, &b"U"[..], &b"Meta:SMP"[..])
    );
    assert!(naptr.replacement.is_root());
    assert_eq!(regexps(&answer), [format!("!.*!http://{}!", sandbox.smp_addr())]);

    sandbox.script(ID, Script::not_registered()).unwrap();
    let answer = ask_naptr(&sandbox, ID).await.unwrap();
    assert_eq!(answer.metadata.response_code, ResponseCode::NXDomain);
    assert!(matches!(&answer.authorities[0].data, RData::SOA(soa) if soa.minimum == 0));
    assert_eq!(sandbox.requests_of(ID).dns, 2);
}

#[tokio::test]
async fn dns_and_smp_agree_on_who_is_registered() {
    let sandbox = sandbox().await;
    let mut registered = 0;
    for n in 0..200 {
        let identifier = format!("0208:0400{n:06}");
        let answer = ask_naptr(&sandbox, &identifier).await.unwrap();
        let exists = answer.metadata.response_code == ResponseCode::NoError;
        assert_eq!(exists, sandbox.access_point_of(&identifier).is_some(), "{identifier}");
        registered += u32::from(exists);
    }
    assert!((100..150).contains(&registered), "{registered}");
}

#[tokio::test]
async fn every_form_of_record() {
    let sandbox = sandbox().await;
    let smp = format!("http://{}", sandbox.smp_addr());
    let forms = [
        (NaptrForm::Anchored, format!("!^.*$!{smp}!")),
        (NaptrForm::OtherDelimiter, format!("#.*#{smp}#")),
        (NaptrForm::LowerCaseFlag, format!("!.*!{smp}!")),
        (NaptrForm::UrlWithPath, format!("!.*!{smp}/a/path/!")),
        (NaptrForm::WithoutMetaSmp, format!("!.*!{smp}!")),
        (NaptrForm::WithoutTarget, "!.*!!".to_owned()),
    ];
    for (naptr, regexp) in forms {
        sandbox.script(ID, Script { naptr, ..Script::default() }).unwrap();
        let answer = ask_naptr(&sandbox, ID).await.unwrap();
        assert_eq!(regexps(&answer), [regexp], "{naptr:?}");
        let [record] = naptrs(&answer).try_into().unwrap();
        assert_eq!(&*record.flags == b"u", naptr == NaptrForm::LowerCaseFlag);
        assert_eq!(&*record.services == b"Meta:SMP", naptr != NaptrForm::WithoutMetaSmp);
    }
}

#[tokio::test]
async fn of_several_records_the_best_is_the_right_one() {
    let sandbox = sandbox().await;
    let url = format!("http://{}/{}", sandbox.smp_addr(), "x".repeat(200));
    let script = Script { naptr: NaptrForm::Several, smp_url: Some(url.clone()), ..Script::default() };
    sandbox.script(ID, script).unwrap();
    let mut question = question(&dns_name(&sandbox, ID), RecordType::NAPTR);
    assert!(ask(sandbox.dns_addr(), &question).await.unwrap().metadata.truncation, "too long for 512 bytes");
    let mut edns = Edns::new();
    edns.set_max_payload(4096);
    question.set_edns(edns);
    let answer = ask(sandbox.dns_addr(), &question).await.unwrap();
    let mut usable = naptrs(&answer);
    usable.retain(|naptr| &*naptr.flags == b"U" && &*naptr.services == b"Meta:SMP");
    usable.sort_by_key(|naptr| (naptr.order, naptr.preference));
    assert_eq!(usable.len(), 3);
    assert_eq!(&*usable[0].regexp, format!("!.*!{url}!").as_bytes());
}

#[tokio::test]
async fn an_answer_over_tcp_is_whole() {
    let sandbox = sandbox().await;
    sandbox.script(ID, Script { naptr: NaptrForm::Several, ..Script::default() }).unwrap();
    let mut stream = TcpStream::connect(sandbox.dns_addr()).await.unwrap();
    for _ in 0..2 {
        let bytes = question(&dns_name(&sandbox, ID), RecordType::NAPTR).to_vec().unwrap();
        stream.write_u16(bytes.len().try_into().unwrap()).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
        let mut answer = vec![0; usize::from(stream.read_u16().await.unwrap())];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(naptrs(&Message::from_vec(&answer).unwrap()).len(), 5);
    }
}

#[tokio::test]
async fn nodata_and_other_types_have_an_soa_and_no_answer() {
    let sandbox = sandbox().await;
    sandbox.script(ID, Script { registration: Registration::Nodata, ..Script::default() }).unwrap();
    sandbox.script("0208:1", Script::default()).unwrap();
    let other_type = question(&dns_name(&sandbox, "0208:1"), RecordType::A);
    for answer in [ask_naptr(&sandbox, ID).await.unwrap(), ask(sandbox.dns_addr(), &other_type).await.unwrap()] {
        assert_eq!(answer.metadata.response_code, ResponseCode::NoError);
        assert!(answer.answers.is_empty());
        assert_eq!(answer.authorities.len(), 1);
    }
}

#[tokio::test]
async fn an_alias_is_followed_by_name_and_by_zone() {
    let sandbox = sandbox().await;
    sandbox.script(ID, Script { naptr: NaptrForm::Cname, ..Script::default() }).unwrap();
    let answer = ask_naptr(&sandbox, ID).await.unwrap();
    let RData::CNAME(target) = &answer.answers[0].data else { panic!("{answer:?}") };
    assert_eq!(naptrs(&answer).len(), 1);
    let again = ask(sandbox.dns_addr(), &question(&target.0.to_ascii(), RecordType::NAPTR)).await.unwrap();
    assert_eq!(naptrs(&again).len(), 1);

    let name = format!("{LABEL}.iso6523-actorid-upis.{}", sandbox.alias_zone());
    sandbox.script(ID, Script::default()).unwrap();
    let answer = ask(sandbox.dns_addr(), &question(&name, RecordType::NAPTR)).await.unwrap();
    let types: Vec<RecordType> = answer.answers.iter().map(|record| record.record_type()).collect();
    assert_eq!(types, [RecordType::DNAME, RecordType::CNAME, RecordType::NAPTR]);
    sandbox.script(ID, Script::not_registered()).unwrap();
    let answer = ask(sandbox.dns_addr(), &question(&name, RecordType::NAPTR)).await.unwrap();
    assert_eq!(answer.metadata.response_code, ResponseCode::NXDomain);
}

#[tokio::test]
async fn hosts_have_the_loopback_address_and_the_rest_of_the_world_is_refused() {
    let sandbox = sandbox().await;
    let leftover = Script { smp_url: Some("http://smp.leftover.example:80/x".to_owned()), ..Script::default() };
    sandbox.script(ID, leftover).unwrap();
    for host in [format!("smp.{}", sandbox.zone()), "SMP.leftover.example".to_owned()] {
        let answer = ask(sandbox.dns_addr(), &question(&host, RecordType::A)).await.unwrap();
        assert!(matches!(&answer.answers[0].data, RData::A(a) if a.0.is_loopback()), "{host}");
    }
    for (name, code) in [
        ("www.example.org".to_owned(), ResponseCode::Refused),
        (format!("nobody.{}", sandbox.zone()), ResponseCode::NXDomain),
        (format!("b-f5e78500450d37de5aabe6648ac3bb70.iso6523-actorid-upis.{}", sandbox.zone()), ResponseCode::NXDomain),
        (format!("iso6523-actorid-upis.{}", sandbox.zone()), ResponseCode::NoError),
        (sandbox.alias_zone(), ResponseCode::NoError),
    ] {
        let answer = ask(sandbox.dns_addr(), &question(&name, RecordType::NAPTR)).await.unwrap();
        assert_eq!(answer.metadata.response_code, code, "{name}");
    }
}

#[tokio::test]
async fn every_fault() {
    let sandbox = sandbox().await;
    sandbox.script(ID, Script::default()).unwrap();
    for (effect, code) in [
        (DnsEffect::Nxdomain, ResponseCode::NXDomain),
        (DnsEffect::Nodata, ResponseCode::NoError),
        (DnsEffect::Servfail, ResponseCode::ServFail),
        (DnsEffect::Refused, ResponseCode::Refused),
    ] {
        sandbox.set_faults(vec![Fault::world(Effect::Dns(effect))]).unwrap();
        let answer = ask_naptr(&sandbox, ID).await.unwrap();
        assert_eq!(answer.metadata.response_code, code);
        assert!(answer.answers.is_empty());
    }
    sandbox.set_faults(vec![Fault::of(ID, Effect::Dns(DnsEffect::Timeout)).times(1)]).unwrap();
    assert!(ask_naptr(&sandbox, ID).await.is_none());
    assert_eq!(naptrs(&ask_naptr(&sandbox, ID).await.unwrap()).len(), 1);
}

#[tokio::test]
async fn nonsense_is_answered_or_ignored_but_does_no_harm() {
    let sandbox = sandbox().await;
    sandbox.script(ID, Script::default()).unwrap();
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    for bytes in [&b""[..], &[0xff; 12], &[0; 3000]] {
        socket.send_to(bytes, sandbox.dns_addr()).await.unwrap();
    }
    let answer = ask(sandbox.dns_addr(), &Message::query()).await.unwrap();
    assert_eq!(answer.metadata.response_code, ResponseCode::FormErr);
    assert_eq!(naptrs(&ask_naptr(&sandbox, ID).await.unwrap()).len(), 1);
}
