//! Rows that are inserted by the thousand.
//!
//! Diesel's own INSERT of many rows spells out a place for each value, and the text is made, and on PostgreSQL planned, anew
//! for each number of rows. Here the text is always the same: PostgreSQL gets it once with an array for each column, and
//! SQLite, where nothing goes to and fro, once for each row.

use std::collections::HashMap;

use diesel::connection::Connection;
use diesel::dsl::sql;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::BigInt;
use diesel::sqlite::Sqlite;

use super::db::Conn;
use super::error::{Error, Result};
use super::{Uid, UidType};

/// The values of one column, as an array.
pub type Column<'a> = Box<dyn QueryFragment<Pg> + Send + 'a>;

/// A row that can be inserted by the thousand; written by [`batch!`](crate::batch).
pub trait Batch: Sized {
    /// `INSERT INTO table (columns) `.
    const INSERT: &'static str;

    /// Binds the values of the row, with commas between them.
    ///
    /// # Errors
    /// When a value cannot be bound.
    fn bind<'b>(&'b self, out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()>;

    /// The values of `rows`, column by column.
    fn columns(rows: &[Self]) -> Vec<Column<'_>>;
}

/// Makes a struct a [`Batch`]: `batch!(Struct<'_>, into "table" { column: SqlType = field.of.the.struct, … })`.
#[macro_export]
macro_rules! batch {
    ($row:ty, into $table:literal {
        $column:ident: $sql:ty = $($path:ident).+ $(, $columns:ident: $sqls:ty = $($paths:ident).+)* $(,)?
    }) => {
        impl $crate::kernel::batch::Batch for $row {
            const INSERT: &'static str = concat!(
                "INSERT INTO ", $table, " (", stringify!($column), $(", ", stringify!($columns),)* ") "
            );

            fn bind<'b>(
                &'b self,
                mut out: diesel::query_builder::AstPass<'_, 'b, diesel::sqlite::Sqlite>,
            ) -> diesel::QueryResult<()> {
                out.push_bind_param::<$sql, _>(&self.$($path).+)?;
                $(
                    out.push_sql(", ");
                    out.push_bind_param::<$sqls, _>(&self.$($paths).+)?;
                )*
                Ok(())
            }

            fn columns(rows: &[Self]) -> Vec<$crate::kernel::batch::Column<'_>> {
                use diesel::IntoSql as _;
                use diesel::sql_types::Array;
                vec![
                    Box::new(rows.iter().map(|row| &row.$($path).+).collect::<Vec<_>>().into_sql::<Array<$sql>>()),
                    $(Box::new(rows.iter().map(|row| &row.$($paths).+).collect::<Vec<_>>().into_sql::<Array<$sqls>>()),)*
                ]
            }
        }
    };
}

/// Inserts `rows`.
///
/// # Errors
/// When the database refuses one of them; none is inserted then, once the transaction is rolled back.
pub fn insert<R: Batch>(conn: &mut Conn, rows: &[R]) -> Result<()> {
    match conn {
        Conn::Postgres(c) => {
            if !rows.is_empty() {
                Many::of(rows).execute(c)?;
            }
        }
        Conn::Sqlite(c) => insert_each(c, rows)?,
    }
    Ok(())
}

/// Inserts `rows` into a table whose rows have an `id` of ours and a `key` of the database's, and gives their keys in the
/// same order.
///
/// # Errors
/// As [`insert`].
pub fn insert_keyed<R: Batch>(conn: &mut Conn, rows: &[R], id: impl Fn(&R) -> Uid) -> Result<Vec<i64>> {
    match conn {
        Conn::Postgres(c) => {
            let keys: HashMap<Uid, i64> = ManyKeyed(Many::of(rows)).load(c)?.into_iter().collect();
            let key_of =
                |row| keys.get(&id(row)).copied().ok_or_else(|| Error::internal("a new row came back without its key"));
            rows.iter().map(key_of).collect()
        }
        Conn::Sqlite(c) => {
            insert_each(c, rows)?;
            let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
            // There is one writer, so the keys follow one another; asking each row for its own costs a table each time.
            let last: i64 = diesel::select(sql::<BigInt>("last_insert_rowid()")).get_result(c)?;
            Ok((last - count + 1..=last).collect())
        }
    }
}

fn insert_each<R: Batch>(conn: &mut SqliteConnection, rows: &[R]) -> QueryResult<()> {
    rows.iter().try_for_each(|row| conn.execute_returning_count(&One(row)).map(drop))
}

/// One row, for SQLite.
struct One<'a, R>(&'a R);

impl<R> QueryId for One<'_, R> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<R: Batch> QueryFragment<Sqlite> for One<'_, R> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql(R::INSERT);
        out.push_sql("VALUES (");
        self.0.bind(out.reborrow())?;
        out.push_sql(")");
        Ok(())
    }
}

/// Many rows, for PostgreSQL.
struct Many<'a> {
    insert: &'static str,
    columns: Vec<Column<'a>>,
}

impl<'a> Many<'a> {
    fn of<R: Batch>(rows: &'a [R]) -> Self {
        Self { insert: R::INSERT, columns: R::columns(rows) }
    }
}

impl QueryId for Many<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl QueryFragment<Pg> for Many<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(self.insert);
        out.push_sql("SELECT * FROM unnest(");
        for (at, column) in self.columns.iter().enumerate() {
            if at > 0 {
                out.push_sql(", ");
            }
            column.walk_ast(out.reborrow())?;
        }
        out.push_sql(")");
        Ok(())
    }
}

impl RunQueryDsl<PgConnection> for Many<'_> {}

/// The same, with the identifiers and keys of the new rows as the answer.
struct ManyKeyed<'a>(Many<'a>);

impl Query for ManyKeyed<'_> {
    type SqlType = (UidType, BigInt);
}

impl QueryId for ManyKeyed<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl QueryFragment<Pg> for ManyKeyed<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.0.walk_ast(out.reborrow())?;
        out.push_sql(" RETURNING id, key");
        Ok(())
    }
}

impl RunQueryDsl<PgConnection> for ManyKeyed<'_> {}
