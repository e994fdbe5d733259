//! What can go wrong in a verb, as codes and parameters. The front door turns a code into a status and a text in the
//! caller's language; nothing here knows HTTP.

use std::fmt;

use klaar_standards::enterprise_number::NumberError;

/// The domain's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Named values that a problem's text speaks of.
pub type Params = Vec<(&'static str, String)>;

/// Why a verb was refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The thing is not there, or belongs to another practice: the two answer alike. Names the kind (`client`).
    #[error("no such {0}")]
    NotFound(&'static str),
    /// The input breaks a rule; one entry a field.
    #[error("invalid input: {}", list(.0))]
    Invalid(Vec<FieldError>),
    /// The input is right but the present state forbids it.
    #[error("conflict: {}", .0.code)]
    Conflict(Conflict),
    /// Nobody is signed in, or the token is not valid (any more).
    #[error("not signed in")]
    Unauthenticated,
    /// Nobody can sign in with what was given.
    #[error("wrong credentials")]
    WrongCredentials,
    /// The caller is known but has not this right.
    #[error("the right {0} is missing")]
    Forbidden(&'static str),
    /// The row has changed since the caller read it.
    #[error("changed since it was read")]
    Stale,
    /// The caller must say which version it saw.
    #[error("If-Match is missing")]
    ConditionRequired,
    /// Asked too often; seconds until the next try makes sense.
    #[error("too many requests")]
    TooMany(u64),
    /// No connection to the database or place for an export became free, or the database is away.
    #[error("busy: {0}")]
    Busy(String),
    /// Our fault. The text is for the log, never for the caller.
    #[error("internal: {0}")]
    Internal(String),
}

/// A rule that a field breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// JSON pointer into the input (`/enterprise_number`).
    pub pointer: String,
    /// Stable code (`check_digits`); its text is in the catalogue under `field.<code>`.
    pub code: &'static str,
    /// What the text speaks of.
    pub params: Params,
}

impl FieldError {
    /// An entry for the field at `pointer`.
    #[must_use]
    pub fn new(pointer: impl Into<String>, code: &'static str) -> Self {
        Self { pointer: pointer.into(), code, params: Params::new() }
    }

    /// The same entry with one more parameter.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.params.push((name, value.to_string()));
        self
    }
}

/// A state that forbids what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Stable code (`enterprise_number_taken`); its text is in the catalogue under `problem.<code>`.
    pub code: &'static str,
    /// What the text speaks of.
    pub params: Params,
}

impl Error {
    /// One wrong field.
    #[must_use]
    pub fn invalid(pointer: impl Into<String>, code: &'static str) -> Self {
        Self::Invalid(vec![FieldError::new(pointer, code)])
    }

    /// A conflict without parameters.
    #[must_use]
    pub fn conflict(code: &'static str) -> Self {
        Self::Conflict(Conflict { code, params: Params::new() })
    }

    /// A conflict that speaks of `params`.
    #[must_use]
    pub fn conflict_with(code: &'static str, params: Params) -> Self {
        Self::Conflict(Conflict { code, params })
    }

    /// There is no connection or place to be had.
    #[must_use]
    pub fn busy(fault: impl fmt::Display) -> Self {
        Self::Busy(fault.to_string())
    }

    /// A migration failed.
    #[must_use]
    pub fn migration(fault: Box<dyn std::error::Error + Send + Sync>) -> Self {
        Self::Internal(format!("migration failed: {fault}"))
    }

    /// Something that should not happen; `what` goes to the log.
    #[must_use]
    pub fn internal(what: impl fmt::Display) -> Self {
        Self::Internal(what.to_string())
    }
}

impl From<diesel::result::Error> for Error {
    fn from(error: diesel::result::Error) -> Self {
        use diesel::result::{DatabaseErrorKind, Error as Db};
        match error {
            Db::DatabaseError(DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand, fault) => {
                Self::Busy(fault.message().to_owned())
            }
            Db::DatabaseError(_, fault) if is_passing(fault.message()) => Self::Busy(fault.message().to_owned()),
            other => Self::Internal(other.to_string()),
        }
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::Internal(format!("a stored document has another shape: {error}"))
    }
}

/// The entry for a number (enterprise, VAT, …) that does not parse, with the likely typo when there is one.
#[must_use]
pub fn number_fault(pointer: &str, error: &NumberError) -> FieldError {
    match error {
        // Who typed something without a digit in it has not left it out.
        NumberError::Empty | NumberError::Malformed => FieldError::new(pointer, "malformed"),
        NumberError::CheckDigits { suggestion: None } => FieldError::new(pointer, "check_digits"),
        NumberError::CheckDigits { suggestion: Some(number) } => {
            FieldError::new(pointer, "check_digits_suggestion").with("suggestion", number)
        }
    }
}

/// Faults of the moment, for which trying again is the mend: SQLite's lock, PostgreSQL coming up or going down.
fn is_passing(message: &str) -> bool {
    [
        "database is locked",
        "the database system is",
        "terminating connection",
        "server closed the connection",
        "deadlock detected",
    ]
    .iter()
    .any(|known| message.contains(known))
}

fn list(errors: &[FieldError]) -> String {
    errors.iter().map(|e| format!("{} {}", e.pointer, e.code)).collect::<Vec<_>>().join(", ")
}
