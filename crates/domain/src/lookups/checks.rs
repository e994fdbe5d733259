//! Checks that a person asks for: the first step asks the network and stores findings, the second applies them.

use std::collections::{BTreeMap, HashSet};

use diesel::prelude::*;

use super::answers::{self, Kept, Told, TypeLists};
use super::jobs::{ApplyFindings, AskForCheck};
use super::model::{CheckId, shows_the_same};
use super::participants::{self, Asker, Packed};
use super::registrations::{self, Loaded, Which};
use super::weighing::{AllNews, News, Subject, Verdict, weigh};
use super::writing;
use crate::clients::{ClientId, RegistrationFacts};
use crate::identity::{self, Practice, PracticeId};
use crate::kernel::JsonText;
use crate::kernel::actor::Actor;
use crate::kernel::audit::{self, Event};
use crate::kernel::clock::Instant;
use crate::kernel::db::{Conn, Db, Tx};
use crate::kernel::error::{Error, FieldError, Result};
use crate::kernel::jobs::{self, EnqueueOptions};
use crate::kernel::operations::{self, Operation, OperationId};
use crate::on_each;
use crate::schema::{clients, findings, registration_checks as checks};

/// The most clients that a check names one by one.
pub const MOST_NAMED: usize = 1000;
/// Clients of one page of asking.
const ASKED: i64 = 50;
/// Findings of one page of applying.
const APPLIED: i64 = 500;
/// Rows in one INSERT.
const BATCH: usize = 1000;

/// Which clients a check is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// These.
    Clients(Vec<ClientId>),
    /// All active ones.
    All,
}

/// Has the network asked about clients. What it says is stored as findings; the clients stay as they are.
///
/// # Errors
/// [`Error::Invalid`] on `/client_ids` when there are none, too many, or one that is not an active client of the practice.
pub fn request(
    tx: &mut Tx<'_>,
    practice: &Practice,
    actor: &Actor,
    selection: &Selection,
) -> Result<(CheckId, Operation)> {
    let keys = selected(tx, practice, selection)?;
    let (id, now, total) = (CheckId::new(), tx.now(), i64::try_from(keys.len()).unwrap_or(i64::MAX));
    let operation = operations::create(tx, practice.uid(), actor, "registration_check", Some(total))?;
    diesel::insert_into(checks::table)
        .values((
            checks::id.eq(id),
            checks::practice_id.eq(practice.uid()),
            checks::status.eq("asking"),
            checks::operation_id.eq(operation),
            checks::created_at.eq(now),
        ))
        .execute(&mut **tx)?;
    for batch in keys.chunks(BATCH) {
        let rows: Vec<_> = batch
            .iter()
            .map(|key| (findings::check_id.eq(id), findings::client_key.eq(*key), findings::differs.eq(false)))
            .collect();
        on_each!(&mut **tx, c => diesel::insert_into(findings::table).values(rows).execute(c))?;
    }
    let event = Event::new("registration_check.requested", "api").on(id);
    audit::record(tx, practice.uid(), actor, &event.after(&serde_json::json!({ "clients": total })))?;
    jobs::enqueue(tx, &AskForCheck { check: id }, &EnqueueOptions::of(practice.uid()).work_of(operation))?;
    Ok((id, operations::find(tx, practice.uid(), operation)?))
}

fn selected(conn: &mut Conn, practice: &Practice, selection: &Selection) -> Result<Vec<i64>> {
    let active = clients::table.filter(clients::practice_id.eq(practice.uid()).and(clients::archived_at.is_null()));
    let Selection::Clients(ids) = selection else {
        return Ok(active.order(clients::key).select(clients::key).load(conn)?);
    };
    if ids.is_empty() || ids.len() > MOST_NAMED {
        return Err(Error::Invalid(vec![
            FieldError::new("/client_ids", "out_of_range").with("min", 1).with("max", MOST_NAMED),
        ]));
    }
    let found: BTreeMap<ClientId, i64> =
        active.filter(clients::id.eq_any(ids)).select((clients::id, clients::key)).load(conn)?.into_iter().collect();
    let missing = ids.iter().enumerate().filter(|(_, id)| !found.contains_key(id));
    let errors: Vec<FieldError> =
        missing.map(|(at, _)| FieldError::new(format!("/client_ids/{at}"), "unknown_client")).collect();
    if errors.is_empty() { Ok(found.into_values().collect()) } else { Err(Error::Invalid(errors)) }
}

/// A check as its pages need it.
#[derive(Debug, Clone)]
pub struct Running {
    id: CheckId,
    /// The practice whose clients are asked about.
    pub practice: Practice,
    operation: OperationId,
    application: Option<OperationId>,
}

/// The check that a job is about; `None` when it does not wait for this kind of work any more.
///
/// # Errors
/// When the database is away.
pub fn running(conn: &mut Conn, id: CheckId, status: &str) -> Result<Option<Running>> {
    let row: Option<(PracticeId, OperationId, Option<OperationId>)> = checks::table
        .find(id)
        .filter(checks::status.eq(status))
        .select((checks::practice_id, checks::operation_id, checks::application_id))
        .first(conn)
        .optional()?;
    let Some((practice, operation, application)) = row else { return Ok(None) };
    Ok(Some(Running { id, practice: identity::find_practice(conn, practice)?, operation, application }))
}

/// The next clients that the network has not been asked about for this check.
///
/// # Errors
/// When the database is away.
pub fn to_ask(conn: &mut Conn, check: &Running) -> Result<Vec<Loaded>> {
    let keys: Vec<i64> = findings::table
        .filter(findings::check_id.eq(check.id).and(findings::answers.is_null()))
        .order(findings::client_key)
        .limit(ASKED)
        .select(findings::client_key)
        .load(conn)?;
    registrations::load(conn, &check.practice, Which::Keys(&keys), ASKED)
}

/// Answers of one page of a check, and what is to be kept besides.
#[derive(Debug, Default)]
pub struct Harvest {
    kept: Vec<Kept>,
    lists: TypeLists,
    packed: Vec<Packed>,
}

impl Harvest {
    /// Takes an answer in.
    pub fn take(&mut self, id: &klaar_standards::participant::ParticipantId, answer: super::network::Answer) {
        self.kept.push(answers::keep(id, answer, &mut self.lists));
    }

    /// Packs the raw answers that are not kept already; before the transaction, since it takes its time.
    ///
    /// # Errors
    /// When the database is away.
    pub fn pack(&mut self, conn: &mut Conn, check: &Running) -> Result<()> {
        self.packed = participants::pack(conn, check.practice.world, &self.kept)?;
        Ok(())
    }
}

/// Stores what the network said about clients, and ends the check behind the last one. In the transaction that finishes
/// the job.
///
/// # Errors
/// When the database refuses.
pub fn store_findings(tx: &mut Tx<'_>, check: &Running, clients: &[Loaded], harvest: &Harvest) -> Result<()> {
    let world = check.practice.world;
    let rows: Vec<(&Told, Option<Instant>)> = harvest.kept.iter().map(|kept| (&kept.told, None)).collect();
    participants::keep_types(tx, &harvest.lists)?;
    participants::keep(tx, world, &rows, Asker::Check)?;
    participants::keep_raw(tx, world, &harvest.packed)?;
    let told: BTreeMap<&str, &Told> = rows.iter().map(|(told, _)| (told.identifier.as_str(), *told)).collect();
    let mut unanswered = 0;
    for client in clients {
        let subject = &client.subject;
        let answers: Vec<&Told> =
            subject.seen.iter().filter_map(|seen| told.get(seen.sighting.identifier.as_str()).copied()).collect();
        unanswered += i64::from(!answers.is_empty() && answers.iter().all(|told| told.failure.is_some()));
        store(tx, check.id, subject, &answers)?;
    }
    let done = i64::try_from(clients.len()).unwrap_or(i64::MAX);
    operations::advance(tx, check.operation, done, unanswered)?;
    let open = findings::table.filter(findings::check_id.eq(check.id).and(findings::answers.is_null()));
    if done > 0 && diesel::select(diesel::dsl::exists(open)).get_result(&mut **tx)? {
        let options = EnqueueOptions::of(check.practice.uid()).work_of(check.operation);
        jobs::enqueue(tx, &AskForCheck { check: check.id }, &options)?;
        return Ok(());
    }
    let now = tx.now();
    diesel::update(checks::table.find(check.id))
        .set((checks::status.eq("checked"), checks::checked_at.eq(Some(now))))
        .execute(&mut **tx)?;
    operations::finish(tx, check.operation, &serde_json::json!({ "registration_check_id": check.id.to_string() }))?;
    Ok(())
}

fn store(tx: &mut Tx<'_>, check: CheckId, subject: &Subject, answers: &[&Told]) -> Result<()> {
    let (now, before) = (tx.now(), &subject.facts);
    let after = weigh(subject, &news(answers)).and_then(|verdict| verdict.facts).unwrap_or_else(|| before.clone());
    diesel::update(findings::table.find((check, subject.key)))
        .set((
            findings::answers.eq(Some(JsonText::of(&answers))),
            findings::asked_at.eq(Some(now)),
            findings::differs.eq(!shows_the_same(before, &after) || before.cause != after.cause),
            (findings::old_state.eq(&before.state), findings::old_cause.eq(&before.cause)),
            (findings::old_seat.eq(&before.seat), findings::old_name.eq(&before.name)),
            (findings::new_state.eq(&after.state), findings::new_cause.eq(&after.cause)),
            (findings::new_seat.eq(&after.seat), findings::new_name.eq(&after.name)),
        ))
        .execute(&mut **tx)?;
    Ok(())
}

fn news<T: std::borrow::Borrow<Told>>(answers: &[T]) -> AllNews {
    let one = |told: &Told| {
        let news = match (told.known(), told.failure()) {
            (Some(known), _) => News::Told { known, details: told.details.clone(), types: told.types.clone() },
            (None, Some(failure)) => News::Failed(failure),
            (None, None) => return None,
        };
        Some((told.identifier.clone(), news))
    };
    answers.iter().filter_map(|told| one(told.borrow())).collect()
}

/// Has the findings of a check written to the clients. Findings about clients that were checked again or changed since are
/// skipped, each with its reason.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Conflict`] `check_not_finished` or `check_applied`.
pub fn apply(tx: &mut Tx<'_>, practice: &Practice, actor: &Actor, id: CheckId) -> Result<Operation> {
    let own = checks::table.filter(checks::practice_id.eq(practice.uid()).and(checks::id.eq(id)));
    let status: Option<String> = own.select(checks::status).first(&mut **tx).optional()?;
    match status.as_deref() {
        None => return Err(Error::NotFound("registration check")),
        Some("asking") => return Err(Error::conflict("check_not_finished")),
        Some("checked") => {}
        Some(_) => return Err(Error::conflict("check_applied")),
    }
    let total: i64 = findings::table.filter(findings::check_id.eq(id)).count().get_result(&mut **tx)?;
    let operation = operations::create(tx, practice.uid(), actor, "registration_check_application", Some(total))?;
    let taken = diesel::update(own.filter(checks::status.eq("checked")))
        .set((checks::status.eq("applying"), checks::application_id.eq(Some(operation))))
        .execute(&mut **tx)?;
    if taken == 0 {
        return Err(Error::conflict("check_applied"));
    }
    audit::record(tx, practice.uid(), actor, &Event::new("registration_check.applied", "api").on(id))?;
    jobs::enqueue(tx, &ApplyFindings { check: id }, &EnqueueOptions::of(practice.uid()).work_of(operation))?;
    operations::find(tx, practice.uid(), operation)
}

#[derive(Queryable)]
struct Open {
    client: i64,
    answers: Option<JsonText>,
    asked_at: Option<Instant>,
}

/// Applies the next findings of a check, and ends the application behind the last one. In the transaction that finishes
/// the job.
///
/// # Errors
/// When the database refuses.
pub fn apply_page(tx: &mut Tx<'_>, check: &Running) -> Result<()> {
    let Some(application) = check.application else { return Ok(()) };
    let actor = operations::find(tx, check.practice.uid(), application)?.actor();
    let source = check.id.to_string();
    let set = writing::open(tx, &check.practice, &actor, ("api", &source))?;
    let open: Vec<Open> = findings::table
        .filter(findings::check_id.eq(check.id).and(findings::outcome.is_null()))
        .order(findings::client_key)
        .limit(APPLIED)
        .select((findings::client_key, findings::answers, findings::asked_at))
        .load(&mut **tx)?;
    let keys: Vec<i64> = open.iter().map(|finding| finding.client).collect();
    let archived: HashSet<i64> = clients::table
        .filter(clients::practice_id.eq(check.practice.uid()).and(clients::key.eq_any(&keys)))
        .filter(clients::archived_at.is_not_null())
        .select(clients::key)
        .load(&mut **tx)?
        .into_iter()
        .collect();
    let loaded = registrations::load(tx, &check.practice, Which::Keys(&keys), APPLIED)?;
    let subjects: BTreeMap<i64, &Subject> = loaded.iter().map(|loaded| (loaded.subject.key, &loaded.subject)).collect();
    let mut verdicts: Vec<(&Subject, Verdict)> = Vec::new();
    let mut outcomes: BTreeMap<(&str, Option<&str>), Vec<i64>> = BTreeMap::new();
    for finding in &open {
        let subject = subjects.get(&finding.client).filter(|subject| !archived.contains(&subject.key));
        let outcome = match weigh_finding(subject.copied(), finding)? {
            Ok(verdict) => {
                let subject = subject.copied();
                let changes = subject.zip(verdict.facts.as_ref()).is_some_and(|(s, facts)| differs(&s.facts, facts));
                verdicts.extend(subject.map(|subject| (subject, verdict)));
                (if changes { "applied" } else { "unchanged" }, None)
            }
            Err(reason) => ("skipped", Some(reason)),
        };
        outcomes.entry(outcome).or_default().push(finding.client);
    }
    let borrowed: Vec<(&Subject, &Verdict)> = verdicts.iter().map(|(subject, verdict)| (*subject, verdict)).collect();
    writing::write(tx, &check.practice, set, &borrowed, &source)?;
    super::held::overtake(tx, &check.practice, &borrowed)?;
    note_outcomes(tx, check.id, &outcomes)?;
    let skipped: usize =
        outcomes.iter().filter(|((outcome, _), _)| *outcome == "skipped").map(|(_, keys)| keys.len()).sum();
    let count = |items: usize| i64::try_from(items).unwrap_or(i64::MAX);
    operations::advance(tx, application, count(open.len()), count(skipped))?;
    if count(open.len()) == APPLIED {
        let options = EnqueueOptions::of(check.practice.uid()).work_of(application);
        jobs::enqueue(tx, &ApplyFindings { check: check.id }, &options)?;
        return Ok(());
    }
    end_application(tx, check, application)
}

fn differs(before: &RegistrationFacts, after: &RegistrationFacts) -> bool {
    !shows_the_same(before, after) || before.cause != after.cause
}

/// What a finding means for its client now, or why it does not count any more.
fn weigh_finding(subject: Option<&Subject>, finding: &Open) -> Result<Result<Verdict, &'static str>> {
    let Some(subject) = subject else { return Ok(Err("archived")) };
    let answers: Vec<Told> = finding.answers.as_ref().map(JsonText::read).transpose()?.unwrap_or_default();
    let asked_at = finding.asked_at.unwrap_or(Instant(0));
    let asked: Vec<&str> = answers.iter().map(|told| told.identifier.as_str()).collect();
    let now: Vec<&str> = subject.seen.iter().map(|seen| seen.sighting.identifier.as_str()).collect();
    if asked != now {
        return Ok(Err("card_changed"));
    }
    let is_later = |at: Option<Instant>| at.is_some_and(|at| at > asked_at);
    if is_later(subject.facts.checked_at) || is_later(subject.facts.unknown_since) {
        return Ok(Err("checked_since"));
    }
    Ok(weigh(subject, &news(&answers)).ok_or("card_changed"))
}

fn note_outcomes(tx: &mut Tx<'_>, check: CheckId, outcomes: &BTreeMap<(&str, Option<&str>), Vec<i64>>) -> Result<()> {
    for ((outcome, reason), keys) in outcomes {
        let rows = findings::table.filter(findings::check_id.eq(check).and(findings::client_key.eq_any(keys)));
        diesel::update(rows)
            .set((findings::outcome.eq(Some(*outcome)), findings::reason.eq(*reason)))
            .execute(&mut **tx)?;
    }
    Ok(())
}

fn end_application(tx: &mut Tx<'_>, check: &Running, application: OperationId) -> Result<()> {
    let now = tx.now();
    diesel::update(checks::table.find(check.id))
        .set((checks::status.eq("applied"), checks::applied_at.eq(Some(now))))
        .execute(&mut **tx)?;
    let counted: Vec<(Option<String>, i64)> = findings::table
        .filter(findings::check_id.eq(check.id))
        .group_by(findings::outcome)
        .select((findings::outcome, diesel::dsl::count_star()))
        .load(&mut **tx)?;
    let of = |name: &str| {
        counted.iter().find(|(outcome, _)| outcome.as_deref() == Some(name)).map_or(0, |(_, count)| *count)
    };
    let result = serde_json::json!({
        "registration_check_id": check.id.to_string(),
        "applied": of("applied"), "unchanged": of("unchanged"), "skipped": of("skipped"),
    });
    operations::finish(tx, application, &result)?;
    Ok(())
}

/// How long findings are kept: 30 days, in seconds.
const KEPT: i64 = 30 * 86_400;

/// Removes checks that are older than 30 days with their findings, one a transaction. Returns how many. Blocking.
///
/// # Errors
/// When the database is away.
pub fn prune(db: &Db) -> Result<usize> {
    let before = db.clock().now().plus_seconds(-KEPT);
    let old: Vec<CheckId> = db.read(|conn| {
        let rows = checks::table.filter(checks::created_at.lt(before));
        Ok(rows.order(checks::created_at).limit(1000).select(checks::id).load(conn)?)
    })?;
    for id in &old {
        db.write(|tx| Ok(diesel::delete(checks::table.find(*id)).execute(&mut **tx)?))?;
    }
    Ok(old.len())
}
