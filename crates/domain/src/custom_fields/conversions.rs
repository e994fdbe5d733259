//! From a value of one kind to one of another: what a change of a field's kind makes of what is there. Pure rules.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::given::{self, LONGEST_DOCUMENT_NAME, LONGEST_LONG_TEXT, LONGEST_TEXT};
use super::kinds::FieldKind;
use super::model::Field;
use super::naming::checked_label;
use super::values::{Names, readable_stored};
use crate::clients::{ClientId, Surroundings};
use crate::kernel::catalogue::Language;
use crate::kernel::error::FieldError;
use crate::kernel::readings::{self, NoDecimal};
use crate::kernel::text;

/// What conversions need to know of the practice.
pub(super) struct Around {
    /// The names of those whom values speak of.
    pub names: Names,
    /// The language in which yes and no are written.
    pub language: Language,
    /// What the field's options are called, folded.
    pub called: HashSet<String>,
    /// The members, to recognise one by what is written.
    pub members: Surroundings,
    /// Those of the clients that values name by identifier which are the practice's.
    pub clients: HashSet<ClientId>,
}

/// A value of the new kind.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Converted {
    /// As it is stored.
    Stored(Value),
    /// Options by label, some of which may have to be made.
    Called(Vec<String>),
}

type Conversion = Result<Converted, FieldError>;

fn fault(code: &'static str) -> FieldError {
    FieldError::new("/kind", code)
}

/// The value that a client's `stored` one of `field` becomes.
///
/// # Errors
/// Why nothing can be made of it.
pub(super) fn convert(stored: &Value, field: &Field, to: FieldKind, around: &Around) -> Conversion {
    let from = field.kind;
    if !is_sensible(from, to) {
        return Err(fault("no_conversion"));
    }
    let text = readable_stored(stored, field, (&around.names, around.language));
    match to {
        FieldKind::Text => checked(given::check_text(&json!(text), ("/kind", LONGEST_TEXT))),
        FieldKind::LongText => checked(given::check_text(&json!(text), ("/kind", LONGEST_LONG_TEXT))),
        FieldKind::Number => number(&decimal(&text, from)?),
        FieldKind::Amount => checked(given::check_amount(&json!(decimal(&text, from)?), "/kind")),
        FieldKind::Date => checked(given::check_date(&json!(readings::day(text.trim())), "/kind")),
        FieldKind::YesNo => {
            readings::yes_no(&text).map(|yes| Converted::Stored(json!(yes))).ok_or_else(|| fault("not_yes_no"))
        }
        FieldKind::Choice => choice(stored, &text),
        FieldKind::MultiChoice => choices(stored, &text, (field.kind, &around.called)),
        FieldKind::Member => {
            let member = around.members.member_meant(text.trim());
            member.map(|m| Converted::Stored(json!(m.id))).ok_or_else(|| fault("unknown_member"))
        }
        FieldKind::Client => {
            let known = text.trim().parse().ok().filter(|id| around.clients.contains(id));
            known.map(|id| Converted::Stored(json!(id))).ok_or_else(|| fault("not_a_client"))
        }
        FieldKind::Link => {
            let address = stored.get("url").and_then(Value::as_str).unwrap_or(&text);
            checked(given::check_link(&json!(address), "/kind"))
        }
        FieldKind::Document => {
            let address = given::check_link(&json!(text), "/kind")?;
            let name: String = text.trim().chars().take(LONGEST_DOCUMENT_NAME).collect();
            checked(Ok(address.map(|url| json!({ "name": name, "url": url }))))
        }
        FieldKind::AccessPoint => Err(fault("no_conversion")),
    }
}

/// Whether values of one kind say something as values of another.
fn is_sensible(from: FieldKind, to: FieldKind) -> bool {
    use FieldKind as K;
    let is_text = matches!(from, K::Text | K::LongText);
    match to {
        K::Text | K::LongText => true,
        K::Number => is_text || matches!(from, K::Amount | K::Choice),
        K::Amount => is_text || matches!(from, K::Number | K::Choice),
        K::Date | K::Member => is_text || from == K::Choice,
        K::YesNo => is_text || matches!(from, K::Number | K::Choice),
        K::Choice | K::MultiChoice => {
            let is_short = matches!(from, K::Number | K::Amount | K::Date | K::YesNo | K::Member);
            is_text || is_short || from.has_options()
        }
        K::Client => is_text,
        K::Link => is_text || from == K::Document,
        K::Document => is_text || from == K::Link,
        K::AccessPoint => false,
    }
}

fn checked(checked: given::Checked) -> Conversion {
    checked?.map(Converted::Stored).ok_or_else(|| fault("no_conversion"))
}

/// A number as text, with a point before its decimals. What was typed is read as people write it, what was a number is
/// one already.
fn decimal(text: &str, from: FieldKind) -> Result<String, FieldError> {
    if matches!(from, FieldKind::Number | FieldKind::Amount) {
        return Ok(text.to_owned());
    }
    readings::decimal(text).map_err(|why| match why {
        NoDecimal::Malformed => fault("not_a_number"),
        NoDecimal::Ambiguous => fault("ambiguous_number"),
    })
}

fn number(text: &str) -> Conversion {
    let whole = text.strip_suffix(".00").unwrap_or(text);
    let value = match (whole.parse::<i64>(), whole.parse::<f64>()) {
        (Ok(whole), _) => json!(whole),
        (Err(_), Ok(number)) => json!(number),
        (Err(_), Err(_)) => return Err(fault("not_a_number")),
    };
    checked(given::check_number(&value, "/kind"))
}

fn choice(stored: &Value, text: &str) -> Conversion {
    match stored.as_array().map(Vec::as_slice) {
        Some([only]) => Ok(Converted::Stored(only.clone())),
        Some(_) => Err(fault("several_options")),
        None => Ok(Converted::Called(vec![checked_label(text, "/kind")?])),
    }
}

/// A text with commas, semicolons or several lines names several options, unless one is called so as a whole.
fn choices(stored: &Value, text: &str, (from, called): (FieldKind, &HashSet<String>)) -> Conversion {
    if from == FieldKind::Choice {
        return Ok(Converted::Stored(json!([stored])));
    }
    if called.contains(&text::fold(text)) {
        return Ok(Converted::Called(vec![text.trim().to_owned()]));
    }
    let (mut labels, mut known) = (Vec::new(), HashSet::new());
    for part in text.split([',', ';', '\n', '\r']).filter_map(text::filled) {
        let label = checked_label(part, "/kind")?;
        if known.insert(text::fold(&label)) {
            labels.push(label);
        }
    }
    if labels.is_empty() { Err(fault("no_conversion")) } else { Ok(Converted::Called(labels)) }
}

#[cfg(test)]
mod tests {
    use super::super::model::{Availability, CategoryId, FieldId, FieldOption, Labels, OptionId};
    use super::*;

    fn option(key: i64, label: &str) -> FieldOption {
        FieldOption {
            key,
            id: OptionId::new(),
            field: 1000,
            label: label.to_owned(),
            labels: Labels::default(),
            delivered_key: None,
            own: false,
            position: 1,
            retired_at: None,
            merged_into: None,
            revision: 1,
        }
    }

    fn field(kind: FieldKind) -> Field {
        Field {
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
            options: vec![option(1, "Een, twee"), option(2, "12,50")],
        }
    }

    fn made(from: FieldKind, to: FieldKind, stored: Value) -> Result<Converted, &'static str> {
        let around = Around {
            names: Names::default(),
            language: Language::Nl,
            called: HashSet::from(["een, twee".to_owned(), "12,50".to_owned()]),
            members: Surroundings::of(Vec::new(), "nl".to_owned()),
            clients: HashSet::new(),
        };
        convert(&stored, &field(from), to, &around).map_err(|fault| fault.code)
    }

    #[test]
    fn sensible_values_become_values_of_the_other_kind() {
        use FieldKind as K;
        for (from, to, stored, wanted) in [
            (K::Amount, K::Text, json!(125_050), json!("1250.50")),
            (K::YesNo, K::LongText, json!(true), json!("ja")),
            (K::Choice, K::Text, json!(1), json!("Een, twee")),
            (K::MultiChoice, K::Text, json!([1, 2]), json!("Een, twee, 12,50")),
            (K::Document, K::Text, json!({ "name": "M", "url": "https://a.be" }), json!("M (https://a.be)")),
            (K::Text, K::Number, json!("1 250,50"), json!(1250.5)),
            (K::Text, K::Number, json!("1250"), json!(1250)),
            (K::Text, K::Amount, json!("€ 1.250,50"), json!(125_050)),
            (K::Choice, K::Amount, json!(2), json!(1250)),
            (K::Text, K::Date, json!("25/1/2017"), json!("2017-01-25")),
            (K::LongText, K::YesNo, json!("Oui"), json!(true)),
            (K::Number, K::YesNo, json!(0), json!(false)),
            (K::Number, K::Amount, json!(12.5), json!(1250)),
            (K::Number, K::Amount, json!(12.0), json!(1200)),
            (K::Amount, K::Number, json!(1250), json!(12.5)),
            (K::Amount, K::Number, json!(1200), json!(12)),
            (K::Choice, K::MultiChoice, json!(2), json!([2])),
            (K::MultiChoice, K::Choice, json!([2]), json!(2)),
            (K::Text, K::Link, json!("https://a.be"), json!("https://a.be")),
            (K::Link, K::Document, json!("https://a.be"), json!({ "name": "https://a.be", "url": "https://a.be" })),
            (K::Document, K::Link, json!({ "name": "M", "url": "https://a.be" }), json!("https://a.be")),
        ] {
            assert_eq!(made(from, to, stored.clone()), Ok(Converted::Stored(wanted)), "{from:?} {to:?} {stored}");
        }
        let called = |labels: &[&str]| Ok(Converted::Called(labels.iter().map(|&l| l.to_owned()).collect()));
        assert_eq!(made(K::Text, K::Choice, json!("a, b")), called(&["a, b"]));
        assert_eq!(made(K::Text, K::MultiChoice, json!("a, B;a\nc")), called(&["a", "B", "c"]));
        assert_eq!(made(K::Text, K::MultiChoice, json!("EEN, twee")), called(&["EEN, twee"]), "an option as it is");
        assert_eq!(made(K::YesNo, K::Choice, json!(false)), called(&["neen"]));
    }

    #[test]
    fn what_cannot_be_converted_says_why() {
        use FieldKind as K;
        for (from, to, stored, why) in [
            (K::LongText, K::Text, json!("x".repeat(301)), "too_long"),
            (K::Text, K::Number, json!("veel"), "not_a_number"),
            (K::Text, K::Number, json!("1.250"), "ambiguous_number"),
            (K::Text, K::Number, json!("99999999999999999999"), "out_of_range"),
            (K::Text, K::Amount, json!("1,505"), "ambiguous_number"),
            (K::Number, K::Amount, json!(0.001), "malformed_amount"),
            (K::Text, K::Date, json!("30/02/2026"), "impossible_date"),
            (K::Text, K::Date, json!("morgen"), "malformed_date"),
            (K::Text, K::YesNo, json!("misschien"), "not_yes_no"),
            (K::Text, K::Choice, json!("a\nb"), "control_characters"),
            (K::LongText, K::Choice, json!("x".repeat(201)), "too_long"),
            (K::Text, K::MultiChoice, json!(",;"), "no_conversion"),
            (K::MultiChoice, K::Choice, json!([1, 2]), "several_options"),
            (K::Text, K::Member, json!("niemand"), "unknown_member"),
            (K::Text, K::Client, json!("cli_0197f6a2c3d47e5f8a9b0c1d2e3f4a5b"), "not_a_client"),
            (K::Text, K::Link, json!("a.be"), "malformed_link"),
            (K::Date, K::Number, json!("2026-01-01"), "no_conversion"),
            (K::Client, K::Choice, json!("cli_x"), "no_conversion"),
        ] {
            assert_eq!(made(from, to, stored.clone()), Err(why), "{from:?} {to:?} {stored}");
        }
    }

    /// Whatever is done to a field, no value makes the conversion fail otherwise than by saying why.
    #[test]
    fn every_pair_of_kinds_is_decided() {
        for from in FieldKind::ALL {
            for to in FieldKind::ALL {
                for stored in [json!("x"), json!(1), json!(true), json!([1]), json!({}), json!(-0.5), json!("")] {
                    let _ = made(from, to, stored);
                }
            }
            assert!(is_sensible(from, FieldKind::LongText), "everything can become text");
        }
    }
}
