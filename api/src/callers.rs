//! Callers that were known a moment ago, so that a front end that asks much costs one look at the database instead of many.
//!
//! For reading only. What this process writes voids them at once; what another process writes (a key revoked there) does so
//! within [`LONGEST`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use klaar_domain::identity::{self, Caller};
use klaar_domain::kernel::db::{Conn, Db};
use klaar_domain::kernel::error::Result;
use klaar_domain::kernel::secrets;

/// For how long a caller counts as known.
const LONGEST: Duration = Duration::from_millis(250);
/// Callers kept; beyond it all are forgotten and looked up again as they come.
const MOST: usize = 10_000;

struct Known {
    caller: Arc<Caller>,
    since: Instant,
    writes: u64,
}

/// The callers known a moment ago, by the hash of their token.
#[derive(Default)]
pub struct Callers(Mutex<HashMap<Vec<u8>, Known>>);

impl Callers {
    /// Who the bearer of `token` is, and whether the time of last use is due to be written.
    ///
    /// # Errors
    /// As [`identity::authenticate`].
    pub fn of(&self, db: &Db, conn: &mut Conn, token: &str) -> Result<(Arc<Caller>, bool)> {
        // Read before the database is, so that a write in between is noticed.
        let (writes, since, now) = (db.writes(), Instant::now(), db.clock().now());
        let hash = secrets::token_hash(token);
        if let Some(known) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&hash)
            && known.writes == writes
            && since.duration_since(known.since) < LONGEST
            && known.caller.expires_at.is_none_or(|end| end > now)
        {
            return Ok((Arc::clone(&known.caller), false));
        }
        let (caller, due) = identity::authenticate(conn, token, now)?;
        let caller = Arc::new(caller);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(hash, Known { caller: Arc::clone(&caller), since, writes });
        Ok((caller, due))
    }
}
