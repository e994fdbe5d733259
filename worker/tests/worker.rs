//! The worker from end to end: on SQLite over a channel; on PostgreSQL too when `KLAAR_TEST_POSTGRES_URL` names a server
//! that may create databases, over Redis when `KLAAR_TEST_REDIS_URL` is set as well.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use diesel::connection::{Connection as _, SimpleConnection as _};
use klaar_domain::kernel::Uid;
use klaar_domain::kernel::actor::Actor;
use klaar_domain::kernel::clock::{Clock, Instant};
use klaar_domain::kernel::config::Settings;
use klaar_domain::kernel::db::Db;
use klaar_domain::kernel::error::Error;
use klaar_domain::kernel::jobs::{self, EnqueueOptions, Job, Lane, WorkerId};
use klaar_domain::kernel::operations::{self, OperationId};
use klaar_worker::listener::Listener;
use klaar_worker::{Fault, OutboxCollector, Registry, Run, Runtime, Schedule, Worker, run_due};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

/// Adds one to an operation, in the transaction that finishes the job.
#[derive(Serialize, Deserialize)]
struct Count {
    operation: OperationId,
}

impl Job for Count {
    const KIND: &'static str = "count";
    const LANE: Lane = Lane::Network;
    const MAX_FAILURES: i32 = 100;
}

async fn count(job: Count, run: Run) -> Result<(), Fault> {
    tokio::time::sleep(Duration::from_millis(1)).await;
    run.settle(move |tx| operations::advance(tx, job.operation, 1, 0))
        .await?;
    Ok(())
}

/// Does what the test's hand, shared with the runtime, tells it.
#[derive(Serialize, Deserialize)]
struct Obey {}

impl Job for Obey {
    const KIND: &'static str = "obey";
    const LANE: Lane = Lane::Interactive;
}

#[derive(Clone, Default)]
struct Hand {
    runs: Arc<AtomicUsize>,
    is_running: Arc<Notify>,
    may_end: Option<Arc<Notify>>,
    fault: Option<fn() -> Fault>,
}

async fn obey(_job: Obey, run: Run) -> Result<(), Fault> {
    let hand = run.shared::<Hand>()?;
    hand.runs.fetch_add(1, Ordering::SeqCst);
    hand.is_running.notify_one();
    if let Some(may_end) = &hand.may_end {
        may_end.notified().await;
    }
    hand.fault.map_or(Ok(()), |fault| Err(fault()))
}

fn registry() -> Registry {
    let mut registry = Registry::default();
    registry.add::<Count>(count).add::<Obey>(obey);
    registry
}

/// A database of its own that goes with it.
struct World {
    db: Db,
    settings: Arc<Settings>,
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
    fn on_sqlite(clock: Clock) -> Self {
        let _ = tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
            .try_init();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("worker.db");
        Self::open(format!("sqlite:{}", path.display()), None, None, (clock, folder))
    }

    /// `None`, with a word about it, when no server is set.
    fn on_postgres(redis_database: usize) -> Option<Self> {
        let Ok(server) = std::env::var("KLAAR_TEST_POSTGRES_URL") else {
            println!("skipped on PostgreSQL: KLAAR_TEST_POSTGRES_URL is not set");
            return None;
        };
        let redis = std::env::var("KLAAR_TEST_REDIS_URL")
            .ok()
            .map(|url| format!("{url}/{redis_database}"));
        if redis.is_none() {
            println!("over a channel instead of Redis: KLAAR_TEST_REDIS_URL is not set");
        }
        let name = format!("klaar_worker_{}", uuid::Uuid::now_v7().simple());
        diesel::PgConnection::establish(&server)
            .unwrap()
            .batch_execute(&format!("CREATE DATABASE {name}"))
            .unwrap();
        let mut own = url::Url::parse(&server).unwrap();
        own.set_path(&name);
        let folder = tempfile::tempdir().unwrap();
        Some(Self::open(
            own.to_string(),
            redis,
            Some((server, name)),
            (Clock::system(), folder),
        ))
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
        Self {
            db,
            settings,
            server,
            _folder: folder,
        }
    }

    fn runtime(&self) -> Runtime {
        Runtime::new(self.db.clone(), self.settings.clone())
    }

    async fn worker(&self, hand: &Hand) -> Worker {
        Worker::start(self.runtime().share(hand.clone()), registry(), &[])
            .await
            .unwrap()
    }

    /// An operation and as many jobs as should advance it by one each.
    fn counting(&self, jobs: usize) -> (Uid, OperationId) {
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

    fn counted(&self, (owner, operation): (Uid, OperationId)) -> i64 {
        self.db
            .read(|conn| operations::find(conn, owner, operation))
            .unwrap()
            .done
    }

    fn put(&self) {
        self.db
            .write(|tx| jobs::enqueue(tx, &Obey {}, &EnqueueOptions::default()))
            .unwrap();
    }

    fn left(&self) -> i64 {
        let depths = self.db.read(|conn| jobs::depths(conn, self.db.clock().now())).unwrap();
        depths.iter().map(|depth| depth.pending + depth.leased).sum()
    }

    fn dead(&self) -> Vec<jobs::DeadJob> {
        self.db
            .read(|conn| jobs::list_dead(conn, None, None, 10))
            .unwrap()
            .items
    }
}

/// Waits until `holds`, at most half a minute.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(tokio::time::Instant::now() < deadline, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_leave_each_effect_once() {
    for world in [Some(World::on_sqlite(Clock::system())), World::on_postgres(0)]
        .into_iter()
        .flatten()
    {
        let (first, second) = (
            world.worker(&Hand::default()).await,
            world.worker(&Hand::default()).await,
        );
        let counting = world.counting(400);
        until("all counted", || world.left() == 0).await;
        assert_eq!(world.counted(counting), 400);
        first.stop().await;
        second.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_wakes_an_idle_worker() {
    for world in [Some(World::on_sqlite(Clock::system())), World::on_postgres(0)]
        .into_iter()
        .flatten()
    {
        let hand = Hand::default();
        let worker = world.worker(&hand).await;
        world.put();
        until("the first run", || hand.runs.load(Ordering::SeqCst) == 1).await;
        let began = std::time::Instant::now();
        for nth in 2..=20 {
            world.put();
            until("a run", || hand.runs.load(Ordering::SeqCst) == nth).await;
        }
        assert!(
            began.elapsed() < Duration::from_secs(6),
            "19 jobs one after the other took {:?}",
            began.elapsed()
        );
        worker.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_worker_gives_back_what_it_cannot_finish() {
    for world in [Some(World::on_sqlite(Clock::system())), World::on_postgres(0)]
        .into_iter()
        .flatten()
    {
        let slow = Hand {
            may_end: Some(Arc::new(Notify::new())),
            ..Hand::default()
        };
        let stopping = world.worker(&slow).await;
        // One more than can run at once: the last one waits.
        let most = klaar_worker::concurrency(Lane::Interactive);
        (0..=most).for_each(|_| world.put());
        until("all but one run", || slow.runs.load(Ordering::SeqCst) == most).await;
        until("the last is claimed", || {
            world
                .db
                .read(|conn| jobs::leased_count(conn, stopping.id(), Lane::Interactive))
                .unwrap()
                == most + 1
        })
        .await;
        assert_eq!(stopping.stop().await, most + 1);
        let quick = Hand::default();
        let other = world.worker(&quick).await;
        until("all run again", || quick.runs.load(Ordering::SeqCst) == most + 1).await;
        until("all done", || world.left() == 0).await;
        other.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_worker_lets_a_job_finish() {
    let world = World::on_sqlite(Clock::system());
    let hand = Hand {
        may_end: Some(Arc::new(Notify::new())),
        ..Hand::default()
    };
    let worker = world.worker(&hand).await;
    world.put();
    hand.is_running.notified().await;
    let may_end = hand.may_end.clone().unwrap();
    let (given, ()) = tokio::join!(worker.stop(), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        may_end.notify_one();
    });
    assert_eq!((given, world.left()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_workers_job_is_taken_over_and_a_live_ones_is_not() {
    for world in [Some(World::on_sqlite(Clock::system())), World::on_postgres(0)]
        .into_iter()
        .flatten()
    {
        let counting = world.counting(1);
        let gone = jobs::claim(&world.db, WorkerId::new(), Lane::Network, 1, Duration::from_secs(1)).unwrap();
        let ticket = gone[0].ticket;
        jobs::start(&world.db, &[ticket], Duration::from_secs(1)).unwrap();
        let hand = Hand {
            may_end: Some(Arc::new(Notify::new())),
            ..Hand::default()
        };
        let mut runtime = world.runtime().share(hand.clone());
        runtime.lease = Duration::from_secs(1);
        let worker = Worker::start(runtime, registry(), &[]).await.unwrap();
        world.put();
        hand.is_running.notified().await;
        until("taken over", || world.counted(counting) == 1).await;
        // Three leases later the long job still runs, once.
        tokio::time::sleep(Duration::from_secs(3)).await;
        hand.may_end.as_ref().unwrap().notify_one();
        until("all done", || world.left() == 0).await;
        assert_eq!(hand.runs.load(Ordering::SeqCst), 1);
        let late = world.db.write(|tx| {
            if jobs::finish(tx, ticket)? {
                Ok(())
            } else {
                Err(Error::Stale)
            }
        });
        assert!(late.is_err());
        worker.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hopeless_job_waits_for_a_person_and_a_panic_is_a_failure() {
    let world = World::on_sqlite(Clock::system());
    let hopeless = Hand {
        fault: Some(|| Fault::Hopeless("no such thing".to_owned())),
        ..Hand::default()
    };
    let worker = world.worker(&hopeless).await;
    world.put();
    until("dead", || world.dead().len() == 1).await;
    assert_eq!(world.dead()[0].last_error.as_deref(), Some("no such thing"));
    worker.stop().await;

    let panicking = Hand {
        fault: Some(|| panic!("out of tune")),
        ..Hand::default()
    };
    let worker = world.worker(&panicking).await;
    let id = world.dead()[0].id;
    world.db.write(|tx| jobs::retry_dead(tx, None, id)).unwrap();
    until("tried again after the panic", || {
        panicking.runs.load(Ordering::SeqCst) >= 2
    })
    .await;
    worker.stop().await;
    assert!(world.dead().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_is_enqueued_by_one_of_two_workers() {
    for world in [Some(World::on_sqlite(Clock::system())), World::on_postgres(0)]
        .into_iter()
        .flatten()
    {
        let hand = Hand::default();
        let every_second = [Schedule::new("every_second", "* * * * * *", Obey {})];
        let start = || Worker::start(world.runtime().share(hand.clone()), registry(), &every_second);
        let (first, second) = (start().await.unwrap(), start().await.unwrap());
        let began = std::time::Instant::now();
        until("three ticks", || hand.runs.load(Ordering::SeqCst) >= 3).await;
        let seconds = usize::try_from(began.elapsed().as_secs()).unwrap();
        first.stop().await;
        second.stop().await;
        assert!(
            hand.runs.load(Ordering::SeqCst) <= seconds + 3,
            "{} runs in {seconds} s",
            hand.runs.load(Ordering::SeqCst)
        );
        let at = Instant::parse("2026-11-22T12:00:00Z").unwrap();
        assert!(every_second[0].tick(&world.db, at).unwrap());
        assert!(!every_second[0].tick(&world.db, at).unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flushed_redis_loses_nothing() {
    let Ok(url) = std::env::var("KLAAR_TEST_REDIS_URL") else {
        return println!("skipped: KLAAR_TEST_REDIS_URL is not set");
    };
    let Some(world) = World::on_postgres(9) else { return };
    let workers = [
        world.worker(&Hand::default()).await,
        world.worker(&Hand::default()).await,
    ];
    let mut redis = redis::Client::open(format!("{url}/9"))
        .unwrap()
        .get_multiplexed_async_connection()
        .await
        .unwrap();
    let countings: Vec<_> = (0..5).map(|_| world.counting(2000)).collect();
    for _ in 0..8 {
        tokio::time::sleep(Duration::from_millis(150)).await;
        redis::cmd("FLUSHDB").query_async::<()>(&mut redis).await.unwrap();
    }
    until("all done", || world.left() == 0).await;
    for counting in countings {
        assert_eq!(world.counted(counting), 2000);
    }
    let again = world.counting(100);
    until("work goes on", || world.left() == 0).await;
    assert_eq!(world.counted(again), 100);
    for worker in workers {
        worker.stop().await;
    }
    let kept: usize = redis::cmd("DBSIZE").query_async(&mut redis).await.unwrap();
    assert!(kept < 40, "{kept} keys are left in Redis");
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_due_can_be_run_without_a_worker() {
    let start = Instant::parse("2026-11-22T12:00:00Z").unwrap();
    let world = World::on_sqlite(Clock::frozen(start));
    let counting = world.counting(150);
    let later = EnqueueOptions::default().at(start.plus_seconds(60));
    world.db.write(|tx| jobs::enqueue(tx, &Obey {}, &later)).unwrap();
    let hand = Hand::default();
    assert_eq!(
        run_due(world.runtime().share(hand.clone()), registry()).await.unwrap(),
        150
    );
    assert_eq!((world.counted(counting), world.left()), (150, 1));
    world.db.clock().set(start.plus_seconds(60));
    assert_eq!(
        run_due(world.runtime().share(hand.clone()), registry()).await.unwrap(),
        1
    );
    assert_eq!(hand.runs.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn done_jobs_are_pruned_after_seven_days() {
    let start = Instant::parse("2026-11-22T12:00:00Z").unwrap();
    let world = World::on_sqlite(Clock::frozen(start));
    let key = EnqueueOptions::default().once("once");
    let put = || world.db.write(|tx| jobs::enqueue(tx, &Obey {}, &key)).unwrap();
    assert!(put());
    run_due(world.runtime().share(Hand::default()), registry())
        .await
        .unwrap();
    for (days, is_free) in [(6, false), (8, true)] {
        world.db.clock().set(start.plus_seconds(days * 86_400));
        for schedule in klaar_worker::schedules() {
            assert!(schedule.tick(&world.db, world.db.clock().now()).unwrap());
        }
        run_due(world.runtime(), klaar_worker::jobs()).await.unwrap();
        assert_eq!(put(), is_free, "after {days} days");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_listener_tells_health_and_numbers() {
    let world = World::on_sqlite(Clock::system());
    let runtime = world.runtime().share(Hand::default());
    let metrics = runtime.metrics.clone();
    metrics
        .register(Box::new(OutboxCollector::new(world.db.clone()).unwrap()))
        .unwrap();
    let worker = Arc::new(Worker::start(runtime, registry(), &[]).await.unwrap());
    let listener = Listener::open("127.0.0.1:0".parse().unwrap(), worker.clone(), metrics)
        .await
        .unwrap();
    let address = listener.address();
    let ask = move |path: &'static str| {
        tokio::task::spawn_blocking(move || {
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
            let mut said = String::new();
            stream.read_to_string(&mut said).unwrap();
            said
        })
    };
    world.put();
    until("done", || world.left() == 0).await;
    assert!(ask("/healthz").await.unwrap().starts_with("HTTP/1.1 200"));
    assert!(ask("/readyz").await.unwrap().starts_with("HTTP/1.1 200"));
    assert!(ask("/").await.unwrap().starts_with("HTTP/1.1 404"));
    let numbers = ask("/metrics").await.unwrap();
    for line in [
        r#"klaar_jobs{lane="interactive",status="dead"} 0"#,
        r#"klaar_jobs_ended_total{kind="obey",outcome="done"} 1"#,
    ] {
        assert!(numbers.contains(line), "{line} is missing in {numbers}");
    }
    worker.stop().await;
    assert!(ask("/readyz").await.unwrap().starts_with("HTTP/1.1 503"));
}
