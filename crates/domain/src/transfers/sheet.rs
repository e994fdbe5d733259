//! A sheet of a workbook, row by row: days as `YYYY-MM-DD`, numbers with a point before their decimals, formulas by the value
//! that they had last. A thread of its own reads it, some rows ahead.

use std::fs::File;
use std::io::{BufReader, Seek as _, SeekFrom};
use std::sync::mpsc::{self, Receiver, SyncSender};

use calamine::{DataRef, ExcelDateTime, Reader as _, SheetType, SheetVisible, Xlsx, XlsxCellReader};

use super::file::unread;
use super::records::{CellKind, Next, Record};
use super::workbook::refused;
use crate::kernel::error::{Error, FieldError, Result};
use crate::kernel::{readings, text};

/// The most cells with something in them.
pub const MOST_CELLS: u64 = 25_000_000;
/// Rows that are handed over together.
const BATCH: usize = 200;
/// How many batches may lie ready.
const READY: usize = 4;
/// Sheets that a refusal names at most.
const MOST_NAMED: usize = 20;

type Source = BufReader<File>;
/// Some rows, or why there are no more; no rows at the end.
type Batch = Result<Vec<Record>>;

/// The rows of a sheet.
pub struct Rows {
    batches: Receiver<Batch>,
    ready: std::vec::IntoIter<Record>,
    is_over: bool,
}

impl Rows {
    /// Opens the sheet that is called `wanted`, or the first one that people see. The file has been inspected.
    ///
    /// # Errors
    /// [`Error::Invalid`] under `/sheet` with `unknown_sheet`, under `/` with `no_sheet` or `workbook_unreadable`.
    pub fn open(mut file: File, wanted: Option<&str>) -> Result<Self> {
        file.seek(SeekFrom::Start(0)).map_err(|fault| unread(&fault))?;
        let (ready, batches) = mpsc::sync_channel(READY);
        let wanted = wanted.map(str::to_owned);
        let read = move || {
            let fault = read_all(file, wanted.as_deref(), &ready).err();
            // Nobody may be listening any more.
            let _ = ready.send(fault.map_or(Ok(Vec::new()), Err));
        };
        std::thread::Builder::new().name("client-sheet".to_owned()).spawn(read).map_err(Error::internal)?;
        let mut rows = Self { batches, ready: Vec::new().into_iter(), is_over: false };
        rows.refill()?;
        Ok(rows)
    }

    fn refill(&mut self) -> Result<()> {
        // A workbook that makes its reader stumble takes the thread with it.
        let batch = self.batches.recv().unwrap_or_else(|_| Err(refused("workbook_unreadable")));
        self.is_over = !matches!(&batch, Ok(rows) if !rows.is_empty());
        self.ready = batch?.into_iter();
        Ok(())
    }

    /// Reads the next row that has anything in it.
    ///
    /// # Errors
    /// [`Error::Invalid`] with `workbook_unreadable` or `too_many_cells`.
    pub fn next(&mut self, record: &mut Record) -> Result<Next> {
        loop {
            if let Some(row) = self.ready.next() {
                *record = row;
                return Ok(if record.is_broken { Next::Broken } else { Next::Record });
            }
            if self.is_over {
                return Ok(Next::End);
            }
            self.refill()?;
        }
    }
}

fn unreadable<E>(_: E) -> Error {
    refused("workbook_unreadable")
}

fn read_all(file: File, wanted: Option<&str>, ready: &SyncSender<Batch>) -> Result<()> {
    let mut workbook: Xlsx<Source> = Xlsx::new(BufReader::new(file)).map_err(unreadable)?;
    let sheet = chosen(&workbook, wanted)?;
    let mut cells = workbook.worksheet_cells_reader(&sheet).map_err(unreadable)?;
    let mut rows = Assembly { batch: Vec::with_capacity(BATCH), row: Record::default(), ready };
    rows.all(&mut cells)
}

/// The name of the sheet that is meant.
fn chosen(workbook: &Xlsx<Source>, wanted: Option<&str>) -> Result<String> {
    let sheets = workbook.sheets_metadata().iter().filter(|sheet| sheet.typ == SheetType::WorkSheet);
    let (seen, hidden): (Vec<_>, Vec<_>) = sheets.partition(|sheet| sheet.visible == SheetVisible::Visible);
    let names: Vec<&String> = seen.into_iter().chain(hidden).map(|sheet| &sheet.name).collect();
    let Some(wanted) = wanted else {
        return names.first().map(|name| (*name).clone()).ok_or_else(|| refused("no_sheet"));
    };
    let exactly = names.iter().find(|name| name.as_str() == wanted);
    let alike = || names.iter().find(|name| text::fold(name) == text::fold(wanted));
    exactly.or_else(alike).map(|name| (*name).clone()).ok_or_else(|| {
        let values: Vec<&str> = names.iter().take(MOST_NAMED).map(|name| name.as_str()).collect();
        Error::Invalid(vec![FieldError::new("/sheet", "unknown_sheet").with("values", values.join(", "))])
    })
}

/// Rows being put together from cells.
struct Assembly<'a> {
    batch: Vec<Record>,
    row: Record,
    ready: &'a SyncSender<Batch>,
}

impl Assembly<'_> {
    fn all(&mut self, cells: &mut XlsxCellReader<'_, Source>) -> Result<()> {
        let (mut count, mut last) = (0_u64, (0, None));
        while let Some(cell) = cells.next_cell().map_err(unreadable)? {
            let (row, column) = cell.get_position();
            let Some((text, kind)) = shown(cell.get_value()) else { continue };
            count += 1;
            if count > MOST_CELLS {
                return Err(Error::Invalid(vec![FieldError::new("/", "too_many_cells").with("max", MOST_CELLS)]));
            }
            let line = i64::from(row) + 1;
            if line != self.row.line {
                if line < self.row.line {
                    return Err(refused("workbook_unreadable"));
                }
                if !self.hand_over(BATCH) {
                    return Ok(());
                }
                self.row.start(line);
                last = (row, None);
            }
            if last.1.is_some_and(|before| column <= before) {
                return Err(refused("workbook_unreadable"));
            }
            last = (row, Some(column));
            self.row.put(usize::try_from(column).unwrap_or(usize::MAX), &text, kind);
        }
        self.hand_over(1);
        Ok(())
    }

    /// Puts the finished row to the others, and hands them over once there are `enough`; `false` when nobody wants them.
    fn hand_over(&mut self, enough: usize) -> bool {
        let row = std::mem::take(&mut self.row);
        if row.line > 0 {
            self.batch.push(row);
        }
        if self.batch.is_empty() || self.batch.len() < enough {
            return true;
        }
        let batch = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH));
        self.ready.send(Ok(batch)).is_ok()
    }
}

/// A cell as a text file would have it; `None` when there is nothing in it.
fn shown(value: &DataRef<'_>) -> Option<(String, CellKind)> {
    let cell = match value {
        DataRef::Empty => return None,
        DataRef::String(text) => (text.clone(), CellKind::Text),
        DataRef::SharedString(text) => ((*text).to_owned(), CellKind::Text),
        DataRef::Int(number) => (number.to_string(), CellKind::Number),
        DataRef::Float(number) if !number.is_finite() => ("#NUM!".to_owned(), CellKind::Fault),
        // Never with an exponent, and without decimals when there are none.
        DataRef::Float(number) => (number.to_string(), CellKind::Number),
        DataRef::Bool(yes) => (yes.to_string(), CellKind::Text),
        DataRef::DateTime(moment) => (day(moment), CellKind::Text),
        DataRef::DateTimeIso(moment) => {
            let date = moment.split('T').next().unwrap_or_default();
            (if readings::is_day(date).is_some() { date } else { moment }.to_owned(), CellKind::Text)
        }
        DataRef::DurationIso(text) => (text.clone(), CellKind::Text),
        DataRef::Error(error) => (error.to_string(), CellKind::Fault),
    };
    (!cell.0.trim().is_empty()).then_some(cell)
}

/// The day of a moment; a time of no day stays one.
fn day(moment: &ExcelDateTime) -> String {
    let (year, month, day, hour, minute, second, _) = moment.to_ymd_hms_milli();
    if moment.is_duration() || moment.as_f64() < 1.0 {
        format!("{hour:02}:{minute:02}:{second:02}")
    } else {
        format!("{year:04}-{month:02}-{day:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_no_exponent_and_moments_are_days() {
        for (value, wanted) in [
            (DataRef::Float(403_227_515.0), "403227515"),
            (DataRef::Float(1e15), "1000000000000000"),
            (DataRef::Float(1e-7), "0.0000001"),
            (DataRef::Float(-12.5), "-12.5"),
            (DataRef::Bool(true), "true"),
            (DataRef::DateTimeIso("2017-01-25T13:00:00".to_owned()), "2017-01-25"),
        ] {
            assert_eq!(shown(&value).unwrap().0, wanted);
        }
        let moment = |value| ExcelDateTime::new(value, calamine::ExcelDateTimeType::DateTime, false);
        assert_eq!(day(&moment(42_760.541)), "2017-01-25");
        assert_eq!(day(&moment(0.5)), "12:00:00");
        assert!(shown(&DataRef::SharedString(" ")).is_none());
    }
}
