//! Which regular mails members want.

use std::str::FromStr;

use diesel::prelude::*;

use super::model::{Member, MemberId, Practice, Role};
use super::queries;
use crate::kernel::JsonText;
use crate::kernel::actor::Actor;
use crate::kernel::audit::{self, Event};
use crate::kernel::db::{Conn, Tx};
use crate::kernel::error::{Error, FieldError, Result};
use crate::schema::members;

/// A mail that members get regularly when they want it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RegularMail {
    /// What a night has found, when there is something to tell.
    NightReport,
    /// Which clients a night has found at another access point than before.
    AccessPointMoves,
    /// How far the practice is at the beginning of a week.
    WeeklyReadiness,
}

impl RegularMail {
    /// All of them, in their usual order.
    pub const ALL: [Self; 3] = [Self::NightReport, Self::AccessPointMoves, Self::WeeklyReadiness];

    /// The stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NightReport => "night_report",
            Self::AccessPointMoves => "access_point_moves",
            Self::WeeklyReadiness => "weekly_readiness",
        }
    }

    /// What somebody in this role gets until the person says what is wanted: whoever decides for many clients gets all.
    #[must_use]
    pub fn usual_for(role: Role) -> Vec<Self> {
        if role >= Role::Manager { Self::ALL.to_vec() } else { Vec::new() }
    }
}

impl FromStr for RegularMail {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|mail| mail.as_str() == text).ok_or(())
    }
}

/// Says by their names which regular mails a member wants. Returns them in their usual order, each once.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Invalid`] on `/mails/<place>` for a mail that there is not.
pub fn choose_mails(
    tx: &mut Tx<'_>,
    practice: &Practice,
    actor: &Actor,
    (id, names): (MemberId, &[String]),
) -> Result<Vec<RegularMail>> {
    let before = queries::member(tx, practice, id)?.mails;
    let (mut wanted, mut wrong) = (Vec::new(), Vec::new());
    for (place, name) in names.iter().enumerate() {
        match name.parse::<RegularMail>() {
            Ok(mail) => wanted.push(mail),
            Err(()) => {
                let known = RegularMail::ALL.map(RegularMail::as_str).join(", ");
                wrong.push(FieldError::new(format!("/mails/{place}"), "unknown_value").with("values", known));
            }
        }
    }
    if !wrong.is_empty() {
        return Err(Error::Invalid(wrong));
    }
    wanted.sort_unstable();
    wanted.dedup();
    let named = |mails: &[RegularMail]| mails.iter().map(|mail| mail.as_str()).collect::<Vec<_>>();
    diesel::update(members::table.filter(members::practice_id.eq(practice.id).and(members::id.eq(id))))
        .set(members::mails.eq(Some(JsonText::of(&named(&wanted)))))
        .execute(&mut **tx)?;
    if before != wanted {
        let event = Event::new("member.mails_chosen", "api").on(id).before(&named(&before)).after(&named(&wanted));
        audit::record(tx, practice.uid(), actor, &event)?;
    }
    Ok(wanted)
}

/// The members who get a regular mail: those who can sign in and want it.
///
/// # Errors
/// When the database refuses.
pub fn readers(conn: &mut Conn, practice: &Practice, mail: RegularMail) -> Result<Vec<Member>> {
    let mut members = queries::members(conn, practice)?;
    members.retain(|member| member.active && member.mails.contains(&mail));
    Ok(members)
}
