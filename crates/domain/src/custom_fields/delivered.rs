//! What every practice has from the start: the category PEPPOL, its five fields, the software lists.

use std::collections::BTreeMap;

use super::kinds::FieldKind;
use super::model::Labels;

pub(super) struct DeliveredField {
    pub slug: &'static str,
    pub kind: FieldKind,
    names: [&'static str; 4],
    pub options: &'static [&'static str],
}

pub(super) const CATEGORY_SLUG: &str = "peppol";

pub(super) fn category_names() -> Labels {
    labels(["PEPPOL"; 4])
}

impl DeliveredField {
    pub fn names(&self) -> Labels {
        labels(self.names)
    }
}

fn labels([nl, fr, de, en]: [&str; 4]) -> Labels {
    Labels(BTreeMap::from([("nl", nl), ("fr", fr), ("de", de), ("en", en)].map(|(l, t)| (l.to_owned(), t.to_owned()))))
}

pub(super) const FIELDS: &[DeliveredField] = &[
    DeliveredField {
        slug: "registered_on",
        kind: FieldKind::AccessPoint,
        names: ["Geregistreerd op PEPPOL", "Enregistré sur PEPPOL", "Bei PEPPOL registriert", "Registered on PEPPOL"],
        options: &[],
    },
    DeliveredField {
        slug: "receive_software",
        kind: FieldKind::Choice,
        names: [
            "Software voor ontvangst",
            "Logiciel de réception",
            "Software für den Empfang",
            "Software for receiving",
        ],
        options: SOFTWARE,
    },
    DeliveredField {
        slug: "send_software",
        kind: FieldKind::Choice,
        names: ["Software voor verzending", "Logiciel d'envoi", "Software für den Versand", "Software for sending"],
        options: SOFTWARE,
    },
    DeliveredField {
        slug: "ready",
        kind: FieldKind::YesNo,
        names: ["Klaar voor PEPPOL?", "Prêt pour PEPPOL ?", "Bereit für PEPPOL?", "PEPPOL ready?"],
        options: &[],
    },
    DeliveredField {
        slug: "comments",
        kind: FieldKind::LongText,
        names: ["Opmerkingen", "Remarques", "Bemerkungen", "Comments"],
        options: &[],
    },
];

/// Software that Belgian companies receive and send e-invoices with, as practices name it.
const SOFTWARE: &[&str] = &[
    "Accountable",
    "Adfinity (Easi)",
    "AFAS",
    "Akti",
    "Apertoso",
    "Billit",
    "Billtobox",
    "Billy",
    "BOB50 / Sage",
    "BoCount Dynamics",
    "Bouwsoft",
    "Carfac",
    "Cashaca / Zenfactuur",
    "Clearfacts",
    "CoManage",
    "Dexxter",
    "Doccle",
    "EenvoudigFactureren",
    "Exact Online",
    "Factsys",
    "Facturalia",
    "Furoo",
    "Horus",
    "Lucy",
    "Niboo",
    "Octopus",
    "Odoo",
    "OkiOki",
    "onFact",
    "Robaws",
    "Sage Cloud Demat",
    "Silvasoft",
    "SNDQ",
    "Sonetas",
    "Teamleader",
    "Vertuoza",
    "WinAuditor",
    "WinBooks",
    "Wings",
    "Wolters Kluwer",
    "Yerpa",
    "Yuki",
    "Zenvoices",
];
