//! Exports as text: UTF-8 with a byte order mark, semicolons, lines with carriage return and line feed, and no cell that a
//! spreadsheet takes for a formula.

use std::fmt::Write as _;

use super::cells::is_dangerous;
use super::shown::Cell;
use crate::custom_fields::amount;
use crate::kernel::error::{Error, Result};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// What a client takes, more or less, in bytes.
const USUAL_LINE: usize = 160;

/// Up to here a number with a fraction of 52 bits has every whole number.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Lines of a file.
pub struct Writer {
    lines: csv::Writer<Vec<u8>>,
    /// A cell that is put together, so that most cost no memory of their own.
    cell: String,
}

impl Writer {
    /// Room for so many lines.
    #[must_use]
    pub fn with_capacity(lines: usize) -> Self {
        let buffer = Vec::with_capacity(lines * USUAL_LINE);
        let writer = csv::WriterBuilder::new().delimiter(b';').terminator(csv::Terminator::CRLF).from_writer(buffer);
        Self { lines: writer, cell: String::new() }
    }

    /// Writes a line.
    ///
    /// # Errors
    /// Never, as there is room; the writer says so.
    pub fn row<'a>(&mut self, cells: impl Iterator<Item = Cell<'a>>) -> Result<()> {
        for cell in cells {
            self.cell.clear();
            let text = match &cell {
                Cell::Empty => "",
                Cell::Text(text) => text.as_ref(),
                Cell::Day(day) => day,
                Cell::Number(number) => {
                    put_number(&mut self.cell, *number);
                    self.cell.as_str()
                }
                Cell::Amount(cents) => {
                    self.cell.push_str(&amount(*cents));
                    self.cell.as_str()
                }
                Cell::Moment(moment) => {
                    let _ = write!(self.cell, "{moment}");
                    self.cell.as_str()
                }
            };
            if is_dangerous(text) {
                self.lines.write_field(format!("'{text}")).map_err(Error::internal)?;
            } else {
                self.lines.write_field(text).map_err(Error::internal)?;
            }
        }
        self.lines.write_record(None::<&[u8]>).map_err(Error::internal)
    }

    /// The lines.
    ///
    /// # Errors
    /// As [`Writer::row`].
    pub fn finish(self) -> Result<Vec<u8>> {
        self.lines.into_inner().map_err(Error::internal)
    }
}

/// A number with a point before its decimals. Three of them could be taken for thousands, so they get a fourth.
fn put_number(cell: &mut String, number: f64) {
    // Nearly all are whole, and those are written several times as fast.
    if number.fract() == 0.0 && number.abs() < EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "a whole number below the bound is one of 64 bits, too")]
        let _ = write!(cell, "{}", number as i64);
        return;
    }
    let _ = write!(cell, "{number}");
    if cell.split_once('.').is_some_and(|(_, decimals)| decimals.len() == 3) {
        cell.push('0');
    }
}

/// The beginning of a file.
///
/// # Errors
/// As [`Writer::row`].
pub fn header(names: &[String]) -> Result<Vec<u8>> {
    let mut writer = Writer::with_capacity(1);
    writer.row(names.iter().map(|name| Cell::Text(name.as_str().into())))?;
    Ok([BYTE_ORDER_MARK, &writer.finish()?].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::readings;

    #[test]
    fn numbers_are_read_back_as_they_were_whatever_people_make_of_a_point() {
        for (number, text) in [
            (1.125, "1.1250"),
            (-12.345, "-12.3450"),
            (0.125, "0.1250"),
            (1250.0, "1250"),
            (1e-7, "0.0000001"),
            (1e15, "1000000000000000"),
            (1e18, "1000000000000000000"),
            (-7.0, "-7"),
        ] {
            let mut cell = String::new();
            put_number(&mut cell, number);
            assert_eq!(cell, text);
            assert_eq!(readings::decimal(&cell).unwrap().parse::<f64>().unwrap(), number);
        }
    }
}
