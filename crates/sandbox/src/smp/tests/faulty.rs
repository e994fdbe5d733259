//! Documents and answers that are wrong on purpose.

use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::{group, invoice};
use crate::{
    DocumentForm, Effect, Fault, Script, SmpEffect,
    testing::{ID, get, group_path, sandbox},
};

#[tokio::test]
async fn every_wrong_form_of_document() {
    let sandbox = sandbox().await;
    for form in [
        DocumentForm::NotFound,
        DocumentForm::OtherParticipant,
        DocumentForm::OtherDocumentType,
        DocumentForm::Broken,
        DocumentForm::Dtd,
        DocumentForm::EntityExpansion,
        DocumentForm::Empty,
        DocumentForm::Html,
    ] {
        sandbox.script(ID, Script { group: form, metadata: form, ..Script::default() }).unwrap();
        for (root, answer) in
            [("ServiceGroup", group(&sandbox, ID).await), ("SignedServiceMetadata", invoice(&sandbox, ID).await)]
        {
            let body = &answer.body;
            assert_eq!(answer.status, if form == DocumentForm::NotFound { 404 } else { 200 });
            let is_right = match form {
                DocumentForm::OtherParticipant => !body.contains(">0208:0677424046<") && body.contains(">0208:"),
                DocumentForm::OtherDocumentType => root == "ServiceGroup" || body.contains("xsd:Order-2::Order"),
                DocumentForm::Broken => body.rfind('<') > body.rfind('>'),
                DocumentForm::Dtd => body.contains(&format!("<!DOCTYPE {root} SYSTEM ")),
                DocumentForm::EntityExpansion => {
                    body.contains(&format!("<!DOCTYPE {root} [<!ENTITY ")) && body.contains(">&e9;<")
                }
                DocumentForm::Empty => body.is_empty(),
                DocumentForm::Html => body.starts_with("<!doctype html>"),
                _ => true,
            };
            assert!(is_right, "{form:?} {root}: {body}");
        }
    }
}

#[tokio::test]
async fn a_huge_document_is_huge_and_well_formed() {
    let sandbox = sandbox().await;
    sandbox.script(ID, Script { group: DocumentForm::Huge, ..Script::default() }).unwrap();
    let body = group(&sandbox, ID).await.body;
    assert!(body.len() > 32 * 1024 * 1024);
    assert!(body.ends_with("</Extension></ServiceGroup>"));
}

#[tokio::test]
async fn faults_with_a_status() {
    let sandbox = sandbox().await;
    sandbox.script(ID, Script::default()).unwrap();
    for (effect, status, retry_after) in [
        (SmpEffect::not_found(), 404, None),
        (SmpEffect::too_many_requests(7), 429, Some("7")),
        (SmpEffect::server_error(), 500, None),
        (SmpEffect::unavailable(), 503, None),
    ] {
        sandbox.set_faults(vec![Fault::world(Effect::SmpGroup(effect))]).unwrap();
        let answer = group(&sandbox, ID).await;
        assert_eq!((answer.status, answer.header("retry-after")), (status, retry_after));
        assert_eq!(invoice(&sandbox, ID).await.status, 200);
    }
}

#[tokio::test]
async fn faults_in_the_document_or_the_address() {
    let sandbox = sandbox().await;
    sandbox.script(ID, Script::default()).unwrap();
    let with = |effect| sandbox.set_faults(vec![Fault::world(Effect::Smp(effect))]).unwrap();
    with(SmpEffect::BrokenXml);
    assert!(!group(&sandbox, ID).await.body.ends_with('>'));
    with(SmpEffect::OtherParticipant);
    assert!(!invoice(&sandbox, ID).await.body.contains(">0208:0677424046<"));
    with(SmpEffect::RedirectLoop);
    let answer = group(&sandbox, ID).await;
    let own = format!("http://{}{}", sandbox.smp_addr(), group_path(ID));
    assert_eq!((answer.status, answer.header("location")), (302, Some(own.as_str())));
    with(SmpEffect::RedirectTo("http://10.0.0.1/".into()));
    assert_eq!(group(&sandbox, ID).await.header("location"), Some("http://10.0.0.1/"));
}

#[tokio::test]
async fn faults_of_the_connection() {
    let sandbox = sandbox().await;
    sandbox.script(ID, Script::default()).unwrap();
    let with = |effect| sandbox.set_faults(vec![Fault::world(Effect::Smp(effect))]).unwrap();
    with(SmpEffect::Reset);
    let error = get(sandbox.smp_addr(), &group_path(ID)).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    with(SmpEffect::Hang);
    assert!(timeout(Duration::from_millis(300), get(sandbox.smp_addr(), &group_path(ID))).await.is_err());
    with(SmpEffect::SlowDrip { pause_ms: 1 });
    let started = Instant::now();
    let answer = group(&sandbox, ID).await;
    assert!(started.elapsed() > Duration::from_millis(u64::try_from(answer.body.len()).unwrap()));
    assert!(answer.body.ends_with("</ServiceGroup>"));
}
