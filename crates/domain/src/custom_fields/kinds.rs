//! What a field can hold, and what each kind lets people do with it.

use std::str::FromStr;

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// One line of text.
    Text,
    /// Text of several lines.
    LongText,
    /// A number.
    Number,
    /// An amount of money, stored in cents.
    Amount,
    /// A day.
    Date,
    /// Yes or no, or not filled in.
    YesNo,
    /// One of the field's options.
    Choice,
    /// Any of the field's options.
    MultiChoice,
    /// A member of the practice.
    Member,
    /// A client of the practice.
    Client,
    /// A web address.
    Link,
    /// A document that is kept elsewhere: its name and its web address.
    Document,
    /// The access point that the client is registered at: the system's, from the client's registration facts.
    AccessPoint,
}

impl FieldKind {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Text,
        Self::LongText,
        Self::Number,
        Self::Amount,
        Self::Date,
        Self::YesNo,
        Self::Choice,
        Self::MultiChoice,
        Self::Member,
        Self::Client,
        Self::Link,
        Self::Document,
        Self::AccessPoint,
    ];

    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::LongText => "long_text",
            Self::Number => "number",
            Self::Amount => "amount",
            Self::Date => "date",
            Self::YesNo => "yes_no",
            Self::Choice => "choice",
            Self::MultiChoice => "multi_choice",
            Self::Member => "member",
            Self::Client => "client",
            Self::Link => "link",
            Self::Document => "document",
            Self::AccessPoint => "access_point",
        }
    }

    /// Whether the system owns the values, so that people see them and do not set them.
    #[must_use]
    pub fn is_system_owned(self) -> bool {
        self == Self::AccessPoint
    }

    /// Whether its values are options.
    #[must_use]
    pub fn has_options(self) -> bool {
        matches!(self, Self::Choice | Self::MultiChoice)
    }

    /// Whether lists can be filtered by it.
    #[must_use]
    pub fn is_filterable(self) -> bool {
        match self {
            Self::Text
            | Self::LongText
            | Self::Number
            | Self::Amount
            | Self::Date
            | Self::YesNo
            | Self::Choice
            | Self::MultiChoice
            | Self::Member
            | Self::Client
            | Self::Link
            | Self::Document
            | Self::AccessPoint => true,
        }
    }

    /// Whether lists can be sorted by it.
    #[must_use]
    pub fn is_sortable(self) -> bool {
        match self {
            Self::LongText | Self::MultiChoice | Self::Client | Self::Document => false,
            Self::Text
            | Self::Number
            | Self::Amount
            | Self::Date
            | Self::YesNo
            | Self::Choice
            | Self::Member
            | Self::Link
            | Self::AccessPoint => true,
        }
    }

    /// Why the values of many clients cannot be changed at once; `None` when they can.
    #[must_use]
    pub fn bulk_refusal(self) -> Option<&'static str> {
        match self {
            Self::MultiChoice => Some("multi_valued"),
            Self::Document => Some("linked_to_document"),
            Self::AccessPoint => Some("system_owned"),
            Self::Text
            | Self::LongText
            | Self::Number
            | Self::Amount
            | Self::Date
            | Self::YesNo
            | Self::Choice
            | Self::Member
            | Self::Client
            | Self::Link => None,
        }
    }
}

impl FromStr for FieldKind {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// AP-33: not every field is bulk-editable, and each says why.
    #[test]
    fn ap_33_what_has_many_values_a_document_or_the_system_behind_it_is_not_changed_in_bulk() {
        let refused: Vec<_> =
            FieldKind::ALL.into_iter().filter_map(|kind| Some((kind.as_str(), kind.bulk_refusal()?))).collect();
        let wanted =
            [("multi_choice", "multi_valued"), ("document", "linked_to_document"), ("access_point", "system_owned")];
        assert_eq!(refused, wanted);
    }

    #[test]
    fn every_name_is_read_back() {
        for kind in FieldKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
    }
}
