//! 10,000 lists of one server while another server, its workers and a third process write: each is what plain SQL says.
//! Over HTTP no list can be read in the same snapshot, so those count between whose two readings of the practice's version
//! nobody wrote.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use diesel::sql_types::{BigInt, Text};
use diesel::{QueryableByName, RunQueryDsl as _};
use klaar_domain::custom_fields;
use klaar_domain::identity::{self, Practice};
use klaar_domain::kernel::db::{self, Conn};
use klaar_domain::kernel::error::Result;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::ground::{Api, Chance, Fallible, Ground, Signs, filter, number, text};

pub const PRACTICE: &str = "Few";
const LISTS: usize = 10_000;
/// Lists that are asked for in vain before this case is given up.
const MOST_IN_VAIN: usize = 10 * LISTS;
const PAGE: usize = 200;
const WRITERS: u64 = 2;

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = BigInt)]
    key: i64,
    #[diesel(sql_type = Text)]
    id: String,
}

/// Keys and identifiers of the active clients that a condition means, in an order. The practice stands in it as itself, so
/// that PostgreSQL knows how few its clients are.
pub fn said_by_sql(
    conn: &mut Conn,
    practice: &Practice,
    (condition, order): (&str, &str),
) -> Result<Vec<(i64, String)>> {
    let id = practice.id.to_string();
    let id = id.rsplit('_').next().unwrap_or_default();
    let (database, practice, order) = match conn {
        Conn::Sqlite(_) => ("sqlite", format!("X'{id}'"), order.replace(" COLLATE \"C\"", "")),
        Conn::Postgres(_) => ("postgres", format!("'{id}'::uuid"), order.to_owned()),
    };
    let sql = format!(
        "SELECT c.key AS key, {} AS id FROM clients c JOIN client_values v ON v.client_key = c.key \
         WHERE c.practice_id = {practice} AND v.practice_id = {practice} AND c.archived_at IS NULL AND ({condition}) \
         ORDER BY {order}",
        crate::ground::id_in_sql(database)
    );
    Ok(diesel::sql_query(sql).load::<Found>(conn)?.into_iter().map(|found| (found.key, found.id)).collect())
}

fn version(conn: &mut Conn) -> Result<i64> {
    number(conn, &format!("SELECT version AS n FROM practices WHERE name = '{PRACTICE}'"))
}

/// What is asked about: the practice, and the keys of its fields.
struct Fields {
    practice: Practice,
    fee: i64,
    employees: i64,
    notes: i64,
    segment: i64,
    segments: Vec<i64>,
}

fn fields(ground: &Ground) -> Fallible<Fields> {
    let (practice, catalogue) = ground.db.read(|conn| {
        let practice = identity::practice_by_text(conn, PRACTICE)?;
        let catalogue = custom_fields::catalogue(conn, &practice)?;
        Ok((practice, catalogue))
    })?;
    let key = |slug: &str| catalogue.by_slug(slug).map(|field| field.key).ok_or("a field is missing");
    let options = catalogue.by_slug("cf_segment").map(|field| field.options.as_slice()).unwrap_or_default();
    Ok(Fields {
        fee: key("cf_fee")?,
        employees: key("cf_employees")?,
        notes: key("cf_notes")?,
        segment: key("cf_segment")?,
        segments: options.iter().map(|option| option.key).collect(),
        practice,
    })
}

/// A list, and the same as a condition and an order in SQL that both databases understand.
fn question(chance: &mut Chance, fields: &Fields) -> (Value, &'static str, String, String) {
    let at = |key: i64| format!("(v.vals ->> 'f{key}')");
    let value = |key: i64| format!("CAST({} AS DOUBLE PRECISION)", at(key));
    let is = |field: &str, op: &str, value: Value| json!({ "field": field, "op": op, "value": value });
    let (some, segment) = (chance.below(250), chance.below(fields.segments.len()));
    let (label, option) = (format!("seg{segment:02}"), fields.segments.get(segment).copied().unwrap_or_default());
    let of_segment = format!("CAST({} AS BIGINT) = {option}", at(fields.segment));
    let (tree, condition) = match chance.below(6) {
        0 => (is("fields.cf_employees", "gte", json!(some)), format!("{} >= {some}", value(fields.employees))),
        1 => (is("fields.cf_segment", "eq", json!(label)), of_segment),
        2 => (
            is("fields.cf_notes", "contains", json!(format!("{}", some % 10))),
            format!("{} LIKE '%{}%'", at(fields.notes), some % 10),
        ),
        3 => (json!({ "field": "fields.cf_notes", "op": "empty" }), format!("{} IS NULL", at(fields.notes))),
        4 => (
            json!({ "and": [
                json!({ "not": is("fields.cf_segment", "eq", json!(label)) }),
                is("fields.cf_employees", "lt", json!(some)),
            ] }),
            format!("NOT coalesce({of_segment}, false) AND {} < {some}", value(fields.employees)),
        ),
        _ => (is("portfolio", "eq", json!(format!("p{}", some % 3))), format!("c.portfolio = 'p{}'", some % 3)),
    };
    // Who has no value comes last in either direction.
    let by = |key: i64, down: &str| format!("{0} IS NULL, {1}{down}, c.key{down}", at(key), value(key));
    let (sort, order) = match chance.below(4) {
        0 => ("name", "c.name_key COLLATE \"C\", c.key".to_owned()),
        1 => ("-name", "c.name_key COLLATE \"C\" DESC, c.key DESC".to_owned()),
        2 => ("-fields.cf_fee", by(fields.fee, " DESC")),
        _ => ("fields.cf_employees", by(fields.employees, "")),
    };
    (tree, sort, condition, order)
}

/// The other process, killed when this one is done with it.
struct Writer(Child);

impl Writer {
    fn begin(address: &str) -> Fallible<Self> {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]).arg(std::env::current_exe()?).args(["write", address, "11"]);
        Ok(Self(command.stdin(Stdio::null()).spawn()?))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Writes through the other server, now and then in bulk, which the workers do.
fn begin_writers(api: &Api, known: &[String], signs: &Arc<Signs>) -> Vec<JoinHandle<Fallible<()>>> {
    let writer = |seed| {
        let (api, known, signs) = (api.clone(), known.to_vec(), Arc::clone(signs));
        tokio::spawn(async move {
            let mut chance = Chance(seed + 40);
            while !signs.stop.load(Ordering::Relaxed) {
                let fee = json!(chance.below(5_000));
                let segment = format!("seg{:02}", chance.below(20));
                match chance.below(10) {
                    0 => {
                        let some = json!({ "filter": { "field": "fields.cf_segment", "op": "eq", "value": segment } });
                        let (_, operation) = api.edit(some, "fields.cf_fee", fee).await?;
                        api.finished(&operation).await?;
                    }
                    1 => {
                        let new =
                            json!({ "name": "Beside one more", "fields": { "cf_fee": fee, "cf_segment": segment } });
                        api.post("/v1/clients", &new, 201).await?;
                    }
                    _ => {
                        let id = chance.pick(&known).cloned().unwrap_or_default();
                        api.try_change(&id, &json!({ "fields": { "cf_fee": fee, "cf_segment": segment } })).await?;
                    }
                }
                signs.written.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(20 + u64::try_from(chance.below(60))?)).await;
            }
            Ok(())
        })
    };
    (0..WRITERS).map(writer).collect()
}

/// What came of all lists.
#[derive(Default)]
struct Tally {
    equal: usize,
    differing: usize,
    in_vain: usize,
    clients: usize,
}

async fn compare(ground: &Ground, api: &Api, fields: &Fields) -> Fallible<Tally> {
    let (mut chance, mut tally) = (Chance(7), Tally::default());
    while tally.equal + tally.differing < LISTS && tally.in_vain < MOST_IN_VAIN {
        let (tree, sort, condition, order) = question(&mut chance, fields);
        let snapshot =
            |conn: &mut Conn| Ok((version(conn)?, said_by_sql(conn, &fields.practice, (&condition, &order))?));
        let (before, should) = ground.db.read(|conn| db::snapshot(conn, snapshot))?;
        let page = api.get(&format!("/v1/clients?limit={PAGE}&sort={sort}&{}", filter(&tree))).await?;
        if ground.db.read(version)? != before {
            tally.in_vain += 1;
            continue;
        }
        let listed: Vec<String> =
            page["items"].as_array().into_iter().flatten().map(|item| text(&item["id"])).collect();
        let first: Vec<String> = should.iter().take(PAGE).map(|(_, id)| id.clone()).collect();
        tally.clients += listed.len();
        if listed == first && page["total"] == should.len() {
            tally.equal += 1;
        } else {
            tally.differing += 1;
            let (has, wants) = (listed.len(), first.len());
            let at = listed.iter().zip(&first).take_while(|(listed, first)| listed == first).count();
            #[expect(clippy::print_stderr, reason = "the driver passes on what else there is to say")]
            {
                eprintln!(
                    "{tree} by {sort}: {has} of {wants}, total {} of {}, alike up to {at}",
                    page["total"],
                    should.len()
                );
            }
        }
    }
    Ok(tally)
}

pub async fn lists_beside_processes(ground: &mut Ground, key: &str) -> Fallible<()> {
    let fields = fields(ground)?;
    let (api, other) = (ground.api(0, key), ground.api(1, key));
    let known: Vec<String> = api.all("/v1/clients?sort=name").await?.iter().map(|item| text(&item["id"])).collect();
    let signs = Arc::new(Signs::default());
    let began = ground.db.read(version)?;
    let mut writer = Writer::begin(&ground.address)?;
    let writers = begin_writers(&other, &known, &signs);
    let tally = compare(ground, &api, &fields).await?;
    let writes = ground.db.read(version)? - began;
    signs.stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await??;
    }
    let wrote_on = writer.0.try_wait()?.is_none();
    drop(writer);
    let facts = json!({
        "lists": tally.equal + tally.differing, "differing": tally.differing, "in_vain": tally.in_vain,
        "clients": tally.clients, "writes": writes, "over_http": signs.written.load(Ordering::Relaxed),
    });
    let is_enough = tally.equal == LISTS && tally.clients > LISTS && writes > 300;
    ground.say("bulk: lists beside other processes", facts, is_enough && tally.differing == 0 && wrote_on);
    Ok(())
}
