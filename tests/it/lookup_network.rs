//! Asking the network, against the sandbox: the answer that each case of the field must get.

mod guards;

use std::collections::BTreeMap;
use std::time::Duration;

use klaar_domain::identity::World;
use klaar_domain::kernel::clock::{Clock, Instant};
use klaar_domain::kernel::config::{LookupSettings, Settings};
use klaar_domain::lookups::network::{Answer, Network};
use klaar_sandbox::{
    CertificateForm, DnsEffect, DocumentForm, DocumentType, Effect, Endpoint, Fault, HrefForm, NaptrForm, Redirect,
    Registration as Standing, Sandbox, Script, SmpEffect,
};
use klaar_standards::lookup::{Registration, distinct_access_points};
use klaar_standards::participant::ParticipantId;
use klaar_standards::smp::InactiveDate;

const ID: &str = "0208:0677424046";
const NOW: &str = "2026-11-22T03:00:00Z";

/// The sandbox and the network that asks it, with a clock that stands still.
struct Field {
    sandbox: Sandbox,
    clock: Clock,
    settings: LookupSettings,
}

impl Field {
    async fn new() -> Self {
        let sandbox = Sandbox::start(klaar_sandbox::Settings::default()).await.unwrap();
        let clock = Clock::frozen(Instant::parse(NOW).unwrap());
        let mut settings = Settings::from_sources(BTreeMap::new(), BTreeMap::new()).unwrap().lookups;
        settings.test_zone = sandbox.zone();
        settings.live_zone = sandbox.zone();
        settings.dns = Some(sandbox.dns_addr());
        settings.allow_insecure_smp = true;
        settings.rate = 100_000;
        settings.dns_timeout = Duration::from_millis(600);
        settings.smp_timeout = Duration::from_secs(5);
        Self { sandbox, clock, settings }
    }

    fn network(&self) -> Network {
        Network::new(&self.settings, self.clock.clone()).unwrap()
    }

    async fn ask_with(&self, script: Script) -> Answer {
        self.sandbox.script(ID, script).unwrap();
        self.network().ask(World::Test, &id(ID)).await
    }

    async fn ask_under(&self, effect: Effect) -> Answer {
        self.sandbox.set_faults(vec![Fault::world(effect)]).unwrap();
        let answer = self.network().ask(World::Test, &id(ID)).await;
        self.sandbox.clear_faults();
        answer
    }
}

fn id(text: &str) -> ParticipantId {
    ParticipantId::parse_form(text).unwrap()
}

/// `registered`, or `cannot_receive: no_document_type`.
fn said(answer: &Answer) -> String {
    let registration = &answer.registration;
    match registration.cause() {
        Some(cause) => format!("{}: {cause}", registration.state()),
        None => registration.state().to_string(),
    }
}

fn at_smp(url: &str) -> Script {
    Script { smp_url: Some(url.to_owned()), ..Script::default() }
}

#[tokio::test]
async fn rows_1_to_3_what_dns_says_about_the_name() {
    let field = Field::new().await;
    assert_eq!(said(&field.ask_with(Script::not_registered()).await), "not_registered");
    let nodata = Script { registration: Standing::Nodata, ..Script::default() };
    assert_eq!(said(&field.ask_with(nodata).await), "not_registered");
    field.sandbox.script(ID, Script::default()).unwrap();
    for (effect, expected) in [
        (DnsEffect::Nxdomain, "not_registered"),
        (DnsEffect::Nodata, "not_registered"),
        (DnsEffect::Servfail, "unknown: dns"),
        (DnsEffect::Refused, "unknown: dns"),
        (DnsEffect::Timeout, "unknown: dns"),
    ] {
        let answer = field.ask_under(Effect::Dns(effect)).await;
        assert_eq!(said(&answer), expected, "{effect:?}");
        assert_eq!(answer.fault.is_some(), expected.starts_with("unknown"), "{effect:?}");
        assert_eq!(answer.smp_host, None);
    }
}

#[tokio::test]
async fn rows_4_and_5_every_form_of_naptr_record() {
    let mut field = Field::new().await;
    for (naptr, expected) in [
        (NaptrForm::WithoutMetaSmp, "unknown: malformed"),
        (NaptrForm::WithoutTarget, "unknown: malformed"),
        (NaptrForm::Usual, "registered"),
        (NaptrForm::Anchored, "registered"),
        (NaptrForm::OtherDelimiter, "registered"),
        (NaptrForm::LowerCaseFlag, "registered"),
        (NaptrForm::UrlWithPath, "registered"),
        (NaptrForm::Several, "registered"),
        (NaptrForm::Cname, "registered"),
    ] {
        let answer = field.ask_with(Script { naptr, ..Script::default() }).await;
        assert_eq!(said(&answer), expected, "{naptr:?}");
    }
    // A DNAME on the zone, as the live zone had one while it moved.
    field.settings.test_zone = field.sandbox.alias_zone();
    assert_eq!(said(&field.ask_with(Script::default()).await), "registered");
    assert_eq!(said(&field.ask_with(Script::not_registered()).await), "not_registered");
}

#[tokio::test]
async fn a_registered_participant_with_all_there_is_to_know() {
    let field = Field::new().await;
    let answer = field.ask_with(Script::registered_at("POP900003")).await;
    let expected = field.sandbox.access_point_of(ID).unwrap();
    let found = answer.registration.access_point().unwrap();
    assert_eq!((found.seat_id.as_str(), found.name.as_deref()), ("POP900003", Some(expected.name)));
    assert_eq!(answer.smp_host.as_deref(), Some("127.0.0.1"));
    assert_eq!(answer.asked_at, Instant::parse(NOW).unwrap());
    assert_eq!((answer.fault, answer.retry_after), (None, None));
    let raw = answer.raw.unwrap();
    assert!(String::from_utf8(raw.bytes.unwrap()).unwrap().contains("SignedServiceMetadata"));
    let requests = field.sandbox.requests_of(ID);
    assert_eq!((requests.dns, requests.groups, requests.metadata), (1, 1, 1));
}

#[tokio::test]
async fn row_6_404_while_dns_resolves() {
    let field = Field::new().await;
    let answer = field.ask_with(Script { group: DocumentForm::NotFound, ..Script::default() }).await;
    assert_eq!(said(&answer), "unknown: smp");
    let answer = field.ask_with(Script { metadata: DocumentForm::NotFound, ..Script::default() }).await;
    assert_eq!(said(&answer), "unknown: smp");
    field.sandbox.script(ID, Script::default()).unwrap();
    assert_eq!(said(&field.ask_under(Effect::Smp(SmpEffect::not_found())).await), "unknown: smp");
}

#[tokio::test]
async fn rows_7_to_14_document_types_that_are_no_bis_billing_invoice() {
    let field = Field::new().await;
    for documents in [
        vec![],
        vec![DocumentType::Order, DocumentType::InvoiceResponse],
        vec![DocumentType::BillingCreditNote],
        vec![DocumentType::UblBeInvoice],
        vec![DocumentType::NlciusInvoice],
        vec![DocumentType::CiiInvoice],
        vec![DocumentType::PintInvoice],
        vec![DocumentType::SelfBillingInvoice, DocumentType::SelfBillingCreditNote],
    ] {
        let count = documents.len();
        let answer = field.ask_with(Script::with_documents(documents.clone())).await;
        assert_eq!(said(&answer), "cannot_receive: no_document_type", "{documents:?}");
        assert_eq!(answer.registration.document_types().len(), count, "{documents:?}");
    }
    let answer = field.ask_with(Script::with_documents(vec![DocumentType::BillingInvoice])).await;
    let Registration::Registered(receiver) = answer.registration else { panic!("{:?}", answer.registration) };
    assert!(receiver.capability.invoice && !receiver.capability.credit_note);
    assert_eq!(receiver.document_types.len(), 1);
}

#[tokio::test]
async fn rows_15_and_16_endpoints() {
    let field = Field::new().await;
    let expired = || Endpoint::expired("2026-01-01T00:00:00Z");
    let other = Endpoint { process: Some("urn:fdc:peppol.eu:2017:poacc:other:01:1.0".into()), ..expired() };
    let answer = field.ask_with(Script::with_endpoints([other, Endpoint::default()])).await;
    assert_eq!(said(&answer), "registered");
    let inactive = async |endpoints: Vec<Endpoint>| {
        let answer = field.ask_with(Script::with_endpoints(endpoints)).await;
        assert_eq!(said(&answer), "cannot_receive: inactive");
        let Registration::CannotReceive { inactive, .. } = answer.registration else { unreachable!() };
        inactive.unwrap()
    };
    let at = |text| Instant::parse(text).unwrap().0;
    let over = inactive(vec![expired()]).await;
    assert_eq!(over, InactiveDate::ExpiredAt(at("2026-01-01T00:00:00Z")));
    let upcoming = inactive(vec![expired(), Endpoint::active_from("2027-01-01T00:00:00Z")]).await;
    assert_eq!(upcoming, InactiveDate::ActiveFrom(at("2027-01-01T00:00:00Z")));
    assert_eq!(said(&field.ask_with(Script::with_endpoints([Endpoint::as2()])).await), "cannot_receive: transport");
}

#[tokio::test]
async fn row_17_one_redirect_is_followed_and_no_more() {
    let field = Field::new().await;
    let redirect = |hops, href: Option<&str>| Script {
        redirect: Some(Redirect { hops, href: href.map(str::to_owned), ..Redirect::default() }),
        ..Script::default()
    };
    assert_eq!(said(&field.ask_with(redirect(1, None)).await), "registered");
    field.sandbox.reset_counters();
    assert_eq!(said(&field.ask_with(redirect(2, None)).await), "unknown: malformed");
    assert_eq!(field.sandbox.requests_of(ID).metadata, 2);
    for nowhere in ["http://127.0.0.1:1/x", "ftp://smp.example/x", "", "https://user:secret@smp.example/x"] {
        assert_eq!(said(&field.ask_with(redirect(1, Some(nowhere))).await), "unknown: smp", "{nowhere}");
    }
}

#[tokio::test]
async fn rows_19_and_20_odd_references_and_certificates() {
    let field = Field::new().await;
    for hrefs in
        [HrefForm::Http, HrefForm::DoubleEncoded, HrefForm::OtherHost, HrefForm::Unencoded, HrefForm::CapitalServices]
    {
        assert_eq!(said(&field.ask_with(Script { hrefs, ..Script::default() }).await), "registered", "{hrefs:?}");
    }
    for (certificate, expected) in [
        (CertificateForm::PemArmour, "registered"),
        (CertificateForm::LineBreaks, "registered"),
        (CertificateForm::Garbage, "unknown: malformed"),
    ] {
        let endpoint = Endpoint { certificate, ..Endpoint::default() };
        assert_eq!(said(&field.ask_with(Script::with_endpoints([endpoint])).await), expected, "{certificate:?}");
    }
}

#[tokio::test]
async fn row_21_two_identifiers_at_different_access_points() {
    let field = Field::new().await;
    let (number, vat) = ("0208:0677424046", "9925:be0677424046");
    field.sandbox.script(number, Script::registered_at("POP900001")).unwrap();
    field.sandbox.script(vat, Script::registered_at("POP900002")).unwrap();
    let network = field.network();
    let answers = [network.ask(World::Test, &id(number)).await, network.ask(World::Test, &id(vat)).await];
    assert!(answers.iter().all(|answer| said(answer) == "registered"));
    let found = distinct_access_points(answers.iter().map(|answer| &answer.registration));
    assert_eq!(found.len(), 2);
}

#[tokio::test]
async fn rows_22_and_23_answers_that_are_none() {
    let field = Field::new().await;
    for form in [
        DocumentForm::OtherParticipant,
        DocumentForm::Broken,
        DocumentForm::Dtd,
        DocumentForm::EntityExpansion,
        DocumentForm::Huge,
        DocumentForm::Empty,
        DocumentForm::Html,
    ] {
        let group = field.ask_with(Script { group: form, ..Script::default() }).await;
        assert_eq!(said(&group), "unknown: malformed", "group {form:?}");
        let metadata = field.ask_with(Script { metadata: form, ..Script::default() }).await;
        assert_eq!(said(&metadata), "unknown: malformed", "metadata {form:?}");
    }
    let other_type = Script { metadata: DocumentForm::OtherDocumentType, ..Script::default() };
    assert_eq!(said(&field.ask_with(other_type).await), "unknown: malformed");
}

#[tokio::test]
async fn rows_24_and_25_an_smp_in_trouble() {
    let mut field = Field::new().await;
    field.settings.smp_timeout = Duration::from_millis(400);
    field.sandbox.script(ID, Script::default()).unwrap();
    for effect in [
        SmpEffect::RedirectLoop,
        SmpEffect::RedirectTo("http://10.0.0.1/".into()),
        SmpEffect::SlowDrip { pause_ms: 20 },
        SmpEffect::Hang,
        SmpEffect::Reset,
        SmpEffect::too_many_requests(1),
        SmpEffect::server_error(),
        SmpEffect::unavailable(),
    ] {
        for layer in [Effect::SmpGroup(effect.clone()), Effect::SmpMetadata(effect.clone())] {
            let begun = std::time::Instant::now();
            assert_eq!(said(&field.ask_under(layer.clone()).await), "unknown: smp", "{layer:?}");
            assert!(begun.elapsed() < Duration::from_secs(2), "{layer:?}");
        }
    }
    let smp = field.sandbox.smp_addr();
    for url in ["http://127.0.0.1:1".to_owned(), format!("https://{smp}"), "http://no-such-host.invalid".to_owned()] {
        assert_eq!(said(&field.ask_with(at_smp(&url)).await), "unknown: smp", "{url}");
    }
}

#[tokio::test]
async fn row_26_one_number_has_one_access_point() {
    let field = Field::new().await;
    let at = |seat: &str| Endpoint { access_point: Some(seat.to_owned()), ..Endpoint::default() };
    for _ in 0..2 {
        let answer = field.ask_with(Script::with_endpoints([at("POP900002"), at("POP900003")])).await;
        assert_eq!(said(&answer), "registered");
        assert_eq!(answer.registration.access_point().unwrap().seat_id, "POP900002");
    }
}

#[tokio::test]
async fn row_27_a_leftover_is_no_registration() {
    let mut field = Field::new().await;
    let url = format!("http://smp.hermes-belgium.be:{}", field.sandbox.smp_addr().port());
    assert_eq!(said(&field.ask_with(at_smp(&url)).await), "not_registered");
    field.settings.leftover_hosts.clear();
    assert_eq!(said(&field.ask_with(at_smp(&url)).await), "registered");
}
