//! Mail servers that as a whole cannot be used: nothing is tried on anybody, and all goes out once they can be. And what
//! happens when most addresses are refused for good.

use std::time::{Duration, Instant};

use klaar_sandbox::{Effect, Fault, Sandbox, Settings, SmtpEffect, SmtpStep};
use serde_json::{Value, json};

use crate::api::text;
use crate::following::{Following, draft};
use crate::ground::Ground;
use crate::programs::Fallible;
use crate::smtp::OF_EACH;

/// A campaign pauses by itself after ten failures; what was under way then fails, too.
const FEWEST_FAILURES: usize = 10;
const MOST_FAILURES: usize = 20;
const STRIKES: Duration = Duration::from_secs(60);

/// A sender on the sandbox, or on a server that shows a certificate that nobody here trusts.
fn sender(ground: &Ground, security: &str, port: u16) -> Value {
    json!({
        "name": format!("{} by {security} at {port}", ground.database), "from_name": "Maes", "from_address": "info@maes.example",
        "server": { "host": "127.0.0.1", "port": port, "security": security },
    })
}

/// A server whose certificate leads to nothing that is known is refused when it is named, and nothing is stored.
pub async fn unknown_roots(ground: &mut Ground) -> Fallible<()> {
    let settings = Settings { offers_starttls: true, ..Settings::default() };
    let stranger = Sandbox::start(settings).await?;
    for (security, port) in [("starttls", stranger.smtp_addr().port()), ("tls", stranger.smtps_addr().port())] {
        let wish = sender(ground, security, port).to_string();
        let answer = ground.api.send(("POST", "/v1/senders"), None, Some(("application/json", wish))).await?;
        let stored = ground.api.get("/v1/senders").await?["items"].as_array().map_or(0, Vec::len);
        let code = answer.body["errors"][0]["code"].clone();
        let facts = json!({ "status": answer.status, "code": code, "pointer": answer.body["errors"][0]["pointer"], "stored": stored });
        let holds = answer.status == 422 && stored == 0 && stranger.totals().mails == 0;
        ground.say(&format!("smtp: unknown root, {security}"), facts, holds);
    }
    stranger.stop().await;
    Ok(())
}

/// The server cannot be used for a while, each time in another way.
pub async fn whole_servers(ground: &mut Ground) -> Fallible<()> {
    use SmtpEffect::{BadTls, Drop, Reply, Silence};
    use SmtpStep::{Connect, Mail, StartTls};
    let (clear, tls) = (ground.sandbox.smtp_addr().port(), ground.sandbox.smtps_addr().port());
    let mut senders = Vec::new();
    for (security, port) in [("none", clear), ("starttls", clear), ("tls", tls)] {
        let made = ground.api.post("/v1/senders", &sender(ground, security, port), 201).await?;
        senders.push(made["id"].clone());
    }
    let [none, starttls, tls] = senders.as_slice() else { return Err("three senders were made".into()) };
    for (name, sender, (at, does)) in [
        ("421 as greeting", none, (Connect, Reply(421))),
        ("554 as greeting", none, (Connect, Reply(554))),
        ("hangs up at once", none, (Connect, Drop)),
        ("says nothing", none, (Connect, Silence)),
        ("454 at STARTTLS", starttls, (StartTls, Reply(454))),
        ("bad TLS behind STARTTLS", starttls, (StartTls, BadTls)),
        ("bad TLS at once", tls, (StartTls, BadTls)),
    ] {
        whole_server(ground, (name, sender), Effect::Smtp { at, does }).await?;
    }
    let every = Effect::Smtp { at: Mail, does: Reply(451) };
    one_by_one(ground, ("451 at MAIL, everybody", none), every).await
}

async fn campaign(ground: &Ground, (name, sender): (&str, &Value), share: u64) -> Fallible<Value> {
    draft(ground, Some("server"), json!({ "name": name, "sender_id": sender, "pause_share": share })).await
}

async fn struck(ground: &Ground, times: u64) -> bool {
    let began = Instant::now();
    while began.elapsed() < STRIKES {
        if ground.sandbox.faults().iter().map(|fault| fault.struck).sum::<u64>() >= times {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    false
}

/// All rows wait untried while it lasts, and all mails come once when it is over.
async fn whole_server(ground: &mut Ground, named: (&str, &Value), effect: Effect) -> Fallible<()> {
    ground.sandbox.set_faults(vec![Fault::world(effect)])?;
    let draft = campaign(ground, named, 20).await?;
    let following = Following::dispatch(ground, &draft).await?;
    let is_struck = struck(ground, 1).await;
    // Silence is noticed after the time of a step.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let rows = following.rows().await?;
    let untried = rows.iter().filter(|row| row["status"] == "waiting" && row["attempts"] == 0).count();
    let status = text(&following.latest()["status"]);
    ground.sandbox.clear_faults();
    following.until_finished().await;
    let tally = following.tally(ground).await?;
    let holds = is_struck && untried == OF_EACH && status == "running" && tally.holds(OF_EACH, 0);
    ground.say(&format!("smtp: {}", named.0), tally.facts(json!({ "untried": untried, "status": status })), holds);
    Ok(())
}

/// Each mail is refused for now, and each comes once a minute later.
async fn one_by_one(ground: &mut Ground, named: (&str, &Value), effect: Effect) -> Fallible<()> {
    ground.sandbox.set_faults(vec![Fault::world(effect)])?;
    let draft = campaign(ground, named, 20).await?;
    let following = Following::dispatch(ground, &draft).await?;
    let is_struck = struck(ground, u64::try_from(OF_EACH)?).await;
    ground.sandbox.clear_faults();
    let failed = following.latest()["recipients"]["failed"].clone();
    following.until_finished().await;
    let tally = following.tally(ground).await?;
    let holds = is_struck && failed == 0 && tally.holds(OF_EACH, 0);
    ground.say(&format!("smtp: {}", named.0), tally.facts(json!({ "failed_first": failed })), holds);
    Ok(())
}

/// Everybody is refused for good: the campaign pauses by itself, and nobody else is tried.
pub async fn pauses_by_itself(ground: &mut Ground) -> Fallible<()> {
    let refuses = Effect::Smtp { at: SmtpStep::Rcpt, does: SmtpEffect::Reply(550) };
    ground.sandbox.set_faults(vec![Fault::world(refuses)])?;
    let draft = draft(ground, Some("server"), json!({ "name": "550, everybody" })).await?;
    let following = Following::dispatch(ground, &draft).await?;
    let began = Instant::now();
    while following.latest()["status"] != "paused" && began.elapsed() < STRIKES {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    let paused = following.latest();
    ground.sandbox.clear_faults();
    let tally = following.tally(ground).await?;
    let (failed, waiting) = (tally.of("failed"), tally.of("waiting"));
    let is_told = paused["status"] == "paused" && paused["paused_for"]["code"] == "too_many_failures";
    let is_early = (FEWEST_FAILURES..MOST_FAILURES).contains(&failed) && failed + waiting == OF_EACH;
    let more = json!({ "status": paused["status"], "paused_for": paused["paused_for"]["code"], "failed": failed });
    let holds = is_told && is_early && tally.is_sound(OF_EACH);
    ground.say("smtp: 550, everybody", tally.facts(more), holds);
    Ok(())
}
