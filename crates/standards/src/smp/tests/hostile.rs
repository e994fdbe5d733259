use proptest::prelude::*;

use super::super::*;
use super::group;
use crate::document_types::BILLING_PROCESS;
use crate::smp::fixtures::{NOW, endpoint_xml, expires, group_xml, href, id, metadata_xml, process_xml};

#[test]
fn row_23_huge_deep_and_booby_trapped_answers() {
    let good = group_xml("0208:0677424046", &[]);
    let padded = |size: usize| good.replace("</r:ServiceGroup>", &format!("{}</r:ServiceGroup>", " ".repeat(size)));
    assert_eq!(group(&padded(MAX_BYTES)), Err(SmpError::TooLarge));
    assert!(group(&padded(MAX_BYTES - good.len())).is_ok());
    assert_eq!(group(&"<a>".repeat(65)), Err(SmpError::TooLarge));
    let many = good.replace("</r:ServiceGroup>", &format!("{}</r:ServiceGroup>", "<a/>".repeat(20_001)));
    assert_eq!(group(&many), Err(SmpError::TooLarge));
    let wide: String = (0..65).map(|n| format!(" a{n}='x'")).collect();
    assert_eq!(group(&format!("<a{wide}/>")), Err(SmpError::TooLarge));
    let declaration = |subset: &str| good.replacen("\n", &format!("\n<!DOCTYPE r:ServiceGroup {subset}>\n"), 1);
    for subset in ["", "SYSTEM 'file:///etc/passwd'", "[<!ENTITY a 'b'>]", "[<!ENTITY a SYSTEM 'http://x/'>]"] {
        assert_eq!(group(&declaration(subset)), Err(SmpError::Dtd), "{subset}");
    }
    let entity = group_xml("0208:&a;", &[]);
    assert_eq!(group(&entity), Err(SmpError::UnknownEntity("a".to_owned())));
    assert!(matches!(group(&group_xml("0208:0677424046", &["&a;".to_owned()])), Err(SmpError::UnknownEntity(_))));
}

#[test]
fn what_is_not_well_formed_is_refused() {
    let good = group_xml("0208:0677424046", &[]);
    for broken in [
        String::new(),
        "<html>".to_owned(),
        "<html/>".to_owned(),
        "Not found".to_owned(),
        good.replace("</r:ServiceGroup>", ""),
        good.replace("</r:ServiceGroup>", "</r:ServiceGrou>"),
        format!("{good}<again/>"),
        format!("{good}text"),
        format!("{good}</r:ServiceGroup>"),
        good.replace("r:ServiceGroup>", "q:ServiceGroup>"),
        good.replace("serviceMetadata", "servicemetadata"),
        good.replace("scheme=", "other="),
        good.replace("scheme=", "scheme='x' scheme="),
        good.replace("0208", "0208\u{1}"),
        good.replace("0208", "<!-- -- -->0208"),
    ] {
        assert!(matches!(group(&broken), Err(SmpError::Malformed(_))), "{broken}: {:?}", group(&broken));
    }
}

#[test]
fn only_utf_8() {
    let good = group_xml("0208:0677424046", &[]);
    assert!(group(&format!("\u{feff}{good}")).is_ok());
    assert!(group(&good.replace("UTF-8", "utf-8")).is_ok());
    assert_eq!(group(&good.replace("UTF-8", "ISO-8859-1")), Err(SmpError::Charset("ISO-8859-1".to_owned())));
    let asked = id("0208:0677424046");
    let utf_16: Vec<u8> = good.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let marked: Vec<u8> = [0xFF, 0xFE].into_iter().chain(utf_16.iter().copied()).collect();
    for bytes in [utf_16, marked, good.replace("0208", "0208é").chars().map(|c| c as u8).collect()] {
        assert!(matches!(parse_service_group(&bytes, &asked), Err(SmpError::Charset(_))));
    }
}

#[test]
fn an_endless_reference_is_unreadable() {
    let long = group_xml("0208:0677424046", &["/services/".repeat(100_000)]);
    assert_eq!(group(&long), Ok(ServiceGroup { document_types: vec![], unreadable: 1 }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let asked = id("0208:0677424046");
        let _ = parse_service_group(&bytes, &asked);
        let _ = parse_service_metadata(&bytes, &asked, &DocumentType::billing_invoice());
    }

    #[test]
    fn no_damaged_answer_panics(cut in 0_usize..3_000, length in 0_usize..40, put in proptest::collection::vec(any::<u8>(), 0..8)) {
        let invoice = DocumentType::billing_invoice();
        let asked = id("0208:0677424046");
        let endpoint = endpoint_xml(TRANSPORT_PROFILE, &expires("2027-01-01"), "AQID");
        let metadata = metadata_xml(asked.as_str(), &invoice, &process_xml(BILLING_PROCESS, &endpoint));
        let group = group_xml(asked.as_str(), &[href(asked.as_str(), &invoice)]);
        for xml in [metadata, group] {
            let mut bytes = xml.into_bytes();
            let from = cut % bytes.len();
            let to = (from + length).min(bytes.len());
            bytes.splice(from..to, put.iter().copied());
            let _ = parse_service_group(&bytes, &asked);
            if let Ok(ServiceMetadata::ServiceInformation(found)) = parse_service_metadata(&bytes, &asked, &invoice) {
                let _ = select_endpoint(&found, NOW);
            }
        }
    }
}
