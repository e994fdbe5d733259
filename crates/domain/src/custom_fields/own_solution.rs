//! The solution that the practice chose for its clients: a software of the delivered lists, and where it registers them.

use diesel::prelude::*;
use klaar_standards::access_point::is_seat_id;
use serde_json::{Value, json};

use super::cells;
use super::model::{Catalogue, FieldOption};
use super::queries::catalogue;
use crate::clients::door;
use crate::identity::Practice;
use crate::kernel::JsonText;
use crate::kernel::actor::Actor;
use crate::kernel::audit::Event;
use crate::kernel::db::{Conn, Tx};
use crate::kernel::error::{Error, FieldError, Result};
use crate::on_each;
use crate::schema::own_solutions;

const MOST_SEATS: usize = 20;
/// The fields whose options are software.
const SOFTWARE: [&str; 2] = ["receive_software", "send_software"];

/// The practice's own solution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnSolution {
    /// The software, by the label of its option; `None` while the practice has named none.
    pub software: Option<String>,
    /// The seat ids of the access points that it registers clients at.
    pub seat_ids: Vec<String>,
    /// Raised with each change; 1 before the first.
    pub revision: i64,
}

impl OwnSolution {
    /// As the audit trail has it.
    fn state(&self) -> Value {
        json!({ "software": self.software, "seat_ids": self.seat_ids })
    }
}

/// The row of a practice's solution.
type Row = (Option<i64>, Option<i64>, JsonText, i64);

/// The practice's own solution.
///
/// # Errors
/// When the database refuses.
pub fn own_solution(conn: &mut Conn, practice: &Practice, catalogue: &Catalogue) -> Result<OwnSolution> {
    let row: Option<Row> = own_solutions::table
        .find(practice.id)
        .select((
            own_solutions::receive_option,
            own_solutions::send_option,
            own_solutions::seat_ids,
            own_solutions::revision,
        ))
        .first(conn)
        .optional()?;
    let Some((receive, send, seat_ids, revision)) = row else {
        return Ok(OwnSolution { software: None, seat_ids: Vec::new(), revision: 1 });
    };
    let label_of = |key: i64| catalogue.fields.iter().find_map(|field| field.option(key)).map(|o| o.label.clone());
    let software = receive.and_then(label_of).or_else(|| send.and_then(label_of));
    Ok(OwnSolution { software, seat_ids: seat_ids.read()?, revision })
}

/// Names the practice's own solution; the same again is no change and leaves no trace.
///
/// # Errors
/// [`Error::Stale`] when `revision` is not the present one; [`Error::Invalid`] with `unknown_option`, `retired_option`,
/// `too_many` or `malformed_seat_id`.
pub fn set_own_solution(
    tx: &mut Tx<'_>,
    practice: &Practice,
    actor: &Actor,
    revision: i64,
    (software, seat_ids): (Option<String>, Vec<String>),
) -> Result<()> {
    door::hold(tx, practice)?;
    let catalogue = catalogue(tx, practice)?;
    let before = own_solution(tx, practice, &catalogue)?;
    if before.revision != revision {
        return Err(Error::Stale);
    }
    let options = match software.as_deref() {
        Some(label) => options_meant(&catalogue, label)?,
        None => [None, None],
    };
    let seat_ids = checked_seats(&seat_ids)?;
    let software = options.iter().flatten().next().map(|option| option.label.clone());
    let after = OwnSolution { software, seat_ids, revision: revision + 1 };
    if after.state() == before.state() {
        return Ok(());
    }
    let event = Event::new("own_solution.updated", "api").before(&before.state()).after(&after.state());
    door::open_fields(tx, practice, actor, event)?;
    write(tx, practice, options.map(|option| option.map(|option| option.key)), &after)
}

/// The options of the two lists that are called so; a retired one only when it is the practice's own already.
fn options_meant<'a>(catalogue: &'a Catalogue, label: &str) -> Result<[Option<&'a FieldOption>; 2]> {
    let meant = SOFTWARE.map(|slug| catalogue.by_slug(slug).and_then(|field| field.option_meant(label)));
    let offered = meant.map(|option| option.filter(|option| option.retired_at.is_none() || option.own));
    match (offered.iter().flatten().next(), meant.iter().flatten().next()) {
        (Some(_), _) => Ok(offered),
        (None, Some(retired)) => {
            let fault = FieldError::new("/software", "retired_option").with("label", &retired.label);
            Err(Error::Invalid(vec![fault]))
        }
        (None, None) => {
            let lists = SOFTWARE.iter().find_map(|slug| catalogue.by_slug(slug));
            let fault = FieldError::new("/software", "unknown_option");
            Err(Error::Invalid(vec![fault.with("values", lists.map(cells::offered).unwrap_or_default())]))
        }
    }
}

/// Seat ids as certificates have them, each once.
fn checked_seats(given: &[String]) -> Result<Vec<String>> {
    if given.len() > MOST_SEATS {
        return Err(Error::Invalid(vec![FieldError::new("/seat_ids", "too_many").with("max", MOST_SEATS)]));
    }
    let (mut seats, mut wrong) = (Vec::with_capacity(given.len()), Vec::new());
    for (at, typed) in given.iter().enumerate() {
        let seat = typed.to_ascii_uppercase();
        if !is_seat_id(&seat) {
            wrong.push(FieldError::new(format!("/seat_ids/{at}"), "malformed_seat_id"));
        } else if !seats.contains(&seat) {
            seats.push(seat);
        }
    }
    if wrong.is_empty() { Ok(seats) } else { Err(Error::Invalid(wrong)) }
}

fn write(tx: &mut Tx<'_>, practice: &Practice, [receive, send]: [Option<i64>; 2], after: &OwnSolution) -> Result<()> {
    let changed = (
        own_solutions::receive_option.eq(receive),
        own_solutions::send_option.eq(send),
        own_solutions::seat_ids.eq(JsonText::of(&after.seat_ids)),
        own_solutions::revision.eq(after.revision),
        own_solutions::updated_at.eq(tx.now()),
    );
    on_each!(&mut **tx, c => diesel::insert_into(own_solutions::table)
        .values((own_solutions::practice_id.eq(practice.id), changed.clone()))
        .on_conflict(own_solutions::practice_id)
        .do_update()
        .set(changed)
        .execute(c))?;
    Ok(())
}

/// Lets the practice's own solution follow an option that was merged into another.
pub(super) fn follow(tx: &mut Tx<'_>, practice: &Practice, (from, into): (i64, i64)) -> Result<()> {
    let receive = own_solutions::table
        .filter(own_solutions::practice_id.eq(practice.id).and(own_solutions::receive_option.eq(from)));
    diesel::update(receive).set(own_solutions::receive_option.eq(into)).execute(&mut **tx)?;
    let send = own_solutions::table
        .filter(own_solutions::practice_id.eq(practice.id).and(own_solutions::send_option.eq(from)));
    diesel::update(send).set(own_solutions::send_option.eq(into)).execute(&mut **tx)?;
    Ok(())
}
