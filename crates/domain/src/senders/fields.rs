//! What is wrong with single fields of a sender, collected.

use std::collections::BTreeMap;

use super::checks::Prepared;
use crate::kernel::catalogue::Language;
use crate::kernel::config::MailSettings;
use crate::kernel::error::{Error, FieldError, Result};
use crate::kernel::patch::Patch;
use crate::kernel::text;

const LONGEST_NAME: usize = 100;
const LONGEST_SIGNATURE: usize = 2_000;

/// Collects what is wrong.
#[derive(Default)]
pub(super) struct Wrong(pub(super) Vec<FieldError>);

impl Wrong {
    pub(super) fn or<T>(self, right: T) -> Result<T> {
        if self.0.is_empty() { Ok(right) } else { Err(Error::Invalid(self.0)) }
    }

    pub(super) fn note<T>(&mut self, checked: std::result::Result<T, FieldError>) -> Option<T> {
        checked.map_err(|fault| self.0.push(fault)).ok()
    }

    pub(super) fn name(&mut self, typed: &str, pointer: &str) -> String {
        self.note(text::line(typed, pointer, LONGEST_NAME)).unwrap_or_default()
    }

    pub(super) fn patched_name(&mut self, said: Patch<String>, pointer: &str, before: &str) -> String {
        match said {
            Patch::Absent => before.to_owned(),
            Patch::Null => self.name("", pointer),
            Patch::Value(typed) => self.name(&typed, pointer),
        }
    }

    pub(super) fn email(&mut self, typed: Option<&str>, pointer: &str) -> Option<String> {
        let typed = typed.and_then(text::filled)?;
        self.note(text::email(typed).ok_or_else(|| FieldError::new(pointer, "malformed_email")))
    }

    pub(super) fn patched_email(
        &mut self,
        said: Patch<String>,
        pointer: &str,
        before: Option<&String>,
    ) -> Option<String> {
        match said {
            Patch::Absent => before.cloned(),
            Patch::Null => None,
            Patch::Value(typed) => self.email(Some(&typed), pointer),
        }
    }

    pub(super) fn limit(&mut self, value: Option<i32>, pointer: &str, most: i32) -> Option<i32> {
        let value = value?;
        let fault = || FieldError::new(pointer, "out_of_range").with("min", 1).with("max", most);
        self.note((1..=most).contains(&value).then_some(value).ok_or_else(fault))
    }

    pub(super) fn patched_limit(
        &mut self,
        said: Patch<i32>,
        (pointer, most): (&str, i32),
        before: Option<i32>,
    ) -> Option<i32> {
        match said {
            Patch::Absent => before,
            Patch::Null => None,
            Patch::Value(value) => self.limit(Some(value), pointer, most),
        }
    }

    /// One sender is the default for as long as there are any, so it ends by making another the default.
    pub(super) fn remains_default(&mut self, said: Patch<bool>, before: bool) -> bool {
        match said {
            Patch::Absent => before,
            Patch::Value(true) => true,
            Patch::Value(false) if !before => false,
            Patch::Value(false) | Patch::Null => {
                self.0.push(FieldError::new("/default", "say_another"));
                before
            }
        }
    }

    pub(super) fn signatures(&mut self, texts: BTreeMap<String, String>) -> BTreeMap<Language, String> {
        let mut checked = BTreeMap::new();
        for (name, typed) in texts {
            let pointer = format!("/signatures/{}", name.replace('~', "~0").replace('/', "~1"));
            let Ok(language) = name.parse::<Language>() else {
                self.0.push(
                    FieldError::new(pointer, "unknown_value")
                        .with("values", Language::ALL.map(|l| l.as_str()).join(", ")),
                );
                continue;
            };
            if let Some(filled) = self.note(text::lines(&typed, &pointer, LONGEST_SIGNATURE)).flatten() {
                checked.insert(language, filled);
            }
        }
        checked
    }

    pub(super) fn missing<T>(&mut self, pointer: String) -> Option<T> {
        self.0.push(FieldError::new(pointer, "missing"));
        None
    }

    pub(super) fn unused<T>(&mut self, pointer: String) -> Option<T> {
        self.0.push(FieldError::new(pointer, "not_with_sign_in"));
        None
    }

    /// What address and server mean for each other.
    pub(super) fn together(&mut self, prepared: &Prepared, mail: &MailSettings) {
        let has_faults = |at: &str| self.0.iter().any(|fault| fault.pointer.starts_with(at));
        match (&prepared.server, &prepared.from_address) {
            (Some(_), None) if !has_faults("/from_address") => {
                self.0.push(FieldError::new("/from_address", "needed_with_server"));
            }
            (None, Some(_)) => self.0.push(FieldError::new("/from_address", "needs_own_server")),
            _ => {}
        }
        if prepared.server.is_none() && prepared.bounces.is_some() {
            self.0.push(FieldError::new("/bounces", "needs_own_server"));
        }
        if prepared.server.is_none() && mail.shared.is_none() {
            self.0.push(FieldError::new("/server", "no_shared_server"));
        }
    }
}
