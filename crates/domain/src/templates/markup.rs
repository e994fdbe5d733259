//! The HTML that a body may have. What it may not have is named, so that nobody finds a mail cut; ammonia then makes sure of
//! what is left.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use ammonia::Builder;
use html5ever::buffer_queue::BufferQueue;
use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{Tag as Element, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};
use url::Url;

use crate::kernel::error::FieldError;

/// The elements that a body may have.
pub const ELEMENTS: [&str; 23] = [
    "a",
    "b",
    "blockquote",
    "br",
    "em",
    "h1",
    "h2",
    "h3",
    "i",
    "li",
    "ol",
    "p",
    "s",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "tr",
    "ul",
];
/// The classes of our own layout that a body may use.
const CLASSES: [(&str, &[&str]); 2] = [("p", &["action", "quiet"]), ("a", &["button"])];
/// Where links may lead.
const SCHEMES: [&str; 4] = ["https", "http", "mailto", "tel"];
const MOST_FAULTS: usize = 20;

static CLEANER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut cleaner = Builder::empty();
    cleaner
        .tags(HashSet::from(ELEMENTS))
        .tag_attributes(HashMap::from([("a", HashSet::from(["href"]))]))
        .allowed_classes(CLASSES.iter().map(|(tag, classes)| (*tag, classes.iter().copied().collect())).collect())
        .url_schemes(HashSet::from(SCHEMES))
        .link_rel(None)
        .strip_comments(true);
    // A placeholder as an address has no scheme yet; which ones may stand there is checked below.
    cleaner.url_relative(ammonia::UrlRelative::PassThrough);
    cleaner
});

/// What a body is made of, in its order.
#[derive(Debug, Default)]
struct Parts {
    /// Elements that begin, and placeholders within texts.
    order: Vec<String>,
    faults: Vec<FieldError>,
}

/// The body as it may be sent.
///
/// # Errors
/// `element_not_allowed`, `attribute_not_allowed`, `class_not_allowed`, `malformed_link`, `placeholder_in_markup` and
/// `misnested_markup` at `pointer`; `is_link` says whether a placeholder's variable may be an address.
pub fn cleaned(body: &str, pointer: &str, is_link: impl Fn(&str) -> bool) -> Result<String, Vec<FieldError>> {
    let said = parts(body, pointer, &is_link);
    if !said.faults.is_empty() {
        return Err(said.faults);
    }
    let cleaned = CLEANER.clean(body).to_string();
    let kept = parts(&cleaned, pointer, &is_link);
    // Browsers move what stands where it cannot stand, and text between rows of a table would choose something else then.
    match said.order == kept.order {
        true => Ok(cleaned),
        false => Err(vec![FieldError::new(pointer, "misnested_markup")]),
    }
}

fn parts(body: &str, pointer: &str, is_link: &dyn Fn(&str) -> bool) -> Parts {
    let sink = Sink { pointer, is_link, parts: RefCell::default(), text: RefCell::default() };
    let input = BufferQueue::default();
    input.push_back(StrTendril::from_slice(body));
    let tokenizer = Tokenizer::new(sink, TokenizerOpts::default());
    // It stops at each script and goes on when it is fed again; nothing runs here.
    while !input.is_empty() {
        let _ = tokenizer.feed(&input);
    }
    tokenizer.end();
    tokenizer.sink.end_text();
    let mut parts = tokenizer.sink.parts.into_inner();
    parts.faults.dedup();
    parts.faults.truncate(MOST_FAULTS);
    parts
}

struct Sink<'a> {
    pointer: &'a str,
    is_link: &'a dyn Fn(&str) -> bool,
    parts: RefCell<Parts>,
    text: RefCell<String>,
}

impl Sink<'_> {
    fn fault(&self, code: &'static str, name: &'static str, value: &str) {
        let value: String = value.chars().take(200).collect();
        self.parts.borrow_mut().faults.push(FieldError::new(self.pointer, code).with(name, value));
    }

    /// What stood between two elements has come to its end.
    fn end_text(&self) {
        let text = std::mem::take(&mut *self.text.borrow_mut());
        let tags = super::tags::scan_loosely(&text);
        self.parts.borrow_mut().order.extend(tags.into_iter().map(str::to_owned));
    }

    fn element(&self, element: &Element) {
        let name = &*element.name;
        if !ELEMENTS.contains(&name) {
            self.fault("element_not_allowed", "element", name);
        }
        if element.kind == TagKind::EndTag {
            return;
        }
        // Parsers put it in by themselves.
        if name != "tbody" {
            self.parts.borrow_mut().order.push(format!("<{name}>"));
        }
        for attribute in &element.attrs {
            let (attribute, value) = (&*attribute.name.local, &*attribute.value);
            let classes = CLASSES.iter().find(|(of, _)| *of == name).map_or(&[][..], |(_, classes)| classes);
            match attribute {
                "href" if name == "a" => self.link(value),
                "class" if !classes.is_empty() => {
                    for class in value.split_ascii_whitespace().filter(|class| !classes.contains(class)) {
                        self.fault("class_not_allowed", "class", class);
                    }
                }
                _ if attribute.contains("{{") => self.fault("placeholder_in_markup", "placeholder", attribute),
                _ => self.fault("attribute_not_allowed", "attribute", attribute),
            }
        }
    }

    fn link(&self, value: &str) {
        if let Some(name) = value.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}")) {
            if !(self.is_link)(name.trim_matches(' ')) {
                self.fault("placeholder_in_markup", "placeholder", value);
            }
            return;
        }
        if value.contains("{{") {
            return self.fault("placeholder_in_markup", "placeholder", value);
        }
        let leads = |url: &Url| match url.scheme() {
            "https" | "http" => url.has_host(),
            scheme => SCHEMES.contains(&scheme) && !url.path().is_empty(),
        };
        if !Url::parse(value).is_ok_and(|url| leads(&url)) {
            self.fault("malformed_link", "link", value);
        }
    }
}

impl TokenSink for Sink<'_> {
    type Handle = ();

    fn process_token(&self, token: Token, _: u64) -> TokenSinkResult<()> {
        match token {
            Token::CharacterTokens(text) => self.text.borrow_mut().push_str(&text),
            Token::TagToken(element) => {
                self.end_text();
                self.element(&element);
            }
            Token::CommentToken(_) => self.fault("element_not_allowed", "element", "!--"),
            Token::DoctypeToken(_) => self.fault("element_not_allowed", "element", "!doctype"),
            // The text has none: it was refused with the other control characters.
            Token::NullCharacterToken | Token::ParseError(_) | Token::EOFToken => {}
        }
        TokenSinkResult::Continue
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clean(body: &str) -> Result<String, Vec<&'static str>> {
        cleaned(body, "/body", |name| name == "links.unsubscribe")
            .map_err(|faults| faults.into_iter().map(|fault| fault.code).collect())
    }

    #[test]
    fn what_people_write_stays_as_it_is() {
        for body in [
            "<h1>Dag {{contact.name}}</h1><p class=\"quiet\">a &amp; b<br>c</p>",
            "{{#if contact.name}}<p>{{contact.name}}</p>{{else}}<p>u</p>{{/if}}",
            "<p class=\"action\"><a class=\"button\" href=\"https://efacture.belgium.be/?a=1\">x</a></p>",
            "<a href=\"{{links.unsubscribe}}\">x</a><a href=\"mailto:an@maes.example\">y</a>",
            "<ul><li>één</li><li>twee</li></ul><table><tbody><tr><td>{{client.name}}</td></tr></tbody></table>",
        ] {
            let cleaned = clean(body).unwrap();
            let sorted = |text: &str| {
                let mut c: Vec<char> = text.chars().collect();
                c.sort_unstable();
                c
            };
            assert_eq!(sorted(&cleaned), sorted(body), "{cleaned}");
        }
    }

    #[test]
    fn what_must_not_be_sent_is_named() {
        for (body, code) in [
            ("<script>alert(1)</script>", "element_not_allowed"),
            ("<img src=x>", "element_not_allowed"),
            ("<svg/onload=alert(1)>", "element_not_allowed"),
            ("<p><!-- x --></p>", "element_not_allowed"),
            ("<!doctype html><p>x</p>", "element_not_allowed"),
            ("<p onclick=x>y</p>", "attribute_not_allowed"),
            ("<p style=\"color:red\">y</p>", "attribute_not_allowed"),
            ("<p class=\"sheet\">y</p>", "class_not_allowed"),
            ("<a href=\"javascript:alert(1)\">y</a>", "malformed_link"),
            ("<a href=\" java&#10;script:alert(1)\">y</a>", "malformed_link"),
            ("<a href=\"https:\">y</a>", "malformed_link"),
            ("<a href=\"www.maes.example\">y</a>", "malformed_link"),
            ("<a href=\"data:text/html,x\">y</a>", "malformed_link"),
            ("<a href=\"https://x.example/{{client.name}}\">y</a>", "placeholder_in_markup"),
            ("<a href=\"{{client.email}}\">y</a>", "placeholder_in_markup"),
            ("<a href=\"{{links.unsubscribe}}{{links.unsubscribe}}\">y</a>", "placeholder_in_markup"),
            ("<p {{client.name}}>y</p>", "placeholder_in_markup"),
            ("<table>{{#if a.b}}<tr><td>x</td></tr>{{/if}}</table>", "misnested_markup"),
            ("<li><table><p>x</p></table></li>", "misnested_markup"),
        ] {
            assert!(clean(body).unwrap_err().contains(&code), "{body}: {:?}", clean(body));
        }
    }
}
