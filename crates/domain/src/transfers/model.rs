//! The nouns: an import, its counts, what was found in its lines.

use std::collections::BTreeMap;

use super::columns::Mapping;
use crate::kernel::actor::Actor;
use crate::kernel::catalogue::{self, Language};
use crate::kernel::clock::Instant;
use crate::kernel::error::{FieldError, Params};
use crate::kernel::operations::OperationId;

crate::id_type!(
    /// Identifies an import of clients.
    ImportId,
    "imp"
);

/// Where an import stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Its file is coming in; nobody but the uploader knows of it.
    Uploading,
    /// The file is there.
    Waiting,
    /// Lines are being read.
    Running,
    /// All lines are done and the file is being removed.
    Clearing,
    /// It came to its end.
    Finished,
    /// It was broken off before the first line; the operation says why.
    Failed,
}

impl Status {
    const ALL: [Self; 6] =
        [Self::Uploading, Self::Waiting, Self::Running, Self::Clearing, Self::Finished, Self::Failed];

    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Uploading => "uploading",
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Clearing => "clearing",
            Self::Finished => "finished",
            Self::Failed => "failed",
        }
    }

    /// The status of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
}

/// How many lines had which end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Lines with something on them, without the header.
    pub rows: i64,
    /// Lines that made, changed or confirmed a client.
    pub accepted: i64,
    /// Clients created.
    pub created: i64,
    /// Clients changed.
    pub changed: i64,
    /// Clients that were so already.
    pub unchanged: i64,
    /// Lines that were refused.
    pub rejected: i64,
}

impl Counts {
    /// Adds the counts of more lines.
    pub fn add(&mut self, more: Self) {
        self.rows += more.rows;
        self.accepted += more.accepted;
        self.created += more.created;
        self.changed += more.changed;
        self.unchanged += more.unchanged;
        self.rejected += more.rejected;
    }
}

/// What is wrong with a cell, or worth knowing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// Something that must be there is not.
    Missing,
    /// The notation cannot be read.
    Malformed,
    /// The check digits are wrong.
    CheckDigits,
    /// The day does not exist, or lies before the one it must follow.
    ImpossibleDate,
    /// None of the values that there are.
    UnknownValue,
    /// An earlier line of the file has the same number or reference.
    DuplicateInFile,
    /// Another client of the practice has it.
    Duplicate,
    /// The line has more cells than the header.
    TooManyColumns,
    /// Nobody in the practice has that name; it was kept as text. A note, not a refusal.
    UnknownMember,
    /// The field does not concern the client.
    NotConcerned,
    /// A formula of the spreadsheet came to an error.
    CellError,
    /// Several fields are called like the column, which was left out. A note on the header, as the following.
    AmbiguousColumn,
    /// The column is of a field whose values the system sets.
    SystemOwned,
    /// The column is of a field of documents.
    HoldsDocuments,
    /// The column is of a field that is archived.
    ArchivedField,
    /// The column is of a field that is switched off.
    SwitchedOffField,
}

impl Code {
    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Malformed => "malformed",
            Self::CheckDigits => "check_digits",
            Self::ImpossibleDate => "impossible_date",
            Self::UnknownValue => "unknown_value",
            Self::DuplicateInFile => "duplicate_in_file",
            Self::Duplicate => "duplicate",
            Self::TooManyColumns => "too_many_columns",
            Self::UnknownMember => "unknown_member",
            Self::NotConcerned => "not_concerned",
            Self::CellError => "cell_error",
            Self::AmbiguousColumn => "ambiguous_column",
            Self::SystemOwned => "system_owned",
            Self::HoldsDocuments => "holds_documents",
            Self::ArchivedField => "archived_field",
            Self::SwitchedOffField => "switched_off_field",
        }
    }

    /// The code of why a column of a custom field is left out.
    #[must_use]
    pub fn of_column(why: &str) -> Self {
        match why {
            "system_owned" => Self::SystemOwned,
            "holds_documents" => Self::HoldsDocuments,
            "archived_field" => Self::ArchivedField,
            _ => Self::SwitchedOffField,
        }
    }

    /// The code of a rule of the card.
    #[must_use]
    pub fn of(error: &FieldError) -> Self {
        match error.code {
            "missing" => Self::Missing,
            "check_digits" | "check_digits_suggestion" => Self::CheckDigits,
            "not_concerned" => Self::NotConcerned,
            "impossible_date" | "before_start" => Self::ImpossibleDate,
            "unknown_value" | "unknown_member" | "no_such_option" | "retired_option" | "not_a_client" => {
                Self::UnknownValue
            }
            _ => Self::Malformed,
        }
    }
}

/// Whether a finding refused its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// It did.
    Rejected,
    /// The line was accepted; people may want to know.
    Note,
}

impl Weight {
    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Note => "note",
        }
    }

    /// The weight of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Rejected, Self::Note].into_iter().find(|weight| weight.as_str() == name)
    }
}

/// Something found in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Whether it refused the line.
    pub weight: Weight,
    /// The line that the record starts on; the file's first line is 1.
    pub line: i64,
    /// What the file calls the column; empty when it concerns the whole line.
    pub column: String,
    /// Stable code.
    pub code: String,
    /// The catalogue's key of the reason.
    pub reason: String,
    /// What the reason speaks of.
    pub params: BTreeMap<String, String>,
}

/// Enough for the labels of twenty options.
const LONGEST_PARAM: usize = 2_000;

impl Finding {
    /// A reason of the catalogue's section `import`, which has the code's name.
    #[must_use]
    pub fn new(weight: Weight, (line, column): (i64, &str), code: Code, params: Params) -> Self {
        Self::with_reason(weight, (line, column), code, (format!("import.{}", code.as_str()), params))
    }

    /// A rule of the card that the line breaks.
    #[must_use]
    pub fn of_rule(place: (i64, &str), error: FieldError) -> Self {
        // A file may say a day in more ways than the API.
        let is_our_own =
            matches!(error.code, "malformed_date" | "malformed_amount" | "no_such_option" | "not_a_client");
        let section = if is_our_own { "import" } else { "field" };
        Self::with_reason(
            Weight::Rejected,
            place,
            Code::of(&error),
            (format!("{section}.{}", error.code), error.params),
        )
    }

    fn with_reason(
        weight: Weight,
        (line, column): (i64, &str),
        code: Code,
        (reason, params): (String, Params),
    ) -> Self {
        // The file may be hostile, and PostgreSQL keeps no zero characters.
        let shown = |value: String| value.chars().filter(|c| !c.is_control()).take(LONGEST_PARAM).collect();
        let params = params.into_iter().map(|(name, value)| (name.to_owned(), shown(value))).collect();
        Self { weight, line, column: column.to_owned(), code: code.as_str().to_owned(), reason, params }
    }

    /// The reason for people.
    #[must_use]
    pub fn reason_in(&self, language: Language) -> String {
        let params = self.params.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        catalogue::filled(language, &self.reason, params)
    }
}

/// How an import is to be done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    /// Only say what would happen.
    pub dry_run: bool,
    /// Columns that the caller names; the others are recognised by their names.
    pub mapping: Mapping,
    /// What the uploader calls the file.
    pub file_name: Option<String>,
    /// The sheet of a workbook; the first one when nobody says.
    pub sheet: Option<String>,
}

/// An import whose file came in through the API.
#[derive(Debug, Clone)]
pub struct Import {
    /// Its identifier.
    pub id: ImportId,
    /// The operation that shows its progress; `None` while its file comes in.
    pub operation: Option<OperationId>,
    /// Where it stands.
    pub status: Status,
    /// How it is done.
    pub wish: Wish,
    /// What the file is, once it is there.
    pub content: Option<super::encoding::Content>,
    /// Which column holds which field, by their names.
    pub columns: BTreeMap<String, String>,
    /// Columns that nobody knows.
    pub unknown_columns: Vec<String>,
    /// The last line that is done.
    pub done_line: i64,
    /// How the lines ended that are done.
    pub counts: Counts,
    /// Who asked for it.
    pub actor: Actor,
    /// When its file began to come in.
    pub created_at: Instant,
    /// When it was over.
    pub finished_at: Option<Instant>,
}
