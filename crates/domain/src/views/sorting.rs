//! The order that a caller asks for, as in `name,-fields.fee`.

use std::collections::HashMap;

use super::filter::Node;
use super::operands::Ground;
use super::order::{Key, Order, Ranking};
use super::rows::Rows;
use super::subjects::{ColumnId, Kind, Subject};
use crate::identity::Member;
use crate::kernel::error::FieldError;

/// The most fields that a list is sorted by.
const MOST: usize = 3;

/// A field that is sorted by.
#[derive(Debug, Clone)]
struct SortKey {
    column: ColumnId,
    descending: bool,
    ranking: Ranking,
    /// Whom its category concerns; the others have no value. Everybody when there are no criteria.
    concerned: Option<Node>,
}

/// An order that has been checked against a practice's fields.
#[derive(Debug, Clone)]
pub struct Sorting {
    keys: Vec<SortKey>,
    newest_first: bool,
    by_member: bool,
}

impl Sorting {
    /// Reads fields with commas between them, each with `-` in front for the other direction. Nothing means by creation.
    ///
    /// # Errors
    /// An entry at `/sort`: `unknown_field`, `not_sortable`, `too_many`.
    pub fn read(text: &str, ground: &Ground<'_>) -> Result<Self, FieldError> {
        let wanted: Vec<&str> = text.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        if wanted.len() > MOST {
            return Err(FieldError::new("/sort", "too_many").with("max", MOST));
        }
        let mut sorting = Self {
            keys: Vec::new(),
            newest_first: wanted.first().is_some_and(|name| name.starts_with('-')),
            by_member: false,
        };
        for name in wanted {
            let (name, descending) = name.strip_prefix('-').map_or((name, false), |name| (name, true));
            let subject =
                Subject::named(name, ground.catalogue).ok_or_else(|| FieldError::new("/sort", "unknown_field"))?;
            if !subject.is_sortable() {
                return Err(FieldError::new("/sort", "not_sortable").with("field", name));
            }
            sorting.by_member |= subject.kind == Kind::Member;
            let concerned = ground.concerned(&subject).cloned();
            sorting.keys.push(SortKey { column: subject.column, descending, ranking: ranking(&subject), concerned });
        }
        Ok(sorting)
    }

    /// Whether it needs the members' names.
    pub fn needs_members(&self) -> bool {
        self.by_member
    }

    /// Gives it the members' names.
    pub fn name_members(&mut self, members: &[Member]) {
        for key in &mut self.keys {
            if let Ranking::Name(names) = &mut key.ranking {
                *names = members.iter().map(|member| (member.id.to_string(), member.account.name.clone())).collect();
            }
        }
    }

    /// Tells it what day it is, for what lasts until a day.
    pub fn on_day(&mut self, today: impl Fn() -> f64) {
        for key in &mut self.keys {
            if let Ranking::FromDay(day) = &mut key.ranking {
                *day = today();
            }
        }
    }

    /// The columns that it asks.
    pub fn columns(&self, found: &mut Vec<ColumnId>) {
        for key in &self.keys {
            if !found.contains(&key.column) {
                found.push(key.column);
            }
            key.concerned.iter().for_each(|node| node.columns(found));
        }
    }

    /// The order over the columns as they are.
    pub fn over<'a>(&self, rows: &Rows<'a>) -> Order<'a> {
        let key = |key: &SortKey| {
            let concerned = key.concerned.as_ref().map(|node| node.rows(rows));
            Some(Key::of(rows.column(key.column)?, key.descending, &key.ranking).among(concerned))
        };
        Order::of(self.keys.iter().filter_map(key).collect(), self.newest_first)
    }
}

fn ranking(subject: &Subject<'_>) -> Ranking {
    match (subject.kind, subject.field) {
        (Kind::Choice, Some(field)) => {
            let positions = field.options.iter().zip(0_u32..).map(|(option, at)| (option.key.to_string(), at));
            Ranking::Number(positions.collect())
        }
        (Kind::Member, _) => Ranking::Name(HashMap::new()),
        (Kind::Lasting, _) => Ranking::FromDay(f64::INFINITY),
        _ => Ranking::Text,
    }
}
