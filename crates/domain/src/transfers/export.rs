//! A client list out: CSV or a workbook, a page of clients at a time.

use std::fs::File;
use std::io::Read as _;

use super::book::Book;
use super::named::FieldNames;
use super::separated;
use super::shown::{Cell, Column, Showing, chosen};
use crate::clients::{self, BETWEEN_COLUMNS, LineColumn, Values};
use crate::custom_fields::{self, Field, FieldKind, FieldValue, Names, shown_of};
use crate::identity::Practice;
use crate::kernel::catalogue::Language;
use crate::kernel::db::{Conn, Db};
use crate::kernel::error::{Error, FieldError, Result};
use crate::views::{Asker, Listing, Lists};

/// Clients read at a time: so many that those who lie together in the database are read together, whatever their order.
const PAGE: usize = 20_000;
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

/// An export under way. It holds no transaction: which clients it has, and in which order, is settled when it begins, and
/// each is written as it is when its turn comes.
pub struct Export {
    practice: Practice,
    columns: Vec<Column>,
    /// What is read of each client, and for each column its place there.
    sources: Vec<LineColumn>,
    places: Vec<usize>,
    showing: Showing,
    keys: Vec<i64>,
    /// How many of them are written.
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
        let keys = lists.keys(conn, asker, listing)?;
        if look.format == Format::Xlsx && keys.len() > MOST_IN_SHEET {
            return Err(Error::Invalid(vec![FieldError::new("/format", "too_many").with("max", MOST_IN_SHEET)]));
        }
        let showing = Showing::of(&clients::surroundings(conn, practice)?, look.language);
        let names = FieldNames::of(&catalogue);
        let header: Vec<String> = columns.iter().map(|column| column.header(look.language, &names)).collect();
        let mut sources: Vec<LineColumn> = Vec::new();
        let mut places = Vec::with_capacity(columns.len());
        for source in columns.iter().map(Column::source) {
            let place = sources.iter().position(|known| *known == source);
            places.push(place.unwrap_or(sources.len()));
            if place.is_none() {
                sources.push(source);
            }
        }
        let sink = match look.format {
            Format::Csv => Sink::Text { header: Some(header) },
            Format::Xlsx => {
                let widths: Vec<u16> = columns.iter().map(Column::width).collect();
                Sink::Book(Box::new(Book::open(&header, &widths)?))
            }
        };
        Ok(Self { practice: practice.clone(), columns, sources, places, showing, keys, written: 0, sink })
    }

    /// The next piece of the file, never an empty one; `None` at the end.
    ///
    /// # Errors
    /// When the database refuses or there is no room for a file on this machine.
    pub fn next(&mut self, db: &Db) -> Result<Option<Vec<u8>>> {
        while let Sink::Book(book) = &mut self.sink {
            if self.written < self.keys.len() {
                self.page(db)?;
                continue;
            }
            self.sink = Sink::Finished(book.finish()?);
        }
        match &mut self.sink {
            Sink::Finished(file) => {
                let mut piece = Vec::with_capacity(PIECE);
                file.take(u64::try_from(PIECE).unwrap_or(u64::MAX)).read_to_end(&mut piece).map_err(Error::internal)?;
                Ok((!piece.is_empty()).then_some(piece))
            }
            Sink::Text { header: header @ Some(_) } => separated::header(&header.take().unwrap_or_default()).map(Some),
            // Clients may have gone from the database meanwhile, but a piece with nothing in it would end the answer.
            Sink::Text { .. } | Sink::Book(_) => loop {
                match self.page(db)? {
                    None => return Ok(None),
                    Some(piece) if piece.is_empty() => {}
                    piece => return Ok(piece),
                }
            },
        }
    }

    /// Writes the next page of clients: the text that it makes, or into the workbook.
    fn page(&mut self, db: &Db) -> Result<Option<Vec<u8>>> {
        let rest = self.keys.get(self.written..).unwrap_or_default();
        let keys = rest.get(..PAGE).unwrap_or(rest);
        if keys.is_empty() {
            return Ok(None);
        }
        let lines = db.read(|conn| clients::lines(conn, &self.practice, keys, &self.sources))?;
        self.written += keys.len();
        let of_values = self.sources.iter().position(|source| *source == LineColumn::Values);
        let rows = lines.into_iter().map(|line| Row::of(line, of_values)).collect::<Result<Vec<Row>>>()?;
        self.name_clients(db, &rows)?;
        let Self { columns, places, showing, sink, .. } = self;
        let mut text = separated::Writer::with_capacity(rows.len());
        for row in &rows {
            let parts: Vec<&str> = row.line.split(BETWEEN_COLUMNS).collect();
            let cell = |(column, place)| row.cell(showing, column, parts.get(place).copied().unwrap_or_default());
            let cells = columns.iter().zip(places.iter().copied()).map(cell);
            match sink {
                Sink::Book(book) => book.row(cells)?,
                Sink::Text { .. } | Sink::Finished(_) => text.row(cells)?,
            }
        }
        text.finish().map(Some)
    }

    /// Looks up what the clients are called that the page's values speak of.
    fn name_clients(&mut self, db: &Db, rows: &[Row]) -> Result<()> {
        let linking: Vec<&Field> = self.columns.iter().filter_map(links_to_clients).collect();
        if linking.is_empty() {
            return Ok(());
        }
        let mut ids = Vec::new();
        for (row, field) in rows.iter().flat_map(|row| linking.iter().map(move |field| (row, field))) {
            if let Some(FieldValue::Client(id)) = shown_of(&row.values, field) {
                ids.push(id);
            }
        }
        self.showing.clients = db.read(|conn| Names::of(conn, &self.practice, ids))?;
        Ok(())
    }
}

/// A client as it was read.
struct Row {
    line: String,
    values: Values,
}

impl Row {
    fn of(line: String, of_values: Option<usize>) -> Result<Self> {
        let document = of_values.and_then(|place| line.split(BETWEEN_COLUMNS).nth(place));
        let values = document.filter(|document| document.len() > "{}".len()).map(serde_json::from_str).transpose()?;
        Ok(Self { values: values.unwrap_or_default(), line })
    }

    fn cell<'a>(&'a self, showing: &'a Showing, column: &'a Column, text: &'a str) -> Cell<'a> {
        match column {
            Column::Custom(field) if field.kind != FieldKind::AccessPoint => showing.custom(field, &self.values),
            Column::Card(_) | Column::Fact(_) | Column::Custom(_) => showing.plain(column, text),
        }
    }
}

/// The field of a column whose values are other clients.
fn links_to_clients(column: &Column) -> Option<&Field> {
    match column {
        Column::Custom(field) if field.kind == FieldKind::Client => Some(field),
        Column::Card(_) | Column::Fact(_) | Column::Custom(_) => None,
    }
}
