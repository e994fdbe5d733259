//! What the fault drivers run: jobs whose effect is one row, written in the finishing transaction, and the count of what
//! became of them. The database and Redis come from `KLAAR_DATABASE_URL` and `KLAAR_REDIS_URL`.
//!
//! `fault_effects enqueue N` migrates and leaves N jobs behind; it prints the practice they belong to. `fault_effects
//! work` is a worker that may be killed at any moment. `fault_effects report PRACTICE N` prints one JSON line:
//! `{"jobs":N,"lost":n,"twice":n,"dead":n,"left":n}`, where `left` counts jobs that are not settled yet.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use klaar_domain::kernel::Uid;
use klaar_domain::kernel::actor::Actor;
use klaar_domain::kernel::clock::Clock;
use klaar_domain::kernel::config::Settings;
use klaar_domain::kernel::db::Db;
use klaar_domain::kernel::error::Result as DomainResult;
use klaar_domain::kernel::jobs::{self, EnqueueOptions, Job, Lane};
use klaar_domain::kernel::{operations, page};
use klaar_worker::{Fault, Registry, Run, Runtime, Worker, logging};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct LeaveRow {
    number: usize,
}

impl Job for LeaveRow {
    const KIND: &'static str = "leave_row";
    const LANE: Lane = Lane::Network;
}

/// Takes its time, each a little more than the one before, so that a kill meets some half way; leaves an operation with its
/// number as the actor's name.
async fn leave_row(job: LeaveRow, run: Run) -> Result<(), Fault> {
    let milliseconds = 20 + u64::try_from(job.number % 100).unwrap_or_default() * 5;
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    let practice = run.practice().ok_or_else(|| Fault::Hopeless("a practice is missing".to_owned()))?;
    let actor = Actor::system(&job.number.to_string());
    run.settle(move |tx| operations::create(tx, practice, &actor, "leave_row", None)).await?;
    Ok(())
}

type Fallible<T> = Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
async fn main() -> Fallible<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let settings = Arc::new(Settings::load()?);
    logging::start(&settings)?;
    let db = Db::open(&settings.database, settings.database_connections, Clock::system())?;
    let said = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["enqueue", count] => enqueue(&db, count.parse()?)?,
        ["report", practice, count] => report(&db, Uid(practice.parse()?), count.parse()?)?,
        ["work"] => return work(db, settings).await,
        _ => return Err("say: enqueue N, work, or report PRACTICE N".into()),
    };
    #[expect(clippy::print_stdout, reason = "this is what the example is for")]
    {
        println!("{said}");
    }
    Ok(())
}

fn enqueue(db: &Db, count: usize) -> Fallible<String> {
    db.migrate()?;
    let practice = uuid::Uuid::now_v7();
    let jobs: Vec<LeaveRow> = (0..count).map(|number| LeaveRow { number }).collect();
    db.write(|tx| jobs::enqueue_all(tx, &jobs, &EnqueueOptions::of(Uid(practice))))?;
    Ok(practice.to_string())
}

async fn work(db: Db, settings: Arc<Settings>) -> Fallible<()> {
    let mut registry = Registry::default();
    registry.add::<LeaveRow>(leave_row);
    let worker = Worker::start(Runtime::new(db, settings), registry, &[]).await?;
    tokio::signal::ctrl_c().await?;
    worker.stop().await;
    Ok(())
}

fn report(db: &Db, practice: Uid, count: usize) -> Fallible<String> {
    // First what is left, then the rows: a job that ends in between is at worst reported as left.
    let depths = db.read(|conn| -> DomainResult<_> { jobs::depths(conn, db.clock().now()) })?;
    let left: i64 = depths.iter().map(|depth| depth.pending + depth.leased).sum();
    let dead: i64 = depths.iter().map(|depth| depth.dead).sum();
    let mut rows: BTreeMap<String, usize> = BTreeMap::new();
    let mut cursor = None;
    loop {
        let page = db.read(|conn| operations::list(conn, practice, cursor.as_deref(), page::MAX_LIMIT))?;
        for operation in page.items {
            *rows.entry(operation.actor_name).or_default() += 1;
        }
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    let twice = rows.values().filter(|times| **times > 1).count();
    let line = serde_json::json!({
        "jobs": count, "lost": count.saturating_sub(rows.len()), "twice": twice, "dead": dead, "left": left,
    });
    Ok(line.to_string())
}
