//! Tickets over Redis: apalis-redis, with what it needs to be forgotten as soon as a ticket was carried out.
//!
//! apalis-redis keeps every task it ever saw and dies when it must acknowledge one that a flush took away. So results are
//! not kept and nothing is acknowledged: a carried ticket is deleted, and what is already gone is no error.

use std::collections::BTreeMap;
use std::time::Duration;

use apalis_core::task::builder::TaskBuilder;
use apalis_core::task::task_id::TaskId;
use apalis_core::worker::context::WorkerContext;
use apalis_redis::queries::push_tasks;
use apalis_redis::{Config, RedisStorage};
use klaar_domain::kernel::jobs::{Lane, Ticket};
use redis::AsyncCommands as _;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use tokio::sync::mpsc;

use super::Envelope;

/// Longer than this no answer of Redis takes; without a limit a half-open connection would hang for ever.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// How often a worker shows that it is alive, and looks for tickets although nobody woke it.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// After how many silent heartbeats others take over what a worker had fetched.
const MISSED_HEARTBEATS: usize = 6;
/// Above this many tickets on their way no more are sent: apalis-redis moves all of them in one Lua call, which takes
/// about 8,000 at most.
const MOST_ON_THEIR_WAY: usize = 3000;
/// The most tickets that are deleted in one round trip.
const BATCH: usize = 500;

struct Carried {
    lane: Lane,
    worker: String,
    task: String,
}

/// The queues of all lanes in Redis.
#[derive(Clone)]
pub(crate) struct RedisQueues {
    conn: ConnectionManager,
    namespace: String,
    carried: mpsc::UnboundedSender<Carried>,
}

impl RedisQueues {
    /// Queues under `namespace`; connects when first needed.
    ///
    /// # Errors
    /// When `url` is no address of a Redis.
    pub(crate) fn open(url: &str, namespace: String) -> redis::RedisResult<Self> {
        let conn = connect(url)?;
        let (carried, inbox) = mpsc::unbounded_channel();
        tokio::spawn(delete_carried(conn.clone(), namespace.clone(), inbox));
        Ok(Self { conn, namespace, carried })
    }

    /// What the lane's apalis worker reads from.
    pub(super) fn storage(&self, lane: Lane) -> RedisStorage<Envelope> {
        RedisStorage::new(self.conn.clone()).with_config(config(&self.namespace, lane))
    }

    pub(super) async fn has_room(&self, lane: Lane) -> bool {
        let (mut conn, config) = (self.conn.clone(), config(&self.namespace, lane));
        let counts: redis::RedisResult<(usize, usize)> = redis::pipe()
            .llen(config.active_jobs_list())
            .zcard(config.scheduled_jobs_set())
            .query_async(&mut conn)
            .await;
        match counts {
            Ok((active, scheduled)) => active + scheduled < MOST_ON_THEIR_WAY,
            Err(error) => {
                tracing::warn!(%error, "Redis does not answer");
                false
            }
        }
    }

    pub(super) async fn send(&self, lane: Lane, envelopes: &[Envelope]) -> Result<(), String> {
        let tasks: Result<Vec<_>, _> = envelopes
            .iter()
            .map(|envelope| {
                let bytes = serde_json::to_vec(envelope)?;
                let name = TaskId::from_string(name_of(&envelope.ticket()));
                Ok(TaskBuilder::new(bytes).task_id(name).build())
            })
            .collect();
        let tasks = tasks.map_err(|error: serde_json::Error| error.to_string())?;
        let mut conn = self.conn.clone();
        push_tasks(&mut conn, &config(&self.namespace, lane), &tasks).await.map_err(|error| error.to_string())?;
        let rung: redis::RedisResult<()> = conn.publish(crate::doorbell::channel(&self.namespace), lane.as_str()).await;
        rung.map_err(|error| error.to_string())
    }

    pub(super) async fn lost(&self, lane: Lane, sent: Vec<Ticket>) -> Vec<Ticket> {
        if sent.is_empty() {
            return sent;
        }
        let names: Vec<String> = sent.iter().map(name_of).collect();
        let mut conn = self.conn.clone();
        let key = config(&self.namespace, lane).job_data_hash();
        let held: redis::RedisResult<Vec<Option<Vec<u8>>>> =
            redis::cmd("HMGET").arg(key).arg(names).query_async(&mut conn).await;
        match held {
            Ok(held) => {
                sent.into_iter().zip(held).filter(|(_, held)| held.is_none()).map(|(ticket, _)| ticket).collect()
            }
            Err(error) => {
                tracing::warn!(%error, "Redis does not answer");
                Vec::new()
            }
        }
    }

    /// Forgets a ticket that was carried out.
    pub(super) fn delete(&self, lane: Lane, worker: &WorkerContext, task: &TaskId) {
        let carried = Carried { lane, worker: worker.name().to_owned(), task: task.to_string() };
        // The receiver lives as long as this sender.
        let _ = self.carried.send(carried);
    }

    /// Whether Redis answers.
    pub(crate) async fn is_reachable(&self) -> bool {
        let mut conn = self.conn.clone();
        redis::cmd("PING").query_async::<()>(&mut conn).await.is_ok()
    }
}

/// A connection that comes back by itself and never waits for long.
pub(crate) fn connect(url: &str) -> redis::RedisResult<ConnectionManager> {
    let config = ConnectionManagerConfig::new()
        .set_response_timeout(Some(ANSWER_WITHIN))
        .set_connection_timeout(Some(ANSWER_WITHIN))
        .set_min_delay(Duration::from_millis(100))
        .set_max_delay(Duration::from_secs(1))
        .set_number_of_retries(4);
    ConnectionManager::new_lazy_with_config(redis::Client::open(url)?, config)
}

fn config(namespace: &str, lane: Lane) -> Config {
    Config::default()
        .queue(format!("{namespace}:{lane}"))
        .batch_size(crate::concurrency(lane))
        .heartbeat_interval(HEARTBEAT)
        .missed_heartbeats(MISSED_HEARTBEATS)
        .lock_tasks(false)
        .persist_results(false)
        .emit_events(false)
}

/// What a ticket is called in Redis.
fn name_of(ticket: &Ticket) -> String {
    format!("{}-{}", ticket.id, ticket.claim)
}

async fn delete_carried(mut conn: ConnectionManager, namespace: String, mut inbox: mpsc::UnboundedReceiver<Carried>) {
    let mut batch = Vec::with_capacity(BATCH);
    while inbox.recv_many(&mut batch, BATCH).await > 0 {
        let mut by_worker: BTreeMap<(Lane, String), Vec<String>> = BTreeMap::new();
        for carried in batch.drain(..) {
            by_worker.entry((carried.lane, carried.worker)).or_default().push(carried.task);
        }
        let mut pipe = redis::pipe();
        for ((lane, worker), tasks) in &by_worker {
            let config = config(&namespace, *lane);
            let meta: Vec<String> = tasks.iter().map(|task| format!("{}:{task}", config.job_meta_hash())).collect();
            pipe.hdel(config.job_data_hash(), tasks).ignore();
            pipe.del(meta).ignore();
            pipe.srem(config.inflight_set_for(&WorkerContext::new(worker)), tasks).ignore();
        }
        if let Err(error) = pipe.query_async::<()>(&mut conn).await {
            // They are taken over as orphans when this worker is gone, found void, and deleted then.
            tracing::debug!(%error, "carried tickets stay in Redis for now");
        }
    }
}
