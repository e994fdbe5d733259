//! The columns of an export: which there are, what they are called, and what a client has in each.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use jiff::civil::Date;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::columns::{card_fields, is_known, label};
use super::facts::Fact;
use super::named::{FieldNames, Meant, PREFIX};
use crate::clients::{BETWEEN_HALVES, FixedField as F, LineColumn, Surroundings};
use crate::custom_fields::{Catalogue, Field, FieldKind, FieldValue, Names, joined, shown_stored};
use crate::kernel::catalogue::Language;
use crate::kernel::clock::Instant;
use crate::kernel::error::{Error, FieldError, Result};
use crate::kernel::readings::said;

/// What a client has in a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell<'a> {
    /// Nothing.
    Empty,
    /// Text.
    Text(Cow<'a, str>),
    /// A number.
    Number(f64),
    /// An amount, in cents.
    Amount(i64),
    /// A day, `YYYY-MM-DD`.
    Day(&'a str),
    /// A moment.
    Moment(Instant),
}

impl<'a> Cell<'a> {
    fn text(text: &'a str) -> Self {
        if text.is_empty() { Self::Empty } else { Self::Text(Cow::Borrowed(text)) }
    }
}

/// A column of an export.
#[derive(Debug, Clone)]
pub enum Column {
    /// A field of the card.
    Card(F),
    /// Something that the system knows.
    Fact(Fact),
    /// A custom field.
    Custom(Box<Field>),
}

/// The columns that `asked` names with commas between them; all when it names none.
///
/// # Errors
/// [`Error::Invalid`] on `/columns` with `unknown_field`, `archived_field` or `twice`.
pub fn chosen(asked: Option<&str>, catalogue: &Catalogue) -> Result<Vec<Column>> {
    let Some(asked) = asked else {
        // What the system owns stands among the registration facts already.
        let custom = catalogue.usable().filter(|field| !field.kind.is_system_owned());
        let custom = custom.map(|field| Column::Custom(Box::new(field.clone())));
        return Ok(card_fields().map(Column::Card).chain(Fact::USUAL.map(Column::Fact)).chain(custom).collect());
    };
    let (mut columns, mut wrong, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
    for name in asked.split(',').map(str::trim) {
        match named(name, catalogue) {
            Ok(_) if !seen.insert(name) => wrong.push(FieldError::new("/columns", "twice").with("name", name)),
            Ok(column) => columns.push(column),
            Err(code) => wrong.push(FieldError::new("/columns", code).with("name", name)),
        }
    }
    if wrong.is_empty() { Ok(columns) } else { Err(Error::Invalid(wrong)) }
}

fn named(name: &str, catalogue: &Catalogue) -> std::result::Result<Column, &'static str> {
    if let Some(slug) = name.strip_prefix(PREFIX) {
        let field = catalogue.by_slug(slug).ok_or("unknown_field")?;
        return match field.is_usable() {
            true => Ok(Column::Custom(Box::new(field.clone()))),
            false => Err("archived_field"),
        };
    }
    let card = card_fields().find(|field| field.as_str() == name).map(Column::Card);
    let fact = || Fact::ALL.into_iter().find(|fact| fact.as_str() == name).map(Column::Fact);
    card.or_else(fact).ok_or("unknown_field")
}

impl Column {
    /// What the header calls it, so that an import knows it again: a custom field whose name means something else, too, goes
    /// by its slug.
    #[must_use]
    pub fn header(&self, language: Language, names: &FieldNames<'_>) -> String {
        match self {
            Self::Card(field) => label(*field, language).to_owned(),
            Self::Fact(fact) => fact.label(language),
            Self::Custom(field) => {
                let name = field.names.in_language(language, names.language());
                let is_own = match names.meant(name) {
                    Meant::Field(meant) | Meant::Refused(meant, _) => meant.key == field.key,
                    Meant::Nothing | Meant::Several(_) => false,
                };
                let is_clear = is_own && !is_known(name) && !Fact::is_label(name);
                if is_clear { name.to_owned() } else { format!("{PREFIX}{}", field.slug) }
            }
        }
    }

    /// The custom field that it is of.
    #[must_use]
    pub fn field(&self) -> Option<&Field> {
        match self {
            Self::Custom(field) => Some(field),
            Self::Card(_) | Self::Fact(_) => None,
        }
    }

    /// The column that it is read from.
    #[must_use]
    pub fn source(&self) -> LineColumn {
        match self {
            Self::Card(F::Responsible) => LineColumn::Responsible,
            Self::Card(field) => LineColumn::Field(*field),
            Self::Fact(fact) => fact.column(),
            Self::Custom(field) if field.kind == FieldKind::AccessPoint => LineColumn::AccessPoint,
            Self::Custom(_) => LineColumn::Values,
        }
    }

    /// How wide it is, in characters.
    #[must_use]
    pub fn width(&self) -> u16 {
        match self {
            Self::Card(F::Exemption | F::Name | F::Email | F::Identifiers | F::Street | F::Website) => 30,
            Self::Card(F::VatLiable | F::Government | F::Country | F::Language | F::StreetNumber | F::Postcode) => 10,
            Self::Card(_) => 16,
            Self::Fact(_) => 20,
            Self::Custom(field) => match field.kind {
                FieldKind::Number | FieldKind::Amount | FieldKind::Date | FieldKind::YesNo => 14,
                FieldKind::LongText | FieldKind::Link | FieldKind::Document | FieldKind::Client => 40,
                FieldKind::Text
                | FieldKind::Choice
                | FieldKind::MultiChoice
                | FieldKind::Member
                | FieldKind::AccessPoint => 24,
            },
        }
    }
}

/// What cells need to know besides the client.
pub struct Showing {
    /// The language of yes and no.
    pub language: Language,
    /// The day of the export, `YYYY-MM-DD`.
    today: String,
    /// How the members are written so that an import knows them again, by identifier: by name, or where that would mean
    /// somebody else, by address.
    members: HashMap<String, String>,
    /// The names of the clients that the values of the page speak of.
    pub clients: Names,
}

const OF_MEMBERS: &str = "mem_";

impl Showing {
    /// Shows members as they are called around the practice, on a day.
    #[must_use]
    pub fn of(around: &Surroundings, language: Language, today: Date) -> Self {
        let written = |member: &crate::identity::Member| match around.member_meant(&member.account.name) {
            Some(meant) if meant.id == member.id => member.account.name.clone(),
            _ => member.account.email.clone(),
        };
        let members = around.members.iter().map(|member| (member.id.to_string(), written(member)));
        Self { language, today: today.to_string(), members: members.collect(), clients: Names::default() }
    }

    /// A cell of the card or of what the system knows, from the text of its column.
    #[must_use]
    pub fn plain<'a>(&'a self, column: &Column, text: &'a str) -> Cell<'a> {
        match column {
            Column::Card(F::VatLiable | F::Government) => match text {
                "1" => Cell::Text(Cow::Borrowed(said(true, self.language))),
                "0" => Cell::Text(Cow::Borrowed(said(false, self.language))),
                _ => Cell::Empty,
            },
            Column::Card(F::Identifiers) if text.len() <= "[]".len() => Cell::Empty,
            Column::Card(F::Identifiers) => {
                let identifiers: Vec<String> = serde_json::from_str(text).unwrap_or_default();
                Cell::Text(Cow::Owned(identifiers.join(" ")))
            }
            Column::Card(F::MandateStart | F::MandateEnd) if !text.is_empty() => Cell::Day(text),
            Column::Card(F::Responsible) => self.responsible(text),
            Column::Fact(Fact::Archived) => Cell::text(said(!text.is_empty(), self.language)),
            // Days as the database has them compare like texts.
            Column::Fact(Fact::Exempt) => Cell::text(said(!text.is_empty() && *text >= *self.today, self.language)),
            Column::Fact(Fact::ExemptionUntil) if !text.is_empty() => Cell::Day(text),
            Column::Fact(fact) if matches!(fact.column(), LineColumn::Moment(_) | LineColumn::UpdatedAt) => {
                text.parse().map_or(Cell::Empty, |micros| Cell::Moment(Instant(micros)))
            }
            Column::Card(_) | Column::Fact(_) | Column::Custom(_) => Cell::text(text),
        }
    }

    fn responsible<'a>(&'a self, text: &'a str) -> Cell<'a> {
        let (member, name) = text.split_once(BETWEEN_HALVES).unwrap_or(("", text));
        let known = if member.is_empty() { None } else { self.members.get(&format!("{OF_MEMBERS}{member}")) };
        Cell::text(known.map_or(name, String::as_str))
    }

    /// A cell of a custom field, from the value that is stored.
    #[must_use]
    pub fn custom<'a>(&'a self, field: &'a Field, stored: &'a RawValue) -> Cell<'a> {
        let Some(value) = shown_stored(stored, field) else { return as_stored(stored, field.kind) };
        match value {
            FieldValue::YesNo(yes) => Cell::text(said(yes, self.language)),
            FieldValue::Amount(cents) => Cell::Amount(cents),
            FieldValue::Option(option) => Cell::text(&option.label),
            FieldValue::Options(options) => {
                let labels: Vec<&str> = options.iter().map(|option| option.label.as_str()).collect();
                Cell::Text(Cow::Owned(joined(&labels, field)))
            }
            FieldValue::Member(id) => Cell::text(self.members.get(id).map_or(id, String::as_str)),
            // The name for people, the identifier for an import.
            FieldValue::Client(id) => match self.clients.get(id) {
                name if name == id => Cell::text(id),
                name => Cell::Text(Cow::Owned(format!("{name} ({id})"))),
            },
            FieldValue::Plain(_) | FieldValue::Document { .. } | FieldValue::AccessPoint(_) => {
                as_stored(stored, field.kind)
            }
        }
    }
}

/// A cell of a value that is shown as it is stored; empty when the value is of another kind, as for a moment after the
/// field's kind was changed.
fn as_stored(stored: &RawValue, kind: FieldKind) -> Cell<'_> {
    /// A document as it is stored.
    #[derive(Deserialize)]
    struct Document<'a> {
        #[serde(borrow)]
        name: Cow<'a, str>,
        #[serde(borrow)]
        url: Cow<'a, str>,
    }
    let json = stored.get();
    match kind {
        FieldKind::Number => json.parse().map_or(Cell::Empty, Cell::Number),
        FieldKind::Date => serde_json::from_str(json).map_or(Cell::Empty, Cell::Day),
        FieldKind::Document => match serde_json::from_str::<Document<'_>>(json) {
            Ok(Document { name, url }) => Cell::Text(Cow::Owned(format!("{name} ({url})"))),
            Err(_) => Cell::Empty,
        },
        FieldKind::Text | FieldKind::LongText | FieldKind::Link => match serde_json::from_str(json) {
            // What is spelled without escapes is taken from where it stands.
            Ok(text) => Cell::text(text),
            Err(_) => serde_json::from_str(json).map_or(Cell::Empty, |text: String| Cell::Text(Cow::Owned(text))),
        },
        FieldKind::Amount
        | FieldKind::YesNo
        | FieldKind::Choice
        | FieldKind::MultiChoice
        | FieldKind::Member
        | FieldKind::Client
        | FieldKind::AccessPoint => Cell::Empty,
    }
}
