//! A campaign whose worker dies time and again, as the jobs see it: the lease of a job that was begun runs out.

use std::time::Duration;

use klaar_domain::kernel::jobs::{self, Lane, Ticket, WorkerId};
use serde_json::json;

use crate::campaigns::post;

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
