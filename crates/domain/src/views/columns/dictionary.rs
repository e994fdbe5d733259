//! Values that many clients share: each once, and a code for each row.

use std::collections::HashMap;
use std::hash::Hash;

use super::Bits;

/// The code of a row without a value.
pub const MISSING: u32 = 0;

/// The different values of a column, each under a code from 1 up, in the order in which they came.
#[derive(Debug)]
pub struct Dictionary<K> {
    keys: Vec<K>,
    codes: HashMap<K, u32>,
    size: usize,
}

impl<K> Default for Dictionary<K> {
    fn default() -> Self {
        Self { keys: Vec::new(), codes: HashMap::new(), size: 0 }
    }
}

/// What one entry takes beside its own bytes: twice the key, the code, and the table's own.
const ENTRY: usize = 64;

impl<K: Hash + Eq + Clone> Dictionary<K> {
    /// The code of a value, which is added when it is new; `weight` is its size in bytes on the heap.
    pub fn code(&mut self, key: K, weight: usize) -> u32 {
        if let Some(code) = self.codes.get(&key) {
            return *code;
        }
        self.keys.push(key.clone());
        let code = u32::try_from(self.keys.len()).unwrap_or(u32::MAX);
        self.codes.insert(key, code);
        self.size += ENTRY + 2 * weight;
        code
    }

    /// The values by their codes, the first of which is 1.
    pub fn keys(&self) -> &[K] {
        &self.keys
    }

    /// How much memory it takes.
    pub fn size(&self) -> usize {
        self.size
    }

    /// For each code, from the missing one up, whether its value passes `test`.
    pub fn table(&self, missing: bool, test: impl Fn(&K) -> bool) -> Vec<bool> {
        std::iter::once(missing).chain(self.keys.iter().map(test)).collect()
    }
}

/// The rows whose code the table says yes to.
pub fn bits(codes: &[u32], table: &[bool]) -> Bits {
    let mut meant = table.iter().enumerate().filter(|(_, yes)| **yes).map(|(code, _)| code as u32);
    match (meant.next(), meant.next()) {
        (None, _) => Bits::none(codes.len()),
        // One value is the usual question, and comparing with a number is quicker than a table.
        (Some(one), None) => Bits::where_value(codes, |code| *code == one),
        _ => Bits::where_value(codes, |code| table.get(*code as usize).copied().unwrap_or_default()),
    }
}
