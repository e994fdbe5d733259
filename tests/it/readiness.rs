//! How far a practice is, through the front door: counts, trend, forecast, what keeps the others, the drawing and the
//! weekly mail.

use klaar_domain::clients::door;
use klaar_domain::identity::{Practice, Role};
use klaar_domain::kernel::actor::Actor;
use klaar_domain::kernel::audit::Event;
use mail_parser::MessageParser;
use serde_json::{Value, json};

use crate::client::{Client, clients_where};
use crate::custom_fields_managed::change;
use crate::house::House;
use crate::lookups::Field;

const A_DAY: i64 = 24 * 3_600;

/// A practice whose days are watched.
struct Watch {
    house: House,
    practice: Practice,
    api: Client,
}

impl Watch {
    async fn open() -> Self {
        let house = House::open().await;
        let practice = house.practice("Maes");
        let api = house.may_everything(&practice);
        Self { house, practice, api }
    }

    /// Creates a client and returns its path.
    async fn client(&self, card: Value) -> String {
        format!("/v1/clients/{}", self.api.post("/v1/clients", &card).await.expect(201)["id"].as_str().unwrap())
    }

    async fn mark(&self, path: &str, fields: Value) {
        change(&self.api, path, json!({ "fields": fields })).await.expect(200);
    }

    /// Has the client's card say that it got a mail about Peppol.
    async fn inform(&self, path: &str) {
        let page = self.api.get("/v1/clients?limit=200&sort=created_at").await.expect(200);
        let id = path.rsplit('/').next().unwrap();
        let ids = [id.parse().unwrap()];
        assert!(page["items"].as_array().unwrap().iter().any(|client| client["id"] == id));
        let written = self.house.db.write(|tx| {
            let keys: Vec<i64> = klaar_domain::clients::keys_of(tx, &self.practice, &ids)?.into_values().collect();
            let set = door::open(tx, &self.practice, &Actor::operator(), Event::new("clients.informed", "test"))?;
            set.write_informed(tx, &keys)
        });
        written.unwrap();
    }

    async fn tick(&self) {
        tick(&self.house).await;
    }

    async fn read(&self, query: &str) -> Value {
        self.api.get(&format!("/v1/readiness{query}")).await.expect(200)
    }

    async fn total_of(&self, filter: &Value) -> Value {
        self.api.get(&clients_where(filter)).await.expect(200)["total"].clone()
    }
}

/// Has the schedule's hour come, and runs what is due.
async fn tick(house: &House) {
    let schedules = klaar_worker::schedules();
    let schedule = schedules.iter().find(|schedule| schedule.name() == "watch_readiness").unwrap();
    schedule.tick(&house.db, house.clock.now()).unwrap();
    house.run_jobs().await;
}

/// The counts that are not zero.
fn counted(counts: &Value) -> Value {
    let counts = counts.as_object().unwrap().iter().filter(|(_, count)| **count != json!(0));
    counts.map(|(name, count)| (name.clone(), count.clone())).collect::<serde_json::Map<_, _>>().into()
}

#[tokio::test]
async fn clients_are_counted_by_portfolio_and_by_whoever_looks_after_them() {
    let watch = Watch::open().await;
    watch.house.person(&watch.practice, "An", Role::Staff);
    let none = watch.read("").await;
    assert_eq!((counted(&none["counts"]), &none["groups"]), (json!({}), &Value::Null));
    assert_eq!(none["forecast"], json!({ "date": null, "reason": "done" }));
    let ready = watch.client(json!({ "name": "A", "portfolio": "Gent", "responsible": "an@maes.example" })).await;
    watch.mark(&ready, json!({ "ready": true })).await;
    watch.inform(&ready).await;
    let no = watch.client(json!({ "name": "B", "portfolio": "GENT", "responsible": "Jan Klaassen" })).await;
    watch.mark(&no, json!({ "ready": false })).await;
    watch.client(json!({ "name": "C", "portfolio": "Gent", "responsible": "jan klaassen" })).await;
    let until = json!({ "reason": "article_44", "until": "2026-11-22" });
    let exempt = watch.client(json!({ "name": "D", "portfolio": "Luik", "exemption": until })).await;
    watch.mark(&exempt, json!({ "ready": true })).await;
    watch.client(json!({ "name": "E" })).await;
    let archived = watch.client(json!({ "name": "F", "portfolio": "Gent" })).await;
    watch.api.post(&format!("{archived}/archive"), &json!({})).await;
    let stranger = watch.house.may_everything(&watch.house.practice("Claes"));
    assert_eq!(counted(&stranger.get("/v1/readiness").await.expect(200)["counts"]), json!({}));

    let all = json!({ "total": 5, "exempt": 1, "ready": 1, "to_do": 3, "informed": 1, "unknown": 4 });
    let by_portfolio = watch.read("?by=portfolio").await;
    assert_eq!((&by_portfolio["day"], counted(&by_portfolio["counts"])), (&json!("2026-11-22"), all.clone()));
    assert_eq!(by_portfolio["forecast"], json!({ "date": null, "reason": "too_little_data" }));
    let groups = |answer: &Value| -> Vec<(Value, Value)> {
        let groups = answer["groups"].as_array().unwrap().iter();
        groups.map(|group| (group["group"]["label"].clone(), counted(&group["counts"]))).collect()
    };
    let gent = json!({ "total": 3, "ready": 1, "to_do": 2, "informed": 1, "unknown": 3 });
    let wanted = [
        (json!("Gent"), gent),
        (json!("Luik"), json!({ "total": 1, "exempt": 1 })),
        (Value::Null, json!({ "total": 1, "to_do": 1, "unknown": 1 })),
    ];
    assert_eq!(groups(&by_portfolio), wanted);
    let found = json!({ "field": "portfolio", "op": "eq", "value": by_portfolio["groups"][0]["group"]["value"] });
    assert_eq!(watch.total_of(&found).await, 3);

    let by_responsible = watch.read("?by=responsible").await;
    assert_eq!(counted(&by_responsible["counts"]), all);
    let wanted = [
        (json!("Jan Klaassen"), json!({ "total": 2, "to_do": 2, "unknown": 2 })),
        (json!("An"), json!({ "total": 1, "ready": 1, "informed": 1, "unknown": 1 })),
        (Value::Null, json!({ "total": 2, "exempt": 1, "to_do": 1, "unknown": 1 })),
    ];
    assert_eq!(groups(&by_responsible), wanted);
    for (group, total) in [(0, 2), (1, 1)] {
        let value = &by_responsible["groups"][group]["group"]["value"];
        assert_eq!(watch.total_of(&json!({ "field": "responsible", "op": "eq", "value": value })).await, total);
    }
    watch.house.wait_seconds(A_DAY);
    let later = json!({ "total": 5, "ready": 2, "to_do": 3, "informed": 1, "unknown": 5 });
    assert_eq!(counted(&watch.read("").await["counts"]), later, "the last day of the exemption has passed");
    assert_eq!(watch.api.get("/v1/readiness?by=town").await.status, 400);
}

#[tokio::test]
async fn each_day_is_kept_once_and_says_when_all_would_be_ready() {
    let watch = Watch::open().await;
    let mut clients = Vec::new();
    for number in 0..20 {
        clients.push(watch.client(json!({ "name": format!("Client {number:02}") })).await);
    }
    // Half past two in the night, in Brussels.
    watch.house.wait_seconds(A_DAY - 7 * 3_600 - 1_800);
    watch.tick().await;
    assert_eq!(watch.read("/trend").await["items"], json!([]), "the day begins when the night is over");
    watch.house.wait_seconds(3 * 3_600);
    for day in 0..8 {
        watch.mark(&clients[day], json!({ "ready": true })).await;
        watch.tick().await;
        watch.house.wait_seconds(3_600);
        watch.mark(&clients[19], json!({ "comments": format!("{day}") })).await;
        watch.tick().await;
        watch.house.wait_seconds(A_DAY - 3_600);
        let reason = if day < 6 { json!("too_little_data") } else { Value::Null };
        assert_eq!(watch.read("").await["forecast"]["reason"], reason, "day {day}");
    }
    let trend = watch.read("/trend").await;
    let days: Vec<(&str, i64)> = trend["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|day| (day["day"].as_str().unwrap(), day["counts"]["ready"].as_i64().unwrap()))
        .collect();
    assert_eq!((days.len(), days[0], days[7]), (8, ("2026-11-23", 1), ("2026-11-30", 8)));
    assert_eq!(trend["items"][7]["counts"]["to_do"], 12);
    let now = watch.read("").await;
    assert_eq!(
        (&now["day"], &now["forecast"]),
        (&json!("2026-12-01"), &json!({ "date": "2026-12-13", "reason": null }))
    );
    assert_eq!(watch.read("/trend?days=3").await["items"].as_array().unwrap().len(), 2, "today is not kept yet");
    assert_eq!(watch.api.get("/v1/readiness/trend?days=0").await.status, 422);
    assert_eq!(watch.api.get("/v1/readiness/trend?days=731").await.status, 422);
    let stranger = watch.house.may_everything(&watch.house.practice("Claes"));
    assert_eq!(stranger.get("/v1/readiness/trend").await.expect(200)["items"], json!([]));
    watch.house.wait_seconds(40 * A_DAY);
    assert_eq!(watch.read("").await["forecast"]["reason"], "too_little_data", "nobody knows of these days");
    watch.house.wait_seconds(3 * 365 * A_DAY);
    watch.tick().await;
    let kept = watch
        .house
        .db
        .read(|conn| klaar_domain::readiness::trend(conn, &watch.practice, watch.house.clock.now(), 5 * 365));
    assert_eq!(kept.unwrap().len(), 1, "what is older than three years is gone");
}

#[tokio::test]
async fn who_blocks_it_is_named_and_adds_up() {
    let watch = Watch::open().await;
    for (name, card) in [("No address", json!({})), ("Not informed", json!({ "email": "x@clients.example" }))] {
        let mut card = card;
        card["name"] = json!(name);
        watch.client(card).await;
    }
    let by_contact = watch.client(json!({ "name": "By a contact" })).await;
    let contact = json!({ "name": "X", "email": "x@clients.example" });
    watch.api.post(&format!("{by_contact}/contacts"), &contact).await.expect(201);
    for name in ["No software", "Unknown"] {
        let path = watch.client(json!({ "name": name, "email": "y@clients.example" })).await;
        watch.inform(&path).await;
        if name == "Unknown" {
            watch.mark(&path, json!({ "receive_software": "Odoo" })).await;
        }
    }
    let ready = watch.client(json!({ "name": "Ready" })).await;
    watch.mark(&ready, json!({ "ready": true })).await;
    watch.client(json!({ "name": "Exempt", "exemption": { "reason": "bankrupt" } })).await;
    for number in 0..30 {
        watch.client(json!({ "name": format!("Many {number:02}") })).await;
    }
    let found = watch.read("/blockers").await;
    let items = found["items"].as_array().unwrap();
    let counts: Vec<(&str, i64)> =
        items.iter().map(|one| (one["reason"].as_str().unwrap(), one["count"].as_i64().unwrap())).collect();
    let wanted = [
        ("registered_not_marked", 0),
        ("no_address", 31),
        ("not_informed", 2),
        ("no_software", 1),
        ("registration_unknown", 1),
        ("not_registered", 0),
    ];
    assert_eq!(counts, wanted);
    assert_eq!((&found["to_do"], watch.read("").await["counts"]["to_do"].clone()), (&json!(35), json!(35)));
    for one in items {
        assert_eq!(watch.total_of(&one["filter"]).await, one["count"], "{one}");
    }
    let names = |place: usize| -> Vec<&str> {
        items[place]["clients"].as_array().unwrap().iter().map(|client| client["name"].as_str().unwrap()).collect()
    };
    assert_eq!((names(1).len(), names(1)[0], names(1)[19]), (20, "Many 00", "Many 19"));
    assert_eq!(
        (names(2), names(3), names(4)),
        (vec!["By a contact", "Not informed"], vec!["No software"], vec!["Unknown"])
    );
}

#[tokio::test]
async fn the_trend_is_drawn_for_a_page() {
    let watch = Watch::open().await;
    let empty = watch.api.get("/v1/readiness/chart.svg").await;
    assert_eq!((empty.status, empty.header("content-type")), (200, "image/svg+xml; charset=utf-8"));
    assert!(drawn(&empty.body).contains("There are no numbers yet."));
    let clients = [watch.client(json!({ "name": "A" })).await, watch.client(json!({ "name": "B" })).await];
    for path in &clients {
        watch.mark(path, json!({ "ready": true })).await;
        watch.tick().await;
        watch.house.wait_seconds(A_DAY);
    }
    let dutch = watch.api.with("accept-language", "nl");
    let svg = dutch.get("/v1/readiness/chart.svg?days=30&width=640&height=300").await;
    assert_eq!((svg.status, svg.header("content-language")), (200, "nl"));
    let told = drawn(&svg.body);
    let wanted = "Van 22 november 2026 tot 23 november 2026: het aantal klanten dat klaar is, ging van 1 naar 2.";
    assert!(told.contains("Klaar voor Peppol") && told.contains(wanted) && told.contains("Klanten"), "{told}");
    let text = String::from_utf8(svg.body).unwrap();
    assert!(text.contains("viewBox=\"0 0 640 300\"") && text.contains("stroke=\"currentColor\""), "{text}");
    let wrong = watch.api.get("/v1/readiness/chart.svg?width=1&height=9999").await;
    let wanted = ["/width", "/height"].map(|place| (place.to_owned(), "out_of_range".to_owned()));
    assert_eq!((wrong.status, wrong.wrong_fields()), (422, wanted.to_vec()));
    assert_eq!(watch.api.get("/v1/readiness/chart.svg?days=0").await.status, 422);
}

/// What a well-formed SVG document says.
fn drawn(svg: &[u8]) -> String {
    use quick_xml::events::Event as Xml;
    let mut reader = quick_xml::Reader::from_reader(svg);
    let (mut said, mut depth, mut buffer) = (String::new(), 0, Vec::new());
    loop {
        match reader.read_event_into(&mut buffer).unwrap() {
            Xml::Start(_) => depth += 1,
            Xml::End(_) => depth -= 1,
            Xml::Text(text) => said.push_str(&text.xml10_content()),
            Xml::Eof => break,
            _ => {}
        }
        buffer.clear();
    }
    assert_eq!(depth, 0, "every element ends");
    said
}

#[tokio::test]
async fn each_monday_whoever_wants_it_is_mailed_how_far_the_practice_is() {
    let field = Field::open().await;
    for (name, role) in [("An", Role::Manager), ("Bert", Role::Staff), ("Eva", Role::Owner)] {
        field.house.person(&field.practice, name, role);
    }
    let others = field.house.practice("Claes");
    field.house.person(&others, "Zita", Role::Owner);
    let mut ids = Vec::new();
    for name in ["A", "B", "C"] {
        let made = field.client.post("/v1/clients", &json!({ "name": name })).await.expect(201);
        ids.push(format!("/v1/clients/{}", made["id"].as_str().unwrap()));
    }
    let mailed = || field.sandbox.mails().len();
    tick(&field.house).await;
    field.house.wait_seconds(20 * 3_600 + 1_800);
    tick(&field.house).await;
    assert_eq!(mailed(), 0, "on a Sunday, and at half past six on Monday");
    for _ in 0..3 {
        field.house.wait_seconds(3_600);
        tick(&field.house).await;
        assert_eq!(mailed(), 2, "once, and nothing for a practice without clients");
    }
    change(&field.client, &ids[0], json!({ "fields": { "ready": true } })).await.expect(200);
    field.house.wait_seconds(7 * A_DAY);
    tick(&field.house).await;
    let mails = field.sandbox.mails();
    let mut readers: Vec<&str> = mails.iter().map(|mail| &mail.recipients[0][..]).collect();
    readers.sort_unstable();
    assert_eq!(readers, ["an@maes.example", "an@maes.example", "eva@maes.example", "eva@maes.example"]);
    let said = |place: usize| {
        let message = MessageParser::default().parse(&mails[place].content[..]).unwrap();
        (message.subject().unwrap().to_owned(), message.body_text(0).unwrap().into_owned())
    };
    let (subject, text) = said(0);
    assert_eq!(subject, "Klaar voor Peppol op 23 november 2026: 0 van 3");
    assert!(!text.contains("Tegenover") && text.contains("Nog te doen: 3."), "{text}");
    assert!(text.contains("- geen e-mailadres bekend: 3"), "{text}");
    let (subject, text) = said(3);
    assert_eq!(subject, "Klaar voor Peppol op 30 november 2026: 1 van 3");
    assert!(text.contains("Tegenover een week geleden: +1."), "{text}");
    let dead = field.client.get("/v1/dead-jobs").await.expect(200);
    assert_eq!(dead["items"], json!([]));
}

#[tokio::test]
async fn what_the_network_says_is_counted() {
    let field = Field::open().await;
    field.clients(5, 2).await;
    field.night().await;
    let found = field.client.get("/v1/readiness").await.expect(200);
    let wanted = json!({ "total": 5, "to_do": 5, "registered": 2, "not_registered": 3 });
    assert_eq!(counted(&found["counts"]), wanted);
    let blockers = field.client.get("/v1/readiness/blockers").await.expect(200);
    let first = &blockers["items"][0];
    assert_eq!((&first["reason"], &first["count"]), (&json!("registered_not_marked"), &json!(2)));
    assert_eq!(first["clients"][1]["name"], "Client 001");
    for one in blockers["items"].as_array().unwrap() {
        let listed = field.client.get(&clients_where(&one["filter"])).await.expect(200);
        assert_eq!(listed["total"], one["count"], "{one}");
    }
}
