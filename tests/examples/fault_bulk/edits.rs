//! A bulk edit of 100,000 clients, and its undoing, whose process is killed in the middle: everybody once, nobody else.

use std::collections::{BTreeMap, BTreeSet};

use diesel::sql_types::BigInt;
use diesel::{QueryableByName, RunQueryDsl as _};
use klaar_domain::custom_fields;
use klaar_domain::identity;
use serde_json::{Map, Value, json};

use crate::ground::{Api, Everybody, Fallible, Ground, filter, follow_and_kill, number, text, values};

const PRACTICE: &str = "Many";
const FIELD: &str = "cf_manager";
const LABEL: &str = "bulk0";
/// Clients that the selection leaves out.
const LEFT_OUT: usize = 100;
/// Clients that come into being between preview and application.
const LATE: usize = 50;
/// Clients that are changed by hand in the same field between application and undoing, and as many in another.
const BY_HAND: usize = 100;
const APPLYING: &[f64] = &[0.1, 0.4, 0.7];
const UNDOING: &[f64] = &[0.3];

/// A row of the change log.
#[derive(QueryableByName)]
struct Logged {
    #[diesel(sql_type = BigInt)]
    client: i64,
    #[diesel(sql_type = BigInt)]
    field: i64,
}

/// What an edit may touch, and how it is stored.
struct Aim {
    field: i64,
    /// The member of a client's document.
    member: String,
    option: Value,
    inside: BTreeSet<i64>,
    newest: i64,
}

/// What came of a half, application or undoing.
struct Half {
    lost: usize,
    twice: usize,
    outside: usize,
    wrong: usize,
}

impl Half {
    /// Counts the log against those who should be in it once each, in the field and nowhere else.
    fn of(logged: &[Logged], aim: &Aim, should: &BTreeSet<i64>, wrong: usize) -> Self {
        let mut times: BTreeMap<i64, usize> = BTreeMap::new();
        for row in logged.iter().filter(|row| row.field == aim.field) {
            *times.entry(row.client).or_default() += 1;
        }
        Self {
            lost: should.iter().filter(|key| !times.contains_key(key)).count(),
            twice: times.values().filter(|times| **times > 1).count(),
            outside: logged.iter().filter(|row| row.field != aim.field || !should.contains(&row.client)).count(),
            wrong,
        }
    }

    fn holds(&self) -> bool {
        (self.lost, self.twice, self.outside, self.wrong) == (0, 0, 0, 0)
    }

    fn say(&self, ground: &mut Ground, case: &str, mut facts: Value, holds: bool) {
        if let Some(facts) = facts.as_object_mut() {
            let counts = [("lost", self.lost), ("twice", self.twice), ("outside", self.outside), ("wrong", self.wrong)];
            facts.extend(counts.map(|(name, count)| (name.to_owned(), json!(count))));
        }
        ground.say(case, facts, self.holds() && holds);
    }
}

pub async fn killed_in_the_middle(ground: &mut Ground, key: &str) -> Fallible<()> {
    let api = ground.api(0, key);
    let before = values(ground, PRACTICE)?;
    let aim = aim(ground, &before)?;
    let left_out: Vec<&String> =
        before.iter().filter(|(key, _)| !aim.inside.contains(key)).map(|(_, (id, _))| id).collect();
    let selection = json!({ "all": true, "except": left_out });
    let wish = json!({ "selection": selection, "assignments": [{ "field": format!("fields.{FIELD}"), "set": LABEL }] });
    let edit = api.post("/v1/bulk-edits", &wish, 201).await?;
    for at in 0..LATE {
        api.post("/v1/clients", &json!({ "name": format!("Late {at}") }), 201).await?;
    }
    let edit = format!("/v1/bulk-edits/{}", text(&edit["id"]));
    applied(ground, &api, &edit, (&aim, &before)).await?;
    undone(ground, &api, &edit, (aim, &before)).await
}

fn aim(ground: &Ground, before: &Everybody) -> Fallible<Aim> {
    let (catalogue, newest) = ground.db.read(|conn| {
        let practice = identity::practice_by_text(conn, PRACTICE)?;
        let newest = number(conn, "SELECT max(key) AS n FROM audit_entries")?;
        Ok((custom_fields::catalogue(conn, &practice)?, newest))
    })?;
    let field = catalogue.by_slug(FIELD).ok_or("there is no such field")?;
    let option = field.option_meant(LABEL).ok_or("there is no such option")?;
    // Those who are left out lie between the others.
    let every = before.len() / LEFT_OUT.max(1);
    let inside = before.keys().enumerate().filter(|(at, _)| at % every.max(1) != 0).map(|(_, key)| *key).collect();
    Ok(Aim { field: field.key, member: format!("f{}", field.key), option: json!(option.key), inside, newest })
}

/// The change log of one kind since the beginning.
fn logged(ground: &Ground, aim: &Aim, kind: &str) -> Fallible<Vec<Logged>> {
    let sql = format!(
        "SELECT c.client_key AS client, c.field AS field FROM changes c JOIN audit_entries a ON a.key = c.entry_key \
         WHERE c.entry_key > {} AND a.kind = '{kind}'",
        aim.newest
    );
    Ok(ground.db.read(|conn| Ok(diesel::sql_query(sql).load::<Logged>(conn)?))?)
}

/// How many clients have something else than `should` says. Those that were not there before have nothing.
fn differing(now: &Everybody, should: impl Fn(i64) -> Map<String, Value>) -> usize {
    now.iter().filter(|(key, (_, values))| *values != should(**key)).count()
}

fn had(before: &Everybody, key: i64) -> Map<String, Value> {
    before.get(&key).map(|(_, values)| values.clone()).unwrap_or_default()
}

async fn with_value(api: &Api) -> Fallible<i64> {
    let path = filter(&json!({ "field": format!("fields.{FIELD}"), "op": "eq", "value": LABEL }));
    Ok(api.get(&format!("/v1/clients?limit=1&{path}")).await?["total"].as_i64().unwrap_or(-1))
}

async fn applied(ground: &mut Ground, api: &Api, edit: &str, (aim, before): (&Aim, &Everybody)) -> Fallible<()> {
    let operation = api.post(&format!("{edit}/application"), &json!({}), 202).await?;
    let (operation, kills) = follow_and_kill(ground, api, &operation, APPLYING).await?;
    let now = values(ground, PRACTICE)?;
    let wrong = differing(&now, |key| {
        let mut values = had(before, key);
        if aim.inside.contains(&key) {
            values.insert(aim.member.clone(), aim.option.clone());
        }
        values
    });
    let half = Half::of(&logged(ground, aim, "clients.edited")?, aim, &aim.inside, wrong);
    let (clients, listed) = (i64::try_from(aim.inside.len())?, with_value(api).await?);
    let facts =
        json!({ "clients": clients, "kills": kills, "listed": listed, "result": operation["result"]["changed"] });
    let holds = kills == APPLYING.len() && listed == clients && operation["result"]["changed"] == clients;
    half.say(ground, "bulk: applied, killed in the middle", facts, holds);
    Ok(())
}

/// Changes some by hand: the first half in the field of the edit, the others elsewhere. Returns their keys.
async fn change_by_hand(api: &Api, aim: &Aim, before: &Everybody) -> Fallible<(BTreeSet<i64>, BTreeSet<i64>)> {
    let every = aim.inside.len() / (2 * BY_HAND);
    let some: Vec<i64> = aim.inside.iter().step_by(every.max(1)).take(2 * BY_HAND).copied().collect();
    let (same, other) = some.split_at(some.len() / 2);
    for (keys, change) in [(same, json!({ FIELD: "manager03" })), (other, json!({ "cf_notes": "by hand" }))] {
        for key in keys {
            let (id, _) = before.get(key).ok_or("the client is gone")?;
            api.change(id, &json!({ "fields": change })).await?;
        }
    }
    Ok((same.iter().copied().collect(), other.iter().copied().collect()))
}

async fn undone(ground: &mut Ground, api: &Api, edit: &str, (aim, before): (Aim, &Everybody)) -> Fallible<()> {
    let (same, other) = change_by_hand(api, &aim, before).await?;
    let by_hand = values(ground, PRACTICE)?;
    let operation = api.post(&format!("{edit}/undo"), &json!({}), 202).await?;
    let (operation, kills) = follow_and_kill(ground, api, &operation, UNDOING).await?;
    let now = values(ground, PRACTICE)?;
    let wrong = differing(&now, |key| {
        let mut values = had(before, key);
        if same.contains(&key) {
            return had(&by_hand, key);
        }
        if other.contains(&key) {
            values.extend(had(&by_hand, key).into_iter().filter(|(member, _)| *member != aim.member));
        }
        values
    });
    let restored: BTreeSet<i64> = aim.inside.difference(&same).copied().collect();
    let half = Half::of(&logged(ground, &aim, "clients.edit_undone")?, &aim, &restored, wrong);
    let kept = api.all(&format!("{edit}/rows?outcome=kept")).await?;
    let named: BTreeSet<String> = kept.iter().map(|row| text(&row["client_id"])).collect();
    let should: BTreeSet<String> = same.iter().filter_map(|key| Some(before.get(key)?.0.clone())).collect();
    let listed = with_value(api).await?;
    let facts = json!({
        "clients": restored.len(), "kills": kills, "kept": kept.len(), "listed": listed,
        "result": operation["result"]["restored"],
    });
    let is_told = named == should && kept.len() == should.len() && operation["result"]["restored"] == restored.len();
    half.say(ground, "bulk: undone, killed in the middle", facts, kills == UNDOING.len() && listed == 0 && is_told);
    Ok(())
}
