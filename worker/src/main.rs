//! The `klaar-worker` command: runs jobs from the outbox beside one or more `klaar serve --no-worker`.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use klaar_domain::kernel::clock::Clock;
use klaar_domain::kernel::config::Settings;
use klaar_domain::kernel::db::Db;
use klaar_domain::kernel::keys;
use klaar_worker::listener::Listener;
use klaar_worker::{OutboxCollector, Worker, jobs, logging, runtime, schedules};

/// Does the work that Klaar leaves for later: look-ups, mails, imports, the nightly round.
///
/// Start as many as you like, on as many machines as you like: they share the work by the database, and one that dies is
/// made up for by the others within half a minute. Stop one with SIGTERM or Ctrl-C; it finishes what it has begun or
/// gives it back.
#[derive(Parser)]
#[command(name = "klaar-worker", version, after_help = SETTINGS)]
struct Command {}

const SETTINGS: &str = "\
Settings come from the environment, or from the TOML file that KLAAR_CONFIG names (./klaar.toml when it is there):
  KLAAR_DATABASE_URL     sqlite:PATH or postgres://USER@HOST/DATABASE, the same as the API's
  KLAAR_REDIS_URL        redis://HOST:PORT, to share work with other processes at once; without it each claims for itself
  KLAAR_SECRET_KEY       the API's keys: needed on PostgreSQL; on SQLite secret.key beside the file is used
  KLAAR_SMTP_URL, KLAAR_MAIL_FROM, KLAAR_SMTP_…   as the API has them
  KLAAR_WORKER_LISTEN    where /healthz, /readyz and /metrics are answered (127.0.0.1:8081)
  KLAAR_SHUTDOWN_LIMIT   seconds that running jobs may take to finish when it stops (25)
  KLAAR_LOG              what is logged, as in info or info,klaar_worker=debug
  KLAAR_LOG_FORMAT       text or json";

#[tokio::main]
async fn main() -> ExitCode {
    Command::parse();
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            #[expect(clippy::print_stderr, reason = "logging may not have started yet")]
            {
                eprintln!("klaar-worker: {fault}");
            }
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let settings = Arc::new(Settings::load()?);
    logging::start(&settings)?;
    let db = Db::open(&settings.database, settings.database_connections, Clock::system())?;
    let migrated = db.clone();
    tokio::task::spawn_blocking(move || migrated.migrate()).await??;
    let runtime = runtime(db.clone(), settings.clone(), keys::keyring(&settings)?)?;
    let metrics = runtime.metrics.clone();
    metrics.register(Box::new(OutboxCollector::new(db)?))?;
    let stop = stop_signal()?;
    let worker = Arc::new(Worker::start(runtime, jobs(), &schedules()).await?);
    let listener = Listener::open(settings.worker_listen, worker.clone(), metrics).await?;
    tracing::info!(address = %listener.address(), "answering /healthz, /readyz and /metrics");
    stop.await;
    tracing::info!("stopping");
    worker.stop().await;
    Ok(())
}

/// Ends when the process is asked to stop.
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminated.recv() => {}
            _ = interrupted.recv() => {}
        }
    })
}
