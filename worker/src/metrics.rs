//! What the worker counts, and what lies in the outbox, for Prometheus.

use std::collections::HashMap;
use std::time::Duration;

use klaar_domain::kernel::db::Db;
use klaar_domain::kernel::jobs;
use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGaugeVec, Opts, Registry};

/// The worker's own counters.
#[derive(Clone)]
pub(crate) struct Metrics {
    ended: IntCounterVec,
    seconds: HistogramVec,
    pub(crate) void: IntCounter,
}

impl Metrics {
    /// Makes the counters known to `registry`.
    pub(crate) fn register(registry: &Registry) -> prometheus::Result<Self> {
        let ended = IntCounterVec::new(
            Opts::new("klaar_jobs_ended_total", "Runs by kind of job and outcome (done, failed, overtaken)."),
            &["kind", "outcome"],
        )?;
        let buckets = vec![0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10.0, 60.0, 300.0];
        let options = HistogramOpts::new("klaar_job_seconds", "How long handlers took.").buckets(buckets);
        let seconds = HistogramVec::new(options, &["kind"])?;
        let void = IntCounter::new("klaar_job_tickets_void_total", "Tickets that came twice or too late.")?;
        registry.register(Box::new(ended.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        registry.register(Box::new(void.clone()))?;
        Ok(Self { ended, seconds, void })
    }

    pub(crate) fn ended(&self, kind: &str, outcome: &str, took: Duration) {
        self.ended.with_label_values(&[kind, outcome]).inc();
        self.seconds.with_label_values(&[kind]).observe(took.as_secs_f64());
    }
}

/// What lies in the outbox, read when somebody asks. Gathering blocks.
pub struct OutboxCollector {
    db: Db,
    jobs: IntGaugeVec,
    oldest: IntGaugeVec,
    connections: IntGaugeVec,
}

impl OutboxCollector {
    /// A collector for the outbox and the connection pool of `db`.
    ///
    /// # Errors
    /// When a metric's name is not allowed, which its tests rule out.
    pub fn new(db: Db) -> prometheus::Result<Self> {
        let gauges = |name: &str, help: &str, labels: &[&str]| IntGaugeVec::new(Opts::new(name, help), labels);
        Ok(Self {
            db,
            jobs: gauges("klaar_jobs", "Jobs in the outbox by lane and status.", &["lane", "status"])?,
            oldest: gauges("klaar_jobs_oldest_due_seconds", "How long the oldest due job has been due.", &["lane"])?,
            connections: gauges("klaar_database_connections", "Connections of this process.", &["state"])?,
        })
    }
}

impl Collector for OutboxCollector {
    fn desc(&self) -> Vec<&Desc> {
        [&self.jobs, &self.oldest, &self.connections].into_iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let (busy, open) = self.db.pool_state();
        let connections = HashMap::from([("busy", busy), ("idle", open.saturating_sub(busy))]);
        for (state, count) in connections {
            self.connections.with_label_values(&[state]).set(i64::from(count));
        }
        match self.db.read(|conn| jobs::depths(conn, self.db.clock().now())) {
            Ok(depths) => {
                for depth in depths {
                    let lane = depth.lane.as_str();
                    self.jobs.with_label_values(&[lane, "pending"]).set(depth.pending);
                    self.jobs.with_label_values(&[lane, "leased"]).set(depth.leased);
                    self.jobs.with_label_values(&[lane, "dead"]).set(depth.dead);
                    self.oldest.with_label_values(&[lane]).set(depth.oldest_due_seconds);
                }
            }
            Err(error) => tracing::warn!(%error, "the outbox cannot be counted"),
        }
        [&self.jobs, &self.oldest, &self.connections].into_iter().flat_map(Collector::collect).collect()
    }
}
