//! The order of a list: by the values of up to three fields, then by creation; the first rows, and those behind a position.

use std::cmp::Ordering;
use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::columns::{Bits, Column};
use super::conditions::NAME_END;
use crate::kernel::text;

/// What a row is sorted by, as a cursor keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Place {
    /// No value.
    Missing(()),
    /// The rank of a number, an answer or a position.
    Rank(u64),
    /// A folded text.
    Text(String),
}

/// How shared values are ranked among themselves.
#[derive(Debug, Clone)]
pub enum Ranking {
    /// By what people read, folded.
    Text,
    /// By a number for each stable name, as options have their positions; names that are not there come last.
    Number(HashMap<String, u32>),
    /// Days that are not before this one behind all others.
    FromDay(f64),
    /// By a text for each stable name, as members have names; names that are not there come first.
    Name(HashMap<String, String>),
}

/// One field that a list is sorted by.
pub struct Key<'a> {
    column: &'a Column,
    descending: bool,
    /// For shared values: the rank of each code.
    ranks: Vec<u64>,
    /// For shared values that are ranked by text: the different texts in their order.
    texts: Vec<String>,
    /// For days: the one from which they count.
    from_day: Option<f64>,
    /// Those who have a value, whatever the column says of the others; all when not given.
    among: Option<Bits>,
}

impl<'a> Key<'a> {
    /// A key on a column of flags, numbers, texts or shared values; on others all rows are alike.
    pub fn of(column: &'a Column, descending: bool, ranking: &Ranking) -> Self {
        let mut key = Self { column, descending, ranks: Vec::new(), texts: Vec::new(), from_day: None, among: None };
        if let Ranking::FromDay(day) = ranking {
            key.from_day = Some(*day);
        }
        let Column::Words { words, .. } = column else { return key };
        let name = |word: &str| word.split(NAME_END).next().unwrap_or(word).to_owned();
        let read: Vec<String> = match ranking {
            Ranking::Number(numbers) => {
                let rank = |word: &str| numbers.get(&name(word)).map_or(u64::MAX, |n| u64::from(*n));
                key.ranks = words.keys().iter().map(|word| rank(word)).collect();
                return key;
            }
            Ranking::Text | Ranking::FromDay(_) => {
                words.keys().iter().map(|word| text::fold(word.rsplit(NAME_END).next().unwrap_or(word))).collect()
            }
            Ranking::Name(names) => words
                .keys()
                .iter()
                .map(|word| names.get(&name(word)).map_or_else(String::new, |n| text::fold(n)))
                .collect(),
        };
        key.texts = read.clone();
        key.texts.sort_unstable();
        key.texts.dedup();
        key.ranks = read.iter().map(|text| key.rank_of_text(text)).collect();
        key
    }

    /// The same key, by which others than these have no value.
    pub fn among(mut self, rows: Option<Bits>) -> Self {
        self.among = rows;
        self
    }

    fn is_among(&self, row: usize) -> bool {
        self.among.as_ref().is_none_or(|among| among.has(row))
    }

    /// Odd for a text that is there, even for one that would stand between two.
    fn rank_of_text(&self, text: &str) -> u64 {
        match self.texts.binary_search_by(|known| known.as_str().cmp(text)) {
            Ok(at) => 2 * at as u64 + 1,
            Err(at) => 2 * at as u64,
        }
    }

    /// What orders the row before anything else; `None` without a value.
    fn rank(&self, row: usize) -> Option<u64> {
        if !self.is_among(row) {
            return None;
        }
        match self.column {
            Column::Flags(flags) => flags.get(row).filter(|flag| **flag != 0).map(|flag| u64::from(*flag)),
            Column::Numbers(numbers) if let Some(day) = self.from_day => {
                numbers.get(row).map(|number| u64::from(*number >= day))
            }
            Column::Numbers(numbers) => numbers.get(row).filter(|number| !number.is_nan()).map(|n| ordered(*n)),
            Column::Texts(texts) => texts.bytes(row).map(first_bytes),
            Column::Words { codes, .. } => {
                let code = codes.get(row).copied().unwrap_or_default();
                self.ranks.get(usize::try_from(code).ok()?.checked_sub(1)?).copied()
            }
            Column::Sets { .. } | Column::Entries { .. } => None,
        }
    }

    /// The whole text behind a rank that was made of its first bytes.
    fn rest(&self, row: usize) -> &[u8] {
        match self.column {
            Column::Texts(texts) if self.is_among(row) => texts.bytes(row).unwrap_or_default(),
            _ => &[],
        }
    }

    fn place(&self, row: usize) -> Place {
        let Some(rank) = self.rank(row) else { return Place::Missing(()) };
        match self.column {
            Column::Texts(texts) => Place::Text(texts.get(row).unwrap_or_default().to_owned()),
            _ if self.texts.is_empty() => Place::Rank(rank),
            _ => {
                let at = usize::try_from(rank / 2).unwrap_or(usize::MAX);
                Place::Text(self.texts.get(at).cloned().unwrap_or_default())
            }
        }
    }

    /// The rank, and the whole text, of a place that a cursor kept.
    fn of_place<'p>(&self, place: &'p Place) -> (Option<u64>, &'p [u8]) {
        match (place, self.column) {
            (Place::Missing(()), _) => (None, &[]),
            (Place::Rank(rank), _) => (Some(*rank), &[]),
            (Place::Text(text), Column::Texts(_)) => (Some(first_bytes(text.as_bytes())), text.as_bytes()),
            (Place::Text(text), _) => (Some(self.rank_of_text(text)), &[]),
        }
    }

    /// A rank as it orders rows in its direction. What has no value comes last in either.
    fn lead(&self, rank: Option<u64>) -> Lead {
        match rank {
            None => (true, 0),
            Some(rank) if self.descending => (false, !rank),
            Some(rank) => (false, rank),
        }
    }

    fn compare(&self, a: (Option<u64>, &[u8]), b: (Option<u64>, &[u8])) -> Ordering {
        let by_value = match (a.0, b.0) {
            (None, None) => return Ordering::Equal,
            // What has no value comes last in either direction.
            (None, Some(_)) => return Ordering::Greater,
            (Some(_), None) => return Ordering::Less,
            (Some(left), Some(right)) => left.cmp(&right).then_with(|| a.1.cmp(b.1)),
        };
        if self.descending { by_value.reverse() } else { by_value }
    }
}

/// What orders a row in front of everything else: whether it has no value, and its rank in the direction of the order.
type Lead = (bool, u64);

/// An order: its keys, and whether later clients come first among equals.
pub struct Order<'a> {
    keys: Vec<Key<'a>>,
    newest_first: bool,
}

/// Where a page begins: behind the row with these places and this row number.
pub struct Behind<'a> {
    /// The place in each key.
    pub places: &'a [Place],
    /// The row of the client, or where it would be: rows below it were created before.
    pub row: usize,
    /// Whether the client is there.
    pub is_there: bool,
}

impl<'a> Order<'a> {
    /// An order by `keys`; clients that are alike in all come by creation.
    pub fn of(keys: Vec<Key<'a>>, newest_first: bool) -> Self {
        Self { keys, newest_first }
    }

    /// Compares two rows whose ranks by the first key are the same.
    fn compare_alike(&self, a: usize, b: usize) -> Ordering {
        let (first, others) = self.keys.split_first().map_or((None, &[][..]), |(first, others)| (Some(first), others));
        if let Some(key) = first {
            let ordering = key.rest(a).cmp(key.rest(b));
            if ordering != Ordering::Equal {
                return if key.descending { ordering.reverse() } else { ordering };
            }
        }
        self.compare_by(others, a, b)
    }

    fn compare_by(&self, keys: &[Key<'_>], a: usize, b: usize) -> Ordering {
        for key in keys {
            let ordering = key.compare((key.rank(a), key.rest(a)), (key.rank(b), key.rest(b)));
            if ordering != Ordering::Equal {
                return ordering;
            }
        }
        if self.newest_first { b.cmp(&a) } else { a.cmp(&b) }
    }

    /// Whether a row comes behind a position.
    fn is_behind(&self, row: usize, from: &Behind<'_>) -> bool {
        for (key, place) in self.keys.iter().zip(from.places) {
            match key.compare((key.rank(row), key.rest(row)), key.of_place(place)) {
                Ordering::Greater => return true,
                Ordering::Less => return false,
                Ordering::Equal => {}
            }
        }
        match self.newest_first {
            true => row < from.row,
            false => row > from.row || (row == from.row && !from.is_there),
        }
    }

    /// The first `most` rows of the set behind a position, in order.
    pub fn first(&self, rows: &Bits, from: Option<&Behind<'_>>, most: usize) -> Vec<usize> {
        let Some(key) = self.keys.first() else {
            let behind = rows.rows().filter(|row| from.is_none_or(|from| self.is_behind(*row, from)));
            return if self.newest_first { self.last(behind, most) } else { behind.take(most).collect() };
        };
        let begin = from.and_then(|from| Some((key.lead(key.of_place(from.places.first()?).0), from)));
        let behind = rows.rows().map(|row| (key.lead(key.rank(row)), row)).filter(|(lead, row)| match begin {
            Some((at, from)) => *lead > at || (*lead == at && self.is_behind(*row, from)),
            None => true,
        });
        let compare = |a: &(Lead, usize), b: &(Lead, usize)| a.0.cmp(&b.0).then_with(|| self.compare_alike(a.1, b.1));
        // Twice as many as wanted are gathered before the worse half is thrown away; what is worse than the last one kept
        // is not gathered any more.
        let mut kept: Vec<(Lead, usize)> = Vec::with_capacity(2 * most);
        let mut worst: Option<Lead> = None;
        for (lead, row) in behind {
            if worst.is_some_and(|worst| lead > worst) {
                continue;
            }
            kept.push((lead, row));
            if kept.len() >= 2 * most.max(1) {
                let (_, last, _) = kept.select_nth_unstable_by(most.max(1) - 1, compare);
                worst = Some(last.0);
                kept.truncate(most);
            }
        }
        kept.sort_unstable_by(compare);
        kept.truncate(most);
        kept.into_iter().map(|(_, row)| row).collect()
    }

    /// All rows of the set, in order.
    pub fn all(&self, rows: &Bits) -> Vec<usize> {
        let Some(key) = self.keys.first() else {
            let mut all: Vec<usize> = rows.rows().collect();
            if self.newest_first {
                all.reverse();
            }
            return all;
        };
        let mut all: Vec<(Lead, usize)> = rows.rows().map(|row| (key.lead(key.rank(row)), row)).collect();
        all.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| self.compare_alike(a.1, b.1)));
        all.into_iter().map(|(_, row)| row).collect()
    }

    fn last(&self, rows: impl Iterator<Item = usize>, most: usize) -> Vec<usize> {
        let mut all: Vec<usize> = rows.collect();
        all.reverse();
        all.truncate(most);
        all
    }

    /// The place of a row in each key, for a cursor.
    pub fn places(&self, row: usize) -> Vec<Place> {
        self.keys.iter().map(|key| key.place(row)).collect()
    }
}

/// A number as one that sorts without a sign: IEEE 754's own order with the sign turned about.
fn ordered(number: f64) -> u64 {
    // Minus zero and zero are the same number.
    let bits = (number + 0.0).to_bits();
    if bits >> 63 == 1 { !bits } else { bits | (1 << 63) }
}

/// The first eight bytes, as a number that sorts as they do.
fn first_bytes(text: &[u8]) -> u64 {
    let mut first = [0; 8];
    first.iter_mut().zip(text).for_each(|(slot, byte)| *slot = *byte);
    u64::from_be_bytes(first)
}
