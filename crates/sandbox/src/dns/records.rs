//! The records of the world's zone.

use std::net::IpAddr;

use hickory_proto::rr::{
    Name, RData, Record, RecordType,
    rdata::{A, AAAA, CNAME, NAPTR, NS, NULL, SOA, TXT},
};

use crate::{
    script::{NaptrForm, Script},
    world::World,
};

const TTL: u32 = 0;

fn record(name: &Name, rdata: RData) -> Record {
    Record::from_rdata(name.clone(), TTL, rdata)
}

fn below(zone: &Name, label: &str) -> Name {
    zone.prepend_label(label).unwrap_or_else(|_| zone.clone())
}

/// The zone's SOA, whose minimum of 0 keeps resolvers from remembering that a name is absent (RFC 2308, section 4).
pub(super) fn soa(zone: &Name) -> Record {
    let rdata = SOA::new(below(zone, "ns"), below(zone, "hostmaster"), 1, 3600, 600, 86_400, 0);
    record(zone, RData::SOA(rdata))
}

pub(super) fn apex(zone: &Name, asked: RecordType) -> Vec<Record> {
    match asked {
        RecordType::SOA => vec![soa(zone)],
        RecordType::NS => vec![record(zone, RData::NS(NS(below(zone, "ns"))))],
        _ => Vec::new(),
    }
}

/// The loopback address the SMP listens on, when the asked type is that of its family.
pub(super) fn addresses(world: &World, name: &Name, asked: RecordType) -> Vec<Record> {
    match (world.addresses.smp.ip(), asked) {
        (IpAddr::V4(ip), RecordType::A) => vec![record(name, RData::A(A(ip)))],
        (IpAddr::V6(ip), RecordType::AAAA) => vec![record(name, RData::AAAA(AAAA(ip)))],
        _ => Vec::new(),
    }
}

pub(super) fn cname(name: &Name, target: &Name) -> Record {
    record(name, RData::CNAME(CNAME(target.clone())))
}

pub(super) fn texts(name: &Name, texts: Vec<String>) -> Vec<Record> {
    texts.into_iter().map(|text| record(name, RData::TXT(TXT::new(vec![text])))).collect()
}

/// A DNAME record (RFC 6672), whose target is written uncompressed.
pub(super) fn dname(name: &Name, target: &Name) -> Record {
    let mut wire = Vec::new();
    for label in target {
        wire.push(u8::try_from(label.len()).unwrap_or(0));
        wire.extend_from_slice(label);
    }
    wire.push(0);
    record(name, RData::Unknown { code: RecordType::DNAME, rdata: NULL::with(wire) })
}

/// The NAPTR records of a registration (SML 1.3.0, section 3.3; RFC 3403).
pub(super) fn naptr(world: &World, name: &Name, script: &Script) -> Vec<Record> {
    let url = script.smp_url.clone().unwrap_or_else(|| world.smp_url());
    let usual = format!("!.*!{url}!");
    let one = |flags: &str, uses: &str, regexp: &str| vec![written(name, (100, 10), flags, uses, regexp)];
    match script.naptr {
        NaptrForm::Usual | NaptrForm::Cname => one("U", "Meta:SMP", &usual),
        NaptrForm::Anchored => one("U", "Meta:SMP", &format!("!^.*$!{url}!")),
        NaptrForm::OtherDelimiter => one("U", "Meta:SMP", &format!("#.*#{url}#")),
        NaptrForm::LowerCaseFlag => one("u", "Meta:SMP", &usual),
        NaptrForm::UrlWithPath => one("U", "Meta:SMP", &format!("!.*!{url}/a/path/!")),
        NaptrForm::WithoutMetaSmp => one("U", "Meta:CERT", &usual),
        NaptrForm::WithoutTarget => one("U", "Meta:SMP", "!.*!!"),
        NaptrForm::Several => vec![
            written(name, (200, 1), "U", "Meta:SMP", "!.*!http://third.nowhere.example!"),
            written(name, (100, 20), "U", "Meta:SMP", "!.*!http://second.nowhere.example!"),
            written(name, (10, 2), "S", "Meta:SMP", "!.*!http://flag.nowhere.example!"),
            written(name, (10, 1), "U", "Meta:CERT", "!.*!http://use.nowhere.example!"),
            written(name, (100, 10), "U", "Meta:SMP", &usual),
        ],
    }
}

/// One NAPTR record with this order and preference.
fn written(name: &Name, (order, preference): (u16, u16), flags: &str, uses: &str, regexp: &str) -> Record {
    let bytes = |text: &str| text.as_bytes().to_vec().into_boxed_slice();
    let rdata = NAPTR::new(order, preference, bytes(flags), bytes(uses), bytes(regexp), Name::root());
    record(name, RData::NAPTR(rdata))
}
