//! The values of one field for all clients of a practice, in the order of the clients, in the form in which conditions
//! and orders are answered quickest.

mod bits;
mod dictionary;
mod texts;

pub use bits::Bits;
pub use dictionary::{Dictionary, MISSING, bits as coded_bits};
pub use texts::Texts;

use crate::kernel::clock::Instant;

/// A value on its way into a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Raw {
    /// None.
    Missing,
    /// Yes or no.
    Flag(bool),
    /// A number, an amount in cents, a day since 1970, an instant in microseconds.
    Number(f64),
    /// Folded text; several texts stand on lines of their own.
    Text(String),
    /// A value that many clients share, by its stable name.
    Word(String),
    /// Keys of options.
    Options(Vec<i64>),
    /// The key of the audit entry that set a value.
    Entry(i64),
}

/// The values of one field, a row for each client.
#[derive(Debug)]
pub enum Column {
    /// 0 for none, 1 for no, 2 for yes.
    Flags(Vec<u8>),
    /// Not a number for none.
    Numbers(Vec<f64>),
    /// Text that differs from client to client.
    Texts(Texts),
    /// Values that many clients share.
    Words { codes: Vec<u32>, words: Dictionary<Box<str>> },
    /// Several options a client: sets of them that clients have, each with its code.
    Sets { codes: Vec<u32>, sets: Dictionary<Box<[i64]>> },
    /// The entries of the audit trail that set the values, and what is known of them, in the order of their codes.
    Entries { codes: Vec<u32>, entries: Dictionary<i64>, setters: Vec<Setter> },
}

/// Who or what set a value, when, and by which way it came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setter {
    /// `member`, `api_key`, `operator` or `system`.
    pub actor_kind: Box<str>,
    /// The actor's identifier in text form.
    pub actor_id: Option<Box<str>>,
    /// `api`, `import`, `nightly`, …
    pub source: Box<str>,
    /// When.
    pub at: Instant,
}

/// The form that a column takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// [`Column::Flags`].
    Flags,
    /// [`Column::Numbers`].
    Numbers,
    /// [`Column::Texts`].
    Texts,
    /// [`Column::Words`].
    Words,
    /// [`Column::Sets`].
    Sets,
    /// [`Column::Entries`].
    Entries,
}

impl Column {
    /// A column without values for `rows` clients.
    pub fn of(form: Form, rows: usize) -> Self {
        let mut column = match form {
            Form::Flags => Self::Flags(Vec::with_capacity(rows)),
            Form::Numbers => Self::Numbers(Vec::with_capacity(rows)),
            Form::Texts => Self::Texts(Texts::default()),
            Form::Words => Self::Words { codes: Vec::with_capacity(rows), words: Dictionary::default() },
            Form::Sets => Self::Sets { codes: Vec::with_capacity(rows), sets: Dictionary::default() },
            Form::Entries => Self::Entries { codes: Vec::new(), entries: Dictionary::default(), setters: Vec::new() },
        };
        column.grow(rows);
        column
    }

    /// Adds `rows` clients without a value.
    pub fn grow(&mut self, rows: usize) {
        match self {
            Self::Flags(flags) => flags.resize(flags.len() + rows, 0),
            Self::Numbers(numbers) => numbers.resize(numbers.len() + rows, f64::NAN),
            Self::Texts(texts) => (0..rows).for_each(|_| texts.push_missing()),
            Self::Words { codes, .. } | Self::Sets { codes, .. } | Self::Entries { codes, .. } => {
                codes.resize(codes.len() + rows, MISSING);
            }
        }
    }

    /// Gives a row its value. A value of another form than the column's counts as none.
    pub fn set(&mut self, row: usize, value: Raw) {
        fn put<T>(slots: &mut [T], row: usize, value: T) {
            if let Some(slot) = slots.get_mut(row) {
                *slot = value;
            }
        }
        match (self, value) {
            (Self::Flags(flags), Raw::Flag(yes)) => put(flags, row, 1 + u8::from(yes)),
            (Self::Numbers(numbers), Raw::Number(number)) => put(numbers, row, number),
            (Self::Texts(texts), Raw::Text(text)) => texts.set(row, Some(&text)),
            (Self::Words { codes, words }, Raw::Word(word)) => {
                let weight = word.len();
                put(codes, row, words.code(word.into(), weight));
            }
            (Self::Sets { codes, sets }, Raw::Options(options)) if !options.is_empty() => {
                let weight = options.len() * size_of::<i64>();
                put(codes, row, sets.code(options.into(), weight));
            }
            (Self::Entries { codes, entries, .. }, Raw::Entry(entry)) => put(codes, row, entries.code(entry, 0)),
            (Self::Flags(flags), _) => put(flags, row, 0),
            (Self::Numbers(numbers), _) => put(numbers, row, f64::NAN),
            (Self::Texts(texts), _) => texts.set(row, None),
            (Self::Words { codes, .. } | Self::Sets { codes, .. } | Self::Entries { codes, .. }, _) => {
                put(codes, row, MISSING);
            }
        }
    }

    /// How much memory it takes, in bytes.
    pub fn size(&self) -> usize {
        let coded = |codes: &Vec<u32>| codes.capacity() * size_of::<u32>();
        match self {
            Self::Flags(flags) => flags.capacity(),
            Self::Numbers(numbers) => numbers.capacity() * size_of::<f64>(),
            Self::Texts(texts) => texts.size(),
            Self::Words { codes, words } => coded(codes) + words.size(),
            Self::Sets { codes, sets } => coded(codes) + sets.size(),
            Self::Entries { codes, entries, setters } => {
                coded(codes) + entries.size() + setters.len() * (size_of::<Setter>() + 64)
            }
        }
    }

    /// The entries of which it is not known yet whose they are.
    pub fn unknown_entries(&self) -> Vec<i64> {
        match self {
            Self::Entries { entries, setters, .. } => entries.keys().iter().skip(setters.len()).copied().collect(),
            _ => Vec::new(),
        }
    }

    /// Says whose the entries are that were [unknown](Self::unknown_entries), in their order.
    pub fn know_entries(&mut self, known: Vec<Setter>) {
        if let Self::Entries { setters, .. } = self {
            setters.extend(known);
        }
    }

    /// Whether most of the shared values are no client's any more, so that it had better be read anew.
    pub fn is_worn(&self) -> bool {
        let (rows, values) = match self {
            Self::Flags(_) | Self::Numbers(_) | Self::Texts(_) => return false,
            Self::Words { codes, words } => (codes.len(), words.keys().len()),
            Self::Sets { codes, sets } => (codes.len(), sets.keys().len()),
            Self::Entries { codes, entries, .. } => (codes.len(), entries.keys().len()),
        };
        values > 2 * rows + 1_000
    }

    /// Gives back memory that was taken in advance.
    pub fn shrink(&mut self) {
        if let Self::Texts(texts) = self {
            texts.shrink();
        }
    }

    /// The rows that have a value.
    pub fn filled(&self) -> Bits {
        match self {
            Self::Flags(flags) => Bits::where_value(flags, |flag| *flag != 0),
            Self::Numbers(numbers) => Bits::where_value(numbers, |number| !number.is_nan()),
            Self::Texts(texts) => texts.bits(|_| true),
            Self::Words { codes, .. } | Self::Sets { codes, .. } | Self::Entries { codes, .. } => {
                Bits::where_value(codes, |code| *code != MISSING)
            }
        }
    }
}
