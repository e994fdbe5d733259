//! Mails by a real Postfix into Maildirs, and what comes back read from a real Dovecot over TLS: to addresses that are good, to some
//! that nobody has, and to some whose mailbox is full. Counted where they arrive: in the Maildirs. Whoever reads is killed meanwhile; the
//! audit trail says of each mail once that it came back.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::api::text;
use crate::following::Following;
use crate::ground::{Ground, address};
use crate::programs::Fallible;

/// How long mails may take to come back.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often whoever reads is killed while it does, and how long it has until then at the most, in milliseconds.
const KILLS: usize = 3;
const UNTIL_KILLED: u64 = 400;

/// Where the driver's mail server is.
struct Server {
    smtp: u16,
    imaps: u16,
    dirs: PathBuf,
    of_each: usize,
}

impl Server {
    fn found() -> Fallible<Self> {
        let set = |name: &str| std::env::var(name).map_err(|_| format!("{name} is not set"));
        Ok(Self {
            smtp: set("MAIL_SMTP_PORT")?.parse()?,
            imaps: set("MAIL_IMAPS_PORT")?.parse()?,
            dirs: set("MAIL_DIRS")?.into(),
            of_each: set("MAIL_USERS")?.parse()?,
        })
    }

    /// How many mails of a campaign lie in each Maildir of a domain.
    fn arrived(&self, domain: &str, campaign: &str) -> Fallible<BTreeMap<String, usize>> {
        let (mut arrived, known) = (BTreeMap::new(), format!("Message-ID: <{campaign}."));
        let Ok(users) = std::fs::read_dir(self.dirs.join(domain)) else { return Ok(arrived) };
        for user in users {
            let user = user?;
            let name = user.file_name().into_string().unwrap_or_default();
            let Ok(mails) = std::fs::read_dir(user.path().join("new")) else { continue };
            for mail in mails {
                let content = std::fs::read(mail?.path())?;
                *arrived.entry(name.clone()).or_default() +=
                    usize::from(String::from_utf8_lossy(&content).contains(&known));
            }
        }
        Ok(arrived)
    }
}

/// Both ways in which a report is linked to its mail, each with clients of its own.
pub async fn all(ground: &mut Ground) -> Fallible<()> {
    let server = Server::found()?;
    for (case, number, user, return_path) in [
        ("mail: signed return path", 1, "bounces", Some("bounces@maes.example")),
        ("mail: Message-ID alone", 2, "info", None),
    ] {
        let towns = ["good", "unknown", "full"].map(|kind| format!("{kind}{number}"));
        ground.import(&towns.iter().map(String::as_str).collect::<Vec<_>>(), server.of_each).await?;
        let sender = json!({
            "name": case, "from_name": "Maes", "from_address": "info@maes.example",
            "server": { "host": "127.0.0.1", "port": server.smtp, "security": "none" },
            "bounces": { "host": "localhost", "port": server.imaps, "return_path": return_path,
                "sign_in": { "kind": "password", "username": user, "password": "right" } },
        });
        let sender = ground.api.post("/v1/senders", &sender, 201).await?;
        one_way(ground, &server, (case, &towns, &sender["id"])).await?;
    }
    Ok(())
}

async fn one_way(
    ground: &mut Ground,
    server: &Server,
    (case, towns, sender): (&str, &[String; 3], &Value),
) -> Fallible<()> {
    let any: Vec<Value> = towns.iter().map(|town| json!({ "field": "town", "op": "eq", "value": town })).collect();
    let wish = json!({
        "template_id": ground.template, "name": case, "sender_id": sender, "selection": { "filter": { "or": any } },
    });
    let draft = ground.api.post("/v1/campaigns", &wish, 201).await?;
    let following = Following::dispatch(ground, &draft).await?;
    following.until_finished().await;
    let (began, expected) = (Instant::now(), 2 * server.of_each as u64);
    let mut reads = 0;
    while following.latest()["recipients"]["bounced"] != expected && began.elapsed() < PATIENCE {
        ground.api.post(&format!("/v1/senders/{}/bounce-reads", text(sender)), &json!({}), 202).await?;
        reads += 1;
        if reads > KILLS {
            tokio::time::sleep(Duration::from_millis(1_500)).await;
            continue;
        }
        ground.chance.pause_up_to(UNTIL_KILLED).await;
        let program = ground.sends()?;
        program.kill()?;
        program.start().await?;
    }
    ground.api.post(&format!("/v1/senders/{}/bounce-reads", text(sender)), &json!({}), 202).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    tell(ground, server, (case, towns, &following), reads).await
}

/// Holds the ledger against the Maildirs.
async fn tell(
    ground: &mut Ground,
    server: &Server,
    (case, towns, following): (&str, &[String; 3], &Following),
    reads: usize,
) -> Fallible<()> {
    let [good, unknown, full] = towns;
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    for row in following.rows().await? {
        let domain =
            text(&row["address"]).split('@').nth(1).unwrap_or_default().trim_end_matches(".example").to_owned();
        let state = format!("{} {}", text(&row["status"]), text(&row["bounce"]));
        *counts.entry((domain, state.trim().to_owned())).or_default() += 1;
    }
    let of = |town: &str, state: &str| counts.get(&(town.to_owned(), state.to_owned())).copied().unwrap_or(0);
    let arrived = server.arrived(&format!("{good}.example"), &following.id)?;
    let once = (0..server.of_each).filter(|number| {
        let user = address(good, *number);
        arrived.get(user.split('@').next().unwrap_or_default()) == Some(&1)
    });
    let once = once.count();
    let strays = server.arrived(&format!("{full}.example"), &following.id)?.values().sum::<usize>();
    let suppressed = ground.api.all("/v1/suppressions").await?;
    let is_of = |one: &&Value, town: &str| text(&one["address"]).ends_with(&format!("@{town}.example"));
    let suppressed = towns.each_ref().map(|town| suppressed.iter().filter(|one| is_of(one, town)).count());
    let mut told = (0, 0);
    for entry in ground.api.all("/v1/audit-entries").await? {
        if entry["kind"] == "campaign.bounced" && entry["subject"] == following.id.as_str() {
            let of = |kind: &str| entry["after"][kind].as_u64().unwrap_or(0);
            told = (told.0 + of("hard"), told.1 + of("soft"));
        }
    }
    let facts = json!({
        "of_each": server.of_each, "good_arrived_once": once, "good_sent": of(good, "sent"), "unknown_hard": of(unknown, "bounced hard"),
        "full_soft": of(full, "bounced soft"), "full_arrived": strays, "suppressed": suppressed, "reads": reads,
        "kills": reads.min(KILLS), "told_hard": told.0, "told_soft": told.1,
        "seconds": following.began.elapsed().as_secs(),
    });
    let all = server.of_each;
    let counted = [once, of(good, "sent"), of(unknown, "bounced hard"), of(full, "bounced soft")];
    let is_told_once = told == (all as u64, all as u64);
    let holds = counted == [all; 4] && strays == 0 && suppressed == [0, all, 0] && is_told_once;
    ground.say(case, facts, holds);
    Ok(())
}
