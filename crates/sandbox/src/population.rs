//! Who is registered in this world when no script says otherwise.
//!
//! DNS sees hashes only, so registration is decided on the label: 62 % of all labels are registered. The SMP sees the
//! identifier and adds what makes an imported list look alive:
//!
//! * An identifier other than Belgian VAT (9925) can receive BIS Billing invoices and credit notes at an access point
//!   drawn with falling weights; 5 % of them lack the credit note, 3 % offer no invoice at all.
//! * A Belgian enterprise is asked for under 0208 and 9925, whose labels are independent; if both were ordinary, 86 % of
//!   a list would be registered. A 9925 registration therefore follows its 0208 twin: it has the twin's access point
//!   (one in twelve has another, which is a finding for the product to show), and where the twin is not registered it is
//!   nearly always a leftover that lists no document type (one in twenty is live).
//!
//! So about 60 % of the identifiers *and* about 61 % of the clients are registered, 2 % of the clients at two access
//! points, some 24 % can receive nothing, and the rest is unknown to the network.

use crate::{
    label::{Draw, Label},
    script::DocumentType,
};

/// Percentage of labels that DNS knows.
const REGISTERED: u8 = 62;
/// Cumulated percentage of registrations per access point, in the order of `pki::ACCESS_POINTS`.
const ACCESS_POINT_SHARES: [u8; 6] = [34, 58, 75, 87, 95, 100];
/// Percentage of registrations without any invoice document type, and cumulated those without credit note.
const WITHOUT_INVOICE: u8 = 3;
const WITHOUT_CREDIT_NOTE: u8 = 8;
/// Percentage of 9925 registrations that have another access point than their 0208 twin.
const AT_ANOTHER_ACCESS_POINT: u8 = 8;
/// Percentage of 9925 registrations without 0208 twin that still receive.
const LIVE_LEFTOVER: u8 = 5;

/// What an unscripted registration offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// Index into `pki::ACCESS_POINTS`.
    pub(crate) access_point: usize,
    pub(crate) documents: Vec<DocumentType>,
}

/// Whether DNS knows an unscripted label.
pub(crate) fn is_registered(label: &Label) -> bool {
    label.percentile(Draw::Registered) < REGISTERED
}

/// What the registration of an unscripted identifier (`0208:0677424046`) offers; `None` when it is not registered.
pub(crate) fn standing(identifier: &str) -> Option<Standing> {
    let label = Label::of(identifier);
    if !is_registered(&label) {
        return None;
    }
    let Some(twin) = enterprise_twin(identifier) else {
        return Some(own_standing(&label));
    };
    let twin = Label::of(&twin);
    let draw = label.percentile(Draw::SecondRegistration);
    if !is_registered(&twin) {
        let documents = if draw < LIVE_LEFTOVER { billing() } else { Vec::new() };
        return Some(Standing { documents, ..own_standing(&label) });
    }
    let mut standing = own_standing(&twin);
    if draw < AT_ANOTHER_ACCESS_POINT {
        standing.access_point = (standing.access_point + 1) % ACCESS_POINT_SHARES.len();
    }
    Some(standing)
}

/// Index of the access point an identifier has when its script names none.
pub(crate) fn access_point(identifier: &str) -> usize {
    drawn_access_point(&Label::of(identifier))
}

fn drawn_access_point(label: &Label) -> usize {
    let draw = label.percentile(Draw::AccessPoint);
    ACCESS_POINT_SHARES.iter().position(|upto| draw < *upto).unwrap_or(0)
}

fn own_standing(label: &Label) -> Standing {
    let documents = match label.percentile(Draw::Documents) {
        draw if draw < WITHOUT_INVOICE => vec![DocumentType::Order, DocumentType::InvoiceResponse],
        draw if draw < WITHOUT_CREDIT_NOTE => vec![DocumentType::BillingInvoice, DocumentType::InvoiceResponse],
        _ => billing(),
    };
    Standing { access_point: drawn_access_point(label), documents }
}

/// BIS Billing 3 invoice and credit note, and Invoice Response.
pub(crate) fn billing() -> Vec<DocumentType> {
    vec![DocumentType::BillingInvoice, DocumentType::BillingCreditNote, DocumentType::InvoiceResponse]
}

/// The other identifier under which a Belgian enterprise is asked for: 9925 for 0208 and the reverse.
pub(crate) fn twin(identifier: &str) -> Option<String> {
    let vat = || identifier.strip_prefix("0208:").map(|number| format!("9925:be{number}"));
    enterprise_twin(identifier).or_else(vat)
}

/// The 0208 identifier of the enterprise behind a Belgian VAT identifier.
fn enterprise_twin(identifier: &str) -> Option<String> {
    let number = identifier.to_ascii_lowercase().strip_prefix("9925:be").map(str::to_owned)?;
    Some(format!("0208:{number}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The n-th enterprise number, with its check digits.
    fn enterprise(n: u32) -> String {
        let first = 4_000_000 + n;
        format!("{first:08}{:02}", 97 - first % 97)
    }

    fn receives_invoices(standing: Option<&Standing>) -> bool {
        standing.is_some_and(|s| s.documents.contains(&DocumentType::BillingInvoice))
    }

    #[test]
    fn about_sixty_percent_of_identifiers_and_of_clients_are_registered() {
        let (mut labels, mut identifiers, mut clients, mut twice) = (0, 0, 0, 0);
        for n in 0..10_000 {
            let number = enterprise(n);
            let own = standing(&format!("0208:{number}"));
            let vat = standing(&format!("9925:BE{number}"));
            labels += u32::from(is_registered(&Label::of(&format!("0208:{number}"))));
            identifiers += u32::from(receives_invoices(own.as_ref()));
            clients += u32::from(receives_invoices(own.as_ref()) || receives_invoices(vat.as_ref()));
            if let (Some(own), Some(vat)) = (own, vat) {
                twice += u32::from(own.access_point != vat.access_point);
            }
        }
        assert!((5_500..=6_500).contains(&labels), "{labels}");
        assert!((5_500..=6_500).contains(&identifiers), "{identifiers}");
        assert!((5_500..=6_500).contains(&clients), "{clients}");
        assert!((100..=600).contains(&twice), "{twice}");
    }

    #[test]
    fn every_access_point_has_clients_and_the_first_has_most() {
        let mut counts = [0_u32; ACCESS_POINT_SHARES.len()];
        for n in 0..10_000 {
            if let Some(standing) = standing(&format!("0208:{}", enterprise(n))) {
                counts[standing.access_point] += 1;
            }
        }
        assert!(counts.is_sorted_by(|a, b| a > b), "{counts:?}");
        assert!(counts.iter().all(|count| *count > 100), "{counts:?}");
    }

    #[test]
    fn an_enterprise_has_two_identifiers() {
        assert_eq!(twin("0208:0677424046").as_deref(), Some("9925:be0677424046"));
        assert_eq!(twin("9925:BE0677424046").as_deref(), Some("0208:0677424046"));
        assert_eq!(twin("0106:12345678"), None);
    }

    #[test]
    fn the_letter_case_of_an_identifier_does_not_matter() {
        for n in 0..100 {
            let number = enterprise(n);
            assert_eq!(standing(&format!("9925:BE{number}")), standing(&format!("9925:be{number}")));
        }
    }
}
