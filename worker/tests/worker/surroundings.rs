//! Schedules, upkeep, the listener, and running without a worker.

use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use klaar_domain::kernel::clock::{Clock, Instant};
use klaar_domain::kernel::jobs::{self, EnqueueOptions};
use klaar_worker::listener::Listener;
use klaar_worker::{OutboxCollector, Schedule, Worker, run_due};

use crate::world::{Hand, Obey, World, registry, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_is_enqueued_by_one_of_two_workers() {
    for world in [Some(World::on_sqlite(Clock::system())), World::on_postgres(0)].into_iter().flatten() {
        let hand = Hand::default();
        let every_second = [Schedule::new("every_second", "* * * * * *", Obey {})];
        let start = || Worker::start(world.runtime().share(hand.clone()), registry(), &every_second);
        let (first, second) = (start().await.unwrap(), start().await.unwrap());
        let began = std::time::Instant::now();
        until("three ticks", || hand.runs.load(Ordering::SeqCst) >= 3).await;
        let seconds = usize::try_from(began.elapsed().as_secs()).unwrap();
        first.stop().await;
        second.stop().await;
        assert!(
            hand.runs.load(Ordering::SeqCst) <= seconds + 3,
            "{} runs in {seconds} s",
            hand.runs.load(Ordering::SeqCst)
        );
        let at = Instant::parse("2026-11-22T12:00:00Z").unwrap();
        assert!(every_second[0].tick(&world.db, at).unwrap());
        assert!(!every_second[0].tick(&world.db, at).unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_due_can_be_run_without_a_worker() {
    let start = Instant::parse("2026-11-22T12:00:00Z").unwrap();
    let world = World::on_sqlite(Clock::frozen(start));
    let counting = world.counting(150);
    let later = EnqueueOptions::default().at(start.plus_seconds(60));
    world.db.write(|tx| jobs::enqueue(tx, &Obey {}, &later)).unwrap();
    let hand = Hand::default();
    assert_eq!(run_due(world.runtime().share(hand.clone()), registry()).await.unwrap(), 150);
    assert_eq!((world.counted(counting), world.left()), (150, 1));
    world.db.clock().set(start.plus_seconds(60));
    assert_eq!(run_due(world.runtime().share(hand.clone()), registry()).await.unwrap(), 1);
    assert_eq!(hand.runs.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn done_jobs_are_pruned_after_seven_days() {
    let start = Instant::parse("2026-11-22T12:00:00Z").unwrap();
    let world = World::on_sqlite(Clock::frozen(start));
    let key = EnqueueOptions::default().once("once");
    let put = || world.db.write(|tx| jobs::enqueue(tx, &Obey {}, &key)).unwrap();
    assert!(put());
    run_due(world.runtime().share(Hand::default()), registry()).await.unwrap();
    for (days, is_free) in [(6, false), (8, true)] {
        world.db.clock().set(start.plus_seconds(days * 86_400));
        for schedule in klaar_worker::schedules() {
            assert!(schedule.tick(&world.db, world.db.clock().now()).unwrap());
        }
        run_due(world.runtime(), klaar_worker::jobs()).await.unwrap();
        assert_eq!(put(), is_free, "after {days} days");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_listener_tells_health_and_numbers() {
    let world = World::on_sqlite(Clock::system());
    let runtime = world.runtime().share(Hand::default());
    let metrics = runtime.metrics.clone();
    metrics.register(Box::new(OutboxCollector::new(world.db.clone()).unwrap())).unwrap();
    let worker = Arc::new(Worker::start(runtime, registry(), &[]).await.unwrap());
    let listener = Listener::open("127.0.0.1:0".parse().unwrap(), worker.clone(), metrics).await.unwrap();
    let address = listener.address();
    let ask = move |path: &'static str| {
        tokio::task::spawn_blocking(move || {
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
            let mut said = String::new();
            stream.read_to_string(&mut said).unwrap();
            said
        })
    };
    world.put();
    until("done", || world.left() == 0).await;
    assert!(ask("/healthz").await.unwrap().starts_with("HTTP/1.1 200"));
    assert!(ask("/readyz").await.unwrap().starts_with("HTTP/1.1 200"));
    assert!(ask("/").await.unwrap().starts_with("HTTP/1.1 404"));
    let numbers = ask("/metrics").await.unwrap();
    for line in
        [r#"klaar_jobs{lane="interactive",status="dead"} 0"#, r#"klaar_jobs_ended_total{kind="obey",outcome="done"} 1"#]
    {
        assert!(numbers.contains(line), "{line} is missing in {numbers}");
    }
    worker.stop().await;
    assert!(ask("/readyz").await.unwrap().starts_with("HTTP/1.1 503"));
}
