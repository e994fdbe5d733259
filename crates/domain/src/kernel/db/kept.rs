//! Statements that are spelled out, of words that never change and values between them. A connection keeps them prepared, which it
//! does not do for `diesel::sql_query`: what is said thousands of times a minute would be parsed and planned each time.

use diesel::backend::Backend;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, HasSqlType, Text};

/// A part of a statement.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part<'a> {
    /// Words, which never change.
    Words(&'static str),
    /// A whole number.
    Number(&'a i64),
    /// A text.
    Text(&'a str),
}

/// A statement; rows that come back have one whole number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kept<'a>(pub(crate) &'a [Part<'a>]);

impl QueryId for Kept<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Kept<'_> {
    type SqlType = BigInt;
}

impl<C> RunQueryDsl<C> for Kept<'_> {}

impl<DB: Backend> QueryFragment<DB> for Kept<'_>
where
    DB: HasSqlType<BigInt> + HasSqlType<Text>,
    i64: ToSql<BigInt, DB>,
    str: ToSql<Text, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        for part in self.0 {
            match part {
                Part::Words(words) => out.push_sql(words),
                Part::Number(number) => out.push_bind_param::<BigInt, i64>(number)?,
                Part::Text(text) => out.push_bind_param::<Text, str>(text)?,
            }
        }
        Ok(())
    }
}
