//! The filter tree: how callers write it, and what it asks of columns.
//!
//! A filter is `{"and": […]}`, `{"or": […]}`, `{"not": …}`, or a condition `{"field": …, "op": …, "value": …}`. Lists, saved
//! views, selections and exports all take this one tree.

use std::ops::Bound;

use serde_json::{Map, Value};

use super::columns::Bits;
use super::conditions::Test;
use super::operands::{self, Ground, Point};
use super::rows::Rows;
use super::subjects::{ColumnId, Kind, Subject};
use crate::kernel::error::FieldError;
use crate::kernel::text;

/// How deep conditions may be nested.
pub const DEEPEST: usize = 10;
/// The most conditions of one filter.
pub const MOST_CONDITIONS: usize = 100;
/// The most values of one condition.
pub const MOST_VALUES: usize = 1_000;

/// A filter that has been checked against a practice's fields.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// All of these; everyone when there are none.
    And(Vec<Node>),
    /// At least one of these; nobody when there are none.
    Or(Vec<Node>),
    /// Not this.
    Not(Box<Node>),
    /// A value in this column passes the test.
    Is(ColumnId, Test),
}

impl Node {
    /// The clients that pass.
    pub fn rows(&self, rows: &Rows<'_>) -> Bits {
        let count = rows.keys.len();
        match self {
            Self::And(parts) => {
                let mut parts = parts.iter();
                let Some(first) = parts.next() else { return Bits::all(count) };
                parts.fold(first.rows(rows), |mut found, part| {
                    found.and(&part.rows(rows));
                    found
                })
            }
            Self::Or(parts) => parts.iter().fold(Bits::none(count), |mut found, part| {
                found.or(&part.rows(rows));
                found
            }),
            Self::Not(part) => {
                let mut found = part.rows(rows);
                found.invert();
                found
            }
            Self::Is(column, test) => {
                rows.column(*column).map_or_else(|| Bits::none(count), |column| test.rows(column, count))
            }
        }
    }

    /// The columns that it asks.
    pub fn columns(&self, found: &mut Vec<ColumnId>) {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().for_each(|part| part.columns(found)),
            Self::Not(part) => part.columns(found),
            Self::Is(column, _) => {
                if !found.contains(column) {
                    found.push(*column);
                }
            }
        }
    }
}

/// Reads a filter tree against a practice's fields; `pointer` is where it stands in the input.
///
/// # Errors
/// An entry for each wrong part, under its own pointer: `wrong_filter`, `too_deep`, `too_many`, `unknown_field`,
/// `wrong_operator`, `value_missing`, `wrong_type`, `unknown_option`, `malformed_date`, `malformed_instant`.
pub fn read(filter: &Value, ground: &Ground<'_>, pointer: &str) -> Result<Node, Vec<FieldError>> {
    read_noting(filter, ground, pointer).map(|(node, _)| node)
}

/// The same, and why it means nobody although it is right: `no_own_solution`, while the practice has named none.
///
/// # Errors
/// As [`read`].
pub fn read_noting(
    filter: &Value,
    ground: &Ground<'_>,
    pointer: &str,
) -> Result<(Node, Vec<FieldError>), Vec<FieldError>> {
    let mut reader = Reader { ground, wrong: Vec::new(), notes: Vec::new(), conditions: 0 };
    match reader.node(filter, pointer, 0) {
        Some(node) if reader.wrong.is_empty() => {
            // Whoever is "not at the practice's own solution" would be everybody, which is nobody's question.
            let node = if reader.notes.is_empty() { node } else { Node::Or(Vec::new()) };
            Ok((node, reader.notes))
        }
        _ => Err(reader.wrong),
    }
}

struct Reader<'a> {
    ground: &'a Ground<'a>,
    wrong: Vec<FieldError>,
    notes: Vec<FieldError>,
    conditions: usize,
}

impl Reader<'_> {
    fn node(&mut self, filter: &Value, pointer: &str, depth: usize) -> Option<Node> {
        if depth > DEEPEST {
            self.wrong.push(FieldError::new(pointer, "too_deep").with("max", DEEPEST));
            return None;
        }
        let Some(parts) = filter.as_object() else {
            return self.refuse(FieldError::new(pointer, "wrong_filter"));
        };
        if parts.contains_key("field") {
            return self.condition(parts, pointer);
        }
        let mut named = parts.iter();
        match (named.next(), named.next()) {
            (Some((name, Value::Array(items))), None) if name == "and" || name == "or" => {
                let read: Vec<Option<Node>> = items
                    .iter()
                    .enumerate()
                    .map(|(at, item)| self.node(item, &format!("{pointer}/{name}/{at}"), depth + 1))
                    .collect();
                let read = read.into_iter().collect::<Option<Vec<Node>>>()?;
                Some(if name == "and" { Node::And(read) } else { Node::Or(read) })
            }
            (Some((name, item)), None) if name == "not" => {
                Some(Node::Not(Box::new(self.node(item, &format!("{pointer}/not"), depth + 1)?)))
            }
            _ => self.refuse(FieldError::new(pointer, "wrong_filter")),
        }
    }

    fn refuse(&mut self, error: FieldError) -> Option<Node> {
        self.wrong.push(error);
        None
    }

    fn condition(&mut self, parts: &Map<String, Value>, pointer: &str) -> Option<Node> {
        self.conditions += 1;
        if self.conditions > MOST_CONDITIONS {
            return self.refuse(FieldError::new(pointer, "too_many").with("max", MOST_CONDITIONS));
        }
        if parts.keys().any(|key| !matches!(key.as_str(), "field" | "op" | "value")) {
            return self.refuse(FieldError::new(pointer, "wrong_filter"));
        }
        let name = parts.get("field").and_then(Value::as_str).unwrap_or_default();
        let Some(subject) = Subject::named(name, self.ground.catalogue) else {
            return self.refuse(FieldError::new(format!("{pointer}/field"), "unknown_field"));
        };
        let op = parts.get("op").and_then(Value::as_str).unwrap_or_default();
        let value = parts.get("value").unwrap_or(&Value::Null);
        let own_seats = operands::own_seats(name, op, value, self.ground.catalogue);
        if own_seats.as_ref().and_then(Value::as_array).is_some_and(Vec::is_empty) {
            self.notes.push(FieldError::new(format!("{pointer}/value"), "no_own_solution"));
        }
        match self.asked(&subject, op, own_seats.as_ref().unwrap_or(value)) {
            Ok(node) => Some(node),
            Err(Fault::Operator) => {
                let ops = operators(&subject).join(", ");
                self.refuse(FieldError::new(format!("{pointer}/op"), "wrong_operator").with("values", ops))
            }
            Err(Fault::Value(error)) => {
                let pointer = format!("{pointer}/value{}", error.pointer);
                self.refuse(FieldError { pointer, ..error })
            }
        }
    }

    fn asked(&self, subject: &Subject<'_>, op: &str, value: &Value) -> Result<Node, Fault> {
        if !operators(subject).contains(&op) {
            return Err(Fault::Operator);
        }
        if value.is_null() && !matches!(op, "filled" | "empty") {
            return Err(Fault::Value(FieldError::new("", "value_missing")));
        }
        let is = |test| {
            let is = Node::Is(subject.column, test);
            match self.ground.concerned(subject) {
                // No test passes where there is no value, and what does not concern a client is none.
                Some(concerned) => Node::And(vec![concerned.clone(), is]),
                None => is,
            }
        };
        let not = |node| Node::Not(Box::new(node));
        Ok(match op {
            "filled" => is(Test::Filled),
            "empty" => not(is(Test::Filled)),
            "eq" | "ne" if subject.kind == Kind::Lasting => {
                let lasts = is(Test::Within(Bound::Included(self.ground.today()), Bound::Unbounded));
                if operands::flag(value)? == (op == "eq") { lasts } else { not(lasts) }
            }
            "eq" | "one_of" if subject.kind == Kind::Responsible => self.responsible(subject, op, value)?,
            "ne" | "none_of" if subject.kind == Kind::Responsible => not(self.responsible(subject, op, value)?),
            "eq" => is(self.one(subject, value)?),
            "ne" => not(is(self.one(subject, value)?)),
            "one_of" => is(self.any(subject, value)?),
            "none_of" => not(is(self.any(subject, value)?)),
            "matches" => searched(subject.column, &operands::text(value)?),
            "contains" => is(Test::Contains(operands::folded(subject, value)?)),
            "starts_with" => is(Test::StartsWith(operands::folded(subject, value)?)),
            "has_all" => is(Test::AllOptions(self.ground.options(subject, value)?)),
            "set_by" | "set_from" | "set_before" | "set_after" => {
                // Who set a value is asked of the value that is there, not of one that was cleared.
                let setter = ColumnId::SetterOf(subject.number().ok_or(Fault::Operator)?);
                let by = self.on_setter(op, value)?.map_or(Node::Or(Vec::new()), |test| Node::Is(setter, test));
                Node::And(vec![is(Test::Filled), by])
            }
            _ => is(self.range(subject, op, value)?),
        })
    }

    /// One or any of these looks after the client.
    fn responsible(&self, subject: &Subject<'_>, op: &str, value: &Value) -> Result<Node, Fault> {
        let given = match op {
            "eq" | "ne" => vec![operands::text(value)?],
            _ => operands::each(value, &operands::text)?,
        };
        Ok(Node::Or(self.ground.responsible(&given).map(|test| Node::Is(subject.column, test)).into()))
    }

    fn one(&self, subject: &Subject<'_>, value: &Value) -> Result<Test, Fault> {
        Ok(match subject.kind {
            Kind::Flag => Test::Is(operands::flag(value)?),
            Kind::Day | Kind::Instant => {
                let point = self.ground.point(subject.kind, value)?;
                Test::Within(point.ge, point.le)
            }
            Kind::Choices => Test::TheseOptions(self.ground.options(subject, value)?),
            _ => self.any(subject, &Value::Array(vec![value.clone()])).map_err(Fault::without_index)?,
        })
    }

    fn any(&self, subject: &Subject<'_>, value: &Value) -> Result<Test, Fault> {
        let each = |read: &dyn Fn(&Value) -> Result<String, FieldError>| operands::each(value, read);
        Ok(match subject.kind {
            Kind::Text | Kind::Lines | Kind::Word => Test::AnyText(each(&|one| operands::word(subject, one))?),
            Kind::Number | Kind::Amount => {
                Test::AnyNumber(operands::each(value, &|one| operands::number(subject.kind, one))?)
            }
            Kind::Choice => {
                let options = self.ground.options(subject, value)?;
                Test::Named(options.iter().map(i64::to_string).collect())
            }
            Kind::Choices => Test::AnyOption(self.ground.options(subject, value)?),
            Kind::Member | Kind::Client => {
                let named = operands::each(value, &|one| self.ground.named(one))?;
                Test::Named(named.into_iter().flatten().collect())
            }
            Kind::Flag | Kind::Lasting | Kind::Day | Kind::Instant | Kind::Search | Kind::Responsible => {
                return Err(Fault::Operator);
            }
        })
    }

    fn range(&self, subject: &Subject<'_>, op: &str, value: &Value) -> Result<Test, Fault> {
        let point = |value: &Value| self.ground.point(subject.kind, value);
        if op == "between" {
            let [from, to] = operands::pair(value)?;
            let at = |at: usize, found: Result<Point, FieldError>| {
                found.map_err(|error| FieldError { pointer: format!("/{at}{}", error.pointer), ..error })
            };
            return Ok(Test::Within(at(0, point(from))?.ge, at(1, point(to))?.le));
        }
        let point = point(value)?;
        Ok(match op {
            "lt" => Test::Within(Bound::Unbounded, point.lt),
            "lte" => Test::Within(Bound::Unbounded, point.le),
            "gt" => Test::Within(point.gt, Bound::Unbounded),
            _ => Test::Within(point.ge, Bound::Unbounded),
        })
    }

    /// What is asked of whoever or whatever set a value; `None` for what nobody can be.
    fn on_setter(&self, op: &str, value: &Value) -> Result<Option<Test>, Fault> {
        Ok(match op {
            "set_by" => self.ground.actor(value)?.map(Test::SetBy),
            "set_from" => Some(Test::SetFrom(operands::text(value)?)),
            "set_before" => Some(Test::SetWithin(Bound::Unbounded, self.ground.point(Kind::Instant, value)?.lt)),
            _ => Some(Test::SetWithin(self.ground.point(Kind::Instant, value)?.ge, Bound::Unbounded)),
        })
    }
}

/// Why a condition cannot be asked.
enum Fault {
    /// The field has no such operator.
    Operator,
    /// The value; the pointer is relative to it.
    Value(FieldError),
}

impl From<FieldError> for Fault {
    fn from(error: FieldError) -> Self {
        Self::Value(error)
    }
}

impl Fault {
    /// The fault of the one value that was put into a list for the occasion.
    fn without_index(self) -> Self {
        match self {
            Self::Value(error) => Self::Value(FieldError { pointer: error.pointer.replacen("/0", "", 1), ..error }),
            Self::Operator => Self::Operator,
        }
    }
}

/// Each word of a search; a number with dots also as it is kept, which is without.
fn searched(column: ColumnId, given: &str) -> Node {
    let folded = text::fold(given);
    let words = folded.split(' ').filter(|word| !word.is_empty());
    let (spelled, plain): (Vec<&str>, Vec<&str>) = words.partition(|word| operands::is_spelled_number(word));
    let all = |words: &[&str]| Node::Is(column, Test::AllWords(words.iter().map(|word| (*word).to_owned()).collect()));
    let either = |word: &str| Node::Or(vec![all(&[word]), all(&[&operands::compact(word)])]);
    let spelled = spelled.into_iter().map(either);
    let mut nodes: Vec<Node> = spelled.collect();
    if nodes.is_empty() || !plain.is_empty() {
        nodes.push(all(&plain));
    }
    Node::And(nodes)
}

/// The operators that a subject has.
pub fn operators(subject: &Subject<'_>) -> Vec<&'static str> {
    let own: &[&str] = match subject.kind {
        Kind::Text | Kind::Lines | Kind::Word | Kind::Responsible => {
            &["filled", "empty", "eq", "ne", "one_of", "none_of", "contains", "starts_with"]
        }
        Kind::Search => &["matches"],
        Kind::Number | Kind::Amount => {
            &["filled", "empty", "eq", "ne", "one_of", "none_of", "lt", "lte", "gt", "gte", "between"]
        }
        Kind::Day | Kind::Instant => &["filled", "empty", "eq", "ne", "lt", "lte", "gt", "gte", "between"],
        Kind::Flag => &["filled", "empty", "eq", "ne"],
        Kind::Lasting => &["eq", "ne"],
        Kind::Choice | Kind::Member | Kind::Client => &["filled", "empty", "eq", "ne", "one_of", "none_of"],
        Kind::Choices => &["filled", "empty", "eq", "ne", "one_of", "none_of", "has_all"],
    };
    let setter: &[&str] =
        if subject.number().is_some() { &["set_by", "set_from", "set_before", "set_after"] } else { &[] };
    own.iter().chain(setter).copied().collect()
}
