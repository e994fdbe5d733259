//! What the verbs of this room are given.

use crate::identity::Practice;
use crate::mail::Letters;

/// A practice, and the letters that it was delivered.
#[derive(Clone, Copy)]
pub struct Given<'a> {
    /// Whose templates.
    pub practice: &'a Practice,
    /// The delivered texts and the layout.
    pub letters: &'a Letters,
}
