//! Schedules: apalis-cron says when; the outbox's unique key lets one process win.

use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use apalis::prelude::{BoxDynError, Monitor, WorkerBuilder};
use apalis_cron::jiff::JiffSchedule;
use apalis_cron::{CronScheduler, Tick};
use jiff::tz::TimeZone;
use klaar_domain::kernel::clock::Instant;
use klaar_domain::kernel::db::Db;
use klaar_domain::kernel::jobs::WorkerId;

use crate::batches::blocking;
use crate::registry::Schedule;
use crate::worker::StartError;

/// Enqueues what the schedules say.
pub(crate) struct Ticker {
    pub(crate) db: Db,
}

impl Ticker {
    /// An apalis worker that ticks for `schedule`.
    pub(super) fn register(
        &self,
        monitor: Monitor,
        schedule: &Schedule,
        worker: WorkerId,
    ) -> Result<Monitor, StartError> {
        let times = JiffSchedule::from_str(schedule.times())
            .map_err(|error| StartError::Schedule(schedule.name(), error.to_string()))?;
        let (db, schedule) = (self.db.clone(), Arc::new(schedule.clone()));
        Ok(monitor.register(move |restarts| {
            let (db, schedule) = (db.clone(), schedule.clone());
            WorkerBuilder::new(format!("{worker}-{}-{restarts}", schedule.name()))
                .backend(CronScheduler::new(times.clone()).with_timezone(TimeZone::UTC))
                .build(move |tick: Tick<TimeZone>| {
                    let (db, schedule) = (db.clone(), schedule.clone());
                    async move { enqueue(db, schedule, tick.get_timestamp()).await }
                })
        }))
    }
}

/// How often a tick is tried when the database is away, and how long the pauses are.
const TRIES: usize = 30;
const PAUSE: Duration = Duration::from_secs(2);

/// Enqueues the job of one tick. Always `Ok`, so that apalis leaves it at that.
async fn enqueue(db: Db, schedule: Arc<Schedule>, seconds: u64) -> Result<(), BoxDynError> {
    let at = Instant(0).plus_seconds(i64::try_from(seconds).unwrap_or(i64::MAX));
    let name = schedule.name();
    for _ in 0..TRIES {
        let (db, schedule) = (db.clone(), schedule.clone());
        match blocking(move || schedule.tick(&db, at)).await {
            Ok(is_first) => {
                tracing::debug!(schedule = name, is_first, "ticked");
                return Ok(());
            }
            Err(error) => tracing::warn!(schedule = name, %error, "cannot be enqueued, trying again"),
        }
        tokio::time::sleep(PAUSE).await;
    }
    tracing::error!(schedule = name, %at, "the database stayed away; this tick is lost");
    Ok(())
}
