//! One condition on one field: what it asks of a value, and which rows of a column pass.

use std::ops::Bound;

use memchr::memmem::Finder;

use super::columns::{Bits, Column, Setter, coded_bits};
use crate::kernel::text;

/// Stands between the stable name of a shared value and what people read, where the two differ.
pub const NAME_END: char = '\u{1f}';

type OnText<'a> = Box<dyn Fn(&[u8]) -> bool + 'a>;

/// What a condition asks of a value. No value passes none of these.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// There is one.
    Filled,
    /// Yes, or no.
    Is(bool),
    /// A number between these.
    Within(Bound<f64>, Bound<f64>),
    /// One of these numbers.
    AnyNumber(Vec<f64>),
    /// Text: one of these, folded. Of several lines, one line.
    AnyText(Vec<String>),
    /// Text with this folded text in it.
    Contains(String),
    /// Text that begins with this folded text; of several lines, one line.
    StartsWith(String),
    /// Text in which each of these folded words is found.
    AllWords(Vec<String>),
    /// A shared value with one of these stable names.
    Named(Vec<String>),
    /// One of these options, at least.
    AnyOption(Vec<i64>),
    /// All of these options, at least.
    AllOptions(Vec<i64>),
    /// Exactly these options, in the order of their keys.
    TheseOptions(Vec<i64>),
    /// Set by the actor with this identifier, or by one of this kind.
    SetBy(String),
    /// Set by this way of coming in.
    SetFrom(String),
    /// Set at an instant between these, in microseconds.
    SetWithin(Bound<f64>, Bound<f64>),
}

impl Test {
    /// The rows of `column` that pass. A test that is not made for the column's form passes none.
    pub fn rows(&self, column: &Column, rows: usize) -> Bits {
        match (self, column) {
            (Self::Filled, column) => column.filled(),
            (Self::Is(yes), Column::Flags(flags)) => {
                let wanted = 1 + u8::from(*yes);
                Bits::where_value(flags, |flag| *flag == wanted)
            }
            (Self::Within(from, to), Column::Numbers(numbers)) => {
                Bits::where_value(numbers, |number| is_within(*number, *from, *to))
            }
            (Self::AnyNumber(wanted), Column::Numbers(numbers)) => {
                Bits::where_value(numbers, |number| wanted.contains(number))
            }
            (_, Column::Texts(texts)) => {
                let matches = self.on_text();
                texts.bits(|text| matches(text))
            }
            (Self::Named(names), Column::Words { codes, words }) => {
                let is_named =
                    |word: &str| names.iter().any(|name| name == word.split(NAME_END).next().unwrap_or(word));
                coded_bits(codes, &words.table(false, |word| is_named(word)))
            }
            (_, Column::Words { codes, words }) => {
                let matches = self.on_text();
                let read = |word: &str| text::fold(word.rsplit(NAME_END).next().unwrap_or(word));
                coded_bits(codes, &words.table(false, |word| matches(read(word).as_bytes())))
            }
            (_, Column::Sets { codes, sets }) => {
                coded_bits(codes, &sets.table(false, |options| self.on_options(options)))
            }
            (_, Column::Entries { codes, setters, .. }) => {
                let table = std::iter::once(false).chain(setters.iter().map(|setter| self.on_setter(setter)));
                coded_bits(codes, &table.collect::<Vec<_>>())
            }
            (_, Column::Flags(_) | Column::Numbers(_)) => Bits::none(rows),
        }
    }

    /// The test on folded text.
    fn on_text(&self) -> OnText<'_> {
        let finder = |needle: &String| Finder::new(needle.as_bytes()).into_owned();
        match self {
            Self::AnyText(wanted) => {
                Box::new(move |text| lines(text).any(|line| wanted.iter().any(|wanted| wanted.as_bytes() == line)))
            }
            Self::Contains(needle) => {
                let found = finder(needle);
                Box::new(move |text| found.find(text).is_some())
            }
            Self::StartsWith(start) => Box::new(move |text| lines(text).any(|line| line.starts_with(start.as_bytes()))),
            Self::AllWords(words) => {
                let found: Vec<Finder<'static>> = words.iter().map(finder).collect();
                Box::new(move |text| found.iter().all(|found| found.find(text).is_some()))
            }
            _ => Box::new(|_| false),
        }
    }

    fn on_options(&self, options: &[i64]) -> bool {
        match self {
            Self::AnyOption(wanted) => wanted.iter().any(|option| options.contains(option)),
            Self::AllOptions(wanted) => wanted.iter().all(|option| options.contains(option)),
            Self::TheseOptions(wanted) => {
                wanted.len() == options.len() && wanted.iter().all(|option| options.contains(option))
            }
            _ => false,
        }
    }

    fn on_setter(&self, setter: &Setter) -> bool {
        match self {
            Self::SetBy(actor) => setter.actor_id.as_deref() == Some(actor) || *setter.actor_kind == **actor,
            Self::SetFrom(source) => *setter.source == **source,
            Self::SetWithin(from, to) => is_within(setter.at.0 as f64, *from, *to),
            _ => false,
        }
    }
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n')
}

fn is_within(number: f64, from: Bound<f64>, to: Bound<f64>) -> bool {
    let above = match from {
        Bound::Included(from) => number >= from,
        Bound::Excluded(from) => number > from,
        Bound::Unbounded => !number.is_nan(),
    };
    let below = match to {
        Bound::Included(to) => number <= to,
        Bound::Excluded(to) => number < to,
        Bound::Unbounded => !number.is_nan(),
    };
    above && below
}
