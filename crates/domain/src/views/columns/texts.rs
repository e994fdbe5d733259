//! Texts one behind the other, with a place for each row.

/// A row without a text.
const MISSING: u64 = u64::MAX;
/// The low bits of a place are the text's length, the high ones where it begins.
const LENGTH_BITS: u32 = 24;
const LONGEST: u64 = (1 << LENGTH_BITS) - 1;

/// A text, or none, for each row.
#[derive(Debug, Default)]
pub struct Texts {
    bytes: Vec<u8>,
    places: Vec<u64>,
    /// Bytes that no place speaks of any more.
    dead: usize,
}

impl Texts {
    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.places.len()
    }

    /// How much memory they take.
    pub fn size(&self) -> usize {
        self.bytes.capacity() + self.places.capacity() * size_of::<u64>()
    }

    /// Adds a row without a text.
    pub fn push_missing(&mut self) {
        self.places.push(MISSING);
    }

    /// Gives memory back that was taken in advance.
    pub fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
        self.places.shrink_to_fit();
    }

    /// Gives a row its text; what is longer than 16 MiB is cut.
    pub fn set(&mut self, row: usize, text: Option<&str>) {
        let old = self.get(row).map_or(0, str::len);
        let place = text.map_or(MISSING, |text| {
            let length = (text.len() as u64).min(LONGEST);
            let start = self.bytes.len() as u64;
            self.bytes.extend(text.as_bytes().iter().take(LONGEST as usize));
            (start << LENGTH_BITS) | length
        });
        if let Some(slot) = self.places.get_mut(row) {
            *slot = place;
            self.dead += old;
        }
        if self.dead > 4_096 && self.dead * 2 > self.bytes.len() {
            self.compact();
        }
    }

    /// The text of a row.
    pub fn get(&self, row: usize) -> Option<&str> {
        self.at(*self.places.get(row)?)
    }

    fn at(&self, place: u64) -> Option<&str> {
        let bytes = self.raw(place)?;
        Some(std::str::from_utf8(bytes).unwrap_or_default())
    }

    fn raw(&self, place: u64) -> Option<&[u8]> {
        if place == MISSING {
            return None;
        }
        let (start, length) = ((place >> LENGTH_BITS) as usize, (place & LONGEST) as usize);
        self.bytes.get(start..start + length)
    }

    /// The bytes of a row's text, which sort as the text does.
    pub fn bytes(&self, row: usize) -> Option<&[u8]> {
        self.raw(*self.places.get(row)?)
    }

    /// For each row what `test` says of its bytes; `false` where there is no text.
    pub fn bits(&self, test: impl Fn(&[u8]) -> bool) -> super::Bits {
        super::Bits::where_value(&self.places, |place| self.raw(*place).is_some_and(&test))
    }

    fn compact(&mut self) {
        let mut bytes = Vec::with_capacity(self.bytes.len() - self.dead);
        for slot in &mut self.places {
            if *slot == MISSING {
                continue;
            }
            let (start, length) = ((*slot >> LENGTH_BITS) as usize, (*slot & LONGEST) as usize);
            let at = bytes.len() as u64;
            bytes.extend_from_slice(self.bytes.get(start..start + length).unwrap_or_default());
            *slot = (at << LENGTH_BITS) | length as u64;
        }
        self.bytes = bytes;
        self.dead = 0;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_row_keeps_its_own_text(writes in prop::collection::vec((0_usize..20, prop::option::of("[a-zé]{0,40}")), 0..600)) {
            let (mut texts, mut plain) = (Texts::default(), vec![None; 20]);
            (0..20).for_each(|_| texts.push_missing());
            for (row, text) in writes {
                texts.set(row, text.as_deref());
                plain[row] = text;
            }
            for (row, text) in plain.iter().enumerate() {
                prop_assert_eq!(texts.get(row), text.as_deref());
            }
            prop_assert!(texts.bytes.len() <= 20 * 80 * 2 + 4_096 + 80);
        }
    }
}
