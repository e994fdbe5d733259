//! Who gets which job, and in which order.

use super::*;

#[test]
fn claims_go_round_the_practices() {
    on_each_database(|db| {
        let (flood, few) = (practice(), practice());
        put_many(db, 500, &EnqueueOptions::of(flood));
        later_by(db, 1);
        put_many(db, 3, &EnqueueOptions::of(few));
        put_many(db, 2, &EnqueueOptions::default());
        let tickets = take(db, WorkerId::new(), 10);
        let owners: Vec<Option<Uid>> = begin(db, &tickets).into_iter().map(|s| s.practice).collect();
        let of = |owner: Option<Uid>| owners.iter().filter(|o| **o == owner).count();
        assert_eq!((of(Some(flood)), of(Some(few)), of(None)), (5, 3, 2));
        assert_eq!(take(db, WorkerId::new(), 1000).len(), 495);
    });
}

#[test]
fn claims_of_many_practices_take_the_longest_waiting_first() {
    on_each_database(|db| {
        for number in 0..40 {
            put(db, number, &EnqueueOptions::of(practice()));
            later_by(db, 1);
        }
        for round in 0..4 {
            let tickets = take(db, WorkerId::new(), 10);
            let mut numbers: Vec<u32> =
                begin(db, &tickets).iter().map(|s| s.payload.read::<Note>().unwrap().number).collect();
            numbers.sort_unstable();
            assert_eq!(numbers, (round * 10..round * 10 + 10).collect::<Vec<_>>());
        }
    });
}

#[test]
fn priority_and_time_order_the_jobs_of_a_practice() {
    on_each_database(|db| {
        let owner = EnqueueOptions::of(practice());
        let now = db.clock().now();
        put(db, 3, &owner.clone().priority(5));
        put(db, 2, &owner.clone());
        put(db, 1, &owner.clone().priority(-1));
        put(db, 4, &owner.clone().priority(-9).at(now.plus_seconds(60)));
        let order = |tickets: &[Ticket]| -> Vec<u32> {
            let started = begin(db, tickets);
            tickets
                .iter()
                .map(|t| started.iter().find(|s| s.ticket == *t).unwrap().payload.read::<Note>().unwrap().number)
                .collect()
        };
        assert_eq!(order(&take(db, WorkerId::new(), 10)), [1, 2, 3]);
        later_by(db, 60);
        assert_eq!(order(&take(db, WorkerId::new(), 10)), [4]);
    });
}

#[test]
fn what_is_given_back_is_claimed_again_without_a_failure() {
    on_each_database(|db| {
        let (stopping, other) = (WorkerId::new(), WorkerId::new());
        put_many(db, 4, &EnqueueOptions::default());
        let mine = take(db, stopping, 3);
        let theirs = take(db, other, 1);
        begin(db, &mine[..1]);
        assert_eq!(db.read(|conn| leased_count(conn, stopping, Lane::Network)).unwrap(), 3);
        let waiting = db.read(|conn| unstarted(conn, stopping, Lane::Network, Instant(i64::MAX))).unwrap();
        assert_eq!(waiting.len(), 2);
        assert_eq!(give_back(db, &mine[..1], GiveBack::Unstarted).unwrap(), 0, "it is running");
        assert_eq!(give_back_unstarted(db, stopping).unwrap(), 2);
        assert_eq!(give_back(db, &mine[..1], GiveBack::Running).unwrap(), 1);
        assert!(!db.write(|tx| finish(tx, mine[0])).unwrap(), "given back while its handler went on");
        let again = take(db, other, 10);
        assert_eq!(again.len(), 3);
        assert!(begin(db, &again).iter().all(|s| s.failures == 0));
        assert_eq!(begin(db, &theirs).len(), 1);
    });
}

#[test]
fn two_workers_never_claim_the_same_job() {
    on_each_database(|db| {
        put_many(db, 2000, &EnqueueOptions::default());
        let claimed: Vec<Vec<Ticket>> = std::thread::scope(|scope| {
            let claims: Vec<_> = (0..4)
                .map(|_| {
                    let db = db.clone();
                    scope.spawn(move || {
                        let worker = WorkerId::new();
                        let mut all = Vec::new();
                        loop {
                            let some = take(&db, worker, 50);
                            if some.is_empty() {
                                return all;
                            }
                            all.extend(some);
                        }
                    })
                })
                .collect();
            claims.into_iter().map(|c| c.join().unwrap()).collect()
        });
        let mut all: Vec<JobId> = claimed.into_iter().flatten().map(|t| t.id).collect();
        // Rows that another claim held at that moment are skipped, so what is left over is claimed at the end.
        all.extend(take(db, WorkerId::new(), 1000).into_iter().map(|t| t.id));
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!((count, all.len()), (2000, 2000));
    });
}
