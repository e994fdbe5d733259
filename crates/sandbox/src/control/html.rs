//! HTML, written by hand because two pages do not need a template language.

use std::fmt::{self, Write as _};

/// Text made safe for element content and quoted attributes alike.
pub(super) struct Escaped<T>(pub(super) T);

impl<T: AsRef<str>> fmt::Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.as_ref().chars() {
            match character {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

/// A whole page; `title` is text, `body` is HTML.
pub(super) fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{}</title>\
         <link rel=\"stylesheet\" href=\"/style.css\"></head><body><main>{body}</main></body></html>\n",
        Escaped(title)
    )
}

/// A table of two columns; names are text, values are HTML.
pub(super) fn facts<'a>(rows: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let rows: String =
        rows.into_iter().map(|(name, value)| format!("<tr><th>{}</th><td>{value}</td></tr>", Escaped(name))).collect();
    format!("<table>{rows}</table>")
}

/// The style sheet of all pages.
pub(super) const STYLE: &str = "\
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; }
main { max-width: 60rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.4rem; }
h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0; overflow-wrap: anywhere; }
th { font-weight: 600; width: 11rem; }
tr + tr { border-top: 1px solid #8884; }
ul.mails { list-style: none; padding: 0; }
ul.mails li { border-top: 1px solid #8884; padding: .5rem 0; overflow-wrap: anywhere; }
.quiet { opacity: .7; font-size: .9rem; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: #8881; padding: .8rem; }
iframe { width: 100%; height: 70vh; border: 1px solid #8884; background: #fff; color-scheme: light; }
@media (max-width: 34rem) { th, td { display: block; width: auto; padding: .1rem 0; } }
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_is_markup() {
        assert_eq!(Escaped("<a b=\"c\" d='e'>&").to_string(), "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;");
    }
}
