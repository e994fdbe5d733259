use super::super::*;
use super::group;
use crate::smp::fixtures::{group_xml, href, id, metadata_xml};

#[test]
fn a_group_lists_its_document_types_once() {
    let invoice = DocumentType::billing_invoice();
    let note = DocumentType::billing_credit_note();
    let hrefs = [href("0208:0677424046", &invoice), href("0208:0677424046", &note), href("0208:0677424046", &invoice)];
    let found = group(&group_xml("0208:0677424046", &hrefs)).expect("a group");
    assert_eq!(found, ServiceGroup { document_types: vec![invoice, note], unreadable: 0 });
    assert_eq!(group(&group_xml(" 0208:0677424046\n", &[])).expect("a group").document_types, []);
}

#[test]
fn row_19_references_of_every_kind() {
    let invoice = DocumentType::billing_invoice();
    let segment = invoice.path_segment();
    for reference in [
        format!("http://other.example/p/services/{segment}"),
        format!("https://smp.example/SERVICES/{segment}"),
        format!("https://smp.example/p/Services/{}", segment.replace('%', "%25")),
        format!("https://smp.example/p/services/{}", segment.replace('%', "%2525")),
        format!("https://smp.example/p/services/{}", segment.to_lowercase().replace("invoice", "Invoice")),
        format!("https://smp.example/services/iso6523-actorid-upis%3A%3A0208%3A0677424046/services/{segment}"),
        format!("https://smp.example/services/smp/x::y/services/{segment}"),
        format!("https://smp.example/p/services/{}", invoice.wire()),
        format!("services/services/{segment}"),
    ] {
        let found = group(&group_xml("0208:0677424046", std::slice::from_ref(&reference))).expect("a group");
        assert_eq!(found, ServiceGroup { document_types: vec![invoice.clone()], unreadable: 0 }, "{reference}");
    }
    for reference in [
        "https://smp.example/",
        "https://smp.example/p/services/",
        "https://smp.example/p/services/%FF::x",
        "/services/a%3A%3Ab%ZZ",
    ] {
        let found = group(&group_xml("0208:0677424046", &[reference.to_owned()])).expect("a group");
        assert_eq!(found, ServiceGroup { document_types: vec![], unreadable: 1 }, "{reference}");
    }
}

#[test]
fn row_22_another_participant_or_document_type() {
    assert_eq!(group(&group_xml("0208:0403227515", &[])), Err(SmpError::OtherParticipant));
    let scheme = group_xml("0208:0677424046", &[]).replace("iso6523-actorid-upis", "busdox-actorid-upis");
    assert_eq!(group(&scheme), Err(SmpError::OtherParticipant));
    let invoice = DocumentType::billing_invoice();
    let asked = id("9925:BE0677424046");
    let ask = |xml: &str| parse_service_metadata(xml.as_bytes(), &asked, &invoice).map(|_| ());
    assert_eq!(ask(&metadata_xml("9925:be0677424046", &invoice, "")), Ok(()));
    assert_eq!(ask(&metadata_xml("9925:BE0677424046", &invoice, "")), Ok(()), "the case of the value is free");
    assert_eq!(ask(&metadata_xml("9925:BE0403227515", &invoice, "")), Err(SmpError::OtherParticipant));
    let note = DocumentType::billing_credit_note();
    assert_eq!(ask(&metadata_xml("9925:BE0677424046", &note, "")), Err(SmpError::OtherDocumentType));
    let lower = DocumentType::new(&invoice.scheme, invoice.value.to_lowercase());
    assert_eq!(ask(&metadata_xml("9925:BE0677424046", &lower, "")), Err(SmpError::OtherDocumentType));
}

#[test]
fn a_comment_does_not_hide_half_an_identifier() {
    let split = group_xml("0208:06774<!-- x -->24046", &[]);
    assert!(group(&split).is_ok());
    assert!(group(&group_xml("0208:<![CDATA[0677424046]]>", &[])).is_ok());
    assert_eq!(group(&group_xml("0208:0677424046<!-- -->7", &[])), Err(SmpError::OtherParticipant));
}
