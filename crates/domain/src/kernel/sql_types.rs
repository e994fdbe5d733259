//! The two column types that PostgreSQL and SQLite spell differently: identifiers and JSON documents.

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::pg::{Pg, PgValue};
use diesel::query_builder::QueryId;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{Binary, HasSqlType, SqlType, Text, TypeMetadata};
use diesel::sqlite::Sqlite;
use std::io::Write as _;
use uuid::Uuid;

use super::db::MultiBackend;

/// A UUID column: `uuid` on PostgreSQL, 16 bytes in a `BLOB` on SQLite.
#[derive(Debug, Clone, Copy, SqlType, QueryId)]
#[diesel(postgres_type(oid = 2950, array_oid = 2951))]
#[diesel(sqlite_type(name = "Binary"))]
pub struct UidType;

/// A JSON column: `jsonb` on PostgreSQL, JSON text on SQLite.
#[derive(Debug, Clone, Copy, SqlType, QueryId)]
#[diesel(postgres_type(oid = 3802, array_oid = 3807))]
#[diesel(sqlite_type(name = "Text"))]
pub struct JsonType;

impl HasSqlType<UidType> for MultiBackend {
    fn metadata(lookup: &mut Self::MetadataLookup) -> <Self as TypeMetadata>::TypeMetadata {
        Self::lookup_sql_type::<UidType>(lookup)
    }
}

impl HasSqlType<JsonType> for MultiBackend {
    fn metadata(lookup: &mut Self::MetadataLookup) -> <Self as TypeMetadata>::TypeMetadata {
        Self::lookup_sql_type::<JsonType>(lookup)
    }
}

/// The bytes of an identifier as the database takes them; rooms use the typed identifiers of `ids`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, AsExpression, FromSqlRow)]
#[diesel(sql_type = UidType)]
pub struct Uid(pub Uuid);

impl ToSql<UidType, Pg> for Uid {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(self.0.as_bytes())?;
        Ok(IsNull::No)
    }
}

impl ToSql<UidType, Sqlite> for Uid {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.as_bytes().as_slice());
        Ok(IsNull::No)
    }
}

impl ToSql<UidType, MultiBackend> for Uid {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, MultiBackend>) -> serialize::Result {
        out.set_value((UidType, self));
        Ok(IsNull::No)
    }
}

impl FromSql<UidType, Pg> for Uid {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(Uuid::from_slice(value.as_bytes())?))
    }
}

impl FromSql<UidType, Sqlite> for Uid {
    fn from_sql(value: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        let bytes = <Vec<u8> as FromSql<Binary, Sqlite>>::from_sql(value)?;
        Ok(Self(Uuid::from_slice(&bytes)?))
    }
}

impl FromSql<UidType, MultiBackend> for Uid {
    fn from_sql(value: <MultiBackend as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        value.from_sql::<Self, UidType>()
    }
}

/// A JSON document as text, exactly as it is written to and read from a JSON column. The rooms give it its shape.
#[derive(Debug, Clone, PartialEq, Eq, AsExpression, FromSqlRow)]
#[diesel(sql_type = JsonType)]
pub struct JsonText(pub String);

impl JsonText {
    /// Serialises `value`; a value that has no JSON form (a map with keys that are no strings) becomes `null`.
    pub fn of<T: serde::Serialize>(value: &T) -> Self {
        Self(serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned()))
    }

    /// Reads the document back as `T`.
    ///
    /// # Errors
    /// When the stored document has another shape.
    pub fn read<T: serde::de::DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.0)
    }
}

/// PostgreSQL's binary form of `jsonb` is this version byte, then the text.
const JSONB_VERSION: u8 = 1;

impl ToSql<JsonType, Pg> for JsonText {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(&[JSONB_VERSION])?;
        out.write_all(self.0.as_bytes())?;
        Ok(IsNull::No)
    }
}

impl ToSql<JsonType, Sqlite> for JsonText {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.as_str());
        Ok(IsNull::No)
    }
}

impl ToSql<JsonType, MultiBackend> for JsonText {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, MultiBackend>) -> serialize::Result {
        out.set_value((JsonType, self));
        Ok(IsNull::No)
    }
}

impl FromSql<JsonType, Pg> for JsonText {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let bytes = value.as_bytes();
        match bytes.split_first() {
            Some((&JSONB_VERSION, text)) => Ok(Self(std::str::from_utf8(text)?.to_owned())),
            _ => Err("a jsonb value of a version other than 1".into()),
        }
    }
}

impl FromSql<JsonType, Sqlite> for JsonText {
    fn from_sql(value: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(<String as FromSql<Text, Sqlite>>::from_sql(value)?))
    }
}

impl FromSql<JsonType, MultiBackend> for JsonText {
    fn from_sql(value: <MultiBackend as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        value.from_sql::<Self, JsonType>()
    }
}
