//! What templates have attached: what may be, which mails carry it, and that versions and campaigns keep it.

use klaar_domain::kernel::jobs::EnqueueOptions;
use klaar_domain::kernel::upkeep::PruneSettled;
use klaar_sandbox::{Mail, Settings, SmtpEffect, SmtpStep};
use mail_parser::{MessageParser, MimeHeaders as _};
use reqwest::Method;
use serde_json::{Value, json};

use crate::campaigns::{Post, id, post, post_at};
use crate::client::{Answer, Client};

const PDF: &[u8] = b"%PDF-1.7\n.\r\n..\r\nopdracht \xff\x00\n";
const FILE: &str = "application/octet-stream";

fn path(template: &Value) -> String {
    format!("/v1/templates/{}/attachments", id(template))
}

/// A client of the API that has seen this template.
fn seen(api: &Client, template: &Value) -> Client {
    api.with("if-match", &format!("\"{}\"", template["revision"]))
}

async fn attach(api: &Client, template: &Value, query: &[(&str, &str)], file: &[u8]) -> Answer {
    let url = reqwest::Url::parse_with_params("http://x", query).unwrap();
    let path = format!("{}?{}", path(template), url.query().unwrap());
    seen(api, template).send_bytes(Method::POST, &path, Some((FILE, file.to_vec()))).await
}

/// A template in two languages.
async fn template(post: &Post) -> Value {
    let text = |subject: &str| json!({ "subject": subject, "body": "<p>Dag {{client.name}}</p>" });
    let new = json!({ "name": "Own", "languages": { "nl": text("Voor u"), "fr": text("Pour vous") } });
    post.api.post("/v1/templates", &new).await.expect(201)
}

/// The files of a mail: name, media type, and what is in each.
fn files(mail: &Mail) -> Vec<(String, String, Vec<u8>)> {
    let message = MessageParser::default().parse(&mail.content[..]).unwrap();
    let file = |part: &mail_parser::MessagePart<'_>| {
        let kind = part.content_type().unwrap();
        let kind = format!("{}/{}", kind.ctype(), kind.subtype().unwrap());
        (part.attachment_name().unwrap().to_owned(), kind, part.contents().to_vec())
    };
    message.attachments().map(file).collect()
}

fn names(mail: &Mail) -> Vec<String> {
    files(mail).into_iter().map(|(name, _, _)| name).collect()
}

/// Two clients, of which one reads French.
async fn readers(post: &Post) -> Value {
    let french = json!({ "name": "Peeters", "email": "fr@clients.example", "language": "fr" });
    let french = post.card(french).await;
    post.client("Claes", Some("nl@clients.example")).await;
    french
}

fn mail_to(post: &Post, address: &str) -> Mail {
    post.sandbox.mails_to(address).pop().unwrap()
}

#[tokio::test]
async fn mails_carry_what_is_for_all_languages_and_for_theirs() {
    let post = post().await;
    let french = readers(&post).await;
    let bare = template(&post).await;
    let name = "Opdrachtbrief één – \u{5831}告.pdf";
    let added = attach(&post.api, &bare, &[("filename", name)], PDF).await;
    let added = (added.expect(201), added.header("location").to_owned(), added.header("etag").to_owned());
    assert_eq!((&added.0["version"], &added.2), (&json!(2), &"\"2\"".to_owned()));
    let big: Vec<u8> = b"\x89PNG\r\n\x1a\n".iter().copied().cycle().take(3_000_001).collect();
    let picture =
        attach(&post.api, &added.0, &[("filename", "uitleg.png"), ("language", "fr")], &big).await.expect(201);
    let all = post.api.get(&path(&bare)).await.expect(200);
    assert_eq!((&all["items"], &all["revision"]), (&picture["attachments"], &json!(3)));
    assert_eq!(
        (
            &all["items"][0]["name"],
            &all["items"][0]["media_type"],
            &all["items"][1]["bytes"],
            &all["items"][1]["language"]
        ),
        (&json!(name), &json!("application/pdf"), &json!(3_000_001), &json!("fr"))
    );
    let back = post.api.get(&added.1).await;
    assert_eq!((back.status, &back.body[..], back.header("content-type")), (200, PDF, FILE));
    assert!(back.header("content-disposition").starts_with("attachment; filename*=UTF-8''Opdrachtbrief%20"));
    let whole = post.api.get(&format!("{}/{}", path(&bare), id(&all["items"][1]))).await;
    assert!(whole.body == big && whole.header("x-content-type-options") == "nosniff");

    let preview = format!("/v1/templates/{}/preview?client_id={}", id(&bare), id(&french));
    let preview = post.api.get(&preview).await.expect(200);
    assert_eq!(preview["attachments"], all["items"]);
    let page = preview["page_url"].as_str().unwrap().strip_prefix("https://klaar.example").unwrap();
    let page = post.house.nobody().with("accept-language", "nl").get(page).await;
    let html = String::from_utf8(page.body).unwrap();
    assert!(html.contains("<dt>Bijlagen</dt>") && html.contains("<dd>uitleg.png (3,0 MB)</dd>"), "{html}");

    let draft = post.draft(&bare["id"], json!({})).await;
    let preflight = post.api.get(&format!("/v1/campaigns/{}/preflight", id(&draft))).await.expect(200);
    assert!(preflight["attached_bytes"]["fr"].as_i64().unwrap() > 4_000_000, "{preflight}");
    assert!(preflight["attached_bytes"]["nl"].as_i64().unwrap() < 100, "{preflight}");
    assert_eq!(
        (&preflight["may_begin"], &preflight["findings"][0]["code"]),
        (&json!(true), &json!("large_attachments"))
    );
    post.dispatch(&draft).await.expect(202);
    post.house.run_jobs().await;
    let pdf = (name.to_owned(), "application/pdf".to_owned(), PDF.to_vec());
    assert_eq!(files(&mail_to(&post, "nl@clients.example")), std::slice::from_ref(&pdf));
    let mail = mail_to(&post, "fr@clients.example");
    assert!(files(&mail) == [pdf, ("uitleg.png".to_owned(), "image/png".to_owned(), big)]);
    let message = MessageParser::default().parse(&mail.content[..]).unwrap();
    assert!(message.body_html(0).unwrap().contains("Dag Peeters") && message.body_text(0).unwrap().contains("Peeters"));
    assert_eq!(message.subject(), Some("Pour vous"));
    assert_eq!(post.now(&draft).await["recipients"]["sent"], 2);
}

#[tokio::test]
async fn a_single_mail_and_a_test_carry_them_too() {
    let post = post().await;
    let client = readers(&post).await;
    let bare = template(&post).await;
    let template = attach(&post.api, &bare, &[("filename", "uitleg.pdf"), ("language", "fr")], PDF).await.expect(201);
    let mail = json!({ "template_id": template["id"] });
    post.api.post(&format!("/v1/clients/{}/mails", id(&client)), &mail).await.expect(202);
    let email = post.house.person(&post.practice, "An", klaar_domain::identity::Role::Manager);
    let manager = post.house.signed_in(&email).await;
    for language in ["fr", "nl"] {
        let wish = json!({ "client_id": client["id"], "language": language });
        manager.post(&format!("/v1/templates/{}/test", id(&template)), &wish).await.expect(202);
    }
    post.house.run_jobs().await;
    assert_eq!(names(&mail_to(&post, "fr@clients.example")), ["uitleg.pdf"]);
    let mut tests: Vec<Vec<String>> = post.sandbox.mails_to(&email).iter().map(names).collect();
    tests.sort();
    assert_eq!(tests, [vec![], vec!["uitleg.pdf".to_owned()]]);
}

#[tokio::test]
async fn attachments_belong_to_versions_and_a_campaign_keeps_those_it_began_with() {
    let post = post().await;
    readers(&post).await;
    let bare = template(&post).await;
    let first = attach(&post.api, &bare, &[("filename", "een.pdf")], PDF).await.expect(201);
    let draft = post.draft(&bare["id"], json!({})).await;
    post.dispatch(&draft).await.expect(202);
    let own = format!("{}/{}", path(&bare), id(&first["attachments"][0]));
    let renamed = json!({ "name": "Eén.PDF", "language": "nl" });
    let renamed = seen(&post.api, &first).patch(&own, &renamed).await.expect(200);
    assert_eq!(
        (&renamed["version"], &renamed["attachments"][0]["id"], &renamed["attachments"][0]["name"]),
        (&json!(3), &first["attachments"][0]["id"], &json!("Eén.PDF"))
    );
    let same = seen(&post.api, &renamed).patch(&own, &json!({})).await.expect(200);
    assert_eq!(same["revision"], renamed["revision"], "a change of nothing is none");
    assert_eq!(seen(&post.api, &first).delete(&own).await.expect(412)["code"], "stale");
    let removed = seen(&post.api, &renamed).delete(&own).await.expect(200);
    assert_eq!((&removed["version"], &removed["attachments"]), (&json!(4), &json!([])));
    seen(&post.api, &removed).delete(&own).await.expect(404);
    assert_eq!(post.api.get(&own).await.body, PDF, "a former version has it");
    post.house.run_jobs().await;
    for to in ["nl@clients.example", "fr@clients.example"] {
        assert_eq!(names(&mail_to(&post, to)), ["een.pdf"], "as it was when it began");
    }
    let restore = format!("/v1/templates/{}/restore", id(&bare));
    let restored = seen(&post.api, &removed).post(&restore, &json!({ "version": 2 })).await.expect(200);
    assert_eq!((&restored["version"], &restored["attachments"]), (&json!(5), &first["attachments"]));
    let versions = post.api.get(&format!("/v1/templates/{}/versions", id(&bare))).await.expect(200);
    let counts: Vec<usize> =
        versions["items"].as_array().unwrap().iter().map(|one| one["attachments"].as_array().unwrap().len()).collect();
    assert_eq!(counts, [1, 0, 1, 1, 0]);
    let audit = post.api.get("/v1/audit-entries?limit=50").await.expect(200);
    let kinds = audit["items"].as_array().unwrap().iter().filter_map(|entry| entry["kind"].as_str());
    let kinds: Vec<&str> = kinds.filter(|kind| kind.starts_with("template.att")).collect();
    assert_eq!(kinds, ["template.attachment_removed", "template.attachment_changed", "template.attachment_added"]);
}

/// What the practice attaches to the delivered mail leaves its text the product's.
#[tokio::test]
async fn the_delivered_mail_can_have_something_attached_and_be_brought_back() {
    let post = post().await;
    let delivered = format!("/v1/templates/{}", post.information().await.as_str().unwrap());
    let delivered = post.api.get(&delivered).await.expect(200);
    let adapted = attach(&post.api, &delivered, &[("filename", "uitleg.pdf")], PDF).await.expect(201);
    assert_eq!((&adapted["adapted"], &adapted["version"]), (&json!(true), &json!(2)));
    assert_eq!(adapted["languages"], delivered["languages"]);
    let restore = format!("/v1/templates/{}/restore", id(&delivered));
    let restored = seen(&post.api, &adapted).post(&restore, &json!({ "delivered": true })).await.expect(200);
    assert_eq!((&restored["adapted"], &restored["attachments"]), (&json!(false), &json!([])));
}

#[tokio::test]
async fn what_must_not_be_attached_is_refused_by_name() {
    let post = post().await;
    let bare = template(&post).await;
    let program = b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0";
    for (name, file, pointer, code) in [
        ("factuur.pdf", &program[..], "/", "wrong_file_content"),
        ("factuur.pdf", b"<html><script>x</script>", "/", "wrong_file_content"),
        ("factuur.txt", b"<!doctype html>", "/", "wrong_file_content"),
        ("factuur.docx", PDF, "/", "wrong_file_content"),
        ("factuur.pdf", b"", "/", "file_empty"),
        ("factuur.exe", &program[..], "/filename", "unknown_file_kind"),
        ("factuur.html", b"<p>", "/filename", "unknown_file_kind"),
        ("tekening.svg", b"<svg/>", "/filename", "unknown_file_kind"),
        ("archief.zip", b"PK\x03\x04", "/filename", "unknown_file_kind"),
        ("brief.docm", b"PK\x03\x04", "/filename", "unknown_file_kind"),
        ("../factuur.pdf", PDF, "/filename", "malformed_file_name"),
        ("C:\\factuur.pdf", PDF, "/filename", "malformed_file_name"),
        ("factuur\u{202e}fdp.pdf", PDF, "/filename", "malformed_file_name"),
        ("a\r\nBcc: x@y.example.pdf", PDF, "/filename", "control_characters"),
        (" ", PDF, "/filename", "missing"),
    ] {
        let wrong = attach(&post.api, &bare, &[("filename", name)], file).await.wrong_fields();
        assert_eq!(wrong, [(pointer.to_owned(), code.to_owned())], "{name:?}");
    }
    let de = [("filename", "a.pdf"), ("language", "de")];
    assert_eq!(attach(&post.api, &bare, &de, PDF).await.wrong_fields()[0].1, "language_missing");
    let es = [("filename", "a.pdf"), ("language", "es")];
    assert_eq!(attach(&post.api, &bare, &es, PDF).await.wrong_fields()[0].1, "unknown_value");
    let url = format!("{}?filename=a.pdf", path(&bare));
    let said = seen(&post.api, &bare).send_bytes(Method::POST, &url, Some(("text/html", PDF.to_vec()))).await;
    assert_eq!(said.expect(415)["code"], "wrong_content_type");
    let untagged = post.api.send_bytes(Method::POST, &url, Some((FILE, PDF.to_vec()))).await;
    assert_eq!(untagged.expect(428)["code"], "condition_required");
    let now = post.api.get(&format!("/v1/templates/{}", id(&bare))).await.expect(200);
    assert_eq!((&now["version"], &now["attachments"]), (&json!(1), &json!([])));

    let added = attach(&post.api, &bare, &[("filename", "a.pdf")], PDF).await.expect(201);
    assert_eq!(attach(&post.api, &bare, &[("filename", "b.pdf")], PDF).await.expect(412)["code"], "stale");
    let twice = attach(&post.api, &added, &[("filename", "A.PDF"), ("language", "nl")], PDF).await.wrong_fields();
    assert_eq!(twice, [("/filename".to_owned(), "file_name_taken".to_owned())]);
    let own = format!("{}/{}", path(&bare), id(&added["attachments"][0]));
    for (name, code) in
        [("a.png", "wrong_file_content"), ("a/b.pdf", "malformed_file_name"), ("a", "unknown_file_kind")]
    {
        let wrong = seen(&post.api, &added).patch(&own, &json!({ "name": name })).await.wrong_fields();
        assert_eq!(wrong, [("/name".to_owned(), code.to_owned())]);
    }
}

#[tokio::test]
async fn a_template_has_so_much_and_no_more() {
    let post = post().await;
    let mut template = template(&post).await;
    let large: Vec<u8> = PDF.iter().copied().cycle().take(5 * 1024 * 1024).collect();
    let more = [&large[..], b"x"].concat();
    assert_eq!(attach(&post.api, &template, &[("filename", "a.pdf")], &more).await.expect(413)["code"], "too_large");
    template = attach(&post.api, &template, &[("filename", "a.pdf"), ("language", "nl")], &large).await.expect(201);
    let beside = attach(&post.api, &template, &[("filename", "b.pdf")], PDF).await.expect(409);
    assert_eq!(beside["code"], "mail_attachments_too_large");
    template = attach(&post.api, &template, &[("filename", "a.pdf"), ("language", "fr")], &large).await.expect(201);
    for one in template["attachments"].as_array().unwrap().clone() {
        template = seen(&post.api, &template).delete(&format!("{}/{}", path(&template), id(&one))).await.expect(200);
    }
    for number in 0..20 {
        let name = format!("{number}.txt");
        template = attach(&post.api, &template, &[("filename", &name)], b"Dag").await.expect(201);
    }
    let one_more = attach(&post.api, &template, &[("filename", "x.txt")], b"Dag").await.expect(409);
    assert_eq!((&one_more["code"], &one_more["params"]["max"]), (&json!("too_many_attachments"), &json!("20")));
}

#[tokio::test]
async fn a_repeated_request_attaches_once() {
    let post = post().await;
    let bare = template(&post).await;
    let key = Post { api: post.api.with("idempotency-key", "brief-1"), ..post };
    let first = attach(&key.api, &bare, &[("filename", "a.pdf")], PDF).await.expect(201);
    let again = attach(&key.api, &bare, &[("filename", "a.pdf")], PDF).await.expect(201);
    assert_eq!(first, again);
    let other = attach(&key.api, &bare, &[("filename", "a.pdf")], b"%PDF-1.4\n").await.expect(409);
    assert_eq!(other["code"], "idempotency_key_reused");
}

#[tokio::test]
async fn another_practice_has_no_part_in_it() {
    let post = post().await;
    let bare = template(&post).await;
    let added = attach(&post.api, &bare, &[("filename", "a.pdf")], PDF).await.expect(201);
    let own = format!("{}/{}", path(&bare), id(&added["attachments"][0]));
    let other = post.house.may_everything(&post.house.practice("Second"));
    other.get(&own).await.expect(404);
    other.get(&path(&bare)).await.expect(404);
    attach(&other, &added, &[("filename", "b.pdf")], PDF).await.expect(404);
    seen(&other, &added).delete(&own).await.expect(404);
    let new = json!({ "name": "Own", "languages": { "nl": { "subject": "x", "body": "x" } } });
    let theirs = other.post("/v1/templates", &new).await.expect(201);
    other.get(&format!("{}/{}", path(&theirs), id(&added["attachments"][0]))).await.expect(404);
}

#[tokio::test]
async fn a_mail_that_the_server_finds_too_large_fails_in_plain_words() {
    let post = post_at(Settings { largest_mail: 1_000_000, ..Settings::default() }, &[]).await;
    readers(&post).await;
    let bare = template(&post).await;
    let large: Vec<u8> = PDF.iter().copied().cycle().take(1_000_000).collect();
    attach(&post.api, &bare, &[("filename", "a.pdf"), ("language", "fr")], &large).await.expect(201);
    let draft = post.draft(&bare["id"], json!({})).await;
    post.dispatch(&draft).await.expect(202);
    post.house.run_jobs().await;
    let failed = post.recipients(&draft, "status=failed").await;
    assert_eq!((failed.len(), post.now(&draft).await["recipients"]["sent"].as_i64()), (1, Some(1)));
    let words = failed[0]["words"].as_str().unwrap();
    assert!(words.contains("the mail server takes 1000000 at most: attach less"), "{words}");
    assert!(post.sandbox.mails_to("fr@clients.example").is_empty());
}

/// Files that no version and no campaign needs go in the night; what is needed stays.
#[tokio::test]
async fn files_that_nobody_needs_go_and_a_campaign_keeps_its_own_for_a_while() {
    let post = post().await;
    readers(&post).await;
    let (kept, sent) = (template(&post).await, template(&post).await);
    let (deleted, twin) = (template(&post).await, template(&post).await);
    for (template, file) in [(&kept, &b"%PDF-1"[..]), (&sent, b"%PDF-2"), (&deleted, b"%PDF-3"), (&twin, b"%PDF-3")] {
        attach(&post.api, template, &[("filename", "a.pdf")], file).await.expect(201);
    }
    let refuse = |address: &str| post.fault(Some(address), SmtpStep::Rcpt, SmtpEffect::Reply(550));
    ["fr@clients.example", "nl@clients.example"].into_iter().for_each(refuse);
    let draft = post.draft(&sent["id"], json!({})).await;
    post.dispatch(&draft).await.expect(202);
    for template in [&sent, &deleted, &twin] {
        post.api.delete(&format!("/v1/templates/{}", id(template))).await.expect(204);
    }
    post.house.run_jobs().await;
    post.sandbox.clear_faults();
    refuse("nl@clients.example");
    let night = |seconds: i64| {
        post.house.wait_seconds(seconds);
        klaar_domain::campaigns::prune_files(&post.house.db).unwrap()
    };
    assert_eq!(night(3_600), 0, "a template may have been deleted by mistake");
    assert_eq!(night(2 * 86_400), 1, "what both deleted templates had is kept once");
    post.verb(&draft, "retry", json!({})).await.expect(200);
    post.house.run_jobs().await;
    assert_eq!(names(&mail_to(&post, "fr@clients.example")), ["a.pdf"], "sent again, as it was");
    assert_eq!(night(29 * 86_400), 0);
    assert_eq!(night(2 * 86_400), 1, "the campaign has been over for a month");
    let gone = post.verb(&draft, "retry", json!({})).await.expect(409);
    assert_eq!((&gone["code"], &gone["params"]["name"]), (&json!("attachment_gone"), &json!("a.pdf")));
    let own = post.api.get(&path(&kept)).await.expect(200);
    assert_eq!(post.api.get(&format!("{}/{}", path(&kept), id(&own["items"][0]))).await.body, b"%PDF-1");
    let options = EnqueueOptions::default();
    post.house.db.write(|tx| klaar_domain::kernel::jobs::enqueue(tx, &PruneSettled {}, &options)).unwrap();
    post.house.run_jobs().await;
}
