//! When a practice's night begins: once per local date, whatever the clocks do.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::identity::Practice;
use crate::kernel::clock::Instant;

/// The hour of the practice's local time at which its night may begin.
const HOUR: i8 = 1;
/// Practices begin within so many minutes, so that not all of them ask at once.
const SPREAD: u128 = 15;

/// The local date whose night should have begun by now, when there is one: from 01:00 on and a few minutes that spread the
/// practices. A practice that was created later than that waits for its first night.
///
/// Where 01:00 does not exist on that date (clocks go forward) the night begins when the clocks have changed; where it
/// exists twice, at the first.
#[must_use]
pub fn due(practice: &Practice, now: Instant) -> Option<Date> {
    let zone = zone(practice);
    let date = now.in_zone(&zone).date();
    let opened = opens(practice, date)?;
    (opened <= now && practice.created_at <= opened).then_some(date)
}

/// When the night of a local date begins.
#[must_use]
pub fn opens(practice: &Practice, date: Date) -> Option<Instant> {
    let start = date.at(HOUR, 0, 0, 0).to_zoned(zone(practice)).ok()?;
    let minutes = i64::try_from(practice.uid().0.as_u128() % SPREAD).unwrap_or(0);
    Some(Instant(start.timestamp().as_microsecond()).plus_seconds(minutes * 60))
}

/// The present local date of a practice.
#[must_use]
pub fn today(practice: &Practice, now: Instant) -> Date {
    now.in_zone(&zone(practice)).date()
}

/// A zone that this machine's tables do not know is taken as UTC: a night at the wrong hour is better than none.
fn zone(practice: &Practice) -> TimeZone {
    TimeZone::get(&practice.time_zone).unwrap_or(TimeZone::UTC)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::identity::{PracticeId, World};

    fn practice(time_zone: &str) -> Practice {
        Practice {
            id: PracticeId::new(),
            name: "A".to_owned(),
            world: World::Test,
            time_zone: time_zone.to_owned(),
            language: "nl".to_owned(),
            enterprise_number: None,
            version: 0,
            fields_version: 0,
            revision: 1,
            created_at: Instant(0),
        }
    }

    /// The nights that a clock ticking every five minutes begins, as the scheduler does: each date once.
    fn begun(practice: &Practice, from: &str, to: &str) -> BTreeMap<String, Instant> {
        let (mut now, to) = (Instant::parse(from).unwrap(), Instant::parse(to).unwrap());
        let mut nights = BTreeMap::new();
        while now < to {
            if let Some(date) = due(practice, now) {
                nights.entry(date.to_string()).or_insert(now);
            }
            now = now.plus_seconds(300);
        }
        nights
    }

    #[test]
    fn each_local_date_has_one_night_across_both_changes_of_the_clock() {
        for zone in ["Europe/Brussels", "Europe/Lisbon", "Europe/London", "America/New_York", "Asia/Beirut"] {
            let practice = practice(zone);
            for (from, to) in
                [("2026-03-27T12:00:00Z", "2026-04-01T12:00:00Z"), ("2026-10-23T12:00:00Z", "2026-10-28T12:00:00Z")]
            {
                let nights = begun(&practice, from, to);
                assert!((5..=6).contains(&nights.len()), "{zone}: {nights:?}");
                let times: Vec<i64> = nights.values().map(|at| at.0).collect();
                for pair in times.windows(2).skip(1) {
                    let hours = (pair[1] - pair[0]) / 3_600_000_000;
                    assert!((22..=25).contains(&hours), "{zone}: {nights:?}");
                }
            }
        }
    }

    #[test]
    fn a_night_begins_after_one_in_the_practices_own_time() {
        let brussels = practice("Europe/Brussels");
        let date: Date = "2026-07-01".parse().unwrap();
        let opened = opens(&brussels, date).unwrap();
        assert!(opened >= Instant::parse("2026-06-30T23:00:00Z").unwrap());
        assert!(opened < Instant::parse("2026-06-30T23:15:00Z").unwrap());
        assert_eq!(due(&brussels, opened.plus_seconds(-1)), None);
        assert_eq!(due(&brussels, opened), Some(date));
        assert_eq!(due(&brussels, opened.plus_seconds(13 * 3600)), Some(date), "made up for later in the day");
    }

    #[test]
    fn a_practice_waits_for_its_first_night() {
        let mut young = practice("Europe/Brussels");
        young.created_at = Instant::parse("2026-07-01T12:00:00Z").unwrap();
        assert_eq!(due(&young, young.created_at.plus_seconds(3600)), None);
        assert!(due(&young, young.created_at.plus_seconds(14 * 3600)).is_some());
    }
}
