//! The room's mails.

use serde::Serialize;

use crate::kernel::catalogue::Language;
use crate::mail::Letter;

/// Invites a person to set a password.
#[derive(Debug, Clone, Serialize)]
pub struct InvitationLetter {
    /// The practice that the person has been added to.
    pub practice: String,
    /// The person.
    pub name: String,
    /// Who added the person.
    pub inviter: String,
    /// Where the password is set.
    pub link: String,
    /// The last day of the link.
    pub until: String,
}

impl Letter for InvitationLetter {
    const NAME: &'static str = "identity/invitation";

    fn sample(language: Language) -> Self {
        let until = match language {
            Language::Nl => "29 november 2026",
            Language::Fr => "29 novembre 2026",
            Language::De => "29. November 2026",
            Language::En => "29 November 2026",
        };
        Self {
            practice: "Maes & Partners".to_owned(),
            name: "Céline Dubois".to_owned(),
            inviter: "An Peeters".to_owned(),
            link: "https://klaar.example/welcome?token=klaar_invite_ZXhhbXBsZQ".to_owned(),
            until: until.to_owned(),
        }
    }
}

/// Lets a person choose a new password.
#[derive(Debug, Clone, Serialize)]
pub struct PasswordResetLetter {
    /// The person.
    pub name: String,
    /// The address of the account.
    pub address: String,
    /// Where the password is set.
    pub link: String,
}

impl Letter for PasswordResetLetter {
    const NAME: &'static str = "identity/password_reset";

    fn sample(_: Language) -> Self {
        Self {
            name: "Céline Dubois".to_owned(),
            address: "celine@maes.example".to_owned(),
            link: "https://klaar.example/new-password?token=klaar_reset_ZXhhbXBsZQ".to_owned(),
        }
    }
}
