//! Identifiers on the wire: a UUIDv7 behind a prefix that names its kind (`cli_0197…`, 32 hexadecimal digits).

use uuid::Uuid;

/// Why a text is no identifier of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an identifier that starts with {prefix}_ and has 32 hexadecimal digits is wanted")]
pub struct IdError {
    /// The prefix of the wanted kind, without the underscore.
    pub prefix: &'static str,
}

/// A new UUIDv7, made from the machine's clock and randomness; sorts by creation.
#[must_use]
pub fn new_uuid() -> Uuid {
    Uuid::now_v7()
}

/// Reads `PREFIX_32hex`.
///
/// # Errors
/// [`IdError`] for another prefix or other digits.
pub fn parse(text: &str, prefix: &'static str) -> Result<Uuid, IdError> {
    let wrong = IdError { prefix };
    let digits = text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')).ok_or(wrong.clone())?;
    let canonical = digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if !canonical {
        return Err(wrong);
    }
    Uuid::try_parse(digits).map_err(|_| wrong)
}

/// Declares an identifier type: text form, JSON form and column form.
#[macro_export]
macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, diesel::expression::AsExpression, diesel::deserialize::FromSqlRow)]
        #[diesel(sql_type = $crate::kernel::UidType)]
        pub struct $name(pub $crate::kernel::Uid);

        impl $name {
            /// The prefix of the text form, without the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// A new identifier, later than all made before.
            #[must_use]
            #[allow(clippy::new_without_default, reason = "two calls give two different values")]
            pub fn new() -> Self {
                Self($crate::kernel::Uid($crate::kernel::ids::new_uuid()))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!($prefix, "_"))?;
                f.write_str(self.0.0.simple().encode_lower(&mut [0; 32]))
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::kernel::ids::IdError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $crate::kernel::ids::parse(text, $prefix).map(|uuid| Self($crate::kernel::Uid(uuid)))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                // Not through the formatter, for a page of a list has hundreds of them.
                let mut text = String::with_capacity(concat!($prefix, "_").len() + 32);
                text.push_str(concat!($prefix, "_"));
                text.push_str(self.0.0.simple().encode_lower(&mut [0; 32]));
                serializer.serialize_str(&text)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl<DB: diesel::backend::Backend> diesel::serialize::ToSql<$crate::kernel::UidType, DB> for $name
        where
            $crate::kernel::Uid: diesel::serialize::ToSql<$crate::kernel::UidType, DB>,
        {
            fn to_sql<'b>(&'b self, out: &mut diesel::serialize::Output<'b, '_, DB>) -> diesel::serialize::Result {
                self.0.to_sql(out)
            }
        }

        impl<DB: diesel::backend::Backend> diesel::deserialize::FromSql<$crate::kernel::UidType, DB> for $name
        where
            $crate::kernel::Uid: diesel::deserialize::FromSql<$crate::kernel::UidType, DB>,
        {
            fn from_sql(value: DB::RawValue<'_>) -> diesel::deserialize::Result<Self> {
                Ok(Self($crate::kernel::Uid::from_sql(value)?))
            }
        }
    };
}

#[cfg(test)]
mod tests {
    crate::id_type!(
        /// For these tests.
        StoneId,
        "sto"
    );

    #[test]
    fn an_identifier_reads_back_what_it_prints() {
        let id = StoneId::new();
        assert_eq!(id.to_string().parse::<StoneId>().unwrap(), id);
    }

    #[test]
    fn another_kind_or_another_notation_is_refused() {
        let digits = "0197f6a2c3d47e5f8a9b0c1d2e3f4a5b";
        assert!(format!("sto_{digits}").parse::<StoneId>().is_ok());
        for wrong in
            [format!("cli_{digits}"), digits.to_owned(), format!("sto_{}", digits.to_uppercase()), "sto_".to_owned()]
        {
            assert!(wrong.parse::<StoneId>().is_err(), "{wrong}");
        }
    }
}
