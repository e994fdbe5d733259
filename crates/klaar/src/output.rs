//! What the command says: results on standard output, complaints on standard error.

use std::io::{self, Write as _};

use serde::Serialize;

/// A line for people.
pub fn say(text: &str) {
    // Whoever reads has seen enough, as in `klaar import … | head`; what the command does goes on.
    let _ = writeln!(io::stdout(), "{text}");
}

/// A line about something that went wrong.
pub fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// One JSON document on a line, for scripts.
pub fn say_json<T: Serialize>(value: &T) {
    say(&serde_json::to_string(value).unwrap_or_default());
}
