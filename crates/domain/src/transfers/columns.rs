//! Which column of a file holds which field of the card, by the names that people give columns.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::LazyLock;

use super::facts::Fact;
use crate::clients::FixedField as F;
use crate::kernel::catalogue::Language;
use crate::kernel::error::{Error, FieldError, Result};
use crate::kernel::text;

/// What a caller says of columns by their names: the name of a card field, or `None` to leave the column out.
pub type Mapping = BTreeMap<String, Option<String>>;

/// A field of the card: what an export calls it in Dutch, French, German and English, and what else lists call it.
struct Known {
    field: F,
    labels: [&'static str; 4],
    others: &'static [&'static str],
}

const fn known(field: F, labels: [&'static str; 4], others: &'static [&'static str]) -> Known {
    Known { field, labels, others }
}

#[rustfmt::skip]
const KNOWN: &[Known] = &[
    known(F::Reference, ["Referentie", "Référence", "Referenz", "Reference"], &[
        "ref", "klantnummer", "klantnr", "klantcode", "dossiernummer", "dossiernr", "dossier", "code", "intern nummer", "numéro client",
        "numéro de client", "n° client", "code client", "numéro de dossier", "n° dossier", "Kundennummer", "Kundennr", "Mandantennummer",
        "Aktenzeichen", "client number", "client no", "client code", "client id", "customer number", "customer id", "own reference", "file number",
    ]),
    known(F::Name, ["Naam", "Nom", "Name", "Name"], &[
        "bedrijfsnaam", "firmanaam", "firma", "klant", "klantnaam", "naam klant", "vennootschap", "benaming", "maatschappelijke naam", "handelsnaam",
        "dénomination", "dénomination sociale", "raison sociale", "nom du client", "nom client", "société", "entreprise", "client",
        "Firmenname", "Unternehmen", "Kunde", "Kundenname", "Mandant", "company", "company name", "client name", "customer", "customer name", "legal name",
    ]),
    known(F::Kind, ["Soort klant", "Type de client", "Kundenart", "Kind of client"], &["soort", "kind", "client type", "type klant", "type client"]),
    known(F::LegalForm, ["Rechtsvorm", "Forme juridique", "Rechtsform", "Legal form"], &["juridische vorm", "vorm", "forme légale", "company form", "legal type"]),
    known(F::EnterpriseNumber, ["Ondernemingsnummer", "Numéro d'entreprise", "Unternehmensnummer", "Enterprise number"], &[
        "ondernemingsnr", "ond nr", "ondnr", "kbo", "kbo-nummer", "kbo-nr", "kvk", "kvk-nummer", "kvk-nr", "bce", "n° bce", "numéro bce", "n° d'entreprise", "no d'entreprise",
        "numéro entreprise", "matricule", "ZDU", "ZDU-Nummer", "Handelsregisternummer", "company number", "company registration number",
        "registration number", "enterprise no", "cbe", "cbe number", "rpr", "rpm",
    ]),
    known(F::VatNumber, ["BTW-nummer", "Numéro de TVA", "MwSt-Nummer", "VAT number"], &[
        "btw", "btw-nr", "btwnummer klant", "tva", "n° tva", "n° de tva", "no tva", "numéro tva", "MwSt", "MwSt-Nr", "USt-IdNr", "USt-ID", "Umsatzsteuernummer", "Mehrwertsteuernummer",
        "vat", "vat no", "vat id", "vat reg no",
    ]),
    known(F::VatLiable, ["BTW-plichtig", "Assujetti à la TVA", "MwSt-pflichtig", "VAT liable"], &[
        "btw plicht", "onderworpen aan btw", "assujetti", "assujetti tva", "mehrwertsteuerpflichtig", "umsatzsteuerpflichtig", "subject to vat", "vat registered", "liable to vat",
    ]),
    known(F::Government, ["Overheid", "Secteur public", "Behörde", "Government"], &[
        "overheidsinstelling", "publieke sector", "autorité publique", "pouvoir public", "administration publique", "öffentliche Hand", "öffentliche Einrichtung", "public body", "public sector",
    ]),
    known(F::Oin, ["OIN", "OIN", "OIN", "OIN"], &["oin-nummer", "oin number"]),
    known(F::Identifiers, ["Peppol-ID's", "Identifiants Peppol", "Peppol-IDs", "Peppol IDs"], &[
        "peppol id", "peppol-id", "peppol identifier", "identifiant peppol", "peppol-adres", "peppol address", "participant id", "participant identifier", "gln", "identifiers",
    ]),
    known(F::Street, ["Straat", "Rue", "Straße", "Street"], &[
        "adres", "straatnaam", "straat en nummer", "adresse", "nom de rue", "rue et numéro", "Strasse", "Anschrift", "Straßenname", "address", "address line 1", "street name",
    ]),
    known(F::StreetNumber, ["Nummer", "Numéro", "Hausnummer", "Street number"], &[
        "nr", "huisnummer", "huisnr", "nummer en bus", "n°", "no", "numéro de rue", "numéro de maison", "Hausnr", "house number", "house no", "number", "street no",
    ]),
    known(F::Postcode, ["Postcode", "Code postal", "Postleitzahl", "Postcode"], &["postnummer", "cp", "plz", "zip", "zip code", "postal code", "post code"]),
    known(F::Town, ["Gemeente", "Localité", "Ort", "Town"], &[
        "stad", "plaats", "woonplaats", "deelgemeente", "commune", "ville", "Gemeinde", "Stadt", "city", "place", "municipality",
    ]),
    known(F::Country, ["Land", "Pays", "Land", "Country"], &["landcode", "code pays", "Ländercode", "country code"]),
    known(F::Language, ["Taal", "Langue", "Sprache", "Language"], &["taalcode", "code langue", "voertaal", "Sprachcode", "language code"]),
    known(F::Email, ["E-mail", "E-mail", "E-Mail", "E-mail"], &[
        "mail", "e-mailadres", "mailadres", "courriel", "adresse e-mail", "adresse mail", "adresse électronique", "E-Mail-Adresse", "mail address", "email address",
    ]),
    known(F::Phone, ["Telefoon", "Téléphone", "Telefon", "Phone"], &[
        "tel", "tél", "telefoonnummer", "telnr", "gsm", "gsm-nummer", "mobiel", "numéro de téléphone", "portable", "mobile", "Telefonnummer", "Handy", "telephone", "phone number",
    ]),
    known(F::Website, ["Website", "Site web", "Website", "Website"], &["webadres", "web", "site", "site internet", "Webseite", "Homepage", "url", "web site", "web address"]),
    known(F::Responsible, ["Beheerder", "Gestionnaire", "Sachbearbeiter", "Responsible"], &[
        "dossierbeheerder", "verantwoordelijke", "accountant", "boekhouder", "medewerker", "responsable", "gestionnaire de dossier", "comptable", "collaborateur",
        "Verantwortlicher", "Zuständig", "Betreuer", "Steuerberater", "account manager", "responsible member", "file manager", "bookkeeper", "assigned to",
    ]),
    known(F::Portfolio, ["Portefeuille", "Portefeuille", "Portfolio", "Portfolio"], &["kantoor", "team", "groep", "équipe", "bureau", "groupe", "Gruppe", "office", "group"]),
    known(F::MandateStart, ["Start opdracht", "Début du mandat", "Mandatsbeginn", "Mandate start"], &[
        "begin opdracht", "startdatum opdracht", "start mandaat", "begin mandaat", "startdatum", "klant sinds", "début de mission", "début mandat", "début mission", "date de début", "client depuis",
        "Auftragsbeginn", "Beginn", "Kunde seit", "start of mandate", "start date", "engagement start", "client since",
    ]),
    known(F::MandateEnd, ["Einde opdracht", "Fin du mandat", "Mandatsende", "Mandate end"], &[
        "stop opdracht", "einddatum opdracht", "einde mandaat", "einddatum", "fin de mission", "fin mandat", "fin mission", "date de fin", "Auftragsende", "Ende", "end of mandate", "end date", "engagement end",
    ]),
];

/// A name as columns are compared by: letters and digits only, without case and accents.
fn folded(name: &str) -> String {
    text::fold(name).chars().filter(|c| c.is_alphanumeric()).collect()
}

static BY_NAME: LazyLock<HashMap<String, F>> = LazyLock::new(|| {
    let names = |known: &'static Known| known.labels.iter().chain(known.others).map(|name| (folded(name), known.field));
    KNOWN.iter().flat_map(names).chain(KNOWN.iter().map(|known| (folded(known.field.as_str()), known.field))).collect()
});

/// The card fields in the order of an export.
pub fn card_fields() -> impl Iterator<Item = F> {
    KNOWN.iter().map(|known| known.field)
}

/// What an export calls the field.
pub fn label(field: F, language: Language) -> &'static str {
    let labels = KNOWN.iter().find(|known| known.field == field).map(|known| known.labels);
    match (labels, language) {
        (Some([label, _, _, _]), Language::Nl) | (Some([_, label, _, _]), Language::Fr) => label,
        (Some([_, _, label, _]), Language::De) | (Some([_, _, _, label]), Language::En) => label,
        (None, _) => field.as_str(),
    }
}

/// One column of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name in the file, shortened and without control characters.
    pub name: String,
    /// The field that it holds; `None` when it is left out.
    pub field: Option<F>,
}

/// The columns of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Columns {
    /// In the order of the file.
    pub all: Vec<Column>,
    /// Names of columns that nobody knows, or of a field that an earlier column holds already.
    pub unknown: Vec<String>,
}

/// How many of the names are known, to the product or to the mapping; tells a good separator from a bad one.
pub fn recognised(names: &[String], mapping: &Mapping) -> usize {
    let mapped: HashSet<String> = mapping.keys().map(|name| folded(name)).collect();
    names.iter().map(|name| folded(name)).filter(|name| BY_NAME.contains_key(name) || mapped.contains(name)).count()
}

impl Columns {
    /// Finds the field of each column: by `mapping` first, then by its name.
    ///
    /// # Errors
    /// [`Error::Invalid`] with `unknown_column`, `unknown_card_field` or `field_mapped_twice` under `/mapping`, and
    /// `name_column_missing` under `/`.
    pub fn find<'a>(names: impl Iterator<Item = &'a str>, mapping: &Mapping) -> Result<Self> {
        let names: Vec<String> = names.map(tidy).collect();
        let said = said(&names, mapping)?;
        let mut taken: HashSet<F> = said.values().copied().flatten().collect();
        let mut columns = Self::default();
        for (at, name) in names.into_iter().enumerate() {
            let field = match said.get(&at) {
                Some(field) => *field,
                None => {
                    let field = BY_NAME.get(&folded(&name)).copied().filter(|field| taken.insert(*field));
                    if field.is_none() && !name.is_empty() && !Fact::is_label(&name) {
                        columns.unknown.push(name.clone());
                    }
                    field
                }
            };
            columns.all.push(Column { name, field });
        }
        if columns.name_of(F::Name).is_none() {
            return Err(Error::Invalid(vec![FieldError::new("/", "name_column_missing")]));
        }
        Ok(columns)
    }

    /// What the file calls the column of `field`.
    #[must_use]
    pub fn name_of(&self, field: F) -> Option<&str> {
        self.all.iter().find(|column| column.field == Some(field)).map(|column| column.name.as_str())
    }

    /// What the file calls the column of the field that an error of the card points at; the field's own name when it has
    /// no such column.
    #[must_use]
    pub fn pointed_at(&self, error: &FieldError) -> String {
        let name = error.pointer.split('/').nth(1).unwrap_or_default();
        let column = self.all.iter().find(|column| column.field.is_some_and(|field| field.as_str() == name));
        column.map_or_else(|| name.to_owned(), |column| column.name.clone())
    }

    /// Which column holds which field, by their names.
    #[must_use]
    pub fn mapping(&self) -> BTreeMap<String, &'static str> {
        self.all.iter().filter_map(|column| Some((column.name.clone(), column.field?.as_str()))).collect()
    }
}

/// What the caller says of each column that the mapping names, by the column's place.
fn said(names: &[String], mapping: &Mapping) -> Result<HashMap<usize, Option<F>>> {
    let mut said = HashMap::new();
    let mut wrong = Vec::new();
    for (name, field) in mapping {
        let pointer = || format!("/mapping/{}", tidy(name).replace('~', "~0").replace('/', "~1"));
        let exactly = names.iter().position(|column| *column == tidy(name));
        let at = exactly.or_else(|| names.iter().position(|column| folded(column) == folded(name)));
        let meant = field.as_deref().map(|field| card_fields().find(|known| known.as_str() == field));
        match (at, meant) {
            (None, _) => wrong.push(FieldError::new(pointer(), "unknown_column")),
            (_, Some(None)) => {
                let values: Vec<&str> = card_fields().map(F::as_str).collect();
                wrong.push(FieldError::new(pointer(), "unknown_card_field").with("values", values.join(", ")));
            }
            (Some(_), Some(Some(field))) if said.values().any(|taken| *taken == Some(field)) => {
                wrong.push(FieldError::new(pointer(), "field_mapped_twice").with("field", field.as_str()));
            }
            (Some(at), meant) => {
                said.insert(at, meant.flatten());
            }
        }
    }
    if wrong.is_empty() { Ok(said) } else { Err(Error::Invalid(wrong)) }
}

const LONGEST_NAME: usize = 100;

fn tidy(name: &str) -> String {
    let shown = name.trim().chars().map(|c| if c.is_control() { ' ' } else { c });
    shown.take(LONGEST_NAME).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(names: &[&str], mapping: &Mapping) -> Result<Columns> {
        Columns::find(names.iter().copied(), mapping)
    }

    #[test]
    fn every_card_field_has_a_label_and_no_name_means_two_fields() {
        let numbers: Vec<i64> = card_fields().map(F::number).collect();
        assert_eq!(numbers.iter().collect::<HashSet<_>>().len(), 23);
        assert!(numbers.iter().all(|number| (1..=23).contains(number)));
        let mut seen: HashMap<String, F> = HashMap::new();
        for known in KNOWN {
            for name in known.labels.iter().chain(known.others) {
                assert_eq!(*seen.entry(folded(name)).or_insert(known.field), known.field, "{name}");
                assert!(!Fact::is_label(name), "{name}");
            }
        }
        for language in Language::ALL {
            for field in card_fields() {
                assert_eq!(BY_NAME.get(&folded(label(field, language))), Some(&field));
            }
        }
    }

    #[test]
    fn headers_in_four_languages_are_recognised() {
        for (name, field) in [
            ("REFERENTIE", F::Reference),
            ("Référence", F::Reference),
            ("N° d’entreprise", F::EnterpriseNumber),
            ("BCE", F::EnterpriseNumber),
            ("Unternehmensnummer", F::EnterpriseNumber),
            ("BTW nummer", F::VatNumber),
            ("BTW-plichtig", F::VatLiable),
            ("Localité", F::Town),
            ("Strasse", F::Street),
            ("Straße", F::Street),
            ("e_mail", F::Email),
            ("Start opdracht", F::MandateStart),
            ("legal_form", F::LegalForm),
        ] {
            assert_eq!(found(&["Naam", name], &Mapping::new()).unwrap().all[1].field, Some(field), "{name}");
        }
    }

    #[test]
    fn unknown_and_repeated_columns_are_told_and_left_out() {
        let columns = found(&["Naam", "Schoenmaat", "Name", "", "Peppol state"], &Mapping::new()).unwrap();
        assert_eq!(columns.unknown, ["Schoenmaat", "Name"]);
        assert_eq!(columns.mapping(), BTreeMap::from([("Naam".to_owned(), "name")]));
    }

    #[test]
    fn a_mapping_decides_and_its_faults_are_named() {
        let mapping = |pairs: &[(&str, Option<&str>)]| -> Mapping {
            pairs.iter().map(|(name, field)| ((*name).to_owned(), field.map(str::to_owned))).collect()
        };
        let columns = found(&["A", "Naam", "B"], &mapping(&[("a", Some("name")), ("B", None)])).unwrap();
        assert_eq!(columns.name_of(F::Name), Some("A"));
        assert_eq!(columns.unknown, ["Naam"]);
        for (pairs, code) in [
            (&[("X/y", None)][..], "unknown_column"),
            (&[("A", Some("shoe"))][..], "unknown_card_field"),
            (&[("A", Some("name")), ("B", Some("name"))][..], "field_mapped_twice"),
            (&[("Naam", None)][..], "name_column_missing"),
        ] {
            let Err(Error::Invalid(errors)) = found(&["A", "Naam", "B"], &mapping(pairs)) else { panic!("{code}") };
            assert_eq!(errors[0].code, code);
        }
    }
}
