//! The catalogues that a process has read, so that lists need not read theirs for every page.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::model::Catalogue;
use super::queries::catalogue;
use crate::identity::{Practice, PracticeId};
use crate::kernel::db::Conn;
use crate::kernel::error::Result;

/// Practices whose catalogues are kept; beyond it all are forgotten and read again as they are asked for.
const MOST: usize = 1_000;

/// The catalogues that this process has read, each with a version of the practice at which it was true.
///
/// For reading only: whoever writes reads its own catalogue in its transaction.
#[derive(Debug, Default)]
pub struct Catalogues(Mutex<HashMap<PracticeId, (i64, Arc<Catalogue>)>>);

impl Catalogues {
    /// The practice's catalogue as it was when `practice` was read, or later.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn of(&self, conn: &mut Conn, practice: &Practice) -> Result<Arc<Catalogue>> {
        self.at(conn, practice, (practice.version, practice.fields_version))
    }

    /// The practice's catalogue when the practice is at `version` and its fields last changed at `fields_version`.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn at(
        &self,
        conn: &mut Conn,
        practice: &Practice,
        (version, fields_version): (i64, i64),
    ) -> Result<Arc<Catalogue>> {
        if let Some((at, kept)) = self.kept(practice)
            && fields_version <= at
            && practice.language == kept.language.as_str()
        {
            return Ok(kept);
        }
        // What is read now is at least as new as the version that was read before it.
        let read = Arc::new(catalogue(conn, practice)?);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST && !kept.contains_key(&practice.id) {
            kept.clear();
        }
        kept.insert(practice.id, (version, Arc::clone(&read)));
        Ok(read)
    }

    /// The catalogue that is kept, and a version at which it was true: it still is unless the fields have changed since.
    pub fn kept(&self, practice: &Practice) -> Option<(i64, Arc<Catalogue>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&practice.id).cloned()
    }
}
