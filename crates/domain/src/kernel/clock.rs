//! Time: the one place that reads the machine's clock.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::BigInt;

/// A moment in UTC, in microseconds since 1970-01-01T00:00:00Z; stored as that integer in both databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, AsExpression, FromSqlRow)]
#[diesel(sql_type = BigInt)]
pub struct Instant(pub i64);

impl Instant {
    /// This moment plus `seconds`, which may be negative.
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1_000_000)))
    }

    /// Whole seconds since `earlier`; negative when `earlier` is later.
    #[must_use]
    pub fn seconds_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0) / 1_000_000
    }

    /// Reads an RFC 3339 timestamp.
    ///
    /// # Errors
    /// When the text is no RFC 3339 timestamp or lies outside the supported years.
    pub fn parse(text: &str) -> Result<Self, jiff::Error> {
        Ok(Self(text.parse::<jiff::Timestamp>()?.as_microsecond()))
    }

    /// The civil date and time of this moment in `zone`.
    #[must_use]
    pub fn in_zone(self, zone: &jiff::tz::TimeZone) -> jiff::Zoned {
        self.timestamp().to_zoned(zone.clone())
    }

    fn timestamp(self) -> jiff::Timestamp {
        let clamped = self.0.clamp(jiff::Timestamp::MIN.as_microsecond(), jiff::Timestamp::MAX.as_microsecond());
        jiff::Timestamp::from_microsecond(clamped).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
    }
}

/// RFC 3339 with six decimals and `Z`.
impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.6}", self.timestamp())
    }
}

impl serde::Serialize for Instant {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Instant {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl<DB: Backend> ToSql<BigInt, DB> for Instant
where
    i64: ToSql<BigInt, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        self.0.to_sql(out)
    }
}

impl<DB: Backend> FromSql<BigInt, DB> for Instant
where
    i64: FromSql<BigInt, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(i64::from_sql(value)?))
    }
}

/// Where the product reads the time. Clones share one clock.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    frozen: Option<Arc<AtomicI64>>,
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        Self { frozen: None }
    }

    /// A clock that stands still at `at` until it is moved; for tests.
    #[must_use]
    pub fn frozen(at: Instant) -> Self {
        Self { frozen: Some(Arc::new(AtomicI64::new(at.0))) }
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Instant {
        match &self.frozen {
            Some(at) => Instant(at.load(Ordering::SeqCst)),
            None => Instant(machine_now().as_microsecond()),
        }
    }

    /// Sets a frozen clock to `at`; a system clock ignores it.
    pub fn set(&self, at: Instant) {
        if let Some(frozen) = &self.frozen {
            frozen.store(at.0, Ordering::SeqCst);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the clock")]
fn machine_now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_reads_back_what_it_prints() {
        let at = Instant::parse("2026-03-29T00:59:59.000001Z").unwrap();
        assert_eq!(at.to_string(), "2026-03-29T00:59:59.000001Z");
        assert_eq!(Instant::parse(&at.to_string()).unwrap(), at);
        assert_eq!(Instant::parse("2026-03-29T01:00:00+01:00").unwrap().to_string(), "2026-03-29T00:00:00.000000Z");
    }

    #[test]
    fn a_frozen_clock_moves_for_all_its_clones() {
        let clock = Clock::frozen(Instant(5));
        let clone = clock.clone();
        clone.set(Instant(9));
        assert_eq!(clock.now(), Instant(9));
    }
}
