//! Letters: the product's own mails. They are written in Handlebars under `email_templates`, one folder a mail and language,
//! embedded, and each file can be replaced by one of the same name in a folder of the installation.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use css_inline::CSSInliner;
use handlebars::Handlebars;
use rust_embed::Embed;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::message::Party;
use crate::kernel::catalogue::Language;
use crate::kernel::error::{Error, Result};

#[derive(Embed)]
#[folder = "../../email_templates"]
struct Embedded;

/// Who letters are from that no practice sends.
pub const PRODUCT: &str = "Klaar";

/// Which files a letter has in each language.
const PARTS: [&str; 5] = ["subject.txt.hbs", "preheader.txt.hbs", "body.txt.hbs", "body.html.hbs", "foot.html.hbs"];
/// What the layout has from outside the letter, under this name.
pub const FRAME: &str = "letter";

/// A mail of the product. Its fields are what its files can say.
pub trait Letter: Serialize {
    /// Its folder: `<room>/<mail>`.
    const NAME: &'static str;

    /// One with values that show what it looks like.
    fn sample(language: Language) -> Self;
}

/// A letter to somebody.
#[derive(Debug, Clone)]
pub struct Post<L> {
    /// The letter.
    pub letter: L,
    /// The language that its reader likes best.
    pub language: Language,
    /// Who it is from, as people call them.
    pub sender: String,
    /// Who gets it.
    pub to: Party,
}

/// A letter in one language, with its values filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// One line.
    pub subject: String,
    /// For whoever reads no HTML.
    pub text: String,
    /// A whole document with its styles in its elements.
    pub html: String,
}

/// The letters of an installation. Clones share what is compiled, each letter when it is first written.
#[derive(Clone)]
pub struct Letters(Arc<Shelf>);

struct Shelf {
    folder: Option<PathBuf>,
    compiled: Mutex<HashMap<(&'static str, Language), Arc<Compiled>>>,
}

/// The files of a letter in one language. What becomes HTML escapes what is filled in, what becomes text does not.
struct Compiled {
    plain: Handlebars<'static>,
    html: Handlebars<'static>,
}

impl Letters {
    /// Those of the product, of which files in `folder` replace some.
    #[must_use]
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self(Arc::new(Shelf { folder, compiled: Mutex::default() }))
    }

    /// Writes a letter. `sender` is who it is from, as people call them.
    ///
    /// # Errors
    /// [`Error::Internal`] naming the file that cannot be read or that says something the letter has not.
    pub fn write<L: Letter>(&self, letter: &L, language: Language, sender: &str) -> Result<Written> {
        let compiled = self.compiled(L::NAME, language)?;
        let Value::Object(mut values) = serde_json::to_value(letter)? else {
            return Err(Error::internal(format!("the letter {} has no fields", L::NAME)));
        };
        let fill = |templates: &Handlebars<'_>, part: &str, values: &Map<String, Value>| {
            let filled = templates.render(part, values);
            filled.map_err(|fault| Error::internal(format!("{}/{language}/{part}: {fault}", L::NAME)))
        };
        let subject = one_line(&fill(&compiled.plain, "subject.txt.hbs", &values)?);
        let preheader = one_line(&fill(&compiled.plain, "preheader.txt.hbs", &values)?);
        let frame = json!({ "language": language, "sender": sender, "subject": subject, "preheader": preheader });
        values.insert(FRAME.to_owned(), frame);
        let text = fill(&compiled.plain, "body.txt.hbs", &values)?;
        let html = fill(&compiled.html, "body.html.hbs", &values)?;
        Ok(Written { subject, text, html })
    }

    fn compiled(&self, name: &'static str, language: Language) -> Result<Arc<Compiled>> {
        let mut known = self.0.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(compiled) = known.get(&(name, language)) {
            return Ok(Arc::clone(compiled));
        }
        let compiled = Arc::new(self.compile(name, language)?);
        known.insert((name, language), Arc::clone(&compiled));
        Ok(compiled)
    }

    fn compile(&self, name: &str, language: Language) -> Result<Compiled> {
        let [subject, preheader, text, body, foot] =
            PARTS.map(|part| self.source(&format!("{name}/{language}/{part}")));
        let document = self.document(&body?, &foot?)?;
        let mut plain = Handlebars::new();
        plain.register_escape_fn(handlebars::no_escape);
        let mut compiled = Compiled { plain, html: Handlebars::new() };
        compiled.plain.set_strict_mode(true);
        compiled.html.set_strict_mode(true);
        let [of_subject, of_preheader, of_text, of_body, _] = PARTS;
        for (part, source) in [(of_subject, subject?), (of_preheader, preheader?), (of_text, text?)] {
            let registered = compiled.plain.register_template_string(part, source);
            registered.map_err(|fault| Error::internal(format!("{name}/{language}/{part}: {fault}")))?;
        }
        let registered = compiled.html.register_template_string(of_body, document);
        registered.map_err(|fault| Error::internal(format!("{name}/{language}/{of_body}: {fault}")))?;
        Ok(compiled)
    }

    /// The layout around a body and a foot, all of them Handlebars, with its styles in its elements. What it says of the mail
    /// it has under [`FRAME`]: `language`, `sender`, `subject`, `preheader`.
    ///
    /// # Errors
    /// [`Error::Internal`] naming the file that cannot be read, or when the styles cannot be put in.
    pub fn document(&self, body: &str, foot: &str) -> Result<String> {
        let document = self.source("layout.html.hbs")?.replace("{{{body}}}", body).replace("{{{foot}}}", foot);
        let styles = self.source("layout.css")?;
        let inliner =
            CSSInliner::options().inline_style_tags(false).keep_style_tags(true).extra_css(Some(styles.into())).build();
        inliner.inline(&document).map_err(Error::internal)
    }

    /// The text of a file of `email_templates`: the installation's, or else the product's.
    ///
    /// # Errors
    /// [`Error::Internal`] naming the file that is not there or cannot be read.
    pub fn source(&self, file: &str) -> Result<String> {
        if let Some(folder) = &self.0.folder {
            match std::fs::read_to_string(folder.join(file)) {
                Ok(text) => return Ok(text),
                Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => {}
                Err(fault) => return Err(Error::internal(format!("{}: {fault}", folder.join(file).display()))),
            }
        }
        let embedded = Embedded::get(file).ok_or_else(|| Error::internal(format!("there is no {file}")))?;
        String::from_utf8(embedded.data.into_owned()).map_err(|fault| Error::internal(format!("{file}: {fault}")))
    }
}

/// Without line breaks and other controls, which a header must not have.
pub fn one_line(text: &str) -> String {
    text.split(char::is_control).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ").trim().to_owned()
}
