//! Reading a list of 100,000 clients page by page while others write to it: nobody twice, nobody missing whose place in
//! it stayed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::ground::{Api, Chance, Fallible, Ground, Signs, text};

const SORTS: [&str; 2] = ["-fields.cf_fee", "name"];
const PASSES: usize = 3;
/// Writes beside one pass, fewer of which disturb too little.
const WANTED_WRITES: usize = 50;
/// Of so many clients one is given another place in the list, and of so many one goes to the archive in the end.
const MOVED: usize = 50;
const ARCHIVED: usize = 97;
const WRITERS: u64 = 3;

/// Who may be written to, and in what way.
struct Crowd {
    /// They keep their place.
    still: Vec<String>,
    /// They are given another one.
    moved: Vec<String>,
    /// They are archived.
    gone: Vec<String>,
}

impl Crowd {
    fn of(everybody: &[String]) -> Self {
        let mut crowd = Self { still: Vec::new(), moved: Vec::new(), gone: Vec::new() };
        for (at, id) in everybody.iter().enumerate() {
            let side = match at {
                at if at % MOVED == 1 => &mut crowd.moved,
                at if at % ARCHIVED == 2 => &mut crowd.gone,
                _ => &mut crowd.still,
            };
            side.push(id.clone());
        }
        crowd
    }
}

/// One write of some kind.
async fn disturb(api: &Api, chance: &mut Chance, crowd: &Crowd) -> Fallible<()> {
    let pick = |chance: &mut Chance, of: &[String]| chance.pick(of).cloned().unwrap_or_default();
    match chance.below(16) {
        0..=5 => {
            let id = pick(chance, &crowd.still);
            let change = json!({ "fields": { "cf_notes": format!("note {}", chance.below(1_000)) } });
            api.change(&id, &change).await?;
        }
        6..=10 => {
            let id = pick(chance, &crowd.moved);
            let (fee, name) = (chance.below(5_000), format!("Moved {}", chance.below(100_000)));
            api.change(&id, &json!({ "name": name, "fields": { "cf_fee": fee } })).await?;
        }
        11 | 12 => {
            let new = json!({ "name": format!("New {}", chance.below(100_000)), "fields": { "cf_fee": chance.below(5_000) } });
            api.post("/v1/clients", &new, 201).await?;
        }
        13 | 14 => {
            let path = format!("/v1/clients/{}/archive", pick(chance, &crowd.gone));
            // Some are there already.
            api.send("POST", &path, None, Some(&json!({}))).await?;
        }
        _ => {
            let segment = format!("seg{:02}", chance.below(20));
            let some = json!({ "field": "fields.cf_segment", "op": "eq", "value": segment });
            let employees = json!(chance.below(500));
            let (_, operation) = api.edit(json!({ "filter": some }), "fields.cf_employees", employees).await?;
            api.finished(&operation).await?;
        }
    }
    Ok(())
}

fn begin_writers(apis: &[Api], crowd: &Arc<Crowd>, signs: &Arc<Signs>) -> Vec<JoinHandle<Fallible<()>>> {
    let writer = |(seed, api): (u64, &Api)| {
        let (api, crowd, signs) = (api.clone(), Arc::clone(crowd), Arc::clone(signs));
        tokio::spawn(async move {
            let mut chance = Chance(seed + 1);
            while !signs.stop.load(Ordering::Relaxed) {
                disturb(&api, &mut chance, &crowd).await?;
                signs.written.fetch_add(1, Ordering::Relaxed);
            }
            Ok(())
        })
    };
    (0..WRITERS).zip(apis.iter().cycle()).map(writer).collect()
}

fn ids(items: &[Value]) -> Vec<String> {
    items.iter().map(|item| text(&item["id"])).collect()
}

pub async fn through_a_list_that_moves(ground: &mut Ground, key: &str) -> Fallible<()> {
    let apis: Vec<Api> = (0..ground.servers.len()).map(|at| ground.api(at, key)).collect();
    let reader = apis.first().ok_or("there is no server")?;
    let everybody = ids(&reader.all("/v1/clients?sort=name").await?);
    let crowd = Arc::new(Crowd::of(&everybody));
    let still: BTreeSet<&String> = crowd.still.iter().collect();
    let moved: BTreeSet<&String> = crowd.moved.iter().collect();
    let signs = Arc::new(Signs::default());
    // The writers go to the other server first.
    let turned: Vec<Api> = apis.iter().rev().cloned().collect();
    let writers = begin_writers(&turned, &crowd, &signs);
    let mut lines = Vec::new();
    for sort in SORTS {
        let (mut rows, mut lost, mut twice, mut fewest) = (0, 0, 0, usize::MAX);
        for _ in 0..PASSES {
            let written = signs.written.load(Ordering::Relaxed);
            let seen = ids(&reader.all(&format!("/v1/clients?sort={sort}")).await?);
            fewest = fewest.min(signs.written.load(Ordering::Relaxed) - written);
            let mut times: BTreeMap<&String, usize> = BTreeMap::new();
            for id in &seen {
                *times.entry(id).or_default() += 1;
            }
            rows += seen.len();
            lost += still.iter().filter(|id| !times.contains_key(**id)).count();
            // Whose place changed may stand at the old and at the new one.
            twice += times.iter().filter(|(id, times)| **times > 1 && !moved.contains(*id)).count();
        }
        lines.push((
            sort,
            json!({ "rows": rows, "lost": lost, "twice": twice, "fewest_writes": fewest }),
            (lost, twice, fewest),
        ));
    }
    signs.stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await??;
    }
    for (sort, facts, (lost, twice, fewest)) in lines {
        let holds = (lost, twice) == (0, 0) && fewest >= WANTED_WRITES;
        ground.say(&format!("bulk: paging by {sort} beside writers"), facts, holds);
    }
    Ok(())
}
