//! The mail of a night in which clients moved from one access point to another, against the offline network.

use klaar_domain::identity::{MemberId, Role};
use klaar_domain::kernel::jobs::{EnqueueOptions, enqueue};
use klaar_domain::lookups::jobs::SendAccessPointMoves;
use klaar_domain::lookups::{NightId, night};
use klaar_sandbox::{Registration, Script};
use mail_parser::MessageParser;
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::Client;
use crate::house::House;
use crate::lookups::{Field, id0208, id9925};

/// Of the practice's own solution, in these tests.
const OWN: [&str; 2] = ["POP900001", "POP900002"];

impl Field {
    fn register(&self, identifier: &str, seat: &str) {
        self.sandbox.script(identifier, Script::registered_at(seat)).unwrap();
    }

    async fn choose_own_solution(&self) {
        let own = json!({ "software": null, "seat_ids": OWN });
        self.client.with("if-match", "\"1\"").send(Method::PUT, "/v1/own-solution", Some(&own)).await.expect(200);
    }

    /// The mails about moves so far, in the order of their readers: who got each, its subject, what it says.
    fn moves_mailed(&self) -> Vec<(String, String, String)> {
        let mut told = Vec::new();
        for mail in self.sandbox.mails() {
            let message = MessageParser::default().parse(&mail.content[..]).unwrap();
            let (subject, text) = (message.subject().unwrap().to_owned(), message.body_text(0).unwrap().into_owned());
            if subject.contains("access point") {
                told.push((mail.recipients[0].clone(), subject, text));
            }
        }
        told.sort();
        told
    }
}

async fn wish(person: &Client, mails: &Value) {
    let chosen = person.send(Method::PUT, "/v1/me/mails", Some(&json!({ "mails": mails }))).await.expect(200);
    assert_eq!(&chosen["mails"], mails);
}

/// The lines of a mail that name a client.
fn named(text: &str) -> Vec<&str> {
    text.lines().filter(|line| line.contains(" → ")).collect()
}

#[tokio::test]
async fn a_night_in_which_clients_moved_is_mailed_to_whoever_wants_it() {
    let field = Field::open().await;
    let mut people = Vec::new();
    for (name, role) in [("An", Role::Manager), ("Bert", Role::Staff), ("Eva", Role::Owner)] {
        people.push(field.house.signed_in(&field.house.person(&field.practice, name, role)).await);
    }
    let others = field.house.practice("Claes");
    field.house.person(&others, "Zita", Role::Owner);
    let all = json!({ "mails": ["night_report", "access_point_moves", "weekly_readiness"] });
    assert_eq!(people[0].get("/v1/me/mails").await.expect(200), all, "as a manager");
    wish(&people[2], &json!(["night_report"])).await;
    field.choose_own_solution().await;
    field.clients(30, 29).await;
    (0..28).for_each(|n| field.register(&id0208(n), "POP900003"));
    [26, 27, 28].iter().for_each(|n| field.register(&id0208(*n), OWN[0]));
    field.register(&id9925(25), "POP900003");
    field.night().await;
    assert_eq!(field.moves_mailed(), [], "nobody has moved who was seen for the first time");

    (1..25).for_each(|n| field.register(&id0208(n), "POP900004"));
    [id0208(25), id9925(25)].iter().for_each(|id| field.register(id, "POP900005"));
    field.register(&id0208(26), OWN[1]);
    field.register(&id0208(28), "POP900006");
    field.script(&id0208(0), Registration::Nxdomain);
    field.register(&id0208(29), OWN[0]);
    field.night().await;
    let told = field.moves_mailed();
    let (reader, subject, text) = &told[0];
    assert_eq!((told.len(), &reader[..]), (1, "an@maes.example"), "{told:?}");
    assert_eq!(subject, "De nacht van 24 november 2026: 27 naar een ander access point");
    assert!(text.contains("dan voordien (27). Wie uw eigen oplossing verliet (1), staat bovenaan."), "{text}");
    let lines = named(text);
    let (own, away) = ("Voorbeeld Postkantoor NV", "Esempio Recapito SRL");
    assert_eq!(lines[0], format!("- Client 028: {own} → {away} (verliet uw eigen oplossing)"));
    assert_eq!(lines[1], "- Client 001: Verzonnen Verbinding BV → Muster Zustellung GmbH");
    assert_eq!((lines.len(), lines[19].starts_with("- Client 019:")), (20, true), "{text}");
    assert!(text.contains("En nog 7 andere."), "{text}");

    field.run_jobs().await;
    field.night().await;
    assert_eq!(field.moves_mailed().len(), 1, "nobody has moved since");
    wish(&people[1], &json!(["access_point_moves"])).await;
    [id0208(25), id9925(25)].iter().for_each(|id| field.register(id, "POP900004"));
    field.night().await;
    let told = field.moves_mailed();
    let readers: Vec<&str> = told.iter().map(|(reader, ..)| &reader[..]).collect();
    assert_eq!(readers, ["an@maes.example", "an@maes.example", "bert@maes.example"]);
    let line = "- Client 025: Example Exchange Ltd → Muster Zustellung GmbH";
    assert_eq!(named(&told[2].2), [line], "once, although both of its identifiers moved");
    assert!(!told[2].2.contains("eigen oplossing") && !told[2].2.contains("En nog"), "{}", told[2].2);
}

#[tokio::test]
async fn a_move_that_a_night_by_hand_finds_is_mailed_once() {
    let field = Field::open().await;
    field.house.person(&field.practice, "An", Role::Owner);
    field.clients(3, 3).await;
    field.night().await;
    field.register(&id0208(1), "POP900002");
    field.house.wait_seconds(3600);
    night::begin(&field.house.db, &field.practice).unwrap();
    // Whoever began it has gone; the worker goes on.
    field.house.wait_seconds(1200);
    field.tick().await;
    let report = field.newest().await;
    assert_eq!((report["phase"].as_str(), report["changed"].as_i64()), (Some("finished"), Some(1)));
    assert_eq!(field.moves_mailed().len(), 1);
    assert_eq!(field.sandbox.mails().len(), 2, "of the report, only that of the night itself is mailed");
    field.night().await;
    assert_eq!(field.moves_mailed().len(), 1);
}

#[tokio::test]
async fn without_a_mail_server_nothing_is_left_to_retry() {
    let house = House::open().await;
    let practice = house.practice("Maes");
    let job = SendAccessPointMoves { night: NightId::new(), member: MemberId::new() };
    house.db.write(|tx| enqueue(tx, &job, &EnqueueOptions::of(practice.uid()))).unwrap();
    assert_eq!(house.run_jobs().await, 1);
    let dead = house.may_everything(&practice).get("/v1/dead-jobs").await.expect(200);
    assert_eq!(dead["items"], json!([]));
}
