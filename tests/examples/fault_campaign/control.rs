//! Two processes at one campaign, and a person who pauses and resumes it.

use std::time::Duration;

use klaar_domain::kernel::clock::Clock;
use serde_json::json;

use crate::following::{Following, draft};
use crate::ground::{CONNECTIONS, Ground};
use crate::programs::Fallible;

const PAUSES: u64 = 100;
/// Behind this time nothing may be on the wire any more.
const ON_THE_WIRE: Duration = Duration::from_secs(2);
const LOOKED_AT: Duration = Duration::from_millis(300);
/// How soon the schedule begins, in seconds.
const SOON: i64 = 3;

/// Two processes look at one schedule, and time and again a turn begins while the one before still sends.
pub async fn two_workers(ground: &mut Ground, recipients: usize) -> Fallible<()> {
    ground.add_worker().await?;
    ground.sandbox.reset_counters();
    let draft = draft(ground, None, json!({ "name": "Two workers", "per_minute": 10_000 })).await?;
    let at = Clock::system().now().plus_seconds(SOON).to_string();
    let path = format!("/v1/campaigns/{}/schedule", draft["id"].as_str().unwrap_or_default());
    ground.api.change(("POST", &path), &draft, &json!({ "at": at })).await?.expect(200)?;
    let following = Following::follow(ground, &draft);
    let mut turns = 0;
    let _ = ground.receiver.more_than(ground.receiver.total(), Duration::from_secs(30)).await;
    while !following.has_finished() {
        ground.chance.pause_up_to(2_000).await;
        // Nobody asks between the two, mostly: the first slice then meets that of the new turn.
        if following.verb("pause").await.is_ok() {
            following.verb("resume").await?;
            turns += 1;
        }
    }
    following.until_finished().await;
    let most = ground.sandbox.totals().most_smtp_connections;
    ground.one_worker().await?;
    let tally = following.tally(ground).await?;
    // Each process may open as many as it is told to, however the turns meet.
    let holds = tally.holds(recipients, 0) && most <= 2 * CONNECTIONS && turns > 0;
    let more = json!({ "workers": 2, "turns_on_top": turns, "most_connections": most });
    ground.say("campaign: two workers", tally.facts(more), holds);
    Ok(())
}

/// A person pauses and resumes it, and sets another rate in between.
pub async fn pauses(ground: &mut Ground, recipients: usize) -> Fallible<()> {
    let draft = draft(ground, None, json!({ "name": "Pauses", "per_minute": 6_000 })).await?;
    let following = Following::dispatch(ground, &draft).await?;
    let (mut pauses, mut on_the_wire, mut while_paused, mut in_vain) = (0, 0, 0, 0);
    while pauses < PAUSES && !following.has_finished() {
        let before = ground.receiver.total();
        if !ground.receiver.more_than(before, Duration::from_secs(30)).await {
            in_vain += 1;
        }
        ground.chance.pause_up_to(600).await;
        let paused = following.verb("pause").await?;
        let at_once = ground.receiver.total();
        tokio::time::sleep(ON_THE_WIRE).await;
        let later = ground.receiver.total();
        tokio::time::sleep(LOOKED_AT).await;
        while_paused += ground.receiver.total() - later;
        on_the_wire = on_the_wire.max(later - at_once);
        let rate = 3_000 + ground.chance.below(7_000);
        following.set(&paused, &json!({ "per_minute": rate })).await?;
        following.verb("resume").await?;
        pauses += 1;
    }
    following.until_finished().await;
    let tally = following.tally(ground).await?;
    let is_silent = (while_paused, in_vain) == (0, 0) && on_the_wire <= CONNECTIONS;
    let holds = tally.holds(recipients, 0) && pauses == PAUSES && is_silent;
    let more = json!({
        "pauses": pauses, "most_on_the_wire": on_the_wire, "arrived_while_paused": while_paused, "did_not_resume": in_vain,
    });
    ground.say("campaign: paused and resumed", tally.facts(more), holds);
    Ok(())
}
