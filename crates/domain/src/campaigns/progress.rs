//! How far a campaign is while a slice of it goes on: what counts towards its pause, and what its operation says.

use std::sync::atomic::{AtomicI64, Ordering};

use diesel::dsl::count_star;
use diesel::prelude::*;

use super::model::{Campaign, Counts, State};
use crate::kernel::clock::Instant;
use crate::kernel::db::{Conn, Tx};
use crate::kernel::error::Result;
use crate::kernel::operations::{self, OperationId};
use crate::schema::campaign_recipients as recipients;

/// The most often that an operation is told, in seconds.
const TELL_EVERY: i64 = 1;

/// Counted once when a slice begins, and carried on by what is settled.
pub(super) struct Progress {
    operation: Option<OperationId>,
    /// Since somebody last looked.
    sent: AtomicI64,
    failed: AtomicI64,
    /// Of the whole campaign.
    done: AtomicI64,
    all_failed: AtomicI64,
    told_at: AtomicI64,
}

impl Progress {
    pub(super) fn of(tx: &mut Tx<'_>, campaign: &Campaign) -> Result<Self> {
        let counts = Counts::read(tx, campaign)?;
        let (sent, failed) = watched(tx, campaign)?;
        Ok(Self {
            operation: campaign.operation,
            sent: AtomicI64::new(sent),
            failed: AtomicI64::new(failed),
            done: AtomicI64::new(counts.settled()),
            all_failed: AtomicI64::new(counts.of(State::Failed)),
            told_at: AtomicI64::new(tx.now().0),
        })
    }

    /// How many were sent since somebody last looked.
    pub(super) fn sent(&self) -> i64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// How many failed since then.
    pub(super) fn failed(&self) -> i64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Counts what clients' mails have come to be.
    pub(super) fn count(&self, rows: &[(State, i64)]) {
        let add = |to: &AtomicI64, clients: i64| {
            to.fetch_add(clients, Ordering::Relaxed);
        };
        for (state, clients) in rows {
            match state {
                State::Sent => add(&self.sent, *clients),
                State::Failed => {
                    add(&self.failed, *clients);
                    add(&self.all_failed, *clients);
                }
                _ => {}
            }
            if state.is_settled() {
                add(&self.done, *clients);
            }
        }
    }

    /// Tells the operation, once a second at most.
    pub(super) fn tell(&self, tx: &mut Tx<'_>) -> Result<()> {
        let (now, told_at) = (tx.now(), Instant(self.told_at.load(Ordering::Relaxed)));
        let Some(operation) = self.operation.filter(|_| now.seconds_since(told_at) >= TELL_EVERY) else {
            return Ok(());
        };
        self.told_at.store(now.0, Ordering::Relaxed);
        let (done, failed) = (self.done.load(Ordering::Relaxed), self.all_failed.load(Ordering::Relaxed));
        operations::report(tx, operation, done, failed)
    }
}

/// How many were sent and how many failed since somebody last looked.
fn watched(conn: &mut Conn, campaign: &Campaign) -> Result<(i64, i64)> {
    let counted: Vec<(String, i64)> = recipients::table
        .filter(recipients::campaign_key.eq(campaign.key).and(recipients::settled_at.gt(campaign.watched_from)))
        .group_by(recipients::status)
        .select((recipients::status, count_star()))
        .load(conn)?;
    let of = |state: State| counted.iter().find(|(name, _)| name == state.as_str()).map_or(0, |(_, count)| *count);
    Ok((of(State::Sent), of(State::Failed)))
}
