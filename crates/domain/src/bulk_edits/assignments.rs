//! What clients are to have: how it is said, and what may be said of which field.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clients::{self, ExemptionDraft, FixedField, Responsible, Values};
use crate::custom_fields::{self, Availability, Catalogue, Field};
use crate::identity::{MemberId, Practice};
use crate::kernel::catalogue::Language;
use crate::kernel::db::Conn;
use crate::kernel::error::{Error, FieldError, Result};
use crate::kernel::text;

/// The most assignments of one edit.
pub const MOST_ASSIGNMENTS: usize = 10;
const LONGEST_PORTFOLIO: usize = 100;
/// In front of the slug of a custom field.
const CUSTOM: &str = "fields.";

/// One assignment as it is said: a field, and exactly one of the ways.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Assignment {
    /// The field, as filters name it.
    pub field: String,
    /// The value that all are to have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set: Option<Value>,
    /// Whether the value is to go.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub clear: bool,
    /// Options that all are to have besides those they have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub add: Option<Value>,
    /// Options that none is to have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remove: Option<Value>,
}

/// An assignment that has been checked, as it is kept with the preview.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "target", rename_all = "snake_case")]
pub(super) enum Planned {
    /// One value in a custom field; `None` clears it.
    Value {
        field: i64,
        kind: String,
        value: Option<Value>,
    },
    /// Options more, options less, of a field that takes several.
    Options {
        field: i64,
        kind: String,
        add: Vec<i64>,
        remove: Vec<i64>,
    },
    Portfolio {
        text: Option<String>,
    },
    Language {
        code: String,
    },
    Responsible {
        member: Option<String>,
        name: Option<String>,
    },
    /// The exemption as the change log writes it; `None` takes it back.
    Exemption {
        text: Option<String>,
    },
    Archived {
        yes: bool,
    },
}

impl Planned {
    /// The number of the field in the change log.
    pub(super) fn number(&self) -> i64 {
        match self {
            Self::Value { field, .. } | Self::Options { field, .. } => *field,
            Self::Portfolio { .. } => FixedField::Portfolio.number(),
            Self::Language { .. } => FixedField::Language.number(),
            Self::Responsible { .. } => FixedField::Responsible.number(),
            Self::Exemption { .. } => FixedField::Exemption.number(),
            Self::Archived { .. } => FixedField::Archived.number(),
        }
    }

    /// Whether somebody may get a value by it; clearing is always allowed.
    pub(super) fn sets(&self) -> bool {
        match self {
            Self::Value { value, .. } => value.is_some(),
            Self::Options { add, .. } => !add.is_empty(),
            Self::Portfolio { .. }
            | Self::Language { .. }
            | Self::Responsible { .. }
            | Self::Exemption { .. }
            | Self::Archived { .. } => true,
        }
    }

    /// Whether the field is still what it was when the assignment was checked, and still offers the options.
    pub(super) fn still_holds(&self, catalogue: &Catalogue) -> bool {
        match self {
            Self::Value { field, kind, .. } | Self::Options { field, kind, .. } => {
                let field = catalogue.by_key(*field).filter(|field| field.is_usable());
                field.is_some_and(|field| {
                    field.kind.as_str() == kind && is_in_lists(catalogue, field) && self.is_offered(field)
                })
            }
            Self::Portfolio { .. }
            | Self::Language { .. }
            | Self::Responsible { .. }
            | Self::Exemption { .. }
            | Self::Archived { .. } => true,
        }
    }

    /// Whether none of the options that clients would get is retired, by itself or because it was merged into another.
    fn is_offered(&self, field: &Field) -> bool {
        let is_offered = |key: i64| field.option(key).is_some_and(|option| option.retired_at.is_none());
        match self {
            Self::Value { value: Some(value), .. } if field.kind == custom_fields::FieldKind::Choice => {
                value.as_i64().is_some_and(is_offered)
            }
            Self::Options { add, .. } => add.iter().copied().all(is_offered),
            Self::Value { .. }
            | Self::Portfolio { .. }
            | Self::Language { .. }
            | Self::Responsible { .. }
            | Self::Exemption { .. }
            | Self::Archived { .. } => true,
        }
    }

    /// Whoever is to look after the clients.
    pub(super) fn responsible(member: Option<&String>, name: Option<&String>) -> Option<Responsible> {
        let member: Option<MemberId> = member.and_then(|id| id.parse().ok());
        name.map(|name| Responsible { member, name: name.clone() })
    }
}

fn is_in_lists(catalogue: &Catalogue, field: &Field) -> bool {
    catalogue.categories.iter().any(|category| category.id == field.category && category.in_lists)
}

/// Checks assignments.
///
/// # Errors
/// [`Error::Invalid`] with an entry under `/assignments/<n>` for each wrong one: `unknown_field`, `not_bulk_editable`,
/// `not_in_lists`, `multi_valued`, `linked_to_document`, `system_owned`, `archived_field`, `one_way`, `twice`, and what
/// [`custom_fields::check_values`] finds.
pub(super) fn check(
    conn: &mut Conn,
    practice: &Practice,
    catalogue: &Catalogue,
    said: &[Assignment],
) -> Result<Vec<Planned>> {
    if said.is_empty() || said.len() > MOST_ASSIGNMENTS {
        let error = FieldError::new("/assignments", "out_of_range").with("min", 1).with("max", MOST_ASSIGNMENTS);
        return Err(Error::Invalid(vec![error]));
    }
    let (mut planned, mut wrong) = (Vec::new(), Vec::new());
    for (at, assignment) in said.iter().enumerate() {
        let pointer = format!("/assignments/{at}");
        if said.iter().take(at).any(|other| other.field == assignment.field) {
            wrong.push(FieldError::new(format!("{pointer}/field"), "twice"));
            continue;
        }
        match check_one(conn, practice, catalogue, (assignment, &pointer)) {
            Ok(one) => planned.push(one),
            Err(Error::Invalid(errors)) => wrong.extend(errors),
            Err(other) => return Err(other),
        }
    }
    if wrong.is_empty() { Ok(planned) } else { Err(Error::Invalid(wrong)) }
}

fn check_one(
    conn: &mut Conn,
    practice: &Practice,
    catalogue: &Catalogue,
    (said, pointer): (&Assignment, &str),
) -> Result<Planned> {
    let ways = [said.set.is_some(), said.clear, said.add.is_some() || said.remove.is_some()];
    if ways.iter().filter(|way| **way).count() != 1 {
        return Err(Error::invalid(pointer, "one_way"));
    }
    match said.field.strip_prefix(CUSTOM) {
        Some(slug) => custom(conn, (practice, catalogue), (said, slug), pointer),
        None => fixed(conn, practice, said, pointer),
    }
}

fn custom(
    conn: &mut Conn,
    (practice, catalogue): (&Practice, &Catalogue),
    (said, slug): (&Assignment, &str),
    pointer: &str,
) -> Result<Planned> {
    let refused = |code| Error::invalid(format!("{pointer}/field"), code);
    let field = catalogue.by_slug(slug).ok_or_else(|| refused("unknown_field"))?;
    match field.availability {
        Availability::SwitchedOff => return Err(refused("unknown_field")),
        Availability::Archived => return Err(refused("archived_field")),
        Availability::Usable if !is_in_lists(catalogue, field) => return Err(refused("not_in_lists")),
        Availability::Usable => {}
    }
    let kind = field.kind.as_str().to_owned();
    if said.add.is_some() || said.remove.is_some() {
        if field.kind != custom_fields::FieldKind::MultiChoice {
            return Err(refused("not_multi_valued"));
        }
        let part = |given: &Option<Value>, part: &str, offered: bool| {
            given
                .as_ref()
                .map_or(Ok(Vec::new()), |given| options(field, given, (&format!("{pointer}/{part}"), offered)))
        };
        let (add, remove) = (part(&said.add, "add", true)?, part(&said.remove, "remove", false)?);
        return Ok(Planned::Options { field: field.key, kind, add, remove });
    }
    if let Some(reason) = field.kind.bulk_refusal() {
        return Err(refused(reason));
    }
    let given = BTreeMap::from([(slug.to_owned(), said.set.clone().unwrap_or_default())]);
    let checked = custom_fields::check_values(conn, practice, catalogue, &given, &Values::new());
    let at_value = |error: FieldError| FieldError { pointer: format!("{pointer}/set"), ..error };
    match checked {
        Ok(mut values) => {
            let value = values.pop().and_then(|(_, value)| value);
            Ok(Planned::Value { field: field.key, kind, value })
        }
        Err(Error::Invalid(errors)) => Err(Error::Invalid(errors.into_iter().map(at_value).collect())),
        Err(other) => Err(other),
    }
}

/// Options by identifier or label; `offered` ones are not retired.
fn options(field: &Field, given: &Value, (pointer, offered): (&str, bool)) -> Result<Vec<i64>> {
    let one = |value: &Value| {
        let found = value.as_str().and_then(|typed| field.option_meant(typed));
        match found {
            None => {
                let fault = FieldError::new(pointer, "unknown_option");
                Err(Error::Invalid(vec![fault.with("values", custom_fields::offered(field))]))
            }
            Some(option) if offered && option.retired_at.is_some() => {
                Err(Error::Invalid(vec![FieldError::new(pointer, "retired_option").with("label", &option.label)]))
            }
            Some(option) => Ok(option.key),
        }
    };
    match given {
        Value::Array(values) => values.iter().map(one).collect(),
        value => one(value).map(|key| vec![key]),
    }
}

fn fixed(conn: &mut Conn, practice: &Practice, said: &Assignment, pointer: &str) -> Result<Planned> {
    let refused = |code| Error::invalid(format!("{pointer}/field"), code);
    if said.add.is_some() || said.remove.is_some() {
        return Err(refused("not_multi_valued"));
    }
    let at_value = |code| Error::invalid(format!("{pointer}/set"), code);
    let typed = match &said.set {
        Some(Value::String(typed)) => text::filled(typed),
        _ => None,
    };
    let is_text = said.clear || matches!(&said.set, Some(Value::String(_)));
    match said.field.as_str() {
        "portfolio" | "responsible" if !is_text => Err(wrong_type(pointer, "text")),
        "portfolio" => match typed {
            Some(typed) if typed.chars().count() > LONGEST_PORTFOLIO => Err(Error::Invalid(vec![
                FieldError::new(format!("{pointer}/set"), "too_long").with("max", LONGEST_PORTFOLIO),
            ])),
            Some(typed) if typed.chars().any(char::is_control) => Err(at_value("control_characters")),
            typed => Ok(Planned::Portfolio { text: typed.map(str::to_owned) }),
        },
        "responsible" => responsible(conn, practice, typed, pointer),
        // As on one card, nothing said means the practice's own.
        "language" if said.clear => Ok(Planned::Language { code: practice.language.clone() }),
        "language" => {
            let code = typed.map(str::to_lowercase).filter(|code| code.parse::<Language>().is_ok());
            let unknown =
                || FieldError::new(format!("{pointer}/set"), "unknown_value").with("values", "nl, fr, de, en");
            code.map(|code| Planned::Language { code }).ok_or_else(|| Error::Invalid(vec![unknown()]))
        }
        "exemption" => exemption(said.set.as_ref(), pointer),
        "archived" => match &said.set {
            Some(Value::Bool(yes)) => Ok(Planned::Archived { yes: *yes }),
            _ => Err(wrong_type(pointer, "true, false")),
        },
        name if FixedField::ALL.iter().any(|field| field.as_str() == name) => Err(refused("not_bulk_editable")),
        name if name.starts_with("registration.") => Err(refused("system_owned")),
        _ => Err(refused("unknown_field")),
    }
}

/// An exemption as a PATCH of one client takes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SaidExemption {
    reason: String,
    note: Option<String>,
    until: Option<String>,
}

fn exemption(set: Option<&Value>, pointer: &str) -> Result<Planned> {
    let Some(set) = set else { return Ok(Planned::Exemption { text: None }) };
    let said = SaidExemption::deserialize(set)
        .map_err(|_| wrong_type(pointer, r#"{"reason": "article_44", "note": null, "until": "2027-12-31"}"#))?;
    let SaidExemption { reason, note, until } = said;
    let at_value = |error: FieldError| {
        let part = error.pointer.trim_start_matches("/exemption");
        FieldError { pointer: format!("{pointer}/set{part}"), ..error }
    };
    let checked = ExemptionDraft { reason: Some(reason), note, until }.check();
    let exemption = checked.map_err(|wrong| Error::Invalid(wrong.into_iter().map(at_value).collect()))?;
    Ok(Planned::Exemption { text: Some(exemption.logged()) })
}

fn wrong_type(pointer: &str, wanted: &str) -> Error {
    Error::Invalid(vec![FieldError::new(format!("{pointer}/set"), "wrong_type").with("wanted", wanted)])
}

fn responsible(conn: &mut Conn, practice: &Practice, typed: Option<&str>, pointer: &str) -> Result<Planned> {
    let Some(typed) = typed else { return Ok(Planned::Responsible { member: None, name: None }) };
    let around = clients::surroundings(conn, practice)?;
    if let Some(member) = around.member_meant(typed) {
        let (id, name) = (member.id.to_string(), member.account.name.clone());
        return Ok(Planned::Responsible { member: Some(id), name: Some(name) });
    }
    let at_value = |code| Error::invalid(format!("{pointer}/set"), code);
    if typed.parse::<MemberId>().is_ok() {
        return Err(at_value("unknown_member"));
    }
    if typed.chars().any(char::is_control) || typed.chars().count() > 200 {
        return Err(at_value("control_characters"));
    }
    Ok(Planned::Responsible { member: None, name: Some(typed.to_owned()) })
}
