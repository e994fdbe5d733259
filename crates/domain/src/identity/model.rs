//! The nouns of identity: practices, accounts, members, rights and roles, sessions, keys.

use std::fmt;
use std::str::FromStr;

use super::wishes::RegularMail;
use crate::kernel::Uid;
use crate::kernel::actor::Actor;
use crate::kernel::clock::Instant;
use crate::kernel::error::Error;

crate::id_type!(
    /// Identifies a practice.
    PracticeId,
    "prc"
);
crate::id_type!(
    /// Identifies a person's account, which may belong to several practices.
    AccountId,
    "acc"
);
crate::id_type!(
    /// Identifies an account's membership of one practice.
    MemberId,
    "mem"
);
crate::id_type!(
    /// Identifies a session.
    SessionId,
    "ses"
);
crate::id_type!(
    /// Identifies an API key.
    KeyId,
    "key"
);

crate::id_type!(
    /// Identifies an invitation.
    InvitationId,
    "inv"
);
crate::id_type!(
    /// Identifies a request for a new password.
    PasswordResetId,
    "pwr"
);

/// Which network a practice's participants are looked up in; fixed when the practice is created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum World {
    /// The Peppol test network.
    Test,
    /// The live Peppol network.
    Live,
}

impl World {
    /// The stable name (`test`, `live`).
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Live => "live",
        }
    }
}

impl FromStr for World {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "test" => Ok(Self::Test),
            "live" => Ok(Self::Live),
            _ => Err("must be test or live".to_owned()),
        }
    }
}

/// An accountants' practice: the wall around everything it has.
#[derive(Debug, Clone)]
pub struct Practice {
    /// Its identifier.
    pub id: PracticeId,
    /// Its name.
    pub name: String,
    /// Its network.
    pub world: World,
    /// Its IANA time zone (`Europe/Brussels`): the night is local.
    pub time_zone: String,
    /// Its first language.
    pub language: String,
    /// Its own enterprise number, ten digits.
    pub enterprise_number: Option<String>,
    /// Raised with each change to anything that lists show.
    pub version: i64,
    /// The version at which its categories, fields or options last changed.
    pub fields_version: i64,
    /// Raised with each change to the practice's own settings.
    pub revision: i64,
    /// When it was created.
    pub created_at: Instant,
}

impl Practice {
    /// Its identifier as the database takes it.
    #[must_use]
    pub fn uid(&self) -> Uid {
        self.id.0
    }
}

/// What a new practice is made of.
#[derive(Debug, Clone)]
pub struct NewPractice {
    /// Its name.
    pub name: String,
    /// Its network, for good.
    pub world: World,
    /// IANA name of its time zone.
    pub time_zone: String,
    /// Its first language: `nl`, `fr`, `de` or `en`.
    pub language: String,
    /// Its own enterprise number in any notation.
    pub enterprise_number: Option<String>,
}

/// A person who can sign in.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its identifier.
    pub id: AccountId,
    /// The address as typed.
    pub email: String,
    /// The person's name.
    pub name: String,
    /// The person's language.
    pub language: String,
}

/// A person in a practice.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its identifier.
    pub id: MemberId,
    /// The person.
    pub account: Account,
    /// What the person may do.
    pub role: Role,
    /// Whether the person has set a password.
    pub active: bool,
    /// The regular mails that the person gets once there is a password.
    pub mails: Vec<RegularMail>,
    /// Raised with each change of the role.
    pub revision: i64,
    /// When the person was added.
    pub created_at: Instant,
}

/// A signed-in session of a person in one practice.
#[derive(Debug, Clone)]
pub struct Session {
    /// Its identifier.
    pub id: SessionId,
    /// The practice it acts in.
    pub practice: PracticeId,
    /// What the person's program called itself.
    pub label: String,
    /// When the password was last given.
    pub authenticated_at: Instant,
    /// When it began.
    pub created_at: Instant,
    /// When it ends by itself.
    pub expires_at: Instant,
    /// When it was last used, to the minute.
    pub last_used_at: Instant,
}

/// An API key, without its secret.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// Its identifier.
    pub id: KeyId,
    /// What it is for.
    pub name: String,
    /// The first characters of the secret, to recognise it by.
    pub hint: String,
    /// What it may do.
    pub scopes: Rights,
    /// When it was made.
    pub created_at: Instant,
    /// When it stops working.
    pub expires_at: Option<Instant>,
    /// When it was revoked.
    pub revoked_at: Option<Instant>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Instant>,
}

macro_rules! rights {
    ($($(#[$doc:meta])* $name:ident = $text:literal for $role:ident),+ $(,)?) => {
        /// Something that a caller may do. Its name is also the scope of an API key.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Right { $($(#[$doc])* $name),+ }

        impl Right {
            /// All rights, in the order of the README's table.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The stable name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }

            /// The least role that has it.
            #[must_use]
            pub const fn least_role(self) -> Role {
                match self { $(Self::$name => Role::$role),+ }
            }
        }
    };
}

rights! {
    /// See clients, their contacts, fields and history.
    ClientsRead = "clients:read" for Reader,
    /// Create, change, archive and restore clients; import them.
    ClientsWrite = "clients:write" for Staff,
    /// Take lists out as files.
    ExportsRead = "exports:read" for Staff,
    /// Ask the network now and apply the findings.
    LookupsRun = "lookups:run" for Staff,
    /// See the audit trail of the whole practice.
    AuditRead = "audit:read" for Manager,
    /// Manage categories, fields and options.
    FieldsManage = "fields:manage" for Manager,
    /// Make, change and delete views that everybody sees; say what is expected to be filled in.
    ViewsManage = "views:manage" for Manager,
    /// Apply and undo bulk edits.
    BulkEditsApply = "bulk_edits:apply" for Manager,
    /// Make, change and delete templates of mails.
    TemplatesManage = "templates:manage" for Manager,
    /// Send campaigns.
    CampaignsSend = "campaigns:send" for Manager,
    /// Retry jobs that failed for good, decide what the night held back.
    OperationsManage = "operations:manage" for Manager,
    /// Make, change and delete senders and their mail servers.
    SendersManage = "senders:manage" for Owner,
    /// Add, change and remove members; end their sessions.
    MembersManage = "members:manage" for Owner,
    /// Make and revoke API keys.
    KeysManage = "keys:manage" for Owner,
    /// Change the practice itself.
    PracticeManage = "practice:manage" for Owner,
}

impl FromStr for Right {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.iter().copied().find(|r| r.as_str() == text).ok_or(())
    }
}

/// A fixed bundle of rights; each has all that the one before it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Sees.
    Reader,
    /// Works on clients.
    Staff,
    /// Decides for many clients at once.
    Manager,
    /// Runs the practice.
    Owner,
}

impl Role {
    /// All roles, the least first.
    pub const ALL: [Self; 4] = [Self::Reader, Self::Staff, Self::Manager, Self::Owner];

    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Staff => "staff",
            Self::Manager => "manager",
            Self::Owner => "owner",
        }
    }

    /// The rights that the role bundles.
    #[must_use]
    pub fn rights(self) -> Rights {
        Right::ALL.iter().copied().filter(|right| self >= right.least_role()).collect()
    }
}

impl FromStr for Role {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|r| r.as_str() == text).ok_or(())
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rights(u32);

impl Rights {
    /// Whether `right` is in the set.
    #[must_use]
    pub fn has(self, right: Right) -> bool {
        self.0 & Self::bit(right) != 0
    }

    /// Whether every right of `other` is in this set too.
    #[must_use]
    pub fn covers(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The names, in the order of [`Right::ALL`].
    #[must_use]
    pub fn names(self) -> Vec<&'static str> {
        Right::ALL.iter().copied().filter(|r| self.has(*r)).map(Right::as_str).collect()
    }

    fn bit(right: Right) -> u32 {
        1 << (right as u32)
    }
}

impl FromIterator<Right> for Rights {
    fn from_iter<I: IntoIterator<Item = Right>>(rights: I) -> Self {
        Self(rights.into_iter().fold(0, |bits, right| bits | Self::bit(right)))
    }
}

/// Who calls: a practice, an actor in it, and what that actor may do.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The practice that everything is scoped to.
    pub practice: Practice,
    /// The name for the audit trail.
    pub actor: Actor,
    /// What the caller may do.
    pub rights: Rights,
    /// The session, when a person is signed in.
    pub session: Option<SessionId>,
    /// The person's account, when a person is signed in.
    pub account: Option<AccountId>,
    /// When the person last gave the password.
    pub authenticated_at: Option<Instant>,
    /// When the key or session is no good any more; `None` for a key without an end.
    pub expires_at: Option<Instant>,
}

impl Caller {
    /// Passes when the caller has `right`.
    ///
    /// # Errors
    /// [`Error::Forbidden`] naming the right.
    pub fn need(&self, right: Right) -> Result<(), Error> {
        if self.rights.has(right) { Ok(()) } else { Err(Error::Forbidden(right.as_str())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_has_all_that_the_lesser_one_has() {
        for pair in Role::ALL.windows(2) {
            assert!(pair[1].rights().covers(pair[0].rights()));
            assert_ne!(pair[1].rights(), pair[0].rights());
        }
        assert_eq!(Role::Owner.rights().names().len(), Right::ALL.len());
    }
}
