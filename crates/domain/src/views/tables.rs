//! A view as a table: what each column is called, what it holds, and whether its cells can be changed where they stand.

use super::subjects::{CUSTOM, Kind, Subject};
use crate::clients::FixedField;
use crate::custom_fields::{Catalogue, Field};
use crate::kernel::catalogue::{self, Language};

/// A column of a table.
#[derive(Debug, Clone)]
pub struct TableColumn<'a> {
    /// The name of the subject.
    pub name: &'a str,
    /// What people read above it.
    pub label: String,
    /// What it holds: a kind of custom field, or `word`, `lines`, `instant`, `responsible`.
    pub kind: &'static str,
    /// The custom field, when it is one.
    pub field: Option<&'a Field>,
    /// Lists can be sorted by it.
    pub is_sortable: bool,
    pub(super) subject: Subject<'a>,
    /// Why its cells cannot be changed: `system_owned`, `on_contacts`, `on_relations`, `as_a_whole`, `no_right`; `None` when
    /// they can.
    pub refusal: Option<&'static str>,
}

impl<'a> TableColumn<'a> {
    /// The column of a subject, for somebody who may change clients or may not; `None` when there is no such subject.
    #[must_use]
    pub fn of(name: &'a str, catalogue: &'a Catalogue, (language, may_write): (Language, bool)) -> Option<Self> {
        let subject = Subject::named(name, catalogue)?;
        let refusal = refusal_of(name, subject.field).or_else(|| (!may_write).then_some("no_right"));
        Some(Self {
            name,
            label: label(name, catalogue, language),
            kind: subject.field.map_or_else(|| kind_word(subject.kind), |field| field.kind.as_str()),
            field: subject.field,
            is_sortable: subject.is_sortable(),
            subject,
            refusal,
        })
    }
}

/// What people call a subject.
#[must_use]
pub fn label(name: &str, catalogue: &Catalogue, language: Language) -> String {
    match name.strip_prefix(CUSTOM).and_then(|slug| catalogue.by_slug(slug)) {
        Some(field) => field.names.in_language(language, catalogue.language).to_owned(),
        None if catalogue::has(&format!("column.{name}")) => catalogue::text(language, &format!("column.{name}"), &[]),
        None => name.to_owned(),
    }
}

/// Why nobody changes the subject on a client's card.
fn refusal_of(name: &str, field: Option<&Field>) -> Option<&'static str> {
    let is_of_card = FixedField::ALL.iter().any(|one| one.is_of_card() && one.as_str() == name);
    match field {
        Some(field) => field.kind.is_system_owned().then_some("system_owned"),
        None if is_of_card => None,
        None if name.starts_with("contacts.") => Some("on_contacts"),
        None if name.starts_with("relations.") => Some("on_relations"),
        None if name == "exempt" || name.starts_with("exemption.") => Some("as_a_whole"),
        None => Some("system_owned"),
    }
}

fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Text | Kind::Search => "text",
        Kind::Lines => "lines",
        Kind::Word => "word",
        Kind::Number => "number",
        Kind::Amount => "amount",
        Kind::Day => "date",
        Kind::Instant => "instant",
        Kind::Flag | Kind::Lasting => "yes_no",
        Kind::Choice => "choice",
        Kind::Choices => "multi_choice",
        Kind::Member => "member",
        Kind::Responsible => "responsible",
        Kind::Client => "client",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::subjects::FIXED;

    #[test]
    fn every_subject_has_a_label() {
        for fixed in FIXED {
            assert!(catalogue::has(&format!("column.{}", fixed.name)), "{}", fixed.name);
        }
    }
}
