use super::super::*;
use super::information;
use crate::document_types::BILLING_PROCESS;
use crate::smp::fixtures::{AS2, NOW, endpoint_xml, expires, id, process_xml, redirect_xml};

#[test]
fn an_endpoint_is_read_whole() {
    let dates = "<ServiceActivationDate>2026-01-01</ServiceActivationDate><ServiceExpirationDate>2026-12-31T00:00:00+01:00</ServiceExpirationDate>";
    let found =
        information(&process_xml(BILLING_PROCESS, &endpoint_xml(TRANSPORT_PROFILE, dates, "AQID"))).expect("metadata");
    let [process] = found.processes.as_slice() else { panic!("{found:?}") };
    assert_eq!((process.id.as_str(), process.scheme.as_str()), (BILLING_PROCESS, "cenbii-procid-ubl"));
    let wanted = Endpoint {
        transport_profile: TRANSPORT_PROFILE.to_owned(),
        address: "https://ap.example/as4?a=1&b=2".to_owned(),
        activation: Some(1_767_225_600_000_000),
        expiration: Some(1_798_671_600_000_000),
        certificate_der: Some(vec![1, 2, 3]),
        description: Some("An <access> point".to_owned()),
        contact: Some("mailto:peppol@ap.example".to_owned()),
        information_url: None,
    };
    assert_eq!(process.endpoints, [wanted]);
}

#[test]
fn row_20_certificates_in_every_dress() {
    for certificate in
        ["AQIDBA==", "AQID\r\n  BA==", "AQIDBA", "-----BEGIN CERTIFICATE-----\nAQID\nBA==\n-----END CERTIFICATE-----\n"]
    {
        let found = information(&process_xml("p", &endpoint_xml("t", "", certificate))).expect("metadata");
        assert_eq!(
            found.processes[0].endpoints[0].certificate_der.as_deref(),
            Some(&[1, 2, 3, 4][..]),
            "{certificate}"
        );
    }
    for certificate in ["", "***", "-----BEGIN CERTIFICATE-----\nAQID"] {
        let found = information(&process_xml("p", &endpoint_xml("t", "", certificate))).expect("metadata");
        assert_eq!(found.processes[0].endpoints[0].certificate_der, None, "{certificate}");
    }
}

#[test]
fn a_redirect_is_read_signed_or_bare() {
    let wanted = ServiceMetadata::Redirect(Redirect {
        href: "https://other.example/x".to_owned(),
        certificate_uid: Some("CN=PSP000001".to_owned()),
    });
    let bare = redirect_xml("https://other.example/x");
    let signed = format!(
        "<SignedServiceMetadata xmlns=\"http://busdox.org/serviceMetadata/publishing/1.0/\">{bare}</SignedServiceMetadata>"
    );
    for xml in [bare, signed] {
        let found = parse_service_metadata(xml.as_bytes(), &id("0088:1"), &DocumentType::billing_invoice());
        assert_eq!(found, Ok(wanted.clone()));
    }
    let wrong_date = process_xml("p", &endpoint_xml("t", "<ServiceActivationDate>soon</ServiceActivationDate>", ""));
    assert!(matches!(information(&wrong_date), Err(SmpError::Malformed(_))));
}

#[test]
fn row_15_the_usable_endpoint_is_chosen() {
    let over = endpoint_xml(TRANSPORT_PROFILE, &expires("2026-01-01"), "");
    let open = endpoint_xml(TRANSPORT_PROFILE, &expires("2027-01-01"), "");
    let old = endpoint_xml(AS2, "", "");
    for processes in [
        process_xml(BILLING_PROCESS, &over) + &process_xml("urn:other", &open),
        process_xml("urn:other", &over) + &process_xml(BILLING_PROCESS, &open),
        process_xml(BILLING_PROCESS, &(old + &over + &open)),
    ] {
        let found = information(&processes).expect("metadata");
        match select_endpoint(&found, NOW) {
            EndpointChoice::Usable(endpoint) => assert_eq!(endpoint.expiration, Some(1_798_848_000_000_000)),
            other => panic!("{other:?}"),
        }
    }
    // The billing process is preferred whatever the order.
    let note = endpoint_xml(TRANSPORT_PROFILE, "", "").replace("ap.example", "other.example");
    let both =
        information(&(process_xml("urn:other", &note) + &process_xml(BILLING_PROCESS, &open))).expect("metadata");
    assert!(
        matches!(select_endpoint(&both, NOW), EndpointChoice::Usable(endpoint) if endpoint.address.contains("ap.example"))
    );
}

#[test]
fn row_15b_and_16_no_usable_endpoint() {
    let at = |endpoints: &str| information(&process_xml(BILLING_PROCESS, endpoints)).expect("metadata");
    let over = endpoint_xml(TRANSPORT_PROFILE, &expires("2026-01-01T00:00:00Z"), "");
    let earlier = endpoint_xml(TRANSPORT_PROFILE, &expires("2025-01-01T00:00:00Z"), "");
    let later =
        endpoint_xml(TRANSPORT_PROFILE, "<ServiceActivationDate>2027-01-01T00:00:00Z</ServiceActivationDate>", "");
    let old = endpoint_xml(AS2, "", "");
    let inactive = |date| EndpointChoice::Inactive { date };
    let expired = InactiveDate::ExpiredAt(1_767_225_600_000_000);
    assert_eq!(select_endpoint(&at(&(earlier + &over + &old)), NOW), inactive(expired));
    let upcoming = InactiveDate::ActiveFrom(1_798_761_600_000_000);
    assert_eq!(select_endpoint(&at(&(over.clone() + &later)), NOW), inactive(upcoming));
    let only_old = EndpointChoice::NoTransport { profiles: vec![AS2.to_owned()] };
    assert_eq!(select_endpoint(&at(&(old.clone() + &old)), NOW), only_old);
    assert_eq!(select_endpoint(&at(""), NOW), EndpointChoice::NoTransport { profiles: vec![] });
    // The instants themselves: active from the first, no longer active at the second.
    let found = at(&over);
    assert!(matches!(select_endpoint(&found, 1_767_225_599_999_999), EndpointChoice::Usable(_)));
    assert_eq!(select_endpoint(&found, 1_767_225_600_000_000), inactive(expired));
    assert!(matches!(select_endpoint(&at(&later), 1_798_761_600_000_000), EndpointChoice::Usable(_)));
}
