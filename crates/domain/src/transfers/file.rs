//! A client list, line by line: records under a recognised header, each checked by the rules of the card.

use std::io::{self, Read};

use super::cells;
use super::columns::{Columns, Mapping, recognised};
use super::keys::Keys;
use super::model::{Code, Finding, Weight};
use super::records::{Next, Record, Records, cells_of};
use crate::clients::door::NewClient;
use crate::clients::{self, Card, CardDraft, FixedField, Surroundings};
use crate::kernel::error::{Error, FieldError, Result};

/// A set of card fields.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FieldSet(u64);

impl FieldSet {
    fn insert(&mut self, field: FixedField) {
        self.0 |= 1 << field.number();
    }

    /// Whether the field is in the set.
    #[must_use]
    pub fn has(self, field: FixedField) -> bool {
        self.0 & (1 << field.number()) != 0
    }
}

/// A line that keeps the rules of the card.
#[derive(Debug)]
pub struct Row {
    /// The line that it starts on.
    pub line: i64,
    /// The client that it makes when it means none that is there; what the file says nothing of has its usual value.
    pub client: NewClient,
    /// What it has that no other client may have.
    pub keys: Keys,
    /// What the file says something about.
    pub said: FieldSet,
}

impl Row {
    /// What it says of the client.
    pub fn card(&self) -> &Card {
        &self.client.card
    }
}

/// A line as it was read.
#[derive(Debug)]
pub enum Line {
    /// It keeps the rules.
    Good(Box<Row>),
    /// It does not; at least one finding.
    Bad(Vec<Finding>),
}

/// The characters that may separate cells.
const SEPARATORS: [u8; 4] = [b';', b',', b'\t', b'|'];

/// A client list being read.
pub struct ClientFile<R> {
    records: Records<R>,
    record: Record,
    /// The columns.
    pub columns: Columns,
}

/// Something went wrong between us and the file, not within it.
pub fn unread(fault: &io::Error) -> Error {
    Error::internal(format_args!("a file cannot be read: {fault}"))
}

impl<R: Read> ClientFile<R> {
    /// Reads the header: the first line that is not blank. The separator is the one that makes most columns known.
    ///
    /// # Errors
    /// [`Error::Invalid`] with `file_empty`, `header_unreadable` or `too_many_columns` under `/`, and as [`Columns::find`].
    pub fn open(reader: R, mapping: &Mapping) -> Result<Self> {
        let mut records = Records::open(reader, |line| separator(line, mapping)).map_err(|fault| unread(&fault))?;
        let mut record = Record::default();
        let wrong = |code| Err(Error::Invalid(vec![FieldError::new("/", code)]));
        match records.next(&mut record).map_err(|fault| unread(&fault))? {
            Next::End => return wrong("file_empty"),
            Next::Broken => return wrong("header_unreadable"),
            Next::Record if record.has_too_many() => return wrong("header_unreadable"),
            Next::Record => {}
        }
        let columns = Columns::find(record.cells(), mapping)?;
        Ok(Self { records, record, columns })
    }

    /// Passes over the next line; `false` at the end.
    ///
    /// # Errors
    /// When reading fails.
    pub fn skip(&mut self) -> Result<bool> {
        loop {
            let next = self.records.next(&mut self.record).map_err(|fault| unread(&fault))?;
            if next != Next::Record || !self.is_blank() {
                return Ok(next != Next::End);
            }
        }
    }

    /// Reads and checks the next line: which line it is, and what it says. Lines whose cells are all empty are no lines.
    ///
    /// # Errors
    /// When reading fails.
    pub fn next(&mut self, around: &Surroundings) -> Result<Option<(i64, Line)>> {
        loop {
            let next = self.records.next(&mut self.record).map_err(|fault| unread(&fault))?;
            let line = match next {
                Next::End => return Ok(None),
                Next::Record if self.is_blank() => continue,
                Next::Broken => Line::Bad(vec![self.refuse("", Code::Malformed, Vec::new())]),
                Next::Record => self.check(around),
            };
            return Ok(Some((self.record.line, line)));
        }
    }

    fn is_blank(&self) -> bool {
        self.record.cells().all(|cell| cell.trim().is_empty())
    }

    fn refuse(&self, column: &str, code: Code, params: crate::kernel::error::Params) -> Finding {
        Finding::new(Weight::Rejected, (self.record.line, column), code, params)
    }

    fn check(&self, around: &Surroundings) -> Line {
        if self.record.len() > self.columns.all.len() {
            let params = vec![("found", self.record.len().to_string()), ("wanted", self.columns.all.len().to_string())];
            return Line::Bad(vec![self.refuse("", Code::TooManyColumns, params)]);
        }
        let mut draft = CardDraft::default();
        let mut said = FieldSet::default();
        let mut wrong = Vec::new();
        for (column, cell) in self.columns.all.iter().zip(self.record.cells()) {
            let (Some(field), Some(cell)) = (column.field, cells::filled(cell)) else {
                continue;
            };
            said.insert(field);
            wrong.extend(cells::fill(&mut draft, field, cell).err());
        }
        match clients::check(draft, around) {
            Ok(card) if wrong.is_empty() => {
                let (line, keys) = (self.record.line, Keys::of(&card));
                return Line::Good(Box::new(Row { line, keys, client: NewClient::of(card), said }));
            }
            Ok(_) => {}
            Err(errors) => wrong.extend(errors),
        }
        let finding = |error| Finding::of_rule((self.record.line, &self.columns.pointed_at(&error)), error);
        Line::Bad(wrong.into_iter().map(finding).collect())
    }
}

/// The separator that makes most columns of the header known, to the mapping too; failing that, most columns.
fn separator(header: &[u8], mapping: &Mapping) -> u8 {
    let known = |separator: &u8| {
        let names = cells_of(header, *separator);
        (recognised(&names, mapping), names.len(), std::cmp::Reverse(SEPARATORS.iter().position(|s| s == separator)))
    };
    SEPARATORS.into_iter().max_by_key(known).unwrap_or(b';')
}
