//! Carrying mails to a server, over several connections, one mail after the other on each.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use klaar_domain::campaigns::{self, Due, Ended, Outcome, Purpose, Slice};
use klaar_domain::kernel::db::Db;
use klaar_domain::kernel::secrets::Keyring;
use klaar_domain::mail::{Line, MailFault, MailServer, Mailer, Undelivered};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::Instant;
use url::Url;

use super::desk::{Desk, Reply, Settled};
use crate::batches::blocking;
use crate::run::{Fault, Run};

/// Mails that are read at once.
const PAGE: i64 = 200;
/// Mails on one connection; some servers mistrust those that never end.
const MOST_ON_A_LINE: u32 = 1_000;
/// A wait that is worth staying for.
const SHORT: Duration = Duration::from_millis(1_500);

/// What a slice works on, shared by everybody who carries.
pub(super) struct Work {
    slice: Arc<Slice>,
    server: MailServer,
    until: Instant,
    db: Db,
    mailer: Arc<Mailer>,
    keyring: Arc<Keyring>,
    base: Url,
    waiting: Mutex<Waiting>,
    ended: Mutex<Ended>,
}

/// Mails that were read and that nobody has begun yet.
struct Waiting {
    mails: VecDeque<Due>,
    after: i64,
    is_last: bool,
}

impl Work {
    pub(super) fn new(
        run: &Run,
        (slice, server, until): (Arc<Slice>, MailServer, Instant),
        (mailer, keyring): (Arc<Mailer>, Arc<Keyring>),
    ) -> Self {
        Self {
            slice,
            server,
            until,
            db: run.db().clone(),
            mailer,
            keyring,
            base: run.settings().public_url.clone(),
            waiting: Mutex::new(Waiting { mails: VecDeque::new(), after: 0, is_last: false }),
            ended: Mutex::new(Ended::Well),
        }
    }

    /// The next mail that is due; nothing behind the last one and when the slice is over.
    async fn next(&self) -> Result<Option<Due>, Fault> {
        let mut waiting = self.waiting.lock().await;
        if waiting.mails.is_empty() && !waiting.is_last {
            let (db, slice, after) = (self.db.clone(), self.slice.clone(), waiting.after);
            let page = blocking(move || db.read(|conn| campaigns::due(conn, &slice, (after, PAGE)))).await?;
            waiting.is_last = i64::try_from(page.len()).unwrap_or(PAGE) < PAGE;
            waiting.after = page.last().and_then(|due| due.clients.first().copied()).unwrap_or(after);
            waiting.mails = page.into();
        }
        if Instant::now() >= self.until { Ok(None) } else { Ok(waiting.mails.pop_front()) }
    }

    /// Says how the slice ended; what was said first stays, unless all went well so far.
    async fn ended(&self, how: Ended) {
        let mut ended = self.ended.lock().await;
        if *ended == Ended::Well {
            *ended = how;
        }
    }

    /// Nobody begins another mail.
    async fn stop(&self) {
        let mut waiting = self.waiting.lock().await;
        waiting.mails.clear();
        waiting.is_last = true;
    }

    async fn connect(&self) -> Result<Line, MailFault> {
        self.mailer.connect(&self.server).await
    }
}

/// Carries mails over one connection.
#[derive(Clone)]
pub(super) struct Carrier {
    work: Arc<Work>,
    desk: Desk,
}

impl Carrier {
    pub(super) fn new(work: Arc<Work>, desk: Desk) -> Self {
        Self { work, desk }
    }

    /// Carries what is due over as many connections as may be, until the slice is over.
    pub(super) async fn carry_all(self, connections: usize) -> Result<Ended, Fault> {
        // Nobody connects when there is nothing to carry.
        let Some(first) = self.work.next().await? else { return Ok(Ended::Well) };
        self.work.waiting.lock().await.mails.push_front(first);
        let line = match self.work.connect().await {
            Ok(line) => line,
            Err(fault) => return Ok(Ended::Unusable(fault)),
        };
        let mut carrying = JoinSet::new();
        let one = self.clone();
        carrying.spawn(async move { one.carry(Some(line)).await });
        for _ in 1..connections {
            let one = self.clone();
            carrying.spawn(async move { one.carry(None).await });
        }
        while let Some(carried) = carrying.join_next().await {
            carried.map_err(|fault| Fault::Passing(fault.to_string()))??;
        }
        let ended = self.work.ended.lock().await.clone();
        Ok(ended)
    }

    async fn carry(self, mut line: Option<Line>) -> Result<(), Fault> {
        let mut settled: Option<Settled> = None;
        let carried = self.carry_on(&mut line, &mut settled).await;
        if settled.is_some() {
            self.desk.ask(settled, None).await;
        }
        if let Some(line) = line {
            line.close().await;
        }
        carried
    }

    async fn carry_on(&self, line: &mut Option<Line>, settled: &mut Option<Settled>) -> Result<(), Fault> {
        while let Some(due) = self.work.next().await? {
            if due.is_suppressed {
                self.settle(settled, (due.clients, due.attempts, Outcome::Suppressed)).await;
                continue;
            }
            let parcel = match campaigns::prepare(&self.work.slice, &due, self.unsubscribe(&due)?.as_deref()) {
                Ok(parcel) => parcel,
                Err(reason) => {
                    self.settle(settled, (due.clients, due.attempts, Outcome::Unwritable(reason))).await;
                    continue;
                }
            };
            let Some(open) = self.opened(line).await else { return Ok(()) };
            match self.taken(settled, &due).await {
                Reply::Taken => {}
                Reply::Gone => continue,
                Reply::Wait(_) | Reply::Stop => return Ok(()),
            }
            let outcome = open.deliver(&parcel).await;
            if let Err(fault) = &outcome {
                let goes_on = match fault {
                    // 421: the server closes the line (RFC 5321, 3.8).
                    Undelivered::Refused(words) => words.code != 421 && open.reset().await,
                    Undelivered::Unaddressable | Undelivered::TooLarge { .. } => true,
                    Undelivered::Kept(_) | Undelivered::InDoubt(_) => false,
                };
                if !goes_on && let Some(line) = line.take() {
                    line.close().await;
                }
            }
            let outcome = outcome.map_or_else(Outcome::Unsent, Outcome::Sent);
            *settled = Some((due.clients, due.attempts + 1, outcome));
        }
        Ok(())
    }

    /// Hands in what became of a mail once there is another.
    async fn settle(&self, settled: &mut Option<Settled>, next: Settled) {
        if let Some(before) = settled.replace(next) {
            self.desk.ask(Some(before), None).await;
        }
    }

    /// A line that is good for a mail; nothing when the server gives none any more.
    async fn opened<'a>(&self, line: &'a mut Option<Line>) -> Option<&'a mut Line> {
        if line.as_ref().is_some_and(|line| line.handed_over() >= MOST_ON_A_LINE)
            && let Some(full) = line.take()
        {
            full.close().await;
        }
        if line.is_none() {
            match self.work.connect().await {
                Ok(new) => *line = Some(new),
                Err(fault) => {
                    self.work.ended(Ended::Unusable(fault)).await;
                    return None;
                }
            }
        }
        line.as_mut()
    }

    /// Takes a mail, after short waits where the rate asks for them.
    async fn taken(&self, settled: &mut Option<Settled>, due: &Due) -> Reply {
        let mut reply = self.desk.ask(settled.take(), Some(due.clients.clone())).await;
        let mut last = None;
        while let Reply::Wait(at) = reply {
            let now = self.work.db.clock().now();
            let pause = Duration::from_micros(u64::try_from(at.0 - now.0).unwrap_or(0).max(1_000));
            // A clock that stands still would have us wait without end.
            if pause > SHORT || Instant::now() + pause > self.work.until || last == Some((at, now)) {
                self.work.ended(Ended::Until(at)).await;
                self.work.stop().await;
                return reply;
            }
            last = Some((at, now));
            tokio::time::sleep(pause).await;
            reply = self.desk.ask(None, Some(due.clients.clone())).await;
        }
        if reply == Reply::Stop {
            self.work.stop().await;
        }
        reply
    }

    /// Where the reader of a marketing mail says that they want no more of them.
    fn unsubscribe(&self, due: &Due) -> Result<Option<String>, Fault> {
        let campaign = &self.work.slice.campaign;
        if campaign.purpose != Purpose::Marketing {
            return Ok(None);
        }
        let whom = (campaign.practice, campaign.id, due.address.as_str());
        Ok(Some(campaigns::unsubscribe_link(&self.work.keyring, &self.work.base, whom, &due.language)?))
    }
}
