//! How many look-ups a second begin in one process.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use rand::RngExt as _;
use tokio::sync::Mutex;
use tokio::time::sleep;

/// A tenth of a second's look-ups may begin at once.
const BURSTS_A_SECOND: u32 = 10;

pub(super) struct Rate {
    limiter: DefaultDirectRateLimiter,
    clock: DefaultClock,
    /// Longest extra wait, so that several processes do not keep step: the time between two look-ups.
    jitter: Duration,
    /// Those who wait stand in line; one at a time looks at the limiter.
    line: Mutex<()>,
}

impl Rate {
    pub(super) fn new(a_second: u32) -> Self {
        let a_second = NonZeroU32::new(a_second).unwrap_or(NonZeroU32::MIN);
        let burst = NonZeroU32::new(a_second.get() / BURSTS_A_SECOND).unwrap_or(NonZeroU32::MIN);
        let clock = DefaultClock::default();
        Self {
            limiter: RateLimiter::direct_with_clock(Quota::per_second(a_second).allow_burst(burst), clock.clone()),
            clock,
            jitter: Duration::from_secs(1) / a_second.get(),
            line: Mutex::new(()),
        }
    }

    /// Returns when one more look-up may begin.
    pub(super) async fn turn(&self) {
        let _first = self.line.lock().await;
        while let Err(early) = self.limiter.check() {
            let jitter = self.jitter.mul_f64(rand::rng().random::<f64>());
            sleep(early.wait_time_from(self.clock.now()) + jitter).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_more_than_the_rate_begin_in_a_second() {
        let rate = Rate::new(100);
        let begun = std::time::Instant::now();
        for _ in 0..40 {
            rate.turn().await;
        }
        // Ten at once, then one every 10 ms.
        assert!(begun.elapsed() >= Duration::from_millis(290), "{:?}", begun.elapsed());
    }
}
