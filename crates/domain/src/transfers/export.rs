//! A client list out: CSV or a workbook, a piece at a time.

use std::fs::File;
use std::io::Read as _;

use super::book::Book;
use super::named::FieldNames;
use super::pages::{Pages, patiently};
use super::separated;
use super::shown::{Cell, Column, Showing, chosen};
use crate::clients::{self, LineColumn, Lines};
use crate::custom_fields::{self, Field, FieldKind, FieldValue, Names, StoredValues, shown_stored};
use crate::identity::Practice;
use crate::kernel::catalogue::Language;
use crate::kernel::db::{Conn, Db};
use crate::kernel::error::{Error, FieldError, Result};
use crate::views::{Asker, Concern, Listing, Lists};

/// Clients that are written at a time, as long as they have no more than so many bytes.
const AT_ONCE: usize = 1_000;
const BYTES_AT_ONCE: usize = 512 * 1024;
/// Bytes of a workbook that go out at a time.
const PIECE: usize = 256 * 1024;
/// The most clients that a sheet has room for, below its header.
const MOST_IN_SHEET: usize = 1_048_575;

/// What kind of file an export is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Lines of text: UTF-8 with a byte order mark, semicolons, lines with carriage return and line feed.
    Csv,
    /// A workbook with one sheet.
    Xlsx,
}

/// How an export is to look.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// The kind of file.
    pub format: Format,
    /// The names of the columns, with commas between them; all columns when there are none.
    pub columns: Option<&'a str>,
    /// The language of the headers.
    pub language: Language,
}

/// Where what is written goes.
enum Sink {
    /// Out as it comes; the header first.
    Text { header: Option<Vec<String>> },
    /// Into a workbook, which can go out once it is whole.
    Book(Box<Book>),
    /// Out of the finished workbook.
    Finished(File),
}

/// What is read of each client, and where in its line it stands.
struct Places {
    sources: Vec<LineColumn>,
    /// For each column of the file.
    of_columns: Vec<usize>,
    of_values: Option<usize>,
}

impl Places {
    fn of(columns: &[Column]) -> Self {
        let mut sources: Vec<LineColumn> = Vec::new();
        let mut of_columns = Vec::with_capacity(columns.len());
        for source in columns.iter().map(Column::source) {
            let place = sources.iter().position(|known| *known == source);
            of_columns.push(place.unwrap_or(sources.len()));
            if place.is_none() {
                sources.push(source);
            }
        }
        let of_values = sources.iter().position(|source| *source == LineColumn::Values);
        Self { sources, of_columns, of_values }
    }
}

/// An export under way. It holds no transaction: which clients it has, in which order, and whom the fields concern is settled
/// when it begins, and each client is written as it is when its turn comes.
pub struct Export {
    practice: Practice,
    columns: Vec<Column>,
    places: Places,
    showing: Showing,
    concern: Concern,
    pages: Pages,
    /// The page that is being written, and how many of its lines are.
    lines: Lines,
    written: usize,
    sink: Sink,
}

impl Export {
    /// Begins an export of the clients that match, in the order of the listing.
    ///
    /// # Errors
    /// As [`Lists::page`] and [`chosen`]; [`Error::Invalid`] on `/format` with `too_many` when no sheet has room for them.
    pub fn begin(
        conn: &mut Conn,
        lists: &Lists,
        asker: &Asker<'_>,
        listing: &Listing,
        look: &Look<'_>,
    ) -> Result<Self> {
        let practice = asker.practice;
        let catalogue = custom_fields::catalogue(conn, practice)?;
        let columns = chosen(look.columns, &catalogue)?;
        let fields: Vec<&Field> = columns.iter().filter_map(Column::field).collect();
        let (keys, concern) = lists.keys(conn, asker, listing, &fields)?;
        if look.format == Format::Xlsx && keys.len() > MOST_IN_SHEET {
            return Err(Error::Invalid(vec![FieldError::new("/format", "too_many").with("max", MOST_IN_SHEET)]));
        }
        let showing = Showing::of(&clients::surroundings(conn, practice)?, look.language, asker.today());
        let names = FieldNames::of(&catalogue);
        let header: Vec<String> = columns.iter().map(|column| column.header(look.language, &names)).collect();
        let sink = match look.format {
            Format::Csv => Sink::Text { header: Some(header) },
            Format::Xlsx => {
                let widths: Vec<u16> = columns.iter().map(Column::width).collect();
                Sink::Book(Box::new(Book::open(&header, &widths)?))
            }
        };
        let places = Places::of(&columns);
        let pages = Pages::of(practice, keys, places.sources.clone());
        let (practice, lines) = (practice.clone(), Lines::default());
        Ok(Self { practice, columns, places, showing, concern, pages, lines, written: 0, sink })
    }

    /// The next piece of the file, never an empty one; `None` at the end.
    ///
    /// # Errors
    /// When the database refuses or there is no room for a file on this machine.
    pub fn next(&mut self, db: &Db) -> Result<Option<Vec<u8>>> {
        if let Sink::Book(_) = self.sink {
            while self.write(db)?.is_some() {}
        }
        if let Sink::Book(book) = &mut self.sink {
            self.sink = Sink::Finished(book.finish()?);
        }
        match &mut self.sink {
            Sink::Finished(file) => {
                let mut piece = Vec::with_capacity(PIECE);
                file.take(u64::try_from(PIECE).unwrap_or(u64::MAX)).read_to_end(&mut piece).map_err(Error::internal)?;
                Ok((!piece.is_empty()).then_some(piece))
            }
            Sink::Text { header: header @ Some(_) } => separated::header(&header.take().unwrap_or_default()).map(Some),
            Sink::Text { .. } | Sink::Book(_) => self.write(db),
        }
    }

    /// Writes some clients: the text that they make, or, empty, into the workbook. `None` behind the last.
    fn write(&mut self, db: &Db) -> Result<Option<Vec<u8>>> {
        // Clients may have gone from the database meanwhile, but a piece with nothing in it would end the answer.
        while self.written == self.lines.count() {
            let Some(lines) = self.pages.next(db)? else { return Ok(None) };
            (self.lines, self.written) = (lines, 0);
        }
        let lines = std::mem::take(&mut self.lines);
        let mut bytes = 0;
        let piece = lines.since(self.written).take(AT_ONCE).take_while(|(_, line)| {
            let has_room = bytes < BYTES_AT_ONCE;
            bytes += line.len();
            has_room
        });
        let rows = piece.map(|line| Row::of(line, &self.places)).collect::<Result<Vec<Row<'_>>>>()?;
        self.written += rows.len();
        self.name_clients(db, &rows)?;
        let Self { columns, places, showing, concern, sink, .. } = self;
        let mut text = separated::Writer::with_capacity(rows.len());
        for row in &rows {
            let places = columns.iter().zip(&places.of_columns);
            let cells = places.map(|(column, place)| row.cell((showing, concern), column, *place));
            match sink {
                Sink::Book(book) => book.row(cells)?,
                Sink::Text { .. } | Sink::Finished(_) => text.row(cells)?,
            }
        }
        drop(rows);
        self.lines = lines;
        text.finish().map(Some)
    }

    /// Looks up what the clients are called that the values of these rows speak of.
    fn name_clients(&mut self, db: &Db, rows: &[Row<'_>]) -> Result<()> {
        let linking: Vec<&Field> = self.columns.iter().filter_map(links_to_clients).collect();
        if linking.is_empty() {
            return Ok(());
        }
        let mut ids = Vec::new();
        for (row, field) in rows.iter().flat_map(|row| linking.iter().map(move |field| (row, field))) {
            if let Some(FieldValue::Client(id)) =
                row.values.get(field.key).and_then(|stored| shown_stored(stored, field))
            {
                ids.push(id);
            }
        }
        let names = |conn: &mut Conn| Names::of(conn, &self.practice, ids.iter().copied());
        self.showing.clients = patiently(db, names)?;
        Ok(())
    }
}

/// A client as it was read.
struct Row<'a> {
    key: i64,
    parts: Vec<&'a str>,
    values: StoredValues<'a>,
}

impl<'a> Row<'a> {
    fn of((key, line): (i64, &'a str), places: &Places) -> Result<Self> {
        let parts: Vec<&str> = clients::columns_of(line).collect();
        let document = places.of_values.and_then(|place| parts.get(place));
        let values = document.map(|document| StoredValues::of(document)).transpose()?.unwrap_or_default();
        Ok(Self { key, parts, values })
    }

    fn cell(&self, (showing, concern): (&'a Showing, &Concern), column: &'a Column, place: usize) -> Cell<'a> {
        let is_hidden = |field: &Field| !concern.has_key(self.key, field);
        match column {
            Column::Custom(field) if is_hidden(field) => Cell::Empty,
            Column::Custom(field) if field.kind != FieldKind::AccessPoint => {
                self.values.get(field.key).map_or(Cell::Empty, |stored| showing.custom(field, stored))
            }
            Column::Card(_) | Column::Fact(_) | Column::Custom(_) => {
                showing.plain(column, self.parts.get(place).copied().unwrap_or_default())
            }
        }
    }
}

/// The field of a column whose values are other clients.
fn links_to_clients(column: &Column) -> Option<&Field> {
    column.field().filter(|field| field.kind == FieldKind::Client)
}
