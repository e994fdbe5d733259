//! The desk: everybody who carries mails comes here to say what became of the last one and to take the next one. Whoever comes
//! while the desk writes is served together in its next transaction.

use std::sync::Arc;
use std::time::Duration;

use klaar_domain::campaigns::{self, Exchange, Go, Outcome, Slice};
use klaar_domain::kernel::clock::Instant;
use klaar_domain::kernel::db::Db;
use klaar_domain::kernel::error::Result;
use tokio::sync::{mpsc, oneshot};

use crate::batches::blocking;

/// The most that are served together.
const MOST: usize = 256;
/// For how long a database that is away is asked again.
const PAUSES: [Duration; 6] = [
    Duration::from_millis(50),
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
];

/// What became of a mail: the keys of its clients, how often it was tried, and how it went.
pub(super) type Settled = (Vec<i64>, i32, Outcome);

/// What the desk says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    /// The mail is yours; send it now.
    Taken,
    /// Somebody else has it, or it waits no more.
    Gone,
    /// Not before then.
    Wait(Instant),
    /// No more at all.
    Stop,
}

struct Ask {
    settled: Option<Settled>,
    wanted: Option<Vec<i64>>,
    reply: oneshot::Sender<Reply>,
}

/// Clones go to the same desk.
#[derive(Clone)]
pub(super) struct Desk(mpsc::Sender<Ask>);

impl Desk {
    /// Opens the desk of a slice; it closes when the last clone is gone.
    pub(super) fn open(db: Db, slice: Arc<Slice>) -> Self {
        let (sender, mut asked) = mpsc::channel::<Ask>(MOST);
        tokio::spawn(async move {
            let mut asks = Vec::with_capacity(MOST);
            while asked.recv_many(&mut asks, MOST).await > 0 {
                serve(&db, &slice, std::mem::take(&mut asks)).await;
            }
        });
        Self(sender)
    }

    /// Says what became of a mail, if there is one, and asks for another, if one is wanted.
    pub(super) async fn ask(&self, settled: Option<Settled>, wanted: Option<Vec<i64>>) -> Reply {
        let (reply, replied) = oneshot::channel();
        if self.0.send(Ask { settled, wanted, reply }).await.is_err() {
            return Reply::Stop;
        }
        replied.await.unwrap_or(Reply::Stop)
    }
}

async fn serve(db: &Db, slice: &Arc<Slice>, asks: Vec<Ask>) {
    let (mut settled, mut wanted, mut replies) = (Vec::new(), Vec::new(), Vec::new());
    for ask in asks {
        settled.extend(ask.settled);
        let at = ask.wanted.map(|clients| {
            wanted.push(clients);
            wanted.len() - 1
        });
        replies.push((at, ask.reply));
    }
    let (settled, wanted) = (Arc::new(settled), Arc::new(wanted));
    let exchanged = exchange(db, slice, &settled, &wanted).await;
    if let Err(error) = &exchanged {
        // What could not be written down is in doubt once its time is over.
        tracing::error!(%error, campaign = %slice.campaign.id, mails = settled.len(), "the ledger cannot be written");
    }
    for (at, reply) in replies {
        let said = match (&exchanged, at) {
            (Err(_), _) => Reply::Stop,
            (Ok(_), None) => Reply::Gone,
            (Ok(exchange), Some(at)) => reply_to(exchange, at, wanted.get(at), db),
        };
        let _ = reply.send(said);
    }
}

fn reply_to(exchange: &Exchange, at: usize, wanted: Option<&Vec<i64>>, db: &Db) -> Reply {
    let leader = wanted.and_then(|clients| clients.first());
    match &exchange.go {
        Go::Stop => Reply::Stop,
        Go::Wait(until) => Reply::Wait(*until),
        Go::On if at >= exchange.looked_at => Reply::Wait(db.clock().now()),
        Go::On if leader.is_some_and(|leader| exchange.taken.contains(leader)) => Reply::Taken,
        Go::On => Reply::Gone,
    }
}

/// Writes to the ledger, again and again while the database is away.
async fn exchange(
    db: &Db,
    slice: &Arc<Slice>,
    settled: &Arc<Vec<Settled>>,
    wanted: &Arc<Vec<Vec<i64>>>,
) -> Result<Exchange> {
    let mut pauses = PAUSES.into_iter();
    loop {
        let (db, slice, settled, wanted) = (db.clone(), slice.clone(), settled.clone(), wanted.clone());
        let exchanged = blocking(move || {
            let wanted: Vec<&[i64]> = wanted.iter().map(Vec::as_slice).collect();
            db.write(|tx| campaigns::exchange(tx, &slice, &settled, &wanted))
        });
        match (exchanged.await, pauses.next()) {
            (Ok(exchange), _) => return Ok(exchange),
            (Err(error), None) => return Err(error),
            (Err(_), Some(pause)) => tokio::time::sleep(pause).await,
        }
    }
}
