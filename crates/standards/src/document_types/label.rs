//! Names of the document types people meet (code list of document types 9.7).

use super::{DocumentType, Parts};

/// Customizations of invoices and credit notes.
const BILLING: [(&str, &str); 11] = [
    ("urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0", "BIS Billing 3"),
    ("urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:selfbilling:3.0", "BIS Self-Billing 3"),
    ("urn:cen.eu:en16931:2017", "EN 16931"),
    ("urn:cen.eu:en16931:2017#conformant#urn:UBL.BE:1.0.0.20180214", "UBL.BE"),
    ("urn:cen.eu:en16931:2017#compliant#urn:fdc:nen.nl:nlcius:v1.0", "NLCIUS (SI-UBL 2.0)"),
    (
        "urn:cen.eu:en16931:2017#compliant#urn:fdc:nen.nl:nlcius:v1.0#conformant#urn:fdc:nen.nl:gaccount:v1.0",
        "NLCIUS with G-account",
    ),
    ("urn:cen.eu:en16931:2017#compliant#urn:xeinkauf.de:kosit:xrechnung_3.0", "XRechnung 3.0"),
    ("urn:cen.eu:en16931:2017#compliant#urn:xoev-de:kosit:standard:xrechnung_2.3", "XRechnung 2.3"),
    ("urn:cen.eu:en16931:2017#compliant#urn:peppol:france:billing:cius:1.0", "French CIUS"),
    ("urn:cen.eu:en16931:2017#conformant#urn:peppol:france:billing:extended:1.0", "French extended"),
    ("urn:cen.eu:en16931:2017#conformant#urn:peppol:eb2b:1.0", "eB2B"),
];

/// Customizations of other messages.
const MESSAGES: [(&str, &str); 14] = [
    ("urn:fdc:peppol.eu:poacc:trns:catalogue:3", "Catalogue"),
    ("urn:fdc:peppol.eu:poacc:trns:catalogue_response:3", "Catalogue Response"),
    ("urn:fdc:peppol.eu:poacc:trns:despatch_advice:3", "Despatch Advice"),
    ("urn:fdc:peppol.eu:poacc:trns:invoice_response:3", "Invoice Response"),
    ("urn:fdc:peppol.eu:poacc:trns:mlr:3", "Message Level Response"),
    ("urn:fdc:peppol.eu:poacc:trns:order:3", "Order"),
    ("urn:fdc:peppol.eu:poacc:trns:order_agreement:3", "Order Agreement"),
    ("urn:fdc:peppol.eu:poacc:trns:order_cancellation:3", "Order Cancellation"),
    ("urn:fdc:peppol.eu:poacc:trns:order_change:3", "Order Change"),
    ("urn:fdc:peppol.eu:poacc:trns:order_response:3", "Order Response"),
    ("urn:fdc:peppol.eu:poacc:trns:order_response_advanced:3", "Order Response (advanced)"),
    ("urn:fdc:peppol.eu:poacc:trns:punch_out:3", "Punch Out"),
    ("urn:fdc:peppol.eu:logistics:trns:receipt_advice:1", "Receipt Advice"),
    ("urn:peppol:edec:mls:1.0", "Message Level Status"),
];

pub(super) fn label(document_type: &DocumentType) -> Option<String> {
    let parts = document_type.parts()?;
    if let Some(name) = named(&MESSAGES, parts.customization) {
        return Some(name.to_owned());
    }
    let document = match parts.local_name {
        "Invoice" => "invoice",
        "CreditNote" => "credit note",
        "CrossIndustryInvoice" => "invoice (CII)",
        _ => return None,
    };
    let family = named(&BILLING, parts.customization).map(str::to_owned).or_else(|| pint(&parts))?;
    Some(format!("{family} {document}"))
}

fn named(names: &[(&str, &'static str)], customization: &str) -> Option<&'static str> {
    names.iter().find(|(known, _)| *known == customization).map(|(_, name)| *name)
}

/// `urn:peppol:pint:billing-1@jp-1`, possibly with `*` behind it.
fn pint(parts: &Parts<'_>) -> Option<String> {
    let variant = parts.customization.strip_prefix("urn:peppol:pint:")?.trim_end_matches('*');
    let (profile, area) = variant.split_once('@').unwrap_or((variant, ""));
    let name = match profile.split_once('-').map_or(profile, |(name, _)| name) {
        "billing" => "PINT",
        "selfbilling" => "PINT self-billing",
        "nontaxinvoice" => "PINT non-tax",
        _ => return None,
    };
    let area = area.split_once('-').map_or(area, |(area, _)| area).to_ascii_uppercase();
    Some(if area.is_empty() { name.to_owned() } else { format!("{name} {area}") })
}
