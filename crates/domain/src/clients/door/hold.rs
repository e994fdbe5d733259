//! Keeping other writers out before a change set is opened.

use diesel::prelude::*;

use crate::identity::Practice;
use crate::kernel::db::Tx;
use crate::kernel::error::{Error, Result};
use crate::schema::practices;

/// Holds the practice for this transaction without changing anything: what is read from here on stays as it is until a
/// change set is opened, which is for verbs that must know what there is to say what they did.
///
/// # Errors
/// [`Error::NotFound`] when the practice is gone.
pub fn hold(tx: &mut Tx<'_>, practice: &Practice) -> Result<()> {
    // Not a SELECT … FOR UPDATE, which SQLite has not; there the transaction is the only writer anyway.
    let held = diesel::update(practices::table.find(practice.id)).set(practices::version.eq(practices::version));
    if held.execute(&mut **tx)? == 0 { Err(Error::NotFound("practice")) } else { Ok(()) }
}
