//! Where mails go: what a preview says of one client and what a campaign freezes for all of them is the same rule.

use serde_json::{Value, json};

use crate::campaigns::{Post, id, post};

/// A contact: whether it has an address, whether notices go to it, and its language.
type Contact = (bool, bool, Option<&'static str>);

/// Contacts as practices have them: none, one without an address, several of which one or two get the notices.
const CONTACTS: [&[Contact]; 8] = [
    &[],
    &[(false, false, None)],
    &[(true, false, Some("fr"))],
    &[(true, true, Some("de"))],
    &[(false, false, Some("de")), (true, false, Some("fr"))],
    &[(true, false, Some("fr")), (true, true, None)],
    &[(true, true, Some("en")), (true, true, Some("de"))],
    &[(true, false, None), (false, false, None), (true, false, Some("de"))],
];

async fn client(post: &Post, number: usize, contacts: &[Contact], has_email: bool) -> Value {
    let email = has_email.then(|| format!("card{number}@clients.example"));
    let client = post.card(json!({ "name": format!("Client {number:02}"), "email": email, "language": "nl" })).await;
    for (at, (has_address, receives_notices, language)) in contacts.iter().enumerate() {
        let email = has_address.then(|| format!("contact{number}.{at}@clients.example"));
        let contact = json!({ "name": format!("Person {number}.{at}"), "role": format!("role {at}"), "email": email,
            "language": language, "receives_notices": receives_notices });
        post.api.post(&format!("/v1/clients/{}/contacts", id(&client)), &contact).await.expect(201);
    }
    client
}

#[tokio::test]
async fn a_campaign_freezes_for_all_what_a_preview_says_of_each() {
    let post = post().await;
    let mut clients = Vec::new();
    for (number, contacts) in CONTACTS.iter().enumerate() {
        clients.push(client(&post, 2 * number, contacts, true).await);
        clients.push(client(&post, 2 * number + 1, contacts, false).await);
    }
    let template = post.information().await;
    let draft = post.draft(&template, json!({})).await;
    post.dispatch(&draft).await.expect(202);
    let frozen = post.recipients(&draft, "").await;
    assert_eq!(frozen.len(), clients.len());
    for client in &clients {
        let path = format!("/v1/templates/{}/preview?client_id={}", template.as_str().unwrap(), id(client));
        let preview = post.api.get(&path).await.expect(200);
        let row = frozen.iter().find(|row| row["client_id"] == client["id"]).unwrap();
        let contact = row["contact"].as_str().unwrap_or_default();
        let told = (&preview["to"]["address"], &preview["reason"], &preview["language"]);
        assert_eq!(told, (&row["address"], &row["reason"], &row["language"]), "{preview} {row}");
        assert_eq!(preview["to"]["name"].as_str().unwrap_or_default(), contact, "{row}");
    }
    let reasons: std::collections::BTreeSet<&str> = frozen.iter().filter_map(|row| row["reason"].as_str()).collect();
    assert_eq!(reasons.into_iter().collect::<Vec<_>>(), ["card", "contact", "none", "notice_contact"]);
}
