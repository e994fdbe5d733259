//! The outbox on SQLite, and on PostgreSQL too when `KLAAR_TEST_POSTGRES_URL` names a server that may create databases.

mod claiming;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use diesel::connection::{Connection as _, SimpleConnection as _};
use serde::{Deserialize, Serialize};

use super::*;
use crate::kernel::actor::Actor;
use crate::kernel::clock::Clock;
use crate::kernel::db::{Address, Db};
use crate::kernel::error::Error;
use crate::kernel::ids::new_uuid;
use crate::kernel::operations;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Note {
    number: u32,
}

impl Job for Note {
    const KIND: &'static str = "note";
    const LANE: Lane = Lane::Network;
    const MAX_FAILURES: i32 = 3;
}

const LEASE: Duration = Duration::from_secs(30);

/// A database of its own that goes with it.
struct World {
    db: Db,
    server: Option<(String, String)>,
    _folder: tempfile::TempDir,
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some((server, name)) = &self.server
            && let Ok(mut conn) = diesel::PgConnection::establish(server)
        {
            let _ = conn.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        }
    }
}

/// The same test on each database there is.
fn on_each_database(test: impl Fn(&Db)) {
    for world in worlds() {
        test(&world.db);
    }
}

fn worlds() -> Vec<World> {
    let start = Instant::parse("2026-11-22T12:00:00Z").unwrap();
    let make = |address: Address, server, folder| {
        let db = Db::open(&address, 8, Clock::frozen(start)).unwrap();
        db.migrate().unwrap();
        World { db, server, _folder: folder }
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jobs.db").to_string_lossy().into_owned();
    let mut worlds = vec![make(Address::Sqlite(path), None, folder)];
    match std::env::var("KLAAR_TEST_POSTGRES_URL") {
        Ok(server) => {
            let name = format!("klaar_jobs_{}", new_uuid().simple());
            diesel::PgConnection::establish(&server)
                .unwrap()
                .batch_execute(&format!("CREATE DATABASE {name}"))
                .unwrap();
            let mut own = url::Url::parse(&server).unwrap();
            own.set_path(&name);
            worlds.push(make(Address::Postgres(own.into()), Some((server, name)), tempfile::tempdir().unwrap()));
        }
        Err(_) => println!("skipped on PostgreSQL: KLAAR_TEST_POSTGRES_URL is not set"),
    }
    worlds
}

fn later_by(db: &Db, seconds: i64) {
    db.clock().set(db.clock().now().plus_seconds(seconds));
}

fn put(db: &Db, number: u32, options: &EnqueueOptions) -> bool {
    db.write(|tx| enqueue(tx, &Note { number }, options)).unwrap()
}

fn put_many(db: &Db, count: u32, options: &EnqueueOptions) {
    let notes: Vec<Note> = (0..count).map(|number| Note { number }).collect();
    db.write(|tx| enqueue_all(tx, &notes, options)).unwrap();
}

fn take(db: &Db, worker: WorkerId, limit: usize) -> Vec<Ticket> {
    claim(db, worker, Lane::Network, limit, LEASE).unwrap().into_iter().map(|c| c.ticket).collect()
}

fn begin(db: &Db, tickets: &[Ticket]) -> Vec<Started> {
    start(db, tickets, LEASE).unwrap()
}

fn practice() -> Uid {
    Uid(new_uuid())
}

#[test]
fn a_job_is_there_only_when_its_transaction_was_committed() {
    on_each_database(|db| {
        let rang = Arc::new(AtomicUsize::new(0));
        let counted = rang.clone();
        db.doorbell().on_ring(move |lane| {
            assert_eq!(lane, Lane::Network);
            counted.fetch_add(1, Ordering::SeqCst);
        });
        let broken = db.write(|tx| {
            enqueue(tx, &Note { number: 1 }, &EnqueueOptions::default())?;
            Err::<(), _>(Error::Stale)
        });
        assert!(broken.is_err());
        assert!(take(db, WorkerId::new(), 10).is_empty());
        assert_eq!(rang.load(Ordering::SeqCst), 0);
        put_many(db, 2, &EnqueueOptions::default());
        assert_eq!(rang.load(Ordering::SeqCst), 1, "one ring a lane and commit");
        assert_eq!(take(db, WorkerId::new(), 10).len(), 2);
    });
}

#[test]
fn an_overtaken_claim_leaves_no_effect() {
    on_each_database(|db| {
        let owner = practice();
        let operation = db.write(|tx| operations::create(tx, owner, &Actor::system("test"), "test", Some(1))).unwrap();
        put(db, 1, &EnqueueOptions::of(owner));
        let slow = take(db, WorkerId::new(), 1)[0];
        let started = begin(db, &[slow]);
        assert_eq!(started[0].practice, Some(owner));
        assert_eq!(started[0].payload.read::<Note>().unwrap().number, 1);
        later_by(db, 31);
        assert_eq!(reclaim_expired(db, 100).unwrap(), 1);
        let quick = take(db, WorkerId::new(), 1)[0];
        assert_eq!((quick.id, quick.claim), (slow.id, slow.claim + 1));
        assert_eq!(begin(db, &[quick])[0].failures, 1);

        let effect = |ticket| {
            db.write(|tx| {
                operations::advance(tx, operation, 1, 0)?;
                if finish(tx, ticket)? { Ok(()) } else { Err(Error::Stale) }
            })
        };
        assert!(effect(slow).is_err(), "the first claim is void");
        assert!(effect(quick).is_ok());
        assert!(effect(quick).is_err(), "it is finished already");
        assert_eq!(renew(db, &[slow, quick], LEASE).unwrap(), 0);
        assert!(begin(db, &[slow, quick]).is_empty());
        let done = db.read(|conn| operations::find(conn, owner, operation)).unwrap();
        assert_eq!(done.done, 1);
    });
}

#[test]
fn a_lease_that_runs_out_counts_only_when_a_handler_had_started() {
    on_each_database(|db| {
        put(db, 1, &EnqueueOptions::default());
        for _ in 0..10 {
            assert_eq!(take(db, WorkerId::new(), 1).len(), 1);
            assert!(take(db, WorkerId::new(), 1).is_empty(), "leased");
            later_by(db, 31);
            assert_eq!(reclaim_expired(db, 100).unwrap(), 1);
        }
        for failures in 0..3 {
            let ticket = take(db, WorkerId::new(), 1);
            assert_eq!(begin(db, &ticket)[0].failures, failures);
            later_by(db, 25);
            assert_eq!(renew(db, &ticket, LEASE).unwrap(), 1);
            later_by(db, 25);
            assert_eq!(reclaim_expired(db, 100).unwrap(), 0, "renewed");
            later_by(db, 6);
            assert_eq!(reclaim_expired(db, 100).unwrap(), 1);
        }
        assert!(take(db, WorkerId::new(), 1).is_empty());
        let dead = db.read(|conn| list_dead(conn, None, None, 10)).unwrap().items;
        assert_eq!(dead.len(), 1);
        assert!(dead[0].last_error.as_deref().unwrap().contains("lost"));
    });
}

#[test]
fn a_failure_is_tried_again_later_and_at_last_waits_for_a_person() {
    on_each_database(|db| {
        let (owner, worker) = (practice(), WorkerId::new());
        put(db, 1, &EnqueueOptions::of(owner));
        for (failed, at_least, at_most) in [(1, 1, 3), (2, 3, 5)] {
            let ticket = take(db, worker, 1)[0];
            begin(db, &[ticket]);
            assert!(db.write(|tx| fail(tx, ticket, "the SMP is away", Retry::WithBackOff)).unwrap());
            assert!(!db.write(|tx| fail(tx, ticket, "twice", Retry::WithBackOff)).unwrap(), "void after {failed}");
            later_by(db, at_least - 1);
            assert!(take(db, worker, 1).is_empty(), "too early after {failed}");
            later_by(db, at_most);
        }
        let ticket = take(db, worker, 1)[0];
        begin(db, &[ticket]);
        assert!(db.write(|tx| fail(tx, ticket, "still\0 away", Retry::WithBackOff)).unwrap());
        later_by(db, 100_000);
        assert!(take(db, worker, 1).is_empty(), "dead");

        let dead = db.read(|conn| list_dead(conn, Some(owner), None, 10)).unwrap().items;
        assert_eq!((dead.len(), dead[0].failures, dead[0].last_error.as_deref()), (1, 3, Some("still away")));
        assert!(db.read(|conn| list_dead(conn, Some(practice()), None, 10)).unwrap().items.is_empty());
        let foreign = db.write(|tx| retry_dead(tx, Some(practice()), ticket.id));
        assert!(matches!(foreign, Err(Error::NotFound("job"))));
        db.write(|tx| retry_dead(tx, Some(owner), ticket.id)).unwrap();
        assert!(db.write(|tx| retry_dead(tx, Some(owner), ticket.id)).is_err(), "not dead any more");
        let again = take(db, worker, 1);
        assert_eq!(begin(db, &again)[0].failures, 0);
    });
}

#[test]
fn a_hopeless_job_dies_at_once_and_an_asked_for_pause_is_kept() {
    on_each_database(|db| {
        put_many(db, 2, &EnqueueOptions::default());
        let tickets = take(db, WorkerId::new(), 2);
        begin(db, &tickets);
        db.write(|tx| fail(tx, tickets[0], "no such practice", Retry::Never)).unwrap();
        db.write(|tx| fail(tx, tickets[1], "429", Retry::After(Duration::from_secs(600)))).unwrap();
        later_by(db, 599);
        assert!(take(db, WorkerId::new(), 2).is_empty());
        later_by(db, 1);
        assert_eq!(take(db, WorkerId::new(), 2).len(), 1);
        assert_eq!(db.read(|conn| list_dead(conn, None, None, 10)).unwrap().items.len(), 1);
    });
}

#[test]
fn one_of_many_who_enqueue_under_one_key_wins() {
    on_each_database(|db| {
        let wins = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for number in 0..8 {
                let (db, wins) = (db.clone(), &wins);
                scope.spawn(move || {
                    if put(&db, number, &EnqueueOptions::default().once("cron:note:1")) {
                        wins.fetch_add(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!(wins.load(Ordering::SeqCst), 1);
        let tickets = take(db, WorkerId::new(), 10);
        assert_eq!(tickets.len(), 1);
        assert_eq!(finish_all(db, &tickets).unwrap(), 1);
        assert!(!put(db, 9, &EnqueueOptions::default().once("cron:note:1")), "a done job keeps its key");
        later_by(db, 8 * 86_400);
        let week_ago = db.clock().now().plus_seconds(-7 * 86_400);
        assert_eq!(prune_done(db, week_ago).unwrap(), 1);
        assert_eq!(prune_done(db, week_ago).unwrap(), 0);
        assert!(put(db, 9, &EnqueueOptions::default().once("cron:note:1")));
    });
}

#[test]
fn the_stock_is_counted_by_lane() {
    on_each_database(|db| {
        put_many(db, 5, &EnqueueOptions::default());
        let tickets = take(db, WorkerId::new(), 3);
        begin(db, &tickets);
        finish_all(db, &tickets[..1]).unwrap();
        db.write(|tx| fail(tx, tickets[1], "no", Retry::Never)).unwrap();
        later_by(db, 7);
        let stock = db.read(|conn| depths(conn, db.clock().now())).unwrap();
        let lane = stock.iter().find(|depth| depth.lane == Lane::Network).unwrap();
        assert_eq!(*lane, Depth { lane: Lane::Network, pending: 2, leased: 1, dead: 1, oldest_due_seconds: 7 });
        assert!(stock.iter().filter(|d| d.lane != Lane::Network).all(|d| d.pending + d.leased + d.dead == 0));
    });
}

#[test]
fn an_operation_counts_its_items_until_it_is_over() {
    on_each_database(|db| {
        let owner = practice();
        let actor = Actor::operator();
        let id = db.write(|tx| operations::create(tx, owner, &actor, "client_import", None)).unwrap();
        db.write(|tx| operations::set_total(tx, id, 10)).unwrap();
        let now = db.write(|tx| operations::advance(tx, id, 6, 1)).unwrap().unwrap();
        assert_eq!((now.done, now.failed, now.total, now.status), (6, 1, Some(10), operations::Status::Running));
        db.write(|tx| operations::report(tx, id, 9, 2)).unwrap();
        assert!(db.write(|tx| operations::finish(tx, id, &serde_json::json!({"created": 7}))).unwrap());
        assert!(!db.write(|tx| operations::fail(tx, id, &operations::Problem::new("late"))).unwrap());
        assert!(db.write(|tx| operations::advance(tx, id, 1, 0)).unwrap().is_none());
        let over = db.read(|conn| operations::find(conn, owner, id)).unwrap();
        assert_eq!((over.done, over.failed, over.status), (9, 2, operations::Status::Finished));
        assert!(over.result.is_some() && over.problem.is_none() && over.finished_at.is_some());
        assert!(matches!(db.read(|conn| operations::find(conn, practice(), id)), Err(Error::NotFound("operation"))));

        let second = db.write(|tx| operations::create(tx, owner, &actor, "client_import", None)).unwrap();
        db.write(|tx| operations::fail(tx, second, &operations::Problem::new("too_large").with("most", 5))).unwrap();
        let first_page = db.read(|conn| operations::list(conn, owner, None, 1)).unwrap();
        assert_eq!(first_page.items[0].id, second);
        assert_eq!(first_page.items[0].problem.as_ref().unwrap().params["most"], "5");
        let next = db.read(|conn| operations::list(conn, owner, first_page.next_cursor.as_deref(), 1)).unwrap();
        assert_eq!((next.items[0].id, next.next_cursor), (id, None));
    });
}

#[test]
fn back_off_grows_spreads_and_ends_at_an_hour() {
    assert!((back_off(1, 0.5) - 2.0).abs() < 1e-9);
    assert!((back_off(3, 0.0) - 6.0).abs() < 1e-9);
    assert!((back_off(3, 1.0) - 10.0).abs() < 1e-9);
    assert!(back_off(1000, 1.0) <= 4500.0);
}
