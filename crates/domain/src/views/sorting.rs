//! The order that a caller asks for, as in `name,-fields.fee`.

use std::collections::HashMap;

use super::order::{Key, Order, Ranking};
use super::rows::Rows;
use super::subjects::{ColumnId, Kind, Subject};
use crate::custom_fields::Catalogue;
use crate::identity::Member;
use crate::kernel::error::FieldError;

/// The most fields that a list is sorted by.
const MOST: usize = 3;

/// An order that has been checked against a practice's fields.
#[derive(Debug, Clone)]
pub struct Sorting {
    keys: Vec<(ColumnId, bool, Ranking)>,
    newest_first: bool,
    by_member: bool,
}

impl Sorting {
    /// Reads fields with commas between them, each with `-` in front for the other direction. Nothing means by creation.
    ///
    /// # Errors
    /// An entry at `/sort`: `unknown_field`, `not_sortable`, `too_many`.
    pub fn read(text: &str, catalogue: &Catalogue) -> Result<Self, FieldError> {
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
            let subject = Subject::named(name, catalogue).ok_or_else(|| FieldError::new("/sort", "unknown_field"))?;
            if !subject.is_sortable() {
                return Err(FieldError::new("/sort", "not_sortable").with("field", name));
            }
            sorting.by_member |= subject.kind == Kind::Member;
            sorting.keys.push((subject.column, descending, ranking(&subject)));
        }
        Ok(sorting)
    }

    /// Whether it needs the members' names.
    pub fn needs_members(&self) -> bool {
        self.by_member
    }

    /// Gives it the members' names.
    pub fn name_members(&mut self, members: &[Member]) {
        for (.., ranking) in &mut self.keys {
            if let Ranking::Name(names) = ranking {
                *names = members.iter().map(|member| (member.id.to_string(), member.account.name.clone())).collect();
            }
        }
    }

    /// Tells it what day it is, for what lasts until a day.
    pub fn on_day(&mut self, today: impl Fn() -> f64) {
        for (.., ranking) in &mut self.keys {
            if let Ranking::FromDay(day) = ranking {
                *day = today();
            }
        }
    }

    /// The columns that it asks.
    pub fn columns(&self, found: &mut Vec<ColumnId>) {
        for (column, ..) in &self.keys {
            if !found.contains(column) {
                found.push(*column);
            }
        }
    }

    /// The order over the columns as they are.
    pub fn over<'a>(&self, rows: &Rows<'a>) -> Order<'a> {
        let key = |(column, descending, ranking): &(ColumnId, bool, Ranking)| {
            Some(Key::of(rows.column(*column)?, *descending, ranking))
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
