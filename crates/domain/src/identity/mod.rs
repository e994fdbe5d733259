//! Practices and who may act in them: accounts, members with roles, sessions, API keys with scopes.
//!
//! A right is a name (`clients:write`). A role is a fixed bundle of rights, a key's scopes are the same names; whoever
//! calls ends up as a [`Caller`] with a practice, an actor and a set of rights.

mod actions;
mod attempts;
mod invitations;
mod jobs;
mod keys;
mod mails;
mod model;
mod passwords;
mod queries;
mod resets;
mod sessions;
mod wishes;

pub use actions::{
    NewMember, PracticeChange, add_member, change_practice, change_role, create_practice, hold_practice, remove_member,
};
pub use invitations::{Invited, accept_invitation, invitation_mailed, invitation_of, invitation_to_mail, invite_again};
pub use jobs::{SendInvitation, SendPasswordReset};
pub use keys::{NewKey, create_key, note_use, revoke_key};
pub use mails::{InvitationLetter, PasswordResetLetter};
pub use model::*;
pub use queries::{
    all_practices, authenticate, find_practice, key, keys, member, members, practice_by_text, practices_of_account,
    sessions,
};
pub use resets::{accept_reset, request_reset, reset_mailed, reset_of, reset_to_mail};
pub use sessions::{SignIn, SignedIn, prune as prune_sign_ins, revoke_session, sign_in, switch_practice};
pub use wishes::{RegularMail, choose_mails, readers};
