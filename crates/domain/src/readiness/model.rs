//! Counts, groups, days and the forecast.

use std::ops::AddAssign;

use jiff::ToSpan as _;
use jiff::civil::Date;

/// Clients counted. All but the first two are of those that are not exempt; the five states of the registration add up to
/// their number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Active clients.
    pub total: i64,
    /// Those whom Peppol does not concern today.
    pub exempt: i64,
    /// Those that are marked as ready.
    pub ready: i64,
    /// Those that the network knows and that can receive.
    pub registered: i64,
    /// Those that ever got a mail about Peppol.
    pub informed: i64,
    /// Those that the network does not know.
    pub not_registered: i64,
    /// Those that the network knows and that cannot receive.
    pub cannot_receive: i64,
    /// Those of whom nothing is known, because the network was never asked or gave no answer.
    pub unknown: i64,
}

impl Counts {
    /// Those whom Peppol concerns.
    #[must_use]
    pub fn concerned(&self) -> i64 {
        self.total - self.exempt
    }

    /// Those whom Peppol concerns and who are not ready.
    #[must_use]
    pub fn to_do(&self) -> i64 {
        self.concerned() - self.ready
    }

    /// Those without a number by which the network could be asked.
    #[must_use]
    pub fn nothing_to_ask(&self) -> i64 {
        self.concerned() - self.registered - self.not_registered - self.cannot_receive - self.unknown
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.total += other.total;
        self.exempt += other.exempt;
        self.ready += other.ready;
        self.registered += other.registered;
        self.informed += other.informed;
        self.not_registered += other.not_registered;
        self.cannot_receive += other.cannot_receive;
        self.unknown += other.unknown;
    }
}

/// What clients are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The portfolio.
    Portfolio,
    /// Whoever looks after the client.
    Responsible,
}

/// What the clients of a group have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupKey {
    /// As a filter takes it.
    pub value: String,
    /// What people read.
    pub label: String,
}

/// Some clients, counted.
#[derive(Debug, Clone)]
pub struct Group {
    /// What they have in common; `None` for the clients without it.
    pub key: Option<GroupKey>,
    /// How many they are.
    pub counts: Counts,
}

/// How far a practice is.
#[derive(Debug, Clone)]
pub struct Readiness {
    /// The practice's local day.
    pub day: Date,
    /// All its active clients.
    pub counts: Counts,
    /// The same by group, the group with most to do first and the clients without one last, when that was asked.
    pub groups: Option<Vec<Group>>,
    /// When all would be ready.
    pub forecast: Forecast,
}

/// The numbers of one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    /// The practice's local day.
    pub day: Date,
    /// As they were.
    pub counts: Counts,
}

/// Why there is no date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoForecast {
    /// Nothing is left to do.
    Done,
    /// Too few days are known.
    TooLittleData,
    /// No more clients became ready, or so few that it would take longer than ten years.
    NoProgress,
}

impl NoForecast {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Done, Self::TooLittleData, Self::NoProgress];

    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::TooLittleData => "too_little_data",
            Self::NoProgress => "no_progress",
        }
    }
}

/// The day on which all would be ready at today's pace, or why nobody can say.
pub type Forecast = Result<Date, NoForecast>;

/// The days before today that the pace is taken from.
pub(super) const PACE_DAYS: u32 = 28;
/// How many days must be known.
const FEWEST_DAYS: usize = 7;
/// The latest day that is worth telling: ten years from now.
const FURTHEST: i128 = 3653;

/// The day on which nothing is left to do, when as many clients become ready each day as a straight line through the last
/// 28 days says (least squares).
///
/// # Errors
/// The reason why there is none: nothing is left to do, fewer than seven of these days are known, or the line does not
/// rise enough to get there within ten years.
pub fn forecast(days: &[Day], to_do: i64, today: Date) -> Forecast {
    if to_do <= 0 {
        return Err(NoForecast::Done);
    }
    let since = |day: Date| i64::from((day - today).get_days());
    let known = days.iter().map(|one| (i128::from(since(one.day)), i128::from(one.counts.ready)));
    let known: Vec<(i128, i128)> = known.filter(|(day, _)| (-i128::from(PACE_DAYS)..=0).contains(day)).collect();
    if known.len() < FEWEST_DAYS {
        return Err(NoForecast::TooLittleData);
    }
    let count = i128::try_from(known.len()).unwrap_or(i128::MAX);
    let sum = |of: fn(&(i128, i128)) -> i128| known.iter().map(of).sum::<i128>();
    let (x, y) = (sum(|(x, _)| *x), sum(|(_, y)| *y));
    let (xy, xx) = (sum(|(x, y)| x * y), sum(|(x, _)| x * x));
    // Ready clients a day are `rise / run`; whole numbers keep it exact.
    let (rise, run) = (count * xy - x * y, count * xx - x * x);
    if rise <= 0 || run <= 0 {
        return Err(NoForecast::NoProgress);
    }
    let left = i128::from(to_do) * run;
    let needed = left / rise + i128::from(left % rise != 0);
    let needed = i64::try_from(needed.min(FURTHEST + 1)).unwrap_or(i64::MAX);
    if i128::from(needed) > FURTHEST {
        return Err(NoForecast::NoProgress);
    }
    today.checked_add(needed.days()).map_err(|_| NoForecast::NoProgress)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TODAY: Date = Date::constant(2026, 11, 30);

    fn day(before: i64, ready: i64) -> Day {
        Day { day: TODAY - before.days(), counts: Counts { total: 100, ready, ..Counts::default() } }
    }

    #[test]
    fn a_straight_line_is_followed_to_its_end() {
        let steady: Vec<Day> = (0..10).map(|before| day(before, 50 - before * 2)).collect();
        assert_eq!(forecast(&steady, 50, TODAY), Ok(Date::constant(2026, 12, 25)));
        assert_eq!(forecast(&steady, 51, TODAY), Ok(Date::constant(2026, 12, 26)), "a started day counts");
        assert_eq!(forecast(&steady, 1, TODAY), Ok(Date::constant(2026, 12, 1)));
        let gaps: Vec<Day> = [0, 3, 4, 9, 14, 20, 28].map(|before| day(before, 70 - before)).to_vec();
        assert_eq!(forecast(&gaps, 30, TODAY), Ok(Date::constant(2026, 12, 30)), "days may be missing");
    }

    #[test]
    fn without_a_date_there_is_a_reason() {
        let rising: Vec<Day> = (0..40).map(|before| day(before, 90 - before)).collect();
        assert_eq!(forecast(&rising, 0, TODAY), Err(NoForecast::Done));
        assert_eq!(forecast(&[], 0, TODAY), Err(NoForecast::Done), "also when nothing is known");
        assert_eq!(forecast(&rising[..6], 5, TODAY), Err(NoForecast::TooLittleData));
        assert_eq!(forecast(&rising[29..], 5, TODAY), Err(NoForecast::TooLittleData), "what is older does not count");
        let flat: Vec<Day> = (0..28).map(|before| day(before, 40)).collect();
        assert_eq!(forecast(&flat, 5, TODAY), Err(NoForecast::NoProgress));
        let falling: Vec<Day> = (0..28).map(|before| day(before, 40 + before)).collect();
        assert_eq!(forecast(&falling, 5, TODAY), Err(NoForecast::NoProgress));
        let slow: Vec<Day> = (0..28).map(|before| day(before, 40 + i64::from(before == 0))).collect();
        assert_eq!(forecast(&slow, 1_000_000, TODAY), Err(NoForecast::NoProgress), "not within ten years");
    }

    proptest! {
        #[test]
        fn nothing_that_a_practice_can_have_breaks_it(
            known in prop::collection::vec((0_i64..60, 0_i64..1_000_000_000), 0..40),
            to_do in 0_i64..1_000_000_000,
        ) {
            let days: Vec<Day> = known.into_iter().map(|(before, ready)| day(before, ready)).collect();
            if let Ok(end) = forecast(&days, to_do, TODAY) {
                prop_assert!(end > TODAY && to_do > 0);
            }
        }
    }
}
