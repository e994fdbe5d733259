//! Starting and finishing in batches: while one statement runs, the next batch gathers, so that the number of
//! transactions falls as the load rises.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use klaar_domain::kernel::db::Db;
use klaar_domain::kernel::error::{Error, Result};
use klaar_domain::kernel::jobs::{self, Lane, Started, Ticket};
use tokio::sync::{mpsc, oneshot};

use crate::executor::Running;

/// The most tickets in one statement.
const BATCH: usize = 500;
/// How long a batch waits before it is tried again when the database is away.
const PAUSE: Duration = Duration::from_millis(250);

type Asked = (Ticket, oneshot::Sender<Started>);

/// Starts jobs, many in one transaction.
#[derive(Clone)]
pub(crate) struct Starter {
    asked: mpsc::UnboundedSender<Asked>,
}

impl Starter {
    pub(crate) fn spawn(db: Db, lease: Duration) -> Self {
        let (asked, mut inbox) = mpsc::unbounded_channel::<Asked>();
        tokio::spawn(async move {
            let mut batch = Vec::with_capacity(BATCH);
            while inbox.recv_many(&mut batch, BATCH).await > 0 {
                start_batch(&db, lease, batch.drain(..).collect()).await;
            }
        });
        Self { asked }
    }

    /// Starts one job; `None` when its ticket is void or the database stayed away.
    pub(crate) async fn start(&self, ticket: Ticket) -> Option<Started> {
        let (answer, started) = oneshot::channel();
        self.asked.send((ticket, answer)).ok()?;
        started.await.ok()
    }
}

async fn start_batch(db: &Db, lease: Duration, mut batch: HashMap<Ticket, oneshot::Sender<Started>>) {
    let tickets: Vec<Ticket> = batch.keys().copied().collect();
    // Longer than this the claims would not last anyway.
    let deadline = tokio::time::Instant::now() + lease;
    loop {
        let (db, tickets) = (db.clone(), tickets.clone());
        match blocking(move || jobs::start(&db, &tickets, lease)).await {
            Ok(started) => {
                for job in started {
                    // Whoever asked may be gone; then the lease runs out and the job is run again.
                    let _ = batch.remove(&job.ticket).map(|answer| answer.send(job));
                }
                return;
            }
            Err(error) if tokio::time::Instant::now() < deadline => {
                tracing::warn!(%error, "jobs cannot be started, trying again");
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) => return tracing::warn!(%error, "jobs were not started; they will be claimed again"),
        }
    }
}

/// Finishes jobs that left no effect in the database, many in one transaction.
#[derive(Clone)]
pub(crate) struct Settler {
    finished: mpsc::UnboundedSender<(Ticket, Lane)>,
}

impl Settler {
    pub(crate) fn spawn(db: Db, running: Arc<Running>) -> Self {
        let (finished, mut inbox) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            let mut batch = Vec::with_capacity(BATCH);
            while inbox.recv_many(&mut batch, BATCH).await > 0 {
                settle_batch(&db, &batch).await;
                running.end(&batch);
                batch.clear();
            }
        });
        Self { finished }
    }

    /// Finishes one job soon; its lease is renewed until then.
    pub(crate) fn finish(&self, ticket: Ticket, lane: Lane) {
        // The receiver lives as long as this sender.
        let _ = self.finished.send((ticket, lane));
    }
}

async fn settle_batch(db: &Db, batch: &[(Ticket, Lane)]) {
    let tickets: Vec<Ticket> = batch.iter().map(|(ticket, _)| *ticket).collect();
    loop {
        let (db, tickets) = (db.clone(), tickets.clone());
        match blocking(move || jobs::finish_all(&db, &tickets)).await {
            Ok(_) => return,
            Err(error) => {
                tracing::warn!(%error, "jobs cannot be finished, trying again");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Runs a domain call off the asynchronous threads.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|fault| Err(Error::internal(fault)))
}
