//! Keeping other writers out before a change set is opened.

use crate::identity::{self, Practice};
use crate::kernel::db::Tx;
use crate::kernel::error::Result;

/// Holds the practice for this transaction without changing anything: what is read from here on stays as it is until a
/// change set is opened, which is for verbs that must know what there is to say what they did.
///
/// # Errors
/// [`crate::kernel::error::Error::NotFound`] when the practice is gone.
pub fn hold(tx: &mut Tx<'_>, practice: &Practice) -> Result<()> {
    identity::hold_practice(tx, practice)
}
