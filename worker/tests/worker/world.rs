//! The world of these tests: databases of their own, two kinds of job, a hand that steers them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use diesel::connection::{Connection as _, SimpleConnection as _};
use klaar_domain::kernel::Uid;
use klaar_domain::kernel::actor::Actor;
use klaar_domain::kernel::clock::Clock;
use klaar_domain::kernel::config::Settings;
use klaar_domain::kernel::db::Db;
use klaar_domain::kernel::jobs::{self, EnqueueOptions, Job, Lane};
use klaar_domain::kernel::operations::{self, OperationId};
use klaar_worker::{Fault, Registry, Run, Runtime, Worker};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

/// Adds one to an operation, in the transaction that finishes the job.
#[derive(Serialize, Deserialize)]
pub(crate) struct Count {
    pub(crate) operation: OperationId,
}

impl Job for Count {
    const KIND: &'static str = "count";
    const LANE: Lane = Lane::Network;
    const MAX_FAILURES: i32 = 100;
}

pub(crate) async fn count(job: Count, run: Run) -> Result<(), Fault> {
    tokio::time::sleep(Duration::from_millis(1)).await;
    run.settle(move |tx| operations::advance(tx, job.operation, 1, 0)).await?;
    Ok(())
}

/// Does what the test's hand, shared with the runtime, tells it.
#[derive(Serialize, Deserialize)]
pub(crate) struct Obey {}

impl Job for Obey {
    const KIND: &'static str = "obey";
    const LANE: Lane = Lane::Interactive;
}

#[derive(Clone, Default)]
pub(crate) struct Hand {
    pub(crate) runs: Arc<AtomicUsize>,
    pub(crate) is_running: Arc<Notify>,
    pub(crate) may_end: Option<Arc<Notify>>,
    pub(crate) fault: Option<fn() -> Fault>,
}

pub(crate) async fn obey(_job: Obey, run: Run) -> Result<(), Fault> {
    let hand = run.shared::<Hand>()?;
    hand.runs.fetch_add(1, Ordering::SeqCst);
    hand.is_running.notify_one();
    if let Some(may_end) = &hand.may_end {
        may_end.notified().await;
    }
    hand.fault.map_or(Ok(()), |fault| Err(fault()))
}

pub(crate) fn registry() -> Registry {
    let mut registry = Registry::default();
    registry.add::<Count>(count).add::<Obey>(obey);
    registry
}

/// A database of its own that goes with it.
pub(crate) struct World {
    pub(crate) db: Db,
    pub(crate) settings: Arc<Settings>,
    server: Option<(String, String)>,
    _folder: tempfile::TempDir,
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some((server, name)) = &self.server
            && let Ok(mut conn) = diesel::PgConnection::establish(server)
        {
            let _ = conn.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        }
    }
}

impl World {
    pub(crate) fn on_sqlite(clock: Clock) -> Self {
        let _ = tracing_subscriber::fmt().with_env_filter(tracing_subscriber::EnvFilter::from_default_env()).try_init();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("worker.db");
        Self::open(format!("sqlite:{}", path.display()), None, None, (clock, folder))
    }

    /// `None`, with a word about it, when no server is set.
    pub(crate) fn on_postgres(redis_database: usize) -> Option<Self> {
        let Ok(server) = std::env::var("KLAAR_TEST_POSTGRES_URL") else {
            println!("skipped on PostgreSQL: KLAAR_TEST_POSTGRES_URL is not set");
            return None;
        };
        let redis = std::env::var("KLAAR_TEST_REDIS_URL").ok().map(|url| format!("{url}/{redis_database}"));
        if redis.is_none() {
            println!("over a channel instead of Redis: KLAAR_TEST_REDIS_URL is not set");
        }
        let name = format!("klaar_worker_{}", uuid::Uuid::now_v7().simple());
        diesel::PgConnection::establish(&server).unwrap().batch_execute(&format!("CREATE DATABASE {name}")).unwrap();
        let mut own = url::Url::parse(&server).unwrap();
        own.set_path(&name);
        let folder = tempfile::tempdir().unwrap();
        Some(Self::open(own.to_string(), redis, Some((server, name)), (Clock::system(), folder)))
    }

    fn open(
        database: String,
        redis: Option<String>,
        server: Option<(String, String)>,
        (clock, folder): (Clock, tempfile::TempDir),
    ) -> Self {
        let mut set = BTreeMap::from([
            ("KLAAR_DATABASE_URL".to_owned(), database),
            ("KLAAR_SHUTDOWN_LIMIT".to_owned(), "0.5".to_owned()),
        ]);
        set.extend(redis.map(|url| ("KLAAR_REDIS_URL".to_owned(), url)));
        let settings = Arc::new(Settings::from_sources(BTreeMap::new(), set).unwrap());
        let db = Db::open(&settings.database, 16, clock).unwrap();
        db.migrate().unwrap();
        Self { db, settings, server, _folder: folder }
    }

    pub(crate) fn runtime(&self) -> Runtime {
        Runtime::new(self.db.clone(), self.settings.clone())
    }

    pub(crate) async fn worker(&self, hand: &Hand) -> Worker {
        Worker::start(self.runtime().share(hand.clone()), registry(), &[]).await.unwrap()
    }

    /// An operation and as many jobs as should advance it by one each.
    pub(crate) fn counting(&self, jobs: usize) -> (Uid, OperationId) {
        let owner = Uid(uuid::Uuid::now_v7());
        let operation = self
            .db
            .write(|tx| {
                let operation = operations::create(tx, owner, &Actor::system("test"), "count", None)?;
                let jobs: Vec<Count> = (0..jobs).map(|_| Count { operation }).collect();
                jobs::enqueue_all(tx, &jobs, &EnqueueOptions::of(owner))?;
                Ok(operation)
            })
            .unwrap();
        (owner, operation)
    }

    pub(crate) fn counted(&self, (owner, operation): (Uid, OperationId)) -> i64 {
        self.db.read(|conn| operations::find(conn, owner, operation)).unwrap().done
    }

    pub(crate) fn put(&self) {
        self.db.write(|tx| jobs::enqueue(tx, &Obey {}, &EnqueueOptions::default())).unwrap();
    }

    pub(crate) fn left(&self) -> i64 {
        let depths = self.db.read(|conn| jobs::depths(conn, self.db.clock().now())).unwrap();
        depths.iter().map(|depth| depth.pending + depth.leased).sum()
    }

    pub(crate) fn dead(&self) -> Vec<jobs::DeadJob> {
        self.db.read(|conn| jobs::list_dead(conn, None, None, 10)).unwrap().items
    }
}

/// Waits until `holds`, at most half a minute.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(tokio::time::Instant::now() < deadline, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
