//! The doorbell: a commit that left jobs behind wakes whoever executes them, so that an idle queue costs no waiting.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use super::Lane;

type Listener = Box<dyn Fn(Lane) + Send + Sync>;

/// Rung by [`Db::write`](crate::kernel::db::Db::write) after a commit. Clones share the listeners.
#[derive(Clone, Default)]
pub struct Doorbell {
    listeners: Arc<RwLock<Vec<Listener>>>,
}

impl Doorbell {
    /// Calls `listener` after every commit that left jobs in a lane, on the thread that committed: it must not block.
    pub fn on_ring(&self, listener: impl Fn(Lane) + Send + Sync + 'static) {
        self.listeners.write().unwrap_or_else(PoisonError::into_inner).push(Box::new(listener));
    }

    /// Tells every listener that there is something in `lane`.
    pub fn ring(&self, lane: Lane) {
        for listener in self.listeners.read().unwrap_or_else(PoisonError::into_inner).iter() {
            listener(lane);
        }
    }
}

impl fmt::Debug for Doorbell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Doorbell")
    }
}
