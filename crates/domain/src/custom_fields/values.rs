//! What a stored value means, for people and programs.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::marker::PhantomData;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::kinds::FieldKind;
use super::model::{Field, FieldOption};
use crate::clients::{self, Client, ClientId, ValueKey, Values};
use crate::identity::{self, MemberId, Practice};
use crate::kernel::catalogue::Language;
use crate::kernel::db::Conn;
use crate::kernel::error::Result;
use crate::kernel::readings;

/// A value as it is shown.
#[derive(Debug, Clone)]
pub enum FieldValue<'a> {
    /// The name of an access point.
    AccessPoint(&'a str),
    /// Text, a number, a day as `YYYY-MM-DD`, a web address.
    Plain(&'a Value),
    /// Yes or no.
    YesNo(bool),
    /// An amount, in cents.
    Amount(i64),
    /// An option.
    Option(&'a FieldOption),
    /// Options, in the field's order.
    Options(Vec<&'a FieldOption>),
    /// A member's identifier.
    Member(&'a str),
    /// A client's identifier.
    Client(&'a str),
    /// A document that is kept elsewhere.
    Document {
        /// What it is called.
        name: &'a str,
        /// Where it is.
        url: &'a str,
    },
}

/// The client's value of `field`, if it has one. The access point comes from the registration facts.
#[must_use]
pub fn shown<'a>(client: &'a Client, field: &'a Field) -> Option<FieldValue<'a>> {
    if field.kind == FieldKind::AccessPoint {
        let facts = &client.facts;
        let registered = matches!(facts.state.as_deref(), Some("registered" | "cannot_receive" | "unknown"));
        return facts.name.as_ref().or(facts.seat.as_ref()).filter(|_| registered).map(|n| FieldValue::AccessPoint(n));
    }
    shown_of(&client.values, field)
}

/// What the value of `field` among `values` means, if there is one.
fn shown_of<'a>(values: &'a Values, field: &'a Field) -> Option<FieldValue<'a>> {
    meant(values.get(&ValueKey(field.key))?, field.kind, &field.options)
}

/// What a stored value of this kind means; `None` when it has another shape than the kind's.
fn meant<'a>(stored: &'a Value, kind: FieldKind, options: &'a [FieldOption]) -> Option<FieldValue<'a>> {
    let text = |stored: &'a Value, key: &str| stored.get(key).and_then(Value::as_str);
    match kind {
        FieldKind::Text | FieldKind::LongText | FieldKind::Number | FieldKind::Date | FieldKind::Link => {
            Some(FieldValue::Plain(stored))
        }
        FieldKind::YesNo => stored.as_bool().map(FieldValue::YesNo),
        FieldKind::Amount => stored.as_i64().map(FieldValue::Amount),
        FieldKind::Choice => {
            let key = stored.as_i64()?;
            options.iter().find(|option| option.key == key).map(FieldValue::Option)
        }
        FieldKind::MultiChoice => {
            let keys: Vec<i64> = stored.as_array()?.iter().filter_map(Value::as_i64).collect();
            Some(FieldValue::Options(options.iter().filter(|option| keys.contains(&option.key)).collect()))
        }
        FieldKind::Member => stored.as_str().map(FieldValue::Member),
        FieldKind::Client => stored.as_str().map(FieldValue::Client),
        FieldKind::Document => Some(FieldValue::Document { name: text(stored, "name")?, url: text(stored, "url")? }),
        FieldKind::AccessPoint => None,
    }
}

/// As many values as most clients have.
const USUAL_VALUES: usize = 16;

/// The custom values of a client as the database wrote them, each as its JSON, by the keys of their fields.
#[derive(Debug, Default)]
pub struct StoredValues<'a>(Vec<(ValueKey, &'a RawValue)>);

impl<'a> StoredValues<'a> {
    /// Reads the document of a client.
    ///
    /// # Errors
    /// When it is none.
    pub fn of(document: &'a str) -> Result<Self> {
        let Self(mut values) = serde_json::from_str(document)?;
        // PostgreSQL keeps them so; SQLite has them as they came.
        if !values.is_sorted_by_key(|(key, _)| *key) {
            values.sort_by_key(|(key, _)| *key);
        }
        Ok(Self(values))
    }

    /// The value of the field with this key, if there is one.
    #[must_use]
    pub fn get(&self, field: i64) -> Option<&'a RawValue> {
        let place = self.0.binary_search_by_key(&ValueKey(field), |(key, _)| *key).ok()?;
        self.0.get(place).map(|(_, value)| *value)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for StoredValues<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Members<'a>(PhantomData<&'a RawValue>);
        impl<'de: 'a, 'a> Visitor<'de> for Members<'a> {
            type Value = StoredValues<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the custom values of a client")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> std::result::Result<Self::Value, A::Error> {
                let mut values = Vec::with_capacity(members.size_hint().unwrap_or(USUAL_VALUES));
                while let Some(member) = members.next_entry()? {
                    values.push(member);
                }
                Ok(StoredValues(values))
            }
        }
        deserializer.deserialize_map(Members(PhantomData))
    }
}

/// What a stored value means that is not shown as the database wrote it; `None` when it is, or has another shape than the kind's.
#[must_use]
pub fn shown_stored<'a>(stored: &'a RawValue, field: &'a Field) -> Option<FieldValue<'a>> {
    let option = |key: i64| field.options.iter().find(|option| option.key == key);
    // Identifiers have nothing in them that JSON spells otherwise.
    let identifier = || stored.get().strip_prefix('"')?.strip_suffix('"');
    match field.kind {
        FieldKind::Choice => option(stored.get().parse().ok()?).map(FieldValue::Option),
        FieldKind::MultiChoice => {
            let keys: Vec<i64> = serde_json::from_str(stored.get()).ok()?;
            Some(FieldValue::Options(field.options.iter().filter(|option| keys.contains(&option.key)).collect()))
        }
        FieldKind::Amount => stored.get().parse().ok().map(FieldValue::Amount),
        FieldKind::YesNo => stored.get().parse().ok().map(FieldValue::YesNo),
        FieldKind::Member => identifier().map(FieldValue::Member),
        FieldKind::Client => identifier().map(FieldValue::Client),
        FieldKind::Text
        | FieldKind::LongText
        | FieldKind::Number
        | FieldKind::Date
        | FieldKind::Link
        | FieldKind::Document
        | FieldKind::AccessPoint => None,
    }
}

/// An amount with its two decimals.
#[must_use]
pub fn amount(cents: i64) -> String {
    let (sign, cents) = (if cents < 0 { "-" } else { "" }, cents.unsigned_abs());
    format!("{sign}{}.{:02}", cents / 100, cents % 100)
}

/// The names of the members and clients that values speak of.
#[derive(Debug, Clone, Default)]
pub struct Names(HashMap<String, String>);

impl Names {
    /// The names of all members and clients among these identifiers.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn of<'a>(conn: &mut Conn, practice: &Practice, ids: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let (mut asks_members, mut sought) = (false, BTreeSet::new());
        for id in ids {
            asks_members |= id.parse::<MemberId>().is_ok();
            sought.extend(id.parse::<ClientId>());
        }
        let mut names = HashMap::new();
        if asks_members {
            let members = identity::members(conn, practice)?;
            names.extend(members.into_iter().map(|member| (member.id.to_string(), member.account.name)));
        }
        if !sought.is_empty() {
            let sought: Vec<ClientId> = sought.into_iter().collect();
            let found = clients::names(conn, practice, &sought)?;
            names.extend(found.into_iter().map(|(id, name)| (id.to_string(), name)));
        }
        Ok(Self(names))
    }

    /// The name, or the identifier itself when nobody has it any more.
    #[must_use]
    pub fn get<'a>(&'a self, id: &'a str) -> &'a str {
        self.0.get(id).map_or(id, String::as_str)
    }
}

/// A value as one line of text for people: options by label, amounts with decimals, members and clients by name.
#[must_use]
pub fn readable(value: &FieldValue<'_>, names: &Names, language: Language) -> String {
    match value {
        FieldValue::AccessPoint(name) => (*name).to_owned(),
        FieldValue::Plain(Value::String(text)) => text.clone(),
        FieldValue::Plain(value) => value.to_string(),
        FieldValue::YesNo(yes) => readings::said(*yes, language).to_owned(),
        FieldValue::Amount(cents) => amount(*cents),
        FieldValue::Option(option) => option.label.clone(),
        FieldValue::Options(options) => {
            options.iter().map(|option| option.label.as_str()).collect::<Vec<_>>().join(", ")
        }
        FieldValue::Member(id) | FieldValue::Client(id) => names.get(id).to_owned(),
        FieldValue::Document { name, url } => format!("{name} ({url})"),
    }
}

/// The same for a stored value of a field whose kind may have been another one.
#[must_use]
pub fn readable_stored(stored: &Value, field: &Field, (names, language): (&Names, Language)) -> String {
    match meant(stored, field.kind, &field.options) {
        Some(value) => readable(&value, names, language),
        None => stored.to_string(),
    }
}

/// A value from the two columns of the change log, which the field held while it was of this kind, as [`readable_stored`]
/// says it.
#[must_use]
pub fn readable_of_log(
    field: &Field,
    kind: FieldKind,
    (number, text): (Option<f64>, Option<&str>),
    (names, language): (&Names, Language),
) -> Option<String> {
    let Some(stored) = stored_of_log(kind, number, text) else {
        return number.map(|number| number.to_string()).or_else(|| text.map(str::to_owned));
    };
    let value = meant(&stored, kind, &field.options);
    Some(value.map_or_else(|| stored.to_string(), |value| readable(&value, names, language)))
}

/// A value from the change log, which the field held while it was of this kind, as people read it. Yes and no stay
/// `true` and `false`, as programs know them.
#[must_use]
pub fn readable_logged(logged: &str, field: &Field, kind: FieldKind, names: &Names) -> String {
    let stored = match kind {
        FieldKind::Amount => logged.parse::<f64>().ok().and_then(whole),
        FieldKind::Choice | FieldKind::MultiChoice | FieldKind::Document => serde_json::from_str(logged).ok(),
        FieldKind::Member | FieldKind::Client => Some(Value::String(logged.to_owned())),
        FieldKind::Text
        | FieldKind::LongText
        | FieldKind::Number
        | FieldKind::Date
        | FieldKind::YesNo
        | FieldKind::Link
        | FieldKind::AccessPoint => None,
    };
    let value = stored.as_ref().and_then(|stored| meant(stored, kind, &field.options));
    value.map_or_else(|| logged.to_owned(), |value| readable(&value, names, Language::En))
}

/// A value as it was stored, from the two columns of the change log, for a field that held this kind then.
#[must_use]
pub fn stored_of_log(kind: FieldKind, stored: Option<f64>, text: Option<&str>) -> Option<Value> {
    match kind {
        FieldKind::Number => stored.map(number),
        FieldKind::Amount | FieldKind::Choice => stored.and_then(whole),
        FieldKind::YesNo | FieldKind::MultiChoice | FieldKind::Document => {
            text.and_then(|text| serde_json::from_str(text).ok())
        }
        FieldKind::Text
        | FieldKind::LongText
        | FieldKind::Date
        | FieldKind::Member
        | FieldKind::Client
        | FieldKind::Link
        | FieldKind::AccessPoint => text.map(Value::from),
    }
}

/// A number as it is stored.
pub(super) fn number(number: f64) -> Value {
    whole(number).unwrap_or_else(|| Value::from(number))
}

/// A whole number as the change log has it, which knows one kind of number only.
#[expect(clippy::cast_possible_truncation, reason = "what is kept whole is far below 2^53")]
fn whole(logged: f64) -> Option<Value> {
    (logged.fract() == 0.0 && logged.abs() < 9e15).then(|| Value::from(logged as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_two_decimals() {
        for (cents, text) in [(0, "0.00"), (5, "0.05"), (-5, "-0.05"), (125_000, "1250.00"), (-125_050, "-1250.50")] {
            assert_eq!(amount(cents), text);
        }
        assert_eq!(whole(125_000.0), Some(Value::from(125_000)));
    }
}
