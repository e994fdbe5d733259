//! Asking the network, against the sandbox: the answer that each case of the field must get, and the guards.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::{StreamExt, stream};
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

/// A server that answers each connection with what `answer` writes; gives its address.
fn server(answer: impl Fn(&mut TcpStream) -> std::io::Result<()> + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, answer) = (stream.unwrap(), Arc::clone(&answer));
            std::thread::spawn(move || {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request);
                let _ = answer(&mut stream);
            });
        }
    });
    address
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
async fn row_27_a_leftover_is_no_registration() {
    let mut field = Field::new().await;
    let url = format!("http://smp.hermes-belgium.be:{}", field.sandbox.smp_addr().port());
    assert_eq!(said(&field.ask_with(at_smp(&url)).await), "not_registered");
    field.settings.leftover_hosts.clear();
    assert_eq!(said(&field.ask_with(at_smp(&url)).await), "registered");
}

#[tokio::test]
async fn nothing_but_https_to_the_public_internet_in_the_live_world() {
    let mut field = Field::new().await;
    for world in [World::Live, World::Test] {
        for (url, fault) in [
            (None, "not at an https address"),
            (Some("http://smp.example"), "not at an https address"),
            (Some("https://smp.example:8443"), "not on port 443"),
            (Some("https://127.0.0.1"), "not at an address of the public internet"),
            (Some("https://[::ffff:10.0.0.1]"), "not at an address of the public internet"),
            (Some("https://0x7f.1/smp"), "not at an address of the public internet"),
            // The sandbox's DNS and the resolver give both hosts a loopback address.
            (Some("https://smp.example"), "no address of the public internet"),
            (Some("https://localhost"), "no address of the public internet"),
        ] {
            field.sandbox.script(ID, Script { smp_url: url.map(str::to_owned), ..Script::default() }).unwrap();
            let answer = field.network().ask(world, &id(ID)).await;
            assert_eq!(said(&answer), "unknown: smp", "{world:?} {url:?}");
            assert!(answer.fault.as_ref().unwrap().contains(fault), "{world:?} {url:?}: {:?}", answer.fault);
        }
        // The live world first, with leave that it must not use; then the test world without leave.
        field.settings.allow_insecure_smp = false;
    }
    assert_eq!(field.sandbox.totals().groups, 0);
}

#[tokio::test]
async fn a_host_that_is_asked_too_much_is_left_alone_and_others_are_not() {
    let field = Field::new().await;
    let (other, elsewhere) = ("0208:0403170701", "0208:0202239951");
    let port = field.sandbox.smp_addr().port();
    field.sandbox.script(ID, Script::default()).unwrap();
    field.sandbox.script(other, Script::default()).unwrap();
    field.sandbox.script(elsewhere, at_smp(&format!("http://localhost:{port}"))).unwrap();
    let network = field.network();
    let ask = async |text| network.ask(World::Test, &id(text)).await;

    field.sandbox.set_faults(vec![Fault::of(ID, Effect::Smp(SmpEffect::too_many_requests(7)))]).unwrap();
    let first = ask(ID).await;
    assert_eq!((said(&first).as_str(), first.retry_after), ("unknown: smp", Some(Duration::from_secs(7))));
    let second = ask(other).await;
    assert_eq!((said(&second).as_str(), second.retry_after), ("unknown: smp", Some(Duration::from_secs(7))));
    assert_eq!(field.sandbox.requests_of(other).groups, 0);
    assert_eq!(said(&ask(elsewhere).await), "registered");

    field.clock.set(field.clock.now().plus_seconds(8));
    assert_eq!(said(&ask(other).await), "registered");
}

#[tokio::test]
async fn a_host_that_fails_again_and_again_is_left_alone_too() {
    let field = Field::new().await;
    field.sandbox.set_faults(vec![Fault::world(Effect::Smp(SmpEffect::server_error()))]).unwrap();
    let network = field.network();
    for n in 0..30 {
        let asked = format!("0208:{n:010}");
        field.sandbox.script(&asked, Script::default()).unwrap();
        assert_eq!(said(&network.ask(World::Test, &id(&asked)).await), "unknown: smp");
    }
    assert_eq!(field.sandbox.totals().groups, 8);
    field.sandbox.clear_faults();
    field.clock.set(field.clock.now().plus_seconds(3));
    assert_eq!(said(&network.ask(World::Test, &id("0208:0000000001")).await), "registered");
}

#[tokio::test]
async fn no_more_requests_at_once_to_one_host_than_set() {
    let mut field = Field::new().await;
    field.settings.host_concurrency = 3;
    field.settings.concurrency = 16;
    let (open, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (counted, highest) = (Arc::clone(&open), Arc::clone(&most));
    let address = server(move |stream| {
        highest.fetch_max(counted.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(20));
        // Before the answer, for the next request may come at once.
        counted.fetch_sub(1, Ordering::SeqCst);
        stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    });
    let ids: Vec<_> = (0..24).map(|n| format!("0208:{n:010}")).collect();
    for one in &ids {
        field.sandbox.script(one, at_smp(&format!("http://{address}"))).unwrap();
    }
    let asked = stream::iter(ids.iter().map(|one| id(one)));
    let answers: Vec<_> = field.network().ask_all(World::Test, asked).collect().await;
    assert_eq!(answers.len(), 24);
    assert_eq!(most.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let mut field = Field::new().await;
    field.settings.smp_timeout = Duration::from_secs(20);
    let sent = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&sent);
    let address = server(move |stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n")?;
        loop {
            stream.write_all(&[b' '; 65_536])?;
            counted.fetch_add(65_536, Ordering::SeqCst);
        }
    });
    let answer = field.ask_with(at_smp(&format!("http://{address}"))).await;
    assert_eq!(said(&answer), "unknown: malformed");
    // 1 MiB is read; what else was sent lies in the buffers of the two sockets.
    assert!(sent.load(Ordering::SeqCst) < 16 * 1024 * 1024, "{sent:?}");
}

#[tokio::test]
async fn many_are_asked_once_each_and_none_before_its_place_is_free() {
    let mut field = Field::new().await;
    field.settings.concurrency = 8;
    let taken = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&taken);
    let ids = stream::iter((0..400).map(|n| id(&format!("0208:{n:010}"))));
    let ids = ids.inspect(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
    });
    let network = field.network();
    let mut answers = std::pin::pin!(network.ask_all(World::Test, ids));
    let (mut seen, mut registered) = (BTreeSet::new(), 0);
    while let Some((asked, answer)) = answers.next().await {
        assert!(taken.load(Ordering::SeqCst) <= seen.len() + 8);
        registered += usize::from(said(&answer) == "registered");
        assert!(!said(&answer).starts_with("unknown"), "{asked}: {answer:?}");
        assert!(seen.insert(asked));
    }
    assert_eq!(seen.len(), 400);
    assert!((200..280).contains(&registered), "{registered}");
    let totals = field.sandbox.totals();
    assert_eq!((totals.dns, totals.most_dns_for_one, totals.most_groups_for_one), (400, 1, 1));
}

#[tokio::test]
async fn no_answer_is_remembered() {
    let field = Field::new().await;
    let network = field.network();
    for (script, expected) in [
        (Script::default(), "registered"),
        (Script::not_registered(), "not_registered"),
        (Script::default(), "registered"),
    ] {
        field.sandbox.script(ID, script).unwrap();
        assert_eq!(said(&network.ask(World::Test, &id(ID)).await), expected);
    }
    assert_eq!(field.sandbox.requests_of(ID).dns, 3);
}
