//! Checks by hand and what they found.

use diesel::prelude::*;
use klaar_standards::lookup::State;

use super::nights::Shown;
use crate::clients::ClientId;
use crate::identity::Practice;
use crate::kernel::JsonText;
use crate::kernel::clock::Instant;
use crate::kernel::db::Conn;
use crate::kernel::error::{Error, Result};
use crate::kernel::operations::OperationId;
use crate::kernel::page::{self, Page};
use crate::lookups::answers::Told;
use crate::lookups::model::CheckId;
use crate::schema::{clients, findings, registration_checks as checks};

/// A check that a person asked for.
#[derive(Debug, Clone)]
pub struct Check {
    /// Its identifier.
    pub id: CheckId,
    /// `asking`, `checked`, `applying` or `applied`.
    pub status: String,
    /// The operation that asks.
    pub operation: OperationId,
    /// The operation that applies.
    pub application: Option<OperationId>,
    /// When it was asked for.
    pub created_at: Instant,
    /// When everything was asked.
    pub checked_at: Option<Instant>,
    /// When everything was applied.
    pub applied_at: Option<Instant>,
    /// How many clients it is about.
    pub clients: i64,
    /// How many of them are found to have another registration than their card shows.
    pub different: i64,
    /// How many of the findings were skipped when they were applied.
    pub skipped: i64,
}

/// One check of the practice.
///
/// # Errors
/// [`Error::NotFound`] when the practice has no such check, or has had it more than 30 days ago.
pub fn check(conn: &mut Conn, practice: &Practice, id: CheckId) -> Result<Check> {
    type Row = (String, OperationId, Option<OperationId>, Instant, Option<Instant>, Option<Instant>);
    let row: Option<Row> = checks::table
        .filter(checks::practice_id.eq(practice.uid()).and(checks::id.eq(id)))
        .select((
            checks::status,
            checks::operation_id,
            checks::application_id,
            checks::created_at,
            checks::checked_at,
            checks::applied_at,
        ))
        .first(conn)
        .optional()?;
    let (status, operation, application, created_at, checked_at, applied_at) =
        row.ok_or(Error::NotFound("registration check"))?;
    let counted: Vec<(bool, Option<String>, i64)> = findings::table
        .filter(findings::check_id.eq(id))
        .group_by((findings::differs, findings::outcome))
        .select((findings::differs, findings::outcome, diesel::dsl::count_star()))
        .load(conn)?;
    let sum = |wanted: &dyn Fn(bool, Option<&str>) -> bool| {
        counted
            .iter()
            .filter(|(differs, outcome, _)| wanted(*differs, outcome.as_deref()))
            .map(|(.., count)| count)
            .sum()
    };
    Ok(Check {
        id,
        status,
        operation,
        application,
        created_at,
        checked_at,
        applied_at,
        clients: sum(&|_, _| true),
        different: sum(&|differs, _| differs),
        skipped: sum(&|_, outcome| outcome == Some("skipped")),
    })
}

/// Which findings are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FindingFilter {
    /// All.
    #[default]
    All,
    /// Those that differ from what the card shows.
    Different,
    /// Those that were skipped when they were applied.
    Skipped,
}

/// What the network said about one identifier.
#[derive(Debug, Clone)]
pub struct IdentifierAnswer {
    /// `0208:0403227515`.
    pub identifier: String,
    /// `registered`, `cannot_receive`, `not_registered` or `unknown`.
    pub state: String,
    /// Why it cannot receive or is unknown.
    pub cause: Option<String>,
    /// Seat id of the access point.
    pub seat: Option<String>,
    /// The company that runs it.
    pub name: Option<String>,
    /// When that was asked.
    pub asked_at: Instant,
}

impl From<Told> for IdentifierAnswer {
    fn from(told: Told) -> Self {
        Self {
            identifier: told.identifier,
            state: told.state.unwrap_or_else(|| State::Unknown.as_str().to_owned()),
            cause: told.failure.or(told.cause),
            seat: told.seat,
            name: told.name,
            asked_at: Instant(told.asked_at),
        }
    }
}

/// What a check found about one client.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The client.
    pub client: ClientId,
    /// Its name.
    pub client_name: String,
    /// When it was asked about; `None` while that is still to come.
    pub asked_at: Option<Instant>,
    /// The network says something else than the card shows.
    pub differs: bool,
    /// What the card showed.
    pub stands: Shown,
    /// What it would show after applying.
    pub found: Shown,
    /// What the network said about each identifier.
    pub answers: Vec<IdentifierAnswer>,
    /// `applied`, `unchanged` or `skipped`.
    pub outcome: Option<String>,
    /// Why it was skipped: `checked_since`, `card_changed` or `archived`.
    pub reason: Option<String>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = findings)]
struct Row {
    client_key: i64,
    answers: Option<JsonText>,
    asked_at: Option<Instant>,
    differs: bool,
    old_state: Option<String>,
    old_cause: Option<String>,
    old_seat: Option<String>,
    old_name: Option<String>,
    new_state: Option<String>,
    new_cause: Option<String>,
    new_seat: Option<String>,
    new_name: Option<String>,
    outcome: Option<String>,
    reason: Option<String>,
}

/// A page of what a check found, in the order in which the clients were created.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Invalid`] on `/cursor`.
pub fn check_findings(
    conn: &mut Conn,
    practice: &Practice,
    (id, filter): (CheckId, FindingFilter),
    (cursor, limit): (Option<&str>, u32),
) -> Result<Page<Finding>> {
    let own = checks::table.filter(checks::practice_id.eq(practice.uid()).and(checks::id.eq(id)));
    if !diesel::select(diesel::dsl::exists(own)).get_result::<bool>(conn)? {
        return Err(Error::NotFound("registration check"));
    }
    let after: i64 = cursor.map(page::decode).transpose()?.unwrap_or(0);
    let mut rows = findings::table
        .inner_join(clients::table.on(clients::key.eq(findings::client_key)))
        .filter(findings::check_id.eq(id).and(findings::client_key.gt(after)))
        .order(findings::client_key)
        .limit(i64::from(limit) + 1)
        .select((Row::as_select(), clients::id, clients::name))
        .into_boxed();
    rows = match filter {
        FindingFilter::All => rows,
        FindingFilter::Different => rows.filter(findings::differs.eq(true)),
        FindingFilter::Skipped => rows.filter(findings::outcome.eq("skipped")),
    };
    let page = Page::of(rows.load::<(Row, ClientId, String)>(conn)?, limit, |(row, ..)| row.client_key);
    let items = page.items.into_iter().map(finding).collect::<Result<Vec<_>>>()?;
    Ok(Page { items, next_cursor: page.next_cursor, total: page.total })
}

fn finding((row, client, client_name): (Row, ClientId, String)) -> Result<Finding> {
    let answers: Vec<Told> = row.answers.as_ref().map(JsonText::read).transpose()?.unwrap_or_default();
    Ok(Finding {
        client,
        client_name,
        asked_at: row.asked_at,
        differs: row.differs,
        stands: Shown { state: row.old_state, cause: row.old_cause, seat: row.old_seat, name: row.old_name },
        found: Shown { state: row.new_state, cause: row.new_cause, seat: row.new_seat, name: row.new_name },
        answers: answers.into_iter().map(IdentifierAnswer::from).collect(),
        outcome: row.outcome,
        reason: row.reason,
    })
}
