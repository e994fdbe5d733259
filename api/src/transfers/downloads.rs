//! Exports on their way to their readers: so many at once, and none that is kept for a reader who takes nothing.

use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use actix_web::rt::task::JoinHandle;
use actix_web::rt::{self, time};
use actix_web::web::{Bytes, Data};
use futures::stream::{self, Stream};
use klaar_domain::kernel::clock::Instant;
use klaar_domain::kernel::error::{Error, Result};
use klaar_domain::transfers::{AHEAD, Export};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::off_thread;
use crate::State;

/// How long an export waits for a place: longer than one usually takes, shorter than a person waits without a word.
const QUEUE: Duration = Duration::from_secs(2);
/// Seconds after which a reader who has taken nothing counts as gone. What is on its way between server and reader, a few
/// megabytes at most, goes on by itself meanwhile, so a reader must be very slow to be taken for one.
const PATIENCE: i64 = 60;
/// How often that is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// Bytes that are handed over at a time: a reader takes them one after the other, and a connection keeps no more.
const SLICE: usize = 64 * 1024;

/// The places for exports of one process.
pub struct Places {
    free: Arc<Semaphore>,
    all: usize,
}

/// A place for an export, free again when this is dropped.
pub type Place = OwnedSemaphorePermit;

impl Places {
    /// So many exports at once that all find connections for the pages that they read ahead, at least one. What they keep in
    /// memory is bounded by it, too.
    #[must_use]
    pub fn of(connections: u32) -> Self {
        let all = usize::try_from(connections).map_or(1, |connections| (connections / AHEAD).max(1));
        Self { free: Arc::new(Semaphore::new(all)), all }
    }

    /// A place, for which exports wait in their order.
    ///
    /// # Errors
    /// [`Error::Busy`] when none becomes free in time.
    pub async fn take(&self) -> Result<Place> {
        let place = time::timeout(QUEUE, Arc::clone(&self.free).acquire_owned()).await;
        let busy =
            |_| Error::busy(format_args!("{} exports are being written, as many as there are places for", self.all));
        place.map_err(busy)?.map_err(Error::internal)
    }
}

/// An export between two of its slices.
struct Turn {
    export: Export,
    /// What of its last piece has not gone out.
    rest: Bytes,
    _place: Place,
}

impl Turn {
    /// The same with a new piece; nothing is left at the end.
    async fn next(mut self, state: &Data<State>) -> Result<Self> {
        let db = state.db.clone();
        off_thread(move || {
            self.rest = self.export.next(&db)?.map(Bytes::from).unwrap_or_default();
            Ok(self)
        })
        .await
    }
}

/// What is kept for a reader.
struct Kept {
    /// Nothing while the next piece is made, at the end, and when the reader counts as gone.
    turn: Option<Turn>,
    /// When the reader last took something.
    taken_at: Instant,
}

/// A download under way.
pub struct Download {
    kept: Rc<RefCell<Kept>>,
    state: Data<State>,
    watch: JoinHandle<()>,
}

impl Drop for Download {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

impl Download {
    /// Begins with the first piece.
    ///
    /// # Errors
    /// When the database refuses or there is no room for a file on this machine.
    pub async fn begin(export: Export, place: Place, state: &Data<State>) -> Result<Self> {
        let turn = Turn { export, rest: Bytes::new(), _place: place }.next(state).await?;
        let kept = Rc::new(RefCell::new(Kept { turn: Some(turn), taken_at: state.db.clock().now() }));
        let watch = rt::spawn(let_go_when_stalled(Rc::downgrade(&kept), state.clone()));
        Ok(Self { kept, state: state.clone(), watch })
    }

    /// The file, slice by slice; each piece is made when the one before it has gone out.
    pub fn slices(self) -> impl Stream<Item = Result<Bytes>> {
        stream::try_unfold(self, |download| async move { Ok(download.next().await?.map(|slice| (slice, download))) })
    }

    async fn next(&self) -> Result<Option<Bytes>> {
        let turn = self.kept.borrow_mut().turn.take();
        let mut turn = turn.ok_or_else(|| Error::busy("a reader came back too late to its export"))?;
        if turn.rest.is_empty() {
            turn = turn.next(&self.state).await?;
        }
        if turn.rest.is_empty() {
            return Ok(None);
        }
        let slice = turn.rest.split_to(turn.rest.len().min(SLICE));
        *self.kept.borrow_mut() = Kept { turn: Some(turn), taken_at: self.state.db.clock().now() };
        Ok(Some(slice))
    }
}

/// Lets go of what is kept, and of its place, once nothing has been taken for too long. Whoever comes back gets no end of
/// the file, so that it counts as broken off.
async fn let_go_when_stalled(kept: Weak<RefCell<Kept>>, state: Data<State>) {
    loop {
        time::sleep(LOOK).await;
        let Some(kept) = kept.upgrade() else { return };
        let mut kept = kept.borrow_mut();
        let is_stalled = state.db.clock().now().seconds_since(kept.taken_at) >= PATIENCE;
        if is_stalled && let Some(turn) = kept.turn.take() {
            tracing::info!("a reader has taken nothing of its export for {PATIENCE} seconds; the export is given up");
            drop(turn);
            return;
        }
    }
}
