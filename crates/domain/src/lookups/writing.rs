//! Writing verdicts: through the clients' door, with the rows and moves behind them, in the caller's transaction.

use super::model::shows_the_same;
use super::registrations;
use super::weighing::{Subject, Verdict};
use crate::clients::{RegistrationFacts, door};
use crate::identity::Practice;
use crate::kernel::actor::Actor;
use crate::kernel::audit::Event;
use crate::kernel::db::Tx;
use crate::kernel::error::Result;

/// Opens the change set, which must be the transaction's first statement that touches the practice's clients.
///
/// `subject` names the night, check or held change that the values come from; the change set is found by it later.
///
/// # Errors
/// When the database refuses.
pub(super) fn open(
    tx: &mut Tx<'_>,
    practice: &Practice,
    actor: &Actor,
    (source, subject): (&str, &str),
) -> Result<door::Set> {
    door::open(tx, practice, actor, Event::new("registrations.refreshed", source).on(subject))
}

/// Writes verdicts under an open change set. Returns how many clients show another registration now.
///
/// # Errors
/// When the database refuses.
pub(super) fn write(
    tx: &mut Tx<'_>,
    practice: &Practice,
    set: door::Set,
    verdicts: &[(&Subject, &Verdict)],
    subject: &str,
) -> Result<i64> {
    let facts: Vec<(i64, &RegistrationFacts, &RegistrationFacts)> = verdicts
        .iter()
        .filter_map(|(subject, verdict)| Some((subject.key, &subject.facts, verdict.facts.as_ref()?)))
        .filter(|(_, before, after)| before != after)
        .collect();
    set.write_facts(tx, &facts)?;
    registrations::write(tx, practice, verdicts, subject)?;
    let changed = facts.iter().filter(|(_, before, after)| !shows_the_same(before, after)).count();
    Ok(i64::try_from(changed).unwrap_or(i64::MAX))
}
