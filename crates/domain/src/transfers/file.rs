//! A client list, line by line: records under a recognised header, each checked by the rules of the card.

use std::fs::File;
use std::io::{self, Read};

use super::cells;
use super::columns::{Columns, Mapping, Target, recognised};
use super::keys::Keys;
use super::model::{Code, Finding, Weight, Wish};
use super::named::FieldNames;
use super::records::{CellKind, Next, Record, Records, cells_of};
use super::sheet::Rows;
use crate::clients::door::NewClient;
use crate::clients::{self, Card, CardDraft, FixedField, Surroundings};
use crate::custom_fields::{Catalogue, Written, WrittenCell};
use crate::kernel::error::{Error, FieldError, Result};

/// Characters of a cell that a finding repeats.
const LONGEST_SHOWN: usize = 200;

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
    /// What it says of custom fields, each by its place among the columns' fields.
    pub written: Vec<(usize, Written)>,
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

/// The bytes of a client list.
pub enum Input {
    /// Text as UTF-8.
    Text(Box<dyn Read + Send>),
    /// A workbook that has been inspected.
    Workbook(File),
}

/// Where records come from.
enum Source {
    Text(Box<Records<Box<dyn Read + Send>>>),
    Sheet(Rows),
}

impl Source {
    fn next(&mut self, record: &mut Record) -> Result<Next> {
        match self {
            Self::Text(records) => records.next(record).map_err(|fault| unread(&fault)),
            Self::Sheet(rows) => rows.next(record),
        }
    }
}

/// A client list being read.
pub struct ClientFile {
    source: Source,
    record: Record,
    /// The columns.
    pub columns: Columns,
    /// The line of the header.
    pub header_line: i64,
}

/// Something went wrong between us and the file, not within it.
pub fn unread(fault: &io::Error) -> Error {
    Error::internal(format_args!("a file cannot be read: {fault}"))
}

impl ClientFile {
    /// Reads the header: the first line that is not blank. The separator is the one that makes most columns known.
    ///
    /// # Errors
    /// [`Error::Invalid`] with `file_empty`, `header_unreadable` or `too_many_columns` under `/`, with `no_sheets` under
    /// `/sheet` when text is asked for one, and as [`Rows::open`] and [`Columns::find`].
    pub fn open(input: Input, wish: &Wish, catalogue: &Catalogue) -> Result<Self> {
        let (mapping, names) = (&wish.mapping, FieldNames::of(catalogue));
        let mut source = match input {
            Input::Text(_) if wish.sheet.is_some() => return Err(Error::invalid("/sheet", "no_sheets")),
            Input::Text(reader) => Source::Text(Box::new(
                Records::open(reader, |line| separator(line, mapping, &names)).map_err(|fault| unread(&fault))?,
            )),
            Input::Workbook(file) => Source::Sheet(Rows::open(file, wish.sheet.as_deref())?),
        };
        let mut record = Record::default();
        let wrong = |code| Err(Error::Invalid(vec![FieldError::new("/", code)]));
        match source.next(&mut record)? {
            Next::End => return wrong("file_empty"),
            Next::Broken => return wrong("header_unreadable"),
            Next::Record if record.has_too_many() => return wrong("header_unreadable"),
            Next::Record => {}
        }
        let columns = Columns::find(record.cells(), mapping, &names)?;
        let header_line = record.line;
        Ok(Self { source, record, columns, header_line })
    }

    /// What is to be said of columns that are left out.
    #[must_use]
    pub fn notes(&self) -> Vec<Finding> {
        let notes = self.columns.notes.iter();
        notes
            .map(|note| Finding::new(Weight::Note, (self.header_line, &note.column), note.code, note.params.clone()))
            .collect()
    }

    /// Passes over the next line; `false` at the end.
    ///
    /// # Errors
    /// When reading fails.
    pub fn skip(&mut self) -> Result<bool> {
        loop {
            let next = self.source.next(&mut self.record)?;
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
            let next = self.source.next(&mut self.record)?;
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
        let mut read = Reading::default();
        for (column, (cell, kind)) in self.columns.all.iter().zip(self.record.typed()) {
            let (Some(target), Some(cell)) = (column.target, cells::filled(cell)) else {
                continue;
            };
            if kind == CellKind::Fault {
                let params = vec![("error", cell.to_owned())];
                read.found.push(self.refuse(&column.name, Code::CellError, params));
                continue;
            }
            match target {
                Target::Card(field) => {
                    read.said.insert(field);
                    read.wrong.extend(cells::fill(&mut read.draft, field, cell).err());
                }
                Target::Custom(at) => read.custom(&self.columns, (at, cell, kind), around),
            }
        }
        self.judge(read, around)
    }

    /// The card's own rules on what was read.
    fn judge(&self, read: Reading, around: &Surroundings) -> Line {
        let Reading { draft, said, written, mut wrong, mut found } = read;
        match clients::check(draft, around) {
            Ok(card) if wrong.is_empty() && found.is_empty() => {
                let (line, keys) = (self.record.line, Keys::of(&card));
                return Line::Good(Box::new(Row { line, keys, client: NewClient::of(card), said, written }));
            }
            Ok(_) => {}
            Err(errors) => wrong.extend(errors),
        }
        let told: Vec<String> = found.iter().map(|finding: &Finding| finding.column.clone()).collect();
        let named = wrong.into_iter().map(|error| (self.columns.pointed_at(&error), error));
        // A cell with an error is not missing besides.
        let further = named.filter(|(column, _)| !told.contains(column));
        found.extend(further.map(|(column, error)| {
            let error = self.with_value(&column, error);
            Finding::of_rule((self.record.line, &column), error)
        }));
        Line::Bad(found)
    }

    /// The same fault, which also says what the file has, so that nobody has to open it to see.
    fn with_value(&self, column: &str, error: FieldError) -> FieldError {
        let said = self.columns.all.iter().zip(self.record.cells()).find(|(one, _)| one.name == column);
        match said.and_then(|(_, cell)| cells::filled(cell)) {
            Some(cell) if error.params.iter().all(|(name, _)| *name != "value") => {
                error.with("value", cell.chars().take(LONGEST_SHOWN).collect::<String>())
            }
            _ => error,
        }
    }
}

/// What is read of a line.
#[derive(Default)]
struct Reading {
    draft: CardDraft,
    said: FieldSet,
    written: Vec<(usize, Written)>,
    wrong: Vec<FieldError>,
    found: Vec<Finding>,
}

impl Reading {
    fn custom(&mut self, columns: &Columns, (at, text, kind): (usize, &str, CellKind), around: &Surroundings) {
        let Some(field) = columns.fields.get(at) else { return };
        match field.read(WrittenCell { text, is_number: kind == CellKind::Number }, around) {
            Ok(written) => self.written.push((at, written)),
            Err(error) => self.wrong.push(error),
        }
    }
}

/// The separator that makes most columns of the header known, to the mapping too; failing that, most columns.
fn separator(header: &[u8], mapping: &Mapping, custom: &FieldNames<'_>) -> u8 {
    let known = |separator: &u8| {
        let names = cells_of(header, *separator);
        let place = SEPARATORS.iter().position(|s| s == separator);
        (recognised(&names, mapping, custom), names.len(), std::cmp::Reverse(place))
    };
    SEPARATORS.into_iter().max_by_key(known).unwrap_or(b';')
}
