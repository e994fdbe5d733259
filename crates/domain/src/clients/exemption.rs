//! The exemption from Peppol: why the network does not concern a client, and until when.
//!
//! Who said so, and when, is no part of it: the change log knows that of every field.

use jiff::civil::Date;

use crate::kernel::error::FieldError;
use crate::kernel::{readings, text};

/// The present exemption of a client `c` as the change log writes it, in SQL; null without one.
pub const LOGGED_EXEMPTION: &str =
    "c.exemption_reason || coalesce(' until ' || c.exemption_until, '') || coalesce(': ' || c.exemption_note, '')";

const LONGEST_NOTE: usize = 500;
const POINTER: &str = "/exemption";

/// Why Peppol does not concern a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExemptionReason {
    /// Not liable to VAT: exempt under article 44 of the VAT code.
    Article44,
    /// A foreign business without an establishment in Belgium.
    ForeignWithoutEstablishment,
    /// Declared bankrupt.
    Bankrupt,
    /// A natural person who does no business.
    PrivatePerson,
    /// Something else, which the note says.
    Other,
}

impl ExemptionReason {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Article44, Self::ForeignWithoutEstablishment, Self::Bankrupt, Self::PrivatePerson, Self::Other];

    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Article44 => "article_44",
            Self::ForeignWithoutEstablishment => "foreign_without_establishment",
            Self::Bankrupt => "bankrupt",
            Self::PrivatePerson => "private_person",
            Self::Other => "other",
        }
    }

    /// The reason with this stable name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }
}

/// An exemption that has been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exemption {
    /// Why.
    pub reason: ExemptionReason,
    /// More about it; there is one when the reason is another than the usual ones.
    pub note: Option<String>,
    /// The last day on which it counts, `YYYY-MM-DD`; `None` until it is taken back.
    pub until: Option<String>,
}

/// An exemption as typed in. `None` and blank both mean "not filled in".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are those of Exemption, unchecked")]
pub struct ExemptionDraft {
    pub reason: Option<String>,
    pub note: Option<String>,
    pub until: Option<String>,
}

impl Exemption {
    /// Whether it counts on this day: an exemption whose last day has passed counts no more.
    #[must_use]
    pub fn holds_on(&self, day: Date) -> bool {
        self.until.as_ref().is_none_or(|until| until.parse::<Date>().is_ok_and(|until| day <= until))
    }

    /// As the change log and client lists write it: `article_44 until 2027-12-31: only the branch in Gent`.
    #[must_use]
    pub fn logged(&self) -> String {
        let Self { reason, note, until } = self;
        let until = until.as_ref().map_or_else(String::new, |until| format!(" until {until}"));
        let note = note.as_ref().map_or_else(String::new, |note| format!(": {note}"));
        format!("{}{until}{note}", reason.as_str())
    }

    /// The exemption that the change log has written so; `None` for what it never writes.
    #[must_use]
    pub fn of_logged(logged: &str) -> Option<Self> {
        ExemptionDraft::read(logged).check().ok()
    }
}

impl ExemptionDraft {
    /// The draft that gives `exemption` again.
    #[must_use]
    pub fn of(exemption: Exemption) -> Self {
        let Exemption { reason, note, until } = exemption;
        Self { reason: Some(reason.as_str().to_owned()), note, until }
    }

    /// What somebody wrote in the manner of [`Exemption::logged`]; the day also as `31/12/2027`.
    #[must_use]
    pub fn read(written: &str) -> Self {
        let (head, note) = written.split_once(':').map_or((written, None), |(head, note)| (head, Some(note)));
        let (reason, until) = head.split_once(" until ").map_or((head, None), |(reason, day)| (reason, Some(day)));
        let filled = |part: &str| text::filled(part).map(str::to_owned);
        Self { reason: filled(reason), note: note.and_then(filled), until: until.map(|day| readings::day(day.trim())) }
    }

    /// Checks the draft.
    ///
    /// # Errors
    /// One [`FieldError`] for each wrong part, under `/exemption`: a reason is needed and known, a note, up to 500
    /// characters, goes with the reason `other`, and the last day is a day.
    pub fn check(self) -> Result<Exemption, Vec<FieldError>> {
        let mut wrong = Vec::new();
        let mut fault = |part: &str, code| wrong.push(FieldError::new(format!("{POINTER}/{part}"), code));
        let typed = |text: Option<String>| text.as_deref().and_then(text::filled).map(str::to_owned);
        let (reason, note, until) = (typed(self.reason), typed(self.note), typed(self.until));
        let known = reason.as_deref().and_then(ExemptionReason::named);
        if note.as_ref().is_some_and(|note| note.chars().any(char::is_control)) {
            fault("note", "control_characters");
        }
        if note.is_none() && known == Some(ExemptionReason::Other) {
            fault("note", "missing");
        }
        match until.as_deref().map(readings::is_day) {
            Some(Some(false)) => fault("until", "impossible_date"),
            Some(None) => fault("until", "malformed_date"),
            Some(Some(true)) | None => {}
        }
        if reason.is_none() {
            fault("reason", "missing");
        }
        if note.as_ref().is_some_and(|note| note.chars().count() > LONGEST_NOTE) {
            wrong.push(FieldError::new(format!("{POINTER}/note"), "too_long").with("max", LONGEST_NOTE));
        }
        if reason.is_some() && known.is_none() {
            let values = ExemptionReason::ALL.map(ExemptionReason::as_str).join(", ");
            wrong.push(FieldError::new(format!("{POINTER}/reason"), "unknown_value").with("values", values));
        }
        match known {
            Some(reason) if wrong.is_empty() => Ok(Exemption { reason, note, until }),
            _ => Err(wrong),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn draft(reason: &str, note: Option<&str>, until: Option<&str>) -> ExemptionDraft {
        let owned = |text: &str| text.to_owned();
        ExemptionDraft { reason: Some(owned(reason)), note: note.map(owned), until: until.map(owned) }
    }

    #[test]
    fn the_last_day_still_counts_and_the_next_one_does_not() {
        let exemption = draft("bankrupt", None, Some("2026-12-31")).check().unwrap();
        assert!(exemption.holds_on(jiff::civil::date(2026, 12, 31)));
        assert!(!exemption.holds_on(jiff::civil::date(2027, 1, 1)));
        assert!(draft("bankrupt", None, None).check().unwrap().holds_on(jiff::civil::date(2999, 1, 1)));
    }

    #[test]
    fn every_wrong_part_is_named() {
        let codes = |draft: ExemptionDraft| {
            let wrong = draft.check().unwrap_err();
            wrong.into_iter().map(|error| (error.pointer, error.code)).collect::<Vec<_>>()
        };
        let found = |part: &str, code| (format!("/exemption/{part}"), code);
        assert_eq!(codes(ExemptionDraft::default()), [found("reason", "missing")]);
        assert_eq!(codes(draft("lazy", None, None)), [found("reason", "unknown_value")]);
        assert_eq!(codes(draft("other", Some(" "), None)), [found("note", "missing")]);
        assert_eq!(codes(draft("bankrupt", None, Some("2026-02-30"))), [found("until", "impossible_date")]);
        assert_eq!(codes(draft("bankrupt", None, Some("soon"))), [found("until", "malformed_date")]);
        assert_eq!(codes(draft("bankrupt", Some(&"x".repeat(501)), None)), [found("note", "too_long")]);
        assert_eq!(codes(draft("bankrupt", Some("a\u{1f}b"), None)), [found("note", "control_characters")]);
    }

    #[test]
    fn people_may_write_the_day_as_they_do_in_lists() {
        assert_eq!(
            ExemptionDraft::read("other until 31/12/2027 : until 3 : p.m. ").check().unwrap(),
            draft("other", Some("until 3 : p.m."), Some("2027-12-31")).check().unwrap()
        );
    }

    proptest! {
        #[test]
        fn what_is_logged_is_read_again(
            reason in 0..ExemptionReason::ALL.len(),
            note in "[a-z: ]{0,12}",
            has_end in any::<bool>(),
        ) {
            let reason = ExemptionReason::ALL[reason].as_str();
            let draft = draft(reason, Some(&format!("{note}.")), has_end.then_some("2027-12-31"));
            let exemption = draft.check().unwrap();
            prop_assert_eq!(Exemption::of_logged(&exemption.logged()), Some(exemption));
        }
    }
}
