//! Quoted-printable (RFC 2045, 6.7): text with some letters beyond ASCII, or with long lines, as every mail server takes it. A
//! mail to thousands is encoded thousands of times, so what needs nothing is copied in pieces.

use lettre::message::Body;
use lettre::message::header::ContentTransferEncoding;

/// The most characters of a line, without the mark that it goes on.
const WIDEST: usize = 75;
/// A text as it stands in a mail.
pub(super) fn body(text: &str) -> Body {
    let foreign = text.bytes().filter(|byte| !byte.is_ascii()).count();
    // Most of it would be encoded: lettre then takes base64, which is shorter.
    if foreign * 6 > text.len() {
        return Body::new(text.to_owned());
    }
    Body::dangerous_pre_encoded(encoded(text), ContentTransferEncoding::QuotedPrintable)
}

/// The text with lines that end in CR LF, whichever of the two they end with.
fn encoded(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 8);
    let mut lines = text.split('\n').peekable();
    while let Some(line) = lines.next() {
        let is_last = lines.peek().is_none();
        let line = if is_last { line } else { line.strip_suffix('\r').unwrap_or(line) };
        encode_line(line.as_bytes(), &mut out);
        if !is_last {
            out.extend_from_slice(b"\r\n");
        }
    }
    out
}

fn encode_line(line: &[u8], out: &mut Vec<u8>) {
    // A blank at the end of a line would be lost on the way.
    let (mut rest, blank) = match line.split_last() {
        Some((last @ (b' ' | b'\t'), before)) => (before, Some(*last)),
        _ => (line, None),
    };
    let mut room = WIDEST;
    while !rest.is_empty() {
        make_room(&mut room, 1, out);
        // A dot that begins a line would have to be doubled on the way (RFC 5321, 4.5.2).
        if let (WIDEST, [b'.', behind @ ..]) = (room, rest) {
            encode_byte(b'.', &mut room, out);
            rest = behind;
            continue;
        }
        let plain = rest.iter().take(WIDEST).take_while(|byte| is_plain(**byte)).count();
        if plain > 0 {
            let (piece, behind) = rest.split_at(plain.min(room));
            out.extend_from_slice(piece);
            room -= piece.len();
            rest = behind;
        } else if let Some((byte, behind)) = rest.split_first() {
            encode_byte(*byte, &mut room, out);
            rest = behind;
        }
    }
    if let Some(blank) = blank {
        encode_byte(blank, &mut room, out);
    }
}

fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t') && byte != b'='
}

fn encode_byte(byte: u8, room: &mut usize, out: &mut Vec<u8>) {
    const DIGITS: [u8; 16] = *b"0123456789ABCDEF";
    make_room(room, 3, out);
    let digit = |value: u8| DIGITS.get(usize::from(value)).copied().unwrap_or(b'0');
    out.extend_from_slice(&[b'=', digit(byte >> 4), digit(byte & 15)]);
    *room -= 3;
}

/// Goes on in another line when this one has not so much room.
fn make_room(room: &mut usize, wanted: usize, out: &mut Vec<u8>) {
    if *room < wanted {
        out.extend_from_slice(b"=\r\n");
        *room = WIDEST;
    }
}

#[cfg(test)]
mod tests {
    use mail_parser::MessageParser;

    use super::*;

    fn of(text: &str) -> String {
        String::from_utf8(encoded(text)).unwrap()
    }

    #[test]
    fn what_needs_it_is_encoded() {
        assert_eq!(of("één = 1\t\nb \r\n.c\rd"), "=C3=A9=C3=A9n =3D 1=09\r\nb=20\r\n=2Ec=0Dd");
        assert_eq!(of(&"x".repeat(80)), format!("{}=\r\n{}", "x".repeat(75), "x".repeat(5)));
        assert_eq!(of(&format!("{}é", "x".repeat(71))), format!("{}=C3=\r\n=A9", "x".repeat(71)));
        assert_eq!(of(&format!("{}.y", "x".repeat(75))), format!("{}=\r\n=2Ey", "x".repeat(75)));
        assert_eq!(of(""), "");
    }

    #[test]
    fn texts_come_out_as_they_went_in() {
        let texts = [
            "a\r\nb\r\n".to_owned(),
            "één ".repeat(400),
            "x".repeat(3_000),
            format!("{} \r\n{}=\t\r\n\r\n.\r\n", "é".repeat(60), "ab=".repeat(99)),
        ];
        for text in texts {
            let body = body(&text);
            let wide = body.as_ref().split(|byte| *byte == b'\n').map(<[u8]>::len).max().unwrap();
            assert!(wide <= 78, "{wide}");
            let head = format!(
                "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: {}\r\n\r\n",
                body.encoding()
            );
            let mail = [head.as_bytes(), body.as_ref()].concat();
            let read = MessageParser::default().parse(&mail).unwrap();
            assert_eq!(read.body_text(0).unwrap().replace("\r\n", "\n"), text.replace("\r\n", "\n"));
        }
    }
}
