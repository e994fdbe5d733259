//! Exports as workbooks: one sheet with a frozen header, filters and widths; days and numbers as such, and text as text, whatever
//! it begins with. Rows go to a temporary file as they come, so memory does not grow with them.

use std::fs::File;
use std::io::{Seek as _, SeekFrom};

use rust_xlsxwriter::{ExcelDateTime, Format, Workbook, XlsxError};

use super::cells::is_dangerous;
use super::shown::Cell;
use crate::kernel::clock::Instant;
use crate::kernel::error::{Error, Result};

/// The first year whose days spreadsheets agree on; earlier ones stand as text.
const FIRST_YEAR: u16 = 1901;

/// A workbook being written.
pub struct Book {
    workbook: Workbook,
    formats: Formats,
    row: u32,
    columns: u16,
}

struct Formats {
    day: Format,
    moment: Format,
    amount: Format,
}

fn failed(fault: XlsxError) -> Error {
    Error::internal(format_args!("a workbook cannot be written: {fault}"))
}

impl Book {
    /// A workbook with this header, each column so many characters wide.
    ///
    /// # Errors
    /// When there is no room for a file on this machine.
    pub fn open(header: &[String], widths: &[u16]) -> Result<Self> {
        let mut workbook = Workbook::new();
        let bold = Format::new().set_bold();
        let sheet = workbook.add_worksheet_with_constant_memory().map_err(failed)?;
        sheet.set_freeze_panes(1, 0).map_err(failed)?;
        for ((column, name), width) in (0..).zip(header).zip(widths) {
            sheet.set_column_width(column, *width).map_err(failed)?;
            sheet.write_string_with_format(0, column, name, &bold).map_err(failed)?;
        }
        let formats = Formats {
            day: Format::new().set_num_format("yyyy-mm-dd"),
            moment: Format::new().set_num_format("yyyy-mm-dd hh:mm"),
            amount: Format::new().set_num_format("#,##0.00"),
        };
        let columns = u16::try_from(header.len()).unwrap_or(u16::MAX);
        Ok(Self { workbook, formats, row: 0, columns })
    }

    /// Writes a row.
    ///
    /// # Errors
    /// As [`Book::open`].
    pub fn row<'a>(&mut self, cells: impl Iterator<Item = Cell<'a>>) -> Result<()> {
        self.row += 1;
        let (row, formats) = (self.row, &self.formats);
        let sheet = self.workbook.worksheet_from_index(0).map_err(failed)?;
        for (column, cell) in (0..).zip(cells) {
            match cell {
                Cell::Empty => continue,
                // What stands behind an apostrophe in front of a sign would lose it when it comes in again.
                Cell::Text(text) if text.starts_with('\'') && is_dangerous(&text) => {
                    sheet.write_string(row, column, format!("'{text}"))
                }
                Cell::Text(text) => sheet.write_string(row, column, text),
                Cell::Number(number) => sheet.write_number(row, column, number),
                Cell::Amount(cents) => sheet.write_number_with_format(row, column, euros(cents), &formats.amount),
                Cell::Day(day) => match excel_day(day) {
                    Some(date) => sheet.write_datetime_with_format(row, column, date, &formats.day),
                    None => sheet.write_string(row, column, day),
                },
                Cell::Moment(moment) => match excel_moment(moment) {
                    Some(date) => sheet.write_datetime_with_format(row, column, date, &formats.moment),
                    None => sheet.write_string(row, column, moment.to_string()),
                },
            }
            .map_err(failed)?;
        }
        Ok(())
    }

    /// The finished workbook, from its beginning: a file that nobody else sees and that goes with its reader.
    ///
    /// # Errors
    /// As [`Book::open`].
    pub fn finish(&mut self) -> Result<File> {
        let sheet = self.workbook.worksheet_from_index(0).map_err(failed)?;
        if let Some(last) = self.columns.checked_sub(1) {
            sheet.autofilter(0, 0, self.row, last).map_err(failed)?;
        }
        let mut file = tempfile::tempfile().map_err(Error::internal)?;
        self.workbook.save_to_writer(&mut file).map_err(failed)?;
        file.seek(SeekFrom::Start(0)).map_err(Error::internal)?;
        Ok(file)
    }
}

/// An amount as a spreadsheet has it, which knows no cents; below a hundred million million of them it loses none.
#[expect(clippy::cast_precision_loss, reason = "amounts are below 10^14 cents, and a double holds them exactly")]
fn euros(cents: i64) -> f64 {
    cents as f64 / 100.0
}

fn excel_day(day: &str) -> Option<ExcelDateTime> {
    let mut parts = day.splitn(3, '-');
    let year: u16 = parts.next()?.parse().ok().filter(|year| *year >= FIRST_YEAR)?;
    let (month, day) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    ExcelDateTime::from_ymd(year, month, day).ok()
}

/// A moment, in UTC.
fn excel_moment(moment: Instant) -> Option<ExcelDateTime> {
    let text = moment.to_string();
    let (day, time) = text.split_once('T')?;
    let mut parts = time.splitn(3, ':');
    let (hour, minute) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    excel_day(day)?.and_hms(hour, minute, 0.0).ok()
}
