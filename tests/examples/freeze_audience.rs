//! How long the audience of a campaign takes to be frozen: `freeze_audience KEY ROUNDS` begins campaigns for all clients of the
//! practice that KEY belongs to, in the database that the settings name, and beside each it writes the same clients' keys
//! with a bare `INSERT … SELECT` into a table that has two integers as its key. Prints the seconds of both as a JSON line;
//! each is a whole transaction with its commit, and what a campaign's beginning writes besides its audience is in its own.

use std::io::Write as _;
use std::time::Instant;

use diesel::connection::SimpleConnection as _;
use klaar_domain::campaigns::{self, Around, NewCampaign};
use klaar_domain::identity;
use klaar_domain::kernel::clock::Clock;
use klaar_domain::kernel::config::Settings;
use klaar_domain::kernel::db::{Address, Db};
use klaar_domain::mail::Letters;
use klaar_domain::templates::{self, Given};
use klaar_domain::views::{Chosen, Listing, Lists, Selection};
use serde_json::json;

type Fallible<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Fallible<()> {
    let mut arguments = std::env::args().skip(1);
    let key = arguments.next().ok_or("a key is missing")?;
    let rounds: u32 = arguments.next().ok_or("the number of rounds is missing")?.parse()?;
    let settings = Settings::load()?;
    let keyring = settings.keyring.clone().ok_or("KLAAR_SECRET_KEY is missing")?;
    let db = Db::open(&settings.database, 4, Clock::system())?;
    let (caller, _) = db.read(|conn| identity::authenticate(conn, &key, db.clock().now()))?;
    let (letters, lists) = (Letters::new(None), Lists::new(settings.list_memory));
    let mail = &settings.mail;
    let around = Around { caller: &caller, db: &db, lists: &lists, letters: &letters, mail, keyring: &keyring };
    let given = Given { practice: &caller.practice, letters: &letters };
    let template = db.read(|conn| templates::templates(conn, given))?.into_iter().next().ok_or("no template")?;

    let rowid = if matches!(settings.database, Address::Sqlite(_)) { " WITHOUT ROWID" } else { "" };
    let table = format!("CREATE TABLE frozen (a BIGINT NOT NULL, b BIGINT NOT NULL, PRIMARY KEY (a, b)){rowid}");
    db.write(|tx| Ok(tx.batch_execute(&table)?))?;
    let (mut ours, mut bare, mut audience) = (Vec::new(), Vec::new(), None);
    for round in 0..rounds {
        let insert = format!("INSERT INTO frozen SELECT {round}, key FROM clients WHERE archived_at IS NULL");
        let began = Instant::now();
        db.write(|tx| Ok(tx.batch_execute(&insert)?))?;
        bare.push(began.elapsed().as_secs_f64());

        let new = NewCampaign {
            name: None,
            template: template.id.to_string(),
            sender: None,
            chosen: Chosen { selection: Selection::Matching(Listing::default()), except: Vec::new() },
            purpose: None,
            mode: None,
            in_doubt: None,
            pause_share: None,
            per_minute: None,
        };
        let id = db.write(|tx| campaigns::create(tx, &caller, &letters, new))?;
        let launch = db.read(|conn| campaigns::prepare_dispatch(conn, around, (id, 1)))?;
        let began = Instant::now();
        let (_, operation) = db.write(|tx| campaigns::launch(tx, &caller, &launch))?;
        audience = operation.total;
        ours.push(began.elapsed().as_secs_f64());
    }
    std::io::stdout()
        .write_all(format!("{}\n", json!({ "ours": ours, "bare": bare, "audience": audience })).as_bytes())?;
    Ok(())
}
