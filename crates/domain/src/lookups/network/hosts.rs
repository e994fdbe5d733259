//! What is known about the hosts of SMPs while they are asked: how many requests each has open, and until when it is
//! left alone after it said that it is asked too much, or failed again and again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::kernel::clock::{Clock, Instant};

/// Hosts remembered before those that nobody asks and nothing is held against are forgotten.
const TIDY_AT: usize = 1_024;
/// Hosts remembered at most; beyond it only those being asked stay.
const MAX_HOSTS: usize = 8_192;
/// Failures in a row, whatever the participant, after which the fault is the host's.
const MANY_FAILURES: u32 = 8;
/// The first pause of a host; each that follows without a good answer in between is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// The longest pause that a host may ask for.
const LONGEST_WISH: Duration = Duration::from_secs(15 * 60);

/// How a request to a host ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It answered about the participant, 404 included.
    Answered,
    /// No answer, or one that says that something is wrong with the host.
    Failed,
    /// 429 or 503, with the pause it asked for.
    TooMuch(Option<Duration>),
}

pub(super) struct Hosts {
    clock: Clock,
    open_at_once: usize,
    known: Mutex<HashMap<String, Arc<Host>>>,
}

struct Host {
    gate: Arc<Semaphore>,
    mood: Mutex<Mood>,
}

#[derive(Default)]
struct Mood {
    pause: Option<Pause>,
    /// Pauses since the last good answer.
    pauses: u32,
    /// Failures since the last good answer or pause.
    failures: u32,
}

#[derive(Clone, Copy)]
struct Pause {
    began: Instant,
    until: Instant,
}

/// Leave to send one request to a host.
pub(super) struct Visit {
    host: Arc<Host>,
    clock: Clock,
    _place: OwnedSemaphorePermit,
}

impl Hosts {
    pub(super) fn new(open_at_once: usize, clock: Clock) -> Self {
        Self { clock, open_at_once, known: Mutex::default() }
    }

    /// Waits for a place at the host. Gives up when the host is, or meanwhile came to be, left alone; the error is how
    /// long that lasts.
    pub(super) async fn visit(&self, host: &str) -> Result<Visit, Duration> {
        let host = self.host(host);
        self.must_be_open(&host)?;
        // Closing the semaphore is the only way to fail, and nothing closes it.
        let place = Arc::clone(&host.gate).acquire_owned().await.map_err(|_| FIRST_PAUSE)?;
        self.must_be_open(&host)?;
        Ok(Visit { host, clock: self.clock.clone(), _place: place })
    }

    fn must_be_open(&self, host: &Host) -> Result<(), Duration> {
        match locked(&host.mood).rest(self.clock.now()) {
            Some(rest) => Err(rest),
            None => Ok(()),
        }
    }

    fn host(&self, name: &str) -> Arc<Host> {
        let mut known = locked(&self.known);
        if let Some(host) = known.get(name) {
            return Arc::clone(host);
        }
        if known.len() >= TIDY_AT {
            let now = self.clock.now();
            let keeps_all = known.len() < MAX_HOSTS;
            known
                .retain(|_, host| Arc::strong_count(host) > 1 || (keeps_all && locked(&host.mood).rest(now).is_some()));
        }
        let host = Arc::new(Host { gate: Arc::new(Semaphore::new(self.open_at_once)), mood: Mutex::default() });
        known.insert(name.to_owned(), Arc::clone(&host));
        host
    }
}

impl Visit {
    /// Notes how the request ended; gives the pause, if the host is to be left alone now.
    pub(super) fn ends(self, outcome: Outcome) -> Option<Duration> {
        let now = self.clock.now();
        let mut mood = locked(&self.host.mood);
        match outcome {
            Outcome::Answered => {
                mood.failures = 0;
                mood.pauses = 0;
            }
            Outcome::Failed => {
                mood.failures = mood.failures.saturating_add(1);
                if mood.failures >= MANY_FAILURES {
                    mood.begin_pause(now, None);
                }
            }
            Outcome::TooMuch(wish) => mood.begin_pause(now, wish),
        }
        mood.rest(now)
    }
}

impl Mood {
    /// How much of the pause is left. A clock that was set back must not make it longer.
    fn rest(&self, now: Instant) -> Option<Duration> {
        let pause = self.pause.filter(|pause| (pause.began..pause.until).contains(&now))?;
        u64::try_from(pause.until.0.saturating_sub(now.0)).ok().map(Duration::from_micros)
    }

    /// Requests that were under way when a pause began may make it longer by what the host asks for, but not by
    /// doubling: they are one reason, not several.
    fn begin_pause(&mut self, now: Instant, wish: Option<Duration>) {
        let running = self.rest(now);
        let own = match running {
            Some(rest) => rest,
            None => {
                let doubled = FIRST_PAUSE.saturating_mul(1 << self.pauses.min(10)).min(LONGEST_PAUSE);
                self.pauses = self.pauses.saturating_add(1);
                doubled
            }
        };
        let length = wish.map_or(own, |wish| if running.is_some() { own.max(wish) } else { wish }).min(LONGEST_WISH);
        let micros = i64::try_from(length.as_micros()).unwrap_or(i64::MAX);
        self.pause = Some(Pause { began: now, until: Instant(now.0.saturating_add(micros)) });
        self.failures = 0;
    }
}

/// Nothing that holds one of the locks can leave what it guards half changed.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Instant = Instant(1_000_000_000);

    async fn end(hosts: &Hosts, outcome: Outcome) -> Option<Duration> {
        hosts.visit("smp").await.ok().unwrap().ends(outcome)
    }

    #[tokio::test]
    async fn a_host_that_asks_for_a_pause_gets_it_and_others_are_not_hit() {
        let clock = Clock::frozen(START);
        let hosts = Hosts::new(2, clock.clone());
        let wish = Duration::from_secs(7);
        assert_eq!(end(&hosts, Outcome::TooMuch(Some(wish))).await, Some(wish));
        assert_eq!(hosts.visit("smp").await.err(), Some(wish));
        assert!(hosts.visit("other").await.is_ok());
        clock.set(START.plus_seconds(7));
        assert!(hosts.visit("smp").await.is_ok());
        assert_eq!(end(&hosts, Outcome::TooMuch(Some(Duration::from_secs(86_400)))).await, Some(LONGEST_WISH));
    }

    #[tokio::test]
    async fn pauses_double_until_a_good_answer() {
        let clock = Clock::frozen(START);
        let hosts = Hosts::new(2, clock.clone());
        for seconds in [2, 4, 8, 16, 32, 60, 60] {
            assert_eq!(end(&hosts, Outcome::TooMuch(None)).await, Some(Duration::from_secs(seconds)));
            clock.set(clock.now().plus_seconds(60));
        }
        assert_eq!(end(&hosts, Outcome::Answered).await, None);
        assert_eq!(end(&hosts, Outcome::TooMuch(None)).await, Some(FIRST_PAUSE));
    }

    #[tokio::test]
    async fn one_burst_of_refusals_is_one_pause() {
        let hosts = Hosts::new(3, Clock::frozen(START));
        let (first, second, third) =
            (hosts.visit("smp").await.ok(), hosts.visit("smp").await.ok(), hosts.visit("smp").await.ok());
        assert_eq!(first.unwrap().ends(Outcome::TooMuch(None)), Some(FIRST_PAUSE));
        assert_eq!(second.unwrap().ends(Outcome::TooMuch(None)), Some(FIRST_PAUSE));
        assert_eq!(third.unwrap().ends(Outcome::Answered), Some(FIRST_PAUSE));
    }

    #[tokio::test]
    async fn failures_in_a_row_make_a_pause() {
        let hosts = Hosts::new(1, Clock::frozen(START));
        for _ in 0..3 {
            for _ in 1..MANY_FAILURES {
                assert_eq!(end(&hosts, Outcome::Failed).await, None);
            }
            assert_eq!(end(&hosts, Outcome::Answered).await, None);
        }
        for _ in 1..MANY_FAILURES {
            assert_eq!(end(&hosts, Outcome::Failed).await, None);
        }
        assert_eq!(end(&hosts, Outcome::Failed).await, Some(FIRST_PAUSE));
    }

    #[tokio::test]
    async fn a_clock_set_back_ends_a_pause() {
        let clock = Clock::frozen(START);
        let hosts = Hosts::new(1, clock.clone());
        end(&hosts, Outcome::TooMuch(None)).await;
        clock.set(START.plus_seconds(-1));
        assert!(hosts.visit("smp").await.is_ok());
    }

    #[tokio::test]
    async fn no_more_requests_at_once_than_a_host_may_have() {
        let hosts = Hosts::new(2, Clock::frozen(START));
        let _one = hosts.visit("smp").await.ok();
        let two = hosts.visit("smp").await.ok().unwrap();
        let third = tokio::time::timeout(Duration::from_millis(20), hosts.visit("smp")).await;
        assert!(third.is_err());
        two.ends(Outcome::Answered);
        assert!(hosts.visit("smp").await.is_ok());
    }

    #[tokio::test]
    async fn idle_hosts_are_forgotten_and_those_asked_or_paused_are_not() {
        let hosts = Hosts::new(1, Clock::frozen(START));
        let _kept = hosts.visit("kept").await.ok();
        hosts.visit("paused").await.ok().unwrap().ends(Outcome::TooMuch(None));
        for n in 0..3 * TIDY_AT {
            drop(hosts.visit(&format!("smp{n}")).await);
        }
        assert!(locked(&hosts.known).len() <= TIDY_AT);
        assert!(locked(&hosts.known).contains_key("kept"));
        assert!(hosts.visit("paused").await.is_err());
    }
}
