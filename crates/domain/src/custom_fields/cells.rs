//! How people write values in the cells of a list, and which of them depend on what a client has already.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use super::given::{
    Checked, LONGEST_LONG_TEXT, LONGEST_TEXT, check_amount, check_date, check_link, check_number, check_text, in_order,
    keys_in,
};
use super::kinds::FieldKind;
use super::model::{Availability, Field, OptionId};
use crate::clients::{ClientId, Surroundings};
use crate::kernel::error::FieldError;
use crate::kernel::readings::{self, NoDecimal};
use crate::kernel::text;

/// Options that a finding names at most.
const MOST_NAMED: usize = 20;
/// What stands between options; a label that contains one of them is put between quotation marks.
const BETWEEN: [char; 3] = [',', ';', '|'];

/// A cell with something in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrittenCell<'a> {
    /// What it says.
    pub text: &'a str,
    /// It is a number of a spreadsheet: its point stands before decimals, whatever follows.
    pub is_number: bool,
}

/// What a cell says of a field, as far as the cell alone tells.
#[derive(Debug, Clone, PartialEq)]
pub enum Written {
    /// A value as it is stored; `None` when nothing is left of it.
    Value(Option<Value>),
    /// A value with options that are not offered any more: for clients that have them already.
    Retired(Value, Vec<(i64, String)>),
    /// A member who is none any more: for clients that have this one already.
    FormerMember(String),
    /// A client, by its identifier, its reference or its number.
    Client(String),
}

/// Why lists cannot bring values of this field; `None` when they can.
#[must_use]
pub fn import_refusal(field: &Field) -> Option<&'static str> {
    match (field.availability, field.kind) {
        (Availability::Archived, _) => Some("archived_field"),
        (Availability::SwitchedOff, _) => Some("switched_off_field"),
        (Availability::Usable, FieldKind::AccessPoint) => Some("system_owned"),
        (Availability::Usable, FieldKind::Document) => Some("holds_documents"),
        (Availability::Usable, _) => None,
    }
}

/// A field that lists bring values of, with what its options are called at hand.
#[derive(Debug, Clone)]
pub struct WrittenField {
    /// The field.
    pub field: Field,
    by_label: HashMap<String, usize>,
}

impl WrittenField {
    /// Reads cells of `field`.
    #[must_use]
    pub fn of(field: Field) -> Self {
        let mut by_label = HashMap::new();
        for (at, option) in field.options.iter().enumerate() {
            let labels = std::iter::once(&option.label).chain(option.labels.0.values());
            for label in labels.map(|label| text::fold(label)).filter(|label| !label.is_empty()) {
                by_label.entry(label).or_insert(at);
            }
        }
        Self { field, by_label }
    }

    fn pointer(&self) -> String {
        format!("/fields/{}", self.field.slug)
    }

    fn fault(&self, code: &'static str) -> FieldError {
        FieldError::new(self.pointer(), code)
    }

    /// What the cell says.
    ///
    /// # Errors
    /// Why it says nothing that the field can hold.
    pub fn read(&self, cell: WrittenCell<'_>, members: &Surroundings) -> Result<Written, FieldError> {
        let (typed, pointer) = (cell.text, self.pointer());
        let stored = match self.field.kind {
            FieldKind::Text => check_text(&json!(typed), (&pointer, LONGEST_TEXT)),
            FieldKind::LongText => check_text(&json!(typed), (&pointer, LONGEST_LONG_TEXT)),
            FieldKind::Number => self.number(cell),
            FieldKind::Amount => self.amount(cell),
            FieldKind::Date => check_date(&json!(readings::day(typed.trim())), &pointer),
            FieldKind::YesNo => match readings::yes_no(typed) {
                Some(yes) => Ok(Some(json!(yes))),
                None => Err(self.fault("unknown_value").with("values", "ja, neen, oui, non, nein, yes, no, x, 1, 0")),
            },
            FieldKind::Choice => return self.choice(typed),
            FieldKind::MultiChoice => return self.choices(typed),
            FieldKind::Member => match members.member_meant(typed.trim()) {
                Some(member) => Ok(Some(json!(member.id))),
                None => return Ok(Written::FormerMember(typed.trim().to_owned())),
            },
            FieldKind::Client => return Ok(Written::Client(typed.trim().to_owned())),
            FieldKind::Link => check_link(&json!(typed), &pointer),
            FieldKind::Document | FieldKind::AccessPoint => Err(self.fault("system_owned")),
        };
        stored.map(Written::Value)
    }

    /// A number as text, with a point before its decimals.
    fn decimal(&self, cell: WrittenCell<'_>) -> Result<String, FieldError> {
        if cell.is_number {
            return Ok(cell.text.to_owned());
        }
        readings::decimal(cell.text).map_err(|why| match why {
            NoDecimal::Malformed => self.fault("not_a_number"),
            NoDecimal::Ambiguous => self.fault("ambiguous_number"),
        })
    }

    fn number(&self, cell: WrittenCell<'_>) -> Checked {
        let decimal = self.decimal(cell)?;
        let value = match (decimal.parse::<i64>(), decimal.parse::<f64>()) {
            (Ok(whole), _) => json!(whole),
            (Err(_), Ok(number)) => json!(number),
            (Err(_), Err(_)) => return Err(self.fault("not_a_number")),
        };
        check_number(&value, &self.pointer())
    }

    /// An amount. What a spreadsheet has calculated is a hair off its cents.
    fn amount(&self, cell: WrittenCell<'_>) -> Checked {
        let mut decimal = self.decimal(cell)?;
        if let Some(number) = cell.is_number.then(|| decimal.parse::<f64>().ok()).flatten() {
            let rounded = format!("{number:.2}");
            let is_near = rounded.parse::<f64>().is_ok_and(|near| (near - number).abs() < 1e-6);
            decimal = if is_near { rounded } else { decimal };
        }
        check_amount(&json!(decimal), &self.pointer())
    }

    /// The place of the option that `typed` means, by its label or its identifier.
    fn meant(&self, typed: &str) -> Option<usize> {
        self.by_label.get(&text::fold(typed)).copied().or_else(|| {
            let id: OptionId = typed.trim().parse().ok()?;
            self.field.options.iter().position(|option| option.id == id)
        })
    }

    fn no_option(&self, typed: &str) -> FieldError {
        self.fault("no_such_option").with("value", typed.trim()).with("values", offered(&self.field))
    }

    fn choice(&self, typed: &str) -> Result<Written, FieldError> {
        let at = self.meant(typed).ok_or_else(|| self.no_option(typed))?;
        Ok(self.options(&[at], |key, _| key.first().map(|key| json!(key))))
    }

    /// Options with a sign between them, unless one is called so as a whole.
    fn choices(&self, typed: &str) -> Result<Written, FieldError> {
        let places = match self.meant(typed) {
            Some(at) => vec![at],
            None => {
                let parts = parted(typed);
                let place = |part: &String| self.meant(part).ok_or_else(|| self.no_option(part));
                parts.iter().map(place).collect::<Result<Vec<usize>, _>>()?
            }
        };
        Ok(self.options(&places, |keys, field| in_order(field, &keys.iter().copied().collect::<HashSet<_>>())))
    }

    fn options(&self, places: &[usize], stored: impl Fn(&[i64], &Field) -> Option<Value>) -> Written {
        let options: Vec<_> = places.iter().filter_map(|at| self.field.options.get(*at)).collect();
        let keys: Vec<i64> = options.iter().map(|option| option.key).collect();
        let retired = options.iter().filter(|option| option.retired_at.is_some());
        let retired: Vec<(i64, String)> = retired.map(|option| (option.key, option.label.clone())).collect();
        match stored(&keys, &self.field) {
            Some(value) if !retired.is_empty() => Written::Retired(value, retired),
            value => Written::Value(value),
        }
    }

    /// The value that a client is to have which has `had` by now; `linked` knows the clients that cells name.
    ///
    /// # Errors
    /// `retired_option`, `unknown_member` or `not_a_client`.
    pub fn settle(&self, written: &Written, had: Option<&Value>, linked: impl Fn(&str) -> Option<ClientId>) -> Checked {
        match written {
            Written::Value(value) => Ok(value.clone()),
            Written::Retired(value, retired) => {
                let keys = keys_in(had);
                match retired.iter().find(|(key, _)| !keys.contains(key)) {
                    Some((_, label)) => Err(self.fault("retired_option").with("label", label)),
                    None => Ok(Some(value.clone())),
                }
            }
            Written::FormerMember(typed) if had.and_then(Value::as_str) == Some(typed) => Ok(had.cloned()),
            Written::FormerMember(_) => Err(self.fault("unknown_member")),
            Written::Client(typed) => match linked(typed) {
                Some(id) => Ok(Some(json!(id))),
                None if had.and_then(Value::as_str) == Some(linked_id(typed)) => Ok(had.cloned()),
                None => Err(self.fault("not_a_client").with("value", typed)),
            },
        }
    }
}

/// Whether two stored values say the same. A number may have come with or without decimals, and line ends do not survive
/// files.
#[must_use]
pub fn says_the_same(one: Option<&Value>, other: Option<&Value>) -> bool {
    let lines = |text: &str| text.replace("\r\n", "\n").replace('\r', "\n");
    match (one, other) {
        (Some(Value::Number(one)), Some(Value::Number(other))) => one == other || one.as_f64() == other.as_f64(),
        (Some(Value::String(one)), Some(Value::String(other))) if one.contains('\r') || other.contains('\r') => {
            lines(one) == lines(other)
        }
        _ => one == other,
    }
}

/// The identifier in `Name (cli_…)`, as an export writes a client; otherwise the text as it is.
#[must_use]
pub fn linked_id(typed: &str) -> &str {
    let inner = typed.strip_suffix(')').and_then(|text| text.rsplit_once('(')).map(|(_, id)| id);
    inner.filter(|id| id.parse::<ClientId>().is_ok()).unwrap_or(typed)
}

/// Labels as one text that [`WrittenField::read`] takes apart again.
#[must_use]
pub fn joined(labels: &[&str], field: &Field) -> String {
    let is_plain = |label: &str| !label.contains(BETWEEN) && !label.contains('"') && label.trim() == label;
    let quoted = |label: &str| format!("\"{}\"", label.replace('"', "\"\""));
    let written = |label: &&str| if is_plain(label) { (*label).to_owned() } else { quoted(label) };
    let text = labels.iter().map(written).collect::<Vec<_>>().join(", ");
    // One option may be called like several others together.
    match labels {
        [only] => (*only).to_owned(),
        _ if field.option_meant(&text).is_some() => {
            labels.iter().map(|label| quoted(label)).collect::<Vec<_>>().join(", ")
        }
        _ => text,
    }
}

/// The labels of the options that a field offers, as a cell takes them; of many the first ones.
#[must_use]
pub fn offered(field: &Field) -> String {
    let offered = field.options.iter().filter(|option| option.retired_at.is_none());
    let labels: Vec<&str> = offered.map(|option| option.label.as_str()).take(MOST_NAMED + 1).collect();
    let named = joined(labels.get(..MOST_NAMED).unwrap_or(&labels), field);
    if labels.len() > MOST_NAMED { format!("{named}, …") } else { named }
}

/// The parts between signs, without blanks at their ends; what stands between quotation marks is one part.
fn parted(typed: &str) -> Vec<String> {
    let (mut parts, mut part) = (Vec::new(), String::new());
    let (mut rest, mut is_quoted) = (typed.chars().peekable(), false);
    while let Some(c) = rest.next() {
        match c {
            '"' if is_quoted && rest.peek() == Some(&'"') => part.extend(rest.next()),
            '"' if is_quoted || part.trim().is_empty() => is_quoted = !is_quoted,
            c if !is_quoted && (BETWEEN.contains(&c) || c == '\n' || c == '\r') => {
                parts.push(std::mem::take(&mut part));
            }
            c => part.push(c),
        }
    }
    parts.push(part);
    parts.iter().filter_map(|part| text::filled(part)).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::super::model::{CategoryId, FieldId, FieldOption, Labels};
    use super::*;

    fn field(kind: FieldKind, labels: &[&str]) -> WrittenField {
        let option = |(at, label): (usize, &&str)| FieldOption {
            key: i64::try_from(at).unwrap() + 1,
            id: OptionId::new(),
            field: 1000,
            label: (*label).to_owned(),
            labels: Labels::default(),
            delivered_key: None,
            own: false,
            position: 1,
            retired_at: label.starts_with("Oud").then(|| crate::kernel::clock::Clock::system().now()),
            merged_into: None,
            revision: 1,
        };
        WrittenField::of(Field {
            key: 1000,
            id: FieldId::new(),
            category: CategoryId::new(),
            slug: "x".to_owned(),
            names: Labels::default(),
            kind,
            former_kinds: Vec::new(),
            position: 1,
            active: true,
            archived_at: None,
            availability: Availability::Usable,
            revision: 1,
            options: labels.iter().enumerate().map(option).collect(),
        })
    }

    fn read(field: &WrittenField, text: &str, is_number: bool) -> Result<Option<Value>, &'static str> {
        let members = Surroundings::of(Vec::new(), "nl".to_owned());
        let written = field.read(WrittenCell { text, is_number }, &members).map_err(|fault| fault.code)?;
        field.settle(&written, None, |_| None).map_err(|fault| fault.code)
    }

    #[test]
    fn numbers_and_amounts_are_read_as_belgians_and_as_the_english_write_them() {
        let (number, amount) = (field(FieldKind::Number, &[]), field(FieldKind::Amount, &[]));
        for (text, is_number, of_number, cents) in [
            ("1.250,50", false, Ok(json!(1250.5)), Ok(json!(125_050))),
            ("1250.50", false, Ok(json!(1250.5)), Ok(json!(125_050))),
            ("€ 12", false, Ok(json!(12)), Ok(json!(1200))),
            ("1.250", false, Err("ambiguous_number"), Err("ambiguous_number")),
            ("1.125", true, Ok(json!(1.125)), Err("malformed_amount")),
            ("12.350000000000001", true, Ok(json!(12.350_000_000_000_001)), Ok(json!(1235))),
            ("veel", false, Err("not_a_number"), Err("not_a_number")),
        ] {
            assert_eq!(read(&number, text, is_number), of_number.map(Some), "{text}");
            assert_eq!(read(&amount, text, is_number), cents.map(Some), "{text}");
        }
    }

    #[test]
    fn several_options_are_told_apart_whatever_they_are_called() {
        let field = field(FieldKind::MultiChoice, &["Een, twee", "Een", "Twee", "A \"B\"", "Oud"]);
        for (text, keys) in [
            ("een, twee", json!([1])),
            ("een; twee", json!([2, 3])),
            ("Twee|Een|", json!([2, 3])),
            ("\"Een, twee\", Een", json!([1, 2])),
            ("\"A \"\"B\"\"\", twee", json!([3, 4])),
            ("A \"B\"", json!([4])),
        ] {
            assert_eq!(read(&field, text, false), Ok(Some(keys)), "{text}");
        }
        assert_eq!(read(&field, "Een, drie", false), Err("no_such_option"));
        assert_eq!(read(&field, "Een, Oud", false), Err("retired_option"));
        let labels: Vec<&str> = field.field.options.iter().take(4).map(|option| option.label.as_str()).collect();
        for some in [&labels[..], &labels[..1], &labels[1..3], &labels[3..]] {
            let keys: Vec<i64> =
                field.field.options.iter().filter(|o| some.contains(&o.label.as_str())).map(|o| o.key).collect();
            assert_eq!(read(&field, &joined(some, &field.field), false), Ok(Some(json!(keys))), "{some:?}");
        }
    }

    #[test]
    fn what_is_not_offered_any_more_stays_with_those_who_have_it() {
        let field = field(FieldKind::Choice, &["Nieuw", "Oud"]);
        let members = Surroundings::of(Vec::new(), "nl".to_owned());
        let written = field.read(WrittenCell { text: "oud", is_number: false }, &members).unwrap();
        assert_eq!(field.settle(&written, Some(&json!(2)), |_| None), Ok(Some(json!(2))));
        assert_eq!(field.settle(&written, Some(&json!(1)), |_| None).unwrap_err().code, "retired_option");
        let fault = field.read(WrittenCell { text: "anders", is_number: false }, &members).unwrap_err();
        assert_eq!(fault.params, [("value", "anders".to_owned()), ("values", "Nieuw".to_owned())]);
    }

    #[test]
    fn a_client_is_found_behind_its_name() {
        let id = ClientId::new().to_string();
        assert_eq!(linked_id(&format!("Maes (en zoon) ({id})")), id);
        assert_eq!(linked_id("Maes (en zoon)"), "Maes (en zoon)");
    }
}
