//! The worker from end to end: on SQLite over a channel; on PostgreSQL too when `KLAAR_TEST_POSTGRES_URL` names a server
//! that may create databases, over Redis when `KLAAR_TEST_REDIS_URL` is set as well.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test that cannot go on, or is skipped, should say so")]

mod surroundings;
mod world;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use klaar_domain::kernel::clock::Clock;
use klaar_domain::kernel::error::Error;
use klaar_domain::kernel::jobs::{self, Lane, WorkerId};
use klaar_worker::{Fault, Worker};
use tokio::sync::Notify;

use world::{Hand, World, registry, until};

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_leave_each_effect_once() {
    for world in [Some(World::on_sqlite(Clock::system())), World::on_postgres(0)].into_iter().flatten() {
        let (first, second) = (world.worker(&Hand::default()).await, world.worker(&Hand::default()).await);
        let counting = world.counting(400);
        until("all counted", || world.left() == 0).await;
        assert_eq!(world.counted(counting), 400);
        first.stop().await;
        second.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_wakes_an_idle_worker() {
    for world in [Some(World::on_sqlite(Clock::system())), World::on_postgres(0)].into_iter().flatten() {
        let hand = Hand::default();
        let worker = world.worker(&hand).await;
        world.put();
        until("the first run", || hand.runs.load(Ordering::SeqCst) == 1).await;
        let began = std::time::Instant::now();
        for nth in 2..=20 {
            world.put();
            until("a run", || hand.runs.load(Ordering::SeqCst) == nth).await;
        }
        assert!(began.elapsed() < Duration::from_secs(6), "19 jobs one after the other took {:?}", began.elapsed());
        worker.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_worker_gives_back_what_it_cannot_finish() {
    for world in [Some(World::on_sqlite(Clock::system())), World::on_postgres(0)].into_iter().flatten() {
        let slow = Hand { may_end: Some(Arc::new(Notify::new())), ..Hand::default() };
        let stopping = world.worker(&slow).await;
        // One more than can run at once: the last one waits.
        let most = klaar_worker::concurrency(Lane::Interactive);
        (0..=most).for_each(|_| world.put());
        until("all but one run", || slow.runs.load(Ordering::SeqCst) == most).await;
        until("the last is claimed", || {
            world.db.read(|conn| jobs::leased_count(conn, stopping.id(), Lane::Interactive)).unwrap() == most + 1
        })
        .await;
        assert_eq!(stopping.stop().await, most + 1);
        let quick = Hand::default();
        let other = world.worker(&quick).await;
        until("all run again", || quick.runs.load(Ordering::SeqCst) == most + 1).await;
        until("all done", || world.left() == 0).await;
        other.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_worker_lets_a_job_finish() {
    let world = World::on_sqlite(Clock::system());
    let hand = Hand { may_end: Some(Arc::new(Notify::new())), ..Hand::default() };
    let worker = world.worker(&hand).await;
    world.put();
    hand.is_running.notified().await;
    let may_end = hand.may_end.clone().unwrap();
    let (given, ()) = tokio::join!(worker.stop(), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        may_end.notify_one();
    });
    assert_eq!((given, world.left()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_workers_job_is_taken_over_and_a_live_ones_is_not() {
    for world in [Some(World::on_sqlite(Clock::system())), World::on_postgres(0)].into_iter().flatten() {
        let counting = world.counting(1);
        let gone = jobs::claim(&world.db, WorkerId::new(), Lane::Network, 1, Duration::from_secs(1)).unwrap();
        let ticket = gone[0].ticket;
        jobs::start(&world.db, &[ticket], Duration::from_secs(1)).unwrap();
        let hand = Hand { may_end: Some(Arc::new(Notify::new())), ..Hand::default() };
        let mut runtime = world.runtime().share(hand.clone());
        runtime.lease = Duration::from_secs(1);
        let worker = Worker::start(runtime, registry(), &[]).await.unwrap();
        world.put();
        hand.is_running.notified().await;
        until("taken over", || world.counted(counting) == 1).await;
        // Three leases later the long job still runs, once.
        tokio::time::sleep(Duration::from_secs(3)).await;
        hand.may_end.as_ref().unwrap().notify_one();
        until("all done", || world.left() == 0).await;
        assert_eq!(hand.runs.load(Ordering::SeqCst), 1);
        let late = world.db.write(|tx| if jobs::finish(tx, ticket)? { Ok(()) } else { Err(Error::Stale) });
        assert!(late.is_err());
        worker.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hopeless_job_waits_for_a_person_and_a_panic_is_a_failure() {
    let world = World::on_sqlite(Clock::system());
    let hopeless = Hand { fault: Some(|| Fault::Hopeless("no such thing".to_owned())), ..Hand::default() };
    let worker = world.worker(&hopeless).await;
    world.put();
    until("dead", || world.dead().len() == 1).await;
    assert_eq!(world.dead()[0].last_error.as_deref(), Some("no such thing"));
    worker.stop().await;

    let panicking = Hand { fault: Some(|| panic!("out of tune")), ..Hand::default() };
    let worker = world.worker(&panicking).await;
    let id = world.dead()[0].id;
    world.db.write(|tx| jobs::retry_dead(tx, None, id)).unwrap();
    until("tried again after the panic", || panicking.runs.load(Ordering::SeqCst) >= 2).await;
    worker.stop().await;
    assert!(world.dead().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flushed_redis_loses_nothing() {
    let Ok(url) = std::env::var("KLAAR_TEST_REDIS_URL") else {
        return println!("skipped: KLAAR_TEST_REDIS_URL is not set");
    };
    let Some(world) = World::on_postgres(9) else { return };
    let workers = [world.worker(&Hand::default()).await, world.worker(&Hand::default()).await];
    let mut redis = redis::Client::open(format!("{url}/9")).unwrap().get_multiplexed_async_connection().await.unwrap();
    let countings: Vec<_> = (0..5).map(|_| world.counting(2000)).collect();
    for _ in 0..8 {
        tokio::time::sleep(Duration::from_millis(150)).await;
        redis::cmd("FLUSHDB").query_async::<()>(&mut redis).await.unwrap();
    }
    until("all done", || world.left() == 0).await;
    for counting in countings {
        assert_eq!(world.counted(counting), 2000);
    }
    let again = world.counting(100);
    until("work goes on", || world.left() == 0).await;
    assert_eq!(world.counted(again), 100);
    for worker in workers {
        worker.stop().await;
    }
    let kept: usize = redis::cmd("DBSIZE").query_async(&mut redis).await.unwrap();
    assert!(kept < 40, "{kept} keys are left in Redis");
}
