//! A campaign while it is disturbed: its sum rule looked at every 100 ms, and at the end its ledger held against what the
//! mail server got.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::api::{Api, text};
use crate::ground::Ground;
use crate::programs::Fallible;

/// How often the sum rule is looked at.
const SAMPLE: Duration = Duration::from_millis(100);
/// How long a campaign may take from the last disturbance on.
const PATIENCE: Duration = Duration::from_secs(420);

/// What the samples said.
#[derive(Default)]
struct Samples {
    taken: AtomicU64,
    broken: AtomicU64,
    /// Not answered: the server was being restarted, or its database was.
    unanswered: AtomicU64,
    latest: Mutex<Value>,
}

/// A campaign that was begun, and what samples it.
pub struct Following {
    pub id: String,
    pub began: Instant,
    api: Api,
    samples: Arc<Samples>,
    sampling: JoinHandle<()>,
}

impl Drop for Following {
    fn drop(&mut self) {
        self.sampling.abort();
    }
}

/// Whether the states of the recipients sum up to the audience.
fn sums_up(campaign: &Value) -> bool {
    let states = campaign["recipients"].as_object();
    let sum: Option<i64> = states.map(|states| states.values().filter_map(Value::as_i64).sum());
    campaign["audience"].as_i64() == sum
}

async fn sample(api: Api, path: String, samples: Arc<Samples>) {
    let mut ticks = tokio::time::interval(SAMPLE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        match api.send(("GET", &path), None, None).await {
            Ok(answer) if answer.status == 200 => {
                samples.taken.fetch_add(1, Ordering::Relaxed);
                samples.broken.fetch_add(u64::from(!sums_up(&answer.body)), Ordering::Relaxed);
                *samples.latest.lock().unwrap_or_else(PoisonError::into_inner) = answer.body;
            }
            _ => {
                samples.unanswered.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// A draft for all clients of a town, or for all.
pub async fn draft(ground: &Ground, town: Option<&str>, more: Value) -> Fallible<Value> {
    let selection = match town {
        Some(town) => json!({ "filter": { "field": "town", "op": "eq", "value": town } }),
        None => json!({ "all": true }),
    };
    let mut wish = json!({ "template_id": ground.template, "selection": selection });
    if let (Some(wish), Value::Object(more)) = (wish.as_object_mut(), more) {
        wish.extend(more);
    }
    ground.api.post("/v1/campaigns", &wish, 201).await
}

impl Following {
    /// Begins a campaign, at once.
    pub async fn dispatch(ground: &Ground, draft: &Value) -> Fallible<Self> {
        let path = format!("/v1/campaigns/{}/dispatch", text(&draft["id"]));
        ground.api.change(("POST", &path), draft, &json!({})).await?.expect(202)?;
        Ok(Self::follow(ground, draft))
    }

    /// Follows a campaign from now on.
    pub fn follow(ground: &Ground, draft: &Value) -> Self {
        let (id, api, samples) = (text(&draft["id"]), ground.api.clone(), Arc::new(Samples::default()));
        let sampling = tokio::spawn(sample(api.clone(), format!("/v1/campaigns/{id}"), samples.clone()));
        Self { id, began: Instant::now(), api, samples, sampling }
    }

    /// The campaign as the last sample had it.
    pub fn latest(&self) -> Value {
        self.samples.latest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn has_finished(&self) -> bool {
        self.latest()["status"] == "finished"
    }

    /// Waits until it is finished; `false` when that takes too long or it has come to stand still.
    pub async fn until_finished(&self) -> bool {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if self.has_finished() {
                return true;
            }
            tokio::time::sleep(SAMPLE).await;
        }
        false
    }

    /// Does something to it: `pause`, `resume`.
    pub async fn verb(&self, verb: &str) -> Fallible<Value> {
        self.api.post(&format!("/v1/campaigns/{}/{verb}", self.id), &json!({}), 200).await
    }

    /// Changes a setting of it, as it was read.
    pub async fn set(&self, known: &Value, change: &Value) -> Fallible<Value> {
        let path = format!("/v1/campaigns/{}", self.id);
        self.api.change(("PATCH", &path), known, change).await?.expect(200)
    }

    /// The rows of its recipients.
    pub async fn rows(&self) -> Fallible<Vec<Value>> {
        self.api.all(&format!("/v1/campaigns/{}/recipients", self.id)).await
    }

    /// Holds the ledger against what arrived.
    pub async fn tally(&self, ground: &Ground) -> Fallible<Tally> {
        let arrived = ground.receiver.of(&self.id);
        let (rows, mut tally) = (self.rows().await?, Tally::default());
        tally.recipients = rows.len();
        tally.arrived = arrived.values().sum();
        tally.duplicated = arrived.values().filter(|times| **times > 1).count();
        for row in rows {
            let (state, has_come) = (text(&row["status"]), arrived.contains_key(row["address"].as_str().unwrap_or("")));
            tally.lost += usize::from(!has_come && state != "in_doubt" && state != "failed");
            tally.unaccounted += usize::from(has_come && state != "in_doubt" && state != "sent");
            tally.never_received += usize::from(!has_come && state == "in_doubt");
            *tally.states.entry(state).or_default() += 1;
        }
        tally.samples = self.samples.taken.load(Ordering::Relaxed);
        tally.broken = self.samples.broken.load(Ordering::Relaxed);
        tally.unanswered = self.samples.unanswered.load(Ordering::Relaxed);
        tally.seconds = self.began.elapsed().as_secs();
        tally.is_finished = self.has_finished();
        Ok(tally)
    }
}

/// What became of a campaign.
#[derive(Default)]
pub struct Tally {
    recipients: usize,
    arrived: usize,
    /// No mail came, and the row says neither that nobody knows nor that it has failed.
    lost: usize,
    duplicated: usize,
    /// A mail came, and the row says neither that it was sent nor that nobody knows.
    unaccounted: usize,
    never_received: usize,
    states: BTreeMap<String, usize>,
    samples: u64,
    broken: u64,
    unanswered: u64,
    seconds: u64,
    is_finished: bool,
}

impl Tally {
    /// How many rows are in a state.
    pub fn of(&self, state: &str) -> usize {
        self.states.get(state).copied().unwrap_or(0)
    }

    /// Whether nobody was mailed twice, no mail came that the ledger does not know of, and the sum was right in every sample.
    pub fn is_sound(&self, recipients: usize) -> bool {
        let is_sound = (self.recipients, self.duplicated, self.unaccounted) == (recipients, 0, 0);
        is_sound && self.samples > 0 && self.broken == 0
    }

    /// Whether nobody was left out or mailed twice, as many as `most` rows at the most are in doubt, and the sum was right in
    /// every sample.
    pub fn holds(&self, recipients: usize, most: u64) -> bool {
        let doubtful = u64::try_from(self.of("in_doubt")).unwrap_or(u64::MAX);
        let is_settled = doubtful <= most && self.of("sent") + self.of("in_doubt") == recipients;
        self.is_sound(recipients) && self.lost == 0 && is_settled && self.is_finished
    }

    /// What a line says of it, with more.
    pub fn facts(&self, more: Value) -> Value {
        let doubtful = self.of("in_doubt");
        let never = self.never_received;
        let share = if doubtful == 0 { Value::Null } else { json!(format!("{never} of {doubtful}")) };
        let mut facts = Map::new();
        facts.insert("recipients".to_owned(), json!(self.recipients));
        if let Value::Object(more) = more {
            facts.extend(more);
        }
        let own = json!({
            "arrived": self.arrived, "lost": self.lost, "duplicated": self.duplicated, "unaccounted": self.unaccounted,
            "in_doubt": doubtful, "in_doubt_never_received": share, "states": self.states,
            "sum_rule_samples": self.samples, "sum_rule_broken": self.broken, "unanswered": self.unanswered,
            "seconds": self.seconds,
        });
        if let Value::Object(own) = own {
            facts.extend(own);
        }
        Value::Object(facts)
    }
}
