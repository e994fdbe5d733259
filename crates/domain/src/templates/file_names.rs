//! Names of files as readers see them: nothing that a program takes for a folder, and nothing that hides what the file is.

use unicode_normalization::UnicodeNormalization as _;

use super::kinds::Kind;
use crate::kernel::error::FieldError;
use crate::kernel::text;

/// The most characters of a name.
const LONGEST: usize = 150;

/// The name as it goes out, and the kind that its extension says. Letters with diacritics are put together (NFC), which some
/// machines take apart.
///
/// # Errors
/// At `pointer`: `missing`, `control_characters`, `too_long`, `malformed_file_name`, or `unknown_file_kind` with those that
/// there are.
pub(super) fn checked(typed: &str, pointer: &str) -> Result<(String, Kind), FieldError> {
    let name: String = text::line(typed, pointer, LONGEST)?.nfc().collect();
    if name.chars().any(is_unfit) || name.starts_with('.') || name.ends_with('.') {
        return Err(FieldError::new(pointer, "malformed_file_name"));
    }
    let unknown = || FieldError::new(pointer, "unknown_file_kind").with("values", Kind::extensions());
    Kind::of_name(&name).map(|kind| (name, kind)).ok_or_else(unknown)
}

/// Whether a character separates folders or means something else than itself on some machine, turns the direction of what
/// follows, or cannot be seen: behind U+202E, `fdp.exe` would look like `exe.pdf`.
fn is_unfit(c: char) -> bool {
    matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|')
        || matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(name: &str) -> Result<String, &'static str> {
        checked(name, "/filename").map(|(name, _)| name).map_err(|fault| fault.code)
    }

    #[test]
    fn names_of_files() {
        assert_eq!(code(" Opdrachtbrief 2026.PDF ").as_deref(), Ok("Opdrachtbrief 2026.PDF"));
        assert_eq!(code("e\u{301}e\u{301}n – 報告.docx").as_deref(), Ok("één – 報告.docx"));
        assert_eq!(code("  "), Err("missing"));
        assert_eq!(code("a\r\nContent-Type: x.pdf"), Err("control_characters"));
        assert_eq!(code(&format!("{}.pdf", "x".repeat(150))), Err("too_long"));
        for wrong in
            ["../a.pdf", "a/b.pdf", "C:\\a.pdf", "a\"b.pdf", ".pdf", "a.pdf.", "brief\u{202e}fdp.exe", "a\u{200b}.pdf"]
        {
            assert_eq!(code(wrong), Err("malformed_file_name"), "{wrong}");
        }
        for wrong in ["a.exe", "a.html", "a.svg", "a.docm", "a.zip", "pdf", "a.js"] {
            assert_eq!(code(wrong), Err("unknown_file_kind"), "{wrong}");
        }
    }
}
