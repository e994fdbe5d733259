//! 500 PATCHes at once of one client, each with the ETag that it has read: one of a version wins, and none is lost.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Barrier;

use crate::ground::{Api, Fallible, Ground, text};

const AT_ONCE: usize = 500;
const ROUNDS: usize = 10;
const FIELD: &str = "cf_notes";

/// One PATCH: the tag it knew, what it wrote, and the revision it made, when it won.
struct Try {
    tag: String,
    wrote: String,
    made: Option<i64>,
}

/// Reads the client unless the tag is known, waits until all have, and writes. A busy server is asked again.
async fn try_once(api: Api, path: Arc<str>, wrote: String, tag: Option<String>, all: Arc<Barrier>) -> Fallible<Try> {
    let tag = match tag {
        Some(tag) => tag,
        None => current(&api, &path).await?,
    };
    all.wait().await;
    let body = json!({ "fields": { FIELD: wrote } });
    loop {
        let answer = api.send("PATCH", &path, Some(&tag), Some(&body)).await?;
        match answer.status {
            200 => return Ok(Try { tag, wrote, made: answer.body["revision"].as_i64() }),
            412 => return Ok(Try { tag, wrote, made: None }),
            503 => tokio::time::sleep(Duration::from_millis(50)).await,
            _ => drop(answer.expect(200)?),
        }
    }
}

async fn current(api: &Api, path: &str) -> Fallible<String> {
    loop {
        let answer = api.send("GET", path, None, None).await?;
        if answer.status != 503 {
            let tag = answer.etag.clone();
            answer.expect(200)?;
            return Ok(tag);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// In every other round the writers do not wait for each other, so that they meet several versions.
async fn round(apis: &[Api], path: &Arc<str>, round: usize) -> Fallible<Vec<Try>> {
    let together = round.is_multiple_of(2);
    let barrier = Arc::new(Barrier::new(if together { AT_ONCE } else { 1 }));
    let first = apis.first().ok_or("there is no server")?;
    let tag = if together { Some(current(first, path).await?) } else { None };
    let tries = (0..AT_ONCE).filter_map(|at| {
        let api = apis.get(at % apis.len())?.clone();
        let wrote = format!("round {round}, writer {at}");
        Some(tokio::spawn(try_once(api, Arc::clone(path), wrote, tag.clone(), Arc::clone(&barrier))))
    });
    let tries: Vec<_> = tries.collect();
    let mut done = Vec::new();
    for tried in tries {
        done.push(tried.await??);
    }
    Ok(done)
}

pub async fn one_winner_a_version(ground: &mut Ground, key: &str) -> Fallible<()> {
    let apis: Vec<Api> = (0..ground.servers.len()).map(|at| ground.api(at, key)).collect();
    let api = apis.first().ok_or("there is no server")?;
    let client = api.post("/v1/clients", &json!({ "name": "Wanted", "fields": { FIELD: "first" } }), 201).await?;
    let path: Arc<str> = format!("/v1/clients/{}", text(&client["id"])).into();
    let mut tries = Vec::new();
    for at in 0..ROUNDS {
        tries.extend(round(&apis, &path, at).await?);
    }
    let mut winners: BTreeMap<i64, &Try> = BTreeMap::new();
    let mut by_tag: BTreeMap<&str, usize> = BTreeMap::new();
    for tried in &tries {
        let won = by_tag.entry(&tried.tag).or_default();
        *won += usize::from(tried.made.is_some());
        winners.extend(tried.made.map(|made| (made, tried)));
    }
    let won: usize = by_tag.values().sum();
    let (twice, none) =
        (by_tag.values().filter(|won| **won > 1).count(), by_tag.values().filter(|won| **won == 0).count());
    // Who won with a tag wrote over what its reader saw, and the log has the same chain, each link once.
    let chain: Vec<String> = winners.values().map(|tried| tried.wrote.clone()).collect();
    let lost = broken_links(&api.all(&format!("{path}/history?")).await?, &chain);
    let last = api.get(&path).await?["fields"][FIELD].clone();
    let is_last = chain.last().is_some_and(|wrote| last == *wrote);
    let facts = json!({ "patches": tries.len(), "versions": by_tag.len(), "winners": won, "twice": twice, "unwon": none, "lost": lost });
    let holds = won >= ROUNDS && winners.len() == won && (twice, none, lost) == (0, 0, 0) && is_last;
    ground.say("bulk: 500 PATCHes of one version", facts, holds);
    Ok(())
}

/// Winners that the change log has not, or not behind the one before, and entries that nobody won.
fn broken_links(history: &[Value], chain: &[String]) -> usize {
    let mut logged: Vec<(String, String)> = Vec::new();
    for event in history.iter().rev() {
        let changes = event["changes"].as_array().into_iter().flatten();
        let of_field = changes.filter(|change| change["field"] == FIELD && !change["before"].is_null());
        logged.extend(of_field.map(|change| (text(&change["before"]), text(&change["after"]))));
    }
    let befores = std::iter::once("first".to_owned()).chain(chain.iter().cloned());
    let should: Vec<(String, String)> = befores.zip(chain.iter().cloned()).collect();
    let differing = should.iter().zip(&logged).filter(|(should, logged)| should != logged).count();
    differing + should.len().abs_diff(logged.len())
}
