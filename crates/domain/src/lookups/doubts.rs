//! The rules of doubt: what the night asks again, when it pauses, and which vanishings wait for a person.

use crate::kernel::clock::Instant;

/// A vanishing is asked again after this time at the earliest, in seconds.
pub const DOUBT: i64 = 3600;
/// After which pauses an identifier without an answer is asked again in the same night, in seconds.
const RETRIES: [i64; 3] = [300, 1200, 3600];
/// How long a night that seems disturbed pauses, in seconds.
pub const PAUSE: i64 = 1800;
/// How long a night may last; what it has not learned by then stays as it was. In seconds.
pub const LONGEST: i64 = 8 * 3600;
/// For how long before its beginning a night takes what another practice's night has learned, in seconds.
pub const FRESH: i64 = 3 * 3600;

/// When an identifier that has been asked `tries` times in this night without an answer is asked again: after the usual
/// pause, or as long as its host wants to be left alone, in seconds. `None` when it has had its tries.
#[must_use]
pub fn retry_at(now: Instant, tries: i32, host_pause: Option<u64>) -> Option<Instant> {
    let usual = usize::try_from(tries - 1).ok().and_then(|at| RETRIES.get(at))?;
    let asked_for = host_pause.and_then(|seconds| i64::try_from(seconds).ok()).unwrap_or(0);
    Some(now.plus_seconds(asked_for.clamp(*usual, LONGEST)))
}

/// Whether an absence is proved: the network has said so twice in this round, at least an hour apart, and nothing else in
/// between. `answered_at` is the newest of the unbroken answers, `absent_since` the first.
#[must_use]
pub fn is_proved(absent_since: Option<Instant>, answered_at: Instant, fresh_from: Instant) -> bool {
    absent_since.is_some_and(|since| since >= fresh_from && answered_at.seconds_since(since) >= DOUBT)
}

/// The first answers of a stretch of the night, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stretch {
    /// Identifiers that were asked for the first time in this night.
    pub asked: u32,
    /// How many of them told nothing.
    pub failed: u32,
    /// How many of them somebody has seen on the network.
    pub canaries: u32,
    /// How many of the canaries are said not to be there any more.
    pub vanished: u32,
}

impl Stretch {
    /// Whether something is wrong with the network rather than with the participants: most answers fail (ten at least), or
    /// more than a quarter of the canaries vanish (three at least).
    #[must_use]
    pub fn is_disturbed(self) -> bool {
        let failing = self.failed >= 10 && self.failed * 2 > self.asked;
        let vanishing = self.vanished >= 3 && self.vanished * 4 > self.canaries;
        failing || vanishing
    }
}

/// How many of a practice's clients on the network have left it in a night.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// Clients on the network before the night.
    pub listed: i64,
    /// How many of them are proved to be gone.
    pub vanished: i64,
}

/// Why a night's vanishings wait for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldReason {
    /// More than 5 % of the practice's, and at least 20.
    ManyOfPractice,
    /// More than a quarter of the practice's, and at least 3.
    LargeShareOfPractice,
    /// More than 1 % of all practices' together.
    AllPractices,
}

impl HoldReason {
    /// The stable name (`many_of_practice`, `large_share_of_practice`, `all_practices`).
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ManyOfPractice => "many_of_practice",
            Self::LargeShareOfPractice => "large_share_of_practice",
            Self::AllPractices => "all_practices",
        }
    }
}

/// Why each practice's vanishings are held, in the order of `tallies`; `None` where they are written.
///
/// The rule over all practices needs at least three vanishings in at least two practices: what happens in one alone is
/// judged by that practice's own size.
#[must_use]
pub fn judge(tallies: &[Tally]) -> Vec<Option<HoldReason>> {
    let listed: i64 = tallies.iter().map(|tally| tally.listed).sum();
    let vanished: i64 = tallies.iter().map(|tally| tally.vanished).sum();
    let touched = tallies.iter().filter(|tally| tally.vanished > 0).count();
    let everywhere = vanished >= 3 && touched >= 2 && vanished.saturating_mul(100) > listed;
    tallies.iter().map(|tally| hold(*tally).or(everywhere.then_some(HoldReason::AllPractices))).collect()
}

fn hold(tally: Tally) -> Option<HoldReason> {
    let Tally { listed, vanished } = tally;
    if vanished >= 20 && vanished.saturating_mul(20) > listed {
        Some(HoldReason::ManyOfPractice)
    } else if vanished >= 3 && vanished.saturating_mul(4) > listed {
        Some(HoldReason::LargeShareOfPractice)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reasons(tallies: &[(i64, i64)]) -> Vec<Option<HoldReason>> {
        judge(
            &tallies
                .iter()
                .map(|(listed, vanished)| Tally { listed: *listed, vanished: *vanished })
                .collect::<Vec<_>>(),
        )
    }

    #[test]
    fn vanishings_of_one_practice_are_held_from_the_thresholds_on() {
        use HoldReason::{LargeShareOfPractice as Share, ManyOfPractice as Many};
        for (listed, vanished, held) in [
            (10_000, 1, None),
            (1, 1, None),
            (2, 2, None),
            (3, 3, Some(Share)),
            (12, 3, None),
            (11, 3, Some(Share)),
            (76, 19, None),
            (75, 19, Some(Share)),
            (400, 20, None),
            (399, 20, Some(Many)),
            (10_000, 500, None),
            (10_000, 501, Some(Many)),
            (10_000, 10_000, Some(Many)),
            (0, 0, None),
        ] {
            assert_eq!(reasons(&[(listed, vanished)]), [held], "{vanished} of {listed}");
        }
    }

    #[test]
    fn vanishings_spread_over_practices_are_held_together() {
        let all = Some(HoldReason::AllPractices);
        assert_eq!(reasons(&[(100, 1), (100, 1), (98, 1)]), [all, all, all]);
        assert_eq!(reasons(&[(100, 1), (100, 1), (100, 1)]), [None, None, None], "exactly 1 %");
        assert_eq!(reasons(&[(50, 1), (50, 1)]), [None, None], "two are too few to tell");
        assert_eq!(reasons(&[(100, 5), (100, 0)]), [None, None], "one practice is judged by its own size");
        assert_eq!(reasons(&[(100, 30), (100, 1)]), [Some(HoldReason::ManyOfPractice), all]);
    }

    #[test]
    fn a_disturbed_network_pauses_the_night() {
        let stretch = |asked, failed, canaries, vanished| Stretch { asked, failed, canaries, vanished }.is_disturbed();
        assert!(stretch(10, 10, 0, 0) && stretch(256, 129, 0, 0) && stretch(256, 0, 200, 51) && stretch(3, 0, 3, 3));
        assert!(!stretch(9, 9, 0, 0) && !stretch(256, 128, 0, 0) && !stretch(256, 0, 200, 50) && !stretch(2, 0, 2, 2));
    }

    #[test]
    fn an_absence_is_proved_by_two_answers_an_hour_apart_in_one_round() {
        let at = |seconds: i64| Instant(0).plus_seconds(seconds);
        assert!(is_proved(Some(at(100)), at(3700), at(100)));
        assert!(!is_proved(Some(at(100)), at(3699), at(100)));
        assert!(!is_proved(Some(at(99)), at(9000), at(100)), "the first answer is from before this round");
        assert!(!is_proved(None, at(9000), at(0)));
    }

    #[test]
    fn tries_are_spread_and_end() {
        let now = Instant(0);
        assert_eq!(retry_at(now, 1, None), Some(now.plus_seconds(300)));
        assert_eq!(retry_at(now, 1, Some(1000)), Some(now.plus_seconds(1000)));
        assert_eq!(retry_at(now, 3, Some(u64::MAX)), Some(now.plus_seconds(3600)), "an absurd wish is not granted");
        assert_eq!(retry_at(now, 4, None), None);
    }
}
