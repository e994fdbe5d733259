//! What keeps a look-up from asking the wrong machine, asking too much, or reading without end.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::{StreamExt, stream};
use klaar_domain::identity::World;
use klaar_sandbox::{Effect, Fault, Script, SmpEffect};

use super::{Field, ID, at_smp, id, said};

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
