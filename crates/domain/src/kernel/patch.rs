//! The three states of a field in a PATCH: not mentioned, cleared, set.

use serde::{Deserialize, Deserializer};

/// What a PATCH says of one field.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Patch<T> {
    /// The field is not in the document: leave it alone.
    #[default]
    Absent,
    /// `null`: clear it.
    Null,
    /// A value: set it.
    Value(T),
}

impl<T> Patch<T> {
    /// Applies a change to an optional field.
    pub fn apply(self, field: &mut Option<T>) {
        match self {
            Self::Absent => {}
            Self::Null => *field = None,
            Self::Value(value) => *field = Some(value),
        }
    }

    /// The value that was set, if one was.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Null => None,
        }
    }

    /// The same change with the value as something else.
    #[must_use]
    pub fn map<U>(self, convert: impl FnOnce(T) -> U) -> Patch<U> {
        match self {
            Self::Absent => Patch::Absent,
            Self::Null => Patch::Null,
            Self::Value(value) => Patch::Value(convert(value)),
        }
    }

    /// The same change with the value converted.
    ///
    /// # Errors
    /// Whatever `convert` returns.
    pub fn try_map<U, E>(self, convert: impl FnOnce(T) -> Result<U, E>) -> Result<Patch<U>, E> {
        Ok(match self {
            Self::Absent => Patch::Absent,
            Self::Null => Patch::Null,
            Self::Value(value) => Patch::Value(convert(value)?),
        })
    }
}

/// With `#[serde(default)]` on the field, a missing key gives `Absent` and `null` gives `Null`.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::<T>::deserialize(deserializer)?.map_or(Self::Null, Self::Value))
    }
}

/// `Absent` is told from `Null` by leaving the field out, so both are written as null; descriptions of defaults need this.
impl<T: serde::Serialize> serde::Serialize for Patch<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Card {
        #[serde(default)]
        phone: Patch<String>,
    }

    #[test]
    fn absent_null_and_value_are_three_things() {
        let read = |text: &str| serde_json::from_str::<Card>(text).unwrap().phone;
        assert_eq!(read("{}"), Patch::Absent);
        assert_eq!(read(r#"{"phone":null}"#), Patch::Null);
        assert_eq!(read(r#"{"phone":"1"}"#), Patch::Value("1".to_owned()));
    }
}
