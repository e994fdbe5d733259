//! Where a database is, and connecting to it.

use diesel::connection::{Connection as _, SimpleConnection as _};
use diesel::{ConnectionError, PgConnection, SqliteConnection};

use super::{Conn, documents};

/// Which database an address names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// `postgres://…`, as libpq takes it.
    Postgres(String),
    /// `sqlite:PATH`: the path of the file.
    Sqlite(String),
}

impl Address {
    /// Reads `postgres://…`, `postgresql://…` or `sqlite:PATH`.
    ///
    /// # Errors
    /// Says what is accepted when the text is something else.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return if path.is_empty() {
                Err("sqlite: needs a path, as in sqlite:klaar.db".to_owned())
            } else {
                Ok(Self::Sqlite(path.to_owned()))
            };
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(text.to_owned()));
        }
        Err("must be sqlite:PATH or postgres://USER@HOST/DATABASE".to_owned())
    }

    pub(super) fn connect(&self) -> Result<Conn, ConnectionError> {
        match self {
            Self::Postgres(url) => PgConnection::establish(url).map(Conn::Postgres),
            Self::Sqlite(path) => {
                let mut conn = SqliteConnection::establish(path)?;
                conn.batch_execute(
                    "PRAGMA busy_timeout = 10000; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; \
                     PRAGMA journal_size_limit = 67108864;",
                )
                .and_then(|()| documents::register(&mut conn))
                .map_err(ConnectionError::CouldntSetupConfiguration)?;
                Ok(Conn::Sqlite(conn))
            }
        }
    }
}
