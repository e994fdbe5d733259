//! The rows of the table of cases that need no network, each from the bytes an SMP would send.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::DnValue;

use super::*;
use crate::access_point::tests::certificate;
use crate::document_types::{BILLING_PROCESS, Capability, EXACT_SCHEME, WILDCARD_SCHEME};
use crate::naptr::NaptrRecord;
use crate::smp::fixtures::{NOW, endpoint_xml, group_xml, href, id, metadata_xml, process_xml, redirect_xml};
use crate::smp::{InactiveDate, TRANSPORT_PROFILE};

const ASKED: &str = "0208:0677424046";

static CERTIFICATE: LazyLock<String> =
    LazyLock::new(|| STANDARD.encode(certificate("POP000123", DnValue::Utf8String("Example NV".to_owned()))));

fn group_of(types: &[DocumentType]) -> String {
    let hrefs: Vec<String> = types.iter().map(|document_type| href(ASKED, document_type)).collect();
    group_xml(ASKED, &hrefs)
}

fn second_step(group: &str) -> ControlFlow<Registration, ServiceGroup> {
    after_service_group(&HttpAnswer::Body(group.as_bytes()), &id(ASKED))
}

fn third_step(metadata: &str, hop: Hop) -> ControlFlow<Registration, Redirect> {
    let ControlFlow::Continue(group) = second_step(&group_of(&[DocumentType::billing_invoice()])) else {
        panic!("the group lists the invoice")
    };
    after_service_metadata(&HttpAnswer::Body(metadata.as_bytes()), &id(ASKED), group, hop, NOW)
}

/// The answer when the endpoints of the billing process are these.
fn at_endpoints(endpoints: &str) -> Registration {
    let processes = process_xml(BILLING_PROCESS, endpoints);
    match third_step(&metadata_xml(ASKED, &DocumentType::billing_invoice(), &processes), Hop::First) {
        ControlFlow::Break(registration) => registration,
        ControlFlow::Continue(redirect) => panic!("{redirect:?}"),
    }
}

fn words(registration: &Registration) -> (&'static str, Option<&'static str>) {
    (registration.state().as_str(), registration.cause().map(Cause::as_str))
}

fn broken<T: std::fmt::Debug>(step: ControlFlow<Registration, T>) -> (&'static str, Option<&'static str>) {
    match step {
        ControlFlow::Break(registration) => words(&registration),
        ControlFlow::Continue(next) => panic!("goes on with {next:?}"),
    }
}

fn naptr(regexp: &[u8]) -> NaptrRecord<'_> {
    NaptrRecord { order: 100, preference: 10, flags: b"U", services: b"Meta:SMP", regexp }
}

#[test]
fn rows_1_to_5_dns() {
    assert_eq!(broken(after_dns(&DnsAnswer::NoSuchName, &[])), ("not_registered", None));
    assert_eq!(broken(after_dns(&DnsAnswer::NoRecords, &[])), ("not_registered", None));
    assert_eq!(broken(after_dns(&DnsAnswer::Failed, &[])), ("unknown", Some("dns")));
    let other = NaptrRecord { services: b"E2U+sip", ..naptr(b"!.*!sip:x@example!") };
    assert_eq!(broken(after_dns(&DnsAnswer::Records(&[other]), &[])), ("unknown", Some("malformed")));
    let path = [naptr(b"#.*#https://smp.example/peppol#")];
    match after_dns(&DnsAnswer::Records(&path), &[]) {
        ControlFlow::Continue(base) => assert_eq!(base.as_str(), "https://smp.example/peppol"),
        ControlFlow::Break(registration) => panic!("{registration:?}"),
    }
}

#[test]
fn row_27_a_leftover_is_not_registered() {
    let patterns = ["*.hermes-belgium.be".to_owned()];
    let records = [naptr(b"!.*!https://smp.Hermes-Belgium.be!")];
    assert_eq!(broken(after_dns(&DnsAnswer::Records(&records), &patterns)), ("not_registered", None));
    for (host, wanted) in [
        ("a.b.hermes-belgium.be", true),
        ("hermes-belgium.be.", true),
        ("nothermes-belgium.be", false),
        ("hermes-belgium.be.example", false),
    ] {
        assert_eq!(is_leftover(host, &patterns), wanted, "{host}");
    }
    assert!(is_leftover("smp.example", &["SMP.example".to_owned()]));
    assert!(!is_leftover("smp.example", &[String::new(), "*.".to_owned()]));
}

#[test]
fn row_6_group_not_found() {
    let asked = id(ASKED);
    assert_eq!(broken(after_service_group(&HttpAnswer::NotFound, &asked)), ("unknown", Some("smp")));
    assert_eq!(broken(after_service_group(&HttpAnswer::Failed, &asked)), ("unknown", Some("smp")));
}

#[test]
fn rows_7_to_14_no_billing_invoice() {
    let ubl = |document: &str, customization: &str| {
        let root = format!("urn:oasis:names:specification:ubl:schema:xsd:{document}-2::{document}");
        DocumentType::new(EXACT_SCHEME, format!("{root}##{customization}::2.1"))
    };
    let cii = "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100::CrossIndustryInvoice##urn:cen.eu:en16931:2017::D16B";
    let pint = "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2::Invoice##urn:peppol:pint:billing-1*::2.1";
    for types in [
        vec![],
        vec![
            ubl("Order", "urn:fdc:peppol.eu:poacc:trns:order:3"),
            ubl("ApplicationResponse", "urn:fdc:peppol.eu:poacc:trns:invoice_response:3"),
        ],
        vec![ubl("Invoice", "urn:cen.eu:en16931:2017#conformant#urn:UBL.BE:1.0.0.20180214")],
        vec![ubl("Invoice", "urn:cen.eu:en16931:2017#compliant#urn:fdc:nen.nl:nlcius:v1.0")],
        vec![DocumentType::new(EXACT_SCHEME, cii)],
        vec![DocumentType::new(WILDCARD_SCHEME, pint)],
        vec![ubl("Invoice", "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:selfbilling:3.0")],
        vec![DocumentType::billing_credit_note()],
    ] {
        match second_step(&group_of(&types)) {
            ControlFlow::Break(registration) => {
                assert_eq!(words(&registration), ("cannot_receive", Some("no_document_type")));
                assert_eq!(registration.document_types(), types);
            }
            ControlFlow::Continue(group) => panic!("{group:?}"),
        }
    }
}

#[test]
fn an_unreadable_reference_may_be_the_invoice() {
    let unreadable = group_xml(ASKED, &["https://smp.example/p/services/%FF".to_owned()]);
    assert_eq!(broken(second_step(&unreadable)), ("unknown", Some("malformed")));
    let beside = group_xml(ASKED, &["/x".to_owned(), href(ASKED, &DocumentType::billing_invoice())]);
    assert!(second_step(&beside).is_continue());
}

#[test]
fn rows_9_and_20_registered_with_its_access_point() {
    let armoured = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----", CERTIFICATE.as_str());
    let broken_into_lines: String =
        CERTIFICATE.as_bytes().chunks(64).flat_map(|line| [line, b"\r\n"].concat()).map(char::from).collect();
    for dress in [CERTIFICATE.clone(), armoured, broken_into_lines] {
        let Registration::Registered(receiver) = at_endpoints(&endpoint_xml(TRANSPORT_PROFILE, "", &dress)) else {
            panic!("registered")
        };
        assert_eq!(receiver.access_point.seat_id, "POP000123");
        assert_eq!(receiver.access_point.name.as_deref(), Some("Example NV"));
        assert_eq!(receiver.capability, Capability { invoice: true, credit_note: false });
        assert_eq!(receiver.document_types, [DocumentType::billing_invoice()]);
    }
}

#[test]
fn rows_15_15b_and_16_endpoints() {
    let over = endpoint_xml(
        TRANSPORT_PROFILE,
        "<ServiceExpirationDate>2026-01-01T00:00:00Z</ServiceExpirationDate>",
        &CERTIFICATE,
    );
    let open = endpoint_xml(TRANSPORT_PROFILE, "", &CERTIFICATE);
    let old = endpoint_xml("busdox-transport-as2-ver2p0", "", &CERTIFICATE);
    assert_eq!(words(&at_endpoints(&(over.clone() + &open))), ("registered", None));
    let inactive = at_endpoints(&over);
    assert_eq!(words(&inactive), ("cannot_receive", Some("inactive")));
    let date = Some(InactiveDate::ExpiredAt(1_767_225_600_000_000));
    assert!(matches!(inactive, Registration::CannotReceive { inactive, .. } if inactive == date));
    assert_eq!(words(&at_endpoints(&old)), ("cannot_receive", Some("transport")));
}

#[test]
fn an_endpoint_without_a_peppol_certificate_is_unknown() {
    let web = STANDARD.encode(certificate("www.example.be", DnValue::Utf8String("Example".to_owned())));
    for wrong in ["", "AQID", &web] {
        assert_eq!(words(&at_endpoints(&endpoint_xml(TRANSPORT_PROFILE, "", wrong))), ("unknown", Some("malformed")));
    }
}

#[test]
fn row_17_one_redirect_and_no_more() {
    let xml = redirect_xml("https://other.example/smp/x");
    match third_step(&xml, Hop::First) {
        ControlFlow::Continue(redirect) => assert_eq!(redirect.href, "https://other.example/smp/x"),
        ControlFlow::Break(registration) => panic!("{registration:?}"),
    }
    assert_eq!(broken(third_step(&xml, Hop::Redirected)), ("unknown", Some("malformed")));
}

#[test]
fn row_21_two_access_points_are_a_finding() {
    let at = |seat_id: &str| {
        let der = STANDARD.encode(certificate(seat_id, DnValue::Utf8String("Example".to_owned())));
        at_endpoints(&endpoint_xml(TRANSPORT_PROFILE, "", &der))
    };
    let (first, second) = (at("POP000001"), at("POP000002"));
    assert_eq!(distinct_access_points([&first, &second, &first, &Registration::NotRegistered]).len(), 2);
    assert_eq!(distinct_access_points([&first, &at("POP000001")]).len(), 1, "a renewed certificate is no move");
}

#[test]
fn rows_22_and_23_answers_that_tell_nothing() {
    let invoice = DocumentType::billing_invoice();
    let unknown = ("unknown", Some("malformed"));
    assert_eq!(broken(second_step(&group_xml("0208:0403227515", &[]))), unknown);
    assert_eq!(broken(third_step(&metadata_xml("0208:0403227515", &invoice, ""), Hop::First)), unknown);
    assert_eq!(broken(second_step(&format!("<!DOCTYPE x>{}", group_of(&[])))), unknown);
    assert_eq!(broken(second_step(&" ".repeat(2 * 1024 * 1024))), unknown);
    assert_eq!(broken(second_step("<html><body>Sorry</body></html>")), unknown);
}

#[test]
fn metadata_the_smp_lists_but_does_not_give() {
    for answer in [HttpAnswer::NotFound, HttpAnswer::Failed] {
        let group = ServiceGroup { document_types: vec![DocumentType::billing_invoice()], unreadable: 0 };
        assert_eq!(
            broken(after_service_metadata(&answer, &id(ASKED), group, Hop::First, NOW)),
            ("unknown", Some("smp"))
        );
    }
}

#[test]
fn the_stable_words_read_back() {
    for cause in Cause::ALL {
        assert_eq!(cause.as_str().parse(), Ok(cause));
    }
    for state in State::ALL {
        assert_eq!(state.to_string().parse(), Ok(state));
    }
    assert_eq!("Dns".parse::<Cause>(), Err(UnknownWord("Dns".to_owned())));
}
