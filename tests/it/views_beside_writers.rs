//! Lists beside writers that commit and roll back: each is what plain SQL says in the same snapshot.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use diesel::sql_types::BigInt;
use diesel::{QueryableByName, RunQueryDsl as _};
use klaar_domain::clients::door::{self, Assigned, CardValue, NewClient};
use klaar_domain::clients::{self, CardDraft};
use klaar_domain::custom_fields::{self, Catalogue};
use klaar_domain::identity::Practice;
use klaar_domain::kernel::actor::Actor;
use klaar_domain::kernel::audit::Event;
use klaar_domain::kernel::clock::Clock;
use klaar_domain::kernel::db::{self, Conn, Db, Tx};
use klaar_domain::kernel::error::{Error, Result};
use klaar_domain::views::{Asker, Listing, Lists};
use serde_json::{Value, json};

use crate::custom_fields_managed::field;
use crate::house::House;
use crate::views::Chance;

const CLIENTS: usize = 150;
const LISTS: usize = 10_000;
const WRITERS: u64 = 3;

#[derive(QueryableByName)]
struct Key {
    #[diesel(sql_type = BigInt)]
    key: i64,
    #[diesel(sql_type = BigInt)]
    revision: i64,
}

#[derive(QueryableByName)]
struct Version {
    #[diesel(sql_type = BigInt)]
    version: i64,
}

struct Place {
    practice: Practice,
    note: i64,
    count: i64,
    tool: i64,
    options: Vec<i64>,
}

/// A filter, and the same as a condition in SQL that both databases understand.
fn question(chance: &mut Chance, place: &Place) -> (Value, String) {
    let at = |key: i64| format!("(v.vals ->> 'f{key}')");
    let is = |field: &str, op: &str, value: Value| json!({ "field": field, "op": op, "value": value });
    let number = chance.below(20) as i64;
    let option = chance.below(place.options.len());
    let count = format!("CAST({} AS DOUBLE PRECISION)", at(place.count));
    let (chosen, label) = (place.options[option], ["a", "b", "c"][option]);
    match chance.below(6) {
        0 => (is("fields.count", "gte", json!(number)), format!("{count} >= {number}")),
        1 => (is("fields.tool", "eq", json!(label)), format!("CAST({} AS BIGINT) = {chosen}", at(place.tool))),
        2 => (
            is("fields.note", "contains", json!(format!("{}", number % 7))),
            format!("{} LIKE '%{}%'", at(place.note), number % 7),
        ),
        3 => (json!({ "field": "fields.note", "op": "empty" }), format!("{} IS NULL", at(place.note))),
        4 => (
            json!({ "and": [is("fields.tool", "ne", json!(label)), is("fields.count", "lt", json!(number))] }),
            format!("({0} IS NULL OR CAST({0} AS BIGINT) <> {chosen}) AND {count} < {number}", at(place.tool)),
        ),
        _ => (is("portfolio", "eq", json!(format!("p{}", number % 3))), format!("c.portfolio = 'p{}'", number % 3)),
    }
}

/// A client's key and its revision.
type Found = (i64, i64);

/// The first page, as a list or as a table, and the number of all.
fn page(
    lists: &Lists,
    conn: &mut Conn,
    (asker, listing): (&Asker<'_>, &Listing),
    is_table: bool,
) -> Result<(Vec<Found>, Option<i64>)> {
    let columns = |_: &Catalogue| Ok(["portfolio", "fields.note", "fields.count"].map(str::to_owned).to_vec());
    if is_table {
        let page = lists.table(conn, asker, listing, (None, 200), &columns)?.page;
        return Ok((page.items.iter().map(|row| (row.key, row.revision)).collect(), page.total));
    }
    let page = lists.page(conn, asker, listing, (None, 200))?.page;
    Ok((page.items.iter().map(|client| (client.key, client.revision)).collect(), page.total))
}

/// The clients that match.
fn said_by_sql(conn: &mut Conn, condition: &str) -> Vec<Found> {
    let sql = format!(
        "SELECT c.key AS key, v.revision AS revision FROM clients c JOIN client_values v ON v.client_key = c.key \
         WHERE c.archived_at IS NULL AND c.name LIKE 'Beside %' AND {condition} ORDER BY c.key"
    );
    diesel::sql_query(sql).load::<Key>(conn).unwrap().into_iter().map(|found| (found.key, found.revision)).collect()
}

/// How often the clients of the practice have been written.
fn version(conn: &mut Conn) -> i64 {
    diesel::sql_query("SELECT version FROM practices WHERE name = 'Maes'").get_result::<Version>(conn).unwrap().version
}

/// One change of some kind, which is undone one time in seven.
fn disturb(tx: &mut Tx<'_>, chance: &mut Chance, place: &Place) -> Result<()> {
    let all = said_by_sql(tx, "1 = 1");
    let some: Vec<i64> = all.iter().map(|(key, _)| *key).filter(|_| chance.one_in(8)).collect();
    let set = door::open(tx, &place.practice, &Actor::operator(), Event::new("clients.edited", "test"))?;
    match chance.below(6) {
        0 => {
            let number = json!(chance.below(20));
            set.assign_values(tx, place.count, &some, Assigned::One(Some(&number)))?;
        }
        1 => {
            let option = json!(chance.pick(&place.options));
            set.assign_values(tx, place.tool, &some, Assigned::One(Some(&option)))?;
        }
        2 => {
            let texts: Vec<Option<Value>> =
                some.iter().map(|_| (!chance.one_in(3)).then(|| json!(format!("n{}", chance.below(100))))).collect();
            set.assign_values(tx, place.note, &some, Assigned::Each(&texts))?;
        }
        3 => {
            let portfolio = format!("p{}", chance.below(3));
            set.assign_card(tx, &some, CardValue::Portfolio(Some(&portfolio)))?;
        }
        4 => {
            set.assign_card(tx, some.get(..1).unwrap_or_default(), CardValue::Archived)?;
        }
        _ => {
            let around = clients::surroundings(tx, &place.practice)?;
            let draft = CardDraft { name: Some("Beside".to_owned() + " new"), ..CardDraft::default() };
            set.insert(tx, &[&NewClient::of(clients::check(draft, &around).map_err(Error::Invalid)?)])?;
        }
    }
    if chance.one_in(7) { Err(Error::conflict("undone")) } else { Ok(()) }
}

async fn place(house: &House) -> Place {
    let practice = house.practice("Maes");
    let api = house.may_everything(&practice);
    for (slug, kind, options) in
        [("note", "text", &[][..]), ("count", "number", &[]), ("tool", "choice", &["a", "b", "c"])]
    {
        field(&api, slug, kind, options).await;
    }
    for at in 0..CLIENTS {
        api.post("/v1/clients", &json!({ "name": format!("Beside {at}") })).await.expect(201);
    }
    let catalogue = house.db.read(|conn| custom_fields::catalogue(conn, &practice)).unwrap();
    let key = |slug: &str| catalogue.by_slug(slug).unwrap().key;
    let options = catalogue.by_slug("tool").unwrap().options.iter().map(|option| option.key).collect();
    Place { note: key("note"), count: key("count"), tool: key("tool"), options, practice }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_lists_beside_writers_are_what_sql_says() {
    let house = House::open().await;
    let place = Arc::new(place(&house).await);
    let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let asked = Arc::new(AtomicUsize::new(0));
    let writers: Vec<_> = (0..WRITERS)
        .map(|seed| {
            // A database of its own, as another process has it.
            let db = Db::open(&house.settings.database, 2, Clock::system()).unwrap();
            let (place, stop) = (Arc::clone(&place), Arc::clone(&stop));
            let (asked, written) = (Arc::clone(&asked), Arc::clone(&written));
            std::thread::spawn(move || {
                let mut chance = Chance(seed + 100);
                while !stop.load(Ordering::Relaxed) {
                    std::thread::sleep(std::time::Duration::from_millis(chance.next() % 20));
                    // Fewer writes than pages, however slow the machine, so that most pages have none beside them.
                    if written.load(Ordering::Relaxed) < asked.load(Ordering::Relaxed) / 5 {
                        let committed = db.write(|tx| disturb(tx, &mut chance, &place)).is_ok();
                        written.fetch_add(usize::from(committed), Ordering::Relaxed);
                    }
                }
            })
        })
        .collect();
    let (db, lists) = (house.db.clone(), Lists::new(1 << 20));
    let reader = tokio::task::spawn_blocking(move || {
        let mut chance = Chance(7);
        let asker = Asker { practice: &place.practice, me: None, key: None, now: db.clock().now() };
        let (mut found, mut quiet) = (0, 0);
        for at in 0..LISTS {
            asked.store(at, Ordering::Relaxed);
            let (filter, condition) = question(&mut chance, &place);
            let listing = Listing { filter: Some(filter.clone()), ..Listing::default() };
            if at % 2 == 0 {
                let (listed, sql) = db
                    .read(|conn| {
                        lists.select(conn, &asker, &listing, |conn, keys, _| Ok((keys, said_by_sql(conn, &condition))))
                    })
                    .unwrap();
                let sql: Vec<i64> = sql.into_iter().map(|(key, _)| key).collect();
                assert_eq!(listed, sql, "the {at}th: {filter}");
                found += listed.len();
                continue;
            }
            // A page holds no snapshot open, so it is compared when nobody wrote between what SQL says before and after: the
            // same answer twice is not enough, because a client may have come and gone between the two. Every other one is a
            // table, whose rows may be kept from before.
            let sql = |conn: &mut Conn| db::snapshot(conn, |conn| Ok((version(conn), said_by_sql(conn, &condition))));
            let (before, listed, after) = db
                .read(|conn| Ok((sql(conn)?, page(&lists, conn, (&asker, &listing), at % 4 == 3)?, sql(conn)?)))
                .unwrap();
            if before.0 == after.0 {
                let total = Some(before.1.len() as i64);
                let first: Vec<Found> = before.1.into_iter().take(200).collect();
                assert_eq!(listed, (first, total), "the {at}th: {filter}");
                quiet += 1;
            }
        }
        (found, quiet)
    });
    let (found, quiet) = reader.await.unwrap();
    stop.store(true, Ordering::Relaxed);
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    let written = written.load(Ordering::Relaxed);
    assert!(found > LISTS && quiet > LISTS / 4, "{found} clients, {quiet} pages between writes prove too little");
    assert!(written > 300, "{written} writes disturb too little");
}
