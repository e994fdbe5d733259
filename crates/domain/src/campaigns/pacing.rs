//! How fast mails may go: each limit says when the next one may, and each mail moves that on by its share of a minute, so that
//! several processes keep one pace.

use diesel::prelude::*;

use super::slices::Slice;
use crate::kernel::Uid;
use crate::kernel::clock::Instant;
use crate::kernel::db::Tx;
use crate::kernel::error::Result;
use crate::on_each;
use crate::schema::{campaigns, sender_quotas};

/// What may be caught up on after a quiet time, in microseconds.
const CATCH_UP: i64 = 1_000_000;

/// How many mails may go.
pub(super) enum Allowed {
    /// So many.
    Some(usize),
    /// None before this moment.
    Later(Instant),
}

/// A limit of so many mails a minute, and when its next one may go.
struct Pace {
    interval: i64,
    next: i64,
}

impl Pace {
    fn of(per_minute: i32, next: i64, now: i64) -> Self {
        let interval = 60_000_000 / i64::from(per_minute.max(1));
        Self { interval, next: next.max(now - CATCH_UP) }
    }

    /// How many may go now.
    fn room(&self, now: i64) -> i64 {
        if self.next > now { 0 } else { (now - self.next) / self.interval.max(1) + 1 }
    }

    fn after(&self, mails: i64) -> i64 {
        self.next + self.interval * mails
    }
}

/// How many of so many mails may go now; they are counted as gone.
///
/// # Errors
/// When the database refuses.
pub(super) fn allowed(tx: &mut Tx<'_>, slice: &Slice, wanted: usize) -> Result<Allowed> {
    let now = tx.now();
    let mut room = i64::try_from(wanted).unwrap_or(i64::MAX);
    let (per_minute, next): (Option<i32>, i64) = campaigns::table
        .find(slice.campaign.key)
        .select((campaigns::per_minute, campaigns::next_mail_at))
        .first(&mut **tx)?;
    let own = per_minute.map(|rate| Pace::of(rate, next, now.0));
    if let Some(pace) = &own {
        room = room.min(pace.room(now.0));
        if room == 0 {
            return Ok(Allowed::Later(Instant(pace.next)));
        }
    }
    let shared = match slice.quota() {
        Some(quota) => match of_sender(tx, slice, (&quota, room))? {
            Allowed::Some(most) => i64::try_from(most).unwrap_or(i64::MAX),
            later @ Allowed::Later(_) => return Ok(later),
        },
        None => room,
    };
    if let Some(pace) = &own {
        diesel::update(campaigns::table.find(slice.campaign.key))
            .set(campaigns::next_mail_at.eq(pace.after(shared)))
            .execute(&mut **tx)?;
    }
    Ok(Allowed::Some(usize::try_from(shared).unwrap_or_default()))
}

/// What a sender may send.
pub(super) struct Quota {
    /// Whose it is: the sender, or the practice itself.
    pub(super) sender: Uid,
    pub(super) per_minute: Option<i32>,
    pub(super) per_day: Option<i32>,
    /// The practice's day, and when the next one begins.
    pub(super) day: String,
    pub(super) tomorrow: Instant,
}

fn of_sender(tx: &mut Tx<'_>, slice: &Slice, (quota, wanted): (&Quota, i64)) -> Result<Allowed> {
    let (now, practice) = (tx.now(), slice.campaign.practice);
    let row = (
        sender_quotas::practice_id.eq(practice),
        sender_quotas::sender_id.eq(quota.sender),
        sender_quotas::next_mail_at.eq(0_i64),
        sender_quotas::day.eq(&quota.day),
        sender_quotas::sent.eq(0_i64),
    );
    on_each!(&mut **tx, c => diesel::insert_into(sender_quotas::table).values(row).on_conflict_do_nothing().execute(c))?;
    let own = || sender_quotas::table.find((practice.0, quota.sender));
    // Changed at once, so that another process waits here until this one is through.
    diesel::update(own()).set(sender_quotas::next_mail_at.eq(sender_quotas::next_mail_at)).execute(&mut **tx)?;
    let (next, day, sent): (i64, String, i64) =
        own().select((sender_quotas::next_mail_at, sender_quotas::day, sender_quotas::sent)).first(&mut **tx)?;
    let sent = if day == quota.day { sent } else { 0 };
    let mut room = wanted;
    if let Some(most) = quota.per_day {
        room = room.min(i64::from(most) - sent);
        if room <= 0 {
            return Ok(Allowed::Later(quota.tomorrow));
        }
    }
    let pace = quota.per_minute.map(|rate| Pace::of(rate, next, now.0));
    if let Some(pace) = &pace {
        room = room.min(pace.room(now.0));
        if room == 0 {
            return Ok(Allowed::Later(Instant(pace.next)));
        }
    }
    let next = pace.map_or(next, |pace| pace.after(room));
    diesel::update(own())
        .set((
            sender_quotas::next_mail_at.eq(next),
            sender_quotas::day.eq(&quota.day),
            sender_quotas::sent.eq(sent + room),
        ))
        .execute(&mut **tx)?;
    Ok(Allowed::Some(usize::try_from(room).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_gives_room_as_time_goes_by() {
        let second = 1_000_000;
        let pace = Pace::of(60, 0, 100 * second);
        assert_eq!(pace.room(100 * second), 2, "a quiet time is caught up on for a second");
        let next = pace.after(2);
        assert_eq!(next, 101 * second);
        assert_eq!(Pace::of(60, next, 100 * second).room(100 * second), 0);
        assert_eq!(Pace::of(60, next, 101 * second).room(101 * second), 1);
    }
}
