//! Published answers and code lists, read where they lie.

use std::path::PathBuf;

use serde_json::Value;

use super::super::*;
use crate::access_point::access_point;
use crate::document_types::{BILLING_CREDIT_NOTE, BILLING_INVOICE, EXACT_SCHEME};
use crate::smp::fixtures::{NOW, id};

#[test]
fn published_answers_lead_to_the_right_access_point() {
    let Some(folder) = conformance("smp") else { return };
    for (file, participant, seat_id, name, country) in [
        ("signed-service-metadata1.xml", "0088:5026744000002", "PNO000070", "NetEDI Limited", "GB"),
        ("signed-service-metadata2.xml", "0088:5060482240009", "PNO000070", "NetEDI Limited", "GB"),
        (
            "signed-service-metadata3-c14n-inclusive.xml",
            "0106:55872255",
            "PNL000052",
            "eConnect International B.V.",
            "NL",
        ),
    ] {
        let xml = std::fs::read_to_string(folder.join(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
        let (_, rest) = xml.split_once("DocumentIdentifier scheme=\"busdox-docid-qns\">").expect("a document type");
        let (value, _) = rest.split_once('<').expect("its end");
        let document_type = DocumentType::new("busdox-docid-qns", value);
        let found = parse_service_metadata(xml.as_bytes(), &id(participant), &document_type);
        let Ok(ServiceMetadata::ServiceInformation(information)) = found else { panic!("{file}: {found:?}") };
        let endpoints: Vec<&Endpoint> = information.processes.iter().flat_map(|p| &p.endpoints).collect();
        assert!(!endpoints.is_empty(), "{file}");
        for endpoint in endpoints {
            let found =
                access_point(endpoint.certificate_der.as_deref().expect("a certificate")).expect("an access point");
            let read = (found.seat_id.as_str(), found.name.as_deref(), found.country.as_deref());
            assert_eq!(read, (seat_id, Some(name), Some(country)), "{file}");
        }
        assert!(!matches!(select_endpoint(&information, NOW), EndpointChoice::Usable(_)), "{file} is of 2020");
        let other = parse_service_metadata(xml.as_bytes(), &id("0088:1"), &document_type);
        assert_eq!(other, Err(SmpError::OtherParticipant), "{file}");
    }
}

fn code_list(name: &str) -> Option<Vec<Value>> {
    let folder = conformance("codelists/edec-v9.7")?;
    let json = std::fs::read_to_string(folder.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
    let mut list: Value = serde_json::from_str(&json).expect("JSON");
    Some(list["values"].as_array_mut().expect("values").drain(..).collect())
}

fn text<'a>(entry: &'a Value, key: &str) -> &'a str {
    entry[key].as_str().expect(key)
}

#[test]
fn the_code_list_of_document_types_is_understood() {
    let Some(list) = code_list("Peppol Code Lists - Document types v9.7.json") else {
        return;
    };
    for wanted in [BILLING_INVOICE, BILLING_CREDIT_NOTE] {
        let is_wanted = |entry: &&Value| text(entry, "value") == wanted && text(entry, "scheme") == EXACT_SCHEME;
        assert_eq!(list.iter().find(is_wanted).map(|entry| text(entry, "state")), Some("active"), "{wanted}");
    }
    let mut named = 0;
    for entry in &list {
        let document_type = DocumentType::new(text(entry, "scheme"), text(entry, "value"));
        assert_eq!(DocumentType::from_wire(&document_type.wire()), Some(document_type.clone()));
        let Some(label) = document_type.label() else { continue };
        named += 1;
        let name = text(entry, "name").to_lowercase();
        assert_eq!(label.contains("credit note"), name.contains("credit note"), "{label} / {name}");
        assert_eq!(label.contains("CII"), name.contains("cii"), "{label} / {name}");
        assert_eq!(label.to_lowercase().contains("self-billing"), name.contains("self-billing"), "{label} / {name}");
    }
    assert!(named >= 60, "only {named} types have a name");
}

#[test]
fn the_transport_profile_is_the_only_active_one() {
    let Some(list) = code_list("Peppol Code Lists - Transport profiles v9.7.json") else {
        return;
    };
    let active: Vec<&str> =
        list.iter().filter(|e| text(e, "state") == "active").map(|e| text(e, "profile-id")).collect();
    assert_eq!(active, [TRANSPORT_PROFILE]);
}

/// A folder of the conformance data, or a note that the test was skipped.
fn conformance(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("KLAAR_CONFORMANCE").map(PathBuf::from);
    if root.is_none() {
        eprintln!("skipped: KLAAR_CONFORMANCE is unset");
    }
    root.map(|root| root.join(folder))
}
