//! The room's mails.

use serde::Serialize;

use super::model::NightId;
use super::queries::{AccessPoint, NightMove, NightReport, Shown, night, night_changes, night_moves};
use crate::identity::{self, Member, MemberId, Practice, RegularMail};
use crate::kernel::catalogue::{self, Language};
use crate::kernel::dates;
use crate::kernel::db::Conn;
use crate::kernel::error::{Error, Result};
use crate::mail::{Letter, Party, Post};

/// How many changes a mail names.
const MOST_NAMED: u32 = 20;
/// How many moves a mail names.
const MOST_MOVES: usize = 20;

/// What a night has found.
#[derive(Debug, Clone, Serialize)]
pub struct NightLetter {
    /// The practice.
    pub practice: String,
    /// The member.
    pub name: String,
    /// The night's date, in words.
    pub day: String,
    /// How many clients the practice has.
    pub clients: i64,
    /// How many of them show another registration than before.
    pub changed: i64,
    /// Some of these.
    pub changes: Vec<NamedChange>,
    /// How many more there are than those that are named.
    pub more: i64,
    /// How many identifiers were asked without an answer.
    pub unknown: i64,
    /// How many were not asked, because the night was over before.
    pub not_asked: i64,
    /// How many clients have vanished from the network and wait for a person.
    pub held: i64,
}

/// A client whose registration has changed.
#[derive(Debug, Clone, Serialize)]
pub struct NamedChange {
    /// The client.
    pub client: String,
    /// What was known before.
    pub before: String,
    /// What is known now.
    pub after: String,
}

impl Letter for NightLetter {
    const NAME: &'static str = "lookups/night";

    fn sample(language: Language) -> Self {
        let shown = |state: &str, name: Option<&str>| {
            said(&Shown { state: Some(state.to_owned()), name: name.map(str::to_owned), ..Shown::default() }, language)
        };
        let change =
            |client: &str, before: String, after: String| NamedChange { client: client.to_owned(), before, after };
        let changes = vec![
            change("Bakkerij Peeters", shown("not_registered", None), shown("registered", Some("Octopus"))),
            change("Garage Claes", shown("registered", Some("Billit")), shown("registered", Some("CodaBox"))),
        ];
        Self {
            practice: "Maes & Partners".to_owned(),
            name: "Céline Dubois".to_owned(),
            day: dates::written(jiff::civil::Date::constant(2026, 11, 23), language),
            clients: 812,
            changed: 9,
            more: 7,
            changes,
            unknown: 3,
            not_asked: 0,
            held: 2,
        }
    }
}

/// Whether somebody would want to know: something changed, waits for a person, or was not learned.
pub(super) fn is_worth_a_mail(report: &NightReport) -> bool {
    report.ordinal == 0 && report.changed + report.held + report.not_asked + report.unknown.values().sum::<i64>() > 0
}

/// The mail of a night to a member; none when the member is gone or wants it no more.
///
/// # Errors
/// [`Error::NotFound`] when the practice has no such night; when the database refuses.
pub fn night_to_mail(
    conn: &mut Conn,
    practice: &Practice,
    (id, member): (NightId, MemberId),
) -> Result<Option<Post<NightLetter>>> {
    let Some(member) = reader(conn, practice, RegularMail::NightReport, member)? else { return Ok(None) };
    let language: Language = member.account.language.parse().unwrap_or_default();
    let report = night(conn, practice, id)?;
    let found = night_changes(conn, practice, id, (None, MOST_NAMED))?;
    let changes: Vec<NamedChange> = found
        .items
        .iter()
        .map(|change| NamedChange {
            client: change.client_name.clone(),
            before: said(&change.before, language),
            after: said(&change.after, language),
        })
        .collect();
    let named = i64::try_from(changes.len()).unwrap_or(i64::MAX);
    let letter = NightLetter {
        practice: practice.name.clone(),
        name: member.account.name.clone(),
        day: dates::written(report.local_date.parse().map_err(Error::internal)?, language),
        clients: report.clients,
        changed: report.changed,
        more: (report.changed - named).max(0),
        changes,
        unknown: report.unknown.values().sum(),
        not_asked: report.not_asked,
        held: report.held,
    };
    let to = Party { name: member.account.name, address: member.account.email };
    Ok(Some(Post { letter, language, sender: practice.name.clone(), to }))
}

/// What a card shows of a registration, in words: the state, and the access point; a dash for neither.
fn said(shown: &Shown, language: Language) -> String {
    let state =
        shown.state.as_ref().map(|state| catalogue::text(language, &format!("word.registration.state.{state}"), &[]));
    let parts: Vec<String> = state.into_iter().chain(shown.name.clone().or_else(|| shown.seat.clone())).collect();
    if parts.is_empty() { "–".to_owned() } else { parts.join(", ") }
}

/// The member, if the mail is still wanted.
fn reader(conn: &mut Conn, practice: &Practice, mail: RegularMail, member: MemberId) -> Result<Option<Member>> {
    Ok(identity::readers(conn, practice, mail)?.into_iter().find(|reader| reader.id == member))
}

/// Which clients a night has found at another access point than before.
#[derive(Debug, Clone, Serialize)]
pub struct MovedLetter {
    /// The practice.
    pub practice: String,
    /// The member.
    pub name: String,
    /// The night's date, in words.
    pub day: String,
    /// How many clients moved.
    pub clients: i64,
    /// How many of them moved away from the practice's own solution.
    pub away: i64,
    /// Some of the moves, the worst first.
    pub moves: Vec<NamedMove>,
    /// How many more clients moved than those that are named.
    pub more: i64,
}

/// A client that moved to another access point.
#[derive(Debug, Clone, Serialize)]
pub struct NamedMove {
    /// The client.
    pub client: String,
    /// The access point before.
    pub before: String,
    /// The access point now.
    pub after: String,
    /// The one before was of the practice's own solution, the one now is not.
    pub is_away: bool,
}

impl From<NightMove> for NamedMove {
    fn from(moved: NightMove) -> Self {
        let (before, after) = told_apart(&moved.before, &moved.after);
        Self { client: moved.client_name, before, after, is_away: moved.is_away }
    }
}

impl Letter for MovedLetter {
    const NAME: &'static str = "lookups/moved";

    fn sample(language: Language) -> Self {
        let access_point = |seat: &str, name: &str| AccessPoint { seat: seat.to_owned(), name: Some(name.to_owned()) };
        let moved = |client_name: &str, is_away: bool, (before, after): (AccessPoint, AccessPoint)| {
            NamedMove::from(NightMove { client_name: client_name.to_owned(), is_away, before, after })
        };
        let octopus = access_point("POP000111", "Octopus");
        let (billit, again) = (access_point("POP000222", "Billit"), access_point("POP000333", "Billit"));
        Self {
            practice: "Maes & Partners".to_owned(),
            name: "Céline Dubois".to_owned(),
            day: dates::written(jiff::civil::Date::constant(2026, 11, 23), language),
            clients: 9,
            away: 1,
            moves: vec![
                moved("Bakkerij Peeters", true, (octopus, billit.clone())),
                moved("Garage Claes", false, (billit, again)),
            ],
            more: 7,
        }
    }
}

/// The mail of a night's moves to a member; none when the member is gone or wants it no more, or when nobody moved.
///
/// # Errors
/// [`Error::NotFound`] when the practice has no such night; when the database refuses.
pub fn moves_to_mail(
    conn: &mut Conn,
    practice: &Practice,
    (id, member): (NightId, MemberId),
) -> Result<Option<Post<MovedLetter>>> {
    let Some(member) = reader(conn, practice, RegularMail::AccessPointMoves, member)? else { return Ok(None) };
    let language: Language = member.account.language.parse().unwrap_or_default();
    let report = night(conn, practice, id)?;
    let found = night_moves(conn, practice, id, MOST_MOVES)?;
    if found.clients == 0 {
        return Ok(None);
    }
    let letter = MovedLetter {
        practice: practice.name.clone(),
        name: member.account.name.clone(),
        day: dates::written(report.local_date.parse().map_err(Error::internal)?, language),
        clients: found.clients,
        away: found.away,
        moves: found.moves.into_iter().map(NamedMove::from).collect(),
        more: found.more,
    };
    let to = Party { name: member.account.name, address: member.account.email };
    Ok(Some(Post { letter, language, sender: practice.name.clone(), to }))
}

/// Two access points by the companies that run them, with the seat ids as well where that is the same company; by the seat
/// id alone where it is not known.
fn told_apart(before: &AccessPoint, after: &AccessPoint) -> (String, String) {
    let is_alike = before.name == after.name;
    let said = |point: &AccessPoint| match &point.name {
        Some(name) if is_alike => format!("{name} ({})", point.seat),
        Some(name) => name.clone(),
        None => point.seat.clone(),
    };
    (said(before), said(after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_points_of_one_company_are_told_apart() {
        let point =
            |seat: &str, name: Option<&str>| AccessPoint { seat: seat.to_owned(), name: name.map(str::to_owned) };
        let said = |before, after| told_apart(&before, &after);
        let pair = |before: &str, after: &str| (before.to_owned(), after.to_owned());
        let (one, two) = (point("POP000001", Some("Billit")), point("POP000002", Some("Billit")));
        assert_eq!(said(one.clone(), two), pair("Billit (POP000001)", "Billit (POP000002)"));
        assert_eq!(said(one, point("POP000003", None)), pair("Billit", "POP000003"));
        assert_eq!(said(point("POP000003", None), point("POP000004", None)), pair("POP000003", "POP000004"));
    }
}
