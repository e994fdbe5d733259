//! Which recipients a greylisting mail server has seen, and since when (RFC 6647).

use std::{
    collections::{HashMap, hash_map},
    time::{Duration, Instant},
};

use crate::label::Label;

/// Recipients remembered over all faults; those that come when it is full are taken at once.
const MAX_SEEN: usize = 100_000;

/// First tries, by the number of the fault and by recipient.
#[derive(Debug, Default)]
pub(super) struct Greylist(HashMap<(u64, Label), Instant>);

impl Greylist {
    /// Whether a recipient that tries now is refused: at its first try, and until `pause` after it.
    pub(super) fn refuses(&mut self, fault: u64, recipient: Label, pause: Duration, now: Instant) -> bool {
        let is_full = self.0.len() >= MAX_SEEN;
        match self.0.entry((fault, recipient)) {
            hash_map::Entry::Occupied(first) => now.saturating_duration_since(*first.get()) < pause,
            hash_map::Entry::Vacant(_) if is_full => false,
            hash_map::Entry::Vacant(unseen) => {
                unseen.insert(now);
                true
            }
        }
    }

    /// Forgets the recipients of a fault that is switched off.
    pub(super) fn forget(&mut self, fault: u64) {
        self.0.retain(|(known, _), _| *known != fault);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipients_are_bounded() {
        let mut greylist = Greylist::default();
        let (now, pause) = (Instant::now(), Duration::from_secs(60));
        for n in 0..MAX_SEEN {
            assert!(greylist.refuses(1, Label::of(&n.to_string()), pause, now));
        }
        assert!(!greylist.refuses(1, Label::of("one more"), pause, now));
        assert!(greylist.refuses(1, Label::of("0"), pause, now));
        greylist.forget(1);
        assert!(greylist.refuses(2, Label::of("one more"), pause, now));
    }
}
