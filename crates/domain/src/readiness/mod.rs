//! How far a practice is: how many of its clients are ready for Peppol, registered, informed or exempt, by portfolio or
//! by whoever looks after them; how that changed over time; when all would be ready at today's pace; and what keeps the
//! others.
//!
//! Everything is counted over active clients. Whoever is exempt today is counted as such and in nothing else. Each
//! practice's numbers of a day are kept once, so that the trend needs no look into the past.

mod blockers;
mod chart;
mod days;
mod jobs;
mod mails;
mod model;
mod queries;

pub use blockers::{Blocked, Blocker, NamedClient, blockers};
pub use chart::{Size, chart};
pub use days::{DEFAULT_DAYS, MOST_DAYS, record_due, span, trend};
pub use jobs::{SendWeeklyReadiness, WatchReadiness};
pub use mails::{NamedBlocker, WeeklyLetter, tell_due, weekly_to_mail};
pub use model::{By, Counts, Day, Forecast, Group, GroupKey, NoForecast, Readiness, forecast};
pub use queries::readiness;
