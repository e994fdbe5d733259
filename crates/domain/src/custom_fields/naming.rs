//! What categories, fields and options are called: names in several languages, slugs, labels, places. Pure rules.

use std::collections::BTreeMap;

use super::model::Labels;
use crate::clients::FixedField;
use crate::kernel::catalogue::Language;
use crate::kernel::error::{Error, FieldError, Result};
use crate::kernel::patch::Patch;
use crate::kernel::text;

const LONGEST_NAME: usize = 100;
const LONGEST_LABEL: usize = 200;
const LONGEST_SLUG: usize = 63;
/// The highest place that can be asked for; the last one is meant when there are fewer.
const LAST_PLACE: i32 = 1_000;

/// Names that lists and histories use for something else.
const RESERVED: &[&str] = &[
    "id",
    "created",
    "created_at",
    "updated_at",
    "archived_at",
    "checked_at",
    "unknown_since",
    "fields",
    "revision",
    "search",
];

/// A name as it was given: in several languages, or in the practice's own.
#[derive(Debug, Clone, Default)]
pub struct SaidNames {
    /// By language code.
    pub names: Option<Labels>,
    /// In the practice's first language.
    pub name: Option<String>,
}

/// The names that were given, `name` in the practice's language unless `names` has one in it.
///
/// # Errors
/// [`Error::Invalid`] with `missing`, `too_long`, `control_characters` or `unknown_value`.
pub(crate) fn checked_names(said: SaidNames, language: &str) -> Result<Labels> {
    let pointed = said.names.unwrap_or_default().0.into_iter();
    let mut given: Vec<(String, String, String)> =
        pointed.map(|(code, name)| (format!("/names/{code}"), code, name)).collect();
    given.extend(said.name.map(|name| ("/name".to_owned(), language.to_owned(), name)));
    let (mut names, mut wrong) = (BTreeMap::new(), Vec::new());
    for (pointer, code, name) in given {
        if code.parse::<Language>().is_err() {
            wrong.push(FieldError::new(pointer, "unknown_value").with("values", "nl, fr, de, en"));
            continue;
        }
        match text::line(&name, &pointer, LONGEST_NAME) {
            Ok(name) => {
                names.entry(code).or_insert(name);
            }
            Err(error) => wrong.push(error),
        }
    }
    if wrong.is_empty() && names.is_empty() {
        wrong.push(FieldError::new("/names", "missing"));
    }
    if wrong.is_empty() { Ok(Labels(names)) } else { Err(Error::Invalid(wrong)) }
}

/// An option's label.
pub(super) fn checked_label(typed: &str, pointer: &str) -> std::result::Result<String, FieldError> {
    text::line(typed, pointer, LONGEST_LABEL)
}

/// An option's label in several languages.
pub(super) fn checked_labels(labels: Labels) -> Result<Labels> {
    let (mut kept, mut wrong) = (BTreeMap::new(), Vec::new());
    for (code, typed) in labels.0 {
        let pointer = format!("/labels/{code}");
        if code.parse::<Language>().is_err() {
            wrong.push(FieldError::new(pointer, "unknown_value").with("values", "nl, fr, de, en"));
            continue;
        }
        match checked_label(&typed, &pointer) {
            Ok(label) => {
                kept.insert(code, label);
            }
            Err(error) => wrong.push(error),
        }
    }
    if wrong.is_empty() { Ok(Labels(kept)) } else { Err(Error::Invalid(wrong)) }
}

/// What a PATCH sets; what it clears is refused, since the field cannot be empty.
pub(crate) fn set<T>(patch: Patch<T>, pointer: &str) -> Result<Option<T>> {
    match patch {
        Patch::Absent => Ok(None),
        Patch::Null => Err(Error::invalid(pointer, "missing")),
        Patch::Value(value) => Ok(Some(value)),
    }
}

/// A place that was asked for, from 1 on.
pub(super) fn set_place(patch: Patch<i32>) -> Result<Option<i32>> {
    let place = set(patch, "/position")?;
    if place.is_some_and(|place| !(1..=LAST_PLACE).contains(&place)) {
        let fault = FieldError::new("/position", "out_of_range").with("min", 1).with("max", LAST_PLACE);
        return Err(Error::Invalid(vec![fault]));
    }
    Ok(place)
}

/// The items with `item` taken from where it is, if it is there, and put at `place`, or at the end.
pub(super) fn placed<T: PartialEq + Copy>(items: impl Iterator<Item = T>, item: T, place: Option<i32>) -> Vec<T> {
    let mut order: Vec<T> = items.filter(|other| *other != item).collect();
    let place = place.and_then(|place| usize::try_from(place - 1).ok()).unwrap_or(usize::MAX);
    order.insert(place.min(order.len()), item);
    order
}

/// The slug that was given, or one made from the name that no other has.
///
/// # Errors
/// [`Error::Invalid`] on `/slug` with `malformed_slug` or `reserved_slug`; [`Error::Conflict`] `slug_taken`.
pub(super) fn slug(given: Option<&str>, name: &str, is_taken: impl Fn(&str) -> bool) -> Result<String> {
    slug_at("/slug", given, name, is_taken)
}

/// The same where it stands at `pointer`.
pub(crate) fn slug_at(
    pointer: &str,
    given: Option<&str>,
    name: &str,
    is_taken: impl Fn(&str) -> bool,
) -> Result<String> {
    let Some(given) = given else {
        return Ok(made_slug(name, is_taken));
    };
    if !is_slug(given) {
        return Err(Error::invalid(pointer, "malformed_slug"));
    }
    if is_reserved(given) {
        return Err(Error::invalid(pointer, "reserved_slug"));
    }
    if is_taken(given) {
        return Err(Error::conflict_with("slug_taken", vec![("slug", given.to_owned())]));
    }
    Ok(given.to_owned())
}

fn is_slug(text: &str) -> bool {
    text.len() <= LONGEST_SLUG
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

fn is_reserved(slug: &str) -> bool {
    RESERVED.contains(&slug) || FixedField::ALL.iter().any(|field| field.as_str() == slug)
}

fn made_slug(name: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let folded = text::fold(name);
    let words = folded.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut base = words.collect::<Vec<_>>().join("_");
    if !base.starts_with(|c: char| c.is_ascii_lowercase()) {
        base.insert_str(0, "x_");
    }
    base.truncate(LONGEST_SLUG - 4);
    let base = base.trim_end_matches('_');
    let is_free = |slug: &String| !is_taken(slug) && !is_reserved(slug);
    let numbered = (2_u32..).map(|number| format!("{base}_{number}"));
    std::iter::once(base.to_owned()).chain(numbered).find(is_free).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_made_from_the_name_and_unlike_all_others() {
        let made = |name: &str, taken: &[&str]| slug(None, name, |slug| taken.contains(&slug)).unwrap();
        assert_eq!(made("Wettelijke rol (2026)", &[]), "wettelijke_rol_2026");
        assert_eq!(made("Éénmalig", &["eenmalig"]), "eenmalig_2");
        assert_eq!(made("2026", &[]), "x_2026");
        assert_eq!(made("日本", &["x"]), "x_2");
        assert_eq!(made("Name", &[]), "name_2", "the card has a name");
        let long = made(&"lang ".repeat(40), &[]);
        assert!(is_slug(&long), "{long}");
    }

    #[test]
    fn a_given_slug_has_its_form() {
        let code = |given: &str| match slug(Some(given), "x", |slug| slug == "taken") {
            Ok(_) => "",
            Err(Error::Invalid(errors)) => errors[0].code,
            Err(Error::Conflict(conflict)) => conflict.code,
            Err(_) => "other",
        };
        assert_eq!(code("a"), "");
        assert_eq!(code(&"a".repeat(63)), "");
        for wrong in ["", "A", "1a", "_a", "a-b", "a b", "é", &"a".repeat(64)] {
            assert_eq!(code(wrong), "malformed_slug", "{wrong}");
        }
        assert_eq!(code("email"), "reserved_slug");
        assert_eq!(code("taken"), "slug_taken");
    }

    #[test]
    fn what_is_moved_shifts_the_others() {
        assert_eq!(placed([1, 2, 3, 4].into_iter(), 4, Some(1)), [4, 1, 2, 3]);
        assert_eq!(placed([1, 2, 3, 4].into_iter(), 1, Some(3)), [2, 3, 1, 4]);
        assert_eq!(placed([1, 2, 3].into_iter(), 2, Some(900)), [1, 3, 2]);
        assert_eq!(placed([1, 2].into_iter(), 9, None), [1, 2, 9]);
    }
}
