mod endpoints;
mod groups;
mod hostile;
mod published;

use super::fixtures::{id, metadata_xml};
use super::*;

fn group(xml: &str) -> Result<ServiceGroup, SmpError> {
    parse_service_group(xml.as_bytes(), &id("0208:0677424046"))
}

fn information(processes: &str) -> Result<ServiceInformation, SmpError> {
    let invoice = DocumentType::billing_invoice();
    let xml = metadata_xml("0208:0677424046", &invoice, processes);
    match parse_service_metadata(xml.as_bytes(), &id("0208:0677424046"), &invoice)? {
        ServiceMetadata::ServiceInformation(information) => Ok(information),
        ServiceMetadata::Redirect(redirect) => panic!("{redirect:?}"),
    }
}

#[test]
fn paths_are_wholly_encoded() {
    let participant = id("0208:0677424046");
    assert_eq!(service_group_path(&participant), "/iso6523-actorid-upis%3A%3A0208%3A0677424046");
    let note = DocumentType::new("busdox-docid-qns", "http://x/y::A##b#c::2.1");
    let path = "/iso6523-actorid-upis%3A%3A0208%3A0677424046/services/busdox-docid-qns%3A%3Ahttp%3A%2F%2Fx%2Fy%3A%3AA%23%23b%23c%3A%3A2.1";
    assert_eq!(service_metadata_path(&participant, &note), path);
}
