//! Processes that are killed, and that are asked to stop, in the middle of a campaign.

use std::time::Duration;

use serde_json::json;

use crate::following::{Following, draft};
use crate::ground::{CONNECTIONS, Ground};
use crate::programs::Fallible;

const TIMES: u64 = 20;
/// After a process was killed its job is missed when its lease of 30 seconds has run out; with time to spare.
const FLOWS_AGAIN: Duration = Duration::from_secs(90);
/// Of so many kills one comes at any moment after the start, the others while mails go out.
const ANY_MOMENT: u64 = 4;

/// The process that sends is killed at random moments and started again at once.
pub async fn hard(ground: &mut Ground, recipients: usize) -> Fallible<()> {
    let draft = draft(ground, None, json!({ "name": "Hard kills", "per_minute": 10_000 })).await?;
    let following = Following::dispatch(ground, &draft).await?;
    let (mut kills, mut stalled) = (0, 0);
    while kills < TIMES && !following.has_finished() {
        let before = ground.receiver.total();
        if kills % ANY_MOMENT != 0 && !ground.receiver.more_than(before, FLOWS_AGAIN).await {
            stalled += 1;
            break;
        }
        ground.chance.pause_up_to(3_000).await;
        let program = ground.sends()?;
        program.kill()?;
        program.start().await?;
        kills += 1;
    }
    if stalled == 0 {
        following.until_finished().await;
    }
    let tally = following.tally(ground).await?;
    let holds = tally.holds(recipients, kills * CONNECTIONS) && kills == TIMES;
    ground.say("campaign: hard kills", tally.facts(json!({ "kills": kills, "stalled": stalled })), holds);
    Ok(())
}

/// The process that sends is asked to stop at random moments and started again.
pub async fn orderly(ground: &mut Ground, recipients: usize) -> Fallible<()> {
    // A stopping process goes on for up to ten seconds, and mails have to be left for the last one.
    let draft = draft(ground, None, json!({ "name": "Orderly restarts", "per_minute": 2_500 })).await?;
    let following = Following::dispatch(ground, &draft).await?;
    let (mut restarts, mut unclean) = (0, 0);
    while restarts < TIMES && !following.has_finished() {
        let before = ground.receiver.total();
        if !ground.receiver.more_than(before, FLOWS_AGAIN).await {
            break;
        }
        ground.chance.pause_up_to(2_000).await;
        let program = ground.sends()?;
        unclean += u64::from(!program.stop().await?);
        program.start().await?;
        restarts += 1;
    }
    following.until_finished().await;
    let tally = following.tally(ground).await?;
    let holds = tally.holds(recipients, 0) && restarts == TIMES && unclean == 0;
    ground.say("campaign: orderly restarts", tally.facts(json!({ "restarts": restarts, "unclean": unclean })), holds);
    Ok(())
}
