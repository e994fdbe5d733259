//! What a handler gets besides its job, and how it says that it failed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use klaar_domain::kernel::Uid;
use klaar_domain::kernel::config::Settings;
use klaar_domain::kernel::db::{Conn, Db, Tx};
use klaar_domain::kernel::error::{Error, Result};
use klaar_domain::kernel::jobs::{self, JobId, Retry, Started, Ticket};

use crate::batches::blocking;
use crate::worker::Runtime;

/// Why a run did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// It may go better later: the job is tried again with a growing pause, until it has failed too often.
    #[error("{0}")]
    Passing(String),
    /// The other side asked for a pause.
    #[error("{0} (again after {1:?})")]
    After(String, Duration),
    /// Trying again cannot help: the job waits for a person at once.
    #[error("{0}")]
    Hopeless(String),
    /// Another worker owns the job now; what this run did was rolled back, and nothing is counted.
    #[error("overtaken by another worker")]
    Overtaken,
}

impl Fault {
    /// How the outbox treats it; `None` when there is nothing to settle.
    pub(crate) fn retry(&self) -> Option<Retry> {
        match self {
            Self::Passing(_) => Some(Retry::WithBackOff),
            Self::After(_, pause) => Some(Retry::After(*pause)),
            Self::Hopeless(_) => Some(Retry::Never),
            Self::Overtaken => None,
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Passing(error.to_string())
    }
}

/// One run of one job. Clones are the same run.
#[derive(Clone)]
pub struct Run {
    runtime: Arc<Runtime>,
    ticket: Ticket,
    practice: Option<Uid>,
    failures: i32,
    is_settled: Arc<AtomicBool>,
}

impl Run {
    pub(crate) fn of(runtime: Arc<Runtime>, started: &Started) -> Self {
        Self {
            runtime,
            ticket: started.ticket,
            practice: started.practice,
            failures: started.failures,
            is_settled: Arc::new(AtomicBool::new(false)),
        }
    }

    /// The job.
    #[must_use]
    pub fn job(&self) -> JobId {
        self.ticket.id
    }

    /// The practice it is done for; `None` for the product's own work.
    #[must_use]
    pub fn practice(&self) -> Option<Uid> {
        self.practice
    }

    /// How many runs of the job have failed before.
    #[must_use]
    pub fn failures(&self) -> i32 {
        self.failures
    }

    /// The settings of the process.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.runtime.settings
    }

    /// The database, for domain calls that take it as it is; they block, so they belong inside [`Run::blocking`].
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.runtime.db
    }

    /// Something that the process shares between its jobs, put there by [`Runtime::share`].
    ///
    /// # Errors
    /// [`Fault::Passing`] when this process has no such thing.
    pub fn shared<T: Send + Sync + 'static>(&self) -> Result<Arc<T>, Fault> {
        self.runtime
            .shared::<T>()
            .ok_or_else(|| Fault::Passing(format!("this process shares no {}", std::any::type_name::<T>())))
    }

    /// Runs blocking work, database work above all, where it holds up nobody.
    ///
    /// # Errors
    /// Whatever `work` returns; [`Error::Internal`] when it panicked.
    pub async fn blocking<T: Send + 'static>(&self, work: impl FnOnce(&Db) -> Result<T> + Send + 'static) -> Result<T> {
        let db = self.runtime.db.clone();
        blocking(move || work(&db)).await
    }

    /// Reads from the database.
    ///
    /// # Errors
    /// Whatever `work` returns; [`Error::Busy`] when no connection became free.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Conn) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.blocking(move |db| db.read(work)).await
    }

    /// Runs `effect` and finishes the job in one transaction, so that the effect is there exactly once. A handler that
    /// writes to the database calls this once, as the last thing it does.
    ///
    /// # Errors
    /// [`Fault::Overtaken`] when the job belongs to another worker now, and whatever `effect` returns; in both cases
    /// nothing was written.
    pub async fn settle<T: Send + 'static>(
        &self,
        effect: impl FnOnce(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T, Fault> {
        let ticket = self.ticket;
        let outcome = self
            .blocking(move |db| {
                let mut is_overtaken = false;
                let written = db.write(|tx| {
                    let value = effect(tx)?;
                    if jobs::finish(tx, ticket)? {
                        return Ok(value);
                    }
                    is_overtaken = true;
                    Err(Error::Stale)
                });
                Ok(if is_overtaken { None } else { Some(written?) })
            })
            .await?;
        self.is_settled.store(outcome.is_some(), Ordering::SeqCst);
        outcome.ok_or(Fault::Overtaken)
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.is_settled.load(Ordering::SeqCst)
    }
}
