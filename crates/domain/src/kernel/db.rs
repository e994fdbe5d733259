//! The database: one connection type over PostgreSQL and SQLite, the pool, and the two ways in (`read`, `write`).
//!
//! Rooms write diesel's typed DSL once, against [`Conn`]. What the two backends spell differently (batch insert, upsert,
//! `SKIP LOCKED`) goes through [`on_each!`](crate::on_each).

mod address;
pub mod documents;
mod kept;
mod writer;

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use diesel::connection::{AnsiTransactionManager, Connection, SimpleConnection, TransactionManager};
use diesel::{ConnectionError, PgConnection, SqliteConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

pub use self::address::Address;
pub(crate) use self::kept::{Kept, Part};
use self::writer::Writer;
use super::clock::{Clock, Instant};
use super::error::{Error, Result};
use super::jobs::{Doorbell, Lane};

const POSTGRES_MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");
const SQLITE_MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");

/// The advisory lock that a migrating process holds on PostgreSQL, so that ten may start at once.
const MIGRATION_LOCK: i64 = 0x6b6c_6161_7221;
/// How long a connection may lie idle in the pool before it is pinged on its way out.
const PING_AFTER: Duration = Duration::from_secs(1);
/// How long a caller waits for a pooled connection before it is told that the server is busy.
const POOL_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection to either database.
#[derive(diesel::MultiConnection)]
pub enum Conn {
    /// PostgreSQL, for many processes.
    Postgres(PgConnection),
    /// SQLite, for one machine.
    Sqlite(SqliteConnection),
}

/// Runs the same body on the concrete connection behind a [`Conn`], for statements that the enum cannot express.
#[macro_export]
macro_rules! on_each {
    ($conn:expr, $c:ident => $body:expr) => {
        match &mut *$conn {
            $crate::kernel::db::Conn::Postgres($c) => $body,
            $crate::kernel::db::Conn::Sqlite($c) => $body,
        }
    };
}

/// A pooled connection and when it was last handed back.
pub struct Pooled {
    conn: Conn,
    used_at: std::time::Instant,
    /// Its last use ended in an error that a lost connection may be the cause of.
    is_suspect: bool,
}

impl Pooled {
    fn note<T>(&mut self, outcome: &Result<T>) {
        self.is_suspect = matches!(outcome, Err(Error::Busy(_) | Error::Internal(_)));
    }
}

struct Source {
    address: Address,
}

impl r2d2::ManageConnection for Source {
    type Connection = Pooled;
    type Error = PoolFault;

    fn connect(&self) -> Result<Pooled, PoolFault> {
        let conn = self.address.connect().map_err(PoolFault::Connect)?;
        Ok(Pooled { conn, used_at: std::time::Instant::now(), is_suspect: false })
    }

    fn is_valid(&self, pooled: &mut Pooled) -> Result<(), PoolFault> {
        if pooled.used_at.elapsed() < PING_AFTER {
            return Ok(());
        }
        pooled.conn.batch_execute("SELECT 1").map_err(PoolFault::Ping)
    }

    fn has_broken(&self, pooled: &mut Pooled) -> bool {
        pooled.used_at = std::time::Instant::now();
        is_torn(&mut pooled.conn) || (pooled.is_suspect && pooled.conn.batch_execute("SELECT 1").is_err())
    }
}

/// Whether a connection is still within a transaction that should be over.
fn is_torn(conn: &mut Conn) -> bool {
    let open = |status: &diesel::connection::TransactionManagerStatus| !matches!(status.transaction_depth(), Ok(None));
    match conn {
        Conn::Postgres(c) => open(AnsiTransactionManager::transaction_manager_status_mut(c)),
        Conn::Sqlite(c) => open(AnsiTransactionManager::transaction_manager_status_mut(c)),
    }
}

/// Why the pool could not give a working connection.
#[derive(Debug, thiserror::Error)]
pub enum PoolFault {
    /// The database did not take the connection.
    #[error("cannot connect: {0}")]
    Connect(ConnectionError),
    /// An idle connection turned out dead.
    #[error("connection lost: {0}")]
    Ping(diesel::result::Error),
}

/// The database of one process: its pool and its clock. Clones share both.
#[derive(Clone)]
pub struct Db {
    pool: r2d2::Pool<Source>,
    clock: Clock,
    /// On SQLite; elsewhere whoever writes takes a connection of the pool.
    writer: Option<Arc<Writer>>,
    doorbell: Doorbell,
    writes: Arc<AtomicU64>,
}

impl Db {
    /// Opens the database at `address` with at most `connections` connections, on SQLite for reading and one more for
    /// writing; connects when first needed.
    ///
    /// # Errors
    /// When the pool cannot be set up.
    pub fn open(address: &Address, connections: u32, clock: Clock) -> Result<Self> {
        let pool = r2d2::Pool::builder()
            .max_size(connections.max(1))
            // r2d2 opens none for those who wait already when a broken one is thrown away, unless it must keep one idle.
            .min_idle(Some(1))
            .connection_timeout(POOL_TIMEOUT)
            .error_handler(Box::new(LogFaults))
            .build_unchecked(Source { address: address.clone() });
        let writer = || Arc::new(Writer::of(address));
        let writer = matches!(address, Address::Sqlite(_)).then(writer);
        Ok(Self { pool, clock, writer, doorbell: Doorbell::default(), writes: Arc::default() })
    }

    /// The clock of this process.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Where to listen for commits that left jobs behind.
    #[must_use]
    pub fn doorbell(&self) -> &Doorbell {
        &self.doorbell
    }

    /// How many transactions this process has committed. What was read before the number rose may be different now.
    #[must_use]
    pub fn writes(&self) -> u64 {
        self.writes.load(Ordering::Acquire)
    }

    /// Connections in use and connections open, for the metrics.
    #[must_use]
    pub fn pool_state(&self) -> (u32, u32) {
        let (state, writer) = (self.pool.state(), self.writer.as_deref().map(Writer::state).unwrap_or_default());
        (state.connections - state.idle_connections + writer.0, state.connections + writer.1)
    }

    /// Runs `work` on a connection outside any transaction. Blocking.
    ///
    /// # Errors
    /// [`Error::Busy`] when no connection became free in time, and whatever `work` returns.
    pub fn read<T>(&self, work: impl FnOnce(&mut Conn) -> Result<T>) -> Result<T> {
        let mut pooled = self.pool.get().map_err(Error::busy)?;
        let outcome = work(&mut pooled.conn);
        pooled.note(&outcome);
        outcome
    }

    /// Runs `work` in one write transaction (IMMEDIATE on SQLite) that commits when it returns `Ok`. Blocking.
    ///
    /// # Errors
    /// [`Error::Busy`] when no connection became free in time, and whatever `work` returns after the roll-back.
    pub fn write<T>(&self, work: impl FnOnce(&mut Tx<'_>) -> Result<T>) -> Result<T> {
        self.write_as("BEGIN", work)
    }

    /// The same, but the commit does not wait for PostgreSQL's disk: for what does no harm when a power cut undoes it.
    ///
    /// # Errors
    /// As [`Db::write`].
    pub fn write_relaxed<T>(&self, work: impl FnOnce(&mut Tx<'_>) -> Result<T>) -> Result<T> {
        self.write_as("BEGIN; SET LOCAL synchronous_commit TO off", work)
    }

    fn write_as<T>(&self, begin_postgres: &str, work: impl FnOnce(&mut Tx<'_>) -> Result<T>) -> Result<T> {
        let mut rung = Vec::new();
        let outcome = match &self.writer {
            Some(writer) => writer.with(|conn| self.transact(conn, "BEGIN IMMEDIATE", work, &mut rung)),
            None => self.read(|conn| self.transact(conn, begin_postgres, work, &mut rung)),
        };
        rung.into_iter().for_each(|lane| self.doorbell.ring(lane));
        outcome
    }

    /// Runs `work` in one transaction; `rung` gets the lanes whose doorbell is to be rung once the connection is free.
    fn transact<T>(
        &self,
        conn: &mut Conn,
        begin: &str,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T>,
        rung: &mut Vec<Lane>,
    ) -> Result<T> {
        on_each!(conn, c => AnsiTransactionManager::begin_transaction_sql(c, begin))?;
        let mut tx = Tx { conn, now: self.clock.now(), rung: Vec::new() };
        let outcome = work(&mut tx);
        let lanes = std::mem::take(&mut tx.rung);
        let settled = match outcome {
            Ok(value) => {
                <Conn as Connection>::TransactionManager::commit_transaction(conn).map(|()| value).map_err(Error::from)
            }
            Err(error) => {
                // The connection is thrown away when the roll-back fails; the first error is the one that explains.
                let _ = <Conn as Connection>::TransactionManager::rollback_transaction(conn);
                Err(error)
            }
        };
        // A commit that seems to have failed may have reached the server, so it counts too.
        self.writes.fetch_add(1, Ordering::Release);
        if settled.is_ok() {
            *rung = lanes;
        }
        settled
    }

    /// Whether every migration of this version has run.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub fn is_current(&self) -> Result<bool> {
        self.read(|conn| {
            let pending = match conn {
                Conn::Postgres(c) => c.has_pending_migration(POSTGRES_MIGRATIONS),
                Conn::Sqlite(c) => c.has_pending_migration(SQLITE_MIGRATIONS),
            };
            pending.map(|pending| !pending).map_err(Error::migration)
        })
    }

    /// Brings the schema up to date, under a lock that lets any number of processes start at once.
    ///
    /// # Errors
    /// When the database cannot be reached or a migration fails.
    pub fn migrate(&self) -> Result<()> {
        let mut pooled = self.pool.get().map_err(Error::busy)?;
        match &mut pooled.conn {
            Conn::Postgres(c) => {
                c.batch_execute(&format!("SELECT pg_advisory_lock({MIGRATION_LOCK})"))?;
                let ran = c.run_pending_migrations(POSTGRES_MIGRATIONS).map(|_| ()).map_err(Error::migration);
                c.batch_execute(&format!("SELECT pg_advisory_unlock({MIGRATION_LOCK})"))?;
                ran
            }
            Conn::Sqlite(c) => {
                c.batch_execute("PRAGMA journal_mode = WAL;")?;
                // IMMEDIATE takes the only write lock there is, so a second process waits and then finds nothing to do.
                c.immediate_transaction(|c| {
                    c.run_pending_migrations(SQLITE_MIGRATIONS).map(|_| ()).map_err(Error::migration)
                })
            }
        }
    }
}

/// Runs `work` in one read transaction, all of whose statements see the same state of the database, and ends it.
///
/// # Errors
/// Whatever `work` returns, and when the database refuses.
pub fn snapshot<T>(conn: &mut Conn, work: impl FnOnce(&mut Conn) -> Result<T>) -> Result<T> {
    let begin = match conn {
        Conn::Postgres(_) => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        Conn::Sqlite(_) => "BEGIN",
    };
    on_each!(conn, c => AnsiTransactionManager::begin_transaction_sql(c, begin))?;
    let outcome = work(conn);
    // Nothing was written, so there is nothing that an end could lose; a connection that cannot end it is thrown away.
    let ended = <Conn as Connection>::TransactionManager::commit_transaction(conn);
    let value = outcome?;
    ended?;
    Ok(value)
}

/// An open write transaction and its one moment: everything written in it carries the same time.
pub struct Tx<'a> {
    conn: &'a mut Conn,
    now: Instant,
    rung: Vec<Lane>,
}

impl Tx<'_> {
    /// The moment this transaction began.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Has the doorbell of `lane` rung once this transaction is committed.
    pub fn ring(&mut self, lane: Lane) {
        if !self.rung.contains(&lane) {
            self.rung.push(lane);
        }
    }
}

impl Deref for Tx<'_> {
    type Target = Conn;
    fn deref(&self) -> &Conn {
        self.conn
    }
}

impl DerefMut for Tx<'_> {
    fn deref_mut(&mut self) -> &mut Conn {
        self.conn
    }
}

#[derive(Debug)]
struct LogFaults;

impl r2d2::HandleError<PoolFault> for LogFaults {
    fn handle_error(&self, fault: PoolFault) {
        tracing::warn!(%fault, "the database gives no connection; check that it runs and that KLAAR_DATABASE_URL is right");
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use diesel::RunQueryDsl as _;

    use super::*;

    #[test]
    fn a_write_that_panics_is_undone_and_the_next_one_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let address = Address::parse(&format!("sqlite:{}", folder.path().join("klaar.db").display())).unwrap();
        let db = Db::open(&address, 2, Clock::system()).unwrap();
        db.write(|tx| Ok(tx.batch_execute("CREATE TABLE t (n INTEGER)")?)).unwrap();
        let broken = catch_unwind(AssertUnwindSafe(|| {
            db.write(|tx| -> Result<()> {
                tx.batch_execute("INSERT INTO t VALUES (1)")?;
                panic!("in the middle");
            })
        }));
        assert!(broken.is_err());
        db.write(|tx| Ok(tx.batch_execute("INSERT INTO t VALUES (2)")?)).unwrap();
        let numbers: i64 = db
            .read(|conn| {
                Ok(diesel::select(diesel::dsl::sql::<diesel::sql_types::BigInt>("(SELECT sum(n) FROM t)"))
                    .get_result(conn)?)
            })
            .unwrap();
        assert_eq!(numbers, 2);
    }
}
