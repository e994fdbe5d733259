//! A small tree of an SMP answer, read event by event under limits.

use quick_xml::escape::{resolve_xml_entity, unescape};
use quick_xml::events::{BytesDecl, BytesRef, BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;

use super::{MAX_BYTES, SmpError};
use crate::participant::{self, ParticipantId};

const MAX_DEPTH: usize = 64;
const MAX_ELEMENTS: usize = 20_000;
const MAX_ATTRIBUTES: usize = 64;

/// The namespaces an answer is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Namespace {
    Smp,
    Identifiers,
    Addressing,
    Other,
}

#[derive(Debug)]
pub(super) struct Element {
    namespace: Namespace,
    name: String,
    /// Those without a prefix; namespace declarations are left out.
    attributes: Vec<(String, String)>,
    text: String,
    children: Vec<Element>,
}

impl Element {
    pub(super) fn is(&self, namespace: Namespace, name: &str) -> bool {
        self.namespace == namespace && self.name == name
    }

    pub(super) fn children<'a>(&'a self, namespace: Namespace, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.is(namespace, name))
    }

    pub(super) fn child(&self, namespace: Namespace, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.is(namespace, name))
    }

    pub(super) fn required(&self, namespace: Namespace, name: &str) -> Result<&Self, SmpError> {
        self.child(namespace, name).ok_or_else(|| SmpError::Malformed(format!("{} without {name}", self.name)))
    }

    /// The text directly inside, without white space around it.
    pub(super) fn text(&self) -> &str {
        self.text.trim()
    }

    /// The text of an SMP child, if there is any.
    pub(super) fn child_text(&self, name: &str) -> Option<String> {
        self.child(Namespace::Smp, name).map(Self::text).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    pub(super) fn attribute(&self, name: &str) -> Result<&str, SmpError> {
        let found = self.attributes.iter().find(|(own, _)| own == name);
        found
            .map(|(_, value)| value.trim())
            .ok_or_else(|| SmpError::Malformed(format!("{} without @{name}", self.name)))
    }

    /// That the participant named inside is the one asked for; values compare case-insensitively.
    pub(super) fn must_be_about(&self, asked: &ParticipantId) -> Result<(), SmpError> {
        let identifier = self.required(Namespace::Identifiers, "ParticipantIdentifier")?;
        let is_same = identifier.attribute("scheme")?.eq_ignore_ascii_case(participant::SCHEME)
            && identifier.text().eq_ignore_ascii_case(asked.as_str());
        if is_same { Ok(()) } else { Err(SmpError::OtherParticipant) }
    }
}

/// Reads an answer into a tree, under the limits [`SmpError::TooLarge`] names.
pub(super) fn read(bytes: &[u8]) -> Result<Element, SmpError> {
    let text = utf8(bytes)?;
    let mut reader = NsReader::from_str(text);
    reader.config_mut().check_comments = true;
    let mut tree = Tree::default();
    loop {
        let event = reader.read_event().map_err(malformed)?;
        match event {
            Event::Start(start) => {
                let namespace = namespace_of(reader.resolver().resolve_element(start.name()).0)?;
                tree.open(namespace, &start)?;
            }
            Event::Empty(start) => {
                let namespace = namespace_of(reader.resolver().resolve_element(start.name()).0)?;
                tree.open(namespace, &start)?;
                tree.close()?;
            }
            Event::End(_) => tree.close()?,
            Event::Text(text) => tree.push_text(&text.xml10_content())?,
            Event::CData(text) => tree.push_text(&text.xml10_content())?,
            Event::GeneralRef(reference) => tree.push_text(&resolved(&reference)?)?,
            Event::Decl(declaration) => must_be_utf8(&declaration)?,
            Event::DocType(_) => return Err(SmpError::Dtd),
            Event::Comment(_) | Event::PI(_) => {}
            Event::Eof => return tree.finish(),
        }
    }
}

#[derive(Default)]
struct Tree {
    open: Vec<Element>,
    root: Option<Element>,
    elements: usize,
}

impl Tree {
    fn open(&mut self, namespace: Namespace, start: &BytesStart<'_>) -> Result<(), SmpError> {
        self.elements += 1;
        if self.open.len() >= MAX_DEPTH || self.elements > MAX_ELEMENTS {
            return Err(SmpError::TooLarge);
        }
        if self.root.is_some() {
            return Err(SmpError::Malformed("more than one root element".to_owned()));
        }
        self.open.push(Element {
            namespace,
            name: start.local_name().as_ref().to_owned(),
            attributes: attributes(start)?,
            text: String::new(),
            children: Vec::new(),
        });
        Ok(())
    }

    fn close(&mut self) -> Result<(), SmpError> {
        let element = self.open.pop().ok_or_else(|| SmpError::Malformed("an end tag too many".to_owned()))?;
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => self.root = Some(element),
        }
        Ok(())
    }

    fn push_text(&mut self, text: &str) -> Result<(), SmpError> {
        match self.open.last_mut() {
            Some(element) => element.text.push_str(text),
            None if text.trim().is_empty() => {}
            None => return Err(SmpError::Malformed("text outside the root element".to_owned())),
        }
        Ok(())
    }

    fn finish(self) -> Result<Element, SmpError> {
        if !self.open.is_empty() {
            return Err(SmpError::Malformed("the answer ends in the middle".to_owned()));
        }
        self.root.ok_or_else(|| SmpError::Malformed("no root element".to_owned()))
    }
}

/// Checks size, byte order mark and encoding, and that no character is forbidden in XML 1.0.
fn utf8(bytes: &[u8]) -> Result<&str, SmpError> {
    if bytes.len() > MAX_BYTES {
        return Err(SmpError::TooLarge);
    }
    if bytes.starts_with(b"\xFE\xFF") || bytes.starts_with(b"\xFF\xFE") || bytes.iter().take(4).any(|b| *b == 0) {
        return Err(SmpError::Charset("UTF-16 or UTF-32".to_owned()));
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|_| SmpError::Charset("no valid UTF-8".to_owned()))?;
    let is_forbidden =
        |c: char| matches!(c, '\0'..='\x08' | '\x0B' | '\x0C' | '\x0E'..='\x1F' | '\u{FFFE}' | '\u{FFFF}');
    if text.contains(is_forbidden) {
        return Err(SmpError::Malformed("a character that XML forbids".to_owned()));
    }
    Ok(text)
}

fn must_be_utf8(declaration: &BytesDecl<'_>) -> Result<(), SmpError> {
    let Some(encoding) = declaration.encoding() else {
        return Ok(());
    };
    let encoding = encoding.map_err(malformed)?;
    if ["utf-8", "utf8", "us-ascii"].iter().any(|known| encoding.eq_ignore_ascii_case(known)) {
        Ok(())
    } else {
        Err(SmpError::Charset(encoding.into_owned()))
    }
}

fn namespace_of(resolved: ResolveResult<'_>) -> Result<Namespace, SmpError> {
    match resolved {
        ResolveResult::Bound(namespace) => Ok(match namespace.0 {
            "http://busdox.org/serviceMetadata/publishing/1.0/" => Namespace::Smp,
            "http://busdox.org/transport/identifiers/1.0/" => Namespace::Identifiers,
            "http://www.w3.org/2005/08/addressing" => Namespace::Addressing,
            _ => Namespace::Other,
        }),
        ResolveResult::Unbound => Ok(Namespace::Other),
        ResolveResult::Unknown(prefix) => Err(SmpError::Malformed(format!("the prefix {prefix:?} is not declared"))),
    }
}

fn attributes(start: &BytesStart<'_>) -> Result<Vec<(String, String)>, SmpError> {
    let mut found: Vec<(String, String)> = Vec::new();
    // quick-xml's own check for duplicates compares each with each, without a limit.
    for (count, attribute) in start.attributes().with_checks(false).enumerate() {
        if count >= MAX_ATTRIBUTES {
            return Err(SmpError::TooLarge);
        }
        let attribute = attribute.map_err(malformed)?;
        let name = attribute.key.as_ref();
        if name == "xmlns" || name.contains(':') {
            continue;
        }
        if found.iter().any(|(own, _)| own == name) {
            return Err(SmpError::Malformed(format!("the attribute {name} stands twice")));
        }
        let value = unescape(&attribute.value).map_err(|e| SmpError::UnknownEntity(e.to_string()))?;
        found.push((name.to_owned(), value.into_owned()));
    }
    Ok(found)
}

fn resolved(reference: &BytesRef<'_>) -> Result<String, SmpError> {
    if let Some(character) = reference.resolve_char_ref().map_err(malformed)? {
        return Ok(character.to_string());
    }
    let known = resolve_xml_entity(reference).map(str::to_owned);
    known.ok_or_else(|| SmpError::UnknownEntity(reference.to_string()))
}

fn malformed(error: impl std::fmt::Display) -> SmpError {
    SmpError::Malformed(error.to_string())
}
