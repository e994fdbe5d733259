use proptest::prelude::*;

use super::*;

const UBL_INVOICE: &str = "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2::Invoice";

fn exact(root: &str, customization: &str, version: &str) -> DocumentType {
    DocumentType::new(EXACT_SCHEME, format!("{root}##{customization}::{version}"))
}

fn pint(customization: &str) -> DocumentType {
    DocumentType::new(WILDCARD_SCHEME, format!("{UBL_INVOICE}##urn:peppol:pint:{customization}::2.1"))
}

#[test]
fn the_constants_are_the_code_list_s() {
    assert_eq!(
        BILLING_INVOICE,
        "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2::Invoice##urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0::2.1"
    );
    assert_eq!(
        BILLING_CREDIT_NOTE,
        "urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2::CreditNote##urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0::2.1"
    );
}

#[test]
fn rows_7_to_14_do_not_count_as_receiving_an_invoice() {
    let cii = "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100::CrossIndustryInvoice";
    let billing = "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0";
    for only in [
        exact(
            "urn:oasis:names:specification:ubl:schema:xsd:Order-2::Order",
            "urn:fdc:peppol.eu:poacc:trns:order:3",
            "2.1",
        ),
        exact(UBL_INVOICE, "urn:cen.eu:en16931:2017#conformant#urn:UBL.BE:1.0.0.20180214", "2.1"),
        exact(UBL_INVOICE, "urn:cen.eu:en16931:2017#compliant#urn:fdc:nen.nl:nlcius:v1.0", "2.1"),
        exact(cii, billing, "D16B"),
        pint("billing-1*"),
        exact(UBL_INVOICE, "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:selfbilling:3.0", "2.1"),
        DocumentType::new(WILDCARD_SCHEME, BILLING_INVOICE),
        DocumentType::new(EXACT_SCHEME, BILLING_INVOICE.to_uppercase()),
    ] {
        assert_eq!(can_receive(std::slice::from_ref(&only)), Capability::default(), "{only}");
    }
    assert_eq!(can_receive(&[]), Capability::default());
}

#[test]
fn row_9_invoice_without_credit_note() {
    let both = [DocumentType::billing_credit_note(), DocumentType::billing_invoice()];
    assert_eq!(can_receive(&both), Capability { invoice: true, credit_note: true });
    assert_eq!(can_receive(&[DocumentType::billing_invoice()]), Capability { invoice: true, credit_note: false });
}

#[test]
fn wildcards_match_the_finest_registration() {
    let general = pint("billing-1*");
    let japan = pint("billing-1@jp-1*");
    let exact_japan = pint("billing-1@jp-1");
    let all = [general.clone(), japan.clone(), exact_japan.clone()];
    assert_eq!(best_match(&all, &exact_japan), Some(&exact_japan));
    assert_eq!(best_match(&all, &japan), Some(&exact_japan));
    assert_eq!(best_match(&all[..2], &exact_japan), Some(&japan));
    assert_eq!(best_match(&all[..1], &pint("billing-1@jp-1@acme-2")), Some(&general));
    assert_eq!(best_match(&all[1..2], &pint("billing-1@sg-1")), None);
    assert_eq!(best_match(&all, &pint("billing*-1@jp-1")), None);
    let credit_note = DocumentType::new(WILDCARD_SCHEME, general.value.replace("Invoice", "CreditNote"));
    assert_eq!(best_match(&all, &credit_note), None);
    // The exact scheme knows no wildcards.
    let exact_scheme = DocumentType::new(EXACT_SCHEME, exact_japan.value);
    assert_eq!(best_match(&all, &exact_scheme), None);
    assert_eq!(best_match(std::slice::from_ref(&exact_scheme), &exact_scheme), Some(&exact_scheme));
}

#[test]
fn well_known_types_have_a_name() {
    for (document_type, name) in [
        (DocumentType::billing_invoice(), "BIS Billing 3 invoice"),
        (DocumentType::billing_credit_note(), "BIS Billing 3 credit note"),
        (exact(UBL_INVOICE, "urn:cen.eu:en16931:2017#conformant#urn:UBL.BE:1.0.0.20180214", "2.1"), "UBL.BE invoice"),
        (exact(UBL_INVOICE, "urn:fdc:peppol.eu:poacc:trns:invoice_response:3", "2.1"), "Invoice Response"),
        (exact(UBL_INVOICE, "urn:fdc:peppol.eu:poacc:trns:mlr:3", "2.1"), "Message Level Response"),
        (pint("billing-1*"), "PINT invoice"),
        (pint("selfbilling-1@aunz-1"), "PINT self-billing AUNZ invoice"),
    ] {
        assert_eq!(document_type.label().as_deref(), Some(name));
    }
    assert_eq!(DocumentType::new(EXACT_SCHEME, "urn:something").label(), None);
}

#[test]
fn wire_form_and_path() {
    let invoice = DocumentType::billing_invoice();
    assert_eq!(DocumentType::from_wire(&invoice.wire()), Some(invoice.clone()));
    assert!(invoice.path_segment().starts_with("busdox-docid-qns%3A%3Aurn%3Aoasis"));
    assert!(invoice.path_segment().contains("Invoice%23%23urn"));
    for text in ["", "::x", "x::", "a:b", "a::b c"] {
        assert_eq!(DocumentType::from_wire(text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn no_text_panics(scheme in "(busdox-docid-qns|peppol-doctype-wildcard)", value in "\\PC*(::)?\\PC*(##)?[a@*-]*(::)?\\PC*") {
        let document_type = DocumentType::new(scheme, value);
        let _ = document_type.label();
        let _ = best_match(&[pint("billing-1*")], &document_type);
        let _ = DocumentType::from_wire(&document_type.value);
    }
}
