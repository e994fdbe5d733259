//! One member of a document, looked up and written, as functions of SQLite. Its own ones read the whole document for that
//! and write it anew, which took more than half of the time of an edit of many clients; PostgreSQL keeps documents so
//! that it need not.
//!
//! A document is an object as `serde_json` and SQLite write it, without spaces, and the keys that are asked for occur as keys
//! nowhere inside its values: those of custom values are an f and the number of a field.

use std::cell::RefCell;

use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use memchr::memmem;
use serde_json::value::RawValue;

use super::Conn;

#[diesel::declare_sql_function]
extern "SQL" {
    /// The JSON of a member; null when the document has none of this key.
    fn member_of(document: Text, key: Text) -> Nullable<Text>;
    /// The document with a member set to this JSON, or without it for null; null when it is no document, which a column
    /// that must have one refuses.
    fn with_member(document: Text, key: Text, json: Nullable<Text>) -> Nullable<Text>;
}

/// How a database spells the JSON of a member of a document, whose key is a word of ours; null when it has none. As text on
/// SQLite, as `jsonb` on PostgreSQL.
#[must_use]
pub fn member(conn: &Conn, document: &str, key: &str) -> String {
    match conn {
        Conn::Postgres(_) => format!("({document} -> '{key}')"),
        Conn::Sqlite(_) => format!("member_of({document}, '{key}')"),
    }
}

/// Makes the functions known to a connection.
pub(super) fn register(conn: &mut SqliteConnection) -> QueryResult<()> {
    let name = RefCell::<Name>::default();
    member_of_utils::register_impl(conn, move |document: String, key: String| {
        let place = name.borrow_mut().of(key).place(&document)?;
        document.get(place.value..place.end).map(str::to_owned)
    })?;
    let name = RefCell::<Name>::default();
    with_member_utils::register_impl(conn, move |document: String, key: String, json: Option<String>| {
        let mut name = name.borrow_mut();
        match json {
            Some(json) => set(document, name.of(key), &json),
            None => Some(remove(document, name.of(key))),
        }
    })
}

/// What a member begins with, kept from one row of a statement to the next.
struct Name {
    key: String,
    finder: memmem::Finder<'static>,
}

impl Default for Name {
    fn default() -> Self {
        Self::new(String::new())
    }
}

impl Name {
    fn new(key: String) -> Self {
        Self { finder: memmem::Finder::new(&format!("\"{key}\":")).into_owned(), key }
    }

    /// The name of this key.
    fn of(&mut self, key: String) -> &Self {
        if self.key != key {
            *self = Self::new(key);
        }
        self
    }

    fn place(&self, document: &str) -> Option<Place> {
        self.finder.find_iter(document.as_bytes()).find_map(|at| {
            // A quotation mark within a text has a backslash before it, and one that ends a text has no letter behind it.
            if !matches!(document.as_bytes().get(at.checked_sub(1)?), Some(b'{' | b',')) {
                return None;
            }
            let value = at + self.finder.needle().len();
            let mut values = serde_json::Deserializer::from_str(document.get(value..)?).into_iter::<&RawValue>();
            values.next()?.ok()?;
            Some(Place { key: at, value, end: value + values.byte_offset() })
        })
    }
}

/// Where a member stands, in bytes from the beginning of its document.
struct Place {
    key: usize,
    value: usize,
    end: usize,
}

fn set(mut document: String, name: &Name, json: &str) -> Option<String> {
    if let Some(place) = name.place(&document) {
        document.replace_range(place.value..place.end, json);
        return Some(document);
    }
    let open = document.strip_suffix('}')?;
    let comma = if open.len() > 1 { "," } else { "" };
    Some(format!("{open}{comma}\"{}\":{json}}}", name.key))
}

fn remove(mut document: String, name: &Name) -> String {
    let Some(Place { key, end, .. }) = name.place(&document) else { return document };
    let is_comma = |at: usize| document.as_bytes().get(at) == Some(&b',');
    // With the comma that parts it from the next, or, for the last, from the one before.
    let (from, to) = match (is_comma(key - 1), is_comma(end)) {
        (_, true) => (key, end + 1),
        (true, false) => (key - 1, end),
        (false, false) => (key, end),
    };
    document.replace_range(from..to, "");
    document
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    use super::*;

    fn value() -> impl Strategy<Value = Value> {
        let text = prop_oneof![
            Just(r#""f1":"#.to_owned()),
            Just(r#"{"f2":1,"f1":"#.to_owned()),
            Just(r#"\"#.to_owned()),
            Just(r#"a,"#.to_owned()),
            any::<String>(),
        ];
        let text = prop::collection::vec(text, 0..3).prop_map(|parts| parts.concat());
        prop_oneof![
            text.clone().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-1e9..1e9).prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
            prop::collection::vec(any::<i32>(), 0..3).prop_map(Value::from),
            text.prop_map(|name| json!({ "id": 1, "name": name })),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn a_member_is_found_set_and_removed_as_in_a_map(
            members in prop::collection::btree_map("f[1-3][0-2]?", value(), 0..6),
            key in "f[1-3][0-2]?",
            new in prop::option::of(value()),
        ) {
            let mut map: Map<String, Value> = members.into_iter().collect();
            let document = Value::from(map.clone()).to_string();
            let name = Name::new(key.clone());
            let found = name.place(&document).map(|place| document[place.value..place.end].to_owned());
            prop_assert_eq!(found, map.get(&key).map(Value::to_string));
            let written = match &new {
                Some(new) => set(document, &name, &new.to_string()).unwrap(),
                None => remove(document, &name),
            };
            match new {
                Some(new) => map.insert(key, new),
                None => map.remove(&key),
            };
            prop_assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), Value::from(map));
        }
    }

    #[test]
    fn what_is_no_document_is_not_written() {
        assert_eq!(set("null".to_owned(), &Name::new("f1".to_owned()), "1"), None);
    }
}
