//! Counting: one statement, whatever the number of clients.

use std::cmp::Reverse;
use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};
use jiff::civil::Date;

use super::days;
use super::model::{By, Counts, Group, GroupKey, Readiness, forecast};
use crate::custom_fields::Names;
use crate::identity::{MemberId, Practice};
use crate::kernel::clock::Instant;
use crate::kernel::db::{Conn, documents};
use crate::kernel::error::Result;
use crate::kernel::{UidType, text};
use crate::on_each;
use crate::schema::fields;

/// A field that is delivered with every practice: whether the client is ready.
const READY: &str = "ready";
/// The same: the software that it receives with.
const RECEIVE_SOFTWARE: &str = "receive_software";

#[derive(QueryableByName)]
struct CountsRow {
    #[diesel(sql_type = Nullable<UidType>)]
    member: Option<MemberId>,
    #[diesel(sql_type = Nullable<Text>)]
    name: Option<String>,
    #[diesel(sql_type = BigInt)]
    total: i64,
    #[diesel(sql_type = BigInt)]
    exempt: i64,
    #[diesel(sql_type = BigInt)]
    ready: i64,
    #[diesel(sql_type = BigInt)]
    registered: i64,
    #[diesel(sql_type = BigInt)]
    informed: i64,
    #[diesel(sql_type = BigInt)]
    not_registered: i64,
    #[diesel(sql_type = BigInt)]
    cannot_receive: i64,
    #[diesel(sql_type = BigInt)]
    unknown: i64,
}

impl CountsRow {
    fn counts(&self) -> Counts {
        Counts {
            total: self.total,
            exempt: self.exempt,
            ready: self.ready,
            registered: self.registered,
            informed: self.informed,
            not_registered: self.not_registered,
            cannot_receive: self.cannot_receive,
            unknown: self.unknown,
        }
    }
}

/// The member and the name that groups are made by, in SQL over [`facts`].
fn grouping(by: Option<By>) -> (&'static str, &'static str) {
    match by {
        None => ("NULL", "NULL"),
        Some(By::Portfolio) => ("NULL", "f.portfolio"),
        Some(By::Responsible) => ("f.responsible_id", "f.responsible_name"),
    }
}

/// What is known of each active client on the day `$1` of the practice `$2`, as a table in SQL: yes is 1, no is 0. The
/// day is named first, because SQLite counts its places as they come.
pub(super) fn facts(conn: &mut Conn, practice: &Practice) -> Result<String> {
    let slugs = [READY, RECEIVE_SOFTWARE];
    let found: Vec<(String, i64)> = fields::table
        .filter(fields::practice_id.eq(practice.uid()).and(fields::slug.eq_any(slugs)))
        .select((fields::slug, fields::key))
        .load(conn)?;
    let value = |slug: &str| {
        let key = found.iter().find(|(known, _)| known == slug).map_or(0, |(_, key)| *key);
        format!("CAST({} AS TEXT)", documents::member(conn, "v.vals", &format!("f{key}")))
    };
    let (ready, software) = (value(READY), value(RECEIVE_SOFTWARE));
    Ok(format!(
        "(SELECT c.key, c.id, c.name, c.name_key, c.portfolio, c.responsible_id, c.responsible_name, c.registration, \
         CASE WHEN c.exemption_reason IS NOT NULL AND (c.exemption_until IS NULL OR c.exemption_until >= $1) \
         THEN 1 ELSE 0 END AS exempt, \
         CASE WHEN {ready} = 'true' THEN 1 ELSE 0 END AS ready, \
         CASE WHEN c.informed_at IS NULL THEN 0 ELSE 1 END AS informed, \
         CASE WHEN {software} IS NULL THEN 0 ELSE 1 END AS has_software, \
         CASE WHEN c.email IS NOT NULL OR EXISTS (SELECT 1 FROM contacts k WHERE k.client_key = c.key AND \
         k.email IS NOT NULL) THEN 1 ELSE 0 END AS has_address \
         FROM clients c JOIN client_values v ON v.client_key = c.key \
         WHERE c.practice_id = $2 AND c.archived_at IS NULL) AS f"
    ))
}

/// Counts the active clients on a day, in one row or by group.
fn load(conn: &mut Conn, practice: &Practice, day: Date, by: Option<By>) -> Result<Vec<CountsRow>> {
    let facts = facts(conn, practice)?;
    let (member, name) = grouping(by);
    let member = match conn {
        Conn::Postgres(_) => format!("CAST({member} AS UUID)"),
        Conn::Sqlite(_) => member.to_owned(),
    };
    let those = |condition: &str| format!("coalesce(sum(CASE WHEN f.exempt = 0 AND {condition} THEN 1 ELSE 0 END), 0)");
    let is = |state: &str| those(&format!("f.registration = '{state}'"));
    let grouped = if by.is_some() { format!(" GROUP BY {member}, {name}") } else { String::new() };
    let sql = format!(
        "SELECT {member} AS member, CAST({name} AS TEXT) AS name, count(*) AS total, coalesce(sum(f.exempt), 0) AS exempt, \
         {} AS ready, {} AS registered, {} AS informed, {} AS not_registered, {} AS cannot_receive, {} AS unknown \
         FROM {facts}{grouped}",
        those("f.ready = 1"),
        is("registered"),
        those("f.informed = 1"),
        is("not_registered"),
        is("cannot_receive"),
        those("(f.registration IS NULL OR f.registration = 'unknown')"),
    );
    let day = day.to_string();
    Ok(on_each!(conn, c => diesel::sql_query(sql).bind::<Text, _>(day).bind::<UidType, _>(practice.uid()).load(c)?))
}

/// All active clients of the practice as they are, on a day.
///
/// # Errors
/// When the database refuses.
pub(super) fn counts(conn: &mut Conn, practice: &Practice, day: Date) -> Result<Counts> {
    Ok(load(conn, practice, day, None)?.first().map(CountsRow::counts).unwrap_or_default())
}

/// How far the practice is now; by group, when that is asked.
///
/// # Errors
/// When the database refuses.
pub fn readiness(conn: &mut Conn, practice: &Practice, now: Instant, by: Option<By>) -> Result<Readiness> {
    let day = days::today(practice, now);
    let rows = load(conn, practice, day, by)?;
    let mut counts = Counts::default();
    rows.iter().for_each(|row| counts += row.counts());
    let groups = by.map(|by| groups(conn, practice, by, rows)).transpose()?;
    let known = days::trend(conn, practice, now, super::model::PACE_DAYS)?;
    Ok(Readiness { day, counts, groups, forecast: forecast(&known, counts.to_do(), day) })
}

/// The groups: names that a filter takes for the same are one, in their most frequent spelling.
fn groups(conn: &mut Conn, practice: &Practice, by: By, mut rows: Vec<CountsRow>) -> Result<Vec<Group>> {
    let members: Vec<String> = rows.iter().filter_map(|row| Some(row.member?.to_string())).collect();
    let names = Names::of(conn, practice, members.iter().map(String::as_str))?;
    rows.sort_by(|a, b| b.total.cmp(&a.total).then_with(|| a.name.cmp(&b.name)));
    let mut merged: HashMap<Option<String>, Group> = HashMap::with_capacity(rows.len());
    for row in rows {
        let counts = row.counts();
        let member = row.member.filter(|_| by == By::Responsible).map(|id| id.to_string());
        let merge = member.clone().or_else(|| row.name.as_deref().map(text::fold));
        let key = match (member, row.name) {
            (Some(id), name) => {
                // Of a member who has left, the name on the card is what there is.
                let known = Some(names.get(&id)).filter(|known| *known != id).map(str::to_owned);
                Some(GroupKey { label: known.or(name).unwrap_or_else(|| id.clone()), value: id })
            }
            (None, Some(name)) => Some(GroupKey { value: name.clone(), label: name }),
            (None, None) => None,
        };
        merged.entry(merge).and_modify(|group| group.counts += counts).or_insert(Group { key, counts });
    }
    let mut groups: Vec<Group> = merged.into_values().collect();
    groups.sort_by_cached_key(|group| {
        let label = group.key.as_ref().map(|key| text::fold(&key.label));
        (label.is_none(), Reverse(group.counts.to_do()), label)
    });
    Ok(groups)
}
