mod faulty;

use data_encoding::BASE64;
use ring::signature::{
    RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY, RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, UnparsedPublicKey,
};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::{
    ACCESS_POINTS, CertificateForm, DocumentType, Endpoint, HrefForm, Redirect, Sandbox, Script, SignatureForm,
    testing::{Answer, ID, get, group_path, invoice_path, request, sandbox},
};

fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(start)?;
    rest.split_once(end).map(|(inner, _)| inner)
}

async fn group(sandbox: &Sandbox, identifier: &str) -> Answer {
    get(sandbox.smp_addr(), &group_path(identifier)).await.unwrap()
}

async fn invoice(sandbox: &Sandbox, identifier: &str) -> Answer {
    get(sandbox.smp_addr(), &invoice_path(identifier)).await.unwrap()
}

async fn invoice_of(sandbox: &Sandbox, script: Script) -> Answer {
    sandbox.script(ID, script).unwrap();
    invoice(sandbox, ID).await
}

fn certificate(text: &str) -> Vec<u8> {
    BASE64.decode(text.as_bytes()).unwrap()
}

/// Checks digest and signature value by the rules of xmldsig, with the canonical forms put together here.
fn signature_holds(xml: &str) -> bool {
    let xml = xml.split_once("?>\n").unwrap().1;
    let (before, rest) = xml.split_once("<Signature ").unwrap();
    let (signature, after) = rest.split_once("</Signature>").unwrap();
    let method = between(signature, "<SignatureMethod Algorithm=\"", "\"").unwrap();
    let is_sha1 = method.ends_with("rsa-sha1");
    let content = format!("{before}{after}");
    let algorithm = if is_sha1 { &ring::digest::SHA1_FOR_LEGACY_USE_ONLY } else { &ring::digest::SHA256 };
    let digest = BASE64.encode(ring::digest::digest(algorithm, content.as_bytes()).as_ref());

    let inherited = if signature.contains("Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"") {
        ""
    } else {
        " xmlns:id=\"http://busdox.org/transport/identifiers/1.0/\" xmlns:wsa=\"http://www.w3.org/2005/08/addressing\""
    };
    let inner = between(signature, "<SignedInfo>", "</SignedInfo>").unwrap();
    let canonical = format!("<SignedInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\"{inherited}>{inner}</SignedInfo>");
    let der = certificate(between(signature, "<X509Certificate>", "<").unwrap());
    let (_, signer) = X509Certificate::from_der(&der).unwrap();
    let value = certificate(between(signature, "<SignatureValue>", "<").unwrap());
    let verification = if is_sha1 {
        &RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY
    } else {
        &RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY
    };
    let key = UnparsedPublicKey::new(verification, &*signer.public_key().subject_public_key.data);
    between(inner, "<DigestValue>", "<") == Some(&digest) && key.verify(canonical.as_bytes(), &value).is_ok()
}

#[tokio::test]
async fn a_group_lists_what_metadata_then_describe() {
    let sandbox = sandbox().await;
    sandbox.script(ID, Script::registered_at("POP900004")).unwrap();
    let answer = group(&sandbox, ID).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/xml; charset=utf-8")));
    assert!(answer.body.contains("<id:ParticipantIdentifier scheme=\"iso6523-actorid-upis\">0208:0677424046<"));
    assert_eq!(answer.body.matches("<ServiceMetadataReference href=").count(), 3);
    let own = format!("http://{}{}\"", sandbox.smp_addr(), invoice_path(ID));
    assert!(answer.body.contains(&own), "{}", answer.body);

    let answer = invoice(&sandbox, ID).await;
    assert!(signature_holds(&answer.body));
    assert_eq!(between(&answer.body, "transportProfile=\"", "\""), Some("peppol-transport-as4-v2_0"));
    let der = certificate(between(&answer.body, "<Certificate>", "<").unwrap());
    let (_, endpoint) = X509Certificate::from_der(&der).unwrap();
    let expected = ACCESS_POINTS[3];
    assert_eq!(endpoint.subject().iter_common_name().next().unwrap().as_str(), Ok(expected.seat_id));
    assert_eq!(endpoint.subject().iter_organization().next().unwrap().as_str(), Ok(expected.name));
    let asked = sandbox.requests_of(ID);
    assert_eq!((asked.dns, asked.groups, asked.metadata), (0, 1, 1));
    sandbox.reset_counters();
    assert_eq!(sandbox.totals().groups, 0);
}

#[tokio::test]
async fn two_identifiers_of_one_client_can_be_at_two_access_points() {
    let sandbox = sandbox().await;
    sandbox.script(ID, Script::registered_at("POP900001")).unwrap();
    sandbox.script("9925:BE0677424046", Script::registered_at("POP900002")).unwrap();
    assert!(invoice(&sandbox, ID).await.body.contains("Voorbeeld Postkantoor NV"));
    let other = invoice(&sandbox, "9925:BE0677424046").await.body;
    assert!(other.contains("Exemple Facturation SA") && other.contains(">9925:be0677424046<"));
}

#[tokio::test]
async fn what_is_not_registered_or_not_offered_is_not_found() {
    let sandbox = sandbox().await;
    sandbox.script(ID, Script::not_registered()).unwrap();
    assert_eq!(group(&sandbox, ID).await.status, 404);
    let absent = invoice_of(&sandbox, Script::with_documents([DocumentType::Order])).await;
    assert_eq!(absent.status, 404);
    assert_eq!(get(sandbox.smp_addr(), "/").await.unwrap().status, 404);
    assert_eq!(request(sandbox.smp_addr(), "POST", &group_path(ID), "").await.unwrap().status, 405);
}

#[tokio::test]
async fn every_document_type_can_be_offered() {
    let sandbox = sandbox().await;
    let documents = [
        DocumentType::UblBeInvoice,
        DocumentType::NlciusInvoice,
        DocumentType::CiiInvoice,
        DocumentType::PintInvoice,
        DocumentType::SelfBillingInvoice,
        DocumentType::SelfBillingCreditNote,
        DocumentType::Other { scheme: "busdox-docid-qns".into(), value: "a<b>&\"::c".into(), process: "p".into() },
    ];
    sandbox.script(ID, Script::with_documents(documents)).unwrap();
    let body = group(&sandbox, ID).await.body;
    let hrefs: Vec<&str> = body.split("href=\"").skip(1).map(|rest| rest.split_once('"').unwrap().0).collect();
    assert_eq!(hrefs.len(), 7);
    for href in hrefs {
        let path = href.strip_prefix(&format!("http://{}", sandbox.smp_addr())).unwrap();
        let answer = get(sandbox.smp_addr(), path).await.unwrap();
        assert_eq!(answer.status, 200, "{href}");
        assert!(signature_holds(&answer.body), "{href}");
    }
    sandbox.script(ID, Script::with_documents([])).unwrap();
    assert!(group(&sandbox, ID).await.body.contains("<ServiceMetadataReferenceCollection></"));
}

#[tokio::test]
async fn every_form_of_reference() {
    let sandbox = sandbox().await;
    let own = format!("http://{}/iso6523", sandbox.smp_addr());
    for (hrefs, expected) in [
        (HrefForm::Http, "http://smp.nowhere.example/iso6523-actorid-upis%3A%3A".to_owned()),
        (HrefForm::OtherHost, "https://smp.elsewhere.example/a/path/iso6523".to_owned()),
        (HrefForm::DoubleEncoded, format!("{own}-actorid-upis%253A%253A0208%253A")),
        (HrefForm::Unencoded, format!("{own}-actorid-upis::0208:0677424046/services/busdox-docid-qns::urn:oasis")),
        (HrefForm::CapitalServices, format!("{own}-actorid-upis%3A%3A0208%3A0677424046/Services/")),
    ] {
        sandbox.script(ID, Script { hrefs, ..Script::default() }).unwrap();
        let body = group(&sandbox, ID).await.body;
        assert!(body.contains(&format!("href=\"{expected}")), "{body}");
    }
}

#[tokio::test]
async fn every_form_of_signature() {
    let sandbox = sandbox().await;
    for (signature, holds) in [
        (SignatureForm::Valid, true),
        (SignatureForm::Sha1, true),
        (SignatureForm::ExclusiveC14n, true),
        (SignatureForm::AlteredContent, false),
        (SignatureForm::WrongValue, false),
        (SignatureForm::UnknownRoot, true),
    ] {
        let answer = invoice_of(&sandbox, Script { signature, ..Script::default() }).await;
        assert_eq!(signature_holds(&answer.body), holds, "{signature:?}");
    }
    let unsigned = invoice_of(&sandbox, Script { signature: SignatureForm::Absent, ..Script::default() }).await;
    assert!(unsigned.body.ends_with("</ServiceMetadata></SignedServiceMetadata>"));
}

#[tokio::test]
async fn every_form_of_endpoint() {
    let sandbox = sandbox().await;
    let endpoints = [
        Endpoint { process: Some("urn:other".into()), ..Endpoint::expired("2026-01-01T00:00:00Z") },
        Endpoint::as2(),
        Endpoint::active_from("2035-01-01T00:00:00Z"),
        Endpoint { process: Some("urn:other".into()), access_point: Some("POP900006".into()), ..Endpoint::default() },
    ];
    let body = invoice_of(&sandbox, Script::with_endpoints(endpoints)).await.body;
    assert!(signature_holds(&body));
    assert_eq!((body.matches("<Process>").count(), body.matches("<Endpoint ").count()), (2, 4));
    assert!(body.contains("<ServiceExpirationDate>2026-01-01T00:00:00Z</"));
    assert!(body.contains("<ServiceActivationDate>2035-01-01T00:00:00Z</"));
    assert!(body.contains("busdox-transport-as2-ver2p0") && body.contains("Esempio Recapito SRL"));
}

#[tokio::test]
async fn every_form_of_certificate() {
    let sandbox = sandbox().await;
    for form in [CertificateForm::LineBreaks, CertificateForm::PemArmour, CertificateForm::Garbage] {
        let endpoint = Endpoint { certificate: form, ..Endpoint::default() };
        let body = invoice_of(&sandbox, Script::with_endpoints([endpoint])).await.body;
        assert!(signature_holds(&body), "{form:?}");
        let written = between(&body, "<Certificate>", "</Certificate>").unwrap();
        assert_eq!(written.contains("-----BEGIN CERTIFICATE-----\n"), form == CertificateForm::PemArmour);
        let base64: String = written.lines().filter(|line| !line.starts_with('-')).collect();
        assert_eq!(X509Certificate::from_der(&certificate(&base64)).is_ok(), form != CertificateForm::Garbage);
    }
}

#[tokio::test]
async fn a_redirect_leads_to_the_second_smp_once_or_twice() {
    let sandbox = sandbox().await;
    let follow = async |answer: &Answer| {
        let href = between(&answer.body, "<Redirect href=\"", "\"").unwrap().to_owned();
        let path = href.strip_prefix(&format!("http://{}", sandbox.smp_addr())).unwrap().to_owned();
        get(sandbox.smp_addr(), &path).await.unwrap()
    };
    for hops in [1, 2] {
        let script = Script { redirect: Some(Redirect { hops, ..Redirect::default() }), ..Script::default() };
        let first = invoice_of(&sandbox, script).await;
        assert!(signature_holds(&first.body));
        let uid = between(&first.body, "<CertificateUID>", "<").unwrap();
        let second = follow(&first).await;
        assert!(signature_holds(&second.body));
        assert_eq!(between(&second.body, "<X509SubjectName>", "<"), Some(uid));
        assert_eq!(second.body.contains("<Redirect "), hops == 2);
    }
    let elsewhere = Redirect { href: Some("http://10.0.0.1/x".into()), certificate_uid: Some("CN=X".into()), hops: 1 };
    let answer = invoice_of(&sandbox, Script { redirect: Some(elsewhere), ..Script::default() }).await;
    assert!(answer.body.contains("<Redirect href=\"http://10.0.0.1/x\"><CertificateUID>CN=X<"));
}
