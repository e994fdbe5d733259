//! A text of a template, ready to be filled in for one mail after the other.

use std::collections::BTreeSet;
use std::io;

use handlebars::{Handlebars, Template};
use html2text::config;
use html2text::render::TextDecorator;
use serde_json::{Map, Value, json};

use super::model::Text;
use super::pieces::{Pieces, Scope, TooLarge};
use super::tags;
use super::values::Filled;
use super::variables::Variable;
use crate::kernel::catalogue::Language;
use crate::kernel::error::{Error, Result};
use crate::mail::{FRAME, Letters, Written, one_line};

/// The most bytes that a mail may have once it is filled in, each of its two forms.
const LARGEST: usize = 1_000_000;
/// Wider than any text: lines are broken by whoever shows them.
const WIDEST: usize = 10_000_000;

/// What stands around what a template says.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// Who the mail is from, as people call them.
    pub sender: &'a str,
    /// What stands below it; lines of text.
    pub signature: Option<&'a str>,
}

/// Why a mail could not be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unwritable {
    /// Variables without a value, outside any choice.
    Missing(Vec<String>),
    /// It is larger than a mail may be.
    TooLarge,
}

/// A text in its two forms.
pub struct Compiled {
    language: Language,
    /// The parts of which each is looked at for what is missing.
    parts: [String; 3],
    /// The variables that may be missing: no choice makes sure of them.
    asked: Vec<String>,
    used: Vec<String>,
    subject: Form,
    plain: Form,
    html: Form,
}

/// How a text is written out: by its pieces, or by Handlebars when it says more than they can.
enum Form {
    Pieces(Pieces, fn(&str) -> String),
    Handlebars(Box<Handlebars<'static>>),
}

/// The name that a form has within Handlebars.
const ONLY: &str = "text";
/// What the frame says of the mail, besides the lines of its signature.
const FRAMED: [&str; 4] = ["letter.language", "letter.sender", "letter.subject", "letter.preheader"];

impl Form {
    fn of(source: &str, escape: fn(&str) -> String, used: &[String]) -> Result<Self> {
        let wrong = |fault: handlebars::TemplateError| Error::internal(format!("a template does not compile: {fault}"));
        let read = Template::compile(source).map_err(wrong)?;
        let is_known = |name: &str| FRAMED.contains(&name) || used.iter().any(|used| used == name);
        if let Some(pieces) = Pieces::of(&read, &is_known) {
            return Ok(Self::Pieces(pieces, escape));
        }
        let mut registry = Handlebars::new();
        registry.register_escape_fn(escape);
        registry.set_strict_mode(true);
        registry.register_template(ONLY, read);
        Ok(Self::Handlebars(Box::new(registry)))
    }
}

/// What one mail is written from.
struct Said<'a> {
    used: &'a [String],
    values: &'a Filled,
    language: Language,
    sender: &'a str,
    subject: &'a str,
    lines: &'a [&'a str],
}

impl Said<'_> {
    fn written(&self, form: &Form) -> Result<String, Unwritable> {
        let (pieces, escape) = match form {
            Form::Pieces(pieces, escape) => (pieces, *escape),
            Form::Handlebars(registry) => return rendered(registry, &self.document()),
        };
        let value = |name: &str| match name {
            "letter.language" => Some(self.language.as_str()),
            "letter.sender" => Some(self.sender),
            "letter.subject" => Some(self.subject),
            "letter.preheader" => Some(""),
            name => self.values.get(name),
        };
        let scope = Scope { value, escape, lines: self.lines, largest: LARGEST };
        pieces.write(&scope).map_err(|TooLarge| Unwritable::TooLarge)
    }

    /// The same for Handlebars.
    fn document(&self) -> Map<String, Value> {
        let mut document = self.values.nested(self.used);
        let around = json!({
            "language": self.language, "sender": self.sender, "subject": self.subject, "preheader": "", "signature": self.lines,
        });
        document.insert(FRAME.to_owned(), around);
        document
    }
}

impl Compiled {
    /// Prepares a text: its body is laid out and its plain form made, both once.
    ///
    /// # Errors
    /// [`Error::Internal`] when the layout cannot be read.
    pub fn of(letters: &Letters, language: Language, text: &Text) -> Result<Self> {
        let postscript = text.postscript.clone().unwrap_or_default();
        let foot = |kind: &str| letters.source(&format!("templates/frame/{language}/foot.{kind}.hbs"));
        let below = format!("{SIGNATURE_HTML}{}", postscript_html(&postscript));
        let document = letters.document(&format!("{}{below}", text.body), &foot("html")?)?;
        let body = plain_of(&text.body)?;
        let rest = if postscript.is_empty() { String::new() } else { format!("\n\n{postscript}") };
        let plain_text = format!("{body}{SIGNATURE_TEXT}{rest}\n\n-- \n{}", foot("txt")?);
        let parts = [text.subject.clone(), text.body.clone(), postscript];
        let scanned: Vec<_> = parts.iter().map(|part| tags::scan(part, "").unwrap_or_default()).collect();
        let owned = |names: BTreeSet<&str>| names.into_iter().map(str::to_owned).collect::<Vec<String>>();
        let used = owned(scanned.iter().flat_map(|part| tags::names(part)).chain(ALWAYS).collect());
        let asked = owned(scanned.iter().flat_map(|part| tags::asked_for(part)).collect());
        let subject = Form::of(&text.subject, handlebars::no_escape, &used)?;
        let plain = Form::of(&plain_text, handlebars::no_escape, &used)?;
        let html = Form::of(&document, handlebars::html_escape, &used)?;
        Ok(Self { language, parts, asked, used, subject, plain, html })
    }

    /// The language that it is in.
    #[must_use]
    pub fn language(&self) -> Language {
        self.language
    }

    /// The variables that it may ask for, each once.
    #[must_use]
    pub fn used(&self) -> &[String] {
        &self.used
    }

    /// The variables that it would ask for in vain.
    #[must_use]
    pub fn missing(&self, values: &Filled) -> Vec<String> {
        let has = |name: &str| values.get(name).is_some();
        if self.asked.iter().all(|name| has(name)) {
            return Vec::new();
        }
        let of = |part: &String| -> Vec<String> {
            let scanned = tags::scan(part, "").unwrap_or_default();
            tags::missing(&scanned, has).into_iter().map(str::to_owned).collect()
        };
        self.parts.iter().flat_map(of).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Whether it asks for something that some clients may lack.
    #[must_use]
    pub fn may_lack(&self) -> bool {
        let is_always = |name: &String| Variable::named(name).is_some_and(Variable::is_always_there);
        !self.asked.iter().all(is_always)
    }

    /// Fills it in.
    ///
    /// # Errors
    /// What is in the way.
    pub fn write(&self, values: &Filled, frame: Frame<'_>) -> Result<Written, Unwritable> {
        let missing = self.missing(values);
        if !missing.is_empty() {
            return Err(Unwritable::Missing(missing));
        }
        self.fill(values, frame)
    }

    /// Fills it in; what has no value is left empty.
    ///
    /// # Errors
    /// [`Unwritable::TooLarge`].
    pub fn fill(&self, values: &Filled, frame: Frame<'_>) -> Result<Written, Unwritable> {
        let lines: Vec<&str> = frame.signature.unwrap_or_default().lines().collect();
        let (used, language, sender) = (&self.used, self.language, frame.sender);
        let said = Said { used, values, language, sender, subject: "", lines: &lines };
        let subject = one_line(&said.written(&self.subject)?);
        let said = Said { subject: &subject, ..said };
        let text = without_gaps(&said.written(&self.plain)?);
        let html = said.written(&self.html)?;
        Ok(Written { subject, text, html })
    }
}

/// Variables that the frame asks for.
const ALWAYS: [&str; 2] = ["practice.name", "links.unsubscribe"];

const SIGNATURE_HTML: &str = "{{#if letter.signature}}<p>{{#each letter.signature}}{{#unless @first}}<br>{{/unless}}{{this}}{{/each}}</p>{{/if}}";
const SIGNATURE_TEXT: &str = "{{#if letter.signature}}\n\n{{#each letter.signature}}{{this}}\n{{/each}}{{/if}}";

/// A postscript as it stands in HTML.
fn postscript_html(postscript: &str) -> String {
    if postscript.is_empty() {
        return String::new();
    }
    let lines: Vec<String> = postscript.lines().map(handlebars::html_escape).collect();
    // Placeholders have no character that HTML would have otherwise.
    format!("<p class=\"quiet\">{}</p>", lines.join("<br>"))
}

/// Whoever reads no HTML sees where a link leads behind its words.
#[derive(Clone, Default)]
struct Plain {
    link: String,
}

/// A body as plain text, with its placeholders.
fn plain_of(body: &str) -> Result<String> {
    let converter = config::with_decorator(Plain::default()).raw_mode(true).no_link_wrapping();
    let text = converter.string_from_read(body.as_bytes(), WIDEST).map_err(Error::internal)?;
    Ok(text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim().to_owned())
}

impl TextDecorator for Plain {
    type Annotation = ();

    fn decorate_link_start(&mut self, url: &str) -> (String, ()) {
        url.clone_into(&mut self.link);
        (String::new(), ())
    }

    fn decorate_link_end(&mut self) -> String {
        match std::mem::take(&mut self.link) {
            link if link.is_empty() => link,
            link => format!(" ({})", link.trim_start_matches("mailto:").trim_start_matches("tel:")),
        }
    }

    fn decorate_em_start(&self) -> (String, ()) {
        (String::new(), ())
    }

    fn decorate_em_end(&self) -> String {
        String::new()
    }

    fn decorate_strong_start(&self) -> (String, ()) {
        (String::new(), ())
    }

    fn decorate_strong_end(&self) -> String {
        String::new()
    }

    fn decorate_strikeout_start(&self) -> (String, ()) {
        (String::new(), ())
    }

    fn decorate_strikeout_end(&self) -> String {
        String::new()
    }

    fn decorate_code_start(&self) -> (String, ()) {
        (String::new(), ())
    }

    fn decorate_code_end(&self) -> String {
        String::new()
    }

    fn decorate_superscript_start(&self) -> (String, ()) {
        (String::new(), ())
    }

    fn decorate_superscript_end(&self) -> String {
        String::new()
    }

    fn decorate_preformat_first(&self) {}

    fn decorate_preformat_cont(&self) {}

    fn decorate_image(&mut self, _: &str, title: &str) -> (String, ()) {
        (title.to_owned(), ())
    }

    fn header_prefix(&self, _: usize) -> String {
        String::new()
    }

    fn quote_prefix(&self) -> String {
        "> ".to_owned()
    }

    fn unordered_item_prefix(&self) -> String {
        "- ".to_owned()
    }

    fn ordered_item_prefix(&self, number: i64) -> String {
        format!("{number}. ")
    }

    fn make_subblock_decorator(&self) -> Self {
        self.clone()
    }
}

/// With one empty line at most between two others, where choices have left more.
fn without_gaps(text: &str) -> String {
    let (mut kept, mut is_gap) = (String::with_capacity(text.len()), true);
    for line in text.lines() {
        let is_empty = line.trim().is_empty();
        if !(is_empty && is_gap) {
            kept.push_str(if is_empty { "" } else { line });
            kept.push('\n');
        }
        is_gap = is_empty;
    }
    kept
}

fn rendered(templates: &Handlebars<'_>, values: &Map<String, Value>) -> Result<String, Unwritable> {
    let mut bounded = Bounded(Vec::new());
    // Nothing but its size can stop it: each variable is there, with a value or without.
    templates.render_to_write(ONLY, values, &mut bounded).map_err(|_| Unwritable::TooLarge)?;
    String::from_utf8(bounded.0).map_err(|_| Unwritable::TooLarge)
}

/// Takes so many bytes and no more.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > LARGEST {
            return Err(io::Error::other("too large"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
