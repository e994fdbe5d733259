//! Practices and who may act in them: accounts, members with roles, sessions, API keys with scopes.
//!
//! A right is a name (`clients:write`). A role is a fixed bundle of rights, a key's scopes are the same names; whoever
//! calls ends up as a [`Caller`] with a practice, an actor and a set of rights.

mod actions;
mod invitations;
mod keys;
mod model;
mod queries;
mod sessions;

pub use actions::{
    NewMember, PracticeChange, add_member, change_practice, change_role, create_practice, hold_practice, remove_member,
};
pub use invitations::{accept_invitation, invite_again};
pub use keys::{NewKey, create_key, note_use, revoke_key};
pub use model::*;
pub use queries::{
    all_practices, authenticate, find_practice, key, keys, member, members, practice_by_text, practices_of_account,
    sessions,
};
pub use sessions::{SignIn, SignedIn, prune as prune_sign_ins, revoke_session, sign_in, switch_practice};
