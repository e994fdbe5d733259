//! Fills practices for benches and faults: `fill_fields DATABASE_URL FILE [NAME…]` makes a practice of each name ("Maes"
//! without one) with a category of custom fields and the clients of FILE, one JSON object a line whose `cf_…` members are
//! custom values, and prints a JSON line for each, with a key that may do everything there.

use std::io::{BufRead as _, Write as _};

use klaar_domain::clients::door::{self, NewClient};
use klaar_domain::clients::{self, CardDraft, Surroundings, ValueKey, Values};
use klaar_domain::custom_fields::{self, Catalogue, Field, NewCategory, NewField, SaidNames};
use klaar_domain::identity::{self, NewKey, NewPractice, Practice, Right, World};
use klaar_domain::kernel::actor::Actor;
use klaar_domain::kernel::audit::Event;
use klaar_domain::kernel::clock::Clock;
use klaar_domain::kernel::db::{Address, Db};
use serde_json::{Value, json};

type Fallible<T> = Result<T, Box<dyn std::error::Error>>;

/// Clients of one transaction.
const CHUNK: usize = 5_000;

fn fields() -> [(&'static str, &'static str, Vec<String>); 8] {
    let numbered = |name: &str, count: usize| (0..count).map(|n| format!("{name}{n:02}")).collect();
    let languages = ["nl", "fr", "de", "en"].map(str::to_owned).to_vec();
    let mut managers: Vec<String> = numbered("manager", 25);
    managers.extend((0..20).map(|round| format!("bulk{round}")));
    [
        ("cf_segment", "choice", numbered("seg", 20)),
        ("cf_manager", "choice", managers),
        ("cf_fee", "number", Vec::new()),
        ("cf_employees", "number", Vec::new()),
        ("cf_next_review", "date", Vec::new()),
        ("cf_newsletter", "yes_no", Vec::new()),
        ("cf_language", "choice", languages),
        ("cf_notes", "text", Vec::new()),
    ]
}

/// The practice with its fields.
fn establish(db: &Db, actor: &Actor, name: &str) -> Fallible<(Practice, Catalogue)> {
    let new = NewPractice {
        name: name.to_owned(),
        world: World::Test,
        time_zone: "Europe/Brussels".to_owned(),
        language: "nl".to_owned(),
        enterprise_number: None,
    };
    let practice = db.write_relaxed(|tx| custom_fields::establish_practice(tx, actor, &new))?;
    let names = |name: &str| SaidNames { name: Some(name.to_owned()), names: None };
    let category = NewCategory { names: names("Bench"), slug: None, criteria: None };
    let category = db.write_relaxed(|tx| custom_fields::create_category(tx, &practice, actor, category))?;
    for (slug, kind, options) in fields() {
        let new = NewField {
            category: category.to_string(),
            names: names(slug),
            kind: kind.to_owned(),
            slug: Some(slug.to_owned()),
            options,
        };
        db.write_relaxed(|tx| custom_fields::create_field(tx, &practice, actor, new))?;
    }
    let catalogue = db.read(|conn| custom_fields::catalogue(conn, &practice))?;
    Ok((practice, catalogue))
}

fn cards(rows: &[Value], around: &Surroundings) -> Fallible<Vec<NewClient>> {
    let text = |row: &Value, name: &str| row[name].as_str().map(str::to_owned);
    let card = |row: &Value| {
        let draft = CardDraft {
            name: text(row, "name"),
            reference: text(row, "vat_number"),
            email: text(row, "email"),
            town: text(row, "city"),
            phone: text(row, "phone"),
            ..CardDraft::default()
        };
        clients::check(draft, around).map(NewClient::of).map_err(|wrong| format!("{wrong:?}").into())
    };
    rows.iter().map(card).collect()
}

/// The custom values of a client as they are stored: options by their keys.
fn values(row: &Value, catalogue: &Catalogue) -> Values {
    let of_field = |field: &Field| {
        let given = row.get(&field.slug)?;
        let option = given.as_str().and_then(|label| field.option_meant(label)).map(|option| json!(option.key));
        Some((ValueKey(field.key), option.unwrap_or_else(|| given.clone())))
    };
    catalogue.fields.iter().filter(|field| field.slug.starts_with("cf_")).filter_map(of_field).collect()
}

fn main() -> Fallible<()> {
    let mut arguments = std::env::args().skip(1);
    let address = Address::parse(&arguments.next().ok_or("the address of a database is missing")?)?;
    let file = arguments.next().ok_or("a file is missing")?;
    let mut names: Vec<String> = arguments.collect();
    if names.is_empty() {
        names.push("Maes".to_owned());
    }
    let db = Db::open(&address, 4, Clock::system())?;
    db.migrate()?;
    for name in names {
        let said = fill(&db, &name, std::fs::File::open(&file)?)?;
        std::io::stdout().write_all(format!("{said}\n").as_bytes())?;
    }
    Ok(())
}

fn fill(db: &Db, name: &str, file: std::fs::File) -> Fallible<Value> {
    let actor = Actor::operator();
    let (practice, catalogue) = establish(db, &actor, name)?;
    let around = db.read(|conn| clients::surroundings(conn, &practice))?;
    let read = |line: std::io::Result<String>| -> Fallible<Value> { Ok(serde_json::from_str(&line?)?) };
    let mut lines = std::io::BufReader::new(file).lines().map(read);
    loop {
        let rows: Vec<Value> = lines.by_ref().take(CHUNK).collect::<Fallible<_>>()?;
        if rows.is_empty() {
            break;
        }
        let new = cards(&rows, &around)?;
        let values: Vec<Values> = rows.iter().map(|row| values(row, &catalogue)).collect();
        db.write_relaxed(|tx| {
            let set = door::open(tx, &practice, &actor, Event::new("clients.imported", "import"))?;
            set.insert_with(tx, &new.iter().zip(&values).collect::<Vec<_>>())
        })?;
    }
    let key = NewKey { name: "bench".to_owned(), scopes: Right::ALL.iter().copied().collect(), expires_at: None };
    let (_, secret) = db.write_relaxed(|tx| identity::create_key(tx, &practice, &actor, &key))?;
    Ok(json!({ "practice": practice.id.to_string(), "key": secret }))
}
