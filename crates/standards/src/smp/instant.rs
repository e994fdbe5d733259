//! `xsd:dateTime` and `xsd:date` as SMPs write them.

use jiff::SignedDuration;
use jiff::civil::{DateTime, date};

const EPOCH: DateTime = date(1970, 1, 1).at(0, 0, 0, 0);

/// What a date without a time means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DayEdge {
    /// Valid from its first moment.
    Start,
    /// Valid to its last moment: the instant is the first of the next day.
    End,
}

/// Microseconds since 1970 of `2026-11-02T00:00:00.5+01:00`, `2026-11-02T00:00:00`, `2026-11-02Z` or `2026-11-02`;
/// without a zone it is UTC. `None` when it is none of these.
pub(super) fn parse(text: &str, edge: DayEdge) -> Option<i64> {
    let (local, offset) = split_offset(text)?;
    let day_or_time: DateTime = local.parse().ok()?;
    let is_day = !local.contains(['T', 't', ' ']);
    let shift = if is_day && edge == DayEdge::End { SignedDuration::from_hours(24) } else { SignedDuration::ZERO };
    let since_epoch = day_or_time.duration_since(EPOCH).checked_add(shift)?.checked_sub(offset)?;
    i64::try_from(since_epoch.as_micros()).ok()
}

/// Takes `Z` or `+01:00` off the end and gives what is before it and how far it is ahead of UTC.
fn split_offset(text: &str) -> Option<(&str, SignedDuration)> {
    if let Some(local) = text.strip_suffix(['Z', 'z']) {
        return Some((local, SignedDuration::ZERO));
    }
    let Some((local, offset)) = text.len().checked_sub(6).and_then(|at| text.split_at_checked(at)) else {
        return Some((text, SignedDuration::ZERO));
    };
    let (sign, digits) = match (offset.strip_prefix('+'), offset.strip_prefix('-')) {
        (Some(digits), _) => (1, digits),
        (_, Some(digits)) => (-1, digits),
        _ => return Some((text, SignedDuration::ZERO)),
    };
    let Some((hours, minutes)) = digits.split_once(':') else {
        return Some((text, SignedDuration::ZERO));
    };
    let (hours, minutes): (u8, u8) = (hours.parse().ok()?, minutes.parse().ok()?);
    let is_real = hours <= 14 && minutes <= 59;
    is_real.then(|| (local, SignedDuration::from_mins(sign * (i64::from(hours) * 60 + i64::from(minutes)))))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_form() {
        let second = 1_000_000;
        // 2026-11-02T00:00:00Z
        let day = 1_793_577_600 * second;
        for (text, edge, wanted) in [
            ("2026-11-02T00:00:00Z", DayEdge::End, day),
            ("2026-11-02T00:00:00", DayEdge::End, day),
            ("2026-11-02T00:00:00.5Z", DayEdge::Start, day + second / 2),
            ("2026-11-02T00:00:00.1234567Z", DayEdge::Start, day + 123_456),
            ("2026-11-02T01:00:00+01:00", DayEdge::Start, day),
            ("2026-11-01T22:30:00-01:30", DayEdge::Start, day),
            ("2026-11-02", DayEdge::Start, day),
            ("2026-11-02Z", DayEdge::Start, day),
            ("2026-11-02", DayEdge::End, day + 86_400 * second),
            ("2026-11-02+01:00", DayEdge::Start, day - 3_600 * second),
            ("1970-01-01T00:00:00Z", DayEdge::Start, 0),
            ("9999-12-31T23:59:59Z", DayEdge::Start, 253_402_300_799 * second),
            ("0001-01-01T00:00:00", DayEdge::Start, -62_135_596_800 * second),
        ] {
            assert_eq!(parse(text, edge), Some(wanted), "{text}");
        }
    }

    #[test]
    fn what_is_no_instant() {
        for text in
            ["", "Z", "tomorrow", "2026-02-30", "2026-11-02T25:00:00", "2026-11-02T00:00:00+99:00", "02/11/2026"]
        {
            assert_eq!(parse(text, DayEdge::Start), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC*|[-+0-9:TZ.]{0,40}") {
            let _ = parse(&text, DayEdge::End);
        }
    }
}
