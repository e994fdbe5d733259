//! Setting a password.

use diesel::prelude::*;

use super::model::AccountId;
use crate::kernel::db::Tx;
use crate::kernel::error::{Error, FieldError, Result};
use crate::schema::{accounts, invitations, members, password_resets};

const SHORTEST: usize = 12;
const LONGEST: usize = 200;

/// Checks the length of a password, in characters.
///
/// # Errors
/// [`Error::Invalid`] on `/password`.
pub(super) fn check(password: &str) -> Result<()> {
    if (SHORTEST..=LONGEST).contains(&password.chars().count()) {
        return Ok(());
    }
    let fault = FieldError::new("/password", "length").with("min", SHORTEST).with("max", LONGEST);
    Err(Error::Invalid(vec![fault]))
}

/// Gives an account another password. Whatever else was to set one stops working, invitations to other practices too: whoever
/// has seen them could take the account over.
///
/// # Errors
/// When the database refuses.
pub(super) fn set(tx: &mut Tx<'_>, account: AccountId, hash: &str) -> Result<()> {
    diesel::update(accounts::table.find(account)).set(accounts::password_hash.eq(hash)).execute(&mut **tx)?;
    diesel::delete(password_resets::table.filter(password_resets::account_id.eq(account))).execute(&mut **tx)?;
    let own = members::table.filter(members::account_id.eq(account)).select(members::id);
    diesel::delete(invitations::table.filter(invitations::member_id.eq_any(own))).execute(&mut **tx)?;
    Ok(())
}
