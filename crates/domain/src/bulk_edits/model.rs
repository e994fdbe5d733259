//! The nouns: a bulk edit, where it stands, and one chunk of it.

use crate::kernel::clock::Instant;
use crate::kernel::error::{Error, Result};
use crate::kernel::operations::OperationId;
use crate::kernel::{JsonText, Uid};

crate::id_type!(
    /// Identifies a bulk edit, from its preview on.
    BulkEditId,
    "blk"
);

/// Where a bulk edit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It is settled which clients would change.
    Previewed,
    /// They are being changed.
    Applying,
    /// They are changed.
    Applied,
    /// They are being changed back.
    Undoing,
    /// They are changed back.
    Undone,
}

impl Status {
    const ALL: [Self; 5] = [Self::Previewed, Self::Applying, Self::Applied, Self::Undoing, Self::Undone];

    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Previewed => "previewed",
            Self::Applying => "applying",
            Self::Applied => "applied",
            Self::Undoing => "undoing",
            Self::Undone => "undone",
        }
    }

    pub(super) fn parse(text: &str) -> Result<Self> {
        let unknown = || Error::internal(format_args!("a bulk edit has the status {text}"));
        Self::ALL.into_iter().find(|status| status.as_str() == text).ok_or_else(unknown)
    }
}

/// A bulk edit.
#[derive(Debug, Clone)]
pub struct BulkEdit {
    /// The key inside.
    pub key: i64,
    /// Its identifier.
    pub id: BulkEditId,
    /// The practice that it belongs to.
    pub practice: Uid,
    /// Where it stands.
    pub status: Status,
    /// Which clients were asked for, as it was said.
    pub selection: JsonText,
    /// What they are to have, as it was said.
    pub assignments: JsonText,
    /// The same, checked.
    pub plan: JsonText,
    /// How many clients were selected.
    pub selected: i64,
    /// How many of them have something else so far.
    pub to_change: i64,
    /// How many of them may not be changed.
    pub refused: i64,
    /// The practice's newest entry in the trail when the preview was made.
    pub as_of: i64,
    /// Also what was changed since the preview is to be overwritten.
    pub overwrites: bool,
    /// The operation that applies it.
    pub application: Option<OperationId>,
    /// The operation that undoes it.
    pub undo: Option<OperationId>,
    /// How many clients were changed so far.
    pub changed: i64,
    /// How many were passed over.
    pub skipped: i64,
    /// How many were changed back so far.
    pub restored: i64,
    /// How many were left as they are.
    pub kept: i64,
    /// Who made the preview: kind, identifier, name.
    pub actor: (String, Option<String>, String),
    /// When.
    pub created_at: Instant,
    /// When the last client was changed.
    pub applied_at: Option<Instant>,
    /// When the last one was changed back.
    pub undone_at: Option<Instant>,
}

/// A piece of a bulk edit.
#[derive(Debug, Clone)]
pub(super) struct Chunk {
    /// Its number, from 0.
    pub(super) number: i64,
    /// The clients that are to change.
    pub(super) clients: Vec<i64>,
    /// Those that may not be changed, and why.
    pub(super) refused: Left,
    /// The entry under which they were changed.
    pub(super) entry: Option<i64>,
    /// Those that were passed over then, and why.
    pub(super) skipped: Left,
    /// Those that were left as they are when it was undone, and why.
    pub(super) kept: Left,
}

/// Clients that something was not done to, each with the code of the reason.
pub(super) type Left = Vec<(i64, String)>;
