//! What came in at the receiving mail server, which lives in this process and so survives whatever is killed. It keeps few
//! mails; a task counts them before they make place, and would notice if it came too late.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use klaar_sandbox::{Mail, Sandbox};

/// How often the mails are counted.
const LOOK: Duration = Duration::from_millis(50);
/// Mails that the server keeps: some seconds' worth at the fastest.
pub const KEPT: usize = 2_000;

#[derive(Default)]
struct Counted {
    last: u64,
    /// Mails that made place before they were counted.
    missed: u64,
    by_campaign: HashMap<String, HashMap<String, usize>>,
    /// When mails came.
    moments: Vec<Instant>,
}

/// Counts mails by campaign and address.
pub struct Receiver {
    sandbox: Arc<Sandbox>,
    counted: Mutex<Counted>,
}

/// The campaign that a mail belongs to, by its Message-ID.
fn campaign_of(mail: &Mail) -> Option<String> {
    let head = String::from_utf8_lossy(mail.content.get(..mail.content.len().min(4_096))?).into_owned();
    let (_, behind) = head.split_once("Message-ID: <")?;
    behind.split_once('.').map(|(campaign, _)| campaign.to_owned())
}

impl Receiver {
    /// Counts from now on, until nobody asks any more.
    pub fn begin(sandbox: Arc<Sandbox>) -> Arc<Self> {
        let receiver = Arc::new(Self { sandbox, counted: Mutex::default() });
        let weak = Arc::downgrade(&receiver);
        tokio::spawn(async move {
            while let Some(receiver) = weak.upgrade() {
                drop(receiver.caught_up());
                drop(receiver);
                tokio::time::sleep(LOOK).await;
            }
        });
        receiver
    }

    fn caught_up(&self) -> MutexGuard<'_, Counted> {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let before = counted.last;
        for mail in self.sandbox.mails().into_iter().filter(|mail| mail.id > before) {
            counted.missed += mail.id - counted.last - 1;
            counted.last = mail.id;
            let campaign = campaign_of(&mail).unwrap_or_default();
            let arrived = counted.by_campaign.entry(campaign).or_default();
            for to in mail.recipients {
                *arrived.entry(to).or_default() += 1;
            }
        }
        if counted.last > before {
            counted.moments.push(Instant::now());
        }
        counted
    }

    /// How many mails have come, up to now.
    pub fn total(&self) -> u64 {
        self.caught_up().last
    }

    /// How many were never counted.
    pub fn missed(&self) -> u64 {
        self.caught_up().missed
    }

    /// How often each address got a mail of a campaign.
    pub fn of(&self, campaign: &str) -> HashMap<String, usize> {
        self.caught_up().by_campaign.get(campaign).cloned().unwrap_or_default()
    }

    /// Waits until more mails have come than `before`, for so long at most; `false` when none did.
    pub async fn more_than(&self, before: u64, at_most: Duration) -> bool {
        let began = Instant::now();
        while began.elapsed() < at_most {
            if self.total() > before {
                return true;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        false
    }

    /// The longest time from `since` on in which no mail came before the last one did, without that between the two
    /// moments of an `outage`.
    pub fn longest_silence(&self, since: Instant, outage: (Instant, Instant)) -> Duration {
        let counted = self.caught_up();
        let within = |from: Instant, to: Instant| {
            let (from, to) = (from.max(outage.0), to.min(outage.1));
            to.saturating_duration_since(from)
        };
        let moments = counted.moments.iter().copied().filter(|moment| *moment >= since);
        let (mut last, mut longest) = (since, Duration::ZERO);
        for moment in moments {
            let silent = moment.saturating_duration_since(last).saturating_sub(within(last, moment));
            (last, longest) = (moment, longest.max(silent));
        }
        longest
    }
}
