use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::str::FromStr as _;

use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::rr::Record;
use hickory_resolver::proto::rr::rdata::{A, CNAME, NS, SOA};

use super::*;
use crate::kernel::config::Settings;

const ZONE: &str = "sml.example.org";

fn name(text: &str) -> Name {
    Name::from_str(text).unwrap()
}

fn record(owner: &str, data: RData) -> Record {
    Record::from_rdata(name(owner), 60, data)
}

fn naptr(owner: &str) -> Record {
    let bytes = |text: &str| text.as_bytes().into();
    let regexp = bytes("!.*!https://smp.example!");
    record(owner, RData::NAPTR(NAPTR::new(100, 10, bytes("U"), bytes("Meta:SMP"), regexp, Name::root())))
}

fn alias(owner: &str, target: &str) -> Record {
    record(owner, RData::CNAME(CNAME(name(target))))
}

fn soa(owner: &str) -> Record {
    record(owner, RData::SOA(SOA::new(name("ns."), name("x."), 1, 1, 1, 1, 1)))
}

/// What is read from an answer about `a.sml.example.org.` with this code, these answers and this authority.
fn step(code: ResponseCode, answers: Vec<Record>, authorities: Vec<Record>) -> String {
    let asked = name("a.sml.example.org.");
    let mut message = Message::response(1, hickory_resolver::proto::op::OpCode::Query);
    message.add_query(Query::query(asked.clone(), RecordType::NAPTR));
    message.metadata.response_code = code;
    message.add_answers(answers);
    message.add_authorities(authorities);
    let response = DnsResponse::from_message(message).unwrap();
    let step = match DnsError::from_response(response) {
        Ok(response) => read(&response, &asked, ZONE),
        Err(error) => Step::End(denied(&error, ZONE)),
    };
    match step {
        Step::Alias(target) => format!("alias {target}"),
        Step::End(Naptr::NoSuchName) => "no such name".to_owned(),
        Step::End(Naptr::NoRecords) => "no records".to_owned(),
        Step::End(Naptr::Records(records)) => format!("{} records", records.len()),
        Step::End(Naptr::Failed(fault)) => format!("failed: {fault}"),
    }
}

const FOUND: ResponseCode = ResponseCode::NoError;
const ABSENT: ResponseCode = ResponseCode::NXDomain;

#[test]
fn records_of_the_name_or_of_its_aliases() {
    let own = naptr("A.SML.example.org.");
    assert_eq!(step(FOUND, vec![own.clone(), own], vec![]), "2 records");
    let chain = vec![alias("a.sml.example.org.", "b.example."), naptr("c.example."), alias("b.example.", "c.example.")];
    assert_eq!(step(FOUND, chain, vec![]), "1 records");
    let open = vec![alias("a.sml.example.org.", "b.example."), alias("b.example.", "c.example.")];
    assert_eq!(step(FOUND, open, vec![]), "alias c.example.");
    let circle = vec![alias("a.sml.example.org.", "b.example."), alias("b.example.", "a.sml.example.org.")];
    assert_eq!(step(FOUND, circle, vec![]), format!("failed: {NO_END}"));
}

#[test]
fn absent_is_what_the_zone_denies() {
    assert_eq!(step(ABSENT, vec![], vec![soa("sml.example.org.")]), "no such name");
    assert_eq!(step(ABSENT, vec![], vec![]), "no such name");
    assert_eq!(step(FOUND, vec![], vec![soa("example.org.")]), "no records");
    assert_eq!(step(FOUND, vec![], vec![]), "no records");
    let dangling = vec![alias("a.sml.example.org.", "a.moved.example.")];
    assert_eq!(step(ABSENT, dangling.clone(), vec![soa("moved.example.")]), "no such name");
    for above in [".", "org."] {
        assert_eq!(step(ABSENT, vec![], vec![soa(above)]), "failed: DNS does not know the zone");
        assert_eq!(step(ABSENT, dangling.clone(), vec![soa(above)]), "failed: DNS does not know the zone");
    }
}

#[test]
fn what_denies_nothing() {
    let elsewhere = vec![record("org.", RData::NS(NS(name("ns.example."))))];
    assert_eq!(step(FOUND, vec![], elsewhere), "failed: DNS refers to another name server");
    for code in [ResponseCode::ServFail, ResponseCode::Refused, ResponseCode::NotImp, ResponseCode::Unknown(77)] {
        assert!(step(code, vec![], vec![]).starts_with("failed: "), "{code}");
    }
    let foreign = vec![record("x.example.", RData::A(A(Ipv4Addr::LOCALHOST)))];
    assert!(step(FOUND, foreign, vec![]).starts_with("failed: "));
}

/// A name server that answers over UDP as `udp` says and over TCP with a record; gives the client that asks it.
fn asking(udp: fn(&mut Message)) -> Names {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let socket = UdpSocket::bind(address).unwrap();
    let reply = |query: &[u8]| {
        let query = Message::from_vec(query).unwrap();
        let mut reply = Message::response(query.metadata.id, query.metadata.op_code);
        reply.add_query(query.queries.first().unwrap().clone());
        reply
    };
    std::thread::spawn(move || {
        let mut query = [0; 2_048];
        while let Ok((length, from)) = socket.recv_from(&mut query) {
            let mut answer = reply(&query[..length]);
            udp(&mut answer);
            socket.send_to(&answer.to_vec().unwrap(), from).unwrap();
        }
    });
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let (mut length, mut query) = ([0; 2], [0; 2_048]);
            stream.read_exact(&mut length).unwrap();
            let length = usize::from(u16::from_be_bytes(length));
            stream.read_exact(&mut query[..length]).unwrap();
            let mut answer = reply(&query[..length]);
            answer.add_answers([naptr("a.sml.example.org.")]);
            let bytes = answer.to_vec().unwrap();
            stream.write_all(&u16::try_from(bytes.len()).unwrap().to_be_bytes()).unwrap();
            stream.write_all(&bytes).unwrap();
        }
    });
    let mut settings = Settings::from_sources([].into(), [].into()).unwrap().lookups;
    settings.dns = Some(address);
    settings.dns_timeout = Duration::from_secs(5);
    Names::new(&settings).unwrap()
}

#[tokio::test]
async fn what_does_not_fit_comes_over_tcp() {
    let names = asking(|answer| answer.metadata.truncation = true);
    let answer = names.naptr("a.sml.example.org", ZONE).await;
    assert!(matches!(&answer, Naptr::Records(records) if records.len() == 1), "{answer:?}");
}

#[tokio::test]
async fn a_circle_of_aliases_ends_and_denies_nothing() {
    let names = asking(|answer| {
        answer.add_answers([
            alias("a.sml.example.org.", "b.sml.example.org."),
            alias("b.sml.example.org.", "a.sml.example.org."),
        ]);
    });
    let answer = names.naptr("a.sml.example.org", ZONE).await;
    assert!(matches!(&answer, Naptr::Failed(fault) if fault.contains("alias")), "{answer:?}");
}
