//! What is wrong with what a template is to say.

use std::collections::BTreeMap;

use super::markup;
use super::model::{Content, Text};
use super::tags;
use super::variables::{self, Kind};
use crate::custom_fields::Catalogue;
use crate::kernel::catalogue::Language;
use crate::kernel::error::{Error, FieldError, Result};
use crate::kernel::text;

/// The longest subject, in characters.
pub const LONGEST_SUBJECT: usize = 200;
/// The longest body, in characters.
pub const LONGEST_BODY: usize = 100_000;
/// The longest postscript, in characters.
pub const LONGEST_POSTSCRIPT: usize = 2_000;

/// A text as somebody typed it.
#[derive(Debug, Clone, Default)]
pub struct SaidText {
    /// One line.
    pub subject: String,
    /// HTML.
    pub body: String,
    /// Lines of text.
    pub postscript: Option<String>,
}

impl SaidText {
    /// A text as it could have been typed.
    pub(super) fn of(text: &Text) -> Self {
        Self { subject: text.subject.clone(), body: text.body.clone(), postscript: text.postscript.clone() }
    }
}

/// The content that was typed, by language, as it may be sent.
///
/// # Errors
/// [`Error::Invalid`] under `/languages/…` with everything that is wrong.
pub fn checked(said: BTreeMap<String, SaidText>, catalogue: &Catalogue) -> Result<Content> {
    let (mut texts, mut wrong) = (BTreeMap::new(), Vec::new());
    for (code, said) in said {
        let pointer = format!("/languages/{}", code.replace('~', "~0").replace('/', "~1"));
        let Ok(language) = code.parse::<Language>() else {
            let codes = Language::ALL.map(Language::as_str).join(", ");
            wrong.push(FieldError::new(pointer, "unknown_value").with("values", codes));
            continue;
        };
        match checked_text(&said, &pointer, catalogue) {
            Ok(text) => {
                texts.insert(language, text);
            }
            Err(faults) => wrong.extend(faults),
        }
    }
    if wrong.is_empty() && !texts.contains_key(&catalogue.language) {
        let missing = format!("/languages/{}", catalogue.language);
        wrong.push(FieldError::new(missing, "language_missing").with("language", catalogue.language));
    }
    if wrong.is_empty() { Ok(Content(texts)) } else { Err(Error::Invalid(wrong)) }
}

fn checked_text(said: &SaidText, pointer: &str, catalogue: &Catalogue) -> Result<Text, Vec<FieldError>> {
    let [of_subject, of_body, of_postscript] =
        ["subject", "body", "postscript"].map(|part| format!("{pointer}/{part}"));
    let mut wrong = Vec::new();
    let mut note = |fault: FieldError| wrong.push(fault);
    let subject = text::line(&said.subject, &of_subject, LONGEST_SUBJECT).map_err(&mut note).ok();
    let postscript = said.postscript.as_deref().unwrap_or_default();
    let postscript = text::lines(postscript, &of_postscript, LONGEST_POSTSCRIPT).map_err(&mut note).ok().flatten();
    let body = text::lines(&said.body, &of_body, LONGEST_BODY).map_err(&mut note).ok();
    if body == Some(None) {
        note(FieldError::new(&of_body, "missing"));
    }
    for (part, pointer) in [(&subject, &of_subject), (&postscript, &of_postscript)] {
        part.iter().for_each(|part| wrong.extend(unknown(part, pointer, catalogue)));
    }
    let body = body.flatten().and_then(|body| {
        let faults = unknown(&body, &of_body, catalogue);
        let is_link = |name: &str| variables::kind_of(name, catalogue) == Some(Kind::Link);
        let cleaned = if faults.is_empty() { markup::cleaned(&body, &of_body, is_link) } else { Err(faults) };
        cleaned.map_err(|faults| wrong.extend(faults)).ok()
    });
    match (subject, body) {
        (Some(subject), Some(body)) if wrong.is_empty() => Ok(Text { subject, body, postscript }),
        _ => Err(wrong),
    }
}

/// What is wrong with the placeholders of a text.
fn unknown(text: &str, pointer: &str, catalogue: &Catalogue) -> Vec<FieldError> {
    let tags = match tags::scan(text, pointer) {
        Ok(tags) => tags,
        Err(fault) => return vec![fault],
    };
    let names = tags::names(&tags).into_iter().filter(|name| variables::kind_of(name, catalogue).is_none());
    names.map(|name| FieldError::new(pointer, "unknown_variable").with("variable", name)).collect()
}
