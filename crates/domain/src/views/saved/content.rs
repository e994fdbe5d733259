//! What a view may say, what has become of it since, and when two views say the same.

use serde_json::{Value, json};

use super::model::{Content, MOST_COLUMNS, View};
use crate::custom_fields::Catalogue;
use crate::kernel::error::FieldError;
use crate::kernel::text;
use crate::views::filter;
use crate::views::list::Asker;
use crate::views::operands::zone_of;
use crate::views::sorting::Sorting;
use crate::views::subjects::{CUSTOM, Subject};
use crate::views::trees;

const LONGEST_SEARCH: usize = 1_000;

/// How a view stands to the practice as it is now.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// What it names that is not there any more; while there is anything, it cannot be used.
    pub broken: Vec<FieldError>,
    /// Why it means nobody although nothing is broken.
    pub notes: Vec<FieldError>,
}

/// What has become of a view since it was saved.
#[must_use]
pub fn standing(view: &View, catalogue: &Catalogue, asker: &Asker<'_>) -> Standing {
    let mut standing = Standing::default();
    let content = &view.content;
    match filter_of(content.filter.as_ref(), catalogue, asker) {
        Ok(notes) => standing.notes = notes,
        Err(wrong) => standing.broken = wrong,
    }
    standing.broken.extend(check_sort(content.sort.as_deref(), catalogue, asker).err());
    standing.broken.extend(check_columns(&content.columns, catalogue).err().unwrap_or_default());
    standing
}

/// Reads a filter; gives why it means nobody, if it does.
pub(super) fn filter_of(
    tree: Option<&Value>,
    catalogue: &Catalogue,
    asker: &Asker<'_>,
) -> Result<Vec<FieldError>, Vec<FieldError>> {
    let zone = zone_of(asker.practice);
    let ground = asker.ground(catalogue, &zone, &[]);
    tree.map_or(Ok(Vec::new()), |tree| filter::read_noting(tree, &ground, "/filter").map(|(_, notes)| notes))
}

pub(super) fn check_sort(sort: Option<&str>, catalogue: &Catalogue, asker: &Asker<'_>) -> Result<(), FieldError> {
    let zone = zone_of(asker.practice);
    Sorting::read(sort.unwrap_or_default(), &asker.ground(catalogue, &zone, &[])).map(|_| ())
}

pub(super) fn check_search(search: &str) -> Result<(), FieldError> {
    if search.chars().count() > LONGEST_SEARCH {
        return Err(FieldError::new("/search", "too_long").with("max", LONGEST_SEARCH));
    }
    Ok(())
}

/// Columns are what a client's document shows, each once.
///
/// # Errors
/// What is wrong with them, under `/columns`.
pub fn check_columns(columns: &[String], catalogue: &Catalogue) -> Result<(), Vec<FieldError>> {
    if columns.len() > MOST_COLUMNS {
        return Err(vec![FieldError::new("/columns", "too_many").with("max", MOST_COLUMNS)]);
    }
    let wrong = check_names(columns, "/columns", catalogue);
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

/// What is wrong with a list of subjects: ones that there are not, that are no value of a card, or that come twice.
pub fn check_names(names: &[String], pointer: &str, catalogue: &Catalogue) -> Vec<FieldError> {
    let fault = |(at, name): (usize, &String)| {
        let pointer = format!("{pointer}/{at}");
        let is_known = Subject::named(name, catalogue).is_some() && name != "search";
        if !is_known {
            return Some(FieldError::new(pointer, "unknown_field"));
        }
        let came_before = names.iter().take(at).any(|other| other == name);
        came_before.then(|| FieldError::new(pointer, "twice"))
    };
    names.iter().enumerate().filter_map(fault).collect()
}

/// The columns that a view shows: its own, or the usual ones, which are those of "all clients".
#[must_use]
pub fn shown_columns(content: &Content, catalogue: &Catalogue) -> Vec<String> {
    if !content.columns.is_empty() {
        return content.columns.clone();
    }
    let card = ["name", "enterprise_number", "responsible", "registration.state"].map(str::to_owned);
    let in_lists = |category| catalogue.category(category).is_some_and(|category| category.in_lists);
    let custom = catalogue.usable().filter(|field| in_lists(field.category));
    card.into_iter().chain(custom.map(|field| format!("{CUSTOM}{}", field.slug))).take(MOST_COLUMNS).collect()
}

/// The one form of all contents that mean the same, to compare by.
pub(super) fn canonical(content: &Content, catalogue: &Catalogue) -> Value {
    let filter = content.filter.as_ref().and_then(|tree| {
        let mut tree = tree.clone();
        trees::fix_options(&mut tree, catalogue);
        trees::canonical(&tree)
    });
    let folded = text::fold(content.search.as_deref().unwrap_or_default());
    let mut words: Vec<&str> = folded.split(' ').filter(|word| !word.is_empty()).collect();
    words.sort_unstable();
    words.dedup();
    let sort = content.sort.as_deref().unwrap_or("name");
    let sort: Vec<&str> = sort.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    json!([filter, words, sort, content.columns])
}
