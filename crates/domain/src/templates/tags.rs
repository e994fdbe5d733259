//! Placeholders: the part of Handlebars that templates may use. `{{name}}` stands for a value, `{{#if name}}`,
//! `{{#unless name}}`, `{{else}}`, `{{/if}}` and `{{/unless}}` choose by whether there is one; nothing else is let through, so
//! a template cannot loop, call or reach anything.

use std::collections::BTreeSet;

use crate::kernel::error::FieldError;

/// How deep choices may stand within each other.
const DEEPEST: usize = 5;
/// The most placeholders of one text.
const MOST: usize = 500;

/// One placeholder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tag<'a> {
    /// The value of a variable.
    Value(&'a str),
    /// What follows stands there when the variable has a value (`true`), or when it has none.
    When(&'a str, bool),
    /// The other choice.
    Else,
    /// The end of a choice by [`Tag::When`].
    End(bool),
}

/// The placeholders of a text in their order, with the byte at which each begins.
///
/// # Errors
/// `malformed_placeholder`, `unbalanced_placeholder` or `too_many_placeholders` at `pointer`.
pub fn scan<'a>(text: &'a str, pointer: &str) -> Result<Vec<(usize, Tag<'a>)>, FieldError> {
    let malformed = |shown: &str| {
        let shown: String = shown.chars().take(80).collect();
        FieldError::new(pointer, "malformed_placeholder").with("placeholder", shown)
    };
    let (mut tags, mut open, mut from) = (Vec::new(), Vec::new(), 0);
    while let Some(start) = text.get(from..).and_then(|rest| rest.find("{{")).map(|at| from + at) {
        let rest = text.get(start..).unwrap_or_default();
        let within = rest.get(2..).and_then(|rest| rest.find("}}")).and_then(|end| rest.get(2..end + 2));
        let within = within.ok_or_else(|| malformed(rest))?;
        // A backslash in front would make Handlebars take what follows for plain text.
        let is_escaped = text.get(..start).is_some_and(|before| before.ends_with('\\'));
        let tag = read(within).filter(|_| !is_escaped).ok_or_else(|| malformed(&format!("{{{{{within}}}}}")))?;
        follow(tag, &mut open).ok_or_else(|| {
            FieldError::new(pointer, "unbalanced_placeholder").with("placeholder", format!("{{{{{within}}}}}"))
        })?;
        tags.push((start, tag));
        if tags.len() > MOST {
            return Err(FieldError::new(pointer, "too_many_placeholders").with("max", MOST));
        }
        from = start + within.len() + 4;
        if text.get(from..).is_some_and(|rest| rest.starts_with('}')) {
            return Err(malformed(&format!("{{{{{within}}}}}}}")));
        }
    }
    match open.pop() {
        None => Ok(tags),
        Some((is_when, _)) => {
            let missing = if is_when { "{{/if}}" } else { "{{/unless}}" };
            Err(FieldError::new(pointer, "unbalanced_placeholder").with("placeholder", missing))
        }
    }
}

/// The placeholders of a part of a text, as they are written, whatever they are.
pub fn scan_loosely(text: &str) -> Vec<&str> {
    let written = |part: &'_ str| part.find("}}").map(|end| end + 2);
    text.match_indices("{{")
        .filter_map(|(at, _)| {
            let rest = text.get(at..)?;
            rest.get(..written(rest)?)
        })
        .collect()
}

/// Keeps account of open choices, each with whether its other one has begun; `None` for what does not fit.
fn follow(tag: Tag<'_>, open: &mut Vec<(bool, bool)>) -> Option<()> {
    match tag {
        Tag::Value(_) => {}
        Tag::When(_, is_when) => {
            open.push((is_when, false));
            if open.len() > DEEPEST {
                return None;
            }
        }
        Tag::Else => {
            let (_, has_other) = open.last_mut()?;
            if std::mem::replace(has_other, true) {
                return None;
            }
        }
        Tag::End(is_when) => {
            if open.pop()?.0 != is_when {
                return None;
            }
        }
    }
    Some(())
}

fn read(within: &str) -> Option<Tag<'_>> {
    let within = within.trim_matches(' ');
    let named = |rest: &'_ str| is_name(rest.trim_start_matches(' ')).then_some(());
    if let Some(rest) = within.strip_prefix("#if ") {
        return named(rest).map(|()| Tag::When(rest.trim_start_matches(' '), true));
    }
    if let Some(rest) = within.strip_prefix("#unless ") {
        return named(rest).map(|()| Tag::When(rest.trim_start_matches(' '), false));
    }
    match within {
        "else" => Some(Tag::Else),
        "/if" => Some(Tag::End(true)),
        "/unless" => Some(Tag::End(false)),
        name => is_name(name).then_some(Tag::Value(name)),
    }
}

/// `group.name`, of small letters, digits and underscores.
fn is_name(text: &str) -> bool {
    let is_part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_lowercase())
            && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    text.split_once('.').is_some_and(|(group, name)| is_part(group) && is_part(name))
}

/// The variables that placeholders name.
pub fn names<'a>(tags: &[(usize, Tag<'a>)]) -> BTreeSet<&'a str> {
    let name = |(_, tag): &(usize, Tag<'a>)| match tag {
        Tag::Value(name) | Tag::When(name, _) => Some(*name),
        Tag::Else | Tag::End(_) => None,
    };
    tags.iter().filter_map(name).collect()
}

/// The variables whose values are asked for where no choice makes sure of them.
pub fn asked_for<'a>(tags: &[(usize, Tag<'a>)]) -> BTreeSet<&'a str> {
    let (mut asked, mut sure) = (BTreeSet::new(), Vec::new());
    for (_, tag) in tags {
        match tag {
            Tag::Value(name) if !sure.contains(&(*name, true)) => {
                asked.insert(*name);
            }
            Tag::Value(_) => {}
            Tag::When(name, is_when) => sure.push((*name, *is_when)),
            Tag::Else => {
                if let Some(last) = sure.last_mut() {
                    last.1 = !last.1;
                }
            }
            Tag::End(_) => {
                sure.pop();
            }
        }
    }
    asked
}

/// The variables that would be asked for a value that they do not have, choices being made as the text makes them.
pub fn missing<'a>(tags: &[(usize, Tag<'a>)], has: impl Fn(&str) -> bool) -> BTreeSet<&'a str> {
    let (mut missing, mut shown) = (BTreeSet::new(), Vec::new());
    for (_, tag) in tags {
        match tag {
            Tag::Value(name) if shown.iter().all(|shown| *shown) && !has(name) => {
                missing.insert(*name);
            }
            Tag::Value(_) => {}
            Tag::When(name, is_when) => shown.push(has(name) == *is_when),
            Tag::Else => {
                if let Some(last) = shown.last_mut() {
                    *last = !*last;
                }
            }
            Tag::End(_) => {
                shown.pop();
            }
        }
    }
    missing
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> &'static str {
        scan(text, "/body").map_or_else(|fault| fault.code, |_| "")
    }

    #[test]
    fn only_values_and_choices_are_let_through() {
        for right in [
            "",
            "no braces, {one} } }}",
            "{{client.name}}, {{ client.name }}",
            "{{#if contact.name}}a{{else}}b{{/if}}",
            "{{#unless fields.x_1}}{{#if a.b}}{{a.b}}{{/if}}{{/unless}}",
        ] {
            assert_eq!(code(right), "", "{right}");
        }
        for wrong in [
            "{{{client.name}}}",
            "{{&client.name}}",
            "{{client.name",
            "{{client.name}}}",
            "{{client}}",
            "{{this}}",
            "{{../client.name}}",
            "{{@root.client}}",
            "{{#each client.name}}{{/each}}",
            "{{> client.name}}",
            "{{! client.name}}",
            "{{~client.name}}",
            "{{lookup client.name 1}}",
            "{{#if (eq client.name 1)}}{{/if}}",
            "\\{{client.name}}",
            "{{client.name.length}}",
            "{{client.[name]}}",
            "{{client.name\n}}",
            "{{{{raw}}}}x{{{{/raw}}}}",
            "{{else if a.b}}",
        ] {
            assert_eq!(code(wrong), "malformed_placeholder", "{wrong}");
        }
        for wrong in [
            "{{#if a.b}}",
            "{{/if}}",
            "{{else}}",
            "{{#if a.b}}{{/unless}}",
            "{{#if a.b}}{{else}}{{else}}{{/if}}",
            &"{{#if a.b}}".repeat(6),
        ] {
            assert_eq!(code(wrong), "unbalanced_placeholder", "{wrong}");
        }
        assert_eq!(code(&"{{a.b}}".repeat(501)), "too_many_placeholders");
    }

    #[test]
    fn what_is_missing_follows_the_choices() {
        let text = "{{a.a}}{{#if b.b}}{{b.b}}{{c.c}}{{else}}{{d.d}}{{/if}}{{#unless b.b}}{{e.e}}{{/unless}}";
        let tags = scan(text, "/body").unwrap();
        assert_eq!(names(&tags).len(), 5);
        let missing = |there: &[&str]| missing(&tags, |name| there.contains(&name)).into_iter().collect::<Vec<_>>();
        assert_eq!(missing(&["a.a"]), ["d.d", "e.e"]);
        assert_eq!(missing(&["b.b"]), ["a.a", "c.c"]);
        assert_eq!(missing(&["a.a", "b.b", "c.c"]), [""; 0]);
    }
}
