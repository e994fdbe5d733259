//! A set of rows, one bit each.

/// Which of a practice's clients, by row, are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bits {
    words: Vec<u64>,
    rows: usize,
}

impl Bits {
    /// No row of `rows`.
    pub fn none(rows: usize) -> Self {
        Self { words: vec![0; rows.div_ceil(64)], rows }
    }

    /// Every row of `rows`.
    pub fn all(rows: usize) -> Self {
        let mut bits = Self { words: vec![u64::MAX; rows.div_ceil(64)], rows };
        bits.clip();
        bits
    }

    /// The rows whose value passes `test`.
    pub fn where_value<T>(values: &[T], test: impl Fn(&T) -> bool) -> Self {
        let word = |chunk: &[T]| {
            chunk.iter().enumerate().fold(0_u64, |word, (at, value)| word | (u64::from(test(value)) << at))
        };
        Self { words: values.chunks(64).map(word).collect(), rows: values.len() }
    }

    /// Leaves the rows that `other` has, too.
    pub fn and(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word &= other);
    }

    /// Adds the rows of `other`.
    pub fn or(&mut self, other: &Self) {
        self.words.iter_mut().zip(&other.words).for_each(|(word, other)| *word |= other);
    }

    /// The rows that were not there, and only those.
    pub fn invert(&mut self) {
        self.words.iter_mut().for_each(|word| *word = !*word);
        self.clip();
    }

    /// How many rows there are.
    pub fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether the row is in the set.
    pub fn has(&self, row: usize) -> bool {
        self.words.get(row / 64).is_some_and(|word| word >> (row % 64) & 1 == 1)
    }

    /// Takes a row out.
    pub fn remove(&mut self, row: usize) {
        if let Some(word) = self.words.get_mut(row / 64) {
            *word &= !(1 << (row % 64));
        }
    }

    /// The rows, the first one first.
    pub fn rows(&self) -> impl Iterator<Item = usize> {
        self.words.iter().enumerate().flat_map(|(at, word)| Ones(*word).map(move |bit| at * 64 + bit))
    }

    /// Clears the bits behind the last row.
    fn clip(&mut self) {
        let rest = self.rows % 64;
        if let Some(last) = self.words.last_mut().filter(|_| rest > 0) {
            *last &= (1 << rest) - 1;
        }
    }
}

/// The places of the ones in a word.
struct Ones(u64);

impl Iterator for Ones {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let at = self.0.trailing_zeros() as usize;
        self.0 &= self.0.checked_sub(1)?;
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn sets_behave_as_lists_of_flags(left in prop::collection::vec(any::<bool>(), 0..200), seed in any::<u64>()) {
            let right: Vec<bool> = (0..left.len()).map(|at| seed.rotate_left(at as u32 * 7) & 1 == 1).collect();
            let of = |flags: &[bool]| Bits::where_value(flags, |flag| *flag);
            let both = |how: fn(&mut Bits, &Bits)| { let mut bits = of(&left); how(&mut bits, &of(&right)); bits };
            let with = |how: fn(bool, bool) -> bool| {
                left.iter().zip(&right).map(|(a, b)| how(*a, *b)).collect::<Vec<_>>()
            };
            prop_assert_eq!(both(Bits::and), of(&with(|a, b| a && b)));
            prop_assert_eq!(both(Bits::or), of(&with(|a, b| a || b)));
            let mut not = of(&left);
            not.invert();
            prop_assert_eq!(&not, &of(&left.iter().map(|flag| !flag).collect::<Vec<_>>()));
            let rows: Vec<usize> = (0..left.len()).filter(|at| left[*at]).collect();
            prop_assert_eq!(of(&left).rows().collect::<Vec<_>>(), rows.clone());
            prop_assert_eq!(of(&left).count(), rows.len());
            prop_assert_eq!(Bits::all(left.len()).count(), left.len());
            prop_assert_eq!(Bits::none(left.len()).count(), 0);
            prop_assert!(rows.iter().all(|row| of(&left).has(*row)));
        }
    }
}
