//! A mail server that refuses, falls silent, hangs up and drips: in which state each mail lands, that those beside it go out
//! once, and that what waits goes out once the server is well again.

use std::time::{Duration, Instant};

use klaar_sandbox::{Effect, Fault, SmtpEffect, SmtpStep};
use serde_json::{Value, json};

use crate::api::text;
use crate::following::{Following, draft};
use crate::ground::{Ground, address};
use crate::programs::Fallible;

/// Recipients of each campaign, and how many of them a fault strikes.
pub const OF_EACH: usize = 200;
const STRUCK: usize = 10;
/// Longer than the first pause of a refused mail, which is a minute.
const SETTLES: Duration = Duration::from_secs(150);
/// Greylisted addresses are taken so much later, in milliseconds.
const GREY: u32 = 30_000;
/// A byte every so many milliseconds: soon enough, and too slow for a step of two seconds.
const SLOW: SmtpEffect = SmtpEffect::SlowBytes { pause_ms: 5 };
const TOO_SLOW: SmtpEffect = SmtpEffect::SlowBytes { pause_ms: 400 };

/// A fault for some addresses, and what it makes of their mails.
struct Case {
    name: &'static str,
    at: SmtpStep,
    does: SmtpEffect,
    /// The state that their rows land in.
    lands: &'static str,
    /// What the row's words begin with.
    words: &'static str,
    /// The server keeps the mail all the same.
    keeps: bool,
}

const fn case(
    name: &'static str,
    (at, does): (SmtpStep, SmtpEffect),
    (lands, words, keeps): (&'static str, &'static str, bool),
) -> Case {
    Case { name, at, does, lands, words, keeps }
}

/// What rows say of a server that hung up, and of one that was not heard in time.
const GONE: &str = "the mail server cannot be reached: ";
const LATE: &str = "the mail server did not answer in time";

fn cases() -> Vec<Case> {
    use SmtpEffect::{Drop, Greylist, Reply, Silence};
    use SmtpStep::{Data, Message, Rcpt};
    let (waiting, failed, doubt) = ("waiting", "failed", "in_doubt");
    vec![
        case("421 at RCPT", (Rcpt, Reply(421)), (waiting, "421 ", false)),
        case("421 behind the mail", (Message, Reply(421)), (waiting, "421 ", false)),
        case("450 at RCPT", (Rcpt, Reply(450)), (waiting, "450 ", false)),
        case("451 at DATA", (Data, Reply(451)), (waiting, "451 ", false)),
        case("451 behind the mail", (Message, Reply(451)), (waiting, "451 ", false)),
        case("452 at RCPT", (Rcpt, Reply(452)), (waiting, "452 ", false)),
        case("454 at RCPT", (Rcpt, Reply(454)), (waiting, "454 ", false)),
        case("550 at RCPT", (Rcpt, Reply(550)), (failed, "550 ", false)),
        case("552 behind the mail", (Message, Reply(552)), (failed, "552 ", false)),
        case("554 at DATA", (Data, Reply(554)), (failed, "554 ", false)),
        case("554 behind the mail", (Message, Reply(554)), (failed, "554 ", false)),
        case("dropped at RCPT", (Rcpt, Drop), (waiting, GONE, false)),
        case("dropped at DATA", (Data, Drop), (waiting, GONE, false)),
        case("dropped behind the mail", (Message, Drop), (doubt, GONE, true)),
        case("silent at RCPT", (Rcpt, Silence), (waiting, LATE, false)),
        case("silent at DATA", (Data, Silence), (waiting, LATE, false)),
        case("silent behind the mail", (Message, Silence), (doubt, LATE, true)),
        case("slow bytes", (Message, SLOW), ("sent", "250 ", true)),
        case("too slow bytes at RCPT", (Rcpt, TOO_SLOW), (waiting, LATE, false)),
        case("too slow bytes behind the mail", (Message, TOO_SLOW), (doubt, LATE, true)),
        case("greylisted", (Rcpt, Greylist { pause_ms: GREY }), (waiting, "451 4.7.1 ", false)),
    ]
}

/// The town of the clients of a case.
fn town(at: usize) -> String {
    format!("case{at:02}")
}

/// All towns that clients are taken in for: those of the cases, and one for whole servers.
pub fn towns() -> Vec<String> {
    (0..cases().len()).map(town).chain(["server".to_owned()]).collect()
}

/// What the rows of a campaign say at a moment, of those that were struck and of the others.
struct Look {
    struck: Vec<Value>,
    others_sent: usize,
    /// Most mails to one address.
    most: usize,
    arrived: usize,
}

async fn look(ground: &Ground, following: &Following, struck: &[String]) -> Fallible<Look> {
    let arrived = ground.receiver.of(&following.id);
    let (hit, others): (Vec<Value>, Vec<Value>) =
        following.rows().await?.into_iter().partition(|row| struck.contains(&text(&row["address"])));
    let is_sent = |row: &&Value| row["status"] == "sent" && arrived.get(&text(&row["address"])) == Some(&1);
    Ok(Look {
        others_sent: others.iter().filter(is_sent).count(),
        struck: hit,
        most: arrived.values().max().copied().unwrap_or(0),
        arrived: arrived.values().sum(),
    })
}

/// A case under way.
struct Running {
    case: Case,
    struck: Vec<String>,
    fault: u64,
    following: Following,
}

impl Running {
    async fn begin(ground: &Ground, (at, case): (usize, Case)) -> Fallible<Self> {
        let (town, every) = (town(at), OF_EACH / STRUCK);
        let struck: Vec<String> = (0..STRUCK).map(|number| address(&town, number * every + 3)).collect();
        let effect = Effect::Smtp { at: case.at, does: case.does };
        let fault = ground.sandbox.add_fault(Fault { only: struck.clone(), ..Fault::world(effect) })?;
        // A tenth of failures is what is wanted here; at 20 in 100 it would pause.
        let draft = draft(ground, Some(&town), json!({ "name": case.name, "pause_share": 100 })).await?;
        let following = Following::dispatch(ground, &draft).await?;
        Ok(Self { case, struck, fault, following })
    }

    /// Waits until every mail was tried once.
    async fn tried(&self) -> Fallible<()> {
        let began = Instant::now();
        while began.elapsed() < SETTLES {
            let rows = self.following.rows().await?;
            let is_tried = |row: &Value| row["attempts"] == 1 && row["status"] != "sending";
            if rows.len() == OF_EACH && rows.iter().all(is_tried) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(())
    }

    /// Whether the rows that were struck are where they should be.
    fn has_landed(&self, look: &Look) -> bool {
        let is_right = |row: &Value| {
            let words = row["words"].as_str().unwrap_or_default();
            row["status"] == self.case.lands && words.starts_with(self.case.words) && row["attempts"] == 1
        };
        let arrived = OF_EACH - STRUCK + if self.case.keeps { STRUCK } else { 0 };
        look.struck.len() == STRUCK
            && look.struck.iter().all(is_right)
            && (look.others_sent, look.most, look.arrived) == (OF_EACH - STRUCK, 1, arrived)
    }

    /// Says how it landed and how it ended.
    async fn say(self, ground: &mut Ground, (landed, has_landed): (Look, bool)) -> Fallible<()> {
        self.following.until_finished().await;
        let end = look(ground, &self.following, &self.struck).await?;
        let tally = self.following.tally(ground).await?;
        let (lands, waits) = (self.case.lands, self.case.lands == "waiting");
        let last = if waits { "sent" } else { lands };
        let all_there = end.struck.iter().all(|row| row["status"] == last);
        let arrived = OF_EACH - if waits || self.case.keeps { 0 } else { STRUCK };
        let is_healed = all_there && (end.others_sent, end.most, end.arrived) == (OF_EACH - STRUCK, 1, arrived);
        let first = landed.struck.first().map(|row| row["words"].clone());
        let more = json!({
            "struck": STRUCK, "landed": lands, "words": first, "arrived_first": landed.arrived, "has_landed": has_landed,
            "ended": last, "most_to_one_address": end.most,
        });
        let holds = has_landed && is_healed && tally.is_sound(OF_EACH);
        ground.say(&format!("smtp: {}", self.case.name), tally.facts(more), holds);
        Ok(())
    }
}

/// All faults that strike some addresses, each in a campaign of its own, side by side.
pub async fn some_addresses(ground: &mut Ground) -> Fallible<()> {
    let mut running = Vec::new();
    for numbered in cases().into_iter().enumerate() {
        running.push(Running::begin(ground, numbered).await?);
    }
    let mut looks = Vec::new();
    for one in &running {
        one.tried().await?;
        let landed = look(ground, &one.following, &one.struck).await?;
        let has_landed = one.has_landed(&landed);
        looks.push((landed, has_landed));
        // Greylisting ends by itself.
        if !matches!(one.case.does, SmtpEffect::Greylist { .. }) {
            ground.sandbox.remove_fault(one.fault);
        }
    }
    for (one, look) in running.into_iter().zip(looks) {
        one.say(ground, look).await?;
    }
    ground.sandbox.clear_faults();
    Ok(())
}
