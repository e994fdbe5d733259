//! Lists: random filters and orders against a plain evaluation of the same, on both databases, while clients change.

mod plain;

use std::collections::HashMap;
use std::sync::Arc;

use klaar_domain::clients::ClientId;
use klaar_domain::identity::{Practice, Role};
use serde_json::{Value, json};

use self::plain::{Known, Rank, Sort};
use crate::client::Client;
use crate::custom_fields_managed::{category, change, text};
use crate::house::House;

/// Clients of the practice.
const CLIENTS: usize = 40;
/// Random filters that are tried.
pub const TREES: usize = 10_000;

/// A source of random numbers that is the same in every run (Steele, Lea and Flood's SplitMix64).
pub struct Chance(pub u64);

impl Chance {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    pub fn one_in(&mut self, of: usize) -> bool {
        self.below(of) == 0
    }

    pub fn pick<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }
}

const WORDS: &[&str] = &["Bakkerij", "Été", "straße", "ZOË", "Łódź", "a", "peeters", "100%", "o'neil", "x y", "\"q\""];
const LABELS: &[&str] = &["Odoo", "Billit", "Zéro", "exact online", "Adfinity (Easi)", "Ångström", "~"];

struct Asked {
    name: &'static str,
    sort: Option<Sort>,
    is_text: bool,
}

const fn asked(name: &'static str, sort: Option<Sort>, is_text: bool) -> Asked {
    Asked { name, sort, is_text }
}

const FIELDS: &[Asked] = &[
    asked("name", Some(Sort::Text), true),
    asked("reference", Some(Sort::Text), true),
    asked("country", Some(Sort::Text), true),
    asked("language", Some(Sort::Text), true),
    asked("portfolio", Some(Sort::Text), true),
    asked("town", Some(Sort::Text), true),
    asked("responsible", Some(Sort::Text), true),
    asked("contacts.email", None, true),
    asked("contacts.name", None, true),
    asked("identifiers", None, true),
    asked("vat_liable", Some(Sort::Flag), false),
    asked("archived", Some(Sort::Flag), false),
    asked("mandate_start", Some(Sort::Number), false),
    asked("fields.note", Some(Sort::Text), true),
    asked("fields.count", Some(Sort::Number), false),
    asked("fields.fee", Some(Sort::Number), false),
    asked("fields.due", Some(Sort::Number), false),
    asked("fields.paid", Some(Sort::Flag), false),
    asked("fields.tool", Some(Sort::Option), false),
    asked("fields.tools", None, false),
    asked("fields.checker", Some(Sort::Reference), false),
];

/// A practice with clients that are known twice: as the product has them, and as plain documents.
pub struct Field {
    pub house: Arc<House>,
    pub practice: Practice,
    callers: Vec<(Client, String)>,
    members: Vec<(String, String)>,
    known: Vec<Known>,
    pub chance: Chance,
}

impl Field {
    pub async fn open(seed: u64) -> Self {
        let house = House::open().await;
        let practice = house.practice("Maes & Partners");
        let api = house.may_everything(&practice);
        let group = category(&api, "Random").await;
        for (slug, kind) in [
            ("note", "text"),
            ("count", "number"),
            ("fee", "amount"),
            ("due", "date"),
            ("paid", "yes_no"),
            ("tool", "choice"),
            ("tools", "multi_choice"),
            ("checker", "member"),
        ] {
            let options = if kind.contains("choice") { LABELS } else { &[] };
            let body = json!({ "category_id": group, "name": slug, "slug": slug, "kind": kind, "options": options });
            api.post("/v1/fields", &body).await.expect(201);
        }
        let mut members = Vec::new();
        for name in ["Zoe", "An", "Emile"] {
            house.person(&practice, name, Role::Staff);
        }
        for member in api.get("/v1/members").await.expect(200)["items"].as_array().unwrap() {
            members.push((text(&member["id"]), text(&member["name"])));
        }
        let keys = api.get("/v1/api-keys").await.expect(200);
        let first = text(&keys["items"][0]["id"]);
        let second = house.may_everything(&practice);
        let keys = api.get("/v1/api-keys").await.expect(200);
        let other = keys["items"].as_array().unwrap().iter().map(|key| text(&key["id"])).find(|id| *id != first);
        let callers = vec![(api, first), (second, other.unwrap())];
        let mut field =
            Self { house: Arc::new(house), practice, callers, members, known: Vec::new(), chance: Chance(seed) };
        for _ in 0..CLIENTS {
            field.create().await;
        }
        field
    }

    /// A value for a field, or none.
    fn value(&mut self, field: &str) -> Value {
        let chance = &mut self.chance;
        if chance.one_in(5) {
            return Value::Null;
        }
        match field {
            "fields.count" => json!([-1.5, 0.0, 0.1, 2.0, 3.0, 1e9][chance.below(6)]),
            "fields.fee" => json!(["-12.50", "0.00", "0.10", "99.99", "1250.00"][chance.below(5)]),
            "fields.due" | "mandate_start" => {
                json!(format!("20{:02}-0{}-1{}", 20 + chance.below(3), 1 + chance.below(3), chance.below(3)))
            }
            "fields.paid" | "vat_liable" => json!(chance.one_in(2)),
            "fields.tool" => json!(chance.pick(LABELS)),
            "fields.tools" => {
                let some: Vec<&str> = LABELS.iter().copied().filter(|_| chance.one_in(3)).collect();
                if some.is_empty() { Value::Null } else { json!(some) }
            }
            "fields.checker" => {
                let members = self.members.clone();
                json!(self.chance.pick(&members).0)
            }
            "country" => json!(chance.pick(&["BE", "NL", "LU"])),
            "language" => json!(chance.pick(&["nl", "fr", "de"])),
            "responsible" => json!(chance.pick(&["Zoe", "an", "Somebody", "zoe else"])),
            "identifiers" => json!([format!("0088:541234500001{}", chance.below(3))]),
            _ => json!(format!("{} {}", chance.pick(WORDS), chance.pick(WORDS))),
        }
    }

    fn card(&mut self, most: usize) -> Value {
        let mut card = json!({ "fields": {} });
        for asked in FIELDS.iter().filter(|asked| !asked.name.starts_with("contacts") && asked.name != "archived") {
            if self.chance.below(FIELDS.len()) >= most || asked.name == "reference" {
                continue;
            }
            let value = self.value(asked.name);
            match asked.name.strip_prefix("fields.") {
                Some(slug) => card["fields"][slug] = value,
                None if value.is_null() && matches!(asked.name, "name" | "country" | "language") => {}
                None => card[asked.name] = value,
            }
        }
        card
    }

    async fn create(&mut self) {
        let place = self.known.len();
        let mut card = self.card(FIELDS.len());
        if card.get("name").is_none() {
            card["name"] = json!("nameless");
        }
        card["reference"] = if self.chance.one_in(3) { Value::Null } else { json!(format!("R{}", place % 1000)) };
        let caller = self.chance.below(2);
        let (api, key) = self.callers[caller].clone();
        let document = api.post("/v1/clients", &card).await.expect(201);
        let path = format!("/v1/clients/{}/contacts", text(&document["id"]));
        let mut contacts = Vec::new();
        for at in 0..self.chance.below(3) {
            let body =
                json!({ "name": self.chance.pick(WORDS), "email": format!("c{at}@x{}.example", self.chance.below(3)) });
            contacts.push(api.post(&path, &body).await.expect(201));
        }
        let setters = FIELDS.iter().map(|asked| (asked.name.to_owned(), key.clone())).collect();
        self.known.push(Known { document, contacts, setters, place });
    }

    /// Gives the category of the custom fields criteria, by which it concerns some of the clients only.
    async fn concern_some(&mut self) {
        let api = self.callers[0].0.clone();
        let categories = api.get("/v1/field-categories").await.expect(200);
        let random = categories["items"].as_array().unwrap().iter().find(|category| category["name"] == "Random");
        let criteria = json!({ "or": [{ "field": "vat_liable", "op": "eq", "value": true }, { "field": "country", "op": "eq", "value": "NL" }] });
        let path = format!("/v1/field-categories/{}", text(&random.unwrap()["id"]));
        change(&api, &path, json!({ "criteria": criteria })).await.expect(200);
        for known in &mut self.known {
            known.document = api.get(&format!("/v1/clients/{}", text(&known.document["id"]))).await.expect(200);
        }
    }

    /// Changes some client in some way.
    pub async fn disturb(&mut self) {
        if self.chance.one_in(10) {
            return self.create().await;
        }
        let (at, caller) = (self.chance.below(self.known.len()), self.chance.below(2));
        let (api, key) = self.callers[caller].clone();
        let path = format!("/v1/clients/{}", text(&self.known[at].document["id"]));
        let is_archived = !self.known[at].document["archived_at"].is_null();
        if is_archived || self.chance.one_in(4) {
            let verb = if is_archived { "restore" } else { "archive" };
            self.known[at].document = api.post(&format!("{path}/{verb}"), &json!({})).await.expect(200);
            self.known[at].setters.insert("archived".to_owned(), key);
            return;
        }
        let change = self.card(4);
        let tag = format!("\"{}\"", self.known[at].document["revision"]);
        let before = self.known[at].document.clone();
        let after = api.with("if-match", &tag).patch(&path, &change).await.expect(200);
        for asked in FIELDS {
            let of = |document: &Value| asked.name.split('.').fold(document.clone(), |value, part| value[part].clone());
            if of(&before) != of(&after) {
                self.known[at].setters.insert(asked.name.to_owned(), key.clone());
            }
        }
        self.known[at].document = after;
    }

    pub fn tree(&mut self, depth: usize) -> Value {
        match self.chance.below(if depth >= 3 { 1 } else { 6 }) {
            3 => json!({ "not": self.tree(depth + 1) }),
            at @ (4 | 5) => {
                let parts: Vec<Value> = (0..self.chance.below(4)).map(|_| self.tree(depth + 1)).collect();
                json!({ (if at == 4 { "and" } else { "or" }): parts })
            }
            _ => self.condition(),
        }
    }

    fn condition(&mut self) -> Value {
        let asked = &FIELDS[self.chance.below(FIELDS.len())];
        let is_number = asked.sort == Some(Sort::Number);
        let mut ops = vec!["filled", "empty", "eq", "ne"];
        if asked.is_text {
            ops.extend(["one_of", "none_of", "contains", "starts_with"]);
        }
        if is_number {
            ops.extend(["lt", "lte", "gt", "gte", "between"]);
        }
        if asked.name == "fields.tools" {
            ops.push("has_all");
        }
        if asked.sort == Some(Sort::Option) || asked.name == "fields.tools" {
            ops.extend(["one_of", "none_of"]);
        }
        if !asked.name.starts_with("contacts") {
            ops.push("set_by");
        }
        let op = self.chance.pick(&ops);
        let value = match op {
            "filled" | "empty" => return json!({ "field": asked.name, "op": op }),
            "set_by" => json!(self.callers[self.chance.below(2)].1),
            "one_of" | "none_of" | "has_all" => {
                let values: Vec<Value> = (0..1 + self.chance.below(3)).map(|_| self.operand(asked.name)).collect();
                json!(values)
            }
            "between" => json!([self.operand(asked.name), self.operand(asked.name)]),
            "contains" | "starts_with" => {
                let word = self.chance.pick(WORDS);
                json!(word.chars().take(1 + self.chance.below(4)).collect::<String>())
            }
            "eq" | "ne" if asked.name == "fields.tools" => {
                let value = self.value(asked.name);
                if value.is_null() { json!(["Odoo"]) } else { value }
            }
            _ => self.operand(asked.name),
        };
        json!({ "field": asked.name, "op": if op == "ne" && asked.name == "fields.tools" { "eq" } else { op }, "value": value })
    }

    /// A value to compare with: one that some client may have.
    fn operand(&mut self, field: &str) -> Value {
        loop {
            let value = match field {
                "archived" => json!(self.chance.one_in(2)),
                "fields.tools" => json!(self.chance.pick(LABELS)),
                "identifiers" => json!(format!("0088:541234500001{}", self.chance.below(4))),
                "contacts.email" => json!(format!("c{}@x{}.example", self.chance.below(3), self.chance.below(4))),
                "contacts.name" => json!(self.chance.pick(WORDS)),
                _ => self.value(field),
            };
            if !value.is_null() {
                return value;
            }
        }
    }

    fn sort(&mut self) -> Vec<(String, bool)> {
        let sortable: Vec<&Asked> = FIELDS.iter().filter(|asked| asked.sort.is_some()).collect();
        let pick = |chance: &mut Chance| (sortable[chance.below(sortable.len())].name.to_owned(), chance.one_in(2));
        (0..1 + self.chance.below(3)).map(|_| pick(&mut self.chance)).collect()
    }

    /// The identifiers of the clients that match, in order, by plain evaluation.
    pub fn expected(&self, filter: &Value, sort: &[(String, bool)]) -> Vec<String> {
        let asks_archived = filter.to_string().contains("\"archived\"");
        let is_shown = |known: &&Known| asks_archived || known.document["archived_at"].is_null();
        let mut found: Vec<&Known> =
            self.known.iter().filter(is_shown).filter(|known| plain::passes(known, filter)).collect();
        let members: HashMap<String, String> = self.members.iter().cloned().collect();
        let options: Vec<String> = LABELS.iter().map(|label| (*label).to_owned()).collect();
        let rank = |field: &str, value: &Value| -> Option<Rank> {
            let sort = FIELDS.iter().find(|asked| asked.name == field)?.sort?;
            Some(plain::rank_of(sort, value, &options, &members))
        };
        found.sort_by(|a, b| plain::order(a, b, sort, &rank));
        found.iter().map(|known| text(&known.document["id"])).collect()
    }

    /// All clients.
    pub fn ids(&self) -> Vec<ClientId> {
        self.known.iter().map(|known| text(&known.document["id"]).parse().unwrap()).collect()
    }

    /// Notes who has set a field of clients last.
    pub fn set_by(&mut self, ids: &[&String], field: &str, actor: &str) {
        for known in self.known.iter_mut().filter(|known| ids.iter().any(|id| **id == text(&known.document["id"]))) {
            known.setters.insert(field.to_owned(), actor.to_owned());
        }
    }

    /// The same as the API has it, page by page.
    async fn listed(&mut self, filter: &Value, sort: &[(String, bool)]) -> (i64, Vec<String>) {
        let sort: Vec<String> =
            sort.iter().map(|(name, down)| format!("{}{name}", if *down { "-" } else { "" })).collect();
        let limit = if self.chance.one_in(20) { "7" } else { "200" };
        let (mut ids, mut cursor, mut total) = (Vec::new(), None::<String>, 0);
        loop {
            let mut asked = vec![("filter", filter.to_string()), ("sort", sort.join(",")), ("limit", limit.to_owned())];
            asked.extend(cursor.take().map(|cursor| ("cursor", cursor)));
            let url = reqwest::Url::parse_with_params("http://x/", asked).unwrap();
            let answer = self.callers[0].0.get(&format!("/v1/clients?{}", url.query().unwrap())).await.expect(200);
            total = answer["total"].as_i64().unwrap().max(total);
            ids.extend(answer["items"].as_array().unwrap().iter().map(|client| text(&client["id"])));
            match answer["next_cursor"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => return (total, ids),
            }
        }
    }
}

/// A quarter of ten thousand filters and orders, so that the quarters can run beside each other; and some more when the
/// custom fields do not concern everybody.
async fn a_quarter(seed: u64) {
    let mut field = Field::open(seed).await;
    let mut found = 0;
    for at in 0..TREES / 4 + TREES / 40 {
        if at == TREES / 4 {
            field.concern_some().await;
        } else if at < TREES / 4 && at % 25 == 0 {
            field.disturb().await;
        }
        let (filter, sort) = (field.tree(0), field.sort());
        let expected = field.expected(&filter, &sort);
        let (total, listed) = field.listed(&filter, &sort).await;
        assert_eq!(listed, expected, "filter {filter}, sort {sort:?}, the {at}th");
        assert_eq!(total, expected.len() as i64, "filter {filter}");
        found += expected.len();
    }
    assert!(found > TREES * 2, "the filters find too little to prove anything: {found}");
}

macro_rules! quarters {
    ($($name:ident = $seed:literal),+) => { $(
        #[tokio::test]
        async fn $name() {
            a_quarter($seed).await;
        }
    )+ };
}

quarters! {
    ten_thousand_random_filters_mean_what_they_say_one = 1,
    ten_thousand_random_filters_mean_what_they_say_two = 2,
    ten_thousand_random_filters_mean_what_they_say_three = 3,
    ten_thousand_random_filters_mean_what_they_say_four = 4
}
