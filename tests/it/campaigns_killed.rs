//! A campaign whose worker dies time and again, as the jobs see it: the lease of a job that was begun runs out. And one whose
//! worker is overtaken by a newer job.

use std::time::Duration;

use klaar_domain::campaigns::{self, Go, SendCampaign};
use klaar_domain::kernel::jobs::{self, Lane, Ticket, WorkerId};
use klaar_domain::mail::Letters;
use serde_json::json;

use crate::campaigns::{id, post};

const LEASE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_campaign_goes_on_however_often_its_worker_dies_in_one_slice() {
    let post = post().await;
    post.clients(3).await;
    let draft = post.draft(&post.information().await, json!({})).await;
    post.dispatch(&draft).await.expect(202);
    for _ in 0..20 {
        let claimed = jobs::claim(&post.house.db, WorkerId::new(), Lane::Mail, 8, LEASE).unwrap();
        let tickets: Vec<Ticket> = claimed.iter().map(|job| job.ticket).collect();
        assert_eq!(jobs::start(&post.house.db, &tickets, LEASE).unwrap().len(), 1);
        post.house.wait_seconds(31);
        assert_eq!(jobs::reclaim_expired(&post.house.db, 10).unwrap(), 1);
    }
    post.house.run_jobs().await;
    let done = post.now(&draft).await;
    assert_eq!((&done["status"], &done["recipients"]["sent"]), (&json!("finished"), &json!(3)));
}

#[tokio::test]
async fn a_slice_stops_when_a_newer_job_has_taken_over() {
    let post = post().await;
    post.clients(3).await;
    let draft = post.draft(&post.information().await, json!({})).await;
    post.dispatch(&draft).await.expect(202);
    let (letters, keyring) = (Letters::new(None), post.house.settings.keyring.clone().unwrap());
    let job = SendCampaign { campaign: id(&draft).parse().unwrap(), turn: 1 };
    let given = (&letters, &post.house.settings.mail, &keyring);
    let (slice, _) = post.house.db.write(|tx| campaigns::begin(tx, &job, given)).unwrap().unwrap();
    let due = post.house.db.read(|conn| campaigns::due(conn, &slice, (0, 10))).unwrap();
    let take = |at: usize| {
        let wanted = [&due[at].clients[..]];
        post.house.db.write(|tx| campaigns::exchange(tx, &slice, &[], &wanted)).unwrap()
    };
    assert_eq!((take(0).go, take(1).taken.len()), (Go::On, 1));
    post.verb(&draft, "pause", json!({})).await.expect(200);
    post.verb(&draft, "resume", json!({})).await.expect(200);
    let stopped = take(2);
    assert_eq!((stopped.go, stopped.taken.len()), (Go::Stop, 0));
    post.house.run_jobs().await;
    assert_eq!(post.now(&draft).await["recipients"]["sent"], 1, "the newer job sends what nobody has taken");
}
