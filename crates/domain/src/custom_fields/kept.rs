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

/// The catalogues that this process has read, each with the practice's version at that time.
///
/// For reading only: whoever writes reads its own catalogue in its transaction.
#[derive(Debug, Default)]
pub struct Catalogues(Mutex<HashMap<PracticeId, (i64, Arc<Catalogue>)>>);

impl Catalogues {
    /// The practice's catalogue at `practice.version`, or a later one; every change to a catalogue raises the version.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn of(&self, conn: &mut Conn, practice: &Practice) -> Result<Arc<Catalogue>> {
        if let Some((version, kept)) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&practice.id)
            && *version == practice.version
        {
            return Ok(Arc::clone(kept));
        }
        // What is read now is at least as new as the version that was read before it.
        let read = Arc::new(catalogue(conn, practice)?);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST && !kept.contains_key(&practice.id) {
            kept.clear();
        }
        kept.insert(practice.id, (practice.version, Arc::clone(&read)));
        Ok(read)
    }
}
