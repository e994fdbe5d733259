//! Which column of a file holds which field of the card, by the names that people give columns.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::LazyLock;

use super::facts::Fact;
use super::model::Code;
use super::named::{FieldNames, Meant, PREFIX};
use crate::clients::FixedField as F;
use crate::custom_fields::{Field, FieldKind, WrittenField, import_refusal};
use crate::kernel::catalogue::Language;
use crate::kernel::error::{Error, FieldError, Params, Result};
use crate::kernel::text;

/// What a caller says of columns by their names: the name of a card field, `fields.` and the slug of a custom field, or
/// `None` to leave the column out.
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
    known(F::Exemption, ["Vrijstelling Peppol", "Dispense de Peppol", "Befreiung von Peppol", "Peppol exemption"], &[
        "vrijgesteld van peppol", "peppol vrijstelling", "exempté de peppol", "exemption peppol", "peppol-befreiung", "exempt from peppol", "exemption from peppol",
    ]),
];

/// A name as columns are compared by: letters and digits only, without case and accents.
pub(super) fn folded(name: &str) -> String {
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

/// Whether a column of this name holds a field of the card.
pub fn is_known(name: &str) -> bool {
    BY_NAME.contains_key(&folded(name))
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

/// The field that a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// A field of the card.
    Card(F),
    /// A custom field, by its place among [`Columns::fields`].
    Custom(usize),
}

/// One column of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name in the file, shortened and without control characters.
    pub name: String,
    /// The field that it holds; `None` when it is left out.
    pub target: Option<Target>,
}

/// Why a column is left out although a field is called so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnNote {
    /// The column.
    pub column: String,
    /// Why.
    pub code: Code,
    /// What the reason speaks of.
    pub params: Params,
}

/// The columns of a file.
#[derive(Debug, Clone, Default)]
pub struct Columns {
    /// In the order of the file.
    pub all: Vec<Column>,
    /// Names of columns that nobody knows, or of a field that an earlier column holds already.
    pub unknown: Vec<String>,
    /// The custom fields that columns hold.
    pub fields: Vec<WrittenField>,
    /// Columns of custom fields that are left out.
    pub notes: Vec<ColumnNote>,
}

/// How many of the names are known, to the product, to the practice or to the mapping; tells a good separator from a bad one.
pub fn recognised(names: &[String], mapping: &Mapping, custom: &FieldNames<'_>) -> usize {
    let mapped: HashSet<String> = mapping.keys().map(|name| folded(name)).collect();
    let is_known = |name: &&String| {
        let key = folded(name);
        BY_NAME.contains_key(&key) || mapped.contains(&key) || (!key.is_empty() && custom.knows(name))
    };
    names.iter().filter(is_known).count()
}

impl Columns {
    /// Finds the field of each column: by `mapping` first, then by its name, which means a field of the card rather than a
    /// custom one.
    ///
    /// # Errors
    /// [`Error::Invalid`] with `unknown_column`, `unknown_card_field`, `field_mapped_twice`, or why a custom field takes no
    /// values, under `/mapping`, and `name_column_missing` under `/`.
    pub fn find<'a>(names: impl Iterator<Item = &'a str>, mapping: &Mapping, custom: &FieldNames<'_>) -> Result<Self> {
        let names: Vec<String> = names.map(tidy).collect();
        let mut columns = Self::default();
        let said = columns.said(&names, mapping, custom)?;
        let mut taken: HashSet<Target> = said.values().copied().flatten().collect();
        for (at, name) in names.into_iter().enumerate() {
            let target = match said.get(&at) {
                Some(target) => *target,
                None => {
                    let known = BY_NAME.get(&folded(&name)).copied().map(Target::Card);
                    let named = known.or_else(|| columns.custom(&name, custom));
                    let is_noted = columns.notes.last().is_some_and(|note| note.column == name);
                    let free = named.filter(|target| taken.insert(*target));
                    if free.is_none() && !is_noted && !name.is_empty() && !Fact::is_label(&name) {
                        columns.unknown.push(name.clone());
                    }
                    free
                }
            };
            columns.all.push(Column { name, target });
        }
        if columns.name_of(F::Name).is_none() {
            return Err(Error::Invalid(vec![FieldError::new("/", "name_column_missing")]));
        }
        Ok(columns)
    }

    /// The custom field that the name of a column means; notes why it is left out when it is.
    fn custom(&mut self, name: &str, custom: &FieldNames<'_>) -> Option<Target> {
        if name.is_empty() || Fact::is_label(name) {
            return None;
        }
        let (code, params) = match custom.meant(name) {
            Meant::Nothing => return None,
            Meant::Field(field) => return Some(self.target(field)),
            Meant::Several(fields) => {
                let slugs: Vec<String> = fields.iter().map(|field| format!("{PREFIX}{}", field.slug)).collect();
                (Code::AmbiguousColumn, vec![("fields", slugs.join(", "))])
            }
            Meant::Refused(field, why) => (Code::of_column(why), vec![("field", field.slug.clone())]),
        };
        self.notes.push(ColumnNote { column: name.to_owned(), code, params });
        None
    }

    /// The field as a target; the same one whenever it is asked for.
    fn target(&mut self, field: &Field) -> Target {
        let place = self.fields.iter().position(|written| written.field.key == field.key);
        Target::Custom(place.unwrap_or_else(|| {
            self.fields.push(WrittenField::of(field.clone()));
            self.fields.len() - 1
        }))
    }

    /// What the caller says of each column that the mapping names, by the column's place.
    fn said(
        &mut self,
        names: &[String],
        mapping: &Mapping,
        custom: &FieldNames<'_>,
    ) -> Result<HashMap<usize, Option<Target>>> {
        let mut said = HashMap::new();
        let mut wrong = Vec::new();
        for (name, field) in mapping {
            let pointer = format!("/mapping/{}", tidy(name).replace('~', "~0").replace('/', "~1"));
            let exactly = names.iter().position(|column| *column == tidy(name));
            let at = exactly.or_else(|| names.iter().position(|column| folded(column) == folded(name)));
            let meant = field.as_deref().map(|field| self.mapped(field, &pointer, custom)).transpose();
            match (at, meant) {
                (None, _) => wrong.push(FieldError::new(pointer, "unknown_column")),
                (_, Err(error)) => wrong.push(error),
                (Some(_), Ok(Some(target))) if said.values().any(|taken| *taken == Some(target)) => {
                    let named = field.as_deref().unwrap_or_default();
                    wrong.push(FieldError::new(pointer, "field_mapped_twice").with("field", named));
                }
                (Some(at), Ok(target)) => {
                    said.insert(at, target);
                }
            }
        }
        if wrong.is_empty() { Ok(said) } else { Err(Error::Invalid(wrong)) }
    }

    fn mapped(
        &mut self,
        named: &str,
        pointer: &str,
        custom: &FieldNames<'_>,
    ) -> std::result::Result<Target, FieldError> {
        if named.starts_with(PREFIX) {
            let field = custom.by_slug(named).ok_or_else(|| FieldError::new(pointer, "unknown_field"))?;
            return match import_refusal(field) {
                Some(why) => Err(FieldError::new(pointer, why)),
                None => Ok(self.target(field)),
            };
        }
        let known = card_fields().find(|known| known.as_str() == named);
        known.map(Target::Card).ok_or_else(|| {
            let values: Vec<&str> = card_fields().map(F::as_str).chain(["fields.<slug>"]).collect();
            FieldError::new(pointer, "unknown_card_field").with("values", values.join(", "))
        })
    }

    /// What the file calls the column of `field`.
    #[must_use]
    pub fn name_of(&self, field: F) -> Option<&str> {
        self.name_of_target(Target::Card(field))
    }

    /// Whether a column names clients.
    #[must_use]
    pub fn has_links(&self) -> bool {
        self.fields.iter().any(|written| written.field.kind == FieldKind::Client)
    }

    fn name_of_target(&self, target: Target) -> Option<&str> {
        self.all.iter().find(|column| column.target == Some(target)).map(|column| column.name.as_str())
    }

    /// What the file calls the column of the field that an error points at; the field's own name when it has no such
    /// column.
    #[must_use]
    pub fn pointed_at(&self, error: &FieldError) -> String {
        let mut parts = error.pointer.split('/').skip(1);
        let name = parts.next().unwrap_or_default();
        let target = match parts.next() {
            Some(slug) if name == "fields" => {
                self.fields.iter().position(|written| written.field.slug == slug).map(Target::Custom)
            }
            _ => card_fields().find(|field| field.as_str() == name).map(Target::Card),
        };
        target.and_then(|target| self.name_of_target(target)).unwrap_or(name).to_owned()
    }

    /// Which column holds which field, by their names.
    #[must_use]
    pub fn mapping(&self) -> BTreeMap<String, String> {
        let named = |target: Target| match target {
            Target::Card(field) => Some(field.as_str().to_owned()),
            Target::Custom(at) => self.fields.get(at).map(|written| format!("{PREFIX}{}", written.field.slug)),
        };
        self.all.iter().filter_map(|column| Some((column.name.clone(), named(column.target?)?))).collect()
    }
}

const LONGEST_NAME: usize = 100;

fn tidy(name: &str) -> String {
    let shown = name.trim().chars().map(|c| if c.is_control() { ' ' } else { c });
    shown.take(LONGEST_NAME).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::custom_fields::Catalogue;

    fn found(names: &[&str], mapping: &Mapping) -> Result<Columns> {
        Columns::find(names.iter().copied(), mapping, &FieldNames::of(&Catalogue::default()))
    }

    #[test]
    fn every_card_field_has_a_label_and_no_name_means_two_fields() {
        let numbers: Vec<i64> = card_fields().map(F::number).collect();
        assert_eq!(numbers.iter().collect::<HashSet<_>>().len(), 24);
        assert!(card_fields().all(F::is_of_card));
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
            assert_eq!(
                found(&["Naam", name], &Mapping::new()).unwrap().all[1].target,
                Some(Target::Card(field)),
                "{name}"
            );
        }
    }

    #[test]
    fn unknown_and_repeated_columns_are_told_and_left_out() {
        let columns = found(&["Naam", "Schoenmaat", "Name", "", "Peppol state"], &Mapping::new()).unwrap();
        assert_eq!(columns.unknown, ["Schoenmaat", "Name"]);
        assert_eq!(columns.mapping(), BTreeMap::from([("Naam".to_owned(), "name".to_owned())]));
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
