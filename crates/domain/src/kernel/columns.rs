//! The columns of a wide row, spelled out once a process.
//!
//! Diesel writes a query out each time it runs, to find the statement that it keeps prepared; for a row of forty columns
//! that takes a tenth of the time of reading a page.

use std::marker::PhantomData;

use diesel::backend::Backend;
use diesel::expression::ValidGrouping;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};

/// The columns `E`, written as their [`spelling`].
#[derive(Debug, Clone, Copy)]
pub struct Spelled<E> {
    text: &'static str,
    columns: PhantomData<E>,
}

impl<E> Spelled<E> {
    /// The columns that are spelled `text`.
    #[must_use]
    pub fn new(text: &'static str) -> Self {
        Self { text, columns: PhantomData }
    }
}

/// How columns are written in a SELECT, for PostgreSQL and in a way that SQLite understands, too.
pub fn spelling(columns: &impl QueryFragment<Pg>) -> String {
    let mut shown = diesel::debug_query::<Pg, _>(columns).to_string();
    shown.truncate(shown.find(" -- binds").unwrap_or(shown.len()));
    shown
}

impl<E: Expression> Expression for Spelled<E> {
    type SqlType = E::SqlType;
}

impl<E: ValidGrouping<G>, G> ValidGrouping<G> for Spelled<E> {
    type IsAggregate = E::IsAggregate;
}

impl<E: AppearsOnTable<T>, T> AppearsOnTable<T> for Spelled<E> {}
impl<E: SelectableExpression<T>, T> SelectableExpression<T> for Spelled<E> {}

impl<E> QueryId for Spelled<E> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<E, DB: Backend> QueryFragment<DB> for Spelled<E> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        out.push_sql(self.text);
        Ok(())
    }
}
