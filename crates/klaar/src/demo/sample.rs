//! The demo's clients: invented names, numbers with right check digits, addresses under `.example`.

use std::collections::BTreeMap;

use klaar_domain::clients::CardDraft;
use serde_json::{Value, json};

/// A client of the filled practice.
pub struct SampleClient {
    /// Its card.
    pub draft: CardDraft,
    /// Its custom values.
    pub fields: BTreeMap<String, Value>,
}

const TRADES: &[(&str, &str, &str)] = &[
    ("Bakkerij", "nl", "BV"),
    ("Boulangerie", "fr", "SRL"),
    ("Garage", "nl", "BV"),
    ("Apotheek", "nl", "NV"),
    ("Menuiserie", "fr", "SA"),
    ("Tandarts", "nl", "BV"),
    ("Drukkerij", "nl", "NV"),
    ("Fleuriste", "fr", "SRL"),
];
const FAMILIES: &[&str] =
    &["Peeters", "Dubois", "Wouters", "Lambert", "Claes", "Müller", "D'Hondt", "Łukasz", "Maes", "Goossens", "Zoë"];
const TOWNS: &[(&str, &str)] =
    &[("9000", "Gent"), ("1000", "Brussel"), ("4000", "Liège"), ("2000", "Antwerpen"), ("3000", "Leuven")];
const SOFTWARE: &[&str] = &["Odoo", "Exact Online", "Billit", "Yuki", "Octopus"];
const PEOPLE: &[&str] = &["Céline", "Bart", "An"];

/// The first eight digits of the first sample client's enterprise number.
const FILLED_FROM: u32 = 9_100_000;
const LIST_FROM: u32 = 9_200_000;

fn pick<T: Copy>(from: &[T], at: usize) -> Option<T> {
    from.get(at % from.len().max(1)).copied()
}

/// An enterprise number whose first eight digits are `head`: the check digits are 97 − head mod 97.
fn number(head: u32) -> String {
    format!("{head:08}{:02}", 97 - head % 97)
}

fn draft(at: usize, from: u32) -> CardDraft {
    let (trade, language, form) = pick(TRADES, at).unwrap_or_default();
    let family = pick(FAMILIES, at / 2).unwrap_or_default();
    let (postcode, town) = pick(TOWNS, at / 3).unwrap_or_default();
    let number = number(from + u32::try_from(at * 137).unwrap_or_default());
    CardDraft {
        reference: Some(format!("K{:03}", at + 1)),
        name: Some(format!("{trade} {family} {}", at + 1)),
        legal_form: Some(form.to_owned()),
        vat_number: (at % 5 != 4).then(|| format!("BE{number}")),
        vat_liable: Some(at % 5 != 4),
        enterprise_number: Some(number),
        street: Some("Kerkstraat".to_owned()),
        street_number: Some((at + 1).to_string()),
        postcode: Some(postcode.to_owned()),
        town: Some(town.to_owned()),
        language: Some(language.to_owned()),
        email: (at % 7 != 6).then(|| format!("client{}@alpha.example", at + 1)),
        responsible: pick(PEOPLE, at).map(str::to_owned),
        ..CardDraft::default()
    }
}

/// The clients of the filled practice.
pub fn clients() -> Vec<SampleClient> {
    let client = |at: usize| {
        let mut fields = BTreeMap::new();
        if at % 3 != 2 {
            fields.insert("receive_software".to_owned(), json!(pick(SOFTWARE, at)));
            fields.insert("ready".to_owned(), json!(at.is_multiple_of(2)));
        }
        if at.is_multiple_of(10) {
            fields.insert("comments".to_owned(), json!("Belt zelf terug."));
        }
        SampleClient { draft: draft(at, FILLED_FROM), fields }
    };
    (0..60).map(client).collect()
}

/// A client list as a practice exports it, with three lines that an import must refuse: a wrong check digit, a day that does
/// not exist, a missing name.
pub fn list() -> String {
    let mut out = String::from(
        "\u{feff}Referentie;Naam;Rechtsvorm;Ondernemingsnummer;BTW-nummer;BTW-plichtig;Straat;Nummer;Postcode;Gemeente;Taal;E-mail;Beheerder;Start opdracht\r\n",
    );
    for at in 0..40 {
        let mut card = draft(at, LIST_FROM);
        match at {
            7 => card.enterprise_number = Some("0919200000".to_owned()),
            23 => card.name = None,
            _ => {}
        }
        let day = if at == 15 { "31/02/2020" } else { "01/03/2020" };
        let liable = if card.vat_liable == Some(true) { "ja" } else { "neen" };
        let cell = |value: Option<String>| value.unwrap_or_default();
        let cells = [
            cell(card.reference),
            cell(card.name),
            cell(card.legal_form),
            cell(card.enterprise_number),
            cell(card.vat_number),
            liable.to_owned(),
            cell(card.street),
            cell(card.street_number),
            cell(card.postcode),
            cell(card.town),
            cell(card.language).to_uppercase(),
            cell(card.email),
            cell(card.responsible),
            day.to_owned(),
        ];
        out.push_str(&cells.join(";"));
        out.push_str("\r\n");
    }
    out
}
