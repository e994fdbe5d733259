//! Which handler runs which kind of job, and what is enqueued when.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use klaar_domain::kernel::JsonText;
use klaar_domain::kernel::clock::Instant;
use klaar_domain::kernel::db::Db;
use klaar_domain::kernel::error::Result;
use klaar_domain::kernel::jobs::{self, EnqueueOptions, Job};

use crate::run::{Fault, Run};

/// Runs jobs of one kind: any `async fn(job, run) -> Result<(), Fault>`.
pub trait Handler<J>: Send + Sync + 'static {
    /// Runs one job. `Ok` without [`Run::settle`] finishes a job that left no effect in the database.
    fn run(&self, job: J, run: Run) -> BoxFuture<'static, Result<(), Fault>>;
}

impl<J, F, Fut> Handler<J> for F
where
    F: Fn(J, Run) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), Fault>> + Send + 'static,
{
    fn run(&self, job: J, run: Run) -> BoxFuture<'static, Result<(), Fault>> {
        self(job, run).boxed()
    }
}

type Erased = Box<dyn Fn(&JsonText, Run) -> BoxFuture<'static, Result<(), Fault>> + Send + Sync>;

/// The handlers by kind.
#[derive(Default)]
pub struct Registry {
    handlers: HashMap<&'static str, Erased>,
}

impl Registry {
    /// Has `handler` run the jobs of kind `J`.
    pub fn add<J: Job>(&mut self, handler: impl Handler<J>) -> &mut Self {
        let erased: Erased = Box::new(move |payload, run| match payload.read::<J>() {
            Ok(job) => handler.run(job, run),
            Err(error) => {
                futures::future::ready(Err(Fault::Hopeless(format!("the payload has another shape: {error}")))).boxed()
            }
        });
        self.handlers.insert(J::KIND, erased);
        self
    }

    /// The future that runs a job of `kind`; `None` when no handler is known, as in a release older than the job.
    pub(crate) fn run(
        &self,
        kind: &str,
        payload: &JsonText,
        run: Run,
    ) -> Option<BoxFuture<'static, Result<(), Fault>>> {
        self.handlers.get(kind).map(|handler| handler(payload, run))
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.handlers.keys()).finish()
    }
}

type Enqueue = Arc<dyn Fn(&Db, &EnqueueOptions) -> Result<bool> + Send + Sync>;

/// A job that is enqueued again and again, once a tick however many processes there are.
#[derive(Clone)]
pub struct Schedule {
    name: &'static str,
    times: &'static str,
    enqueue: Enqueue,
}

impl Schedule {
    /// Enqueues `job` at `times`, a cron expression with seconds, in UTC. The name is part of the key by which one process
    /// wins, so it never changes.
    #[must_use]
    pub fn new<J: Job + Sync>(name: &'static str, times: &'static str, job: J) -> Self {
        let enqueue: Enqueue = Arc::new(move |db, options| db.write(|tx| jobs::enqueue(tx, &job, options)));
        Self { name, times, enqueue }
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The cron expression.
    #[must_use]
    pub fn times(&self) -> &'static str {
        self.times
    }

    /// Enqueues the job for one tick. Blocking. Returns `false` when another process has done so already.
    ///
    /// # Errors
    /// When the database is away.
    pub fn tick(&self, db: &Db, at: Instant) -> Result<bool> {
        let key = format!("cron:{}:{}", self.name, at.0 / 1_000_000);
        (self.enqueue)(db, &EnqueueOptions::default().once(key))
    }
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.name, self.times)
    }
}
