//! How many clients have each value of a field, for those fields whose values many clients share.

use std::collections::HashMap;

use serde_json::Value;

use super::columns::{Bits, Column, MISSING};
use super::conditions::NAME_END;
use super::list::{Asker, Listing, Lists};
use super::subjects::{Kind, Subject};
use crate::custom_fields::{Catalogue, Names};
use crate::kernel::catalogue::{self, Language};
use crate::kernel::db::Conn;
use crate::kernel::error::{Error, FieldError, Result};
use crate::kernel::{readings, text};

/// A value and how many clients have it.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueCount {
    /// As a filter takes it: a word, yes or no, an option's, member's or client's identifier; null for clients without one.
    pub value: Value,
    /// What people read; `None` for clients without a value.
    pub label: Option<String>,
    /// Clients with the value.
    pub count: usize,
}

/// The values of a field among the clients that match.
#[derive(Debug, Clone)]
pub struct Counts {
    /// The most frequent first; the clients without a value last.
    pub values: Vec<ValueCount>,
    /// The clients that match; fewer than all counts together where a client can have several values.
    pub total: usize,
}

/// A value before it has a label: its stable name, what stands on the card, and its number.
struct Counted {
    name: String,
    read: String,
    count: usize,
}

impl Lists {
    /// Counts the values of the field that is called `by` among the clients that match.
    ///
    /// # Errors
    /// As [`Lists::page`]; [`Error::Invalid`] on `/by` with `unknown_field`, or `not_countable` for a field whose values
    /// clients do not share.
    pub fn counts(
        &self,
        conn: &mut Conn,
        asker: &Asker<'_>,
        listing: &Listing,
        (by, language): (&str, Language),
    ) -> Result<Counts> {
        let mut kind = None;
        let looked = self.look(
            conn,
            (asker, listing),
            |plan, ground| {
                let subject = countable(by, ground.catalogue)?;
                plan.columns.push(subject.column);
                kind = Some(subject.kind);
                let concerned = ground.concerned(&subject).cloned();
                concerned.iter().for_each(|node| node.columns(&mut plan.columns));
                Ok((subject.column, concerned, (subject.kind, ground.today())))
            },
            |rows, seen| {
                let mut matching = seen.plan.node.rows(rows);
                let (total, (column, concerned, (kind, today))) = (matching.count(), seen.asked);
                concerned.iter().for_each(|node| matching.and(&node.rows(rows)));
                let unconcerned = total - matching.count();
                let counted = match (rows.column(column), kind) {
                    (Some(Column::Numbers(days)), Kind::Lasting) => {
                        let flags = days.iter().map(|day| 1 + u8::from(*day >= today)).collect();
                        count(&Column::Flags(flags), &matching)
                    }
                    (column, _) => column.map(|column| count(column, &matching)).unwrap_or_default(),
                };
                ((unconcerned + counted.0, counted.1), total, seen.catalogue)
            },
            |_, looked| Ok(looked),
        )?;
        let (counted, total, catalogue) = looked;
        let (missing, counted) = counted;
        let names = names_in(conn, asker, kind, &counted)?;
        let label = |counted: &Counted| label_of(by, kind, counted, (&catalogue, &names, language));
        let mut values: Vec<ValueCount> = merged(kind, counted)
            .iter()
            .map(|counted| ValueCount {
                value: value_of(kind, counted, &catalogue),
                label: Some(label(counted)),
                count: counted.count,
            })
            .collect();
        values.sort_by_cached_key(|value| (std::cmp::Reverse(value.count), value.label.as_deref().map(text::fold)));
        values.push(ValueCount { value: Value::Null, label: None, count: missing });
        Ok(Counts { values, total })
    }
}

fn countable<'a>(by: &str, catalogue: &'a Catalogue) -> Result<Subject<'a>> {
    let subject = Subject::named(by, catalogue).ok_or_else(|| Error::invalid("/by", "unknown_field"))?;
    match subject.kind {
        Kind::Word
        | Kind::Choice
        | Kind::Choices
        | Kind::Flag
        | Kind::Lasting
        | Kind::Member
        | Kind::Responsible
        | Kind::Client => Ok(subject),
        Kind::Text | Kind::Lines | Kind::Search | Kind::Number | Kind::Amount | Kind::Day | Kind::Instant => {
            Err(Error::Invalid(vec![FieldError::new("/by", "not_countable").with("field", by)]))
        }
    }
}

/// The clients of the set without a value, and its values with their numbers.
fn count(column: &Column, among: &Bits) -> (usize, Vec<Counted>) {
    let tally = |codes: &[u32], values: usize| {
        let mut numbers = vec![0_usize; values + 1];
        let met = among.rows().map(|row| codes.get(row).copied().unwrap_or(MISSING));
        met.for_each(|code| {
            if let Some(number) = numbers.get_mut(code as usize) {
                *number += 1;
            }
        });
        numbers
    };
    let named = |(name, count): (&str, usize)| {
        let (name, read) = name.split_once(NAME_END).unwrap_or((name, name));
        Counted { name: name.to_owned(), read: read.to_owned(), count }
    };
    let missing_of = |numbers: &[usize]| numbers.first().copied().unwrap_or_default();
    match column {
        Column::Words { codes, words } => {
            let numbers = tally(codes, words.keys().len());
            let values = words.keys().iter().zip(numbers.iter().skip(1)).filter(|(_, count)| **count > 0);
            (missing_of(&numbers), values.map(|(word, count)| named((word, *count))).collect())
        }
        Column::Flags(flags) => {
            let codes: Vec<u32> = flags.iter().map(|flag| u32::from(*flag)).collect();
            let numbers = tally(&codes, 2);
            let values = ["false", "true"].into_iter().zip(numbers.iter().skip(1)).filter(|(_, count)| **count > 0);
            (missing_of(&numbers), values.map(|(word, count)| named((word, *count))).collect())
        }
        Column::Sets { codes, sets } => {
            let numbers = tally(codes, sets.keys().len());
            let mut options: HashMap<i64, usize> = HashMap::new();
            for (set, count) in sets.keys().iter().zip(numbers.iter().skip(1)).filter(|(_, count)| **count > 0) {
                set.iter().for_each(|option| *options.entry(*option).or_default() += count);
            }
            let values = options.into_iter().map(|(option, count)| named((&option.to_string(), count)));
            (missing_of(&numbers), values.collect())
        }
        Column::Numbers(_) | Column::Texts(_) | Column::Entries { .. } => (0, Vec::new()),
    }
}

/// Words that a filter takes for the same are one value, in their most frequent spelling. So are a member's names.
fn merged(kind: Option<Kind>, counted: Vec<Counted>) -> Vec<Counted> {
    let mut by_key: HashMap<String, Counted> = HashMap::with_capacity(counted.len());
    let mut counted = counted;
    counted.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.read.cmp(&b.read)));
    for one in counted {
        let key = match kind {
            Some(Kind::Word) => text::fold(&one.read),
            Some(Kind::Responsible) if one.name.is_empty() => format!("{NAME_END}{}", text::fold(&one.read)),
            _ => one.name.clone(),
        };
        let count = one.count;
        by_key.entry(key).and_modify(|known| known.count += count).or_insert(one);
    }
    by_key.into_values().collect()
}

/// The names of the members and clients among the values.
fn names_in(conn: &mut Conn, asker: &Asker<'_>, kind: Option<Kind>, counted: &[Counted]) -> Result<Names> {
    match kind {
        Some(Kind::Member | Kind::Responsible | Kind::Client) => {
            Names::of(conn, asker.practice, counted.iter().map(|one| one.name.as_str()))
        }
        _ => Ok(Names::default()),
    }
}

fn option_of<'a>(counted: &Counted, catalogue: &'a Catalogue) -> Option<&'a crate::custom_fields::FieldOption> {
    let key = counted.name.parse::<i64>().ok()?;
    catalogue.fields.iter().find_map(|field| field.option(key))
}

fn value_of(kind: Option<Kind>, counted: &Counted, catalogue: &Catalogue) -> Value {
    match kind {
        Some(Kind::Flag | Kind::Lasting) => Value::from(counted.name == "true"),
        Some(Kind::Choice | Kind::Choices) => {
            option_of(counted, catalogue).map_or(Value::Null, |option| Value::from(option.id.to_string()))
        }
        _ if counted.name.is_empty() => Value::from(counted.read.as_str()),
        _ => Value::from(counted.name.as_str()),
    }
}

fn label_of(
    by: &str,
    kind: Option<Kind>,
    counted: &Counted,
    (catalogue, names, language): (&Catalogue, &Names, Language),
) -> String {
    match kind {
        Some(Kind::Flag | Kind::Lasting) => readings::said(counted.name == "true", language).to_owned(),
        Some(Kind::Choice | Kind::Choices) => {
            option_of(counted, catalogue).map_or_else(String::new, |option| option.label.clone())
        }
        Some(Kind::Member | Kind::Client) => names.get(&counted.name).to_owned(),
        Some(Kind::Responsible) if counted.name.is_empty() => counted.read.clone(),
        Some(Kind::Responsible) => match names.get(&counted.name) {
            // The member has left; the name on the card is what there is.
            id if id == counted.name => counted.read.clone(),
            name => name.to_owned(),
        },
        _ => {
            let key = format!("word.{by}.{}", counted.read);
            if catalogue::has(&key) { catalogue::text(language, &key, &[]) } else { counted.read.clone() }
        }
    }
}
