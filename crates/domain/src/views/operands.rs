//! What a condition compares with: how values are written, and what they mean for a practice at a moment.

use std::ops::Bound;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::conditions::Test;
use super::filter::{MOST_VALUES, Node};
use super::queries::days;
use super::subjects::{Kind, Subject};
use crate::clients::ClientId;
use crate::custom_fields::{self, Catalogue, CategoryId};
use crate::identity::{MemberId, Practice};
use crate::kernel::clock::Instant;
use crate::kernel::error::FieldError;
use crate::kernel::text as texts;

const DAY: f64 = 86_400_000_000.0;
/// How far a relative day may lie from today.
const FARTHEST: i64 = 100_000;
/// The subject that the practice's own solution can be asked of.
const SEAT: &str = "registration.access_point.seat_id";

/// What a filter is read against: the practice's fields, the moment, and who asks.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'a> {
    /// The practice's fields.
    pub catalogue: &'a Catalogue,
    /// Now.
    pub now: Instant,
    /// The practice's time zone, in which days begin and end.
    pub zone: &'a TimeZone,
    /// Whom `me` means; nobody for a program.
    pub me: Option<&'a str>,
    /// The criteria of categories, read: what a client has in a category that does not concern it is no value. None while
    /// criteria themselves are read.
    pub criteria: &'a [(CategoryId, Node)],
}

/// The time zone of a practice; UTC when the machine does not know it.
pub fn zone_of(practice: &Practice) -> TimeZone {
    TimeZone::get(&practice.time_zone).unwrap_or(TimeZone::UTC)
}

/// A value to compare with, as the four limits that it makes: a day has a beginning and an end.
#[derive(Debug, Clone, Copy)]
pub struct Point {
    pub ge: Bound<f64>,
    pub gt: Bound<f64>,
    pub le: Bound<f64>,
    pub lt: Bound<f64>,
}

impl Point {
    fn exact(value: f64) -> Self {
        let (at, not_at) = (Bound::Included(value), Bound::Excluded(value));
        Self { ge: at, gt: not_at, le: at, lt: not_at }
    }

    fn lasting(from: f64, to: f64) -> Self {
        Self { ge: Bound::Included(from), gt: Bound::Included(to), le: Bound::Excluded(to), lt: Bound::Excluded(from) }
    }
}

impl Ground<'_> {
    /// Whom the subject concerns, when its category has criteria.
    pub fn concerned(&self, subject: &Subject<'_>) -> Option<&Node> {
        let category = subject.field?.category;
        self.criteria.iter().find(|(of, _)| *of == category).map(|(_, node)| node)
    }

    /// The day that it is in the practice, as days are counted in columns.
    pub fn today(&self) -> f64 {
        days(self.now.in_zone(self.zone).date())
    }

    /// A number, an amount, a day (`YYYY-MM-DD`) or an instant (RFC 3339, or a day in the practice's time zone), or
    /// `{"days_from_now": n}`.
    pub fn point(&self, kind: Kind, value: &Value) -> Result<Point, FieldError> {
        match kind {
            Kind::Day => Ok(Point::exact(days(self.day(value)?))),
            Kind::Instant => self.instant(value),
            _ => number(kind, value).map(Point::exact),
        }
    }

    fn day(&self, value: &Value) -> Result<Date, FieldError> {
        let Some(distance) = distance(value)? else {
            let text = value.as_str().filter(|text| text.len() == 10);
            return text.and_then(|text| text.parse().ok()).ok_or_else(|| FieldError::new("", "malformed_date"));
        };
        let today = self.now.in_zone(self.zone).date();
        today.checked_add(jiff::Span::new().days(distance)).map_err(|_| FieldError::new("", "malformed_date"))
    }

    fn instant(&self, value: &Value) -> Result<Point, FieldError> {
        if let Some(distance) = distance(value)? {
            return Ok(Point::exact(self.now.0 as f64 + distance as f64 * DAY));
        }
        let malformed = || FieldError::new("", "malformed_instant");
        let text = value.as_str().ok_or_else(malformed)?;
        if text.len() > 10 {
            return Instant::parse(text).map(|at| Point::exact(at.0 as f64)).map_err(|_| malformed());
        }
        let day: Date = text.parse().map_err(|_| malformed())?;
        let start = |day: Date| day.to_zoned(self.zone.clone()).map(|at| at.timestamp().as_microsecond() as f64);
        let next = day.tomorrow().map_err(|_| malformed())?;
        Ok(Point::lasting(start(day).map_err(|_| malformed())?, start(next).map_err(|_| malformed())?))
    }

    /// The keys of options, given by identifier or by label; each once.
    pub fn options(&self, subject: &Subject<'_>, value: &Value) -> Result<Vec<i64>, FieldError> {
        let offered = || subject.field.map(custom_fields::offered).unwrap_or_default();
        let unknown = || FieldError::new("", "unknown_option").with("values", offered());
        let meant = |given: &str| {
            let field = subject.field?;
            field.option_meant(given).map(|option| field.standing_for(option).key)
        };
        let mut keys = each(value, &|one| meant(&text(one)?).ok_or_else(unknown))?;
        keys.sort_unstable();
        keys.dedup();
        Ok(keys)
    }

    /// The stable name of a member or client; `None` for `me` when a program asks, which is nobody.
    pub fn named(&self, value: &Value) -> Result<Option<String>, FieldError> {
        let given = text(value)?;
        if given == "me" {
            return Ok(self.me.map(str::to_owned));
        }
        if given.parse::<MemberId>().is_ok() || given.parse::<ClientId>().is_ok() {
            return Ok(Some(given));
        }
        Err(FieldError::new("", "wrong_type").with("wanted", "mem_…, cli_…, me"))
    }

    /// Members by identifier and names as they stand on the cards, as a test for each of the two.
    pub fn responsible(&self, given: &[String]) -> [Test; 2] {
        let (mut members, mut names) = (Vec::new(), Vec::new());
        for one in given {
            match self.named(&Value::from(one.as_str())) {
                Ok(member) => members.extend(member),
                Err(_) => names.push(texts::fold(one)),
            }
        }
        [Test::Named(members), Test::AnyText(names)]
    }

    /// An actor's identifier or a kind of actor; `None` for `me` when a program asks.
    pub fn actor(&self, value: &Value) -> Result<Option<String>, FieldError> {
        let given = text(value)?;
        Ok(if given == "me" { self.me.map(str::to_owned) } else { Some(given) })
    }
}

/// The number of `{"days_from_now": n}`; `None` when the value is something else.
fn distance(value: &Value) -> Result<Option<i64>, FieldError> {
    let Some(parts) = value.as_object() else { return Ok(None) };
    let days = parts.get("days_from_now").and_then(Value::as_i64).filter(|days| days.abs() <= FARTHEST);
    match days {
        Some(days) if parts.len() == 1 => Ok(Some(days)),
        _ => Err(FieldError::new("", "wrong_type").with("wanted", "{\"days_from_now\": 3}")),
    }
}

/// What `{"own_solution": true}` stands for where seat ids are asked about: those of the practice's own solution.
pub fn own_seats(name: &str, op: &str, value: &Value, catalogue: &Catalogue) -> Option<Value> {
    let is_asked = name == SEAT && matches!(op, "one_of" | "none_of");
    (is_asked && *value == json!({ "own_solution": true })).then(|| json!(catalogue.own_seats))
}

/// A text of up to 1,000 characters.
pub fn text(value: &Value) -> Result<String, FieldError> {
    let text = value.as_str().ok_or_else(|| FieldError::new("", "wrong_type").with("wanted", "text"))?;
    if text.chars().count() > 1_000 {
        return Err(FieldError::new("", "too_long").with("max", 1_000));
    }
    Ok(text.to_owned())
}

/// A text as the subject is compared with it: folded, and without dots where numbers are kept without.
pub fn folded(subject: &Subject<'_>, value: &Value) -> Result<String, FieldError> {
    let folded = texts::fold(&text(value)?);
    Ok(if subject.is_register_number() { compact(&folded) } else { folded })
}

/// The same; where all words are known, one of these.
pub fn word(subject: &Subject<'_>, value: &Value) -> Result<String, FieldError> {
    let folded = folded(subject, value)?;
    match subject.vocabulary() {
        Some(words) if !words.contains(&folded.as_str()) => {
            Err(FieldError::new("", "unknown_value").with("values", words.join(", ")))
        }
        _ => Ok(folded),
    }
}

/// Without what people put between the digits of a number.
pub fn compact(number: &str) -> String {
    number.chars().filter(|c| !matches!(c, '.' | '-' | '/' | ' ')).collect()
}

/// Whether a word is a number of a register, as people write it: six digits at least, and something between them.
pub fn is_spelled_number(word: &str) -> bool {
    let compact = compact(word);
    compact.len() < word.len()
        && compact.chars().all(|c| c.is_ascii_alphanumeric())
        && compact.chars().filter(char::is_ascii_digit).count() >= 6
}

/// Yes or no.
pub fn flag(value: &Value) -> Result<bool, FieldError> {
    value.as_bool().ok_or_else(|| FieldError::new("", "wrong_type").with("wanted", "true, false"))
}

/// A number; an amount, given in units, in cents.
pub fn number(kind: Kind, value: &Value) -> Result<f64, FieldError> {
    let given = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) if kind == Kind::Amount => text.parse().ok(),
        _ => None,
    };
    let number = given.filter(|number: &f64| number.is_finite());
    let number = number.ok_or_else(|| FieldError::new("", "wrong_type").with("wanted", "number"))?;
    Ok(if kind == Kind::Amount { (number * 100.0).round() } else { number })
}

/// Each value of a list; one that stands alone is a list of one.
pub fn each<T>(value: &Value, read: &dyn Fn(&Value) -> Result<T, FieldError>) -> Result<Vec<T>, FieldError> {
    let Some(values) = value.as_array() else { return read(value).map(|one| vec![one]) };
    if values.len() > MOST_VALUES {
        return Err(FieldError::new("", "too_many").with("max", MOST_VALUES));
    }
    let at =
        |(at, value)| read(value).map_err(|error| FieldError { pointer: format!("/{at}{}", error.pointer), ..error });
    values.iter().enumerate().map(at).collect()
}

/// Two values.
pub fn pair(value: &Value) -> Result<[&Value; 2], FieldError> {
    match value.as_array().map(Vec::as_slice) {
        Some([from, to]) => Ok([from, to]),
        _ => Err(FieldError::new("", "wrong_type").with("wanted", "[…, …]")),
    }
}
