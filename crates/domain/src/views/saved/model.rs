//! The nouns: a saved view, what it says, who sees it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::delivered::Delivered;
use crate::custom_fields::Labels;
use crate::identity::{KeyId, MemberId};
use crate::kernel::catalogue::Language;
use crate::kernel::clock::Instant;
use crate::views::Asker;

crate::id_type!(
    /// Identifies a saved view.
    ViewId,
    "view"
);

/// The most views that a practice keeps, everybody's private ones included and delivered ones left out.
pub const MOST_VIEWS: usize = 200;
/// The most columns of a view.
pub const MOST_COLUMNS: usize = 40;

/// What a view says, as it is stored and as the audit trail has it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Content {
    /// The filter tree; all clients when there is none.
    pub filter: Option<Value>,
    /// Words that must all be found, besides.
    pub search: Option<String>,
    /// The order; by name when there is none.
    pub sort: Option<String>,
    /// The columns in their order; the usual ones when there are none.
    pub columns: Vec<String>,
}

/// Who sees a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// All members and keys of the practice.
    Everybody,
    /// The member whose own it is.
    Member(MemberId),
    /// The API key whose own it is.
    Key(KeyId),
}

impl Audience {
    /// Whether whoever asks is in it.
    #[must_use]
    pub fn includes(self, asker: &Asker<'_>) -> bool {
        match self {
            Self::Everybody => true,
            Self::Member(owner) => asker.me == Some(owner.to_string().as_str()),
            Self::Key(owner) => asker.key == Some(owner.to_string().as_str()),
        }
    }

    /// The owner's identifier; `None` for a view of everybody's.
    #[must_use]
    pub fn owner(self) -> Option<String> {
        match self {
            Self::Everybody => None,
            Self::Member(owner) => Some(owner.to_string()),
            Self::Key(owner) => Some(owner.to_string()),
        }
    }
}

/// A saved view.
#[derive(Debug, Clone)]
pub struct View {
    /// Its identifier.
    pub id: ViewId,
    /// What it is called.
    pub names: Labels,
    /// Who sees it.
    pub audience: Audience,
    /// What it says.
    pub content: Content,
    /// It came with the product, as this.
    pub(super) delivered: Option<&'static Delivered>,
    /// It came with the product and says something else, or is called otherwise, by now.
    pub adapted: bool,
    /// It is left out of the list of views.
    pub hidden: bool,
    /// Raised with each change.
    pub revision: i64,
    /// When it was last changed; `None` for a delivered one that nobody touched.
    pub updated_at: Option<Instant>,
    /// Whether there is a row of it.
    pub(super) is_stored: bool,
}

impl View {
    /// Whether it came with the product.
    #[must_use]
    pub fn is_delivered(&self) -> bool {
        self.delivered.is_some()
    }

    /// What it shows, for people, while it says what the product delivered.
    #[must_use]
    pub fn description(&self, language: Language) -> Option<String> {
        self.delivered.filter(|_| !self.adapted).map(|delivered| delivered.description(language))
    }
}
