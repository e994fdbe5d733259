//! `klaar serve`: the API, and the worker with it unless it is told otherwise.

use std::sync::Arc;

use actix_web::HttpServer;
use klaar_api::State;
use klaar_domain::identity;
use klaar_domain::kernel::config::Settings;
use klaar_domain::kernel::db::Db;
use klaar_domain::kernel::keys;
use klaar_domain::kernel::secrets::Keyring;
use klaar_worker::listener::Listener;
use klaar_worker::{OutboxCollector, Worker};

use crate::command::{Fault, open};
use crate::output;

/// The most connections that one process holds open at once.
const MOST_CONNECTIONS: usize = 10_000;

/// Runs until the process is asked to stop.
pub async fn run(settings: Arc<Settings>, with_worker: bool) -> Result<(), Fault> {
    let db = open(&settings)?;
    if db.read(identity::all_practices)?.is_empty() {
        output::say("There is no practice yet. Make one, and a key for it:");
        output::say("  klaar practice create --name \"My practice\" --world test");
        output::say("  klaar key create --practice \"My practice\"");
    }
    both(settings, db, with_worker, || {}).await
}

/// Serves on an open database; calls `ready` once the API listens.
pub async fn both(settings: Arc<Settings>, db: Db, with_worker: bool, ready: impl FnOnce()) -> Result<(), Fault> {
    let keyring = keys::keyring(&settings).map_err(Fault)?;
    let worker = if with_worker { Some(start_worker(&settings, &db, &keyring).await?) } else { None };
    if worker.is_none()
        && let Some(url) = &settings.redis_url
    {
        klaar_worker::ring_over_redis(&db, &settings.database, url)?;
    }
    let state = State::new(db, keyring, (*settings).clone())?;
    let limit = settings.shutdown_limit.as_secs();
    let workers = std::thread::available_parallelism().map_or(2, usize::from).min(8);
    // More threads than connections would only wait for each other; a few are left for what needs none, as hashing.
    let threads = usize::try_from(settings.database_connections).unwrap_or(16).div_ceil(workers).max(4);
    let server = HttpServer::new(move || klaar_api::app(Arc::clone(&state)))
        .workers(workers)
        .worker_max_blocking_threads(threads)
        .max_connections(MOST_CONNECTIONS)
        .shutdown_timeout(limit)
        .bind(settings.listen)
        .map_err(|error| Fault(format!("KLAAR_LISTEN: {}: {error}", settings.listen)))?
        .run();
    tracing::info!(address = %settings.listen, worker = worker.is_some(), "the API listens");
    ready();
    server.await?;
    if let Some((worker, _listener)) = worker {
        worker.stop().await;
    }
    Ok(())
}

async fn start_worker(settings: &Arc<Settings>, db: &Db, keyring: &Keyring) -> Result<(Arc<Worker>, Listener), Fault> {
    let runtime = klaar_worker::runtime(db.clone(), Arc::clone(settings), keyring.clone())?;
    let metrics = runtime.metrics.clone();
    metrics.register(Box::new(OutboxCollector::new(db.clone())?))?;
    let worker = Arc::new(Worker::start(runtime, klaar_worker::jobs(), &klaar_worker::schedules()).await?);
    let listener = Listener::open(settings.worker_listen, Arc::clone(&worker), metrics)
        .await
        .map_err(|error| Fault(format!("KLAAR_WORKER_LISTEN: {}: {error}", settings.worker_listen)))?;
    Ok((worker, listener))
}
