//! What a preflight says of the domain that a campaign's mails come from.

use serde_json::{Value, json};

use crate::campaigns::{Post, id, post};

/// The codes and titles of what a campaign's preflight says of its sender's domain.
async fn doubts(post: &Post, draft: &Value) -> Vec<(String, String)> {
    let preflight = post.api.get(&format!("/v1/campaigns/{}/preflight", id(draft))).await.expect(200);
    assert_eq!(preflight["may_begin"], true, "doubts about a domain stop nothing");
    let findings = preflight["findings"].as_array().unwrap().iter().filter(|one| one["blocks"] == false);
    let told =
        findings.map(|one| (one["code"].as_str().unwrap().to_owned(), one["title"].as_str().unwrap().to_owned()));
    told.filter(|(_, title)| title.contains("example")).collect()
}

#[tokio::test]
async fn what_is_doubtful_of_the_sending_domain_is_said_before_the_start() {
    let post = post().await;
    post.client("Bakkerij Peeters", Some("info@peeters.example")).await;
    let draft = post.draft(&post.information().await, json!({})).await;
    let codes = async || doubts(&post, &draft).await.into_iter().map(|(code, _)| code).collect::<Vec<_>>();
    assert_eq!(codes().await, ["sender_domain_unanswered"], "the name server refuses to speak of it");

    let publish = |texts: &[(&str, &str)]| post.sandbox.publish_texts("host.example", texts).unwrap();
    publish(&[]);
    let told = doubts(&post, &draft).await;
    assert_eq!(
        told.iter().map(|(code, _)| code.as_str()).collect::<Vec<_>>(),
        ["spf_missing", "dkim_missing", "dmarc_missing"]
    );
    assert!(told[2].1.contains("_dmarc.host.example"), "{told:?}");

    let key = ("s1._domainkey", "v=DKIM1; k=rsa; p=MIGf");
    let dmarc = ("_dmarc", "v=DMARC1; p=none");
    publish(&[("", "v=spf1 mx -all"), ("", "v=spf1 a -all"), key]);
    assert_eq!(codes().await, ["spf_several", "dmarc_missing"]);
    publish(&[("", "some-site-verification=1"), ("", "v=spf1 -all"), key, dmarc]);
    assert_eq!(codes().await, ["spf_forbids"]);
    publish(&[("", "v=spf1 include:_spf.example.net -all"), key, dmarc]);
    assert_eq!(codes().await, [""; 0]);

    let dutch = post.api.with("accept-language", "nl");
    publish(&[]);
    let preflight = dutch.get(&format!("/v1/campaigns/{}/preflight", id(&draft))).await.expect(200);
    assert!(preflight.to_string().contains("heeft geen DKIM-sleutels"), "{preflight}");
}
