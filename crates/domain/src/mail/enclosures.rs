//! Files that go with mails (RFC 2183). A campaign sends the same file thousands of times, so it is encoded once, and what was
//! encoded is shared by all mails that carry it.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lettre::message::header::{ContentDisposition, ContentTransferEncoding, ContentType};
use lettre::message::{Body, SinglePart};

use crate::kernel::error::{Error, Result};

/// Bytes of a line of base64, which has 76 characters then (RFC 2045, 6.8).
const LINE: usize = 57;

/// A file as it stands in a mail. Clones share it.
#[derive(Clone)]
pub struct Enclosure(Arc<str>);

/// A file that is being encoded, piece by piece.
pub struct Enclosing {
    part: String,
    /// What of the last piece fills no line.
    rest: Vec<u8>,
}

impl Enclosing {
    /// Begins a file that readers know by this name, of this media type and so many octets.
    ///
    /// # Errors
    /// [`Error::Internal`] when the media type is none.
    pub fn begin(name: &str, media_type: &str, octets: i64) -> Result<Self> {
        let kind = ContentType::parse(media_type).map_err(|fault| Error::internal(format!("{media_type}: {fault}")))?;
        // lettre writes the headers, names beyond ASCII as RFC 2231 has them; the content comes behind.
        let headed = SinglePart::builder()
            .header(kind)
            .header(ContentDisposition::attachment(name))
            .body(Body::dangerous_pre_encoded(Vec::new(), ContentTransferEncoding::Base64));
        let mut part = String::from_utf8(headed.formatted()).map_err(Error::internal)?;
        part.truncate(part.trim_end().len());
        part.push_str("\r\n\r\n");
        part.reserve(usize::try_from(encoded_octets(octets)).unwrap_or(0));
        Ok(Self { part, rest: Vec::new() })
    }

    /// Takes the next piece.
    pub fn take(&mut self, piece: &[u8]) {
        let missing = (LINE - self.rest.len()).min(piece.len());
        let (first, behind) = piece.split_at(if self.rest.is_empty() { 0 } else { missing });
        self.rest.extend_from_slice(first);
        if self.rest.len() == LINE {
            let line = std::mem::take(&mut self.rest);
            self.line(&line);
        }
        let mut lines = behind.chunks_exact(LINE);
        lines.by_ref().for_each(|line| self.line(line));
        self.rest.extend_from_slice(lines.remainder());
    }

    fn line(&mut self, bytes: &[u8]) {
        STANDARD.encode_string(bytes, &mut self.part);
        self.part.push_str("\r\n");
    }

    /// The whole.
    #[must_use]
    pub fn end(mut self) -> Enclosure {
        let rest = std::mem::take(&mut self.rest);
        if !rest.is_empty() {
            self.line(&rest);
        }
        Enclosure(self.part.into())
    }
}

/// How many octets so many octets of a file take in a mail: a third more, and the ends of lines.
#[must_use]
pub fn encoded_octets(octets: i64) -> i64 {
    let characters = (octets + 2) / 3 * 4;
    characters + (characters + 75) / 76 * 2
}

/// What stands behind a mail that ends with the end of its outer part, which files are to come before: the mail is cut there.
pub(super) fn behind(content: &mut String, boundary: &str, enclosures: &[Enclosure]) -> Vec<Arc<str>> {
    let end = format!("--{boundary}--\r\n");
    content.truncate(content.rfind(&end).unwrap_or(content.len()));
    let begin: Arc<str> = format!("--{boundary}\r\n").into();
    let parts = enclosures.iter().flat_map(|Enclosure(part)| [begin.clone(), part.clone()]);
    parts.chain([end.into()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_the_same_however_it_is_cut() {
        let file: Vec<u8> = (0..1_000_u32).map(|at| u8::try_from(at * 7 % 251).unwrap()).collect();
        let of = |cut: usize| {
            let mut enclosing = Enclosing::begin("a.pdf", "application/pdf", 1_000).unwrap();
            file.chunks(cut).for_each(|piece| enclosing.take(piece));
            enclosing.end().0.to_string()
        };
        let whole = of(1_000);
        for cut in [1, 2, 56, 57, 58, 113, 114, 999] {
            assert_eq!(of(cut), whole, "{cut}");
        }
        let (head, body) = whole.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("filename=\"a.pdf\"") && head.contains("Content-Transfer-Encoding: base64"), "{head}");
        assert_eq!(body.len(), usize::try_from(encoded_octets(1_000)).unwrap());
        assert!(body.ends_with("\r\n") && body.lines().all(|line| line.len() <= 76));
        assert_eq!(STANDARD.decode(body.replace("\r\n", "")).unwrap(), file);
    }

    #[test]
    fn a_name_stays_one_header() {
        for name in ["Opdracht één – 2026.pdf", "a \"b\"\\.pdf", &format!("{}.pdf", "lang ".repeat(28)), "報告 😀.pdf"]
        {
            let part = Enclosing::begin(name, "application/pdf", 0).unwrap().end().0.to_string();
            let (head, body) = part.split_once("\r\n\r\n").unwrap();
            assert!(body.is_empty() && head.is_ascii(), "{part}");
            let fields = head.lines().filter(|line| !line.starts_with(' ')).count();
            assert_eq!(fields, 3, "{head}");
            assert!(head.lines().all(|line| line.len() <= 78), "{head}");
        }
    }
}
