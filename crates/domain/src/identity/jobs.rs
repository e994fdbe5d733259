//! The room's jobs: a mail each.

use serde::{Deserialize, Serialize};

use super::model::{InvitationId, PasswordResetId};
use crate::kernel::jobs::{Job, Lane};

/// Mails an invitation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SendInvitation {
    /// The invitation.
    pub invitation: InvitationId,
}

impl Job for SendInvitation {
    const KIND: &'static str = "send_invitation";
    const LANE: Lane = Lane::Mail;
}

/// Mails the link of a password reset.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SendPasswordReset {
    /// The reset.
    pub reset: PasswordResetId,
}

impl Job for SendPasswordReset {
    const KIND: &'static str = "send_password_reset";
    const LANE: Lane = Lane::Mail;
}
