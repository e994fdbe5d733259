//! The Service Metadata Locator: an authoritative name server for the world's zone.
//!
//! | name | answer |
//! |---|---|
//! | `LABEL.iso6523-actorid-upis.ZONE` | the participant's NAPTR records, or NXDOMAIN with the zone's SOA |
//! | `NAME.alias.ZONE` | DNAME to the zone, with the answer for `NAME.ZONE`: the zone as an alias, for tests |
//! | `ns.ZONE`, `smp.ZONE`, hosts of scripted SMP URLs | the loopback address |
//! | anything else in the zone | NXDOMAIN |
//! | a domain whose texts were published | its TXT records, or NXDOMAIN where nothing is at or below that name |
//! | anything else | REFUSED |
//!
//! All times to live are 0, so that a fault or a script is felt at the next question.

mod records;
pub(crate) mod texts;
pub(crate) mod transport;

#[cfg(test)]
mod tests;

use hickory_proto::{
    op::{Edns, Message, MessageType, Metadata, OpCode, Query, ResponseCode},
    rr::{DNSClass, Name, RData, Record, RecordType},
};

use self::texts::At;
use crate::{
    counters::Kind,
    faults::DnsEffect,
    label::Label,
    script::{NaptrForm, Registration},
    smp::identifiers::PARTICIPANT_SCHEME,
    world::World,
};

/// UDP payload that the server promises to take and to send at most (DNS flag day 2020).
const EDNS_PAYLOAD: u16 = 1232;

/// The first label of names that are aliases of the zone's.
const ALIAS: &str = "alias";
/// Below it lie the names that CNAME registrations lead to.
const MOVED: &str = "moved";

/// What a name stands for.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// Not in the zone.
    Outside,
    /// In the zone, without meaning.
    Absent,
    /// In the zone, with names below it but no records.
    Branch,
    Apex,
    Host,
    Participant(Label),
    /// Where the CNAME of a participant leads.
    Moved(Label),
    /// Below the alias; the name it stands for.
    Alias(Name),
}

/// The records and the code that answer one question.
#[derive(Debug, Default)]
struct Answer {
    code: ResponseCode,
    records: Vec<Record>,
}

impl Answer {
    fn code(code: ResponseCode) -> Self {
        Self { code, records: Vec::new() }
    }

    fn records(records: Vec<Record>) -> Self {
        Self { code: ResponseCode::NoError, records }
    }
}

/// Answers one message; `None` when the world stays silent.
pub(crate) fn answer(world: &World, request: &Message) -> Option<Message> {
    if request.metadata.message_type != MessageType::Query {
        return None;
    }
    let mut response = Message::new(request.metadata.id, MessageType::Response, request.metadata.op_code);
    response.metadata = Metadata::response_from_request(&request.metadata);
    response.metadata.authoritative = true;
    response.metadata.recursion_available = true;
    response.queries.clone_from(&request.queries);
    if request.edns.is_some() {
        let mut edns = Edns::new();
        edns.set_max_payload(EDNS_PAYLOAD);
        response.set_edns(edns);
    }
    let answer = match request.queries.as_slice() {
        _ if request.metadata.op_code != OpCode::Query => Answer::code(ResponseCode::NotImp),
        [query] if query.query_class() == DNSClass::IN => resolve(world, query)?,
        [_] => Answer::code(ResponseCode::Refused),
        _ => Answer::code(ResponseCode::FormErr),
    };
    let is_negative = match answer.code {
        ResponseCode::NXDomain => true,
        ResponseCode::NoError => !answer.records.iter().any(|record| !is_alias(record)),
        _ => false,
    };
    if is_negative {
        response.authorities.push(records::soa(&world.zone));
    }
    response.metadata.response_code = answer.code;
    response.answers = answer.records;
    Some(response)
}

fn is_alias(record: &Record) -> bool {
    matches!(record.record_type(), RecordType::CNAME | RecordType::DNAME)
}

fn resolve(world: &World, query: &Query) -> Option<Answer> {
    let name = query.name();
    let Place::Alias(target) = place(world, name) else {
        return at_place(world, name, place(world, name), query.query_type());
    };
    let alias = Name::from_labels([ALIAS.as_bytes()]).and_then(|alias| alias.append_domain(&world.zone)).ok()?;
    let place = match place(world, &target) {
        Place::Alias(_) => Place::Absent,
        place => place,
    };
    let mut answer = at_place(world, &target, place, query.query_type())?;
    let chain = [records::dname(&alias, &world.zone), records::cname(name, &target)];
    answer.records = chain.into_iter().chain(answer.records).collect();
    Some(answer)
}

/// The answer for a name whose place is known; `None` for silence.
fn at_place(world: &World, name: &Name, place: Place, asked: RecordType) -> Option<Answer> {
    let answer = match place {
        Place::Outside if is_scripted_host(world, name) => Answer::records(records::addresses(world, name, asked)),
        Place::Outside => outside(world, name, asked),
        Place::Absent => Answer::code(ResponseCode::NXDomain),
        Place::Branch | Place::Alias(_) => Answer::default(),
        Place::Apex => Answer::records(records::apex(name, asked)),
        Place::Host => Answer::records(records::addresses(world, name, asked)),
        Place::Participant(label) => return participant(world, name, label, asked),
        Place::Moved(label) => match world.script_for_dns(&label) {
            Some(script) if script.naptr == NaptrForm::Cname && asked == RecordType::NAPTR => {
                Answer::records(records::naptr(world, name, &script))
            }
            Some(script) if script.naptr == NaptrForm::Cname => Answer::default(),
            _ => Answer::code(ResponseCode::NXDomain),
        },
    };
    Some(answer)
}

/// The answer for a name outside the zone.
fn outside(world: &World, name: &Name, asked: RecordType) -> Answer {
    match world.texts().at(name) {
        At::Texts(texts) if asked == RecordType::TXT => Answer::records(records::texts(name, texts)),
        At::Texts(_) => Answer::default(),
        At::Nothing => Answer::code(ResponseCode::NXDomain),
        At::Outside => Answer::code(ResponseCode::Refused),
    }
}

fn participant(world: &World, name: &Name, label: Label, asked: RecordType) -> Option<Answer> {
    world.counters().count(label, Kind::Dns);
    let fault = world.faults().dns(&label);
    match fault {
        Some(DnsEffect::Timeout) => return None,
        Some(DnsEffect::Nxdomain) => return Some(Answer::code(ResponseCode::NXDomain)),
        Some(DnsEffect::Nodata) => return Some(Answer::default()),
        Some(DnsEffect::Servfail) => return Some(Answer::code(ResponseCode::ServFail)),
        Some(DnsEffect::Refused) => return Some(Answer::code(ResponseCode::Refused)),
        None => {}
    }
    let Some(script) = world.script_for_dns(&label) else {
        return Some(Answer::code(ResponseCode::NXDomain));
    };
    if script.registration == Registration::Nodata {
        return Some(Answer::default());
    }
    if script.naptr == NaptrForm::Cname {
        let moved = Name::from_labels([label.to_string().as_bytes(), MOVED.as_bytes()])
            .and_then(|moved| moved.append_domain(&world.zone))
            .ok()?;
        let mut chain = vec![records::cname(name, &moved)];
        if asked == RecordType::NAPTR {
            chain.extend(records::naptr(world, &moved, &script));
        }
        return Some(Answer::records(chain));
    }
    if asked != RecordType::NAPTR {
        return Some(Answer::default());
    }
    Some(Answer::records(records::naptr(world, name, &script)))
}

fn place(world: &World, name: &Name) -> Place {
    if !world.zone.zone_of(name) {
        return Place::Outside;
    }
    let depth = usize::from(name.num_labels()).saturating_sub(usize::from(world.zone.num_labels()));
    let labels: Vec<String> =
        name.iter().take(depth).map(|label| String::from_utf8_lossy(label).to_ascii_lowercase()).collect();
    let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    match labels.as_slice() {
        [] => Place::Apex,
        ["ns" | "smp"] => Place::Host,
        [ALIAS | MOVED | PARTICIPANT_SCHEME] => Place::Branch,
        [label, PARTICIPANT_SCHEME] => Label::from_dns(label.as_bytes()).map_or(Place::Absent, Place::Participant),
        [label, MOVED] => Label::from_dns(label.as_bytes()).map_or(Place::Absent, Place::Moved),
        [.., ALIAS] => {
            let target = Name::from_labels(name.iter().take(depth.saturating_sub(1)))
                .and_then(|target| target.append_domain(&world.zone));
            target.map_or(Place::Absent, Place::Alias)
        }
        _ => Place::Absent,
    }
}

/// Whether a script publishes an SMP on this host.
fn is_scripted_host(world: &World, name: &Name) -> bool {
    let host = name.to_lowercase().to_ascii();
    let host = host.trim_end_matches('.');
    world.scripts().iter().filter_map(|(_, script)| script.smp_url.as_deref()).any(|url| {
        url.parse::<actix_web::http::Uri>()
            .is_ok_and(|url| url.host().is_some_and(|scripted| scripted.eq_ignore_ascii_case(host)))
    })
}

/// What the records of an answer say, for messages in logs.
pub(crate) fn summary(response: &Message) -> String {
    let first = response.answers.first().map(|record| match &record.data {
        RData::NAPTR(naptr) => String::from_utf8_lossy(&naptr.regexp).into_owned(),
        other => other.record_type().to_string(),
    });
    format!("{} {}", response.metadata.response_code, first.unwrap_or_default())
}
