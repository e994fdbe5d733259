//! What the command says: results on standard output, complaints on standard error.

use serde::Serialize;

/// A line for people.
#[expect(clippy::print_stdout, reason = "a command speaks on standard output")]
pub fn say(text: &str) {
    println!("{text}");
}

/// A line about something that went wrong.
#[expect(clippy::print_stderr, reason = "a command complains on standard error")]
pub fn complain(text: &str) {
    eprintln!("{text}");
}

/// One JSON document on a line, for scripts.
pub fn say_json<T: Serialize>(value: &T) {
    say(&serde_json::to_string(value).unwrap_or_default());
}
