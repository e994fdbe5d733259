//! PostgreSQL and Redis that go away in the middle of a campaign.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::following::{Following, draft};
use crate::ground::{CONNECTIONS, Ground};
use crate::programs::{Fallible, Services};

const RESTARTS: u64 = 5;
const FLUSHES: u64 = 20;
const REDIS_IS_DOWN: Duration = Duration::from_secs(60);
/// How long a campaign may stand still behind an outage.
const RESUMES_WITHIN: Duration = Duration::from_secs(60);
const FLOWS_AGAIN: Duration = Duration::from_secs(120);

fn services(ground: &Ground) -> Fallible<&Services> {
    ground.services.as_ref().ok_or_else(|| "the driver offers no services".into())
}

/// Redis is emptied, and then gone for a minute.
pub async fn redis(ground: &mut Ground, recipients: usize) -> Fallible<()> {
    let draft = draft(ground, None, json!({ "name": "Redis", "per_minute": 6_000 })).await?;
    let following = Following::dispatch(ground, &draft).await?;
    let begun = ground.receiver.total();
    ground.receiver.more_than(begun, FLOWS_AGAIN).await;
    let since = Instant::now();
    for _ in 0..FLUSHES {
        // A job is in its queue for a moment only, between two slices of ten seconds.
        ground.chance.pause_up_to(2_000).await;
        services(ground)?.ask("flush_redis").await?;
    }
    let gone = Instant::now();
    services(ground)?.ask("kill_redis").await?;
    tokio::time::sleep(REDIS_IS_DOWN).await;
    services(ground)?.ask("restart_redis").await?;
    let back = Instant::now();
    let waiting = following.latest()["recipients"]["waiting"].clone();
    following.until_finished().await;
    let silence = ground.receiver.longest_silence(since, (gone, back));
    let tally = following.tally(ground).await?;
    let holds = tally.holds(recipients, 0) && silence <= RESUMES_WITHIN && waiting.as_u64() > Some(0);
    let more = json!({
        "flushes": FLUSHES, "redis_down_seconds": REDIS_IS_DOWN.as_secs(), "waiting_when_it_was_back": waiting,
        "longest_silence_seconds": silence.as_secs_f64().round(),
    });
    ground.say("campaign: Redis emptied and down", tally.facts(more), holds);
    Ok(())
}

/// PostgreSQL is killed and started again.
pub async fn postgres(ground: &mut Ground, recipients: usize) -> Fallible<()> {
    let draft = draft(ground, None, json!({ "name": "PostgreSQL", "per_minute": 8_000 })).await?;
    let following = Following::dispatch(ground, &draft).await?;
    let (mut restarts, since) = (0, Instant::now());
    while restarts < RESTARTS && !following.has_finished() {
        let before = ground.receiver.total();
        if !ground.receiver.more_than(before, FLOWS_AGAIN).await {
            break;
        }
        ground.chance.pause_up_to(5_000).await;
        services(ground)?.ask("restart_postgres").await?;
        restarts += 1;
    }
    following.until_finished().await;
    let silence = ground.receiver.longest_silence(since, (since, since));
    let tally = following.tally(ground).await?;
    let holds = tally.holds(recipients, restarts * CONNECTIONS) && restarts == RESTARTS;
    let more = json!({ "restarts": restarts, "longest_silence_seconds": silence.as_secs_f64().round() });
    ground.say("campaign: PostgreSQL restarted", tally.facts(more), holds);
    Ok(())
}
