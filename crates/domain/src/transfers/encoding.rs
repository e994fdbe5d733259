//! Which encoding a file is in, and reading it as UTF-8.

use std::io::{self, Read};

use encoding_rs::{CoderResult, Decoder};

/// An encoding that client lists come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    Utf8,
    /// UTF-16, least significant byte first, with a byte order mark.
    Utf16Le,
    /// UTF-16, most significant byte first, with a byte order mark.
    Utf16Be,
    /// What spreadsheets on Windows write when nobody says otherwise.
    Windows1252,
}

impl Encoding {
    const ALL: [Self; 4] = [Self::Utf8, Self::Utf16Le, Self::Utf16Be, Self::Windows1252];

    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Utf8 => "utf-8",
            Self::Utf16Le => "utf-16le",
            Self::Utf16Be => "utf-16be",
            Self::Windows1252 => "windows-1252",
        }
    }

    /// The encoding of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|encoding| encoding.as_str() == name)
    }

    fn decoder(self) -> Decoder {
        let encoding = match self {
            Self::Utf8 => encoding_rs::UTF_8,
            Self::Utf16Le => encoding_rs::UTF_16LE,
            Self::Utf16Be => encoding_rs::UTF_16BE,
            Self::Windows1252 => encoding_rs::WINDOWS_1252,
        };
        encoding.new_decoder_with_bom_removal()
    }
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Lines of text in this encoding.
    Text(Encoding),
    /// A workbook of a spreadsheet program, perhaps of a kind that is not read.
    Workbook,
}

impl Content {
    /// The stable name of the format.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text(_) => "csv",
            Self::Workbook => "xlsx",
        }
    }

    /// The encoding of text.
    #[must_use]
    pub fn encoding(self) -> Option<Encoding> {
        match self {
            Self::Text(encoding) => Some(encoding),
            Self::Workbook => None,
        }
    }
}

/// Finds the encoding while a file passes by: a byte order mark decides; else it is UTF-8 as long as every byte fits, and
/// Windows-1252 otherwise.
#[derive(Debug, Default)]
pub struct Sniffer {
    start: Vec<u8>,
    /// The first bytes of a character that the last piece broke off.
    torn: Vec<u8>,
    is_not_utf8: bool,
}

impl Sniffer {
    /// Takes the next piece of the file.
    pub fn feed(&mut self, bytes: &[u8]) {
        let missing = 4_usize.saturating_sub(self.start.len());
        self.start.extend(bytes.iter().take(missing));
        if self.is_not_utf8 {
            return;
        }
        self.torn.extend_from_slice(bytes);
        match std::str::from_utf8(&self.torn) {
            Ok(_) => self.torn.clear(),
            Err(fault) if fault.error_len().is_none() => {
                self.torn.drain(..fault.valid_up_to());
            }
            Err(_) => {
                self.is_not_utf8 = true;
                self.torn = Vec::new();
            }
        }
    }

    /// The encoding of what has passed.
    #[must_use]
    pub fn verdict(&self) -> Encoding {
        match self.start.as_slice() {
            [0xff, 0xfe, ..] => Encoding::Utf16Le,
            [0xfe, 0xff, ..] => Encoding::Utf16Be,
            [0xef, 0xbb, 0xbf, ..] => Encoding::Utf8,
            _ if self.is_not_utf8 || !self.torn.is_empty() => Encoding::Windows1252,
            _ => Encoding::Utf8,
        }
    }

    /// What it is: the first bytes tell a workbook from text, whatever anybody calls it.
    #[must_use]
    pub fn content(&self) -> Content {
        match self.start.as_slice() {
            [b'P', b'K', 3 | 5 | 7, ..] | [0xd0, 0xcf, 0x11, 0xe0] => Content::Workbook,
            _ => Content::Text(self.verdict()),
        }
    }

    /// What everything in `reader` is, in constant memory.
    ///
    /// # Errors
    /// When reading fails.
    pub fn sniff(mut reader: impl Read) -> io::Result<Content> {
        let mut sniffer = Self::default();
        let mut piece = vec![0; PIECE];
        loop {
            match reader.read(&mut piece)? {
                0 => return Ok(sniffer.content()),
                _ if sniffer.content() == Content::Workbook => return Ok(Content::Workbook),
                n => sniffer.feed(piece.get(..n).unwrap_or_default()),
            }
        }
    }
}

const PIECE: usize = 64 * 1024;

/// A file as UTF-8 without byte order mark. Bytes that have no meaning in its encoding become U+FFFD.
pub struct Decoded<R> {
    inner: R,
    decoder: Decoder,
    raw: Vec<u8>,
    /// Where the undecoded rest of `raw` lies.
    rest: std::ops::Range<usize>,
    is_at_end: bool,
    is_over: bool,
}

impl<R: Read> Decoded<R> {
    /// Reads `inner`, which is in `encoding`.
    pub fn new(inner: R, encoding: Encoding) -> Self {
        Self { inner, decoder: encoding.decoder(), raw: vec![0; PIECE], rest: 0..0, is_at_end: false, is_over: false }
    }
}

impl<R: Read> Read for Decoded<R> {
    /// Needs room for at least one character, four bytes.
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while !self.is_over {
            if self.rest.is_empty() && !self.is_at_end {
                let n = self.inner.read(&mut self.raw)?;
                self.is_at_end = n == 0;
                self.rest = 0..n;
            }
            let raw = self.raw.get(self.rest.clone()).unwrap_or_default();
            let (result, taken, written, _) = self.decoder.decode_to_utf8(raw, out, self.is_at_end);
            self.rest.start += taken;
            self.is_over = self.is_at_end && result == CoderResult::InputEmpty;
            if written > 0 {
                return Ok(written);
            }
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_in_pieces(bytes: &[u8], piece: usize) -> (Encoding, String) {
        let mut sniffer = Sniffer::default();
        bytes.chunks(piece).for_each(|chunk| sniffer.feed(chunk));
        let mut text = String::new();
        let reader = io::BufReader::with_capacity(piece, bytes);
        Decoded::new(reader, sniffer.verdict()).read_to_string(&mut text).unwrap();
        (sniffer.verdict(), text)
    }

    #[test]
    fn every_encoding_is_recognised_however_it_is_cut() {
        let text = "Naam;Zoë\r\nŁódź";
        let utf16 = |mark: [u8; 2], bytes: fn(u16) -> [u8; 2]| {
            let mut all = mark.to_vec();
            all.extend(text.encode_utf16().flat_map(bytes));
            all
        };
        let marked = [b"\xef\xbb\xbf", text.as_bytes()].concat();
        for (bytes, encoding, wanted) in [
            (text.as_bytes().to_vec(), Encoding::Utf8, text),
            (marked, Encoding::Utf8, text),
            (utf16([0xff, 0xfe], u16::to_le_bytes), Encoding::Utf16Le, text),
            (utf16([0xfe, 0xff], u16::to_be_bytes), Encoding::Utf16Be, text),
            (b"Naam;Zo\xeb \x80".to_vec(), Encoding::Windows1252, "Naam;Zoë €"),
            (b"Zo\xeb".to_vec(), Encoding::Windows1252, "Zoë"),
            (Vec::new(), Encoding::Utf8, ""),
        ] {
            for piece in [1, 2, 3, 5, 1000] {
                assert_eq!(read_in_pieces(&bytes, piece), (encoding, wanted.to_owned()));
                assert_eq!(Sniffer::sniff(bytes.as_slice()).unwrap(), Content::Text(encoding));
            }
        }
    }
}
