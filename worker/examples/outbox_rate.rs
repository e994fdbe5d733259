//! How many no-op jobs a second the outbox carries from end to end:
//! `cargo run --release -p klaar-worker --example outbox_rate -- N [DATABASE_URL] [REDIS_URL]`.
//!
//! Two rates are printed as one JSON line. `jobs_per_second` is measured from the start of a worker that finds N jobs
//! waiting until the last of them is done in the database. `with_enqueue` measures the same N jobs again, enqueued in
//! transactions of 100 while the worker runs, from the first transaction until the last job is done.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use klaar_domain::kernel::clock::Clock;
use klaar_domain::kernel::config::Settings;
use klaar_domain::kernel::db::Db;
use klaar_domain::kernel::jobs::{self, EnqueueOptions, Job, Lane};
use klaar_worker::{Fault, Registry, Run, Runtime, Worker};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct NoOp {}

impl Job for NoOp {
    const KIND: &'static str = "no_op";
    const LANE: Lane = Lane::Network;
}

async fn no_op(_job: NoOp, _run: Run) -> Result<(), Fault> {
    Ok(())
}

type Fallible<T> = Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Fallible<()> {
    let mut arguments = std::env::args().skip(1);
    let count: usize = arguments.next().unwrap_or_else(|| "100000".to_owned()).parse()?;
    let folder = tempfile::tempdir()?;
    let own = format!("sqlite:{}", folder.path().join("rate.db").display());
    let database = arguments.next().unwrap_or(own);
    let mut environment = BTreeMap::from([("KLAAR_DATABASE_URL".to_owned(), database)]);
    environment.extend(arguments.next().map(|url| ("KLAAR_REDIS_URL".to_owned(), url)));
    let settings = Arc::new(Settings::from_sources(BTreeMap::new(), environment)?);
    let db = Db::open(&settings.database, settings.database_connections, Clock::system())?;
    db.migrate()?;

    enqueue(&db, count)?;
    let began = Instant::now();
    let mut registry = Registry::default();
    registry.add::<NoOp>(no_op);
    let worker = Worker::start(Runtime::new(db.clone(), settings), registry, &[]).await?;
    let waiting = until_done(&db, began).await?;
    let began = Instant::now();
    let enqueued = db.clone();
    tokio::task::spawn_blocking(move || enqueue(&enqueued, count).map_err(|error| error.to_string())).await??;
    let enqueueing = began.elapsed().as_secs_f64();
    let with_enqueue = until_done(&db, began).await?;
    worker.stop().await;

    let rate = |seconds: f64| (count as f64 / seconds).round();
    let line = serde_json::json!({
        "jobs": count, "jobs_per_second": rate(waiting), "with_enqueue": rate(with_enqueue), "enqueue": rate(enqueueing),
    });
    #[expect(clippy::print_stdout, reason = "this is what the example is for")]
    {
        println!("{line}");
    }
    Ok(())
}

/// In transactions of 100 jobs.
fn enqueue(db: &Db, count: usize) -> Fallible<()> {
    let jobs: Vec<NoOp> = (0..count).map(|_| NoOp {}).collect();
    for chunk in jobs.chunks(100) {
        db.write(|tx| jobs::enqueue_all(tx, chunk, &EnqueueOptions::default()))?;
    }
    Ok(())
}

/// Seconds since `began` when nothing was pending or leased any more.
async fn until_done(db: &Db, began: Instant) -> Fallible<f64> {
    loop {
        let asked = db.clone();
        let counted = tokio::task::spawn_blocking(move || asked.read(|conn| jobs::depths(conn, asked.clock().now())));
        let left: i64 = counted.await??.iter().map(|depth| depth.pending + depth.leased).sum();
        if left == 0 {
            return Ok(began.elapsed().as_secs_f64());
        }
        tokio::time::sleep(Duration::from_millis(if left > 2000 { 100 } else { 5 })).await;
    }
}
