//! A text that Handlebars has read, ready to be written out piece by piece. Handlebars looks every name up in a document anew
//! and copies what it finds; a campaign writes the same text thousands of times, and templates may only name values, choose by
//! them and show a signature's lines. What says more than that (the layout may be the installation's own) stays with Handlebars.

use handlebars::Template;
use handlebars::template::{HelperTemplate, TemplateElement};

/// The lines of a signature, the one thing that may be gone through.
const LINES: &str = "letter.signature";
const LINE: &str = "this";
const IS_FIRST: &str = "@first";

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Value(String),
    /// By a name, whether it must have a value; the pieces for that and the others.
    Choice(String, bool, Vec<Piece>, Vec<Piece>),
    Lines(Vec<Piece>),
}

/// The pieces of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pieces(Vec<Piece>);

/// What a text is written out with.
pub(super) struct Scope<'a, V, E> {
    /// The value of a name; nothing when it has none.
    pub value: V,
    /// How a value stands in the text.
    pub escape: E,
    /// The lines of the signature.
    pub lines: &'a [&'a str],
    /// The most bytes that come out.
    pub largest: usize,
}

/// It would be larger than it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLarge;

impl Pieces {
    /// The pieces of what Handlebars read; nothing when they are not all of those that are known here. `is_known` says which
    /// names have values or could have.
    pub(super) fn of(read: &Template, is_known: &dyn Fn(&str) -> bool) -> Option<Self> {
        pieces(read, is_known, false).map(Self)
    }

    /// Writes them out.
    pub(super) fn write<'v, V, E>(&self, scope: &Scope<'_, V, E>) -> Result<String, TooLarge>
    where
        V: Fn(&str) -> Option<&'v str>,
        E: Fn(&str) -> String,
    {
        let mut out = String::with_capacity(16 * 1024);
        write(&self.0, scope, None, &mut out)?;
        Ok(out)
    }
}

fn pieces(read: &Template, is_known: &dyn Fn(&str) -> bool, in_line: bool) -> Option<Vec<Piece>> {
    let piece = |element: &TemplateElement| match element {
        TemplateElement::RawString(text) => Some(Piece::Text(text.clone())),
        TemplateElement::Expression(value) if value.params.is_empty() && value.hash.is_empty() => {
            let name = value.name.as_name().filter(|name| is_known(name) || (in_line && *name == LINE))?;
            Some(Piece::Value(name.to_owned()))
        }
        TemplateElement::HelperBlock(block) => choice_or_lines(block, is_known, in_line),
        _ => None,
    };
    read.elements.iter().map(piece).collect()
}

fn choice_or_lines(block: &HelperTemplate, is_known: &dyn Fn(&str) -> bool, in_line: bool) -> Option<Piece> {
    let [by] = block.params.as_slice() else { return None };
    let by = by.as_name().filter(|_| block.hash.is_empty() && block.block_param.is_none())?;
    let within = |part: &Option<Template>, in_line| match part {
        Some(part) => pieces(part, is_known, in_line),
        None => Some(Vec::new()),
    };
    match block.name.as_name()? {
        word @ ("if" | "unless") if is_known(by) || by == LINES || (in_line && by == IS_FIRST) => {
            let (then, other) = (within(&block.template, in_line)?, within(&block.inverse, in_line)?);
            Some(Piece::Choice(by.to_owned(), word == "if", then, other))
        }
        "each" if by == LINES && !in_line && block.inverse.is_none() => {
            Some(Piece::Lines(within(&block.template, true)?))
        }
        _ => None,
    }
}

/// `line` is the line that stands for itself, and whether it is the first.
fn write<'v, V, E>(
    pieces: &[Piece],
    scope: &Scope<'_, V, E>,
    line: Option<(&str, bool)>,
    out: &mut String,
) -> Result<(), TooLarge>
where
    V: Fn(&str) -> Option<&'v str>,
    E: Fn(&str) -> String,
{
    for piece in pieces {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Value(name) => {
                let own = line.filter(|_| name == LINE).map(|(line, _)| line);
                if let Some(value) = own.or_else(|| (scope.value)(name)) {
                    out.push_str(&(scope.escape)(value));
                }
            }
            Piece::Choice(name, wanted, then, other) => {
                let is_there = match name.as_str() {
                    LINES => !scope.lines.is_empty(),
                    IS_FIRST => line.is_some_and(|(_, is_first)| is_first),
                    name => (scope.value)(name).is_some_and(|value| !value.is_empty()),
                };
                write(if is_there == *wanted { then } else { other }, scope, line, out)?;
            }
            Piece::Lines(each) => {
                for (at, line) in scope.lines.iter().enumerate() {
                    write(each, scope, Some((line, at == 0)), out)?;
                }
            }
        }
        if out.len() > scope.largest {
            return Err(TooLarge);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use handlebars::Handlebars;
    use serde_json::json;

    use super::*;

    const KNOWN: [&str; 3] = ["a.b", "a.c", "letter.sender"];

    fn of(text: &str) -> Option<Pieces> {
        Pieces::of(&Template::compile(text).unwrap(), &|name| KNOWN.contains(&name))
    }

    #[test]
    fn a_text_comes_out_as_from_handlebars() {
        let texts = [
            "x {{a.b}} y {{ a.c }}{{letter.sender}}",
            "{{#if a.b}}one{{else}}two{{/if}}{{#unless a.c}}three{{else}}four{{/unless}}",
            "a\n{{#if a.b}}\n  {{#unless a.b}}no{{else}}{{a.b}}{{/unless}}\n{{/if}}\nb\n{{#if a.c}}\nc\n{{/if}}\n",
            "{{#if letter.signature}}<p>{{#each letter.signature}}{{#unless @first}}<br>{{/unless}}{{this}}{{/each}}</p>{{/if}}",
        ];
        for (b, lines) in [(Some("<B> & 'b' = `é`"), vec!["An & co", "Gent"]), (None, Vec::new())] {
            let document = json!({ "a": { "b": b, "c": null }, "letter": { "sender": "An", "signature": lines } });
            let value = |name: &str| match name {
                "a.b" => b,
                "letter.sender" => Some("An"),
                _ => None,
            };
            let scope = Scope { value, escape: handlebars::html_escape, lines: &lines, largest: 1_000 };
            for text in texts {
                let said = Handlebars::new().render_template(text, &document).unwrap();
                assert_eq!(of(text).unwrap().write(&scope).unwrap(), said, "{text}");
            }
            let small = Scope { value, escape: handlebars::html_escape, lines: &lines, largest: 2 };
            assert_eq!(of("abc").unwrap().write(&small), Err(TooLarge));
        }
    }

    #[test]
    fn what_else_handlebars_can_do_is_left_to_it() {
        for text in [
            "{{{a.b}}}",
            "{{a.x}}",
            "{{#if a.x}}{{/if}}",
            "{{#each a.b}}{{/each}}",
            "{{#with a}}{{b}}{{/with}}",
            "{{> a}}",
            "{{! a}}",
            "{{this}}",
            "{{lookup a b}}",
            "{{#if a.b includeZero=true}}{{/if}}",
        ] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
