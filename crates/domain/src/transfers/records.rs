//! Cutting a file into records: which lines belong together, where one starts, and what is no record at all.

use std::collections::VecDeque;
use std::io::{self, BufRead as _, BufReader, Read};

use csv_core::{ReadRecordResult, Terminator};

/// The longest line that is looked at, in bytes.
const LONGEST_LINE: usize = 256 * 1024;
/// The most bytes and lines of one record. A quotation mark that nobody closes would otherwise swallow the file.
const LONGEST_RECORD: usize = 1024 * 1024;
const MOST_LINES: usize = 5_000;
/// The most columns of a record.
const MOST_COLUMNS: usize = 1_000;
/// How many bytes may be read twice, because of quotation marks that nobody closes, before such a line is given up at once.
const PATIENCE: usize = 64 * 1024 * 1024;

/// What a cell is to a spreadsheet; in text files, everything is text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CellKind {
    /// Text, a day, yes or no.
    #[default]
    Text,
    /// A number, with a point before its decimals.
    Number,
    /// A formula that came to nothing: `#N/A`.
    Fault,
}

/// One record.
#[derive(Debug, Default)]
pub struct Record {
    /// The line that it starts on; the file's first line is 1.
    pub line: i64,
    /// It is too large to be looked at.
    pub is_broken: bool,
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// What its cells are; those beyond are text.
    kinds: Vec<CellKind>,
}

impl Record {
    /// The cells, in order.
    pub fn cells(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let cell = |(start, end): (usize, &usize)| {
            self.bytes.get(start..*end).and_then(|bytes| std::str::from_utf8(bytes).ok())
        };
        starts.zip(&self.ends).map(move |bounds| cell(bounds).unwrap_or_default())
    }

    /// The cells with what they are.
    pub fn typed(&self) -> impl Iterator<Item = (&str, CellKind)> {
        self.cells().zip(self.kinds.iter().copied().chain(std::iter::repeat(CellKind::Text)))
    }

    /// Puts a cell at this place, behind all that are there; those between are empty.
    pub fn put(&mut self, at: usize, text: &str, kind: CellKind) {
        let place = at.min(MOST_COLUMNS);
        if self.ends.len() > MOST_COLUMNS || self.is_broken {
            return;
        }
        self.ends.resize(place, self.bytes.len());
        self.kinds.resize(place, CellKind::Text);
        if at < MOST_COLUMNS {
            self.bytes.extend_from_slice(text.as_bytes());
        }
        self.ends.push(self.bytes.len());
        self.kinds.push(kind);
        if self.bytes.len() > LONGEST_RECORD {
            self.start(self.line);
            self.is_broken = true;
        }
    }

    /// How many cells there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether it has more cells than any list has columns; those beyond are not kept.
    #[must_use]
    pub fn has_too_many(&self) -> bool {
        self.ends.len() > MOST_COLUMNS
    }

    /// Begins anew, with the record of this line.
    pub fn start(&mut self, line: i64) {
        self.line = line;
        self.is_broken = false;
        self.kinds.clear();
        self.bytes.clear();
        self.ends.clear();
    }
}

/// What comes next in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// A record.
    Record,
    /// A line that is no record: too long, or with a quotation mark that is not closed. The record has its line only.
    Broken,
    /// Nothing.
    End,
}

struct Line {
    number: i64,
    /// The line with its end, which is always one line feed.
    bytes: Vec<u8>,
    is_too_long: bool,
}

impl Line {
    fn is_blank(&self) -> bool {
        !self.is_too_long && self.bytes.iter().all(u8::is_ascii_whitespace)
    }
}

/// A file of records, read once, in memory that does not grow with it.
pub struct Records<R> {
    reader: BufReader<R>,
    line_end: u8,
    number: i64,
    /// Lines that were read ahead of time.
    ahead: VecDeque<Line>,
    spare: Vec<u8>,
    parser: csv_core::Reader,
    patience: usize,
}

fn parser(separator: u8) -> csv_core::Reader {
    csv_core::ReaderBuilder::new().delimiter(separator).terminator(Terminator::Any(b'\n')).build()
}

impl<R: Read> Records<R> {
    /// Reads UTF-8 without byte order mark. Lines end with a line feed, or with carriage returns where a file has no line
    /// feeds in its beginning. `choose` gets the first line that is not blank and says what separates the cells; a line
    /// `sep=;` before it, as spreadsheets write it, decides instead and is no record.
    ///
    /// # Errors
    /// When reading fails.
    pub fn open(reader: R, choose: impl FnOnce(&[u8]) -> u8) -> io::Result<Self> {
        let mut reader = BufReader::with_capacity(64 * 1024, reader);
        let beginning = reader.fill_buf()?;
        let line_end = if beginning.contains(&b'\r') && !beginning.contains(&b'\n') { b'\r' } else { b'\n' };
        let mut records = Self {
            reader,
            line_end,
            number: 0,
            ahead: VecDeque::new(),
            spare: Vec::new(),
            parser: parser(b';'),
            patience: PATIENCE,
        };
        while let Some(line) = records.take_line()? {
            if line.is_blank() {
                continue;
            }
            if let [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', separator, b'\n'] = line.bytes.as_slice() {
                records.parser = parser(*separator);
                break;
            }
            records.parser = parser(choose(&line.bytes));
            records.ahead.push_back(line);
            break;
        }
        Ok(records)
    }

    /// Reads the next record, skipping lines with nothing on them.
    ///
    /// # Errors
    /// When reading fails.
    pub fn next(&mut self, record: &mut Record) -> io::Result<Next> {
        while let Some(line) = self.take_line()? {
            if line.is_blank() {
                self.spare = line.bytes;
                continue;
            }
            record.start(line.number);
            if line.is_too_long {
                return Ok(Next::Broken);
            }
            return self.assemble(line, record);
        }
        Ok(Next::End)
    }

    /// Puts the record together that starts with `line`.
    fn assemble(&mut self, line: Line, record: &mut Record) -> io::Result<Next> {
        self.parser.reset();
        let mut bytes = line.bytes.len();
        if feed(&mut self.parser, &line.bytes, record) {
            self.spare = line.bytes;
            return Ok(Next::Record);
        }
        let mut further = VecDeque::new();
        while self.patience > 0 && bytes < LONGEST_RECORD && further.len() < MOST_LINES {
            let Some(line) = self.take_line()? else { break };
            bytes += line.bytes.len();
            let is_whole = !line.is_too_long && feed(&mut self.parser, &line.bytes, record);
            let is_too_long = line.is_too_long;
            further.push_back(line);
            if is_whole {
                return Ok(Next::Record);
            }
            if is_too_long {
                break;
            }
        }
        self.patience = self.patience.saturating_sub(bytes);
        further.append(&mut self.ahead);
        self.ahead = further;
        record.start(record.line);
        Ok(Next::Broken)
    }

    fn take_line(&mut self) -> io::Result<Option<Line>> {
        if let Some(line) = self.ahead.pop_front() {
            return Ok(Some(line));
        }
        let mut bytes = std::mem::take(&mut self.spare);
        bytes.clear();
        let is_complete = self.read_line(&mut bytes)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        self.number += 1;
        if !is_complete {
            let mut rest = Vec::new();
            while !self.read_line(&mut rest)? {
                rest.clear();
            }
            bytes.clear();
        }
        Ok(Some(Line { number: self.number, bytes, is_too_long: !is_complete }))
    }

    /// Reads up to the line's end or as much as is looked at; `false` when more of the line follows.
    fn read_line(&mut self, bytes: &mut Vec<u8>) -> io::Result<bool> {
        let most = u64::try_from(LONGEST_LINE).unwrap_or(u64::MAX);
        let n = self.reader.by_ref().take(most).read_until(self.line_end, bytes)?;
        if bytes.last() == Some(&self.line_end) {
            bytes.pop();
            if self.line_end == b'\n' && bytes.last() == Some(&b'\r') {
                bytes.pop();
            }
            bytes.push(b'\n');
            return Ok(true);
        }
        if n > 0 && n < LONGEST_LINE {
            bytes.push(b'\n');
        }
        Ok(n < LONGEST_LINE)
    }
}

/// Feeds one line; `true` when it completes the record. Cells beyond the most there may be are dropped, all but one, which
/// tells that there were too many.
fn feed(parser: &mut csv_core::Reader, mut line: &[u8], record: &mut Record) -> bool {
    let mut ends = [0; 64];
    loop {
        let at = record.bytes.len();
        record.bytes.resize(at + line.len().max(1), 0);
        let room = record.bytes.get_mut(at..).unwrap_or_default();
        let (result, taken, written, ended) = parser.read_record(line, room, &mut ends);
        record.bytes.truncate(at + written);
        let left = (MOST_COLUMNS + 1).saturating_sub(record.ends.len());
        record.ends.extend(ends.iter().take(ended.min(left)));
        line = line.get(taken..).unwrap_or_default();
        match result {
            ReadRecordResult::Record | ReadRecordResult::End => return true,
            ReadRecordResult::InputEmpty => return false,
            ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull if line.is_empty() => return false,
            ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {}
        }
    }
}

/// The cells of one line by itself.
pub fn cells_of(line: &[u8], separator: u8) -> Vec<String> {
    let mut record = Record::default();
    let mut parser = parser(separator);
    feed(&mut parser, line, &mut record);
    record.cells().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(text: &str) -> Vec<(i64, Option<Vec<String>>)> {
        let mut records = Records::open(text.as_bytes(), |_| b';').unwrap();
        let mut record = Record::default();
        let mut found = Vec::new();
        loop {
            let cells = match records.next(&mut record).unwrap() {
                Next::End => return found,
                Next::Broken => None,
                Next::Record => Some(record.cells().map(str::to_owned).collect()),
            };
            found.push((record.line, cells));
        }
    }

    fn record(line: i64, cells: &[&str]) -> (i64, Option<Vec<String>>) {
        (line, Some(cells.iter().map(|cell| (*cell).to_owned()).collect()))
    }

    #[test]
    fn a_record_has_the_line_that_it_starts_on() {
        let text = "a;b\r\n\r\n\"1\r\n2\";\"x\"\"y\"\r\n;\r\nlast";
        let wanted =
            vec![record(1, &["a", "b"]), record(3, &["1\n2", "x\"y"]), record(5, &["", ""]), record(6, &["last"])];
        assert_eq!(all(text), wanted);
        assert_eq!(all(&text.replace("\r\n", "\n")), wanted);
        assert_eq!(all(&text.replace("\r\n", "\r")), wanted);
    }

    #[test]
    fn a_separator_may_be_said_on_the_first_line() {
        assert_eq!(all("sep=,\r\na,b;c"), vec![record(2, &["a", "b;c"])]);
    }

    #[test]
    fn an_open_quotation_mark_spoils_its_own_line_only() {
        assert_eq!(all("a\n\"b\nc\nd"), vec![record(1, &["a"]), (2, None), record(3, &["c"]), record(4, &["d"])]);
        let long = format!("a\n{}\nb", "x".repeat(LONGEST_LINE + 5));
        assert_eq!(all(&long), vec![record(1, &["a"]), (2, None), record(3, &["b"])]);
    }

    #[test]
    fn many_open_quotation_marks_cost_bounded_time() {
        let found = all(&"a\";\"x\n".repeat(30_000));
        assert_eq!(found.len(), 30_000);
        assert!(found.iter().all(|(_, cells)| cells.is_none()));
    }

    #[test]
    fn columns_have_a_bound() {
        let found = all(&";".repeat(5_000));
        assert_eq!(found[0].1.as_ref().unwrap().len(), MOST_COLUMNS + 1);
    }

    proptest! {
        #[test]
        fn what_a_writer_wrote_is_read_back(rows in proptest::collection::vec(proptest::collection::vec("[a-c;\"\n' é]{0,6}", 2..5), 1..8)) {
            let mut writer = csv::WriterBuilder::new().delimiter(b';').flexible(true).quote_style(csv::QuoteStyle::Always).from_writer(Vec::new());
            for row in &rows {
                writer.write_record(row).unwrap();
            }
            let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
            let read: Vec<Vec<String>> = all(&text).into_iter().map(|(_, cells)| cells.unwrap()).collect();
            prop_assert_eq!(read, rows);
        }

        #[test]
        fn nothing_makes_it_stumble(text in "[a;\"\r\n]{0,200}") {
            let lines = i64::try_from(text.split(['\n', '\r']).count()).unwrap();
            for (line, _) in all(&text) {
                prop_assert!((1..=lines).contains(&line));
            }
        }
    }
}
