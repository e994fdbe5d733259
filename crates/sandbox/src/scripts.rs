//! The scripts in force, and which identifiers they decide about.

use std::collections::{HashMap, HashSet};

use crate::{SandboxError, label::Label, population, script::Script, smp::identifiers::is_participant_value};

/// Scripted participants kept at most.
pub const MAX_SCRIPTS: usize = 100_000;

/// The scripts in force.
#[derive(Debug)]
pub(crate) struct Scripts {
    /// By label, each with the identifier it was given for.
    given: HashMap<Label, (String, Script)>,
    /// The other identifiers of scripted Belgian enterprises: not registered unless scripted themselves, so that a
    /// script describes a client and not half of it.
    twins: HashSet<Label>,
    absent: Script,
}

impl Default for Scripts {
    fn default() -> Self {
        Self { given: HashMap::new(), twins: HashSet::new(), absent: Script::not_registered() }
    }
}

impl Scripts {
    pub(crate) fn insert(&mut self, identifier: &str, script: Script) -> Result<(), SandboxError> {
        script.check()?;
        if !is_participant_value(identifier) {
            return Err(SandboxError::Identifier(identifier.to_owned()));
        }
        let label = Label::of(identifier);
        if self.given.len() >= MAX_SCRIPTS && !self.given.contains_key(&label) {
            return Err(SandboxError::TooMany("scripts", MAX_SCRIPTS));
        }
        self.twins.extend(population::twin(identifier).map(|twin| Label::of(&twin)));
        self.given.insert(label, (identifier.to_lowercase(), script));
        Ok(())
    }

    /// The script that decides about a label, if any does.
    pub(crate) fn get(&self, label: &Label) -> Option<&Script> {
        self.given(label).or_else(|| self.twins.contains(label).then_some(&self.absent))
    }

    /// The script given for a label.
    pub(crate) fn given(&self, label: &Label) -> Option<&Script> {
        self.given.get(label).map(|(_, script)| script)
    }

    pub(crate) fn remove(&mut self, identifier: &str) -> bool {
        if let Some(twin) = population::twin(identifier) {
            self.twins.remove(&Label::of(&twin));
        }
        self.given.remove(&Label::of(identifier)).is_some()
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    pub(crate) fn len(&self) -> usize {
        self.given.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Script)> {
        self.given.values().map(|(identifier, script)| (identifier.as_str(), script))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_speaks_for_both_identifiers_of_an_enterprise() {
        let mut scripts = Scripts::default();
        let vat = Label::of("9925:BE0677424046");
        scripts.insert("0208:0677424046", Script::default()).unwrap();
        assert_eq!(scripts.get(&vat), Some(&Script::not_registered()));
        assert_eq!(scripts.given(&vat), None);
        scripts.insert("9925:BE0677424046", Script::default()).unwrap();
        assert_eq!(scripts.get(&vat), Some(&Script::default()));
        assert!(scripts.remove("9925:be0677424046") && scripts.remove("0208:0677424046"));
        assert_eq!(scripts.get(&vat), None);
    }

    #[test]
    fn a_script_without_a_word_is_a_sound_registration() {
        assert_eq!(serde_json::from_str::<Script>("{}").unwrap(), Script::default());
    }
}
