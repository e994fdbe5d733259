//! The wrong shapes a document of the SMP can have.

use crate::{
    script::{DocumentForm, DocumentType},
    smp::identifiers::DocumentIdentifier,
};

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
/// Whom documents are about that are about somebody else.
const OTHER_PARTICIPANT: &str = "0208:0999999922";
/// A huge document has so many paddings of so many bytes: 32 MiB.
const PADDINGS: usize = 512;
const PADDING_BYTES: usize = 64 * 1024;

/// What goes into the body of the SMP's answer.
#[derive(Debug)]
pub(crate) enum Body {
    NotFound,
    Xml(String),
    Html(&'static str),
    Empty,
    /// A text with a long repetition in it, never held in memory as a whole.
    Padded {
        head: String,
        padding: String,
        times: usize,
        tail: String,
    },
}

/// Writes a document in a form. `write` gets the participant it shall be about and whether it shall be about another
/// document type, and gives the XML without declaration, or `None` when there is no such document.
pub(crate) fn shape(form: DocumentForm, participant: &str, write: impl FnOnce(&str, bool) -> Option<String>) -> Body {
    let about = if form == DocumentForm::OtherParticipant { OTHER_PARTICIPANT } else { participant };
    let Some(text) = write(about, form == DocumentForm::OtherDocumentType) else {
        return Body::NotFound;
    };
    match form {
        DocumentForm::Usual | DocumentForm::OtherParticipant | DocumentForm::OtherDocumentType => {
            Body::Xml(format!("{DECLARATION}{text}"))
        }
        DocumentForm::NotFound => Body::NotFound,
        DocumentForm::Empty => Body::Empty,
        DocumentForm::Html => Body::Html("<!doctype html><title>SMP</title><p>It works!"),
        DocumentForm::Broken => Body::Xml(format!("{DECLARATION}{}", cut(&text))),
        DocumentForm::Dtd => Body::Xml(with_doctype(&text, "SYSTEM \"http://dtd.nowhere.example/smp.dtd\"")),
        DocumentForm::EntityExpansion => {
            let text = text.replacen(&format!(">{participant}<"), ">&e9;<", 1);
            Body::Xml(with_doctype(&text, &format!("[{}]", nested_entities())))
        }
        DocumentForm::Huge => {
            let (head, tail) = text.rfind("</").map_or((text.as_str(), ""), |at| text.split_at(at));
            let padding = format!("<Extension>{}</Extension>", "x".repeat(PADDING_BYTES));
            Body::Padded { head: format!("{DECLARATION}{head}"), padding, times: PADDINGS, tail: tail.to_owned() }
        }
    }
}

/// The document type that metadata are about when they are about another one than asked for.
pub(crate) fn other_document_type() -> DocumentIdentifier<'static> {
    DocumentIdentifier::from(&DocumentType::Order)
}

/// The text up to the middle of a tag beyond its half.
fn cut(text: &str) -> &str {
    let half = text.get(text.len() / 2..).and_then(|rest| rest.find('<')).unwrap_or(0) + text.len() / 2;
    text.get(..half + 4).unwrap_or(text)
}

fn with_doctype(text: &str, declaration: &str) -> String {
    let root: String = text.chars().skip(1).take_while(|c| c.is_ascii_alphanumeric()).collect();
    format!("{DECLARATION}<!DOCTYPE {root} {declaration}>\n{text}")
}

/// Ten entities, each ten times the one before.
fn nested_entities() -> String {
    let mut entities = "<!ENTITY e0 \"0123456789\">".to_owned();
    for level in 1..10 {
        let inner = format!("&e{};", level - 1).repeat(10);
        entities.push_str(&format!("<!ENTITY e{level} \"{inner}\">"));
    }
    entities
}
